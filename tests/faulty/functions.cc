// Functions of one variable in the faulty runtime. Elementary ones are computed precisely and then put
// off by up to what the accuracy table allows, in a direction that the case's hash decides.
#include <algorithm>
#include <cmath>
#include <limits>

#include "oracles/reference/accuracy.h"
#include "tests/faulty/node_run.h"

namespace moire::faulty {
namespace {

using Real = long double;

struct Function {
  Real (*f)(Real x, const Node& node);
  // Size of the formula's intermediates, the unit of scale_ulps.
  double (*scale)(double x, const Node& node);
};

Real SigmoidOf(Real x) { return x >= 0 ? 1 / (1 + std::exp(-x)) : std::exp(x) / (1 + std::exp(x)); }
Real SoftplusOf(Real x) {
  return x > 0 ? x + std::log1p(std::exp(-x)) : std::log1p(std::exp(x));
}
Real Alpha(const Node& node, float otherwise) {
  return static_cast<Real>(node.Float("alpha", otherwise));
}
double None(double, const Node&) { return 0; }
double One(double, const Node&) { return 1; }
double Magnitude(double x, const Node&) { return std::abs(x); }

// The row's words, not the reference's code.
double Allowed(DataType type, double y, const Accuracy& row, double scale) {
  return row.ulps * Ulp(type, y) + row.scale_ulps * UnitRoundoff(type) * scale;
}

// What no implementation leaves: the results' range, and arguments whose result is exact.
struct Limits {
  std::string_view op;
  double low, high;
  double exact_from = 0, exact_to = 0;
};
constexpr double kEver = std::numeric_limits<double>::infinity();
constexpr Limits kLimits[] = {
    {"Exp", 0, kEver},     {"Sigmoid", 0, 1, 1, -1},       {"Softplus", 0, kEver, 1, -1},
    {"Sin", -1, 1},        {"Cos", -1, 1},                 {"Elu", -kEver, kEver, 0, kEver},
};
Limits LimitsOf(std::string_view op) {
  for (const Limits& limits : kLimits) {
    if (limits.op == op) return limits;
  }
  return {op, -kEver, kEver};
}

template <typename T>
T Nudge(NodeRun& run, DataType type, double x, Real exact, const Accuracy& row, double scale,
        const Limits& limits) {
  const auto y = static_cast<double>(exact);
  const bool known = std::isinf(x) || (x >= limits.exact_from && x <= limits.exact_to);
  if (!std::isfinite(y) || y == 0 || known) return static_cast<T>(exact);
  // The reference's own libm may use up one of the row's ulps in double.
  const double share = (type == DataType::kDouble ? 0.75 : 0.999) * (2 * run.random.Unit() - 1);
  const Real off = exact + static_cast<Real>(share * Allowed(type, y, row, scale));
  return static_cast<T>(std::clamp<Real>(off, limits.low, limits.high));
}

// How far to one side an argument may be off, for the functions whose argument is reduced in the type.
bool ReducesArgument(std::string_view op) { return op == "Sin" || op == "Cos" || op == "Tan"; }

template <auto kFunction, auto kScale>
Status Elementary(NodeRun& run) {
  const Value& x = run.In(0);
  if (!IsFloat(x.type) || StorageOf(x.type) == Storage::kNone) return run.Unsupported();
  const Accuracy& row = FindAccuracy(run.node.op, x.type);
  const Limits limits = LimitsOf(run.node.op);
  Value& out = run.Make(x.type, x.shape);
  const auto apply = [&]<typename T>(const std::vector<T>& from, std::vector<T>& to) {
    for (size_t k = 0; k < from.size(); ++k) {
      const auto at = static_cast<double>(from[k]);
      const Real y = kFunction(static_cast<Real>(at), run.node);
      const double scale = ReducesArgument(run.node.op) ? 0 : kScale(at, run.node);
      to[k] = Nudge<T>(run, x.type, at, y, row, scale, limits);
    }
  };
  apply(x.f, out.f);
  apply(x.d, out.d);
  if (run.Faulty(FaultKind::kNanLost)) {
    for (float& y : out.f) y = std::isnan(y) ? 0 : y;
    for (double& y : out.d) y = std::isnan(y) ? 0 : y;
  }
  if (run.Faulty(FaultKind::kNondeterminism)) {
    const auto bump = static_cast<float>(++run.state->runs);
    for (float& y : out.f) y += bump;
    for (double& y : out.d) y += static_cast<double>(bump);
  }
  // A vector loop that forgets its remainder.
  if (run.Faulty(FaultKind::kTail) && x.size() % 4 != 0) {
    CopyElement(x, x.size() - 1, out, x.size() - 1);
  }
  return {};
}

Status Gelu(NodeRun& run) {
  if (run.node.String("approximate", "none") == "tanh") return run.Unsupported();
  return Elementary<[](Real x, const Node&) {
    return std::isinf(x) && x < 0 ? Real{0} : x / 2 * (1 + std::erf(x / std::sqrt(Real{2})));
  }, Magnitude>(run);
}

// --- Exact in the type ----------------------------------------------------------------------------

int64_t Negated(DataType type, int64_t x) { return Wrap(type, static_cast<int64_t>(0 - static_cast<uint64_t>(x))); }

// kFloats(run, x) in float or double; kInts(type, x), or null where integers are not taken.
template <auto kFloats, auto kInts>
Status Exact(NodeRun& run) {
  const Value& x = run.In(0);
  const Storage storage = StorageOf(x.type);
  if (storage == Storage::kNone || IsBool(x.type)) return run.Unsupported();
  Value& out = run.Make(x.type, x.shape);
  for (size_t k = 0; k < out.f.size(); ++k) out.f[k] = kFloats(run, x.f[k]);
  for (size_t k = 0; k < out.d.size(); ++k) out.d[k] = kFloats(run, x.d[k]);
  if (storage == Storage::kInt) {
    if constexpr (std::is_null_pointer_v<decltype(kInts)>) {
      return run.Unsupported();
    } else {
      for (size_t k = 0; k < out.i.size(); ++k) out.i[k] = kInts(x.type, x.i[k]);
    }
  }
  if (run.Faulty(FaultKind::kPreviousRun)) {
    if (run.state->previous.size() == out.f.size()) std::swap(run.state->previous, out.f);
    else run.state->previous = out.f;
  }
  return {};
}

template <typename T>
T AttributeOf(const NodeRun& run, std::string_view name, float otherwise) {
  return static_cast<T>(run.node.Float(name, otherwise));
}

constexpr auto kAbs = [](const NodeRun&, auto x) { return std::abs(x); };
constexpr auto kNeg = [](const NodeRun&, auto x) { return -x; };
constexpr auto kRelu = [](const NodeRun&, auto x) { return std::isnan(x) || x > 0 ? x : 0; };
constexpr auto kSign = [](const NodeRun&, auto x) {
  return static_cast<decltype(x)>((x > 0) - (x < 0));
};
constexpr auto kFloor = [](const NodeRun&, auto x) { return std::floor(x); };
constexpr auto kCeil = [](const NodeRun&, auto x) { return std::ceil(x); };
constexpr auto kRound = [](const NodeRun& run, auto x) {
  return run.Faulty(FaultKind::kHalfAway) ? std::round(x) : std::nearbyint(x);
};
constexpr auto kSqrt = [](const NodeRun&, auto x) { return std::sqrt(x); };
constexpr auto kReciprocal = [](const NodeRun&, auto x) { return 1 / x; };
constexpr auto kLeaky = [](const NodeRun& run, auto x) {
  return x < 0 ? x * AttributeOf<decltype(x)>(run, "alpha", 0.01F) : x;
};
constexpr auto kThresholded = [](const NodeRun& run, auto x) {
  return x > AttributeOf<decltype(x)>(run, "alpha", 1.0F) ? x : 0;
};
constexpr auto kHardSigmoid = [](const NodeRun& run, auto x) {
  using T = decltype(x);
  const T y = AttributeOf<T>(run, "alpha", 0.2F) * x + AttributeOf<T>(run, "beta", 0.5F);
  return std::isnan(y) ? y : std::max(T{0}, std::min(T{1}, y));
};

template <auto kTest>
Status Test(NodeRun& run) {
  const Value& x = run.In(0);
  if (!IsFloat(x.type) || StorageOf(x.type) == Storage::kNone) return run.Unsupported();
  Value& out = run.Make(DataType::kBool, x.shape);
  for (size_t k = 0; k < x.f.size(); ++k) out.i[k] = kTest(run, x.f[k]) ? 1 : 0;
  for (size_t k = 0; k < x.d.size(); ++k) out.i[k] = kTest(run, x.d[k]) ? 1 : 0;
  return {};
}

Status Not(NodeRun& run) {
  const Value& x = run.In(0);
  if (StorageOf(x.type) != Storage::kInt) return run.Unsupported();
  Value& out = run.Make(x.type, x.shape);
  for (size_t k = 0; k < out.i.size(); ++k) {
    out.i[k] = IsBool(x.type) ? (x.i[k] == 0 ? 1 : 0) : Wrap(x.type, ~x.i[k]);
  }
  return {};
}

constexpr auto kIsInf = [](const NodeRun& run, auto x) {
  return std::isinf(x) && run.node.Int(x > 0 ? "detect_positive" : "detect_negative", 1) != 0;
};

constexpr KernelRow kRows[] = {
    {"Exp", Elementary<[](Real x, const Node&) { return std::exp(x); }, None>},
    {"Log", Elementary<[](Real x, const Node&) { return std::log(x); }, None>},
    {"Sin", Elementary<[](Real x, const Node&) { return std::sin(x); }, None>},
    {"Cos", Elementary<[](Real x, const Node&) { return std::cos(x); }, None>},
    {"Tan", Elementary<[](Real x, const Node&) { return std::tan(x); }, None>},
    {"Atan", Elementary<[](Real x, const Node&) { return std::atan(x); }, None>},
    {"Asinh", Elementary<[](Real x, const Node&) { return std::asinh(x); }, One>},
    {"Tanh", Elementary<[](Real x, const Node&) { return std::tanh(x); }, One>},
    {"Sigmoid", Elementary<[](Real x, const Node&) { return SigmoidOf(x); }, One>},
    {"Erf", Elementary<[](Real x, const Node&) { return std::erf(x); }, One>},
    {"Softplus", Elementary<[](Real x, const Node&) { return SoftplusOf(x); }, One>},
    {"Softsign", Elementary<[](Real x, const Node&) { return x / (1 + std::abs(x)); }, None>},
    {"Elu", Elementary<[](Real x, const Node& n) { return x < 0 ? Alpha(n, 1) * std::expm1(x) : x; },
                       [](double x, const Node& n) {
                         return x < 0 ? std::abs(static_cast<double>(n.Float("alpha", 1))) : 0;
                       }>},
    {"Gelu", Gelu},
    {"Abs", Exact<kAbs, [](DataType t, int64_t x) { return IsSigned(t) && x < 0 ? Negated(t, x) : x; }>},
    {"Neg", Exact<kNeg, [](DataType t, int64_t x) { return Negated(t, x); }>},
    {"Relu", Exact<kRelu, [](DataType t, int64_t x) { return IsSigned(t) && x < 0 ? 0 : x; }>},
    {"Sign", Exact<kSign, [](DataType t, int64_t x) {
       return IsSigned(t) ? int64_t{x > 0} - int64_t{x < 0} : int64_t{x != 0};
     }>},
    {"Floor", Exact<kFloor, nullptr>},
    {"Ceil", Exact<kCeil, nullptr>},
    {"Round", Exact<kRound, nullptr>},
    {"Sqrt", Exact<kSqrt, nullptr>},
    {"Reciprocal", Exact<kReciprocal, nullptr>},
    {"LeakyRelu", Exact<kLeaky, nullptr>},
    {"ThresholdedRelu", Exact<kThresholded, nullptr>},
    {"HardSigmoid", Exact<kHardSigmoid, nullptr>},
    {"IsNaN", Test<[](const NodeRun&, auto x) { return std::isnan(x); }>},
    {"IsInf", Test<kIsInf>},
    {"Not", Not},
    {"BitwiseNot", Not},
};

}  // namespace

std::span<const KernelRow> FunctionKernels() { return kRows; }

}  // namespace moire::faulty
