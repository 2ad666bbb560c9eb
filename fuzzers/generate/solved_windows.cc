#include "fuzzers/generate/solved_windows.h"

#include <array>
#include <vector>

#include "harness/smt/solver.h"

namespace moire {
namespace {

using smt::Solver;
using smt::Term;

constexpr int64_t kLargestDim = 9;

struct Query {
  const Term& kernel;
  const Term& stride;
  const Term& dilation;
  const Term& begin;
  const Term& end;
  const Term& padded;  // dim + begin + end
  const Term& extent;  // (kernel - 1) * dilation + 1
  int64_t dim;
};

// One corner: what must hold beyond "the window fits".
using Corner = void (*)(Solver& solver, const Query& q);

constexpr Corner kCorners[] = {
    // The stride does not divide what is left: floor and ceil_mode differ.
    [](Solver& s, const Query& q) {
      s.Require((q.padded - q.extent) % q.stride != 0);
      s.Prefer(q.stride >= 3);
    },
    // One window, as wide as the padded input, with holes.
    [](Solver& s, const Query& q) {
      s.Require(q.padded == q.extent);
      s.Prefer(q.dilation >= 2);
      s.Prefer(q.kernel >= 2);
    },
    // As many outputs as inputs although it strides.
    [](Solver& s, const Query& q) {
      s.Require((q.padded - q.extent) / q.stride + 1 == q.dim);
      s.Prefer(q.stride == 2);
    },
    // Lopsided padding, and a last window that ends in the padding.
    [](Solver& s, const Query& q) {
      s.Require(q.begin != q.end);
      s.Require((q.padded - q.extent) % q.stride == 0);
      s.Prefer(q.end > q.begin);
      s.Prefer(q.stride >= 2);
    },
};

std::vector<SolvedWindow> Solve(int64_t dim, WindowKind kind) {
  std::vector<SolvedWindow> out;
  for (const Corner corner : kCorners) {
    Solver solver;
    const Term kernel = solver.Variable(1, 6);
    const Term stride = solver.Variable(1, 4);
    const Term dilation = solver.Variable(1, 3);
    const Term begin = solver.Variable(0, 5);
    const Term end = solver.Variable(0, 5);
    const Term padded = begin + end + dim;
    const Term extent = (kernel - 1) * dilation + 1;
    solver.Require(extent <= padded);
    // Windows of nothing but padding are not allowed in pooling, and dull elsewhere.
    solver.Require(begin < kernel && end < kernel);
    if (kind == WindowKind::kConvTranspose) {
      solver.Require((Term(dim) - 1) * stride + extent - begin - end >= 1);
    }
    corner(solver, {kernel, stride, dilation, begin, end, padded, extent, dim});
    const smt::Solution solution = solver.Solve();
    if (solution.answer != smt::Answer::kSat) continue;
    const auto& v = solution.values;
    out.push_back({v[0], v[1], v[2], v[3], v[4]});
  }
  return out;
}

}  // namespace

const SolvedWindow* FindSolvedWindow(int64_t dim, WindowKind kind, uint64_t draw) {
  using Table = std::array<std::array<std::vector<SolvedWindow>, kLargestDim + 1>, 3>;
  static const Table table = [] {
    Table out;
    for (size_t k = 0; k < out.size(); ++k) {
      for (int64_t d = 1; d <= kLargestDim; ++d) {
        out[k][static_cast<size_t>(d)] = Solve(d, static_cast<WindowKind>(k));
      }
    }
    return out;
  }();
  if (dim < 1 || dim > kLargestDim) return nullptr;
  const auto& windows = table[static_cast<size_t>(kind)][static_cast<size_t>(dim)];
  return windows.empty() ? nullptr : &windows[draw % windows.size()];
}

}  // namespace moire
