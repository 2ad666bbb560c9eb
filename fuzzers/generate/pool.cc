#include "fuzzers/generate/pool.h"

#include <algorithm>
#include <map>

namespace moire {
namespace {

// Draws of the contributed domain to those of all others, in a case that has it.
constexpr double kContributedToOthers = 1.5;

}  // namespace

bool Wanted(const OpEntry& entry, const GeneratorSettings& settings) {
  if (entry.domain == kContributedDomain) return settings.contributed_share > 0;
  return settings.whole_standard || IsRead(entry);
}

const OperatorPool& OperatorPool::For(const GraphBuilder& builder) {
  thread_local std::map<int64_t, OperatorPool> pools;
  const bool strings = Has(builder.carried(), DataType::kString);
  const GeneratorSettings& settings = builder.settings();
  const int64_t kind = (strings ? 1 : 0) + (settings.whole_standard ? 2 : 0);
  const int64_t domains = builder.ml_opset() * 2 + (builder.contributed() ? 1 : 0);
  OperatorPool& pool = pools[(builder.opset() * 32 + domains) * 4 + kind];
  if (!pool.ops_.empty() && pool.only_ == settings.only_operators) return pool;
  pool = {};
  pool.only_ = settings.only_operators;
  double total = 0;
  const auto add = [&](std::span<const ResolvedOp> operators, double weight = 1) {
    for (const ResolvedOp& op : operators) {
      if (!pool.Allows(op.entry->op) || (op.entry->flags & kRare) != 0) continue;
      if (!Wanted(*op.entry, settings)) continue;
      // Operators on strings would only be drawn in vain.
      const auto& inputs = op.schema->inputs;
      if (!strings && !inputs.empty() && inputs[0].types == Bit(DataType::kString)) continue;
      total += op.entry->weight * weight;
      pool.ops_.push_back(op);
      pool.cumulative_.push_back(total);
    }
  };
  add(OperatorsAt(builder.opset()));
  if (builder.ml_opset() > 0) add(OperatorsAt(builder.ml_opset(), "ai.onnx.ml"));
  if (builder.contributed()) {
    const auto contributed = OperatorsAt(kContributedOpset, kContributedDomain);
    double own = 0;
    for (const ResolvedOp& op : contributed) own += op.entry->weight;
    if (own > 0) add(contributed, kContributedToOthers * std::max(total, 1.0) / own);
  }
  return pool;
}

const ResolvedOp& OperatorPool::Draw(Random& random) const {
  const double at = random.Unit() * cumulative_.back();
  const auto found = std::ranges::upper_bound(cumulative_, at);
  return ops_[std::min(static_cast<size_t>(found - cumulative_.begin()), ops_.size() - 1)];
}

bool OperatorPool::Allows(std::string_view op) const {
  return only_.empty() || std::ranges::find(only_, op) != only_.end();
}

}  // namespace moire
