#include "fuzzers/generate/pool.h"

#include <algorithm>
#include <map>

namespace moire {

const OperatorPool& OperatorPool::For(int64_t opset, const GeneratorSettings& settings) {
  thread_local std::map<int64_t, OperatorPool> pools;
  OperatorPool& pool = pools[opset];
  if (!pool.ops_.empty() && pool.only_ == settings.only_operators) return pool;
  pool = {};
  pool.only_ = settings.only_operators;
  double total = 0;
  for (const ResolvedOp& op : OperatorsAt(opset)) {
    if (!pool.Allows(op.entry->op) || (op.entry->flags & kRare) != 0) continue;
    total += op.entry->weight;
    pool.ops_.push_back(op);
    pool.cumulative_.push_back(total);
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
