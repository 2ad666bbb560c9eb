// Softmax and the normalisations of the faulty runtime; float16 and bfloat16 compute in float.
#include <algorithm>
#include <cmath>

#include "oracles/reference/accuracy.h"
#include "tests/faulty/node_run.h"

namespace moire::faulty {
namespace {

template <typename T>
constexpr DataType kTypeOf = std::is_same_v<T, float> ? DataType::kFloat : DataType::kDouble;

// exp and log that err as the table allows.
template <typename T>
T Nudged(NodeRun& run, std::string_view function, T exact) {
  if (!std::isfinite(exact) || exact == 0 || exact == 1) return exact;
  const Accuracy& row = FindAccuracy(function, kTypeOf<T>);
  const double off = 0.7 * (2 * run.random.Unit() - 1);
  return static_cast<T>(static_cast<double>(exact) +
                        off * ErrorBound(kTypeOf<T>, static_cast<double>(exact), row, 0));
}

Arithmetic Whole(const NodeRun& run) { return {run.arithmetic.order, DataType::kUndefined}; }

// f(line in, line out) along one axis.
template <typename F>
Status AlongAxis(NodeRun& run, int64_t axis, const F& f) {
  const Value& x = run.In(0);
  const Lines lines = LinesOf(x.shape, axis);
  Value& out = run.Make(x.type, x.shape);
  const auto apply = [&]<typename T>(const std::vector<T>& from, std::vector<T>& to) {
    if (from.empty()) return;
    std::vector<T> line(static_cast<size_t>(lines.length));
    for (int64_t at = 0; at < lines.count(); ++at) {
      for (int64_t k = 0; k < lines.length; ++k) {
        line[static_cast<size_t>(k)] = from[static_cast<size_t>(lines.At(at, k))];
      }
      const std::vector<T> result = f(line);
      for (int64_t k = 0; k < lines.length; ++k) {
        to[static_cast<size_t>(lines.At(at, k))] = result[static_cast<size_t>(k)];
      }
    }
  };
  apply(x.f, out.f);
  apply(x.d, out.d);
  return {};
}

template <bool kLog>
Status Softmax(NodeRun& run) {
  if (!IsFloat(run.In(0).type) || run.opset < 13) return run.Unsupported();
  const int64_t given = run.node.Int("axis", -1);
  auto axis = NormalizeAxis(given, run.rank(0));
  if (!axis) return run.Bad("axis");
  if (run.Faulty(FaultKind::kAxisOff)) axis = (*axis + 1) % run.rank(0);
  if (run.Faulty(FaultKind::kNegativeAxis) && given < 0) axis = std::max<int64_t>(0, *axis - 1);
  return AlongAxis(run, *axis, [&]<typename T>(const std::vector<T>& x) {
    const T top = *std::max_element(x.begin(), x.end());
    std::vector<T> y(x.size());
    for (size_t k = 0; k < x.size(); ++k) {
      y[k] = Nudged(run, "Exp", std::exp(x[k] - top));
      if (y[k] < 0) y[k] = 0;
    }
    const T sum = Whole(run).Sum(y);
    for (size_t k = 0; k < x.size(); ++k) {
      y[k] = kLog ? x[k] - top - Nudged(run, "Log", std::log(sum)) : y[k] / sum;
    }
    return y;
  });
}

template <typename T>
struct Moments {
  T mean, variance;
};
template <typename T>
Moments<T> MomentsOf(const NodeRun& run, const std::vector<T>& x) {
  const T n = static_cast<T>(x.size());
  const T mean = Whole(run).Sum(x) / n;
  std::vector<T> square(x.size());
  for (size_t k = 0; k < x.size(); ++k) square[k] = (x[k] - mean) * (x[k] - mean);
  return {mean, Whole(run).Sum(std::move(square)) / n};
}

Status LayerNormalization(NodeRun& run) {
  const Value& x = run.In(0);
  if (!IsFloat(x.type) || run.node.outputs.size() > 1 || run.In(1).type != x.type) {
    return run.Unsupported();
  }
  const auto axis = NormalizeAxis(run.node.Int("axis", -1), run.rank(0));
  if (!axis) return run.Bad("axis");
  const Shape inner(x.shape.begin() + *axis, x.shape.end());
  const auto n = static_cast<size_t>(Count(inner));
  if (n == 0) return run.Unsupported();
  for (size_t k = 1; k < run.in.size(); ++k) {
    if (!run.Given(k)) continue;
    const auto shape = BroadcastShapes(run.In(k).shape, x.shape);
    if (!shape || *shape != x.shape) return run.Bad("dim");
    // A scale that differs along the axes before.
    if (BroadcastShapes(run.In(k).shape, inner) != inner) return run.Unsupported();
  }
  const auto is = BroadcastIndex(run.In(1).shape, inner);
  const auto ib = run.Given(2) ? BroadcastIndex(run.In(2).shape, inner) : is;
  const float epsilon = run.node.Float("epsilon", 1e-5F);
  Value& out = run.Make(x.type, x.shape);
  const auto apply = [&]<typename T>(const std::vector<T>& from, std::vector<T>& to) {
    for (size_t at = 0; at < from.size(); at += n) {
      const std::vector<T> line(from.begin() + static_cast<int64_t>(at),
                                from.begin() + static_cast<int64_t>(at + n));
      const auto [mean, variance] = MomentsOf(run, line);
      const T deviation = std::sqrt(variance + static_cast<T>(epsilon));
      for (size_t k = 0; k < n; ++k) {
        T y = (line[k] - mean) / deviation * run.In(1).Data<T>()[static_cast<size_t>(is[k])];
        if (run.Given(2)) y += run.In(2).Data<T>()[static_cast<size_t>(ib[k])];
        to[at + k] = y;
      }
    }
  };
  apply(x.f, out.f);
  apply(x.d, out.d);
  return {};
}

// Inputs by channel, axis 1.
template <typename F>
Status ByChannel(NodeRun& run, const F& f) {
  const Value& x = run.In(0);
  if (x.shape.size() < 2) return run.Bad("rank");
  for (size_t k = 1; k < run.in.size(); ++k) {
    if (run.In(k).type != x.type) return run.Unsupported();
    if (run.In(k).size() != x.shape[1]) return run.Bad("dim");
  }
  if (!IsFloat(x.type)) return run.Unsupported();
  const Lines lines = LinesOf(x.shape, 1);
  Value& out = run.Make(x.type, x.shape);
  const auto apply = [&]<typename T>(const std::vector<T>& from, std::vector<T>& to) {
    if (from.empty()) return;
    const auto inner = static_cast<size_t>(lines.inner);
    for (size_t at = 0; at < from.size(); at += inner) {
      const std::vector<T> plane(from.begin() + static_cast<int64_t>(at),
                                 from.begin() + static_cast<int64_t>(at + inner));
      const std::vector<T> y = f(plane, at / inner % static_cast<size_t>(lines.length));
      std::ranges::copy(y, to.begin() + static_cast<int64_t>(at));
    }
  };
  apply(x.f, out.f);
  apply(x.d, out.d);
  return {};
}

Status BatchNormalization(NodeRun& run) {
  if (run.node.outputs.size() > 1 || run.node.Int("training_mode", 0) != 0) return run.Unsupported();
  const float epsilon = run.node.Float("epsilon", 1e-5F);
  const bool folded = run.random.Chance(1, 2);
  return ByChannel(run, [&]<typename T>(const std::vector<T>& x, size_t c) {
    const T scale = run.In(1).Data<T>()[c], bias = run.In(2).Data<T>()[c];
    const T mean = run.In(3).Data<T>()[c];
    const T deviation = std::sqrt(run.In(4).Data<T>()[c] + static_cast<T>(epsilon));
    std::vector<T> y(x.size());
    for (size_t k = 0; k < x.size(); ++k) {
      y[k] = folded ? x[k] * (scale / deviation) + (bias - mean * (scale / deviation))
                    : (x[k] - mean) / deviation * scale + bias;
    }
    return y;
  });
}

Status InstanceNormalization(NodeRun& run) {
  const float epsilon = run.node.Float("epsilon", 1e-5F);
  return ByChannel(run, [&]<typename T>(const std::vector<T>& x, size_t c) {
    const auto [mean, variance] = MomentsOf(run, x);
    const T deviation = std::sqrt(variance + static_cast<T>(epsilon));
    std::vector<T> y(x.size());
    for (size_t k = 0; k < x.size(); ++k) {
      y[k] = (x[k] - mean) / deviation * run.In(1).Data<T>()[c] + run.In(2).Data<T>()[c];
    }
    return y;
  });
}

constexpr KernelRow kRows[] = {
    {"Softmax", Softmax<false>},
    {"LogSoftmax", Softmax<true>},
    {"LayerNormalization", LayerNormalization},
    {"BatchNormalization", BatchNormalization},
    {"InstanceNormalization", InstanceNormalization},
};

}  // namespace

std::span<const KernelRow> NormKernels() { return kRows; }

}  // namespace moire::faulty
