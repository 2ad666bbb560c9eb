// Breaks a rule of ONNX on purpose: robustness bugs live where the rules end.
#include <algorithm>

#include "fuzzers/mutate/edits.h"

namespace moire {
namespace {

using Break = bool (*)(GeneratedCase&, Random&);

Node* PickNode(GeneratedCase& victim, Random& random) {
  auto& nodes = victim.model.graph.nodes;
  return nodes.empty() ? nullptr : &nodes[random.Index(nodes.size())];
}

int64_t OddInteger(Random& random) {
  static constexpr int64_t kValues[] = {0,    -1,        -7,        64,
                                        1000, INT32_MAX, INT32_MIN, int64_t{1} << 40};
  return kValues[random.Index(8)];
}

bool OddAttribute(GeneratedCase& victim, Random& random) {
  Node* node = PickNode(victim, random);
  if (node == nullptr || node->attributes.empty()) return false;
  Attribute& attribute = node->attributes[random.Index(node->attributes.size())];
  if (auto* value = std::get_if<int64_t>(&attribute.value)) {
    *value = OddInteger(random);
  } else if (auto* ints = std::get_if<Ints>(&attribute.value)) {
    if (ints->empty() || random.Chance(1, 3)) {
      ints->push_back(OddInteger(random));
    } else if (random.Chance(1, 3)) {
      ints->pop_back();
    } else {
      (*ints)[random.Index(ints->size())] = OddInteger(random);
    }
  } else if (auto* real = std::get_if<float>(&attribute.value)) {
    static constexpr float kValues[] = {0.0f, -1e30f, 1e30f, -0.5f};
    *real = kValues[random.Index(4)];
  } else if (auto* text = std::get_if<std::string>(&attribute.value)) {
    static constexpr std::string_view kTexts[] = {
        "", "nonsense", "->", "i,j", "ij,jk->ikk", "ii->i", "...i->i", "a...b,", "ij->ij,", "SAME"};
    *text = kTexts[random.Index(10)];
  } else {
    return false;
  }
  return true;
}

// A structural attribute that the node does not carry yet.
bool StrangeAttribute(GeneratedCase& victim, Random& random) {
  Node* node = PickNode(victim, random);
  if (node == nullptr) return false;
  static constexpr std::string_view kNames[] = {"axis",  "strides", "dilations",    "pads",
                                                "group", "perm",    "kernel_shape", "to"};
  const std::string_view name = kNames[random.Index(8)];
  if (name == "axis" || name == "group" || name == "to") {
    node->Set(name, OddInteger(random));
  } else {
    node->Set(name, Ints{OddInteger(random), random.Between(0, 2)});
  }
  return true;
}

bool OddElement(GeneratedCase& victim, Random& random) {
  std::vector<Tensor*> tensors;
  for (NamedTensor& t : victim.model.graph.initializers) {
    if (IsInteger(t.tensor.type) && t.tensor.size() > 0) tensors.push_back(&t.tensor);
  }
  for (NamedTensor& t : victim.inputs) {
    if (IsInteger(t.tensor.type) && t.tensor.size() > 0) tensors.push_back(&t.tensor);
  }
  if (tensors.empty()) return false;
  Tensor& tensor = *tensors[random.Index(tensors.size())];
  SetInt(tensor, random.Between(0, tensor.size() - 1), OddInteger(random));
  return true;
}

bool MismatchedShape(GeneratedCase& victim, Random& random) {
  auto& initializers = victim.model.graph.initializers;
  if (initializers.empty()) return false;
  Tensor& tensor = initializers[random.Index(initializers.size())].tensor;
  if (tensor.type == DataType::kString) return false;
  Shape shape = tensor.shape;
  if (shape.empty() || random.Chance(1, 3)) {
    shape.push_back(random.Between(0, 3));
  } else if (random.Chance(1, 2)) {
    shape.pop_back();
  } else {
    shape[random.Index(shape.size())] += 1;
  }
  tensor = MakeTensor(tensor.type, std::move(shape));
  return true;
}

bool DropInput(GeneratedCase& victim, Random& random) {
  Node* node = PickNode(victim, random);
  if (node == nullptr || node->inputs.empty()) return false;
  if (random.Chance(1, 2)) {
    node->inputs.pop_back();
  } else {
    node->inputs[random.Index(node->inputs.size())].clear();
  }
  return true;
}

bool ExtraInput(GeneratedCase& victim, Random& random) {
  Node* node = PickNode(victim, random);
  if (node == nullptr || node->inputs.empty()) return false;
  node->inputs.push_back(node->inputs[random.Index(node->inputs.size())]);
  return true;
}

bool WrongDeclaration(GeneratedCase& victim, Random& random) {
  auto& outputs = victim.model.graph.outputs;
  if (outputs.empty()) return false;
  ValueInfo& output = outputs[random.Index(outputs.size())];
  if (random.Chance(1, 3) || !output.type.dims || output.type.dims->empty()) {
    output.type.type = static_cast<DataType>(random.Between(1, 16));
  } else {
    (*output.type.dims)[random.Index(output.type.dims->size())] = Dim{random.Between(0, 9), {}};
  }
  return true;
}

bool OldOpset(GeneratedCase& victim, Random& random) {
  if (victim.model.opsets.empty()) return false;
  victim.model.opsets[0].version = random.Between(7, 12);
  return true;
}

constexpr Break kBreaks[] = {OddAttribute,     OddAttribute,     OddAttribute, OddElement,
                             OddElement,       MismatchedShape,  DropInput,    ExtraInput,
                             WrongDeclaration, StrangeAttribute, OldOpset};

}  // namespace

void Malform(GeneratedCase& victim, Random& random) {
  for (int attempt = 0; attempt < 8; ++attempt) {
    if (!kBreaks[random.Index(std::size(kBreaks))](victim, random)) continue;
    victim.malformed = true;
    return;
  }
}

}  // namespace moire
