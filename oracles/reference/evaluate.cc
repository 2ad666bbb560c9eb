// Evaluation of a graph: values by name, one kernel call a node, errors turned into opaque values.
// An operator without a kernel is evaluated through ONNX's function body of it, if it has one.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "harness/case/onnx_function.h"
#include "harness/case/onnx_signature.h"
#include "oracles/reference/reference.h"

namespace moire {
namespace {

// Names visible to a graph: its own values, then those of the graph around it.
struct Scope {
  const Scope* outer = nullptr;
  std::unordered_map<std::string_view, RangeTensor> values;

  const RangeTensor* Find(std::string_view name) const {
    for (const Scope* scope = this; scope != nullptr; scope = scope->outer) {
      const auto found = scope->values.find(name);
      if (found != scope->values.end()) return &found->second;
    }
    return nullptr;
  }
};

RangeTensor FromValue(const OnnxValue& value) {
  if (value.kind == OnnxKind::kTensor) return FromTensor(value.tensor);
  std::vector<RangeTensor> parts;
  for (const OnnxValue& part : value.parts) parts.push_back(FromValue(part));
  return MakeParts(value.kind, std::move(parts));
}

RangeTensor FromInput(const NamedTensor& input) {
  if (!input.IsMap()) return FromTensor(input.tensor);
  std::vector<RangeTensor> parts;
  parts.push_back(FromTensor(input.keys));
  parts.push_back(FromTensor(input.tensor));
  return MakeParts(OnnxKind::kMap, std::move(parts));
}

// Whether a kernel handles a value, an opaque one included that holds parts.
bool Handles(const KernelEntry* entry, const RangeTensor& value) {
  const uint8_t takes = entry == nullptr ? uint8_t{kTakesTensors} : entry->takes;
  if (value.opaque == Opaque::kParts) return (takes & kTakesParts) != 0;
  if (value.opaque != Opaque::kNo) return false;
  return Traits(value.type).kind != TypeClass::kComplex || (takes & kTakesComplex) != 0;
}

RangeTensor MakeOpaque(Opaque kind, std::string reason) {
  RangeTensor out;
  out.opaque = kind;
  out.opaque_reason = std::move(reason);
  return out;
}

constexpr int kMaxDepth = 32;

// Attributes that the functions' bodies compute with, whatever their values.
struct AttributeRange {
  std::string_view name;
  int64_t low, high;
};
constexpr AttributeRange kFunctionAttributes[] = {
    {"periodic", 0, 1},          {"interleaved", 0, 1},         {"is_causal", 0, 1},
    {"num_heads", 0, INT32_MAX}, {"q_num_heads", 0, INT32_MAX}, {"kv_num_heads", 0, INT32_MAX},
};

// The body broadcasts caches of any width; the page asks for half the width that is rotated.
Status CheckRotaryCaches(const Node& node, std::span<const RangeTensor* const> inputs) {
  const Shape& x = inputs[0]->shape;
  const int64_t heads = node.Int("num_heads", 0);
  if (x.size() != 4 && (x.size() != 3 || heads < 1)) {
    return Fail(ErrorCode::kInvalidInput, "input {} for {} heads", ToString(x), heads);
  }
  const int64_t head = x.size() == 4 ? x[3] : x[2] / heads;
  const int64_t given = node.Int("rotary_embedding_dim", 0);
  const int64_t rotated = given == 0 ? head : given;
  for (const RangeTensor* cache : {inputs[1], inputs[2]}) {
    if (cache->shape.empty() || cache->shape.back() * 2 != rotated) {
      return Fail(ErrorCode::kInvalidInput, "cache {} for {} rotated elements",
                  ToString(cache->shape), rotated);
    }
  }
  return {};
}

// The body multiplies whatever matrices it is given; the page asks for one of 2x3 (or 3x4) for each
// image.
Status CheckAffineGrid(std::span<const RangeTensor* const> inputs) {
  const Shape& theta = inputs[0]->shape;
  const std::vector<int64_t>& size = inputs[1]->ints;
  const auto dims = static_cast<int64_t>(size.size()) - 2;
  if ((dims == 2 || dims == 3) && theta == Shape{size[0], dims, dims + 1}) return {};
  return Fail(ErrorCode::kInvalidInput, "theta has shape {}, size {} entries", ToString(theta),
              size.size());
}

// What the bodies of functions take for granted.
Status CheckFunction(const Node& node, std::span<const RangeTensor* const> inputs) {
  if (!node.domain.empty()) return {};
  for (const AttributeRange& row : kFunctionAttributes) {
    const int64_t value = node.Int(row.name, row.low);
    if (value >= row.low && value <= row.high) continue;
    return Fail(ErrorCode::kInvalidInput, "{} is {}", row.name, value);
  }
  if (node.op == "AffineGrid") return CheckAffineGrid(inputs);
  return node.op == "RotaryEmbedding" ? CheckRotaryCaches(node, inputs) : Status();
}

// The body of Attention scales Q and K before it multiplies them; a runtime may scale the product,
// which overflows earlier.
bool MayOverflowUnscaled(const Node& node, std::span<const RangeTensor* const> inputs) {
  if (node.op != "Attention" && node.op != "LinearAttention") return false;
  if (!node.domain.empty() || inputs.size() < 2 || inputs[0]->shape.empty()) return false;
  const auto largest = [&](size_t i) {
    double most = 0;
    if (i >= inputs.size() || inputs[i] == nullptr) return most;
    for (const auto* ends : {&inputs[i]->value, &inputs[i]->lo, &inputs[i]->hi}) {
      for (const double x : *ends) most = std::max(most, std::isinf(x) ? 0 : std::abs(x));
    }
    return most;
  };
  // Attention puts its past keys in front of the new ones.
  const double keys = std::max(largest(1), node.op == "Attention" ? largest(4) : 0);
  const double product = static_cast<double>(inputs[0]->shape.back()) * largest(0) * keys;
  return IsFloat(inputs[0]->type) && product > Traits(inputs[0]->type).max_finite;
}

// With align_corners the first pixel is at -1 and the last at 1. Where one pixel is both, the page
// does not say.
bool IsOneCorner(const Node& node, std::span<const RangeTensor* const> inputs) {
  if (node.op != "AffineGrid" || !node.domain.empty() || node.Int("align_corners", 0) == 0) {
    return false;
  }
  const std::vector<int64_t>& size = inputs[1]->ints;
  return size.size() > 2 && std::find(size.begin() + 2, size.end(), 1) != size.end();
}

// A function that ends in a Cast to float16 or bfloat16 is one operator to a runtime, which may
// keep the result of any operator of these types in float32.
void KeepWide(const Node& node, std::span<const RangeTensor* const> inputs, RangeTensor& out) {
  if (!node.domain.empty() || (node.op != "Cast" && node.op != "CastLike")) return;
  if (out.type != DataType::kFloat16 && out.type != DataType::kBfloat16) return;
  const RangeTensor& from = *inputs[0];
  if (from.type != DataType::kFloat && from.type != DataType::kDouble) return;
  if (out.exact()) out.MakeRanges();
  for (size_t i = 0; i < out.value.size(); ++i) {
    const double lo = from.exact() ? from.value[i] : from.lo[i];
    const double hi = from.exact() ? from.value[i] : from.hi[i];
    if (std::isnan(lo) || std::isnan(hi) || std::isnan(out.value[i])) continue;
    out.lo[i] = std::min(out.lo[i], static_cast<double>(static_cast<float>(lo)));
    out.hi[i] = std::max(out.hi[i], static_cast<double>(static_cast<float>(hi)));
  }
}

class Evaluator {
 public:
  Evaluator(const Model& model, const ReferenceOptions& options)
      : model_(model), options_(options) {}

  ReferenceResult Run(std::span<const NamedTensor> inputs) {
    ReferenceResult result;
    Status status = RunMain(inputs, result.outputs);
    result.spent = spent_;
    result.may_reject = may_reject_;
    if (!status) {
      result.outputs.clear();
      result.reason = status.error().message;
      result.must_reject = must_reject_;
      result.status = status.error().code == ErrorCode::kOverBudget ? ReferenceStatus::kOverBudget
                                                                    : ReferenceStatus::kRejected;
    }
    return result;
  }

 private:
  class Bodies : public SubgraphRunner {
   public:
    Bodies(Evaluator& evaluator, const Scope& scope, int depth)
        : evaluator_(evaluator), scope_(scope), depth_(depth) {}
    Result<std::vector<RangeTensor>> Run(const Graph& body,
                                         std::vector<RangeTensor> inputs) override {
      if (depth_ >= kMaxDepth) return Fail(ErrorCode::kOverBudget, "subgraphs nested too deep");
      Scope scope{&scope_, {}};
      if (inputs.size() > body.inputs.size()) {
        return Fail(ErrorCode::kInvalidInput, "body '{}' takes {} inputs, got {}", body.name,
                    body.inputs.size(), inputs.size());
      }
      for (size_t i = 0; i < inputs.size(); ++i) {
        scope.values[body.inputs[i].name] = std::move(inputs[i]);
      }
      std::vector<RangeTensor> outputs;
      MOIRE_TRY(evaluator_.RunGraph(body, scope, depth_ + 1, outputs));
      return outputs;
    }

   private:
    Evaluator& evaluator_;
    const Scope& scope_;
    int depth_;
  };

  Status RunMain(std::span<const NamedTensor> inputs, std::vector<RangeTensor>& outputs) {
    Scope scope;
    for (const NamedTensor& input : inputs) {
      const ValueInfo* declared = model_.graph.FindInput(input.name);
      if (declared == nullptr) continue;
      MOIRE_TRY(CheckDeclared(*declared, input));
      scope.values[declared->name] = FromInput(input);
    }
    for (const NamedOnnxValue& input : options_.values) {
      const ValueInfo* declared = model_.graph.FindInput(input.name);
      if (declared != nullptr) scope.values[declared->name] = FromValue(input.value);
    }
    for (const ValueInfo& input : model_.graph.inputs) {
      if (!scope.values.contains(input.name) && !model_.graph.FindInitializer(input.name)) {
        if (!input.type.opaque.empty()) {
          scope.values[input.name] = MakeOpaque(Opaque::kUnsupported, "input that is not a tensor");
          continue;
        }
        return Fail(ErrorCode::kInvalidInput, "no value for input '{}'", input.name);
      }
    }
    return RunGraph(model_.graph, scope, 0, outputs);
  }

  static Status CheckDeclared(const ValueInfo& declared, const NamedTensor& input) {
    const ValueType& type = declared.type;
    const Tensor& tensor = input.tensor;
    const std::optional<MapType> map = ParseMapType(type.opaque);
    if (map || input.IsMap()) {
      if (map == MapType{input.keys.type, tensor.type}) return CheckMap(input);
      return Fail(ErrorCode::kInvalidInput,
                  "input '{}' is {}, which its declaration does not allow", declared.name,
                  input.IsMap() ? "a map" : "no map");
    }
    if (!type.opaque.empty()) return {};
    bool fits = type.type == DataType::kUndefined || type.type == tensor.type;
    if (type.dims) {
      fits = fits && type.dims->size() == tensor.shape.size();
      for (size_t i = 0; fits && i < tensor.shape.size(); ++i) {
        const auto& size = (*type.dims)[i].size;
        fits = !size || *size == tensor.shape[i];
      }
    }
    if (fits) return {};
    return Fail(ErrorCode::kInvalidInput,
                "input '{}' is {} {}, which its declaration does not allow", declared.name,
                Name(tensor.type), ToString(tensor.shape));
  }

  Status RunGraph(const Graph& graph, Scope& scope, int depth, std::vector<RangeTensor>& outputs) {
    for (const NamedTensor& initializer : graph.initializers) {
      if (!scope.values.contains(initializer.name)) {
        scope.values[initializer.name] = FromTensor(initializer.tensor);
      }
    }
    for (const Node& node : graph.nodes) {
      Status status = RunNode(node, scope, depth);
      if (!status) {
        const std::string what = node.name.empty() ? node.op : node.op + " '" + node.name + "'";
        return std::unexpected(std::move(status).error().With(what));
      }
    }
    outputs.reserve(outputs.size() + graph.outputs.size());
    for (const ValueInfo& output : graph.outputs) {
      const RangeTensor* value = scope.Find(output.name);
      if (value == nullptr) {
        return Fail(ErrorCode::kInvalidInput, "nothing makes the output '{}'", output.name);
      }
      outputs.push_back(*value);
    }
    return {};
  }

  Status RunNode(const Node& node, Scope& scope, int depth) {
    const int64_t opset = Opset(node.domain);
    const KernelEntry* entry = FindKernel(node.domain, node.op, opset);
    std::vector<const RangeTensor*> inputs;
    inputs.reserve(node.inputs.size());
    std::vector<DataType> types;
    types.reserve(node.inputs.size());
    const RangeTensor* opaque = nullptr;
    for (const std::string& name : node.inputs) {
      const RangeTensor* value = name.empty() ? nullptr : scope.Find(name);
      if (value == nullptr && !name.empty()) {
        return Fail(ErrorCode::kInvalidInput, "input '{}' is not defined before its use", name);
      }
      if (value != nullptr && !Handles(entry, *value)) opaque = value;
      inputs.push_back(value);
      const bool dense = value != nullptr && value->opaque == Opaque::kNo;
      types.push_back(dense ? value->type : DataType::kUndefined);
    }
    MOIRE_TRY(CheckSignature(node, opset, types));  // kernels rely on it
    if (opaque != nullptr) {
      const bool known = opaque->opaque == Opaque::kNo || opaque->opaque == Opaque::kParts;
      StoreOpaque(node, scope, known ? Opaque::kUnsupported : opaque->opaque,
                  known ? fmt::format("{} of {}", node.op,
                                      opaque->opaque == Opaque::kNo ? Name(opaque->type)
                                                                    : Name(opaque->kind))
                        : opaque->opaque_reason);
      return {};
    }
    if (entry == nullptr) return RunFunction(node, opset, inputs, scope, depth);
    Bodies bodies(*this, scope, depth);
    KernelContext context(node, opset, inputs, options_.budget, spent_, bodies);
    Status status = context.Spend(1);
    if (status) status = entry->kernel(context);
    may_reject_ |= context.may_reject();
    if (!status) {
      const ErrorCode code = status.error().code;
      may_reject_ |= code == ErrorCode::kUndecidable;
      if (code == ErrorCode::kUndecidable || code == ErrorCode::kUnsupported) {
        StoreOpaque(node, scope,
                    code == ErrorCode::kUndecidable ? Opaque::kUndecidable : Opaque::kUnsupported,
                    status.error().message);
        return {};
      }
      // A runtime that has nothing to compute need not look at what it does not use.
      const bool works = std::ranges::none_of(
          inputs, [](const RangeTensor* input) { return input != nullptr && input->size() == 0; });
      must_reject_ |= context.must_reject() && works;
      return status;
    }
    if (in_standard_function_) KeepWide(node, inputs, context.Out(0));
    if (options_.on_node && depth == 0) options_.on_node(node, context.outputs());
    for (size_t i = 0; i < node.outputs.size(); ++i) {
      const std::string& name = node.outputs[i];
      if (name.empty()) continue;
      const auto [value, fresh] = scope.values.try_emplace(name);
      if (!fresh) return Fail(ErrorCode::kInvalidInput, "'{}' is made twice", name);
      value->second = std::move(context.Out(i));
    }
    return {};
  }

  // The function body sees its inputs only, and has opsets of its own. What it rejects, ONNX's page
  // may allow or leave open: nothing is claimed.
  Status RunFunction(const Node& node, int64_t opset, std::span<const RangeTensor* const> inputs,
                     Scope& scope, int depth) {
    MOIRE_TRY(CheckFunction(node, inputs));
    const std::string_view open = MayOverflowUnscaled(node, inputs)
                                      ? "overflows before it is scaled"
                                  : IsOneCorner(node, inputs) ? "has one corner"
                                                              : "";
    if (!open.empty()) {
      StoreOpaque(node, scope, Opaque::kUndecidable, fmt::format("{} {}", node.op, open));
      return {};
    }
    std::vector<ValueType> types;
    for (const RangeTensor* input : inputs) {
      types.push_back(input == nullptr ? ValueType{} : TensorType(input->type, input->shape));
    }
    Result<FunctionBody> body = ExpandFunction(node, opset, types);
    const bool standard = body.has_value();
    if (!body) body = ExpandLocalFunction(node, model_);
    if (!body || depth >= kMaxDepth) {
      StoreOpaque(node, scope, Opaque::kUnsupported,
                  fmt::format("operator {}{}{} at opset {}", node.domain,
                              node.domain.empty() ? "" : ".", node.op, opset));
      return {};
    }
    Scope inner;
    size_t next = 0;
    for (const RangeTensor* input : inputs) {
      if (input != nullptr) inner.values[body->graph.inputs[next++].name] = *input;
    }
    const bool must_reject = must_reject_;
    const std::vector<OpsetImport>* const outer = std::exchange(function_opsets_, &body->opsets);
    // What a model's own function casts is cast.
    const bool in_standard = std::exchange(in_standard_function_, standard);
    std::vector<RangeTensor> results;
    const Status status = RunGraph(body->graph, inner, depth + 1, results);
    function_opsets_ = outer;
    in_standard_function_ = in_standard;
    must_reject_ = must_reject;
    MOIRE_TRY(status);
    std::vector<RangeTensor> outputs(node.outputs.size());
    next = 0;
    for (size_t i = 0; i < outputs.size(); ++i) {
      if (!node.outputs[i].empty()) outputs[i] = std::move(results[next++]);
    }
    if (options_.on_node && depth == 0) options_.on_node(node, outputs);
    for (size_t i = 0; i < outputs.size(); ++i) {
      if (!node.outputs[i].empty()) scope.values[node.outputs[i]] = std::move(outputs[i]);
    }
    return {};
  }

  int64_t Opset(const std::string& domain) const {
    if (function_opsets_ != nullptr) {
      for (const OpsetImport& import : *function_opsets_) {
        if (import.domain == domain) return import.version;
      }
    }
    return model_.Opset(domain);
  }

  static void StoreOpaque(const Node& node, Scope& scope, Opaque kind, const std::string& reason) {
    for (const std::string& output : node.outputs) {
      if (!output.empty()) scope.values[output] = MakeOpaque(kind, reason);
    }
  }

  const Model& model_;
  const ReferenceOptions& options_;
  const std::vector<OpsetImport>* function_opsets_ = nullptr;  // inside a function body
  bool in_standard_function_ = false;  // in the body of an operator that ONNX defines so
  Spent spent_;
  bool must_reject_ = false;
  bool may_reject_ = false;
};

}  // namespace

ReferenceResult Evaluate(const Model& model, std::span<const NamedTensor> inputs,
                         const ReferenceOptions& options) {
  return Evaluator(model, options).Run(inputs);
}

}  // namespace moire
