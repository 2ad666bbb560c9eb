// Chains of operators that move elements: what runtimes cancel, push around or fold.
#include <algorithm>

#include "fuzzers/generate/ops/layout.h"
#include "fuzzers/generate/patterns/context.h"

namespace moire {
namespace {

constexpr TypeSet kAny = kDataTypes;

Ints RandomPerm(PatternContext& p, int64_t rank) {
  Ints perm;
  for (int64_t i = 0; i < rank; ++i) perm.push_back(i);
  for (size_t i = perm.size(); i-- > 1;) std::swap(perm[i], perm[p.random().Index(i + 1)]);
  return perm;
}

Attribute Perm(Ints perm) { return {"perm", std::move(perm)}; }

// Transpose, something in between, and its inverse.
bool TransposePair(PatternContext& p) {
  const ValueId x = p.Take(2, 4, p.Miss(4) ? kAny : kFloats);
  if (!p.ok()) return false;
  const Ints perm = RandomPerm(p, p.At(x).rank());
  Ints inverse(perm.size());
  for (size_t i = 0; i < perm.size(); ++i)
    inverse[static_cast<size_t>(perm[i])] = static_cast<int64_t>(i);
  ValueId y = p.Op("Transpose", {x}, {Perm(perm)});
  if (!p.ok()) return false;
  p.Disturb(y);
  if (IsFloat(p.type(y))) {
    switch (p.random().Below(9)) {
      case 0:
        y = p.Op("Relu", {y});
        break;
      case 1:
        y = p.Op("Add", {y, p.Weights(y, {p.shape(y).back()})});
        break;
      case 2:
        y = p.Op("Softmax", {y}, {{"axis", p.random().Between(-1, 1)}});
        break;
      case 3:
        y = p.Op("Mul", {y, p.Op("Sigmoid", {y})});
        break;
      case 4:
        y = p.Op("ReduceMax", {y}, {{"keepdims", int64_t{1}}});
        break;
      case 5:
        y = p.Op("Concat", {y, p.Op("Neg", {y})}, {{"axis", int64_t{-1}}});
        break;
      case 6:
        y = p.Op("Where", {p.Op("Greater", {y, p.Scalar(y, 0)}), y, p.Scalar(y, 0.5)});
        break;
      default:
        break;
    }
  }
  p.Op("Transpose", {y}, {Perm(p.Miss() ? perm : inverse)});
  return p.ok();
}

bool ReshapeChain(PatternContext& p) {
  const ValueId x = p.Take(1, 4, kAny);
  if (!p.ok()) return false;
  ValueId y = x;
  const int64_t links = p.random().Between(2, 3);
  for (int64_t i = 0; i < links && p.ok(); ++i) {
    Ints target = RandomFactorization(p.At(y).count, p.random().Between(1, 4), p.random());
    for (size_t k = 0; k < target.size(); ++k) {
      if (k < p.shape(y).size() && target[k] == p.shape(y)[k] && p.Miss(4)) target[k] = 0;
    }
    if (p.Miss(4)) target[p.random().Index(target.size())] = -1;
    y = p.Op("Reshape", {y, p.Ints(target)});
    if (p.ok()) p.Disturb(y);
  }
  return p.ok();
}

// Shape -> Gather/Slice -> Unsqueeze -> Concat -> Reshape: the exporters' way to reshape.
bool ShapeArithmetic(PatternContext& p) {
  const ValueId x = p.Take(2, 4, kAny);
  if (!p.ok()) return false;
  const ValueId dims = p.Op("Shape", {x});
  if (!p.ok()) return false;
  const int64_t rank = p.At(x).rank();
  const int64_t axis = p.random().Between(0, rank - 1);
  ValueId dim = kNoValue;
  if (p.Miss(4)) {
    dim = p.Op("Slice", {dims, p.Ints({axis}), p.Ints({axis + 1})});
  } else {
    Tensor index = MakeTensor(DataType::kInt64, {});
    SetInt(index, 0, p.Miss(2) ? axis - rank : axis);
    const ValueId scalar = p.Op("Gather", {dims, p.b().AddInitializer(std::move(index))});
    dim = p.Op("Unsqueeze", {scalar, p.Ints({0})});
  }
  const ValueId target = p.Miss(4) ? p.Op("Concat", {dim, p.Ints({-1})}, {{"axis", int64_t{0}}})
                                   : p.Op("Concat", {p.Ints({-1}), dim}, {{"axis", int64_t{0}}});
  if (!p.ok() || p.At(x).count == 0) return false;
  p.Op("Reshape", {x, target});
  return p.ok();
}

bool SliceChain(PatternContext& p) {
  const ValueId x = p.Take(1, 4, kAny);
  if (!p.ok()) return false;
  const int64_t axis = p.random().Between(0, p.At(x).rank() - 1);
  const int64_t dim = p.shape(x)[static_cast<size_t>(axis)];
  if (dim < 3) return false;
  const ValueId first = p.Op("Slice", {x, p.Ints({1}), p.Ints({dim}), p.Ints({axis})});
  if (!p.ok()) return false;
  p.Disturb(first);
  const int64_t second = p.Miss(2) ? p.random().Between(0, p.At(x).rank() - 1) : axis;
  p.Op("Slice", {first, p.Ints({0}), p.Ints({-1}), p.Ints({second}), p.Ints({p.Miss(2) ? 2 : 1})});
  return p.ok();
}

bool SqueezePair(PatternContext& p) {
  const ValueId x = p.Take(1, 4, kAny);
  if (!p.ok()) return false;
  const int64_t axis = p.random().Between(0, p.At(x).rank());
  const ValueId y = p.Op("Unsqueeze", {x, p.Ints({axis})});
  if (!p.ok()) return false;
  p.Disturb(y);
  if (p.Miss(4)) return p.Op("Squeeze", {y, p.Ints({axis - p.At(y).rank()})}), p.ok();
  p.Op("Unsqueeze", {y, p.Ints({p.random().Between(0, p.At(y).rank())})});
  return p.ok();
}

bool ExpandElimination(PatternContext& p) {
  const ValueId x = p.Take(1, 4, kAny);
  if (!p.ok()) return false;
  Ints same(p.shape(x).begin(), p.shape(x).end());
  if (p.Miss(2)) std::ranges::fill(same, 1);
  if (p.Miss(2)) same.insert(same.begin(), 1);
  p.Op("Expand", {x, p.Ints(same)});
  return p.ok();
}

bool SplitConcat(PatternContext& p) {
  const ValueId x = p.Take(1, 4, kAny);
  if (!p.ok()) return false;
  const int64_t axis = p.random().Between(0, p.At(x).rank() - 1);
  const int64_t dim = p.shape(x)[static_cast<size_t>(axis)];
  if (dim < 2) return false;
  const int64_t cut = p.random().Between(1, dim - 1);
  const std::vector<ValueId> parts =
      p.Ops("Split", {x, p.Ints({cut, dim - cut})}, {{"axis", axis}}, 2);
  if (!p.ok()) return false;
  const bool swapped = p.Miss(2);
  p.Op("Concat", {parts[swapped ? 1 : 0], parts[swapped ? 0 : 1]}, {{"axis", axis}});
  return p.ok();
}

// GatherSlice: two slices of one value, one for each position.
bool GatherToSlices(PatternContext& p) {
  const ValueId x = p.Take(2, 4, kAny);
  if (!p.ok()) return false;
  const int64_t axis = p.random().Between(0, p.At(x).rank() - 1);
  const int64_t dim = p.shape(x)[static_cast<size_t>(axis)];
  std::vector<ValueId> parts;
  for (int64_t i = 0; i < std::min<int64_t>(dim, 3) && p.ok(); ++i) {
    Tensor index = MakeTensor(DataType::kInt64, p.Miss() ? Shape{1} : Shape{});
    SetInt(index, 0, p.Miss() ? -1 : i);
    parts.push_back(p.Op("Gather", {x, p.b().AddInitializer(std::move(index))}, {{"axis", axis}}));
  }
  return p.ok() && !parts.empty();
}

bool DepthShuffle(PatternContext& p) {
  const ValueId x = p.Take(4, 4, kAny);
  if (!p.ok()) return false;
  const Shape s = p.shape(x);
  if (s[1] % 2 != 0 || s[1] == 0) return false;
  const ValueId split = p.Op("Reshape", {x, p.Ints({s[0], 2, s[1] / 2, s[2], s[3]})});
  const ValueId moved = p.Op("Transpose", {split}, {Perm({0, 2, 1, 3, 4})});
  p.Op("Reshape", {moved, p.Ints({s[0], s[1], s[2], p.Miss(4) ? -1 : s[3]})});
  return p.ok();
}

constexpr PatternEntry kLayouts[] = {
    {"TransposeOptimizer", TransposePair, 3},
    {"ReshapeFusion", ReshapeChain, 2},
    {"ConcatReshape", ShapeArithmetic, 3},
    {"ConcatSliceElimination", SliceChain},
    {"UnsqueezeElimination", SqueezePair},
    {"EliminateExpand", ExpandElimination},
    {"SplitConcat", SplitConcat},
    {"GatherSliceToSplitFusion", GatherToSlices},
    {"channel shuffle", DepthShuffle},
};

}  // namespace

std::span<const PatternEntry> LayoutPatterns() { return kLayouts; }

}  // namespace moire
