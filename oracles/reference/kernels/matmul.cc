// MatMul, Gemm, MatMulInteger.
#include <algorithm>
#include <cmath>

#include "harness/case/float_bits.h"
#include "oracles/reference/kernels/families.h"
#include "oracles/reference/kernels/sums.h"

namespace moire {
namespace {

// A matrix of floats as contiguous rows; the dot products' operand.
struct Operand {
  std::vector<double> value, lo, hi;
  std::vector<uint8_t> marks;  // of a row, combined; empty when all are decided
  int64_t length = 0;          // of a row

  Row At(int64_t row) const {
    const auto offset = row * length;
    return {value.data() + offset, lo.empty() ? nullptr : lo.data() + offset,
            hi.empty() ? nullptr : hi.data() + offset};
  }
  uint8_t MarksAt(int64_t row) const {
    return marks.empty() ? uint8_t{kDecided} : marks[static_cast<size_t>(row)];
  }
};

// rows x length, element (r, k) at base + r * row_stride + k * step of the tensor.
Operand Gather(const RangeTensor& tensor, int64_t base, int64_t rows, int64_t length,
               int64_t row_stride, int64_t step) {
  Operand out;
  out.length = length;
  const auto gather = [&](const std::vector<double>& from, std::vector<double>& to) {
    to.resize(static_cast<size_t>(rows * length));
    size_t at = 0;
    for (int64_t r = 0; r < rows; ++r) {
      for (int64_t k = 0; k < length; ++k) {
        to[at++] = from[static_cast<size_t>(base + r * row_stride + k * step)];
      }
    }
  };
  gather(tensor.value, out.value);
  if (!tensor.exact()) {
    gather(tensor.lo, out.lo);
    gather(tensor.hi, out.hi);
  }
  if (!tensor.marks.empty()) {
    out.marks.assign(static_cast<size_t>(rows), kDecided);
    for (int64_t r = 0; r < rows; ++r) {
      for (int64_t k = 0; k < length; ++k) {
        out.marks[static_cast<size_t>(r)] |=
            tensor.marks[static_cast<size_t>(base + r * row_stride + k * step)];
      }
    }
  }
  return out;
}

// The shape of a batched product, numpy.matmul's rules.
struct Batched {
  int64_t m = 0, k = 0, n = 0;
  Shape batch, out;
  // Offset of each batch's matrix, in elements.
  std::vector<int64_t> a_base, b_base;
};

Result<Batched> MatMulShape(KernelContext& ctx, Shape a, Shape b) {
  if (a.empty() || b.empty()) {
    return Fail(ErrorCode::kInvalidInput, "a scalar is no matrix");
  }
  const bool a_vector = a.size() == 1;
  const bool b_vector = b.size() == 1;
  if (a_vector) a.insert(a.begin(), 1);
  if (b_vector) b.push_back(1);
  Batched out;
  out.m = a[a.size() - 2];
  out.k = a.back();
  out.n = b.back();
  if (b[b.size() - 2] != out.k) {
    return Fail(ErrorCode::kInvalidInput, "{} and {} share no inner size", ToString(a),
                ToString(b));
  }
  const Dims a_batch = Dims(a).first(a.size() - 2);
  const Dims b_batch = Dims(b).first(b.size() - 2);
  const auto batch = BroadcastShapes(a_batch, b_batch);
  if (!batch) {
    return Fail(ErrorCode::kInvalidInput, "{} and {} do not broadcast", ToString(a), ToString(b));
  }
  out.batch = *batch;
  out.out = out.batch;
  if (!a_vector) out.out.push_back(out.m);
  if (!b_vector) out.out.push_back(out.n);
  const auto count = CheckedCount(out.batch);
  if (!count) return Fail(ErrorCode::kInvalidInput, "batch {} is too large", ToString(out.batch));
  MOIRE_TRY(ctx.Reserve(DataType::kInt64, out.batch));
  MOIRE_TRY(ctx.Spend(static_cast<uint64_t>(*count)));
  const auto bases = [&](Dims dims, int64_t matrix) {
    std::vector<int64_t> base(1, 0);
    if (*count == 0) return std::vector<int64_t>();
    const Shape strides = Strides(dims);
    const size_t pad = out.batch.size() - dims.size();
    for (size_t axis = 0; axis < out.batch.size(); ++axis) {
      const int64_t step = axis < pad || dims[axis - pad] == 1 ? 0 : strides[axis - pad] * matrix;
      std::vector<int64_t> next;
      for (const int64_t b0 : base) {
        for (int64_t i = 0; i < out.batch[axis]; ++i) next.push_back(b0 + i * step);
      }
      base = std::move(next);
    }
    return base;
  };
  out.a_base = bases(a_batch, out.m * out.k);
  out.b_base = bases(b_batch, out.k * out.n);
  return out;
}

// Multiply-adds of the product; kOverBudget before any work.
Status SpendProduct(KernelContext& ctx, const Batched& shape) {
  const int64_t sizes[] = {static_cast<int64_t>(shape.a_base.size()), shape.m, shape.n,
                           std::max<int64_t>(shape.k, 1), 8};
  const auto steps = CheckedCount(sizes);
  if (!steps) return Fail(ErrorCode::kOverBudget, "product of {}", ToString(sizes));
  return ctx.Spend(static_cast<uint64_t>(*steps));
}

Status MatMulInts(KernelContext& ctx, const Batched& shape, RangeTensor& out) {
  const RangeTensor& a = ctx.In(0);
  const RangeTensor& b = ctx.In(1);
  size_t at = 0;
  for (size_t batch = 0; batch < shape.a_base.size(); ++batch) {
    for (int64_t i = 0; i < shape.m; ++i) {
      for (int64_t j = 0; j < shape.n; ++j, ++at) {
        uint64_t sum = 0;
        uint8_t marks = kDecided;
        for (int64_t k = 0; k < shape.k; ++k) {
          const auto ia = static_cast<size_t>(shape.a_base[batch] + i * shape.k + k);
          const auto ib = static_cast<size_t>(shape.b_base[batch] + k * shape.n + j);
          sum += static_cast<uint64_t>(a.ints[ia]) * static_cast<uint64_t>(b.ints[ib]);
          marks |= a.MarkAt(ia) | b.MarkAt(ib);
        }
        out.ints[at] = WrapInteger(out.type, sum);
        out.AddMark(at, marks);
      }
    }
  }
  return {};
}

Status MatMul(KernelContext& ctx) {
  const RangeTensor& a = ctx.In(0);
  const RangeTensor& b = ctx.In(1);
  if (a.type != b.type) {
    return Fail(ErrorCode::kInvalidInput, "{} times {}", Name(a.type), Name(b.type));
  }
  MOIRE_ASSIGN(const Batched shape, MatMulShape(ctx, a.shape, b.shape));
  MOIRE_TRY(SpendProduct(ctx, shape));
  MOIRE_ASSIGN(RangeTensor * out, ctx.Make(0, a.type, shape.out));
  if (IsInteger(a.type)) return MatMulInts(ctx, shape, *out);
  if (!IsFloat(a.type)) return Fail(ErrorCode::kUnsupported, "MatMul of {}", Name(a.type));
  size_t at = 0;
  for (size_t batch = 0; batch < shape.a_base.size(); ++batch) {
    const Operand rows = Gather(a, shape.a_base[batch], shape.m, shape.k, shape.k, 1);
    const Operand columns = Gather(b, shape.b_base[batch], shape.n, shape.k, 1, shape.n);
    for (int64_t i = 0; i < shape.m; ++i) {
      for (int64_t j = 0; j < shape.n; ++j, ++at) {
        Interval dot = SumOfProducts(out->type, rows.At(i), columns.At(j), shape.k, kFoldedScales);
        dot.mark |= rows.MarksAt(i) | columns.MarksAt(j);
        StoreElement(*out, at, dot);
      }
    }
  }
  out->sum_terms = shape.k;
  Round(*out);
  return {};
}

// ---- Gemm: Y = alpha * A' * B' + beta * C.

struct GemmShape {
  int64_t m = 0, k = 0, n = 0;
  int64_t a_row = 0, a_step = 0, b_row = 0, b_step = 0;  // strides of A' rows and B' columns
  int64_t c_row = 0, c_column = 0;                       // strides of C, broadcast
  const RangeTensor* c = nullptr;
};

Result<GemmShape> ShapeOfGemm(const KernelContext& ctx) {
  const RangeTensor& a = ctx.In(0);
  const RangeTensor& b = ctx.In(1);
  if (a.type != b.type) {
    return Fail(ErrorCode::kInvalidInput, "{} times {}", Name(a.type), Name(b.type));
  }
  if (a.shape.size() != 2 || b.shape.size() != 2) {
    return Fail(ErrorCode::kInvalidInput, "{} and {} are not two matrices", ToString(a.shape),
                ToString(b.shape));
  }
  const bool ta = ctx.node().Int("transA", 0) != 0;
  const bool tb = ctx.node().Int("transB", 0) != 0;
  GemmShape out;
  out.m = a.shape[ta ? 1 : 0];
  out.k = a.shape[ta ? 0 : 1];
  out.n = b.shape[tb ? 0 : 1];
  if (b.shape[tb ? 1 : 0] != out.k) {
    return Fail(ErrorCode::kInvalidInput, "{} and {} share no inner size", ToString(a.shape),
                ToString(b.shape));
  }
  out.a_row = ta ? 1 : a.shape[1];
  out.a_step = ta ? a.shape[1] : 1;
  out.b_row = tb ? b.shape[1] : 1;
  out.b_step = tb ? 1 : b.shape[1];
  out.c = ctx.Input(2);
  if (out.c != nullptr) {
    const Shape& c = out.c->shape;
    const int64_t rows = c.size() == 2 ? c[0] : 1;
    const int64_t columns = c.empty() ? 1 : c.back();
    if (c.size() > 2 || (rows != 1 && rows != out.m) || (columns != 1 && columns != out.n)) {
      return Fail(ErrorCode::kInvalidInput, "C of {} does not broadcast to {}x{}", ToString(c),
                  out.m, out.n);
    }
    if (out.c->type != a.type) {
      return Fail(ErrorCode::kInvalidInput, "C is {}, A is {}", Name(out.c->type), Name(a.type));
    }
    out.c_row = rows == 1 ? 0 : columns;
    out.c_column = columns == 1 ? 0 : 1;
  }
  return out;
}

Status GemmInts(KernelContext& ctx, const GemmShape& g, RangeTensor& out) {
  const RangeTensor& a = ctx.In(0);
  const RangeTensor& b = ctx.In(1);
  const double alpha = ctx.node().Float("alpha", 1);
  const double beta = ctx.node().Float("beta", 1);
  // A fractional scale of integers: ONNX does not say how it is rounded.
  const bool open = alpha != std::trunc(alpha) || beta != std::trunc(beta) ||
                    std::abs(alpha) > 0x1p24 || std::abs(beta) > 0x1p24;
  const auto whole = [](double x) { return static_cast<uint64_t>(static_cast<int64_t>(x)); };
  for (int64_t i = 0; i < g.m; ++i) {
    for (int64_t j = 0; j < g.n; ++j) {
      uint64_t sum = 0;
      uint8_t marks = open ? kUnspecified : kDecided;
      for (int64_t k = 0; k < g.k; ++k) {
        const auto ia = static_cast<size_t>(i * g.a_row + k * g.a_step);
        const auto ib = static_cast<size_t>(j * g.b_row + k * g.b_step);
        sum += static_cast<uint64_t>(a.ints[ia]) * static_cast<uint64_t>(b.ints[ib]);
        marks |= a.MarkAt(ia) | b.MarkAt(ib);
      }
      if (!open) sum *= whole(alpha);
      if (g.c != nullptr) {
        const auto ic = static_cast<size_t>(i * g.c_row + j * g.c_column);
        sum += (open ? 1 : whole(beta)) * static_cast<uint64_t>(g.c->ints[ic]);
        marks |= g.c->MarkAt(ic);
      }
      const auto at = static_cast<size_t>(i * g.n + j);
      out.ints[at] = WrapInteger(out.type, sum);
      out.AddMark(at, marks);
    }
  }
  return {};
}

Status Gemm(KernelContext& ctx) {
  MOIRE_ASSIGN(const GemmShape g, ShapeOfGemm(ctx));
  const RangeTensor& a = ctx.In(0);
  const RangeTensor& b = ctx.In(1);
  const int64_t sizes[] = {g.m, g.n, g.k + 2, 8};
  const auto steps = CheckedCount(sizes);
  if (!steps) return Fail(ErrorCode::kOverBudget, "product of {}", ToString(sizes));
  MOIRE_TRY(ctx.Spend(static_cast<uint64_t>(*steps)));
  MOIRE_ASSIGN(RangeTensor * out, ctx.Make(0, a.type, Shape{g.m, g.n}));
  if (IsInteger(a.type)) return GemmInts(ctx, g, *out);
  if (!IsFloat(a.type)) return Fail(ErrorCode::kUnsupported, "Gemm of {}", Name(a.type));

  const double alpha = ctx.node().Float("alpha", 1);
  const double beta = ctx.node().Float("beta", 1);
  // The formula's terms: alpha * a * b for each k, and beta * c, accumulated in any order, alpha
  // and beta applied to a term (one more rounding each) or at the end. beta = 0 with a C that is
  // not finite: the formula gives NaN, BLAS skips C.
  Operand rows = Gather(a, 0, g.m, g.k, g.a_row, g.a_step);
  Operand columns = Gather(b, 0, g.n, g.k, g.b_row, g.b_step);
  const double folded = kFoldedScales + (alpha != 1) + (beta != 1);
  const double limit = Traits(out->type).max_finite;
  const auto length = static_cast<size_t>(g.k) + 1;
  std::vector<double> x(length), x_lo(length), x_hi(length), y(length), y_lo(length), y_hi(length);
  const bool ranged = !a.exact() || !b.exact() || (g.c != nullptr && !g.c->exact());
  const int64_t n = g.k + (g.c != nullptr ? 1 : 0);
  for (int64_t i = 0; i < g.m; ++i) {
    const Row row = rows.At(i);
    // alpha * a overflows where alpha * (a * b) need not.
    bool overflows = false;
    for (int64_t k = 0; k < g.k; ++k) {
      const auto at = static_cast<size_t>(k);
      const Interval scaled = ExactProduct({row.value[k], row.lo ? row.lo[k] : row.value[k],
                                            row.hi ? row.hi[k] : row.value[k], kDecided},
                                           Exactly(alpha));
      x[at] = scaled.value;
      x_lo[at] = scaled.lo;
      x_hi[at] = scaled.hi;
      overflows |= std::isfinite(row.value[k]) &&
                   !(std::max(std::abs(scaled.lo), std::abs(scaled.hi)) <= limit);
    }
    for (int64_t j = 0; j < g.n; ++j) {
      const Row column = columns.At(j);
      std::copy_n(column.value, g.k, y.begin());
      std::copy_n(column.lo ? column.lo : column.value, g.k, y_lo.begin());
      std::copy_n(column.hi ? column.hi : column.value, g.k, y_hi.begin());
      uint8_t marks = rows.MarksAt(i) | columns.MarksAt(j);
      if (overflows) marks |= kUndecidable;
      if (g.c != nullptr) {
        const auto ic = static_cast<size_t>(i * g.c_row + j * g.c_column);
        const Interval c = ElementOf(*g.c, ic);
        x[length - 1] = x_lo[length - 1] = x_hi[length - 1] = beta;
        y[length - 1] = c.value;
        y_lo[length - 1] = c.lo;
        y_hi[length - 1] = c.hi;
        marks |= c.mark;
        if (beta == 0 && !(std::isfinite(c.lo) && std::isfinite(c.hi))) marks |= kUnspecified;
      }
      Interval dot = SumOfProducts(
          out->type, {x.data(), ranged ? x_lo.data() : nullptr, ranged ? x_hi.data() : nullptr},
          {y.data(), ranged ? y_lo.data() : nullptr, ranged ? y_hi.data() : nullptr}, n, folded);
      dot.mark |= marks;
      // alpha is applied after the sum: that sum may overflow where the scaled one does not, and a
      // zero alpha hides what overflows.
      if (alpha != 1) {
        const Interval plain = SumOfProducts(out->type, rows.At(i), column, g.k, kFoldedScales);
        if (plain.mark != kDecided || std::isinf(plain.lo) || std::isinf(plain.hi) ||
            std::isnan(plain.lo)) {
          dot.mark |= kUndecidable;
        }
        // What underflow takes from a * b is scaled up; what it takes from alpha * a is multiplied
        // by b.
        double scaled = std::abs(alpha) * static_cast<double>(g.k);
        for (int64_t k = 0; k < g.k; ++k) {
          const auto at = static_cast<size_t>(k);
          scaled += std::max(std::abs(y_lo[at]), std::abs(y_hi[at]));
        }
        const double lost = std::max(1.0, scaled) * SmallestSubnormal(out->type);
        dot.lo -= lost;
        dot.hi += lost;
      }
      StoreElement(*out, static_cast<size_t>(i * g.n + j), dot);
    }
  }
  out->sum_terms = n;
  Round(*out);
  return {};
}

// ---- MatMulInteger: int32 sum of (a - a_zero) * (b - b_zero).

// Zero point of row r: a scalar, one element, one a row, or a tensor with the matrix's batch.
Result<std::vector<int64_t>> ZeroPoints(const RangeTensor* zero, size_t batches, int64_t rows,
                                        std::vector<uint8_t>& marks) {
  std::vector<int64_t> out(batches * static_cast<size_t>(rows), 0);
  marks.assign(out.size(), kDecided);
  if (zero == nullptr) return out;
  const auto size = static_cast<size_t>(zero->size());
  if (size != 1 && size != static_cast<size_t>(rows) && size != out.size()) {
    return Fail(ErrorCode::kInvalidInput, "zero point of {} for {} rows", ToString(zero->shape),
                rows);
  }
  if (zero->shape.size() > 1 && size != 1 && batches != 1) {
    return Fail(ErrorCode::kUnsupported, "zero points of {}", ToString(zero->shape));
  }
  for (size_t i = 0; i < out.size(); ++i) {
    const size_t at = size == 1 ? 0 : i % size;
    out[i] = zero->ints[at];
    marks[i] = zero->MarkAt(at);
  }
  return out;
}

Status MatMulInteger(KernelContext& ctx) {
  const RangeTensor& a = ctx.In(0);
  const RangeTensor& b = ctx.In(1);
  if (!IsInteger(a.type) || !IsInteger(b.type)) {
    return Fail(ErrorCode::kInvalidInput, "{} times {}", Name(a.type), Name(b.type));
  }
  MOIRE_ASSIGN(const Batched shape, MatMulShape(ctx, a.shape, b.shape));
  MOIRE_TRY(SpendProduct(ctx, shape));
  MOIRE_ASSIGN(RangeTensor * out, ctx.Make(0, DataType::kInt32, shape.out));
  const size_t batches = shape.a_base.size();
  std::vector<uint8_t> a_marks, b_marks;
  MOIRE_ASSIGN(const std::vector<int64_t> a_zero,
               ZeroPoints(ctx.Input(2), batches, shape.m, a_marks));
  MOIRE_ASSIGN(const std::vector<int64_t> b_zero,
               ZeroPoints(ctx.Input(3), batches, shape.n, b_marks));
  size_t at = 0;
  for (size_t batch = 0; batch < batches; ++batch) {
    for (int64_t i = 0; i < shape.m; ++i) {
      const size_t row = batch * static_cast<size_t>(shape.m) + static_cast<size_t>(i);
      for (int64_t j = 0; j < shape.n; ++j, ++at) {
        const size_t column = batch * static_cast<size_t>(shape.n) + static_cast<size_t>(j);
        int64_t sum = 0;
        uint8_t marks = a_marks[row] | b_marks[column];
        for (int64_t k = 0; k < shape.k; ++k) {
          const auto ia = static_cast<size_t>(shape.a_base[batch] + i * shape.k + k);
          const auto ib = static_cast<size_t>(shape.b_base[batch] + k * shape.n + j);
          sum += (a.ints[ia] - a_zero[row]) * (b.ints[ib] - b_zero[column]);
          marks |= a.MarkAt(ia) | b.MarkAt(ib);
        }
        out->ints[at] = WrapInteger(DataType::kInt32, static_cast<uint64_t>(sum));
        out->AddMark(at, marks);
      }
    }
  }
  return {};
}

constexpr KernelEntry kEntries[] = {
    {"MatMul", 1, kLatest, MatMul},
    {"Gemm", 7, kLatest, Gemm},
    {"MatMulInteger", 10, kLatest, MatMulInteger},
};

}  // namespace

std::span<const KernelEntry> MatMulKernels() { return kEntries; }

}  // namespace moire
