#include "oracles/reference/kernels/regex.h"

#include <algorithm>
#include <string>
#include <utility>

namespace moire {

enum class RegexKind : uint8_t {
  kSet,       // one code point inside (or outside, when negated) the ranges
  kSequence,  // the items one after another
  kChoice,    // one of the items
  kRepeat,    // the one item, `least` to `most` times; most < 0: without limit
  kBegin,
  kEnd,
  kBoundary,  // of an ASCII word; negated: none
};

struct Regex::Item {
  using Range = std::pair<uint32_t, uint32_t>;
  RegexKind kind = RegexKind::kSequence;
  std::vector<Range> ranges = {};
  bool negated = false;
  std::vector<std::unique_ptr<Item>> items = {};
  int least = 0;
  int most = -1;
};

namespace {

using Item = Regex::Item;
using ItemPtr = std::unique_ptr<Item>;
using Ranges = std::vector<Item::Range>;

constexpr int kMostRepeats = 1000;  // RE2's
constexpr int kMaxNesting = 200;
constexpr uint32_t kLastCodePoint = 0x10ffff;

const Ranges kDigits = {{'0', '9'}};
const Ranges kWord = {{'0', '9'}, {'A', 'Z'}, {'_', '_'}, {'a', 'z'}};
const Ranges kSpace = {{'\t', '\n'}, {'\f', '\r'}, {' ', ' '}};

bool Contains(const Ranges& ranges, uint32_t c) {
  return std::ranges::any_of(ranges, [c](const auto& r) { return r.first <= c && c <= r.second; });
}

Ranges Complement(Ranges ranges) {
  std::ranges::sort(ranges);
  Ranges out;
  uint32_t next = 0;
  for (const auto& [first, last] : ranges) {
    if (first > next) out.emplace_back(next, first - 1);
    next = std::max(next, last + 1);
  }
  if (next <= kLastCodePoint) out.emplace_back(next, kLastCodePoint);
  return out;
}

ItemPtr MakeItem(RegexKind kind) {
  auto out = std::make_unique<Item>();
  out->kind = kind;
  return out;
}

class Parser {
 public:
  explicit Parser(std::vector<uint32_t> pattern) : pattern_(std::move(pattern)) {}

  Result<ItemPtr> Run() {
    MOIRE_ASSIGN(ItemPtr out, Choice(0));
    if (!done()) return Fail(ErrorCode::kInvalidInput, "unexpected ) in the pattern");
    return out;
  }

 private:
  bool done() const { return at_ == pattern_.size(); }
  uint32_t Peek() const { return done() ? 0 : pattern_[at_]; }
  bool Take(uint32_t c) {
    if (done() || pattern_[at_] != c) return false;
    ++at_;
    return true;
  }

  Result<ItemPtr> Choice(int depth) {
    if (depth > kMaxNesting) return Fail(ErrorCode::kUnsupported, "a pattern nested too deep");
    ItemPtr out = MakeItem(RegexKind::kChoice);
    do {
      ItemPtr sequence = MakeItem(RegexKind::kSequence);
      while (!done() && Peek() != '|' && Peek() != ')') {
        MOIRE_ASSIGN(ItemPtr item, Repeated(depth));
        sequence->items.push_back(std::move(item));
      }
      out->items.push_back(std::move(sequence));
    } while (Take('|'));
    return out;
  }

  Result<ItemPtr> Repeated(int depth) {
    MOIRE_ASSIGN(ItemPtr item, Atom(depth));
    bool repeated = false;
    while (!done()) {
      int least = 0, most = -1;
      if (Take('*')) {
      } else if (Take('+')) {
        least = 1;
      } else if (Take('?')) {
        most = 1;
      } else if (!(Peek() == '{' && Counts(least, most))) {
        break;
      }
      if (repeated) return Fail(ErrorCode::kInvalidInput, "two repetitions in a row");
      if (least > kMostRepeats || most > kMostRepeats || (most >= 0 && least > most)) {
        return Fail(ErrorCode::kInvalidInput, "repetition {} to {}", least, most);
      }
      Take('?');  // lazy: the same strings match
      ItemPtr repeat = MakeItem(RegexKind::kRepeat);
      repeat->least = least;
      repeat->most = most;
      repeat->items.push_back(std::move(item));
      item = std::move(repeat);
      repeated = true;
    }
    return item;
  }

  // {n}, {n,}, {n,m}; anything else is a literal brace.
  bool Counts(int& least, int& most) {
    const size_t start = at_;
    const auto number = [&](int& out) {
      const size_t first = at_;
      for (out = 0; !done() && Peek() >= '0' && Peek() <= '9'; ++at_) {
        out = std::min(out * 10 + static_cast<int>(Peek() - '0'), 2 * kMostRepeats);
      }
      return at_ > first;
    };
    ++at_;
    bool good = number(least);
    most = least;
    if (good && Take(',')) {
      if (!number(most)) most = -1;
    }
    good = good && Take('}');
    if (!good) at_ = start;
    return good;
  }

  Result<ItemPtr> Atom(int depth) {
    const uint32_t c = pattern_[at_++];
    switch (c) {
      case '(':
        return Group(depth);
      case '[':
        return Class();
      case '\\':
        return Escape();
      case '^':
        return MakeItem(RegexKind::kBegin);
      case '$':
        return MakeItem(RegexKind::kEnd);
      case '*':
      case '+':
      case '?':
        return Fail(ErrorCode::kInvalidInput, "nothing to repeat");
      case '.': {
        ItemPtr any = MakeItem(RegexKind::kSet);
        any->negated = true;
        if (!dot_all_) any->ranges = {{'\n', '\n'}};
        return any;
      }
      default:
        return Literal(c);
    }
  }

  ItemPtr Literal(uint32_t c) const { return Set({{c, c}}, false); }

  ItemPtr Set(Ranges ranges, bool negated) const {
    ItemPtr out = MakeItem(RegexKind::kSet);
    if (ignore_case_) {
      for (size_t i = 0, n = ranges.size(); i < n; ++i) {
        for (uint32_t c = 'a'; c <= 'z'; ++c) {
          const uint32_t upper = c - 'a' + 'A';
          const auto [first, last] = ranges[i];
          if (first <= c && c <= last) ranges.emplace_back(upper, upper);
          if (first <= upper && upper <= last) ranges.emplace_back(c, c);
        }
      }
    }
    out->ranges = std::move(ranges);
    out->negated = negated;
    return out;
  }

  Result<ItemPtr> Group(int depth) {
    const bool outer_case = ignore_case_, outer_dot = dot_all_;
    if (Take('?')) {
      if (Peek() == 'P' || Peek() == '<') {
        if (Take('P') && Peek() != '<') return Fail(ErrorCode::kInvalidInput, "(?P in the pattern");
        while (!done() && Peek() != '>') ++at_;
        if (!Take('>')) return Fail(ErrorCode::kInvalidInput, "a group name that does not end");
      } else {
        bool on = true;
        while (!done() && Peek() != ':' && Peek() != ')') {
          const uint32_t flag = pattern_[at_++];
          if (flag == '-')
            on = false;
          else if (flag == 'i')
            ignore_case_ = on;
          else if (flag == 's')
            dot_all_ = on;
          else if (flag == 'm')
            return Fail(ErrorCode::kUnsupported, "flag m");
          else if (flag != 'U')
            return Fail(ErrorCode::kInvalidInput, "unknown flag");
        }
        if (Take(')')) return MakeItem(RegexKind::kSequence);  // flags for what follows
        if (!Take(':')) return Fail(ErrorCode::kInvalidInput, "flags that do not end");
      }
    }
    MOIRE_ASSIGN(ItemPtr out, Choice(depth + 1));
    ignore_case_ = outer_case;
    dot_all_ = outer_dot;
    if (!Take(')')) return Fail(ErrorCode::kInvalidInput, "a group that does not end");
    return out;
  }

  // \d and the like; empty for any other letter.
  static Ranges PerlClass(uint32_t letter) {
    switch (letter) {
      case 'd':
        return kDigits;
      case 'D':
        return Complement(kDigits);
      case 'w':
        return kWord;
      case 'W':
        return Complement(kWord);
      case 's':
        return kSpace;
      case 'S':
        return Complement(kSpace);
      default:
        return {};
    }
  }

  Result<ItemPtr> Escape() {
    if (done()) return Fail(ErrorCode::kInvalidInput, "a pattern that ends with \\");
    const uint32_t c = Peek();
    Ranges perl = PerlClass(c);
    if (!perl.empty()) {
      ++at_;
      return Set(std::move(perl), false);
    }
    if (c == 'A' || c == 'z' || c == 'b' || c == 'B') {
      ++at_;
      ItemPtr out = MakeItem(c == 'A'   ? RegexKind::kBegin
                             : c == 'z' ? RegexKind::kEnd
                                        : RegexKind::kBoundary);
      out->negated = c == 'B';
      return out;
    }
    MOIRE_ASSIGN(const uint32_t literal, EscapedLiteral());
    return Literal(literal);
  }

  Result<uint32_t> EscapedLiteral() {
    const uint32_t c = pattern_[at_++];
    constexpr std::string_view kNames = "abfnrtv";
    constexpr std::string_view kValues = "\a\b\f\n\r\t\v";
    if (c < 128 && c != 'b' && kNames.contains(static_cast<char>(c))) {
      return static_cast<uint32_t>(kValues[kNames.find(static_cast<char>(c))]);
    }
    const bool letter = Contains(kWord, c) && c != '_';
    if (letter || c >= 128) return Fail(ErrorCode::kUnsupported, "an escape in the pattern");
    return c;
  }

  Result<ItemPtr> Class() {
    const bool negated = Take('^');
    Ranges ranges;
    for (bool first = true; done() || Peek() != ']' || first; first = false) {
      if (done()) return Fail(ErrorCode::kInvalidInput, "a class that does not end");
      uint32_t low = pattern_[at_++];
      if (low == '[' && Peek() == ':') return Fail(ErrorCode::kUnsupported, "a named class");
      if (low == '\\') {
        if (done()) return Fail(ErrorCode::kInvalidInput, "a class that does not end");
        const Ranges perl = PerlClass(Peek());
        if (!perl.empty()) {
          ++at_;
          ranges.insert(ranges.end(), perl.begin(), perl.end());
          continue;
        }
        MOIRE_ASSIGN(low, EscapedLiteral());
      }
      uint32_t high = low;
      if (Peek() == '-' && at_ + 1 < pattern_.size() && pattern_[at_ + 1] != ']') {
        ++at_;
        high = pattern_[at_++];
        if (high == '\\') {
          if (done()) return Fail(ErrorCode::kInvalidInput, "a class that does not end");
          MOIRE_ASSIGN(high, EscapedLiteral());
        }
        if (high < low) return Fail(ErrorCode::kInvalidInput, "a range that runs backwards");
      }
      ranges.emplace_back(low, high);
    }
    ++at_;
    return Set(std::move(ranges), negated);
  }

  std::vector<uint32_t> pattern_;
  size_t at_ = 0;
  bool ignore_case_ = false;
  bool dot_all_ = false;
};

// Positions in the text, 0 to its length.
using Places = std::vector<bool>;

class Matcher {
 public:
  Matcher(const std::vector<uint32_t>& text, const std::function<Status(uint64_t)>& spend)
      : text_(text), spend_(spend) {}

  // Where a match of the item that starts at one of `from` may end.
  Result<Places> Ends(const Item& item, const Places& from) {
    MOIRE_TRY(spend_(from.size()));
    switch (item.kind) {
      case RegexKind::kSet: {
        Places out(from.size());
        for (size_t i = 0; i < text_.size(); ++i) {
          out[i + 1] = from[i] && Contains(item.ranges, text_[i]) != item.negated;
        }
        return out;
      }
      case RegexKind::kSequence: {
        Places out = from;
        for (const ItemPtr& part : item.items) {
          MOIRE_ASSIGN(out, Ends(*part, out));
        }
        return out;
      }
      case RegexKind::kChoice: {
        Places out(from.size());
        for (const ItemPtr& part : item.items) {
          MOIRE_ASSIGN(const Places ends, Ends(*part, from));
          Unite(out, ends);
        }
        return out;
      }
      case RegexKind::kRepeat:
        return Repeat(item, from);
      default:
        return Where(item, from);
    }
  }

 private:
  static bool Unite(Places& into, const Places& more) {
    bool grew = false;
    for (size_t i = 0; i < into.size(); ++i) {
      grew |= more[i] && !into[i];
      into[i] = into[i] || more[i];
    }
    return grew;
  }

  Result<Places> Repeat(const Item& item, const Places& from) {
    Places now = from;
    for (int i = 0; i < item.least; ++i) {
      MOIRE_ASSIGN(now, Ends(*item.items[0], now));
    }
    Places all = now;
    for (int i = item.least; item.most < 0 || i < item.most; ++i) {
      MOIRE_ASSIGN(now, Ends(*item.items[0], now));
      if (!Unite(all, now)) break;
    }
    return all;
  }

  Places Where(const Item& item, const Places& from) const {
    Places out(from.size());
    const auto word = [&](size_t i) { return i < text_.size() && Contains(kWord, text_[i]); };
    for (size_t i = 0; i < from.size(); ++i) {
      const bool boundary = (i > 0 && word(i - 1)) != word(i);
      const bool holds = item.kind == RegexKind::kBegin ? i == 0
                         : item.kind == RegexKind::kEnd ? i == text_.size()
                                                        : boundary != item.negated;
      out[i] = from[i] && holds;
    }
    return out;
  }

  const std::vector<uint32_t>& text_;
  const std::function<Status(uint64_t)>& spend_;
};

}  // namespace

Result<std::vector<uint32_t>> CodePoints(std::string_view text) {
  std::vector<uint32_t> out;
  for (size_t i = 0; i < text.size();) {
    const auto byte = static_cast<uint8_t>(text[i]);
    const size_t length = byte < 0x80   ? 1
                          : byte < 0xc2 ? 0
                          : byte < 0xe0 ? 2
                          : byte < 0xf0 ? 3
                          : byte < 0xf5 ? 4
                                        : 0;
    if (length == 0 || i + length > text.size()) {
      return Fail(ErrorCode::kInvalidInput, "text that is not UTF-8");
    }
    uint32_t point = length == 1 ? byte : byte & (0xffu >> (length + 1));
    for (size_t k = 1; k < length; ++k) {
      const auto next = static_cast<uint8_t>(text[i + k]);
      if ((next & 0xc0) != 0x80) return Fail(ErrorCode::kInvalidInput, "text that is not UTF-8");
      point = point << 6 | (next & 0x3f);
    }
    out.push_back(point);
    i += length;
  }
  return out;
}

Regex::Regex(std::unique_ptr<Item> root) : root_(std::move(root)) {}
Regex::Regex(Regex&&) noexcept = default;
Regex& Regex::operator=(Regex&&) noexcept = default;
Regex::~Regex() = default;

Result<Regex> Regex::Parse(std::string_view pattern) {
  MOIRE_ASSIGN(std::vector<uint32_t> points, CodePoints(pattern));
  MOIRE_ASSIGN(ItemPtr root, Parser(std::move(points)).Run());
  return Regex(std::move(root));
}

Result<bool> Regex::FullMatch(const std::vector<uint32_t>& text,
                              const std::function<Status(uint64_t)>& spend) const {
  Places from(text.size() + 1);
  from[0] = true;
  MOIRE_ASSIGN(const Places ends, Matcher(text, spend).Ends(*root_, from));
  return ends[text.size()];
}

}  // namespace moire
