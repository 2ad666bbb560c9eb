#include "oracles/reference/range_tensor.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "harness/case/float_bits.h"

namespace moire {

void RangeTensor::MakeRanges() {
  if (!lo.empty()) return;
  lo = value;
  hi = value;
}

RangeTensor MakeRangeTensor(DataType type, Shape shape) {
  RangeTensor out;
  out.type = type;
  out.shape = std::move(shape);
  const auto count = static_cast<size_t>(out.size());
  if (IsFloat(type)) {
    out.value.resize(count);
  } else if (IsExact(type)) {
    out.ints.resize(count);
  } else if (type == DataType::kString) {
    out.strings.resize(count);
  } else if (HeldAsBytes(type)) {
    out.strings.resize(count, std::string(ByteSize(type, 1), '\0'));
  } else {
    out.opaque = Opaque::kUnsupported;
    out.opaque_reason = fmt::format("element type {}", Name(type));
  }
  return out;
}

RangeTensor FromTensor(const Tensor& tensor) {
  RangeTensor out = MakeRangeTensor(tensor.type, tensor.shape);
  const int64_t count = out.size();
  if (tensor.type == DataType::kFloat) {
    const auto source = tensor.As<float>();
    std::copy(source.begin(), source.end(), out.value.begin());
  } else if (tensor.type == DataType::kInt64) {
    const auto source = tensor.As<int64_t>();
    std::copy(source.begin(), source.end(), out.ints.begin());
  } else if (IsFloat(tensor.type)) {
    for (int64_t i = 0; i < count; ++i) out.value[static_cast<size_t>(i)] = GetFloat(tensor, i);
  } else if (IsExact(tensor.type)) {
    for (int64_t i = 0; i < count; ++i) out.ints[static_cast<size_t>(i)] = GetInt(tensor, i);
  } else if (tensor.type == DataType::kString) {
    out.strings = tensor.strings;
  } else if (HeldAsBytes(tensor.type)) {
    const size_t width = ByteSize(tensor.type, 1);
    for (size_t i = 0; i < out.strings.size(); ++i) {
      out.strings[i].assign(reinterpret_cast<const char*>(tensor.data.data()) + i * width, width);
    }
  }
  return out;
}

RangeTensor MakeParts(OnnxKind kind, std::vector<RangeTensor> parts) {
  RangeTensor out;
  out.opaque = Opaque::kParts;
  out.opaque_reason = fmt::format("a {}, not a tensor", Name(kind));
  out.kind = kind;
  out.parts = std::move(parts);
  return out;
}

Tensor ToTensor(const RangeTensor& range) {
  Tensor out = MakeTensor(range.type, range.shape);
  const int64_t count = range.size();
  if (IsFloat(range.type)) {
    for (int64_t i = 0; i < count; ++i) SetFloat(out, i, range.value[static_cast<size_t>(i)]);
  } else if (IsExact(range.type)) {
    for (int64_t i = 0; i < count; ++i) SetInt(out, i, range.ints[static_cast<size_t>(i)]);
  } else if (range.type == DataType::kString) {
    out.strings = range.strings;
  } else if (HeldAsBytes(range.type)) {
    for (size_t i = 0; i < range.strings.size(); ++i) {
      std::ranges::copy(range.strings[i],
                        out.data.begin() + static_cast<int64_t>(i * ByteSize(range.type, 1)));
    }
  }
  return out;
}

void Round(RangeTensor& out) {
  const size_t count = out.value.size();
  const DataType type = out.type;
  if (type == DataType::kDouble) {
    // No wider type to hide in: only NaN needs care.
    if (out.exact()) return;
    for (size_t i = 0; i < count; ++i) {
      const bool value_nan = std::isnan(out.value[i]);
      if (std::isnan(out.lo[i]) != value_nan || std::isnan(out.hi[i]) != value_nan) {
        out.AddMark(i, kUndecidable);
      }
    }
    return;
  }
  const bool is_float = type == DataType::kFloat;
  const auto round = [&](double x) {
    return is_float ? static_cast<double>(static_cast<float>(x)) : RoundTo(type, x);
  };
  if (out.exact()) {
    // Most results of exact inputs need no range: those that the type holds.
    size_t i = 0;
    for (; i < count; ++i) {
      const double x = out.value[i];
      if (x != round(x) && !std::isnan(x)) break;
    }
    if (i == count) return;
    out.MakeRanges();
  }
  for (size_t i = 0; i < count; ++i) {
    double& lo = out.lo[i];
    double& hi = out.hi[i];
    const bool value_nan = std::isnan(out.value[i]);
    out.value[i] = round(out.value[i]);
    if (std::isnan(lo) != value_nan || std::isnan(hi) != value_nan) {
      out.AddMark(i, kUndecidable);
      continue;
    }
    if (value_nan) continue;
    // A small float that is kept wide is kept in float32, and rounded to that.
    lo = std::min({lo, round(lo), static_cast<double>(static_cast<float>(lo))});
    hi = std::max({hi, round(hi), static_cast<double>(static_cast<float>(hi))});
  }
}

RangeTensor GatherElements(const RangeTensor& source, Shape shape, std::span<const int64_t> index,
                           double fill_float, int64_t fill_int) {
  RangeTensor out;
  out.type = source.type;
  out.shape = std::move(shape);
  const auto gather = [&](const auto& from, auto& to, auto fill) {
    to.resize(index.size());
    for (size_t i = 0; i < index.size(); ++i) {
      to[i] = index[i] < 0 ? fill : from[static_cast<size_t>(index[i])];
    }
  };
  if (IsFloat(source.type)) {
    gather(source.value, out.value, fill_float);
    if (!source.exact()) {
      gather(source.lo, out.lo, fill_float);
      gather(source.hi, out.hi, fill_float);
    }
  } else if (IsExact(source.type)) {
    gather(source.ints, out.ints, fill_int);
  } else if (HeldAsBytes(source.type)) {
    gather(source.strings, out.strings, std::string(ByteSize(source.type, 1), '\0'));
  }
  if (!source.marks.empty()) gather(source.marks, out.marks, uint8_t{kDecided});
  return out;
}

namespace {

// Both parts equal as numbers, a NaN any NaN.
template <typename T>
bool SameComplex(const char* expected, const uint8_t* actual) {
  T a[2];
  T b[2];
  std::memcpy(a, expected, sizeof(a));
  std::memcpy(b, actual, sizeof(b));
  const auto same = [](T x, T y) { return x == y || (std::isnan(x) && std::isnan(y)); };
  return same(a[0], b[0]) && same(a[1], b[1]);
}

}  // namespace

bool Legal(const RangeTensor& expected, const Tensor& actual, int64_t i) {
  const auto e = static_cast<size_t>(i);
  if (expected.MarkAt(e) != kDecided) return true;
  if (IsExact(expected.type)) return GetInt(actual, i) == expected.ints[e];
  if (expected.type == DataType::kString) return actual.strings[e] == expected.strings[e];
  if (HeldAsBytes(expected.type)) {
    const uint8_t* const bytes = actual.data.data() + e * ByteSize(expected.type, 1);
    const char* const known = expected.strings[e].data();
    return expected.type == DataType::kComplex64 ? SameComplex<float>(known, bytes)
                                                 : SameComplex<double>(known, bytes);
  }
  const double y = GetFloat(actual, i);
  const double lo = expected.Lo()[e];
  const double hi = expected.Hi()[e];
  if (std::isnan(lo)) return std::isnan(y);
  if (lo <= y && y <= hi) return true;  // the common case, without rounding
  return RoundTo(expected.type, lo) <= y && y <= RoundTo(expected.type, hi);
}

}  // namespace moire
