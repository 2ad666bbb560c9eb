#include "oracles/reference/kernels/cast_string.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <string>

#include "harness/case/float_bits.h"
#include "oracles/reference/kernels/directed.h"
#include "oracles/reference/kernels/interval.h"

namespace moire {
namespace {

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

size_t TakeDigits(std::string_view& text) {
  const size_t count = static_cast<size_t>(std::ranges::find_if_not(text, IsDigit) - text.begin());
  text.remove_prefix(count);
  return count;
}

bool TakeSign(std::string_view& text) {
  if (text.empty() || (text[0] != '+' && text[0] != '-')) return false;
  const bool negative = text[0] == '-';
  text.remove_prefix(1);
  return negative;
}

// [+-]digits[.digits][e[+-]digits], with a digit before the exponent.
bool IsNumeral(std::string_view text) {
  TakeSign(text);
  size_t digits = TakeDigits(text);
  if (text.starts_with('.')) {
    text.remove_prefix(1);
    digits += TakeDigits(text);
  }
  if (digits == 0) return false;
  if (text.starts_with('e') || text.starts_with('E')) {
    text.remove_prefix(1);
    TakeSign(text);
    if (TakeDigits(text) == 0) return false;
  }
  return text.empty();
}

}  // namespace

std::optional<double> ParseNumber(std::string_view text) {
  if (IsNumeral(text)) return std::strtod(std::string(text).c_str(), nullptr);
  std::string lower(text);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  if (lower == "inf" || lower == "+inf") return kDoubleInfinity;
  if (lower == "-inf") return -kDoubleInfinity;
  if (lower == "nan") return kDoubleNan;
  return std::nullopt;
}

std::optional<int64_t> ParseInteger(std::string_view text, DataType type) {
  std::string_view rest = text;
  const bool negative = TakeSign(rest);
  uint64_t size = 0;
  const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), size);
  if (rest.empty() || end != rest.data() + rest.size() || error != std::errc()) return std::nullopt;
  const uint64_t limit =
      negative ? uint64_t{0} - static_cast<uint64_t>(IntegerMin(type)) : IntegerMax(type);
  if (size > limit) return std::nullopt;
  return static_cast<int64_t>(negative ? uint64_t{0} - size : size);
}

Status CastFromString(KernelContext& ctx, DataType to) {
  const RangeTensor& x = ctx.In(0);
  if (!IsFloat(to) && !IsExact(to)) {
    return Fail(ErrorCode::kUnsupported, "strings to {}", Name(to));
  }
  MOIRE_ASSIGN(RangeTensor * out, ctx.Make(0, to, x.shape));
  for (size_t i = 0; i < x.strings.size(); ++i) {
    const std::string& text = x.strings[i];
    MOIRE_TRY(ctx.Spend(1 + text.size()));
    uint8_t marks = x.MarkAt(i);
    if (IsFloat(to)) {
      const std::optional<double> y = ParseNumber(text);
      if (!y) marks |= kUnspecified;
      // The literal lies between the neighbours of the nearest double.
      const double value = y.value_or(0);
      const auto round = [&](double at) { return RoundTo(to, at); };
      Interval element{round(value), round(Below(value)), round(Above(value)), marks};
      if (to == DataType::kDouble || std::isnan(value) || !y) element = Exactly(round(value));
      element.mark = marks;
      StoreElement(*out, i, element);
    } else if (IsBool(to)) {
      out->AddMark(i, marks | kUnspecified);
    } else {
      const std::optional<int64_t> y = ParseInteger(text, to);
      out->ints[i] = y.value_or(0);
      out->AddMark(i, marks | (y ? kDecided : kUnspecified));
    }
  }
  return {};
}

Status CastToString(KernelContext& ctx) {
  const RangeTensor& x = ctx.In(0);
  MOIRE_ASSIGN(RangeTensor * out, ctx.Make(0, DataType::kString, x.shape));
  MOIRE_TRY(ctx.Spend(static_cast<uint64_t>(x.size()) * 32));
  for (size_t i = 0; i < static_cast<size_t>(x.size()); ++i) {
    uint8_t marks = x.MarkAt(i);
    if (IsInteger(x.type)) {
      out->strings[i] = IsUnsigned(x.type) ? fmt::format("{}", static_cast<uint64_t>(x.ints[i]))
                                           : fmt::format("{}", x.ints[i]);
    } else {
      out->strings[i] =
          IsFloat(x.type) ? fmt::format("{}", x.value[i]) : fmt::format("{}", x.ints[i] != 0);
      marks |= kUnspecified;
    }
    out->AddMark(i, marks);
  }
  return {};
}

}  // namespace moire
