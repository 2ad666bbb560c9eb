// Program headers through dl_iterate_phdr(3); .eh_frame_hdr and .eh_frame as the Linux Standard
// Base, Core Specification, chapter "Exception Frames", lays them out. Depends on libc only.
#include "fuzzers/feedback/loaded_module.h"

#include <link.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <optional>

namespace moire {
namespace {

// Pointer encodings (DW_EH_PE_*): format in the low four bits, application in the next three.
constexpr uint8_t kAbsolute = 0x00;
constexpr uint8_t kData2 = 0x02;
constexpr uint8_t kData4 = 0x03;
constexpr uint8_t kData8 = 0x04;
constexpr uint8_t kSignedBit = 0x08;
constexpr uint8_t kFormatMask = 0x0f;
constexpr uint8_t kApplicationMask = 0x70;
constexpr uint8_t kPcRelative = 0x10;
constexpr uint8_t kDataRelative = 0x30;

std::string RealPath(const std::string& path) {
  char* resolved = realpath(path.c_str(), nullptr);
  std::string result = resolved != nullptr ? resolved : path;
  std::free(resolved);
  return result;
}

std::string_view FileName(std::string_view path) {
  return path.substr(path.rfind('/') + 1);  // npos + 1 == 0
}

struct Search {
  std::string_view name;
  std::string real_path;  // empty: compare file names
  std::vector<LoadedModule> found;
};

LoadedModule Describe(const dl_phdr_info& info) {
  LoadedModule module;
  module.path = info.dlpi_name;
  module.base = info.dlpi_addr;
  const auto page = static_cast<uintptr_t>(sysconf(_SC_PAGESIZE));
  for (int i = 0; i < info.dlpi_phnum; ++i) {
    const ElfW(Phdr)& header = info.dlpi_phdr[i];
    const uintptr_t begin = info.dlpi_addr + header.p_vaddr;
    const AddressRange range{begin, begin + header.p_memsz};
    if (header.p_type == PT_GNU_EH_FRAME) module.eh_frame_header = range;
    if (header.p_type != PT_LOAD) continue;
    module.segments.push_back(range);
    if ((header.p_flags & PF_X) == 0) continue;
    const uintptr_t first = begin & ~(page - 1);
    module.code.push_back(
        {{first, (range.end + page - 1) & ~(page - 1)}, header.p_offset - (begin - first)});
  }
  std::ranges::sort(module.code, {}, [](const CodeSegment& c) { return c.range.begin; });
  return module;
}

int Visit(dl_phdr_info* info, size_t, void* data) {
  auto& search = *static_cast<Search*>(data);
  if (info->dlpi_name == nullptr || info->dlpi_name[0] == '\0') return 0;  // the program itself
  const bool same = search.real_path.empty() ? FileName(info->dlpi_name) == search.name
                                             : RealPath(info->dlpi_name) == search.real_path;
  if (same) search.found.push_back(Describe(*info));
  return 0;
}

// Reads the mapped tables of one module and never outside its segments.
class Reader {
 public:
  Reader(const LoadedModule& module, uintptr_t at) : module_(module) { MoveTo(at); }

  bool ok() const { return ok_; }
  uintptr_t at() const { return at_; }
  void MoveTo(uintptr_t at) {
    at_ = at;
    end_ = at;
    for (const AddressRange& segment : module_.segments) {
      if (segment.Contains(at)) end_ = segment.end;
    }
  }
  template <typename T>
  T Read() {
    T value{};
    if (end_ - at_ < sizeof(T)) {
      ok_ = false;
      return value;
    }
    std::memcpy(&value, reinterpret_cast<const void*>(at_), sizeof(T));
    at_ += sizeof(T);
    return value;
  }
  uint64_t Uleb() {
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      const auto byte = Read<uint8_t>();
      value |= uint64_t{byte & 0x7fu} << shift;
      if ((byte & 0x80) == 0) return value;
    }
    ok_ = false;
    return value;
  }
  // The stored number without its application.
  uint64_t Plain(uint8_t encoding) {
    const bool is_signed = (encoding & kSignedBit) != 0;
    switch (encoding & kFormatMask & ~kSignedBit) {
      case kAbsolute:
      case kData8:
        return Read<uint64_t>();
      case kData2:
        return is_signed ? static_cast<uint64_t>(Read<int16_t>()) : Read<uint16_t>();
      case kData4:
        return is_signed ? static_cast<uint64_t>(Read<int32_t>()) : Read<uint32_t>();
      default:
        ok_ = false;
        return 0;
    }
  }
  uintptr_t Pointer(uint8_t encoding, uintptr_t data_base) {
    const uintptr_t here = at_;
    const uint64_t plain = Plain(encoding);
    switch (encoding & kApplicationMask) {
      case kAbsolute:
        return plain;
      case kPcRelative:
        return here + plain;
      case kDataRelative:
        return data_base + plain;
      default:
        ok_ = false;
        return 0;
    }
  }

 private:
  const LoadedModule& module_;
  uintptr_t at_ = 0;
  uintptr_t end_ = 0;
  bool ok_ = true;
};

// How the descriptions that refer to the common entry at `at` encode code addresses.
std::optional<uint8_t> CodeEncoding(const LoadedModule& module, uintptr_t at) {
  Reader reader(module, at);
  if (reader.Read<uint32_t>() == 0xffffffff) reader.Read<uint64_t>();
  reader.Read<uint32_t>();  // CIE id
  const auto version = reader.Read<uint8_t>();
  std::string augmentation;
  for (char c; reader.ok() && (c = reader.Read<char>()) != '\0';) augmentation += c;
  reader.Uleb();  // code alignment
  reader.Uleb();  // data alignment (signed, same length)
  if (version == 1) {
    reader.Read<uint8_t>();  // return address register
  } else {
    reader.Uleb();
  }
  uint8_t encoding = kAbsolute;
  if (augmentation.starts_with('z')) {
    reader.Uleb();
    for (const char c : augmentation.substr(1)) {
      if (c == 'R') {
        encoding = reader.Read<uint8_t>();
      } else if (c == 'L') {
        reader.Read<uint8_t>();
      } else if (c == 'P') {
        reader.Plain(reader.Read<uint8_t>());
      } else if (c != 'S' && c != 'B') {
        break;  // unknown: what follows cannot be placed
      }
    }
  }
  if (!reader.ok()) return std::nullopt;
  return encoding;
}

}  // namespace

Result<LoadedModule> FindLoadedModule(std::string_view name) {
  Search search;
  search.name = name;
  if (name.contains('/')) search.real_path = RealPath(std::string(name));
  dl_iterate_phdr(Visit, &search);
  if (search.found.empty()) return Fail(ErrorCode::kNotFound, "no loaded module '{}'", name);
  if (search.found.size() > 1) {
    return Fail(ErrorCode::kInvalidInput, "{} loaded modules are named '{}': give the path",
                search.found.size(), name);
  }
  return std::move(search.found.front());
}

Result<std::vector<AddressRange>> FindFunctions(const LoadedModule& module) {
  const AddressRange header = module.eh_frame_header;
  if (header.size() < 4) {
    return Fail(ErrorCode::kInvalidInput, "{} has no .eh_frame_hdr", module.path);
  }
  Reader table(module, header.begin);
  const auto version = table.Read<uint8_t>();
  const auto frame_encoding = table.Read<uint8_t>();
  const auto count_encoding = table.Read<uint8_t>();
  const auto table_encoding = table.Read<uint8_t>();
  table.Pointer(frame_encoding, header.begin);
  const uint64_t count = table.Plain(count_encoding);
  if (!table.ok() || version != 1 || count > header.size() / 4) {
    return Fail(ErrorCode::kInvalidInput, "{}: broken .eh_frame_hdr", module.path);
  }

  std::vector<AddressRange> functions;
  functions.reserve(count);
  uintptr_t last_common = 0;
  uint8_t code_encoding = kAbsolute;
  for (uint64_t i = 0; i < count; ++i) {
    table.Pointer(table_encoding, header.begin);  // the start, which the description repeats
    const uintptr_t description = table.Pointer(table_encoding, header.begin);
    Reader reader(module, description);
    if (reader.Read<uint32_t>() == 0xffffffff) reader.Read<uint64_t>();
    const uintptr_t field = reader.at();
    const uintptr_t common = field - reader.Read<uint32_t>();
    if (common != last_common) {
      const auto encoding = CodeEncoding(module, common);
      if (!encoding) {
        return Fail(ErrorCode::kInvalidInput, "{}: broken .eh_frame", module.path);
      }
      code_encoding = *encoding;
      last_common = common;
    }
    const uintptr_t begin = reader.Pointer(code_encoding, 0);
    const uint64_t size = reader.Plain(code_encoding & kFormatMask & ~kSignedBit);
    if (!table.ok() || !reader.ok()) {
      return Fail(ErrorCode::kInvalidInput, "{}: broken .eh_frame", module.path);
    }
    for (const CodeSegment& segment : module.code) {
      if (segment.range.Contains(begin) && size > 0 && size <= segment.range.end - begin) {
        functions.push_back({begin, begin + size});
      }
    }
  }
  std::ranges::sort(functions, {}, &AddressRange::begin);
  const auto repeated = std::ranges::unique(functions, {}, &AddressRange::begin);
  functions.erase(repeated.begin(), repeated.end());
  for (size_t i = 0; i + 1 < functions.size(); ++i) {
    functions[i].end = std::min(functions[i].end, functions[i + 1].begin);
  }
  return functions;
}

}  // namespace moire
