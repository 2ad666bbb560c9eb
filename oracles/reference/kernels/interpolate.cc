#include "oracles/reference/kernels/interpolate.h"

#include <algorithm>
#include <cmath>

#include "harness/case/float_bits.h"

namespace moire {

AxisSample LinearTaps(const Interval& at, int64_t length) {
  AxisSample out;
  out.mark = at.mark;
  const double slack = std::max(at.value - at.lo, at.hi - at.value);
  for (double k = std::floor(at.value - slack); k <= std::floor(at.value + slack) + 1; ++k) {
    const bool inside = k >= 0 && k <= static_cast<double>(length - 1);
    out.taps.push_back({inside ? static_cast<int64_t>(k) : -1,
                        std::max(0.0, 1 - std::abs(at.value - k)), slack, 0});
  }
  return out;
}

FinitePlanes::FinitePlanes(const RangeTensor& x, int64_t plane) : plane_(plane) {
  const auto size = static_cast<size_t>(plane);
  const auto all = [size](const std::vector<double>& of, size_t at) {
    return of.empty() || std::all_of(of.data() + at, of.data() + at + size,
                                     [](double v) { return std::isfinite(v); });
  };
  // What is marked may be anything.
  const auto decided = [&](size_t at) {
    return x.marks.empty() || std::all_of(x.marks.data() + at, x.marks.data() + at + size,
                                          [](uint8_t mark) { return mark == kDecided; });
  };
  for (size_t at = 0; size > 0 && at + size <= x.value.size(); at += size) {
    finite_.push_back(all(x.value, at) && all(x.lo, at) && all(x.hi, at) && decided(at));
  }
}

Interval Interpolate(const RangeTensor& x, int64_t base, const Shape& strides,
                     std::span<const AxisSample> axes) {
  std::vector<size_t> pick(axes.size(), 0);
  struct Term {
    Interval v;
    double weight;
    double slack;
    double rounding;
  };
  std::vector<Term> terms;
  for (bool more = true; more;) {
    int64_t at = base;
    double weight = 1, wide = 1, rough = 1;
    bool zero = false;
    for (size_t a = 0; a < axes.size(); ++a) {
      const AxisTap& tap = axes[a].taps[pick[a]];
      zero |= tap.index < 0;
      at += tap.index * strides[a];
      weight *= tap.weight;
      wide *= std::abs(tap.weight) + tap.slack;
      rough *= std::abs(tap.weight) + tap.rounding;
    }
    const Interval v = zero ? Exactly(0) : ElementOf(x, static_cast<size_t>(at));
    terms.push_back({v, weight, wide - std::abs(weight), rough - std::abs(weight)});
    more = false;
    for (size_t a = axes.size(); a-- > 0 && !more;) {
      more = ++pick[a] < axes[a].taps.size();
      if (!more) pick[a] = 0;
    }
  }
  const Interval center = std::ranges::max_element(terms, {}, &Term::weight)->v;
  Interval out = Exactly(0);
  double size = 0, moved = 0;
  for (const Term& term : terms) {
    const double lo = term.weight * term.v.lo, hi = term.weight * term.v.hi;
    out.value += term.weight * term.v.value;
    out.lo += std::min(lo, hi);
    out.hi += std::max(lo, hi);
    out.mark |= term.v.mark;
    size += std::abs(term.weight) * std::max(std::abs(term.v.lo), std::abs(term.v.hi));
    moved += term.slack *
                 std::max(std::abs(term.v.lo - center.value), std::abs(term.v.hi - center.value)) +
             term.rounding * std::max(std::abs(term.v.lo), std::abs(term.v.hi));
    if (!std::isfinite(term.v.lo) || !std::isfinite(term.v.hi)) out.mark |= kUndecidable;
  }
  if (!(size <= Traits(x.type).max_finite)) out.mark |= kUndecidable;
  // Eight products at most round to a subnormal each, whether or not their elements are distinct.
  const double error = moved + 8 * SmallestSubnormal(x.type) +
                       UnitRoundoff(x.type) * size * static_cast<double>(4 * terms.size() + 8);
  out.lo -= error;
  out.hi += error;
  return out;
}

}  // namespace moire
