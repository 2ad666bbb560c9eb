#include "fuzzers/values/structure_hash.h"

#include <string_view>

#include "harness/case/random.h"

namespace moire {
namespace {

class Hasher {
 public:
  uint64_t value() const { return hash_; }

  void Add(std::string_view text) {
    hash_ = HashBytes(text.data(), text.size(), hash_);
    Add(text.size());
  }
  void Add(uint64_t number) { hash_ = Mix64(hash_ ^ number); }
  void Add(int64_t number) { Add(static_cast<uint64_t>(number)); }
  void Add(float number) { hash_ = HashBytes(&number, sizeof number, hash_); }
  void Add(const Tensor& tensor) {
    Add(static_cast<uint64_t>(tensor.type));
    Add(tensor.shape);
  }
  void Add(const OpaqueAttribute& attribute) { Add(attribute.bytes); }
  void Add(const GraphPtr& body) { Add(*body); }
  template <typename T>
  void Add(const std::vector<T>& items) {
    for (const T& item : items) Add(item);
    Add(items.size());
  }
  void Add(const std::string& text) { Add(std::string_view(text)); }
  void Add(const Attribute& attribute) {
    Add(attribute.name);
    std::visit([&](const auto& value) { Add(value); }, attribute.value);
  }
  void Add(const Node& node) {
    Add(node.op);
    Add(node.domain);
    Add(node.inputs);
    Add(node.outputs);
    Add(node.attributes);
  }
  void Add(const NamedTensor& named) {
    Add(named.name);
    Add(named.tensor);
  }
  void Add(const ValueInfo& info) { Add(info.name); }
  void Add(const Graph& graph) {
    Add(graph.nodes);
    Add(graph.initializers);
    Add(graph.inputs);
    Add(graph.outputs);
  }
  void Add(const OpsetImport& import) {
    Add(import.domain);
    Add(import.version);
  }

 private:
  uint64_t hash_ = 0;
};

}  // namespace

uint64_t StructureHash(const GeneratedCase& made) {
  Hasher hasher;
  hasher.Add(made.model.opsets);
  hasher.Add(made.model.graph);
  hasher.Add(made.inputs);
  return hasher.value();
}

}  // namespace moire
