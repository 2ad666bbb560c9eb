// Convolution and pooling of the faulty runtime.
#include <algorithm>
#include <cmath>

#include "tests/faulty/node_run.h"

namespace moire::faulty {
namespace {

struct Window {
  Shape in, kernel, strides, dilations, begin, out;
};

Result<Window> WindowOf(const NodeRun& run, Shape kernel) {
  const Shape& x = run.In(0).shape;
  if (x.size() < 3) return run.Bad("rank");
  Window w;
  w.in.assign(x.begin() + 2, x.end());
  const size_t rank = w.in.size();
  w.kernel = std::move(kernel);
  if (w.kernel.size() != rank || std::ranges::min(w.kernel) < 1) return run.Bad("kernel");
  w.strides = run.node.IntList("strides", Ints(rank, 1));
  w.dilations = run.node.IntList("dilations", Ints(rank, 1));
  const Ints pads = run.node.IntList("pads", Ints(2 * rank, 0));
  if (w.strides.size() != rank || w.dilations.size() != rank || pads.size() != 2 * rank) {
    return run.Bad("window");
  }
  const std::string automatic = run.node.String("auto_pad", "NOTSET");
  const bool ceil_mode = run.node.Int("ceil_mode", 0) != 0;
  w.begin.assign(rank, 0);
  for (size_t k = 0; k < rank; ++k) {
    const int64_t extent = (w.kernel[k] - 1) * w.dilations[k] + 1;
    if (automatic.starts_with("SAME")) {
      const int64_t out = (w.in[k] + w.strides[k] - 1) / w.strides[k];
      const int64_t total = std::max<int64_t>(0, (out - 1) * w.strides[k] + extent - w.in[k]);
      w.begin[k] = automatic == "SAME_UPPER" ? total / 2 : total - total / 2;
      w.out.push_back(out);
      continue;
    }
    int64_t padded = w.in[k];
    if (automatic != "VALID") {
      w.begin[k] = pads[k];
      padded += pads[k] + pads[rank + k];
    }
    if (padded < extent) return run.Bad("window");
    const int64_t room = padded - extent;
    int64_t out = room / w.strides[k] + 1;
    if (ceil_mode && room % w.strides[k] != 0) {
      // No window starts in the padding at the end.
      if (out * w.strides[k] < w.in[k] + w.begin[k]) ++out;
    }
    w.out.push_back(out);
  }
  return w;
}

// Calls f(kernel element, input element) for those inside the input, in order.
template <typename F>
void Visit(const Window& w, int64_t position, const F& f) {
  const size_t rank = w.in.size();
  const Shape out_strides = Strides(w.out);
  const Shape kernel_strides = Strides(w.kernel);
  const Shape in_strides = Strides(w.in);
  const int64_t count = Count(w.kernel);
  for (int64_t tap = 0; tap < count; ++tap) {
    int64_t flat = 0;
    bool inside = true;
    for (size_t k = 0; k < rank && inside; ++k) {
      const int64_t at = position / out_strides[k] % w.out[k] * w.strides[k] - w.begin[k] +
                         tap / kernel_strides[k] % w.kernel[k] * w.dilations[k];
      inside = at >= 0 && at < w.in[k];
      flat += at * in_strides[k];
    }
    if (inside) f(tap, flat);
  }
}

Shape OutShape(const Window& w, int64_t batch, int64_t channels) {
  Shape shape = {batch, channels};
  shape.insert(shape.end(), w.out.begin(), w.out.end());
  return shape;
}

Status Conv(NodeRun& run) {
  const Value& x = run.In(0);
  const Value& weights = run.In(1);
  if (x.type != weights.type || !IsFloat(x.type)) return run.Unsupported();
  if (weights.shape.size() != x.shape.size() || weights.shape.size() < 3) return run.Bad("rank");
  MOIRE_ASSIGN(const Window w, WindowOf(run, Shape(weights.shape.begin() + 2, weights.shape.end())));
  const int64_t group = run.node.Int("group", 1);
  const int64_t filters = weights.shape[0], depth = weights.shape[1], channels = x.shape[1];
  if (group < 1 || channels != depth * group || filters % group != 0) return run.Bad("dim");
  if (run.Given(2) && run.In(2).size() != filters) return run.Bad("dim");
  const int64_t in_size = Count(w.in), taps = Count(w.kernel), out_size = Count(w.out);
  Value& out = run.Make(x.type, OutShape(w, x.shape[0], filters));
  const auto apply = [&]<typename T>(std::vector<T>& to) {
    std::vector<T> a;
    std::vector<T> b;
    for (size_t k = 0; k < to.size(); ++k) {
      const auto at = static_cast<int64_t>(k);
      const int64_t filter = at / out_size % filters, image = at / out_size / filters;
      a.clear();
      b.clear();
      for (int64_t c = 0; c < depth; ++c) {
        const int64_t channel = filter / (filters / group) * depth + c;
        Visit(w, at % out_size, [&](int64_t tap, int64_t flat) {
          a.push_back(x.Data<T>()[static_cast<size_t>((image * channels + channel) * in_size + flat)]);
          b.push_back(weights.Data<T>()[static_cast<size_t>((filter * depth + c) * taps + tap)]);
        });
      }
      if (run.Faulty(FaultKind::kDroppedTerm) && !a.empty()) {
        a.pop_back();
        b.pop_back();
      }
      to[k] = run.arithmetic.Dot(a, b);
      if (run.Given(2)) {
        to[k] = run.arithmetic.Add(to[k], run.In(2).Data<T>()[static_cast<size_t>(filter)]);
      }
    }
  };
  apply(out.f);
  apply(out.d);
  return {};
}

// f(terms of one window, elements of the kernel) -> result, for each plane of [N, C, spatial...].
template <typename F>
Status Pool(NodeRun& run, const Window& w, const F& f) {
  const Value& x = run.In(0);
  const int64_t in_size = Count(w.in), out_size = Count(w.out);
  Value& out = run.Make(x.type, OutShape(w, x.shape[0], x.shape[1]));
  bool ok = true;
  WithStorage(out, [&](auto& to) {
    using T = typename std::remove_reference_t<decltype(to)>::value_type;
    std::vector<T> terms;
    for (size_t k = 0; k < to.size(); ++k) {
      const int64_t plane = static_cast<int64_t>(k) / out_size;
      terms.clear();
      Visit(w, static_cast<int64_t>(k) % out_size, [&](int64_t, int64_t flat) {
        terms.push_back(x.Data<T>()[static_cast<size_t>(plane * in_size + flat)]);
      });
      ok = ok && !terms.empty();
      if (ok) to[k] = f(terms, Count(w.kernel));
    }
  });
  return ok ? Status() : Status(run.Unsupported());
}

template <typename T>
T AverageOf(NodeRun& run, const std::vector<T>& terms, int64_t count) {
  if constexpr (std::is_same_v<T, int64_t>) return 0;
  else return run.arithmetic.Sum(terms) / static_cast<T>(count);
}

template <typename T>
T LargestOf(DataType type, const std::vector<T>& terms) {
  T top = terms[0];
  for (const T x : terms) {
    if constexpr (std::is_same_v<T, int64_t>) top = LessInt(type, top, x) ? x : top;
    else top = std::isnan(x) || x > top ? x : top;
  }
  return top;
}

Result<Window> GlobalWindow(const NodeRun& run) {
  const Shape& x = run.In(0).shape;
  if (x.size() < 3) return run.Bad("rank");
  return WindowOf(run, Shape(x.begin() + 2, x.end()));
}

Status AveragePool(NodeRun& run) {
  if (!IsFloat(run.In(0).type)) return run.Unsupported();
  MOIRE_ASSIGN(const Window w, WindowOf(run, run.node.IntList("kernel_shape")));
  const bool counted = run.node.Int("count_include_pad", 0) != 0;
  // How windows that leave the padding count is for each runtime to say.
  if (counted && run.node.Int("ceil_mode", 0) != 0) return run.Unsupported();
  return Pool(run, w, [&](const auto& terms, int64_t kernel) {
    const bool all = counted || run.Faulty(FaultKind::kPadCounted);
    return AverageOf(run, terms, all ? kernel : static_cast<int64_t>(terms.size()));
  });
}

Status MaxPool(NodeRun& run) {
  if (StorageOf(run.In(0).type) == Storage::kNone || run.node.outputs.size() > 1) {
    return run.Unsupported();
  }
  MOIRE_ASSIGN(const Window w, WindowOf(run, run.node.IntList("kernel_shape")));
  return Pool(run, w, [&](const auto& terms, int64_t) { return LargestOf(run.In(0).type, terms); });
}

Status GlobalAveragePool(NodeRun& run) {
  if (!IsFloat(run.In(0).type)) return run.Unsupported();
  MOIRE_ASSIGN(const Window w, GlobalWindow(run));
  return Pool(run, w, [&](const auto& terms, int64_t n) { return AverageOf(run, terms, n); });
}

Status GlobalMaxPool(NodeRun& run) {
  if (!IsFloat(run.In(0).type)) return run.Unsupported();
  MOIRE_ASSIGN(const Window w, GlobalWindow(run));
  return Pool(run, w, [&](const auto& terms, int64_t) { return LargestOf(run.In(0).type, terms); });
}

constexpr KernelRow kRows[] = {
    {"Conv", Conv},
    {"AveragePool", AveragePool},
    {"MaxPool", MaxPool},
    {"GlobalAveragePool", GlobalAveragePool},
    {"GlobalMaxPool", GlobalMaxPool},
};

}  // namespace

std::span<const KernelRow> WindowKernels() { return kRows; }

}  // namespace moire::faulty
