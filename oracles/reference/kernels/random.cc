// RandomNormal, RandomUniform, their *Like forms and Multinomial: the shape and the type alone are
// determined, every element is open. (Bernoulli is a function over RandomUniformLike.)
#include "oracles/reference/kernels/families.h"
#include "oracles/reference/kernels/movement_util.h"

namespace moire {
namespace {

Status Fill(KernelContext& ctx, int64_t type, Shape shape, bool integers) {
  if (type < 0 || type > static_cast<int64_t>(AllTypes().size())) {
    return Fail(ErrorCode::kInvalidInput, "element type {}", type);
  }
  const auto element = static_cast<DataType>(type);
  if (!(integers ? IsInteger(element) : IsFloat(element))) {
    return Fail(ErrorCode::kInvalidInput, "random {}", Name(element));
  }
  MOIRE_ASSIGN(RangeTensor * out, ctx.Make(0, element, std::move(shape)));
  out->marks.assign(static_cast<size_t>(out->size()), kUnspecified);
  return {};
}

Status Random(KernelContext& ctx) {
  return Fill(ctx, ctx.node().Int("dtype", static_cast<int64_t>(DataType::kFloat)),
              ctx.node().IntList("shape"), false);
}

// "If not specified, the data type of the input tensor is used"; without a float there, no type is.
Status RandomLike(KernelContext& ctx) {
  const RangeTensor& x = ctx.In(0);
  return Fill(ctx, ctx.node().Int("dtype", static_cast<int64_t>(x.type)), x.shape, false);
}

Status Multinomial(KernelContext& ctx) {
  const RangeTensor& x = ctx.In(0);
  const int64_t samples = ctx.node().Int("sample_size", 1);
  if (x.shape.size() != 2 || !IsFloat(x.type) || samples < 0) {
    return Fail(ErrorCode::kInvalidInput, "{} samples of {}", samples, ToString(x.shape));
  }
  return Fill(ctx, ctx.node().Int("dtype", static_cast<int64_t>(DataType::kInt32)),
              {x.shape[0], samples}, true);
}

constexpr KernelEntry kRandomKernels[] = {
    {"RandomNormal", 1, kLatest, Random},         {"RandomUniform", 1, kLatest, Random},
    {"RandomNormalLike", 1, kLatest, RandomLike}, {"RandomUniformLike", 1, kLatest, RandomLike},
    {"Multinomial", 7, kLatest, Multinomial},
};

}  // namespace

std::span<const KernelEntry> RandomKernels() { return kRandomKernels; }

}  // namespace moire
