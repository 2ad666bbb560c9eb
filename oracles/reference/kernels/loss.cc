// NegativeLogLikelihoodLoss and SoftmaxCrossEntropyLoss.
#include <algorithm>
#include <cmath>
#include <optional>

#include "oracles/reference/kernels/families.h"
#include "oracles/reference/kernels/softmax.h"
#include "oracles/reference/kernels/statistics.h"

namespace moire {
namespace {

// Everything that turns log probabilities into a loss.
struct Loss {
  const RangeTensor* target = nullptr;
  const RangeTensor* weight = nullptr;
  std::optional<int64_t> ignore;
  std::string reduction;
  int64_t batch = 0, classes = 0, inner = 0;
};

Result<Loss> ParseLoss(KernelContext& ctx) {
  const RangeTensor& x = ctx.In(0);
  Loss out;
  out.target = &ctx.In(1);
  out.weight = ctx.Input(2);
  out.reduction = ctx.node().String("reduction", "mean");
  if (out.reduction != "none" && out.reduction != "sum" && out.reduction != "mean") {
    return Fail(ErrorCode::kInvalidInput, "reduction '{}'", out.reduction);
  }
  if (const Attribute* ignore = ctx.node().Find("ignore_index"); ignore != nullptr) {
    out.ignore = ctx.node().Int("ignore_index", 0);
  }
  if (!IsFloat(x.type) || x.shape.size() < 2 || !IsInteger(out.target->type)) {
    return Fail(ErrorCode::kInvalidInput, "input {} {}", Name(x.type), ToString(x.shape));
  }
  Shape expected{x.shape[0]};
  expected.insert(expected.end(), x.shape.begin() + 2, x.shape.end());
  out.batch = x.shape[0];
  out.classes = x.shape[1];
  out.inner = Count(Dims(x.shape).subspan(2));
  if (out.target->shape != expected ||
      (out.weight != nullptr && out.weight->shape != Shape{out.classes})) {
    return Fail(ErrorCode::kInvalidInput, "target {} for input {}", ToString(out.target->shape),
                ToString(x.shape));
  }
  MOIRE_TRY(ctx.Spend(static_cast<uint64_t>(x.size() + 1) * 60));
  return out;
}

// `log_probability(n, class, i)` gives an element of the N x C x D input.
template <typename LogProbability>
Status WriteLoss(KernelContext& ctx, const Loss& loss, LogProbability log_probability) {
  const DataType type = ctx.In(0).type;
  const Arithmetic arithmetic(type);
  const bool each = loss.reduction == "none";
  MOIRE_ASSIGN(RangeTensor * out, ctx.Make(0, type, each ? loss.target->shape : Shape{}));
  std::vector<double> value, lo, hi, weight, weight_lo, weight_hi;
  uint8_t marks = kDecided;
  for (int64_t n = 0; n < loss.batch; ++n) {
    for (int64_t i = 0; i < loss.inner; ++i) {
      const auto at = static_cast<size_t>(n * loss.inner + i);
      const int64_t label = loss.target->ints[at];
      const uint8_t label_mark = loss.target->MarkAt(at);
      if (label_mark != kDecided) ctx.MayReject();
      const bool ignored = loss.ignore && label == *loss.ignore;
      if (!ignored && (label < 0 || label >= loss.classes)) {
        if (label_mark != kDecided) {
          return Fail(ErrorCode::kUndecidable, "a label is not certain");
        }
        return ctx.MustReject("label {} of {} classes", label, loss.classes);
      }
      Interval l = Exactly(0);
      Interval w = Exactly(ignored ? 0 : 1);
      if (!ignored) {
        const Interval y = log_probability(n, label, i);
        l = {-y.value, -y.hi, -y.lo, y.mark};
        if (loss.weight != nullptr) {
          w = ElementOf(*loss.weight, static_cast<size_t>(label));
          l = arithmetic.Mul(l, w);
        }
      }
      l.mark |= label_mark;
      if (each) {
        StoreElement(*out, at, l);
        continue;
      }
      marks |= l.mark | w.mark;
      value.push_back(l.value);
      lo.push_back(l.lo);
      hi.push_back(l.hi);
      weight.push_back(w.value);
      weight_lo.push_back(w.lo);
      weight_hi.push_back(w.hi);
    }
  }
  if (!each) {
    const Row row{value.data(), lo.data(), hi.data()};
    const auto n = static_cast<int64_t>(value.size());
    Interval total;
    if (loss.reduction == "sum") {
      total = SumOf(type, row, n, 1);
    } else {
      const Interval weights = SumOf(type, {weight.data(), weight_lo.data(), weight_hi.data()}, n);
      if (n == 0 || (weights.value == 0 && weights.exact())) {
        total = {0, 0, 0, kUnspecified};
      } else {
        total =
            arithmetic.Div(arithmetic.Rounded(SumOf(type, row, n, 1)), arithmetic.Rounded(weights));
      }
    }
    total.mark |= marks;
    StoreElement(*out, 0, total);
  }
  Round(*out);
  return {};
}

Status NegativeLogLikelihoodLoss(KernelContext& ctx) {
  MOIRE_ASSIGN(const Loss loss, ParseLoss(ctx));
  const RangeTensor& x = ctx.In(0);
  return WriteLoss(ctx, loss, [&](int64_t n, int64_t label, int64_t i) {
    return ElementOf(x, static_cast<size_t>((n * loss.classes + label) * loss.inner + i));
  });
}

Status SoftmaxCrossEntropyLoss(KernelContext& ctx) {
  MOIRE_ASSIGN(const Loss loss, ParseLoss(ctx));
  const RangeTensor& x = ctx.In(0);
  MOIRE_ASSIGN(const Lines lines, LinesAlong(ctx, x.shape, 1, true));
  const size_t classes = lines.step.size();
  RangeTensor log_softmax = MakeRangeTensor(x.type, x.shape);
  LineReader reader(x);
  std::vector<Interval> line;
  const Arithmetic type(x.type);
  for (const int64_t start : lines.start) {
    if (classes == 0) break;
    line.clear();
    LogSoftmaxOf(x.type, reader.Read(start, lines.step), classes, line);
    const uint8_t marks = reader.Marks(start, lines.step);
    for (size_t k = 0; k < classes; ++k) {
      line[k].mark |= marks;
      StoreElement(log_softmax, static_cast<size_t>(start + lines.step[k]), line[k]);
    }
  }
  Round(log_softmax);
  MOIRE_TRY(WriteLoss(ctx, loss, [&](int64_t n, int64_t label, int64_t i) {
    return ElementOf(log_softmax, static_cast<size_t>((n * loss.classes + label) * loss.inner + i));
  }));
  if (ctx.Wants(1)) {
    MOIRE_TRY(ctx.Reserve(x.type, x.shape));
    ctx.Out(1) = std::move(log_softmax);
  }
  return {};
}

constexpr KernelEntry kEntries[] = {
    {"NegativeLogLikelihoodLoss", 12, kLatest, NegativeLogLikelihoodLoss},
    {"SoftmaxCrossEntropyLoss", 12, kLatest, SoftmaxCrossEntropyLoss},
};

}  // namespace

std::span<const KernelEntry> LossKernels() { return kEntries; }

}  // namespace moire
