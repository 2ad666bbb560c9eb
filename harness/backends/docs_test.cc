// Holds docs/backends.md to the code: what it quotes must be in the sources, letter for letter.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "harness/backends/ort/ort_backend.h"
#include "harness/case/case.h"

namespace moire {
namespace {

std::string Source(const std::string& path) {
  auto text = ReadFile(std::string(MOIRE_SOURCE_ROOT) + "/" + path);
  EXPECT_TRUE(text) << text.error().message;
  return text ? *text : "";
}

TEST(BackendDocsTest, QuotedCodeIsCompiledCode) {
  const std::string docs = Source("docs/backends.md");
  const std::string code = Source("harness/backends/testing/echo_backend.cc") +
                           Source("harness/backends/backend_test.cc");
  constexpr std::string_view kFence = "```cpp\n";
  int blocks = 0;
  for (size_t at = docs.find(kFence); at != docs.npos; at = docs.find(kFence, at + 1)) {
    const size_t begin = at + kFence.size();
    const size_t end = docs.find("\n```", begin);
    ASSERT_NE(end, docs.npos);
    EXPECT_NE(code.find(docs.substr(begin, end - begin)), code.npos)
        << "not in the code any more:\n"
        << docs.substr(begin, end - begin);
    ++blocks;
  }
  EXPECT_EQ(blocks, 4);
}

TEST(BackendDocsTest, EverySettingIsDescribed) {
  const std::string docs = Source("docs/backends.md");
  for (const OrtSettingHelp& setting : OrtSettingsHelp()) {
    EXPECT_NE(docs.find(fmt::format("| `{}` |", setting.key)), docs.npos) << setting.key;
  }
}

}  // namespace
}  // namespace moire
