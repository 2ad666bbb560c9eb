// The search: runs the passes until none of their edits is kept, and lets no edit pass that grows
// the case or repeats one that was tried.
#include "synth/reduce.h"

#include <algorithm>
#include <chrono>
#include <optional>
#include <unordered_set>

#include "harness/case/onnx_adapter.h"
#include "harness/case/onnx_inline.h"
#include "harness/case/random.h"
#include "synth/edit.h"
#include "synth/passes/passes.h"

namespace moire {
namespace {

// An edit may take this many bytes more than the original on the way to something smaller: a node
// can be shorter than the declaration of the graph input in its place.
constexpr size_t kSlackBytes = 512;
// And elements: the value of a node that is gone.
constexpr int64_t kSlackElements = 16;
// On the way a case may grow to this many times the original; the result never exceeds it.
constexpr int kGrowth = 2;

// Whether ONNX's checker takes the model. It insists that graph outputs declare a shape, which ONNX
// leaves optional and which is not known of a graph that the reference refuses.
bool Valid(const Sketch& sketch, const std::string& serialized) {
  const auto lacks = [](const ValueInfo& output) {
    return output.type.opaque.empty() && !output.type.dims;
  };
  if (std::ranges::none_of(sketch.model.graph.outputs, lacks)) {
    return CheckModel(serialized, false).has_value();
  }
  Model model = sketch.model;
  for (ValueInfo& output : model.graph.outputs) {
    if (lacks(output)) output.type.dims.emplace();
  }
  return CheckModel(SerializeModel(model), false).has_value();
}

class Search {
 public:
  Search(const Case& original, const Interesting& interesting, const ReduceOptions& options)
      : original_(original), interesting_(interesting), options_(options) {}

  Result<ReduceResult> Run() {
    MOIRE_ASSIGN(passes_, SelectPasses(options_));
    if (!Check(original_)) {
      return Fail(ErrorCode::kInvalidInput, "the original case does not fail");
    }
    ReduceResult result;
    result.reduced = original_;
    result.bytes_before = SerializeCase(original_).size();
    result.bytes_after = result.bytes_before;
    Result<Model> model = ParseModel(original_.model);
    if (model) {
      current_ = {std::move(*model), original_.inputs, original_.options};
      result.nodes_before = CountNodes(current_.model.graph);
      max_elements_ = CountElements(current_);
      max_bytes_ = std::max(result.bytes_before, options_.max_bytes);
      valid_ = Valid(current_, ToCase(current_).model);
      // What is edited is our own serialisation: it has to fail too.
      if (Check(ToCase(current_))) {
        InlineCalls();
        max_nodes_ = result.nodes_before = CountNodes(current_.model.graph);
        Fixpoint();
        // The last state that is no larger than the original, most often the last of all.
        result.reduced = small_ ? ToCase(*small_) : original_;
        const bool all = std::ranges::find(passes_, &SinglesPass()) != passes_.end();
        result.minimal = all && !spent_ && small_ && Measure(*small_) == Measure(current_);
        if (small_) result.nodes_after = CountNodes(small_->model.graph);
      }
      if (!small_) result.nodes_after = result.nodes_before;
      result.bytes_after = SerializeCase(result.reduced).size();
    }
    result.checks = checks_;
    return result;
  }

 private:
  bool Spent() {
    const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start_;
    spent_ = spent_ || checks_ >= options_.max_checks || elapsed.count() > options_.max_seconds;
    return spent_;
  }

  bool Check(const Case& test_case) {
    ++checks_;
    return interesting_(test_case);
  }

  bool Attempt(Sketch candidate) {
    if (Spent() || !Repair(candidate)) return false;
    const int64_t elements = CountElements(candidate);
    if (elements > kGrowth * max_elements_ + kSlackElements ||
        Measure(candidate) >= Measure(current_)) {
      return false;
    }
    const Case test_case = ToCase(candidate);
    const std::string bytes = SerializeCase(test_case);
    if (bytes.size() > kGrowth * max_bytes_ + kSlackBytes) return false;
    if (!tried_.insert(HashBytes(bytes.data(), bytes.size())).second) return false;
    // What ONNX allows stays so: a required attribute has no default, though a runtime may give it
    // one.
    if (valid_ && !Valid(candidate, test_case.model)) return false;
    if (!Check(test_case)) return false;
    current_ = std::move(candidate);
    const bool small = bytes.size() <= max_bytes_ && elements <= max_elements_ &&
                       CountNodes(current_.model.graph) <= max_nodes_;
    if (small) small_ = current_;
    return true;
  }

  // Writes out the model's own functions where it still fails, so that the passes see their nodes.
  void InlineCalls() {
    if (current_.model.extra.empty()) return;
    const Result<std::string> inlined = InlineFunctions(SerializeModel(current_.model));
    if (!inlined) return;
    Result<Model> model = ParseModel(*inlined);
    if (!model) return;
    Sketch edited = current_;
    edited.model = std::move(*model);
    if (Check(ToCase(edited))) current_ = std::move(edited);
  }

  bool RunPass(const ReductionPass& pass) {
    bool progress = false;
    pass.Run(current_, [&](Sketch candidate) {
      const bool kept = Attempt(std::move(candidate));
      progress = progress || kept;
      return kept;
    });
    return progress;
  }

  // With plain values a failure is easily lost when anything else changes: 0 is right for many
  // wrong reasons. So they come when nothing else is left to do; and the list of single edits where
  // the passes, which know the better order, are done.
  void Fixpoint() {
    const bool singles = std::ranges::find(passes_, &SinglesPass()) != passes_.end();
    bool progress = true;
    while (progress && !Spent()) {
      Repeat([](const ReductionPass& pass) {
        return &pass != &ValuesPass() && &pass != &SinglesPass();
      });
      Repeat([](const ReductionPass& pass) { return &pass != &SinglesPass(); });
      progress = singles && RunPass(SinglesPass());
    }
  }

  template <typename Wanted>
  void Repeat(const Wanted& wanted) {
    bool progress = true;
    while (progress && !Spent()) {
      progress = false;
      for (const ReductionPass* pass : passes_) {
        if (wanted(*pass)) progress = RunPass(*pass) || progress;
      }
    }
  }

  const Case& original_;
  const Interesting& interesting_;
  const ReduceOptions& options_;
  std::vector<const ReductionPass*> passes_;
  Sketch current_;
  std::optional<Sketch> small_;  // the last state within the original's bytes
  std::unordered_set<uint64_t> tried_;
  int64_t max_elements_ = 0;
  int64_t max_nodes_ = 0;
  size_t max_bytes_ = 0;
  int checks_ = 0;
  bool spent_ = false;
  bool valid_ = false;  // the original, for ONNX's checker
  const std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

}  // namespace

Case ToCase(const Sketch& sketch) {
  return {SerializeModel(sketch.model), sketch.inputs, sketch.options};
}

Result<std::vector<const ReductionPass*>> SelectPasses(const ReduceOptions& options) {
  std::vector<const ReductionPass*> all = ReductionPassRegistry();
  all.push_back(&ChunksPass());
  for (const auto* names : {&options.only, &options.skip}) {
    for (const std::string& name : *names) {
      if (std::ranges::any_of(all, [&](const auto* pass) { return pass->name() == name; }))
        continue;
      return Fail(ErrorCode::kInvalidInput, "there is no reduction pass '{}'; see --list-passes",
                  name);
    }
  }
  const auto named = [](const std::vector<std::string>& names, const ReductionPass* pass) {
    return std::ranges::find(names, pass->name()) != names.end();
  };
  std::vector<const ReductionPass*> chosen;
  for (const ReductionPass* pass : all) {
    const bool wanted = options.only.empty() ? pass != &ChunksPass() : named(options.only, pass);
    if (wanted && !named(options.skip, pass)) {
      chosen.push_back(pass);
    }
  }
  return chosen;
}

Result<ReduceResult> Reduce(const Case& original, const Interesting& interesting,
                            const ReduceOptions& options) {
  return Search(original, interesting, options).Run();
}

}  // namespace moire
