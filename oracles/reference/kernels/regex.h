// Full matching of the regular expressions that RegexFullMatch takes, in RE2's syntax
// (https://github.com/google/re2/wiki/Syntax): literals, ".", classes, Perl classes, groups with
// flags i, s and U, alternation, repetition, ^ $ \A \z \b \B. Runs in time proportional to pattern
// times text squared at most. Must not depend on tensors or operators.
#ifndef MOIRE_ORACLES_REFERENCE_KERNELS_REGEX_H_
#define MOIRE_ORACLES_REFERENCE_KERNELS_REGEX_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>
#include <vector>

#include "harness/case/error.h"

namespace moire {

// The code points of a UTF-8 string; kInvalidInput when it is none.
Result<std::vector<uint32_t>> CodePoints(std::string_view text);

class Regex {
 public:
  // kInvalidInput for a pattern that RE2 rejects, kUnsupported for what this parser does not know
  // (Unicode classes, named classes, (?m)).
  static Result<Regex> Parse(std::string_view pattern);
  Regex(Regex&&) noexcept;
  Regex& operator=(Regex&&) noexcept;
  ~Regex();

  // Whether the whole text matches. `spend` is asked before work.
  Result<bool> FullMatch(const std::vector<uint32_t>& text,
                         const std::function<Status(uint64_t)>& spend) const;

  struct Item;

 private:
  explicit Regex(std::unique_ptr<Item> root);
  std::unique_ptr<Item> root_;
};

}  // namespace moire

#endif  // MOIRE_ORACLES_REFERENCE_KERNELS_REGEX_H_
