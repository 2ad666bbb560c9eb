// Contributed activations, normalisations and attention.
#include <algorithm>
#include <cmath>

#include "fuzzers/generate/ops/contributed.h"
#include "fuzzers/generate/ops/families.h"

namespace moire {
namespace {

bool LastDimVector(const InferContext& c, size_t i) {
  return !c.Given(i) || (c.rank(0) > 0 && c.shape(i) == Shape{c.shape(0).back()});
}

// Element-wise; input 1 is a bias along the last dim, which some must have and some may.
bool ChooseActivation(OpContext& c) {
  const SchemaInfo& schema = c.schema();
  const bool biased = schema.inputs.size() > 1 && c.entry().op != "ScaledSiLU";
  if (!c.TakeRank(0, biased ? 1 : 0, 5)) return false;
  if (schema.HasAttribute("alpha") && c.random().Chance(1, 2)) {
    c.Set("alpha", 0.5f * static_cast<float>(c.random().Between(1, 4)));
  }
  const bool given = biased && (!schema.inputs[1].optional || c.random().Chance(1, 2));
  return (!given || c.TakeShape(1, {c.In(0).shape.back()})) && c.Done();
}

bool InferActivation(InferContext& c) { return c.Given(0) && LastDimVector(c, 1) && InferSame(c); }

void ActivationRange(InferContext& c) {
  Range r = c.in[0]->range;
  if (c.Given(1)) r = Sum(r, c.in[1]->range);
  c.out[0].range = {-1, std::max(0.1, r.hi)};
}

// input, skip, gamma, then beta (not of the simplified form) and bias.
bool ChooseSkipNorm(OpContext& c) {
  const auto fits = [](const Value& v) { return (v.rank() == 2 || v.rank() == 3) && v.count > 0; };
  if (!c.Take(0, fits)) return false;
  const Shape x = c.In(0).shape;
  if (!c.TakeShape(1, x)) return false;
  for (size_t i = 2; i < c.schema().inputs.size(); ++i) {
    if (i > 2 && c.random().Chance(1, 2)) {
      c.Omit(i);
    } else if (!c.TakeShape(i, {x.back()})) {
      return false;
    }
  }
  if (c.random().Chance(1, 2)) c.Set("epsilon", 1e-3f);
  return c.Done();
}

bool InferSkipNorm(InferContext& c) {
  if (!c.Given(0) || !c.Given(1) || !c.Given(2) || c.shape(0) != c.shape(1)) return false;
  if ((c.rank(0) != 2 && c.rank(0) != 3) || Count(c.shape(0)) == 0 || c.out.size() != 1) {
    return false;
  }
  for (size_t i = 2; i < c.in.size(); ++i) {
    if (!LastDimVector(c, i)) return false;
  }
  return InferSame(c);
}

void NormRange(InferContext& c) {
  double m = 5 * c.in[2]->range.Magnitude();
  for (size_t i = 3; i < c.in.size(); ++i) m += c.Given(i) ? c.in[i]->range.Magnitude() : 0;
  c.out[0].range = {-m, m};
}

bool ChooseGatedNorm(OpContext& c) {
  if (!c.TakeRank(0, 1, 4) || c.In(0).count == 0) return false;
  const Shape x = c.In(0).shape;
  if (c.random().Chance(1, 2)) c.Set("epsilon", 1e-3f);
  return c.TakeShape(1, {x.back()}) && c.TakeShape(2, x) && c.Done();
}

bool InferGatedNorm(InferContext& c) {
  return c.Given(0) && c.Given(1) && c.Given(2) && c.shape(0) == c.shape(2) &&
         Count(c.shape(0)) > 0 && LastDimVector(c, 1) && InferSame(c);
}

void GatedRange(InferContext& c) {
  const double m = 5 * c.in[1]->range.Magnitude() * std::max(1.0, c.in[2]->range.Magnitude());
  c.out[0].range = {-m, m};
}

// Token, position and segment embeddings, added and normalised. Outputs the mask's index too.
bool ChooseEmbed(OpContext& c) {
  const int64_t batch = c.random().Between(1, 3);
  const int64_t length = c.random().Between(1, 5);
  const int64_t words = c.random().Between(2, 9);
  const int64_t width = c.b().DrawDim();
  if (width == 0 || !MakeIndices32(c, 0, {batch, length}, words - 1)) return false;
  const bool segments = c.random().Chance(1, 2);
  if (segments) {
    if (!MakeIndices32(c, 1, {batch, length}, 1)) return false;
  } else {
    c.Omit(1);
  }
  if (!c.TakeShape(2, {words, width}) ||
      !c.TakeShape(3, {length + c.random().Between(0, 2), width})) {
    return false;
  }
  if (segments) {
    if (!c.TakeShape(4, {2, width})) return false;
  } else {
    c.Omit(4);
  }
  if (!c.TakeShape(5, {width}) || !c.TakeShape(6, {width})) return false;
  if (c.random().Chance(1, 2) && !MakeIndices32(c, 7, {batch, length}, 1)) return false;
  return c.Done(2);
}

bool InferEmbed(InferContext& c) {
  for (const size_t i : {0, 2, 3, 5, 6}) {
    if (!c.Given(i)) return false;
  }
  const Shape& ids = c.shape(0);
  const auto inside = [&](size_t i, int64_t size) {
    return c.in[i]->range.Inside(-0.5, static_cast<double>(size) - 0.5);
  };
  if (ids.size() != 2 || c.rank(2) != 2 || c.rank(3) != 2 || c.shape(3)[0] < ids[1] ||
      !inside(0, c.shape(2)[0]) || c.Given(1) != c.Given(4) || c.Given(8) || c.out.size() != 2) {
    return false;
  }
  const int64_t width = c.shape(2)[1];
  if (c.shape(3)[1] != width || c.shape(5) != Shape{width} || c.shape(6) != Shape{width}) {
    return false;
  }
  if (c.Given(1) && (c.shape(1) != ids || c.rank(4) != 2 || c.shape(4)[1] != width ||
                     !inside(1, c.shape(4)[0]))) {
    return false;
  }
  if (c.Given(7) && c.shape(7) != ids) return false;
  c.out[0].shape = {ids[0], ids[1], width};
  c.out[0].type = c.in[2]->type;
  c.out[1].shape = {ids[0]};
  c.out[1].type = DataType::kInt32;
  return true;
}

void EmbedRange(InferContext& c) {
  const double m = 5 * c.in[5]->range.Magnitude() + c.in[6]->range.Magnitude();
  c.out[0].range = {-m, m};
  c.out[1].range = {0, static_cast<double>(c.shape(0)[1])};
}

// Positions come before the caches here, and are one offset or one a token.
bool ChooseRotary(OpContext& c) {
  const auto fits = [](const Value& v) {
    return (v.rank() == 3 || v.rank() == 4) && v.count > 0 && v.shape.back() % 2 == 0;
  };
  if (!c.Take(0, fits)) return false;
  const Shape x = c.In(0).shape;
  const bool packed = x.size() == 3;
  const int64_t length = packed ? x[1] : x[2];
  const int64_t spare = c.random().Between(1, 3);
  int64_t heads = packed ? c.random().Between(1, 2) : 1;
  if (packed && (x[2] % heads != 0 || x[2] / heads % 2 != 0)) heads = 1;
  const int64_t size = x.back() / heads;
  const bool offset = c.random().Chance(1, 2);
  const Shape positions = offset ? Shape{1} : Shape{x[0], length};
  const double last = static_cast<double>(offset ? spare : length + spare - 1);
  if (!c.MakeTyped(1, DataType::kInt64, positions, {-0.25, last + 0.25})) return false;
  if (!c.TakeShape(2, {length + spare, size / 2}) || !c.TakeShape(3, {length + spare, size / 2})) {
    return false;
  }
  if (heads > 1) {
    c.Set("num_heads", heads);
    c.Set("rotary_embedding_dim", size);
  }
  if (c.random().Chance(1, 2)) c.Set("interleaved", static_cast<int64_t>(c.random().Below(2)));
  return c.Done();
}

bool InferRotary(InferContext& c) {
  if (c.in.size() != 4 || !c.Given(0) || !c.Given(1) || !c.Given(2) || !c.Given(3)) return false;
  const Shape& x = c.shape(0);
  const bool packed = x.size() == 3;
  if ((!packed && x.size() != 4) || Count(x) == 0 || c.shape(2) != c.shape(3) || c.rank(2) != 2) {
    return false;
  }
  const int64_t heads = packed ? std::max<int64_t>(1, c.node.Int("num_heads", 0)) : 1;
  if (x.back() % heads != 0) return false;
  const int64_t size = x.back() / heads;
  const int64_t given = c.node.Int("rotary_embedding_dim", 0);
  if ((heads > 1 ? given != size : given != 0) || c.shape(2)[1] * 2 != size) return false;
  const int64_t length = packed ? x[1] : x[2];
  const int64_t cached = c.shape(2)[0];
  const bool offset = c.shape(1) == Shape{1};
  if (!offset && c.shape(1) != Shape{x[0], length}) return false;
  const int64_t last = offset ? cached - length : cached - 1;
  return c.in[1]->range.Inside(-0.5, static_cast<double>(last) + 0.5) && InferSame(c);
}

void RotaryRange(InferContext& c) {
  const double m =
      c.in[0]->range.Magnitude() * (c.in[2]->range.Magnitude() + c.in[3]->range.Magnitude());
  c.out[0].range = {-m, m};
}

int64_t DrawHeads(OpContext& c, int64_t width) {
  int64_t heads = c.random().Between(1, 4);
  while (width % heads != 0) --heads;
  return heads;
}

bool Packed3(const Value& v) { return v.rank() == 3 && v.count > 0 && v.range.Magnitude() < 30; }

void SetAttentionFlags(OpContext& c, int64_t heads) {
  c.Set("num_heads", heads);
  if (c.random().Chance(1, 3)) c.Set("unidirectional", static_cast<int64_t>(c.random().Below(2)));
  if (c.random().Chance(1, 3)) c.Set("scale", 0.25f * static_cast<float>(c.random().Between(1, 4)));
}

// A mask of keys: how many of each batch entry count, or 0 and 1 for each.
bool MakeKeyMask(OpContext& c, size_t i, int64_t batch, int64_t keys) {
  if (c.random().Chance(1, 2)) {
    return c.MakeTyped(i, DataType::kInt32, {batch}, {1, static_cast<double>(keys) + 0.25});
  }
  return MakeIndices32(c, i, {batch, keys}, 1);
}

bool IsKeyMask(const InferContext& c, size_t i, int64_t batch, int64_t keys) {
  return c.shape(i) == Shape{batch} || c.shape(i) == Shape{batch, keys};
}

bool ChooseMultiHead(OpContext& c) {
  if (!c.Take(0, Packed3)) return false;
  const Shape q = c.In(0).shape;
  const int64_t heads = DrawHeads(c, q[2]);
  const int64_t keys = c.random().Chance(1, 2) ? q[1] : c.random().Between(1, 6);
  const int64_t v_width = c.random().Chance(2, 3) ? q[2] : heads * c.random().Between(1, 3);
  if (!c.TakeShape(1, {q[0], keys, q[2]}) || !c.TakeShape(2, {q[0], keys, v_width})) return false;
  SetAttentionFlags(c, heads);
  if (c.random().Chance(1, 3)) {
    if (!c.TakeShape(3, {2 * q[2] + v_width})) return false;
  } else {
    c.Omit(3);
  }
  if (c.random().Chance(1, 3)) {
    if (!MakeKeyMask(c, 4, q[0], keys)) return false;
  } else {
    c.Omit(4);
  }
  if (c.random().Chance(1, 3)) {
    const Shape bias = {c.random().Chance(1, 2) ? q[0] : 1, c.random().Chance(1, 2) ? heads : 1,
                        q[1], keys};
    if (!c.TakeShape(5, bias)) return false;
  }
  return c.Done();
}

bool InferMultiHead(InferContext& c) {
  if (!c.Given(0) || !c.Given(1) || !c.Given(2) || c.in.size() > 6 || c.out.size() != 1) {
    return false;
  }
  const Shape &q = c.shape(0), &k = c.shape(1), &v = c.shape(2);
  const int64_t heads = c.node.Int("num_heads", 0);
  if (q.size() != 3 || k.size() != 3 || v.size() != 3 || Count(q) == 0 || Count(k) == 0 ||
      Count(v) == 0 || heads < 1 || q[2] % heads != 0 || v[2] % heads != 0 || k[2] != q[2] ||
      k[0] != q[0] || v[0] != q[0] || v[1] != k[1]) {
    return false;
  }
  if (c.Given(3) && c.shape(3) != Shape{q[2] + k[2] + v[2]}) return false;
  if (c.Given(4) && !IsKeyMask(c, 4, q[0], k[1])) return false;
  if (c.Given(5)) {
    const Shape& bias = c.shape(5);
    if (bias.size() != 4 || (bias[0] != 1 && bias[0] != q[0]) ||
        (bias[1] != 1 && bias[1] != heads) || bias[2] != q[1] || bias[3] != k[1]) {
      return false;
    }
  }
  c.out[0].shape = {q[0], q[1], v[2]};
  return true;
}

void ValueRange(InferContext& c) {
  const double bias = c.Given(3) ? c.in[3]->range.Magnitude() : 0;
  const double m = c.in[2]->range.Magnitude() + bias;
  c.out[0].range = {-m, m};
}

// Projects the input by one matrix to queries, keys and values first.
bool ChooseAttention(OpContext& c) {
  if (!c.Take(0, Packed3)) return false;
  const Shape x = c.In(0).shape;
  const int64_t width = c.random().Chance(1, 2) ? x[2] : 2 * c.random().Between(1, 4);
  if (!c.TakeShape(1, {x[2], 3 * width})) return false;
  if (!c.TakeShape(2, {3 * width})) return false;
  SetAttentionFlags(c, DrawHeads(c, width));
  return (c.random().Chance(1, 2) || MakeKeyMask(c, 3, x[0], x[1])) && c.Done();
}

bool InferAttention(InferContext& c) {
  if (!c.Given(0) || !c.Given(1) || c.in.size() > 4 || c.out.size() != 1) return false;
  const Shape &x = c.shape(0), &w = c.shape(1);
  const int64_t heads = c.node.Int("num_heads", 0);
  if (x.size() != 3 || w.size() != 2 || Count(x) == 0 || w[0] != x[2] || w[1] % 3 != 0 ||
      heads < 1 || w[1] / 3 % heads != 0 || w[1] == 0) {
    return false;
  }
  if (c.Given(2) && c.shape(2) != Shape{w[1]}) return false;
  if (c.Given(3) && !IsKeyMask(c, 3, x[0], x[1])) return false;
  c.out[0].shape = {x[0], x[1], w[1] / 3};
  return true;
}

void ProjectedRange(InferContext& c) {
  const double m = Product(c.in[0]->range, c.in[1]->range).Magnitude() *
                       (2 * std::sqrt(static_cast<double>(c.shape(1)[0]))) +
                   (c.Given(2) ? c.in[2]->range.Magnitude() : 0);
  c.out[0].range = {-m, m};
}

// The prompt of a sequence: no past, every token of each batch entry.
bool ChooseGroupQuery(OpContext& c) {
  if (!c.Take(0, Packed3)) return false;
  const Shape q = c.In(0).shape;
  const int64_t heads = DrawHeads(c, q[2]);
  // CPU kernels want the size of a head to be a multiple of 8.
  const int64_t size = q[2] / heads;
  if (size % 8 != 0 && !c.random().Chance(1, 20)) return false;
  int64_t kv_heads = c.random().Between(1, heads);
  while (heads % kv_heads != 0) --kv_heads;
  const Shape kv = {q[0], q[1], kv_heads * size};
  if (!c.TakeShape(1, kv) || !c.TakeShape(2, kv)) return false;
  c.Omit(3);
  c.Omit(4);
  const Ints lengths(static_cast<size_t>(q[0]), q[1] - 1);
  if (!PutInts32(c, 5, lengths) || !PutInts32(c, 6, {q[1]}, /*scalar=*/true)) return false;
  c.Set("num_heads", heads);
  c.Set("kv_num_heads", kv_heads);
  if (c.random().Chance(1, 3)) c.Set("local_window_size", c.random().Between(1, 4));
  if (c.random().Chance(1, 3)) c.Set("softcap", 2.0f);
  if (c.random().Chance(1, 4)) c.Set("smooth_softmax", int64_t{1});
  return c.Done(3);
}

bool InferGroupQuery(InferContext& c) {
  if (c.in.size() != 7 || c.Given(3) || c.Given(4) || c.out.size() != 3) return false;
  for (const size_t i : {0, 1, 2, 5, 6}) {
    if (!c.Given(i)) return false;
  }
  const Shape &q = c.shape(0), &k = c.shape(1);
  const int64_t heads = c.node.Int("num_heads", 0);
  const int64_t kv_heads = c.node.Int("kv_num_heads", 0);
  if (q.size() != 3 || k.size() != 3 || k != c.shape(2) || Count(q) == 0 || heads < 1 ||
      kv_heads < 1 || heads % kv_heads != 0 || q[2] % heads != 0 || q[0] != k[0] || q[1] != k[1] ||
      k[2] != kv_heads * (q[2] / heads) || c.node.Int("do_rotary", 0) != 0) {
    return false;
  }
  const Ints* lengths = c.Known(5);
  const Ints* total = c.Known(6);
  if (lengths == nullptr || total == nullptr || *total != Ints{q[1]} ||
      *lengths != Ints(static_cast<size_t>(q[0]), q[1] - 1)) {
    return false;
  }
  c.out[0].shape = q;
  for (const size_t i : {1, 2}) {
    c.out[i].shape = {q[0], kv_heads, q[1], q[2] / heads};
    c.out[i].type = c.in[0]->type;
  }
  return true;
}

void GroupQueryRange(InferContext& c) {
  c.out[0].range = Hull(c.in[2]->range, {0, 0});
  c.out[1].range = c.in[1]->range;
  c.out[2].range = c.in[2]->range;
}

// A depthwise convolution over time that starts from the last values of an earlier stretch.
bool ChooseCausalConv(OpContext& c) {
  if (!c.Take(0, Packed3)) return false;
  const Shape x = c.In(0).shape;
  const int64_t kernel = c.random().Between(2, 4);
  if (!c.TakeShape(1, {x[1], 1, kernel})) return false;
  if (c.random().Chance(1, 2)) {
    if (!c.TakeShape(2, {x[1]})) return false;
  } else {
    c.Omit(2);
  }
  static constexpr std::string_view kActivations[] = {"none", "silu", "swish"};
  if (c.random().Chance(1, 2)) c.Set("activation", std::string(kActivations[c.random().Index(3)]));
  return (c.random().Chance(1, 2) || c.TakeShape(3, {x[0], x[1], kernel - 1})) && c.Done(2);
}

bool InferCausalConv(InferContext& c) {
  if (!c.Given(0) || !c.Given(1) || c.rank(0) != 3 || c.rank(1) != 3 || c.out.size() != 2) {
    return false;
  }
  const Shape &x = c.shape(0), &w = c.shape(1);
  if (Count(x) == 0 || w[0] != x[1] || w[1] != 1 || w[2] < 2) return false;
  const Shape state = {x[0], x[1], w[2] - 1};
  if (c.Given(2) && c.shape(2) != Shape{x[1]}) return false;
  if (c.Given(3) && c.shape(3) != state) return false;
  c.out[0].shape = x;
  c.out[1].shape = state;
  return true;
}

void CausalRange(InferContext& c) {
  const double m = 4 * Product(c.in[0]->range, c.in[1]->range).Magnitude() +
                   (c.Given(2) ? c.in[2]->range.Magnitude() : 0);
  c.out[0].range = {-m, m};
  c.out[1].range = c.Given(3) ? Hull(c.in[0]->range, c.in[3]->range) : Hull(c.in[0]->range, {0, 0});
}

constexpr OpEntry kLayers[] = {
    Contributed("Attention", ChooseAttention, InferAttention, ProjectedRange, 0, 2),
    Contributed("BiasGelu", ChooseActivation, InferActivation, ActivationRange),
    Contributed("CausalConvWithState", ChooseCausalConv, InferCausalConv, CausalRange),
    Contributed("EmbedLayerNormalization", ChooseEmbed, InferEmbed, EmbedRange),
    Contributed("FastGelu", ChooseActivation, InferActivation, ActivationRange),
    Contributed("GatedRMSNorm", ChooseGatedNorm, InferGatedNorm, GatedRange),
    Contributed("Gelu", ChooseActivation, InferActivation, ActivationRange),
    Contributed("GroupQueryAttention", ChooseGroupQuery, InferGroupQuery, GroupQueryRange, 0, 3),
    Contributed("MultiHeadAttention", ChooseMultiHead, InferMultiHead, ValueRange, 0, 2),
    Contributed("QuickGelu", ChooseActivation, InferActivation, ActivationRange),
    Contributed("RotaryEmbedding", ChooseRotary, InferRotary, RotaryRange, 0, 1.5),
    Contributed("ScaledSiLU", ChooseActivation, InferActivation, ActivationRange, 0, 0.5),
    Contributed("SkipLayerNormalization", ChooseSkipNorm, InferSkipNorm, NormRange, 0, 1.5),
    Contributed("SkipSimplifiedLayerNormalization", ChooseSkipNorm, InferSkipNorm, NormRange),
};

}  // namespace

OpTable ContributedLayers() { return kLayers; }

}  // namespace moire
