#include "synth/experience.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <sstream>

#include "harness/case/case.h"

namespace moire {
namespace {

constexpr std::string_view kHeader = "moire-experience 1";
constexpr double kMostCounts = 50;  // of one rule: what is older fades
constexpr double kRate = 0.5;       // of a step of gradient descent
constexpr double kMostWeight = 6;
constexpr size_t kMostEntries = 10'000;  // of a file

double Normal(Random& random) {
  // Box and Muller 1958.
  const double radius = std::sqrt(-2 * std::log(1 - random.Unit()));
  return radius * std::cos(2 * std::numbers::pi * random.Unit());
}

// Marsaglia and Tsang 2000; shape >= 1.
double Gamma(double shape, Random& random) {
  const double d = shape - 1.0 / 3;
  const double c = 1 / std::sqrt(9 * d);
  while (true) {
    const double x = Normal(random);
    const double v = std::pow(1 + c * x, 3);
    if (v > 0 && std::log(1 - random.Unit()) < 0.5 * x * x + d - d * v + d * std::log(v)) {
      return d * v;
    }
  }
}

}  // namespace

Experience Experience::Read(const std::string& path) {
  Experience read;
  const Result<std::string> text = path.empty() ? std::string() : ReadFile(path);
  if (!text) return read;
  std::istringstream lines(*text);
  std::string line;
  if (!std::getline(lines, line) || line != kHeader) return read;
  while (std::getline(lines, line) && read.rules_.size() + read.weights_.size() < kMostEntries) {
    std::istringstream words(line);
    std::string kind, name;
    double first = 0, second = 0;
    words >> kind >> name >> first;
    if (!words || !std::isfinite(first)) continue;
    if (kind == "weight") read.weights_[name] = std::clamp(first, -kMostWeight, kMostWeight);
    if (kind != "rule" || !(words >> second) || !std::isfinite(second)) continue;
    read.rules_[name] = {std::clamp(first, 0.0, kMostCounts), std::clamp(second, 0.0, kMostCounts)};
  }
  return read;
}

Status Experience::Write(const std::string& path) const {
  std::string text = std::string(kHeader) + "\n";
  for (const auto& [name, counts] : rules_) {
    text += fmt::format("rule {} {} {}\n", name, counts.kept, counts.refused);
  }
  for (const auto& [feature, weight] : weights_) {
    text += fmt::format("weight {} {}\n", feature, weight);
  }
  return WriteFile(path, text);
}

double Experience::Sample(const std::string& rule, Random& random) const {
  const auto found = rules_.find(rule);
  const Counts counts = found == rules_.end() ? Counts() : found->second;
  const double kept = Gamma(1 + counts.kept, random);
  return kept / (kept + Gamma(1 + counts.refused, random));
}

void Experience::Count(const std::string& rule, int kept, int refused) {
  Counts& counts = rules_[rule];
  counts.kept += kept;
  counts.refused += refused;
  const double all = counts.kept + counts.refused;
  if (all > kMostCounts) {
    counts.kept *= kMostCounts / all;
    counts.refused *= kMostCounts / all;
  }
}

double Experience::Score(const Features& features) const {
  double score = 0;
  for (const std::string& feature : features) {
    const auto found = weights_.find(feature);
    if (found != weights_.end()) score += found->second;
  }
  return std::exp(std::clamp(score, -kMostWeight, kMostWeight));
}

void Experience::Learn(const std::vector<Features>& nodes, const std::vector<bool>& needed) {
  const auto stayed = static_cast<double>(std::ranges::count(needed, true));
  if (stayed == 0 || nodes.size() < 2) return;
  std::vector<double> scores;
  double sum = 0;
  for (const Features& node : nodes) sum += scores.emplace_back(Score(node));
  for (size_t i = 0; i < nodes.size(); ++i) {
    const double step = kRate * ((needed[i] ? 1 / stayed : 0) - scores[i] / sum);
    for (const std::string& feature : nodes[i]) {
      double& weight = weights_[feature];
      weight = std::clamp(weight + step, -kMostWeight, kMostWeight);
    }
  }
}

}  // namespace moire
