// ProbeImplemented: asks about every operator, schema version and choice of element types once, with
// models of one node.
#include <set>

#include "fuzzers/generate/generate.h"
#include "fuzzers/generate/op_context.h"
#include "fuzzers/generate/pool.h"
#include "fuzzers/generate/typing.h"

namespace moire {
namespace {

// The opsets at which at least one operator has a new schema.
std::vector<int64_t> OpsetsThatMatter(const OpEntry& entry, const GeneratorSettings& settings) {
  std::vector<int64_t> out;
  int64_t since = -1;
  const int64_t newest = std::min(settings.max_opset, NewestOpset());
  for (int64_t opset = std::min(settings.min_opset, newest); opset <= newest; ++opset) {
    const ResolvedOp op = Resolve(entry.op, opset);
    if (op.entry == nullptr || op.schema->since == since) continue;
    since = op.schema->since;
    out.push_back(opset);
  }
  return out;
}

// A case of a single node over one input of the given type; nullopt where the draw made more.
std::optional<GeneratedCase> SingleNode(const ResolvedOp& op, DataType type, int64_t opset,
                                        const GeneratorSettings& settings, const Learned& learned,
                                        Random& random) {
  static constexpr Range kRanges[] = {{0.3, 0.9}, {1.1, 2}};
  static const Shape kShapes[] = {{2, 4, 4, 4}, {3, 3}, {1, 2, 6}, {4}, {2, 1, 3, 3, 2}};
  GraphBuilder builder(random, settings, learned, opset);
  builder.AddInput(type, kShapes[random.Index(std::size(kShapes))],
                   IsFloat(type) ? kRanges[random.Index(2)] : Range{1, 2});
  if (!PlaceOperator(builder, op) || builder.nodes() != 1) return std::nullopt;
  return builder.Finish();
}

}  // namespace

size_t ProbeImplemented(const GeneratorSettings& settings,
                        const std::function<bool(const GeneratedCase&)>& implemented,
                        Learned& learned) {
  size_t asked = 0;
  Random random(1);
  GeneratorSettings single = settings;
  single.edge_share = 0;
  const Learned nothing;
  std::set<std::string> seen;
  for (const OpEntry* entry : AllEntries()) {
    for (const int64_t opset : OpsetsThatMatter(*entry, settings)) {
      const ResolvedOp op = Resolve(entry->op, opset);
      const TypeSet first = op.schema->inputs.empty() ? Bit(DataType::kFloat)
                                                      : op.schema->inputs[0].types & kDataTypes;
      // With a second type variable or a type attribute the combinations multiply.
      const int tries = op.schema->variables > 1 || entry->op == "Range" ? 40 : 6;
      for (int number = 1; number < 32; ++number) {
        const auto type = static_cast<DataType>(number);
        if (!Has(first, type)) continue;
        for (int attempt = 0; attempt < tries; ++attempt) {
          const auto probe = SingleNode(op, type, opset, single, nothing, random);
          if (!probe) continue;
          const auto types = TypesOfNode(probe->model, probe->model.graph.nodes[0].name);
          if (!types) continue;
          const Combination combination{types->op, types->since, types->inputs, types->outputs,
                                        types->domain};
          if (!seen.insert(Learned::Row(combination)).second) continue;
          ++asked;
          if (!implemented(*probe)) learned.Note(combination);
        }
      }
    }
  }
  return asked;
}

}  // namespace moire
