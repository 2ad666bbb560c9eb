// How many bits a backend really delivers, operator by operator: dot products and sums on data of
// equalised magnitudes (every factor between 1 and 2 in size, signs at random), whose exact results
// are known. Declared type: float32. Tells apart full float32, factors that are cut to the 11 bits
// of TF32 (float16's, too), factors that are cut to bfloat16's 8, and sums that are kept in
// float16.
//
// How: the same operator runs on data that a narrower input holds exactly. Cutting factors to p
// bits does nothing to factors of p bits, rounding sums does. So, with e the error of a result, and
// bits = -log2(rms(e) / rms(exact result)):
//                         float32   TF32 inputs   bfloat16 inputs   float16 sums
//   factors of 24 bits      >= 16      about 12          about 9          <= 12
//   factors of 11 bits      >= 16         >= 16          about 9          <= 12
//   factors of 8 bits       >= 16         >= 16            >= 16          <= 12
// Order of evaluation only moves a figure within its column: the best and the worst order of n
// terms differ by log2(n) / 2 bits, which 16 leaves room for up to n = 65 536. Two sharper probes
// say how wide: a single factor among zeros (one rounding of the factor: `input_bits`), and two
// factors of 8 bits and different size among zeros (one rounding of their sum, whatever the order:
// `sum_bits`). What both families of probes say must be the same.
#ifndef MOIRE_HARNESS_EXECUTE_EFFECTIVE_BITS_H_
#define MOIRE_HARNESS_EXECUTE_EFFECTIVE_BITS_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "harness/execute/child.h"

namespace moire {

enum class Precision {
  kUndetermined,  // the probes contradict each other, or a result is not finite
  kFloat32,       // or better
  kTf32Inputs,    // factors of 10 or 11 bits, sums of more than 16
  kBfloat16Inputs,
  kFloat16Sums,  // sums of 10 or 11 bits
  kOther,        // consistent, and none of these: bfloat16 sums, inputs of 16 bits, ...
};
std::string_view Name(Precision precision);

// What one operator delivers at one length (number of terms).
struct BitsAtLength {
  int64_t terms = 0;
  double bits = 0;        // effective bits on factors of 24 bits; 24 where nothing is lost
  double bits_of_11 = 0;  // on factors of 11 bits
  double bits_of_8 = 0;   // on factors of 8 bits
  double input_bits = 0;  // significand bits of a single factor that survive; 24: all
  double sum_bits = 0;    // significand bits of a sum of two
  Precision precision = Precision::kUndetermined;
  double confidence = 0;  // share of eight independent parts of the data that say the same
  std::string why;        // of kUndetermined
};

struct OperatorBits {
  std::string name;     // "MatMul", "Conv 3x3"
  std::string problem;  // empty, or why nothing was measured
  std::vector<BitsAtLength> lengths;
  // The same at every length, each with a confidence of at least 0.75; else kUndetermined.
  Precision precision = Precision::kUndetermined;
  double confidence = 0;  // the least of the lengths'
};

struct BitsOptions {
  std::string filter;                         // only operators whose name contains it
  std::vector<int64_t> lengths = {64, 1024};  // 16 to 65 536; rounded to whole windows
  uint64_t seed = 1;
};

// The first configuration of `open` runs, in a child. Errors: those of `open`; kInvalidInput where
// no operator is left or a length is out of range.
Result<std::vector<OperatorBits>> EstimateBits(const OpenAll& open, const BitsOptions& options);

// The same in this process, one operator: for configurations that cannot harm it.
OperatorBits EstimateBitsOf(std::string_view name, Configuration& configuration,
                            const BitsOptions& options);
std::vector<std::string> OperatorsWithBits();

}  // namespace moire

#endif  // MOIRE_HARNESS_EXECUTE_EFFECTIVE_BITS_H_
