#include "tests/faulty/faults.h"

namespace moire::faulty {
namespace {

constexpr uint32_t Bit(DataType type) { return uint32_t{1} << static_cast<int>(type); }
constexpr uint32_t kFloat32 = Bit(DataType::kFloat);
constexpr uint32_t kHalf = Bit(DataType::kFloat16);
constexpr uint32_t kFloats = kFloat32 | kHalf | Bit(DataType::kDouble) | Bit(DataType::kBfloat16);
constexpr uint32_t kInts32 = Bit(DataType::kInt32) | Bit(DataType::kInt64);

using enum FaultKind;

const std::vector<FaultEntry>& Table() {
  static const std::vector<FaultEntry> table = {
      {"broadcast", kBroadcast, "Mul", kFloats, "a smaller operand is read round and round"},
      {"dropped_term", kDroppedTerm, "MatMul", kFloats, "the last product is left out"},
      {"dropped_tap", kDroppedTerm, "Conv", kHalf, "the last product is left out, float16 only"},
      {"axis_off", kAxisOff, "Softmax", kFloats, "normalises along the next axis"},
      {"tail", kTail, "Exp", kFloats, "the last element is what the buffer held before"},
      {"nan_lost", kNanLost, "Tanh", kFloats, "NaN becomes 0"},
      {"half_away", kHalfAway, "Round", kFloats, "halves away from zero"},
      {"truncate", kTruncate, "Cast", kFloat32, "float to float16 rounds towards zero",
       DataType::kFloat16},
      {"swapped", kSwapped, "Sub", kFloats, "b - a"},
      {"swapped_div", kSwapped, "Div", kInts32, "b / a, integers only"},
      {"pad_value", kPadValue, "Pad", kFloats, "pads with 0 whatever the value"},
      {"saturate", kSaturate, "Mul", Bit(DataType::kInt8) | Bit(DataType::kInt16), "8 and 16 bits saturate"},
      {"wrap16", kWrap16, "Mul", kInts32, "wraps at 16 bits"},
      {"equality", kEquality, "Less", kFloats, "equal counts as less"},
      {"square", kSquare, "Transpose", kInts32, "square matrices stay as they are"},
      {"first_element", kFirstElement, "Concat", kFloats, "axis 0: the first element is 0"},
      {"negative_axis", kNegativeAxis, "LogSoftmax", kFloats, "axis -k taken as -k-1"},
      {"keepdims", kKeepDims, "ReduceMax", kFloats, "keepdims = 0 is not heeded"},
      {"sign_lost", kSignLost, "Cast", Bit(DataType::kInt8), "int8 read as uint8",
       DataType::kInt32},
      {"half_sum", kHalfSum, "ReduceSum", kFloat32, "accumulates in float16"},
      {"wrap32", kWrap32, "Max", Bit(DataType::kInt64), "goes through 32 bits"},
      {"last_tie", kLastTie, "ArgMax", kFloats, "the last of equal elements wins"},
      {"limit", kLimitIgnored, "Clip", kInts32, "the lower limit is not applied"},
      {"pad_counted", kPadCounted, "AveragePool", kFloats, "count_include_pad = 0 is not heeded"},
      {"xor_or", kWrongLogic, "Xor", 0, "true xor true is true"},
      {"where_row", kConditionTwice, "Where", kFloats, "the condition's first element everywhere"},
      {"crash", kCrash, "Gather", kFloats, "abort"},
      {"segfault", kSegfault, "Slice", kInts32, "reads an address that is not mapped"},
      {"hang", kHang, "Tile", kFloats, "never comes back"},
      {"leak", kLeak, "Expand", kFloats, "384 MB a run, kept"},
      {"reject", kReject, "Flatten", 0, "refused: bad dim"},
      {"nondeterminism", kNondeterminism, "Softplus", kFloats, "depends on how often it has run"},
      {"previous_run", kPreviousRun, "Relu", kFloats, "the result of the run before"},
  };
  return table;
}

}  // namespace

std::span<const FaultEntry> PlantedFaults() { return Table(); }

const FaultEntry* FindFault(std::string_view name) {
  for (const FaultEntry& entry : Table()) {
    if (entry.name == name) return &entry;
  }
  return nullptr;
}

bool IsDeadly(FaultKind kind) {
  return kind == kCrash || kind == kSegfault || kind == kHang || kind == kLeak;
}

}  // namespace moire::faulty
