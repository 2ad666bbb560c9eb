// Operators on strings.
#include <algorithm>

#include "fuzzers/generate/op_context.h"
#include "fuzzers/generate/ops/families.h"

namespace moire {
namespace {

bool InferTwoStrings(InferContext& c) { return c.in.size() == 2 && InferBroadcast(c); }

bool ChooseRegex(OpContext& c) {
  static constexpr std::string_view kPatterns[] = {"[a-z]+",   "a",      ".*",
                                                   "www\\..*", "(a|b)*", "-?[0-9]+"};
  c.Set("pattern", std::string(kPatterns[c.random().Index(6)]));
  return c.TakeAny(0) && c.Done();
}

bool InferRegex(InferContext& c) { return c.node.Find("pattern") != nullptr && InferSame(c); }

bool ChooseNormalizer(OpContext& c) {
  const auto fits = [](const Value& v) {
    return v.count > 0 && (v.rank() == 1 || (v.rank() == 2 && v.shape[0] == 1));
  };
  if (!c.Take(0, fits)) return false;
  static constexpr std::string_view kActions[] = {"LOWER", "UPPER", "NONE"};
  if (c.random().Chance(2, 3)) {
    c.Set("case_change_action", std::string(kActions[c.random().Index(3)]));
  }
  if (c.random().Chance(1, 2))
    c.Set("is_case_sensitive", static_cast<int64_t>(c.random().Below(2)));
  // The default locale is one that few machines have.
  c.Set("locale", std::string("C"));
  if (c.random().Chance(1, 2)) c.Set("stopwords", Strings{"monday", "b"});
  return c.Done();
}

// What is left when stop words are gone only the values decide.
bool InferNormalizer(InferContext& c) {
  if (!c.Given(0) || c.rank(0) < 1 || c.rank(0) > 2) return false;
  if (c.rank(0) == 2 && c.shape(0)[0] != 1) return false;
  c.out[0].shape = c.rank(0) == 1 ? Shape{-1} : Shape{1, -1};
  return true;
}

bool ChooseStringSplit(OpContext& c) {
  if (!c.TakeRank(0, 0, 4)) return false;
  if (c.random().Chance(1, 2)) c.Set("delimiter", std::string(c.random().Chance(1, 2) ? "," : " "));
  if (c.random().Chance(1, 2)) c.Set("maxsplit", c.random().Between(1, 3));
  return c.Done(2);
}

bool InferStringSplit(InferContext& c) {
  if (!c.Given(0) || c.out.size() != 2) return false;
  c.out[0].shape = c.shape(0);
  c.out[0].shape.push_back(-1);
  c.out[1].shape = c.shape(0);
  return true;
}

bool ChooseTfIdf(OpContext& c) {
  const auto fits = [](const Value& v) { return v.count > 0 && (v.rank() == 1 || v.rank() == 2); };
  if (!c.Take(0, fits)) return false;
  static constexpr std::string_view kModes[] = {"TF", "IDF", "TFIDF"};
  c.Set("mode", std::string(kModes[c.random().Index(3)]));
  c.Set("min_gram_length", c.random().Between(1, 2));
  c.Set("max_gram_length", int64_t{2});
  c.Set("max_skip_count", c.random().Between(0, 2));
  // Three single tokens, then two pairs.
  c.Set("ngram_counts", Ints{0, 3});
  const Ints orders[] = {{0, 1, 2, 3, 4}, {4, 2, 0, 1, 3}};
  c.Set("ngram_indexes", orders[c.random().Index(2)]);
  if (c.type() == DataType::kString) {
    c.Set("pool_strings", Strings{"a", "b", "3", "a", "b", "3", "3"});
  } else {
    c.Set("pool_int64s", Ints{0, 1, 2, 1, 1, 2, 3});
  }
  if (c.random().Chance(1, 2)) c.Set("weights", Floats{1.0f, 0.5f, 2.0f, 1.5f, -1.0f});
  return c.Done();
}

bool InferTfIdf(InferContext& c) {
  const Ints indexes = c.node.IntList("ngram_indexes");
  if (!c.Given(0) || c.rank(0) < 1 || c.rank(0) > 2 || indexes.empty() || Count(c.shape(0)) == 0) {
    return false;
  }
  const bool strings = c.in[0]->type == DataType::kString;
  if (c.node.Find(strings ? "pool_strings" : "pool_int64s") == nullptr) return false;
  if (c.node.Int("min_gram_length", 0) > c.node.Int("max_gram_length", 0) ||
      c.node.Int("max_gram_length", 0) > 2 || c.node.Int("min_gram_length", 0) < 1) {
    return false;
  }
  c.out[0].shape = {*std::ranges::max_element(indexes) + 1};
  if (c.rank(0) == 2) c.out[0].shape.insert(c.out[0].shape.begin(), c.shape(0)[0]);
  return true;
}

void Bools(InferContext& c) { c.out[0].range = {0, 1}; }
void TfIdfRange(InferContext& c) {
  c.out[0].range = {-static_cast<double>(c.in[0]->count), 2 * static_cast<double>(c.in[0]->count)};
}
void SplitRange(InferContext& c) { c.out[1].range = {0, 8}; }

constexpr OpEntry kText[] = {
    {"RegexFullMatch", ChooseRegex, InferRegex, Bools, kExactResult, 3},
    {"StringConcat", ChooseBinary, InferTwoStrings, nullptr, kExactResult, 5},
    {"StringNormalizer", ChooseNormalizer, InferNormalizer, nullptr, kExactResult | kTerminal, 4},
    {"StringSplit", ChooseStringSplit, InferStringSplit, SplitRange, kExactResult, 4},
    {"TfIdfVectorizer", ChooseTfIdf, InferTfIdf, TfIdfRange, 0, 1},
};

}  // namespace

OpTable TextOps() { return kText; }

}  // namespace moire
