// Reductions over axes, ArgMax and ArgMin, cumulative sums, TopK.
#include <algorithm>
#include <cmath>

#include "fuzzers/generate/op_context.h"
#include "fuzzers/generate/ops/families.h"

namespace moire {
namespace {

// A random subset of the axes, in random order, some written negative.
Ints DrawAxes(OpContext& c, int64_t rank) {
  Ints axes;
  for (int64_t axis = 0; axis < rank; ++axis) {
    if (c.random().Chance(1, 2)) axes.push_back(c.Axis(axis, rank));
  }
  if (axes.empty() && rank > 0) axes.push_back(c.Axis(c.random().Between(0, rank - 1), rank));
  if (axes.size() > 1 && c.random().Chance(1, 3)) std::ranges::reverse(axes);
  return axes;
}

bool FinishReduction(OpContext& c) {
  const int64_t rank = c.In(0).rank();
  const bool by_attribute = c.schema().HasAttribute("axes");
  if (c.random().Chance(1, 2)) c.Set("keepdims", static_cast<int64_t>(c.random().Below(2)));
  const uint64_t draw = c.random().Below(8);
  if (draw > 0 && rank > 0) {
    const Ints axes = DrawAxes(c, rank);
    if (by_attribute) {
      c.Set("axes", axes);
    } else if (!c.MakeInts(1, axes)) {
      return false;
    }
  } else if (!by_attribute && c.random().Chance(1, 2)) {
    c.Set("noop_with_empty_axes", static_cast<int64_t>(c.random().Below(2)));
    if (c.random().Chance(1, 3) && !c.MakeInts(1, {})) return false;
  }
  return c.Done();
}

bool ChooseReduce(OpContext& c) { return c.TakeAny(0) && FinishReduction(c); }
bool ChooseReduceLog(OpContext& c) { return c.TakeInRange(0, {0.02, 1e3}) && FinishReduction(c); }
// Of integers it is open where the result is rounded.
bool ChooseReduceExp(OpContext& c) {
  const bool floats = (c.b().AvailableTypes() & kFloats) != 0;
  if (!floats && c.random().Chance(3, 4)) return false;
  c.Prefer(0, kFloats);
  return c.TakeInRange(0, {-40, 40}) && FinishReduction(c);
}
bool ChooseReduceProd(OpContext& c) { return c.TakeInRange(0, {-4, 4}) && FinishReduction(c); }

bool InferReduce(InferContext& c) {
  const int64_t rank = c.rank(0);
  Ints axes = c.node.IntList("axes");
  if (c.Given(1)) {
    if (c.Known(1) == nullptr || c.rank(1) != 1) return false;
    axes = *c.Known(1);
  }
  std::vector<bool> reduced(static_cast<size_t>(rank), false);
  for (const int64_t axis : axes) {
    const auto normal = NormalizeAxis(axis, rank);
    if (!normal || reduced[static_cast<size_t>(*normal)]) return false;
    reduced[static_cast<size_t>(*normal)] = true;
  }
  if (axes.empty() && c.node.Int("noop_with_empty_axes", 0) == 0) {
    reduced.assign(reduced.size(), true);
  }
  const bool keep = c.node.Int("keepdims", 1) != 0;
  bool empty = false;
  for (size_t i = 0; i < reduced.size(); ++i) {
    const int64_t dim = c.shape(0)[i];
    if (!reduced[i]) {
      c.out[0].shape.push_back(dim);
    } else {
      empty |= dim == 0;
      if (keep) c.out[0].shape.push_back(1);
    }
  }
  // ONNX gives the empty set a value for sums and products, not for means.
  if (empty && IsBool(c.in[0]->type)) return false;
  return !(empty && c.node.op == "ReduceMean");
}

double TermsOf(const InferContext& c) {
  const double out = static_cast<double>(std::max<int64_t>(1, Count(c.out[0].shape)));
  return std::max(1.0, static_cast<double>(c.in[0]->count) / out);
}

void SumRange(InferContext& c) {
  const Range r = c.in[0]->range;
  // Terms of both signs cancel: a random walk rather than the worst case for floats.
  const double n = TermsOf(c);
  const double m = r.Magnitude() * (IsFloat(c.in[0]->type) ? 2 * std::sqrt(n) : n);
  c.out[0].range = r.lo >= 0   ? Range{r.lo, r.hi * n}
                   : r.hi <= 0 ? Range{r.lo * n, r.hi}
                               : Range{-m, m};
}
void L1Range(InferContext& c) { c.out[0].range = {0, c.in[0]->range.Magnitude() * TermsOf(c)}; }
void L2Range(InferContext& c) {
  c.out[0].range = {0, c.in[0]->range.Magnitude() * std::sqrt(TermsOf(c))};
}
void SquareRange(InferContext& c) {
  const double m = c.in[0]->range.Magnitude();
  c.out[0].range = {0, m * m * TermsOf(c)};
}
void LogSumRange(InferContext& c) {
  const double hi = std::log(std::max(1e-3, c.in[0]->range.hi * TermsOf(c)));
  c.out[0].range = {std::min(-4.0, hi), hi};
}
void LogSumExpRange(InferContext& c) {
  c.out[0].range = {c.in[0]->range.lo, c.in[0]->range.hi + std::log(TermsOf(c))};
}
void ProdRange(InferContext& c) {
  const double m = std::pow(std::max(1.0, c.in[0]->range.Magnitude()), TermsOf(c));
  c.out[0].range = {c.in[0]->range.lo < 0 ? -m : 0, m};
}

bool ChooseArg(OpContext& c) {
  if (!c.TakeRank(0, 1)) return false;
  const int64_t rank = c.In(0).rank();
  c.SetInt("axis", c.Axis(c.random().Between(0, rank - 1), rank), 0);
  if (c.random().Chance(1, 2)) c.Set("keepdims", static_cast<int64_t>(c.random().Below(2)));
  if (c.schema().HasAttribute("select_last_index") && c.random().Chance(1, 3)) {
    c.Set("select_last_index", static_cast<int64_t>(c.random().Below(2)));
  }
  return c.Done();
}

bool InferArg(InferContext& c) {
  const auto axis = NormalizeAxis(c.node.Int("axis", 0), c.rank(0));
  if (!axis || c.shape(0)[static_cast<size_t>(*axis)] == 0) return false;
  Shape shape = c.shape(0);
  if (c.node.Int("keepdims", 1) != 0) {
    shape[static_cast<size_t>(*axis)] = 1;
  } else {
    shape.erase(shape.begin() + *axis);
  }
  c.out[0].shape = std::move(shape);
  return true;
}

void IndexRange(InferContext& c) {
  int64_t largest = 1;
  const auto axis = NormalizeAxis(c.node.Int("axis", c.node.op == "TopK" ? -1 : 0), c.rank(0));
  if (axis) largest = std::max(largest, c.shape(0)[static_cast<size_t>(*axis)]);
  c.out.back().range = {0, static_cast<double>(largest - 1)};
}

bool ChooseCumSum(OpContext& c) {
  if (!c.TakeRank(0, 1)) return false;
  const int64_t rank = c.In(0).rank();
  if (c.random().Chance(1, 2)) c.Set("exclusive", static_cast<int64_t>(c.random().Below(2)));
  if (c.random().Chance(1, 2)) c.Set("reverse", static_cast<int64_t>(c.random().Below(2)));
  return c.MakeInts(1, {c.Axis(c.random().Between(0, rank - 1), rank)}, true) && c.Done();
}

bool InferCumSum(InferContext& c) {
  const Ints* axis = c.Known(1);
  return axis != nullptr && axis->size() == 1 && NormalizeAxis((*axis)[0], c.rank(0)) &&
         InferSame(c);
}

void CumulativeRange(InferContext& c) {
  int64_t longest = 1;
  for (const int64_t dim : c.shape(0)) longest = std::max(longest, dim);
  const double n = static_cast<double>(longest);
  const Range r = c.in[0]->range;
  if (c.node.op == "CumProd") {
    const double m = std::pow(std::max(1.0, r.Magnitude()), n);
    c.out[0].range = {r.lo < 0 ? -m : 0, m};
  } else {
    c.out[0].range = {std::min(0.0, r.lo * n), std::max(0.0, r.hi * n)};
  }
}

bool ChooseTopK(OpContext& c) {
  if (!c.TakeRank(0, 1)) return false;
  const int64_t rank = c.In(0).rank();
  const int64_t axis = c.random().Between(0, rank - 1);
  const int64_t dim = c.In(0).shape[static_cast<size_t>(axis)];
  c.SetInt("axis", c.Axis(axis, rank), -1);
  const bool modes = c.schema().HasAttribute("largest");
  if (modes && c.random().Chance(1, 2)) c.Set("largest", static_cast<int64_t>(c.random().Below(2)));
  if (modes && c.random().Chance(1, 4)) c.Set("sorted", int64_t{1});
  const int64_t k = c.random().Between(dim > 0 ? 1 : 0, dim);
  if (c.schema().HasAttribute("k")) {
    c.Set("k", std::max<int64_t>(k, 1));
    return c.Done(2);
  }
  return c.MakeInts(1, {k}) && c.Done(2);
}

bool InferTopK(InferContext& c) {
  const Ints stored = {c.node.Int("k", -1)};
  const bool by_attribute = c.schema.HasAttribute("k");
  const Ints* k = by_attribute ? &stored : c.Known(1);
  const auto axis = NormalizeAxis(c.node.Int("axis", -1), c.rank(0));
  if (k == nullptr || k->size() != 1 || (!by_attribute && c.rank(1) != 1) || !axis) return false;
  if ((*k)[0] < 0 || (*k)[0] > c.shape(0)[static_cast<size_t>(*axis)]) return false;
  for (OutValue& out : c.out) {
    out.shape = c.shape(0);
    out.shape[static_cast<size_t>(*axis)] = (*k)[0];
  }
  return true;
}

void TopKRange(InferContext& c) {
  c.out[0].range = c.in[0]->range;
  if (c.out.size() > 1) IndexRange(c);
}

constexpr OpEntry kReduce[] = {
    {"ArgMax", ChooseArg, InferArg, IndexRange, kExactResult | kSteps},
    {"ArgMin", ChooseArg, InferArg, IndexRange, kExactResult | kSteps},
    {"CumProd", ChooseCumSum, InferCumSum, CumulativeRange},
    {"CumSum", ChooseCumSum, InferCumSum, CumulativeRange},
    {"ReduceL1", ChooseReduce, InferReduce, L1Range},
    {"ReduceL2", ChooseReduce, InferReduce, L2Range},
    {"ReduceLogSum", ChooseReduceLog, InferReduce, LogSumRange, 0, 1.8},
    {"ReduceLogSumExp", ChooseReduceExp, InferReduce, LogSumExpRange, 0, 1.1},
    {"ReduceMax", ChooseReduce, InferReduce, nullptr, kExactResult},
    {"ReduceMean", ChooseReduce, InferReduce},
    {"ReduceMin", ChooseReduce, InferReduce, nullptr, kExactResult},
    {"ReduceProd", ChooseReduceProd, InferReduce, ProdRange},
    {"ReduceSum", ChooseReduce, InferReduce, SumRange},
    {"ReduceSumSquare", ChooseReduce, InferReduce, SquareRange},
    {"TopK", ChooseTopK, InferTopK, TopKRange, kExactResult | kSteps},
};

}  // namespace

OpTable ReduceOps() { return kReduce; }

}  // namespace moire
