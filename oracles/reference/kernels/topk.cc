// TopK, NonZero, Unique: operators whose result is an order or a choice of elements.
#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "oracles/reference/kernels/families.h"
#include "oracles/reference/kernels/interval.h"
#include "oracles/reference/kernels/movement_util.h"
#include "oracles/reference/kernels/sums.h"

namespace moire {
namespace {

// NaN ranks above every number, as in ONNX's own implementation (NumPy's sort).
bool LessWithNan(double x, double y) { return std::isnan(y) ? !std::isnan(x) : x < y; }

// -1, 0, 1 by value.
int CompareElements(const RangeTensor& t, int64_t i, int64_t j) {
  const auto a = static_cast<size_t>(i), b = static_cast<size_t>(j);
  const auto order = [](const auto& x, const auto& y) { return x < y ? -1 : (y < x ? 1 : 0); };
  if (IsFloat(t.type)) {
    if (LessWithNan(t.value[a], t.value[b])) return -1;
    return LessWithNan(t.value[b], t.value[a]) ? 1 : 0;
  }
  if (t.type == DataType::kString) return order(t.strings[a], t.strings[b]);
  if (IsUnsigned(t.type)) {
    return order(static_cast<uint64_t>(t.ints[a]), static_cast<uint64_t>(t.ints[b]));
  }
  return order(t.ints[a], t.ints[b]);
}

// An end of a run of ranges: the smallest lower (or largest upper) bound, and whether every element
// that attains it is exact.
struct Bound {
  double at;
  bool exact = true;
  void Add(double candidate, bool candidate_exact, bool smallest) {
    if (smallest ? candidate < at : candidate > at) {
      at = candidate;
      exact = candidate_exact;
    } else if (candidate == at) {
      exact = exact && candidate_exact;
    }
  }
};

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// One line of a float TopK. `line`: the elements' positions in x; `order`: their places along the
// line, best first by usual value, ties by index.
void MarkFloatLine(const RangeTensor& x, std::span<const int64_t> line,
                   std::span<const size_t> order, bool largest, std::vector<uint8_t>& index_marks) {
  const auto range = [&](size_t slot) {
    Interval e = ElementOf(x, static_cast<size_t>(line[order[slot]]));
    // Seen so that larger is better.
    return largest ? e : Interval{-e.value, -e.hi, -e.lo, e.mark};
  };
  // NaN for certain stands before or behind all others, in the order of the indices.
  const auto nans = static_cast<size_t>(std::ranges::count_if(
      line, [&](int64_t at) { return std::isnan(x.value[static_cast<size_t>(at)]); }));
  const size_t begin = largest ? nans : 0;
  const size_t n = largest ? order.size() : order.size() - nans;
  std::vector<Bound> after(n + 1, Bound{-kInfinity});  // largest upper bound of slots >= i
  for (size_t i = n; i-- > begin;) {
    after[i] = after[i + 1];
    after[i].Add(range(i).hi, range(i).exact(), false);
  }
  Bound before{kInfinity};  // smallest lower bound of slots < i
  for (size_t i = begin; i < std::min(n, index_marks.size()); ++i) {
    const Interval e = range(i);
    const bool beaten =
        i == begin || before.at > e.hi || (before.at == e.hi && before.exact && e.exact());
    const Bound& rest = after[i + 1];
    const bool beats = i + 1 == n || rest.at < e.lo || (rest.at == e.lo && rest.exact && e.exact());
    if (!beaten || !beats) index_marks[i] |= kUndecidable;
    before.Add(e.lo, e.exact(), true);
  }
}

// The k-th best of the lower ends and of the upper ends bound the k-th best value.
void StoreFloatValues(const RangeTensor& x, std::span<const int64_t> line,
                      std::span<const size_t> order, bool largest, RangeTensor& values,
                      std::span<const int64_t> targets) {
  const auto sorted = [&](const double* from) {
    std::vector<double> out;
    for (const int64_t at : line) out.push_back(from[at]);
    std::ranges::sort(out, LessWithNan);
    if (largest) std::ranges::reverse(out);
    return out;
  };
  if (!x.exact()) values.MakeRanges();
  const std::vector<double> lo = x.exact() ? std::vector<double>{} : sorted(x.Lo());
  const std::vector<double> hi = x.exact() ? std::vector<double>{} : sorted(x.Hi());
  for (size_t j = 0; j < targets.size(); ++j) {
    const auto at = static_cast<size_t>(targets[j]);
    values.value[at] = x.value[static_cast<size_t>(line[order[j]])];
    if (x.exact()) continue;
    values.lo[at] = lo[j];
    values.hi[at] = hi[j];
  }
}

Status TopK(KernelContext& ctx) {
  const RangeTensor& x = ctx.In(0);
  int64_t k = ctx.node().Int("k", -1);
  if (ctx.opset() >= 10) {
    MOIRE_ASSIGN(k, ExactInt(ctx, 1));
  }
  MOIRE_ASSIGN(const bool largest, ctx.Flag("largest", true));
  MOIRE_ASSIGN(const bool sorted, ctx.Flag("sorted", true));
  if (!IsFloat(x.type) && !IsInteger(x.type)) {
    return Fail(ErrorCode::kInvalidInput, "TopK of {}", Name(x.type));
  }
  MOIRE_ASSIGN(const int64_t axis, Axis(ctx.node().Int("axis", -1), x.shape.size()));
  const auto a = static_cast<size_t>(axis);
  if (k < 0 || k > x.shape[a]) {
    return Fail(ErrorCode::kInvalidInput, "k {} of {} elements", k, x.shape[a]);
  }
  Shape shape = x.shape;
  shape[a] = k;
  MOIRE_ASSIGN(RangeTensor * values, ctx.Make(0, x.type, shape));
  MOIRE_ASSIGN(RangeTensor * indices, ctx.Make(1, DataType::kInt64, shape));
  if (values->size() == 0) return {};
  MOIRE_TRY(ctx.Spend(static_cast<uint64_t>(x.size()) * 32));
  MOIRE_ASSIGN(const Lines from, LinesAlong(ctx, x.shape, axis, true));
  MOIRE_ASSIGN(const Lines to, LinesAlong(ctx, shape, axis, true));

  std::vector<int64_t> line, targets(static_cast<size_t>(k));
  for (size_t l = 0; l < from.start.size(); ++l) {
    uint8_t marks = sorted || k == 1 ? kDecided : kUnspecified;  // the order is undefined
    line.clear();
    for (const int64_t step : from.step) {
      line.push_back(from.start[l] + step);
      const auto at = static_cast<size_t>(line.back());
      marks |= x.MarkAt(at);
    }
    std::vector<size_t> order(line.size());
    std::iota(order.begin(), order.end(), size_t{0});
    std::ranges::sort(order, [&](size_t i, size_t j) {
      const int compared = CompareElements(x, line[i], line[j]);
      return compared != 0 ? (compared > 0) == largest : i < j;
    });
    for (size_t j = 0; j < targets.size(); ++j) targets[j] = to.start[l] + to.step[j];
    std::vector<uint8_t> index_marks(targets.size(), marks);
    if (IsFloat(x.type)) {
      StoreFloatValues(x, line, order, largest, *values, targets);
      if (!x.exact()) MarkFloatLine(x, line, order, largest, index_marks);
    }
    for (size_t j = 0; j < targets.size(); ++j) {
      const auto at = static_cast<size_t>(targets[j]);
      if (!IsFloat(x.type)) values->ints[at] = x.ints[static_cast<size_t>(line[order[j]])];
      indices->ints[at] = static_cast<int64_t>(order[j]);
      values->AddMark(at, marks);
      indices->AddMark(at, index_marks[j]);
    }
  }
  return {};
}

// The number of results depends on the values: none may be marked or known only as a range.
Status RequireExact(const RangeTensor& x) {
  if (AllMarks(x) != kDecided) return Fail(ErrorCode::kUndecidable, "a marked element decides");
  for (size_t i = 0; !x.exact() && i < x.value.size(); ++i) {
    if (x.lo[i] != x.hi[i]) return Fail(ErrorCode::kUndecidable, "a range decides structure");
  }
  return {};
}

Status NonZero(KernelContext& ctx) {
  const RangeTensor& x = ctx.In(0);
  if (x.type == DataType::kString) return Fail(ErrorCode::kUnsupported, "NonZero of strings");
  if (AllMarks(x) != kDecided) return Fail(ErrorCode::kUndecidable, "a marked element decides");
  MOIRE_TRY(ctx.Spend(static_cast<uint64_t>(x.size())));
  MOIRE_TRY(ctx.Reserve(DataType::kInt64, x.shape));
  Ints found;
  for (int64_t i = 0; i < x.size(); ++i) {
    const auto at = static_cast<size_t>(i);
    if (!IsFloat(x.type)) {
      if (x.ints[at] != 0) found.push_back(i);
      continue;
    }
    const bool may_be_zero = x.Lo()[at] <= 0 && x.Hi()[at] >= 0;
    if (may_be_zero && x.Lo()[at] != x.Hi()[at]) {
      return Fail(ErrorCode::kUndecidable, "element {} may be zero or not", i);
    }
    if (!may_be_zero) found.push_back(i);
  }
  // A scalar gives a shape of 0 x N, by the page's note.
  const Shape strides = Strides(x.shape);
  const auto n = static_cast<int64_t>(found.size());
  MOIRE_ASSIGN(RangeTensor * out,
               ctx.Make(0, DataType::kInt64, {static_cast<int64_t>(x.shape.size()), n}));
  for (size_t d = 0; d < x.shape.size(); ++d) {
    for (size_t i = 0; i < found.size(); ++i) {
      out->ints[d * found.size() + i] = found[i] / strides[d] % x.shape[d];
    }
  }
  return {};
}

Status Unique(KernelContext& ctx) {
  const RangeTensor& x = ctx.In(0);
  MOIRE_TRY(RequireExact(x));
  for (const double value : x.value) {
    // Whether NaN equals NaN here is not said.
    if (std::isnan(value)) return Fail(ErrorCode::kUndecidable, "NaN");
  }
  const bool flat = ctx.node().Find("axis") == nullptr;
  const Shape view = flat ? Shape{x.size()} : x.shape;
  int64_t axis = 0;
  if (!flat) {
    MOIRE_ASSIGN(axis, Axis(ctx.node().Int("axis", 0), view.size()));
  }
  const auto a = static_cast<size_t>(axis);
  const int64_t n = view[a];
  if (x.size() == 0) return Fail(ErrorCode::kUndecidable, "an empty input");
  // Subtensor i along the axis holds the elements start[j] + i * stride.
  MOIRE_ASSIGN(const Lines lines, LinesAlong(ctx, view, axis, true));
  const int64_t stride = Strides(view)[a];
  const auto compare = [&](int64_t i, int64_t j) {
    for (const int64_t start : lines.start) {
      const int compared = CompareElements(x, start + i * stride, start + j * stride);
      if (compared != 0) return compared;
    }
    return 0;
  };
  MOIRE_TRY(ctx.Spend(static_cast<uint64_t>(x.size()) * 40));
  Ints order(static_cast<size_t>(n));
  std::iota(order.begin(), order.end(), int64_t{0});
  std::ranges::sort(order, [&](int64_t i, int64_t j) {
    const int compared = compare(i, j);
    return compared != 0 ? compared < 0 : i < j;
  });
  struct Group {
    int64_t first;
    int64_t count;
  };
  std::vector<Group> groups;
  Ints group_of(order.size());
  for (size_t k = 0; k < order.size(); ++k) {
    if (k == 0 || compare(order[k - 1], order[k]) != 0) groups.push_back({order[k], 0});
    ++groups.back().count;
    group_of[static_cast<size_t>(order[k])] = static_cast<int64_t>(groups.size()) - 1;
  }
  // The groups' places in the output: ascending, or by first occurrence.
  Ints place(groups.size()), by_place(groups.size());
  std::iota(by_place.begin(), by_place.end(), int64_t{0});
  MOIRE_ASSIGN(const bool sorted, ctx.Flag("sorted", true));
  if (!sorted) {
    std::ranges::sort(by_place, {},
                      [&](int64_t g) { return groups[static_cast<size_t>(g)].first; });
  }
  for (size_t p = 0; p < by_place.size(); ++p) {
    place[static_cast<size_t>(by_place[p])] = static_cast<int64_t>(p);
  }

  Shape shape = view;
  shape[a] = static_cast<int64_t>(groups.size());
  MOIRE_ASSIGN(std::vector<AxisTable> tables, MakeAxisTables(ctx, shape));
  const Shape strides = Strides(view);
  for (size_t d = 0; d < tables.size(); ++d) {
    for (size_t i = 0; i < tables[d].size(); ++i) {
      const int64_t at =
          d == a ? groups[static_cast<size_t>(by_place[i])].first : static_cast<int64_t>(i);
      tables[d][i] = at * strides[d];
    }
  }
  MOIRE_ASSIGN(const std::vector<int64_t> index, IndexMap(ctx, tables));
  MOIRE_TRY(Move(ctx, 0, x, std::move(shape), index));
  const auto emit = [&](size_t output, size_t count, auto value) -> Status {
    if (!ctx.Wants(output)) return {};
    MOIRE_ASSIGN(RangeTensor * out,
                 ctx.Make(output, DataType::kInt64, {static_cast<int64_t>(count)}));
    for (size_t i = 0; i < count; ++i) out->ints[i] = value(i);
    return {};
  };
  const auto group_at = [&](size_t p) { return groups[static_cast<size_t>(by_place[p])]; };
  MOIRE_TRY(emit(1, groups.size(), [&](size_t p) { return group_at(p).first; }));
  MOIRE_TRY(
      emit(2, group_of.size(), [&](size_t i) { return place[static_cast<size_t>(group_of[i])]; }));
  return emit(3, groups.size(), [&](size_t p) { return group_at(p).count; });
}

constexpr KernelEntry kTopKKernels[] = {
    {"TopK", 1, kLatest, TopK},
    {"NonZero", 9, kLatest, NonZero},
    {"Unique", 11, kLatest, Unique},
};

}  // namespace

std::span<const KernelEntry> TopKKernels() { return kTopKKernels; }

}  // namespace moire
