// Small valid cases for the tests and benchmarks of backends. Not for production code: what fuzzes
// is fuzzers/generate.
#ifndef MOIRE_HARNESS_BACKENDS_TESTING_SAMPLE_CASES_H_
#define MOIRE_HARNESS_BACKENDS_TESTING_SAMPLE_CASES_H_

#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <vector>

#include "harness/case/case.h"
#include "harness/case/model.h"

namespace moire::testing {

// A float tensor of the given values.
Tensor Floats(Shape shape, std::initializer_list<float> values);

// A model of the given nodes, with inputs as named and one declared output for each of `outputs`.
Model MakeModel(std::vector<Node> nodes, std::span<const NamedTensor> inputs,
                std::vector<ValueInfo> outputs, int64_t opset = 21);
Case MakeCase(const Model& model, std::vector<NamedTensor> inputs);

// Node "y = op(x0, x1, ...)" over the given inputs; the output is declared with `type` and no
// shape.
Case OneNode(std::string op, std::vector<NamedTensor> inputs, DataType type,
             std::vector<Attribute> attributes = {}, int64_t opset = 21);

// y = Relu(MatMul(Transpose(Transpose(x)), w) + b): the Transposes cancel, MatMul and Add make a
// Gemm.
Case FusableCase();

// A graph of `nodes` nodes over two float inputs of 4x8x8: element-wise operators, MatMul with a
// weight, Transpose and Softmax, drawn from the seed.
Case ChainCase(uint64_t seed, int nodes);

}  // namespace moire::testing

#endif  // MOIRE_HARNESS_BACKENDS_TESTING_SAMPLE_CASES_H_
