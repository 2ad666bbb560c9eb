#include "synth/explain/predicate.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace moire {
namespace {

// A number as a person would write it.
std::string Text(const Feature& value, const std::string& feature) {
  if (value.is_word) return value.word.empty() ? "\"\"" : value.word;
  if (feature == "level") return std::string(LevelName(static_cast<int>(value.number)));
  return fmt::format("{:g}", value.number);
}

}  // namespace

bool Atom::Holds(const Features& features) const {
  const auto found = features.find(feature);
  if (found == features.end()) return false;
  const Feature& seen = found->second;
  switch (relation) {
    case Relation::kIs:
      return seen == value;
    case Relation::kIsNot:
      return !(seen == value);
    case Relation::kAtLeast:
      return seen.number >= value.number;
    case Relation::kAtMost:
      return seen.number <= value.number;
    case Relation::kMultiple:
      return std::fmod(seen.number, value.number) == 0;
    case Relation::kNotMultiple:
      return std::fmod(seen.number, value.number) != 0;
  }
  return false;
}

std::string Atom::ToString() const {
  if (value.is_flag) {
    const bool yes = (value.number != 0) == (relation == Relation::kIs);
    return yes ? feature : "not (" + feature + ")";
  }
  switch (relation) {
    case Relation::kIs:
      return fmt::format("{} == {}", feature, Text(value, feature));
    case Relation::kIsNot:
      return fmt::format("{} != {}", feature, Text(value, feature));
    case Relation::kAtLeast:
      return fmt::format("{} >= {}", feature, Text(value, feature));
    case Relation::kAtMost:
      return fmt::format("{} <= {}", feature, Text(value, feature));
    case Relation::kMultiple:
      return fmt::format("{} % {:g} == 0", feature, value.number);
    case Relation::kNotMultiple:
      return fmt::format("{} % {:g} != 0", feature, value.number);
  }
  return {};
}

double Clause::cost() const {
  double total = 0;
  for (const Atom& atom : any) total += atom.cost;
  return total + 0.4 * (static_cast<double>(any.size()) - 1);
}

bool Clause::Holds(const Features& features) const {
  return std::ranges::any_of(any, [&](const Atom& atom) { return atom.Holds(features); });
}

std::string Clause::ToString() const {
  std::string text;
  for (const Atom& atom : any) text += (text.empty() ? "" : " or ") + atom.ToString();
  return any.size() > 1 ? "(" + text + ")" : text;
}

double Predicate::cost() const {
  double total = 0;
  for (const Clause& clause : all) total += clause.cost();
  return total;
}

bool Predicate::Holds(const Features& features) const {
  return std::ranges::all_of(all, [&](const Clause& clause) { return clause.Holds(features); });
}

Predicate Prune(Predicate predicate, const std::vector<Sample>& samples, double share) {
  const double most = share * static_cast<double>(samples.size());
  while (predicate.all.size() > 1) {
    size_t best = 0;
    double least = std::numeric_limits<double>::infinity();
    for (size_t i = 0; i < predicate.all.size(); ++i) {
      Predicate without = predicate;
      without.all.erase(without.all.begin() + static_cast<std::ptrdiff_t>(i));
      const auto wrong = static_cast<double>(std::ranges::count_if(
          samples, [&](const Sample& s) { return without.Holds(s.features) != s.fails; }));
      if (wrong < least) least = wrong, best = i;
    }
    if (least > most) break;
    predicate.all.erase(predicate.all.begin() + static_cast<std::ptrdiff_t>(best));
  }
  return predicate;
}

std::string Predicate::ToString() const {
  std::string text;
  for (const Clause& clause : all) text += (text.empty() ? "" : " and ") + clause.ToString();
  return text.empty() ? "always" : text;
}

}  // namespace moire
