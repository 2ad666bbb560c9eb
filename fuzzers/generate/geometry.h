// Windows over spatial dims: ONNX's output size formulas for Conv, ConvTranspose and pooling, and a
// source of windows that fit an input (solved by Z3 where constraints couple, kept in a cache).
#ifndef MOIRE_FUZZERS_GENERATE_GEOMETRY_H_
#define MOIRE_FUZZERS_GENERATE_GEOMETRY_H_

#include <optional>
#include <string>

#include "harness/case/model.h"
#include "harness/case/random.h"

namespace moire {

enum class WindowKind { kConv, kConvTranspose, kPool };

struct WindowChoice {
  Ints kernel;  // one entry a spatial dim
  Ints strides;
  Ints dilations;
  Ints pads;             // begins, then ends; unused with auto_pad
  std::string auto_pad;  // "" (NOTSET), "SAME_UPPER", "SAME_LOWER", "VALID"
};

// A window that fits spatial dims (all at least 1): every output dim is at least 1.
WindowChoice DrawWindow(Dims spatial, WindowKind kind, Random& random);

// Spatial output dims of Conv and pooling nodes (pads, auto_pad, strides, dilations and ceil_mode
// from the node); nullopt where attributes are malformed or an output dim would not be positive.
std::optional<Shape> WindowOutput(const Node& node, Dims spatial, Dims kernel);
// The same for ConvTranspose without output_shape.
std::optional<Shape> TransposedOutput(const Node& node, Dims spatial, Dims kernel);

// Pooling: padding as wide as the kernel would give windows of nothing but padding.
bool PadsSmallerThanKernel(const Node& node, Dims kernel);

}  // namespace moire

#endif  // MOIRE_FUZZERS_GENERATE_GEOMETRY_H_
