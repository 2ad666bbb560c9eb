// Operators that rearrange elements without looking at them.
#include "fuzzers/generate/ops/layout.h"

#include <algorithm>

#include "fuzzers/generate/op_context.h"
#include "fuzzers/generate/ops/families.h"
#include "fuzzers/generate/ops/lists.h"

namespace moire {

Shape RandomFactorization(int64_t count, int64_t rank, Random& random) {
  Shape shape;
  for (int64_t i = 0; i + 1 < rank; ++i) {
    // A random divisor of what is left.
    int64_t divisors[32];
    size_t n = 0;
    for (int64_t d = 1; d <= std::min<int64_t>(count, 64) && n < 32; ++d) {
      if (count % d == 0) divisors[n++] = d;
    }
    const int64_t chosen = n == 0 ? 1 : divisors[random.Index(n)];
    shape.push_back(chosen);
    count /= chosen;
  }
  shape.push_back(count);
  for (size_t i = shape.size(); i-- > 1;) std::swap(shape[i], shape[random.Index(i + 1)]);
  return shape;
}

namespace {

// Contents of small integer tensors pass through reshapes.
void KeepKnown(InferContext& c) {
  c.out[0].range = c.in[0]->range;
  if (const Ints* known = c.Known(0)) c.out[0].Know(*known);
}

bool ChooseReshape(OpContext& c) {
  if (!c.TakeAny(0)) return false;
  const Shape x = c.In(0).shape;
  const int64_t count = c.In(0).count;
  Shape target;
  if (count == 0) {
    target = x;
    std::ranges::reverse(target);
    // A 0 here means "empty", not "copy": only with allowzero.
    if (c.schema().HasAttribute("allowzero")) {
      c.Set("allowzero", int64_t{1});
      return c.MakeInts(1, target) && c.Done();
    }
    return false;
  }
  target = RandomFactorization(count, c.random().Between(1, 5), c.random());
  if (target.size() == 1 && count == 1 && c.random().Chance(1, 2)) target.clear();
  Ints written = target;
  if (!written.empty() && c.random().Chance(1, 3)) written[c.random().Index(written.size())] = -1;
  bool zero = false;
  for (size_t i = 0; i < written.size(); ++i) {
    // 0 copies the dim of the input.
    if (i < x.size() && written[i] == x[i] && c.random().Chance(1, 2)) {
      written[i] = 0;
      zero = true;
    }
  }
  if (c.schema().HasAttribute("allowzero") && !zero && c.random().Chance(1, 6)) {
    c.Set("allowzero", int64_t{1});
  }
  return c.MakeInts(1, written) && c.Done();
}

bool InferReshape(InferContext& c) {
  const Ints* target = c.Known(1);
  if (target == nullptr || c.rank(1) != 1) return false;
  auto shape = ReshapeTarget(c.shape(0), *target, c.node.Int("allowzero", 0) != 0);
  if (!shape) return false;
  c.out[0].shape = std::move(*shape);
  return true;
}

bool ChooseTranspose(OpContext& c) {
  if (!c.TakeAny(0)) return false;
  const int64_t rank = c.In(0).rank();
  if (c.random().Chance(1, 5)) return c.Done();
  Ints perm(static_cast<size_t>(rank));
  for (size_t i = 0; i < perm.size(); ++i) perm[i] = static_cast<int64_t>(i);
  for (size_t i = perm.size(); i-- > 1;) std::swap(perm[i], perm[c.random().Index(i + 1)]);
  c.Set("perm", perm);
  return c.Done();
}

bool InferTranspose(InferContext& c) {
  const int64_t rank = c.rank(0);
  Ints perm = c.node.IntList("perm");
  if (perm.empty()) {
    for (int64_t i = rank; i-- > 0;) perm.push_back(i);
  }
  if (static_cast<int64_t>(perm.size()) != rank) return false;
  uint64_t seen = 0;
  for (const int64_t axis : perm) {
    if (axis < 0 || axis >= rank || (seen >> axis & 1) != 0) return false;
    seen |= uint64_t{1} << axis;
    c.out[0].shape.push_back(c.shape(0)[static_cast<size_t>(axis)]);
  }
  return true;
}

bool ChooseSqueeze(OpContext& c) {
  const auto has_one = [](const Value& v) { return std::ranges::count(v.shape, 1) > 0; };
  if (!c.Take(0, has_one)) return false;
  if (c.random().Chance(1, 4)) return c.Done();
  const int64_t rank = c.In(0).rank();
  Ints axes;
  for (int64_t i = 0; i < rank; ++i) {
    if (c.In(0).shape[static_cast<size_t>(i)] == 1 && c.random().Chance(2, 3)) {
      axes.push_back(c.Axis(i, rank));
    }
  }
  if (axes.empty()) return c.Done();
  return GiveInts(c, 1, "axes", axes) && c.Done();
}

bool InferSqueeze(InferContext& c) {
  const int64_t rank = c.rank(0);
  uint64_t drop = 0;
  Ints storage;
  if (HasList(c, 1, "axes")) {
    const Ints* axes = ReadInts(c, 1, "axes", storage);
    if (axes == nullptr) return false;
    for (const int64_t axis : *axes) {
      const auto normal = NormalizeAxis(axis, rank);
      if (!normal || c.shape(0)[static_cast<size_t>(*normal)] != 1 || (drop >> *normal & 1) != 0) {
        return false;
      }
      drop |= uint64_t{1} << *normal;
    }
  } else {
    for (int64_t i = 0; i < rank; ++i) {
      if (c.shape(0)[static_cast<size_t>(i)] == 1) drop |= uint64_t{1} << i;
    }
  }
  for (int64_t i = 0; i < rank; ++i) {
    if ((drop >> i & 1) == 0) c.out[0].shape.push_back(c.shape(0)[static_cast<size_t>(i)]);
  }
  return true;
}

bool ChooseUnsqueeze(OpContext& c) {
  if (!c.TakeRank(0, 0, 5)) return false;
  const int64_t rank = c.In(0).rank();
  const int64_t added = c.random().Between(1, std::min<int64_t>(2, 6 - rank));
  const int64_t out_rank = rank + added;
  Ints axes = {c.random().Between(0, out_rank - 1)};
  if (added == 2) axes.push_back((axes[0] + c.random().Between(1, out_rank - 1)) % out_rank);
  for (int64_t& axis : axes) axis = c.Axis(axis, out_rank);
  return GiveInts(c, 1, "axes", axes) && c.Done();
}

bool InferUnsqueeze(InferContext& c) {
  Ints storage;
  const Ints* axes = ReadInts(c, 1, "axes", storage);
  if (axes == nullptr) return false;
  const int64_t rank = c.rank(0) + static_cast<int64_t>(axes->size());
  uint64_t ones = 0;
  for (const int64_t axis : *axes) {
    const auto normal = NormalizeAxis(axis, rank);
    if (!normal || rank > 60 || (ones >> *normal & 1) != 0) return false;
    ones |= uint64_t{1} << *normal;
  }
  size_t next = 0;
  for (int64_t i = 0; i < rank; ++i) {
    c.out[0].shape.push_back((ones >> i & 1) != 0 ? 1 : c.shape(0)[next++]);
  }
  return true;
}

bool ChooseFlatten(OpContext& c) {
  if (!c.TakeAny(0)) return false;
  const int64_t rank = c.In(0).rank();
  const int64_t axis = c.random().Between(0, rank);
  c.SetInt("axis", axis < rank ? c.Axis(axis, rank) : axis, 1);
  return c.Done();
}

bool InferFlatten(InferContext& c) {
  const int64_t rank = c.rank(0);
  int64_t axis = c.node.Int("axis", 1);
  if (axis < -rank || axis > rank) return false;
  if (axis < 0) axis += rank;
  const Dims dims = c.shape(0);
  c.out[0].shape = {Count(dims.first(static_cast<size_t>(axis))),
                    Count(dims.subspan(static_cast<size_t>(axis)))};
  return true;
}

bool ChooseExpand(OpContext& c) {
  if (!c.TakeAny(0)) return false;
  Shape target = c.In(0).shape;
  for (int64_t& dim : target) {
    if (dim == 1 && c.random().Chance(2, 3)) {
      dim = c.b().DrawDim();
    } else if (c.random().Chance(1, 4)) {
      dim = 1;  // both ways: the input's dim wins
    }
  }
  if (target.size() < 5 && c.random().Chance(1, 3)) target.insert(target.begin(), c.b().DrawDim());
  if (!target.empty() && c.random().Chance(1, 6)) target.erase(target.begin());
  return c.MakeInts(1, target) && c.Done();
}

bool InferExpand(InferContext& c) {
  const Ints* target = c.Known(1);
  if (target == nullptr || c.rank(1) != 1 ||
      std::ranges::any_of(*target, [](int64_t d) { return d < 0; })) {
    return false;
  }
  auto shape = BroadcastShapes(c.shape(0), *target);
  if (!shape) return false;
  c.out[0].shape = std::move(*shape);
  return true;
}

bool ChooseConcat(OpContext& c) {
  if (!c.TakeRank(0, 1)) return false;
  const Shape first = c.In(0).shape;
  const int64_t rank = c.In(0).rank();
  const auto axis = static_cast<size_t>(c.random().Between(0, rank - 1));
  const auto fits = [&](const Value& v) {
    if (v.shape.size() != first.size()) return false;
    for (size_t i = 0; i < first.size(); ++i) {
      if (i != axis && v.shape[i] != first[i]) return false;
    }
    return true;
  };
  const size_t count = 1 + c.random().Index(4);
  for (size_t i = 1; i < count; ++i) {
    if (c.Take(i, fits)) continue;
    Shape shape = first;
    shape[axis] = c.random().Between(1, 3);
    if (!c.Make(i, shape)) return false;
  }
  c.Set("axis", c.Axis(static_cast<int64_t>(axis), rank));
  return c.Done();
}

bool InferConcat(InferContext& c) {
  const auto axis =
      c.Given(0) ? NormalizeAxis(c.node.Int("axis", 1 << 20), c.rank(0)) : std::nullopt;
  if (!axis) return false;
  Shape shape = c.shape(0);
  for (size_t i = 1; i < c.in.size(); ++i) {
    if (!c.Given(i) || c.rank(i) != c.rank(0)) return false;
    for (size_t k = 0; k < shape.size(); ++k) {
      if (static_cast<int64_t>(k) == *axis) {
        shape[k] += c.shape(i)[k];
      } else if (c.shape(i)[k] != shape[k]) {
        return false;
      }
    }
  }
  c.out[0].shape = std::move(shape);
  return true;
}

void ConcatRange(InferContext& c) {
  Range range = c.in[0]->range;
  bool known = true;
  Ints values;
  for (size_t i = 0; i < c.in.size(); ++i) {
    range = Hull(range, c.in[i]->range);
    known &= c.Known(i) != nullptr && c.rank(i) == 1;
    if (known) values.insert(values.end(), c.Known(i)->begin(), c.Known(i)->end());
  }
  c.out[0].range = range;
  if (known) c.out[0].Know(std::move(values));
}

bool ChooseSplit(OpContext& c) {
  if (!c.TakeRank(0, 1)) return false;
  const int64_t rank = c.In(0).rank();
  const int64_t axis = c.random().Between(0, rank - 1);
  const int64_t dim = c.In(0).shape[static_cast<size_t>(axis)];
  if (dim == 0) return false;
  c.SetInt("axis", c.Axis(axis, rank), 0);
  const int64_t parts = c.random().Between(1, std::min<int64_t>(dim, 3));
  const bool by_number = c.schema().HasAttribute("num_outputs");
  if (c.random().Chance(1, 3) && (dim % parts == 0 || by_number)) {
    // Equal parts; with num_outputs the last one may be smaller, but not empty.
    const int64_t size = (dim + parts - 1) / parts;
    if (size * (parts - 1) >= dim) return false;
    if (by_number) c.Set("num_outputs", parts);
    return c.Done(static_cast<size_t>(parts));
  }
  Ints sizes(static_cast<size_t>(parts), 0);
  for (int64_t i = 0; i < dim; ++i) {
    ++sizes[i < parts && !c.random().Chance(1, 20) ? static_cast<size_t>(i)
                                                   : c.random().Index(sizes.size())];
  }
  return GiveInts(c, 1, "split", sizes) && c.Done(static_cast<size_t>(parts));
}

bool InferSplit(InferContext& c) {
  const auto axis = NormalizeAxis(c.node.Int("axis", 0), c.rank(0));
  if (!axis) return false;
  const int64_t dim = c.shape(0)[static_cast<size_t>(*axis)];
  const auto parts = static_cast<int64_t>(c.out.size());
  Ints sizes;
  if (HasList(c, 1, "split")) {
    const Ints* given = ReadInts(c, 1, "split", sizes);
    if (given == nullptr || c.node.Find("num_outputs") != nullptr) return false;
    sizes = *given;
  } else {
    const bool by_number = c.schema.HasAttribute("num_outputs");
    if (by_number ? c.node.Int("num_outputs", 0) != parts : dim % parts != 0) return false;
    const int64_t size = (dim + parts - 1) / parts;
    for (int64_t i = 0; i < parts; ++i) sizes.push_back(std::min(size, dim - i * size));
  }
  int64_t total = 0;
  for (const int64_t size : sizes) {
    if (size < 0) return false;
    total += size;
  }
  if (sizes.size() != c.out.size() || total != dim) return false;
  for (size_t i = 0; i < c.out.size(); ++i) {
    c.out[i].shape = c.shape(0);
    c.out[i].shape[static_cast<size_t>(*axis)] = sizes[i];
  }
  return true;
}

bool ChooseBlocks(OpContext& c) {
  const bool to_space = c.entry().op == "DepthToSpace";
  const int64_t block = c.random().Between(1, 3);
  const auto fits = [&](const Value& v) {
    if (v.rank() != 4 || v.count == 0) return false;
    return to_space ? v.shape[1] % (block * block) == 0
                    : v.shape[2] % block == 0 && v.shape[3] % block == 0;
  };
  if (!c.Take(0, fits)) return false;
  c.Set("blocksize", block);
  if (to_space && c.random().Chance(2, 3)) {
    c.Set("mode", std::string(c.random().Chance(1, 2) ? "CRD" : "DCR"));
  }
  return c.Done();
}

bool InferBlocks(InferContext& c) {
  const int64_t block = c.node.Int("blocksize", 0);
  if (c.rank(0) != 4 || block < 1 || block > 1 << 10) return false;
  const Shape& x = c.shape(0);
  if (c.node.op == "DepthToSpace") {
    if (x[1] % (block * block) != 0) return false;
    c.out[0].shape = {x[0], x[1] / (block * block), x[2] * block, x[3] * block};
  } else {
    if (x[2] % block != 0 || x[3] % block != 0) return false;
    c.out[0].shape = {x[0], x[1] * block * block, x[2] / block, x[3] / block};
  }
  return true;
}

bool ChooseTile(OpContext& c) {
  if (!c.TakeRank(0, 1)) return false;
  Ints repeats;
  for (int64_t i = 0; i < c.In(0).rank(); ++i) {
    repeats.push_back(
        c.random().Chance(1, 2) ? 1 : c.random().Between(c.random().Chance(1, 20) ? 0 : 1, 3));
  }
  return c.MakeInts(1, repeats) && c.Done();
}

bool InferTile(InferContext& c) {
  const Ints* repeats = c.Known(1);
  if (repeats == nullptr || c.rank(1) != 1 || repeats->size() != c.shape(0).size()) return false;
  for (size_t i = 0; i < repeats->size(); ++i) {
    if ((*repeats)[i] < 0 || (*repeats)[i] > 1 << 20) return false;
    c.out[0].shape.push_back(c.shape(0)[i] * (*repeats)[i]);
  }
  return true;
}

bool ChooseTrilu(OpContext& c) {
  if (!c.TakeRank(0, 2)) return false;
  if (c.random().Chance(2, 3)) c.Set("upper", static_cast<int64_t>(c.random().Below(2)));
  if (c.random().Chance(1, 2) && !c.MakeInts(1, {c.random().Between(-3, 3)}, true)) return false;
  return c.Done();
}

bool InferTrilu(InferContext& c) {
  return c.rank(0) >= 2 && (!c.Given(1) || c.in[1]->count == 1) && InferSame(c);
}

void WithZero(InferContext& c) { c.out[0].range = Hull(c.in[0]->range, {0, 0}); }

constexpr OpEntry kLayout[] = {
    {"Concat", ChooseConcat, InferConcat, ConcatRange, kExactResult, 2},
    {"DepthToSpace", ChooseBlocks, InferBlocks, nullptr, kExactResult, 3.5},
    {"Expand", ChooseExpand, InferExpand, nullptr, kExactResult},
    {"Flatten", ChooseFlatten, InferFlatten, nullptr, kExactResult},
    {"Reshape", ChooseReshape, InferReshape, KeepKnown, kExactResult, 1.3},
    {"SpaceToDepth", ChooseBlocks, InferBlocks, nullptr, kExactResult, 3.5},
    {"Split", ChooseSplit, InferSplit, nullptr, kExactResult},
    {"Squeeze", ChooseSqueeze, InferSqueeze, KeepKnown, kExactResult, 1},
    {"Tile", ChooseTile, InferTile, nullptr, kExactResult},
    {"Transpose", ChooseTranspose, InferTranspose, nullptr, kExactResult, 1},
    {"Trilu", ChooseTrilu, InferTrilu, WithZero, kExactResult},
    {"Unsqueeze", ChooseUnsqueeze, InferUnsqueeze, KeepKnown, kExactResult, 1},
};

}  // namespace

std::optional<Shape> ReshapeTarget(Dims input, Dims target, bool allow_zero) {
  Shape shape;
  int64_t known = 1;
  int64_t infer = -1;
  bool literal_zero = false;
  for (size_t i = 0; i < target.size(); ++i) {
    int64_t dim = target[i];
    if (dim == 0 && !allow_zero) {
      if (i >= input.size()) return std::nullopt;
      dim = input[i];
    }
    literal_zero |= dim == 0 && allow_zero;
    if (dim == -1) {
      if (infer >= 0) return std::nullopt;
      infer = static_cast<int64_t>(i);
      shape.push_back(1);
      continue;
    }
    if (dim < 0 || dim > int64_t{1} << 30 || known > int64_t{1} << 30) return std::nullopt;
    shape.push_back(dim);
    known *= dim;
  }
  const int64_t count = Count(input);
  if (infer >= 0) {
    if (known == 0 || literal_zero || count % known != 0) return std::nullopt;
    shape[static_cast<size_t>(infer)] = count / known;
  } else if (known != count) {
    return std::nullopt;
  }
  return shape;
}

OpTable LayoutOps() { return kLayout; }

}  // namespace moire
