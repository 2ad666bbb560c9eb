// Where, Clip, Identity, and Dropout as in inference.
#include <algorithm>
#include <cmath>
#include <limits>

#include "harness/case/float_bits.h"
#include "oracles/reference/kernels/elementwise.h"
#include "oracles/reference/kernels/families.h"

namespace moire {
namespace {

// Which of X and Y each element comes from is known where the condition is; then only the taken
// element's mark counts.
Status Where(KernelContext& ctx) {
  const RangeTensor& condition = ctx.In(0);
  const DataType type = ctx.In(1).type;
  MOIRE_ASSIGN(Shape shape, BroadcastInputs(ctx));
  MOIRE_ASSIGN(RangeTensor * out, ctx.Make(0, type, std::move(shape)));
  MOIRE_TRY(ctx.Spend(static_cast<uint64_t>(out->size())));
  MOIRE_ASSIGN(const Operand test, Operand::Align(ctx, condition, out->shape));
  MOIRE_ASSIGN(const Operand x, Operand::Align(ctx, ctx.In(1), out->shape));
  MOIRE_ASSIGN(const Operand y, Operand::Align(ctx, ctx.In(2), out->shape));
  const bool is_float = IsFloat(type);
  const bool is_string = type == DataType::kString;
  if (!is_float && !is_string && !IsExact(type)) return UnsupportedType(ctx, type);
  FloatOutput output(*out);
  const auto count = static_cast<size_t>(out->size());
  for (size_t i = 0; i < count; ++i) {
    const Operand& taken = test.Int(i) != 0 ? x : y;
    const uint8_t test_mark = test.MarkAt(i);
    if (is_float) {
      Interval element = taken.Element(i);
      element.mark |= test_mark;
      output.Set(i, element);
      continue;
    }
    const size_t at = taken.At(i);
    if (is_string) {
      out->strings[i] = taken.tensor().strings[at];
    } else {
      out->ints[i] = taken.tensor().ints[at];
    }
    out->AddMark(i, test_mark | taken.tensor().MarkAt(at));
  }
  return {};  // ranges pass through as they are: nothing is rounded
}

// --- Clip -------------------------------------------------------------------------------------

// One limit of Clip; absent limits default to the type's extreme values.
struct Limit {
  bool given = false;
  Interval range;       // floats
  int64_t integer = 0;  // integers
  uint8_t mark = kDecided;
};

Result<Limit> ReadLimit(KernelContext& ctx, size_t input, std::string_view attribute,
                        float attribute_default) {
  Limit limit;
  const DataType type = ctx.In(0).type;
  if (ctx.opset() < 11) {
    limit.given = true;
    limit.range = FloatAttribute(ctx, attribute, attribute_default, type);
    return limit;
  }
  const RangeTensor* tensor = ctx.Input(input);
  if (tensor == nullptr) return limit;
  if (tensor->size() != 1) {
    return Fail(ErrorCode::kInvalidInput, "Clip: {} must be a scalar, not {}", attribute,
                ToString(tensor->shape));
  }
  limit.given = true;
  limit.mark = tensor->MarkAt(0);
  if (IsFloat(type)) {
    limit.range = ElementOf(*tensor, 0);
  } else {
    limit.integer = tensor->ints[0];
  }
  return limit;
}

// Min(max, Max(input, min)); what the page leaves open is in docs/unspecified.md.
Interval ClipRange(const Interval& x, const Limit& low, const Limit& high, bool crossed_is_open) {
  Interval out = x;
  out.mark = kDecided;
  if (std::isnan(x.lo)) return out;
  const double raised = low.given ? std::max(x.hi, low.range.hi) : x.hi;
  const double lowered = high.given ? std::min(x.lo, high.range.lo) : x.lo;
  if ((!low.given && lowered == -kDoubleInfinity) || (!high.given && raised == kDoubleInfinity)) {
    // By the defaults an infinity, the limit's own too, becomes the largest finite value; by the
    // function body it stays.
    out.mark |= kUnspecified;
  }
  if (low.given) {
    out = {std::max(out.value, low.range.value), std::max(out.lo, low.range.lo),
           std::max(out.hi, low.range.hi), out.mark};
  }
  if (high.given) {
    out = {std::min(out.value, high.range.value), std::min(out.lo, high.range.lo),
           std::min(out.hi, high.range.hi), out.mark};
  }
  if (crossed_is_open && low.given && high.given && low.range.hi > high.range.lo) {
    out.mark |= kUnspecified;
  }
  return out;
}

Status Clip(KernelContext& ctx) {
  const DataType type = ctx.In(0).type;
  constexpr float kMost = std::numeric_limits<float>::max();
  MOIRE_ASSIGN(const Limit low, ReadLimit(ctx, 1, "min", -kMost));
  MOIRE_ASSIGN(const Limit high, ReadLimit(ctx, 2, "max", kMost));
  const uint8_t limit_mark = low.mark | high.mark;
  // Before opset 13 the page does not say what min > max gives.
  const bool crossed_is_open = ctx.opset() < 13;
  if (IsFloat(type)) {
    const bool nan_limit =
        (low.given && std::isnan(low.range.lo)) || (high.given && std::isnan(high.range.lo));
    // The function body that passes NaN on exists from opset 12 on.
    const bool nan_is_open = ctx.opset() < 12;
    return MapFloat(ctx, [&](const Interval& x) {
      Interval out = nan_limit ? Exactly(x.value) : ClipRange(x, low, high, crossed_is_open);
      out.mark |= limit_mark;
      if (nan_limit || (nan_is_open && std::isnan(x.lo))) out.mark |= kUnspecified;
      return out;
    });
  }
  if (!IsInteger(type)) return UnsupportedType(ctx, type);
  const auto less = [type](int64_t a, int64_t b) {
    return IsUnsigned64(type) ? static_cast<uint64_t>(a) < static_cast<uint64_t>(b) : a < b;
  };
  const bool crossed = low.given && high.given && less(high.integer, low.integer);
  const uint8_t mark = limit_mark | (crossed && crossed_is_open ? kUnspecified : kDecided);
  return MapInt(ctx, type, [&](int64_t x) {
    if (low.given && less(x, low.integer)) x = low.integer;
    if (high.given && less(high.integer, x)) x = high.integer;
    return IntResult{x, mark};
  });
}

// --- Copies -----------------------------------------------------------------------------------

Status Identity(KernelContext& ctx) {
  MOIRE_TRY(ctx.Reserve(ctx.In(0).type, ctx.In(0).shape));
  MOIRE_TRY(ctx.Spend(static_cast<uint64_t>(ctx.In(0).size())));
  ctx.Out(0) = ctx.In(0);
  return {};
}

// "with value in [0, 1)": the ratio of a Dropout, 0.5 unless it is given. A runtime may refuse
// another one in inference as well, where it is not used.
Result<double> Ratio(const KernelContext& ctx) {
  const RangeTensor* ratio = ctx.Input(1);
  if (ratio == nullptr) return 0.5;
  if (ratio->size() != 1 || !IsFloat(ratio->type)) {
    return Fail(ErrorCode::kInvalidInput, "ratio is {} {}", Name(ratio->type),
                ToString(ratio->shape));
  }
  const Interval known = ElementOf(*ratio, 0);
  if (known.mark != kDecided || !known.exact()) {
    return Fail(ErrorCode::kUndecidable, "the ratio is not certain");
  }
  if (!(known.value >= 0 && known.value < 1)) {
    return Fail(ErrorCode::kInvalidInput, "ratio is {}", known.value);
  }
  return known.value;
}

// Which elements are dropped is random: shapes and types alone are known.
Status RandomDropout(KernelContext& ctx) {
  for (size_t i = 0; i < 2; ++i) {
    if (!ctx.Wants(i)) continue;
    MOIRE_ASSIGN(RangeTensor * out,
                 ctx.Make(i, i == 0 ? ctx.In(0).type : DataType::kBool, ctx.In(0).shape));
    out->marks.assign(static_cast<size_t>(out->size()), kUnspecified);
  }
  return {};
}

// training_mode is false unless it is given and true: "nothing will be dropped from the input data
// and if mask is requested as output it will contain all ones". Before opset 12 inference is the
// only mode that a deterministic reference can take, and nothing is said of the mask there.
Status Dropout(KernelContext& ctx) {
  MOIRE_ASSIGN(const double ratio, Ratio(ctx));
  if (const RangeTensor* mode = ctx.Input(2); mode != nullptr && mode->size() == 1) {
    if (mode->MarkAt(0) != kDecided) {
      return Fail(ErrorCode::kUndecidable, "training_mode is not certain");
    }
    if (mode->ints[0] != 0 && ratio != 0) return RandomDropout(ctx);
  }
  if (ctx.Wants(1)) {
    const DataType type = ctx.opset() < 10 ? ctx.In(0).type : DataType::kBool;
    MOIRE_ASSIGN(RangeTensor * mask, ctx.Make(1, type, ctx.In(0).shape));
    std::ranges::fill(mask->ints, 1);
    std::ranges::fill(mask->value, 1.0);
    if (ctx.opset() < 12) {
      mask->marks.assign(static_cast<size_t>(mask->size()), kUnspecified);
    }
  }
  return Identity(ctx);
}

constexpr KernelEntry kKernels[] = {
    {"Where", 9, kLatest, Where},
    {"Clip", 6, kLatest, Clip},
    {"Identity", 1, kLatest, Identity, "", kTakesComplex | kTakesParts},
    {"Dropout", 7, kLatest, Dropout},
};

}  // namespace

std::span<const KernelEntry> SelectKernels() { return kKernels; }

}  // namespace moire
