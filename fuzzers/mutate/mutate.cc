#include "fuzzers/mutate/mutate.h"

#include <algorithm>

#include "fuzzers/generate/mend.h"
#include "fuzzers/generate/runs.h"
#include "fuzzers/mutate/edits.h"

namespace moire {
namespace {

std::span<const EditEntry> Table(size_t i) {
  return i == 0 ? ValueEdits() : i == 1 ? NodeEdits() : TypeShapeEdits();
}

const EditEntry& DrawEdit(Random& random) {
  static const unsigned total = [] {
    unsigned sum = 0;
    for (size_t t = 0; t < 3; ++t) {
      for (const EditEntry& entry : Table(t)) sum += entry.weight;
    }
    return sum;
  }();
  uint64_t at = random.Below(total);
  for (size_t t = 0; t < 3; ++t) {
    for (const EditEntry& entry : Table(t)) {
      if (at < entry.weight) return entry;
      at -= entry.weight;
    }
  }
  return Table(0)[0];
}

GraphBuilder::OldTypes TypesOf(const GraphBuilder& graph) {
  GraphBuilder::OldTypes out;
  for (const Value& v : graph.values()) {
    if (v.kind == ValueKind::kNode && v.type != DataType::kUndefined && !v.Dynamic()) {
      out.emplace(v.name, std::pair(v.type, v.shape));
    }
  }
  return out;
}

// Cuts until the graph is no larger than the settings allow.
void Shrink(GraphBuilder& graph) {
  const auto most = static_cast<size_t>(graph.settings().max_nodes) + 4;
  const auto live = [&] {
    size_t n = 0;
    for (size_t i = 0; i < graph.nodes(); ++i) n += graph.Dead(i) ? 0 : 1;
    return n;
  };
  for (int attempt = 0; attempt < 6 && live() > most; ++attempt) {
    const ValueId keep =
        graph.PickValue([](const Value& v) { return v.kind == ValueKind::kNode && v.depth >= 2; });
    if (keep == kNoValue) return;
    graph.CutTo(keep);
  }
}

bool Usable(const GeneratedCase& made) {
  return !made.model.graph.outputs.empty() && !made.model.graph.nodes.empty();
}

// Nodes that a repair made fit, and those that it cut out.
struct Mended {
  uint64_t mended = 0;
  uint64_t lost = 0;
};

// Finishes an edited graph; where shapes may have changed, infers and repairs.
GeneratedCase Close(GraphBuilder& graph, bool reshaped, const GraphBuilder::OldTypes& old_types,
                    Random& random, const GeneratorSettings& settings, const Learned& learned,
                    Mended& counts) {
  GeneratedCase out = graph.Finish();
  if (!reshaped) return out;
  GraphBuilder again(random, settings, learned, out.model.Opset(""));
  if (!again.Repair(out, old_types)) return {};
  counts.mended += again.mended();
  counts.lost += again.lost();
  return again.Finish();
}

// One of the first `before` values, cast and brought to the type and shape of another value:
// reshaped where the counts agree, its largest element expanded where they do not.
ValueId Bridge(GraphBuilder& graph, ValueId before, const Value& wanted) {
  if (wanted.count <= 0 || IsBool(wanted.type)) return kNoValue;
  const GraphBuilder::Mark mark = graph.Checkpoint();
  ValueId from = graph.PickValue([&](const Value& v) {
    return &v - graph.values().data() < before && v.kind == ValueKind::kNode && v.count > 0 &&
           !v.edge && !IsBool(v.type) && v.range.Magnitude() < 100 &&
           (v.type == wanted.type || IsFloat(wanted.type));
  });
  if (from == kNoValue) return kNoValue;
  if (graph.value(from).type != wanted.type) {
    from = graph.Emit1("Cast", {from}, {{"to", static_cast<int64_t>(wanted.type)}});
  }
  const bool reshape = from != kNoValue && graph.value(from).count == wanted.count;
  if (from != kNoValue && !reshape) {
    from = graph.Emit1("ReduceMax", {from}, {{"keepdims", int64_t{0}}});
  }
  if (from != kNoValue && graph.value(from).shape != wanted.shape) {
    const ValueId target = graph.AddInts(wanted.shape);
    from = graph.Emit1(reshape ? "Reshape" : "Expand", {from, target});
  }
  if (from == kNoValue || graph.value(from).shape != wanted.shape) {
    graph.Undo(mark);
    return kNoValue;
  }
  return from;
}

// Runs that a parent had are of its inputs: the child gets its own, or none.
void RenewRuns(GeneratedCase& made, Random& random) {
  if (made.options.more_runs.empty()) return;
  made.options.more_runs.clear();
  if (random.Chance(1, 2)) AddRuns(made, random);
}

GeneratedCase Anew(Random& random, const GeneratorSettings& settings, const Learned& learned) {
  GeneratedCase out = Generate(random, settings, learned);
  if (random.Unit() < settings.malformed_share) Malform(out, random);
  return out;
}

}  // namespace

GeneratedCase Mutate(const GeneratedCase& parent, Random& random, const GeneratorSettings& settings,
                     const Learned& learned) {
  // A fifth of the stream is new: mutation alone drifts.
  if (random.Chance(1, 5)) return Anew(random, settings, learned);
  GraphBuilder graph(random, settings, learned, parent.model.Opset(""));
  if (!graph.Load(parent) || graph.nodes() == 0) return Anew(random, settings, learned);
  // A parent that breaks rules is mostly mended on the way.
  const bool keep_broken = graph.misfits() > 0 && random.Chance(1, 4);
  bool reshaped = graph.misfits() > 0 && !keep_broken;
  const GraphBuilder::OldTypes old_types = TypesOf(graph);
  static constexpr int kCounts[] = {1, 1, 1, 2, 2, 3};
  int left = kCounts[random.Index(6)];
  for (int attempt = 0; attempt < 12 && left > 0; ++attempt) {
    // Edits that infer look at shapes: after one that may have changed them there is no other.
    const Edited result = DrawEdit(random).edit(graph);
    if (result == Edited::kNothing) continue;
    --left;
    if (result == Edited::kReshaped) {
      reshaped = true;
      break;
    }
  }
  Shrink(graph);
  Mended counts{graph.mended(), 0};
  GeneratedCase out =
      Close(graph, reshaped && !keep_broken, old_types, random, settings, learned, counts);
  if (!Usable(out)) return Anew(random, settings, learned);
  CountMutant(counts.mended, counts.lost);
  RenewRuns(out, random);
  out.malformed = keep_broken;
  if (!out.malformed && random.Unit() < settings.malformed_share) Malform(out, random);
  return out;
}

GeneratedCase Crossover(const GeneratedCase& a, const GeneratedCase& b, Random& random,
                        const GeneratorSettings& settings, const Learned& learned) {
  GraphBuilder graph(random, settings, learned, a.model.Opset(""));
  if (!graph.Load(a) || graph.misfits() > 0) return Mutate(a, random, settings, learned);
  const auto before = static_cast<ValueId>(graph.values().size());
  const ValueId first = graph.Append(b);
  if (first < 0 || graph.misfits() > 0) return Mutate(a, random, settings, learned);
  GraphBuilder::OldTypes old_types = TypesOf(graph);
  // Values of a take the place of b's inputs where type and shape agree.
  bool spliced = false;
  const auto last = static_cast<ValueId>(graph.values().size());
  for (ValueId id = first; id < last; ++id) {
    const Value v = graph.value(id);
    if (v.kind == ValueKind::kNode || v.uses == 0 || v.compound) continue;
    if (v.has_known && v.count <= 8) continue;
    if (spliced && random.Chance(1, 3)) continue;
    std::vector<ValueId> fitting;
    for (ValueId other = 0; other < before; ++other) {
      const Value& candidate = graph.value(other);
      if (candidate.kind == ValueKind::kNode && candidate.type == v.type &&
          candidate.shape == v.shape) {
        fitting.push_back(other);
      }
    }
    ValueId other = fitting.empty() ? kNoValue : fitting[random.Index(fitting.size())];
    if (other == kNoValue && !spliced && v.kind == ValueKind::kInput) {
      other = Bridge(graph, before, v);
    }
    if (other != kNoValue) spliced |= graph.ReplaceUses(id, other, -1);
  }
  Shrink(graph);
  Mended counts{};
  GeneratedCase out = Close(graph, true, old_types, random, settings, learned, counts);
  RenewRuns(out, random);
  if (!spliced || !Usable(out)) return Mutate(a, random, settings, learned);
  CountMutant(counts.mended, counts.lost);
  return out;
}

std::vector<std::string_view> MutationNames() {
  std::vector<std::string_view> out = {"generate anew", "crossover", "malform"};
  for (size_t t = 0; t < 3; ++t) {
    for (const EditEntry& entry : Table(t)) out.push_back(entry.name);
  }
  return out;
}

}  // namespace moire
