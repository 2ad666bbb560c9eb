// Linear decode with Zydis in minimal mode (no operands: prefixes, opcode, ModRM, displacement and
// immediates are enough to find branches and references to code).
#include "fuzzers/feedback/block_leaders.h"

#include <Zydis/Zydis.h>

#include <algorithm>
#include <bit>
#include <optional>

namespace moire {
namespace {

enum class Flow : uint8_t { kNext, kCall, kConditional, kJump, kEnd };

// Intel SDM volume 2, opcode maps. Everything not named here goes on with the next instruction.
Flow FlowOf(const ZydisDecodedInstruction& instruction) {
  if (instruction.encoding != ZYDIS_INSTRUCTION_ENCODING_LEGACY) return Flow::kNext;
  const uint8_t opcode = instruction.opcode;
  if (instruction.opcode_map == ZYDIS_OPCODE_MAP_0F) {
    if (opcode >= 0x80 && opcode <= 0x8f) return Flow::kConditional;
    return opcode == 0x0b ? Flow::kEnd : Flow::kNext;  // UD2
  }
  if (instruction.opcode_map != ZYDIS_OPCODE_MAP_DEFAULT) return Flow::kNext;
  if (opcode >= 0x70 && opcode <= 0x7f) return Flow::kConditional;
  switch (opcode) {
    case 0xe0:
    case 0xe1:
    case 0xe2:
    case 0xe3:  // LOOPcc, JrCXZ
      return Flow::kConditional;
    case 0xe9:
    case 0xeb:
      return Flow::kJump;
    case 0xe8:
      return Flow::kCall;
    case 0xc2:
    case 0xc3:
    case 0xca:
    case 0xcb:
    case 0xcf:  // RET, RETF, IRET
    case 0xcc:
    case 0xf4:  // INT3, HLT
      return Flow::kEnd;
    case 0xff:  // group 5: /4 and /5 are indirect jumps
      return instruction.raw.modrm.reg == 4 || instruction.raw.modrm.reg == 5 ? Flow::kEnd
                                                                              : Flow::kNext;
    case 0xc7:  // XBEGIN: its target is an abort handler
      return instruction.mnemonic == ZYDIS_MNEMONIC_XBEGIN ? Flow::kConditional : Flow::kNext;
    default:
      return Flow::kNext;
  }
}

bool IsPadding(const ZydisDecodedInstruction& instruction) {
  return instruction.mnemonic == ZYDIS_MNEMONIC_NOP || instruction.mnemonic == ZYDIS_MNEMONIC_INT3;
}

// What an instruction's RIP-relative operand refers to.
std::optional<uintptr_t> Reference(const ZydisDecodedInstruction& instruction, uintptr_t next) {
  if ((instruction.attributes & ZYDIS_ATTRIB_HAS_MODRM) == 0) return std::nullopt;
  if (instruction.raw.modrm.mod != 0 || instruction.raw.modrm.rm != 5) return std::nullopt;
  return next + static_cast<uintptr_t>(instruction.raw.disp.value);
}

class Finder {
 public:
  Finder(std::span<const uint8_t> code, uintptr_t address, std::span<const AddressRange> functions)
      : code_(code),
        address_(address),
        functions_(functions),
        starts_(code.size()),
        found_{CodeBitmap(code.size())} {
    ZydisDecoderInit(&decoder_, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64);
    ZydisDecoderEnableMode(&decoder_, ZYDIS_DECODER_MODE_MINIMAL, ZYAN_TRUE);
  }

  BlockLeaders Run() {
    found_.functions = functions_.size();
    for (const AddressRange& function : functions_) Decode(function);
    for (const uintptr_t target : far_targets_) {
      if (starts_.Test(target - address_)) Lead(target);
    }
    CutData();
    for (const uint64_t word : found_.bits.words()) {
      found_.count += static_cast<uint64_t>(std::popcount(word));
    }
    return std::move(found_);
  }

 private:
  bool InCode(uintptr_t at) const { return at - address_ < code_.size(); }

  // An instruction that is itself INT3 could not be told from ours.
  void Lead(uintptr_t at) {
    if (code_[at - address_] != 0xcc) found_.bits.Set(at - address_);
  }

  void Decode(const AddressRange& function) {
    leaders_.assign(1, function.begin);
    targets_.clear();
    bool after_end = false;
    uintptr_t at = function.begin;
    while (at < function.end) {
      ZydisDecodedInstruction instruction;
      const ZyanStatus status = ZydisDecoderDecodeInstruction(
          &decoder_, nullptr, &code_[at - address_], function.end - at, &instruction);
      if (!ZYAN_SUCCESS(status)) {
        ++found_.undecodable;
        break;
      }
      ++found_.instructions;
      starts_.Set(at - address_);
      const uintptr_t next = at + instruction.length;
      if (const auto reference = Reference(instruction, next); reference && InCode(*reference)) {
        references_.push_back(*reference);
      }
      const Flow flow = FlowOf(instruction);
      // What stands behind a jump or a return is reached by a jump table, if at all.
      if (after_end && !IsPadding(instruction)) {
        leaders_.push_back(at);
        after_end = false;
      }
      if (instruction.raw.imm[0].is_relative && flow != Flow::kNext) {
        const uintptr_t target = next + static_cast<uintptr_t>(instruction.raw.imm[0].value.s);
        if (function.Contains(target)) {
          targets_.push_back(target);
        } else if (InCode(target)) {
          far_targets_.push_back(target);
        }
      }
      if (flow == Flow::kConditional && next < function.end) leaders_.push_back(next);
      if (flow == Flow::kJump || flow == Flow::kEnd) after_end = true;
      at = next;
    }
    const uintptr_t decoded_end = at;
    for (const uintptr_t target : targets_) {
      if (target < decoded_end && !starts_.Test(target - address_)) {
        // The sequence is out of step somewhere: only the entry is certain.
        ++found_.desynchronised;
        Lead(function.begin);
        starts_.ClearRange(function.begin + 1 - address_, function.end - address_);
        return;
      }
    }
    for (const uintptr_t leader : leaders_) {
      if (leader < decoded_end && starts_.Test(leader - address_)) Lead(leader);
    }
    for (const uintptr_t target : targets_) {
      if (starts_.Test(target - address_)) Lead(target);
    }
  }

  // A reference to code that is no function's entry: a table or constants between instructions.
  // Nothing from there to the function's end is armed.
  void CutData() {
    std::ranges::sort(references_);
    const auto repeated = std::ranges::unique(references_);
    references_.erase(repeated.begin(), repeated.end());
    const AddressRange* last = nullptr;
    for (const uintptr_t reference : references_) {
      const auto after = std::ranges::upper_bound(functions_, reference, {}, &AddressRange::begin);
      if (after == functions_.begin()) continue;
      const AddressRange& function = *(after - 1);
      if (!function.Contains(reference) || reference == function.begin) continue;
      if (&function == last) continue;  // sorted: the first reference has cut it
      last = &function;
      ++found_.with_data;
      found_.bits.ClearRange(reference - address_, function.end - address_);
    }
  }

  std::span<const uint8_t> code_;
  uintptr_t address_;
  std::span<const AddressRange> functions_;
  ZydisDecoder decoder_;
  CodeBitmap starts_;
  BlockLeaders found_;
  std::vector<uintptr_t> leaders_;
  std::vector<uintptr_t> targets_;      // of the function being decoded
  std::vector<uintptr_t> far_targets_;  // in other functions
  std::vector<uintptr_t> references_;
};

}  // namespace

void CodeBitmap::ClearRange(size_t begin, size_t end) {
  for (size_t at = begin; at < end;) {
    if (at % 64 == 0 && end - at >= 64) {
      words_[at / 64] = 0;
      at += 64;
    } else {
      Clear(at++);
    }
  }
}

BlockLeaders FindBlockLeaders(std::span<const uint8_t> code, uintptr_t address,
                              std::span<const AddressRange> functions) {
  return Finder(code, address, functions).Run();
}

}  // namespace moire
