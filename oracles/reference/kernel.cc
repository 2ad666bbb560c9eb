#include "oracles/reference/kernel.h"

#include <algorithm>

namespace moire {

Status KernelContext::Spend(uint64_t steps) {
  if (steps > budget_.max_steps - std::min(spent_.steps, budget_.max_steps)) {
    return Fail(ErrorCode::kOverBudget, "more than {} steps", budget_.max_steps);
  }
  spent_.steps += steps;
  return {};
}

Status KernelContext::Reserve(DataType type, Dims shape) {
  const auto count = CheckedCount(shape);
  if (!count) return Fail(ErrorCode::kInvalidInput, "shape {} is negative or too large", ToString(shape));
  if (*count > budget_.max_elements) {
    return Fail(ErrorCode::kOverBudget, "a tensor of {} elements, the budget is {}", *count,
                budget_.max_elements);
  }
  // What a range tensor takes at most an element: value, lo, hi, a mark.
  const uint64_t bytes = static_cast<uint64_t>(*count) * (IsFloat(type) ? 25 : 9);
  if (bytes > budget_.max_bytes - std::min(spent_.bytes, budget_.max_bytes)) {
    return Fail(ErrorCode::kOverBudget, "more than {} bytes", budget_.max_bytes);
  }
  spent_.bytes += bytes;
  return {};
}

Result<RangeTensor*> KernelContext::Make(size_t i, DataType type, Shape shape) {
  MOIRE_TRY(Reserve(type, shape));
  if (i >= outputs_.size()) return Fail(ErrorCode::kInvalidInput, "{} lacks output {}", node_.op, i);
  outputs_[i] = MakeRangeTensor(type, std::move(shape));
  return &outputs_[i];
}

Result<bool> KernelContext::Flag(std::string_view attribute, bool otherwise) const {
  const int64_t value = node_.Int(attribute, otherwise ? 1 : 0);
  if (value != 0 && value != 1) {
    return Fail(ErrorCode::kInvalidInput, "{} is {}, neither 0 nor 1", attribute, value);
  }
  return value == 1;
}

Result<Ints> KernelContext::ExactList(size_t i) const {
  if (In(i).shape.size() != 1) {
    return Fail(ErrorCode::kInvalidInput, "input {} must be 1-D, not {}", i, ToString(In(i).shape));
  }
  return ExactInts(i);
}

Result<Ints> KernelContext::ExactInts(size_t i) const {
  const RangeTensor& input = In(i);
  if (!IsExact(input.type)) {
    return Fail(ErrorCode::kInvalidInput, "input {} of {} must hold integers, not {}", i, node_.op,
                Name(input.type));
  }
  for (size_t e = 0; e < input.marks.size(); ++e) {
    if (input.marks[e] != kDecided) {
      return Fail(ErrorCode::kUndecidable, "input {} of {} decides structure and is not certain", i,
                  node_.op);
    }
  }
  return input.ints;
}

}  // namespace moire
