#include "fuzzers/generate/value_fill.h"

#include <array>
#include <cmath>
#include <cstring>
#include <limits>

#include "harness/case/float_bits.h"

namespace moire {
namespace {

// Writes element i for every i from a generator of doubles; the common types without a table
// look-up.
template <typename Next>
void WriteAll(Tensor& tensor, Next next) {
  const int64_t count = tensor.size();
  const auto store = [&]<typename T>(std::span<T> out) {
    for (T& element : out) element = static_cast<T>(next());
  };
  switch (tensor.type) {
    case DataType::kFloat:
      return store(tensor.As<float>());
    case DataType::kDouble:
      return store(tensor.As<double>());
    case DataType::kInt8:
      return store(tensor.As<int8_t>());
    case DataType::kInt16:
      return store(tensor.As<int16_t>());
    case DataType::kInt32:
      return store(tensor.As<int32_t>());
    case DataType::kInt64:
      return store(tensor.As<int64_t>());
    case DataType::kUint8:
      return store(tensor.As<uint8_t>());
    case DataType::kUint16:
      return store(tensor.As<uint16_t>());
    case DataType::kUint32:
      return store(tensor.As<uint32_t>());
    case DataType::kUint64:
      return store(tensor.As<uint64_t>());
    default:
      break;
  }
  for (int64_t i = 0; i < count; ++i) {
    if (IsFloat(tensor.type)) {
      SetFloat(tensor, i, next());
    } else {
      SetInt(tensor, i, static_cast<int64_t>(next()));
    }
  }
}

// Words that repeat, numbers as text, blanks, more than one byte a letter.
std::string DrawText(Random& random, Profile profile) {
  static constexpr std::string_view kTexts[] = {
      "a",  "b",   "monday", "Tuesday", "a b c",     "x,y,,z", "",    " ", "ä€", "3",
      "-2", "0.5", "1e3",    "AB12",    "www.a.org", "b",      "inf", "B", "0",  "12"};
  static constexpr size_t kNumbers[] = {9, 10, 11, 12, 18, 19};
  if (profile == Profile::kSmallIntegers || profile == Profile::kUnit) {
    return std::string(kTexts[kNumbers[random.Index(6)]]);
  }
  return std::string(kTexts[random.Index(std::size(kTexts))]);
}

}  // namespace

Profile DrawProfile(Random& random, double edge_share) {
  if (random.Unit() < edge_share) return Profile::kEdge;
  static constexpr std::array kProfiles = {
      Profile::kSmallIntegers, Profile::kSmallIntegers, Profile::kModerate,
      Profile::kModerate,      Profile::kModerate,      Profile::kUnit,
      Profile::kUnit,          Profile::kConstant,      Profile::kRepeated};
  return kProfiles[random.Index(kProfiles.size())];
}

Range ProfileRange(Profile profile, DataType type) {
  if (IsBool(type)) return {0, 1};
  const bool is_unsigned = IsUnsigned(type);
  if (IsInteger(type) && Traits(type).bits < 8) {
    return {static_cast<double>(IntegerMin(type)), static_cast<double>(IntegerMax(type))};
  }
  if (IsInteger(type)) return is_unsigned ? Range{0, 6} : Range{-5, 5};
  switch (profile) {
    case Profile::kSmallIntegers:
      return {-4, 4};
    case Profile::kUnit:
      return {0, 1};
    default:
      return {-2, 2};
  }
}

Tensor FillTensor(DataType type, Shape shape, Profile profile, Range range, Random& random) {
  Tensor tensor = MakeTensor(type, std::move(shape));
  const int64_t count = tensor.size();
  if (count == 0) return tensor;
  if (type == DataType::kString) {
    for (std::string& text : tensor.strings) text = DrawText(random, profile);
    return tensor;
  }
  if (Traits(type).kind == TypeClass::kComplex) {
    // Two reals an element.
    const bool single = type == DataType::kComplex64;
    Shape reals = tensor.shape;
    reals.push_back(2);
    tensor.data = std::move(FillTensor(single ? DataType::kFloat : DataType::kDouble,
                                       std::move(reals), profile, range, random)
                                .data);
    return tensor;
  }
  const bool whole =
      !IsFloat(type) || (profile == Profile::kSmallIntegers && range.hi - range.lo >= 1.5);
  if (whole) range = {std::ceil(range.lo), std::floor(range.hi)};
  const double width = std::max(0.0, range.hi - range.lo);
  const auto draw = [&]() -> double {
    return whole ? range.lo + static_cast<double>(random.Below(static_cast<uint64_t>(width) + 1))
                 : range.lo + random.Unit() * width;
  };
  if (profile == Profile::kConstant || profile == Profile::kRepeated) {
    std::array<double, 4> values = {draw(), draw(), draw(), draw()};
    const size_t kinds = profile == Profile::kConstant ? 1 : 4;
    size_t i = 0;
    WriteAll(tensor, [&] { return values[i++ % kinds]; });
    return tensor;
  }
  if (whole && width < 65535) {
    // Four values from each draw.
    const auto steps = static_cast<uint64_t>(width) + 1;
    uint64_t bits = 0;
    unsigned left = 0;
    WriteAll(tensor, [&] {
      if (left-- == 0) {
        bits = random.Next();
        left = 3;
      }
      const uint64_t step = ((bits & 0xffff) * steps) >> 16;
      bits >>= 16;
      return range.lo + static_cast<double>(step);
    });
  } else {
    WriteAll(tensor, draw);
  }
  if (profile == Profile::kEdge) {
    for (int64_t i = 0; i < count; ++i) {
      if (random.Chance(1, 8)) SetEdge(tensor, i, random);
    }
  }
  return tensor;
}

void SetEdge(Tensor& tensor, int64_t index, Random& random) {
  const DataType type = tensor.type;
  if (IsBool(type)) return SetInt(tensor, index, static_cast<int64_t>(random.Below(2)));
  if (type == DataType::kString) {
    tensor.strings[static_cast<size_t>(index)] =
        random.Chance(1, 2) ? "" : std::string("\0\n\xff", 3);
    return;
  }
  if (!IsFloat(type) && !IsInteger(type)) return;
  if (!IsFloat(type)) {
    const auto highest = static_cast<int64_t>(IntegerMax(type));
    const int64_t choices[] = {IntegerMin(type), highest, IsSigned(type) ? -1 : highest - 1, 0, 1};
    return SetInt(tensor, index, choices[random.Index(5)]);
  }
  const double infinity = std::numeric_limits<double>::infinity();
  const double choices[] = {std::numeric_limits<double>::quiet_NaN(),
                            infinity,
                            -infinity,
                            -0.0,
                            0.0,
                            SmallestSubnormal(type),
                            -SmallestNormal(type),
                            Traits(type).max_finite,
                            -Traits(type).max_finite,
                            1.0 + 2 * UnitRoundoff(type)};
  SetFloat(tensor, index, choices[random.Index(10)]);
}

Range MeasureRange(const Tensor& tensor) {
  bool any = false;
  Range range;
  if (tensor.type == DataType::kString || tensor.type == DataType::kUndefined) return range;
  const bool is_float = IsFloat(tensor.type);
  if (!is_float && !IsExact(tensor.type)) return range;
  const int64_t count = tensor.size();
  for (int64_t i = 0; i < count; ++i) {
    const double value = is_float ? GetFloat(tensor, i) : static_cast<double>(GetInt(tensor, i));
    // Extremes are edge values, not the character of the tensor.
    if (!std::isfinite(value) || std::fabs(value) > 1e30) continue;
    range = any ? Hull(range, {value, value}) : Range{value, value};
    any = true;
  }
  return range;
}

Tensor Resized(const Tensor& tensor, Shape shape, int64_t offset) {
  Tensor out = MakeTensor(tensor.type, std::move(shape));
  const int64_t count = tensor.size();
  const auto bits = static_cast<size_t>(Traits(tensor.type).bits);
  for (int64_t i = 0; i < out.size() && count > 0; ++i) {
    const int64_t source = (i + offset) % count;
    const auto to = static_cast<size_t>(i);
    const auto from = static_cast<size_t>(source);
    if (tensor.type == DataType::kString) {
      out.strings[to] = tensor.strings[from];
    } else if (bits < 8) {
      SetInt(out, i, GetInt(tensor, source));
    } else {
      const size_t bytes = bits / 8;
      std::memcpy(out.data.data() + to * bytes, tensor.data.data() + from * bytes, bytes);
    }
  }
  return out;
}

}  // namespace moire
