// Reductions of the faulty runtime.
#include <algorithm>
#include <cmath>

#include "tests/faulty/node_run.h"

namespace moire::faulty {
namespace {

// What one output element of a reduction reads, as flat indices.
struct Groups {
  Shape shape;       // of the output
  Shape kept_shape;  // with the reduced axes as 1
  std::vector<std::vector<size_t>> members;
};

Result<Groups> GroupsOf(const NodeRun& run, const Ints& axes) {
  const Value& x = run.In(0);
  std::vector<bool> reduced(x.shape.size(), axes.empty() && run.node.Int("noop_with_empty_axes", 0) == 0);
  for (const int64_t axis : axes) {
    const auto at = NormalizeAxis(axis, run.rank(0));
    if (!at) return run.Bad("axis");
    reduced[static_cast<size_t>(*at)] = true;
  }
  Groups groups;
  const bool keep = run.node.Int("keepdims", 1) != 0 || run.Faulty(FaultKind::kKeepDims);
  groups.kept_shape = x.shape;
  for (size_t k = 0; k < reduced.size(); ++k) {
    if (reduced[k]) groups.kept_shape[k] = 1;
    if (!reduced[k]) groups.shape.push_back(x.shape[k]);
    else if (keep) groups.shape.push_back(1);
  }
  groups.members.resize(static_cast<size_t>(Count(groups.kept_shape)));
  const std::vector<int64_t> target = BroadcastIndex(groups.kept_shape, x.shape);
  for (size_t k = 0; k < target.size(); ++k) {
    groups.members[static_cast<size_t>(target[k])].push_back(k);
  }
  return groups;
}

enum class Sum { kSum, kMean, kSquare, kAbsolute, kRoot };

template <typename T>
T SumOf(NodeRun& run, Sum kind, std::vector<T> terms) {
  Arithmetic arithmetic = run.arithmetic;
  if (run.Faulty(FaultKind::kHalfSum)) arithmetic.step = DataType::kFloat16;
  const size_t n = terms.size();
  if (kind == Sum::kAbsolute) {
    for (T& x : terms) x = std::abs(x);
  }
  if (kind == Sum::kSquare || kind == Sum::kRoot) {
    const std::vector<T> copy = terms;
    const T sum = arithmetic.Dot(copy, terms);
    return kind == Sum::kRoot ? std::sqrt(sum) : sum;
  }
  const T sum = arithmetic.Sum(std::move(terms));
  if (kind != Sum::kMean) return sum;
  const T count = static_cast<T>(n);
  return run.random.Chance(1, 2) ? sum * (T{1} / count) : sum / count;
}

template <Sum kKind>
Status Sums(NodeRun& run) {
  const Value& x = run.In(0);
  MOIRE_ASSIGN(const Groups groups, GroupsOf(run, AxesOf(run, 1)));
  Value& out = run.Make(x.type, groups.shape);
  const auto apply = [&]<typename T>(const std::vector<T>& from, std::vector<T>& to) {
    for (size_t k = 0; k < to.size(); ++k) {
      std::vector<T> terms;
      for (const size_t at : groups.members[k]) terms.push_back(from[at]);
      if (terms.empty() && kKind != Sum::kSum) return false;
      to[k] = SumOf(run, kKind, std::move(terms));
    }
    return true;
  };
  switch (StorageOf(x.type)) {
    case Storage::kFloat:
      return apply(x.f, out.f) ? Status() : Status(run.Unsupported());
    case Storage::kDouble:
      return apply(x.d, out.d) ? Status() : Status(run.Unsupported());
    default:
      break;
  }
  if (StorageOf(x.type) == Storage::kNone || IsBool(x.type)) return run.Unsupported();
  if (kKind != Sum::kSum && kKind != Sum::kSquare && kKind != Sum::kAbsolute) return run.Unsupported();
  for (size_t k = 0; k < out.i.size(); ++k) {
    uint64_t sum = 0;
    for (const size_t at : groups.members[k]) {
      auto term = static_cast<uint64_t>(x.i[at]);
      if (kKind == Sum::kSquare) term *= term;
      if (kKind == Sum::kAbsolute && IsSigned(x.type) && x.i[at] < 0) term = 0 - term;
      sum += term;
    }
    out.i[k] = Wrap(x.type, static_cast<int64_t>(sum));
  }
  return {};
}

Status Product(NodeRun& run) {
  const Value& x = run.In(0);
  MOIRE_ASSIGN(const Groups groups, GroupsOf(run, AxesOf(run, 1)));
  Value& out = run.Make(x.type, groups.shape);
  const auto apply = [&]<typename T>(const std::vector<T>& from, std::vector<T>& to) {
    for (size_t k = 0; k < to.size(); ++k) {
      T product = 1;
      for (const size_t at : groups.members[k]) product *= from[at];
      to[k] = product;
    }
  };
  apply(x.f, out.f);
  apply(x.d, out.d);
  for (size_t k = 0; k < out.i.size(); ++k) {
    uint64_t product = 1;
    for (const size_t at : groups.members[k]) product *= static_cast<uint64_t>(x.i[at]);
    out.i[k] = Wrap(x.type, static_cast<int64_t>(product));
  }
  return StorageOf(x.type) == Storage::kNone ? Status(run.Unsupported()) : Status();
}

template <bool kMax>
Status Extreme(NodeRun& run) {
  const Value& x = run.In(0);
  MOIRE_ASSIGN(const Groups groups, GroupsOf(run, AxesOf(run, 1)));
  Value& out = run.Make(x.type, groups.shape);
  const auto apply = [&](const auto& from, auto& to, const auto& better) {
    for (size_t k = 0; k < to.size(); ++k) {
      if (groups.members[k].empty()) return false;
      to[k] = from[groups.members[k][0]];
      for (const size_t at : groups.members[k]) {
        if (better(from[at], to[k])) to[k] = from[at];
      }
    }
    return true;
  };
  const auto better = [](auto a, auto b) { return std::isnan(a) || (kMax ? a > b : a < b); };
  switch (StorageOf(x.type)) {
    case Storage::kFloat:
      return apply(x.f, out.f, better) ? Status() : Status(run.Unsupported());
    case Storage::kDouble:
      return apply(x.d, out.d, better) ? Status() : Status(run.Unsupported());
    case Storage::kInt:
      return apply(x.i, out.i,
                   [&](int64_t a, int64_t b) {
                     return kMax ? LessInt(x.type, b, a) : LessInt(x.type, a, b);
                   })
                 ? Status()
                 : Status(run.Unsupported());
    default:
      return run.Unsupported();
  }
}

template <bool kMax>
Status ArgExtreme(NodeRun& run) {
  const Value& x = run.In(0);
  const auto axis = NormalizeAxis(run.node.Int("axis", 0), run.rank(0));
  if (!axis) return run.Bad("axis");
  const bool last = (run.node.Int("select_last_index", 0) != 0) != run.Faulty(FaultKind::kLastTie);
  const Lines lines = LinesOf(x.shape, *axis);
  if (lines.length == 0) return run.Unsupported();
  Shape shape = x.shape;
  shape[static_cast<size_t>(*axis)] = 1;
  if (run.node.Int("keepdims", 1) == 0) shape.erase(shape.begin() + *axis);
  Value& out = run.Make(DataType::kInt64, shape);
  const auto apply = [&](const auto& from, const auto& better) {
    for (int64_t line = 0; line < lines.count(); ++line) {
      int64_t best = 0;
      for (int64_t k = 1; k < lines.length; ++k) {
        const auto a = from[static_cast<size_t>(lines.At(line, k))];
        const auto b = from[static_cast<size_t>(lines.At(line, best))];
        if (better(a, b) || (last && !better(b, a))) best = k;
      }
      out.i[static_cast<size_t>(line)] = best;
    }
  };
  // NaN wins against any number, as in NumPy.
  const auto better = [](auto a, auto b) {
    if (std::isnan(a) || std::isnan(b)) return !std::isnan(b);
    return kMax ? a > b : a < b;
  };
  switch (StorageOf(x.type)) {
    case Storage::kFloat:
      apply(x.f, better);
      return {};
    case Storage::kDouble:
      apply(x.d, better);
      return {};
    case Storage::kInt:
      apply(x.i, [&](int64_t a, int64_t b) {
        return kMax ? LessInt(x.type, b, a) : LessInt(x.type, a, b);
      });
      return {};
    default:
      return run.Unsupported();
  }
}

Status CumSum(NodeRun& run) {
  const Value& x = run.In(0);
  const Value& axis_value = run.In(1);
  if (StorageOf(x.type) == Storage::kNone || axis_value.size() != 1) return run.Unsupported();
  const auto axis = NormalizeAxis(axis_value.i[0], run.rank(0));
  if (!axis) return run.Bad("axis");
  const bool exclusive = run.node.Int("exclusive", 0) != 0;
  const bool reverse = run.node.Int("reverse", 0) != 0;
  const Lines lines = LinesOf(x.shape, *axis);
  Value& out = run.Make(x.type, x.shape);
  const auto apply = [&](const auto& from, auto& to, const auto& add) {
    if (from.empty()) return;
    for (int64_t line = 0; line < lines.count(); ++line) {
      auto sum = from[0];
      sum = 0;
      for (int64_t k = 0; k < lines.length; ++k) {
        const auto at = static_cast<size_t>(lines.At(line, reverse ? lines.length - 1 - k : k));
        if (exclusive) to[at] = sum;
        sum = k == 0 ? from[at] : add(sum, from[at]);
        if (!exclusive) to[at] = sum;
      }
    }
  };
  apply(x.f, out.f, [&](float a, float b) { return run.arithmetic.Add(a, b); });
  apply(x.d, out.d, [](double a, double b) { return a + b; });
  apply(x.i, out.i, [&](int64_t a, int64_t b) {
    return Wrap(x.type, static_cast<int64_t>(static_cast<uint64_t>(a) + static_cast<uint64_t>(b)));
  });
  return {};
}

constexpr KernelRow kRows[] = {
    {"ReduceSum", Sums<Sum::kSum>},
    {"ReduceMean", Sums<Sum::kMean>},
    {"ReduceSumSquare", Sums<Sum::kSquare>},
    {"ReduceL1", Sums<Sum::kAbsolute>},
    {"ReduceL2", Sums<Sum::kRoot>},
    {"ReduceProd", Product},
    {"ReduceMax", Extreme<true>},
    {"ReduceMin", Extreme<false>},
    {"ArgMax", ArgExtreme<true>},
    {"ArgMin", ArgExtreme<false>},
    {"CumSum", CumSum},
};

}  // namespace

std::span<const KernelRow> ReduceKernels() { return kRows; }

}  // namespace moire::faulty
