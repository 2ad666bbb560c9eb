// Operators that cut, pad and resize.
#include <algorithm>

#include "harness/shapes/rules.h"

namespace moire::shapes {
namespace {

// Elements that start:end:step takes of a dim, by the Slice page: both ends count from the end
// where they are negative, and are clamped.
Term SliceLength(const Term& start, const Term& end, int64_t step, const Term& dim) {
  const auto from_front = [&](const Term& at) { return Select(at < 0, at + dim, at); };
  const Term low = step > 0 ? 0 : -1;
  const Term high = step > 0 ? dim : dim - 1;
  const auto clamp = [&](const Term& at, const Term& least) { return Min(Max(at, least), high); };
  const Term first = clamp(from_front(start), 0);
  const Term last = clamp(from_front(end), low);
  const Term taken = step > 0 ? last - first : first - last;
  return Max((taken + (std::abs(step) - 1)) / std::abs(step), 0);
}

bool Slice(NodeTerms& t) {
  const TermList* x = t.In(0);
  const auto starts = t.ListOrInput("starts", 1);
  const auto ends = t.ListOrInput("ends", 2);
  auto axes = t.Fixed("axes", 3);
  const TermList* given = t.Elements(4);
  if (x == nullptr || !starts || !ends || !axes || starts->size() != ends->size()) return false;
  if (t.Given(4) && (given == nullptr || given->size() != starts->size())) return false;
  for (size_t i = axes->size(); i < starts->size(); ++i) {
    axes->push_back(static_cast<int64_t>(i));
  }
  if (axes->size() != starts->size()) return false;
  const auto fronts = FrontAxes(*axes, x->size());
  if (!fronts) return false;
  TermList out = *x;
  for (size_t i = 0; i < fronts->size(); ++i) {
    Term& dim = out[static_cast<size_t>((*fronts)[i])];
    const auto taken = [&](int64_t step) {
      return SliceLength((*starts)[i], (*ends)[i], step, dim);
    };
    const Term step = given == nullptr ? Term(1) : (*given)[i];
    if (const auto known = step.Constant()) {
      if (*known == 0 || *known == INT64_MIN) return false;
      dim = taken(*known);
      continue;
    }
    constexpr int64_t kLargestStep = 3;
    t.Require(step != 0 && step >= -kLargestStep && step <= kLargestStep);
    Term length = taken(1);
    for (int64_t k = -kLargestStep; k <= kLargestStep; ++k) {
      if (k != 0 && k != 1) length = Select(step == k, taken(k), length);
    }
    dim = length;
  }
  t.Out(0, std::move(out));
  return true;
}

bool Pad(NodeTerms& t) {
  const TermList* x = t.In(0);
  const auto pads = t.ListOrInput("pads", 1);
  auto axes = t.Fixed("axes", 3);
  if (x == nullptr || !pads || !axes) return false;
  if (!t.Given(3)) {
    for (int64_t i = 0; i < std::ssize(*x); ++i) axes->push_back(i);
  }
  if (pads->size() != 2 * axes->size()) return false;
  const std::string mode = t.node.String("mode", "constant");
  const auto fronts = FrontAxes(*axes, x->size());
  if (!fronts) return false;
  TermList out = *x;
  for (size_t i = 0; i < fronts->size(); ++i) {
    Term& dim = out[static_cast<size_t>((*fronts)[i])];
    const Term& begin = (*pads)[i];
    const Term& end = (*pads)[axes->size() + i];
    // Reflection does not repeat the edge; wrapping goes round once.
    if (mode == "reflect") t.Require(begin < dim && end < dim);
    if (mode == "wrap") t.Require(begin <= dim && end <= dim);
    if (mode != "constant") t.Require(dim >= 1 || (begin <= 0 && end <= 0));
    dim = dim + begin + end;
    t.Require(dim >= 0);
  }
  t.Out(0, std::move(out));
  return true;
}

// By sizes, or by scales: floor(dim * scale). Of some axes from opset 18 on.
bool Resize(NodeTerms& t) {
  const TermList* x = t.In(0);
  const size_t at = t.opset < 11 ? 1 : 2;
  if (x == nullptr || t.node.Find("keep_aspect_ratio_policy") != nullptr) return false;
  Ints axes = t.node.IntList("axes");
  if (t.node.Find("axes") == nullptr) {
    for (int64_t i = 0; i < std::ssize(*x); ++i) axes.push_back(i);
  }
  const bool sized = t.Given(3);
  const TermList* given = t.Elements(sized ? 3 : at);
  if (given == nullptr || given->size() != axes.size()) return false;
  TermList out = *x;
  for (size_t i = 0; i < axes.size(); ++i) {
    const auto axis = NormalizeAxis(axes[i], std::ssize(*x));
    if (!axis) return false;
    Term& dim = out[static_cast<size_t>(*axis)];
    t.Require(dim >= 1);
    t.Require((*given)[i] >= 1);
    dim = sized ? (*given)[i] : dim * (*given)[i] / 1024;
    t.Require(dim >= 1);
  }
  t.Out(0, std::move(out));
  return true;
}

bool CenterCropPad(NodeTerms& t) {
  const TermList* x = t.In(0);
  const TermList* sizes = t.Elements(1);
  if (x == nullptr || sizes == nullptr || sizes->size() != x->size() ||
      t.node.Find("axes") != nullptr) {
    return false;
  }
  for (const Term& size : *sizes) t.Require(size >= 0);
  t.Out(0, *sizes);
  return true;
}

constexpr OperatorRule kSelects[] = {
    {"CenterCropPad", CenterCropPad, {}, 1 << 1},
    {"Pad", Pad, {"pads"}, 1 << 1},
    {"Resize", Resize, {}, 1 << 1 | 1 << 2 | 1 << 3},
    {"Slice", Slice, {"starts", "ends"}, 1 << 1 | 1 << 2 | 1 << 4},
};

}  // namespace

RuleTable SelectRules() { return kSelects; }

}  // namespace moire::shapes
