#include "synth/learned.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <numeric>

#include "synth/experience.h"
#include "synth/passes/passes.h"
#include "synth/subgraph.h"

namespace moire {
namespace {

// How a region is taken away.
enum class Removal { kInputs, kConstants, kBypass };
constexpr std::array kRemovals = {Removal::kInputs, Removal::kConstants, Removal::kBypass};
constexpr std::array<std::string_view, 3> kRemovalNames = {"remove-inputs", "remove-constants",
                                                           "remove-bypass"};
// Nodes that are needed, as far as nothing is known: what the first beliefs add up to.
constexpr double kNeededNodes = 1.5;
constexpr double kMostPrior = 0.9;
// Below this expectation of nodes taken away, the passes go on.
constexpr double kLeastValue = 0.25;
// Of a region that could not be tried (no ONNX, too large): the same one should not come again.
constexpr double kUntried = 1.5;

std::string RuleName(Removal removal) {
  return std::string(kRemovalNames[static_cast<size_t>(removal)]);
}

// The first name that a node makes tells it from the others as long as names are not tidied.
std::string KeyOf(const Node& node) {
  const auto named = std::ranges::find_if(node.outputs, [](const auto& o) { return !o.empty(); });
  return named == node.outputs.end() ? std::string() : *named;
}

std::string Word(std::string text) {
  std::ranges::replace_if(text, [](unsigned char c) { return c <= ' ' || c > '~'; }, '_');
  return text;
}

// What a node is like, in words that mean the same in the next graph.
std::vector<Features> NodeFeatures(const Sketch& sketch, const KnownValues& values) {
  const auto& nodes = sketch.model.graph.nodes;
  std::map<std::string, std::string> makers;
  std::vector<Features> all;
  for (const Node& node : nodes) {
    const std::string op = Word(node.domain.empty() ? node.op : node.domain + "." + node.op);
    Features features = {"op:" + op};
    if (const auto value = values.find(KeyOf(node)); value != values.end()) {
      features.push_back(fmt::format("op:{}:{}", op, Traits(value->second.type).name));
    }
    for (const std::string& input : node.inputs) {
      if (const auto maker = makers.find(input); maker != makers.end()) {
        features.push_back("edge:" + maker->second + ">" + op);
      }
    }
    for (const std::string& output : node.outputs) makers[output] = op;
    std::ranges::sort(features);
    const auto same = std::ranges::unique(features);
    features.erase(same.begin(), same.end());
    all.push_back(std::move(features));
  }
  return all;
}

// The input that may stand for what the node makes; empty where none may.
std::string StandIn(const Node& node, const KnownValues& values) {
  std::string output;
  for (const std::string& each : node.outputs) {
    if (each.empty()) continue;
    if (!output.empty()) return {};  // more than one
    output = each;
  }
  const auto found = std::ranges::find_if(node.inputs, [&](const std::string& input) {
    return !input.empty() && SameKind(values, output, input);
  });
  return found == node.inputs.end() ? std::string() : *found;
}

bool Bypass(Sketch& sketch, const std::vector<bool>& doomed, const KnownValues& values) {
  std::vector<Node> kept;
  std::vector<std::pair<std::string, std::string>> redirects;
  for (size_t i = 0; i < doomed.size(); ++i) {
    Node& node = sketch.model.graph.nodes[i];
    if (doomed[i]) {
      redirects.emplace_back(KeyOf(node), StandIn(node, values));
    } else {
      kept.push_back(std::move(node));
    }
  }
  sketch.model.graph.nodes = std::move(kept);
  // From the last on: a stand-in may be what an earlier one of them made.
  for (auto each = redirects.rbegin(); each != redirects.rend(); ++each) {
    Redirect(sketch, each->first, each->second);
  }
  return true;
}

struct Region {
  std::vector<size_t> nodes;
  double value = 0;  // nodes that its removal is expected to take away
  double fails = 0;  // how likely it is believed to lose the failure
};

class Learned {
 public:
  Learned(Search& search, const std::vector<const ReductionPass*>& passes,
          const ReduceOptions& options)
      : search_(search),
        passes_(passes),
        options_(options),
        experience_(Experience::Read(options.experience)),
        random_(Mix64(options.seed)) {}

  bool Run() {
    const KnownValues values = ComputeValues(search_.current());
    const std::vector<Features> features = NodeFeatures(search_.current(), values);
    std::vector<std::string> keys;
    for (const Node& node : search_.current().model.graph.nodes) keys.push_back(KeyOf(node));
    Believe(keys, features);
    if (Has(&OutputsPass())) RunPass(OutputsPass());
    if (Has(&NodesPass()) && Has(&BypassPass())) RemoveRegions();
    std::vector<bool> needed;
    for (const std::string& key : keys) {
      needed.push_back(std::ranges::any_of(search_.current().model.graph.nodes,
                                           [&](const Node& node) { return KeyOf(node) == key; }));
    }
    const bool done = RunPasses();
    search_.Settle();
    // One that goes on later has to begin with the same experience.
    if (search_.Spent() || options_.experience.empty()) return done;
    experience_.Learn(features, needed);
    // Only what is learned is lost where it cannot be written.
    (void)experience_.Write(options_.experience);
    return done;
  }

 private:
  bool Has(const ReductionPass* pass) const {
    return std::ranges::find(passes_, pass) != passes_.end();
  }

  void Believe(const std::vector<std::string>& keys, const std::vector<Features>& features) {
    std::vector<double> scores;
    double sum = 0;
    for (const Features& each : features) sum += scores.emplace_back(experience_.Score(each));
    for (size_t i = 0; i < keys.size(); ++i) {
      const double prior = std::min(kMostPrior, kNeededNodes * scores[i] / sum);
      for (const Removal removal : kRemovals) needed_[{removal, keys[i]}] = prior;
    }
  }

  // The nodes that are believed to be needed least, as many as are worth most; those at the end
  // first, for what only they read goes with them.
  Region Best(Removal removal, const KnownValues& values) {
    const auto& nodes = search_.current().model.graph.nodes;
    std::vector<std::pair<double, size_t>> order;
    for (size_t i = nodes.size(); i-- > 0;) {
      if (removal == Removal::kBypass && StandIn(nodes[i], values).empty()) continue;
      const auto belief = needed_.find({removal, KeyOf(nodes[i])});
      // A node that was taken out of a body.
      order.emplace_back(belief == needed_.end() ? 1.0 / 3 : belief->second, i);
    }
    std::ranges::stable_sort(order, {}, [](const auto& each) { return each.first; });
    Region best;
    double holds = 1;
    size_t size = 0;
    for (size_t k = 0; k < order.size(); ++k) {
      holds *= 1 - order[k].first;
      const double value = static_cast<double>(k + 1) * holds;
      if (value <= best.value) continue;
      best.value = value;
      best.fails = 1 - holds;
      size = k + 1;
    }
    for (size_t k = 0; k < size; ++k) best.nodes.push_back(order[k].second);
    return best;
  }

  bool TryRemoval(Removal removal, const Region& region, const KnownValues& values) {
    Sketch edited = search_.current();
    std::vector<bool> doomed(edited.model.graph.nodes.size(), false);
    for (const size_t i : region.nodes) doomed[i] = true;
    const bool made = removal == Removal::kBypass
                          ? Bypass(edited, doomed, values)
                          : RemoveNodes(edited, doomed, values, removal == Removal::kConstants);
    return made && search_.Attempt(std::move(edited));
  }

  void Update(Removal removal, const Region& region, bool judged) {
    for (const size_t i : region.nodes) {
      const auto belief =
          needed_.try_emplace({removal, KeyOf(search_.current().model.graph.nodes[i])}, 1.0 / 3)
              .first;
      double& p = belief->second;
      if (region.nodes.size() == 1) {
        p = 1;
      } else {
        p = std::min(1.0, judged ? p / std::max(region.fails, p) : p * kUntried);
      }
    }
  }

  void RemoveRegions() {
    KnownValues values = ComputeValues(search_.current());
    const size_t most = 50 + 4 * search_.current().model.graph.nodes.size();
    for (size_t round = 0; round < most && !search_.Spent(); ++round) {
      std::optional<Removal> chosen;
      Region region;
      double best = 0;
      for (const Removal removal : kRemovals) {
        Region candidate = Best(removal, values);
        if (candidate.value < kLeastValue) continue;
        const double worth = experience_.Sample(RuleName(removal), random_) * candidate.value;
        if (worth <= best) continue;
        best = worth;
        chosen = removal;
        region = std::move(candidate);
      }
      if (!chosen) return;
      const int before = search_.checks();
      if (TryRemoval(*chosen, region, values)) {
        experience_.Count(RuleName(*chosen), 1, 0);
        values = ComputeValues(search_.current());
        continue;
      }
      const bool judged = search_.checks() > before;
      if (judged) experience_.Count(RuleName(*chosen), 0, 1);
      Update(*chosen, region, judged);
    }
  }

  bool RunPass(const ReductionPass& pass) {
    const int before = search_.checks();
    const int kept = search_.RunPass(pass);
    experience_.Count(std::string(pass.name()), kept, search_.checks() - before - kept);
    return kept > 0;
  }

  // Always the pass that is drawn highest among those that have not run since the last edit was
  // kept. Values come when the others are done, and the list of single edits after them: see
  // Fixpoint in reduce.cc.
  bool RunPasses() {
    std::vector<const ReductionPass*> settled;
    while (!search_.Spent()) {
      const ReductionPass* next = nullptr;
      double best = -1;
      for (const ReductionPass* pass : passes_) {
        if (std::ranges::find(settled, pass) != settled.end()) continue;
        double worth = experience_.Sample(std::string(pass->name()), random_);
        if (pass == &ValuesPass()) worth = 0;
        if (pass == &SinglesPass()) worth = -0.5;
        if (worth <= best) continue;
        best = worth;
        next = pass;
      }
      if (next == nullptr) return Has(&SinglesPass());
      if (RunPass(*next)) settled.clear();
      settled.push_back(next);
    }
    return false;
  }

  Search& search_;
  const std::vector<const ReductionPass*>& passes_;
  const ReduceOptions& options_;
  Experience experience_;
  Random random_;
  std::map<std::pair<Removal, std::string>, double> needed_;
};

}  // namespace

bool RunLearned(Search& search, const std::vector<const ReductionPass*>& passes,
                const ReduceOptions& options) {
  return Learned(search, passes, options).Run();
}

}  // namespace moire
