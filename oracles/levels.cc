// Oracle "levels": one runtime's configurations against its plain one (level none), for the outputs
// that the reference cannot compute because it lacks an operator. Without ranges only little is
// certain, so this oracle is deliberately narrow:
//   - element types, always;
//   - shapes, where no float value can decide them;
//   - values bit for bit, where no float takes part anywhere before the output;
//   - float values grossly (1 part in 100, and NaN and infinities), where every operator before the
//     output moves elements or is well conditioned (slice.h).
// Nothing is said where the reference calls an output undecidable or unspecified, nor on a case
// that computes a value which ONNX leaves open.
#include <algorithm>
#include <cmath>

#include "harness/case/float_bits.h"
#include "oracles/configuration_name.h"
#include "oracles/families.h"
#include "oracles/slice.h"

namespace moire {
namespace {

constexpr double kGross = 0.01;  // relative

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
        if (!slice.shape_certain) continue;
        verdict.error_class = "shape";
        verdict.expected = ToString(b.shape);
        verdict.actual = ToString(a.shape);
      } else {
        const int64_t element = FirstDifference(a, b, slice);
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
