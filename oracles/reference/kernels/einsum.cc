// Einsum and Det.
#include <algorithm>
#include <array>
#include <cmath>
#include <optional>

#include "harness/case/float_bits.h"
#include "oracles/reference/kernels/families.h"
#include "oracles/reference/kernels/sums.h"

namespace moire {
namespace {

// ---- The equation. Labels are letters; the dims of an ellipsis are labels of their own.

using Label = int;  // a letter's code, or kEllipsis + k for the k-th dim of the ellipsis
constexpr Label kEllipsis = 256;

struct Term {
  std::vector<Label> labels;  // letters; kEllipsis where "..." stands
  bool ellipsis = false;
};

bool IsLetter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

Result<Term> ParseTerm(std::string_view text) {
  Term term;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == ' ') continue;
    if (IsLetter(text[i])) {
      term.labels.push_back(text[i]);
    } else if (text.substr(i, 3) == "..." && !term.ellipsis) {
      term.ellipsis = true;
      term.labels.push_back(kEllipsis);
      i += 2;
    } else {
      return Fail(ErrorCode::kInvalidInput, "'{}' is no term of an equation", text);
    }
  }
  return term;
}

struct Equation {
  std::vector<Term> inputs;
  std::optional<Term> output;
};

Result<Equation> ParseEquation(std::string_view text) {
  Equation out;
  std::string_view left = text;
  if (const size_t arrow = text.find("->"); arrow != std::string_view::npos) {
    left = text.substr(0, arrow);
    MOIRE_ASSIGN(out.output, ParseTerm(text.substr(arrow + 2)));
  }
  while (true) {
    const size_t comma = left.find(',');
    MOIRE_ASSIGN(Term term, ParseTerm(left.substr(0, comma)));
    out.inputs.push_back(std::move(term));
    if (comma == std::string_view::npos) return out;
    left.remove_prefix(comma + 1);
  }
}

// ---- The equation with the operands' shapes.

struct Axis {
  Label label;
  int64_t size = 1;
  std::vector<int64_t> strides;  // of each operand; 0 where it lacks the label or broadcasts
};

struct Plan {
  std::vector<Axis> axes;  // output axes, then summed ones
  size_t output_rank = 0;
  Shape shape;
  // Some operand lacks a summed axis: it may be multiplied with the sum of the others, which is not
  // the same where terms or that sum are not finite.
  bool factors = false;
};

struct Labelled {
  std::vector<std::vector<Label>> inputs;
  std::vector<Label> output;
};

Result<Labelled> ExpandLabels(const Equation& equation, std::span<const Dims> shapes) {
  if (equation.inputs.size() != shapes.size()) {
    return Fail(ErrorCode::kInvalidInput, "{} terms for {} operands", equation.inputs.size(),
                shapes.size());
  }
  Labelled out;
  std::optional<size_t> hidden;  // dims that "..." stands for
  for (size_t i = 0; i < shapes.size(); ++i) {
    const Term& term = equation.inputs[i];
    const size_t letters = term.labels.size() - (term.ellipsis ? 1 : 0);
    if (letters > shapes[i].size() || (!term.ellipsis && letters != shapes[i].size())) {
      return Fail(ErrorCode::kInvalidInput, "term {} does not fit {}", i, ToString(shapes[i]));
    }
    if (term.ellipsis) {
      const size_t dims = shapes[i].size() - letters;
      if (hidden && *hidden != dims) {
        return Fail(ErrorCode::kInvalidInput, "the ellipsis stands for {} and for {} dims", *hidden,
                    dims);
      }
      hidden = dims;
    }
  }
  const auto expand = [&](const Term& term) {
    std::vector<Label> labels;
    for (const Label label : term.labels) {
      if (label != kEllipsis) {
        labels.push_back(label);
        continue;
      }
      for (size_t k = 0; k < hidden.value_or(0); ++k) {
        labels.push_back(kEllipsis + static_cast<Label>(k));
      }
    }
    return labels;
  };
  std::array<int, 256> seen{};
  for (const Term& term : equation.inputs) {
    out.inputs.push_back(expand(term));
    for (const Label label : out.inputs.back()) {
      if (label < kEllipsis) ++seen[static_cast<size_t>(label)];
    }
  }
  if (equation.output) {
    if (equation.output->ellipsis && !hidden) {
      return Fail(ErrorCode::kInvalidInput, "an ellipsis in the output alone");
    }
    if (!equation.output->ellipsis && hidden.value_or(0) != 0) {
      return Fail(ErrorCode::kUnsupported, "an ellipsis that the output lacks");
    }
    out.output = expand(*equation.output);
    for (size_t i = 0; i < out.output.size(); ++i) {
      const Label label = out.output[i];
      if (label < kEllipsis && seen[static_cast<size_t>(label)] == 0) {
        return Fail(ErrorCode::kInvalidInput, "output label '{}' is in no term",
                    static_cast<char>(label));
      }
      if (std::count(out.output.begin(), out.output.end(), label) > 1) {
        return Fail(ErrorCode::kInvalidInput, "an output label stands twice");
      }
    }
  } else {
    for (size_t k = 0; k < hidden.value_or(0); ++k) {
      out.output.push_back(kEllipsis + static_cast<Label>(k));
    }
    for (Label label = 'A'; label <= 'z'; ++label) {
      if (seen[static_cast<size_t>(label)] == 1) out.output.push_back(label);
    }
  }
  return out;
}

Result<Plan> MakePlan(const Labelled& labels, std::span<const Dims> shapes) {
  Plan plan;
  const auto axis_of = [&](Label label) -> Axis& {
    for (Axis& axis : plan.axes) {
      if (axis.label == label) return axis;
    }
    plan.axes.push_back({label, 1, std::vector<int64_t>(shapes.size(), 0)});
    return plan.axes.back();
  };
  for (const Label label : labels.output) axis_of(label);
  plan.output_rank = plan.axes.size();
  for (size_t i = 0; i < shapes.size(); ++i) {
    const Shape strides = Strides(shapes[i]);
    for (size_t d = 0; d < shapes[i].size(); ++d) {
      Axis& axis = axis_of(labels.inputs[i][d]);
      const int64_t size = shapes[i][d];
      if (size != axis.size && axis.size != 1 && size != 1) {
        return Fail(ErrorCode::kInvalidInput, "one label has the sizes {} and {}", axis.size, size);
      }
      if (size != 1) {
        axis.size = size;
        // A repeated label walks the diagonal.
        axis.strides[i] += strides[d];
      }
    }
  }
  // numpy broadcasts a letter of sizes 1 and n; the page allows that to the ellipsis only.
  for (size_t i = 0; i < shapes.size(); ++i) {
    for (size_t d = 0; d < shapes[i].size(); ++d) {
      const Label label = labels.inputs[i][d];
      if (label < kEllipsis && shapes[i][d] != axis_of(label).size) {
        return Fail(ErrorCode::kUnsupported, "a letter of sizes 1 and {}", axis_of(label).size);
      }
    }
  }
  for (size_t a = 0; a < plan.output_rank; ++a) plan.shape.push_back(plan.axes[a].size);
  for (size_t a = plan.output_rank; a < plan.axes.size(); ++a) {
    const Axis& axis = plan.axes[a];
    plan.factors |= axis.size > 1 && std::count(axis.strides.begin(), axis.strides.end(), 0) > 0;
  }
  return plan;
}

// Offsets in each operand of every index tuple over axes [first, last), row-major.
std::vector<std::vector<int64_t>> Offsets(const Plan& plan, size_t first, size_t last,
                                          size_t operands) {
  std::vector<std::vector<int64_t>> out(operands, {0});
  for (size_t a = first; a < last; ++a) {
    for (size_t i = 0; i < operands; ++i) {
      std::vector<int64_t> next;
      next.reserve(out[i].size() * static_cast<size_t>(plan.axes[a].size));
      for (const int64_t base : out[i]) {
        for (int64_t k = 0; k < plan.axes[a].size; ++k) {
          next.push_back(base + k * plan.axes[a].strides[i]);
        }
      }
      out[i] = std::move(next);
    }
  }
  return out;
}

// Sum of products of three and more factors, contracted pair by pair in any order: the roundings
// that one product meets are at most those of every summed axis and one a factor.
class ManyFactors {
 public:
  ManyFactors(KernelContext& ctx, const Plan& plan) : type_(ctx.In(0).type) {
    for (size_t a = plan.output_rank; a < plan.axes.size(); ++a) {
      roundings_ += static_cast<double>(plan.axes[a].size);
    }
    roundings_ += static_cast<double>(ctx.NumInputs()) + kFoldedScales;
    // An intermediate may hold any subset of the factors.
    largest_ = 1;
    for (size_t a = 0; a < plan.axes.size(); ++a) {
      largest_ *= static_cast<double>(std::max<int64_t>(plan.axes[a].size, 1));
    }
    for (size_t i = 0; i < ctx.NumInputs(); ++i) {
      double top = 1;
      const RangeTensor& x = ctx.In(i);
      for (size_t k = 0; k < x.value.size(); ++k) {
        top = std::max({top, std::abs(x.Lo()[k]), std::abs(x.Hi()[k])});
        finite_ = finite_ && std::isfinite(x.Lo()[k]) && std::isfinite(x.Hi()[k]);
      }
      largest_ *= top;
    }
  }
  void Push(const Interval& product) {
    sum_ = ExactSum(sum_, product);
    magnitude_ += std::max(std::abs(product.lo), std::abs(product.hi));
    ++count_;
  }
  Interval Take() {
    Interval out = sum_;
    const double unit = UnitRoundoff(type_) + 0x1p-51;
    const double error =
        roundings_ *
        (unit * magnitude_ + SmallestSubnormal(type_) * static_cast<double>(count_) * largest_);
    out.lo -= error;
    out.hi += error;
    if (!finite_ || !(largest_ < Traits(type_).max_finite)) out.mark |= kUndecidable;
    sum_ = Exactly(0);
    magnitude_ = 0;
    count_ = 0;
    return out;
  }

 private:
  DataType type_;
  double roundings_ = 0;
  double largest_ = 1;
  bool finite_ = true;
  Interval sum_ = Exactly(0);
  double magnitude_ = 0;
  int64_t count_ = 0;
};

struct Scratch {
  std::vector<double> value, lo, hi;
  void Read(const RangeTensor& x, int64_t base, const std::vector<int64_t>& step) {
    value.clear();
    lo.clear();
    hi.clear();
    for (const int64_t offset : step) {
      const auto at = static_cast<size_t>(base + offset);
      value.push_back(x.value[at]);
      if (x.exact()) continue;
      lo.push_back(x.lo[at]);
      hi.push_back(x.hi[at]);
    }
  }
  Row row() const {
    return {value.data(), lo.empty() ? nullptr : lo.data(), hi.empty() ? nullptr : hi.data()};
  }
};

// Whether an operand may overflow where it is summed by itself first. An axis that the operand
// lacks counts too: near the largest value only.
bool MayOverflowAlone(DataType type, const Row& row, int64_t n) {
  double reach = 0;
  for (int64_t k = 0; k < n; ++k) {
    const double lo = row.lo == nullptr ? row.value[k] : row.lo[k];
    const double hi = row.hi == nullptr ? row.value[k] : row.hi[k];
    reach += std::max(std::abs(lo), std::abs(hi));
  }
  return !(reach <= Traits(type).max_finite);
}

Status SumFloats(KernelContext& ctx, const Plan& plan,
                 const std::vector<std::vector<int64_t>>& base,
                 const std::vector<std::vector<int64_t>>& step, RangeTensor& out) {
  const size_t operands = ctx.NumInputs();
  const auto n = static_cast<int64_t>(step[0].size());
  ManyFactors many(ctx, plan);
  Scratch a, b;
  for (size_t i = 0; i < out.value.size(); ++i) {
    Interval sum;
    if (operands <= 2) {
      a.Read(ctx.In(0), base[0][i], step[0]);
      if (operands == 1) {
        sum = SumOf(out.type, a.row(), n);
      } else {
        b.Read(ctx.In(1), base[1][i], step[1]);
        sum = SumOfProducts(out.type, a.row(), b.row(), n, kFoldedScales);
        if (plan.factors &&
            (MayOverflowAlone(out.type, a.row(), n) || MayOverflowAlone(out.type, b.row(), n))) {
          sum.mark |= kUndecidable;
        }
      }
    } else {
      for (int64_t k = 0; k < n; ++k) {
        Interval product = Exactly(1);
        for (size_t o = 0; o < operands; ++o) {
          const auto at = static_cast<size_t>(base[o][i] + step[o][static_cast<size_t>(k)]);
          product = ExactProduct(product, ElementOf(ctx.In(o), at));
        }
        many.Push(product);
        sum.mark |= product.mark;
      }
      const uint8_t mark = sum.mark;
      sum = many.Take();
      sum.mark |= mark;
    }
    for (size_t o = 0; o < operands; ++o) {
      if (ctx.In(o).marks.empty()) continue;
      for (const int64_t offset : step[o]) {
        sum.mark |= ctx.In(o).MarkAt(static_cast<size_t>(base[o][i] + offset));
      }
    }
    if (plan.factors && !std::isfinite(sum.value)) sum.mark |= kUndecidable;
    StoreElement(out, i, sum);
  }
  out.sum_terms = n;
  Round(out);
  return {};
}

// Integers wrap, but runtimes differ in where: unspecified when a sum or product leaves the type.
void SumInts(KernelContext& ctx, const std::vector<std::vector<int64_t>>& base,
             const std::vector<std::vector<int64_t>>& step, RangeTensor& out) {
  for (size_t i = 0; i < out.ints.size(); ++i) {
    uint64_t sum = 0;
    double reach = 0;
    uint8_t marks = kDecided;
    for (size_t k = 0; k < step[0].size(); ++k) {
      uint64_t product = 1;
      double size = 1;
      for (size_t o = 0; o < ctx.NumInputs(); ++o) {
        const auto at = static_cast<size_t>(base[o][i] + step[o][k]);
        const auto element = static_cast<uint64_t>(ctx.In(o).ints[at]);
        product *= element;
        size *= std::abs(IsUnsigned(out.type) ? static_cast<double>(element)
                                              : static_cast<double>(ctx.In(o).ints[at]));
        marks |= ctx.In(o).MarkAt(at);
      }
      sum += product;
      reach += size;
    }
    if (ctx.NumInputs() * step[0].size() > 1 &&
        reach > static_cast<double>(IntegerMax(out.type)) * (1 - 0x1p-50)) {
      marks |= kUnspecified;
    }
    out.ints[i] = WrapInteger(out.type, sum);
    out.AddMark(i, marks);
  }
}

Status Einsum(KernelContext& ctx) {
  const DataType type = ctx.In(0).type;
  std::vector<Dims> shapes;
  for (size_t i = 0; i < ctx.NumInputs(); ++i) {
    if (ctx.Input(i) == nullptr || ctx.In(i).type != type) {
      return Fail(ErrorCode::kInvalidInput, "operands of different types");
    }
    shapes.emplace_back(ctx.In(i).shape);
  }
  if (!IsFloat(type) && !IsInteger(type)) {
    return Fail(ErrorCode::kInvalidInput, "Einsum of {}", Name(type));
  }
  MOIRE_ASSIGN(const Equation equation, ParseEquation(ctx.node().String("equation", "")));
  MOIRE_ASSIGN(const Labelled labels, ExpandLabels(equation, shapes));
  MOIRE_ASSIGN(const Plan plan, MakePlan(labels, shapes));
  std::vector<int64_t> sizes{8, static_cast<int64_t>(shapes.size())};
  for (const Axis& axis : plan.axes) sizes.push_back(std::max<int64_t>(axis.size, 1));
  const auto steps = CheckedCount(sizes);
  if (!steps) return Fail(ErrorCode::kOverBudget, "product of {}", ToString(sizes));
  MOIRE_TRY(ctx.Spend(static_cast<uint64_t>(*steps)));
  MOIRE_TRY(ctx.Reserve(DataType::kInt64, sizes));
  MOIRE_ASSIGN(RangeTensor * out, ctx.Make(0, type, plan.shape));
  const auto base = Offsets(plan, 0, plan.output_rank, shapes.size());
  const auto step = Offsets(plan, plan.output_rank, plan.axes.size(), shapes.size());
  if (IsFloat(type)) return SumFloats(ctx, plan, base, step, *out);
  SumInts(ctx, base, step, *out);
  return {};
}

// ---- Det of the last two axes.

// Gaussian elimination with partial pivoting, in extended precision.
long double Determinant(std::vector<long double>& m, size_t n) {
  long double det = 1;
  for (size_t column = 0; column < n; ++column) {
    size_t pivot = column;
    for (size_t r = column + 1; r < n; ++r) {
      if (std::abs(m[r * n + column]) > std::abs(m[pivot * n + column])) pivot = r;
    }
    if (m[pivot * n + column] == 0) return 0;
    if (pivot != column) {
      for (size_t c = 0; c < n; ++c) std::swap(m[pivot * n + c], m[column * n + c]);
      det = -det;
    }
    det *= m[column * n + column];
    for (size_t r = column + 1; r < n; ++r) {
      const long double factor = m[r * n + column] / m[column * n + column];
      for (size_t c = column; c < n; ++c) m[r * n + c] -= factor * m[column * n + c];
    }
  }
  return det;
}

// Error of elimination and of cofactor expansion: each entry is perturbed by at most about
// n * growth * u * |row| (Higham, Accuracy and Stability of Numerical Algorithms, 9.3), and by
// Hadamard's inequality a change of one row by delta changes the determinant by at most
// delta * product of the other rows' norms.
constexpr double kDetRoundings = 8;

Interval DetOf(const RangeTensor& x, size_t base, size_t n) {
  std::vector<long double> matrix(n * n);
  double volume = 1, volume_hi = 1, largest = 1;
  Interval out;
  for (size_t r = 0; r < n; ++r) {
    double norm = 0, radius = 0;
    for (size_t c = 0; c < n; ++c) {
      const size_t at = base + r * n + c;
      matrix[r * n + c] = x.value[at];
      norm += x.value[at] * x.value[at];
      const double half = std::max(x.Hi()[at] - x.value[at], x.value[at] - x.Lo()[at]);
      radius += x.exact() ? 0 : half * half;
      out.mark |= x.MarkAt(at);
    }
    norm = std::sqrt(norm);
    volume *= norm;
    volume_hi *= norm + std::sqrt(radius);
    largest *= std::max(norm + std::sqrt(radius), 1.0);
  }
  if (!(largest < Traits(x.type).max_finite) || !std::isfinite(volume_hi)) {
    return Undecidable(0);
  }
  out.value = static_cast<double>(Determinant(matrix, n));
  const auto size = static_cast<double>(n);
  const double error =
      kDetRoundings * size * size * size * (UnitRoundoff(x.type) + 0x1p-52) * volume_hi +
      (volume_hi - volume) + SmallestNormal(x.type) * size * largest;
  out.lo = out.value - error;
  out.hi = out.value + error;
  return out;
}

Status Det(KernelContext& ctx) {
  const RangeTensor& x = ctx.In(0);
  const size_t rank = x.shape.size();
  if (!IsFloat(x.type) || rank < 2 || x.shape[rank - 1] != x.shape[rank - 2]) {
    return Fail(ErrorCode::kInvalidInput, "determinant of {} {}", Name(x.type), ToString(x.shape));
  }
  const auto n = static_cast<size_t>(x.shape.back());
  if (n == 0) return Fail(ErrorCode::kUnsupported, "determinant of nothing");
  if (n > 4096) return Fail(ErrorCode::kOverBudget, "determinant of {} rows", n);
  MOIRE_ASSIGN(RangeTensor * out, ctx.Make(0, x.type, Shape(x.shape.begin(), x.shape.end() - 2)));
  for (size_t i = 0; i < out->value.size(); ++i) {
    MOIRE_TRY(ctx.Spend(n * n * (n + 8)));
    if (n == 1) {
      StoreElement(*out, i, ElementOf(x, i));
    } else {
      StoreElement(*out, i, DetOf(x, i * n * n, n));
    }
  }
  Round(*out);
  return {};
}

constexpr KernelEntry kEntries[] = {
    {"Einsum", 12, kLatest, Einsum},
    {"Det", 11, kLatest, Det},
};

}  // namespace

std::span<const KernelEntry> EinsumKernels() { return kEntries; }

}  // namespace moire
