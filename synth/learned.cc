#include "synth/learned.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <numeric>
#include <set>

#include "synth/experience.h"
#include "synth/passes/passes.h"
#include "synth/subgraph.h"

namespace moire {
namespace {

// How a region is taken away.
enum class Removal { kInputs, kConstants, kBypass };
// How much the same region is worth in each way: what a bypass leaves behind still depends on what
// came before, so it loses the failure least often.
struct Preference {
  Removal removal;
  double worth;
};
constexpr Preference kPreferences[] = {
    {Removal::kBypass, 1.5}, {Removal::kInputs, 1}, {Removal::kConstants, 0.7}};
// Deletion and bypass: a node between two causes can be bypassed, and not deleted.
size_t KindOf(Removal removal) { return removal == Removal::kBypass ? 1 : 0; }
using Belief = std::array<double, 2>;  // how likely a node is to be needed, by kind
// How far a refusal of one kind speaks for the other one.
constexpr std::array<double, 2> kTells = {0.5, 0.8};
// Nodes that are needed, as far as nothing is known: what the first beliefs add up to.
constexpr double kNeededNodes = 1.5;
constexpr double kMostPrior = 0.9;
// Of a node that was taken out of a body.
constexpr Belief kTakenOut = {1.0 / 3, 1.0 / 3};
// The neighbours of a node that is needed, more likely than not, are at least this likely to be
// needed with it: a fusion takes two.
constexpr double kNeeded = 0.5;
constexpr double kNear = 0.5;
// Below this expectation of nodes taken away, the passes go on.
constexpr double kLeastValue = 0.25;
// Of a region that could not be tried (no ONNX, too large): the same one should not come again.
constexpr double kUntried = 1.5;

// The first name that a node makes tells it from the others as long as names are not tidied.
std::string KeyOf(const Node& node) {
  const auto named = std::ranges::find_if(node.outputs, [](const auto& o) { return !o.empty(); });
  return named == node.outputs.end() ? std::string() : *named;
}

// With the nodes of its bodies.
double Weight(const Node& node) {
  int64_t count = 1;
  for (const Attribute& attribute : node.attributes) {
    if (const auto* body = std::get_if<GraphPtr>(&attribute.value)) count += CountNodes(**body);
  }
  return static_cast<double>(count);
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
    const auto& nodes = search_.current().model.graph.nodes;
    std::vector<double> scores;
    double sum = 0;
    // A node counts as often as its bodies have nodes: each of them may be the cause.
    for (size_t i = 0; i < features.size(); ++i) {
      sum += scores.emplace_back(Weight(nodes[i]) * experience_.Score(features[i]));
    }
    for (size_t i = 0; i < keys.size(); ++i) {
      const double prior = std::min(kMostPrior, kNeededNodes * scores[i] / sum);
      needed_[keys[i]] = {prior, prior};
    }
  }

  // What is believed of each node, as it counts for this way of removal.
  std::vector<double> Beliefs(Removal removal) {
    const auto& nodes = search_.current().model.graph.nodes;
    std::vector<double> beliefs;
    std::set<std::string> near;  // what nodes that are needed read or make
    for (const Node& node : nodes) {
      const auto known = needed_.try_emplace(KeyOf(node), kTakenOut).first;
      beliefs.push_back(known->second[KindOf(removal)]);
      if (beliefs.back() <= kNeeded) continue;
      near.merge(Reads(node));
      near.insert(node.outputs.begin(), node.outputs.end());
    }
    const auto is_near = [&](const std::string& name) { return near.contains(name); };
    for (size_t i = 0; i < nodes.size(); ++i) {
      if (std::ranges::any_of(nodes[i].outputs, is_near) ||
          std::ranges::any_of(nodes[i].inputs, is_near)) {
        beliefs[i] = std::max(beliefs[i], kNear);
      }
    }
    return beliefs;
  }

  // The nodes that are believed to be needed least, as many as are worth most; those at the end
  // first, for what only they read goes with them.
  Region Best(Removal removal, const KnownValues& values) {
    const auto& nodes = search_.current().model.graph.nodes;
    const std::vector<double> beliefs = Beliefs(removal);
    double none = 1;  // the chance that no node is needed, which cannot be: the case fails
    for (const double belief : beliefs) none *= 1 - belief;
    std::vector<size_t> order;
    for (size_t i = nodes.size(); i-- > 0;) {
      if (removal != Removal::kBypass || !StandIn(nodes[i], values).empty()) order.push_back(i);
    }
    std::ranges::stable_sort(order, {}, [&](size_t i) { return beliefs[i]; });
    Region best;
    double holds = 1, removed = 0;
    size_t size = 0;
    for (size_t k = 0; k < order.size(); ++k) {
      holds *= 1 - beliefs[order[k]];
      removed += Weight(nodes[order[k]]);
      const double value = removed * (holds - none) / std::max(1 - none, 1e-9);
      if (value <= best.value) continue;
      best.value = value;
      size = k + 1;
    }
    best.nodes.assign(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(size));
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

  // What is not removed in one way is believed to be needed against the other one, too.
  void Update(Removal removal, const Region& region, bool judged) {
    const size_t own = KindOf(removal);
    for (const size_t kind : {own, 1 - own}) {
      double holds = 1;
      std::vector<double*> beliefs;
      for (const size_t i : region.nodes) {
        double& belief = needed_[KeyOf(search_.current().model.graph.nodes[i])][kind];
        beliefs.push_back(&belief);
        holds *= 1 - belief;
      }
      const double share = kind == own ? 1 : kTells[own];
      for (double* belief : beliefs) {
        const double posterior =
            beliefs.size() == 1 ? 1 : std::min(1.0, *belief / std::max(1 - holds, *belief));
        if (judged) {
          *belief += share * (posterior - *belief);
        } else if (kind == own) {
          *belief = beliefs.size() == 1 ? 1 : std::min(1.0, *belief * kUntried);
        }
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
      for (const auto& [removal, preference] : kPreferences) {
        Region candidate = Best(removal, values);
        if (candidate.value < kLeastValue || preference * candidate.value <= best) continue;
        best = preference * candidate.value;
        chosen = removal;
        region = std::move(candidate);
      }
      if (!chosen) return;
      const int before = search_.checks();
      if (TryRemoval(*chosen, region, values)) {
        values = ComputeValues(search_.current());
      } else {
        Update(*chosen, region, search_.checks() > before);
      }
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
  std::map<std::string, Belief> needed_;
};

}  // namespace

bool RunLearned(Search& search, const std::vector<const ReductionPass*>& passes,
                const ReduceOptions& options) {
  return Learned(search, passes, options).Run();
}

}  // namespace moire
