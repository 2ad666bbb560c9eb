// Softmax and its kin, and the normalisations.
#include <cmath>

#include "fuzzers/generate/op_context.h"
#include "fuzzers/generate/ops/families.h"

namespace moire {
namespace {

void Unit(InferContext& c) { c.out[0].range = {0, 1}; }
// A normalised vector of n elements reaches sqrt(n); rarely in practice.
void Normal(InferContext& c) {
  const double scale = c.Given(1) ? c.in[1]->range.Magnitude() : 1;
  const double shift = c.Given(2) ? c.in[2]->range.Magnitude() : 0;
  for (OutValue& out : c.out) out.range = {-5 * scale - shift, 5 * scale + shift};
}

bool ChooseAxis(OpContext& c) {
  if (!c.TakeRank(0, 1)) return false;
  if (c.In(0).count == 0 && !c.random().Chance(1, 40)) return false;  // dims of 0 stay rare here
  const int64_t rank = c.In(0).rank();
  c.SetInt("axis", c.Axis(c.random().Between(0, rank - 1), rank), c.opset() >= 13 ? -1 : 1);
  return c.Done();
}

bool InferAxis(InferContext& c) {
  return c.Given(0) && NormalizeAxis(c.node.Int("axis", -1), c.rank(0)) && InferSame(c);
}

void LogSoftmaxRange(InferContext& c) {
  const Range r = c.in[0]->range;
  c.out[0].range = {-(r.hi - r.lo) - 7, 0};
}

bool InferLpNormalization(InferContext& c) {
  const int64_t p = c.node.Int("p", 2);
  return (p == 1 || p == 2) && InferAxis(c);
}

bool ChooseLpNormalization(OpContext& c) {
  if (c.random().Chance(1, 2)) c.Set("p", c.random().Between(1, 2));
  return ChooseAxis(c);
}

void DrawEpsilon(OpContext& c) {
  static constexpr float kValues[] = {1e-5f, 1e-3f, 1e-2f, 0.1f};
  if (c.random().Chance(1, 2)) c.Set("epsilon", kValues[c.random().Index(4)]);
}

// Inputs 1.. are per-channel vectors: scale, bias, mean, variance. Of the data's own type, but for
// one in thirty where the schema has type variables of their own.
bool TakeChannels(OpContext& c, size_t first, size_t last, int64_t channels) {
  const bool mixed = c.random().Chance(1, 30);
  for (size_t i = first; i <= last; ++i) {
    if (!mixed) c.Restrict(i, Bit(c.type()));
    if (!c.TakeShape(i, {channels})) return false;
  }
  return true;
}

bool ChooseBatchNorm(OpContext& c) {
  if (!c.TakeRank(0, 2, 5)) return false;
  const int64_t channels = c.In(0).shape[1];
  DrawEpsilon(c);
  if (!TakeChannels(c, 1, 3, channels)) return false;
  // Variances are positive.
  if (!c.random().Chance(1, 30)) c.Restrict(4, Bit(c.type()));
  return c.TakeShape(4, {channels}, {0.25, 3}) && c.Done();
}

bool InferBatchNorm(InferContext& c) {
  if (!c.Given(0) || c.rank(0) < 2 || c.in.size() != 5 || c.node.Int("training_mode", 0) != 0 ||
      c.out.size() != 1) {
    return false;
  }
  for (size_t i = 1; i < 5; ++i) {
    if (c.rank(i) != 1 || c.shape(i)[0] != c.shape(0)[1]) return false;
  }
  return InferSame(c);
}

void BatchNormRange(InferContext& c) {
  const double x = c.in[0]->range.Magnitude() + c.in[3]->range.Magnitude();
  const double m = x * c.in[1]->range.Magnitude() / std::sqrt(std::max(0.01, c.in[4]->range.lo)) +
                   c.in[2]->range.Magnitude();
  c.out[0].range = {-m, m};
}

bool ChooseInstanceNorm(OpContext& c) {
  const auto fits = [](const Value& v) { return v.rank() >= 3 && v.rank() <= 5; };
  // Of single elements nothing is left but the rounding of x - x.
  const auto several = [&](const Value& v) { return fits(v) && v.count > v.shape[0] * v.shape[1]; };
  if (!(c.random().Chance(15, 16) && c.Take(0, several)) && !c.Take(0, fits)) return false;
  DrawEpsilon(c);
  return TakeChannels(c, 1, 2, c.In(0).shape[1]) && c.Done();
}

bool InferInstanceNorm(InferContext& c) {
  if (c.in.size() != 3 || c.rank(0) < 3 || Count(c.shape(0)) == 0) return false;
  for (size_t i = 1; i < 3; ++i) {
    if (c.rank(i) != 1 || c.shape(i)[0] != c.shape(0)[1]) return false;
  }
  return InferSame(c);
}

bool ChooseGroupNorm(OpContext& c) {
  if (!c.TakeRank(0, 3, 5)) return false;
  const int64_t channels = c.In(0).shape[1];
  if (channels == 0) return false;
  int64_t groups = c.random().Between(1, std::min<int64_t>(channels, 8));
  while (channels % groups != 0) --groups;
  c.Set("num_groups", groups);
  DrawEpsilon(c);
  // Scale and bias were one a group before opset 21.
  return TakeChannels(c, 1, 2, c.schema().since >= 21 ? channels : groups) && c.Done();
}

bool InferGroupNorm(InferContext& c) {
  if (c.in.size() != 3 || c.rank(0) < 3 || Count(c.shape(0)) == 0) return false;
  const int64_t channels = c.shape(0)[1];
  const int64_t groups = c.node.Int("num_groups", 0);
  if (groups <= 0 || channels % groups != 0) return false;
  for (size_t i = 1; i < 3; ++i) {
    if (c.rank(i) != 1 || c.shape(i)[0] != (c.schema.since >= 21 ? channels : groups)) return false;
  }
  return InferSame(c);
}

bool ChooseLayerNorm(OpContext& c) {
  if (!c.TakeRank(0, 1, 5)) return false;
  const Shape x = c.In(0).shape;
  const int64_t rank = c.In(0).rank();
  const int64_t axis = c.random().Chance(2, 3) ? rank - 1 : c.random().Between(0, rank - 1);
  c.SetInt("axis", c.Axis(axis, rank), -1);
  DrawEpsilon(c);
  const Shape normalized(x.begin() + axis, x.end());
  // RMSNormalization lets the scale's type differ; ONNX's inference does not.
  c.Restrict(1, Bit(c.type()));
  if (!c.TakeShape(1, normalized)) return false;
  if (c.schema().inputs.size() > 2 && c.random().Chance(2, 3) && !c.TakeShape(2, normalized)) {
    return false;
  }
  return c.Done();
}

bool InferLayerNorm(InferContext& c) {
  if (!c.Given(0) || !c.Given(1) || Count(c.shape(0)) == 0) return false;
  const auto axis = NormalizeAxis(c.node.Int("axis", -1), c.rank(0));
  if (!axis) return false;
  const Shape normalized(c.shape(0).begin() + *axis, c.shape(0).end());
  for (size_t i = 1; i < c.in.size(); ++i) {
    const auto wider = BroadcastShapes(normalized, c.shape(i));
    if (!wider || *wider != normalized) return false;
  }
  // Mean and InvStdDev keep the rank.
  for (size_t i = 0; i < c.out.size(); ++i) {
    c.out[i].shape = c.shape(0);
    if (i == 0) continue;
    if (c.out[i].type == DataType::kUndefined) c.out[i].type = DataType::kFloat;
    for (size_t k = static_cast<size_t>(*axis); k < c.out[i].shape.size(); ++k)
      c.out[i].shape[k] = 1;
  }
  return true;
}

bool ChooseLrn(OpContext& c) {
  // The page's formula is for any rank; runtimes mostly take images only.
  if (!c.TakeRank(0, c.random().Chance(1, 300) ? 3 : 4, 4)) return false;
  c.Set("size", 1 + 2 * c.random().Between(0, 2));
  if (c.random().Chance(1, 2)) {
    c.Set("alpha", 0.01f * static_cast<float>(1 + c.random().Index(50)));
    c.Set("beta", c.random().Chance(1, 2) ? 0.75f : 0.5f);
    c.Set("bias", 1.0f + static_cast<float>(c.random().Index(2)));
  }
  return c.Done();
}

bool InferLrn(InferContext& c) {
  return c.Given(0) && c.rank(0) >= 3 && c.node.Int("size", 0) > 0 && InferSame(c);
}

bool ChooseMvn(OpContext& c) {
  // ONNX's function body for this operator computes with float constants.
  c.Restrict(0, Bit(DataType::kFloat));
  if (!c.TakeRank(0, 4, 4)) return false;
  // Always written: ONNX's function body for this operator needs it before opset 18.
  static const Ints kAxes[] = {{0, 2, 3}, {2, 3}, {1, 2, 3}, {0}, {-1}};
  const Shape& shape = c.In(0).shape;
  const auto reduced = [&](const Ints& axes) {
    int64_t count = 1;
    for (const int64_t axis : axes) count *= shape[static_cast<size_t>(axis < 0 ? axis + 4 : axis)];
    return count;
  };
  // Of single elements nothing is left but the rounding of x - x.
  size_t drawn = c.random().Index(5);
  if (reduced(kAxes[drawn]) == 1 && c.random().Chance(15, 16)) {
    for (size_t i = 0; i < 5 && reduced(kAxes[drawn]) == 1; ++i) drawn = (drawn + 1) % 5;
  }
  c.Set("axes", kAxes[drawn]);
  return c.Done();
}

bool InferMvn(InferContext& c) {
  const int64_t rank = c.Given(0) ? c.rank(0) : 0;
  if (rank < 4 || Count(c.shape(0)) == 0 || c.in[0]->type != DataType::kFloat) return false;
  if (c.node.IntList("axes").empty()) return false;
  for (const int64_t axis : c.node.IntList("axes")) {
    if (!NormalizeAxis(axis, rank)) return false;
  }
  return InferSame(c);
}

void Five(InferContext& c) { c.out[0].range = {-5, 5}; }

constexpr OpEntry kNorm[] = {
    {"BatchNormalization", ChooseBatchNorm, InferBatchNorm, BatchNormRange, 0, 0.7},
    {"GroupNormalization", ChooseGroupNorm, InferGroupNorm, Normal, 0, 1, 21},
    {"Hardmax", ChooseAxis, InferAxis, Unit, kExactResult | kSteps},
    {"InstanceNormalization", ChooseInstanceNorm, InferInstanceNorm, Normal, 0, 1.2},
    {"LRN", ChooseLrn, InferLrn, nullptr, 0, 2},
    {"LayerNormalization", ChooseLayerNorm, InferLayerNorm, Normal, 0, 1.2},
    {"LogSoftmax", ChooseAxis, InferAxis, LogSoftmaxRange},
    {"LpNormalization", ChooseLpNormalization, InferLpNormalization,
     [](InferContext& c) { c.out[0].range = {-1, 1}; }},
    {"MeanVarianceNormalization", ChooseMvn, InferMvn, Five},
    {"RMSNormalization", ChooseLayerNorm, InferLayerNorm, Normal},
    {"Softmax", ChooseAxis, InferAxis, Unit, 0, 1.3},
};

}  // namespace

OpTable NormOps() { return kNorm; }

}  // namespace moire
