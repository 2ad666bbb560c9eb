// Convolution and pooling. Window geometry (input, kernel, stride, dilation, padding) comes from
// geometry.h.
#include <algorithm>
#include <cmath>

#include "fuzzers/generate/geometry.h"
#include "fuzzers/generate/op_context.h"
#include "fuzzers/generate/ops/families.h"

namespace moire {
namespace {

// [N, C, spatial...] with one to three spatial dims, none of them empty.
bool Spatial(const Value& v) {
  return v.rank() >= 3 && v.rank() <= 5 && v.count > 0 && v.shape[1] <= 64;
}

void SetWindow(OpContext& c, const WindowChoice& window, bool write_kernel) {
  if (write_kernel) c.Set("kernel_shape", window.kernel);
  const auto all = [](const Ints& values, int64_t v) {
    return std::ranges::all_of(values, [=](int64_t x) { return x == v; });
  };
  if (!all(window.strides, 1) || c.random().Chance(1, 3)) c.Set("strides", window.strides);
  if (!all(window.dilations, 1) || c.random().Chance(1, 4)) c.Set("dilations", window.dilations);
  if (!window.auto_pad.empty()) {
    c.Set("auto_pad", window.auto_pad);
  } else if (!all(window.pads, 0) || c.random().Chance(1, 4)) {
    c.Set("pads", window.pads);
  }
}

double WindowSize(const InferContext& c) {
  const Shape& w = c.shape(c.node.op == "QLinearConv" ? 3 : 1);
  return static_cast<double>(std::max<int64_t>(1, Count(w) / std::max<int64_t>(1, w[0])));
}

bool ChooseConv(OpContext& c) {
  if (!c.Take(0, Spatial)) return false;
  const Shape x = c.In(0).shape;
  const int64_t channels = x[1];
  WindowChoice window = DrawWindow(Dims(x).subspan(2), WindowKind::kConv, c.random());
  int64_t group = 1;
  if (c.random().Chance(1, 4)) {
    group = c.random().Chance(1, 2) ? channels : c.random().Between(1, channels);
    while (channels % group != 0) --group;
  }
  int64_t filters = group * c.random().Between(1, group > 2 ? 2 : 4);
  // An existing tensor of the right rank and channels serves as weights.
  const auto fits = [&](const Value& v) {
    if (v.rank() != c.In(0).rank() || v.shape[1] * group != channels || v.shape[0] % group != 0 ||
        v.shape[0] == 0) {
      return false;
    }
    for (size_t i = 2; i < x.size(); ++i) {
      if (v.shape[i] != window.kernel[i - 2]) return false;
    }
    return true;
  };
  const bool integer = c.entry().op == "ConvInteger";
  if (!c.Take(1, fits)) {
    Shape weights = {filters, channels / group};
    weights.insert(weights.end(), window.kernel.begin(), window.kernel.end());
    if (integer ? !c.Make(1, weights) : !c.TakeShape(1, weights)) return false;
  }
  filters = c.In(1).shape[0];
  if (group != 1 || c.random().Chance(1, 6)) c.Set("group", group);
  SetWindow(c, window, c.random().Chance(1, 2));
  if (integer) {
    if (c.random().Chance(1, 2) && !c.Make(2, {})) return false;
    return c.Done();
  }
  if (c.random().Chance(1, 2) && !c.TakeShape(2, {filters})) return false;
  return c.Done();
}

bool InferConv(InferContext& c) {
  const size_t weights = c.node.op == "QLinearConv" ? 3 : 1;
  if (!c.Given(0) || !c.Given(weights)) return false;
  const Shape& x = c.shape(0);
  const Shape& w = c.shape(weights);
  const int64_t group = c.node.Int("group", 1);
  if (x.size() < 3 || w.size() != x.size() || group < 1 || x[1] != w[1] * group ||
      w[0] % group != 0 || w[0] == 0) {
    return false;
  }
  if (c.node.op == "ConvInteger" && c.Given(2) && c.rank(2) != 0) return false;
  if (c.node.op == "Conv" && c.Given(2) && (c.rank(2) != 1 || c.shape(2)[0] != w[0])) return false;
  const Ints kernel(w.begin() + 2, w.end());
  if (c.node.Find("kernel_shape") != nullptr && c.node.IntList("kernel_shape") != kernel)
    return false;
  const auto spatial = WindowOutput(c.node, Dims(x).subspan(2), kernel);
  if (!spatial) return false;
  c.out[0].shape = {x[0], w[0]};
  c.out[0].shape.insert(c.out[0].shape.end(), spatial->begin(), spatial->end());
  return true;
}

// Data, weights and result each with a scale and a zero point; the weights' scale may be one a
// filter.
bool ChooseQLinearConv(OpContext& c) {
  if (!c.Take(0, [](const Value& v) { return Spatial(v) && v.rank() <= 4; })) return false;
  const Shape x = c.In(0).shape;
  const int64_t channels = x[1];
  const WindowChoice window = DrawWindow(Dims(x).subspan(2), WindowKind::kConv, c.random());
  const int64_t group = c.random().Chance(1, 5) ? channels : 1;
  const int64_t filters = group * c.random().Between(1, group > 2 ? 2 : 4);
  Shape weights = {filters, channels / group};
  weights.insert(weights.end(), window.kernel.begin(), window.kernel.end());
  const auto zeros = [](DataType type) { return IsSigned(type) ? Range{-4, 4} : Range{100, 140}; };
  const DataType type = c.type();
  // Signed data go with signed weights only.
  c.Restrict(3,
             IsSigned(type) ? Bit(DataType::kInt8) : Bit(DataType::kInt8) | Bit(DataType::kUint8));
  if (!c.Make(1, {}, {0.02, 0.2}) || !c.MakeTyped(2, type, {}, zeros(type)) ||
      !c.Make(3, weights)) {
    return false;
  }
  const DataType weight_type = c.In(3).type;
  const bool each = c.random().Chance(1, 3);
  const Shape scales = each ? Shape{filters} : Shape{};
  const Range weight_zeros = each ? Range{-0.25, 0.25} : zeros(weight_type);
  if (!c.Make(4, scales, {0.02, 0.2}) || !c.MakeTyped(5, weight_type, scales, weight_zeros) ||
      !c.Make(6, {}, {0.05, 0.5}) || !c.MakeTyped(7, type, {}, zeros(type))) {
    return false;
  }
  if (c.random().Chance(1, 2) && !c.TakeShape(8, {filters})) return false;
  if (group != 1) c.Set("group", group);
  SetWindow(c, window, c.random().Chance(1, 2));
  return c.Done();
}

bool InferQLinearConv(InferContext& c) {
  if (c.in.size() < 8 || !c.Given(3)) return false;
  const Shape each = {c.shape(3).empty() ? 0 : c.shape(3)[0]};
  for (const size_t i : {1, 2, 4, 5, 6, 7}) {
    const bool of_weights = i == 4 || i == 5;
    if (!c.Given(i) || (c.rank(i) != 0 && !(of_weights && c.shape(i) == each))) return false;
  }
  if (c.shape(4) != c.shape(5) || (c.Given(8) && c.shape(8) != each)) return false;
  return InferConv(c);
}

void ByteRange(InferContext& c) {
  const DataType type = c.out[0].type;
  c.out[0].range = {static_cast<double>(IntegerMin(type)), static_cast<double>(IntegerMax(type))};
}

void ConvRange(InferContext& c) {
  const double n = WindowSize(c);
  const bool is_float = IsFloat(c.in[0]->type);
  const double m =
      Product(c.in[0]->range, c.in[1]->range).Magnitude() * (is_float ? 2 * std::sqrt(n) : 4 * n);
  const double bias = is_float && c.Given(2) ? c.in[2]->range.Magnitude() : 0;
  c.out[0].range = {-m - bias, m + bias};
}

bool ChooseConvTranspose(OpContext& c) {
  if (!c.Take(0, Spatial)) return false;
  const Shape x = c.In(0).shape;
  const int64_t channels = x[1];
  WindowChoice window = DrawWindow(Dims(x).subspan(2), WindowKind::kConvTranspose, c.random());
  int64_t group = 1;
  if (c.random().Chance(1, 5)) {
    group = c.random().Between(1, channels);
    while (channels % group != 0) --group;
  }
  const int64_t per_group = c.random().Between(1, 3);
  Shape weights = {channels, per_group};
  weights.insert(weights.end(), window.kernel.begin(), window.kernel.end());
  if (!c.TakeShape(1, weights)) return false;
  if (group != 1) c.Set("group", group);
  SetWindow(c, window, c.random().Chance(1, 2));
  if (window.auto_pad.empty() && c.random().Chance(1, 4)) {
    // Smaller than the stride or the dilation.
    Ints padding;
    for (size_t i = 0; i < window.kernel.size(); ++i) {
      padding.push_back(c.random().Between(0, window.strides[i] - 1));
    }
    c.Set("output_padding", padding);
  }
  if (c.random().Chance(1, 2) && !c.TakeShape(2, {per_group * group})) return false;
  return c.Done();
}

bool InferConvTranspose(InferContext& c) {
  if (!c.Given(0) || !c.Given(1)) return false;
  const Shape& x = c.shape(0);
  const Shape& w = c.shape(1);
  const int64_t group = c.node.Int("group", 1);
  if (x.size() < 3 || w.size() != x.size() || group < 1 || x[1] != w[0] || x[1] % group != 0) {
    return false;
  }
  if (c.Given(2) && (c.rank(2) != 1 || c.shape(2)[0] != w[1] * group)) return false;
  const Ints kernel(w.begin() + 2, w.end());
  if (c.node.Find("kernel_shape") != nullptr && c.node.IntList("kernel_shape") != kernel)
    return false;
  if (c.node.Find("output_shape") != nullptr) return false;
  const auto spatial = TransposedOutput(c.node, Dims(x).subspan(2), kernel);
  if (!spatial) return false;
  c.out[0].shape = {x[0], w[1] * group};
  c.out[0].shape.insert(c.out[0].shape.end(), spatial->begin(), spatial->end());
  return true;
}

bool ChoosePool(OpContext& c) {
  if (!c.Take(0, Spatial)) return false;
  const bool max_pool = c.entry().op == "MaxPool";
  const SchemaInfo& schema = c.schema();
  WindowChoice window = DrawWindow(Dims(c.In(0).shape).subspan(2), WindowKind::kPool, c.random());
  if (!schema.HasAttribute("dilations")) window.dilations.assign(window.dilations.size(), 1);
  SetWindow(c, window, true);
  if (!schema.HasAttribute("dilations")) c.node().Remove("dilations");
  if (schema.HasAttribute("ceil_mode") && c.random().Chance(1, 3)) {
    c.Set("ceil_mode", static_cast<int64_t>(c.random().Below(2)));
  }
  if (schema.HasAttribute("count_include_pad") && c.random().Chance(1, 2)) {
    c.Set("count_include_pad", static_cast<int64_t>(c.random().Below(2)));
  }
  if (c.entry().op == "LpPool") c.Set("p", c.random().Between(1, 3));
  if (max_pool && c.random().Chance(1, 4)) {
    if (c.random().Chance(1, 3)) c.Set("storage_order", static_cast<int64_t>(c.random().Below(2)));
    return c.Done(2);
  }
  return c.Done();
}

bool InferPool(InferContext& c) {
  if (!c.Given(0) || c.rank(0) < 3 || Count(c.shape(0)) == 0) return false;
  const Shape& x = c.shape(0);
  const Ints kernel = c.node.IntList("kernel_shape");
  if (kernel.size() + 2 != x.size()) return false;
  const auto spatial = WindowOutput(c.node, Dims(x).subspan(2), kernel);
  // A window must see at least one element.
  if (!spatial || std::ranges::any_of(*spatial, [](int64_t d) { return d < 1; })) return false;
  if (!PadsSmallerThanKernel(c.node, kernel)) return false;
  for (OutValue& out : c.out) {
    out.shape = {x[0], x[1]};
    out.shape.insert(out.shape.end(), spatial->begin(), spatial->end());
  }
  return true;
}

void PoolRange(InferContext& c) {
  const Range r = c.in[0]->range;
  c.out[0].range = r;
  if (c.node.op == "AveragePool") c.out[0].range = Hull(r, {0, 0});
  if (c.node.op == "LpPool" || c.node.op == "GlobalLpPool") {
    c.out[0].range = {0, r.Magnitude() * static_cast<double>(std::max<int64_t>(1, c.in[0]->count))};
    c.out[0].range.hi = std::min(c.out[0].range.hi, r.Magnitude() * 64);
  }
  if (c.out.size() > 1) c.out[1].range = {0, static_cast<double>(c.in[0]->count)};
}

bool ChooseGlobalPool(OpContext& c) {
  if (!c.Take(0, Spatial)) return false;
  if (c.entry().op == "GlobalLpPool" && c.random().Chance(1, 2))
    c.Set("p", c.random().Between(1, 3));
  return c.Done();
}

bool InferGlobalPool(InferContext& c) {
  if (!c.Given(0) || c.rank(0) < 3 || Count(c.shape(0)) == 0) return false;
  c.out[0].shape = c.shape(0);
  for (size_t i = 2; i < c.out[0].shape.size(); ++i) c.out[0].shape[i] = 1;
  return true;
}

constexpr OpEntry kConv[] = {
    {"AveragePool", ChoosePool, InferPool, PoolRange},
    {"Conv", ChooseConv, InferConv, ConvRange, 0, 2},
    {"ConvInteger", ChooseConv, InferConv, ConvRange, kExactResult, 4},
    {"ConvTranspose", ChooseConvTranspose, InferConvTranspose, ConvRange, 0, 1.3},
    {"GlobalAveragePool", ChooseGlobalPool, InferGlobalPool, PoolRange},
    {"GlobalLpPool", ChooseGlobalPool, InferGlobalPool, PoolRange, 0, 2.5},
    {"GlobalMaxPool", ChooseGlobalPool, InferGlobalPool, PoolRange, kExactResult},
    {"LpPool", ChoosePool, InferPool, PoolRange},
    {"MaxPool", ChoosePool, InferPool, PoolRange, kExactResult | kSteps},
    {"QLinearConv", ChooseQLinearConv, InferQLinearConv, ByteRange, kUnread | kExactResult | kSteps,
     1},
};

}  // namespace

OpTable ConvOps() { return kConv; }

}  // namespace moire
