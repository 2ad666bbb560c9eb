#include "fuzzers/values/wants.h"

#include <algorithm>
#include <cstdint>
#include <string_view>
#include <unordered_map>

namespace moire {
namespace {

struct Row {
  std::string_view op;
  size_t input;
  Range range;
  bool varied = false;
};

// Inside the domain of each function by a margin that the ranges of a chain of roundings do not
// cross (float16 included), and small enough for what follows.
constexpr Range kUnitOpen{-0.9, 0.9};
constexpr Range kPositive{0.2, 4};
constexpr Range kModerate{-4, 4};
constexpr Range kSmall{-2, 2};

constexpr Row kRows[] = {
    {"Acos", 0, kUnitOpen},
    {"Acosh", 0, {1.3, 6}},
    {"Asin", 0, kUnitOpen},
    {"Atanh", 0, kUnitOpen},
    {"BatchNormalization", 4, kPositive},
    {"BitShift", 1, {0, 3}},
    {"Cosh", 0, kModerate},
    {"Div", 1, kPositive},
    {"Exp", 0, kModerate},
    {"Log", 0, kPositive},
    {"LpNormalization", 0, {0.3, 2}},
    {"Mod", 1, {1, 4}, true},
    {"Mod", 0, {1, 4}, true},
    {"Pow", 0, {0.4, 2}},
    {"Pow", 1, kSmall},
    {"Reciprocal", 0, kPositive},
    {"ReduceLogSum", 0, kPositive},
    {"ReduceLogSumExp", 0, kModerate},
    {"ReduceProd", 0, {0.7, 1.4}},
    {"Sinh", 0, kModerate},
    {"Sqrt", 0, kPositive},
    {"Tan", 0, {-1.1, 1.1}},
};

const std::unordered_multimap<std::string_view, const Row*>& Rows() {
  static const auto rows = [] {
    std::unordered_multimap<std::string_view, const Row*> out;
    for (const Row& row : kRows) out.emplace(row.op, &row);
    return out;
  }();
  return rows;
}

}  // namespace

std::vector<Want> WantsOf(const TracedGraph& graph, size_t node) {
  std::vector<Want> out;
  const std::vector<int>& inputs = graph.inputs(node);
  const auto [first, last] = Rows().equal_range(graph.node(node).op);
  for (auto row = first; row != last; ++row) {
    const size_t input = row->second->input;
    if (input < inputs.size() && inputs[input] >= 0) {
      out.push_back({inputs[input], row->second->range, row->second->varied});
    }
  }
  if (!out.empty()) return out;
  // An overflow, or a step or tie within the range: values that are moderate and differ.
  for (const int id : inputs) {
    if (id < 0) continue;
    const Seen& seen = graph.seen(id);
    if (!IsFloat(seen.type) && !IsInteger(seen.type)) continue;
    const bool large = seen.hull.Magnitude() > 16;
    const Range range = large ? (seen.hull.lo >= 0 ? kPositive : kModerate) : seen.hull;
    out.push_back({id, range, true});
  }
  return out;
}

}  // namespace moire
