// Products of matrices and tensors.
#include <algorithm>
#include <cmath>
#include <optional>

#include "fuzzers/generate/op_context.h"
#include "fuzzers/generate/ops/families.h"

namespace moire {
namespace {

// numpy.matmul's shape rule; nullopt where the operands do not fit.
std::optional<Shape> MatMulShape(const Shape& a, const Shape& b) {
  if (a.empty() || b.empty()) return std::nullopt;
  const int64_t inner_a = a.back();
  const int64_t inner_b = b.size() == 1 ? b[0] : b[b.size() - 2];
  if (inner_a != inner_b) return std::nullopt;
  const auto batch = BroadcastShapes(Dims(a).first(a.size() > 1 ? a.size() - 2 : 0),
                                     Dims(b).first(b.size() > 1 ? b.size() - 2 : 0));
  if (!batch) return std::nullopt;
  Shape out = *batch;
  if (a.size() > 1) out.push_back(a[a.size() - 2]);
  if (b.size() > 1) out.push_back(b.back());
  return out;
}

bool InferMatMul(InferContext& c) {
  // Quantised forms carry scales and zero points between; the second operand moves.
  const size_t second = c.node.op == "QLinearMatMul" ? 3 : 1;
  if (!c.Given(0) || !c.Given(second)) return false;
  auto shape = MatMulShape(c.shape(0), c.shape(second));
  if (!shape) return false;
  c.out[0].shape = std::move(*shape);
  return true;
}

void DotRange(InferContext& c) {
  const Range p = Product(c.in[0]->range, c.in[1]->range);
  const double n =
      static_cast<double>(std::max<int64_t>(1, c.shape(0).empty() ? 1 : c.shape(0).back()));
  const double m = p.Magnitude() * (IsFloat(c.in[0]->type) ? 2 * std::sqrt(n) : n);
  c.out[0].range = p.lo >= 0 ? Range{0, p.hi * n} : Range{-m, m};
}

bool ChooseMatMul(OpContext& c) {
  if (!c.TakeRank(0, 1, 5)) return false;
  const Shape a = c.In(0).shape;
  const auto fits = [&](const Value& v) {
    const auto shape = MatMulShape(a, v.shape);
    return shape && Count(*shape) <= c.b().max_elements();
  };
  if (c.Take(1, fits)) return c.Done();
  if (a.size() >= 2 && c.random().Chance(1, 2)) {
    // Its own transpose: always fits, and comes from the graph.
    Ints perm;
    for (size_t i = 0; i < a.size(); ++i) perm.push_back(static_cast<int64_t>(i));
    std::swap(perm[a.size() - 1], perm[a.size() - 2]);
    if (c.Put(1, c.b().Emit1("Transpose", {c.Id(0)}, {{"perm", perm}}))) return c.Done();
  }
  Shape b = {a.back(), c.b().DrawDim()};
  if (c.random().Chance(1, 8)) b.pop_back();
  if (a.size() > 2 && b.size() == 2 && c.random().Chance(1, 2)) {
    b.insert(b.begin(), a.begin(), a.end() - 2);
    for (size_t i = 0; i + 2 < b.size(); ++i) {
      if (c.random().Chance(1, 4)) b[i] = 1;
    }
  }
  return c.TakeShape(1, b) && c.Done();
}

bool ChooseGemm(OpContext& c) {
  if (!c.TakeRank(0, 2, 2)) return false;
  const bool trans_a = c.random().Chance(1, 3);
  const bool trans_b = c.random().Chance(1, 3);
  const Shape a = c.In(0).shape;
  const int64_t m = a[trans_a ? 1 : 0];
  const int64_t k = a[trans_a ? 0 : 1];
  const auto fits = [&](const Value& v) { return v.rank() == 2 && v.shape[trans_b ? 1 : 0] == k; };
  if (!c.Take(1, fits)) {
    const int64_t fresh = c.b().DrawDim();
    if (!c.TakeShape(1, trans_b ? Shape{fresh, k} : Shape{k, fresh})) return false;
  }
  const int64_t n = c.In(1).shape[trans_b ? 0 : 1];
  c.SetInt("transA", trans_a, 0);
  c.SetInt("transB", trans_b, 0);
  static constexpr float kFactors[] = {1.0f, 0.5f, 2.0f, -1.0f, 0.0f, 0.25f};
  const bool is_float = IsFloat(c.type());
  if (is_float && c.random().Chance(1, 3)) c.Set("alpha", kFactors[c.random().Index(6)]);
  if (is_float && c.random().Chance(1, 3)) c.Set("beta", kFactors[c.random().Index(6)]);
  if (c.random().Chance(1, 4)) return c.Done();
  const Shape full = {m, n};
  const auto unidirectional = [&](const Value& v) {
    const auto wider = BroadcastShapes(full, v.shape);
    return wider && *wider == full;
  };
  if (c.Take(2, unidirectional)) return c.Done();
  const Shape biases[] = {{n}, {m, n}, {1, n}, {m, 1}, {1}, {}};
  return c.TakeShape(2, biases[c.random().Index(6)]) && c.Done();
}

bool InferGemm(InferContext& c) {
  if (!c.Given(0) || !c.Given(1) || c.rank(0) != 2 || c.rank(1) != 2) return false;
  const size_t ta = c.node.Int("transA", 0) != 0 ? 1 : 0;
  const size_t tb = c.node.Int("transB", 0) != 0 ? 1 : 0;
  if (c.shape(0)[1 - ta] != c.shape(1)[tb]) return false;
  c.out[0].shape = {c.shape(0)[ta], c.shape(1)[1 - tb]};
  if (!c.Given(2)) return true;
  const auto wider = BroadcastShapes(c.out[0].shape, c.shape(2));
  return wider && *wider == c.out[0].shape;
}

void GemmRange(InferContext& c) {
  DotRange(c);
  c.out[0].range = Scaled(c.out[0].range, static_cast<double>(c.node.Float("alpha", 1.0f)));
  if (c.Given(2)) {
    c.out[0].range = Sum(c.out[0].range,
                         Scaled(c.in[2]->range, static_cast<double>(c.node.Float("beta", 1.0f))));
  }
}

// Einsum without ellipsis: terms of lower-case letters.
struct Equation {
  std::vector<std::string> terms;
  std::string output;
};

std::optional<Equation> ParseEquation(std::string_view text) {
  Equation equation;
  std::string term;
  size_t i = 0;
  bool arrow = false;
  for (; i < text.size(); ++i) {
    const char ch = text[i];
    if (ch == ' ') continue;
    if (ch == '-' && i + 1 < text.size() && text[i + 1] == '>') {
      arrow = true;
      break;
    }
    if (ch == ',') {
      equation.terms.push_back(std::move(term));
      term.clear();
    } else if (ch >= 'a' && ch <= 'z') {
      term += ch;
    } else {
      return std::nullopt;
    }
  }
  equation.terms.push_back(std::move(term));
  if (arrow) {
    for (i += 2; i < text.size(); ++i) {
      if (text[i] != ' ') equation.output += text[i];
    }
    return equation;
  }
  // Implicit output: the letters that appear once, in alphabetical order.
  std::string all;
  for (const std::string& t : equation.terms) all += t;
  std::ranges::sort(all);
  for (const char ch : all) {
    if (std::ranges::count(all, ch) == 1) equation.output += ch;
  }
  return equation;
}

bool InferEinsum(InferContext& c) {
  const auto equation = ParseEquation(c.node.String("equation", ""));
  if (!equation || equation->terms.size() != c.in.size()) return false;
  int64_t dims[26];
  std::ranges::fill(dims, -1);
  for (size_t t = 0; t < c.in.size(); ++t) {
    const std::string& term = equation->terms[t];
    if (term.size() != c.shape(t).size()) return false;
    for (size_t i = 0; i < term.size(); ++i) {
      int64_t& dim = dims[term[i] - 'a'];
      if (dim >= 0 && dim != c.shape(t)[i]) return false;
      dim = c.shape(t)[i];
    }
  }
  std::string seen;
  for (const char ch : equation->output) {
    if (ch < 'a' || ch > 'z' || dims[ch - 'a'] < 0 || seen.contains(ch)) return false;
    seen += ch;
    c.out[0].shape.push_back(dims[ch - 'a']);
  }
  return true;
}

void EinsumRange(InferContext& c) {
  Range product = c.in[0]->range;
  double elements = static_cast<double>(std::max<int64_t>(1, c.in[0]->count));
  for (size_t i = 1; i < c.in.size(); ++i) {
    product = Product(product, c.in[i]->range);
    elements *= static_cast<double>(std::max<int64_t>(1, c.in[i]->count));
  }
  // Summed terms: bounded by the letters that do not reach the output.
  const double n =
      std::max(1.0, elements / static_cast<double>(std::max<int64_t>(1, Count(c.out[0].shape))));
  const double m = product.Magnitude() * (IsFloat(c.in[0]->type) ? 2 * std::sqrt(n) : n);
  c.out[0].range = product.lo >= 0 ? Range{0, m} : Range{-m, m};
}

bool ChooseEinsum(OpContext& c) {
  if (!c.TakeRank(0, 1, 4)) return false;
  if (c.In(0).count == 0 && !c.random().Chance(1, 40)) return false;  // dims of 0 stay rare here
  std::string letters = "abcdefghijklmnop";
  for (size_t i = letters.size(); i-- > 1;) std::swap(letters[i], letters[c.random().Index(i + 1)]);
  size_t next = 0;
  std::vector<std::pair<char, int64_t>> known;
  const auto label = [&](const Shape& shape, bool first) {
    std::string term;
    for (const int64_t dim : shape) {
      char chosen = 0;
      if (!first || c.random().Chance(1, 10)) {
        for (const auto& [letter, size] : known) {
          // The same letter twice in a term is a diagonal: rare.
          if (size == dim && (!term.contains(letter) || c.random().Chance(1, 12)) &&
              c.random().Chance(3, 4)) {
            chosen = letter;
            break;
          }
        }
      }
      if (chosen == 0) {
        chosen = letters[next++ % letters.size()];
        known.emplace_back(chosen, dim);
      }
      term += chosen;
    }
    return term;
  };
  std::string equation = label(c.In(0).shape, true);
  const size_t operands = c.random().Chance(1, 4) ? 1 : c.random().Chance(1, 8) ? 3 : 2;
  const Shape first = c.In(0).shape;
  for (size_t i = 1; i < operands; ++i) {
    const auto shares = [&](const Value& v) {
      return v.rank() >= 1 && v.rank() <= 4 && v.count <= 256 &&
             std::ranges::any_of(v.shape,
                                 [&](int64_t d) { return std::ranges::count(first, d) > 0; });
    };
    if (!c.Take(i, shares)) {
      Shape shape = {first[c.random().Index(first.size())], c.b().DrawDim()};
      if (!c.Make(i, shape)) return false;
    }
    equation += ',';
    if (c.random().Chance(1, 6)) equation += ' ';
    equation += label(c.In(i).shape, false);
  }
  std::string output;
  int64_t work = 1;
  for (const auto& [letter, size] : known) {
    work *= std::max<int64_t>(1, size);
    const bool shared = std::ranges::count(equation, letter) > 1;
    if (c.random().Chance(shared ? 1 : 4, shared ? 3 : 5)) output += letter;
  }
  if (work > 1 << 16) return false;
  for (size_t i = output.size(); i-- > 1;) std::swap(output[i], output[c.random().Index(i + 1)]);
  c.Set("equation", equation + (c.random().Chance(1, 6) ? " -> " : "->") + output);
  return c.Done();
}

bool ChooseDet(OpContext& c) {
  const auto square = [](const Value& v) {
    return v.rank() >= 2 && v.shape.back() == v.shape[v.shape.size() - 2] && v.shape.back() <= 5 &&
           v.shape.back() >= 1;
  };
  return c.Take(0, square) && c.Done();
}

bool InferDet(InferContext& c) {
  const Shape& x = c.shape(0);
  if (x.size() < 2 || x.back() != x[x.size() - 2]) return false;
  c.out[0].shape.assign(x.begin(), x.end() - 2);
  return true;
}

void DetRange(InferContext& c) {
  const double n = static_cast<double>(c.shape(0).back());
  const double m = std::pow(c.in[0]->range.Magnitude(), n) * std::tgamma(n + 1);
  c.out[0].range = {-m, m};
}

// 8-bit products: the second operand may have the other sign.
bool ChooseMatMulInteger(OpContext& c) {
  if (!c.TakeRank(0, 2, 4)) return false;
  const Shape a = c.In(0).shape;
  const auto fits = [&](const Value& v) {
    const auto shape = MatMulShape(a, v.shape);
    return v.rank() >= 2 && shape && Count(*shape) <= c.b().max_elements();
  };
  if (!c.Take(1, fits) && !c.Make(1, {a.back(), c.b().DrawDim()})) return false;
  if (c.random().Chance(1, 2) && !c.Make(2, {})) return false;
  if (c.random().Chance(1, 2)) {
    c.Omit(2);
    if (!c.Make(3, {})) return false;
  }
  return c.Done();
}

bool InferMatMulInteger(InferContext& c) {
  for (const size_t i : {size_t{2}, size_t{3}}) {
    if (c.Given(i) && c.rank(i) != 0) return false;
  }
  return InferMatMul(c);
}

// Scalars between the operands: scale and zero point of each, then of the result.
bool MakeQuantization(OpContext& c, size_t scale, size_t zero, DataType type) {
  const Range zeros = IsSigned(type) ? Range{-4, 4} : Range{100, 140};
  return c.Make(scale, {}, {0.02, 0.2}) && c.MakeTyped(zero, type, {}, zeros);
}

bool ChooseQLinearMatMul(OpContext& c) {
  const TypeSet bytes = Bit(DataType::kInt8) | Bit(DataType::kUint8);
  c.Restrict(0, c.random().Chance(1, 30) ? kAllTypes : bytes);
  if (!c.TakeRank(0, 2, 4) || !MakeQuantization(c, 1, 2, c.type())) return false;
  const Shape a = c.In(0).shape;
  const auto fits = [&](const Value& v) {
    const auto shape = MatMulShape(a, v.shape);
    return v.rank() >= 2 && shape && Count(*shape) <= c.b().max_elements();
  };
  c.Restrict(3, IsSigned(c.type()) ? Bit(DataType::kInt8) : bytes);
  if (!c.Take(3, fits) && !c.Make(3, {a.back(), c.b().DrawDim()})) return false;
  return MakeQuantization(c, 4, 5, c.In(3).type) && MakeQuantization(c, 6, 7, c.type()) && c.Done();
}

bool InferQLinearMatMul(InferContext& c) {
  if (c.in.size() != 8) return false;
  for (const size_t i : {1, 2, 4, 5, 6, 7}) {
    if (!c.Given(i) || c.rank(i) != 0) return false;
  }
  return InferMatMul(c);
}

void ByteRange(InferContext& c) {
  const DataType type = c.out[0].type;
  c.out[0].range = {static_cast<double>(IntegerMin(type)), static_cast<double>(IntegerMax(type))};
}

void IntegerDotRange(InferContext& c) {
  const double n = static_cast<double>(std::max<int64_t>(1, c.shape(0).back()));
  const double m = (c.in[0]->range.Magnitude() + 8) * (c.in[1]->range.Magnitude() + 8) * n;
  c.out[0].range = {-m, m};
}

constexpr OpEntry kMatrix[] = {
    {"Det", ChooseDet, InferDet, DetRange, 0, 2.5},
    {"Einsum", ChooseEinsum, InferEinsum, EinsumRange, 0, 2, 12},
    {"Gemm", ChooseGemm, InferGemm, GemmRange, 0, 1.2},
    {"MatMul", ChooseMatMul, InferMatMul, DotRange, 0, 2},
    {"MatMulInteger", ChooseMatMulInteger, InferMatMulInteger, IntegerDotRange, kExactResult, 2},
    {"QLinearMatMul", ChooseQLinearMatMul, InferQLinearMatMul, ByteRange,
     kUnread | kExactResult | kSteps, 0.4},
};

}  // namespace

OpTable MatrixOps() { return kMatrix; }

}  // namespace moire
