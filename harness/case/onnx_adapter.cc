#include "harness/case/onnx_adapter.h"

#include <google/protobuf/arena.h>
#include <google/protobuf/io/coded_stream.h>
#include <onnx/checker.h>
#include <onnx/defs/parser.h>
#include <onnx/defs/printer.h>
#include <onnx/shape_inference/implementation.h>

#include <exception>
#include <sstream>
#include <vector>

#include "harness/case/onnx_proto.h"

namespace moire {
namespace {

// Holds the messages of a case of some ten nodes.
constexpr size_t kParseBufferBytes = size_t{128} << 10;

std::string FirstLine(std::string_view text) {
  return std::string(text.substr(0, text.find('\n')));
}

// Runs what may throw and turns an exception into an Error.
template <typename Function>
Status Guard(const Function& function) {
  try {
    function();
    return {};
  } catch (const std::exception& error) {
    return Fail(ErrorCode::kInvalidInput, "{}", FirstLine(error.what()));
  } catch (...) {
    return Fail(ErrorCode::kInternal, "the ONNX library threw something unknown");
  }
}

Status ParseProto(std::string_view serialized, onnx::ModelProto& proto) {
  google::protobuf::io::CodedInputStream stream(reinterpret_cast<const uint8_t*>(serialized.data()),
                                                static_cast<int>(serialized.size()));
  if (serialized.size() > size_t{0x7fffffff} || !proto.ParseFromCodedStream(&stream) ||
      !stream.ConsumedEntireMessage() || !proto.has_graph()) {
    return Fail(ErrorCode::kInvalidInput, "not a serialised ONNX model");
  }
  return {};
}

Result<Model> ModelFromProto(onnx::ModelProto& proto) {
  Model model;
  model.ir_version = proto.ir_version();
  for (const auto& import : proto.opset_import()) {
    model.opsets.push_back({import.domain(), import.version()});
  }
  MOIRE_ASSIGN(model.graph, GraphFromProto(*proto.mutable_graph(), 0));
  proto.clear_ir_version();
  proto.clear_opset_import();
  proto.clear_graph();
  model.extra = proto.SerializeAsString();
  return model;
}

void ModelToProto(const Model& model, onnx::ModelProto& proto) {
  if (!model.extra.empty()) proto.ParseFromString(model.extra);
  proto.set_ir_version(model.ir_version);
  for (const OpsetImport& import : model.opsets) {
    auto& target = *proto.add_opset_import();
    target.set_domain(import.domain);
    target.set_version(import.version);
  }
  GraphToProto(model.graph, *proto.mutable_graph());
}

}  // namespace

Result<Model> ParseModel(std::string_view serialized) {
  // Called for each parent of a mutant: the first blocks come from a buffer that stays, since a
  // large allocation makes the C library tidy up everything that the runtime has just freed.
  thread_local std::vector<char> buffer(kParseBufferBytes);
  google::protobuf::ArenaOptions options;
  options.initial_block = buffer.data();
  options.initial_block_size = buffer.size();
  google::protobuf::Arena arena(options);
  auto& proto = *google::protobuf::Arena::CreateMessage<onnx::ModelProto>(&arena);
  MOIRE_TRY(ParseProto(serialized, proto));
  return ModelFromProto(proto);
}

std::string SerializeModel(const Model& model) {
  google::protobuf::Arena arena;
  auto& proto = *google::protobuf::Arena::CreateMessage<onnx::ModelProto>(&arena);
  ModelToProto(model, proto);
  return proto.SerializeAsString();
}

Status CheckModel(std::string_view serialized, bool full_shape_inference) {
  onnx::ModelProto proto;
  MOIRE_TRY(ParseProto(serialized, proto));
  return Guard([&] { onnx::checker::check_model(proto, full_shape_inference); });
}

Result<Model> InferShapes(const Model& model) {
  onnx::ModelProto proto;
  ModelToProto(model, proto);
  MOIRE_TRY(Guard([&] {
    onnx::shape_inference::InferShapes(proto, onnx::OpSchemaRegistry::Instance(),
                                       onnx::ShapeInferenceOptions(true, 1, true));
  }));
  return ModelFromProto(proto);
}

Result<std::string> PrintModel(std::string_view serialized) {
  onnx::ModelProto proto;
  MOIRE_TRY(ParseProto(serialized, proto));
  std::string text;
  MOIRE_TRY(Guard([&] { text = onnx::ProtoToString(proto); }));
  return text;
}

Result<std::string> ParseModelText(std::string_view text) {
  onnx::ModelProto proto;
  Status status;
  const std::string copy(text);
  MOIRE_TRY(Guard([&] {
    const auto parsed = onnx::OnnxParser::Parse(proto, copy.c_str());
    if (!parsed.IsOK()) {
      status = Fail(ErrorCode::kInvalidInput, "{}", FirstLine(parsed.ErrorMessage()));
    }
  }));
  if (!status) return std::unexpected(status.error());
  return proto.SerializeAsString();
}

}  // namespace moire
