#include "harness/smt/descent.h"

#include <algorithm>

#include "harness/smt/program.h"

namespace moire::smt {
namespace {

constexpr int kMostSteps = 8;
constexpr size_t kMostVariables = 32;
constexpr size_t kMostCandidates = 24;  // values of one variable
// Where two change together.
constexpr size_t kMostPaired = 8;
constexpr size_t kPairedCandidates = 10;

using Values = std::vector<int64_t>;

// What is better is smaller: broken constraints, then broken wishes.
struct Score {
  size_t broken = 0;
  uint64_t wishes = 0;  // the first one is the highest bit
  auto operator<=>(const Score&) const = default;
};

class Search {
 public:
  Search(const Problem& problem, std::span<const int64_t> start, const std::vector<bool>& held)
      : problem_(problem),
        held_(held),
        start_(start.begin(), start.end()),
        program_(problem, start) {}

  std::optional<Values> Run() {
    Score score = Rate();
    for (int step = 0; score.broken > 0; ++step) {
      if (step == kMostSteps) return std::nullopt;
      Score next = Step(score);
      if (next.broken >= score.broken) next = PairStep(score);
      if (next.broken >= score.broken) return std::nullopt;
      score = next;
    }
    Restore(score);
    Values values;
    for (size_t i = 0; i < start_.size(); ++i) values.push_back(program_.variable(i));
    return values;
  }

 private:
  Score Rate(size_t worst = SIZE_MAX) const {
    Score score;
    for (size_t i = 0; i < program_.required(); ++i) {
      if (!program_.Required(i) && ++score.broken > worst) return score;
    }
    uint64_t weight = uint64_t{1} << 63;
    for (size_t i = 0; i < program_.preferred(); ++i) {
      if (!program_.Preferred(i)) score.wishes |= weight;
      if (weight > 1) weight >>= 1;
    }
    return score;
  }

  // What one side has and the other wants, what closes the gap between them by adding or by
  // multiplying, and the neighbours of the value.
  Values Candidates(size_t variable, const std::vector<std::pair<int64_t, int64_t>>& sides) const {
    const auto [low, high] = problem_.variables()[variable];
    const int64_t now = program_.variable(variable);
    Values out;
    const auto add = [&](int64_t value) {
      if (value >= low && value <= high && value != now && out.size() < kMostCandidates &&
          std::ranges::find(out, value) == out.end()) {
        out.push_back(value);
      }
    };
    add(start_[variable]);
    for (const auto& [a, b] : sides) {
      constexpr int64_t kLarge = int64_t{1} << 40;
      if (std::max(a, b) > kLarge || std::min(a, b) < -kLarge) continue;
      for (const auto& [x, y] : {std::pair(a, b), std::pair(b, a)}) {
        add(y);
        add(now + (y - x));
        // A factor of x that would make it y.
        if (now != 0 && x != 0 && x % now == 0 && y % (x / now) == 0) add(y / (x / now));
      }
    }
    for (const int64_t value : {now - 1, now + 1, int64_t{1}, int64_t{0}, int64_t{-1}, now - 2,
                                now + 2, -now, low, high}) {
      add(value);
    }
    return out;
  }

  using Sides = std::vector<std::pair<int64_t, int64_t>>;

  // The variables of what is broken that may change, and the sides of its comparisons.
  std::vector<size_t> Movable(Sides& sides) const {
    uint64_t mask = 0;
    for (size_t i = 0; i < program_.required(); ++i) {
      if (program_.Required(i)) continue;
      mask |= program_.Variables(i);
      program_.Sides(i, sides);
    }
    std::vector<size_t> out;
    for (size_t variable = 0; variable < start_.size(); ++variable) {
      const bool held = variable < held_.size() && held_[variable];
      if ((mask >> variable & 1) != 0 && !held) out.push_back(variable);
    }
    return out;
  }

  struct Change {
    Score score;
    size_t variable = SIZE_MAX;
    int64_t value = 0;
  };

  // The best change of one variable to one of its first candidates, where it is better than `best`.
  Change BestOf(size_t variable, const Sides& sides, size_t candidates, const Score& best) {
    Change out{best};
    const int64_t now = program_.variable(variable);
    Values values = Candidates(variable, sides);
    if (values.size() > candidates) values.resize(candidates);
    for (const int64_t candidate : values) {
      program_.Set(variable, candidate);
      const Score score = Rate(out.score.broken);
      if (score < out.score) out = {score, variable, candidate};
    }
    program_.Set(variable, now);
    return out;
  }

  Score Step(const Score& before) {
    Sides sides;
    Change best{before};
    for (const size_t variable : Movable(sides)) {
      const Change change = BestOf(variable, sides, kMostCandidates, best.score);
      if (change.score < best.score) best = change;
    }
    if (best.variable != SIZE_MAX) program_.Set(best.variable, best.value);
    return best.score;
  }

  Score PairStep(const Score& before) {
    Sides sides;
    std::vector<size_t> variables = Movable(sides);
    if (variables.size() > kMostPaired) variables.resize(kMostPaired);
    Change best{before};
    std::pair<size_t, int64_t> first{SIZE_MAX, 0};
    for (size_t i = 0; i < variables.size(); ++i) {
      const int64_t now = program_.variable(variables[i]);
      Values values = Candidates(variables[i], sides);
      if (values.size() > kPairedCandidates) values.resize(kPairedCandidates);
      for (const int64_t value : values) {
        program_.Set(variables[i], value);
        for (size_t j = i + 1; j < variables.size(); ++j) {
          const Change change = BestOf(variables[j], sides, kPairedCandidates, best.score);
          if (change.score >= best.score) continue;
          best = change;
          first = {variables[i], value};
        }
      }
      program_.Set(variables[i], now);
    }
    if (best.variable == SIZE_MAX) return before;
    program_.Set(first.first, first.second);
    program_.Set(best.variable, best.value);
    return best.score;
  }

  // Takes back what later changes made needless.
  void Restore(Score score) {
    for (size_t i = 0; i < start_.size(); ++i) {
      const int64_t now = program_.variable(i);
      if (now == start_[i]) continue;
      program_.Set(i, start_[i]);
      const Score without = Rate(0);
      if (without < score) {
        score = without;
      } else {
        program_.Set(i, now);
      }
    }
  }

  const Problem& problem_;
  const std::vector<bool>& held_;
  const Values start_;
  Program program_;
};

}  // namespace

std::optional<Values> Descend(const Problem& problem, std::span<const int64_t> start,
                              const std::vector<bool>& held) {
  if (problem.Contradicts() || problem.variables().size() > kMostVariables ||
      start.size() != problem.variables().size()) {
    return std::nullopt;
  }
  for (size_t i = 0; i < start.size(); ++i) {
    const auto [low, high] = problem.variables()[i];
    if (start[i] < low || start[i] > high) return std::nullopt;
  }
  return Search(problem, start, held).Run();
}

}  // namespace moire::smt
