// Oracle "levels": one runtime's configurations against its plain one (level none), for the outputs
// that the reference cannot compute because it lacks an operator. Without ranges only little is
// certain, so this oracle is deliberately narrow:
//   - element types, always;
//   - shapes, where no float value can decide them;
//   - values bit for bit, where no float takes part anywhere before the output;
//   - float values grossly (1 part in 100, and NaN and infinities), where every operator before the
//     output moves elements or is well conditioned (slice.h).
// Behind a contributed operator (com.microsoft) a table of operators decides what may be said
// (stability.h): integers that must be the same, bit for bit; floats, and integers of a quantised
// result, where they differ by far more than the plain configuration itself moves when every float
// that the output comes from moves by 2^-10 (sensitivity.h). Rounding errors of float32 are 2^-24
// an operation: what such movements do not reach, no rounding reaches. Threads are judged as levels
// are. Nothing is said where the reference calls an output undecidable or unspecified, nor on a
// case that computes a value which ONNX leaves open.
#include <algorithm>
#include <cmath>

#include "harness/case/float_bits.h"
#include "oracles/configuration_name.h"
#include "oracles/families.h"
#include "oracles/sensitivity.h"
#include "oracles/slice.h"
#include "oracles/stability.h"

namespace moire {
namespace {

constexpr double kGross = 0.01;  // relative

// Behind contributed operators a difference counts beyond kTimesMoved times the movement, and
// beyond kOfLargest of the largest element (attention and normalisations mix elements of one
// tensor); for quantised results beyond kOfSteps of the type's range: 8 of 256, where one is the
// usual and the scales of one node may multiply it.
constexpr double kTimesMoved = 8;
constexpr double kOfLargest = 0.05;
constexpr double kOfSteps = 8.0 / 256;

const Observation* Plain(const Evidence& evidence, const Observation& seen) {
  for (const Observation& other : evidence.observations) {
    if (&other != &seen && other.outcome == Outcome::kOutputs && IsPlain(other.configuration) &&
        BackendPart(other.configuration) == BackendPart(seen.configuration)) {
      return &other;
    }
  }
  return nullptr;
}

// Grossly different floats, with room for flushed subnormals.
bool Gross(DataType type, double a, double b) {
  if (std::isnan(a) || std::isnan(b)) return std::isnan(a) != std::isnan(b);
  if (std::isinf(a) || std::isinf(b)) {
    // An overflow in the last bit: the largest finite value and infinity are neighbours.
    const double largest = Traits(type).max_finite * (1 - kGross);
    return a != b && !(std::abs(a) > largest && std::abs(b) > largest && (a > 0) == (b > 0));
  }
  return std::abs(a - b) > kGross * std::max(std::abs(a), std::abs(b)) + 4 * SmallestNormal(type);
}

double Number(const Tensor& tensor, int64_t i) {
  return IsFloat(tensor.type) ? GetFloat(tensor, i) : static_cast<double>(GetInt(tensor, i));
}

// The first element that is further off than `allowed`, or not finite where the plain one is.
int64_t FirstFar(const Tensor& a, const Tensor& plain, double allowed) {
  for (int64_t i = 0; i < a.size(); ++i) {
    if (!(std::abs(Number(a, i) - Number(plain, i)) <= allowed)) return i;
  }
  return -1;
}

// Of a tensor without NaN and infinities; nullopt of another.
std::optional<double> LargestFinite(const Tensor& tensor) {
  double largest = 0;
  for (int64_t i = 0; i < tensor.size(); ++i) {
    if (!std::isfinite(Number(tensor, i))) return std::nullopt;
    largest = std::max(largest, std::abs(Number(tensor, i)));
  }
  return largest;
}

int64_t FirstDifference(const Tensor& a, const Tensor& b, const SliceKind& slice) {
  const int64_t count = a.size();
  if (a.type == DataType::kString) {
    for (int64_t i = 0; slice.exact && i < count; ++i) {
      if (a.strings[static_cast<size_t>(i)] != b.strings[static_cast<size_t>(i)]) return i;
    }
    return -1;
  }
  if (slice.exact && IsExact(a.type)) {
    for (int64_t i = 0; i < count; ++i) {
      if (GetInt(a, i) != GetInt(b, i)) return i;
    }
    return -1;
  }
  if (slice.well_conditioned && IsFloat(a.type)) {
    for (int64_t i = 0; i < count; ++i) {
      if (Gross(a.type, GetFloat(a, i), GetFloat(b, i))) return i;
    }
  }
  return -1;
}

class Levels : public Oracle {
 public:
  std::string_view name() const override { return "levels"; }

  void Judge(const Evidence& evidence, std::vector<Verdict>& verdicts) const override {
    const ReferenceResult* reference = evidence.reference;
    if (reference == nullptr || reference->status != ReferenceStatus::kEvaluated ||
        evidence.model == nullptr || evidence.unspecified_inside) {
      return;
    }
    const bool lacking = std::ranges::any_of(reference->outputs, [](const RangeTensor& output) {
      return output.opaque == Opaque::kUnsupported;
    });
    if (!lacking) return;
    for (const Observation& seen : evidence.observations) {
      if (seen.outcome != Outcome::kOutputs) continue;
      const Observation* plain = Plain(evidence, seen);
      if (plain != nullptr && !IsPlain(seen.configuration))
        Compare(evidence, seen, *plain, verdicts);
    }
  }

 private:
  // The first element of an output behind a contributed operator that is certainly wrong at one of
  // two configurations.
  static int64_t FirstUnstable(const Evidence& evidence, const std::string& name, const Tensor& a,
                               const Tensor& plain, const Observation& of) {
    const Stability stability = StabilityOf(*evidence.model, name);
    if (stability == Stability::kOpen) return -1;
    if (IsExact(a.type) && stability == Stability::kSame) {
      return FirstDifference(a, plain, {.exact = true});
    }
    const bool numbers = IsFloat(a.type) || (IsInteger(a.type) && Traits(a.type).bits <= 16);
    const std::optional<double> largest = numbers ? LargestFinite(plain) : std::nullopt;
    if (!largest || !evidence.again) return -1;
    const double steps = IsInteger(a.type) ? std::ldexp(kOfSteps, Traits(a.type).bits) : 0;
    const double least = std::max(steps, kOfLargest * *largest) +
                         (IsFloat(a.type) ? 4 * SmallestNormal(a.type) : 0);
    // Most are the same: nothing is run again for them.
    if (FirstFar(a, plain, least) < 0) return -1;
    const auto index = static_cast<size_t>(&of - evidence.observations.data());
    const auto moved = Movement(evidence.test_case, *evidence.model, name, plain,
                                [&](const Case& other) { return evidence.again(index, other); });
    return moved ? FirstFar(a, plain, std::max(least, kTimesMoved * *moved)) : -1;
  }

  static void Compare(const Evidence& evidence, const Observation& seen, const Observation& plain,
                      std::vector<Verdict>& verdicts) {
    const auto& outputs = evidence.model->graph.outputs;
    const size_t count = evidence.reference->outputs.size();
    if (seen.outputs.size() != count || plain.outputs.size() != count || outputs.size() != count)
      return;
    for (size_t i = 0; i < count; ++i) {
      if (evidence.reference->outputs[i].opaque != Opaque::kUnsupported) continue;
      const Tensor& a = seen.outputs[i].tensor;
      const Tensor& b = plain.outputs[i].tensor;
      if (a.type == DataType::kUndefined || b.type == DataType::kUndefined) continue;
      const SliceKind slice = DescribeSlice(*evidence.model, outputs[i].name);
      const bool contributed = HasContributed(*evidence.model, outputs[i].name);
      const Stability stability = StabilityOf(*evidence.model, outputs[i].name);
      Verdict verdict{.kind = VerdictKind::kMismatch,
                      .oracle = "levels",
                      .configuration = seen.configuration,
                      .against = plain.configuration,
                      .severity = kStructural,
                      .reason = {},
                      .error_class = {},
                      .output = static_cast<int>(i),
                      .expected = {},
                      .actual = {}};
      if (a.type != b.type) {
        verdict.error_class = "type";
        verdict.expected = std::string(Name(b.type));
        verdict.actual = std::string(Name(a.type));
      } else if (a.shape != b.shape) {
        if (contributed ? stability == Stability::kOpen : !slice.shape_certain) continue;
        verdict.error_class = "shape";
        verdict.expected = ToString(b.shape);
        verdict.actual = ToString(a.shape);
      } else {
        const int64_t element = contributed ? FirstUnstable(evidence, outputs[i].name, a, b, plain)
                                            : FirstDifference(a, b, slice);
        if (element < 0) continue;
        verdict.element = element;
        verdict.error_class = IsFloat(a.type) ? "gross value" : IsBool(a.type) ? "bool" : "int";
        verdict.expected = ElementToString(b, element);
        verdict.actual = ElementToString(a, element);
        verdict.severity = 1;
      }
      verdict.reason =
          fmt::format("output {}: {} differs between levels: {} here, {} with {}", i,
                      verdict.error_class, verdict.actual, verdict.expected, plain.configuration);
      verdicts.push_back(std::move(verdict));
      return;
    }
  }
};

}  // namespace

const Oracle& LevelsOracle() {
  static const Levels oracle;
  return oracle;
}

}  // namespace moire
