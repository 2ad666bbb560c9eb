// Recurrent layers: RNN, GRU, LSTM.
#include <algorithm>

#include "fuzzers/generate/op_context.h"
#include "fuzzers/generate/ops/families.h"

namespace moire {
namespace {

// Gates that are stacked in W and R.
int64_t GatesOf(std::string_view op) { return op == "LSTM" ? 4 : op == "GRU" ? 3 : 1; }
size_t ActivationsOf(std::string_view op) { return op == "LSTM" ? 3 : op == "GRU" ? 2 : 1; }

bool ChooseRecurrent(OpContext& c) {
  const std::string_view op = c.entry().op;
  const int64_t gates = GatesOf(op);
  if (!c.Take(0, [](const Value& v) { return v.rank() == 3 && v.count > 0 && v.shape[2] <= 16; })) {
    return false;
  }
  // Runtimes know the batch-first layout of few operators.
  const bool batch_first = c.schema().HasAttribute("layout") && c.random().Chance(1, 200);
  const Shape x = c.In(0).shape;
  const int64_t batch = x[batch_first ? 0 : 1];
  const int64_t steps = x[batch_first ? 1 : 0];
  static constexpr std::string_view kDirections[] = {"forward", "reverse", "bidirectional"};
  const std::string_view direction = kDirections[c.random().Index(3)];
  const int64_t directions = direction == "bidirectional" ? 2 : 1;
  const int64_t hidden = c.random().Between(1, 4);
  if (!c.TakeShape(1, {directions, gates * hidden, x[2]}) ||
      !c.TakeShape(2, {directions, gates * hidden, hidden})) {
    return false;
  }
  c.Set("hidden_size", hidden);
  if (direction != "forward" || c.random().Chance(1, 3)) c.Set("direction", std::string(direction));
  if (batch_first) c.Set("layout", int64_t{1});
  if (c.random().Chance(1, 2)) {
    if (!c.TakeShape(3, {directions, 2 * gates * hidden})) return false;
  } else {
    c.Omit(3);
  }
  if (c.random().Chance(1, 3)) {
    Ints lengths;
    for (int64_t i = 0; i < batch; ++i) lengths.push_back(c.random().Between(1, steps));
    if (!c.Put(4, c.b().AddInts(lengths, DataType::kInt32))) return false;
  } else {
    c.Omit(4);
  }
  const Shape state =
      batch_first ? Shape{batch, directions, hidden} : Shape{directions, batch, hidden};
  const bool initial = c.random().Chance(1, 3);
  if (initial && !c.TakeShape(5, state)) return false;
  if (op == "LSTM") {
    if (initial && !c.TakeShape(6, state)) return false;
    if (c.random().Chance(1, 4)) {
      for (size_t i = 5; !initial && i < 7; ++i) c.Omit(i);
      if (!c.TakeShape(7, {directions, 3 * hidden})) return false;
    }
    if (c.random().Chance(1, 8)) c.Set("input_forget", int64_t{1});
  }
  if (op == "GRU" && c.random().Chance(1, 2)) {
    c.Set("linear_before_reset", static_cast<int64_t>(c.random().Below(2)));
  }
  if (c.random().Chance(1, 3)) {
    static constexpr std::string_view kActivations[] = {"Tanh", "Sigmoid", "Relu", "Softsign",
                                                        "Softplus"};
    Strings names;
    for (size_t i = 0; i < ActivationsOf(op) * static_cast<size_t>(directions); ++i) {
      names.emplace_back(kActivations[c.random().Index(5)]);
    }
    c.Set("activations", names);
  }
  if (c.random().Chance(1, 6)) c.Set("clip", 1.5f);
  return c.Done(c.random().Chance(1, 3) ? 1 : op == "LSTM" ? 3 : 2);
}

bool InferRecurrent(InferContext& c) {
  const int64_t gates = GatesOf(c.node.op);
  if (!c.Given(0) || !c.Given(1) || !c.Given(2) || c.rank(0) != 3 || c.rank(1) != 3) return false;
  const bool batch_first = c.node.Int("layout", 0) != 0;
  const std::string direction = c.node.String("direction", "forward");
  if (direction != "forward" && direction != "reverse" && direction != "bidirectional") {
    return false;
  }
  const int64_t directions = direction == "bidirectional" ? 2 : 1;
  const Shape& x = c.shape(0);
  const int64_t batch = x[batch_first ? 0 : 1];
  const int64_t steps = x[batch_first ? 1 : 0];
  const int64_t hidden = c.node.Int("hidden_size", 0);
  const Attribute* activations = c.node.Find("activations");
  if (activations != nullptr && std::get<Strings>(activations->value).size() !=
                                    ActivationsOf(c.node.op) * static_cast<size_t>(directions)) {
    return false;
  }
  const Shape state =
      batch_first ? Shape{batch, directions, hidden} : Shape{directions, batch, hidden};
  const Shape wanted[] = {x,
                          {directions, gates * hidden, x[2]},
                          {directions, gates * hidden, hidden},
                          {directions, 2 * gates * hidden},
                          {batch},
                          state,
                          state,
                          {directions, 3 * hidden}};
  if (hidden < 1 || Count(x) == 0) return false;
  for (size_t i = 1; i < c.in.size(); ++i) {
    if (c.Given(i) && c.shape(i) != wanted[i]) return false;
  }
  if (c.Given(4)) {
    const Ints* lengths = c.Known(4);
    if (lengths == nullptr ||
        std::ranges::any_of(*lengths, [&](int64_t n) { return n < 0 || n > steps; })) {
      return false;
    }
  }
  c.out[0].shape = batch_first ? Shape{batch, steps, directions, hidden}
                               : Shape{steps, directions, batch, hidden};
  for (size_t i = 1; i < c.out.size(); ++i) c.out[i].shape = state;
  return true;
}

// Gates are bounded; Relu and Softplus among the activations are not, but tame here.
void GateRange(InferContext& c) {
  for (OutValue& out : c.out) out.range = {-2, 2};
  if (c.node.Find("activations") != nullptr) c.out[0].range = {-20, 20};
}

constexpr OpEntry kRecurrent[] = {
    {"GRU", ChooseRecurrent, InferRecurrent, GateRange, 0, 0.9, 7},
    {"LSTM", ChooseRecurrent, InferRecurrent, GateRange, 0, 0.9, 7},
    {"RNN", ChooseRecurrent, InferRecurrent, GateRange, 0, 0.9, 7},
};

}  // namespace

OpTable RecurrentOps() { return kRecurrent; }

}  // namespace moire
