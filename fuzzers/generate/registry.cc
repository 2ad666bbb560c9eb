#include "fuzzers/generate/registry.h"

#include <algorithm>
#include <unordered_map>
#include <unordered_set>

#include "fuzzers/generate/ops/families.h"

namespace moire {
namespace {

// One line a family.
const OpTable kFamilies[] = {
    UnaryOps(),  BinaryOps(), LogicOps(),     ReduceOps(),        MatrixOps(),
    ConvOps(),   NormOps(),   LayoutOps(),    GatherScatterOps(), SelectOps(),
    CreateOps(), QuantOps(),  RecurrentOps(), AttentionOps(),     LossOps(),
};
// Those whose findings are still to be read. Of ControlOps too: a Loop of 2^63 steps is past the
// reference's budget and keeps a worker busy for minutes.
const OpTable kUnreadFamilies[] = {
    SignalOps(),   VisionOps(),  RandomOps(),  TextOps(),
    SequenceOps(), ControlOps(), ClassicOps(), TreeOps(),
};

// Those of a contributed domain: in force where its schemas were added.
const OpTable kContributedFamilies[] = {
    ContributedProducts(), ContributedMoves(), ContributedLayers(), ContributedQuants(),
};

struct AtOpset {
  std::vector<ResolvedOp> ops;
  std::unordered_map<std::string_view, ResolvedOp> by_name;
};

constexpr std::string_view kMlDomain = "ai.onnx.ml";

struct Resolved {
  std::vector<const OpEntry*> all;
  std::unordered_set<const OpEntry*> unread;  // of the families
  std::vector<AtOpset> opsets;                // of the default domain
  std::vector<AtOpset> ml_opsets;             // of ai.onnx.ml
  std::vector<AtOpset> contributed_opsets;    // of the contributed domain

  Resolved() {
    for (const OpTable table : kFamilies) {
      for (const OpEntry& entry : table) all.push_back(&entry);
    }
    for (const OpTable table : kUnreadFamilies) {
      for (const OpEntry& entry : table) {
        all.push_back(&entry);
        unread.insert(&entry);
      }
    }
    for (const OpTable table : kContributedFamilies) {
      for (const OpEntry& entry : table) {
        all.push_back(&entry);
        unread.insert(&entry);
      }
    }
    Fill(opsets, "");
    Fill(ml_opsets, kMlDomain);
    Fill(contributed_opsets, kContributedDomain);
  }

  void Fill(std::vector<AtOpset>& out, std::string_view domain) const {
    out.resize(static_cast<size_t>(NewestOpset(domain)) + 1);
    for (size_t opset = 0; opset < out.size(); ++opset) {
      const auto version = static_cast<int64_t>(opset);
      for (const OpEntry* entry : all) {
        if (entry->domain != domain) continue;
        const SchemaInfo* schema = FindSchema(entry->op, version, domain);
        if (schema == nullptr || version < entry->since || version > entry->until) continue;
        out[opset].ops.push_back({entry, schema});
        out[opset].by_name[entry->op] = {entry, schema};
      }
    }
  }
};

const Resolved& All() {
  static const Resolved resolved;
  return resolved;
}

const AtOpset& At(int64_t opset, std::string_view domain) {
  static const AtOpset nothing;
  if (!domain.empty() && domain != kMlDomain && domain != kContributedDomain) return nothing;
  const auto& opsets = domain.empty()        ? All().opsets
                       : domain == kMlDomain ? All().ml_opsets
                                             : All().contributed_opsets;
  const auto newest = static_cast<int64_t>(opsets.size()) - 1;
  return opsets[static_cast<size_t>(std::clamp<int64_t>(opset, 0, newest))];
}

}  // namespace

ResolvedOp Resolve(std::string_view op, int64_t opset, std::string_view domain) {
  const auto& by_name = At(opset, domain).by_name;
  const auto found = by_name.find(op);
  return found == by_name.end() ? ResolvedOp{} : found->second;
}

std::span<const ResolvedOp> OperatorsAt(int64_t opset, std::string_view domain) {
  return At(opset, domain).ops;
}

const OpEntry* FindEntry(std::string_view op, int64_t opset, std::string_view domain) {
  return Resolve(op, opset, domain).entry;
}

bool IsRead(const OpEntry& entry) {
  return (entry.flags & kUnread) == 0 && !All().unread.contains(&entry);
}

const std::vector<const OpEntry*>& AllEntries() { return All().all; }

}  // namespace moire
