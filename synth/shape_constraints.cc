#include "synth/shape_constraints.h"

#include <algorithm>

namespace moire {
namespace {

using smt::Term;

constexpr int64_t kLargest = 1 << 16;

// Inputs that name sizes, not values: [operator, input].
constexpr std::pair<std::string_view, size_t> kSizeInputs[] = {
    {"Reshape", 1}, {"Expand", 1}, {"ConstantOfShape", 0}};

const Tensor* Find(const Sketch& sketch, const std::string& name) {
  for (const NamedTensor& input : sketch.inputs) {
    if (input.name == name) return &input.tensor;
  }
  const NamedTensor* constant = sketch.model.graph.FindInitializer(name);
  return constant == nullptr ? nullptr : &constant->tensor;
}

// Sorted and from the front; nullopt where one is out of range.
std::optional<Ints> Axes(Ints axes, int64_t rank) {
  for (int64_t& axis : axes) {
    if (axis < 0) axis += rank;
    if (axis < 0 || axis >= rank) return std::nullopt;
  }
  std::ranges::sort(axes);
  return axes;
}

}  // namespace

ShapeConstraints::ShapeConstraints(smt::Solver& solver, const Sketch& sketch, const Sketch& before,
                                   const KnownValues& values)
    : solver_(solver), sketch_(sketch), before_(before), values_(values) {
  solver_.Clear();
}

bool ShapeConstraints::Build() {
  AddSources();
  const auto& rules = Rules();
  for (const Node& node : sketch_.model.graph.nodes) {
    const auto rule = node.domain.empty() ? rules.find(node.op) : rules.end();
    const bool modelled = rule != rules.end() && (this->*rule->second)(node);
    if (!modelled && !Freeze(node)) return false;
  }
  return !variables_.empty();
}

void ShapeConstraints::AddSources() {
  for (const Sketch* each : {static_cast<const Sketch*>(&sketch_), &before_}) {
    Sketch copy = *each;
    for (const Tensor* tensor : Tensors(copy)) {
      for (const int64_t dim : tensor->shape) largest_ = std::max(largest_, dim);
    }
  }
  largest_ = std::min(largest_, kLargest);
  std::vector<std::string> names;
  for (const NamedTensor& input : sketch_.inputs) names.push_back(input.name);
  for (const NamedTensor& constant : sketch_.model.graph.initializers) {
    names.push_back(constant.name);
  }
  const std::vector<Tensor*> tensors = Tensors(sketch_);
  for (size_t t = 0; t < tensors.size(); ++t) {
    const Tensor& now = *tensors[t];
    const Tensor* old = Find(before_, names[t]);
    const bool same_rank = old != nullptr && old->shape.size() == now.shape.size();
    Dims& dims = dims_[names[t]];
    dims.clear();
    const bool fixed = IsShapeLike(now) || Traits(now.type).kind == TypeClass::kComplex;
    for (size_t a = 0; a < now.shape.size(); ++a) {
      const int64_t size = now.shape[a];
      if (fixed || size == 0 || size > largest_) {
        dims.emplace_back(size);
        continue;
      }
      const Term term = solver_.Variable(1, largest_);
      const int64_t was = same_rank ? old->shape[a] : size;
      variables_.push_back({{SizeSite::Kind::kDim, t, a, {}}, size, was, was != size, term});
      dims.push_back(term);
    }
    if (IsShapeLike(now)) AddElements(t, names[t], now, old);
  }
}

void ShapeConstraints::AddElements(size_t tensor, const std::string& name, const Tensor& now,
                                   const Tensor* old) {
  const bool free = NamesSizes(name);
  const bool comparable = old != nullptr && old->size() == now.size() && IsShapeLike(*old);
  for (int64_t i = 0; i < now.size(); ++i) {
    const int64_t value = GetInt(now, i);
    // 0 and -1 leave the size to others.
    if (!free || value <= 0 || value > kLargest) {
      elements_[name].emplace_back(value);
      continue;
    }
    const Term term = solver_.Variable(1, std::max(value, kLargest));
    const int64_t was = comparable ? GetInt(*old, i) : value;
    const SizeSite site{SizeSite::Kind::kElement, tensor, static_cast<size_t>(i), {}};
    variables_.push_back({site, value, was, was != value, term});
    elements_[name].push_back(term);
  }
}

// Whether everyone who reads it reads sizes.
bool ShapeConstraints::NamesSizes(const std::string& name) const {
  bool read = false;
  for (const Node& node : sketch_.model.graph.nodes) {
    if (!Reads(node).contains(name)) continue;
    read = true;
    const bool only = std::ranges::any_of(kSizeInputs, [&](const auto& each) {
      return node.domain.empty() && node.op == each.first && each.second < node.inputs.size() &&
             node.inputs[each.second] == name && std::ranges::count(node.inputs, name) == 1;
    });
    if (!only) return false;
  }
  return read;
}

const ShapeConstraints::Dims* ShapeConstraints::In(const Node& node, size_t k) const {
  if (k >= node.inputs.size() || node.inputs[k].empty()) return nullptr;
  const auto found = dims_.find(node.inputs[k]);
  return found == dims_.end() ? nullptr : &found->second;
}

const ShapeConstraints::Dims* ShapeConstraints::Elements(const Node& node, size_t k) const {
  if (k >= node.inputs.size()) return nullptr;
  const auto found = elements_.find(node.inputs[k]);
  return found == elements_.end() ? nullptr : &found->second;
}

// A list that an attribute gives, or from some opset on an input; no list where neither is there,
// nullopt where it is computed.
std::optional<Ints> ShapeConstraints::Numbers(const Node& node, std::string_view attribute,
                                              size_t input) const {
  if (input >= node.inputs.size() || node.inputs[input].empty()) return node.IntList(attribute);
  const Tensor* tensor = Find(sketch_, node.inputs[input]);
  if (tensor == nullptr || !IsShapeLike(*tensor)) return std::nullopt;
  const auto elements = tensor->As<int64_t>();
  return Ints(elements.begin(), elements.end());
}

void ShapeConstraints::Out(const Node& node, size_t k, Dims dims) {
  if (k < node.outputs.size() && !node.outputs[k].empty()) {
    dims_.insert_or_assign(node.outputs[k], std::move(dims));
  }
}

Term ShapeConstraints::Fresh() { return solver_.Variable(0, kLargest); }

ShapeConstraints::Dims ShapeConstraints::Broadcast(const Dims& a, const Dims& b) {
  const Dims& longer = a.size() >= b.size() ? a : b;
  const Dims& shorter = a.size() >= b.size() ? b : a;
  Dims out(longer.begin(), longer.end() - std::ssize(shorter));
  for (size_t i = 0; i < shorter.size(); ++i) {
    const Term& x = longer[out.size()];
    const Term& y = shorter[i];
    const Term z = Fresh();
    solver_.Require((x == y && z == x) || (x == 1 && z == y) || (y == 1 && z == x));
    out.push_back(z);
  }
  return out;
}

Term ShapeConstraints::Product(const Dims& dims, size_t from, size_t to) const {
  Term product = 1;
  for (size_t i = from; i < to; ++i) product = product * dims[i];
  return product;
}

// What is not modelled reads what it read before, and makes what it made.
bool ShapeConstraints::Freeze(const Node& node) {
  const auto& old_nodes = before_.model.graph.nodes;
  const auto old = std::ranges::find_if(old_nodes, [&](const Node& each) {
    return each.op == node.op && !each.outputs.empty() && each.outputs == node.outputs;
  });
  if (old == old_nodes.end()) return false;
  const auto hold = [&](const std::string& name, const std::string& old_name) {
    const auto dims = dims_.find(name);
    const auto value = values_.find(old_name);
    if (dims == dims_.end() || value == values_.end() || !value->second.known) return false;
    const Shape& shape = value->second.tensor.shape;
    if (shape.size() != dims->second.size()) return false;
    for (size_t i = 0; i < shape.size(); ++i) solver_.Require(dims->second[i] == shape[i]);
    return true;
  };
  for (size_t k = 0; k < node.inputs.size(); ++k) {
    if (node.inputs[k].empty()) continue;
    if (k >= old->inputs.size() || !hold(node.inputs[k], old->inputs[k])) return false;
  }
  for (const std::string& name : Reads(node)) {
    const bool outer = std::ranges::find(node.inputs, name) == node.inputs.end();
    if (outer && !hold(name, name)) return false;
  }
  for (size_t k = 0; k < node.outputs.size(); ++k) {
    if (node.outputs[k].empty()) continue;
    const auto value = values_.find(node.outputs[k]);
    if (value == values_.end() || !value->second.known) return false;
    const Shape& shape = value->second.tensor.shape;
    Out(node, k, Dims(shape.begin(), shape.end()));
  }
  return true;
}

bool ShapeConstraints::Same(const Node& node) {
  const Dims* x = In(node, 0);
  if (x == nullptr || node.outputs.size() != 1) return false;
  Out(node, 0, *x);
  return true;
}

bool ShapeConstraints::Elementwise(const Node& node) {
  Dims out;
  for (size_t k = 0; k < node.inputs.size(); ++k) {
    const Dims* each = In(node, k);
    if (each == nullptr) return false;
    out = k == 0 ? *each : Broadcast(out, *each);
  }
  Out(node, 0, std::move(out));
  return true;
}

bool ShapeConstraints::MatMul(const Node& node) {
  const Dims* a = In(node, 0);
  const Dims* b = In(node, 1);
  if (a == nullptr || b == nullptr || a->empty() || b->empty()) return false;
  const bool row = a->size() == 1;
  const bool column = b->size() == 1;
  solver_.Require(a->back() == (column ? b->front() : (*b)[b->size() - 2]));
  const Dims a_batch(a->begin(), a->end() - (row ? 1 : 2));
  const Dims b_batch(b->begin(), b->end() - (column ? 1 : 2));
  Dims out = Broadcast(a_batch, b_batch);
  if (!row) out.push_back((*a)[a->size() - 2]);
  if (!column) out.push_back(b->back());
  Out(node, 0, std::move(out));
  return true;
}

bool ShapeConstraints::Gemm(const Node& node) {
  const Dims* a = In(node, 0);
  const Dims* b = In(node, 1);
  if (a == nullptr || b == nullptr || a->size() != 2 || b->size() != 2) return false;
  const size_t a_rows = node.Int("transA", 0) != 0 ? 1 : 0;
  const size_t b_rows = node.Int("transB", 0) != 0 ? 1 : 0;
  solver_.Require((*a)[1 - a_rows] == (*b)[b_rows]);
  Dims out = {(*a)[a_rows], (*b)[1 - b_rows]};
  if (const Dims* c = In(node, 2)) {
    if (c->size() > 2) return false;
    for (size_t i = 0; i < c->size(); ++i) {
      solver_.Require((*c)[i] == 1 || (*c)[i] == out[2 - c->size() + i]);
    }
  }
  Out(node, 0, std::move(out));
  return true;
}

bool ShapeConstraints::Concat(const Node& node) {
  const Dims* first = In(node, 0);
  if (first == nullptr) return false;
  const auto axes = Axes({node.Int("axis", 0)}, std::ssize(*first));
  if (!axes) return false;
  const auto axis = static_cast<size_t>(axes->front());
  Dims out = *first;
  for (size_t k = 1; k < node.inputs.size(); ++k) {
    const Dims* each = In(node, k);
    if (each == nullptr || each->size() != out.size()) return false;
    for (size_t i = 0; i < out.size(); ++i) {
      if (i != axis) solver_.Require(out[i] == (*each)[i]);
    }
    out[axis] = out[axis] + (*each)[axis];
  }
  Out(node, 0, std::move(out));
  return true;
}

bool ShapeConstraints::Transpose(const Node& node) {
  const Dims* x = In(node, 0);
  if (x == nullptr) return false;
  Ints perm = node.IntList("perm");
  if (perm.empty()) {
    for (int64_t i = std::ssize(*x); i-- > 0;) perm.push_back(i);
  }
  Dims out;
  for (const int64_t from : perm) {
    if (from < 0 || from >= std::ssize(*x)) return false;
    out.push_back((*x)[static_cast<size_t>(from)]);
  }
  if (out.size() != x->size()) return false;
  Out(node, 0, std::move(out));
  return true;
}

bool ShapeConstraints::Reshape(const Node& node) {
  const Dims* x = In(node, 0);
  const Dims* wanted = Elements(node, 1);
  const Tensor* numbers = wanted == nullptr ? nullptr : Find(sketch_, node.inputs[1]);
  if (x == nullptr || numbers == nullptr) return false;
  Dims out;
  for (size_t i = 0; i < wanted->size(); ++i) {
    const int64_t number = GetInt(*numbers, static_cast<int64_t>(i));
    if (number == -1) {
      out.push_back(Fresh());
    } else if (number == 0 && node.Int("allowzero", 0) == 0) {
      if (i >= x->size()) return false;
      out.push_back((*x)[i]);
    } else {
      out.push_back((*wanted)[i]);
    }
  }
  solver_.Require(Product(*x, 0, x->size()) == Product(out, 0, out.size()));
  Out(node, 0, std::move(out));
  return true;
}

bool ShapeConstraints::Flatten(const Node& node) {
  const Dims* x = In(node, 0);
  if (x == nullptr) return false;
  int64_t axis = node.Int("axis", 1);
  if (axis < 0) axis += std::ssize(*x);
  if (axis < 0 || axis > std::ssize(*x)) return false;
  const auto at = static_cast<size_t>(axis);
  Out(node, 0, {Product(*x, 0, at), Product(*x, at, x->size())});
  return true;
}

bool ShapeConstraints::Squeeze(const Node& node) {
  const Dims* x = In(node, 0);
  const std::optional<Ints> numbers = Numbers(node, "axes", 1);
  if (x == nullptr || !numbers || numbers->empty()) return false;
  const std::optional<Ints> axes = Axes(*numbers, std::ssize(*x));
  if (!axes) return false;
  Dims out;
  for (size_t i = 0; i < x->size(); ++i) {
    if (std::ranges::binary_search(*axes, static_cast<int64_t>(i))) {
      solver_.Require((*x)[i] == 1);
    } else {
      out.push_back((*x)[i]);
    }
  }
  Out(node, 0, std::move(out));
  return true;
}

bool ShapeConstraints::Unsqueeze(const Node& node) {
  const Dims* x = In(node, 0);
  const std::optional<Ints> numbers = Numbers(node, "axes", 1);
  if (x == nullptr || !numbers) return false;
  const std::optional<Ints> axes = Axes(*numbers, std::ssize(*x) + std::ssize(*numbers));
  if (!axes) return false;
  Dims out = *x;
  for (const int64_t axis : *axes) out.insert(out.begin() + axis, Term(1));
  Out(node, 0, std::move(out));
  return true;
}

bool ShapeConstraints::Reduce(const Node& node) {
  const Dims* x = In(node, 0);
  const std::optional<Ints> numbers = Numbers(node, "axes", 1);
  if (x == nullptr || !numbers) return false;
  std::optional<Ints> axes = Axes(*numbers, std::ssize(*x));
  if (!axes) return false;
  if (axes->empty()) {
    if (node.Int("noop_with_empty_axes", 0) != 0) return Same(node);
    for (int64_t i = 0; i < std::ssize(*x); ++i) axes->push_back(i);
  }
  Dims out;
  for (size_t i = 0; i < x->size(); ++i) {
    if (!std::ranges::binary_search(*axes, static_cast<int64_t>(i))) {
      out.push_back((*x)[i]);
    } else if (node.Int("keepdims", 1) != 0) {
      out.emplace_back(1);
    }
  }
  Out(node, 0, std::move(out));
  return true;
}

// Spatial dims behind a window, by the formula of Conv and the pools with explicit pads.
bool ShapeConstraints::Window(const Node& node, const Dims& x, const Dims& kernel, Dims& out) {
  const size_t spatial = x.size() - 2;
  const Ints strides = node.IntList("strides", Ints(spatial, 1));
  const Ints dilations = node.IntList("dilations", Ints(spatial, 1));
  const Ints pads = node.IntList("pads", Ints(2 * spatial, 0));
  const bool automatic = std::ranges::any_of(node.attributes, [](const Attribute& attribute) {
    const auto* mode = std::get_if<std::string>(&attribute.value);
    return attribute.name == "auto_pad" && mode != nullptr && *mode != "NOTSET";
  });
  if (automatic || kernel.size() != spatial || strides.size() != spatial ||
      dilations.size() != spatial || pads.size() != 2 * spatial) {
    return false;
  }
  for (size_t i = 0; i < spatial; ++i) {
    if (strides[i] <= 0) return false;
    const Term room = x[i + 2] + pads[i] + pads[i + spatial] - (kernel[i] - 1) * dilations[i] - 1;
    solver_.Require(room >= 0);
    out.push_back(room / strides[i] + 1);
  }
  return true;
}

bool ShapeConstraints::Conv(const Node& node) {
  const Dims* x = In(node, 0);
  const Dims* w = In(node, 1);
  if (x == nullptr || w == nullptr || x->size() < 3 || w->size() != x->size()) return false;
  const int64_t group = node.Int("group", 1);
  if (group < 1) return false;
  const Dims kernel(w->begin() + 2, w->end());
  Dims out = {(*x)[0], (*w)[0]};
  const Ints named = node.IntList("kernel_shape");
  if (!Window(node, *x, kernel, out)) return false;
  for (size_t i = 0; i < named.size() && i < kernel.size(); ++i) {
    solver_.Require(kernel[i] == named[i]);
  }
  solver_.Require((*x)[1] == (*w)[1] * group && (*w)[0] % group == 0);
  if (const Dims* bias = In(node, 2)) {
    if (bias->size() != 1) return false;
    solver_.Require((*bias)[0] == (*w)[0]);
  }
  Out(node, 0, std::move(out));
  return true;
}

bool ShapeConstraints::Pool(const Node& node) {
  const Dims* x = In(node, 0);
  if (x == nullptr || x->size() < 3 || node.outputs.size() != 1) return false;
  if (node.Int("ceil_mode", 0) != 0) return false;
  const Ints kernel = node.IntList("kernel_shape");
  Dims out = {(*x)[0], (*x)[1]};
  if (!Window(node, *x, Dims(kernel.begin(), kernel.end()), out)) return false;
  Out(node, 0, std::move(out));
  return true;
}

bool ShapeConstraints::GlobalPool(const Node& node) {
  const Dims* x = In(node, 0);
  if (x == nullptr || x->size() < 3) return false;
  Dims out(x->size(), Term(1));
  out[0] = (*x)[0];
  out[1] = (*x)[1];
  Out(node, 0, std::move(out));
  return true;
}

bool ShapeConstraints::BatchNormalization(const Node& node) {
  const Dims* x = In(node, 0);
  if (x == nullptr || x->size() < 2 || node.outputs.size() != 1) return false;
  for (size_t k = 1; k < node.inputs.size(); ++k) {
    const Dims* each = In(node, k);
    if (each == nullptr || each->size() != 1) return false;
    solver_.Require((*each)[0] == (*x)[1]);
  }
  return Same(node);
}

bool ShapeConstraints::LayerNormalization(const Node& node) {
  const Dims* x = In(node, 0);
  if (x == nullptr || node.outputs.size() != 1) return false;
  for (size_t k = 1; k < node.inputs.size(); ++k) {
    const Dims* each = In(node, k);
    if (each == nullptr || each->size() > x->size()) return false;
    for (size_t i = 0; i < each->size(); ++i) {
      const Term& own = (*x)[x->size() - each->size() + i];
      solver_.Require((*each)[i] == 1 || (*each)[i] == own);
    }
  }
  return Same(node);
}

bool ShapeConstraints::Expand(const Node& node) {
  const Dims* x = In(node, 0);
  const Dims* wanted = Elements(node, 1);
  if (x == nullptr || wanted == nullptr) return false;
  Out(node, 0, Broadcast(*x, *wanted));
  return true;
}

const std::map<std::string_view, ShapeConstraints::Rule>& ShapeConstraints::Rules() {
  static const std::map<std::string_view, Rule> kRules = [] {
    std::map<std::string_view, Rule> rules = {
        {"MatMul", &ShapeConstraints::MatMul},
        {"Gemm", &ShapeConstraints::Gemm},
        {"Concat", &ShapeConstraints::Concat},
        {"Transpose", &ShapeConstraints::Transpose},
        {"Reshape", &ShapeConstraints::Reshape},
        {"Flatten", &ShapeConstraints::Flatten},
        {"Squeeze", &ShapeConstraints::Squeeze},
        {"Unsqueeze", &ShapeConstraints::Unsqueeze},
        {"Conv", &ShapeConstraints::Conv},
        {"MaxPool", &ShapeConstraints::Pool},
        {"AveragePool", &ShapeConstraints::Pool},
        {"GlobalAveragePool", &ShapeConstraints::GlobalPool},
        {"GlobalMaxPool", &ShapeConstraints::GlobalPool},
        {"BatchNormalization", &ShapeConstraints::BatchNormalization},
        {"LayerNormalization", &ShapeConstraints::LayerNormalization},
        {"Expand", &ShapeConstraints::Expand}};
    for (const std::string_view op : {"Abs",       "Neg",
                                      "Relu",      "Tanh",
                                      "Sigmoid",   "Exp",
                                      "Log",       "Sqrt",
                                      "Floor",     "Ceil",
                                      "Round",     "Erf",
                                      "Sign",      "Not",
                                      "Cast",      "Identity",
                                      "Softmax",   "Softplus",
                                      "Softsign",  "HardSigmoid",
                                      "HardSwish", "Elu",
                                      "LeakyRelu", "Selu",
                                      "Celu",      "Gelu",
                                      "Mish",      "Reciprocal",
                                      "Clip",      "LogSoftmax",
                                      "Hardmax",   "IsNaN",
                                      "IsInf",     "Sin",
                                      "Cos",       "Tan",
                                      "CumSum",    "Trilu",
                                      "LRN",       "Sinh",
                                      "Cosh",      "BitwiseNot",
                                      "Asin",      "Acos",
                                      "Atan",      "ThresholdedRelu"}) {
      rules.emplace(op, &ShapeConstraints::Same);
    }
    for (const std::string_view op :
         {"Add",         "Sub",      "Mul",        "Div",       "Pow",       "Mod",
          "Max",         "Min",      "Sum",        "Mean",      "Where",     "And",
          "Or",          "Xor",      "Equal",      "Greater",   "Less",      "GreaterOrEqual",
          "LessOrEqual", "BitShift", "BitwiseAnd", "BitwiseOr", "BitwiseXor"}) {
      rules.emplace(op, &ShapeConstraints::Elementwise);
    }
    for (const std::string_view op :
         {"ReduceSum", "ReduceMean", "ReduceMax", "ReduceMin", "ReduceProd", "ReduceL1", "ReduceL2",
          "ReduceLogSum", "ReduceLogSumExp", "ReduceSumSquare"}) {
      rules.emplace(op, &ShapeConstraints::Reduce);
    }
    return rules;
  }();
  return kRules;
}

}  // namespace moire
