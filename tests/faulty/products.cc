// MatMul and Gemm of the faulty runtime.
#include <algorithm>

#include "tests/faulty/node_run.h"

namespace moire::faulty {
namespace {

int64_t DotInt(DataType type, const std::vector<int64_t>& a, const std::vector<int64_t>& b) {
  uint64_t sum = 0;
  for (size_t k = 0; k < a.size(); ++k) {
    sum += static_cast<uint64_t>(a[k]) * static_cast<uint64_t>(b[k]);
  }
  return Wrap(type, static_cast<int64_t>(sum));
}

// One dot product: n elements of a and b from their offsets by their strides.
struct Strided {
  int64_t offset = 0, step = 1;
};

template <typename T>
T Product(const NodeRun& run, DataType type, const std::vector<T>& a, Strided sa,
          const std::vector<T>& b, Strided sb, int64_t n) {
  if (run.Faulty(FaultKind::kDroppedTerm)) n = std::max<int64_t>(0, n - 1);
  std::vector<T> x(static_cast<size_t>(n));
  std::vector<T> y(static_cast<size_t>(n));
  for (int64_t k = 0; k < n; ++k) {
    x[static_cast<size_t>(k)] = a[static_cast<size_t>(sa.offset + k * sa.step)];
    y[static_cast<size_t>(k)] = b[static_cast<size_t>(sb.offset + k * sb.step)];
  }
  if constexpr (std::is_same_v<T, int64_t>) return DotInt(type, x, y);
  else return run.arithmetic.Dot(x, y);
}

Status MatMul(NodeRun& run) {
  const Value& a = run.In(0);
  const Value& b = run.In(1);
  if (a.type != b.type || StorageOf(a.type) == Storage::kNone) return run.Unsupported();
  if (a.shape.empty() || b.shape.empty()) return run.Bad("dim");
  Shape left = a.shape;
  Shape right = b.shape;
  if (left.size() == 1) left.insert(left.begin(), 1);
  if (right.size() == 1) right.push_back(1);
  const int64_t m = left[left.size() - 2], n = left.back(), p = right.back();
  if (right[right.size() - 2] != n) return run.Bad("dim");
  const Shape batch_a(left.begin(), left.end() - 2);
  const Shape batch_b(right.begin(), right.end() - 2);
  const auto batch = BroadcastShapes(batch_a, batch_b);
  if (!batch) return run.Bad("dim");
  Shape shape = *batch;
  if (a.shape.size() > 1) shape.push_back(m);
  if (b.shape.size() > 1) shape.push_back(p);
  Value& out = run.Make(a.type, shape);
  const auto ia = BroadcastIndex(batch_a, *batch);
  const auto ib = BroadcastIndex(batch_b, *batch);
  WithStorage(out, [&](auto& to) {
    using T = typename std::remove_reference_t<decltype(to)>::value_type;
    for (size_t k = 0; k < to.size(); ++k) {
      const auto at = static_cast<int64_t>(k);
      const auto plane = static_cast<size_t>(at / (m * p));
      const Strided row{ia[plane] * m * n + at / p % m * n, 1};
      const Strided column{ib[plane] * n * p + at % p, p};
      to[k] = Product(run, a.type, a.Data<T>(), row, b.Data<T>(), column, n);
    }
  });
  return {};
}

Status Gemm(NodeRun& run) {
  const Value& a = run.In(0);
  const Value& b = run.In(1);
  if (a.type != b.type || StorageOf(a.type) == Storage::kNone) return run.Unsupported();
  if (a.shape.size() != 2 || b.shape.size() != 2) return run.Bad("dim");
  const bool ta = run.node.Int("transA", 0) != 0;
  const bool tb = run.node.Int("transB", 0) != 0;
  const float alpha = run.node.Float("alpha", 1);
  const float beta = run.node.Float("beta", 1);
  const bool integers = StorageOf(a.type) == Storage::kInt;
  if (integers && (alpha != 1 || beta != 1)) return run.Unsupported();
  const int64_t m = a.shape[ta ? 1 : 0], n = a.shape[ta ? 0 : 1], p = b.shape[tb ? 0 : 1];
  if (b.shape[tb ? 1 : 0] != n) return run.Bad("dim");
  const bool has_c = run.Given(2) && beta != 0;
  const Shape shape = {m, p};
  std::vector<int64_t> ic(static_cast<size_t>(m * p), 0);
  if (has_c) {
    if (BroadcastShapes(run.In(2).shape, shape) != shape) return run.Bad("dim");
    ic = BroadcastIndex(run.In(2).shape, shape);
  }
  Value& out = run.Make(a.type, shape);
  WithStorage(out, [&](auto& to) {
    using T = typename std::remove_reference_t<decltype(to)>::value_type;
    for (size_t k = 0; k < to.size(); ++k) {
      const auto at = static_cast<int64_t>(k);
      const Strided row{ta ? at / p : at / p * n, ta ? m : 1};
      const Strided column{tb ? at % p * n : at % p, tb ? 1 : p};
      T sum = Product(run, a.type, a.Data<T>(), row, b.Data<T>(), column, n);
      if constexpr (std::is_same_v<T, int64_t>) {
        if (has_c) sum = Wrap(a.type, sum + run.In(2).i[static_cast<size_t>(ic[k])]);
      } else {
        if (alpha != 1) sum = run.arithmetic.Round(static_cast<T>(alpha) * sum);
        if (has_c) {
          T c = run.In(2).Data<T>()[static_cast<size_t>(ic[k])];
          if (beta != 1) c = run.arithmetic.Round(static_cast<T>(beta) * c);
          sum = run.arithmetic.Add(sum, c);
        }
      }
      to[k] = sum;
    }
  });
  return {};
}

constexpr KernelRow kRows[] = {{"MatMul", MatMul}, {"Gemm", Gemm}};

}  // namespace

std::span<const KernelRow> ProductKernels() { return kRows; }

}  // namespace moire::faulty
