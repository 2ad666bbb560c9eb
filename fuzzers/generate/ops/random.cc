// Operators that draw random numbers. Always with a seed: a runtime must then repeat itself, though
// nobody says what the numbers are.
#include "fuzzers/generate/op_context.h"
#include "fuzzers/generate/ops/families.h"

namespace moire {
namespace {

void SetSeed(OpContext& c) { c.Set("seed", static_cast<float>(c.random().Between(1, 1000))); }

bool Seeded(const InferContext& c) { return c.node.Find("seed") != nullptr; }

// `dtype`, or the type of the first input where there is one.
bool TypedOutput(InferContext& c, DataType otherwise) {
  const auto type = static_cast<DataType>(c.node.Int("dtype", static_cast<int64_t>(otherwise)));
  if (!Has(c.schema.outputs[0].types, type)) return false;
  c.out[0].type = type;
  return Seeded(c);
}

bool SetType(OpContext& c, bool needed) {
  if (!needed && c.random().Chance(1, 2)) return true;
  const DataType type = c.DrawType(c.schema().outputs[0].types);
  c.Set("dtype", static_cast<int64_t>(type));
  return type != DataType::kUndefined;
}

void SetMoments(OpContext& c) {
  const bool normal = c.entry().op.starts_with("RandomNormal");
  if (c.random().Chance(1, 2)) c.Set(normal ? "mean" : "low", -0.5f);
  if (c.random().Chance(1, 2)) c.Set(normal ? "scale" : "high", 2.0f);
}

bool ChooseRandom(OpContext& c) {
  SetSeed(c);
  SetMoments(c);
  c.Set("shape", c.b().DrawShape(1, 4));
  return SetType(c, false) && c.Done();
}

bool InferRandom(InferContext& c) {
  const Attribute* shape = c.node.Find("shape");
  if (shape == nullptr || !std::holds_alternative<Ints>(shape->value)) return false;
  c.out[0].shape = std::get<Ints>(shape->value);
  for (const int64_t dim : c.out[0].shape) {
    if (dim < 0) return false;
  }
  return TypedOutput(c, DataType::kFloat);
}

bool ChooseRandomLike(OpContext& c) {
  SetSeed(c);
  SetMoments(c);
  return c.TakeAny(0) && SetType(c, !Has(c.schema().outputs[0].types, c.type())) && c.Done();
}

bool InferRandomLike(InferContext& c) {
  return c.Given(0) && TypedOutput(c, c.in[0]->type) && InferSame(c);
}

bool ChooseBernoulli(OpContext& c) {
  SetSeed(c);
  return c.TakeInRange(0, {0, 1}) && SetType(c, false) && c.Done();
}

bool ChooseMultinomial(OpContext& c) {
  SetSeed(c);
  const auto fits = [](const Value& v) { return v.rank() == 2 && v.count > 0 && !v.edge; };
  if (!c.Take(0, fits)) return false;
  if (c.random().Chance(1, 2)) c.Set("sample_size", c.random().Between(1, 4));
  return SetType(c, false) && c.Done();
}

bool InferMultinomial(InferContext& c) {
  const int64_t samples = c.node.Int("sample_size", 1);
  if (!c.Given(0) || c.rank(0) != 2 || Count(c.shape(0)) == 0 || samples < 1 || samples > 1 << 10) {
    return false;
  }
  c.out[0].shape = {c.shape(0)[0], samples};
  return TypedOutput(c, DataType::kInt32);
}

void RandomRange(InferContext& c) { c.out[0].range = {-8, 8}; }
void Unit(InferContext& c) { c.out[0].range = {0, 1}; }
void ClassRange(InferContext& c) { c.out[0].range = {0, static_cast<double>(c.shape(0)[1] - 1)}; }

constexpr OpEntry kRandomOps[] = {
    {"Bernoulli", ChooseBernoulli, InferRandomLike, Unit, kRandom, 0.2},
    {"Multinomial", ChooseMultinomial, InferMultinomial, ClassRange, kRandom, 0.4},
    {"RandomNormal", ChooseRandom, InferRandom, RandomRange, kRandom, 0.1},
    {"RandomNormalLike", ChooseRandomLike, InferRandomLike, RandomRange, kRandom, 0.15},
    {"RandomUniform", ChooseRandom, InferRandom, RandomRange, kRandom, 0.1},
    {"RandomUniformLike", ChooseRandomLike, InferRandomLike, RandomRange, kRandom, 0.15},
};

}  // namespace

OpTable RandomOps() { return kRandomOps; }

}  // namespace moire
