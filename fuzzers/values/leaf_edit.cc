#include "fuzzers/values/leaf_edit.h"

#include <algorithm>
#include <cmath>

#include "fuzzers/generate/value_fill.h"
#include "harness/case/float_bits.h"

namespace moire {
namespace {

template <typename Next>
void Rewrite(Tensor& tensor, Next next) {
  const int64_t count = tensor.size();
  if (IsFloat(tensor.type)) {
    for (int64_t i = 0; i < count; ++i) SetFloat(tensor, i, next(GetFloat(tensor, i)));
    return;
  }
  if (!IsInteger(tensor.type)) return;
  const auto least = static_cast<double>(IntegerMin(tensor.type));
  const auto most = std::min(static_cast<double>(IntegerMax(tensor.type)), 0x1p62);
  for (int64_t i = 0; i < count; ++i) {
    const double x = std::round(next(static_cast<double>(GetInt(tensor, i))));
    SetInt(tensor, i, static_cast<int64_t>(std::clamp(x, least, most)));
  }
}

double Draw(Range range, Random& random) {
  return range.lo + random.Unit() * (range.hi - range.lo);
}

}  // namespace

void MoveInto(Tensor& tensor, const Want& want, double narrower, Random& random) {
  Range to = want.range;
  if (IsInteger(tensor.type)) to = {std::ceil(to.lo), std::floor(to.hi)};
  if (!(to.lo <= to.hi)) return;
  const double width = to.hi - to.lo;
  // A single number is enough for what only has to lie inside.
  if (want.varied && width < 1e-3) {
    const double room = IsInteger(tensor.type) ? 3 : std::max(0.25, 0.1 * to.Magnitude());
    to = {to.lo - (IsUnsigned(tensor.type) ? 0 : room), to.hi + room};
  }
  const double room = narrower * (to.hi - to.lo);
  to.lo += room * random.Unit();
  to.hi = std::max(to.lo, to.lo + (want.varied ? 1 : 1 - narrower) * (width - room));
  const Range from = MeasureRange(tensor);
  if (want.varied) return Rewrite(tensor, [&](double) { return Draw(to, random); });
  const double span = from.hi - from.lo;
  if (span <= 0) {
    const double at = Draw(to, random);
    return Rewrite(tensor, [&](double) { return at; });
  }
  // What lies inside stays where it is, unless it has to be narrower.
  if (narrower == 0 && from.Inside(to.lo, to.hi)) return;
  const double scale = (to.hi - to.lo) / span;
  Rewrite(tensor, [&](double x) { return to.lo + (x - from.lo) * scale; });
}

void EditRoughly(Tensor& tensor, int edit, Random& random) {
  const Range range = MeasureRange(tensor);
  const Range wide = range.hi - range.lo < 1e-3 ? Range{range.lo - 0.25, range.hi + 0.25} : range;
  switch (edit) {
    case 0:
      return Rewrite(tensor, [&](double) { return Draw(wide, random); });
    case 1:
      return Rewrite(tensor, [](double x) { return x / 4; });
    case 2:
      return Rewrite(tensor, [](double x) { return 0.2 + 0.3 * std::abs(x); });
    case 3:
      return Rewrite(tensor, [&](double) { return Draw({1.1, 1.9}, random); });
    case 4:
      return Rewrite(tensor, [&](double) { return std::round(Draw({-3, 3}, random)); });
    default:
      return Rewrite(tensor, [&](double) { return Draw({0.1, 0.9}, random); });
  }
}

bool IsTame(const Tensor& tensor) {
  const int64_t count = tensor.size();
  if (IsFloat(tensor.type)) {
    const double most = Traits(tensor.type).bits <= 8 ? Traits(tensor.type).max_finite * 2
                                                      : Traits(tensor.type).max_finite / 8;
    for (int64_t i = 0; i < count; ++i) {
      if (!(std::abs(GetFloat(tensor, i)) <= most)) return false;
    }
  } else if (IsInteger(tensor.type) && Traits(tensor.type).bits >= 32) {
    // An end of a slice is often written so; one that decides shapes is never changed.
    const int64_t least = IntegerMin(tensor.type);
    for (int64_t i = 0; i < count; ++i) {
      if (GetInt(tensor, i) == least && least != 0) return false;
    }
  }
  return true;
}

}  // namespace moire
