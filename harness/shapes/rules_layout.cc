// Operators that compute element by element or move elements: what broadcasts, what keeps its
// product, what is cut along an axis.
#include <algorithm>

#include "harness/shapes/rules.h"

namespace moire::shapes {
namespace {

bool Elementwise(NodeTerms& t) {
  TermList out;
  for (size_t k = 0; k < t.node.inputs.size(); ++k) {
    const TermList* each = t.In(k);
    if (each == nullptr) return false;
    out = k == 0 ? *each : t.Broadcast(out, *each);
  }
  t.Out(0, std::move(out));
  return true;
}

bool Expand(NodeTerms& t) {
  const TermList* x = t.In(0);
  const TermList* wanted = t.Elements(1);
  if (x == nullptr || wanted == nullptr) return false;
  for (const Term& size : *wanted) t.Require(size >= 0);
  t.Out(0, t.Broadcast(*x, *wanted));
  return true;
}

bool Tile(NodeTerms& t) {
  const TermList* x = t.In(0);
  const TermList* repeats = t.Elements(1);
  if (x == nullptr || repeats == nullptr || repeats->size() != x->size()) return false;
  TermList out;
  for (size_t i = 0; i < x->size(); ++i) {
    t.Require((*repeats)[i] >= 0);
    // Constant dims keep the product linear.
    out.push_back((*x)[i] * (*repeats)[i]);
  }
  t.Out(0, std::move(out));
  return true;
}

bool Concat(NodeTerms& t) {
  const TermList* first = t.In(0);
  if (first == nullptr) return false;
  const auto axis = t.Axis("axis", 0, first->size());
  if (!axis) return false;
  TermList out = *first;
  for (size_t k = 1; k < t.node.inputs.size(); ++k) {
    const TermList* each = t.In(k);
    if (each == nullptr || each->size() != out.size()) return false;
    for (size_t i = 0; i < out.size(); ++i) {
      if (i != *axis) t.Require((*first)[i] == (*each)[i]);
    }
    out[*axis] = out[*axis] + (*each)[*axis];
  }
  t.Out(0, std::move(out));
  return true;
}

// By sizes that add up to the dim, or in equal parts of which the last may be smaller.
bool Split(NodeTerms& t) {
  const TermList* x = t.In(0);
  const auto axis = x == nullptr ? std::nullopt : t.Axis("axis", 0, x->size());
  const auto sizes = t.ListOrInput("split", 1);
  if (!axis || !sizes) return false;
  const auto parts = static_cast<int64_t>(t.node.outputs.size());
  const Term& dim = (*x)[*axis];
  TermList given = *sizes;
  if (given.empty()) {
    const bool by_number = t.opset >= 18;
    if (by_number) t.Require(t.Number("num_outputs", 0) == parts);
    if (!by_number) t.Require(dim % parts == 0);
    const Term size = (dim + (parts - 1)) / parts;
    for (int64_t i = 0; i + 1 < parts; ++i) given.push_back(size);
    given.push_back(dim - size * (parts - 1));
  }
  if (std::ssize(given) != parts) return false;
  Term total = 0;
  for (size_t i = 0; i < given.size(); ++i) {
    t.Require(given[i] >= 0);
    total = total + given[i];
    TermList out = *x;
    out[*axis] = given[i];
    t.Out(i, std::move(out));
  }
  t.Require(total == dim);
  return true;
}

bool Transpose(NodeTerms& t) {
  const TermList* x = t.In(0);
  if (x == nullptr) return false;
  Ints perm = t.node.IntList("perm");
  if (perm.empty()) {
    for (int64_t i = std::ssize(*x); i-- > 0;) perm.push_back(i);
  }
  TermList out;
  for (const int64_t from : perm) {
    if (from < 0 || from >= std::ssize(*x)) return false;
    out.push_back((*x)[static_cast<size_t>(from)]);
  }
  if (out.size() != x->size()) return false;
  t.Out(0, std::move(out));
  return true;
}

std::vector<int64_t> Divisors(int64_t count) {
  std::vector<int64_t> out;
  for (int64_t d = 1; d <= std::min<int64_t>(count, 4096); ++d) {
    if (count % d == 0) out.push_back(d);
  }
  return out;
}

// product * size where sizes are divisors of a constant count: linear, unlike the product of two
// variables, which takes Z3 seconds.
Term TimesDivisor(NodeTerms& t, const Term& product, const Term& size,
                  const std::vector<int64_t>& divisors) {
  if (size.Constant() || divisors.empty()) return product * size;
  smt::Constraint one_of = size <= 0;
  Term out = product;
  for (const int64_t d : divisors) {
    one_of = one_of || size == d;
    out = Select(size == d, product * d, out);
  }
  t.Require(one_of);
  return out;
}

// -1 is what the other dims leave of the product, 0 copies.
bool Reshape(NodeTerms& t) {
  const TermList* x = t.In(0);
  const TermList* wanted = t.Elements(1);
  if (x == nullptr || wanted == nullptr) return false;
  const bool zeros = t.node.Int("allowzero", 0) != 0;
  const Term count = Product(*x, 0, x->size());
  const std::vector<int64_t> divisors = Divisors(count.Constant().value_or(0));
  Term known = 1;
  Term inferred = 0;  // how many
  TermList out;
  for (size_t i = 0; i < wanted->size(); ++i) {
    const Term& size = (*wanted)[i];
    const bool copies = !zeros && i < x->size();
    t.Require(size >= (zeros || copies ? -1 : 1) || size == -1);
    out.push_back(copies ? Select(size == 0, (*x)[i], size) : size);
    const Term times =
        copies ? Select(size == 0, known * (*x)[i], TimesDivisor(t, known, size, divisors))
               : TimesDivisor(t, known, size, divisors);
    known = Select(size == -1, known, times);
    inferred = inferred + Select(size == -1, 1, 0);
  }
  t.Require(inferred <= 1);
  Term rest = divisors.empty() ? count / Max(known, 1) : Term(1);
  for (const int64_t d : divisors) rest = Select(known == d, *count.Constant() / d, rest);
  for (size_t i = 0; i < wanted->size(); ++i) {
    out[i] = Select((*wanted)[i] == -1, rest, out[i]);
  }
  if (divisors.empty()) {
    t.Require(Select(inferred == 1, known * rest, known) == count);
    t.Require(inferred == 0 || known >= 1);
  } else {
    smt::Constraint divides = known == count;
    for (const int64_t d : divisors) divides = divides || (inferred == 1 && known == d);
    t.Require(divides);
  }
  t.Out(0, std::move(out));
  return true;
}

bool Flatten(NodeTerms& t) {
  const TermList* x = t.In(0);
  if (x == nullptr) return false;
  int64_t axis = t.node.Int("axis", 1);
  if (axis < 0) axis += std::ssize(*x);
  if (axis < 0 || axis > std::ssize(*x)) return false;
  const auto at = static_cast<size_t>(axis);
  t.Out(0, {Product(*x, 0, at), Product(*x, at, x->size())});
  return true;
}

bool Squeeze(NodeTerms& t) {
  const TermList* x = t.In(0);
  const std::optional<Ints> numbers = t.Fixed("axes", 1);
  if (x == nullptr || !numbers || numbers->empty()) return false;
  const std::optional<Ints> axes = SortedAxes(*numbers, x->size());
  if (!axes) return false;
  TermList out;
  for (size_t i = 0; i < x->size(); ++i) {
    if (std::ranges::binary_search(*axes, static_cast<int64_t>(i))) {
      t.Require((*x)[i] == 1);
    } else {
      out.push_back((*x)[i]);
    }
  }
  t.Out(0, std::move(out));
  return true;
}

bool Unsqueeze(NodeTerms& t) {
  const TermList* x = t.In(0);
  const std::optional<Ints> numbers = t.Fixed("axes", 1);
  if (x == nullptr || !numbers) return false;
  const std::optional<Ints> axes = SortedAxes(*numbers, x->size() + numbers->size());
  if (!axes) return false;
  TermList out = *x;
  for (const int64_t axis : *axes) out.insert(out.begin() + axis, Term(1));
  t.Out(0, std::move(out));
  return true;
}

bool Reduce(NodeTerms& t) {
  const TermList* x = t.In(0);
  const std::optional<Ints> numbers = t.Fixed("axes", 1);
  if (x == nullptr || !numbers) return false;
  std::optional<Ints> axes = SortedAxes(*numbers, x->size());
  if (!axes) return false;
  if (axes->empty()) {
    if (t.node.Int("noop_with_empty_axes", 0) != 0) return SameDims(t);
    for (int64_t i = 0; i < std::ssize(*x); ++i) axes->push_back(i);
  }
  TermList out;
  for (size_t i = 0; i < x->size(); ++i) {
    if (!std::ranges::binary_search(*axes, static_cast<int64_t>(i))) {
      out.push_back((*x)[i]);
    } else if (t.node.Int("keepdims", 1) != 0) {
      out.emplace_back(1);
    }
  }
  t.Out(0, std::move(out));
  return true;
}

// [N, C, H, W]: a square of channels becomes a block of pixels, or the other way.
bool Blocks(NodeTerms& t) {
  const TermList* x = t.In(0);
  if (x == nullptr || x->size() != 4) return false;
  const Term block = t.Number("blocksize", 0);
  const Term &channels = (*x)[1], &height = (*x)[2], &width = (*x)[3];
  const auto over = [&](const OfValue& value) { return OverFactors(t, block, value); };
  if (t.node.op == "DepthToSpace") {
    t.Require(over([&](int64_t b) { return channels % (b * b); }) == 0);
    t.Out(0, {(*x)[0], over([&](int64_t b) { return channels / (b * b); }),
              over([&](int64_t b) { return height * b; }),
              over([&](int64_t b) { return width * b; })});
  } else {
    RequireDivides(t, block, height);
    RequireDivides(t, block, width);
    t.Out(0, {(*x)[0], over([&](int64_t b) { return channels * (b * b); }),
              Quotient(t, height, block), Quotient(t, width, block)});
  }
  return true;
}

// Every index lies in [-dim, dim).
void RequireIndices(NodeTerms& t, const TermList& indices, const Term& dim) {
  for (const Term& index : indices) {
    t.Require(index < dim);
    t.Require(t.opset >= 11 ? index >= Term(0) - dim : index >= 0);
  }
}

bool Gather(NodeTerms& t) {
  const TermList* x = t.In(0);
  const TermList* indices = t.In(1);
  const auto axis = x == nullptr ? std::nullopt : t.Axis("axis", 0, x->size());
  if (!axis || indices == nullptr || t.Elements(1) == nullptr) return false;
  RequireIndices(t, *t.Elements(1), (*x)[*axis]);
  TermList out(x->begin(), x->begin() + static_cast<int64_t>(*axis));
  out.insert(out.end(), indices->begin(), indices->end());
  out.insert(out.end(), x->begin() + static_cast<int64_t>(*axis) + 1, x->end());
  t.Out(0, std::move(out));
  return true;
}

// GatherElements, and ScatterElements with its updates.
bool ByElement(NodeTerms& t) {
  const TermList* x = t.In(0);
  const TermList* indices = t.In(1);
  const auto axis = x == nullptr ? std::nullopt : t.Axis("axis", 0, x->size());
  if (!axis || indices == nullptr || indices->size() != x->size() || t.Elements(1) == nullptr) {
    return false;
  }
  const bool scatters = t.node.op != "GatherElements";
  for (size_t i = 0; i < x->size(); ++i) {
    if (scatters || i != *axis) t.Require((*indices)[i] <= (*x)[i]);
  }
  RequireIndices(t, *t.Elements(1), (*x)[*axis]);
  if (scatters) {
    const TermList* updates = t.In(2);
    if (updates == nullptr || updates->size() != indices->size()) return false;
    for (size_t i = 0; i < x->size(); ++i) t.Require((*updates)[i] == (*indices)[i]);
  }
  t.Out(0, scatters ? *x : *indices);
  return true;
}

// GatherND and ScatterND: tuples into the dims from `batch` on.
bool ByTuple(NodeTerms& t) {
  const TermList* x = t.In(0);
  const TermList* indices = t.In(1);
  const TermList* held = t.Elements(1);
  if (x == nullptr || indices == nullptr || indices->empty() || held == nullptr) return false;
  const bool scatters = t.node.op == "ScatterND";
  const int64_t batch = scatters ? 0 : t.node.Int("batch_dims", 0);
  const auto width = indices->back().Constant();
  const auto rank = std::ssize(*x);
  if (!width || batch < 0 || batch >= std::ssize(*indices) || *width < 1 || *width > rank - batch) {
    return false;
  }
  for (int64_t i = 0; i < batch; ++i) {
    t.Require((*x)[static_cast<size_t>(i)] == (*indices)[static_cast<size_t>(i)]);
  }
  for (size_t i = 0; i < held->size(); ++i) {
    const size_t dim = static_cast<size_t>(batch) + i % static_cast<size_t>(*width);
    RequireIndices(t, {(*held)[i]}, (*x)[dim]);
  }
  TermList out(indices->begin(), indices->end() - 1);
  out.insert(out.end(), x->begin() + batch + *width, x->end());
  if (scatters) {
    const TermList* updates = t.In(2);
    if (updates == nullptr || updates->size() != out.size()) return false;
    for (size_t i = 0; i < out.size(); ++i) t.Require((*updates)[i] == out[i]);
    out = *x;
  }
  t.Out(0, std::move(out));
  return true;
}

bool ReverseSequence(NodeTerms& t) {
  const TermList* x = t.In(0);
  const TermList* lengths = t.In(1);
  const TermList* held = t.Elements(1);
  if (x == nullptr || x->size() < 2 || lengths == nullptr || lengths->size() != 1) return false;
  const auto batch = t.Axis("batch_axis", 1, 2);
  const auto time = t.Axis("time_axis", 0, 2);
  if (!batch || !time || held == nullptr) return false;
  t.Require((*lengths)[0] == (*x)[*batch]);
  for (const Term& length : *held) t.Require(length >= 0 && length <= (*x)[*time]);
  return SameDims(t);
}

constexpr OperatorRule kSame[] = {
    {"Abs", SameDims},       {"Neg", SameDims},
    {"Relu", SameDims},      {"Tanh", SameDims},
    {"Sigmoid", SameDims},   {"Exp", SameDims},
    {"Log", SameDims},       {"Sqrt", SameDims},
    {"Floor", SameDims},     {"Ceil", SameDims},
    {"Round", SameDims},     {"Erf", SameDims},
    {"Sign", SameDims},      {"Not", SameDims},
    {"Cast", SameDims},      {"Identity", SameDims},
    {"Softmax", SameDims},   {"Softplus", SameDims},
    {"Softsign", SameDims},  {"HardSigmoid", SameDims},
    {"HardSwish", SameDims}, {"Elu", SameDims},
    {"LeakyRelu", SameDims}, {"Selu", SameDims},
    {"Celu", SameDims},      {"Gelu", SameDims},
    {"Mish", SameDims},      {"Reciprocal", SameDims},
    {"Clip", SameDims},      {"LogSoftmax", SameDims},
    {"Hardmax", SameDims},   {"IsNaN", SameDims},
    {"IsInf", SameDims},     {"Sin", SameDims},
    {"Cos", SameDims},       {"Tan", SameDims},
    {"CumSum", SameDims},    {"Trilu", SameDims},
    {"LRN", SameDims},       {"Sinh", SameDims},
    {"Cosh", SameDims},      {"BitwiseNot", SameDims},
    {"Asin", SameDims},      {"Acos", SameDims},
    {"Atan", SameDims},      {"ThresholdedRelu", SameDims},
};

constexpr std::string_view kElementwise[] = {
    "Add",         "Sub",      "Mul",        "Div",       "Pow",       "Mod",
    "Max",         "Min",      "Sum",        "Mean",      "Where",     "And",
    "Or",          "Xor",      "Equal",      "Greater",   "Less",      "GreaterOrEqual",
    "LessOrEqual", "BitShift", "BitwiseAnd", "BitwiseOr", "BitwiseXor"};

constexpr std::string_view kReductions[] = {
    "ReduceSum", "ReduceMean", "ReduceMax",    "ReduceMin",       "ReduceProd",
    "ReduceL1",  "ReduceL2",   "ReduceLogSum", "ReduceLogSumExp", "ReduceSumSquare"};

constexpr OperatorRule kOwn[] = {
    {"Concat", Concat},
    {"DepthToSpace", Blocks, {"blocksize"}},
    {"Expand", Expand, {}, 1 << 1},
    {"Flatten", Flatten},
    {"Gather", Gather, {}, 1 << 1, true},
    {"GatherElements", ByElement, {}, 1 << 1, true},
    {"GatherND", ByTuple, {}, 1 << 1, true},
    {"Reshape", Reshape, {}, 1 << 1},
    {"ReverseSequence", ReverseSequence, {}, 1 << 1, true},
    {"ScatterElements", ByElement, {}, 1 << 1, true},
    {"ScatterND", ByTuple, {}, 1 << 1, true},
    {"SpaceToDepth", Blocks, {"blocksize"}},
    {"Split", Split, {"split", "num_outputs"}, 1 << 1},
    {"Squeeze", Squeeze},
    {"Tile", Tile, {}, 1 << 1},
    {"Transpose", Transpose},
    {"Unsqueeze", Unsqueeze},
};

}  // namespace

bool SameDims(NodeTerms& t) {
  const TermList* x = t.In(0);
  if (x == nullptr || t.node.outputs.size() != 1) return false;
  t.Out(0, *x);
  return true;
}

RuleTable LayoutRules() {
  static const std::vector<OperatorRule> kRules = [] {
    std::vector<OperatorRule> rules(std::begin(kOwn), std::end(kOwn));
    rules.insert(rules.end(), std::begin(kSame), std::end(kSame));
    for (const std::string_view op : kElementwise) rules.push_back({op, Elementwise});
    for (const std::string_view op : kReductions) rules.push_back({op, Reduce});
    return rules;
  }();
  return kRules;
}

}  // namespace moire::shapes
