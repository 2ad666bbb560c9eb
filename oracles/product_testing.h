// For tests of the judge: MatMul and Conv as a runtime computes them in float32, in several orders
// of summation, with a fault in one factor.
#ifndef MOIRE_ORACLES_PRODUCT_TESTING_H_
#define MOIRE_ORACLES_PRODUCT_TESTING_H_

#include <algorithm>
#include <cmath>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "harness/case/random.h"
#include "oracles/families.h"
#include "oracles/reference/reference.h"

namespace moire::testing {

using Fill = std::function<double(Random& random, int64_t i)>;

// Between 1 and 2 in size, either sign.
inline double Equalised(Random& random, int64_t) {
  const double size = 1 + random.Unit();
  return random.Chance(1, 2) ? size : -size;
}

inline Tensor Filled(Random& random, Shape shape, const Fill& fill) {
  Tensor tensor = MakeTensor(DataType::kFloat, std::move(shape));
  for (int64_t i = 0; i < tensor.size(); ++i) SetFloat(tensor, i, fill(random, i));
  return tensor;
}

// How a simulated runtime adds up products of floats.
enum class Order { kForward, kReverse, kFma, kSixLanes, kPairwise, kBlocks };
constexpr Order kOrders[] = {Order::kForward,  Order::kReverse,  Order::kFma,
                             Order::kSixLanes, Order::kPairwise, Order::kBlocks};

inline float Pairwise(std::span<const float> terms) {
  if (terms.size() == 1) return terms[0];
  const size_t half = terms.size() / 2;
  return Pairwise(terms.first(half)) + Pairwise(terms.subspan(half));
}

inline float Accumulate(Order order, const std::vector<float>& a, const std::vector<float>& b) {
  std::vector<float> terms;
  for (size_t k = 0; k < a.size(); ++k) terms.push_back(a[k] * b[k]);
  float sum = 0;
  switch (order) {
    case Order::kForward:
      for (const float term : terms) sum += term;
      break;
    case Order::kReverse:
      for (size_t k = terms.size(); k-- > 0;) sum += terms[k];
      break;
    case Order::kFma:
      for (size_t k = 0; k < a.size(); ++k) sum = std::fma(a[k], b[k], sum);
      break;
    case Order::kSixLanes: {
      float lanes[6] = {};
      for (size_t k = 0; k < terms.size(); ++k) lanes[k % 6] += terms[k];
      for (const float lane : lanes) sum += lane;
      break;
    }
    case Order::kPairwise:
      return Pairwise(terms);
    case Order::kBlocks:
      for (size_t begin = 0; begin < terms.size(); begin += 48) {
        float block = 0;
        for (size_t k = begin; k < std::min(begin + 48, terms.size()); ++k) block += terms[k];
        sum += block;
      }
      break;
  }
  return sum;
}

// What the differential oracle says of one observation.
inline std::vector<Verdict> JudgeDifferences(const Model& model, const Case& test_case,
                                             const ReferenceResult& reference,
                                             const Observation& seen) {
  const Evidence evidence{.test_case = test_case,
                          .model = &model,
                          .reference = &reference,
                          .observations = {&seen, 1},
                          .checker = nullptr};
  std::vector<Verdict> verdicts;
  DifferentialOracle().Judge(evidence, verdicts);
  return verdicts;
}

// A model of one product and what a runtime would give; output o sums a[A(o, k)] * b[B(o, k)].
struct Product {
  Model model;
  Case test_case;
  int64_t outputs = 0, terms = 0;
  std::function<int64_t(int64_t output, int64_t k)> a, b;

  const Tensor& Input(size_t i) const { return test_case.inputs[i].tensor; }
  // With element `bad` of the second operand larger by `fault`.
  Observation Run(Order order, int64_t bad = -1, double fault = 0) const {
    Observation seen;
    seen.configuration = "simulated";
    seen.outputs.push_back({"y", MakeTensor(DataType::kFloat, Dims(model.graph.outputs[0]))});
    std::vector<float> x(static_cast<size_t>(terms)), w(x.size());
    for (int64_t output = 0; output < outputs; ++output) {
      for (int64_t k = 0; k < terms; ++k) {
        const auto at = static_cast<size_t>(k);
        x[at] = Input(0).As<float>()[static_cast<size_t>(a(output, k))];
        w[at] = Input(1).As<float>()[static_cast<size_t>(b(output, k))];
        if (b(output, k) == bad) w[at] *= static_cast<float>(1 + fault);
      }
      SetFloat(seen.outputs[0].tensor, output, static_cast<double>(Accumulate(order, x, w)));
    }
    return seen;
  }
  std::vector<Verdict> Judge(const ReferenceResult& reference, const Observation& seen) const {
    return JudgeDifferences(model, test_case, reference, seen);
  }

 private:
  static Shape Dims(const ValueInfo& value) { return *StaticShape(value.type); }
};

inline Product MakeProduct(const char* op, Tensor a, Tensor b, const Shape& y) {
  Product out;
  Node node;
  node.op = op;
  node.inputs = {"a", "b"};
  node.outputs = {"y"};
  out.model.opsets = {{"", 17}};
  out.model.graph.nodes.push_back(std::move(node));
  out.model.graph.inputs = {{"a", TensorType(DataType::kFloat, a.shape)},
                            {"b", TensorType(DataType::kFloat, b.shape)}};
  out.model.graph.outputs = {{"y", TensorType(DataType::kFloat, y)}};
  out.test_case.inputs = {{"a", std::move(a)}, {"b", std::move(b)}};
  out.outputs = Count(y);
  return out;
}

// [rows, n] by [n, 1]: the outputs share the second operand.
inline Product MatMul(Random& random, int64_t n, const Fill& fill, int64_t rows = 64) {
  Product out = MakeProduct("MatMul", Filled(random, {rows, n}, fill), Filled(random, {n, 1}, fill),
                            {rows, 1});
  out.terms = n;
  out.a = [n](int64_t output, int64_t k) { return output * n + k; };
  out.b = [](int64_t, int64_t k) { return k; };
  return out;
}

// 16 channels of 11x11 under a kernel of 4x4: 8x8 outputs of 256 products.
inline Product Conv(Random& random, const Fill& fill) {
  Product out = MakeProduct("Conv", Filled(random, {1, 16, 11, 11}, fill),
                            Filled(random, {1, 16, 4, 4}, fill), {1, 1, 8, 8});
  out.terms = 256;
  out.a = [](int64_t output, int64_t k) {
    const int64_t channel = k / 16, row = output / 8 + k % 16 / 4, column = output % 8 + k % 4;
    return channel * 121 + row * 11 + column;
  };
  out.b = [](int64_t, int64_t k) { return k; };
  return out;
}

}  // namespace moire::testing

#endif  // MOIRE_ORACLES_PRODUCT_TESTING_H_
