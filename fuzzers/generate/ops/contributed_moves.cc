// Contributed operators that move, select, hash and count elements.
#include <algorithm>

#include "fuzzers/generate/ops/contributed.h"
#include "fuzzers/generate/ops/families.h"

namespace moire {
namespace {

// Scalar 32-bit axis where the new dim of 1 goes.
bool ChooseExpandDims(OpContext& c) {
  if (!c.TakeRank(0, 0, 5)) return false;
  const int64_t rank = c.In(0).rank();
  return PutInts32(c, 1, {c.random().Between(-rank - 1, rank)}, /*scalar=*/true) && c.Done();
}

bool InferExpandDims(InferContext& c) {
  const Ints* axis = c.Known(1);
  if (!c.Given(0) || axis == nullptr || axis->size() != 1 || c.rank(1) != 0) return false;
  const int64_t rank = c.rank(0);
  if ((*axis)[0] < -rank - 1 || (*axis)[0] > rank) return false;
  const int64_t at = (*axis)[0] < 0 ? (*axis)[0] + rank + 1 : (*axis)[0];
  c.out[0].shape = c.shape(0);
  c.out[0].shape.insert(c.out[0].shape.begin() + at, 1);
  return true;
}

// Windows of `size` elements along a dim, every `step`, as a new last dim.
bool ChooseUnfold(OpContext& c) {
  if (!c.TakeRank(0, 1, 4) || c.In(0).count == 0) return false;
  const int64_t rank = c.In(0).rank();
  const int64_t dim = c.random().Between(0, rank - 1);
  const int64_t length = c.In(0).shape[static_cast<size_t>(dim)];
  c.Set("size", c.random().Between(1, length));
  c.SetInt("step", c.random().Between(1, 3), 1);
  c.SetInt("dim", c.Axis(dim, rank), -1);
  return c.Done();
}

bool InferUnfold(InferContext& c) {
  if (!c.Given(0) || c.rank(0) < 1) return false;
  const auto dim = NormalizeAxis(c.node.Int("dim", -1), c.rank(0));
  const int64_t size = c.node.Int("size", 0);
  const int64_t step = c.node.Int("step", 1);
  if (!dim || size < 1 || step < 1) return false;
  c.out[0].shape = c.shape(0);
  int64_t& length = c.out[0].shape[static_cast<size_t>(*dim)];
  if (size > length) return false;
  length = (length - size) / step + 1;
  c.out[0].shape.push_back(size);
  return true;
}

bool ChooseMurmur(OpContext& c) {
  if (!c.TakeRank(0, 0, 4)) return false;
  if (c.random().Chance(1, 2)) c.Set("seed", c.random().Between(0, 1000));
  if (c.random().Chance(1, 2)) c.Set("positive", static_cast<int64_t>(c.random().Below(2)));
  return c.Done();
}

bool InferMurmur(InferContext& c) {
  c.out[0].type = c.node.Int("positive", 1) != 0 ? DataType::kUint32 : DataType::kInt32;
  return c.Given(0) && InferSame(c);
}

bool ChooseCrop(OpContext& c) {
  const auto image = [](const Value& v) { return v.rank() == 4 && v.count > 0; };
  if (!c.Take(0, image)) return false;
  const Shape x = c.In(0).shape;
  const int64_t boxes = c.random().Between(1, 4);
  if (!c.Make(1, {boxes, 4}, {c.random().Chance(1, 3) ? -0.5 : 0.0, 1.0})) return false;
  if (!MakeIndices32(c, 2, {boxes}, x[0] - 1)) return false;
  if (!PutInts32(c, 3, {c.random().Between(1, 5), c.random().Between(1, 5)})) return false;
  if (c.random().Chance(1, 2)) {
    c.Set("mode", std::string(c.random().Chance(1, 2) ? "bilinear" : "nearest"));
  }
  if (c.random().Chance(1, 2)) c.Set("extrapolation_value", 1.5f);
  return c.Done();
}

bool InferCrop(InferContext& c) {
  const Ints* size = c.Known(3);
  if (!c.Given(0) || !c.Given(1) || !c.Given(2) || size == nullptr || size->size() != 2) {
    return false;
  }
  const Shape& boxes = c.shape(1);
  if (c.rank(0) != 4 || Count(c.shape(0)) == 0 || boxes.size() != 2 || boxes[1] != 4 ||
      c.shape(2) != Shape{boxes[0]} || (*size)[0] < 1 || (*size)[1] < 1 ||
      !c.in[2]->range.Inside(-0.5, static_cast<double>(c.shape(0)[0]) - 0.5)) {
    return false;
  }
  c.out[0].shape = {boxes[0], c.shape(0)[1], (*size)[0], (*size)[1]};
  return true;
}

void CropRange(InferContext& c) { c.out[0].range = Hull(c.in[0]->range, {0, 1.5}); }

// Scores of the tokens that would repeat an n-gram become minus infinity.
bool ChooseNGramRepeat(OpContext& c) {
  const int64_t batch = c.random().Between(1, 3);
  const int64_t words = c.random().Between(2, 9);
  const auto scores = [](const Value& v) { return v.rank() == 2 && v.count > 0; };
  Shape shape = {batch, words};
  if (c.Take(1, scores)) {
    shape = c.In(1).shape;
  } else if (!c.TakeShape(1, shape)) {
    return false;
  }
  c.Set("ngram_size", c.random().Between(1, 3));
  const Range tokens = {-0.25, static_cast<double>(shape[1] - 1) + 0.25};
  return c.MakeTyped(0, DataType::kInt64, {shape[0], c.random().Between(1, 8)}, tokens) && c.Done();
}

bool InferNGramRepeat(InferContext& c) {
  if (!c.Given(0) || !c.Given(1) || c.rank(0) != 2 || c.rank(1) != 2) return false;
  if (c.shape(0)[0] != c.shape(1)[0] || c.node.Int("ngram_size", 0) < 1 ||
      !c.in[0]->range.Inside(-0.5, static_cast<double>(c.shape(1)[1]) - 0.5)) {
    return false;
  }
  c.out[0].shape = c.shape(1);
  return true;
}

void SecondRange(InferContext& c) { c.out[0].range = c.in[1]->range; }

// MaxPool over the elements up to the first that the mask, of the input's shape, does not let pass.
bool ChooseMaskedPool(OpContext& c) {
  const auto image = [](const Value& v) { return v.rank() == 4 && v.count > 0; };
  if (!c.Take(0, image)) return false;
  const Shape x = c.In(0).shape;
  Ints kernel;
  for (const size_t i : {2, 3}) kernel.push_back(c.random().Between(1, std::min<int64_t>(x[i], 3)));
  c.Set("kernel_shape", kernel);
  if (c.random().Chance(1, 2)) c.Set("strides", Ints{c.random().Between(1, 2), 1});
  return c.MakeTyped(1, DataType::kInt32, x, {0, 1.2}) && c.Done();
}

bool InferMaskedPool(InferContext& c) {
  return c.Given(1) && c.shape(0) == c.shape(1) && c.rank(0) == 4 && InferAs(c, "MaxPool", 1);
}

bool ChooseOldUnique(OpContext& c) {
  const auto vector = [](const Value& v) { return v.rank() == 1 && v.count > 0; };
  return c.Take(0, vector) && c.Done(3);
}

bool InferOldUnique(InferContext& c) {
  if (!c.Given(0) || c.rank(0) != 1 || c.out.size() != 3) return false;
  c.out[0].shape = {-1};
  c.out[1].shape = c.shape(0);
  c.out[2].shape = {-1};
  return true;
}

void UniqueRange(InferContext& c) {
  c.out[0].range = c.in[0]->range;
  c.out[1].range = c.out[2].range = {0, static_cast<double>(c.in[0]->count)};
}

// Where a sequence of tokens leaves another: the tokens that agree, and where the source goes on.
bool ChooseBifurcation(OpContext& c) {
  const Range tokens = {-0.25, 3.25};
  const int64_t source = c.random().Between(1, 8);
  if (!c.MakeTyped(0, DataType::kInt64, {source}, tokens)) return false;
  if (!c.MakeTyped(1, DataType::kInt64, {c.random().Between(1, 8)}, tokens)) return false;
  const bool predicted = c.random().Chance(1, 2);
  const int64_t index = c.random().Between(0, source - 1);
  if (!c.Put(2, c.b().AddInts({index}, DataType::kInt64, /*scalar=*/true))) return false;
  // As many as are left of the source, and one more.
  return (!predicted || c.MakeTyped(3, DataType::kInt64, {source - index + 1}, tokens)) &&
         c.Done(2);
}

bool InferBifurcation(InferContext& c) {
  const Ints* index = c.Known(2);
  if (!c.Given(0) || !c.Given(1) || index == nullptr || c.rank(0) != 1 || c.rank(1) != 1 ||
      c.rank(2) != 0 || c.out.size() != 2) {
    return false;
  }
  const int64_t left = c.shape(0)[0] - (*index)[0];
  if ((*index)[0] < 0 || left < 1 || (c.Given(3) && c.shape(3) != Shape{left + 1})) return false;
  c.out[0].shape = {-1};
  return true;
}

bool InferOldGridSample(InferContext& c) {
  c.out[0].type = c.in[0]->type;
  return c.rank(0) == 4 && InferAs(c, "GridSample", 2);
}

bool ChooseOldGridSample(OpContext& c) {
  const auto image = [](const Value& v) { return v.rank() == 4 && v.count > 0; };
  if (!c.Take(0, image)) return false;
  const Shape x = c.In(0).shape;
  static constexpr std::string_view kModes[] = {"bilinear", "nearest", "bicubic"};
  static constexpr std::string_view kPadding[] = {"zeros", "border", "reflection"};
  if (c.random().Chance(2, 3)) c.Set("mode", std::string(kModes[c.random().Index(3)]));
  if (c.random().Chance(2, 3)) c.Set("padding_mode", std::string(kPadding[c.random().Index(3)]));
  if (c.random().Chance(1, 2)) c.Set("align_corners", static_cast<int64_t>(c.random().Below(2)));
  const Shape grid = {x[0], c.random().Between(1, 4), c.random().Between(1, 4), 2};
  return c.TakeShape(1, grid, {-1.5, 1.5}) && c.Done();
}

constexpr OpEntry kMoves[] = {
    Contributed("BifurcationDetector", ChooseBifurcation, InferBifurcation, nullptr,
                kExactResult | kSteps | kTerminal, 0.5),
    Contributed("CropAndResize", ChooseCrop, InferCrop, CropRange, 0, 2),
    Contributed("ExpandDims", ChooseExpandDims, InferExpandDims, nullptr, kExactResult),
    Contributed("GatherND", ChooseLike<"GatherND">, InferLike<"GatherND", 2>, nullptr, kExactResult,
                1.5),
    Contributed("GridSample", ChooseOldGridSample, InferOldGridSample, nullptr, 0, 1.5),
    Contributed("MaxpoolWithMask", ChooseMaskedPool, InferMaskedPool, nullptr, kExactResult, 1.5),
    Contributed("MurmurHash3", ChooseMurmur, InferMurmur, WholeType, kExactResult | kSteps, 0.5),
    Contributed("NGramRepeatBlock", ChooseNGramRepeat, InferNGramRepeat, SecondRange, kExactResult),
    Contributed("Pad", ChooseLike<"Pad">, InferLike<"Pad", 3>, nullptr, kExactResult, 1.5),
    Contributed("Range", ChooseLike<"Range">, InferLike<"Range", 3>, nullptr, kExactResult, 0.5),
    Contributed("Trilu", ChooseLike<"Trilu">, InferLike<"Trilu", 2>, nullptr, kExactResult),
    Contributed("UnfoldTensor", ChooseUnfold, InferUnfold, nullptr, kExactResult),
    Contributed("Unique", ChooseOldUnique, InferOldUnique, UniqueRange,
                kExactResult | kSteps | kTerminal, 0.5),
};

}  // namespace

OpTable ContributedMoves() { return kMoves; }

}  // namespace moire
