// ai.onnx.ml: ArrayFeatureExtractor, Binarizer, FeatureVectorizer, Imputer, LabelEncoder,
// LinearRegressor, Normalizer, OneHotEncoder, Scaler.
#include <algorithm>
#include <cmath>

#include "harness/case/float_bits.h"
#include "oracles/reference/kernels/families.h"
#include "oracles/reference/kernels/interval.h"
#include "oracles/reference/kernels/ml_scores.h"
#include "oracles/reference/kernels/ml_util.h"
#include "oracles/reference/kernels/movement_util.h"
#include "oracles/reference/kernels/sums.h"

namespace moire {
namespace {

int64_t Features(const RangeTensor& x) { return x.shape.empty() ? 1 : x.shape.back(); }

// The attribute's value for feature f: one for all, or one for each.
template <typename T>
Result<std::vector<T>> PerFeature(std::vector<T> values, int64_t features, std::string_view name) {
  if (values.size() == 1)
    values.assign(static_cast<size_t>(std::max<int64_t>(features, 1)), values[0]);
  if (static_cast<int64_t>(values.size()) < features) {
    return Fail(ErrorCode::kInvalidInput, "{} has {} values for {} features", name, values.size(),
                features);
  }
  return values;
}

Status ArrayFeatureExtractor(KernelContext& ctx) {
  const RangeTensor& x = ctx.In(0);
  const RangeTensor& indices = ctx.In(1);
  MOIRE_TRY(CheckIndices(indices));
  if (x.shape.empty() || indices.size() == 0) {
    return Fail(ErrorCode::kInvalidInput, "{} with indices {}", ToString(x.shape),
                ToString(indices.shape));
  }
  const int64_t features = x.shape.back();
  // Indices are "based on 0 as the first index": a negative one is outside.
  for (size_t i = 0; i < indices.ints.size(); ++i) {
    if (indices.MarkAt(i) != kDecided) ctx.MayReject();
    if (indices.ints[i] >= 0 && indices.ints[i] < features) continue;
    if (indices.MarkAt(i) != kDecided) {
      return Fail(ErrorCode::kUndecidable, "an index that may be out of range is not known");
    }
    return ctx.MustReject("index {} is outside {} features", indices.ints[i], features);
  }
  Shape shape(x.shape.begin(), x.shape.end() - 1);
  if (shape.empty()) shape.push_back(1);
  shape.push_back(indices.size());
  MOIRE_TRY(ctx.Reserve(DataType::kInt64, shape));
  std::vector<int64_t> index;
  for (int64_t row = 0; row < x.size() / features; ++row) {
    for (const int64_t at : indices.ints) index.push_back(row * features + at);
  }
  MOIRE_TRY(Move(ctx, 0, x, std::move(shape), index));
  for (size_t i = 0; !indices.marks.empty() && i < index.size(); ++i) {
    ctx.Out(0).AddMark(i, indices.marks[i % indices.ints.size()]);
  }
  return {};
}

Status Binarizer(KernelContext& ctx) {
  const RangeTensor& x = ctx.In(0);
  MOIRE_TRY(CheckNumeric(x));
  const auto threshold = static_cast<double>(ctx.node().Float("threshold", 0));
  MOIRE_ASSIGN(RangeTensor * out, ctx.Make(0, x.type, x.shape));
  MOIRE_TRY(ctx.Spend(static_cast<uint64_t>(x.size())));
  for (size_t i = 0; i < static_cast<size_t>(x.size()); ++i) {
    out->AddMark(i, x.MarkAt(i));
    if (IsFloat(x.type)) {
      out->value[i] = x.value[i] > threshold ? 1 : 0;
      if ((x.Lo()[i] > threshold) != (x.Hi()[i] > threshold)) out->AddMark(i, kUndecidable);
    } else {
      out->ints[i] = static_cast<long double>(x.ints[i]) > static_cast<long double>(threshold);
    }
  }
  return {};
}

// (x - offset) * scale.
Status Scaler(KernelContext& ctx) {
  const RangeTensor& x = ctx.In(0);
  MOIRE_TRY(CheckNumeric(x));
  const int64_t features = Features(x);
  MOIRE_ASSIGN(const Floats offset,
               PerFeature(FloatList(ctx.node(), "offset"), features, "offset"));
  MOIRE_ASSIGN(const Floats scale, PerFeature(FloatList(ctx.node(), "scale"), features, "scale"));
  MOIRE_ASSIGN(RangeTensor * out, ctx.Make(0, DataType::kFloat, x.shape));
  MOIRE_TRY(ctx.Spend(static_cast<uint64_t>(x.size()) * 4));
  const Arithmetic arithmetic(DataType::kFloat);
  for (size_t i = 0; i < static_cast<size_t>(x.size()); ++i) {
    const size_t f = i % static_cast<size_t>(features);
    const Interval moved = arithmetic.Sub(AsFloat(x, i), Exactly(static_cast<double>(offset[f])));
    StoreElement(*out, i, arithmetic.Mul(moved, Exactly(static_cast<double>(scale[f]))));
  }
  Round(*out);
  return {};
}

// Rows of [N, C]; [C] is [1, C].
Status FeatureVectorizer(KernelContext& ctx) {
  const Ints declared = ctx.node().IntList("inputdimensions");
  int64_t rows = -1, columns = 0;
  for (size_t k = 0; k < ctx.NumInputs(); ++k) {
    MOIRE_TRY(CheckNumeric(ctx.In(k)));
    const Shape& shape = ctx.In(k).shape;
    if (shape.empty() || shape.size() > 2) {
      return Fail(ErrorCode::kInvalidInput, "input {} has shape {}", k, ToString(shape));
    }
    const int64_t n = shape.size() == 2 ? shape[0] : 1;
    if (rows >= 0 && n != rows) return Fail(ErrorCode::kInvalidInput, "rows differ");
    rows = n;
    if (k < declared.size() && declared[k] != shape.back()) {
      return Fail(ErrorCode::kUndecidable, "inputdimensions {} for {}", declared[k], shape.back());
    }
    columns += shape.back();
  }
  MOIRE_ASSIGN(RangeTensor * out, ctx.Make(0, DataType::kFloat, {rows, columns}));
  MOIRE_TRY(ctx.Spend(static_cast<uint64_t>(out->size())));
  int64_t offset = 0;
  for (size_t k = 0; k < ctx.NumInputs(); ++k) {
    const int64_t width = ctx.In(k).shape.back();
    for (int64_t i = 0; i < ctx.In(k).size(); ++i) {
      const int64_t at = i / width * columns + offset + i % width;
      StoreElement(*out, static_cast<size_t>(at), AsFloat(ctx.In(k), static_cast<size_t>(i)));
    }
    offset += width;
  }
  Round(*out);
  return {};
}

Status Imputer(KernelContext& ctx) {
  const RangeTensor& x = ctx.In(0);
  MOIRE_TRY(CheckNumeric(x));
  const int64_t features = Features(x);
  MOIRE_TRY(MoveReshaped(ctx, 0, x, x.shape));
  RangeTensor& out = ctx.Out(0);
  const auto f = [&](size_t i) { return i % static_cast<size_t>(features); };
  if (!IsFloat(x.type)) {
    MOIRE_ASSIGN(const Ints imputed, PerFeature(ctx.node().IntList("imputed_value_int64s"),
                                                features, "imputed_value_int64s"));
    const int64_t replaced = ctx.node().Int("replaced_value_int64", 0);
    for (size_t i = 0; i < x.ints.size(); ++i) {
      if (x.ints[i] == replaced)
        out.ints[i] = WrapInteger(x.type, static_cast<uint64_t>(imputed[f(i)]));
    }
    return {};
  }
  MOIRE_ASSIGN(const Floats imputed, PerFeature(FloatList(ctx.node(), "imputed_value_floats"),
                                                features, "imputed_value_floats"));
  const auto replaced = static_cast<double>(ctx.node().Float("replaced_value_float", 0));
  for (size_t i = 0; i < x.value.size(); ++i) {
    const bool hit = x.value[i] == replaced || (std::isnan(replaced) && std::isnan(x.value[i]));
    const bool may_hit = x.Lo()[i] <= replaced && x.Hi()[i] >= replaced;
    if (may_hit && x.Lo()[i] != x.Hi()[i]) out.AddMark(i, kUndecidable);
    if (!hit) continue;
    const auto value = static_cast<double>(imputed[f(i)]);
    out.value[i] = value;
    if (!out.exact()) out.lo[i] = out.hi[i] = value;
  }
  return {};
}

// A keys_* or values_* attribute as a tensor; kUndefined when there is none.
RangeTensor ListAttribute(const Node& node, const std::string& prefix) {
  const auto size = [](const auto& list) { return Shape{static_cast<int64_t>(list.size())}; };
  if (const Attribute* a = node.Find(prefix + "_tensor")) {
    if (const auto* tensor = std::get_if<Tensor>(&a->value)) return FromTensor(*tensor);
  }
  if (node.Find(prefix + "_strings") != nullptr) {
    const Strings list = StringList(node, prefix + "_strings");
    RangeTensor out = MakeRangeTensor(DataType::kString, size(list));
    out.strings = list;
    return out;
  }
  if (node.Find(prefix + "_int64s") != nullptr) {
    const Ints list = node.IntList(prefix + "_int64s");
    RangeTensor out = MakeRangeTensor(DataType::kInt64, size(list));
    out.ints = list;
    return out;
  }
  if (node.Find(prefix + "_floats") != nullptr) {
    const Floats list = FloatList(node, prefix + "_floats");
    RangeTensor out = MakeRangeTensor(DataType::kFloat, size(list));
    out.value.assign(list.begin(), list.end());
    return out;
  }
  return {};
}

bool SameLabel(const RangeTensor& a, size_t i, const RangeTensor& b, size_t j) {
  if (a.type == DataType::kString) return a.strings[i] == b.strings[j];
  if (!IsFloat(a.type)) return a.ints[i] == b.ints[j];
  return a.value[i] == b.value[j] || (std::isnan(a.value[i]) && std::isnan(b.value[j]));
}

// LabelEncoder since version 2 of the domain.
Status LabelEncoder(KernelContext& ctx) {
  const RangeTensor& x = ctx.In(0);
  const Node& node = ctx.node();
  const RangeTensor keys = ListAttribute(node, "keys");
  const RangeTensor values = ListAttribute(node, "values");
  if (keys.type != x.type || keys.size() != values.size() || values.type == DataType::kUndefined) {
    return Fail(ErrorCode::kInvalidInput, "keys of {} and values of {} for {}", Name(keys.type),
                Name(values.type), Name(x.type));
  }
  RangeTensor missing = MakeRangeTensor(values.type, {1});
  if (const Attribute* a = node.Find("default_tensor"); a && std::get_if<Tensor>(&a->value)) {
    missing = FromTensor(std::get<Tensor>(a->value));
    if (missing.type != values.type || missing.size() != 1) {
      return Fail(ErrorCode::kInvalidInput, "default_tensor does not fit the values");
    }
  } else if (values.type == DataType::kString) {
    missing.strings[0] = node.String("default_string", "_Unused");
  } else if (IsFloat(values.type)) {
    missing.value[0] = static_cast<double>(node.Float("default_float", -0.0f));
  } else {
    missing.ints[0] = node.Int("default_int64", -1);
  }
  const auto count = static_cast<size_t>(keys.size());
  MOIRE_TRY(ctx.Spend(static_cast<uint64_t>(x.size()) * (count + 1) + count * count));
  for (size_t i = 0; ctx.opset() < 4 && i < count; ++i) {
    for (size_t j = 0; j < i; ++j) {
      // Which of two equal keys counts is said since version 4: the last.
      if (SameLabel(keys, i, keys, j)) return Fail(ErrorCode::kUndecidable, "a key twice");
    }
  }
  MOIRE_ASSIGN(RangeTensor * out, ctx.Make(0, values.type, x.shape));
  for (size_t i = 0; i < static_cast<size_t>(x.size()); ++i) {
    const auto at = static_cast<int64_t>(i);
    CopyElements(*out, at, missing, 0, 1);
    for (size_t k = count; k-- > 0;) {
      if (!SameLabel(x, i, keys, k)) continue;
      CopyElements(*out, at, values, static_cast<int64_t>(k), 1);
      break;
    }
    if (x.MarkAt(i) != kDecided) out->AddMark(i, x.MarkAt(i));
    if (!x.exact() && x.lo[i] != x.hi[i]) out->AddMark(i, kUndecidable);
  }
  return {};
}

Status OneHotEncoder(KernelContext& ctx) {
  const RangeTensor& x = ctx.In(0);
  const Ints ints = ctx.node().IntList("cats_int64s");
  const Strings strings = StringList(ctx.node(), "cats_strings");
  const bool by_string = x.type == DataType::kString;
  if (!by_string) MOIRE_TRY(CheckNumeric(x));
  const size_t count = by_string ? strings.size() : ints.size();
  if (count == 0) return Fail(ErrorCode::kInvalidInput, "no categories for {}", Name(x.type));
  Shape shape = x.shape;
  shape.push_back(static_cast<int64_t>(count));
  MOIRE_ASSIGN(RangeTensor * out, ctx.Make(0, DataType::kFloat, shape));
  MOIRE_TRY(ctx.Spend(static_cast<uint64_t>(out->size())));
  for (size_t i = 0; i < static_cast<size_t>(x.size()); ++i) {
    uint8_t marks = x.MarkAt(i);
    int64_t label = 0;
    if (IsFloat(x.type)) {
      const double low = std::trunc(x.Lo()[i]), high = std::trunc(x.Hi()[i]);
      if (!(low == high && std::abs(low) < 0x1p62)) marks |= kUndecidable;
      label = marks == kDecided ? static_cast<int64_t>(low) : 0;
    } else if (!by_string) {
      label = x.ints[i];
    }
    if (marks != kDecided) ctx.MayReject();
    const auto hit = [&](size_t k) {
      return by_string ? strings[k] == x.strings[i] : ints[k] == label;
    };
    int64_t hits = 0;
    for (size_t k = 0; k < count; ++k) hits += hit(k) ? 1 : 0;
    // Which of two equal categories it is, or whether both, the page does not say.
    if (hits > 1) marks |= kUnspecified;
    const bool found = marks != kDecided || hits > 0;
    for (size_t k = 0; k < count; ++k) {
      out->value[i * count + k] = hit(k) ? 1 : 0;
      out->AddMark(i * count + k, marks);
    }
    if (!found && ctx.node().Int("zeros", 1) == 0) {
      return ctx.MustReject("element {} is no category, and zeros is 0", i);
    }
  }
  return {};
}

Status Normalizer(KernelContext& ctx) {
  const RangeTensor& x = ctx.In(0);
  MOIRE_TRY(CheckNumeric(x));
  const std::string norm = ctx.node().String("norm", "MAX");
  const auto features = static_cast<size_t>(Features(x));
  MOIRE_ASSIGN(RangeTensor * out, ctx.Make(0, DataType::kFloat, x.shape));
  MOIRE_TRY(ctx.Spend(static_cast<uint64_t>(x.size()) * 16));
  const Arithmetic arithmetic(DataType::kFloat);
  for (size_t row = 0; features > 0 && row < static_cast<size_t>(x.size()) / features; ++row) {
    std::vector<Interval> in;
    std::vector<double> value, lo, hi;
    uint8_t marks = kDecided;
    for (size_t f = 0; f < features; ++f) {
      in.push_back(AsFloat(x, row * features + f));
      value.push_back(in[f].value);
      lo.push_back(in[f].lo);
      hi.push_back(in[f].hi);
      marks |= in[f].mark;
      // Whether signs count in the norm, and in the result of L2, is not said; nor is NaN's part.
      if (!(in[f].lo >= 0)) marks |= kUnspecified;
    }
    const Row terms{value.data(), lo.data(), hi.data()};
    const auto n = static_cast<int64_t>(features);
    Interval divisor = in[0];
    if (norm == "L1") {
      divisor = SumOf(DataType::kFloat, terms, n);
    } else if (norm == "L2") {
      divisor = arithmetic.Sqrt(SumOfSquares(DataType::kFloat, terms, n));
    } else if (norm == "MAX") {
      for (const Interval& one : in) divisor = Max(divisor, one);
    } else {
      return Fail(ErrorCode::kInvalidInput, "norm '{}'", norm);
    }
    const bool zero = divisor.lo == 0 && divisor.hi == 0;
    if (!zero && !(divisor.lo > 0)) marks |= kUndecidable;
    for (size_t f = 0; f < features; ++f) {
      Interval y = in[f];
      // L2 as written squares, divides and takes the root: three more roundings.
      if (!zero) {
        y = arithmetic.Rounded(arithmetic.Div(in[f], divisor), norm == "L2" ? 3 : 1);
      }
      y.mark |= marks | divisor.mark;
      StoreElement(*out, row * features + f, y);
    }
  }
  Round(*out);
  return {};
}

Status LinearRegressor(KernelContext& ctx) {
  const RangeTensor& x = ctx.In(0);
  MOIRE_TRY(CheckNumeric(x));
  const Floats weights = FloatList(ctx.node(), "coefficients");
  const Floats intercepts = FloatList(ctx.node(), "intercepts");
  const int64_t targets = ctx.node().Int("targets", 1);
  const int64_t features = Features(x);
  const int64_t rows = x.shape.size() == 2 ? x.shape[0] : 1;
  const bool fits = x.shape.size() <= 2 && targets > 0 && targets < (int64_t{1} << 24) &&
                    static_cast<int64_t>(weights.size()) == targets * features &&
                    (intercepts.empty() || static_cast<int64_t>(intercepts.size()) == targets);
  if (!fits) {
    return Fail(ErrorCode::kInvalidInput, "{} coefficients for {} targets and {}", weights.size(),
                targets, ToString(x.shape));
  }
  MOIRE_ASSIGN(RangeTensor * out, ctx.Make(0, DataType::kFloat, {rows, targets}));
  MOIRE_TRY(
      ctx.Spend(static_cast<uint64_t>(rows * (features + 1)) * static_cast<uint64_t>(targets) * 8));
  const auto n = static_cast<size_t>(features);
  for (int64_t r = 0; r < rows; ++r) {
    std::vector<double> value, lo, hi;
    uint8_t marks = kDecided;
    for (size_t f = 0; f < n; ++f) {
      const Interval one = AsFloat(x, static_cast<size_t>(r) * n + f);
      value.push_back(one.value);
      lo.push_back(one.lo);
      hi.push_back(one.hi);
      marks |= one.mark;
    }
    value.push_back(1);
    lo.push_back(1);
    hi.push_back(1);
    for (int64_t t = 0; t < targets; ++t) {
      const auto begin = weights.begin() + t * features;
      std::vector<double> row(begin, begin + features);
      row.push_back(intercepts.empty() ? 0.0
                                       : static_cast<double>(intercepts[static_cast<size_t>(t)]));
      Interval y = SumOfProducts(DataType::kFloat, {value.data(), lo.data(), hi.data()},
                                 {row.data()}, features + 1, 0);
      y.mark |= marks;
      StoreElement(*out, static_cast<size_t>(r * targets + t), y);
    }
  }
  Round(*out);
  MOIRE_ASSIGN(*out,
               PostTransform(ctx, std::move(*out), ctx.node().String("post_transform", "NONE")));
  return {};
}

constexpr KernelEntry kMlKernels[] = {
    {"ArrayFeatureExtractor", 1, kLatest, ArrayFeatureExtractor, kMl},
    {"Binarizer", 1, kLatest, Binarizer, kMl},
    {"FeatureVectorizer", 1, kLatest, FeatureVectorizer, kMl},
    {"Imputer", 1, kLatest, Imputer, kMl},
    {"LabelEncoder", 2, kLatest, LabelEncoder, kMl},
    {"LinearRegressor", 1, kLatest, LinearRegressor, kMl},
    {"Normalizer", 1, kLatest, Normalizer, kMl},
    {"OneHotEncoder", 1, kLatest, OneHotEncoder, kMl},
    {"Scaler", 1, kLatest, Scaler, kMl},
};

}  // namespace

std::span<const KernelEntry> MlKernels() { return kMlKernels; }

}  // namespace moire
