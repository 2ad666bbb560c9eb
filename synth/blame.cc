#include "synth/blame.h"

#include <algorithm>
#include <array>
#include <ranges>

#include "harness/case/onnx_adapter.h"
#include "oracles/configuration_name.h"

namespace moire {
namespace {

// ONNX Runtime reports its rewrite rules under the transformer that holds them; each can be
// switched off by its own name. (Names as in the libraries of 1.22 to 1.32.)
constexpr std::string_view kRuleHolder = "RuleBasedTransformer";
constexpr std::array<std::string_view, 25> kRules = {"EliminateSlice",
                                                     "EliminateIdentity",
                                                     "EliminateDropout",
                                                     "UnsqueezeElimination",
                                                     "ExpandElimination",
                                                     "CastElimination",
                                                     "CastChainElimination",
                                                     "PreShapeNodeElimination",
                                                     "NoopElimination",
                                                     "DivMulFusion",
                                                     "FuseReluClip",
                                                     "GemmSumFusion",
                                                     "GemmTransposeFusion",
                                                     "NotWhereFusion",
                                                     "ConvAddFusion",
                                                     "ConvMulFusion",
                                                     "ConvBNFusion",
                                                     "Pad_Fusion",
                                                     "LabelEncoderFusion",
                                                     "ReluQuantRewrite",
                                                     "ClipQuantRewrite",
                                                     "MatMul_BatchNormalization_Fusion",
                                                     "GatherSliceToSplitFusion",
                                                     "SliceConcatToSpaceToDepthFusion",
                                                     "GatherToSliceFusion"};

constexpr int kQuietRuns = 3;  // of what may kill, before it counts as harmless

bool HoldsRules(std::string_view optimizer) {
  return optimizer.find(kRuleHolder) != std::string_view::npos;
}

// A model that every optimiser goes over and none changes.
Case OneIdentity() {
  Node node;
  node.op = "Identity";
  node.inputs = {"x"};
  node.outputs = {"y"};
  Model model;
  model.ir_version = 8;
  model.opsets = {{"", 13}};
  model.graph.nodes = {node};
  const ValueType type = TensorType(DataType::kFloat, {});
  model.graph.inputs = {{"x", type}};
  model.graph.outputs = {{"y", type}};
  return {SerializeModel(model),
          {{"x", Tensor{DataType::kFloat, {}, std::vector<uint8_t>(4), {}}, {}}},
          {}};
}

// The optimisers that told of a run, with what they did.
struct Told {
  std::vector<std::string> run, applied;
};

Told Optimizers(const Case& test_case, const std::string& configuration) {
  const Result<Configurations> opened = OpenConfigurations(configuration + ",log=1");
  if (!opened || opened->empty()) return {};
  opened->front()->Run(test_case);
  return {opened->front()->RunOptimizers(), opened->front()->AppliedOptimizers()};
}

bool ShowsWithout(const Case& test_case, SymptomCheck& check, std::span<const std::string> names) {
  Case without = test_case;
  without.options.disabled_optimizers.insert(without.options.disabled_optimizers.end(),
                                             names.begin(), names.end());
  return check.Shows(without);
}

// Whether the symptom vanishes without this one, deaths each time.
bool Clears(const Case& test_case, SymptomCheck& check, const std::string& name) {
  const int runs = IsDeath(check.wanted().kind) ? kQuietRuns : 1;
  for (int run = 0; run < runs; ++run) {
    if (ShowsWithout(test_case, check, {&name, 1})) return false;
  }
  return true;
}

// The rule of a holder that is to blame; the holder itself where no rule alone is.
std::string BlameInside(const Case& test_case, SymptomCheck& check, const std::string& holder) {
  for (const std::string_view rule : kRules) {
    const std::string name(rule);
    if (Clears(test_case, check, name)) return name;
  }
  return holder;
}

// What kills may do so or not as the heap lies: only a death proves anything. Halves of the
// optimisers are run without the others, and the half that still kills is halved again. Empty where
// it takes optimisers of both.
std::string Halve(const Case& test_case, SymptomCheck& check, const std::vector<std::string>& run) {
  const auto kills = [&](size_t from, size_t to) {
    std::vector<std::string> others(run.begin(), run.begin() + static_cast<ptrdiff_t>(from));
    others.insert(others.end(), run.begin() + static_cast<ptrdiff_t>(to), run.end());
    for (int again = 0; again < kQuietRuns; ++again) {
      if (ShowsWithout(test_case, check, others)) return true;
    }
    return false;
  };
  size_t from = 0, to = run.size();
  while (to - from > 1) {
    const size_t middle = from + (to - from) / 2;
    if (kills(from, middle)) {
      to = middle;
    } else if (kills(middle, to)) {
      from = middle;
    } else {
      return {};
    }
  }
  return from < to && Clears(test_case, check, run[from]) ? run[from] : std::string();
}

// The shortest row of the first optimisers without which the symptom vanishes ends with the one to
// blame, if that one is enough.
std::string Bisect(const Case& test_case, SymptomCheck& check,
                   const std::vector<std::string>& run) {
  const std::span<const std::string> all(run);
  if (run.empty() || ShowsWithout(test_case, check, all)) return {};
  const auto counts = std::views::iota(size_t{1}, run.size() + 1);
  const auto shortest = std::ranges::partition_point(
      counts, [&](size_t count) { return ShowsWithout(test_case, check, all.first(count)); });
  const std::string& blamed = run[*shortest - 1];
  return Clears(test_case, check, blamed) ? blamed : std::string();
}

}  // namespace

std::string BlameOptimizer(const Case& test_case, SymptomCheck& check) {
  const std::string& configuration = check.wanted().configuration;
  if (IsPlain(configuration)) return {};
  std::string blamed;
  if (!IsDeath(check.wanted().kind)) {
    for (const std::string& optimizer : Optimizers(test_case, configuration).applied) {
      if (!Clears(test_case, check, optimizer)) continue;
      blamed = optimizer;
      break;
    }
  }
  if (blamed.empty()) {
    const std::vector<std::string> run = Optimizers(OneIdentity(), configuration).run;
    if (IsDeath(check.wanted().kind)) blamed = Halve(test_case, check, run);
    if (blamed.empty()) blamed = Bisect(test_case, check, run);
  }
  return HoldsRules(blamed) ? BlameInside(test_case, check, blamed) : blamed;
}

}  // namespace moire
