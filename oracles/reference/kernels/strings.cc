// Strings: StringConcat, StringSplit, StringNormalizer, RegexFullMatch. A string is exact or
// marked.
#include <algorithm>

#include "oracles/reference/kernels/elementwise.h"
#include "oracles/reference/kernels/families.h"
#include "oracles/reference/kernels/ml_util.h"
#include "oracles/reference/kernels/regex.h"

namespace moire {
namespace {

Status CheckStrings(const KernelContext& ctx, size_t input) {
  if (ctx.In(input).type == DataType::kString) return {};
  return Fail(ErrorCode::kInvalidInput, "input {} of {} is {}", input, ctx.node().op,
              Name(ctx.In(input).type));
}

Status StringConcat(KernelContext& ctx) {
  MOIRE_TRY(CheckStrings(ctx, 0));
  MOIRE_TRY(CheckStrings(ctx, 1));
  MOIRE_ASSIGN(Shape shape, BroadcastInputs(ctx));
  MOIRE_ASSIGN(RangeTensor * out, ctx.Make(0, DataType::kString, std::move(shape)));
  MOIRE_ASSIGN(const Operand a, Operand::Align(ctx, ctx.In(0), out->shape));
  MOIRE_ASSIGN(const Operand b, Operand::Align(ctx, ctx.In(1), out->shape));
  for (size_t i = 0; i < out->strings.size(); ++i) {
    const std::string& first = a.tensor().strings[a.At(i)];
    const std::string& second = b.tensor().strings[b.At(i)];
    MOIRE_TRY(ctx.Spend(1 + first.size() + second.size()));
    out->strings[i] = first + second;
    out->AddMark(i, a.MarkAt(i) | b.MarkAt(i));
  }
  return {};
}

// --- StringSplit ------------------------------------------------------------------------------

constexpr std::string_view kWhitespace = " \t\n\v\f\r";

// Whether Unicode, but not ASCII's six characters, calls something in the text white space.
bool HasOtherSpace(const std::vector<uint32_t>& points) {
  return std::ranges::any_of(points, [](uint32_t c) {
    return (c >= 0x1c && c <= 0x1f) || c == 0x85 || c == 0xa0 || c == 0x1680 ||
           (c >= 0x2000 && c <= 0x200b) || c == 0x2028 || c == 0x2029 || c == 0x202f ||
           c == 0x205f || c == 0x3000;
  });
}

struct Pieces {
  std::vector<std::string> pieces;
  bool open_end = false;  // the last piece's trailing white space stays or goes
};

Pieces SplitAtWhitespace(std::string_view text, int64_t most) {
  Pieces out;
  const size_t last = text.find_last_not_of(kWhitespace);
  size_t at = text.find_first_not_of(kWhitespace);
  while (at < text.size()) {  // npos is not
    const size_t end = std::min(text.find_first_of(kWhitespace, at), text.size());
    if (static_cast<int64_t>(out.pieces.size()) == most && end <= last) {
      out.pieces.emplace_back(text.substr(at, last + 1 - at));
      out.open_end = last + 1 < text.size();
      break;
    }
    if (static_cast<int64_t>(out.pieces.size()) == most) out.open_end = end < text.size();
    out.pieces.emplace_back(text.substr(at, end - at));
    at = text.find_first_not_of(kWhitespace, end);
  }
  return out;
}

Pieces SplitAt(std::string_view text, std::string_view delimiter, int64_t most) {
  Pieces out;
  while (static_cast<int64_t>(out.pieces.size()) < most) {
    const size_t found = text.find(delimiter);
    if (found == std::string_view::npos) break;
    out.pieces.emplace_back(text.substr(0, found));
    text.remove_prefix(found + delimiter.size());
  }
  out.pieces.emplace_back(text);
  return out;
}

Status StringSplit(KernelContext& ctx) {
  MOIRE_TRY(CheckStrings(ctx, 0));
  const RangeTensor& x = ctx.In(0);
  const std::string delimiter = ctx.node().String("delimiter", "");
  const int64_t most = ctx.node().Int("maxsplit", kLatest);
  if (most < 0) return Fail(ErrorCode::kUndecidable, "maxsplit {}", most);
  std::vector<Pieces> all;
  size_t width = 0;
  for (size_t i = 0; i < x.strings.size(); ++i) {
    if (x.MarkAt(i) != kDecided) return Fail(ErrorCode::kUndecidable, "a string is not certain");
    MOIRE_TRY(ctx.Spend(1 + x.strings[i].size()));
    if (delimiter.empty()) {
      const auto points = CodePoints(x.strings[i]);
      if (!points || HasOtherSpace(*points)) {
        return Fail(ErrorCode::kUndecidable, "what is white space outside ASCII is not said");
      }
      all.push_back(SplitAtWhitespace(x.strings[i], most));
    } else {
      all.push_back(SplitAt(x.strings[i], delimiter, most));
    }
    width = std::max(width, all.back().pieces.size());
  }
  Shape shape = x.shape;
  shape.push_back(static_cast<int64_t>(width));
  MOIRE_ASSIGN(RangeTensor * out, ctx.Make(0, DataType::kString, std::move(shape)));
  RangeTensor counts = MakeRangeTensor(DataType::kInt64, x.shape);
  for (size_t i = 0; i < all.size(); ++i) {
    counts.ints[i] = static_cast<int64_t>(all[i].pieces.size());
    std::ranges::move(all[i].pieces, out->strings.begin() + static_cast<int64_t>(i * width));
    if (all[i].open_end) out->AddMark(i * width + all[i].pieces.size() - 1, kUnspecified);
  }
  if (ctx.Wants(1)) ctx.Out(1) = std::move(counts);
  return {};
}

// --- StringNormalizer -------------------------------------------------------------------------

bool IsAscii(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return static_cast<uint8_t>(c) < 128; });
}

std::string ToCase(std::string text, bool upper) {
  for (char& c : text) {
    if (upper && c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
    if (!upper && c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return text;
}

Status StringNormalizer(KernelContext& ctx) {
  MOIRE_TRY(CheckStrings(ctx, 0));
  const RangeTensor& x = ctx.In(0);
  const bool matrix = x.shape.size() == 2 && x.shape[0] == 1;
  if (x.shape.size() != 1 && !matrix) {
    return Fail(ErrorCode::kInvalidInput, "neither [C] nor [1, C] but {}", ToString(x.shape));
  }
  if (x.size() == 0) return Fail(ErrorCode::kUndecidable, "no strings");
  const std::string action = ctx.node().String("case_change_action", "NONE");
  MOIRE_ASSIGN(const bool exact_case, ctx.Flag("is_case_sensitive", false));
  if (action != "NONE" && action != "LOWER" && action != "UPPER") {
    return Fail(ErrorCode::kInvalidInput, "case_change_action '{}'", action);
  }
  const Strings stopwords = StringList(ctx.node(), "stopwords");
  const bool folds = action != "NONE" || (!exact_case && !stopwords.empty());
  const auto same = [&](const std::string& a, const std::string& b) {
    return exact_case ? a == b : ToCase(a, false) == ToCase(b, false);
  };
  std::vector<std::string> kept;
  for (size_t i = 0; i < x.strings.size(); ++i) {
    const std::string& word = x.strings[i];
    MOIRE_TRY(ctx.Spend(1 + word.size() * (stopwords.size() + 1)));
    if (x.MarkAt(i) != kDecided) return Fail(ErrorCode::kUndecidable, "a string is not certain");
    // Case outside ASCII depends on the locale. ONNX's own implementation drops empty strings and
    // looks for stop words inside an element, which the page does not say.
    if ((folds && !IsAscii(word)) || word.empty() || (!stopwords.empty() && word.contains(' '))) {
      return Fail(ErrorCode::kUndecidable, "a string whose normal form is not said");
    }
    const bool stops = std::ranges::any_of(
        stopwords, [&](const std::string& stopword) { return same(word, stopword); });
    if (!stops) kept.push_back(action == "NONE" ? word : ToCase(word, action == "UPPER"));
  }
  if (kept.empty()) kept.emplace_back();
  const auto count = static_cast<int64_t>(kept.size());
  MOIRE_ASSIGN(RangeTensor * out,
               ctx.Make(0, DataType::kString, matrix ? Shape{1, count} : Shape{count}));
  out->strings = std::move(kept);
  return {};
}

Status RegexFullMatch(KernelContext& ctx) {
  MOIRE_TRY(CheckStrings(ctx, 0));
  const RangeTensor& x = ctx.In(0);
  MOIRE_ASSIGN(const Regex regex, Regex::Parse(ctx.node().String("pattern", "")));
  MOIRE_ASSIGN(RangeTensor * out, ctx.Make(0, DataType::kBool, x.shape));
  for (size_t i = 0; i < x.strings.size(); ++i) {
    const auto text = CodePoints(x.strings[i]);
    out->AddMark(i, text ? x.MarkAt(i) : uint8_t{kUnspecified});
    if (!text) continue;
    MOIRE_ASSIGN(const bool matches,
                 regex.FullMatch(*text, [&ctx](uint64_t steps) { return ctx.Spend(steps); }));
    out->ints[i] = matches ? 1 : 0;
  }
  return {};
}

constexpr KernelEntry kStringKernels[] = {
    {"StringConcat", 20, kLatest, StringConcat},
    {"StringSplit", 20, kLatest, StringSplit},
    {"StringNormalizer", 10, kLatest, StringNormalizer},
    {"RegexFullMatch", 20, kLatest, RegexFullMatch},
};

}  // namespace

std::span<const KernelEntry> StringKernels() { return kStringKernels; }

}  // namespace moire
