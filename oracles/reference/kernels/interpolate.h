// Interpolation between the elements of a tensor, at a point that is known up to a slack. Shared by
// GridSample, RoiAlign and DeformConv.
#ifndef MOIRE_ORACLES_REFERENCE_KERNELS_INTERPOLATE_H_
#define MOIRE_ORACLES_REFERENCE_KERNELS_INTERPOLATE_H_

#include <cstdint>
#include <span>
#include <vector>

#include "oracles/reference/kernels/interval.h"

namespace moire {

// One input element along one axis; index -1 stands for a padded zero.
struct AxisTap {
  int64_t index;
  double weight;
  double slack;     // from the point's slack; cancels in the sum of the weights
  double rounding;  // of the weight's own computation
};

struct AxisSample {
  std::vector<AxisTap> taps;
  uint8_t mark = kDecided;
};

// Linear interpolation at a finite point `at` along an axis: the elements around it, each with the
// weight that its distance gives. Elements outside are zeros.
AxisSample LinearTaps(const Interval& at, int64_t length);

// Which images of a tensor, planes of `plane` elements each, hold nothing but finite values. In
// others even a place outside is not certain: a runtime may read the nearest element times 0.
class FinitePlanes {
 public:
  FinitePlanes(const RangeTensor& x, int64_t plane);
  // Of the image that holds element `at`. True of an image without elements.
  bool Around(int64_t at) const { return plane_ == 0 || finite_[static_cast<size_t>(at / plane_)]; }

 private:
  int64_t plane_;
  std::vector<bool> finite_;
};

// The weighted sum over the product of the axes' taps.
Interval Interpolate(const RangeTensor& x, int64_t base, const Shape& strides,
                     std::span<const AxisSample> axes);

}  // namespace moire

#endif  // MOIRE_ORACLES_REFERENCE_KERNELS_INTERPOLATE_H_
