// Losses.
#include <algorithm>
#include <cmath>

#include "fuzzers/generate/op_context.h"
#include "fuzzers/generate/ops/families.h"

namespace moire {
namespace {

Shape LabelShape(const Shape& scores) {
  Shape out = scores;
  out.erase(out.begin() + 1);
  return out;
}

bool ChooseLoss(OpContext& c) {
  const auto fits = [](const Value& v) {
    return v.rank() >= 2 && v.rank() <= 4 && v.count > 0 && v.range.Magnitude() < 60;
  };
  // Its function body needs the other loss at the same types.
  const SchemaInfo* inner = FindSchema("NegativeLogLikelihoodLoss", c.opset());
  if (inner != nullptr) c.Restrict(0, inner->inputs[0].types);
  if (!c.Take(0, fits)) return false;
  const Shape x = c.In(0).shape;
  const Shape labels = LabelShape(x);
  const double last = static_cast<double>(x[1] - 1);
  const auto known = [&](const Value& v) {
    return v.shape == labels && !v.edge && v.range.Inside(0, last);
  };
  // {0, 0} would mean "any range".
  if (!c.Take(1, known) && !c.Make(1, labels, {-0.25, last})) return false;
  if (c.random().Chance(1, 3) && !c.TakeShape(2, {x[1]}, {0.25, 2})) return false;
  static constexpr std::string_view kReductions[] = {"none", "mean", "sum"};
  if (c.random().Chance(3, 4)) c.Set("reduction", std::string(kReductions[c.random().Index(3)]));
  // A class that hardly all labels are.
  if (x[1] > 1 && c.random().Chance(1, 5)) c.Set("ignore_index", c.random().Between(0, x[1] - 1));
  const bool two = c.entry().op == "SoftmaxCrossEntropyLoss" && c.random().Chance(1, 2);
  return c.Done(two ? 2 : 1);
}

bool InferLoss(InferContext& c) {
  if (!c.Given(0) || !c.Given(1) || c.rank(0) < 2 || Count(c.shape(0)) == 0) return false;
  const Shape& x = c.shape(0);
  if (c.shape(1) != LabelShape(x) || (c.Given(2) && c.shape(2) != Shape{x[1]})) return false;
  if (!c.in[1]->range.Inside(-0.5, static_cast<double>(x[1] - 1))) return false;
  const std::string reduction = c.node.String("reduction", "mean");
  if (reduction != "none" && reduction != "mean" && reduction != "sum") return false;
  if (reduction == "none") c.out[0].shape = c.shape(1);
  if (c.out.size() > 1) c.out[1].shape = x;
  return true;
}

void LossRange(InferContext& c) {
  const double terms = c.out[0].shape.empty() ? static_cast<double>(c.in[1]->count) : 1;
  const double weight = c.Given(2) ? c.in[2]->range.Magnitude() : 1;
  const double m = (2 * c.in[0]->range.Magnitude() + 6) * weight * terms;
  for (OutValue& out : c.out) out.range = {-m, m};
}

constexpr OpEntry kLoss[] = {
    {"NegativeLogLikelihoodLoss", ChooseLoss, InferLoss, LossRange, 0, 0.6},
    {"SoftmaxCrossEntropyLoss", ChooseLoss, InferLoss, LossRange, 0, 0.6},
};

}  // namespace

OpTable LossOps() { return kLoss; }

}  // namespace moire
