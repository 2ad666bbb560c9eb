#include "fuzzers/values/pull.h"

#include <algorithm>
#include <cmath>
#include <string_view>
#include <unordered_map>

namespace moire {
namespace {

// How a wanted range goes through an operator.
enum class Way : uint8_t {
  kMove,     // elements are moved or selected, or lie between those of the inputs
  kInverse,  // y = f(x), monotone where it matters: x = f^-1(y)
  kProduct,  // homogeneous in each input: a scaled input scales the output
  kSum,      // a shifted input shifts the output
};

using Inverse = double (*)(double);

struct Row {
  std::string_view op;
  Way way;
  uint32_t inputs = 1;  // bits: those whose elements come through
  Inverse inverse = nullptr;
};

double Same(double y) { return y; }
double Square(double y) { return y < 0 ? 0 : y * y; }
double Root(double y) { return std::sqrt(std::max(y, 0.0)); }
double Negated(double y) { return -y; }
double Inverted(double y) { return 1 / (std::abs(y) < 0.05 ? std::copysign(0.05, y) : y); }
double LogOf(double y) { return std::log(std::max(y, 1e-3)); }
double ExpOf(double y) { return std::exp(std::min(y, 20.0)); }
double AtanhOf(double y) { return std::atanh(std::clamp(y, -0.995, 0.995)); }
double Logit(double y) {
  const double p = std::clamp(y, 0.005, 0.995);
  return std::log(p / (1 - p));
}
double TanOf(double y) { return std::tan(std::clamp(y, -1.5, 1.5)); }
double CosOf(double y) { return std::cos(std::clamp(y, 0.0, 3.14)); }
double SinOf(double y) { return std::sin(std::clamp(y, -1.57, 1.57)); }
double AsinOf(double y) { return std::asin(std::clamp(y, -1.0, 1.0)); }
double AcosOf(double y) { return std::acos(std::clamp(y, -1.0, 1.0)); }
double AcoshOf(double y) { return std::acosh(std::max(y, 1.0)); }
double CoshOf(double y) { return std::cosh(std::min(y, 20.0)); }
double Unsoftsign(double y) {
  const double x = std::clamp(y, -0.98, 0.98);
  return x / (1 - std::abs(x));
}
double Unsoftplus(double y) { return std::log(std::expm1(std::max(y, 0.01))); }
double Unhardsigmoid(double y) { return (std::clamp(y, 0.02, 0.98) - 0.5) / 0.2; }

constexpr uint32_t kAll = ~0u;

constexpr Row kRows[] = {
    {"Abs", Way::kInverse, 1, Same},
    {"Acos", Way::kInverse, 1, CosOf},
    {"Acosh", Way::kInverse, 1, CoshOf},
    {"Add", Way::kSum, 3},
    {"Asin", Way::kInverse, 1, SinOf},
    {"Asinh", Way::kInverse, 1, [](double y) { return std::sinh(std::clamp(y, -10.0, 10.0)); }},
    {"Atan", Way::kInverse, 1, TanOf},
    {"Atanh", Way::kInverse, 1, [](double y) { return std::tanh(y); }},
    {"AveragePool", Way::kMove},
    {"BatchNormalization", Way::kSum, 4},
    {"Cast", Way::kMove},
    {"CastLike", Way::kMove},
    {"Ceil", Way::kMove},
    {"Celu", Way::kMove},
    {"CenterCropPad", Way::kMove},
    {"Clip", Way::kMove, 7},
    {"Compress", Way::kMove},
    {"Concat", Way::kMove, kAll},
    {"Conv", Way::kProduct, 3},
    {"ConvTranspose", Way::kProduct, 3},
    {"Cos", Way::kInverse, 1, AcosOf},
    {"Cosh", Way::kInverse, 1, AcoshOf},
    {"CumSum", Way::kProduct},
    {"DepthToSpace", Way::kMove},
    {"Div", Way::kProduct},
    {"Dropout", Way::kMove},
    {"Einsum", Way::kProduct, 3},
    {"Elu", Way::kMove},
    {"Erf", Way::kInverse, 1, AtanhOf},  // close enough to tanh to aim with
    {"Exp", Way::kInverse, 1, LogOf},
    {"Expand", Way::kMove},
    {"Flatten", Way::kMove},
    {"Floor", Way::kMove},
    {"Gather", Way::kMove},
    {"GatherElements", Way::kMove},
    {"GatherND", Way::kMove},
    {"Gelu", Way::kMove},
    {"Gemm", Way::kProduct, 3},
    {"GlobalAveragePool", Way::kMove},
    {"GlobalLpPool", Way::kProduct},
    {"GlobalMaxPool", Way::kMove},
    {"GroupNormalization", Way::kSum, 4},
    {"HardSigmoid", Way::kInverse, 1, Unhardsigmoid},
    {"HardSwish", Way::kMove},
    {"Identity", Way::kMove},
    {"InstanceNormalization", Way::kSum, 4},
    {"LRN", Way::kProduct},
    {"LayerNormalization", Way::kSum, 4},
    {"LeakyRelu", Way::kMove},
    {"Log", Way::kInverse, 1, ExpOf},
    {"LpPool", Way::kProduct},
    {"MatMul", Way::kProduct, 3},
    {"Max", Way::kMove, kAll},
    {"MaxPool", Way::kMove},
    {"Mean", Way::kMove, kAll},
    {"Min", Way::kMove, kAll},
    {"Mish", Way::kMove},
    {"Mul", Way::kProduct, 3},
    {"Neg", Way::kInverse, 1, Negated},
    {"OneHot", Way::kMove, 4},
    {"PRelu", Way::kMove},
    {"Pad", Way::kMove, 1 | 4},
    {"Pow", Way::kProduct},
    {"Reciprocal", Way::kInverse, 1, Inverted},
    {"ReduceL1", Way::kProduct},
    {"ReduceL2", Way::kProduct},
    {"ReduceLogSum", Way::kInverse, 1, ExpOf},
    {"ReduceLogSumExp", Way::kMove},
    {"ReduceMax", Way::kMove},
    {"ReduceMean", Way::kMove},
    {"ReduceMin", Way::kMove},
    {"ReduceProd", Way::kMove},
    {"ReduceSum", Way::kProduct},
    {"ReduceSumSquare", Way::kInverse, 1, Root},
    {"Relu", Way::kMove},
    {"Reshape", Way::kMove},
    {"Resize", Way::kMove},
    {"ReverseSequence", Way::kMove},
    {"RMSNormalization", Way::kProduct, 2},
    {"Round", Way::kMove},
    {"Scatter", Way::kMove, 5},
    {"ScatterElements", Way::kMove, 5},
    {"ScatterND", Way::kMove, 5},
    {"Selu", Way::kMove},
    {"Shrink", Way::kMove},
    {"Sigmoid", Way::kInverse, 1, Logit},
    {"Sin", Way::kInverse, 1, AsinOf},
    {"Sinh", Way::kInverse, 1, [](double y) { return std::asinh(y); }},
    {"Slice", Way::kMove},
    {"Softplus", Way::kInverse, 1, Unsoftplus},
    {"Softsign", Way::kInverse, 1, Unsoftsign},
    {"SpaceToDepth", Way::kMove},
    {"Split", Way::kMove},
    {"Sqrt", Way::kInverse, 1, Square},
    {"Squeeze", Way::kMove},
    {"Sub", Way::kSum, 3},
    {"Sum", Way::kSum, kAll},
    {"Swish", Way::kMove},
    {"Tan", Way::kInverse, 1, [](double y) { return std::atan(y); }},
    {"Tanh", Way::kInverse, 1, AtanhOf},
    {"ThresholdedRelu", Way::kMove},
    {"Tile", Way::kMove},
    {"TopK", Way::kMove},
    {"Transpose", Way::kMove},
    {"Trilu", Way::kMove},
    {"Unsqueeze", Way::kMove},
    {"Upsample", Way::kMove},
    {"Where", Way::kMove, 6},
};

const Row* Find(std::string_view op) {
  static const auto rows = [] {
    std::unordered_map<std::string_view, const Row*> out;
    for (const Row& row : kRows) out.emplace(row.op, &row);
    return out;
  }();
  const auto found = rows.find(op);
  return found == rows.end() ? nullptr : found->second;
}

double Width(Range range) { return range.hi - range.lo; }
double Middle(Range range) { return (range.lo + range.hi) / 2; }

// The paths of one want; each source once.
class Puller {
 public:
  Puller(const TracedGraph& graph, LeafWants& leaves)
      : graph_(graph), leaves_(leaves), met_(graph.values(), false) {}

  void Follow(int value, Range range, bool varied) {
    if (value < 0 || met_[static_cast<size_t>(value)] || !(range.lo <= range.hi)) return;
    met_[static_cast<size_t>(value)] = true;
    const Seen& seen = graph_.seen(value);
    if (!IsFloat(seen.type) && !IsInteger(seen.type)) return;
    if (graph_.leaf(value) != nullptr) return Reach(value, range, varied);
    const int maker = graph_.producer(value);
    if (maker < 0) return;
    const auto node = static_cast<size_t>(maker);
    const Row* row = Find(graph_.node(node).op);
    if (row == nullptr) return;
    switch (row->way) {
      case Way::kMove:
        return Each(node, row->inputs, [&](size_t, int) { return range; }, varied);
      case Way::kInverse:
        return Each(
            node, row->inputs, [&](size_t, int) { return Monotone(range, row->inverse); }, varied);
      case Way::kProduct:
        return Product(node, row->inputs, seen.hull, range, varied);
      case Way::kSum:
        return Sum(node, row->inputs, seen.hull, range, varied);
    }
  }

 private:
  void Reach(int value, Range range, bool varied) {
    const auto [found, added] = leaves_.try_emplace(value, Want{value, range, varied});
    if (added) return;
    Want& want = found->second;
    want.varied |= varied;
    const Range both{std::max(want.range.lo, range.lo), std::min(want.range.hi, range.hi)};
    want.range = both.lo < both.hi ? both : range;
  }

  template <typename RangeOf>
  void Each(size_t node, uint32_t inputs, RangeOf range_of, bool varied) {
    const std::vector<int>& ids = graph_.inputs(node);
    for (size_t i = 0; i < std::min<size_t>(ids.size(), 32); ++i) {
      if ((inputs >> i & 1) != 0 && ids[i] >= 0) Follow(ids[i], range_of(i, ids[i]), varied);
    }
  }

  // One sign is reached with factors of one sign each; a scale alone keeps the signs.
  void Product(size_t node, uint32_t inputs, Range hull, Range range, bool varied) {
    const auto keeps = [&](double scale) {
      return hull.lo * scale >= range.lo && hull.hi * scale <= range.hi;
    };
    const double largest = std::max(hull.Magnitude(), 1e-6);
    const double most = std::max(std::abs(range.lo), std::abs(range.hi));
    const bool one_sign = range.lo > 0 || range.hi < 0;
    if (!one_sign || keeps(most / largest)) {
      const double scale = std::min(1.0, most / largest);
      return Each(
          node, inputs & (~inputs + 1),
          [&](size_t, int id) { return Scaled(graph_.seen(id).hull, scale); }, varied);
    }
    // How much larger the result is than the product of the factors: the terms of its sums.
    double factors = 1;
    const std::vector<int>& ids = graph_.inputs(node);
    size_t count = 0;
    for (size_t i = 0; i < std::min<size_t>(ids.size(), 32); ++i) {
      if ((inputs >> i & 1) == 0 || ids[i] < 0) continue;
      factors *= std::max(graph_.seen(ids[i]).hull.Magnitude(), 1e-3);
      ++count;
    }
    if (count == 0) return;
    const double terms = std::max(largest / factors, 1e-3);
    const double target = std::pow(0.6 * most / terms, 1.0 / static_cast<double>(count));
    bool first = true;
    Each(
        node, inputs,
        [&](size_t, int) {
          const double sign = range.hi < 0 && std::exchange(first, false) ? -1 : 1;
          return Scaled({0.7 * target, target}, sign);
        },
        varied);
  }

  // Every input narrower, one of them moved.
  void Sum(size_t node, uint32_t inputs, Range hull, Range range, bool varied) {
    const double width = Width(hull);
    const double scale = width > 0 ? std::min(1.0, 0.9 * Width(range) / width) : 1;
    const bool minus = graph_.node(node).op == "Sub";
    // Of x + x each moves half of the way.
    const std::vector<int>& ids = graph_.inputs(node);
    const auto repeats = ids.empty() ? 0 : std::ranges::count(ids, ids[0]);
    const double shift =
        (Middle(range) - scale * Middle(hull)) / static_cast<double>(std::max<int64_t>(repeats, 1));
    bool moved = false;
    Each(
        node, inputs,
        [&](size_t i, int id) {
          const Range part = Scaled(graph_.seen(id).hull, scale);
          if (moved) return part;
          moved = true;
          return minus && i == 1 ? Difference(part, {shift, shift})
                                 : moire::Sum(part, {shift, shift});
        },
        varied);
  }

  const TracedGraph& graph_;
  LeafWants& leaves_;
  std::vector<bool> met_;
};

}  // namespace

void Pull(const TracedGraph& graph, const Want& want, LeafWants& leaves) {
  Puller(graph, leaves).Follow(want.value, want.range, want.varied);
}

}  // namespace moire
