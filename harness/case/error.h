// The one error channel of Moire: Result<T> is std::expected<T, Error>; no exception crosses a room.
// Context is added on the way up, outermost first, so that the final line reads
// "reading case.pb: tensor 'x': claims 2147483648 elements, limit is 268435456".
// Depends on nothing but the standard library and fmt.
#ifndef MOIRE_HARNESS_CASE_ERROR_H_
#define MOIRE_HARNESS_CASE_ERROR_H_

#include <fmt/core.h>

#include <expected>
#include <string>
#include <utility>

namespace moire {

enum class ErrorCode {
  kInvalidInput,   // the user's file, flag or model is wrong: exit code 2
  kNotFound,       // a file, backend or release is missing: exit code 2
  kUnsupported,    // valid, but Moire (or this part of it) does not handle it
  kOverBudget,     // a limit on elements, bytes, steps or time was reached
  kUndecidable,    // a value that decides structure (a shape, an index) is not known for certain
  kEnvironment,    // disk full, no rights, no memory: exit code 3
  kInternal,       // our own mistake: exit code 3
};

struct Error {
  ErrorCode code = ErrorCode::kInternal;
  std::string message;  // one line, lower case start, no full stop

  // Prefixes the message: "context: message".
  Error With(std::string_view context) && {
    message = fmt::format("{}: {}", context, message);
    return std::move(*this);
  }
};

template <typename T>
using Result = std::expected<T, Error>;
using Status = std::expected<void, Error>;

// return Fail(ErrorCode::kInvalidInput, "axis {} is out of range for rank {}", axis, rank);
template <typename... Args>
std::unexpected<Error> Fail(ErrorCode code, fmt::format_string<Args...> format, Args&&... args) {
  return std::unexpected(Error{code, fmt::format(format, std::forward<Args>(args)...)});
}

}  // namespace moire

#define MOIRE_CONCAT_INNER_(a, b) a##b
#define MOIRE_CONCAT_(a, b) MOIRE_CONCAT_INNER_(a, b)

// Returns early with the error of a Status or Result expression.
#define MOIRE_TRY(expression)                                                \
  do {                                                                       \
    auto&& moire_try_ = (expression);                                        \
    if (!moire_try_) return std::unexpected(std::move(moire_try_).error());  \
  } while (false)

// MOIRE_ASSIGN(auto tensor, ReadTensor(bytes));
#define MOIRE_ASSIGN(declaration, expression) \
  MOIRE_ASSIGN_INNER_(MOIRE_CONCAT_(moire_result_, __LINE__), declaration, expression)
#define MOIRE_ASSIGN_INNER_(result, declaration, expression)     \
  auto result = (expression);                                    \
  if (!result) return std::unexpected(std::move(result).error()); \
  declaration = std::move(*result)

#endif  // MOIRE_HARNESS_CASE_ERROR_H_
