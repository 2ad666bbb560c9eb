#include "synth/search.h"

#include <algorithm>

#include "harness/case/onnx_adapter.h"
#include "oracles/reference/reference.h"
#include "synth/passes/passes.h"
#include "synth/shape_repair.h"

namespace moire {
namespace {

// An edit may take this many bytes more than the original on the way to something smaller: a node
// can be shorter than the declaration of the graph input in its place.
constexpr size_t kSlackBytes = 512;
// And elements: the value of a node that is gone.
constexpr int64_t kSlackElements = 16;
// On the way a case may grow to this many times the original; the result never exceeds it.
constexpr int kGrowth = 2;
// Z3 takes milliseconds: worth it in small graphs, and while it finds something.
constexpr size_t kMostMended = 64;  // nodes
constexpr int kMostMisses = 200;    // in a row, in one pass

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

// What the reference does not get to has no shape, see Repair.
bool Computes(const Sketch& sketch) {
  const auto& outputs = sketch.model.graph.outputs;
  return std::ranges::all_of(
             outputs, [](const ValueInfo& output) { return output.type.dims.has_value(); }) ||
         Evaluate(sketch.model, sketch.inputs).status != ReferenceStatus::kRejected;
}

}  // namespace

Search::Search(const Case& original, const Interesting& interesting, const ReduceOptions& options)
    : original_(original),
      interesting_(interesting),
      options_(options),
      journal_(options.journal != nullptr ? *options.journal : own_),
      speculation_(options.jobs, [this](const std::function<bool()>& cancelled) {
        journal_.Forget();
        if (options_.on_fork) options_.on_fork(cancelled);
      }) {}

Result<bool> Search::Begin() {
  Result<Model> model = ParseModel(original_.model);
  if (model) {
    current_ = {std::move(*model), original_.inputs, original_.options};
    nodes_before_ = progress_.nodes = CountNodes(current_.model.graph);
    max_elements_ = progress_.elements = CountElements(current_);
  }
  const std::string bytes = SerializeCase(original_);
  bytes_before_ = progress_.bytes = bytes.size();
  max_bytes_ = std::max(bytes.size(), options_.max_bytes);
  if (!Judge(original_, journal_.Key(bytes))) {
    if (spent_) return false;
    return Fail(ErrorCode::kInvalidInput, "the original case does not fail");
  }
  if (!model) return false;
  const Case own = ToCase(current_);
  valid_ = Valid(current_, own.model);
  evaluates_ = Evaluate(current_.model, current_.inputs).status == ReferenceStatus::kEvaluated;
  // What is edited is our own serialisation: it has to fail too.
  if (!Judge(own, journal_.Key(SerializeCase(own)))) return false;
  max_nodes_ = nodes_before_;
  begun_ = Measure(current_);
  return true;
}

bool Search::Spent() {
  if (!spent_ && options_.stopped && options_.stopped()) spent_ = true;
  spent_ = spent_ || checks_ >= options_.max_checks;
  if (!spent_ && start_) {
    const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - *start_;
    spent_ = elapsed.count() > options_.max_seconds;
  }
  return spent_;
}

bool Search::Judge(const Case& test_case, uint64_t key) {
  ++checks_;
  if (const auto answer = journal_.Find(key)) {
    ++known_;
    if (!speculation_.ahead()) Report();
    return *answer == Journal::Answer::kFails;
  }
  if (!start_) start_ = std::chrono::steady_clock::now();
  const bool fails = speculation_.Judge([&] { return interesting_(test_case); });
  if (options_.stopped && options_.stopped()) {
    spent_ = true;
    return false;
  }
  journal_.Add(key, fails ? Journal::Answer::kFails : Journal::Answer::kPasses);
  if (!speculation_.ahead()) Report();
  return fails;
}

bool Search::IsSmall(const Sketch& sketch, size_t bytes) const {
  return bytes <= max_bytes_ && CountElements(sketch) <= max_elements_ &&
         CountNodes(sketch.model.graph) <= max_nodes_;
}

void Search::KeepBest(const Case& test_case, size_t bytes) {
  small_ = current_;
  progress_.nodes = CountNodes(current_.model.graph);
  progress_.elements = CountElements(current_);
  progress_.bytes = bytes;
  if (options_.on_best) options_.on_best(test_case);
}

void Search::Report() {
  if (!options_.on_check) return;
  progress_.checks = checks_;
  progress_.known = known_;
  if (start_) {
    const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - *start_;
    progress_.seconds = elapsed.count();
  }
  options_.on_check(progress_);
}

// An edit may leave sizes that do not fit together: other sizes around it, where there are some.
bool Search::Mend(Sketch& candidate) {
  if (!evaluates_ || misses_ >= kMostMisses || candidate.model.graph.nodes.size() > kMostMended ||
      Computes(candidate)) {
    return false;
  }
  if (!values_) values_ = ComputeValues(current_);
  std::optional<Sketch> mended = RepairShapes(candidate, current_, *values_);
  if (!mended || !Repair(*mended) || !Computes(*mended)) {
    ++misses_;
    return false;
  }
  candidate = std::move(*mended);
  return true;
}

// Tries an edit that may be larger, and deletes and bypasses from there on. Kept where that ends
// smaller than it began; else everything is as it was.
bool Search::Detour(Sketch candidate) {
  const Sketch before = current_;
  if (!Try(std::move(candidate), true)) return false;
  for (bool progress = true; progress && !Spent();) {
    progress = false;
    for (const ReductionPass* pass : {&CutPass(), &NodesPass(), &BypassPass()}) {
      progress = RunPass(*pass) > 0 || progress;
    }
  }
  if (Measure(current_) < Measure(before)) return true;
  Become(before);
  return false;
}

void Search::Become(Sketch next) {
  current_ = std::move(next);
  values_.reset();
  proposed_.clear();
}

bool Search::Try(Sketch candidate, bool may_grow) {
  // Most of what passes propose is no step forward, and to see that takes less than to evaluate it.
  const auto fits = [&] {
    return CountElements(candidate) <= kGrowth * max_elements_ + kSlackElements &&
           CountNodes(candidate.model.graph) <= kGrowth * max_nodes_ &&
           (may_grow || Measure(candidate) < Measure(current_));
  };
  if (Spent() || !Tidy(candidate) || !fits()) return false;
  if (!proposed_.insert(journal_.Key(SerializeCase(ToCase(candidate)))).second) return false;
  RetypeOutputs(candidate);
  const bool mended = Mend(candidate);
  if (mended && !fits()) return false;
  const Case test_case = ToCase(candidate);
  const std::string bytes = SerializeCase(test_case);
  if (bytes.size() > kGrowth * max_bytes_ + kSlackBytes) return false;
  const uint64_t key = journal_.Key(bytes);
  if (!tried_.insert(key).second) return false;
  // What ONNX allows stays so: a required attribute has no default, though a runtime may give it
  // one.
  if (valid_ && !Valid(candidate, test_case.model)) return false;
  repaired_ += mended ? 1 : 0;
  if (!Judge(test_case, key)) return false;
  repaired_kept_ += mended ? 1 : 0;
  misses_ = 0;
  Become(std::move(candidate));
  if (IsSmall(current_, bytes.size()) && (!small_ || Measure(current_) < Measure(*small_)))
    KeepBest(test_case, bytes.size());
  return true;
}

void Search::InlineCalls() {
  FunctionsPass().Run(current_, [&](Sketch candidate) {
    const Case test_case = ToCase(candidate);
    if (!Judge(test_case, journal_.Key(SerializeCase(test_case)))) return false;
    current_ = std::move(candidate);
    max_nodes_ = nodes_before_ = CountNodes(current_.model.graph);
    return true;
  });
}

int Search::RunPass(const ReductionPass& pass) {
  int kept = 0;
  misses_ = 0;
  const bool may_grow = &pass == &UnrollPass();
  pass.Run(current_, [&](Sketch candidate) {
    const bool is = may_grow ? Detour(std::move(candidate)) : Attempt(std::move(candidate));
    kept += is ? 1 : 0;
    return is;
  });
  return kept;
}

ReduceResult Search::End(bool minimal) {
  Settle();
  ReduceResult result;
  // The last state that is no larger than the original, most often the last of all.
  result.reduced = small_ ? ToCase(*small_) : original_;
  result.nodes_before = nodes_before_;
  result.nodes_after = small_ ? CountNodes(small_->model.graph) : nodes_before_;
  result.bytes_before = bytes_before_;
  result.bytes_after = SerializeCase(result.reduced).size();
  result.checks = checks_;
  result.known = known_;
  result.repaired = repaired_;
  result.repaired_kept = repaired_kept_;
  result.finished = !spent_;
  result.minimal = minimal && !spent_ && Measure(current_) == (small_ ? Measure(*small_) : begun_);
  return result;
}

}  // namespace moire
