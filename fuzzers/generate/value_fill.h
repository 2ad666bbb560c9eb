// Fills tensors with test data: tame values, edge values, constant and repeated data.
// Depends on harness/case alone.
#ifndef MOIRE_FUZZERS_GENERATE_VALUE_FILL_H_
#define MOIRE_FUZZERS_GENERATE_VALUE_FILL_H_

#include "fuzzers/generate/range.h"
#include "harness/case/random.h"
#include "harness/case/tensor.h"

namespace moire {

// How the values of a case look; drawn once a case, so that cases differ in character.
enum class Profile {
  kSmallIntegers,  // whole numbers, also in float types: sums are exact
  kModerate,       // full mantissas around 0
  kUnit,           // [0, 1)
  kConstant,       // one value
  kRepeated,       // a few values, repeated: ties
  kEdge,           // tame, with one element in eight NaN, infinite, -0, subnormal or extreme
};
Profile DrawProfile(Random& random, double edge_share);

// The usual range of a profile's values in a type.
Range ProfileRange(Profile profile, DataType type);

// A tensor whose values lie in `range` (edge values excepted). Integer types take whole numbers
// inside the range and the type.
Tensor FillTensor(DataType type, Shape shape, Profile profile, Range range, Random& random);

// An edge value of a type, as FillTensor strews them.
void SetEdge(Tensor& tensor, int64_t index, Random& random);

// The range of the finite values of a tensor.
Range MeasureRange(const Tensor& tensor);

// The same elements, from the one at `offset` on, in another shape: repeated where it is larger,
// dropped where it is smaller. Of any type.
Tensor Resized(const Tensor& tensor, Shape shape, int64_t offset = 0);

}  // namespace moire

#endif  // MOIRE_FUZZERS_GENERATE_VALUE_FILL_H_
