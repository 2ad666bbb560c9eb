// Rounding and saturation of quantised results, shared by QuantizeLinear and the QLinear operators.
// Must not depend on an operator.
#ifndef MOIRE_ORACLES_REFERENCE_KERNELS_QUANTIZE_H_
#define MOIRE_ORACLES_REFERENCE_KERNELS_QUANTIZE_H_

#include <cstdint>

#include "oracles/reference/kernels/interval.h"

namespace moire {

struct QuantizedInt {
  int64_t value = 0;
  uint8_t mark = kDecided;
};

// saturate(round half to even(q) + zero). Undecidable where the range of q gives two answers, and
// on an exact tie with an odd zero point: QuantizeLinear's page rounds first, ONNX's own
// QLinearMatMul and QLinearConv, and kernels that fuse a QuantizeLinear, add first. Unspecified
// where q is infinite or NaN: the pages speak of saturation only for numbers.
QuantizedInt SaturateToInt(DataType type, const Interval& q, int64_t zero);

// x / scale as quantisation divides it: in the type `precision`, where a 16-bit division may be
// done in float. Beyond its rounding the range allows 4 units of float32: for the multiplication by
// the reciprocal, and for scales that a runtime folds when it fuses DequantizeLinear, an operator
// and QuantizeLinear; when x itself is a range, sums inside the fused operator err by that much of
// the largest quotient `most`, too. A power of two divides exactly whichever way it is done.
Interval Quotient(DataType precision, const Interval& x, const Interval& scale, double most);

}  // namespace moire

#endif  // MOIRE_ORACLES_REFERENCE_KERNELS_QUANTIZE_H_
