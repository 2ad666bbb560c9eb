// ai.onnx.ml without trees and support vectors: encoders, scalers, linear models.
#include <algorithm>
#include <cmath>

#include "fuzzers/generate/op_context.h"
#include "fuzzers/generate/ops/families.h"

namespace moire {
namespace {

constexpr std::string_view kMl = "ai.onnx.ml";

// A batch of feature vectors (or a single one), of few features.
bool TakeFeatures(OpContext& c, int64_t min_rank = 1) {
  return c.Take(0, [&](const Value& v) {
    return v.rank() >= min_rank && v.rank() <= 2 && v.count > 0 && v.shape.back() <= 16;
  });
}

int64_t FeaturesOf(const Value& v) { return v.shape.back(); }

Floats DrawFloats(OpContext& c, int64_t count) {
  Floats out;
  for (int64_t i = 0; i < count; ++i) {
    out.push_back(0.25f * static_cast<float>(c.random().Between(-8, 8)));
  }
  return out;
}

Floats FloatList(const InferContext& c, std::string_view name) {
  const Attribute* found = c.node.Find(name);
  const auto* list = found == nullptr ? nullptr : std::get_if<Floats>(&found->value);
  return list == nullptr ? Floats{} : *list;
}

size_t StringCount(const InferContext& c, std::string_view name) {
  const Attribute* found = c.node.Find(name);
  const auto* list = found == nullptr ? nullptr : std::get_if<Strings>(&found->value);
  return list == nullptr ? 0 : list->size();
}

bool Features(const InferContext& c, int64_t min_rank = 1) {
  return c.Given(0) && c.rank(0) >= min_rank && c.rank(0) <= 2 && Count(c.shape(0)) > 0;
}

bool ChooseExtractor(OpContext& c) {
  if (!c.Take(0, [](const Value& v) { return v.rank() >= 1 && v.rank() <= 4 && v.count > 0; })) {
    return false;
  }
  const int64_t last = c.In(0).shape.back() - 1;
  return c.MakeTyped(1, DataType::kInt64, {c.random().Between(1, 3)},
                     {-0.25, static_cast<double>(last)}) &&
         c.Done();
}

bool InferExtractor(InferContext& c) {
  if (!c.Given(0) || !c.Given(1) || c.rank(0) < 1 || c.rank(1) != 1 || c.shape(1)[0] < 1 ||
      Count(c.shape(0)) == 0) {
    return false;
  }
  if (!c.in[1]->range.Inside(-0.5, static_cast<double>(c.shape(0).back() - 1))) return false;
  // One vector gives a row.
  c.out[0].shape = c.rank(0) == 1 ? Shape{1} : c.shape(0);
  if (c.rank(0) == 1) {
    c.out[0].shape.push_back(c.shape(1)[0]);
  } else {
    c.out[0].shape.back() = c.shape(1)[0];
  }
  return true;
}

bool ChooseBinarizer(OpContext& c) {
  if (c.random().Chance(3, 4)) c.Set("threshold", DrawFloats(c, 1)[0]);
  return c.TakeRank(0, 1, 4) && c.Done();
}

bool ChooseMapper(OpContext& c) {
  if (!c.TakeAny(0)) return false;
  c.Set("cats_int64s", Ints{0, 1, 2, 3});
  c.Set("cats_strings", Strings{"a", "b", "3", "monday"});
  if (c.random().Chance(1, 2)) c.Set("default_string", std::string("x"));
  if (c.random().Chance(1, 2)) c.Set("default_int64", int64_t{-7});
  return c.Done();
}

bool InferMapper(InferContext& c) {
  if (!c.Given(0) || c.node.IntList("cats_int64s").empty() ||
      c.node.IntList("cats_int64s").size() != StringCount(c, "cats_strings")) {
    return false;
  }
  c.out[0].type = c.in[0]->type == DataType::kString ? DataType::kInt64 : DataType::kString;
  return InferSame(c);
}

void SmallRange(InferContext& c) {
  for (OutValue& out : c.out) out.range = {-8, 8};
}

bool ChooseFeatureVectorizer(OpContext& c) {
  if (!TakeFeatures(c, 2)) return false;
  const int64_t batch = c.In(0).shape[0];
  Ints widths = {FeaturesOf(c.In(0))};
  const size_t count = 1 + c.random().Index(3);
  for (size_t i = 1; i < count; ++i) {
    const auto fits = [&](const Value& v) {
      return v.rank() == 2 && v.shape[0] == batch && v.shape[1] > 0 && v.shape[1] <= 16;
    };
    if (!c.Take(i, fits) && !c.TakeShape(i, {batch, c.random().Between(1, 3)})) return false;
    widths.push_back(FeaturesOf(c.In(i)));
  }
  c.Set("inputdimensions", widths);
  return c.Done();
}

bool InferFeatureVectorizer(InferContext& c) {
  const Ints widths = c.node.IntList("inputdimensions");
  if (widths.size() != c.in.size()) return false;
  int64_t total = 0;
  for (size_t i = 0; i < c.in.size(); ++i) {
    if (!c.Given(i) || c.rank(i) != 2 || c.shape(i)[0] != c.shape(0)[0] ||
        c.shape(i)[1] != widths[i] || widths[i] < 1) {
      return false;
    }
    total += widths[i];
  }
  c.out[0].shape = {c.shape(0)[0], total};
  return true;
}

bool ChooseImputer(OpContext& c) {
  if (!TakeFeatures(c)) return false;
  const int64_t count = c.random().Chance(1, 2) ? 1 : FeaturesOf(c.In(0));
  if (IsFloat(c.type())) {
    c.Set("imputed_value_floats", DrawFloats(c, count));
    c.Set("replaced_value_float", c.random().Chance(1, 2) ? 1.0f : 0.0f);
  } else {
    c.Set("imputed_value_int64s", Ints(static_cast<size_t>(count), c.random().Between(-3, 3)));
    c.Set("replaced_value_int64", c.random().Between(-1, 2));
  }
  return c.Done();
}

bool InferImputer(InferContext& c) {
  if (!Features(c)) return false;
  const size_t count = IsFloat(c.in[0]->type) ? FloatList(c, "imputed_value_floats").size()
                                              : c.node.IntList("imputed_value_int64s").size();
  return (count == 1 || static_cast<int64_t>(count) == c.shape(0).back()) && InferSame(c);
}

// Keys and values of two kinds among strings, integers, floats.
struct LabelKind {
  DataType type;
  std::string_view suffix;
};
constexpr LabelKind kLabelKinds[] = {
    {DataType::kString, "_strings"}, {DataType::kInt64, "_int64s"}, {DataType::kFloat, "_floats"}};

bool ChooseLabelEncoder(OpContext& c) {
  if (!c.TakeAny(0)) return false;
  if (c.schema().since == 1) {
    c.Set("classes_strings", Strings{"a", "b", "3", "monday"});
    return c.Done();
  }
  const auto list = [&](const std::string& prefix, DataType type) {
    if (type == DataType::kString) c.Set(prefix + "_strings", Strings{"a", "b", "3", "monday"});
    if (type == DataType::kInt64) c.Set(prefix + "_int64s", Ints{0, 1, 2, 3});
    if (type == DataType::kFloat) c.Set(prefix + "_floats", Floats{0.0f, 1.0f, -2.0f, 0.5f});
  };
  const DataType to = kLabelKinds[c.random().Index(3)].type;
  list("keys", c.type());
  list("values", to);
  if (to == DataType::kInt64 && c.random().Chance(1, 2)) c.Set("default_int64", int64_t{-3});
  if (to == DataType::kFloat && c.random().Chance(1, 2)) c.Set("default_float", 7.5f);
  return c.Done();
}

bool InferLabelEncoder(InferContext& c) {
  if (!c.Given(0)) return false;
  const DataType from = c.in[0]->type;
  if (c.schema.since == 1) {
    if (StringCount(c, "classes_strings") == 0) return false;
    c.out[0].type = from == DataType::kString ? DataType::kInt64 : DataType::kString;
    return InferSame(c);
  }
  size_t keys = 0;
  size_t values = 0;
  for (const LabelKind& kind : kLabelKinds) {
    keys += c.node.Find(fmt::format("keys{}", kind.suffix)) != nullptr && kind.type == from ? 1 : 0;
    if (c.node.Find(fmt::format("values{}", kind.suffix)) == nullptr) continue;
    ++values;
    c.out[0].type = kind.type;
  }
  return keys == 1 && values == 1 && InferSame(c);
}

constexpr std::string_view kPostTransforms[] = {"NONE", "SOFTMAX", "LOGISTIC", "SOFTMAX_ZERO"};

bool ChooseLinearClassifier(OpContext& c) {
  if (!TakeFeatures(c, 2)) return false;
  const int64_t classes = c.random().Between(2, 4);
  c.Set("coefficients", DrawFloats(c, classes * FeaturesOf(c.In(0))));
  // ONNX's inference counts classes by the intercepts.
  c.Set("intercepts", DrawFloats(c, classes));
  Ints labels;
  for (int64_t i = 0; i < classes; ++i) labels.push_back(3 * i + 1);
  c.Set("classlabels_ints", labels);
  if (c.random().Chance(1, 2))
    c.Set("post_transform", std::string(kPostTransforms[c.random().Index(4)]));
  return c.Done(2);
}

bool InferLinearClassifier(InferContext& c) {
  const auto classes = static_cast<int64_t>(c.node.IntList("classlabels_ints").size());
  if (!Features(c, 2) || classes < 2 || c.out.size() != 2) return false;
  const auto coefficients = static_cast<int64_t>(FloatList(c, "coefficients").size());
  const auto intercepts = static_cast<int64_t>(FloatList(c, "intercepts").size());
  if (coefficients != classes * c.shape(0).back() || intercepts != classes) return false;
  c.out[0].type = DataType::kInt64;
  c.out[0].shape = {c.shape(0)[0]};
  c.out[1].shape = {c.shape(0)[0], classes};
  return true;
}

void ScoreRange(InferContext& c) {
  const double m = 2 * static_cast<double>(c.shape(0).back()) * c.in[0]->range.Magnitude() + 4;
  c.out.back().range = {-m, m};
  if (c.out.size() > 1) c.out[0].range = {0, 16};
}

bool ChooseLinearRegressor(OpContext& c) {
  if (!TakeFeatures(c, 2)) return false;
  const int64_t targets = c.random().Between(1, 3);
  c.Set("coefficients", DrawFloats(c, targets * FeaturesOf(c.In(0))));
  if (c.random().Chance(1, 2)) c.Set("intercepts", DrawFloats(c, targets));
  c.SetInt("targets", targets, 1);
  return c.Done();
}

bool InferLinearRegressor(InferContext& c) {
  const int64_t targets = c.node.Int("targets", 1);
  if (!Features(c, 2) || targets < 1 || targets > 64) return false;
  const auto coefficients = static_cast<int64_t>(FloatList(c, "coefficients").size());
  const auto intercepts = static_cast<int64_t>(FloatList(c, "intercepts").size());
  if (coefficients != targets * c.shape(0).back() || (intercepts != 0 && intercepts != targets)) {
    return false;
  }
  c.out[0].shape = {c.shape(0)[0], targets};
  return true;
}

bool ChooseNormalizer(OpContext& c) {
  static constexpr std::string_view kNorms[] = {"MAX", "L1", "L2"};
  if (c.random().Chance(3, 4)) c.Set("norm", std::string(kNorms[c.random().Index(3)]));
  return TakeFeatures(c) && c.Done();
}

bool InferFeatures(InferContext& c) { return Features(c) && InferSame(c); }

bool ChooseOneHotEncoder(OpContext& c) {
  if (!c.Take(0, [](const Value& v) {
        return v.rank() >= 1 && v.rank() <= 3 && v.count > 0 && v.count <= 64;
      })) {
    return false;
  }
  if (c.type() == DataType::kString) {
    c.Set("cats_strings", Strings{"a", "b", "3"});
  } else {
    c.Set("cats_int64s", Ints{0, 1, 2, -1});
  }
  return c.Done();
}

bool InferOneHotEncoder(InferContext& c) {
  if (!c.Given(0) || c.rank(0) < 1) return false;
  // A value in no category is an error unless zeros are asked for, the default.
  if (c.node.Int("zeros", 1) == 0) return false;
  const bool text = c.in[0]->type == DataType::kString;
  const size_t count = text ? StringCount(c, "cats_strings") : c.node.IntList("cats_int64s").size();
  if (count == 0 || c.node.Find(text ? "cats_int64s" : "cats_strings") != nullptr) return false;
  c.out[0].shape = c.shape(0);
  c.out[0].shape.push_back(static_cast<int64_t>(count));
  return true;
}

bool ChooseScaler(OpContext& c) {
  if (!TakeFeatures(c)) return false;
  const int64_t count = c.random().Chance(1, 2) ? 1 : FeaturesOf(c.In(0));
  c.Set("offset", DrawFloats(c, count));
  c.Set("scale", DrawFloats(c, count));
  return c.Done();
}

bool InferScaler(InferContext& c) {
  const size_t count = FloatList(c, "scale").size();
  return Features(c) && count == FloatList(c, "offset").size() &&
         (count == 1 || static_cast<int64_t>(count) == c.shape(0).back()) && InferSame(c);
}

// Gives a sequence of maps, which no operator takes: the end of a path.
bool ChooseZipMap(OpContext& c) {
  if (!c.Take(0, [](const Value& v) { return v.rank() == 2 && v.count > 0 && v.shape[1] <= 8; })) {
    return false;
  }
  Ints labels;
  for (int64_t i = 0; i < FeaturesOf(c.In(0)); ++i) labels.push_back(2 * i);
  c.Set("classlabels_int64s", labels);
  return c.Done();
}

bool InferZipMap(InferContext& c) {
  const auto labels = static_cast<int64_t>(c.node.IntList("classlabels_int64s").size());
  if (!Features(c) || labels != c.shape(0).back()) return false;
  c.out[0].compound =
      std::make_shared<const Compound>(Compound{Form::kMaps, DataType::kFloat, true, {}, {}});
  return true;
}

// Maps: those at hand, else a new graph input.
constexpr int64_t kMostEntries = 6;
constexpr int64_t kLargestKey = 12;
constexpr std::string_view kWords[] = {"a", "b", "3", "monday", "", "key 7", "\xc3\xa4", "B"};

Tensor DrawKeys(OpContext& c, bool text) {
  Random& random = c.random();
  const int64_t count = random.Between(1, kMostEntries);
  // Those that a sparse form can hold, or any.
  const bool small = text || random.Chance(3, 4);
  Ints keys;
  while (std::ssize(keys) < count) {
    const int64_t key = small ? random.Between(0, text ? std::ssize(kWords) - 1 : kLargestKey)
                              : random.Between(INT64_MIN / 2, INT64_MAX / 2);
    if (std::ranges::find(keys, key) == keys.end()) keys.push_back(key);
  }
  if (!text) return Int64Tensor(keys);
  Tensor out = MakeTensor(DataType::kString, {count});
  for (size_t i = 0; i < keys.size(); ++i) {
    out.strings[i] = kWords[static_cast<size_t>(keys[i])];
  }
  return out;
}

bool TakeMap(OpContext& c, Form form, TypeSet elements) {
  elements &= c.schema().Input(0)->compounds[static_cast<size_t>(form)];
  const auto fits = [&](const Compound& v) { return v.form == form && Has(elements, v.element); };
  if (c.random().Chance(1, 2) && c.TakeCompound(0, fits)) return true;
  const DataType element = c.DrawType(elements);
  if (element == DataType::kUndefined) return false;
  Tensor keys = DrawKeys(c, form == Form::kStringMap);
  const Shape shape = keys.shape;
  return c.MakeMap(0, std::move(keys), c.b().Fill(element, shape, {}));
}

bool ChooseCastMap(OpContext& c) {
  if (!TakeMap(c, Form::kIntMap, kAllTypes)) return false;
  const Compound& map = c.CompoundOf(0);
  const auto keys = map.keys.As<int64_t>();
  const auto [low, high] = std::ranges::minmax(keys);
  // What text a number has is not said.
  c.Set("cast_to", std::string(map.element == DataType::kString ? "TO_STRING"
                               : c.random().Chance(1, 4)        ? "TO_INT64"
                                                                : "TO_FLOAT"));
  if (low >= 0 && high <= kLargestKey && c.random().Chance(1, 2)) {
    c.Set("map_form", std::string("SPARSE"));
    c.Set("max_map", high + c.random().Between(1, 3));
  }
  return c.Done();
}

bool InferCastMap(InferContext& c) {
  const Compound* map = c.compound(0);
  if (map == nullptr || map->form != Form::kIntMap) return false;
  const std::string to = c.node.String("cast_to", "TO_FLOAT");
  const std::string form = c.node.String("map_form", "DENSE");
  c.out[0].type = to == "TO_FLOAT"    ? DataType::kFloat
                  : to == "TO_INT64"  ? DataType::kInt64
                  : to == "TO_STRING" ? DataType::kString
                                      : DataType::kUndefined;
  const int64_t size = form == "DENSE" ? map->keys.size() : c.node.Int("max_map", 1);
  c.out[0].shape = {1, size};
  return c.out[0].type != DataType::kUndefined && size > 0 &&
         (form == "DENSE" ||
          (form == "SPARSE" && std::ranges::all_of(map->keys.As<int64_t>(),
                                                   [&](int64_t k) { return k >= 0 && k < size; })));
}

bool ChooseDictVectorizer(OpContext& c) {
  const bool text = c.random().Chance(1, 2);
  if (!TakeMap(c, text ? Form::kStringMap : Form::kIntMap, kAllTypes)) return false;
  Tensor keys = c.CompoundOf(0).keys;
  // Every key, and some that the map lacks, in any order.
  if (text) {
    Strings words = keys.strings;
    for (const std::string_view word : kWords) {
      if (std::ranges::find(words, word) == words.end() && c.random().Chance(1, 4)) {
        words.insert(words.begin() + c.random().Between(0, std::ssize(words)), std::string(word));
      }
    }
    c.Set("string_vocabulary", words);
  } else {
    const auto list = keys.As<int64_t>();
    Ints numbers(list.begin(), list.end());
    for (int64_t n = c.random().Between(0, 3); n > 0; --n) {
      const int64_t number = c.random().Between(-3, 2 * kLargestKey);
      if (std::ranges::find(numbers, number) != numbers.end()) continue;
      numbers.insert(numbers.begin() + c.random().Between(0, std::ssize(numbers)), number);
    }
    c.Set("int64_vocabulary", numbers);
  }
  return c.Done();
}

bool InferDictVectorizer(InferContext& c) {
  const Compound* map = c.compound(0);
  if (map == nullptr || !IsMap(map->form)) return false;
  const bool text = map->form == Form::kStringMap;
  const size_t size =
      text ? StringCount(c, "string_vocabulary") : c.node.IntList("int64_vocabulary").size();
  if (size == 0 || c.node.Find(text ? "int64_vocabulary" : "string_vocabulary") != nullptr) {
    return false;
  }
  c.out[0].type = map->element;
  c.out[0].shape = {1, static_cast<int64_t>(size)};
  return true;
}

// With 0 where no key is.
void MapRange(InferContext& c) { c.out[0].range = Hull(c.compound(0)->range, {0, 0}); }

void Unit(InferContext& c) { c.out[0].range = {-1, 1}; }

constexpr int64_t kAny = 1 << 20;
constexpr OpEntry kClassic[] = {
    {"ArrayFeatureExtractor", ChooseExtractor, InferExtractor, nullptr, kExactResult, 3, 1, kAny,
     kMl},
    {"Binarizer", ChooseBinarizer, InferSame, Unit, kExactResult | kSteps, 3, 1, kAny, kMl},
    {"CastMap", ChooseCastMap, InferCastMap, MapRange, kExactResult, 3, 1, kAny, kMl},
    {"CategoryMapper", ChooseMapper, InferMapper, SmallRange, kExactResult, 4, 1, kAny, kMl},
    {"DictVectorizer", ChooseDictVectorizer, InferDictVectorizer, MapRange, kExactResult, 3, 1,
     kAny, kMl},
    {"FeatureVectorizer", ChooseFeatureVectorizer, InferFeatureVectorizer, nullptr, 0, 4, 1, kAny,
     kMl},
    {"Imputer", ChooseImputer, InferImputer, SmallRange, kSteps, 4, 1, kAny, kMl},
    {"LabelEncoder", ChooseLabelEncoder, InferLabelEncoder, SmallRange, kExactResult | kSteps, 4, 1,
     kAny, kMl},
    {"LinearClassifier", ChooseLinearClassifier, InferLinearClassifier, ScoreRange, kSteps, 4, 1,
     kAny, kMl},
    {"LinearRegressor", ChooseLinearRegressor, InferLinearRegressor, ScoreRange, 0, 4, 1, kAny,
     kMl},
    {"Normalizer", ChooseNormalizer, InferFeatures, Unit, 0, 4, 1, kAny, kMl},
    {"OneHotEncoder", ChooseOneHotEncoder, InferOneHotEncoder, Unit, kExactResult | kSteps, 3, 1,
     kAny, kMl},
    {"Scaler", ChooseScaler, InferScaler, SmallRange, 0, 4, 1, kAny, kMl},
    {"ZipMap", ChooseZipMap, InferZipMap, SmallRange, kExactResult, 2, 1, kAny, kMl},
};

}  // namespace

OpTable ClassicOps() { return kClassic; }

}  // namespace moire
