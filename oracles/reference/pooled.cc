#include "oracles/reference/pooled.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <unordered_map>
#include <utility>
#include <vector>

#include "harness/case/float_bits.h"
#include "oracles/reference/reference.h"

namespace moire {
namespace {

thread_local int rules = 0;  // that live on this thread

constexpr std::array<std::string_view, 4> kProducts = {"MatMul", "Gemm", "Conv", "ConvTranspose"};

// Adds up in one order with every sum rounded to `type`; beside the result the squares of the
// partial sums.
class Accumulator {
 public:
  explicit Accumulator(DataType type) : type_(type) {}
  double Add(double a, double b) {
    const double sum = RoundTo(type_, a + b);
    squares_ += sum * sum;
    return sum;
  }
  // The range [begin, end) of step `step`.
  double Line(const std::vector<double>& terms, size_t begin, size_t step) {
    double sum = begin < terms.size() ? terms[begin] : 0;
    for (size_t k = begin + step; k < terms.size(); k += step) sum = Add(sum, terms[k]);
    return sum;
  }
  double Pairwise(std::vector<double> terms) {
    for (size_t n = terms.size(); n > 1; n = (n + 1) / 2) {
      for (size_t k = 0; k < n / 2; ++k) terms[k] = Add(terms[2 * k], terms[2 * k + 1]);
      if (n % 2 != 0) terms[n / 2] = terms[n - 1];
    }
    return terms.empty() ? 0 : terms[0];
  }
  double Lanes(const std::vector<double>& terms, size_t lanes) {
    std::vector<double> sums;
    for (size_t lane = 0; lane < lanes; ++lane) sums.push_back(Line(terms, lane, lanes));
    return Pairwise(std::move(sums));
  }
  double squares() const { return squares_; }

 private:
  DataType type_;
  double squares_ = 0;
};

class NoBodies : public SubgraphRunner {
 public:
  Result<std::vector<RangeTensor>> Run(const Graph&, std::vector<RangeTensor>) override {
    return Fail(ErrorCode::kUnsupported, "a product has no body");
  }
};

}  // namespace

PooledRule::PooledRule() { ++rules; }
PooledRule::~PooledRule() { --rules; }
bool PooledRuleHolds() { return rules > 0; }

double PooledSpread(DataType type, const double* a, const double* b, int64_t n) {
  std::vector<double> terms;
  double exact = 0, product_squares = 0;
  for (int64_t k = 0; k < n; ++k) {
    const double product = a[k] * b[k];
    exact += product;
    product_squares += product * product;
    terms.push_back(RoundTo(type, product));
  }
  std::vector<double> reversed(terms.rbegin(), terms.rend());
  double squares = 0, deviation = 0;
  const auto take = [&](const Accumulator& accumulator, double sum) {
    squares = std::max(squares, accumulator.squares());
    deviation = std::max(deviation, std::abs(sum - exact));
  };
  const auto order = [&](const auto& add_up) {
    Accumulator accumulator(type);
    const double sum = add_up(accumulator);
    take(accumulator, sum);
  };
  order([&](Accumulator& in) { return in.Line(terms, 0, 1); });
  order([&](Accumulator& in) { return in.Line(reversed, 0, 1); });
  order([&](Accumulator& in) { return in.Pairwise(terms); });
  for (size_t lanes = 4; lanes <= 64; lanes *= 2) {
    order([&](Accumulator& in) { return in.Lanes(terms, lanes); });
  }
  const double spread = UnitRoundoff(type) * std::sqrt(squares + product_squares);
  return std::max(spread, deviation);
}

const Node* PooledProduct(const Model& model, std::string_view output) {
  for (const Node& node : model.graph.nodes) {
    if (node.outputs.empty() || node.outputs[0] != output) continue;
    const bool product =
        node.domain.empty() && std::ranges::find(kProducts, node.op) != kProducts.end();
    return product ? &node : nullptr;
  }
  return nullptr;
}

Result<RangeTensor> EvaluatePooled(const Model& model, std::span<const NamedTensor> inputs,
                                   const Node& node) {
  std::unordered_map<std::string_view, RangeTensor> values;
  const auto wanted = [&](std::string_view name) {
    return !name.empty() && std::ranges::find(node.inputs, name) != node.inputs.end();
  };
  for (const NamedTensor& tensor : model.graph.initializers) {
    if (wanted(tensor.name)) values[tensor.name] = FromTensor(tensor.tensor);
  }
  for (const NamedTensor& tensor : inputs) {
    if (wanted(tensor.name)) values[tensor.name] = FromTensor(tensor.tensor);
  }
  ReferenceOptions options;
  options.on_node = [&](const Node& other, std::span<const RangeTensor> outputs) {
    for (size_t i = 0; i < std::min(outputs.size(), other.outputs.size()); ++i) {
      if (wanted(other.outputs[i])) values[other.outputs[i]] = outputs[i];
    }
  };
  const bool computed = std::ranges::any_of(node.inputs, [&](const std::string& name) {
    return !name.empty() && !values.contains(name);
  });
  if (computed) Evaluate(model, inputs, options);
  std::vector<const RangeTensor*> pointers;
  for (const std::string& name : node.inputs) {
    const auto found = values.find(name);
    if (!name.empty() && (found == values.end() || found->second.opaque != Opaque::kNo)) {
      return Fail(ErrorCode::kUnsupported, "'{}' is not known", name);
    }
    pointers.push_back(name.empty() ? nullptr : &found->second);
  }
  const int64_t opset = model.Opset(node.domain);
  const KernelEntry* entry = FindKernel(node.domain, node.op, opset);
  if (entry == nullptr) return Fail(ErrorCode::kUnsupported, "no kernel for {}", node.op);
  const Budget budget;
  Spent spent;
  NoBodies bodies;
  KernelContext ctx(node, opset, pointers, budget, spent, bodies);
  const PooledRule rule;
  MOIRE_TRY(entry->kernel(ctx));
  return std::move(ctx.outputs()[0]);
}

}  // namespace moire
