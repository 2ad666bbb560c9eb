// RNN, GRU, LSTM with the activations Relu, Tanh, Sigmoid. Equations: their ONNX pages.
//
// Every gate is one sum over the input, the hidden state and both biases, in any order. Not on the
// pages, and marked unspecified: what a sequence shorter than the tensor leaves in Y, and whether
// clip bounds the cell state before its activation.
#include <algorithm>
#include <cmath>
#include <string>

#include "oracles/reference/kernels/families.h"
#include "oracles/reference/kernels/sums.h"

namespace moire {
namespace {

using Activation = Interval (*)(const Arithmetic&, const Interval&);

Interval Relu(const Arithmetic&, const Interval& x) {
  return {std::max(x.value, 0.0), std::max(x.lo, 0.0), std::max(x.hi, 0.0), x.mark};
}
// Cells take tanh(x) as 2 * sigmoid(2 x) - 1 and the other way round, on top of approximations of
// their own: four units at the scale of the result, 1, beside the table's row.
Interval AtScaleOne(const Arithmetic& type, Interval y) {
  y.lo -= 4 * type.unit();
  y.hi += 4 * type.unit();
  return y;
}
Interval Tanh(const Arithmetic& type, const Interval& x) { return AtScaleOne(type, type.Tanh(x)); }
Interval Sigmoid(const Arithmetic& type, const Interval& x) {
  return AtScaleOne(type, type.Sigmoid(x));
}

Result<Activation> FindActivation(const std::string& name) {
  if (name == "Relu") return Relu;
  if (name == "Tanh") return Tanh;
  if (name == "Sigmoid") return Sigmoid;
  return Fail(ErrorCode::kUnsupported, "activation '{}'", name);
}

// What the three cells share: sizes, weights by direction, activations.
struct Recurrence {
  int64_t steps = 0, batch = 0, input = 0, hidden = 0, gates = 0, directions = 1;
  bool batch_first = false;
  bool reverse = false;  // of the only direction
  double clip = -1;      // none when negative
  bool linear_before_reset = false;
  std::vector<Activation> activations;  // all directions'
  const RangeTensor* x = nullptr;
  const RangeTensor* w = nullptr;
  const RangeTensor* r = nullptr;
  const RangeTensor* bias = nullptr;
  const RangeTensor* peephole = nullptr;
  std::vector<int64_t> lengths;  // of each batch entry's sequence
  // Of a state that is not given. A runtime may leave out what is multiplied with it, a gate that
  // is NaN among it: 0 times NaN.
  uint8_t no_state_mark = kDecided;
};

Status CheckShape(const RangeTensor* tensor, const Shape& shape, std::string_view what) {
  if (tensor == nullptr || tensor->shape == shape) return {};
  return Fail(ErrorCode::kInvalidInput, "{} is {}, not {}", what, ToString(tensor->shape),
              ToString(shape));
}

Result<Recurrence> ParseRecurrence(KernelContext& ctx, int64_t gates,
                                   std::span<const std::string_view> default_activations) {
  Recurrence out;
  out.gates = gates;
  out.x = &ctx.In(0);
  out.w = &ctx.In(1);
  out.r = &ctx.In(2);
  out.bias = ctx.Input(3);
  out.peephole = ctx.Input(7);
  if (!IsFloat(out.x->type) || out.x->shape.size() != 3 || out.r->shape.size() != 3) {
    return Fail(ErrorCode::kInvalidInput, "input {} {}", Name(out.x->type), ToString(out.x->shape));
  }
  MOIRE_ASSIGN(out.batch_first, ctx.Flag("layout", false));
  out.steps = out.x->shape[out.batch_first ? 1 : 0];
  out.batch = out.x->shape[out.batch_first ? 0 : 1];
  out.input = out.x->shape[2];
  out.hidden = out.r->shape[2];
  if (ctx.node().Int("hidden_size", out.hidden) != out.hidden) {
    return Fail(ErrorCode::kInvalidInput, "hidden_size is not that of R");
  }
  const std::string direction = ctx.node().String("direction", "forward");
  if (direction != "forward" && direction != "reverse" && direction != "bidirectional") {
    return Fail(ErrorCode::kInvalidInput, "direction '{}'", direction);
  }
  out.reverse = direction == "reverse";
  out.directions = direction == "bidirectional" ? 2 : 1;
  const int64_t rows = gates * out.hidden;
  MOIRE_TRY(CheckShape(out.w, {out.directions, rows, out.input}, "W"));
  MOIRE_TRY(CheckShape(out.r, {out.directions, rows, out.hidden}, "R"));
  MOIRE_TRY(CheckShape(out.bias, {out.directions, 2 * rows}, "B"));
  MOIRE_TRY(CheckShape(out.peephole, {out.directions, 3 * out.hidden}, "P"));
  out.lengths.assign(static_cast<size_t>(out.batch), out.steps);
  if (ctx.Input(4) != nullptr) {
    MOIRE_ASSIGN(out.lengths, ctx.ExactList(4));
    MOIRE_TRY(CheckShape(ctx.Input(4), {out.batch}, "sequence_lens"));
    for (const int64_t length : out.lengths) {
      if (length < 0 || length > out.steps) {
        return Fail(ErrorCode::kInvalidInput, "a sequence of {} in {} steps", length, out.steps);
      }
      if (length == 0) return Fail(ErrorCode::kUnsupported, "an empty sequence");
    }
  }
  if (out.steps == 0) return Fail(ErrorCode::kUnsupported, "no steps");
  if (const Attribute* clip = ctx.node().Find("clip"); clip != nullptr) {
    out.clip = ctx.node().Float("clip", 0);
  }
  MOIRE_ASSIGN(out.linear_before_reset, ctx.Flag("linear_before_reset", false));
  if (ctx.node().Int("input_forget", 0) != 0 || ctx.node().Find("activation_alpha") != nullptr ||
      ctx.node().Find("activation_beta") != nullptr) {
    return Fail(ErrorCode::kUnsupported, "coupled gates or activation parameters");
  }
  Strings names;
  if (const Attribute* attribute = ctx.node().Find("activations"); attribute != nullptr) {
    if (const auto* strings = std::get_if<Strings>(&attribute->value)) names = *strings;
  }
  if (names.empty()) {
    for (int64_t d = 0; d < out.directions; ++d) {
      names.insert(names.end(), default_activations.begin(), default_activations.end());
    }
  }
  if (names.size() != default_activations.size() * static_cast<size_t>(out.directions)) {
    return Fail(ErrorCode::kInvalidInput, "{} activations", names.size());
  }
  for (const std::string& name : names) {
    MOIRE_ASSIGN(const Activation activation, FindActivation(name));
    out.activations.push_back(activation);
  }
  for (const RangeTensor* tensor : {out.x, out.w, out.r, out.bias, out.peephole}) {
    if (tensor == nullptr) continue;
    const bool finite =
        std::ranges::all_of(tensor->value, [](double v) { return std::isfinite(v); });
    if (!finite) out.no_state_mark = kUndecidable;
  }
  const int64_t work[] = {out.steps, out.batch, out.directions, rows, out.input + out.hidden + 16,
                          8};
  const auto steps = CheckedCount(work);
  if (!steps) return Fail(ErrorCode::kOverBudget, "recurrence is too large");
  MOIRE_TRY(ctx.Spend(static_cast<uint64_t>(*steps)));
  return out;
}

using State = std::vector<Interval>;  // of one batch entry: one interval a hidden unit

// Evaluates the gates of one direction.
class Gates {
 public:
  Gates(const Recurrence& cell, int64_t direction)
      : cell_(cell), direction_(direction), type_(cell.x->type) {}

  const Arithmetic& type() const { return type_; }
  Activation Function(size_t i) const {
    const size_t each = cell_.activations.size() / static_cast<size_t>(cell_.directions);
    return cell_.activations[static_cast<size_t>(direction_) * each + i];
  }

  enum Parts : int { kInput = 1, kHidden = 2, kInputBias = 4, kHiddenBias = 8, kAll = 15 };
  // x * W^T + h * R^T + Wb + Rb of one gate and unit; `x` is the offset of the input row.
  Interval Sum(int64_t gate, int64_t unit, int64_t x, const State& h, int parts = kAll) {
    const int64_t row = gate * cell_.hidden + unit;
    const int64_t rows = cell_.gates * cell_.hidden;
    Clear();
    if ((parts & kInput) != 0) {
      const int64_t w = (direction_ * rows + row) * cell_.input;
      for (int64_t k = 0; k < cell_.input; ++k) {
        Push(Element(*cell_.x, x + k), Element(*cell_.w, w + k));
      }
    }
    if ((parts & kHidden) != 0) {
      const int64_t r = (direction_ * rows + row) * cell_.hidden;
      for (int64_t k = 0; k < cell_.hidden; ++k) {
        Push(h[static_cast<size_t>(k)], Element(*cell_.r, r + k));
      }
    }
    if (cell_.bias != nullptr) {
      const int64_t b = direction_ * 2 * rows + row;
      if ((parts & kInputBias) != 0) Push(Exactly(1), Element(*cell_.bias, b));
      if ((parts & kHiddenBias) != 0) Push(Exactly(1), Element(*cell_.bias, b + rows));
    }
    Interval sum = SumOfProducts(cell_.x->type, {a_.data(), a_lo_.data(), a_hi_.data()},
                                 {b_.data(), b_lo_.data(), b_hi_.data()},
                                 static_cast<int64_t>(a_.size()), kFoldedScales);
    sum = type_.Rounded(sum, 2);
    sum.mark |= marks_;
    return sum;
  }
  Interval Peephole(int64_t gate, int64_t unit, const Interval& sum, const Interval& c) const {
    if (cell_.peephole == nullptr) return sum;
    const int64_t at = (direction_ * 3 + gate) * cell_.hidden + unit;
    return type_.Add(sum, type_.Mul(Element(*cell_.peephole, at), c));
  }
  Interval Clipped(Interval x) const {
    if (cell_.clip < 0) return x;
    for (double* end : {&x.value, &x.lo, &x.hi}) *end = std::clamp(*end, -cell_.clip, cell_.clip);
    return x;
  }
  Interval Activate(size_t function, const Interval& x) const {
    return Function(function)(type_, Clipped(x));
  }

 private:
  static Interval Element(const RangeTensor& tensor, int64_t at) {
    return ElementOf(tensor, static_cast<size_t>(at));
  }
  void Clear() {
    for (auto* v : {&a_, &a_lo_, &a_hi_, &b_, &b_lo_, &b_hi_}) v->clear();
    marks_ = kDecided;
  }
  void Push(const Interval& a, const Interval& b) {
    a_.push_back(a.value);
    a_lo_.push_back(a.lo);
    a_hi_.push_back(a.hi);
    b_.push_back(b.value);
    b_lo_.push_back(b.lo);
    b_hi_.push_back(b.hi);
    marks_ |= a.mark | b.mark;
  }

  const Recurrence& cell_;
  int64_t direction_;
  Arithmetic type_;
  std::vector<double> a_, a_lo_, a_hi_, b_, b_lo_, b_hi_;
  uint8_t marks_ = kDecided;
};

// One step: `x` is the offset of the input row; h and c are replaced.
using Step = void (*)(const Recurrence&, Gates&, int64_t x, State& h, State& c);

void RnnStep(const Recurrence& cell, Gates& gates, int64_t x, State& h, State&) {
  State next;
  for (int64_t u = 0; u < cell.hidden; ++u) {
    next.push_back(gates.Activate(0, gates.Sum(0, u, x, h)));
  }
  h = std::move(next);
}

void GruStep(const Recurrence& cell, Gates& gates, int64_t x, State& h, State&) {
  const Arithmetic& type = gates.type();
  State update, reset, reset_h, next;
  for (int64_t u = 0; u < cell.hidden; ++u) {
    update.push_back(gates.Activate(0, gates.Sum(0, u, x, h)));
    reset.push_back(gates.Activate(0, gates.Sum(1, u, x, h)));
    const auto at = static_cast<size_t>(u);
    reset_h.push_back(type.Mul(reset[at], h[at]));
  }
  for (int64_t u = 0; u < cell.hidden; ++u) {
    const auto at = static_cast<size_t>(u);
    Interval sum;
    if (cell.linear_before_reset) {
      const Interval hidden = gates.Sum(2, u, x, h, Gates::kHidden | Gates::kHiddenBias);
      sum = type.Add(gates.Sum(2, u, x, h, Gates::kInput | Gates::kInputBias),
                     type.Mul(reset[at], hidden));
    } else {
      sum = gates.Sum(2, u, x, reset_h);
    }
    const Interval candidate = gates.Activate(1, sum);
    const Interval& z = update[at];
    // (1 - z) * candidate + z * h; also candidate + z * (h - candidate).
    next.push_back(Hull(type.Add(type.Mul(type.Sub(Exactly(1), z), candidate), type.Mul(z, h[at])),
                        type.Add(candidate, type.Mul(z, type.Sub(h[at], candidate)))));
  }
  h = std::move(next);
}

void LstmStep(const Recurrence& cell, Gates& gates, int64_t x, State& h, State& c) {
  const Arithmetic& type = gates.type();
  State next_h, next_c;
  for (int64_t u = 0; u < cell.hidden; ++u) {
    const auto at = static_cast<size_t>(u);
    // W, R and B order the gates i o f c; P orders them i o f.
    const Interval in = gates.Activate(0, gates.Peephole(0, u, gates.Sum(0, u, x, h), c[at]));
    const Interval forget = gates.Activate(0, gates.Peephole(2, u, gates.Sum(2, u, x, h), c[at]));
    const Interval candidate = gates.Activate(1, gates.Sum(3, u, x, h));
    const Interval state = type.Add(type.Mul(forget, c[at]), type.Mul(in, candidate));
    const Interval out = gates.Activate(0, gates.Peephole(1, u, gates.Sum(1, u, x, h), state));
    next_c.push_back(state);
    Interval hidden = type.Mul(out, gates.Activate(2, state));
    // The page bounds "the input of activations" with a "cell clip threshold": whether the cell
    // state before h is such an input, runtimes answer differently.
    const Interval clipped = gates.Clipped(state);
    if (clipped.lo != state.lo || clipped.hi != state.hi) hidden.mark |= kUnspecified;
    next_h.push_back(hidden);
  }
  h = std::move(next_h);
  c = std::move(next_c);
}

Result<RangeTensor*> MakeState(KernelContext& ctx, size_t output, const Recurrence& cell) {
  const Shape shape = cell.batch_first ? Shape{cell.batch, cell.directions, cell.hidden}
                                       : Shape{cell.directions, cell.batch, cell.hidden};
  return ctx.Make(output, cell.x->type, shape);
}

// Offset of a batch entry's state.
int64_t StateAt(const Recurrence& cell, int64_t direction, int64_t b) {
  return (cell.batch_first ? b * cell.directions + direction : direction * cell.batch + b) *
         cell.hidden;
}

State InitialState(const Recurrence& cell, const RangeTensor* initial, int64_t direction,
                   int64_t b) {
  State out(static_cast<size_t>(cell.hidden), {0, 0, 0, cell.no_state_mark});
  if (initial == nullptr) return out;
  const int64_t at = StateAt(cell, direction, b);
  for (int64_t u = 0; u < cell.hidden; ++u) {
    out[static_cast<size_t>(u)] = ElementOf(*initial, static_cast<size_t>(at + u));
  }
  return out;
}

void StoreState(RangeTensor* out, int64_t at, const State& state) {
  if (out == nullptr) return;
  for (size_t u = 0; u < state.size(); ++u) {
    StoreElement(*out, static_cast<size_t>(at) + u, state[u]);
  }
}

Status Recur(KernelContext& ctx, int64_t gate_count, std::span<const std::string_view> activations,
             Step step) {
  MOIRE_ASSIGN(const Recurrence cell, ParseRecurrence(ctx, gate_count, activations));
  const Shape state_shape = cell.batch_first ? Shape{cell.batch, cell.directions, cell.hidden}
                                             : Shape{cell.directions, cell.batch, cell.hidden};
  MOIRE_TRY(CheckShape(ctx.Input(5), state_shape, "initial_h"));
  MOIRE_TRY(CheckShape(ctx.Input(6), state_shape, "initial_c"));
  RangeTensor* y = nullptr;
  RangeTensor* y_h = nullptr;
  RangeTensor* y_c = nullptr;
  if (ctx.Wants(0)) {
    const Shape shape = cell.batch_first
                            ? Shape{cell.batch, cell.steps, cell.directions, cell.hidden}
                            : Shape{cell.steps, cell.directions, cell.batch, cell.hidden};
    MOIRE_ASSIGN(y, ctx.Make(0, cell.x->type, shape));
  }
  if (ctx.Wants(1)) {
    MOIRE_ASSIGN(y_h, MakeState(ctx, 1, cell));
  }
  if (ctx.Wants(2)) {
    MOIRE_ASSIGN(y_c, MakeState(ctx, 2, cell));
  }
  for (int64_t d = 0; d < cell.directions; ++d) {
    Gates gates(cell, d);
    const bool backwards = d == 1 || cell.reverse;
    for (int64_t b = 0; b < cell.batch; ++b) {
      State h = InitialState(cell, ctx.Input(5), d, b);
      State c = InitialState(cell, ctx.Input(6), d, b);
      const int64_t length = cell.lengths[static_cast<size_t>(b)];
      for (int64_t k = 0; k < cell.steps; ++k) {
        const int64_t t = backwards && k < length ? length - 1 - k : k;
        const int64_t y_at = cell.batch_first
                                 ? ((b * cell.steps + t) * cell.directions + d) * cell.hidden
                                 : ((t * cell.directions + d) * cell.batch + b) * cell.hidden;
        if (k >= length) {
          const Interval padding{0, 0, 0, kUnspecified};
          StoreState(y, y_at, State(static_cast<size_t>(cell.hidden), padding));
          continue;
        }
        const int64_t row = cell.batch_first ? b * cell.steps + t : t * cell.batch + b;
        step(cell, gates, row * cell.input, h, c);
        StoreState(y, y_at, h);
      }
      StoreState(y_h, StateAt(cell, d, b), h);
      StoreState(y_c, StateAt(cell, d, b), c);
    }
  }
  for (RangeTensor* out : {y, y_h, y_c}) {
    if (out != nullptr) Round(*out);
  }
  return {};
}

constexpr std::string_view kRnn[] = {"Tanh"};
constexpr std::string_view kGru[] = {"Sigmoid", "Tanh"};
constexpr std::string_view kLstm[] = {"Sigmoid", "Tanh", "Tanh"};

Status Rnn(KernelContext& ctx) { return Recur(ctx, 1, kRnn, RnnStep); }
Status Gru(KernelContext& ctx) { return Recur(ctx, 3, kGru, GruStep); }
Status Lstm(KernelContext& ctx) { return Recur(ctx, 4, kLstm, LstmStep); }

constexpr KernelEntry kEntries[] = {
    {"RNN", 7, kLatest, Rnn},
    {"GRU", 7, kLatest, Gru},
    {"LSTM", 7, kLatest, Lstm},
};

}  // namespace

std::span<const KernelEntry> RnnKernels() { return kEntries; }

}  // namespace moire
