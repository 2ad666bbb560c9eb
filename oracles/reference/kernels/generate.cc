// Operators that make tensors from attributes, sizes or scalars: Constant, ConstantOfShape, Range,
// EyeLike, OneHot.
#include <algorithm>
#include <cmath>

#include "harness/case/float_bits.h"
#include "oracles/reference/kernels/families.h"
#include "oracles/reference/kernels/movement_util.h"

namespace moire {
namespace {

Status Constant(KernelContext& ctx) {
  const Node& node = ctx.node();
  const auto emit = [&](RangeTensor tensor) -> Status {
    MOIRE_TRY(ctx.Reserve(tensor.type, tensor.shape));
    ctx.Out(0) = std::move(tensor);
    return {};
  };
  const auto vector = [](DataType type, const auto& values, bool scalar) {
    const Shape shape = scalar ? Shape{} : Shape{static_cast<int64_t>(values.size())};
    RangeTensor out = MakeRangeTensor(type, shape);
    if (type == DataType::kFloat) out.value.assign(values.begin(), values.end());
    if (type == DataType::kInt64) out.ints.assign(values.begin(), values.end());
    return out;
  };
  for (const Attribute& attribute : node.attributes) {
    const auto& value = attribute.value;
    if (const auto* tensor = std::get_if<Tensor>(&value); tensor && attribute.name == "value") {
      return emit(FromTensor(*tensor));
    }
    if (const auto* f = std::get_if<float>(&value); f && attribute.name == "value_float") {
      return emit(vector(DataType::kFloat, Floats{*f}, true));
    }
    if (const auto* i = std::get_if<int64_t>(&value); i && attribute.name == "value_int") {
      return emit(vector(DataType::kInt64, Ints{*i}, true));
    }
    if (const auto* f = std::get_if<Floats>(&value); f && attribute.name == "value_floats") {
      return emit(vector(DataType::kFloat, *f, false));
    }
    if (const auto* i = std::get_if<Ints>(&value); i && attribute.name == "value_ints") {
      return emit(vector(DataType::kInt64, *i, false));
    }
    if (const auto* s = std::get_if<std::string>(&value); s && attribute.name == "value_string") {
      RangeTensor out = MakeRangeTensor(DataType::kString, {});
      out.strings = {*s};
      return emit(std::move(out));
    }
    if (const auto* s = std::get_if<Strings>(&value); s && attribute.name == "value_strings") {
      RangeTensor out = MakeRangeTensor(DataType::kString, {static_cast<int64_t>(s->size())});
      out.strings = *s;
      return emit(std::move(out));
    }
  }
  return Fail(ErrorCode::kUnsupported, "Constant without a dense value");
}

Status ConstantOfShape(KernelContext& ctx) {
  MOIRE_ASSIGN(Shape shape, ctx.ExactInts(0));
  for (const int64_t dim : shape) {
    if (dim < 0) return Fail(ErrorCode::kInvalidInput, "shape holds {}", dim);
  }
  RangeTensor fill = MakeRangeTensor(DataType::kFloat, {});
  if (const Attribute* attribute = ctx.node().Find("value")) {
    const auto* tensor = std::get_if<Tensor>(&attribute->value);
    if (tensor == nullptr || tensor->size() != 1) {
      return Fail(ErrorCode::kInvalidInput, "value is not a one-element tensor");
    }
    fill = FromTensor(*tensor);
  }
  MOIRE_TRY(ctx.Reserve(DataType::kInt64, shape));
  const std::vector<int64_t> index(static_cast<size_t>(Count(shape)), 0);
  return Move(ctx, 0, fill, std::move(shape), index);
}

// Number of elements of a float Range whose inputs are exact: ceil((limit - start) / delta), where
// a difference and a quotient rounded in `type` may land on the other side of an integer.
Result<int64_t> FloatCount(DataType type, double start, double limit, double delta) {
  const double difference = limit - start;
  const double quotient = difference / delta;
  if (!std::isfinite(quotient) || std::abs(quotient) >= 0x1p53) {
    return Fail(ErrorCode::kOverBudget, "a range of {} steps", quotient);
  }
  const bool exact = RoundTo(type, difference) == difference && difference + start == limit &&
                     limit - difference == start && RoundTo(type, quotient) == quotient &&
                     std::fma(quotient, delta, -difference) == 0;
  const double slack = exact ? 0 : 4 * UnitRoundoff(type) * std::abs(quotient);
  const double low = std::max(std::ceil(quotient - slack), 0.0);
  const double high = std::max(std::ceil(quotient + slack), 0.0);
  if (low != high) {
    return Fail(ErrorCode::kUndecidable, "{} or {} elements, by rounding", low, high);
  }
  return static_cast<int64_t>(low);
}

// start + i * delta, or by repeated addition as the operator's function body has it. Both err by at
// most (2 i + 2) u times the largest partial sum.
Status FloatRange(KernelContext& ctx) {
  // The type that is computed in: by default float for the 16-bit types of opset 27.
  DataType type = ctx.In(0).type;
  if (type == DataType::kFloat16 || type == DataType::kBfloat16) {
    type = static_cast<DataType>(ctx.node().Int("stash_type", 1));
    if (!IsFloat(type)) return Fail(ErrorCode::kInvalidInput, "stash_type {}", Name(type));
  }
  for (size_t k = 0; k < 3; ++k) {
    const RangeTensor& in = ctx.In(k);
    if (in.MarkAt(0) != kDecided || in.Lo()[0] != in.Hi()[0]) {
      if (std::isnan(in.value[0])) return Fail(ErrorCode::kInvalidInput, "a bound is NaN");
      return Fail(ErrorCode::kUndecidable, "input {} is known only as a range", k);
    }
  }
  const double start = ctx.In(0).value[0], limit = ctx.In(1).value[0], delta = ctx.In(2).value[0];
  if (delta == 0 || !std::isfinite(start) || !std::isfinite(limit) || !std::isfinite(delta)) {
    return Fail(ErrorCode::kInvalidInput, "start {}, limit {}, delta {}", start, limit, delta);
  }
  MOIRE_ASSIGN(const int64_t count, FloatCount(type, start, limit, delta));
  MOIRE_ASSIGN(RangeTensor * out, ctx.Make(0, ctx.In(0).type, {count}));
  MOIRE_TRY(ctx.Spend(static_cast<uint64_t>(count)));
  out->MakeRanges();
  double sum = start;
  bool sums_exact = true;  // every step so far is exact in the type, whichever way it is taken
  for (int64_t i = 0; i < count; ++i) {
    const auto k = static_cast<size_t>(i);
    const double product = static_cast<double>(i) * delta;
    const double value = start + product;
    if (i > 0) sum = RoundTo(type, sum + delta);
    sums_exact =
        sums_exact && sum == value && RoundTo(type, product) == product && value - start == product;
    const double width = sums_exact
                             ? 0
                             : (2 * static_cast<double>(i) + 2) * UnitRoundoff(type) *
                                   std::max(std::abs(start), std::abs(value) + std::abs(delta));
    out->value[k] = value;
    out->lo[k] = value - width;
    out->hi[k] = value + width;
  }
  Round(*out);
  return {};
}

Status IntRange(KernelContext& ctx) {
  Ints in;
  for (size_t k = 0; k < 3; ++k) {
    MOIRE_ASSIGN(const int64_t one, ExactInt(ctx, k));
    in.push_back(one);
  }
  if (in[2] == 0) return Fail(ErrorCode::kInvalidInput, "delta is 0");
  const __int128 distance = static_cast<__int128>(in[1]) - in[0];
  const __int128 delta = in[2];
  const __int128 steps =
      (distance < 0) == (delta < 0) ? (distance + delta - (delta > 0 ? 1 : -1)) / delta : 0;
  if (steps > (int64_t{1} << 40)) return Fail(ErrorCode::kOverBudget, "a range of 2^40 steps");
  const auto count = static_cast<int64_t>(std::max<__int128>(steps, 0));
  MOIRE_ASSIGN(RangeTensor * out, ctx.Make(0, ctx.In(0).type, {count}));
  MOIRE_TRY(ctx.Spend(static_cast<uint64_t>(count)));
  for (int64_t i = 0; i < count; ++i) out->ints[static_cast<size_t>(i)] = in[0] + i * in[2];
  return {};
}

Status Range(KernelContext& ctx) {
  for (size_t k = 0; k < 3; ++k) {
    if (ctx.In(k).size() != 1 || ctx.In(k).type != ctx.In(0).type) {
      return Fail(ErrorCode::kInvalidInput, "start, limit and delta are not scalars of one type");
    }
  }
  return IsFloat(ctx.In(0).type) ? FloatRange(ctx) : IntRange(ctx);
}

Status EyeLike(KernelContext& ctx) {
  const RangeTensor& like = ctx.In(0);
  if (like.shape.size() != 2) return Fail(ErrorCode::kInvalidInput, "input is not of rank 2");
  const auto type = static_cast<DataType>(ctx.node().Int("dtype", static_cast<int64_t>(like.type)));
  if (!IsFloat(type) && !IsExact(type)) {
    return Fail(ErrorCode::kInvalidInput, "dtype {}", Name(type));
  }
  MOIRE_ASSIGN(RangeTensor * out, ctx.Make(0, type, like.shape));
  MOIRE_TRY(ctx.Spend(static_cast<uint64_t>(out->size())));
  const int64_t rows = like.shape[0], columns = like.shape[1];
  const int64_t k = std::clamp(ctx.node().Int("k", 0), -rows - 1, columns + 1);
  for (int64_t r = std::max<int64_t>(0, -k); r < rows && r + k < columns; ++r) {
    const auto i = static_cast<size_t>(r * columns + r + k);
    if (IsFloat(type)) {
      out->value[i] = 1;
    } else {
      out->ints[i] = 1;
    }
  }
  return {};
}

// Element i of a numeric tensor, cast to int64; nullopt where the cast may differ within the range.
std::optional<int64_t> AsInt64(const RangeTensor& tensor, size_t i) {
  if (tensor.MarkAt(i) != kDecided) return std::nullopt;
  if (!IsFloat(tensor.type)) return tensor.ints[i];
  const double low = std::trunc(tensor.Lo()[i]), high = std::trunc(tensor.Hi()[i]);
  if (low != high || std::abs(low) > 0x1p62) return std::nullopt;  // NaN fails low == high too
  return static_cast<int64_t>(low);
}

Status OneHot(KernelContext& ctx) {
  const RangeTensor& indices = ctx.In(0);
  const RangeTensor& values = ctx.In(2);  // off, on
  if (indices.type == DataType::kString || ctx.In(1).type == DataType::kString) {
    return Fail(ErrorCode::kInvalidInput, "indices or depth of strings");
  }
  if (ctx.In(1).size() != 1 || values.size() != 2) {
    return Fail(ErrorCode::kInvalidInput, "depth is not one value or values are not two");
  }
  const std::optional<int64_t> depth = AsInt64(ctx.In(1), 0);
  if (!depth) return Fail(ErrorCode::kUndecidable, "depth is not known");
  if (*depth < 0) return Fail(ErrorCode::kInvalidInput, "depth {}", *depth);
  // Whether there may be no class at all is not said.
  if (*depth == 0) return Fail(ErrorCode::kUndecidable, "depth is 0");
  const size_t out_rank = indices.shape.size() + 1;
  MOIRE_ASSIGN(const int64_t axis, Axis(ctx.node().Int("axis", -1), out_rank));
  Shape shape = indices.shape;
  shape.insert(shape.begin() + axis, *depth);
  MOIRE_TRY(ctx.Reserve(DataType::kInt64, shape));
  MOIRE_TRY(ctx.Spend(static_cast<uint64_t>(Count(shape))));
  std::vector<int64_t> index(static_cast<size_t>(Count(shape)), 0);
  const int64_t inner =
      index.empty() ? 1 : Count(Dims(indices.shape).subspan(static_cast<size_t>(axis)));
  std::vector<size_t> unknown;
  for (size_t i = 0; !index.empty() && i < static_cast<size_t>(indices.size()); ++i) {
    const auto at = static_cast<int64_t>(i);
    const int64_t first = at / inner * *depth * inner + at % inner;
    std::optional<int64_t> hot = AsInt64(indices, i);
    if (!hot) {
      for (int64_t k = 0; k < *depth; ++k)
        unknown.push_back(static_cast<size_t>(first + k * inner));
      continue;
    }
    // Negative indices count from the end since opset 11; out of range is off throughout.
    if (*hot < 0 && ctx.opset() >= 11) *hot += *depth;
    if (*hot >= 0 && *hot < *depth) index[static_cast<size_t>(first + *hot * inner)] = 1;
  }
  MOIRE_TRY(Move(ctx, 0, values, std::move(shape), index));
  for (const size_t i : unknown) ctx.Out(0).AddMark(i, kUndecidable);
  return {};
}

constexpr KernelEntry kGenerateKernels[] = {
    {"Constant", 1, kLatest, Constant}, {"ConstantOfShape", 9, kLatest, ConstantOfShape},
    {"Range", 11, kLatest, Range},      {"EyeLike", 9, kLatest, EyeLike},
    {"OneHot", 9, kLatest, OneHot},
};

}  // namespace

std::span<const KernelEntry> GenerateKernels() { return kGenerateKernels; }

}  // namespace moire
