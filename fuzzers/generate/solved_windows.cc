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
  const Term& begin;
  const Term& end;
  const Term& padded;  // dim + begin + end
  const Term& extent;  // (kernel - 1) * dilation + 1
  int64_t stride;
  int64_t dim;
};

// One corner: what must hold beyond "the window fits".
using Corner = void (*)(Solver& solver, const Query& q);

constexpr Corner kCorners[] = {
    // The stride does not divide what is left: floor and ceil_mode differ.
    [](Solver& s, const Query& q) { s.Require((q.padded - q.extent) % q.stride != 0); },
    // One window, as wide as the padded input.
    [](Solver& s, const Query& q) {
      s.Require(q.padded == q.extent);
      s.Require(q.kernel >= 2);
    },
    // As many outputs as inputs although it strides.
    [](Solver& s, const Query& q) { s.Require((q.padded - q.extent) / q.stride + 1 == q.dim); },
    // Lopsided padding, and a last window that ends in the padding.
    [](Solver& s, const Query& q) {
      s.Require(q.end > q.begin);
      s.Require((q.padded - q.extent) % q.stride == 0);
    },
};

// Stride and dilation are drawn from the question itself: constants there keep it linear, and Z3 at
// about a millisecond.
std::vector<SolvedWindow> Solve(Solver& solver, int64_t dim, WindowKind kind) {
  std::vector<SolvedWindow> out;
  int64_t number = static_cast<int64_t>(kind);
  for (const Corner corner : kCorners) {
    const int64_t stride = 2 + (dim + number) % 3;
    const int64_t dilation = 1 + (dim + number) % 2;
    ++number;
    solver.Clear();
    const Term kernel = solver.Variable(1, 6);
    const Term begin = solver.Variable(0, 5);
    const Term end = solver.Variable(0, 5);
    const Term padded = begin + end + dim;
    const Term extent = (kernel - 1) * dilation + 1;
    solver.Require(extent <= padded);
    // Windows of nothing but padding are not allowed in pooling, and dull elsewhere.
    solver.Require(begin < kernel && end < kernel);
    if (kind == WindowKind::kConvTranspose) {
      solver.Require(extent - begin - end >= 1 - (dim - 1) * stride);
    }
    corner(solver, {kernel, begin, end, padded, extent, stride, dim});
    const smt::Solution solution = solver.Solve();
    if (solution.answer != smt::Answer::kSat) continue;
    out.push_back({solution.values[0], stride, dilation, solution.values[1], solution.values[2]});
  }
  return out;
}

}  // namespace

const SolvedWindow* FindSolvedWindow(int64_t dim, WindowKind kind, uint64_t draw) {
  using Table = std::array<std::array<std::vector<SolvedWindow>, kLargestDim + 1>, 3>;
  static const Table table = [] {
    Table out;
    Solver solver;
    for (size_t k = 0; k < out.size(); ++k) {
      for (int64_t d = 1; d <= kLargestDim; ++d) {
        out[k][static_cast<size_t>(d)] = Solve(solver, d, static_cast<WindowKind>(k));
      }
    }
    return out;
  }();
  if (dim < 1 || dim > kLargestDim) return nullptr;
  const auto& windows = table[static_cast<size_t>(kind)][static_cast<size_t>(dim)];
  return windows.empty() ? nullptr : &windows[draw % windows.size()];
}

}  // namespace moire
