#include "synth/blame.h"

#include <array>

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

}  // namespace

std::vector<std::string> AppliedOptimizers(const Case& test_case,
                                           const std::string& configuration) {
  if (IsPlain(configuration)) return {};
  const Result<Configurations> opened = OpenConfigurations(configuration + ",log=1");
  if (!opened || opened->empty()) return {};
  opened->front()->Run(test_case);
  return opened->front()->AppliedOptimizers();
}

std::string BlameOptimizer(const Case& test_case, SymptomCheck& check,
                           const std::vector<std::string>& applied) {
  for (const std::string& optimizer : applied) {
    Case without = test_case;
    without.options.disabled_optimizers.push_back(optimizer);
    if (check.Shows(without)) continue;
    if (optimizer.find(kRuleHolder) != std::string::npos) {
      for (const std::string_view rule : kRules) {
        without.options.disabled_optimizers.back() = rule;
        if (!check.Shows(without)) return std::string(rule);
      }
    }
    return optimizer;
  }
  return {};
}

}  // namespace moire
