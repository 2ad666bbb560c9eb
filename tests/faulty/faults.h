// The kinds of fault that the faulty runtime can plant, and the table of planted faults that the
// acceptance test runs: kind, operator, element types. Depends on harness/case alone.
#ifndef MOIRE_TESTS_FAULTY_FAULTS_H_
#define MOIRE_TESTS_FAULTY_FAULTS_H_

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "harness/case/data_type.h"

namespace moire::faulty {

enum class FaultKind {
  kBroadcast,        // a smaller operand is read round and round instead of broadcast
  kDroppedTerm,      // the last term of a sum is left out
  kAxisOff,          // works along the axis after the right one
  kTail,             // the last element of the output keeps what was in the buffer: the input
  kNanLost,          // NaN becomes 0
  kHalfAway,         // rounds halves away from zero
  kTruncate,         // rounds towards zero where nearest is due
  kSwapped,          // operands exchanged
  kPadValue,         // pads with 0 whatever the value
  kSaturate,         // integers saturate instead of wrapping
  kWrap16,           // integers wrap at 16 bits
  kEquality,         // comparison wrong where both are equal
  kSquare,           // a square matrix is not transposed
  kFirstElement,     // the first element is not written
  kNegativeAxis,     // a negative axis is counted from one too far
  kKeepDims,         // keepdims = 0 is not heeded
  kSignLost,         // signed bytes are read as unsigned
  kHalfSum,          // sums are accumulated in float16
  kWrap32,           // 64-bit integers go through 32 bits
  kLastTie,          // the last of equal elements wins
  kLimitIgnored,     // the lower limit is not applied
  kPadCounted,       // the padding is counted where it must not be
  kWrongLogic,       // Xor gives Or
  kConditionTwice,   // a condition that is broadcast along the last axis is taken from the first row
  kCrash,            // abort()
  kSegfault,         // reads address 8
  kHang,             // never comes back
  kLeak,             // 384 MB a run, kept
  kReject,           // "bad dim"
  kNondeterminism,   // depends on how often it has run
  kFirstShape,       // in later runs of a session nothing is written beyond the first run's size
  kPreviousRun,      // the result of the run before, where it has the same size
};

// What outlives a run.
struct FaultState {
  uint64_t runs = 0;
  std::vector<std::unique_ptr<std::vector<char>>> leaked;
  std::vector<float> previous;
  bool later = false;                          // not the first run of a session
  std::map<std::string, int64_t> first_sizes;  // elements of a node's first output in that run
  bool dry = false;        // deaths, hangs and leaks only set `triggered`
  bool triggered = false;  // a fault was reached
};

struct FaultEntry {
  std::string_view name;   // of the planted fault: "fault=NAME"
  FaultKind kind = FaultKind::kBroadcast;
  std::string op;
  uint32_t types = 0;      // bits by DataType of the first data input; 0: all
  std::string_view help;
  DataType to = DataType::kUndefined;  // Cast only: the target type
};
std::span<const FaultEntry> PlantedFaults();
// Null when there is none of that name.
const FaultEntry* FindFault(std::string_view name);
// Whether the fault kills, stops or bloats the process.
bool IsDeadly(FaultKind kind);

}  // namespace moire::faulty

#endif  // MOIRE_TESTS_FAULTY_FAULTS_H_
