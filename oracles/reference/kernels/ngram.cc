// TfIdfVectorizer: counts of the n-grams of a pool, with skips, in each row.
#include <algorithm>
#include <map>

#include "oracles/reference/kernels/families.h"
#include "oracles/reference/kernels/ml_util.h"

namespace moire {
namespace {

// Tokens are indices into the pool's distinct values; -1 is not in the pool.
using Gram = std::vector<int64_t>;

struct Pool {
  std::map<Gram, size_t> number;  // of an n-gram, over the whole pool
  int64_t shortest = 1;
  int64_t longest = 1;
};

struct Tokens {
  std::map<std::string, int64_t> strings;
  std::map<int64_t, int64_t> ints;
  int64_t Of(const std::string& text) const { return Find(strings, text); }
  int64_t Of(int64_t value) const { return Find(ints, value); }

 private:
  template <typename Map, typename Key>
  static int64_t Find(const Map& map, const Key& key) {
    const auto found = map.find(key);
    return found == map.end() ? -1 : found->second;
  }
};

Result<Pool> ParsePool(const Node& node, const std::vector<int64_t>& tokens, size_t indexes) {
  Pool pool;
  pool.shortest = node.Int("min_gram_length", 0);
  pool.longest = node.Int("max_gram_length", 0);
  const Ints starts = node.IntList("ngram_counts");
  if (pool.shortest < 1 || pool.longest < pool.shortest ||
      pool.longest > static_cast<int64_t>(starts.size())) {
    return Fail(ErrorCode::kInvalidInput, "n-grams of {} to {} in a pool of up to {}",
                pool.shortest, pool.longest, starts.size());
  }
  size_t next = 0;
  for (size_t k = 0; k < starts.size(); ++k) {
    const int64_t first = starts[k];
    const int64_t last =
        k + 1 < starts.size() ? starts[k + 1] : static_cast<int64_t>(tokens.size());
    const auto n = static_cast<int64_t>(k) + 1;
    if (first < 0 || last < first || last > static_cast<int64_t>(tokens.size()) ||
        (last - first) % n != 0) {
      return Fail(ErrorCode::kInvalidInput, "ngram_counts do not fit the pool");
    }
    for (int64_t at = first; at < last; at += n, ++next) {
      if (n < pool.shortest || n > pool.longest) continue;
      const Gram gram(tokens.begin() + at, tokens.begin() + at + n);
      if (!pool.number.emplace(gram, next).second) {
        return Fail(ErrorCode::kUndecidable, "an n-gram twice in the pool");
      }
    }
  }
  if (next != indexes) {
    return Fail(ErrorCode::kInvalidInput, "{} n-grams and {} ngram_indexes", next, indexes);
  }
  return pool;
}

// "we may consider all skips up to S": distances 1 to S + 1, one for all tokens of an n-gram;
// single tokens are counted once.
Status CountGrams(KernelContext& ctx, const Pool& pool, int64_t skips, const Gram& row,
                  std::vector<double>& counts, const Ints& indexes) {
  const auto length = static_cast<int64_t>(row.size());
  for (int64_t distance = 1; distance <= skips + 1; ++distance) {
    if (distance > 1 && distance >= std::max<int64_t>(length, 1)) break;
    for (int64_t start = 0; start < length; ++start) {
      Gram gram;
      for (int64_t at = start; at < length; at += distance) {
        gram.push_back(row[static_cast<size_t>(at)]);
        const auto n = static_cast<int64_t>(gram.size());
        if (n > pool.longest || gram.back() < 0) break;
        MOIRE_TRY(ctx.Spend(1 + gram.size()));
        if (n < pool.shortest || (n == 1 && distance > 1)) continue;
        const auto found = pool.number.find(gram);
        if (found != pool.number.end()) {
          counts[static_cast<size_t>(indexes[found->second])] += 1;
        }
      }
    }
  }
  return {};
}

Status TfIdfVectorizer(KernelContext& ctx) {
  const RangeTensor& x = ctx.In(0);
  const Node& node = ctx.node();
  const Strings pool_strings = StringList(node, "pool_strings");
  const Ints pool_ints = node.IntList("pool_int64s");
  const bool by_string = x.type == DataType::kString;
  if (!by_string && !IsInteger(x.type)) {
    return Fail(ErrorCode::kInvalidInput, "input of {}", Name(x.type));
  }
  if (by_string ? pool_strings.empty() : pool_ints.empty()) {
    return Fail(ErrorCode::kInvalidInput, "no pool for {}", Name(x.type));
  }
  Tokens tokens;
  std::vector<int64_t> pool_tokens;
  for (const std::string& text : pool_strings) {
    pool_tokens.push_back(
        tokens.strings.emplace(text, static_cast<int64_t>(tokens.strings.size())).first->second);
  }
  for (const int64_t value : pool_ints) {
    pool_tokens.push_back(
        tokens.ints.emplace(value, static_cast<int64_t>(tokens.ints.size())).first->second);
  }
  const Ints indexes = node.IntList("ngram_indexes");
  int64_t width = 0;
  bool in_order = true;
  for (size_t i = 0; i < indexes.size(); ++i) {
    if (indexes[i] < 0 || indexes[i] >= (int64_t{1} << 24)) {
      return Fail(ErrorCode::kInvalidInput, "ngram_indexes holds {}", indexes[i]);
    }
    width = std::max(width, indexes[i] + 1);
    in_order = in_order && indexes[i] == static_cast<int64_t>(i);
  }
  MOIRE_ASSIGN(const Pool pool, ParsePool(node, pool_tokens, indexes.size()));
  const int64_t skips = node.Int("max_skip_count", 0);
  const std::string mode = node.String("mode", "");
  if (skips < 0 || (mode != "TF" && mode != "IDF" && mode != "TFIDF")) {
    return Fail(ErrorCode::kInvalidInput, "mode '{}' with {} skips", mode, skips);
  }
  const Floats weights = mode == "TF" ? Floats{} : FloatList(node, "weights");
  if (!weights.empty() && weights.size() != indexes.size()) {
    return Fail(ErrorCode::kInvalidInput, "{} weights for {} n-grams", weights.size(),
                indexes.size());
  }
  // The page weighs by an n-gram's number in the pool, ONNX's implementation by its output index.
  if (!weights.empty() && !in_order) {
    return Fail(ErrorCode::kUndecidable, "weights of n-grams whose indexes are not in order");
  }
  if (x.shape.size() > 2 || (x.shape.size() == 2 && x.shape[0] == 0)) {
    return Fail(ErrorCode::kInvalidInput, "input of shape {}", ToString(x.shape));
  }
  const int64_t rows = x.shape.size() == 2 ? x.shape[0] : 1;
  const int64_t length = x.size() / rows;
  MOIRE_ASSIGN(
      RangeTensor * out,
      ctx.Make(0, DataType::kFloat, x.shape.size() == 2 ? Shape{rows, width} : Shape{width}));
  for (int64_t r = 0; r < rows; ++r) {
    Gram row;
    uint8_t marks = kDecided;
    for (int64_t i = r * length; i < (r + 1) * length; ++i) {
      const auto at = static_cast<size_t>(i);
      row.push_back(by_string ? tokens.Of(x.strings[at]) : tokens.Of(x.ints[at]));
      marks |= x.MarkAt(at);
    }
    std::vector<double> counts(static_cast<size_t>(width));
    MOIRE_TRY(CountGrams(ctx, pool, skips, row, counts, indexes));
    for (size_t k = 0; k < counts.size(); ++k) {
      const auto at = static_cast<size_t>(r * width) + k;
      if (mode == "IDF") counts[k] = std::min(counts[k], 1.0);
      out->value[at] = counts[k] * (weights.empty() ? 1.0 : static_cast<double>(weights[k]));
      out->AddMark(at, marks);
    }
  }
  Round(*out);
  return {};
}

constexpr KernelEntry kNgramKernels[] = {{"TfIdfVectorizer", 9, kLatest, TfIdfVectorizer}};

}  // namespace

std::span<const KernelEntry> NgramKernels() { return kNgramKernels; }

}  // namespace moire
