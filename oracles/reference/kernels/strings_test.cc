// Strings, n-grams, and the regular expressions of RegexFullMatch.
#include <gtest/gtest.h>

#include <cmath>

#include "oracles/reference/kernels/kernel_testing.h"
#include "oracles/reference/kernels/regex.h"

namespace moire {
namespace {

using testing::Integers;
using testing::RunNode;
using testing::RunNodeAll;
using testing::Texts;

Status Free(uint64_t) { return {}; }

bool Matches(const char* pattern, const char* text) {
  const Result<Regex> regex = Regex::Parse(pattern);
  EXPECT_TRUE(regex) << pattern << ": " << regex.error().message;
  return regex && *regex->FullMatch(*CodePoints(text), Free);
}

TEST(Regex, MatchesWholeTexts) {
  EXPECT_TRUE(Matches("a|bc", "bc"));
  EXPECT_FALSE(Matches("a|bc", "abc"));
  EXPECT_TRUE(Matches("(ab)*c+", "ababcc"));
  EXPECT_FALSE(Matches("(ab)*c+", "abab"));
  EXPECT_TRUE(Matches("a{2,3}", "aaa"));
  EXPECT_FALSE(Matches("a{2,3}", "aaaa"));
  EXPECT_TRUE(Matches("x{,3}", "x{,3}"));
  EXPECT_TRUE(Matches("[^a-c\\d]+", "xyz"));
  EXPECT_FALSE(Matches("[^a-c\\d]+", "xy1"));
  EXPECT_TRUE(Matches("[]a]+", "]a"));
  EXPECT_TRUE(Matches("(?i)abc", "aBC"));
  EXPECT_TRUE(Matches("(?:(?i)a)b", "Ab"));
  EXPECT_FALSE(Matches("(?:(?i)a)b", "AB"));
  EXPECT_FALSE(Matches("a.b", "a\nb"));
  EXPECT_TRUE(Matches("(?s)a.b", "a\nb"));
  EXPECT_TRUE(Matches(".", "\xc3\xa9"));
  EXPECT_TRUE(Matches("\\bab\\b.*", "ab cd"));
  EXPECT_FALSE(Matches("\\bab\\b.*", "abcd"));
  EXPECT_TRUE(Matches("^a$", "a"));
  EXPECT_TRUE(Matches("(a*)*b", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaab"));
  EXPECT_FALSE(Matches("(a*)*b", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"));
  EXPECT_TRUE(Matches("", ""));
}

TEST(Regex, RefusesWhatIsNoPattern) {
  for (const char* pattern : {"(", "a)", "[a", "*a", "a**", "a{1001}", "[b-a]", "\\"}) {
    const Result<Regex> regex = Regex::Parse(pattern);
    ASSERT_FALSE(regex) << pattern;
    EXPECT_EQ(regex.error().code, ErrorCode::kInvalidInput) << pattern;
  }
  EXPECT_EQ(Regex::Parse("\\pN").error().code, ErrorCode::kUnsupported);
}

TEST(Strings, Concatenates) {
  RangeTensor marked = Texts({"x", "y"});
  marked.AddMark(1, kUndecidable);
  const auto out = RunNode({"StringConcat"}, {marked, Texts({"!"})});
  EXPECT_EQ(out->strings, (std::vector<std::string>{"x!", "y!"}));
  EXPECT_EQ(out->MarkAt(1), kUndecidable);
}

TEST(Strings, SplitsAtWhitespaceAndDelimiters) {
  auto out = RunNodeAll({"StringSplit", {}, 21, 2}, {Texts({" a  b ", "c", ""})});
  ASSERT_TRUE(out) << out.error().message;
  EXPECT_EQ((*out)[0].strings, (std::vector<std::string>{"a", "b", "c", "", "", ""}));
  EXPECT_EQ((*out)[1].ints, (std::vector<int64_t>{2, 1, 0}));
  out = RunNodeAll(
      {"StringSplit", {{"delimiter", std::string("--"), {}}, {"maxsplit", int64_t{1}, {}}}, 21, 2},
      {Texts({"a----b"})});
  EXPECT_EQ((*out)[0].strings, (std::vector<std::string>{"a", "--b"}));
}

TEST(Strings, WhitespaceThatMayStayIsOpen) {
  const std::vector<Attribute> one = {{"maxsplit", int64_t{1}, {}}};
  const auto open = RunNode({"StringSplit", one, 21, 2}, {Texts({"a b c "})});
  EXPECT_EQ(open->MarkAt(0), kDecided);
  EXPECT_EQ(open->MarkAt(1), kUnspecified);
  const auto unicode = RunNode({"StringSplit", {}, 21, 2}, {Texts({"a\xc2\xa0z"})});
  EXPECT_EQ(unicode.error().code, ErrorCode::kUndecidable);
}

TEST(Strings, NormalizesAndStopsAtWhatIsNotSaid) {
  const std::vector<Attribute> upper = {{"case_change_action", std::string("UPPER"), {}},
                                        {"stopwords", Strings{"The"}, {}}};
  const auto out = RunNode({"StringNormalizer", upper}, {Texts({"the", "cat"}, {1, 2})});
  EXPECT_EQ(out->strings, (std::vector<std::string>{"CAT"}));
  EXPECT_EQ(out->shape, (Shape{1, 1}));
  const auto none = RunNode({"StringNormalizer", upper}, {Texts({"THE"})});
  EXPECT_EQ(none->strings, (std::vector<std::string>{""}));
  const auto accent = RunNode({"StringNormalizer", upper}, {Texts({"\xc3\xa9"})});
  EXPECT_EQ(accent.error().code, ErrorCode::kUndecidable);
}

TEST(Strings, RegexKeepsMarks) {
  RangeTensor x = Texts({"ab", "b"});
  x.AddMark(1, kUndecidable);
  const auto out = RunNode({"RegexFullMatch", {{"pattern", std::string("a."), {}}}}, {x});
  EXPECT_EQ(out->ints, (std::vector<int64_t>{1, 0}));
  EXPECT_EQ(out->MarkAt(0), kDecided);
  EXPECT_EQ(out->MarkAt(1), kUndecidable);
}

Result<RangeTensor> CastTo(DataType type, const RangeTensor& x) {
  return RunNode({"Cast", {{"to", static_cast<int64_t>(type), {}}}}, {x});
}

TEST(Strings, CastsToNumbers) {
  const RangeTensor texts = Texts({"3.14", "1e-5", "-INF", "nan", "+7", ".5", "1,0", "", "0x10"});
  const auto out = CastTo(DataType::kFloat, texts);
  ASSERT_TRUE(out) << out.error().message;
  EXPECT_TRUE(testing::IsLegal(*out, 0, static_cast<double>(3.14f)));
  EXPECT_FALSE(testing::IsLegal(*out, 0, static_cast<double>(3.15f)));
  EXPECT_TRUE(testing::IsLegal(*out, 2, -INFINITY));
  EXPECT_TRUE(testing::IsLegal(*out, 3, NAN));
  EXPECT_FALSE(testing::IsLegal(*out, 3, 0));
  EXPECT_EQ(out->value[4], 7);
  EXPECT_EQ(out->value[5], 0.5);
  for (const size_t open : {6, 7, 8}) EXPECT_EQ(out->MarkAt(open), kUnspecified) << open;
  const auto ints = CastTo(DataType::kInt8, Texts({"-128", "127", "128", "2.5", "-"}));
  EXPECT_EQ(ints->ints[0], -128);
  EXPECT_EQ(ints->MarkAt(1), kDecided);
  for (const size_t open : {2, 3, 4}) EXPECT_EQ(ints->MarkAt(open), kUnspecified) << open;
  EXPECT_EQ(CastTo(DataType::kUint64, Texts({"18446744073709551615"}))->ints[0], -1);
}

TEST(Strings, CastsFromNumbers) {
  EXPECT_EQ(CastTo(DataType::kString, Integers(DataType::kInt32, {-5}))->strings[0], "-5");
  EXPECT_EQ(CastTo(DataType::kString, Integers(DataType::kUint64, {-1}))->strings[0],
            "18446744073709551615");
  EXPECT_EQ(CastTo(DataType::kString, testing::Floats({0.1}))->MarkAt(0), kUnspecified);
}

std::vector<Attribute> Bigrams(const char* mode, Ints indexes) {
  return {{"mode", std::string(mode), {}},       {"min_gram_length", int64_t{2}, {}},
          {"max_gram_length", int64_t{2}, {}},   {"max_skip_count", int64_t{1}, {}},
          {"ngram_counts", Ints{0, 0}, {}},      {"ngram_indexes", std::move(indexes), {}},
          {"pool_int64s", Ints{1, 2, 2, 3}, {}}, {"weights", Floats{0.5f, 0.1f}, {}}};
}

TEST(Ngrams, CountsWithSkips) {
  // 1 2 at distance 1 twice, 2 3 at distance 2 once.
  const RangeTensor x = Integers(DataType::kInt64, {1, 2, 1, 2, 1, 3});
  EXPECT_EQ(RunNode({"TfIdfVectorizer", Bigrams("TF", {0, 1})}, {x})->value,
            (std::vector<double>{2, 1}));
  const auto weighted = RunNode({"TfIdfVectorizer", Bigrams("TFIDF", {0, 1})}, {x});
  EXPECT_EQ(weighted->value, (std::vector<double>{1, static_cast<double>(0.1f)}));
  EXPECT_FALSE(testing::IsLegal(*weighted, 0, 1.1));
  const auto open = RunNode({"TfIdfVectorizer", Bigrams("TFIDF", {1, 0})}, {x});
  EXPECT_EQ(open.error().code, ErrorCode::kUndecidable);
}

}  // namespace
}  // namespace moire
