// A shared library as the dynamic loader has mapped it: where its code lies, where its functions
// begin and end (from .eh_frame_hdr, which a stripped release library still carries), and the file
// behind it. Reads the mapping only. Depends on harness/case/error.h; x86-64 Linux, ELF.
#ifndef MOIRE_FUZZERS_FEEDBACK_LOADED_MODULE_H_
#define MOIRE_FUZZERS_FEEDBACK_LOADED_MODULE_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "harness/case/error.h"

namespace moire {

// Addresses of this process; end is one past the last byte.
struct AddressRange {
  uintptr_t begin = 0;
  uintptr_t end = 0;

  bool Contains(uintptr_t address) const { return address >= begin && address < end; }
  uintptr_t size() const { return end - begin; }
  bool operator==(const AddressRange&) const = default;
};

struct CodeSegment {
  AddressRange range;        // page aligned
  uint64_t file_offset = 0;  // of range.begin
};

struct LoadedModule {
  std::string path;    // as the loader knows it
  uintptr_t base = 0;  // load address: offsets from here are the same in every process
  std::vector<AddressRange> segments;  // every loaded segment
  std::vector<CodeSegment> code;       // the executable ones, by address
  AddressRange eh_frame_header;        // empty: the module has none
};

// `name` is a path (compared with symbolic links resolved) or a file name. kNotFound when no loaded
// module has it; two modules of one file name: give the path.
Result<LoadedModule> FindLoadedModule(std::string_view name);

// The ranges that the frame descriptions cover, by address, without overlap, each inside one code
// segment. kInvalidInput where the tables are missing or broken.
Result<std::vector<AddressRange>> FindFunctions(const LoadedModule& module);

}  // namespace moire

#endif  // MOIRE_FUZZERS_FEEDBACK_LOADED_MODULE_H_
