// Element types of the inputs and outputs of one node of a model, by the generator's own inference
// and, where that does not know an operator, ONNX's.
#ifndef MOIRE_FUZZERS_GENERATE_TYPING_H_
#define MOIRE_FUZZERS_GENERATE_TYPING_H_

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "harness/case/model.h"

namespace moire {

struct NodeTypes {
  std::string op;
  std::string domain;
  int64_t since = 0;
  std::vector<DataType> inputs;
  std::vector<DataType> outputs;
};

// nullopt when there is no node of that name or inference leaves one of its types open.
std::optional<NodeTypes> TypesOfNode(const Model& model, std::string_view node_name);

}  // namespace moire

#endif  // MOIRE_FUZZERS_GENERATE_TYPING_H_
