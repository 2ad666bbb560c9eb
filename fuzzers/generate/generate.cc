#include "fuzzers/generate/generate.h"

#include <algorithm>
#include <array>
#include <set>

#include "fuzzers/generate/functions.h"
#include "fuzzers/generate/op_context.h"
#include "fuzzers/generate/patterns/patterns.h"
#include "fuzzers/generate/pool.h"
#include "fuzzers/generate/registry.h"
#include "fuzzers/generate/runs.h"
#include "harness/case/onnx_adapter.h"

namespace moire {
namespace {

DataType DrawType(Random& random) {
  // Out of 100.
  static constexpr std::pair<DataType, unsigned> kWeights[] = {
      {DataType::kFloat, 40},   {DataType::kFloat16, 9}, {DataType::kDouble, 9},
      {DataType::kBfloat16, 3}, {DataType::kInt8, 4},    {DataType::kInt16, 3},
      {DataType::kInt32, 7},    {DataType::kInt64, 8},   {DataType::kUint8, 4},
      {DataType::kUint16, 3},   {DataType::kUint32, 3},  {DataType::kUint64, 3},
      {DataType::kBool, 4},
  };
  uint64_t at = random.Below(100);
  for (const auto& [type, weight] : kWeights) {
    if (at < weight) return type;
    at -= weight;
  }
  return DataType::kFloat;
}

int64_t DrawOpset(Random& random, const GeneratorSettings& settings, const Learned& learned) {
  const int64_t newest = NewestUsable(settings, learned);
  const int64_t oldest = std::min(settings.min_opset, newest);
  if (settings.oldest_opset < oldest && random.Unit() < settings.old_share) {
    return random.Between(settings.oldest_opset, oldest - 1);
  }
  const uint64_t draw = random.Below(4);
  return draw == 0   ? newest
         : draw == 1 ? std::max(oldest, newest - 3)
                     : random.Between(oldest, newest);
}

// Most often a string: there are operators for those. The other types only move.
DataType DrawRareType(Random& random) {
  if (random.Chance(1, 3)) return DataType::kString;
  auto type = DataType::kUndefined;
  while (!Has(kRareTypes, type)) type = static_cast<DataType>(random.Below(32));
  return type;
}

// Every sequence and optional that nothing uses gets a consumer that gives tensors.
void Settle(GraphBuilder& builder, const OperatorPool& pool) {
  static constexpr std::string_view kSequence[] = {"SequenceAt", "ConcatFromSequence",
                                                   "SequenceLength"};
  static constexpr std::string_view kOptional[] = {"OptionalGetElement", "OptionalHasElement"};
  Random& random = builder.random();
  // What consumes an optional sequence gives a sequence: the list grows.
  for (size_t i = 0; i < builder.values().size() && i < 1000; ++i) {
    for (int attempt = 0; attempt < 6; ++attempt) {
      const Value& v = builder.value(static_cast<ValueId>(i));
      if (!v.compound || v.uses > 0 || v.compound->form == Form::kMaps || IsMap(v.compound->form)) {
        break;
      }
      const bool sequence = v.compound->form == Form::kSequence;
      const std::string_view op =
          sequence ? kSequence[random.Index(3)] : kOptional[random.Index(2)];
      const ResolvedOp resolved = Resolve(op, builder.opset());
      if (resolved.entry == nullptr || !pool.Allows(op)) break;
      PlaceOperator(builder, resolved, static_cast<ValueId>(i));
    }
  }
}

// Inputs lose the size of one dim, wherever it stands: to a name, or to nothing. What is declared
// of the outputs goes with it.
void Symbolize(GeneratedCase& made, Random& random) {
  Graph& graph = made.model.graph;
  std::vector<int64_t> sizes;
  for (const ValueInfo& input : graph.inputs) {
    if (const auto shape = StaticShape(input.type)) {
      sizes.insert(sizes.end(), shape->begin(), shape->end());
    }
  }
  if (sizes.empty()) return;
  const int64_t size = sizes[random.Index(sizes.size())];
  const bool named = random.Chance(3, 4);
  const auto forget = [&](ValueInfo& info, const Dim& dim) {
    if (!info.type.dims) return;
    for (Dim& d : *info.type.dims) {
      if (d.size == size) d = dim;
    }
  };
  for (ValueInfo& input : graph.inputs) {
    // The shape of a default is that of its initializer.
    if (graph.FindInitializer(input.name) != nullptr) continue;
    forget(input, named ? Dim{{}, "N"} : Dim{});
  }
  for (ValueInfo& output : graph.outputs) forget(output, Dim{});
}

}  // namespace

GeneratorSettings WholeStandard() {
  GeneratorSettings settings;
  settings.whole_standard = true;
  settings.oldest_opset = 7;
  settings.old_share = 0.08;
  settings.rare_type_share = 0.06;
  settings.ml_share = 0.06;
  settings.function_share = 0.03;
  settings.refused_share = 0.003;
  settings.symbolic_share = 0.04;
  settings.runs_share = 0.03;
  return settings;
}

int64_t NewestUsable(const GeneratorSettings& settings, const Learned& learned) {
  const int64_t newest = std::min(settings.max_opset, NewestOpset());
  return learned.newest_opset() > 0 ? std::min(newest, learned.newest_opset()) : newest;
}

bool PlaceOperator(GraphBuilder& builder, const ResolvedOp& op, ValueId pinned) {
  const GraphBuilder::Mark mark = builder.Checkpoint();
  OpContext context(builder, *op.entry, *op.schema);
  context.node().domain = op.entry->domain;
  if (pinned != kNoValue) context.Pin(pinned);
  if (op.entry->choose(context)) return true;
  builder.Undo(mark);
  return false;
}

void Grow(GraphBuilder& builder, const OperatorPool& pool, size_t target_nodes) {
  Random& random = builder.random();
  size_t inputs_made = 0;
  for (size_t attempts = 0; builder.nodes() < target_nodes && attempts < 14 * target_nodes + 20;
       ++attempts) {
    // A pattern brings about four nodes, and one draw of an operator in two comes to nothing.
    if (pool.with_patterns() && random.Unit() < builder.settings().pattern_share / 5 &&
        PlacePattern(builder, pool)) {
      continue;
    }
    const ResolvedOp& op = pool.Draw(random);
    const TypeSet first = op.schema->inputs.empty() ? ~TypeSet{0} : op.schema->inputs[0].types;
    const bool at_hand = (first & builder.AvailableTypes()) != 0 ||
                         (builder.has_compounds() && op.schema->TakesCompounds()) ||
                         op.schema->TakesMaps();
    if (at_hand && PlaceOperator(builder, op)) continue;
    // Nothing at hand fits: now and then a new input makes room.
    const TypeSet wanted = first & builder.carried();
    if (inputs_made > target_nodes / 6 || wanted == 0 || !random.Chance(1, 4)) continue;
    DataType type = (wanted & kDataTypes) != 0 ? DrawType(random)
                                               : static_cast<DataType>(__builtin_ctz(wanted));
    for (int i = 0; i < 8 && !Has(wanted, type); ++i) type = DrawType(random);
    if (!Has(wanted, type)) continue;
    const GraphBuilder::Mark mark = builder.Checkpoint();
    builder.AddInput(type, builder.DrawShape(0, 6));
    if (PlaceOperator(builder, op)) {
      ++inputs_made;
    } else {
      builder.Undo(mark);
    }
  }
}

GeneratedCase Generate(Random& random, const GeneratorSettings& settings, const Learned& learned) {
  static const Learned nothing;
  for (;;) {
    // What no backend implements comes up now and then all the same: acceptance is judged, too.
    const bool heedless = learned.size() > 0 && random.Unit() < settings.refused_share;
    const Learned& heeded = heedless ? nothing : learned;
    const int64_t opset = DrawOpset(random, settings, heeded);
    GraphBuilder builder(random, settings, heeded, opset);
    const auto nodes = static_cast<size_t>(random.Between(settings.min_nodes, settings.max_nodes));
    builder.set_chain(random.Chance(1, 2));
    const int64_t sources = nodes > 4 && random.Chance(1, 3) ? 3 : random.Between(1, 2);
    DataType main = DrawType(random);
    if (random.Unit() < settings.rare_type_share) builder.Carry(main = DrawRareType(random));
    if (random.Unit() < settings.ml_share) {
      // What is deprecated at the newest still has to be met.
      builder.set_ml_opset(random.Between(1, NewestOpset("ai.onnx.ml")));
    }
    builder.set_contributed(settings.contributed_share > 0 &&
                            random.Unit() < settings.contributed_share);
    // A third of the contributed operators takes quantised data.
    if (builder.contributed() && random.Chance(1, 4)) {
      main = random.Chance(1, 2) ? DataType::kUint8 : DataType::kInt8;
    }
    for (int64_t i = 0; i < sources; ++i) {
      builder.AddInput(i == 0 || random.Chance(1, 2) ? main : DrawType(random),
                       builder.DrawShape(0, 6));
    }
    const OperatorPool& pool = OperatorPool::For(builder);
    Grow(builder, pool, nodes);
    Settle(builder, pool);
    if (builder.nodes() == 0) continue;
    GeneratedCase out = builder.Finish();
    if (out.model.graph.outputs.empty()) continue;
    if (random.Unit() < settings.symbolic_share) {
      Symbolize(out, random);
    } else if (settings.runs_share > 0 && random.Unit() < settings.runs_share) {
      AddRuns(out, random);
    }
    if (settings.only_operators.empty() && random.Unit() < settings.function_share) {
      MakeFunction(out.model, random);
    }
    if (settings.vary_run_options) {
      if (random.Chance(1, 4))
        out.options.intra_op_threads = static_cast<int>(random.Between(1, 4));
      out.options.parallel_execution = random.Chance(1, 8);
    }
    if (MayGoOut(out.model.graph) && random.Unit() < settings.external_share) {
      out.options.external_data_bytes = 1;
    }
    return out;
  }
}

bool MayGoOut(const Graph& graph) {
  return std::ranges::any_of(graph.initializers, [](const NamedTensor& initializer) {
    const Tensor& tensor = initializer.tensor;
    const bool is_index = tensor.type == DataType::kInt64 || tensor.type == DataType::kInt32;
    return !tensor.data.empty() && !(is_index && tensor.shape.size() <= 1);
  });
}

Case ToCase(const GeneratedCase& generated) {
  return {SerializeModel(generated.model), generated.inputs, generated.options};
}

Result<GeneratedCase> FromCase(const Case& test_case) {
  MOIRE_ASSIGN(Model model, ParseModel(test_case.model));
  return GeneratedCase{std::move(model), test_case.inputs, test_case.options, false};
}

std::vector<std::string_view> GeneratorOperators() {
  std::set<std::string_view> names;
  for (const OpEntry* entry : AllEntries()) names.insert(entry->op);
  return {names.begin(), names.end()};
}

}  // namespace moire
