#include "harness/execute/effective_bits.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <nlohmann/json.hpp>

#include "harness/case/random.h"
#include "harness/execute/bit_probes.h"
#include "harness/execute/serial.h"

namespace moire {
namespace {

constexpr int kParts = 8;           // of the rows, judged on their own for the confidence
constexpr int64_t kResults = 256;   // of one probe
constexpr int64_t kColumns = 8;     // of a product
constexpr double kEveryBit = 24;    // of float32
constexpr double kWideDense = 16;   // effective bits from which nothing narrow took part
constexpr double kWideSingle = 18;  // the same for a single rounding
constexpr double kSure = 0.75;      // confidence from which a class is told

// --- Data --------------------------------------------------------------------------------------

// 1 to 2 in size with `bits` significand bits, either sign.
float Equalised(Random& random, int bits) {
  const auto steps = uint64_t{1} << (bits - 1);
  const double size = 1 + static_cast<double>(random.Below(steps)) / static_cast<double>(steps);
  return static_cast<float>(random.Chance(1, 2) ? size : -size);
}

Factors Blank(const BitProbe& probe, int64_t terms, int64_t columns) {
  if (!HasSecondOperand(probe)) columns = 1;
  Factors out{kResults / columns, terms, columns, {}, {}};
  out.a.resize(static_cast<size_t>(out.rows * terms));
  if (HasSecondOperand(probe)) out.b.assign(static_cast<size_t>(terms * columns), 1.0F);
  return out;
}

bool IsSquared(const BitProbe& probe) {
  return probe.formula == Formula::kSquares || probe.formula == Formula::kRootOfSquares;
}

// Squares of odd numbers are 1 more than a multiple of 8: sums that drop their last bits always
// lose. With 5 bits a factor they keep them.
int FewBits(const BitProbe& probe) { return IsSquared(probe) ? 5 : 8; }

// Sums of 8-bit factors themselves fit float16 for a while: with factors of different size they do
// not.
bool NeedsSpread(const BitProbe& probe) { return !HasSecondOperand(probe) && !IsSquared(probe); }

Factors Few(const BitProbe& probe, int64_t terms, Random& random) {
  Factors out = Blank(probe, terms, kColumns);
  for (std::vector<float>* side : {&out.a, &out.b}) {
    for (float& x : *side) {
      x = Equalised(random, FewBits(probe));
      if (NeedsSpread(probe)) x = std::ldexp(x, -static_cast<int>(random.Below(7)));
    }
  }
  return out;
}

Factors Dense(const BitProbe& probe, int64_t terms, int bits, Random& random) {
  Factors out = Blank(probe, terms, kColumns);
  for (float& x : out.a) x = Equalised(random, bits);
  for (float& x : out.b) x = Equalised(random, bits);
  return out;
}

// One factor among zeros in each row, whose result is the factor itself.
Factors Single(const BitProbe& probe, int64_t terms, Random& random) {
  Factors out = Blank(probe, terms, 1);
  for (int64_t row = 0; row < out.rows; ++row) {
    out.a[static_cast<size_t>(row * terms) + random.Index(static_cast<size_t>(terms))] =
        Equalised(random, 24);
  }
  return out;
}

// The same for the second operand.
Factors SingleOfSecond(const BitProbe& probe, int64_t terms, Random& random) {
  Factors out = Blank(probe, terms, kColumns);
  for (int64_t row = 0; row < out.rows; ++row) {
    out.a[static_cast<size_t>(row * terms) + random.Index(static_cast<size_t>(terms))] = 1;
  }
  for (float& x : out.b) x = Equalised(random, 24);
  return out;
}

// Two factors of few bits, one of them larger by a power of two, so that their sum has up to 24
// bits; anywhere in the row, and as far apart as sums in lanes of a power of two bring together.
Factors Pairs(const BitProbe& probe, int64_t terms, Random& random) {
  Factors out = Blank(probe, terms, 1);
  for (int64_t row = 0; row < out.rows; ++row) {
    const auto n = static_cast<size_t>(terms);
    const size_t first = random.Index(n);
    size_t second = (first + (size_t{1} << random.Index(20))) % n;
    if (random.Chance(1, 2)) second = random.Index(n);
    if (second == first) second = (first + 1) % n;
    const int64_t shift = IsSquared(probe) ? random.Between(2, 4) : random.Between(4, 14);
    float* line = out.a.data() + row * terms;
    line[first] = std::ldexp(Equalised(random, FewBits(probe)), static_cast<int>(shift));
    line[second] = Equalised(random, FewBits(probe));
  }
  return out;
}

// --- Figures -----------------------------------------------------------------------------------

struct Probed {
  std::vector<double> exact, actual;
};

// The part of the results that `part` is, or all where it is negative.
std::pair<size_t, size_t> PartOf(const Probed& probed, int part) {
  const size_t count = probed.exact.size();
  if (part < 0) return {0, count};
  const auto k = static_cast<size_t>(part);
  return {count * k / kParts, count * (k + 1) / kParts};
}

double EffectiveBits(const Probed& probed, int part) {
  const auto [begin, end] = PartOf(probed, part);
  double error = 0, size = 0;
  for (size_t i = begin; i < end; ++i) {
    error += (probed.actual[i] - probed.exact[i]) * (probed.actual[i] - probed.exact[i]);
    size += probed.exact[i] * probed.exact[i];
  }
  return error == 0 ? kEveryBit : std::min(kEveryBit, -std::log2(error / size) / 2);
}

// Of results that suffer a single rounding to p bits: the largest error is 2^-p of the binade.
double SurvivingBits(const Probed& probed, int part) {
  const auto [begin, end] = PartOf(probed, part);
  double largest = 0;
  for (size_t i = begin; i < end; ++i) {
    if (probed.exact[i] == 0) continue;
    const double binade = std::exp2(std::floor(std::log2(std::abs(probed.exact[i]))));
    largest = std::max(largest, std::abs(probed.actual[i] - probed.exact[i]) / binade);
  }
  return largest == 0 ? kEveryBit : std::min(kEveryBit, -std::log2(largest));
}

// Probes of one operator at one length.
struct Measured {
  Probed dense24, dense11, dense8, pairs, single;
  std::optional<Probed> second;
};

BitsAtLength FiguresOf(const Measured& measured, int part) {
  BitsAtLength out;
  out.bits = EffectiveBits(measured.dense24, part);
  out.bits_of_11 = EffectiveBits(measured.dense11, part);
  out.bits_of_8 = EffectiveBits(measured.dense8, part);
  out.sum_bits = SurvivingBits(measured.pairs, part);
  out.input_bits = SurvivingBits(measured.single, part);
  if (measured.second) {
    out.input_bits = std::min(out.input_bits, SurvivingBits(*measured.second, part));
  }
  return out;
}

// --- Classes -----------------------------------------------------------------------------------

// A single rounding to p bits errs by 2^-p to nearest, by up to 2^(1-p) when cut.
bool IsEleven(double bits) { return bits >= 9.5 && bits <= 12.5; }
bool IsEight(double bits) { return bits >= 6.5 && bits < 9.5; }

Precision FromSingleRoundings(const BitsAtLength& f) {
  if (IsEleven(f.sum_bits) && f.input_bits >= 9.5) return Precision::kFloat16Sums;
  if (f.sum_bits < kWideSingle) return Precision::kOther;
  if (f.input_bits >= kWideSingle) return Precision::kFloat32;
  if (IsEleven(f.input_bits)) return Precision::kTf32Inputs;
  if (IsEight(f.input_bits)) return Precision::kBfloat16Inputs;
  return Precision::kOther;
}

// Empty where dense data agrees with the class. Sums of one sign average the errors of their
// factors out, so that only the rounding of the sums shows there.
std::string Contradiction(const BitsAtLength& f, Precision precision, bool one_sign) {
  const bool narrow_sums = f.bits_of_8 < kWideDense;
  if (narrow_sums != (f.sum_bits < kWideSingle)) {
    return fmt::format("a sum of two keeps {:.1f} bits, dense sums of 8-bit factors {:.1f}",
                       f.sum_bits, f.bits_of_8);
  }
  if (narrow_sums || one_sign) return {};
  const bool exact24 = f.bits >= kWideDense;
  const bool exact11 = f.bits_of_11 >= kWideDense;
  const bool agrees = precision == Precision::kFloat32          ? exact24 && exact11
                      : precision == Precision::kTf32Inputs     ? !exact24 && exact11
                      : precision == Precision::kBfloat16Inputs ? !exact24 && !exact11
                                                                : true;
  if (agrees) return {};
  return fmt::format("a single factor keeps {:.1f} bits, dense sums {:.1f} ({:.1f} of 11-bit ones)",
                     f.input_bits, f.bits, f.bits_of_11);
}

void Classify(BitsAtLength& figures, bool one_sign) {
  figures.precision = FromSingleRoundings(figures);
  figures.why = Contradiction(figures, figures.precision, one_sign);
  if (!figures.why.empty()) figures.precision = Precision::kUndetermined;
}

bool IsOfOneSign(Formula formula) {
  return formula == Formula::kAbsolutes || formula == Formula::kSquares ||
         formula == Formula::kRootOfSquares;
}

Result<BitsAtLength> MeasureAt(const BitProbe& probe, int64_t terms, Configuration& configuration,
                               uint64_t seed) {
  Random random(Mix64(seed) ^ static_cast<uint64_t>(terms));
  const auto run = [&](const Factors& factors) -> Result<Probed> {
    MOIRE_ASSIGN(std::vector<double> actual, RunProbe(probe, factors, configuration));
    return Probed{ExactResults(probe, factors), std::move(actual)};
  };
  Measured measured;
  MOIRE_ASSIGN(measured.dense24, run(Dense(probe, terms, 24, random)));
  MOIRE_ASSIGN(measured.dense11, run(Dense(probe, terms, 11, random)));
  MOIRE_ASSIGN(measured.dense8, run(Few(probe, terms, random)));
  MOIRE_ASSIGN(measured.pairs, run(Pairs(probe, terms, random)));
  MOIRE_ASSIGN(measured.single, run(Single(probe, terms, random)));
  if (HasSecondOperand(probe)) {
    MOIRE_ASSIGN(measured.second, run(SingleOfSecond(probe, terms, random)));
  }
  if (IsSquared(probe)) {  // a factor's own error, not the square's
    for (double& y : measured.single.exact) y = std::sqrt(y);
    for (double& y : measured.single.actual) y = std::sqrt(y);
  }
  BitsAtLength whole = FiguresOf(measured, -1);
  whole.terms = terms;
  for (const Probed* probed : {&measured.dense24, &measured.dense11, &measured.dense8,
                               &measured.pairs, &measured.single}) {
    if (std::ranges::all_of(probed->actual, [](double y) { return std::isfinite(y); })) continue;
    whole.bits = whole.bits_of_11 = whole.bits_of_8 = whole.input_bits = whole.sum_bits = 0;
    whole.why = "a result is not finite";
    return whole;
  }
  const bool one_sign = IsOfOneSign(probe.formula);
  Classify(whole, one_sign);
  int same = 0;
  for (int part = 0; part < kParts; ++part) {
    BitsAtLength of_part = FiguresOf(measured, part);
    Classify(of_part, one_sign);
    same += of_part.precision == whole.precision ? 1 : 0;
  }
  whole.confidence = static_cast<double>(same) / kParts;
  return whole;
}

OperatorBits Measure(const BitProbe& probe, Configuration& configuration,
                     const BitsOptions& options) {
  OperatorBits out;
  out.name = probe.name;
  for (const int64_t length : options.lengths) {
    const int64_t terms = std::max<int64_t>(1, length / probe.window) * probe.window;
    auto figures = MeasureAt(probe, terms, configuration, options.seed);
    if (!figures) {
      out.problem = figures.error().message;
      out.lengths.clear();
      return out;
    }
    out.lengths.push_back(std::move(*figures));
  }
  out.precision = out.lengths.front().precision;
  out.confidence = 1;
  for (const BitsAtLength& figures : out.lengths) {
    out.confidence = std::min(out.confidence, figures.confidence);
    if (figures.precision != out.precision) out.precision = Precision::kUndetermined;
  }
  if (out.confidence < kSure) out.precision = Precision::kUndetermined;
  return out;
}

// --- Between the child and its parent ----------------------------------------------------------

nlohmann::json ToJson(const OperatorBits& bits) {
  auto lengths = nlohmann::json::array();
  for (const BitsAtLength& f : bits.lengths) {
    lengths.push_back({f.terms, f.bits, f.bits_of_11, f.bits_of_8, f.input_bits, f.sum_bits,
                       static_cast<int>(f.precision), f.confidence, f.why});
  }
  return {{"problem", bits.problem},
          {"lengths", std::move(lengths)},
          {"precision", static_cast<int>(bits.precision)},
          {"confidence", bits.confidence}};
}

// What ToJson made: never anything else.
OperatorBits FromJson(const nlohmann::json& json) {
  OperatorBits out;
  out.problem = json["problem"].get<std::string>();
  for (const nlohmann::json& f : json["lengths"]) {
    out.lengths.push_back({f[0].get<int64_t>(), f[1].get<double>(), f[2].get<double>(),
                           f[3].get<double>(), f[4].get<double>(), f[5].get<double>(),
                           static_cast<Precision>(f[6].get<int>()), f[7].get<double>(),
                           f[8].get<std::string>()});
  }
  out.precision = static_cast<Precision>(json["precision"].get<int>());
  out.confidence = json["confidence"].get<double>();
  return out;
}

}  // namespace

std::string_view Name(Precision precision) {
  constexpr std::array<std::string_view, 6> kNames = {
      "undetermined", "float32", "TF32 inputs", "bfloat16 inputs", "float16 sums", "other"};
  return kNames[static_cast<size_t>(precision)];
}

std::vector<std::string> OperatorsWithBits() {
  std::vector<std::string> names;
  for (const BitProbe& probe : BitProbes()) names.emplace_back(probe.name);
  return names;
}

OperatorBits EstimateBitsOf(std::string_view name, Configuration& configuration,
                            const BitsOptions& options) {
  for (const BitProbe& probe : BitProbes()) {
    if (probe.name == name) return Measure(probe, configuration, options);
  }
  OperatorBits out;
  out.name = name;
  out.problem = "there is no such operator";
  return out;
}

Result<std::vector<OperatorBits>> EstimateBits(const OpenAll& open, const BitsOptions& options) {
  std::vector<std::string> names = OperatorsWithBits();
  std::erase_if(names, [&](const std::string& name) {
    return name.find(options.filter) == std::string::npos;
  });
  if (names.empty()) {
    return Fail(ErrorCode::kInvalidInput, "no operator's name contains '{}'", options.filter);
  }
  if (options.lengths.empty() || std::ranges::any_of(options.lengths, [](int64_t length) {
        return length < 16 || length > 65'536;
      })) {
    return Fail(ErrorCode::kInvalidInput, "a length must be 16 to 65536");
  }
  std::vector<OperatorBits> out;
  const ChildLimits limits = {.cpu_seconds = 600, .wall_seconds = 3600};
  const auto job = [&](size_t i, Configurations& configurations, StageObserver& observer) {
    observer.Enter(Stage::kConfiguration, 0);
    return ToJson(EstimateBitsOf(names[i], *configurations.front(), options)).dump();
  };
  const auto take = [&](size_t i, const Result<std::string>& line) {
    OperatorBits one;
    if (line) {
      one = FromJson(nlohmann::json::parse(*line));
    } else {
      one.problem = line.error().message;
    }
    one.name = names[i];
    out.push_back(std::move(one));
  };
  MOIRE_TRY(RunSerially(names.size(), open, limits, job, take));
  return out;
}

}  // namespace moire
