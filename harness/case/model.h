// Model: an ONNX model as plain structs, which generators, mutators, the reference and reduction
// walk and edit. onnx_adapter.h converts from and to the serialised ModelProto; nothing here
// depends on ONNX or protobuf headers. What Moire does not edit (functions, quantisation
// annotations, metadata, sparse initializers) is carried along as serialised bytes, so that
// parse -> serialise keeps every part of a user's model.
#ifndef MOIRE_HARNESS_CASE_MODEL_H_
#define MOIRE_HARNESS_CASE_MODEL_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "harness/case/tensor.h"

namespace moire {

struct Graph;

// One dim of a declared type: a known size, a symbolic name, or unknown (neither).
struct Dim {
  std::optional<int64_t> size;
  std::string symbol;
  bool operator==(const Dim&) const = default;
};

// The declared type of a value. Only dense tensors are taken apart; a sequence, optional, map or
// sparse tensor keeps its serialised onnx.TypeProto in `opaque` and has type kUndefined.
struct ValueType {
  DataType type = DataType::kUndefined;
  std::optional<std::vector<Dim>> dims;  // nullopt: rank unknown
  std::string opaque;
  bool operator==(const ValueType&) const = default;
};

struct ValueInfo {
  std::string name;
  ValueType type;
  bool operator==(const ValueInfo&) const = default;
};

using Ints = std::vector<int64_t>;
using Floats = std::vector<float>;
using Strings = std::vector<std::string>;
using GraphPtr = std::shared_ptr<const Graph>;  // shared and immutable: copy a Graph to edit it
// Anything else an AttributeProto can hold (type_proto, sparse_tensor, tensors, graphs, reference
// to a function attribute): the serialised AttributeProto.
struct OpaqueAttribute {
  std::string bytes;
  bool operator==(const OpaqueAttribute&) const = default;
};

struct Attribute {
  std::string name;
  std::variant<int64_t, float, std::string, Tensor, GraphPtr, Ints, Floats, Strings,
               OpaqueAttribute>
      value;
  std::string tensor_name{};  // of a Tensor: exporters name the value of a Constant
};

struct Node {
  std::string op;      // operator type: "Add"
  std::string domain;  // "" is the default domain
  std::vector<std::string> inputs;  // "" marks an omitted optional input
  std::vector<std::string> outputs;
  std::vector<Attribute> attributes;
  std::string name;
  std::string overload;
  std::string extra;  // serialised NodeProto fields that are not taken apart (metadata, doc)

  const Attribute* Find(std::string_view attribute) const;
  // The value of an attribute, or the given default when it is absent or of another type.
  int64_t Int(std::string_view attribute, int64_t otherwise) const;
  float Float(std::string_view attribute, float otherwise) const;
  std::string String(std::string_view attribute, std::string_view otherwise) const;
  Ints IntList(std::string_view attribute, Ints otherwise = {}) const;
  // Replaces or adds.
  void Set(std::string_view attribute, decltype(Attribute::value) value);
  void Remove(std::string_view attribute);
};

struct Graph {
  std::string name;
  std::vector<Node> nodes;  // topological order
  std::vector<ValueInfo> inputs;
  std::vector<ValueInfo> outputs;
  std::vector<NamedTensor> initializers;
  std::vector<ValueInfo> value_info;
  std::string extra;  // serialised GraphProto with the fields that are not taken apart

  const NamedTensor* FindInitializer(std::string_view value) const;
  const ValueInfo* FindInput(std::string_view value) const;
};

struct OpsetImport {
  std::string domain;
  int64_t version = 0;
  bool operator==(const OpsetImport&) const = default;
};

struct Model {
  int64_t ir_version = 10;
  std::vector<OpsetImport> opsets;
  Graph graph;
  std::string extra;  // serialised ModelProto with the fields that are not taken apart

  // Opset of a domain ("" and "ai.onnx" are the same); 0 when it is not imported.
  int64_t Opset(std::string_view domain) const;
};

// A dense tensor type with known dims.
ValueType TensorType(DataType type, Dims dims);
// The dims when all are known.
std::optional<Shape> StaticShape(const ValueType& type);

// Every node of the graph and of the graphs in its attributes.
int64_t CountNodes(const Graph& graph);

}  // namespace moire

#endif  // MOIRE_HARNESS_CASE_MODEL_H_
