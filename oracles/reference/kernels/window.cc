#include "oracles/reference/kernels/window.h"

#include <algorithm>

namespace moire {
namespace {

constexpr int64_t kMaxAttribute = int64_t{1} << 31;

// An attribute with one value an axis, each at least `least`.
Result<Ints> PerAxis(const KernelContext& ctx, std::string_view name, size_t count, int64_t least,
                     int64_t otherwise) {
  Ints values = ctx.node().IntList(name);
  if (values.empty()) values.assign(count, otherwise);
  if (values.size() != count) {
    return Fail(ErrorCode::kInvalidInput, "{} has {} values, not {}", name, values.size(), count);
  }
  for (const int64_t value : values) {
    if (value < least || value > kMaxAttribute) {
      return Fail(ErrorCode::kInvalidInput, "{} holds {}", name, value);
    }
  }
  return values;
}

struct Padding {
  std::string mode;
  Ints pads;  // begins, then ends
};

Result<Padding> ParsePadding(const KernelContext& ctx, size_t rank) {
  Padding out;
  out.mode = ctx.node().String("auto_pad", "NOTSET");
  if (out.mode.empty()) out.mode = "NOTSET";
  if (out.mode != "NOTSET" && out.mode != "VALID" && out.mode != "SAME_UPPER" &&
      out.mode != "SAME_LOWER") {
    return Fail(ErrorCode::kInvalidInput, "auto_pad is '{}'", out.mode);
  }
  MOIRE_ASSIGN(out.pads, PerAxis(ctx, "pads", rank * 2, 0, 0));
  const bool padded = std::any_of(out.pads.begin(), out.pads.end(), [](int64_t p) { return p; });
  if (padded && out.mode != "NOTSET") {
    return Fail(ErrorCode::kUnsupported, "pads beside auto_pad");
  }
  return out;
}

Result<Window> ParseShared(const KernelContext& ctx, Dims input, Ints kernel) {
  if (input.size() < 3) {
    return Fail(ErrorCode::kInvalidInput, "an input of {} has no spatial axis", ToString(input));
  }
  const size_t rank = input.size() - 2;
  Window window;
  window.in.assign(input.begin() + 2, input.end());
  if (kernel.size() != rank) {
    return Fail(ErrorCode::kInvalidInput, "kernel {} for {} spatial axes", ToString(kernel), rank);
  }
  for (const int64_t size : kernel) {
    if (size <= 0 || size > kMaxAttribute) {
      return Fail(ErrorCode::kInvalidInput, "kernel {}", ToString(kernel));
    }
  }
  window.kernel = std::move(kernel);
  MOIRE_ASSIGN(window.stride, PerAxis(ctx, "strides", rank, 1, 1));
  MOIRE_ASSIGN(window.dilation, PerAxis(ctx, "dilations", rank, 1, 1));
  for (size_t i = 0; i < rank; ++i) {
    if (window.kernel[i] > (int64_t{1} << 40) / window.dilation[i]) {
      return Fail(ErrorCode::kOverBudget, "kernel {} is too large", ToString(window.kernel));
    }
  }
  window.pad_begin.resize(rank);
  window.pad_end.resize(rank);
  window.out.resize(rank);
  return window;
}

}  // namespace

Result<Window> ParseWindow(const KernelContext& ctx, Dims input, Ints kernel) {
  MOIRE_ASSIGN(Window window, ParseShared(ctx, input, std::move(kernel)));
  const size_t rank = window.rank();
  MOIRE_ASSIGN(const Padding padding, ParsePadding(ctx, rank));
  MOIRE_ASSIGN(const bool ceil_mode, ctx.Flag("ceil_mode", false));
  for (size_t i = 0; i < rank; ++i) {
    const int64_t in = window.in[i];
    const int64_t stride = window.stride[i];
    const int64_t extent = window.Extent(i);
    if (padding.mode.starts_with("SAME")) {
      const int64_t out = (in + stride - 1) / stride;
      int64_t total = (out - 1) * stride + extent - in;
      if (total < 0 && ctx.node().op.ends_with("Pool")) {
        return Fail(ErrorCode::kUnsupported,
                    "SAME padding below zero: the page's formula crops, "
                    "ONNX's shape inference pads with nothing");
      }
      total = std::max<int64_t>(total, 0);
      const int64_t begin = padding.mode == "SAME_UPPER" ? total / 2 : total - total / 2;
      window.pad_begin[i] = begin;
      window.pad_end[i] = total - begin;
      window.out[i] = out;
      if (in == 0) return Fail(ErrorCode::kUnsupported, "windows over nothing");
      continue;
    }
    window.pad_begin[i] = padding.pads[i];
    window.pad_end[i] = padding.pads[i + rank];
    const int64_t room = in + window.pad_begin[i] + window.pad_end[i] - extent;
    if (room < 0) {
      return Fail(ErrorCode::kUnsupported, "a window of {} is larger than its padded input",
                  extent);
    }
    window.out[i] = room / stride + 1;
    if (!ceil_mode || room % stride == 0) continue;
    if (padding.mode == "VALID") {
      return Fail(ErrorCode::kUnsupported, "VALID with ceil_mode: page and inference disagree");
    }
    // One more window, unless it would start in the right padding.
    if (window.out[i] * stride < in + window.pad_begin[i]) {
      ++window.out[i];
    } else if (ctx.opset() < 22) {
      return Fail(ErrorCode::kUnsupported, "a window in the right padding before opset 22");
    }
  }
  return window;
}

Result<Window> ParseTransposedWindow(const KernelContext& ctx, Dims input, Ints kernel) {
  MOIRE_ASSIGN(Window window, ParseShared(ctx, input, std::move(kernel)));
  const size_t rank = window.rank();
  MOIRE_ASSIGN(const Padding padding, ParsePadding(ctx, rank));
  MOIRE_ASSIGN(const Ints extra, PerAxis(ctx, "output_padding", rank, 0, 0));
  const Ints output = ctx.node().IntList("output_shape");
  if (!output.empty() && output.size() != rank) {
    return Fail(ErrorCode::kInvalidInput, "output_shape has {} values, not {}", output.size(),
                rank);
  }
  for (size_t i = 0; i < rank; ++i) {
    if (window.in[i] == 0) return Fail(ErrorCode::kUnsupported, "an empty spatial axis");
    if (extra[i] >= std::max(window.stride[i], window.dilation[i]) && extra[i] != 0) {
      return Fail(ErrorCode::kUnsupported, "output_padding {} is not below the stride", extra[i]);
    }
    const int64_t full = window.stride[i] * (window.in[i] - 1) + extra[i] + window.Extent(i);
    const bool upper = padding.mode == "SAME_UPPER";
    if (!output.empty()) {
      int64_t total = full - output[i];
      // One element too many stays at the end, without terms; the page's formula does not say how
      // more are split.
      if (output[i] <= 0 || total < -1) {
        return Fail(ErrorCode::kUnsupported, "output_shape {} of at most {}", output[i], full);
      }
      total = std::max<int64_t>(total, 0);
      // Opset 1's page gives the smaller half to the other side.
      if (total % 2 != 0 && ctx.opset() < 11) {
        return Fail(ErrorCode::kUnsupported, "an odd total padding before opset 11");
      }
      window.pad_begin[i] = upper ? total / 2 : total - total / 2;
      window.pad_end[i] = total - window.pad_begin[i];
      window.out[i] = output[i];
      continue;
    }
    if (padding.mode.starts_with("SAME")) {
      const int64_t total = window.Extent(i) - window.stride[i];
      if (total < 0 || extra[i] != 0) {
        return Fail(ErrorCode::kUnsupported, "SAME padding: page and inference disagree");
      }
      window.pad_begin[i] = upper ? total / 2 : total - total / 2;
      window.pad_end[i] = total - window.pad_begin[i];
    } else {
      window.pad_begin[i] = padding.pads[i];
      window.pad_end[i] = padding.pads[i + rank];
    }
    window.out[i] = full - window.pad_begin[i] - window.pad_end[i];
    if (window.out[i] <= 0) {
      return Fail(ErrorCode::kUnsupported, "an output of {} elements", window.out[i]);
    }
  }
  return window;
}

bool NextPosition(Dims shape, Shape& position) {
  for (size_t axis = shape.size(); axis-- > 0;) {
    if (++position[axis] < shape[axis]) return true;
    position[axis] = 0;
  }
  return false;
}

WindowWalk::WindowWalk(const Window& window)
    : window_(window),
      in_strides_(Strides(window.in)),
      kernel_strides_(Strides(window.kernel)),
      position_(window.rank(), 0) {
  done_ = Count(window.out) == 0;
  if (!done_) Collect();
}

void WindowWalk::Next() {
  done_ = !NextPosition(window_.out, position_);
  if (!done_) Collect();
}

void WindowWalk::Collect() {
  taps_.assign(1, {0, 0});
  padded_count_ = 1;
  for (size_t axis = 0; axis < window_.rank(); ++axis) {
    const int64_t start = position_[axis] * window_.stride[axis] - window_.pad_begin[axis];
    const int64_t limit = window_.in[axis] + window_.pad_end[axis];
    int64_t counted = 0;
    scratch_.clear();
    for (int64_t k = 0; k < window_.kernel[axis]; ++k) {
      counted += start + k * window_.dilation[axis] < limit;
    }
    padded_count_ *= counted;
    for (const Tap& tap : taps_) {
      for (int64_t k = 0; k < window_.kernel[axis]; ++k) {
        const int64_t at = start + k * window_.dilation[axis];
        if (at < 0 || at >= window_.in[axis]) continue;
        scratch_.push_back(
            {tap.kernel + k * kernel_strides_[axis], tap.input + at * in_strides_[axis]});
      }
    }
    std::swap(taps_, scratch_);
  }
}

void TransposedTaps(const Window& window, Dims position, std::vector<Tap>& taps,
                    std::vector<Tap>& scratch) {
  const Shape in_strides = Strides(window.in);
  const Shape kernel_strides = Strides(window.kernel);
  taps.assign(1, {0, 0});
  for (size_t axis = 0; axis < window.rank(); ++axis) {
    scratch.clear();
    for (const Tap& tap : taps) {
      for (int64_t k = 0; k < window.kernel[axis]; ++k) {
        const int64_t at = position[axis] + window.pad_begin[axis] - k * window.dilation[axis];
        if (at < 0 || at % window.stride[axis] != 0) continue;
        const int64_t input = at / window.stride[axis];
        if (input >= window.in[axis]) continue;
        scratch.push_back(
            {tap.kernel + k * kernel_strides[axis], tap.input + input * in_strides[axis]});
      }
    }
    std::swap(taps, scratch);
  }
}

}  // namespace moire
