// The orders in which passes are tried: until none of their edits is kept.
#include "synth/reduce.h"

#include <algorithm>

#include "harness/case/onnx_adapter.h"
#include "synth/learned.h"
#include "synth/passes/passes.h"
#include "synth/search.h"
#include "synth/shape_repair.h"

namespace moire {
namespace {

using Passes = std::vector<const ReductionPass*>;

constexpr std::pair<std::string_view, SearchOrder> kOrders[] = {{"fixed", SearchOrder::kFixed},
                                                                {"learned", SearchOrder::kLearned},
                                                                {"chunks", SearchOrder::kChunks},
                                                                {"cut", SearchOrder::kCut}};

bool Has(const Passes& passes, const ReductionPass& pass) {
  return std::ranges::find(passes, &pass) != passes.end();
}

template <typename Wanted>
void Repeat(Search& search, const Passes& passes, const Wanted& wanted) {
  bool progress = true;
  while (progress && !search.Spent()) {
    progress = false;
    for (const ReductionPass* pass : passes) {
      if (wanted(*pass)) progress = search.RunPass(*pass) > 0 || progress;
    }
  }
}

// Each candidate of a large case takes its time to be made and written: the smallest sizes that fit
// together come first, where it fails with them.
constexpr size_t kLargeBytes = size_t{16} << 20;
void ShrinkLarge(Search& search, const Passes& passes) {
  if (search.original_bytes() < kLargeBytes || !Has(passes, ShapesPass())) return;
  const Sketch& current = search.current();
  std::optional<Sketch> smallest = SmallestShapes(current, ComputeValues(current));
  if (smallest) search.Attempt(std::move(*smallest));
}

// With plain values a failure is easily lost when anything else changes: 0 is right for many wrong
// reasons. So they come when nothing else is left to do; and the list of single edits where the
// passes, which know the better order, are done. Whether that list was walked to its end.
bool Fixpoint(Search& search, const Passes& passes) {
  const bool singles = Has(passes, SinglesPass());
  bool progress = true;
  while (progress && !search.Spent()) {
    Repeat(search, passes, [](const ReductionPass& pass) {
      return &pass != &ValuesPass() && &pass != &SinglesPass();
    });
    Repeat(search, passes, [](const ReductionPass& pass) { return &pass != &SinglesPass(); });
    progress = singles && search.RunPass(SinglesPass()) > 0;
  }
  return singles;
}

}  // namespace

Case ToCase(const Sketch& sketch) {
  return {SerializeModel(sketch.model), sketch.inputs, sketch.options};
}

Result<SearchOrder> ParseSearchOrder(std::string_view name) {
  for (const auto& [known, order] : kOrders) {
    if (known == name) return order;
  }
  return Fail(ErrorCode::kInvalidInput, "there is no search '{}': fixed, learned, chunks or cut",
              name);
}

Result<std::vector<const ReductionPass*>> SelectPasses(const ReduceOptions& options) {
  if (options.search == SearchOrder::kChunks) return Passes{&ChunksPass()};
  if (options.search == SearchOrder::kCut) return Passes{&CutPass()};
  Passes all = ReductionPassRegistry();
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
  Passes chosen;
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
  MOIRE_ASSIGN(Passes passes, SelectPasses(options));
  Search search(original, interesting, options);
  MOIRE_ASSIGN(const bool editable, search.Begin());
  if (!editable) return search.End(false);
  if (std::erase(passes, &FunctionsPass()) > 0) search.InlineCalls();
  ShrinkLarge(search, passes);
  const bool learned = options.search == SearchOrder::kLearned;
  return search.End(learned ? RunLearned(search, passes, options) : Fixpoint(search, passes));
}

}  // namespace moire
