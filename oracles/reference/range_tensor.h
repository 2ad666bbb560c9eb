// RangeTensor: what the reference knows of one value. Per element either the exact result
// (integers, bool, strings) or the interval of results that a correct implementation of ONNX may
// return.
//
// Floats are held in double. `value` is the result of the usual implementation (each operator
// rounded to its declared type); [lo, hi] holds every legal result BEFORE a final rounding to the
// declared type: a graph output is legal when it lies in [round(lo), round(hi)]. Between two nodes
// a runtime may keep a value wider than declared (fusion, FMA, float16 computed in float), so an
// operator's result range is the hull of the unrounded and the rounded range; Round() below does
// that. An interval may have an infinite end (a float16 overflow that may or may not be rounded).
// NaN for certain: value, lo and hi are NaN. "NaN or not, we cannot tell" is kUndecidable.
//
// float64 has no wider type to hide in: kernels widen by their own error as well (see accuracy.h).
#ifndef MOIRE_ORACLES_REFERENCE_RANGE_TENSOR_H_
#define MOIRE_ORACLES_REFERENCE_RANGE_TENSOR_H_

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "harness/case/tensor.h"
#include "harness/case/value.h"

namespace moire {

// Per element; bits, so that marks of inputs combine with |. A marked element is never a mismatch.
enum Mark : uint8_t {
  kDecided = 0,
  kUndecidable = 1,  // correct implementations may differ here by more than a range can say
  kUnspecified =
      2,  // ONNX leaves the result open (integer division by zero, overflow of Cast, ...)
};

// A value that is not a dense tensor of known elements, and why: nothing but perhaps its type is
// known; or it is a sequence, an optional or a map, and `parts` holds what it is made of.
enum class Opaque : uint8_t { kNo, kUnsupported, kUndecidable, kUnspecified, kParts };

struct RangeTensor {
  DataType type = DataType::kUndefined;
  Shape shape;

  std::vector<double> value;  // float types
  std::vector<double> lo;     // both empty when every element is exact: lo = hi = value
  std::vector<double> hi;
  std::vector<int64_t> ints;         // integer types and bool (0/1); uint64 as its bit pattern
  std::vector<std::string> strings;  // kString; complex: the element's bytes (it is only moved)
  std::vector<uint8_t> marks;        // Mark bits; empty when all are kDecided

  // How many products were summed into an element (MatMul, Conv, ..., and the arithmetic after them
  // that runtimes fold into them); 0 for anything else. What is added next may legally be
  // accumulated with those products, and is then rounded as often.
  int64_t sum_terms = 0;

  Opaque opaque = Opaque::kNo;
  std::string opaque_reason;

  // opaque == kParts, type kUndefined. A sequence: its elements. An optional: one element or none.
  // A map: the tensor of its keys and the tensor of its values, both 1-D.
  OnnxKind kind = OnnxKind::kTensor;
  std::vector<RangeTensor> parts;

  int64_t size() const { return Count(shape); }
  bool exact() const { return lo.empty(); }
  const double* Lo() const { return lo.empty() ? value.data() : lo.data(); }
  const double* Hi() const { return hi.empty() ? value.data() : hi.data(); }
  uint8_t MarkAt(size_t i) const { return marks.empty() ? uint8_t{kDecided} : marks[i]; }
  // Allocates marks on first use.
  void AddMark(size_t i, uint8_t mark) {
    if (mark == kDecided) return;
    if (marks.empty()) marks.assign(static_cast<size_t>(size()), kDecided);
    marks[i] |= mark;
  }
  // Fills lo and hi with value where they are implied.
  void MakeRanges();
};

// Strings, and what is carried as strings of bytes.
inline bool HeldAsBytes(DataType type) {
  return type == DataType::kString || Traits(type).kind == TypeClass::kComplex;
}
// A sequence, optional or map of these parts.
RangeTensor MakeParts(OnnxKind kind, std::vector<RangeTensor> parts);

// Storage of the right kind for `type`, zero-filled; floats without ranges (exact).
RangeTensor MakeRangeTensor(DataType type, Shape shape);
// An exact tensor as a range tensor, and the usual result as a tensor of the declared type
// (marked elements included: their value is a guess).
RangeTensor FromTensor(const Tensor& tensor);
Tensor ToTensor(const RangeTensor& range);

// After an operator has put the exact-arithmetic results of its inputs' ranges into value/lo/hi:
// rounds `value` to the declared type and makes [lo, hi] the hull of the unrounded and the rounded
// range. Elements where lo or hi is NaN but not all three are get kUndecidable. Elements already
// marked are left alone. Call once per float output, after any accuracy widening.
void Round(RangeTensor& out);

// output[i] = source[index[i]]; index -1 takes `fill` (value or int; decided). Copies ranges,
// marks.
RangeTensor GatherElements(const RangeTensor& source, Shape shape, std::span<const int64_t> index,
                           double fill_float = 0, int64_t fill_int = 0);

// Whether `actual` is a legal result for element i of a graph output. True for marked elements.
// -0 and +0 are equal; any NaN matches a NaN.
bool Legal(const RangeTensor& expected, const Tensor& actual, int64_t i);

}  // namespace moire

#endif  // MOIRE_ORACLES_REFERENCE_RANGE_TENSOR_H_
