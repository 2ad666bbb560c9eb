// Sliding windows over the spatial axes of an N x C x D1 x ... tensor: sizes and padding from the
// attributes that convolutions and poolings share, and which input each window position reads.
#ifndef MOIRE_ORACLES_REFERENCE_KERNELS_WINDOW_H_
#define MOIRE_ORACLES_REFERENCE_KERNELS_WINDOW_H_

#include <cstdint>
#include <vector>

#include "oracles/reference/kernel.h"

namespace moire {

// One entry for each spatial axis.
struct Window {
  Shape in, out;
  Ints kernel, stride, dilation, pad_begin, pad_end;

  size_t rank() const { return in.size(); }
  int64_t Extent(size_t axis) const { return (kernel[axis] - 1) * dilation[axis] + 1; }
};

// From the node's attributes, for an input of this shape (batch and channels included). Errors:
// kInvalidInput where an attribute breaks its page; kUnsupported where the page and ONNX's own
// shape inference give different sizes (VALID with ceil_mode, windows that start in the right
// padding before opset 22, an empty output).
Result<Window> ParseWindow(const KernelContext& ctx, Dims input, Ints kernel);
// The same for ConvTranspose: `in` is the small side, `out` the large one.
Result<Window> ParseTransposedWindow(const KernelContext& ctx, Dims input, Ints kernel);

// One window element that reads an input element.
struct Tap {
  int64_t kernel;  // offset in the kernel, row-major
  int64_t input;   // offset in the input's spatial block, row-major
};

// Enumerates output positions in row-major order.
class WindowWalk {
 public:
  explicit WindowWalk(const Window& window);
  // Taps of the current position, in kernel order; elements in the padding are left out.
  const std::vector<Tap>& taps() const { return taps_; }
  // Window elements that lie inside input plus padding (what count_include_pad counts).
  int64_t padded_count() const { return padded_count_; }
  const Shape& position() const { return position_; }
  bool done() const { return done_; }
  void Next();

 private:
  void Collect();

  const Window& window_;
  Shape in_strides_, kernel_strides_;
  Shape position_;
  std::vector<Tap> taps_, scratch_;
  int64_t padded_count_ = 0;
  bool done_ = false;
};

// For ConvTranspose: the (input, kernel) pairs that add to one output position.
void TransposedTaps(const Window& window, Dims position, std::vector<Tap>& taps,
                    std::vector<Tap>& scratch);
// Next position in row-major order; false after the last.
bool NextPosition(Dims shape, Shape& position);

}  // namespace moire

#endif  // MOIRE_ORACLES_REFERENCE_KERNELS_WINDOW_H_
