#include "fuzzers/generate/registry.h"

#include <algorithm>
#include <unordered_map>

#include "fuzzers/generate/ops/families.h"

namespace moire {
namespace {

// One line a family.
const OpTable kFamilies[] = {
    UnaryOps(), BinaryOps(), LogicOps(),         ReduceOps(), MatrixOps(), ConvOps(),
    NormOps(),  LayoutOps(), GatherScatterOps(), SelectOps(), CreateOps(), QuantOps(),
};

struct AtOpset {
  std::vector<ResolvedOp> ops;
  std::unordered_map<std::string_view, ResolvedOp> by_name;
};

struct Resolved {
  std::vector<const OpEntry*> all;
  std::vector<AtOpset> opsets;

  Resolved() {
    for (const OpTable table : kFamilies) {
      for (const OpEntry& entry : table) all.push_back(&entry);
    }
    opsets.resize(static_cast<size_t>(NewestOpset()) + 1);
    for (size_t opset = 0; opset < opsets.size(); ++opset) {
      const auto version = static_cast<int64_t>(opset);
      for (const OpEntry* entry : all) {
        const SchemaInfo* schema = FindSchema(entry->op, version);
        if (schema == nullptr || version < entry->since || version > entry->until) continue;
        opsets[opset].ops.push_back({entry, schema});
        opsets[opset].by_name[entry->op] = {entry, schema};
      }
    }
  }
};

const Resolved& All() {
  static const Resolved resolved;
  return resolved;
}

const AtOpset& At(int64_t opset) {
  const auto newest = static_cast<int64_t>(All().opsets.size()) - 1;
  return All().opsets[static_cast<size_t>(std::clamp<int64_t>(opset, 0, newest))];
}

}  // namespace

ResolvedOp Resolve(std::string_view op, int64_t opset) {
  const auto& by_name = At(opset).by_name;
  const auto found = by_name.find(op);
  return found == by_name.end() ? ResolvedOp{} : found->second;
}

std::span<const ResolvedOp> OperatorsAt(int64_t opset) { return At(opset).ops; }

const OpEntry* FindEntry(std::string_view op, int64_t opset) { return Resolve(op, opset).entry; }

const std::vector<const OpEntry*>& AllEntries() { return All().all; }

}  // namespace moire
