// The machinery that feedback domains share. See waypoints.h for the contract.
#include "fuzzers/feedback/waypoints.h"

#include <algorithm>

#include "fuzzers/feedback/extra_counters.h"
#include "harness/case/random.h"

namespace moire {
namespace {

std::string KnownNames() {
  std::string names;
  for (const FeedbackDomain* domain : FeedbackDomainRegistry()) {
    if (!names.empty()) names += ", ";
    names += domain->name();
  }
  return names;
}

}  // namespace

void Lamps::Light(uint64_t key, uint32_t level) const {
  // Mixed again: the low bits of a caller's key need not be spread.
  const size_t row = Mix64(key) % (counters_.size() / levels_);
  const uint32_t top = std::min(level, levels_ - 1);
  std::ranges::fill(counters_.subspan(row * levels_, top + 1), uint8_t{1});
}

Result<Waypoints> Waypoints::Open(std::span<const std::string> names) {
  for (const std::string& name : names) {
    const auto& registry = FeedbackDomainRegistry();
    if (std::ranges::find(registry, name, &FeedbackDomain::name) == registry.end()) {
      return Fail(ErrorCode::kInvalidInput, "no feedback domain '{}'; there are: {}", name,
                  KnownNames());
    }
  }
  Waypoints waypoints;
  std::span<uint8_t> rest = WaypointCounters();
  for (const FeedbackDomain* domain : FeedbackDomainRegistry()) {
    const size_t size = size_t{domain->keys()} * domain->levels();
    if (size > rest.size()) {
      return Fail(ErrorCode::kInternal, "no counters left for feedback domain '{}'",
                  domain->name());
    }
    if (names.empty() || std::ranges::find(names, domain->name()) != names.end()) {
      waypoints.entries_.push_back({domain, Lamps(rest.first(size), domain->levels())});
    }
    rest = rest.subspan(size);
  }
  return waypoints;
}

void Waypoints::Observe(const RunFacts& facts) const {
  for (const Entry& entry : entries_) entry.domain->Observe(facts, entry.lamps);
}

std::vector<ResultPair> PairResults(const Model& model, std::span<const NamedTensor> first,
                                    std::span<const NamedTensor> second) {
  std::vector<ResultPair> pairs;
  const size_t count = std::min(first.size(), second.size());
  for (size_t i = 0; i < count; ++i) {
    ResultPair pair{"", &first[i].tensor, &second[i].tensor};
    for (const Node& node : model.graph.nodes) {
      if (std::ranges::find(node.outputs, first[i].name) != node.outputs.end()) pair.op = node.op;
    }
    pairs.push_back(pair);
  }
  return pairs;
}

}  // namespace moire
