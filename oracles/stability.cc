#include "oracles/stability.h"

#include <algorithm>
#include <map>
#include <string>
#include <unordered_map>

namespace moire {
namespace {

constexpr std::string_view kContributed = "com.microsoft";

enum class Effect {
  kMoves,      // elements, whole; the first input is moved, the others say how and must be certain
  kJumps,      // certain results of certain inputs, anything of others
  kSmooth,     // without jumps, and well conditioned or tested for it by the oracle (sensitivity.h)
  kQuantises,  // rounds to the steps of a scale that it is given
};

struct Row {
  std::string_view domain;
  Effect effect;
  std::string_view operators;  // separated by spaces
};

// Smooth are those whose formula is continuous in every float input. Quotients, logarithms and
// powers are left out, whose poles no finite number of trials finds; Exp, which overflows soon; and
// MaxpoolWithMask, which gives the lowest float where the mask lets nothing through.
constexpr Row kRows[] = {
    {"", Effect::kMoves,
     "Identity Reshape Transpose Squeeze Unsqueeze Flatten Expand Concat Split Slice Gather "
     "GatherElements GatherND Tile DepthToSpace SpaceToDepth Shape Size ConstantOfShape Constant "
     "ReverseSequence Trilu CenterCropPad Pad"},
    {"", Effect::kJumps,
     "Equal Less LessOrEqual Greater GreaterOrEqual And Or Xor Not Where ArgMax ArgMin Sign Floor "
     "Ceil Round BitwiseAnd BitwiseOr BitwiseXor BitwiseNot"},
    {"", Effect::kSmooth,
     "Add Sub Mul Neg Abs Relu LeakyRelu Elu Selu Celu Sigmoid HardSigmoid Tanh Softplus Softsign "
     "Erf Gelu Mish HardSwish Sin Cos Atan Sum Mean Max Min Clip MatMul Gemm Conv "
     "ConvTranspose AveragePool MaxPool GlobalAveragePool GlobalMaxPool ReduceSum ReduceMean "
     "ReduceMax ReduceMin ReduceL1 ReduceSumSquare Softmax LogSoftmax LayerNormalization "
     "InstanceNormalization BatchNormalization GroupNormalization RMSNormalization PRelu LRN "
     "DequantizeLinear MatMulInteger ConvInteger"},
    {"", Effect::kQuantises, "QuantizeLinear QLinearConv QLinearMatMul"},
    {kContributed, Effect::kMoves,
     "ExpandDims UnfoldTensor GatherND Trilu Pad NhwcMaxPool NGramRepeatBlock"},
    {kContributed, Effect::kJumps, "MurmurHash3 Unique Range BifurcationDetector MatMulInteger16"},
    {kContributed, Effect::kSmooth,
     "FusedMatMul TransposeMatMul FusedGemm FusedConv ConvTransposeWithDynamicPads CDist Gelu "
     "QuickGelu FastGelu BiasGelu ScaledSiLU SkipLayerNormalization "
     "SkipSimplifiedLayerNormalization GatedRMSNorm EmbedLayerNormalization RotaryEmbedding "
     "MultiHeadAttention Attention GroupQueryAttention CausalConvWithState DequantizeLinear "
     "MatMulIntegerToFloat QAttention GatherBlockQuantized"},
    {kContributed, Effect::kQuantises,
     "QuantizeLinear QLinearAdd QLinearMul QLinearSigmoid QLinearLeakyRelu QLinearSoftmax "
     "QLinearAveragePool QLinearGlobalAveragePool QLinearConcat QLinearWhere QLinearConv QGemm"},
};

using Table = std::map<std::pair<std::string_view, std::string_view>, Effect>;

const Table& Effects() {
  static const Table table = [] {
    Table made;
    for (const Row& row : kRows) {
      for (std::string_view rest = row.operators; !rest.empty();) {
        const size_t end = std::min(rest.find(' '), rest.size());
        made[{row.domain, rest.substr(0, end)}] = row.effect;
        rest.remove_prefix(std::min(end + 1, rest.size()));
      }
    }
    return made;
  }();
  return table;
}

// Types whose intermediates every runtime keeps as declared.
bool IsDeclaredWidth(DataType type) {
  return IsExact(type) || type == DataType::kString || type == DataType::kFloat ||
         type == DataType::kDouble;
}

class Walk {
 public:
  explicit Walk(const Model& model) : graph_(model.graph) {
    for (const Node& node : graph_.nodes) {
      for (const std::string& output : node.outputs) producer_[output] = &node;
    }
  }

  Stability Of(std::string_view name) {
    const auto known = known_.find(name);
    if (known != known_.end()) return known->second;
    known_[name] = Stability::kOpen;  // what a cycle would be
    return known_[name] = Compute(name);
  }

  bool contributed() const { return contributed_; }

 private:
  Stability Compute(std::string_view name) {
    const auto made = producer_.find(name);
    if (made == producer_.end()) {
      const NamedTensor* initializer = graph_.FindInitializer(name);
      const ValueInfo* input = graph_.FindInput(name);
      const DataType type = initializer != nullptr ? initializer->tensor.type
                            : input != nullptr     ? input->type.type
                                                   : DataType::kUndefined;
      return type != DataType::kUndefined && IsDeclaredWidth(type) ? Stability::kSame
                                                                   : Stability::kOpen;
    }
    return OfNode(*made->second);
  }

  Stability OfNode(const Node& node) {
    contributed_ |= node.domain == kContributed;
    Stability first = Stability::kSame;
    Stability worst = Stability::kSame;
    Stability others = Stability::kSame;
    for (size_t i = 0; i < node.inputs.size(); ++i) {
      if (node.inputs[i].empty()) continue;
      const Stability one = Of(node.inputs[i]);
      if (i == 0) first = one;
      if (i > 0) others = std::max(others, one);
      worst = std::max(worst, one);
    }
    for (const Attribute& attribute : node.attributes) {
      const auto* tensor = std::get_if<Tensor>(&attribute.value);
      const bool odd = std::holds_alternative<GraphPtr>(attribute.value) ||
                       std::holds_alternative<OpaqueAttribute>(attribute.value) ||
                       (tensor != nullptr && !IsDeclaredWidth(tensor->type));
      if (odd) return Stability::kOpen;
    }
    const auto row = Effects().find({node.domain, node.op});
    if (row == Effects().end() || worst == Stability::kOpen) return Stability::kOpen;
    switch (row->second) {
      case Effect::kMoves:
        // Concat and Pad move several inputs; the others' further inputs are indices and shapes.
        if (node.op == "Concat" || node.op == "Pad" || node.op == "NGramRepeatBlock") return worst;
        return others == Stability::kSame ? first : Stability::kOpen;
      case Effect::kJumps:
        return worst == Stability::kSame ? worst : Stability::kOpen;
      case Effect::kSmooth:
        return worst == Stability::kNearSteps ? Stability::kOpen : Stability::kClose;
      case Effect::kQuantises:
        return worst == Stability::kNearSteps ? Stability::kOpen : Stability::kNearSteps;
    }
    return Stability::kOpen;
  }

  const Graph& graph_;
  std::unordered_map<std::string_view, const Node*> producer_;
  std::map<std::string_view, Stability> known_;
  bool contributed_ = false;
};

}  // namespace

Stability StabilityOf(const Model& model, std::string_view name) { return Walk(model).Of(name); }

bool HasContributed(const Model& model, std::string_view name) {
  Walk walk(model);
  walk.Of(name);
  return walk.contributed();
}

}  // namespace moire
