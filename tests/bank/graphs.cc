// The graphs of the bank. Fillers are operators whose values stay small; causes are operators that
// no filler uses, so that a plant strikes where it is meant to.
#include "tests/bank/graphs.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "harness/case/onnx_adapter.h"
#include "harness/case/random.h"

namespace moire::bank {
namespace {

const Shape kShape = {3, 4};

// A graph of float values of one shape, which grows node by node.
class Builder {
 public:
  explicit Builder(uint64_t seed) : random_(seed) {
    model_.ir_version = 8;
    model_.opsets = {{"", 18}};
    model_.graph.name = "bank";
  }

  Random& random() { return random_; }
  std::string Input(double scale = 1) { return InputOf(kShape, scale); }
  std::string InputOf(const Shape& shape, double scale = 1) {
    const std::string name = fmt::format("in{}", inputs_.size());
    Tensor tensor = MakeTensor(DataType::kFloat, shape);
    for (int64_t i = 0; i < tensor.size(); ++i)
      SetFloat(tensor, i, scale * (2 * random_.Unit() - 1));
    model_.graph.inputs.push_back({name, TensorType(DataType::kFloat, shape)});
    inputs_.push_back({name, std::move(tensor)});
    return name;
  }
  std::string Add(std::string_view op, std::vector<std::string> inputs) {
    return AddTo(model_.graph.nodes, op, std::move(inputs));
  }
  std::string AddTo(std::vector<Node>& nodes, std::string_view op,
                    std::vector<std::string> inputs) {
    Node node;
    node.op = op;
    node.inputs = std::move(inputs);
    node.outputs = {fmt::format("v{}", next_++)};
    node.name = fmt::format("layer_{}/{}", next_, op);
    nodes.push_back(node);
    return node.outputs[0];
  }
  // `count` fillers behind `from`; now and then a second operand from `others`.
  std::string Fill(std::string from, int count, std::vector<std::string> others = {}) {
    return FillIn(model_.graph.nodes, std::move(from), count, std::move(others));
  }
  std::string FillIn(std::vector<Node>& nodes, std::string from, int count,
                     std::vector<std::string> others) {
    static constexpr std::array<std::string_view, 5> kUnary = {"Tanh", "Sigmoid", "Abs", "Neg",
                                                               "Relu"};
    static constexpr std::array<std::string_view, 3> kBinary = {"Mul", "Min", "Max"};
    for (int i = 0; i < count; ++i) {
      if (!others.empty() && random_.Chance(1, 4)) {
        from = AddTo(nodes, random_.Pick(kBinary), {from, random_.Pick(others)});
      } else {
        // After Relu and its like a sign is gone: Tanh of a difference brings values back.
        from = AddTo(nodes, random_.Pick(kUnary), {from});
      }
      others.push_back(from);
      if (others.size() > 6) others.erase(others.begin());
    }
    return from;
  }
  void Output(const std::string& name) {
    model_.graph.outputs.push_back({name, {DataType::kFloat, std::nullopt, {}}});
  }
  Graph& graph() { return model_.graph; }
  std::vector<NamedTensor>& inputs() { return inputs_; }
  std::string Fresh() { return fmt::format("v{}", next_++); }
  Case Finish() const { return {SerializeModel(model_), inputs_, {}}; }

 private:
  Random random_;
  Model model_;
  std::vector<NamedTensor> inputs_;
  int next_ = 0;
};

using Test = std::function<bool(const Site&)>;
Test Is(std::string op) {
  return [op = std::move(op)](const Site& s) { return s.node.op == op; };
}

Plant One(std::string name, Test test) {
  return {.name = std::move(name), .needs = {std::move(test)}};
}

FailingGraph OneCause(int nodes, uint64_t seed) {
  Builder b(seed);
  const std::string x = b.Input(), y = b.Input();
  const int before = static_cast<int>(b.random().Between(nodes / 5, 4 * nodes / 5));
  const std::string cause = b.Add("Softsign", {b.Fill(x, before, {y})});
  b.Output(b.Fill(cause, nodes - before - 1, {y}));
  return {"", "one", One("softsign", Is("Softsign")), b.Finish(), 1};
}

FailingGraph TwoInBranches(int nodes, uint64_t seed) {
  Builder b(seed);
  const std::string x = b.Input(), y = b.Input();
  const int half = (nodes - 3) / 2;
  const int at = half / 3;
  const std::string left = b.Fill(b.Add("Softsign", {b.Fill(x, at)}), half - at);
  const std::string right = b.Fill(b.Add("HardSigmoid", {b.Fill(y, half - at)}), at);
  b.Output(b.Add("Sub", {left, right}));
  Plant plant = One("branches", Is("Softsign"));
  plant.needs.push_back(Is("HardSigmoid"));
  return {"", "branches", plant, b.Finish(), 2};
}

FailingGraph TwoInChain(int nodes, uint64_t seed) {
  Builder b(seed);
  const std::string x = b.Input(), y = b.Input();
  const int third = (nodes - 2) / 3;
  const std::string first = b.Add("Softsign", {b.Fill(x, third, {y})});
  const std::string second = b.Add("HardSigmoid", {b.Fill(first, third, {y})});
  b.Output(b.Fill(second, nodes - 2 - 2 * third, {y}));
  Plant plant = One("chain", Is("Softsign"));
  plant.needs.push_back(Is("HardSigmoid"));
  plant.link = Plant::Link::kDescends;
  return {"", "chain", plant, b.Finish(), 2};
}

// Fillers, an If whose branches hold fillers and the cause, fillers.
FailingGraph InsideIf(int nodes, uint64_t seed, bool only_inside) {
  Builder b(seed);
  const std::string x = b.Input(), y = b.Input();
  const int inside = std::max(4, nodes / 4);
  const std::string before = b.Fill(x, nodes / 4, {y});
  Node node;
  node.op = "If";
  b.graph().initializers.push_back({"yes", MakeTensor(DataType::kBool, {})});
  SetInt(b.graph().initializers.back().tensor, 0, 1);
  node.inputs = {"yes"};
  for (const bool taken : {true, false}) {
    Graph body;
    body.name = taken ? "then" : "else";
    std::string value = b.FillIn(body.nodes, before, inside / 2, {y});
    if (taken) value = b.AddTo(body.nodes, "Softsign", {value});
    value = b.FillIn(body.nodes, value, inside / 2 - 1, {});
    body.outputs.push_back({value, TensorType(DataType::kFloat, kShape)});
    node.Set(taken ? "then_branch" : "else_branch", std::make_shared<const Graph>(std::move(body)));
  }
  node.outputs = {b.Fresh()};
  b.graph().nodes.push_back(node);
  b.Output(b.Fill(node.outputs[0], nodes / 4, {y}));
  const Test test = [only_inside](const Site& s) {
    return s.node.op == "Softsign" && (s.in_body || !only_inside);
  };
  return {"", "if", One("if", test), b.Finish(), only_inside ? 2 : 1};
}

FailingGraph InsideLoop(int nodes, uint64_t seed, bool only_inside) {
  Builder b(seed);
  const std::string x = b.Input(), y = b.Input();
  const std::string before = b.Fill(x, nodes / 3, {y});
  b.graph().initializers.push_back({"trips", MakeTensor(DataType::kInt64, {})});
  SetInt(b.graph().initializers.back().tensor, 0, 3);
  Graph body;
  body.name = "body";
  body.inputs = {{"trip", TensorType(DataType::kInt64, Shape{})},
                 {"cond_in", TensorType(DataType::kBool, Shape{})},
                 {"carried", TensorType(DataType::kFloat, kShape)}};
  const std::string cond = b.AddTo(body.nodes, "Identity", {"cond_in"});
  std::string value = b.FillIn(body.nodes, "carried", nodes / 6, {y});
  value = b.AddTo(body.nodes, "Softsign", {value});
  value = b.FillIn(body.nodes, value, nodes / 6, {});
  body.outputs = {{cond, TensorType(DataType::kBool, Shape{})},
                  {value, TensorType(DataType::kFloat, kShape)}};
  Node node;
  node.op = "Loop";
  node.inputs = {"trips", "", before};
  node.outputs = {b.Fresh()};
  node.Set("body", std::make_shared<const Graph>(std::move(body)));
  b.graph().nodes.push_back(node);
  b.Output(b.Fill(node.outputs[0], nodes / 3, {y}));
  const Test test = [only_inside](const Site& s) {
    return s.node.op == "Softsign" && (s.in_body || !only_inside);
  };
  // The condition that a Loop's body gives takes a node of its own.
  return {"", "loop", One("loop", test), b.Finish(), only_inside ? 3 : 1};
}

FailingGraph ValueDependent(int nodes, uint64_t seed) {
  Builder b(seed);
  const std::string x = b.Input(40), y = b.Input();
  // Fillers that keep magnitudes, so that the large value arrives.
  std::string value = x;
  for (int i = 0; i < nodes / 2; ++i)
    value = b.Add(b.random().Chance(1, 2) ? "Neg" : "Abs", {value});
  const std::string cause = b.Add("HardSwish", {value});
  b.Output(b.Fill(cause, nodes - nodes / 2 - 1, {y}));
  const Test test = [](const Site& s) {
    return s.node.op == "HardSwish" &&
           HasValue(*s.in[0], [](double v) { return std::abs(v) > 20; });
  };
  return {"", "value", One("value", test), b.Finish(), 1};
}

FailingGraph ShapeDependent(int nodes, uint64_t seed) {
  Builder b(seed);
  const std::string x = b.InputOf({6, 9}), w = b.InputOf({9, 6}), y = b.InputOf({6, 6});
  const std::string product = b.Add("MatMul", {b.Fill(x, nodes / 2), w});
  b.Output(b.Fill(product, nodes - nodes / 2 - 1, {y}));
  const Test test = [](const Site& s) { return s.node.op == "MatMul" && s.dim(0, -1) >= 8; };
  return {"", "shape", One("shape", test), b.Finish(), 1};
}

FailingGraph FusionDependent(int nodes, uint64_t seed) {
  Builder b(seed);
  const std::string x = b.Input(), y = b.Input();
  const std::string first = b.Add("Softsign", {b.Fill(x, nodes / 2, {y})});
  const std::string second = b.Add("HardSigmoid", {first});
  b.Output(b.Fill(second, nodes - nodes / 2 - 2, {y}));
  Plant plant = One("fusion", Is("Softsign"));
  plant.needs.push_back(Is("HardSigmoid"));
  plant.link = Plant::Link::kFused;
  return {"", "fusion", plant, b.Finish(), 2};
}

FailingGraph With(FailingGraph graph, std::string kind, Effect effect, int percent = 100) {
  graph.kind = std::move(kind);
  graph.plant.effect = effect;
  graph.plant.percent = percent;
  return graph;
}

}  // namespace

std::vector<FailingGraph> Bank(uint64_t seed) {
  std::vector<FailingGraph> all;
  const auto add = [&](FailingGraph graph, int nodes) {
    const auto same = std::ranges::count(all, graph.kind, &FailingGraph::kind);
    graph.name = fmt::format("{}/{}/{}", graph.kind, nodes, same + 1);
    all.push_back(std::move(graph));
  };
  const auto fresh = [&] { return Mix64(seed * 1000 + all.size()); };
  for (const int nodes : {20, 50, 50, 100, 100, 200, 300, 300})
    add(OneCause(nodes, fresh()), nodes);
  for (const int nodes : {20, 50, 100, 200, 300, 300, 300}) {
    add(TwoInBranches(nodes, fresh()), nodes);
    add(TwoInChain(nodes, fresh()), nodes);
  }
  for (const int nodes : {20, 50, 100}) {
    for (const bool inside : {true, false}) {
      add(InsideIf(nodes, fresh(), inside), nodes);
      add(InsideLoop(nodes, fresh(), inside), nodes);
    }
  }
  for (const int nodes : {20, 50, 100, 200, 300, 300}) {
    add(ValueDependent(nodes, fresh()), nodes);
    add(ShapeDependent(nodes, fresh()), nodes);
    add(FusionDependent(nodes, fresh()), nodes);
  }
  for (const int nodes : {20, 50, 100, 200}) {
    add(With(OneCause(nodes, fresh()), "crash", Effect::kCrash), nodes);
    add(With(OneCause(nodes, fresh()), "flaky", Effect::kWrong, 30), nodes);
    add(With(TwoInChain(nodes, fresh()), "flaky", Effect::kWrong, 30), nodes);
  }
  for (const int nodes : {20, 50})
    add(With(OneCause(nodes, fresh()), "hang", Effect::kHang), nodes);
  return all;
}

}  // namespace moire::bank
