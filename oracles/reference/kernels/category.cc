// ai.onnx.ml: CategoryMapper, the first LabelEncoder, and maps: ZipMap, CastMap, DictVectorizer.
#include <algorithm>
#include <cmath>
#include <numeric>

#include "oracles/reference/kernels/families.h"
#include "oracles/reference/kernels/ml_scores.h"
#include "oracles/reference/kernels/ml_util.h"
#include "oracles/reference/kernels/movement_util.h"

namespace moire {
namespace {

template <typename List>
bool Repeated(List list) {
  std::ranges::sort(list);
  return std::ranges::adjacent_find(list) != list.end();
}

// Strings to integers or back by two lists of equal length; the defaults where nothing fits.
Status MapCategories(KernelContext& ctx, const Strings& texts, const Ints& numbers) {
  const RangeTensor& x = ctx.In(0);
  const bool by_string = x.type == DataType::kString;
  if (texts.size() != numbers.size() || (!by_string && x.type != DataType::kInt64)) {
    return Fail(ErrorCode::kInvalidInput, "{} strings, {} integers for {}", texts.size(),
                numbers.size(), Name(x.type));
  }
  if (by_string ? Repeated(texts) : Repeated(numbers)) {
    return Fail(ErrorCode::kUndecidable, "a category twice");
  }
  MOIRE_TRY(ctx.Spend(static_cast<uint64_t>(x.size()) * (texts.size() + 1)));
  MOIRE_ASSIGN(RangeTensor * out,
               ctx.Make(0, by_string ? DataType::kInt64 : DataType::kString, x.shape));
  const std::string no_text = ctx.node().String("default_string", "_Unused");
  const int64_t no_number = ctx.node().Int("default_int64", -1);
  for (size_t i = 0; i < static_cast<size_t>(x.size()); ++i) {
    if (by_string) {
      const auto at = std::ranges::find(texts, x.strings[i]) - texts.begin();
      const auto k = static_cast<size_t>(at);
      out->ints[i] = k < numbers.size() ? numbers[k] : no_number;
    } else {
      const auto at = std::ranges::find(numbers, x.ints[i]) - numbers.begin();
      const auto k = static_cast<size_t>(at);
      out->strings[i] = k < texts.size() ? texts[k] : no_text;
    }
    out->AddMark(i, x.MarkAt(i));
  }
  return {};
}

Status CategoryMapper(KernelContext& ctx) {
  return MapCategories(ctx, StringList(ctx.node(), "cats_strings"),
                       ctx.node().IntList("cats_int64s"));
}

// Version 1: a string's index in classes_strings, and back.
Status FirstLabelEncoder(KernelContext& ctx) {
  const Strings texts = StringList(ctx.node(), "classes_strings");
  Ints numbers(texts.size());
  std::iota(numbers.begin(), numbers.end(), 0);
  return MapCategories(ctx, texts, numbers);
}

// A sequence of maps from the labels to the columns of each row.
Status ZipMap(KernelContext& ctx) {
  const RangeTensor& x = ctx.In(0);
  MOIRE_ASSIGN(RangeTensor keys, ClassLabels(ctx.node(), "classlabels_int64s"));
  if (x.shape.empty() || x.shape.size() > 2 || x.shape.back() != keys.size()) {
    return Fail(ErrorCode::kInvalidInput, "{} labels for {}", keys.size(), ToString(x.shape));
  }
  std::vector<RangeTensor> maps;
  const int64_t columns = keys.size();
  for (int64_t r = 0; r < x.size() / std::max<int64_t>(columns, 1); ++r) {
    MOIRE_TRY(ctx.Reserve(x.type, keys.shape));
    MOIRE_TRY(ctx.Spend(static_cast<uint64_t>(columns) + 1));
    RangeTensor values = MakeRangeTensor(x.type, keys.shape);
    CopyElements(values, 0, x, r * columns, columns);
    std::vector<RangeTensor> parts;
    parts.push_back(keys);
    parts.push_back(std::move(values));
    maps.push_back(MakeParts(OnnxKind::kMap, std::move(parts)));
  }
  ctx.Out(0) = MakeParts(OnnxKind::kSequence, std::move(maps));
  return {};
}

// The keys and values of a map at input 0.
Status CheckMap(const KernelContext& ctx) {
  const RangeTensor& map = ctx.In(0);
  if (map.kind == OnnxKind::kMap && map.parts.size() == 2) return {};
  return Fail(ErrorCode::kInvalidInput, "a {}, not a map", Name(map.kind));
}

constexpr double kInt64End = 0x1p63;

Status CastMap(KernelContext& ctx) {
  MOIRE_TRY(CheckMap(ctx));
  const RangeTensor& keys = ctx.In(0).parts[0];
  const RangeTensor& values = ctx.In(0).parts[1];
  const std::string cast = ctx.node().String("cast_to", "TO_FLOAT");
  const std::string form = ctx.node().String("map_form", "DENSE");
  const DataType type = cast == "TO_FLOAT"    ? DataType::kFloat
                        : cast == "TO_STRING" ? DataType::kString
                        : cast == "TO_INT64"  ? DataType::kInt64
                                              : DataType::kUndefined;
  if (keys.type != DataType::kInt64 || type == DataType::kUndefined ||
      (form != "DENSE" && form != "SPARSE")) {
    return Fail(ErrorCode::kInvalidInput, "'{}' '{}' of keys of {}", cast, form, Name(keys.type));
  }
  // Numbers as text and back, in which notation is not said.
  const bool truncates = type == DataType::kInt64 && values.type == DataType::kFloat;
  if (type != values.type && !truncates) {
    return Fail(ErrorCode::kUnsupported, "{} {}", cast, Name(values.type));
  }
  // "The values will be ordered in ascending order based on this key."
  std::vector<int64_t> order(keys.ints.size());
  std::iota(order.begin(), order.end(), 0);
  std::ranges::sort(order, {}, [&](int64_t i) { return keys.ints[static_cast<size_t>(i)]; });
  const bool dense = form == "DENSE";
  const int64_t size = dense ? keys.size() : ctx.node().Int("max_map", 1);
  if (size < 0) return Fail(ErrorCode::kInvalidInput, "max_map {}", size);
  MOIRE_ASSIGN(RangeTensor * out, ctx.Make(0, type, {1, size}));
  std::vector<bool> given(static_cast<size_t>(size), false);
  for (size_t i = 0; i < order.size(); ++i) {
    const int64_t key = keys.ints[static_cast<size_t>(order[i])];
    // "The key cannot exceed the max_map-1 value": nothing on what becomes of one that does.
    if (!dense && (key < 0 || key >= size)) {
      return Fail(ErrorCode::kUndecidable, "key {} in a map of {}", key, size);
    }
    const int64_t at = dense ? static_cast<int64_t>(i) : key;
    const auto from = static_cast<size_t>(order[i]);
    given[static_cast<size_t>(at)] = true;
    if (type == values.type) {
      CopyElements(*out, at, values, order[i], 1);
    } else if (const double value = values.value[from]; value == std::trunc(value) &&
                                                        std::fabs(value) < kInt64End &&
                                                        values.MarkAt(from) == kDecided) {
      out->ints[static_cast<size_t>(at)] = static_cast<int64_t>(value);
    } else {
      out->AddMark(static_cast<size_t>(at), kUnspecified);
    }
  }
  // Nothing on what stands where no key is: 0 of a number, and no string is as good.
  for (size_t i = 0; type == DataType::kString && i < given.size(); ++i) {
    if (!given[i]) out->AddMark(i, kUnspecified);
  }
  return {};
}

Status DictVectorizer(KernelContext& ctx) {
  MOIRE_TRY(CheckMap(ctx));
  const RangeTensor& keys = ctx.In(0).parts[0];
  const RangeTensor& values = ctx.In(0).parts[1];
  const Strings texts = StringList(ctx.node(), "string_vocabulary");
  const Ints numbers = ctx.node().IntList("int64_vocabulary");
  const bool by_string = keys.type == DataType::kString;
  const size_t size = by_string ? texts.size() : numbers.size();
  if (size == 0) return Fail(ErrorCode::kInvalidInput, "no vocabulary for {}", Name(keys.type));
  if (by_string ? Repeated(texts) : Repeated(numbers)) {
    return Fail(ErrorCode::kUndecidable, "a key twice in the vocabulary");
  }
  MOIRE_TRY(ctx.Spend(static_cast<uint64_t>(keys.size()) * size));
  MOIRE_ASSIGN(RangeTensor * out, ctx.Make(0, values.type, {1, static_cast<int64_t>(size)}));
  for (size_t i = 0; i < static_cast<size_t>(keys.size()); ++i) {
    const int64_t at = by_string ? std::ranges::find(texts, keys.strings[i]) - texts.begin()
                                 : std::ranges::find(numbers, keys.ints[i]) - numbers.begin();
    // "All keys in the input dictionary must be present in the index mapping vector."
    if (at == static_cast<int64_t>(size)) {
      return Fail(ErrorCode::kUndecidable, "a key outside the vocabulary");
    }
    CopyElements(*out, at, values, static_cast<int64_t>(i), 1);
  }
  return {};
}

constexpr KernelEntry kCategoryKernels[] = {
    {"CategoryMapper", 1, kLatest, CategoryMapper, kMl},
    {"LabelEncoder", 1, 1, FirstLabelEncoder, kMl},
    {"ZipMap", 1, kLatest, ZipMap, kMl},
    {"CastMap", 1, kLatest, CastMap, kMl, kTakesParts},
    {"DictVectorizer", 1, kLatest, DictVectorizer, kMl, kTakesParts},
};

}  // namespace

std::span<const KernelEntry> CategoryKernels() { return kCategoryKernels; }

}  // namespace moire
