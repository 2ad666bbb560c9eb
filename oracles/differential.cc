// Oracle "differential": each configuration's outputs against the reference's ranges of legal
// values: number of outputs, element type, shape, and every element. At most one verdict a
// configuration: the worst element. Opaque outputs are not compared here (see levels.cc), marked
// elements never. Where all outputs of one product stay inside, they are judged together
// (pooled.h).
#include <algorithm>
#include <cmath>

#include "harness/case/float_bits.h"
#include "oracles/families.h"
#include "oracles/pooled.h"
#include "oracles/reference/decidable.h"

namespace moire {
namespace {

constexpr double kLostSpecial = 1e8;  // a NaN or an infinity on one side only

struct Worst {
  double severity = -1;
  int64_t element = -1;
  int64_t wrong = 0;  // elements outside their range
};

// Distance outside [lo, hi] in units of its width, or of the ulp there when it has none.
double Distance(DataType type, double lo, double hi, double actual) {
  if (std::isnan(actual) || std::isnan(lo)) return kLostSpecial;
  lo = RoundTo(type, lo);
  hi = RoundTo(type, hi);
  if (std::isinf(actual) || std::isinf(lo) || std::isinf(hi)) return kLostSpecial;
  const double outside = std::max(lo - actual, actual - hi);
  const double width = hi > lo ? hi - lo : Ulp(type, std::max(std::abs(lo), std::abs(hi)));
  return std::min(outside / width, kLostSpecial);
}

double Severity(const RangeTensor& expected, const Tensor& actual, size_t i) {
  const auto element = static_cast<int64_t>(i);
  if (IsFloat(expected.type)) {
    return Distance(expected.type, expected.Lo()[i], expected.Hi()[i], GetFloat(actual, element));
  }
  if (!IsInteger(expected.type)) return 1;
  const int64_t a = GetInt(actual, element);
  const int64_t b = expected.ints[i];
  if (expected.type == DataType::kUint64) {
    return std::abs(static_cast<double>(static_cast<uint64_t>(a)) -
                    static_cast<double>(static_cast<uint64_t>(b)));
  }
  return std::abs(static_cast<double>(a) - static_cast<double>(b));
}

Worst FindWorst(const RangeTensor& expected, const Tensor& actual) {
  Worst worst;
  const auto count = static_cast<size_t>(expected.size());
  const auto look = [&](size_t i) {
    ++worst.wrong;
    const double severity = Severity(expected, actual, i);
    if (severity > worst.severity) {
      worst.severity = severity;
      worst.element = static_cast<int64_t>(i);
    }
  };
  if (expected.type == DataType::kFloat) {
    const float* y = actual.As<float>().data();
    const double* lo = expected.Lo();
    const double* hi = expected.Hi();
    for (size_t i = 0; i < count; ++i) {
      const double v = static_cast<double>(y[i]);
      if (lo[i] <= v && v <= hi[i]) continue;
      if (!Legal(expected, actual, static_cast<int64_t>(i))) look(i);
    }
    return worst;
  }
  for (size_t i = 0; i < count; ++i) {
    if (!Legal(expected, actual, static_cast<int64_t>(i))) look(i);
  }
  return worst;
}

std::string ErrorClassOf(const RangeTensor& expected, const Tensor& actual, size_t i) {
  if (IsBool(expected.type)) return "bool";
  if (IsInteger(expected.type)) return "int";
  if (!IsFloat(expected.type)) return "string";
  const double y = GetFloat(actual, static_cast<int64_t>(i));
  const double lo = expected.Lo()[i];
  const double hi = expected.Hi()[i];
  if (std::isnan(y) != std::isnan(lo)) return "nan";
  if (std::isinf(y) ||
      (std::isinf(RoundTo(expected.type, lo)) && std::isinf(RoundTo(expected.type, hi)))) {
    return "inf";
  }
  return "value";
}

std::string ExpectedText(const RangeTensor& expected, size_t i) {
  if (IsFloat(expected.type)) {
    const double lo = RoundTo(expected.type, expected.Lo()[i]);
    const double hi = RoundTo(expected.type, expected.Hi()[i]);
    if (lo == hi || std::isnan(lo)) return fmt::format("{}", lo);
    return fmt::format("[{}, {}]", lo, hi);
  }
  if (IsBool(expected.type)) return expected.ints[i] != 0 ? "true" : "false";
  if (expected.type == DataType::kUint64) {
    return fmt::format("{}", static_cast<uint64_t>(expected.ints[i]));
  }
  if (IsInteger(expected.type)) return fmt::format("{}", expected.ints[i]);
  return expected.strings[i];
}

struct Tally {
  int64_t decidable = 0;
  int64_t unspecified = 0;
  int64_t undecidable = 0;
  bool unsupported = false;
  std::string why;  // of the first opaque output
};

class Differential : public Oracle {
 public:
  std::string_view name() const override { return "differential"; }

  void Judge(const Evidence& evidence, std::vector<Verdict>& verdicts) const override {
    const ReferenceResult* reference = evidence.reference;
    if (reference == nullptr) return;
    PooledJudge pooled(evidence);
    for (const Observation& seen : evidence.observations) {
      if (seen.outcome != Outcome::kOutputs) continue;
      if (reference->status == ReferenceStatus::kRejected) {
        // Values that must be refused are the acceptance oracle's.
        if (!reference->must_reject) {
          verdicts.push_back(Say(seen, VerdictKind::kUndecidable,
                                 "ran; the reference refuses the case: " + reference->reason));
        }
        continue;
      }
      if (reference->status == ReferenceStatus::kOverBudget) {
        verdicts.push_back(Say(seen, VerdictKind::kOverBudget, reference->reason));
        continue;
      }
      Verdict verdict = Compare(*reference, seen);
      if (verdict.kind == VerdictKind::kMatch) {
        if (std::optional<PooledFault> fault = pooled.Judge(seen)) {
          verdict.kind = VerdictKind::kMismatch;
          verdict.severity = fault->severity;
          verdict.error_class = "pooled";
          verdict.output = fault->output;
          verdict.reason = std::move(fault->reason);
        }
      }
      verdicts.push_back(std::move(verdict));
    }
  }

 private:
  static Verdict Say(const Observation& seen, VerdictKind kind, std::string reason) {
    return {.kind = kind,
            .oracle = "differential",
            .configuration = seen.configuration,
            .against = "reference",
            .reason = std::move(reason),
            .error_class = {},
            .expected = {},
            .actual = {}};
  }

  static Verdict Structural(const Observation& seen, std::string_view error_class, int output,
                            std::string expected, std::string actual) {
    Verdict verdict =
        Say(seen, VerdictKind::kMismatch,
            fmt::format("output {}: {} is {}, must be {}", output, error_class, actual, expected));
    verdict.severity = kStructural;
    verdict.error_class = std::string(error_class);
    verdict.output = output;
    verdict.expected = std::move(expected);
    verdict.actual = std::move(actual);
    return verdict;
  }

  static Verdict Compare(const ReferenceResult& reference, const Observation& seen) {
    const auto& expected = reference.outputs;
    if (seen.outputs.size() != expected.size()) {
      return Structural(seen, "number of outputs", -1, fmt::format("{}", expected.size()),
                        fmt::format("{}", seen.outputs.size()));
    }
    Tally tally;
    Verdict worst = Say(seen, VerdictKind::kMatch, {});
    for (size_t i = 0; i < expected.size(); ++i) {
      const RangeTensor& range = expected[i];
      const Tensor& actual = seen.outputs[i].tensor;
      const int index = static_cast<int>(i);
      if (range.opaque != Opaque::kNo || actual.type == DataType::kUndefined) {
        Note(range, tally);
        continue;
      }
      if (actual.type != range.type) {
        return Structural(seen, "type", index, std::string(Name(range.type)),
                          std::string(Name(actual.type)));
      }
      if (actual.shape != range.shape) {
        return Structural(seen, "shape", index, ToString(range.shape), ToString(actual.shape));
      }
      if (range.type != DataType::kString &&
          actual.data.size() != ByteSize(actual.type, actual.size())) {
        return Structural(seen, "number of elements", index, fmt::format("{}", actual.size()),
                          fmt::format("{} bytes", actual.data.size()));
      }
      CountMarks(range, tally);
      const Worst found = FindWorst(range, actual);
      if (found.severity > worst.severity ||
          (found.wrong > 0 && worst.kind == VerdictKind::kMatch)) {
        worst = Describe(seen, range, seen.outputs[i], found, index);
      }
    }
    if (worst.kind == VerdictKind::kMismatch || tally.decidable > 0) return worst;
    return Undecided(seen, tally, expected);
  }

  static Verdict Describe(const Observation& seen, const RangeTensor& range,
                          const NamedTensor& actual, const Worst& found, int index) {
    const auto element = static_cast<size_t>(found.element);
    Verdict verdict = Say(seen, VerdictKind::kMismatch, {});
    verdict.severity = found.severity;
    verdict.error_class = ErrorClassOf(range, actual.tensor, element);
    verdict.output = index;
    verdict.element = found.element;
    verdict.expected = ExpectedText(range, element);
    verdict.actual = ElementToString(actual.tensor, found.element);
    verdict.reason =
        fmt::format("output {} ({} {}) element {} is {}, legal is {}; {} of {} elements differ",
                    index, Name(range.type), ToString(range.shape), found.element, verdict.actual,
                    verdict.expected, found.wrong, range.size());
    return verdict;
  }

  static void Note(const RangeTensor& range, Tally& tally) {
    tally.unsupported |= range.opaque == Opaque::kUnsupported || range.opaque == Opaque::kNo;
    if (range.opaque == Opaque::kUnspecified) ++tally.unspecified;
    if (range.opaque == Opaque::kUndecidable) ++tally.undecidable;
    if (tally.why.empty()) tally.why = range.opaque_reason;
  }

  static void CountMarks(const RangeTensor& range, Tally& tally) {
    const int64_t count = range.size();
    if (range.marks.empty()) {
      tally.decidable += std::max<int64_t>(count, 1);  // an empty tensor: its shape was judged
      return;
    }
    for (const uint8_t mark : range.marks) {
      if (mark == kDecided) ++tally.decidable;
      if ((mark & kUnspecified) != 0) ++tally.unspecified;
      if (mark == kUndecidable) ++tally.undecidable;
    }
  }

  static Verdict Undecided(const Observation& seen, const Tally& tally,
                           const std::vector<RangeTensor>& expected) {
    if (expected.empty()) return Say(seen, VerdictKind::kMatch, {});
    if (tally.unspecified > 0) {
      return Say(seen, VerdictKind::kUnspecified, "ONNX leaves every output element open");
    }
    if (tally.undecidable > 0) {
      return Say(seen, VerdictKind::kUndecidable, "no output element is decidable " + tally.why);
    }
    return Say(seen, VerdictKind::kUnsupported, "the reference cannot evaluate it: " + tally.why);
  }
};

}  // namespace

const Oracle& DifferentialOracle() {
  static const Differential oracle;
  return oracle;
}

void CountJudged(const ReferenceResult& reference, std::span<Judged> by_type,
                 std::vector<std::vector<float>>* bounds_by_type) {
  for (const RangeTensor& output : reference.outputs) {
    const auto type = static_cast<size_t>(output.type);
    if (type >= by_type.size()) continue;
    Judged& judged = by_type[type];
    if (output.opaque != Opaque::kNo) {
      judged.elements += 1;
      if (output.opaque == Opaque::kUnspecified) judged.unspecified += 1;
      continue;
    }
    const auto count = static_cast<size_t>(output.size());
    judged.elements += static_cast<int64_t>(count);
    const bool is_float = IsFloat(output.type);
    double largest = 0;
    for (size_t i = 0; is_float && i < count; ++i) {
      if (std::isfinite(output.value[i])) largest = std::max(largest, std::abs(output.value[i]));
    }
    for (size_t i = 0; i < count; ++i) {
      if ((output.MarkAt(i) & kUnspecified) != 0) ++judged.unspecified;
      if (!Decidable(output, i)) continue;
      ++judged.decidable;
      if (!is_float) continue;
      const double lo = output.Lo()[i];
      const double hi = output.Hi()[i];
      if (bounds_by_type != nullptr && type < bounds_by_type->size() && std::isfinite(lo)) {
        const double half = (hi - lo) / 2;
        (*bounds_by_type)[type].push_back(half == 0 || largest == 0
                                              ? (half == 0 ? 0.0F : 1.0F)
                                              : static_cast<float>(half / largest));
      }
    }
  }
}

}  // namespace moire
