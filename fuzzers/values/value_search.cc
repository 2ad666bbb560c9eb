#include "fuzzers/values/value_search.h"

#include <algorithm>
#include <set>

#include "fuzzers/values/leaf_edit.h"
#include "fuzzers/values/pull.h"
#include "fuzzers/values/structure_hash.h"
#include "fuzzers/values/traced_graph.h"

namespace moire {
namespace {

constexpr size_t kCulprits = 4;  // looked at in one step

// One graph's search.
class Search {
 public:
  Search(GeneratedCase& made, Random& random) : made_(made), graph_(made), random_(random) {
    best_ = graph_.Evaluate();
    badness_at_first_ = best_.Badness();
  }

  bool good() const { return best_.Good(); }
  bool better() const { return best_.Badness() < badness_at_first_; }
  bool changed() const { return !first_.empty(); }
  int evaluations() const { return evaluations_; }

  // The values of another search on the same graph, by name.
  void Try(const std::vector<std::pair<std::string, Tensor>>& sources) {
    Begin();
    for (size_t id = 0; id < graph_.values(); ++id) {
      Tensor* leaf = graph_.leaf(static_cast<int>(id));
      if (leaf == nullptr) continue;
      const auto known = std::ranges::find(sources, NameOf(static_cast<int>(id)),
                                           &std::pair<std::string, Tensor>::first);
      if (known == sources.end() || known->second.type != leaf->type ||
          known->second.shape != leaf->shape) {
        continue;
      }
      Change(static_cast<int>(id), [&](Tensor& tensor) { tensor = known->second; });
    }
    Weigh();
  }

  // One step: a change of the sources behind what went wrong.
  void Step(int step) {
    const std::vector<size_t> culprits = graph_.Culprits();
    Begin();
    if (step % 2 == 0 || step < 2) AimAt(culprits, step);
    // Where nothing can be aimed at, or aiming did not help.
    if (before_.empty()) {
      std::set<int> leaves;
      for (const size_t node : FirstOf(culprits)) {
        const std::vector<int> reached = graph_.LeavesOf(node);
        leaves.insert(reached.begin(), reached.end());
      }
      for (const int id : leaves) {
        if (!IsFloat(graph_.leaf(id)->type)) continue;
        Change(id, [&](Tensor& tensor) { EditRoughly(tensor, rough_ % kRoughEdits, random_); });
      }
      ++rough_;
    }
    Weigh();
  }

  std::vector<std::pair<std::string, Tensor>> Changed() const {
    std::vector<std::pair<std::string, Tensor>> out;
    for (const auto& [id, tensor] : first_) out.emplace_back(NameOf(id), *graph_.leaf(id));
    return out;
  }
  // As the case was given.
  void Undo() {
    for (auto& [id, tensor] : first_) *graph_.leaf(id) = std::move(tensor);
    first_.clear();
  }

 private:
  static std::span<const size_t> FirstOf(const std::vector<size_t>& culprits) {
    return std::span(culprits).first(std::min(culprits.size(), kCulprits));
  }

  void AimAt(const std::vector<size_t>& culprits, int step) {
    LeafWants wants;
    for (const size_t node : FirstOf(culprits)) {
      for (Want want : WantsOf(graph_, node)) {
        // Values that are too close together for their roundings: further apart.
        if (want.varied && step % 3 == 1) {
          want.range = Hull(want.range, {want.range.lo >= 0 ? want.range.lo : -8, 8});
        }
        Pull(graph_, want, wants);
      }
    }
    const double narrower = std::min(0.2 * step, 0.8);
    for (const auto& [id, want] : wants) {
      Change(id, [&](Tensor& tensor) { MoveInto(tensor, want, narrower, random_); });
    }
  }

  void Begin() {
    before_.clear();
    notes_ = graph_.Notes();
  }
  template <typename Edit>
  void Change(int id, Edit edit) {
    Tensor& tensor = *graph_.leaf(id);
    Tensor old = tensor;
    edit(tensor);
    if (tensor != old) before_.emplace_back(id, std::move(old));
  }
  // Keeps the change unless it made things worse.
  void Weigh() {
    if (before_.empty()) return;
    const Assessment now = graph_.Evaluate();
    ++evaluations_;
    if (now.evaluated && now.Badness() <= best_.Badness()) {
      best_ = now;
      for (auto& [id, tensor] : before_) {
        if (std::ranges::find(first_, id, &std::pair<int, Tensor>::first) == first_.end()) {
          first_.emplace_back(id, std::move(tensor));
        }
      }
      return;
    }
    for (auto& [id, tensor] : before_) *graph_.leaf(id) = std::move(tensor);
    graph_.SetNotes(std::move(notes_));
  }

  std::string NameOf(int id) const {
    for (const NamedTensor& input : made_.inputs) {
      if (&input.tensor == graph_.leaf(id)) return input.name;
    }
    for (const NamedTensor& initializer : made_.model.graph.initializers) {
      if (&initializer.tensor == graph_.leaf(id)) return initializer.name;
    }
    const int maker = graph_.producer(id);
    return maker < 0 ? "" : graph_.node(static_cast<size_t>(maker)).outputs[0];
  }

  GeneratedCase& made_;
  TracedGraph graph_;
  Random& random_;
  Assessment best_;
  double badness_at_first_ = 0;
  std::vector<std::pair<int, Tensor>> first_;   // sources that differ from the case, as it had them
  std::vector<std::pair<int, Tensor>> before_;  // of the step
  std::vector<Seen> notes_;
  int rough_ = 0;
  int evaluations_ = 1;
};

}  // namespace

bool ValueSearch::Applies(const GeneratedCase& made) {
  if (made.malformed) return false;
  const auto tame = [](const NamedTensor& named) { return IsTame(named.tensor); };
  return std::ranges::all_of(made.inputs, tame) &&
         std::ranges::all_of(made.model.graph.initializers, tame) &&
         std::ranges::all_of(made.model.graph.nodes, [](const Node& node) {
           const Attribute* value = node.op == "Constant" ? node.Find("value") : nullptr;
           const Tensor* tensor = value == nullptr ? nullptr : std::get_if<Tensor>(&value->value);
           return tensor == nullptr || IsTame(*tensor);
         });
}

ValueSearch::Outcome ValueSearch::Improve(GeneratedCase& made, Random& random) {
  const uint64_t hash = options_.cache_size == 0 ? 0 : StructureHash(made);
  const Known* known = options_.cache_size == 0 ? nullptr : Find(hash);
  if (known != nullptr && *known == nullptr) {
    ++counts_.given_up;
    return {};
  }
  ++counts_.searched;
  Search search(made, random);
  if (known != nullptr) {
    search.Try(**known);
    if (search.good()) ++counts_.from_cache;
  }
  for (int step = 0; !search.good() && search.evaluations() < options_.evaluations &&
                     step < 2 * options_.evaluations;
       ++step) {
    search.Step(step);
  }
  counts_.evaluations += static_cast<uint64_t>(search.evaluations());
  const bool good = search.good();
  counts_.found += good ? 1 : 0;
  if (options_.cache_size > 0 && (!good || search.changed())) {
    Remember(hash, good ? std::make_shared<const Sources>(search.Changed()) : nullptr);
  }
  if (!good && !search.better()) search.Undo();
  return {search.changed(), good};
}

const ValueSearch::Known* ValueSearch::Find(uint64_t hash) {
  if (const auto found = young_.find(hash); found != young_.end()) return &found->second;
  const auto found = old_.find(hash);
  return found == old_.end() ? nullptr : &found->second;
}

void ValueSearch::Remember(uint64_t hash, Known known) {
  young_[hash] = std::move(known);
  if (young_.size() < options_.cache_size / 2) return;
  old_ = std::exchange(young_, {});
}

void ValueSearch::Clear() {
  young_.clear();
  old_.clear();
}

}  // namespace moire
