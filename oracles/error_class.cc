#include "oracles/error_class.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <vector>

#include "harness/case/data_type.h"

namespace moire {
namespace {

constexpr size_t kLongest = 200;

bool IsWordChar(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '/' || c == '.' ||
         c == '-' || c == '+';
}
bool IsDigit(char c) { return c >= '0' && c <= '9'; }

// After these words comes a name, perhaps in brackets or behind a colon.
constexpr std::array<std::string_view, 9> kNamed = {
    "node", "name", "input", "output", "value", "tensor", "initializer", "parameter", "arg"};

std::string Lower(std::string_view text) {
  std::string result(text);
  std::ranges::transform(result, result.begin(),
                         [](char c) { return static_cast<char>(std::tolower(c)); });
  return result;
}

std::string ClassOfWord(std::string_view word) {
  // Trailing punctuation of a sentence does not belong to the word.
  size_t end = word.size();
  while (end > 0 && (word[end - 1] == '.' || word[end - 1] == '-' || word[end - 1] == '/')) --end;
  const std::string_view tail = word.substr(end);
  word = word.substr(0, end);
  if (word.empty()) return std::string(tail);
  if (const size_t slash = word.rfind('/'); slash != std::string_view::npos) {
    const std::string_view file = word.substr(slash + 1);
    if (file.ends_with(".cc") || file.ends_with(".h") || file.ends_with(".cpp") ||
        file.ends_with(".inc")) {
      return std::string(file) + std::string(tail);
    }
    return "*" + std::string(tail);
  }
  if (std::ranges::none_of(word, IsDigit)) return std::string(word) + std::string(tail);
  if (ParseDataType(word) != DataType::kUndefined) return std::string(word) + std::string(tail);
  const bool number = std::ranges::all_of(word, [](char c) {
    return IsDigit(c) || c == '.' || c == '-' || c == '+' || c == 'e' || c == 'x';
  });
  return (number ? "#" : "*") + std::string(tail);
}

// "#, #, #" and "#x#" -> "#".
std::string CollapseLists(const std::string& text) {
  std::string result;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '#' && !result.empty()) {
      size_t back = result.size();
      while (back > 0 &&
             (result[back - 1] == ',' || result[back - 1] == ' ' || result[back - 1] == 'x')) {
        --back;
      }
      if (back > 0 && back < result.size() && result[back - 1] == '#') {
        result.resize(back);
        continue;
      }
    }
    result += text[i];
  }
  return result;
}

}  // namespace

std::string MessageClass(std::string_view message) {
  message = message.substr(0, message.find('\n'));
  std::string result;
  bool name_follows = false;  // the next bracketed or colon-led word is a name
  for (size_t i = 0; i < message.size();) {
    const char c = message[i];
    if (c == '\'' || c == '"' || c == '`') {
      const size_t close = message.find(c, i + 1);
      // An apostrophe inside a word ("doesn't") opens nothing.
      const bool inside = i > 0 && std::isalpha(static_cast<unsigned char>(message[i - 1])) != 0;
      if (close != std::string_view::npos && !inside) {
        result += "*";
        i = close + 1;
        name_follows = false;
        continue;
      }
    }
    if (!IsWordChar(c)) {
      if (c != ':' && c != ' ' && c != '(') name_follows = false;
      result += c;
      ++i;
      continue;
    }
    size_t end = i;
    while (end < message.size() && IsWordChar(message[end])) ++end;
    const std::string_view word = message.substr(i, end - i);
    const char before = result.empty() ? ' ' : result.back();
    const size_t last = result.find_last_not_of(' ');
    const char mark = last == std::string::npos ? ' ' : result[last];
    if (name_follows && (before == '(' || mark == ':')) {
      result += '*';
      name_follows = false;
    } else {
      result += ClassOfWord(word);
      name_follows = std::ranges::find(kNamed, Lower(word)) != kNamed.end();
    }
    i = end;
  }
  result = CollapseLists(result);
  if (result.size() > kLongest) result.resize(kLongest);
  return result;
}

}  // namespace moire
