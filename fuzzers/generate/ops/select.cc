// Operators that cut, pad, resize and reorder.
#include <algorithm>
#include <cmath>
#include <optional>
#include <vector>

#include "fuzzers/generate/op_context.h"
#include "fuzzers/generate/ops/families.h"
#include "fuzzers/generate/ops/lists.h"
#include "fuzzers/generate/solved_corners.h"

namespace moire {
namespace {

// Elements that start:end:step takes of a dim, by the Slice page (steps of both signs, clamped).
int64_t SliceLength(int64_t start, int64_t end, int64_t step, int64_t dim) {
  if (start < 0) start = std::max<int64_t>(start, -dim - 1) + dim;
  if (end < 0) end = std::max<int64_t>(end, -dim - 1) + dim;
  if (step > 0) {
    start = std::clamp<int64_t>(start, 0, dim);
    end = std::clamp<int64_t>(end, 0, dim);
    return end <= start ? 0 : (end - start - 1) / step + 1;
  }
  start = std::clamp<int64_t>(start, 0, dim - 1);
  end = std::clamp<int64_t>(end, -1, dim - 1);
  return start <= end ? 0 : (start - end - 1) / -step + 1;
}

bool ChooseSlice(OpContext& c) {
  if (!c.TakeRank(0, 1)) return false;
  const int64_t rank = c.In(0).rank();
  Ints starts, ends, axes, steps;
  bool leading = true;  // axes are 0, 1, ... in order: the input may be left out
  bool unit = true;
  for (int64_t axis = 0; axis < rank; ++axis) {
    if (!c.random().Chance(axis == 0 ? 2 : 1, 3)) {
      leading = false;
      continue;
    }
    if (!leading && axes.empty()) leading = false;
    const int64_t dim = c.In(0).shape[static_cast<size_t>(axis)];
    // Steps came with opset 10.
    const bool stepped = !c.schema().HasAttribute("starts");
    const bool backwards = stepped && c.random().Chance(1, 6);
    const int64_t step = stepped && c.random().Chance(1, 4) ? c.random().Between(1, 3) : 1;
    if (stepped && c.random().Chance(1, 8)) {
      if (const SolvedSlice* solved = FindSolvedSlice(dim, c.random().Next())) {
        starts.push_back(solved->start);
        ends.push_back(solved->end);
        steps.push_back(solved->step);
        unit = false;
        axes.push_back(c.Axis(axis, rank));
        if (axis != static_cast<int64_t>(axes.size()) - 1) leading = false;
        continue;
      }
    }
    int64_t low = dim > 1 ? c.random().Between(0, std::min<int64_t>(dim - 1, 3)) : 0;
    int64_t high = c.random().Between(std::min(low + 1, dim), dim);
    if (c.random().Chance(1, 60)) high = low;  // empty
    if (backwards) {
      starts.push_back(c.random().Chance(1, 2) ? high - 1 : -1 - (dim - high));
      ends.push_back(low == 0 ? (c.random().Chance(1, 2) ? -dim - 1 : INT64_MIN + 1) : low - 1);
      steps.push_back(-step);
    } else {
      starts.push_back(c.random().Chance(1, 4) && low < dim ? low - dim : low);
      ends.push_back(high == dim && c.random().Chance(1, 3)  ? INT64_MAX
                     : high < dim && c.random().Chance(1, 4) ? high - dim
                                                             : high);
      steps.push_back(step);
    }
    unit &= steps.back() == 1;
    axes.push_back(c.Axis(axis, rank));
    if (axis != static_cast<int64_t>(axes.size()) - 1) leading = false;
  }
  if (axes.empty()) return false;
  if (c.schema().HasAttribute("starts")) {
    c.Set("starts", starts);
    c.Set("ends", ends);
    if (!leading || c.random().Chance(1, 2)) c.Set("axes", axes);
    return c.Done();
  }
  // int32 inputs cannot hold the 64-bit ends.
  c.Restrict(1, Bit(DataType::kInt64));
  const auto make = [&](size_t i, const Ints& values) { return c.Put(i, c.b().AddInts(values)); };
  if (!make(1, starts) || !make(2, ends)) return false;
  const bool write_axes = !leading || c.random().Chance(1, 2);
  if (write_axes && !make(3, axes)) return false;
  if (!unit || c.random().Chance(1, 4)) {
    if (!write_axes) c.Omit(3);
    if (!make(4, steps)) return false;
  }
  return c.Done();
}

bool InferSlice(InferContext& c) {
  Ints stored_starts, stored_ends;
  const Ints* starts = ReadInts(c, 1, "starts", stored_starts);
  const Ints* ends = ReadInts(c, 2, "ends", stored_ends);
  if (!c.Given(0) || starts == nullptr || ends == nullptr || starts->size() != ends->size()) {
    return false;
  }
  const size_t n = starts->size();
  Ints axes(n);
  for (size_t i = 0; i < n; ++i) axes[i] = static_cast<int64_t>(i);
  Ints steps(n, 1);
  if (c.node.Find("axes") != nullptr) {
    axes = c.node.IntList("axes");
    if (axes.size() != n) return false;
  }
  if (c.Given(3)) {
    if (c.Known(3) == nullptr || c.Known(3)->size() != n) return false;
    axes = *c.Known(3);
  }
  if (c.Given(4)) {
    if (c.Known(4) == nullptr || c.Known(4)->size() != n) return false;
    steps = *c.Known(4);
  }
  c.out[0].shape = c.shape(0);
  uint64_t seen = 0;
  for (size_t i = 0; i < n; ++i) {
    const auto axis = NormalizeAxis(axes[i], c.rank(0));
    if (!axis || steps[i] == 0 || steps[i] == INT64_MIN || (seen >> *axis & 1) != 0) return false;
    seen |= uint64_t{1} << *axis;
    int64_t& dim = c.out[0].shape[static_cast<size_t>(*axis)];
    dim = SliceLength((*starts)[i], (*ends)[i], steps[i], dim);
  }
  return true;
}

void SliceRange(InferContext& c) {
  c.out[0].range = c.in[0]->range;
  const Ints* data = c.Known(0);
  const Ints* starts = c.Known(1);
  const Ints* steps = c.Known(4);
  if (data == nullptr || c.rank(0) != 1 || starts == nullptr || starts->size() != 1) return;
  if (steps != nullptr && (*steps)[0] != 1) return;
  const auto dim = static_cast<int64_t>(data->size());
  int64_t start = (*starts)[0];
  if (start < 0) start = std::max<int64_t>(0, start + dim);
  Ints picked;
  for (int64_t i = 0; i < c.out[0].shape[0]; ++i)
    picked.push_back((*data)[static_cast<size_t>(start + i)]);
  c.out[0].Know(std::move(picked));
}

std::string_view PadMode(const Node& node, std::string& storage) {
  storage = node.String("mode", "constant");
  return storage;
}

bool ChoosePad(OpContext& c) {
  if (!c.TakeRank(0, 1, 5)) return false;
  const Shape x = c.In(0).shape;
  const auto rank = static_cast<int64_t>(x.size());
  static constexpr std::string_view kModes[] = {"constant", "constant", "constant",
                                                "reflect",  "edge",     "wrap"};
  std::string_view mode = kModes[c.random().Index(c.schema().since >= 19 ? 6 : 5)];
  if (Count(x) == 0) mode = "constant";
  Ints axes;
  const bool by_axes = c.schema().inputs.size() > 3 && c.random().Chance(1, 4);
  for (int64_t i = 0; i < rank; ++i) {
    if (!by_axes || c.random().Chance(1, 2)) axes.push_back(i);
  }
  Ints begins, ends;
  for (const int64_t axis : axes) {
    const int64_t dim = x[static_cast<size_t>(axis)];
    const auto draw = [&]() -> int64_t {
      if (c.random().Chance(1, 2)) return 0;
      if (mode == "constant" && c.random().Chance(1, 10)) {
        return -c.random().Between(0, std::max<int64_t>(0, (dim - 1) / 2));
      }
      const int64_t most = mode == "reflect" ? dim - 1 : mode == "wrap" ? dim : 3;
      return c.random().Between(0, std::min<int64_t>(most, 3));
    };
    const SolvedPad* solved =
        c.random().Chance(1, 8) ? FindSolvedPad(dim, mode, c.random().Next()) : nullptr;
    begins.push_back(solved != nullptr ? solved->begin : draw());
    ends.push_back(solved != nullptr ? solved->end : draw());
  }
  Ints pads = begins;
  pads.insert(pads.end(), ends.begin(), ends.end());
  if (mode != "constant" || c.random().Chance(1, 3)) c.Set("mode", std::string(mode));
  if (c.schema().HasAttribute("pads")) {
    c.Set("pads", pads);
    if (c.random().Chance(1, 2)) c.Set("value", 0.5f);
    return c.Done();
  }
  if (!c.MakeInts(1, pads)) return false;
  if (mode == "constant" && c.random().Chance(1, 2)) {
    if (!c.TakeShape(2, {})) return false;
  } else if (by_axes) {
    c.Omit(2);
  }
  if (by_axes) {
    for (int64_t& axis : axes) axis = c.Axis(axis, rank);
    // int32 axes are legal but ONNX's own inference cannot read them.
    c.Restrict(3, Bit(DataType::kInt64));
    if (!c.Put(3, c.b().AddInts(axes))) return false;
  }
  return c.Done();
}

bool InferPad(InferContext& c) {
  Ints storage_pads;
  const Ints* pads = ReadInts(c, 1, "pads", storage_pads);
  if (!c.Given(0) || pads == nullptr) return false;
  const int64_t rank = c.rank(0);
  Ints axes;
  if (c.Given(3)) {
    if (c.Known(3) == nullptr) return false;
    axes = *c.Known(3);
  } else {
    for (int64_t i = 0; i < rank; ++i) axes.push_back(i);
  }
  if (pads->size() != 2 * axes.size() || (c.Given(2) && c.in[2]->count != 1)) return false;
  std::string storage;
  const std::string_view mode = PadMode(c.node, storage);
  if (mode != "constant" && mode != "reflect" && mode != "edge" && mode != "wrap") return false;
  c.out[0].shape = c.shape(0);
  uint64_t seen = 0;
  for (size_t i = 0; i < axes.size(); ++i) {
    const auto axis = NormalizeAxis(axes[i], rank);
    if (!axis || (seen >> *axis & 1) != 0) return false;
    seen |= uint64_t{1} << *axis;
    const int64_t begin = (*pads)[i];
    const int64_t end = (*pads)[axes.size() + i];
    int64_t& dim = c.out[0].shape[static_cast<size_t>(*axis)];
    if (std::abs(begin) > 1 << 20 || std::abs(end) > 1 << 20) return false;
    if (mode == "reflect" && std::max(begin, end) > dim - 1) return false;
    if (mode != "constant" && dim == 0 && (begin > 0 || end > 0)) return false;
    if (mode == "wrap" && std::max(begin, end) > dim) return false;
    dim += begin + end;
    if (dim < 0) return false;
  }
  return true;
}

void PadRange(InferContext& c) {
  c.out[0].range = Hull(c.in[0]->range, c.Given(2) ? c.in[2]->range : Range{0, 0});
}

// The axes that a Resize's scales or sizes are of; nothing where one is given twice or not there.
std::optional<std::vector<size_t>> ResizeAxes(const Node& node, size_t rank) {
  std::vector<size_t> axes;
  if (node.Find("axes") == nullptr) {
    for (size_t i = 0; i < rank; ++i) axes.push_back(i);
    return axes;
  }
  const auto dims = static_cast<int64_t>(rank);
  for (const int64_t axis : node.IntList("axes")) {
    if (axis < -dims || axis >= dims) return std::nullopt;
    axes.push_back(static_cast<size_t>(axis < 0 ? axis + dims : axis));
    if (std::ranges::count(axes, axes.back()) > 1) return std::nullopt;
  }
  return axes;
}

// Some of the axes from `first` on, in any order and from either end.
void DrawResizeAxes(OpContext& c, size_t first, size_t rank) {
  const auto dims = static_cast<int64_t>(rank);
  Ints axes;
  for (auto axis = static_cast<int64_t>(first); axis < dims; ++axis) {
    if (c.random().Chance(3, 4)) axes.push_back(c.random().Chance(1, 3) ? axis - dims : axis);
  }
  if (axes.empty()) axes.push_back(-1);
  for (size_t i = axes.size(); i-- > 1;) std::swap(axes[i], axes[c.random().Index(i + 1)]);
  c.Set("axes", axes);
}

bool ChooseResize(OpContext& c) {
  const auto fits = [](const Value& v) { return v.rank() >= 1 && v.rank() <= 4 && v.count > 0; };
  if (!c.Take(0, fits)) return false;
  const Shape x = c.In(0).shape;
  const bool floats = IsFloat(c.type());
  // Linear interpolation is defined over at most the last two dims here (what runtimes support).
  const bool linear = floats && x.size() >= 2 && c.random().Chance(1, 2);
  if (linear || c.random().Chance(1, 3)) c.Set("mode", std::string(linear ? "linear" : "nearest"));
  static constexpr std::string_view kCoordinates[] = {"half_pixel", "asymmetric", "align_corners",
                                                      "pytorch_half_pixel"};
  const bool modes = c.schema().HasAttribute("coordinate_transformation_mode");
  if (modes && c.random().Chance(2, 3)) {
    c.Set("coordinate_transformation_mode", std::string(kCoordinates[c.random().Index(4)]));
  }
  if (modes && !linear && c.random().Chance(1, 2)) {
    static constexpr std::string_view kNearest[] = {"round_prefer_floor", "round_prefer_ceil",
                                                    "floor", "ceil"};
    c.Set("nearest_mode", std::string(kNearest[c.random().Index(4)]));
  }
  // Opset 10 has scales alone, opset 11 wants every input: empty where it does not count.
  const bool scales_only = c.schema().inputs.size() == 2;
  const bool all_given = c.schema().since == 11;
  const auto leave_out = [&](size_t i) {
    if (!all_given) {
      c.Omit(i);
      return true;
    }
    return c.Put(i, c.b().AddInitializer(MakeTensor(DataType::kFloat, {0})));
  };
  const size_t at = scales_only ? 1 : 2;
  if (!scales_only && !leave_out(1)) return false;
  const size_t first = linear && x.size() > 2 ? x.size() - 2 : 0;
  if (c.schema().HasAttribute("axes") && c.random().Chance(1, 3)) {
    DrawResizeAxes(c, first, x.size());
  }
  const std::vector<size_t> axes = *ResizeAxes(c.node(), x.size());
  if (scales_only || c.random().Chance(1, 2)) {
    Tensor scales = MakeTensor(DataType::kFloat, {std::ssize(axes)});
    for (size_t k = 0; k < axes.size(); ++k) {
      const size_t i = axes[k];
      // Exact in binary, so that floor(dim * scale) is the same in every precision.
      static constexpr float kScales[] = {1.0f, 2.0f, 0.5f, 1.5f, 3.0f};
      const bool moves = i >= first && c.random().Chance(1, 2);
      float scale = moves ? kScales[c.random().Index(5)] : 1.0f;
      if (static_cast<float>(x[i]) * scale < 1.0f) scale = 1.0f;
      SetFloat(scales, static_cast<int64_t>(k), static_cast<double>(scale));
    }
    return c.Put(at, c.b().AddInitializer(std::move(scales))) && c.Done();
  }
  Ints sizes;
  for (const size_t i : axes) {
    sizes.push_back(i >= first && c.random().Chance(1, 2) ? c.random().Between(1, 2 * x[i]) : x[i]);
  }
  return leave_out(2) && c.MakeInts(3, sizes) && c.Done();
}

bool InferResize(InferContext& c) {
  const size_t at = c.schema.inputs.size() == 2 ? 1 : 2;
  if (!c.Given(0) || Count(c.shape(0)) == 0) return false;
  if (at == 2 && c.Given(1) && c.in[1]->count != 0) return false;
  const bool scaled = c.Given(at) && c.in[at]->count > 0;
  const auto axes = ResizeAxes(c.node, c.shape(0).size());
  if (!axes || c.node.Find("keep_aspect_ratio_policy") != nullptr) return false;
  c.out[0].shape = c.shape(0);
  if (c.Given(3)) {
    const Ints* sizes = c.Known(3);
    if (sizes == nullptr || scaled || sizes->size() != axes->size() ||
        std::ranges::any_of(*sizes, [](int64_t s) { return s < 1 || s > 1 << 20; })) {
      return false;
    }
    for (size_t k = 0; k < axes->size(); ++k) c.out[0].shape[(*axes)[k]] = (*sizes)[k];
    return true;
  }
  // In units of 1/1024.
  const Ints* scales = c.Units(at);
  if (scales == nullptr || scales->size() != axes->size()) return false;
  for (size_t k = 0; k < scales->size(); ++k) {
    if ((*scales)[k] <= 0 || (*scales)[k] > 1 << 20) return false;
    int64_t& dim = c.out[0].shape[(*axes)[k]];
    dim = dim * (*scales)[k] / 1024;
    if (dim < 1) return false;
  }
  return true;
}

bool ChooseReverseSequence(OpContext& c) {
  const auto fits = [](const Value& v) { return v.rank() >= 2 && v.count > 0; };
  if (!c.Take(0, fits)) return false;
  const int64_t batch = c.random().Between(0, 1);
  const Shape x = c.In(0).shape;
  if (batch == 0 || c.random().Chance(1, 2)) {
    c.Set("batch_axis", batch);
    c.Set("time_axis", 1 - batch);
  } else {
    c.Set("batch_axis", int64_t{1});
    c.Set("time_axis", int64_t{0});
  }
  Ints lengths;
  for (int64_t i = 0; i < x[static_cast<size_t>(batch)]; ++i) {
    lengths.push_back(c.random().Between(1, x[static_cast<size_t>(1 - batch)]));
  }
  return c.MakeInts(1, lengths) && c.Done();
}

bool InferReverseSequence(InferContext& c) {
  const int64_t batch = c.node.Int("batch_axis", 1);
  const int64_t time = c.node.Int("time_axis", 0);
  if (!c.Given(1) || c.rank(0) < 2 || batch + time != 1 || batch < 0 || batch > 1 || c.rank(1) != 1)
    return false;
  const Ints* lengths = c.Known(1);
  if (c.shape(1)[0] != c.shape(0)[static_cast<size_t>(batch)] || lengths == nullptr) return false;
  const int64_t steps = c.shape(0)[static_cast<size_t>(time)];
  return std::ranges::all_of(*lengths, [=](int64_t n) { return n >= 0 && n <= steps; }) &&
         InferSame(c);
}

bool ChooseCenterCropPad(OpContext& c) {
  if (!c.TakeRank(0, 1)) return false;
  Ints sizes;
  for (const int64_t dim : c.In(0).shape) {
    sizes.push_back(c.random().Chance(1, 2) ? dim : c.random().Between(1, dim + 3));
  }
  // int32 sizes are legal but break ONNX's function body for this operator.
  c.Restrict(1, Bit(DataType::kInt64));
  return c.Put(1, c.b().AddInts(sizes)) && c.Done();
}

bool InferCenterCropPad(InferContext& c) {
  const Ints* sizes = c.Known(1);
  if (sizes == nullptr || c.node.Find("axes") != nullptr || c.rank(1) != 1 ||
      sizes->size() != c.shape(0).size() ||
      std::ranges::any_of(*sizes, [](int64_t s) { return s < 0 || s > 1 << 20; })) {
    return false;
  }
  c.out[0].shape = *sizes;
  return true;
}

void WithZero(InferContext& c) { c.out[0].range = Hull(c.in[0]->range, {0, 0}); }

// Dynamic results: only ever the last node of a path.
bool ChooseCompress(OpContext& c) {
  if (!c.TakeRank(0, 1)) return false;
  const int64_t rank = c.In(0).rank();
  const int64_t axis = c.random().Between(0, rank - 1);
  const bool flat = c.random().Chance(1, 3);
  const int64_t length = flat ? c.In(0).count : c.In(0).shape[static_cast<size_t>(axis)];
  if (!flat) c.Set("axis", c.Axis(axis, rank));
  const auto fits = [&](const Value& v) { return v.rank() == 1 && v.count <= length; };
  if (!c.Take(1, fits) && !c.Make(1, {std::min<int64_t>(length, 8)})) return false;
  return c.Done();
}

bool InferCompress(InferContext& c) {
  if (!c.Given(0) || !c.Given(1) || c.rank(1) != 1) return false;
  c.out[0].shape = {-1};
  if (c.node.Find("axis") == nullptr) return c.in[1]->count <= c.in[0]->count;
  const auto axis = NormalizeAxis(c.node.Int("axis", 0), c.rank(0));
  if (!axis || c.in[1]->count > c.shape(0)[static_cast<size_t>(*axis)]) return false;
  c.out[0].shape = c.shape(0);
  c.out[0].shape[static_cast<size_t>(*axis)] = -1;
  return true;
}

bool InferNonZero(InferContext& c) {
  if (!c.Given(0) || c.rank(0) < 1) return false;
  c.out[0].shape = {c.rank(0), -1};
  return true;
}

bool ChooseNonZero(OpContext& c) { return c.TakeRank(0, 1) && c.Done(); }

bool ChooseUnique(OpContext& c) {
  const auto fits = [](const Value& v) { return v.rank() >= 1 && v.count > 0 && !v.rounded; };
  if (!c.Take(0, fits)) return false;
  const int64_t rank = c.In(0).rank();
  if (c.random().Chance(1, 2)) c.Set("axis", c.Axis(c.random().Between(0, rank - 1), rank));
  if (c.random().Chance(1, 3)) c.Set("sorted", int64_t{1});
  return c.Done(1 + c.random().Index(4));
}

bool InferUnique(InferContext& c) {
  if (!c.Given(0) || c.rank(0) < 1 || c.in[0]->count == 0) return false;
  const bool flat = c.node.Find("axis") == nullptr;
  const auto axis = NormalizeAxis(c.node.Int("axis", 0), c.rank(0));
  if (!axis) return false;
  for (OutValue& out : c.out) out.shape = {-1};
  if (!flat) {
    c.out[0].shape = c.shape(0);
    c.out[0].shape[static_cast<size_t>(*axis)] = -1;
  }
  if (c.out.size() > 2) {
    c.out[2].shape = {flat ? c.in[0]->count : c.shape(0)[static_cast<size_t>(*axis)]};
  }
  return true;
}

void UniqueRange(InferContext& c) {
  for (OutValue& out : c.out) out.range = {0, static_cast<double>(c.in[0]->count)};
  c.out[0].range = c.in[0]->range;
}

constexpr OpEntry kSelect[] = {
    {"CenterCropPad", ChooseCenterCropPad, InferCenterCropPad, WithZero, kExactResult, 1, 18},
    {"Compress", ChooseCompress, InferCompress, nullptr, kExactResult | kSteps | kTerminal, 0.5},
    {"NonZero", ChooseNonZero, InferNonZero,
     [](InferContext& c) { c.out[0].range = {0, static_cast<double>(c.in[0]->count)}; },
     kExactResult | kSteps | kTerminal, 0.5},
    {"Pad", ChoosePad, InferPad, PadRange, kExactResult, 1},
    {"Resize", ChooseResize, InferResize, nullptr, 0, 1, 10},
    {"ReverseSequence", ChooseReverseSequence, InferReverseSequence, nullptr, kExactResult},
    {"Slice", ChooseSlice, InferSlice, SliceRange, kExactResult, 0.6},
    {"Unique", ChooseUnique, InferUnique, UniqueRange, kExactResult | kSteps | kTerminal, 0.5},
};

}  // namespace

OpTable SelectOps() { return kSelect; }

}  // namespace moire
