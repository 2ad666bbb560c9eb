// ai.onnx.ml: TreeEnsemble, TreeEnsembleRegressor, TreeEnsembleClassifier. A comparison that a
// feature's range leaves open marks the row. Of the classifier's scores only those of several
// classes are computed: for one or two classes the page does not say what stands for the second.
#include <algorithm>
#include <cmath>
#include <map>
#include <optional>

#include "oracles/reference/kernels/families.h"
#include "oracles/reference/kernels/ml_scores.h"
#include "oracles/reference/kernels/ml_util.h"
#include "oracles/reference/kernels/sums.h"

namespace moire {
namespace {

enum class Test : uint8_t { kLeq, kLt, kGte, kGt, kEq, kNeq, kMember };
constexpr std::string_view kTests[] = {"BRANCH_LEQ", "BRANCH_LT", "BRANCH_GTE",
                                       "BRANCH_GT",  "BRANCH_EQ", "BRANCH_NEQ"};
enum class Aggregate : uint8_t { kAverage, kSum, kMin, kMax };
constexpr std::string_view kAggregates[] = {"AVERAGE", "SUM", "MIN", "MAX"};

struct Vote {
  int64_t target;
  double weight;
};

// Children are indices of nodes; below zero, of leaves: ~index.
struct Branch {
  Test test = Test::kLeq;
  int64_t feature = 0;
  double split = 0;
  std::vector<double> members = {};
  bool missing_is_true = false;
  int64_t if_true = 0;
  int64_t if_false = 0;
};

struct Forest {
  std::vector<Branch> nodes;
  std::vector<std::vector<Vote>> leaves;
  std::vector<int64_t> roots;
  int64_t targets = 0;
  Aggregate aggregate = Aggregate::kSum;
  std::vector<double> base;  // empty, or one for each target
};

// A list attribute of numbers: floats, or a tensor.
std::optional<std::vector<double>> Numbers(const Node& node, std::string_view name) {
  for (const std::string& form : {std::string(name), std::string(name) + "_as_tensor"}) {
    const Attribute* attribute = node.Find(form);
    if (attribute == nullptr) continue;
    if (const auto* list = std::get_if<Floats>(&attribute->value)) {
      return std::vector<double>(list->begin(), list->end());
    }
    if (const auto* tensor = std::get_if<Tensor>(&attribute->value)) {
      const RangeTensor values = FromTensor(*tensor);
      if (IsFloat(values.type)) return values.value;
      return std::vector<double>(values.ints.begin(), values.ints.end());
    }
  }
  return std::nullopt;
}

std::unexpected<Error> Misfit(std::string_view what) {
  return Fail(ErrorCode::kInvalidInput, "{} do not fit each other", what);
}

Status CheckForest(const Forest& forest) {
  const auto nodes = static_cast<int64_t>(forest.nodes.size());
  const auto leaves = static_cast<int64_t>(forest.leaves.size());
  const auto exists = [&](int64_t at) { return at >= 0 ? at < nodes : ~at < leaves; };
  for (const Branch& node : forest.nodes) {
    if (!exists(node.if_true) || !exists(node.if_false) || node.feature < 0) {
      return Misfit("the nodes of a tree");
    }
  }
  for (const int64_t root : forest.roots) {
    if (!exists(root)) return Misfit("the roots");
  }
  if (forest.targets < 1 || forest.targets > (int64_t{1} << 24)) return Misfit("the targets");
  for (const auto& leaf : forest.leaves) {
    for (const Vote& vote : leaf) {
      if (vote.target < 0 || vote.target >= forest.targets) return Misfit("the targets of leaves");
    }
  }
  if (!forest.base.empty() && static_cast<int64_t>(forest.base.size()) != forest.targets) {
    return Misfit("base_values");
  }
  return {};
}

// --- The two ways to write a forest -----------------------------------------------------------

Result<Forest> ParseEnsemble(const Node& node) {
  Forest out;
  const auto splits = Numbers(node, "nodes_splits"), modes = Numbers(node, "nodes_modes");
  const auto weights = Numbers(node, "leaf_weights");
  const auto members = Numbers(node, "membership_values").value_or(std::vector<double>{});
  const Ints features = node.IntList("nodes_featureids");
  const Ints if_true = node.IntList("nodes_truenodeids"),
             if_false = node.IntList("nodes_falsenodeids");
  const Ints true_leaf = node.IntList("nodes_trueleafs"),
             false_leaf = node.IntList("nodes_falseleafs");
  const Ints missing = node.IntList("nodes_missing_value_tracks_true");
  const Ints targets = node.IntList("leaf_targetids");
  const size_t n = features.size();
  if (!splits || !modes || !weights || splits->size() != n || modes->size() != n ||
      if_true.size() != n || if_false.size() != n || true_leaf.size() != n ||
      false_leaf.size() != n || (!missing.empty() && missing.size() != n)) {
    return Misfit("nodes_*");
  }
  if (weights->size() != targets.size()) return Misfit("leaf_*");
  auto member = members.begin();
  for (size_t i = 0; i < n; ++i) {
    if (!((*modes)[i] >= 0 && (*modes)[i] <= 6)) return Misfit("nodes_modes");
    Branch branch{static_cast<Test>((*modes)[i]), features[i], (*splits)[i]};
    // Sets stand "in the order that the 'BRANCH_MEMBER' mode appears in node_modes".
    while (branch.test == Test::kMember) {
      if (member == members.end()) return Misfit("membership_values");
      const double value = *member++;
      if (std::isnan(value)) break;
      branch.members.push_back(value);
    }
    branch.missing_is_true = !missing.empty() && missing[i] != 0;
    branch.if_true = true_leaf[i] != 0 ? ~if_true[i] : if_true[i];
    branch.if_false = false_leaf[i] != 0 ? ~if_false[i] : if_false[i];
    out.nodes.push_back(std::move(branch));
  }
  for (size_t i = 0; i < targets.size(); ++i) out.leaves.push_back({{targets[i], (*weights)[i]}});
  out.roots = node.IntList("tree_roots");
  out.targets = node.Int("n_targets", 1);
  const int64_t aggregate = node.Int("aggregate_function", 1);
  if (aggregate < 0 || aggregate > 3) return Misfit("aggregate_function");
  out.aggregate = static_cast<Aggregate>(aggregate);
  MOIRE_TRY(CheckForest(out));
  return out;
}

// TreeEnsembleRegressor and Classifier: nodes by tree and node id; votes under `votes`_*.
Result<Forest> ParseTuples(const Node& node, const std::string& votes, int64_t targets) {
  Forest out;
  out.targets = targets;
  const Ints trees = node.IntList("nodes_treeids"), ids = node.IntList("nodes_nodeids");
  const Ints features = node.IntList("nodes_featureids");
  const Ints if_true = node.IntList("nodes_truenodeids"),
             if_false = node.IntList("nodes_falsenodeids");
  const Ints missing = node.IntList("nodes_missing_value_tracks_true");
  const Strings modes = StringList(node, "nodes_modes");
  const auto splits = Numbers(node, "nodes_values");
  const size_t n = trees.size();
  if (ids.size() != n || features.size() != n || if_true.size() != n || if_false.size() != n ||
      modes.size() != n || !splits || splits->size() != n ||
      (!missing.empty() && missing.size() != n) || n == 0) {
    return Misfit("nodes_*");
  }
  using Key = std::pair<int64_t, int64_t>;
  std::map<Key, int64_t> place;  // index of a node, or ~index of a leaf
  for (size_t i = 0; i < n; ++i) {
    const bool leaf = modes[i] == "LEAF";
    const auto index = static_cast<int64_t>(leaf ? out.leaves.size() : out.nodes.size());
    if (!place.emplace(Key{trees[i], ids[i]}, leaf ? ~index : index).second) {
      return Misfit("the ids of nodes");
    }
    if (std::ranges::find(trees.begin(), trees.begin() + static_cast<int64_t>(i), trees[i]) ==
        trees.begin() + static_cast<int64_t>(i)) {
      out.roots.push_back(leaf ? ~index : index);  // the first node of a tree
    }
    if (leaf) {
      out.leaves.emplace_back();
      continue;
    }
    const auto* const test = std::ranges::find(kTests, modes[i]);
    if (test == std::end(kTests)) return Misfit("nodes_modes");
    Branch branch{static_cast<Test>(test - std::begin(kTests)), features[i], (*splits)[i]};
    branch.missing_is_true = !missing.empty() && missing[i] != 0;
    out.nodes.push_back(std::move(branch));
  }
  for (size_t i = 0, next = 0; i < n; ++i) {
    if (modes[i] == "LEAF") continue;
    const auto yes = place.find({trees[i], if_true[i]}), no = place.find({trees[i], if_false[i]});
    if (yes == place.end() || no == place.end()) return Misfit("the children of nodes");
    out.nodes[next].if_true = yes->second;
    out.nodes[next++].if_false = no->second;
  }
  const Ints vote_trees = node.IntList(votes + "_treeids"),
             vote_nodes = node.IntList(votes + "_nodeids");
  const Ints vote_ids = node.IntList(votes + "_ids");
  const auto weights = Numbers(node, votes + "_weights");
  if (!weights || vote_trees.size() != vote_ids.size() || vote_nodes.size() != vote_ids.size() ||
      weights->size() != vote_ids.size()) {
    return Misfit(votes + "_*");
  }
  for (size_t i = 0; i < vote_ids.size(); ++i) {
    const auto leaf = place.find({vote_trees[i], vote_nodes[i]});
    if (leaf == place.end() || leaf->second >= 0) return Misfit("votes and leaves");
    out.leaves[static_cast<size_t>(~leaf->second)].push_back({vote_ids[i], (*weights)[i]});
  }
  out.base = Numbers(node, "base_values").value_or(std::vector<double>{});
  const auto* const aggregate =
      std::ranges::find(kAggregates, node.String("aggregate_function", "SUM"));
  if (aggregate == std::end(kAggregates)) return Misfit("aggregate_function");
  out.aggregate = static_cast<Aggregate>(aggregate - std::begin(kAggregates));
  MOIRE_TRY(CheckForest(out));
  return out;
}

// --- Evaluation -------------------------------------------------------------------------------

bool Holds(const Branch& node, double x) {
  switch (node.test) {
    case Test::kLeq:
      return x <= node.split;
    case Test::kLt:
      return x < node.split;
    case Test::kGte:
      return x >= node.split;
    case Test::kGt:
      return x > node.split;
    case Test::kEq:
      return x == node.split;
    case Test::kNeq:
      return x != node.split;
    case Test::kMember:
      return std::ranges::find(node.members, x) != node.members.end();
  }
  return false;
}

// Which way x goes; marks what is not certain.
bool Decide(const Branch& node, const Interval& x, uint8_t& marks) {
  marks |= x.mark;
  if (std::isnan(x.value)) {
    // "follow the false branch", but ONNX's own TreeEnsemble finds NaN != split true.
    if (node.test == Test::kNeq && !node.missing_is_true) marks |= kUndecidable;
    return node.missing_is_true;
  }
  const bool way = Holds(node, x.value);
  const auto inside = [&](double value) { return x.lo <= value && value <= x.hi; };
  bool sure = x.lo == x.hi || (Holds(node, x.lo) == way && Holds(node, x.hi) == way);
  if (x.lo != x.hi && (node.test == Test::kEq || node.test == Test::kNeq))
    sure = !inside(node.split);
  if (x.lo != x.hi && node.test == Test::kMember) sure = std::ranges::none_of(node.members, inside);
  if (!sure) marks |= kUndecidable;
  return way;
}

struct Terms {
  std::vector<double> values;
  double least = 0;
  double most = 0;
};

Interval Combine(const Forest& forest, DataType type, const Terms& terms, size_t target) {
  const auto n = static_cast<int64_t>(terms.values.size());
  const Arithmetic arithmetic(type);
  Interval out = Exactly(0);
  if (forest.aggregate == Aggregate::kMin || forest.aggregate == Aggregate::kMax) {
    const bool least = forest.aggregate == Aggregate::kMin;
    out = Exactly(least ? terms.least : terms.most);
    if (n == 0) out.mark = kUnspecified;  // the least of nothing
  } else if (forest.aggregate == Aggregate::kSum) {
    // A base may be where the sum starts.
    std::vector<double> values = terms.values;
    if (!forest.base.empty()) values.push_back(forest.base[target]);
    return SumOf(type, {values.data(), nullptr, nullptr}, static_cast<int64_t>(values.size()));
  } else {
    out = arithmetic.Div(SumOf(type, {terms.values.data(), nullptr, nullptr}, n, 1),
                         Exactly(static_cast<double>(forest.roots.size())));
  }
  return forest.base.empty() ? out : arithmetic.Add(out, Exactly(forest.base[target]));
}

// Scores [rows, targets] in `type`.
Result<RangeTensor> Scores(KernelContext& ctx, const Forest& forest, DataType type) {
  const RangeTensor& x = ctx.In(0);
  if (x.shape.size() != 2 || (!IsFloat(x.type) && !IsInteger(x.type))) {
    return Fail(ErrorCode::kInvalidInput, "rows of {} {}", Name(x.type), ToString(x.shape));
  }
  const int64_t rows = x.shape[0], features = x.shape[1];
  for (const Branch& node : forest.nodes) {
    if (node.feature >= features) return Misfit("features");
  }
  const Shape shape = {rows, forest.targets};
  MOIRE_TRY(ctx.Reserve(type, shape));
  RangeTensor out = MakeRangeTensor(type, shape);
  for (int64_t r = 0; r < rows; ++r) {
    std::vector<Terms> terms(static_cast<size_t>(forest.targets));
    MOIRE_TRY(ctx.Spend(terms.size() + 1));
    uint8_t marks = kDecided;
    for (int64_t at : forest.roots) {
      for (size_t steps = 0; at >= 0; ++steps) {
        if (steps > forest.nodes.size()) return Fail(ErrorCode::kInvalidInput, "a tree loops");
        MOIRE_TRY(ctx.Spend(8));
        const Branch& node = forest.nodes[static_cast<size_t>(at)];
        const auto element = static_cast<size_t>(r * features + node.feature);
        const Interval value = type == x.type ? ElementOf(x, element) : AsFloat(x, element);
        at = Decide(node, value, marks) ? node.if_true : node.if_false;
      }
      for (const Vote& vote : forest.leaves[static_cast<size_t>(~at)]) {
        MOIRE_TRY(ctx.Spend(8));
        Terms& sum = terms[static_cast<size_t>(vote.target)];
        sum.least = sum.values.empty() ? vote.weight : std::min(sum.least, vote.weight);
        sum.most = sum.values.empty() ? vote.weight : std::max(sum.most, vote.weight);
        sum.values.push_back(vote.weight);
      }
    }
    for (size_t t = 0; t < terms.size(); ++t) {
      Interval y = Combine(forest, type, terms[t], t);
      y.mark |= marks;
      StoreElement(out, static_cast<size_t>(r * forest.targets) + t, y);
    }
  }
  Round(out);
  return out;
}

Status TreeEnsemble(KernelContext& ctx) {
  MOIRE_ASSIGN(const Forest forest, ParseEnsemble(ctx.node()));
  if (!IsFloat(ctx.In(0).type)) {
    return Fail(ErrorCode::kInvalidInput, "input of {}", Name(ctx.In(0).type));
  }
  constexpr std::string_view kTransforms[] = {"NONE", "SOFTMAX", "LOGISTIC", "SOFTMAX_ZERO",
                                              "PROBIT"};
  const int64_t transform = ctx.node().Int("post_transform", 0);
  if (transform < 0 || transform > 4) return Misfit("post_transform");
  MOIRE_ASSIGN(RangeTensor scores, Scores(ctx, forest, ctx.In(0).type));
  MOIRE_ASSIGN(ctx.Out(0),
               PostTransform(ctx, std::move(scores), kTransforms[static_cast<size_t>(transform)]));
  return {};
}

Status TreeEnsembleRegressor(KernelContext& ctx) {
  MOIRE_ASSIGN(const Forest forest,
               ParseTuples(ctx.node(), "target", ctx.node().Int("n_targets", 1)));
  MOIRE_ASSIGN(RangeTensor scores, Scores(ctx, forest, DataType::kFloat));
  MOIRE_ASSIGN(ctx.Out(0),
               PostTransform(ctx, std::move(scores), ctx.node().String("post_transform", "NONE")));
  return {};
}

Status TreeEnsembleClassifier(KernelContext& ctx) {
  MOIRE_ASSIGN(const RangeTensor labels, ClassLabels(ctx.node(), "classlabels_int64s"));
  const Ints ids = ctx.node().IntList("class_ids");
  const bool binary =
      labels.size() < 3 || std::ranges::all_of(ids, [&](int64_t id) { return id == ids.front(); });
  if (binary) {
    return Fail(ErrorCode::kUndecidable, "scores of a forest with votes for one class");
  }
  MOIRE_ASSIGN(const Forest forest, ParseTuples(ctx.node(), "class", labels.size()));
  MOIRE_ASSIGN(RangeTensor scores, Scores(ctx, forest, DataType::kFloat));
  MOIRE_ASSIGN(ctx.Out(0), TopLabels(ctx, scores, labels));
  if (!ctx.Wants(1)) return {};
  MOIRE_ASSIGN(ctx.Out(1),
               PostTransform(ctx, std::move(scores), ctx.node().String("post_transform", "NONE")));
  return {};
}

constexpr KernelEntry kTreeKernels[] = {
    {"TreeEnsemble", 5, kLatest, TreeEnsemble, kMl},
    {"TreeEnsembleRegressor", 1, kLatest, TreeEnsembleRegressor, kMl},
    {"TreeEnsembleClassifier", 1, kLatest, TreeEnsembleClassifier, kMl},
};

}  // namespace

std::span<const KernelEntry> TreeKernels() { return kTreeKernels; }

}  // namespace moire
