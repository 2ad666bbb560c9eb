// ProbeImplemented: asks about every operator, schema version and choice of element types once,
// with models of one node.
#include <set>

#include "fuzzers/generate/generate.h"
#include "fuzzers/generate/op_context.h"
#include "fuzzers/generate/pool.h"

namespace moire {
namespace {

// The opsets at which at least one operator has a new schema.
std::vector<int64_t> OpsetsThatMatter(const OpEntry& entry, const GeneratorSettings& settings) {
  std::vector<int64_t> out;
  int64_t since = -1;
  const int64_t newest = std::min(settings.max_opset, NewestOpset());
  const int64_t newest_of_domain = NewestOpset(entry.domain);
  const bool standard = entry.domain.empty();
  const int64_t last = standard ? newest : newest_of_domain;
  const int64_t first =
      standard ? std::min({settings.min_opset, settings.oldest_opset, newest}) : 1;
  for (int64_t opset = first; opset <= last; ++opset) {
    const ResolvedOp op = Resolve(entry.op, opset, entry.domain);
    if (op.entry == nullptr || op.schema->since == since) continue;
    since = op.schema->since;
    out.push_back(opset);
  }
  return out;
}

// A case of a single node over one input of the given type; nullopt where the draw made more.
struct Probe {
  GeneratedCase generated;
  std::vector<DataType> inputs;
  std::vector<DataType> outputs;
};

std::optional<Probe> SingleNode(const ResolvedOp& op, DataType type, int64_t opset,
                                const GeneratorSettings& settings, const Learned& learned,
                                Random& random) {
  static constexpr Range kRanges[] = {{0.3, 0.9}, {1.1, 2}};
  static const Shape kShapes[] = {{2, 4, 4, 4}, {3, 3}, {1, 2, 6}, {4}, {2, 1, 3, 3, 2}};
  const bool standard = op.entry->domain.empty();
  GraphBuilder builder(random, settings, learned, standard ? opset : settings.max_opset);
  builder.set_contributed(op.entry->domain == kContributedDomain);
  if (!standard && !builder.contributed()) builder.set_ml_opset(opset);
  builder.Carry(type);
  builder.AddInput(type, kShapes[random.Index(std::size(kShapes))],
                   IsFloat(type) ? kRanges[random.Index(2)] : Range{1, 2});
  if (!PlaceOperator(builder, op) || builder.nodes() != 1) return std::nullopt;
  Probe out;
  for (const ValueId id : builder.node_inputs(0)) {
    out.inputs.push_back(id == kNoValue ? DataType::kUndefined : builder.value(id).packed());
  }
  for (const ValueId id : builder.node_outputs(0)) {
    out.outputs.push_back(builder.value(id).packed());
  }
  out.generated = builder.Finish();
  return out;
}

// Asks downwards until a model of the simplest operator is taken. The number of questions.
size_t ProbeOpset(const GeneratorSettings& settings,
                  const std::function<bool(const GeneratedCase&)>& implemented, Learned& learned) {
  const int64_t newest = std::min(settings.max_opset, NewestOpset());
  Random random(1);
  size_t asked = 0;
  for (int64_t opset = newest; opset >= std::min(settings.min_opset, newest); --opset) {
    const Learned nothing;
    GraphBuilder builder(random, settings, nothing, opset);
    const ValueId x = builder.AddInput(DataType::kFloat, {2}, {0.3, 0.9});
    if (builder.Emit1("Relu", {x}) == kNoValue) continue;
    ++asked;
    if (!implemented(builder.Finish())) continue;
    if (opset < newest) learned.LimitOpset(opset);
    break;
  }
  return asked;
}

}  // namespace

size_t ProbeImplemented(const GeneratorSettings& settings,
                        const std::function<bool(const GeneratedCase&)>& implemented,
                        Learned& learned) {
  size_t asked = ProbeOpset(settings, implemented, learned);
  Random random(1);
  GeneratorSettings single = settings;
  single.max_opset = NewestUsable(settings, learned);
  single.edge_share = 0;
  const Learned nothing;
  std::set<std::string> seen;
  for (const OpEntry* entry : AllEntries()) {
    // A refusal of a body is none of its node.
    if ((entry->flags & kBodies) != 0) continue;
    if (!Wanted(*entry, settings)) continue;
    for (const int64_t opset : OpsetsThatMatter(*entry, single)) {
      const ResolvedOp op = Resolve(entry->op, opset, entry->domain);
      const TypeSet first =
          op.schema->inputs.empty() ? Bit(DataType::kFloat) : op.schema->inputs[0].types;
      // With a second type variable or a type attribute the combinations multiply.
      const int tries = op.schema->variables > 1 || entry->op == "Range" ? 150 : 8;
      for (int number = 1; number < 32; ++number) {
        const auto type = static_cast<DataType>(number);
        if (!Has(first, type) || (!settings.whole_standard && Has(kRareTypes, type))) continue;
        int made = 0;
        for (int attempt = 0; attempt < 4 * tries && made < tries; ++attempt) {
          const auto probe = SingleNode(op, type, opset, single, nothing, random);
          if (!probe) continue;
          ++made;
          const Combination combination{entry->op,      op.schema->since, probe->inputs,
                                        probe->outputs, entry->domain,    op.schema};
          if (!seen.insert(Learned::Row(combination)).second) continue;
          ++asked;
          if (!implemented(probe->generated)) learned.Note(combination);
        }
      }
    }
  }
  return asked;
}

}  // namespace moire
