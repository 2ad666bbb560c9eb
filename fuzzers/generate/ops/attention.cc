// Attention and what stands around it in transformers.
#include <algorithm>
#include <cmath>

#include "fuzzers/generate/op_context.h"
#include "fuzzers/generate/ops/families.h"

namespace moire {
namespace {

// Integers in [0, last] as input i; {0, 0} would mean "any range".
bool MakeIndices(OpContext& c, size_t i, const Shape& shape, int64_t last) {
  return last >= 0 && c.MakeTyped(i, DataType::kInt64, shape, {-0.25, static_cast<double>(last)});
}

// What the shapes of a node's queries, keys and values say, packed (rank 3) or not (rank 4).
struct Heads {
  int64_t batch, q_heads, kv_heads, q_length, kv_length, k_size, v_size;
  bool packed;
};

bool ReadHeads(InferContext& c, Heads& h) {
  if (c.in.size() < 3 || !c.Given(0) || !c.Given(1) || !c.Given(2)) return false;
  const Shape &q = c.shape(0), &k = c.shape(1), &v = c.shape(2);
  if (q.size() != k.size() || q.size() != v.size() || Count(q) == 0 || Count(k) == 0) return false;
  h.packed = q.size() == 3;
  if (h.packed) {
    h.q_heads = c.node.Int("q_num_heads", 0);
    h.kv_heads = c.node.Int("kv_num_heads", 0);
    if (h.q_heads < 1 || h.kv_heads < 1 || q[2] % h.q_heads != 0 || k[2] % h.kv_heads != 0 ||
        v[2] % h.kv_heads != 0) {
      return false;
    }
    h.batch = q[0];
    h.q_length = q[1];
    h.kv_length = k[1];
    h.k_size = k[2] / h.kv_heads;
    h.v_size = v[2] / h.kv_heads;
    if (q[2] / h.q_heads != h.k_size || v[1] != k[1] || k[0] != q[0] || v[0] != q[0]) return false;
  } else {
    if (q.size() != 4 || c.node.Find("q_num_heads") != nullptr) return false;
    h = {q[0], q[1], k[1], q[2], k[2], k[3], v[3], false};
    if (q[3] != k[3] || v[1] != k[1] || v[2] != k[2] || k[0] != q[0] || v[0] != q[0]) return false;
  }
  return h.q_heads % h.kv_heads == 0;
}

bool ChooseAttention(OpContext& c) {
  const auto fits = [](const Value& v) {
    return (v.rank() == 4 || v.rank() == 3) && v.count > 0 && v.range.Magnitude() < 30;
  };
  if (!c.Take(0, fits)) return false;
  const Shape q = c.In(0).shape;
  const bool packed = q.size() == 3;
  int64_t q_heads = packed ? c.random().Between(1, 4) : q[1];
  while (packed && q[2] % q_heads != 0) --q_heads;
  int64_t kv_heads = c.random().Chance(2, 3) ? q_heads : c.random().Between(1, q_heads);
  while (q_heads % kv_heads != 0) --kv_heads;
  const int64_t size = packed ? q[2] / q_heads : q[3];
  const int64_t q_length = packed ? q[1] : q[2];
  const int64_t length = c.random().Chance(1, 2) ? q_length : c.random().Between(1, 5);
  const int64_t v_size = c.random().Chance(2, 3) ? size : c.random().Between(1, 4);
  const auto shape = [&](int64_t d) {
    return packed ? Shape{q[0], length, kv_heads * d} : Shape{q[0], kv_heads, length, d};
  };
  c.Restrict(2, Bit(c.type()));
  c.Restrict(3, Bit(c.type()) | kBools);
  if (!c.TakeShape(1, shape(size)) || !c.TakeShape(2, shape(v_size))) return false;
  if (packed) {
    c.Set("q_num_heads", q_heads);
    c.Set("kv_num_heads", kv_heads);
  }
  const bool past = c.random().Chance(1, 4);
  const int64_t past_length = past ? c.random().Between(1, 3) : 0;
  const int64_t total = past_length + length;
  if (c.random().Chance(1, 2)) {
    const Shape masks[] = {
        {q_length, total}, {q[0], 1, q_length, total}, {q[0], q_heads, q_length, total}};
    if (!c.TakeShape(3, masks[c.random().Index(3)])) return false;
  } else {
    c.Omit(3);
    if (c.random().Chance(1, 3)) c.Set("is_causal", int64_t{1});
  }
  if (past && (!c.TakeShape(4, {q[0], kv_heads, past_length, size}) ||
               !c.TakeShape(5, {q[0], kv_heads, past_length, v_size}))) {
    return false;
  }
  if (c.random().Chance(1, 3)) c.Set("scale", 0.25f * static_cast<float>(c.random().Between(1, 6)));
  if (c.random().Chance(1, 5)) c.Set("softcap", 2.0f);
  if (past || c.random().Chance(1, 4)) {
    if (c.random().Chance(1, 3)) {
      c.Set("qk_matmul_output_mode", c.random().Between(0, 3));
      return c.Done(4);
    }
    return c.Done(3);
  }
  return c.Done();
}

bool InferAttention(InferContext& c) {
  Heads h{};
  if (!ReadHeads(c, h)) return false;
  int64_t past = 0;
  if (c.Given(4) != c.Given(5)) return false;
  if (c.Given(4)) {
    if (c.rank(4) != 4 || c.rank(5) != 4) return false;
    past = c.shape(4)[2];
    if (c.shape(4) != Shape{h.batch, h.kv_heads, past, h.k_size} ||
        c.shape(5) != Shape{h.batch, h.kv_heads, past, h.v_size} || c.out.size() < 3) {
      return false;
    }
  }
  if (c.Given(6)) return false;
  const int64_t total = past + h.kv_length;
  if (c.Given(3)) {
    const Shape full = {h.batch, h.q_heads, h.q_length, total};
    const auto wider = BroadcastShapes(full, c.shape(3));
    if (c.rank(3) < 2 || !wider || *wider != full || c.shape(3).back() != total) return false;
    if (!IsBool(c.in[3]->type) && c.in[3]->type != c.in[0]->type) return false;
  }
  c.out[0].shape = h.packed ? Shape{h.batch, h.q_length, h.q_heads * h.v_size}
                            : Shape{h.batch, h.q_heads, h.q_length, h.v_size};
  if (c.out.size() > 1) c.out[1].shape = {h.batch, h.kv_heads, total, h.k_size};
  if (c.out.size() > 2) c.out[2].shape = {h.batch, h.kv_heads, total, h.v_size};
  if (c.out.size() > 3) c.out[3].shape = {h.batch, h.q_heads, h.q_length, total};
  return true;
}

void AttentionRange(InferContext& c) {
  c.out[0].range = Hull(c.in[2]->range, {0, 0});
  if (c.out.size() > 1)
    c.out[1].range = c.Given(4) ? Hull(c.in[1]->range, c.in[4]->range) : c.in[1]->range;
  if (c.out.size() > 2)
    c.out[2].range = c.Given(5) ? Hull(c.in[2]->range, c.in[5]->range) : c.in[2]->range;
  if (c.out.size() > 3) {
    const double m = Product(c.in[0]->range, c.in[1]->range).Magnitude() * 4 + 4;
    c.out[3].range = {-m, m};
  }
}

bool ChooseRotary(OpContext& c) {
  const auto fits = [](const Value& v) {
    return v.count > 0 && (v.rank() == 4 || v.rank() == 3) && v.shape.back() % 2 == 0;
  };
  if (!c.Take(0, fits)) return false;
  const Shape x = c.In(0).shape;
  const bool packed = x.size() == 3;
  int64_t heads = packed ? c.random().Between(1, 3) : x[1];
  while (packed && (x[2] % heads != 0 || x[2] / heads % 2 != 0)) --heads;
  const int64_t size = packed ? x[2] / heads : x[3];
  const int64_t length = packed ? x[1] : x[2];
  int64_t rotated = size;
  if (size >= 4 && c.random().Chance(1, 3)) {
    rotated = 2 * c.random().Between(1, size / 2 - 1);
    c.Set("rotary_embedding_dim", rotated);
    if (!packed) c.Set("num_heads", heads);
  }
  if (packed) c.Set("num_heads", heads);
  if (c.random().Chance(1, 2)) c.Set("interleaved", static_cast<int64_t>(c.random().Below(2)));
  const bool positions = c.random().Chance(1, 2);
  const Shape cache = positions ? Shape{length + c.random().Between(0, 3), rotated / 2}
                                : Shape{x[0], length, rotated / 2};
  if (!c.TakeShape(1, cache) || !c.TakeShape(2, cache)) return false;
  return (!positions || MakeIndices(c, 3, {x[0], length}, cache[0] - 1)) && c.Done();
}

bool InferRotary(InferContext& c) {
  if (c.in.size() < 3 || !c.Given(0) || !c.Given(1) || !c.Given(2)) return false;
  const Shape& x = c.shape(0);
  const bool packed = x.size() == 3;
  const int64_t heads = c.node.Int("num_heads", packed || x.size() != 4 ? 0 : x[1]);
  if ((!packed && x.size() != 4) || heads < 1 || Count(x) == 0) return false;
  if (packed ? x[2] % heads != 0 : x[1] != heads) return false;
  const int64_t size = packed ? x[2] / heads : x[3];
  const int64_t length = packed ? x[1] : x[2];
  const int64_t set = c.node.Int("rotary_embedding_dim", 0);
  const int64_t rotated = set == 0 ? size : set;
  if (size % 2 != 0 || rotated % 2 != 0 || rotated > size || rotated < 1) return false;
  if (c.shape(1) != c.shape(2)) return false;
  if (c.Given(3)) {
    if (c.rank(1) != 2 || c.shape(1)[1] != rotated / 2 || c.shape(3) != Shape{x[0], length} ||
        !c.in[3]->range.Inside(-0.5, static_cast<double>(c.shape(1)[0] - 1))) {
      return false;
    }
  } else if (c.shape(1) != Shape{x[0], length, rotated / 2}) {
    return false;
  }
  return InferSame(c);
}

void RotaryRange(InferContext& c) {
  const double m =
      c.in[0]->range.Magnitude() * (1 + c.in[1]->range.Magnitude() + c.in[2]->range.Magnitude());
  c.out[0].range = {-m, m};
}

bool ChooseTensorScatter(OpContext& c) {
  const auto fits = [](const Value& v) { return v.rank() >= 2 && v.rank() <= 4 && v.count > 0; };
  if (!c.Take(0, fits)) return false;
  const Shape x = c.In(0).shape;
  const int64_t rank = c.In(0).rank();
  const int64_t axis = rank == 2 ? 1 : c.random().Between(1, rank - 1);
  c.SetInt("axis", c.Axis(axis, rank), -2);
  const int64_t longest = x[static_cast<size_t>(axis)];
  Shape update = x;
  update[static_cast<size_t>(axis)] = c.random().Between(1, longest);
  if (!c.TakeShape(1, update)) return false;
  const bool circular = c.random().Chance(1, 3);
  if (circular || c.random().Chance(1, 3)) {
    c.Set("mode", std::string(circular ? "circular" : "linear"));
  }
  if (c.random().Chance(1, 4)) return c.Done();
  const int64_t last = circular ? longest - 1 : longest - update[static_cast<size_t>(axis)];
  return MakeIndices(c, 2, {x[0]}, last) && c.Done();
}

bool InferTensorScatter(InferContext& c) {
  if (!c.Given(0) || !c.Given(1) || c.rank(0) < 2 || c.rank(1) != c.rank(0)) return false;
  const auto axis = NormalizeAxis(c.node.Int("axis", -2), c.rank(0));
  if (!axis || *axis == 0) return false;
  for (size_t i = 0; i < c.shape(0).size(); ++i) {
    const bool along = static_cast<int64_t>(i) == *axis;
    if (along ? c.shape(1)[i] > c.shape(0)[i] : c.shape(1)[i] != c.shape(0)[i]) return false;
  }
  const auto at = static_cast<size_t>(*axis);
  const bool circular = c.node.String("mode", "linear") == "circular";
  const int64_t last = c.shape(0)[at] - (circular ? 1 : c.shape(1)[at]);
  if (c.Given(2) && (c.shape(2) != Shape{c.shape(0)[0]} ||
                     !c.in[2]->range.Inside(-0.5, static_cast<double>(last)))) {
    return false;
  }
  return InferSame(c);
}

void FirstTwo(InferContext& c) { c.out[0].range = Hull(c.in[0]->range, c.in[1]->range); }

bool ChooseLinearAttention(OpContext& c) {
  const auto fits = [](const Value& v) {
    return v.rank() == 3 && v.count > 0 && v.range.Magnitude() < 4 && v.shape[1] <= 6;
  };
  if (!c.Take(0, fits)) return false;
  const Shape q = c.In(0).shape;
  int64_t heads = c.random().Between(1, 4);
  while (q[2] % heads != 0) --heads;
  int64_t kv_heads = c.random().Between(1, heads);
  while (heads % kv_heads != 0) --kv_heads;
  const int64_t size = q[2] / heads;
  const int64_t v_size = c.random().Between(1, 3);
  c.Set("q_num_heads", heads);
  c.Set("kv_num_heads", kv_heads);
  static constexpr std::string_view kRules[] = {"linear", "gated", "delta", "gated_delta"};
  const std::string_view rule = kRules[c.random().Index(4)];
  c.Set("update_rule", std::string(rule));
  c.Restrict(3, Bit(c.type()));
  if (!c.TakeShape(1, {q[0], q[1], kv_heads * size}) ||
      !c.TakeShape(2, {q[0], q[1], kv_heads * v_size})) {
    return false;
  }
  if (c.random().Chance(1, 2)) {
    if (!c.TakeShape(3, {q[0], kv_heads, size, v_size})) return false;
  } else {
    c.Omit(3);
  }
  const bool gated = rule.starts_with("gated");
  // In the logarithm: at most 0, so that states decay.
  if (gated && !c.TakeShape(4, {q[0], q[1], c.random().Chance(1, 2) ? kv_heads : kv_heads * size},
                            {-2, -0.1})) {
    return false;
  }
  if (rule.ends_with("delta")) {
    if (!gated) c.Omit(4);
    if (!c.TakeShape(5, {q[0], q[1], kv_heads}, {0.1, 0.9})) return false;
  }
  return c.Done(2);
}

bool InferLinearAttention(InferContext& c) {
  if (c.in.size() < 3 || c.rank(0) != 3 || c.rank(1) != 3 || c.rank(2) != 3 || c.out.size() != 2) {
    return false;
  }
  const Shape &q = c.shape(0), &k = c.shape(1), &v = c.shape(2);
  const int64_t heads = c.node.Int("q_num_heads", 0);
  const int64_t kv_heads = c.node.Int("kv_num_heads", 0);
  if (heads < 1 || kv_heads < 1 || heads % kv_heads != 0 || Count(q) == 0) return false;
  if (q[2] % heads != 0 || k[2] % kv_heads != 0 || v[2] % kv_heads != 0) return false;
  const int64_t size = q[2] / heads;
  const int64_t v_size = v[2] / kv_heads;
  if (k != Shape{q[0], q[1], kv_heads * size} || v[0] != q[0] || v[1] != q[1]) return false;
  const Shape state = {q[0], kv_heads, size, v_size};
  if (c.Given(3) && c.shape(3) != state) return false;
  const std::string rule = c.node.String("update_rule", "gated_delta");
  if (rule != "linear" && rule != "gated" && rule != "delta" && rule != "gated_delta") return false;
  if (c.Given(4) != rule.starts_with("gated") || c.Given(5) != rule.ends_with("delta"))
    return false;
  if (c.Given(4) && c.shape(4) != Shape{q[0], q[1], kv_heads} &&
      c.shape(4) != Shape{q[0], q[1], kv_heads * size}) {
    return false;
  }
  if (c.Given(5) && c.shape(5) != Shape{q[0], q[1], kv_heads}) return false;
  c.out[0].shape = {q[0], q[1], heads * v_size};
  c.out[1].shape = state;
  return true;
}

void StateRange(InferContext& c) {
  for (OutValue& out : c.out) out.range = {-100, 100};
}

bool ChooseCausalConv(OpContext& c) {
  if (!c.Take(0, [](const Value& v) { return v.rank() == 3 && v.count > 0; })) return false;
  const Shape x = c.In(0).shape;
  const int64_t kernel = c.random().Between(1, 4);
  if (!c.TakeShape(1, {x[1], 1, kernel})) return false;
  if (c.random().Chance(1, 2)) {
    if (!c.TakeShape(2, {x[1]})) return false;
  } else {
    c.Omit(2);
  }
  if (c.random().Chance(1, 2) && !c.TakeShape(3, {x[0], x[1], kernel - 1})) return false;
  static constexpr std::string_view kActivations[] = {"none", "silu", "swish"};
  if (c.random().Chance(2, 3)) c.Set("activation", std::string(kActivations[c.random().Index(3)]));
  return c.Done(2);
}

bool InferCausalConv(InferContext& c) {
  if (!c.Given(0) || !c.Given(1) || c.rank(0) != 3 || c.rank(1) != 3 || c.out.size() != 2) {
    return false;
  }
  const Shape& x = c.shape(0);
  const int64_t kernel = c.shape(1)[2];
  if (Count(x) == 0 || kernel < 1 || c.shape(1) != Shape{x[1], 1, kernel}) return false;
  const Shape state = {x[0], x[1], kernel - 1};
  if ((c.Given(2) && c.shape(2) != Shape{x[1]}) || (c.Given(3) && c.shape(3) != state))
    return false;
  c.out[0].shape = x;
  c.out[1].shape = state;
  return true;
}

void CausalRange(InferContext& c) {
  const double taps = static_cast<double>(c.shape(1)[2]);
  const double past = c.Given(3) ? c.in[3]->range.Magnitude() : 0;
  const double x = std::max(c.in[0]->range.Magnitude(), past);
  const double m =
      taps * x * c.in[1]->range.Magnitude() + (c.Given(2) ? c.in[2]->range.Magnitude() : 0);
  c.out[0].range = {-m, m};
  c.out[1].range = {-x, x};
}

bool ChooseGatedUnit(OpContext& c) {
  if (!c.TakeInRange(0, {-60, 60}) || !c.TakeShape(1, c.In(0).shape)) return false;
  if (c.random().Chance(1, 2)) c.Set("alpha", c.random().Chance(1, 2) ? 1.702f : 0.5f);
  return c.Done();
}

bool InferGatedUnit(InferContext& c) {
  return c.in.size() == 2 && c.shape(0) == c.shape(1) && InferSame(c);
}

void GatedUnitRange(InferContext& c) {
  c.out[0].range = Product(Hull(c.in[0]->range, {0, 0}), Hull(c.in[1]->range, {0, 0}));
}

constexpr OpEntry kAttention[] = {
    {"Attention", ChooseAttention, InferAttention, AttentionRange, 0, 2},
    {"CausalConvWithState", ChooseCausalConv, InferCausalConv, CausalRange},
    {"LinearAttention", ChooseLinearAttention, InferLinearAttention, StateRange, kUnread},
    {"RotaryEmbedding", ChooseRotary, InferRotary, RotaryRange, 0, 1.5},
    {"SwiGLU", ChooseGatedUnit, InferGatedUnit, GatedUnitRange, 0, 0.8},
    {"TensorScatter", ChooseTensorScatter, InferTensorScatter, FirstTwo, kExactResult, 0.8},
};

}  // namespace

OpTable AttentionOps() { return kAttention; }

}  // namespace moire
