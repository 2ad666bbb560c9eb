// How small a wrong result the judge still sees: the planted faults of known size, in data of
// equalised magnitudes, judged by the differential oracle. Every trial is also run clean, which
// must raise no alarm.
#ifndef MOIRE_TESTS_FAULTY_FAULT_SIZES_H_
#define MOIRE_TESTS_FAULTY_FAULT_SIZES_H_

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

namespace moire::faulty {

struct FaultSize {
  std::string fault;
  int64_t trials = 0;
  int64_t caught = 0;
  int64_t alarms = 0;  // on the clean twin of a trial
};
// One term of a sum of 256 off by 4e-3 and by 1e-2; one term of 2048 left out; one factor of 64
// outputs of a MatMul and of a Conv off by 1e-3; every wrong rounding mode of Cast and
// QuantizeLinear; the rule for NaN swapped in Min, Max, Clip, Relu, ArgMax, ArgMin, TopK.
std::vector<FaultSize> RunFaultSizes(int64_t trials, uint64_t seed);
nlohmann::json ToJson(const std::vector<FaultSize>& sizes);

}  // namespace moire::faulty

#endif  // MOIRE_TESTS_FAULTY_FAULT_SIZES_H_
