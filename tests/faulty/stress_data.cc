#include "tests/faulty/stress_data.h"

#include <algorithm>
#include <cmath>

namespace moire::faulty {
namespace {

double Signed(Random& random, double size) { return random.Chance(1, 2) ? size : -size; }
double Some(Random& random) { return Signed(random, 1 + random.Unit()); }

template <typename F>
std::vector<double> Each(size_t n, const F& f) {
  std::vector<double> out(n);
  for (size_t k = 0; k < n; ++k) out[k] = f(k);
  return out;
}

std::vector<double> Equalised(Random& random, size_t n) {
  return Each(n, [&](size_t) { return Some(random); });
}
std::vector<double> Constant(Random& random, size_t n) {
  return std::vector<double>(n, Some(random));
}
std::vector<double> Slow(Random& random, size_t n) {
  const double start = Some(random);
  const double step = std::exp2(-static_cast<double>(random.Between(4, 24)));
  return Each(n, [&](size_t k) { return start * (1 + step * static_cast<double>(k)); });
}
std::vector<double> Wave(Random& random, size_t n) {
  const double step = std::exp2(-static_cast<double>(random.Between(0, 12)));
  return Each(n, [&](size_t k) { return std::sin(step * static_cast<double>(k)); });
}
std::vector<double> Repeated(Random& random, size_t n) {
  const std::vector<double> period = Equalised(random, static_cast<size_t>(random.Between(2, 17)));
  return Each(n, [&](size_t k) { return period[k % period.size()]; });
}
std::vector<double> Alternating(Random& random, size_t n) {
  const double size = Some(random);
  const auto run = static_cast<size_t>(random.Between(1, 40));
  return Each(n, [&](size_t k) { return k / run % 2 == 0 ? size : -size; });
}
// Every number with its opposite: side by side, halves, or anywhere.
std::vector<double> Cancelling(Random& random, size_t n) {
  std::vector<double> out = Equalised(random, n);
  const uint64_t way = random.Below(3);
  for (size_t k = 0; k + 1 < n; k += 2) out[k + 1] = -out[k];
  if (way == 1) std::ranges::stable_partition(out, [](double x) { return x > 0; });
  for (size_t k = n; way == 2 && k > 1; --k) std::swap(out[k - 1], out[random.Index(k)]);
  // What is left over.
  if (n > 0 && random.Chance(1, 2)) out[random.Index(n)] += random.Unit() * 1e-3;
  return out;
}
// Large numbers that leave small ones behind.
std::vector<double> Telescoping(Random& random, size_t n) {
  const double large = std::exp2(static_cast<double>(random.Between(4, 20)));
  return Each(n, [&](size_t k) { return (k % 2 == 0 ? large : -large) + random.Unit(); });
}
std::vector<double> Sorted(Random& random, size_t n) {
  std::vector<double> out =
      Each(n, [&](size_t) { return std::exp2(-12 * random.Unit()) * random.Unit(); });
  std::ranges::sort(out);
  if (random.Chance(1, 2)) std::ranges::reverse(out);
  return out;
}
std::vector<double> OneHuge(Random& random, size_t n) {
  std::vector<double> out = Equalised(random, n);
  if (n > 0) out[random.Index(n)] *= std::exp2(static_cast<double>(random.Between(6, 24)));
  return out;
}
std::vector<double> Decaying(Random& random, size_t n) {
  const double ratio = 1 - std::exp2(-static_cast<double>(random.Between(1, 12)));
  return Each(n, [&](size_t k) { return std::pow(ratio, static_cast<double>(k)); });
}
std::vector<double> MostlyZero(Random& random, size_t n) {
  return Each(n, [&](size_t) { return random.Chance(1, 30) ? Some(random) : 0; });
}
std::vector<double> WholeNumbers(Random& random, size_t n) {
  return Each(n, [&](size_t) { return static_cast<double>(random.Between(-9, 9)); });
}
std::vector<double> PowersOfTwo(Random& random, size_t n) {
  return Each(n, [&](size_t) {
    return Signed(random, std::exp2(static_cast<double>(random.Between(-6, 3))));
  });
}
std::vector<double> Positive(Random& random, size_t n) {
  return Each(n, [&](size_t) { return random.Unit(); });
}

constexpr DataKind kKinds[] = {
    {"equalised", Equalised},
    {"constant", Constant},
    {"slow", Slow},
    {"wave", Wave},
    {"repeated", Repeated},
    {"alternating", Alternating},
    {"cancelling", Cancelling},
    {"telescoping", Telescoping},
    {"sorted", Sorted},
    {"one huge", OneHuge},
    {"decaying", Decaying},
    {"mostly zero", MostlyZero},
    {"whole numbers", WholeNumbers},
    {"powers of two", PowersOfTwo},
    {"positive", Positive},
};

}  // namespace

std::span<const DataKind> DataKinds() { return kKinds; }

}  // namespace moire::faulty
