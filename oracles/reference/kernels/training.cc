// ai.onnx.preview.training: Adagrad, Adam, Momentum. One step of an optimiser on each of a list of
// tensors, element by element, in the tensors' type.
#include <algorithm>
#include <cmath>

#include "oracles/reference/kernels/families.h"
#include "oracles/reference/kernels/interval.h"

namespace moire {
namespace {

constexpr std::string_view kTraining = "ai.onnx.preview.training";

// Inputs: the learning rate, the number of updates so far, then the tensors X of all parts, their
// gradients G, and `states` lists of states. Outputs: X and the states, in the same order.
struct Step {
  size_t parts = 0;
  size_t states = 0;
  Interval rate;
  int64_t updates = 0;
};

Result<Step> ParseStep(const KernelContext& ctx, size_t states) {
  Step out;
  out.states = states;
  const size_t tensors = ctx.NumInputs() - 2;
  out.parts = tensors / (states + 2);
  const RangeTensor& rate = ctx.In(0);
  if (ctx.NumInputs() < 3 || out.parts * (states + 2) != tensors ||
      ctx.NumOutputs() != out.parts * (states + 1) || rate.size() != 1 || !IsFloat(rate.type)) {
    return Fail(ErrorCode::kInvalidInput, "{} inputs, {} outputs", ctx.NumInputs(),
                ctx.NumOutputs());
  }
  for (size_t i = 0; i < tensors; ++i) {
    const RangeTensor& one = ctx.In(2 + i);
    const RangeTensor& first = ctx.In(2 + i % out.parts);
    if (one.shape != first.shape || one.type != first.type || !IsFloat(one.type)) {
      return Fail(ErrorCode::kInvalidInput, "tensors of {} and {}", ToString(first.shape),
                  ToString(one.shape));
    }
  }
  out.rate = ElementOf(rate, 0);
  MOIRE_ASSIGN(const Ints updates, ctx.ExactInts(1));
  if (updates.size() != 1) return Fail(ErrorCode::kInvalidInput, "T is no scalar");
  out.updates = updates[0];
  return out;
}

Interval Attribute(const Node& node, std::string_view name, float otherwise) {
  return Exactly(static_cast<double>(node.Float(name, otherwise)));
}

// An update of one element: x, g and the states in, x and the states out, in `values`.
template <typename Update>
Status Run(KernelContext& ctx, const Step& step, const Update& update) {
  for (size_t part = 0; part < step.parts; ++part) {
    const RangeTensor& x = ctx.In(2 + part);
    const Arithmetic type(x.type);
    std::vector<RangeTensor*> outputs;
    for (size_t k = 0; k <= step.states; ++k) {
      MOIRE_ASSIGN(RangeTensor * out, ctx.Make(k * step.parts + part, x.type, x.shape));
      outputs.push_back(out);
    }
    MOIRE_TRY(ctx.Spend(static_cast<uint64_t>(x.size()) * 32));
    for (size_t i = 0; i < static_cast<size_t>(x.size()); ++i) {
      std::vector<Interval> values;
      for (size_t k = 0; k < step.states + 2; ++k) {
        values.push_back(ElementOf(ctx.In(2 + k * step.parts + part), i));
      }
      const std::vector<Interval> results = update(type, values);
      for (size_t k = 0; k < outputs.size(); ++k) StoreElement(*outputs[k], i, results[k]);
    }
    for (RangeTensor* out : outputs) Round(*out);
  }
  return {};
}

Interval Regularised(const Arithmetic& type, const Interval& norm, const std::vector<Interval>& v) {
  return type.Add(type.Mul(norm, v[0]), v[1]);
}

Status Adagrad(KernelContext& ctx) {
  MOIRE_ASSIGN(const Step step, ParseStep(ctx, 1));
  const Node& node = ctx.node();
  const Interval norm = Attribute(node, "norm_coefficient", 0);
  const Interval epsilon = Attribute(node, "epsilon", 1e-6f);
  const Interval decay = Attribute(node, "decay_factor", 0);
  return Run(ctx, step, [&](const Arithmetic& type, const std::vector<Interval>& v) {
    const Interval slower =
        type.Add(Exactly(1), type.Mul(Exactly(static_cast<double>(step.updates)), decay));
    const Interval rate = type.Div(step.rate, slower);
    const Interval g = Regularised(type, norm, v);
    const Interval h = type.Add(v[2], type.Square(g));
    const Interval scale = type.Add(type.Sqrt(h), epsilon);
    return std::vector<Interval>{type.Sub(v[0], type.Div(type.Mul(rate, g), scale)), h};
  });
}

Status Momentum(KernelContext& ctx) {
  MOIRE_ASSIGN(const Step step, ParseStep(ctx, 1));
  const Node& node = ctx.node();
  const std::string mode = node.String("mode", "");
  if (mode != "standard" && mode != "nesterov") {
    return Fail(ErrorCode::kInvalidInput, "mode '{}'", mode);
  }
  const Interval norm = Attribute(node, "norm_coefficient", 0);
  const Interval alpha = Attribute(node, "alpha", 0);
  const Interval beta = step.updates > 0 ? Attribute(node, "beta", 0) : Exactly(1);
  return Run(ctx, step, [&](const Arithmetic& type, const std::vector<Interval>& v) {
    const Interval g = Regularised(type, norm, v);
    const Interval moved = type.Add(type.Mul(alpha, v[2]), type.Mul(beta, g));
    const Interval along = mode == "standard" ? moved : type.Add(g, type.Mul(alpha, moved));
    return std::vector<Interval>{type.Sub(v[0], type.Mul(step.rate, along)), moved};
  });
}

Status Adam(KernelContext& ctx) {
  MOIRE_ASSIGN(const Step step, ParseStep(ctx, 2));
  const Node& node = ctx.node();
  const Interval norm = Attribute(node, "norm_coefficient", 0);
  const Interval after = Attribute(node, "norm_coefficient_post", 0);
  const Interval alpha = Attribute(node, "alpha", 0.9f), beta = Attribute(node, "beta", 0.999f);
  const Interval epsilon = Attribute(node, "epsilon", 1e-6f);
  const auto t = static_cast<double>(step.updates);
  return Run(ctx, step, [&](const Arithmetic& type, const std::vector<Interval>& v) {
    const auto rest = [&](const Interval& x) { return type.Sub(Exactly(1), x); };
    Interval rate = step.rate;
    if (step.updates > 0) {
      rate = type.Div(type.Mul(rate, type.Sqrt(rest(type.Pow(beta, t)))), rest(type.Pow(alpha, t)));
    }
    const Interval g = Regularised(type, norm, v);
    const Interval velocity = type.Add(type.Mul(alpha, v[2]), type.Mul(rest(alpha), g));
    const Interval h = type.Add(type.Mul(beta, v[3]), type.Mul(rest(beta), type.Square(g)));
    const Interval scale = type.Add(type.Sqrt(h), epsilon);
    const Interval x = type.Sub(v[0], type.Div(type.Mul(rate, velocity), scale));
    return std::vector<Interval>{type.Mul(rest(after), x), velocity, h};
  });
}

constexpr KernelEntry kTrainingKernels[] = {
    {"Adagrad", 1, kLatest, Adagrad, kTraining},
    {"Adam", 1, kLatest, Adam, kTraining},
    {"Momentum", 1, kLatest, Momentum, kTraining},
};

}  // namespace

std::span<const KernelEntry> TrainingKernels() { return kTrainingKernels; }

}  // namespace moire
