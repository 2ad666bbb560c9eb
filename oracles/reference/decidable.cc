#include "oracles/reference/decidable.h"

#include <cmath>

namespace moire {

Decided& Decided::operator+=(const Decided& other) {
  elements += other.elements;
  decidable += other.decidable;
  unspecified += other.unspecified;
  finite += other.finite;
  return *this;
}

bool Decidable(const RangeTensor& value, size_t i) {
  if (value.MarkAt(i) != kDecided) return false;
  if (!IsFloat(value.type)) return true;
  const double lo = value.Lo()[i];
  const double hi = value.Hi()[i];
  return std::isnan(lo) || lo == hi || (std::isfinite(lo) && std::isfinite(hi));
}

Decided CountDecided(const RangeTensor& value) {
  Decided out;
  if (value.opaque == Opaque::kParts) {
    for (const RangeTensor& part : value.parts) out += CountDecided(part);
    return out;
  }
  if (value.opaque != Opaque::kNo) {
    out.elements = 1;
    out.unspecified = value.opaque == Opaque::kUnspecified ? 1 : 0;
    return out;
  }
  const auto count = static_cast<size_t>(value.size());
  out.elements = static_cast<int64_t>(count);
  const bool is_float = IsFloat(value.type);
  if (!is_float && value.marks.empty()) {
    out.decidable = out.finite = out.elements;
    return out;
  }
  for (size_t i = 0; i < count; ++i) {
    const uint8_t mark = value.MarkAt(i);
    out.unspecified += (mark & kUnspecified) != 0 ? 1 : 0;
    if (!Decidable(value, i)) continue;
    ++out.decidable;
    out.finite += !is_float || std::isfinite(value.Lo()[i]) ? 1 : 0;
  }
  return out;
}

}  // namespace moire
