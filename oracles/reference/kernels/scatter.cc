// Scatter, ScatterElements, ScatterND, TensorScatter, MaxUnpool: a copy of data with elements
// replaced, or reduced with add, mul, max, min. The order of updates is open: without a reduction,
// places that two different updates hit are unspecified; with one, the range holds every order.
#include <algorithm>
#include <cmath>

#include "harness/case/float_bits.h"
#include "oracles/reference/kernels/families.h"
#include "oracles/reference/kernels/interval.h"
#include "oracles/reference/kernels/movement_util.h"
#include "oracles/reference/kernels/sums.h"

namespace moire {
namespace {

bool SameElement(const RangeTensor& tensor, size_t i, size_t j) {
  if (tensor.MarkAt(i) != kDecided || tensor.MarkAt(j) != kDecided) return false;
  if (tensor.type == DataType::kString) return tensor.strings[i] == tensor.strings[j];
  if (!IsFloat(tensor.type)) return tensor.ints[i] == tensor.ints[j];
  return tensor.value[i] == tensor.value[j] && tensor.Lo()[i] == tensor.Hi()[i] &&
         tensor.Lo()[j] == tensor.Hi()[j];
}

// target[u] is the output element that update u goes to.
void Replace(RangeTensor& out, const RangeTensor& updates, std::span<const int64_t> target) {
  std::vector<int64_t> hit_by(static_cast<size_t>(out.size()), -1);
  for (size_t u = 0; u < target.size(); ++u) {
    int64_t& first = hit_by[static_cast<size_t>(target[u])];
    if (first < 0) {
      first = static_cast<int64_t>(u);
      CopyElements(out, target[u], updates, first, 1);
    } else if (!SameElement(updates, static_cast<size_t>(first), u)) {
      out.AddMark(static_cast<size_t>(target[u]), kUnspecified);
    }
  }
}

// Product of n factors in any order of multiplication.
Interval Product(const Arithmetic& arithmetic, std::span<const Interval> factors) {
  Interval product = factors[0];
  double large = 1, small = 1;  // of the partial products, in the worst order
  bool zero_or_special = false;
  for (size_t i = 0; i < factors.size(); ++i) {
    if (i > 0) product = arithmetic.Mul(product, factors[i]);
    const double most = std::max(std::abs(factors[i].lo), std::abs(factors[i].hi));
    const double least = std::min(std::abs(factors[i].lo), std::abs(factors[i].hi));
    large *= std::max(most, 1.0);
    small *= std::min(least, 1.0);
    zero_or_special |= least == 0 || !std::isfinite(most);
  }
  // Whether a partial product overflows or underflows may depend on the order.
  const TypeTraits& traits = Traits(arithmetic.type());
  const bool order_matters = !(large <= traits.max_finite) || zero_or_special ||
                             !(small >= SmallestNormal(arithmetic.type()));
  const bool all_finite_with_zero =
      zero_or_special && large <= traits.max_finite && small == 0 && product.exact();
  if (factors.size() > 2 && order_matters && !all_finite_with_zero) product.mark |= kUndecidable;
  return product;
}

Interval Extreme(std::span<const Interval> candidates, bool maximum) {
  Interval best = candidates[0];
  for (size_t i = 0; i < candidates.size(); ++i) {
    const Interval& one = candidates[i];
    // Whether NaN wins is not said.
    if (std::isnan(one.value)) best.mark |= kUnspecified;
    const auto pick = [&](double a, double b) { return maximum ? std::max(a, b) : std::min(a, b); };
    best = {pick(best.value, one.value), pick(best.lo, one.lo), pick(best.hi, one.hi),
            static_cast<uint8_t>(best.mark | one.mark)};
  }
  return best;
}

Interval ReduceFloats(DataType type, const std::string& reduction,
                      std::span<const Interval> terms) {
  if (reduction == "mul") return Product(Arithmetic(type), terms);
  if (reduction != "add") return Extreme(terms, reduction == "max");
  std::vector<double> value, lo, hi;
  uint8_t mark = kDecided;
  for (const Interval& term : terms) {
    value.push_back(term.value);
    lo.push_back(term.lo);
    hi.push_back(term.hi);
    mark |= term.mark;
  }
  Interval sum =
      SumOf(type, {value.data(), lo.data(), hi.data()}, static_cast<int64_t>(terms.size()));
  sum.mark |= mark;
  return sum;
}

int64_t ReduceInts(DataType type, const std::string& reduction, int64_t a, int64_t b) {
  const auto x = static_cast<uint64_t>(a), y = static_cast<uint64_t>(b);
  if (reduction == "add") return WrapInteger(type, x + y);
  if (reduction == "mul") return WrapInteger(type, x * y);
  const bool less = IsUnsigned(type) ? x < y : a < b;
  return less == (reduction == "max") ? b : a;
}

Status Reduce(KernelContext& ctx, const std::string& reduction, RangeTensor& out,
              const RangeTensor& updates, std::span<const int64_t> target) {
  const bool known =
      reduction == "add" || reduction == "mul" || reduction == "max" || reduction == "min";
  if (!known) return Fail(ErrorCode::kInvalidInput, "reduction '{}'", reduction);
  if (IsExact(out.type)) {
    if (IsBool(out.type)) return Fail(ErrorCode::kUnsupported, "reduction of bool");
    for (size_t u = 0; u < target.size(); ++u) {
      const auto i = static_cast<size_t>(target[u]);
      out.ints[i] = ReduceInts(out.type, reduction, out.ints[i], updates.ints[u]);
      out.AddMark(i, updates.MarkAt(u));
    }
    return {};
  }
  if (!IsFloat(out.type)) return Fail(ErrorCode::kInvalidInput, "reduction of strings");
  // Updates by target, in their order.
  std::vector<size_t> order(target.size());
  for (size_t u = 0; u < order.size(); ++u) order[u] = u;
  MOIRE_TRY(ctx.Spend(order.size() * 16));
  std::ranges::sort(order, {}, [&](size_t u) { return std::pair(target[u], u); });
  std::vector<Interval> terms;
  for (size_t k = 0; k < order.size();) {
    const int64_t at = target[order[k]];
    terms = {ElementOf(out, static_cast<size_t>(at))};
    for (; k < order.size() && target[order[k]] == at; ++k) {
      terms.push_back(ElementOf(updates, order[k]));
    }
    StoreElement(out, static_cast<size_t>(at), ReduceFloats(out.type, reduction, terms));
  }
  Round(out);
  return {};
}

// Out(0) = data with the updates at their targets.
Status Apply(KernelContext& ctx, const std::string& reduction, const RangeTensor& updates,
             std::span<const int64_t> target, uint8_t index_marks) {
  const RangeTensor& data = ctx.In(0);
  if (updates.type != data.type) {
    return Fail(ErrorCode::kInvalidInput, "data is {}, updates {}", Name(data.type),
                Name(updates.type));
  }
  MOIRE_TRY(MoveReshaped(ctx, 0, data, data.shape));
  MOIRE_TRY(ctx.Spend(target.size() + static_cast<uint64_t>(data.size())));
  RangeTensor& out = ctx.Out(0);
  if (reduction == "none") {
    MOIRE_TRY(ctx.Reserve(DataType::kInt64, data.shape));
    Replace(out, updates, target);
  } else {
    MOIRE_TRY(Reduce(ctx, reduction, out, updates, target));
  }
  MarkAll(out, index_marks);  // an unknown index may hit any element
  return {};
}

// The reduction attribute: none, add and mul since opset 16, max and min since 18.
std::string Reduction(const KernelContext& ctx) {
  return ctx.opset() >= 16 ? ctx.node().String("reduction", "none") : "none";
}

Status ScatterElements(KernelContext& ctx) {
  const RangeTensor& data = ctx.In(0);
  const RangeTensor& indices = ctx.In(1);
  MOIRE_TRY(CheckIndices(indices));
  const RangeTensor& updates = ctx.In(2);
  MOIRE_ASSIGN(const int64_t axis, Axis(ctx.node().Int("axis", 0), data.shape.size()));
  const auto a = static_cast<size_t>(axis);
  bool fits = indices.shape.size() == data.shape.size() && indices.shape == updates.shape;
  for (size_t d = 0; fits && d < data.shape.size(); ++d) {
    fits = d == a || indices.shape[d] <= data.shape[d];
  }
  if (!fits) {
    return Fail(ErrorCode::kInvalidInput, "data {}, indices {} and updates {} do not fit",
                ToString(data.shape), ToString(indices.shape), ToString(updates.shape));
  }
  MOIRE_ASSIGN(std::vector<AxisTable> tables, MakeAxisTables(ctx, indices.shape));
  const Shape strides = Strides(data.shape);
  for (size_t d = 0; d < tables.size(); ++d) {
    for (size_t i = 0; d != a && i < tables[d].size(); ++i) {
      tables[d][i] = static_cast<int64_t>(i) * strides[d];
    }
  }
  MOIRE_ASSIGN(std::vector<int64_t> target, IndexMap(ctx, tables));
  for (size_t i = 0; i < target.size(); ++i) {
    if (ctx.opset() < 11 && indices.ints[i] < 0) {
      return Fail(ErrorCode::kInvalidInput, "negative index before opset 11");
    }
    MOIRE_ASSIGN(const int64_t at, Coordinate(ctx, indices, i, data.shape[a]));
    target[i] += at * strides[a];
  }
  return Apply(ctx, Reduction(ctx), updates, target, AllMarks(indices));
}

Status ScatterND(KernelContext& ctx) {
  const RangeTensor& data = ctx.In(0);
  const RangeTensor& indices = ctx.In(1);
  MOIRE_TRY(CheckIndices(indices));
  const RangeTensor& updates = ctx.In(2);
  const size_t r = data.shape.size();
  if (r < 1 || indices.shape.empty() || indices.shape.back() > static_cast<int64_t>(r)) {
    return Fail(ErrorCode::kInvalidInput, "data {}, indices {}", ToString(data.shape),
                ToString(indices.shape));
  }
  const auto depth = static_cast<size_t>(indices.shape.back());
  Shape wanted(indices.shape.begin(), indices.shape.end() - 1);
  wanted.insert(wanted.end(), data.shape.begin() + indices.shape.back(), data.shape.end());
  if (updates.shape != wanted) {
    return Fail(ErrorCode::kInvalidInput, "updates {}, expected {}", ToString(updates.shape),
                ToString(wanted));
  }
  const Shape strides = Strides(data.shape);
  const int64_t slice = Count(Dims(data.shape).subspan(depth));
  const int64_t tuples = Count(Dims(indices.shape).first(indices.shape.size() - 1));
  MOIRE_TRY(ctx.Reserve(DataType::kInt64, updates.shape));
  MOIRE_TRY(ctx.Spend(static_cast<uint64_t>(updates.size() + tuples)));
  std::vector<int64_t> target;
  for (int64_t t = 0; t < tuples; ++t) {
    int64_t base = 0;
    for (size_t k = 0; k < depth; ++k) {
      const size_t i = static_cast<size_t>(t) * depth + k;
      const int64_t at = indices.ints[i];
      if (indices.MarkAt(i) != kDecided) ctx.MayReject();
      // The page expects valid indices, but does not call others an error.
      if (at < -data.shape[k] || at >= data.shape[k]) {
        const bool known = indices.MarkAt(i) == kDecided;
        return Fail(known ? ErrorCode::kInvalidInput : ErrorCode::kUndecidable,
                    "index {} is outside an axis of size {}", at, data.shape[k]);
      }
      base += (at < 0 ? at + data.shape[k] : at) * strides[k];
    }
    for (int64_t i = 0; i < slice; ++i) target.push_back(base + i);
  }
  return Apply(ctx, Reduction(ctx), updates, target, AllMarks(indices));
}

Status TensorScatter(KernelContext& ctx) {
  const RangeTensor& cache = ctx.In(0);
  const RangeTensor& update = ctx.In(1);
  MOIRE_ASSIGN(const int64_t axis, Axis(ctx.node().Int("axis", -2), cache.shape.size()));
  const auto a = static_cast<size_t>(axis);
  bool fits = a > 0 && update.shape.size() == cache.shape.size();
  for (size_t d = 0; fits && d < cache.shape.size(); ++d) {
    fits = d == a ? update.shape[d] <= cache.shape[d] : update.shape[d] == cache.shape[d];
  }
  if (!fits) {
    return Fail(ErrorCode::kInvalidInput, "past_cache {}, update {}, axis {}",
                ToString(cache.shape), ToString(update.shape), axis);
  }
  const int64_t length = cache.shape[a];
  Ints start(static_cast<size_t>(cache.shape[0]), 0);
  MOIRE_ASSIGN(const std::optional<Ints> given, OptionalInts(ctx, 2));
  if (given) start = *given;
  if (static_cast<int64_t>(start.size()) != cache.shape[0]) {
    return Fail(ErrorCode::kInvalidInput, "{} write_indices for a batch of {}", start.size(),
                cache.shape[0]);
  }
  const std::string mode = ctx.node().String("mode", "linear");
  const bool circular = mode == "circular";
  if (!circular && mode != "linear") {
    return Fail(ErrorCode::kInvalidInput, "mode '{}'", mode);
  }
  for (const int64_t first : start) {
    if (first < 0 || (!circular && first > length - update.shape[a])) {
      return Fail(ErrorCode::kInvalidInput, "write index {} of {}", first, length);
    }
  }
  MOIRE_TRY(ctx.Reserve(DataType::kInt64, update.shape));
  std::vector<int64_t> target(static_cast<size_t>(update.size()));
  if (!target.empty()) {
    const int64_t inner = Count(Dims(update.shape).subspan(a + 1));
    const int64_t in_batch = update.size() / update.shape[0];
    for (int64_t u = 0; u < update.size(); ++u) {
      const int64_t row = u / inner;  // (prefix, position along the axis)
      const int64_t prefix = row / update.shape[a];
      int64_t at = start[static_cast<size_t>(u / in_batch)] % length + row % update.shape[a];
      at %= length;
      target[static_cast<size_t>(u)] = (prefix * length + at) * inner + u % inner;
    }
  }
  return Apply(ctx, "none", update, target, kDecided);
}

// The output's shape without output_shape: what a MaxPool of these attributes would have read.
Result<Shape> UnpooledShape(const KernelContext& ctx) {
  const Shape& x = ctx.In(0).shape;
  if (x.size() < 3) return Fail(ErrorCode::kInvalidInput, "input of shape {}", ToString(x));
  const size_t n = x.size() - 2;
  const Ints kernel = ctx.node().IntList("kernel_shape");
  const Ints strides = ctx.node().IntList("strides", Ints(n, 1));
  const Ints pads = ctx.node().IntList("pads", Ints(2 * n, 0));
  if (kernel.size() != n || strides.size() != n || pads.size() != 2 * n) {
    return Fail(ErrorCode::kInvalidInput, "kernel_shape, strides or pads do not fit {}",
                ToString(x));
  }
  const auto below = [](int64_t least) { return [least](int64_t v) { return v < least; }; };
  if (std::ranges::any_of(kernel, below(1)) || std::ranges::any_of(strides, below(1)) ||
      std::ranges::any_of(pads, below(0))) {
    return Fail(ErrorCode::kInvalidInput, "a kernel or stride below 1, or a pad below 0");
  }
  Shape shape = {x[0], x[1]};
  for (size_t d = 0; d < n; ++d) {
    int64_t length = 0;
    if (__builtin_mul_overflow(x[d + 2] - 1, strides[d], &length) ||
        __builtin_add_overflow(length, kernel[d], &length) ||
        __builtin_sub_overflow(length, pads[d], &length) ||
        __builtin_sub_overflow(length, pads[d + n], &length) || length < 0) {
      return Fail(ErrorCode::kInvalidInput, "axis {} has no size", d + 2);
    }
    shape.push_back(length);
  }
  return shape;
}

Status MaxUnpool(KernelContext& ctx) {
  const RangeTensor& x = ctx.In(0);
  const RangeTensor& indices = ctx.In(1);
  MOIRE_TRY(CheckIndices(indices));
  if (indices.shape != x.shape) {
    return Fail(ErrorCode::kInvalidInput, "input {} with indices {}", ToString(x.shape),
                ToString(indices.shape));
  }
  MOIRE_ASSIGN(const Shape inferred, UnpooledShape(ctx));
  MOIRE_ASSIGN(const std::optional<Ints> given, OptionalInts(ctx, 2));
  const Shape shape = given ? Shape(*given) : inferred;
  if (shape.size() != inferred.size()) {
    return Fail(ErrorCode::kInvalidInput, "output_shape {}", ToString(shape));
  }
  MOIRE_ASSIGN(RangeTensor * out, ctx.Make(0, x.type, shape));
  MOIRE_TRY(ctx.Reserve(x.type, inferred));
  MOIRE_TRY(ctx.Spend(static_cast<uint64_t>(x.size() + out->size())));
  const int64_t most = std::max(Count(inferred), out->size());
  for (size_t i = 0; i < indices.ints.size(); ++i) {
    if (indices.MarkAt(i) != kDecided) ctx.MayReject();
    if (indices.ints[i] >= 0 && indices.ints[i] < most) continue;
    if (indices.MarkAt(i) != kDecided) return Fail(ErrorCode::kUndecidable, "an unknown index");
    return ctx.MustReject("index {} is outside {} elements", indices.ints[i], most);
  }
  // Which of the two shapes the linear indices count in is not said.
  if (shape != inferred) return Fail(ErrorCode::kUndecidable, "output_shape {}", ToString(shape));
  Replace(*out, x, indices.ints);
  MarkAll(*out, AllMarks(indices));
  return {};
}

constexpr KernelEntry kScatterKernels[] = {
    {"Scatter", 9, kLatest, ScatterElements}, {"ScatterElements", 11, kLatest, ScatterElements},
    {"ScatterND", 11, kLatest, ScatterND},    {"TensorScatter", 24, kLatest, TensorScatter},
    {"MaxUnpool", 9, kLatest, MaxUnpool},
};

}  // namespace

std::span<const KernelEntry> ScatterKernels() { return kScatterKernels; }

}  // namespace moire
