// ai.onnx.ml: tree ensembles and support vector machines.
#include <algorithm>
#include <cmath>

#include "fuzzers/generate/op_context.h"
#include "fuzzers/generate/ops/families.h"

namespace moire {
namespace {

constexpr std::string_view kMl = "ai.onnx.ml";
constexpr std::string_view kPostTransforms[] = {"NONE", "SOFTMAX", "LOGISTIC", "SOFTMAX_ZERO"};

bool TakeBatch(OpContext& c) {
  return c.Take(0, [](const Value& v) { return v.rank() == 2 && v.count > 0 && v.shape[1] <= 16; });
}

bool Batch(const InferContext& c) { return c.Given(0) && c.rank(0) == 2 && Count(c.shape(0)) > 0; }

// Quarters, halfway between the numbers that data often are.
float Split(Random& random) { return 0.25f * static_cast<float>(2 * random.Between(-4, 3) + 1); }

// Binary trees of one or two levels, in the attributes of the ensembles before opset 5.
struct Forest {
  Ints tree, node, feature, yes, no, missing;
  Strings mode;
  Floats value;
  std::vector<std::pair<int64_t, int64_t>> leaves;  // tree, node
};

constexpr std::string_view kModes[] = {"BRANCH_LEQ", "BRANCH_LT", "BRANCH_GTE",
                                       "BRANCH_GT",  "BRANCH_EQ", "BRANCH_NEQ"};

Forest DrawForest(Random& random, int64_t features) {
  Forest out;
  const int64_t trees = random.Between(1, 3);
  // Runtimes have a fast path for ensembles of one mode.
  const size_t common = random.Index(6);
  const bool mixed = random.Chance(1, 4);
  for (int64_t t = 0; t < trees; ++t) {
    const int64_t inner = random.Chance(1, 2) ? 1 : 3;
    for (int64_t n = 0; n < 2 * inner + 1; ++n) {
      const bool leaf = n >= inner;
      out.tree.push_back(t);
      out.node.push_back(n);
      out.feature.push_back(leaf ? 0 : random.Between(0, features - 1));
      out.yes.push_back(leaf ? 0 : 2 * n + 1);
      out.no.push_back(leaf ? 0 : 2 * n + 2);
      out.missing.push_back(leaf ? 0 : random.Between(0, 1));
      out.mode.emplace_back(leaf ? "LEAF" : kModes[mixed ? random.Index(6) : common]);
      out.value.push_back(leaf ? 0.0f : Split(random));
      if (leaf) out.leaves.emplace_back(t, n);
    }
  }
  return out;
}

bool ChooseOldTree(OpContext& c) {
  if (!TakeBatch(c)) return false;
  const bool classifier = c.entry().op == "TreeEnsembleClassifier";
  const Forest f = DrawForest(c.random(), c.In(0).shape[1]);
  c.Set("nodes_treeids", f.tree);
  c.Set("nodes_nodeids", f.node);
  c.Set("nodes_featureids", f.feature);
  c.Set("nodes_truenodeids", f.yes);
  c.Set("nodes_falsenodeids", f.no);
  if (c.random().Chance(1, 2)) c.Set("nodes_missing_value_tracks_true", f.missing);
  c.Set("nodes_modes", f.mode);
  c.Set("nodes_values", f.value);
  const int64_t classes = classifier ? c.random().Between(2, 4) : c.random().Between(1, 3);
  Ints trees, nodes, ids;
  Floats weights;
  for (const auto& [tree, node] : f.leaves) {
    trees.push_back(tree);
    nodes.push_back(node);
    ids.push_back(c.random().Between(0, classes - 1));
    weights.push_back(0.25f * static_cast<float>(c.random().Between(-4, 8)));
  }
  const std::string prefix = classifier ? "class_" : "target_";
  c.Set(prefix + "treeids", trees);
  c.Set(prefix + "nodeids", nodes);
  c.Set(prefix + "ids", ids);
  c.Set(prefix + "weights", weights);
  if (c.random().Chance(1, 3)) c.Set("base_values", Floats(static_cast<size_t>(classes), 0.5f));
  if (!classifier) {
    c.Set("n_targets", classes);
    static constexpr std::string_view kAggregates[] = {"SUM", "AVERAGE", "MIN", "MAX"};
    if (c.random().Chance(2, 3)) {
      c.Set("aggregate_function", std::string(kAggregates[c.random().Index(4)]));
    }
    return c.Done();
  }
  Ints labels;
  for (int64_t i = 0; i < classes; ++i) labels.push_back(2 * i + 1);
  c.Set("classlabels_int64s", labels);
  if (c.random().Chance(1, 2))
    c.Set("post_transform", std::string(kPostTransforms[c.random().Index(4)]));
  return c.Done(2);
}

// The trees themselves only ChooseOldTree draws: edits of them are refused as a whole.
bool Consistent(const InferContext& c) {
  const size_t nodes = c.node.IntList("nodes_nodeids").size();
  for (const std::string_view name :
       {"nodes_treeids", "nodes_featureids", "nodes_truenodeids", "nodes_falsenodeids"}) {
    if (c.node.IntList(name).size() != nodes) return false;
  }
  const Attribute* modes = c.node.Find("nodes_modes");
  const auto* list = modes == nullptr ? nullptr : std::get_if<Strings>(&modes->value);
  if (nodes == 0 || list == nullptr || list->size() != nodes) return false;
  for (size_t i = 0; i < nodes; ++i) {
    const bool leaf = (*list)[i] == "LEAF";
    if (!leaf && std::ranges::find(kModes, (*list)[i]) == std::end(kModes)) return false;
    const int64_t feature = c.node.IntList("nodes_featureids")[i];
    if (feature < 0 || feature >= c.shape(0)[1]) return false;
    const int64_t yes = c.node.IntList("nodes_truenodeids")[i];
    const int64_t no = c.node.IntList("nodes_falsenodeids")[i];
    const int64_t own = c.node.IntList("nodes_nodeids")[i];
    if (leaf ? yes != 0 || no != 0 : yes != 2 * own + 1 || no != 2 * own + 2) return false;
  }
  return true;
}

bool InferOldTree(InferContext& c) {
  if (!Batch(c) || !Consistent(c)) return false;
  const bool classifier = c.node.op == "TreeEnsembleClassifier";
  const int64_t classes = classifier
                              ? static_cast<int64_t>(c.node.IntList("classlabels_int64s").size())
                              : c.node.Int("n_targets", 0);
  for (const int64_t id : c.node.IntList(classifier ? "class_ids" : "target_ids")) {
    if (id < 0 || id >= classes) return false;
  }
  if (classes < 1 || classes > 64 || c.out.size() != (classifier ? 2 : 1)) return false;
  if (classifier) {
    c.out[0].type = DataType::kInt64;
    c.out[0].shape = {c.shape(0)[0]};
  }
  c.out.back().shape = {c.shape(0)[0], classes};
  return true;
}

void TreeRange(InferContext& c) {
  c.out.back().range = {-20, 20};
  if (c.out.size() > 1) c.out[0].range = {0, 16};
}

// Opset 5: nodes and leaves in lists of their own; a single inner node a tree, or a chain of two.
bool ChooseTreeEnsemble(OpContext& c) {
  if (!TakeBatch(c)) return false;
  Random& random = c.random();
  const int64_t features = c.In(0).shape[1];
  const int64_t targets = random.Between(1, 3);
  const int64_t trees = random.Between(1, 3);
  Ints roots, feature, yes, no, yes_leaf, no_leaf, leaf_targets;
  std::vector<uint8_t> modes;
  std::vector<double> splits, weights;
  const auto add_leaf = [&] {
    leaf_targets.push_back(random.Between(0, targets - 1));
    weights.push_back(0.25 * static_cast<double>(random.Between(-4, 8)));
    return static_cast<int64_t>(weights.size()) - 1;
  };
  for (int64_t t = 0; t < trees; ++t) {
    roots.push_back(static_cast<int64_t>(feature.size()));
    const bool chain = random.Chance(1, 2);
    for (int64_t n = 0; n < (chain ? 2 : 1); ++n) {
      feature.push_back(random.Between(0, features - 1));
      modes.push_back(static_cast<uint8_t>(random.Below(6)));  // 6 would be set membership
      splits.push_back(static_cast<double>(Split(random)));
      const bool deeper = chain && n == 0;
      yes_leaf.push_back(deeper ? 0 : 1);
      yes.push_back(deeper ? static_cast<int64_t>(feature.size()) : add_leaf());
      no_leaf.push_back(1);
      no.push_back(add_leaf());
    }
  }
  const auto tensor = [&](const std::vector<double>& values) {
    Tensor out = MakeTensor(c.type(), {static_cast<int64_t>(values.size())});
    for (size_t i = 0; i < values.size(); ++i) SetFloat(out, static_cast<int64_t>(i), values[i]);
    return out;
  };
  Tensor mode_tensor = MakeTensor(DataType::kUint8, {static_cast<int64_t>(modes.size())});
  mode_tensor.data = modes;
  c.Set("tree_roots", roots);
  c.Set("nodes_featureids", feature);
  c.Set("nodes_modes", std::move(mode_tensor));
  c.Set("nodes_splits", tensor(splits));
  c.Set("nodes_truenodeids", yes);
  c.Set("nodes_falsenodeids", no);
  c.Set("nodes_trueleafs", yes_leaf);
  c.Set("nodes_falseleafs", no_leaf);
  c.Set("leaf_targetids", leaf_targets);
  c.Set("leaf_weights", tensor(weights));
  c.Set("n_targets", targets);
  if (random.Chance(1, 2)) c.Set("aggregate_function", random.Between(0, 3));
  if (random.Chance(1, 3)) c.Set("post_transform", random.Between(0, 3));
  return c.Done();
}

bool InferTreeEnsemble(InferContext& c) {
  if (!Batch(c)) return false;
  const int64_t targets = c.node.Int("n_targets", 0);
  const size_t nodes = c.node.IntList("nodes_featureids").size();
  if (targets < 1 || targets > 64 || nodes == 0 || c.node.IntList("tree_roots").empty())
    return false;
  for (const std::string_view name : {"nodes_splits", "leaf_weights"}) {
    const Attribute* found = c.node.Find(name);
    const auto* tensor = found == nullptr ? nullptr : std::get_if<Tensor>(&found->value);
    if (tensor == nullptr || tensor->type != c.in[0]->type) return false;
  }
  const auto within = [&](std::string_view name, int64_t low, int64_t high) {
    const Ints list = c.node.IntList(name);
    return std::ranges::all_of(list, [=](int64_t v) { return v >= low && v <= high; });
  };
  const auto leaves = static_cast<int64_t>(c.node.IntList("leaf_targetids").size());
  const auto last = static_cast<int64_t>(nodes) - 1;
  if (!within("nodes_featureids", 0, c.shape(0)[1] - 1) || !within("tree_roots", 0, last) ||
      !within("leaf_targetids", 0, targets - 1)) {
    return false;
  }
  // A child comes after its parent: no cycles.
  const auto children = [&](std::string_view ids, std::string_view leafs) {
    const Ints id = c.node.IntList(ids);
    const Ints is_leaf = c.node.IntList(leafs);
    if (id.size() != nodes || is_leaf.size() != nodes) return false;
    for (size_t i = 0; i < nodes; ++i) {
      const int64_t low = is_leaf[i] != 0 ? 0 : static_cast<int64_t>(i) + 1;
      if (id[i] < low || id[i] > (is_leaf[i] != 0 ? leaves - 1 : last)) return false;
    }
    return true;
  };
  if (!children("nodes_truenodeids", "nodes_trueleafs") ||
      !children("nodes_falsenodeids", "nodes_falseleafs")) {
    return false;
  }
  c.out[0].shape = {c.shape(0)[0], targets};
  return true;
}

constexpr std::string_view kKernels[] = {"LINEAR", "POLY", "RBF", "SIGMOID"};

Floats DrawFloats(Random& random, int64_t count) {
  Floats out;
  for (int64_t i = 0; i < count; ++i)
    out.push_back(0.25f * static_cast<float>(random.Between(-6, 6)));
  return out;
}

bool ChooseSupport(OpContext& c) {
  if (!TakeBatch(c)) return false;
  Random& random = c.random();
  const int64_t features = c.In(0).shape[1];
  c.Set("kernel_type", std::string(kKernels[random.Index(4)]));
  c.Set("kernel_params", Floats{0.25f, 0.5f, 2.0f});  // gamma, coef0, degree
  if (c.entry().op == "SVMRegressor") {
    const int64_t supports = random.Between(1, 3);
    c.Set("n_supports", supports);
    c.Set("support_vectors", DrawFloats(random, supports * features));
    c.Set("coefficients", DrawFloats(random, supports));
    c.Set("rho", DrawFloats(random, 1));
    return c.Done();
  }
  const int64_t classes = random.Between(2, 3);
  Ints per_class, labels;
  int64_t supports = 0;
  for (int64_t i = 0; i < classes; ++i) {
    per_class.push_back(random.Between(1, 2));
    supports += per_class.back();
    labels.push_back(i);
  }
  c.Set("vectors_per_class", per_class);
  c.Set("classlabels_ints", labels);
  c.Set("support_vectors", DrawFloats(random, supports * features));
  c.Set("coefficients", DrawFloats(random, (classes - 1) * supports));
  c.Set("rho", DrawFloats(random, classes * (classes - 1) / 2));
  return c.Done(2);
}

size_t FloatCount(const InferContext& c, std::string_view name) {
  const Attribute* found = c.node.Find(name);
  const auto* list = found == nullptr ? nullptr : std::get_if<Floats>(&found->value);
  return list == nullptr ? 0 : list->size();
}

bool InferSupport(InferContext& c) {
  if (!Batch(c) || FloatCount(c, "kernel_params") != 3) return false;
  const auto features = static_cast<size_t>(c.shape(0)[1]);
  const std::string kernel = c.node.String("kernel_type", "LINEAR");
  if (std::ranges::find(kKernels, kernel) == std::end(kKernels)) return false;
  if (c.node.op == "SVMRegressor") {
    const int64_t supports = c.node.Int("n_supports", 0);
    if (supports < 1 || supports > 64 || c.node.Int("one_class", 0) != 0) return false;
    const auto n = static_cast<size_t>(supports);
    if (FloatCount(c, "support_vectors") != n * features || FloatCount(c, "coefficients") != n ||
        FloatCount(c, "rho") != 1) {
      return false;
    }
    c.out[0].shape = {c.shape(0)[0], 1};
    return true;
  }
  const Ints per_class = c.node.IntList("vectors_per_class");
  const size_t classes = per_class.size();
  size_t supports = 0;
  for (const int64_t n : per_class) {
    if (n < 1 || n > 64) return false;
    supports += static_cast<size_t>(n);
  }
  if (classes < 2 || c.node.IntList("classlabels_ints").size() != classes || c.out.size() != 2 ||
      FloatCount(c, "support_vectors") != supports * features ||
      FloatCount(c, "coefficients") != (classes - 1) * supports ||
      FloatCount(c, "rho") != classes * (classes - 1) / 2) {
    return false;
  }
  c.out[0].type = DataType::kInt64;
  c.out[0].shape = {c.shape(0)[0]};
  // Without probabilities: a score a pair of classes.
  const auto pairs = static_cast<int64_t>(classes * (classes - 1) / 2);
  c.out[1].shape = {c.shape(0)[0], std::max(pairs, static_cast<int64_t>(classes == 2 ? 2 : 0))};
  return true;
}

constexpr OpEntry kTrees[] = {
    {"SVMClassifier", ChooseSupport, InferSupport, TreeRange, kSteps, 4, 1, 1 << 20, kMl},
    {"SVMRegressor", ChooseSupport, InferSupport, TreeRange, 0, 4, 1, 1 << 20, kMl},
    {"TreeEnsemble", ChooseTreeEnsemble, InferTreeEnsemble, TreeRange, kSteps, 6, 5, 1 << 20, kMl},
    {"TreeEnsembleClassifier", ChooseOldTree, InferOldTree, TreeRange, kSteps, 4, 1, 4, kMl},
    {"TreeEnsembleRegressor", ChooseOldTree, InferOldTree, TreeRange, kSteps, 4, 1, 4, kMl},
};

}  // namespace

OpTable TreeOps() { return kTrees; }

}  // namespace moire
