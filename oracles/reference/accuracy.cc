#include "oracles/reference/accuracy.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <map>
#include <utility>
#include <vector>

#include "harness/case/float_bits.h"

namespace moire {
namespace {

using enum DataType;

// Why each bound: vector math libraries publish 1 to 4 ulp for float32 elementary functions (SLEEF
// "u10" and "u35", Intel VML "LA" 1 to 4 ulp, CUDA programming guide, Eigen's packet math), so 4 is
// the contract for float32. float16 and bfloat16 are computed in float32 and rounded once (then
// only the final rounding counts) or in their own type with a table of 1 to 2 ulp: 2. float64:
// vector libraries promise 4 as well, and the reference itself evaluates in float64 (libm, < 1
// ulp): 5.
constexpr std::string_view kLibrary = "vector math libraries promise at most 4 ulp";
constexpr std::string_view kNarrow = "computed in float32 and rounded once, or natively in 1-2 ulp";
constexpr std::string_view kDoubleLibrary =
    "vector math libraries promise at most 4 ulp, the reference's own libm 1 more";
constexpr std::string_view kExact = "correctly rounded on every IEEE 754 machine; Round() does it";

// Rows with kUndefined hold for every type without a row of its own.
constexpr Accuracy kTable[] = {
    {"Add", kUndefined, 0, 0, kExact},
    {"Sub", kUndefined, 0, 0, kExact},
    {"Mul", kUndefined, 0, 0, kExact},
    {"Sqrt", kUndefined, 0, 0, kExact},
    {"Div", kUndefined, 1, 0, "x / c is commonly rewritten to x * (1 / c): one rounding more"},
    {"Mean", kUndefined, 1, 0, "sum * (1 / n) in place of sum / n: one rounding more"},

    {"Exp", kUndefined, 4, 0, kLibrary},
    {"Exp", kFloat16, 2, 0, kNarrow},
    {"Exp", kBfloat16, 2, 0, kNarrow},
    {"Exp", kDouble, 5, 0, kDoubleLibrary},
    {"Log", kUndefined, 4, 0, kLibrary},
    {"Log", kFloat16, 2, 0, kNarrow},
    {"Log", kBfloat16, 2, 0, kNarrow},
    {"Log", kDouble, 5, 0, kDoubleLibrary},
    // Scale |t| * |x^y| with t = y * ln x: x^y = exp(t), and rounding t costs u * |t| relatively.
    {"Pow", kUndefined, 4, 2, "exp(y * log x): the roundings of y and of y * log x are magnified"},
    {"Pow", kDouble, 5, 2, "exp(y * log x): the roundings of y and of y * log x are magnified"},

    // The kernel perturbs the argument by b * u * |x|: argument reduction in the type itself.
    {"Sin", kUndefined, 4, 1, "argument reduction in the type: the argument is off by u * |x|"},
    {"Cos", kUndefined, 4, 1, "argument reduction in the type: the argument is off by u * |x|"},
    {"Tan", kUndefined, 4, 1, "argument reduction in the type: the argument is off by u * |x|"},
    {"Sin", kDouble, 5, 1, "argument reduction in the type: the argument is off by u * |x|"},
    {"Cos", kDouble, 5, 1, "argument reduction in the type: the argument is off by u * |x|"},
    {"Tan", kDouble, 5, 1, "argument reduction in the type: the argument is off by u * |x|"},
    // The kernel takes scale 1 where reduction is usual: |x| >= 1/2 for asin, |x| > 2/5 for atan.
    {"Asin", kUndefined, 4, 2, "pi/2 - 2 asin(sqrt((1 - x) / 2)) above 1/2: scale pi/2"},
    {"Acos", kUndefined, 4, 2, "pi/2 - asin(x): absolute error of the size of pi/2"},
    {"Atan", kUndefined, 4, 1, "pi/4 + atan((x - 1) / (x + 1)), pi/2 - atan(1 / x): scale pi/4"},
    {"Asin", kDouble, 5, 2, "pi/2 - 2 asin(sqrt((1 - x) / 2)) above 1/2: scale pi/2"},
    {"Acos", kDouble, 5, 2, "pi/2 - asin(x): absolute error of the size of pi/2"},
    {"Atan", kDouble, 5, 1, "pi/4 + atan((x - 1) / (x + 1)), pi/2 - atan(1 / x): scale pi/4"},
    {"Sinh", kUndefined, 4, 2, "(exp(x) - exp(-x)) / 2 cancels near 0: scale 1"},
    {"Cosh", kUndefined, 4, 0, kLibrary},
    {"Asinh", kUndefined, 4, 2, "log(x + sqrt(x^2 + 1)) cancels near 0: scale 1"},
    {"Acosh", kUndefined, 4, 2, "the argument is off by u * x; the slope is infinite at 1"},
    {"Atanh", kUndefined, 4, 2, "log((1 + x) / (1 - x)) / 2 cancels near 0: scale 1"},
    {"Sinh", kDouble, 5, 2, "(exp(x) - exp(-x)) / 2 cancels near 0: scale 1"},
    {"Cosh", kDouble, 5, 0, kDoubleLibrary},
    {"Asinh", kDouble, 5, 2, "log(x + sqrt(x^2 + 1)) cancels near 0: scale 1"},
    {"Acosh", kDouble, 5, 2, "the argument is off by u * x; the slope is infinite at 1"},
    {"Atanh", kDouble, 5, 2, "log((1 + x) / (1 - x)) / 2 cancels near 0: scale 1"},

    // Rational approximations whose parts are of the size of the scale.
    {"Tanh", kUndefined, 4, 4, "rational approximation, or 1 - 2 / (exp(2x) + 1): scale 1"},
    {"Tanh", kDouble, 5, 4, "rational approximation, or 1 - 2 / (exp(2x) + 1): scale 1"},
    {"Sigmoid", kUndefined, 4, 4, "rational approximation added to 0.5: scale 1"},
    {"Sigmoid", kDouble, 5, 4, "rational approximation added to 0.5: scale 1"},
    {"Erf", kUndefined, 4, 4, "piecewise polynomial, or 1 - tail: scale 1"},
    {"Erf", kDouble, 5, 4, "piecewise polynomial, or 1 - tail: scale 1"},

    // Activations are formulas over the above; scale_ulps counts the roundings of the formula.
    {"Softplus", kUndefined, 4, 4, "log(exp(x) + 1): the sum rounds at scale max(1, |x|)"},
    {"Softsign", kUndefined, 3, 0, "one sum and one division"},
    {"Elu", kUndefined, 4, 4, "alpha * (exp(x) - 1): the difference rounds at scale alpha"},
    {"Selu", kUndefined, 4, 6, "gamma * (alpha * exp(x) - alpha): rounds at scale gamma * alpha"},
    {"Celu", kUndefined, 4, 6, "alpha * (exp(x / alpha) - 1): rounds at scale alpha"},
    {"Gelu", kUndefined, 4, 8, "x / 2 * (1 + erf(x / sqrt 2)): the sum rounds at scale |x|"},
    {"Swish", kUndefined, 4, 6, "x * sigmoid(alpha * x): sigmoid's error at scale |x|"},
    {"Mish", kUndefined, 4, 8, "x * tanh(softplus(x)): tanh's error at scale |x|"},
    {"HardSigmoid", kUndefined, 0, 2, "alpha * x + beta: two roundings at the terms' scale"},
    {"HardSwish", kUndefined, 1, 4, "x * (x / 6 + 1/2): two roundings at scale |x|"},
    {"LeakyRelu", kUndefined, 0, 0, kExact},
    {"PRelu", kUndefined, 0, 0, kExact},
    {"Selu", kDouble, 5, 6, "gamma * (alpha * exp(x) - alpha): rounds at scale gamma * alpha"},
    {"Elu", kDouble, 5, 4, "alpha * (exp(x) - 1): the difference rounds at scale alpha"},
    {"Softplus", kDouble, 5, 4, "log(exp(x) + 1): the sum rounds at scale max(1, |x|)"},
};

using Key = std::pair<std::string_view, DataType>;

const Accuracy* Find(std::string_view function, DataType type) {
  static const auto index = [] {
    std::map<Key, const Accuracy*> built;
    for (const Accuracy& row : kTable) built.emplace(Key(row.function, row.type), &row);
    return built;
  }();
  const auto found = index.find({function, type});
  return found == index.end() ? nullptr : found->second;
}

// The constants of a type that a bound needs, without calls into the maths library.
struct Units {
  double per_binade;  // ulp = binade * per_binade
  double smallest;    // smallest subnormal
  double roundoff;    // u
};

const Units& UnitsOf(DataType type) {
  static const auto units = [] {
    std::array<Units, 32> built{};
    for (const TypeTraits& row : AllTypes()) {
      if (row.kind != TypeClass::kFloat) continue;
      built[static_cast<size_t>(row.type)] = {2 * UnitRoundoff(row.type),
                                              SmallestSubnormal(row.type), UnitRoundoff(row.type)};
    }
    return built;
  }();
  return units[static_cast<size_t>(type)];
}

// The power of two at or below |x|; 0 for subnormal doubles, infinity for infinity and NaN.
double Binade(double x) {
  return std::bit_cast<double>(std::bit_cast<uint64_t>(x) & 0x7ff0000000000000);
}

// --- Sums -------------------------------------------------------------------------------------

struct FloatAdder {
  float operator()(float sum, float term) const { return sum + term; }
};
// Rounds each sum to 11 or 8 significand bits, ties to even, on the bits of the float. (Subnormals
// of float16 keep too many bits here; the rule adds them by the number of terms.)
struct NarrowAdder {
  int dropped;  // bits
  float operator()(float sum, float term) const {
    const auto bits = std::bit_cast<uint32_t>(sum + term);
    const uint32_t half = uint32_t{1} << (dropped - 1);
    const uint32_t even = (bits >> dropped) & 1;
    return std::bit_cast<float>((bits + half - 1 + even) & ~(2 * half - 1));
  }
};
struct DoubleAdder {
  double operator()(double sum, double term) const { return sum + term; }
};

// Pairwise in place, the classic halving of a range.
template <typename T, typename Adder>
T Pairwise(T* terms, size_t n, const Adder& add) {
  while (n > 1) {
    const size_t half = n / 2;
    for (size_t i = 0; i < half; ++i) terms[i] = add(terms[2 * i], terms[2 * i + 1]);
    if (n % 2 != 0) terms[half] = terms[n - 1];
    n = half + n % 2;
  }
  return terms[0];
}

// Sum in kLanes strided accumulators, as vector units do it.
template <size_t kLanes, typename T, typename Adder>
T SumInLanes(const std::vector<T>& terms, const Adder& add) {
  std::array<T, kLanes> lanes{};
  size_t i = 0;
  for (; i + kLanes <= terms.size(); i += kLanes) {
    for (size_t lane = 0; lane < kLanes; ++lane) {
      lanes[lane] = add(lanes[lane], terms[i + lane]);
    }
  }
  for (; i < terms.size(); ++i) lanes[0] = add(lanes[0], terms[i]);
  return Pairwise(lanes.data(), kLanes, add);
}

// Largest distance from `exact` that accumulation in T shows on these very terms: forward, reverse,
// in 4, 8 and 16 lanes, pairwise. Where terms repeat, equal roundings add up, and k accumulators
// each stray as one does over n / k terms: so the prefixes of n/2, n/4, ... terms count as well,
// scaled to the whole. `terms` is used up.
template <typename T, typename Adder>
double Deviation(std::vector<T>& terms, double exact, double magnitude, const Adder& add) {
  constexpr int kPrefixes = 6;
  const size_t n = terms.size();
  double deviation = 0;
  const auto take = [&](double distance) {
    if (distance > deviation) deviation = distance;  // NaN (an overflow) is judged elsewhere
  };
  T forward = 0;
  T reverse = 0;
  double prefix = 0;
  double prefix_magnitude = 0;
  size_t i = 0;
  for (int level = kPrefixes; level >= 0; --level) {
    for (const size_t end = n >> level; i < end; ++i) {
      forward = add(forward, terms[i]);
      reverse = add(reverse, terms[n - 1 - i]);
      prefix += terms[i];
      prefix_magnitude += std::abs(terms[i]);
    }
    if (level > 0 && prefix_magnitude > 0) {
      take(std::abs(forward - prefix) / prefix_magnitude * magnitude);
    }
  }
  for (const T sum : {forward, reverse, SumInLanes<4>(terms, add), SumInLanes<8>(terms, add),
                      SumInLanes<16>(terms, add)}) {
    take(std::abs(static_cast<double>(sum) - exact));
  }
  take(std::abs(static_cast<double>(Pairwise(terms.data(), n, add)) - exact));
  return deviation;
}

// Exact sum, sum of magnitudes, of positive and of negative terms, of terms in extended precision.
struct Totals {
  double exact = 0;
  double magnitude = 0;
  bool integers = true;  // every term is an integer
};

template <typename Wide>
Totals Total(const std::vector<Wide>& terms) {
  // Adding and subtracting 1.5 * 2^52 rounds to an integer (magnitudes below 2^51).
  constexpr double kMagic = 0x1.8p52;
  std::array<Wide, 4> sums{};
  std::array<double, 4> magnitudes{};
  std::array<int, 4> fractions{};
  const size_t n = terms.size();
  const auto take = [&](size_t lane, Wide term) {
    sums[lane] += term;
    const auto narrow = static_cast<double>(term);
    magnitudes[lane] += std::abs(narrow);
    fractions[lane] |= (narrow + kMagic) - kMagic != narrow;
  };
  size_t i = 0;
  for (; i + 4 <= n; i += 4) {
    for (size_t lane = 0; lane < 4; ++lane) take(lane, terms[i + lane]);
  }
  for (; i < n; ++i) take(0, terms[i]);
  Totals totals;
  totals.exact = static_cast<double>((sums[0] + sums[1]) + (sums[2] + sums[3]));
  totals.magnitude = (magnitudes[0] + magnitudes[1]) + (magnitudes[2] + magnitudes[3]);
  totals.integers = (fractions[0] | fractions[1] | fractions[2] | fractions[3]) == 0;
  return totals;
}

template <typename Wide>
void GatherTerms(const double* a, int64_t a_stride, const double* b, int64_t b_stride, int64_t n,
                 std::vector<Wide>& terms) {
  terms.resize(static_cast<size_t>(n));
  if (b == nullptr) {
    for (int64_t k = 0; k < n; ++k) terms[static_cast<size_t>(k)] = a[k * a_stride];
  } else {
    for (int64_t k = 0; k < n; ++k) {
      terms[static_cast<size_t>(k)] = static_cast<Wide>(a[k * a_stride]) * b[k * b_stride];
    }
  }
}

// What is the same for every accumulation type once the totals are known.
// Positive result: the rule's bound; nullopt-like -1: the deviation must be measured.
double BoundBeforeDeviation(const Totals& totals, int64_t n, bool products, DataType type,
                            bool* overflow, bool* done) {
  *done = true;
  if (!std::isfinite(totals.magnitude)) {
    // Infinities or NaN among the terms (or beyond double): IEEE 754 decides, unless the finite
    // terms alone could overflow, which the magnitude no longer tells.
    *overflow = !std::isnan(totals.exact) && std::isfinite(totals.exact);
    return 0;
  }
  // Sums of the positive and of the negative terms.
  const double positive = (totals.magnitude + totals.exact) / 2;
  const double negative = (totals.magnitude - totals.exact) / 2;
  const double max_finite = Traits(type).max_finite;
  *overflow = positive > max_finite || negative > max_finite;
  const double u = UnitRoundoff(type);
  // Every partial sum of integers below 2^precision is exact, in any order.
  if (totals.integers && totals.magnitude * u <= 1) return 0;
  if (n == 1) return 0;  // one product or value: the caller's final rounding is all
  if (n == 2) {
    // A sum of two rounds once, at the end; two products may each round before.
    return products ? u * totals.magnitude + 2 * SmallestSubnormal(type) : 0;
  }
  *done = false;
  return 0;
}

double Rule(const Totals& totals, int64_t n, double deviation, DataType type) {
  const auto count = static_cast<double>(n);
  const double u = UnitRoundoff(type);
  const double statistical = 4 * std::sqrt(count) * u * totals.magnitude;
  const double most = count * u * totals.magnitude;
  return std::min(std::max(statistical, 2 * deviation), most) + count * SmallestSubnormal(type);
}

double DoubleSumBound(const double* a, int64_t a_stride, const double* b, int64_t b_stride,
                      int64_t n, double* exact, bool* overflow) {
  thread_local std::vector<long double> wide;
  thread_local std::vector<double> terms;
  GatherTerms(a, a_stride, b, b_stride, n, wide);
  const Totals totals = Total(wide);
  *exact = totals.exact;
  bool done = false;
  double bound = BoundBeforeDeviation(totals, n, b != nullptr, kDouble, overflow, &done);
  if (!done) {
    terms.resize(wide.size());
    for (size_t i = 0; i < wide.size(); ++i) terms[i] = static_cast<double>(wide[i]);
    bound = Rule(totals, n, Deviation(terms, *exact, totals.magnitude, DoubleAdder{}), kDouble);
  }
  const bool integers = totals.integers && totals.magnitude <= 0x1p53;
  // *exact itself is rounded to double: up to one ulp.
  return integers || !std::isfinite(*exact) ? bound : bound + 0x1p-53 * std::abs(*exact);
}

}  // namespace

std::span<const Accuracy> AccuracyTable() { return kTable; }

const Accuracy& FindAccuracy(std::string_view function, DataType type) {
  const Accuracy* row = Find(function, type);
  if (row == nullptr) row = Find(function, kUndefined);
  if (row == nullptr) {
    fmt::print(stderr, "no accuracy row for {}\n", function);
    std::abort();
  }
  return *row;
}

double ErrorBound(DataType type, double y, const Accuracy& row, double scale) {
  if (!std::isfinite(y)) return 0;
  const Units& units = UnitsOf(type);
  // Within row.ulps below a power of two the ulp above it counts: an end of a range stands for every
  // result inside, and one on the power itself may be off by its own, larger, ulp.
  const double reach = std::abs(y) + row.ulps * Binade(y) * units.per_binade;
  const double ulp = std::max(Binade(reach) * units.per_binade, units.smallest);
  return row.ulps * ulp + row.scale_ulps * units.roundoff * scale;
}

void Widen(RangeTensor& out, size_t i, const Accuracy& row, double scale) {
  out.MakeRanges();
  double& lo = out.lo[i];
  double& hi = out.hi[i];
  if (std::isnan(lo) || std::isnan(hi)) return;
  lo -= ErrorBound(out.type, lo, row, scale);
  hi += ErrorBound(out.type, hi, row, scale);
}

double SumBound(const double* a, int64_t a_stride, const double* b, int64_t b_stride, int64_t n,
                DataType accumulation, double* exact, bool* overflow) {
  *exact = 0;
  *overflow = false;
  if (n <= 0) return 0;
  if (accumulation == kDouble) {
    return DoubleSumBound(a, a_stride, b, b_stride, n, exact, overflow);
  }
  thread_local std::vector<double> wide;
  thread_local std::vector<float> terms;
  GatherTerms(a, a_stride, b, b_stride, n, wide);
  const Totals totals = Total(wide);
  *exact = totals.exact;
  bool done = false;
  const double bound = BoundBeforeDeviation(totals, n, b != nullptr, accumulation, overflow, &done);
  if (done) return bound;
  // Past the largest finite value a float's deviation says nothing; the worst case holds.
  if (*overflow) return Rule(totals, n, std::numeric_limits<double>::infinity(), accumulation);
  terms.resize(wide.size());
  for (size_t i = 0; i < wide.size(); ++i) terms[i] = static_cast<float>(wide[i]);
  double deviation = 0;
  if (accumulation == kFloat) {
    deviation = Deviation(terms, *exact, totals.magnitude, FloatAdder{});
  } else {
    // Accumulating in float32 is legal too, and never worse than in the narrow type.
    deviation = Deviation(terms, *exact, totals.magnitude,
                          NarrowAdder{24 - Traits(accumulation).precision});
  }
  return Rule(totals, n, deviation, accumulation);
}

}  // namespace moire
