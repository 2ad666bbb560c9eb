// The search for the smallest separating predicate. Atoms are made from the values that the samples
// show; an atom (or a pair of atoms) that is true of every failing sample may be a clause; the
// cheapest set of clauses that rules out every passing sample is found by branch and bound,
// greedily where that takes too long.
#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <set>

#include "synth/explain/predicate.h"

namespace moire {
namespace {

constexpr size_t kMostValues = 24;      // of a feature that get an atom of their own
constexpr size_t kMostPairAtoms = 600;  // for pairs
constexpr size_t kMostClauses = 400;    // that branch and bound looks at
constexpr int kMostSteps = 20'000;
constexpr double kOdd = 0.005;  // share of the passing samples

class Bits {
 public:
  explicit Bits(size_t size = 0) : words_((size + 63) / 64, 0) {}
  void Set(size_t i) { words_[i / 64] |= uint64_t{1} << (i % 64); }
  size_t Count() const {
    size_t count = 0;
    for (const uint64_t w : words_) count += static_cast<size_t>(std::popcount(w));
    return count;
  }
  // Bits of this one that are not in the other.
  size_t CountWithout(const Bits& other) const {
    size_t count = 0;
    for (size_t i = 0; i < words_.size(); ++i) {
      count += static_cast<size_t>(std::popcount(words_[i] & ~other.words_[i]));
    }
    return count;
  }
  void Remove(const Bits& other) {
    for (size_t i = 0; i < words_.size(); ++i) words_[i] &= ~other.words_[i];
  }
  friend Bits operator|(Bits a, const Bits& b) {
    for (size_t i = 0; i < a.words_.size(); ++i) a.words_[i] |= b.words_[i];
    return a;
  }
  friend Bits operator&(Bits a, const Bits& b) {
    for (size_t i = 0; i < a.words_.size(); ++i) a.words_[i] &= b.words_[i];
    return a;
  }
  auto operator<=>(const Bits&) const = default;

 private:
  std::vector<uint64_t> words_;
};

struct Candidate {
  Clause clause;
  double cost = 0;
  Bits excludes;  // passing samples of which it is false
};

class Separator {
 public:
  explicit Separator(const std::vector<Sample>& samples) {
    for (const Sample& sample : samples)
      (sample.fails ? fails_ : passes_).push_back(&sample.features);
  }

  Predicate Run() {
    if (passes_.empty() || fails_.empty()) return {};
    MakeAtoms();
    AddSingles();
    Predicate best = Cover();
    // A few odd ones are no reason for a longer predicate.
    if (static_cast<double>(left_) > kOdd * static_cast<double>(passes_.size())) {
      AddPairs();
      best = Cover();
    }
    return best;
  }

 private:
  void Consider(Atom atom) {
    Bits on_fails(fails_.size());
    for (size_t i = 0; i < fails_.size(); ++i) {
      if (atom.Holds(*fails_[i])) on_fails.Set(i);
    }
    Bits not_on_passes(passes_.size());
    for (size_t i = 0; i < passes_.size(); ++i) {
      if (!atom.Holds(*passes_[i])) not_on_passes.Set(i);
    }
    if (on_fails.Count() == 0 || not_on_passes.Count() == 0) return;
    atoms_.push_back(std::move(atom));
    on_fails_.push_back(std::move(on_fails));
    excludes_.push_back(std::move(not_on_passes));
  }

  void MakeAtoms() {
    std::map<std::string, std::vector<Feature>> values;
    std::map<std::string, std::set<std::pair<double, std::string>>> seen;
    for (const auto* group : {&fails_, &passes_}) {
      for (const Features* features : *group) {
        for (const auto& [name, value] : *features) {
          if (seen[name].insert({value.number, value.word}).second) values[name].push_back(value);
        }
      }
    }
    for (auto& [name, list] : values) {
      if (list.size() < 2) {
        // It may still be absent from some samples.
        Consider({name, Atom::Relation::kIs, list.front(), list.front().cost + 0.3});
        continue;
      }
      AddAtoms(name, std::move(list));
    }
  }

  void AddAtoms(const std::string& name, std::vector<Feature> list) {
    using enum Atom::Relation;
    const double cost = list.front().cost;
    const bool words = list.front().is_word;
    if (words || list.front().is_flag) {
      for (const Feature& value : list) {
        Consider({name, kIs, value, cost});
        if (words) Consider({name, kIsNot, value, cost + 0.01});
      }
      return;
    }
    std::erase_if(list, [](const Feature& f) { return std::isnan(f.number); });
    std::ranges::sort(list, {}, &Feature::number);
    const bool whole = std::ranges::all_of(list, [](const Feature& f) {
      return f.number == std::floor(f.number) && std::abs(f.number) < 1e6;
    });
    if (list.size() <= kMostValues) {
      for (const Feature& value : list) {
        Consider({name, kIs, value, cost});
        Consider({name, kIsNot, value, cost + 0.01});
      }
    } else {
      // Special values only.
      for (const Feature& value : list) {
        if (value.number != 0 && std::abs(value.number) != 1) continue;
        Consider({name, kIs, value, cost});
        Consider({name, kIsNot, value, cost + 0.01});
      }
    }
    AddThresholds(name, list, cost, whole);
    if (!whole) return;
    for (const double divisor : {2.0, 4.0, 8.0}) {
      Feature value = list.front();
      value.number = divisor;
      Consider({name, kMultiple, value, cost + 0.3});
      Consider({name, kNotMultiple, value, cost + 0.3});
    }
  }

  // Between a value of a failing and the next one of a passing sample.
  void AddThresholds(const std::string& name, const std::vector<Feature>& list, double cost,
                     bool whole) {
    std::set<double> failing, passing;
    for (const Features* f : fails_) {
      if (const auto at = f->find(name); at != f->end()) failing.insert(at->second.number);
    }
    for (const Features* f : passes_) {
      if (const auto at = f->find(name); at != f->end()) passing.insert(at->second.number);
    }
    for (size_t i = 0; i + 1 < list.size(); ++i) {
      const double low = list[i].number, high = list[i + 1].number;
      // Inside a run of one kind no threshold helps.
      const bool changes = failing.contains(low) != failing.contains(high) ||
                           passing.contains(low) != passing.contains(high);
      if (!changes) continue;
      Feature least = list[i + 1], most = list[i];
      if (!whole && std::isfinite(low) && std::isfinite(high))
        least.number = most.number = Round(low, high);
      Consider({name, Atom::Relation::kAtLeast, least, cost + 0.02});
      Consider({name, Atom::Relation::kAtMost, most, cost + 0.02});
    }
  }

  // The roundest number between two.
  static double Round(double low, double high) {
    if (low < 0 && high > 0) return 0;
    const double sign = high <= 0 ? -1 : 1;
    const double a = std::min(std::abs(low), std::abs(high)),
                 b = std::max(std::abs(low), std::abs(high));
    for (double digits = 1; digits <= 1e6; digits *= 10) {
      if (b == 0) break;
      const double unit = std::pow(10.0, std::floor(std::log10(b))) / digits;
      const double candidate = std::floor(b / unit) * unit;
      if (candidate > a && candidate < b) return sign * candidate;
    }
    return (low + high) / 2;
  }

  bool OnAllFails(const Bits& bits) const { return bits.Count() == fails_.size(); }

  void Offer(Clause clause, Bits excludes) {
    const double cost = clause.cost();
    candidates_.push_back({std::move(clause), cost, std::move(excludes)});
  }

  void AddSingles() {
    for (size_t i = 0; i < atoms_.size(); ++i) {
      if (OnAllFails(on_fails_[i])) Offer({{atoms_[i]}}, excludes_[i]);
    }
    AddWordSets();
  }

  // "type is float or double": every word that the failing samples show, where that is not one.
  void AddWordSets() {
    std::map<std::string, std::vector<size_t>> words;
    for (size_t i = 0; i < atoms_.size(); ++i) {
      if (atoms_[i].relation == Atom::Relation::kIs && !atoms_[i].value.is_flag) {
        words[atoms_[i].feature].push_back(i);
      }
    }
    for (const auto& [name, indexes] : words) {
      Clause clause;
      Bits excludes = excludes_[indexes.front()];
      Bits covered(fails_.size());
      for (const size_t i : indexes) {
        if (on_fails_[i].Count() == 0) continue;
        excludes = clause.any.empty() ? excludes_[i] : excludes & excludes_[i];
        covered = covered | on_fails_[i];
        clause.any.push_back(atoms_[i]);
      }
      if (clause.any.size() < 2 || clause.any.size() > 6 || !OnAllFails(covered)) continue;
      Offer(std::move(clause), std::move(excludes));
    }
  }

  void AddPairs() {
    // The atoms that exclude most come first.
    std::vector<size_t> order(atoms_.size());
    for (size_t i = 0; i < order.size(); ++i) order[i] = i;
    std::ranges::stable_sort(order, std::greater<>(),
                             [&](size_t i) { return excludes_[i].Count(); });
    order.resize(std::min(order.size(), kMostPairAtoms));
    for (size_t x = 0; x < order.size(); ++x) {
      const size_t i = order[x];
      if (OnAllFails(on_fails_[i])) continue;
      for (size_t y = x + 1; y < order.size(); ++y) {
        const size_t j = order[y];
        if (OnAllFails(on_fails_[j]) || !OnAllFails(on_fails_[i] | on_fails_[j])) continue;
        Bits excludes = excludes_[i] & excludes_[j];
        if (excludes.Count() > 0) Offer({{atoms_[i], atoms_[j]}}, std::move(excludes));
      }
    }
  }

  // Only the cheapest of those that exclude the same, and only the best of many.
  void Thin() {
    std::map<Bits, size_t> cheapest;
    for (size_t i = 0; i < candidates_.size(); ++i) {
      const auto [at, fresh] = cheapest.try_emplace(candidates_[i].excludes, i);
      if (!fresh && candidates_[i].cost < candidates_[at->second].cost) at->second = i;
    }
    std::vector<Candidate> kept;
    for (const auto& [bits, i] : cheapest) {
      if (bits.Count() > 0) kept.push_back(candidates_[i]);
    }
    std::ranges::stable_sort(kept, std::greater<>(), [](const Candidate& c) {
      return static_cast<double>(c.excludes.Count()) / c.cost;
    });
    if (kept.size() > kMostClauses) kept.resize(kMostClauses);
    candidates_ = std::move(kept);
  }

  Predicate Cover() {
    Thin();
    Bits all(passes_.size());
    for (size_t i = 0; i < passes_.size(); ++i) all.Set(i);
    Bits reachable(passes_.size());
    for (const Candidate& c : candidates_) reachable = reachable | c.excludes;
    left_ = all.CountWithout(reachable);
    best_cost_ = std::numeric_limits<double>::infinity();
    best_.clear();
    steps_ = 0;
    Greedy(reachable);
    std::vector<size_t> chosen;
    Branch(reachable, chosen, 0);
    Predicate predicate;
    for (const size_t i : best_) predicate.all.push_back(candidates_[i].clause);
    return predicate;
  }

  void Greedy(Bits uncovered) {
    std::vector<size_t> chosen;
    double cost = 0;
    while (uncovered.Count() > 0) {
      size_t best = 0;
      double best_gain = 0;
      for (size_t i = 0; i < candidates_.size(); ++i) {
        const double gain = static_cast<double>((uncovered & candidates_[i].excludes).Count()) /
                            candidates_[i].cost;
        if (gain > best_gain) best = i, best_gain = gain;
      }
      chosen.push_back(best);
      cost += candidates_[best].cost;
      uncovered.Remove(candidates_[best].excludes);
    }
    best_ = chosen;
    best_cost_ = cost;
  }

  void Branch(const Bits& uncovered, std::vector<size_t>& chosen, double cost) {
    if (++steps_ > kMostSteps || cost >= best_cost_) return;
    const size_t missing = uncovered.Count();
    if (missing == 0) {
      best_cost_ = cost;
      best_ = chosen;
      return;
    }
    if (chosen.size() == 5) return;
    // The passing sample that fewest clauses exclude decides what is tried.
    const std::vector<size_t>& options = RarestOptions(uncovered);
    for (const size_t i : options) {
      if (cost + candidates_[i].cost >= best_cost_) continue;
      Bits next = uncovered;
      next.Remove(candidates_[i].excludes);
      chosen.push_back(i);
      Branch(next, chosen, cost + candidates_[i].cost);
      chosen.pop_back();
    }
  }

  std::vector<size_t> RarestOptions(const Bits& uncovered) const {
    std::vector<size_t> rarest;
    size_t looked = 0;
    for (size_t p = 0; p < passes_.size() && looked < 32; ++p) {
      Bits one(passes_.size());
      one.Set(p);
      if ((one & uncovered).Count() == 0) continue;
      ++looked;
      std::vector<size_t> options;
      for (size_t i = 0; i < candidates_.size(); ++i) {
        if ((one & candidates_[i].excludes).Count() > 0) options.push_back(i);
      }
      if (rarest.empty() || options.size() < rarest.size()) rarest = std::move(options);
    }
    std::ranges::stable_sort(rarest, {}, [&](size_t i) { return candidates_[i].cost; });
    return rarest;
  }

  std::vector<const Features*> fails_, passes_;
  std::vector<Atom> atoms_;
  std::vector<Bits> on_fails_, excludes_;  // by atom
  std::vector<Candidate> candidates_;
  std::vector<size_t> best_;
  double best_cost_ = 0;
  size_t left_ = 0;  // passing samples that nothing excludes
  int steps_ = 0;
};

}  // namespace

Predicate Separate(const std::vector<Sample>& samples) { return Separator(samples).Run(); }

}  // namespace moire
