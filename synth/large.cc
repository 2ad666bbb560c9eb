#include "synth/large.h"

#include <algorithm>
#include <chrono>
#include <set>

#include "harness/case/onnx_adapter.h"
#include "harness/case/random.h"
#include "harness/execute/wire.h"
#include "oracles/reference/reference.h"
#include "synth/edit.h"
#include "synth/judge.h"
#include "synth/load.h"
#include "synth/minimality.h"

namespace moire {
namespace {

// A part may take more of the reference than a candidate of a reduction: it is judged once.
constexpr Budget kPartBudget{
    .max_steps = 2'000'000'000, .max_bytes = uint64_t{6} << 30, .max_elements = int64_t{1} << 27};
constexpr uint64_t kPartMemory = uint64_t{12} << 30;
constexpr size_t kDeepest = 3;
constexpr int64_t kMostBatch = 2;

// Values that are the same whatever the inputs are: initializers that are not given as inputs, and
// what is made of nothing else.
std::set<std::string> Constants(const Sketch& whole) {
  std::set<std::string> constants;
  for (const NamedTensor& initializer : whole.model.graph.initializers) {
    const bool given = std::ranges::any_of(
        whole.inputs, [&](const NamedTensor& input) { return input.name == initializer.name; });
    if (!given) constants.insert(initializer.name);
  }
  for (const Node& node : whole.model.graph.nodes) {
    const std::set<std::string> reads = Reads(node);
    if (std::ranges::all_of(reads, [&](const auto& name) { return constants.contains(name); })) {
      constants.insert(node.outputs.begin(), node.outputs.end());
    }
  }
  return constants;
}

const ValueInfo* FindType(const Model& types, const std::string& name) {
  const auto named = [&](const std::vector<ValueInfo>& values) {
    const auto found = std::ranges::find(values, name, &ValueInfo::name);
    return found == values.end() ? nullptr : &*found;
  };
  const ValueInfo* found = named(types.graph.value_info);
  if (found == nullptr) found = named(types.graph.inputs);
  return found != nullptr ? found : named(types.graph.outputs);
}

bool Known(const ValueInfo* value) {
  return value != nullptr && value->type.opaque.empty() && value->type.dims &&
         value->type.type != DataType::kUndefined &&
         std::ranges::all_of(*value->type.dims,
                             [](const Dim& dim) { return dim.size.has_value(); });
}

void Crop(ValueInfo& input, PartSizes sizes) {
  if (sizes == PartSizes::kWhole) return;
  for (size_t axis = 0; axis < input.type.dims->size(); ++axis) {
    int64_t& size = *(*input.type.dims)[axis].size;
    if (sizes == PartSizes::kAll || axis >= 2) {
      size = std::min(size, kPartSize);
    } else if (axis == 0 && input.type.dims->size() > 2) {
      size = std::min(size, kMostBatch);
    }
  }
}

// Every size above kPartSize that constants and attributes name.
void CropConstants(Sketch& part, const std::vector<ValueInfo>& inputs) {
  std::set<int64_t> sizes;
  for (const ValueInfo& input : inputs) {
    for (const Dim& dim : *input.type.dims) sizes.insert(*dim.size);
  }
  for (const Tensor* tensor : Tensors(part)) {
    sizes.insert(tensor->shape.begin(), tensor->shape.end());
    if (!IsShapeLike(*tensor)) continue;
    for (int64_t i = 0; i < tensor->size(); ++i) sizes.insert(GetInt(*tensor, i));
  }
  for (const int64_t size : sizes) {
    if (size > kPartSize) SetDimVariable(part, {size, SitesOf(part, size)}, kPartSize);
  }
}

class Cutter {
 public:
  Cutter(const Sketch& whole, const Model& types)
      : whole_(whole), types_(types), constants_(Constants(whole)) {
    for (size_t i = 0; i < nodes().size(); ++i) {
      for (const std::string& output : nodes()[i].outputs) {
        if (!output.empty()) maker_[output] = i;
      }
    }
  }

  bool IsConstant(size_t node) const {
    return std::ranges::all_of(nodes()[node].outputs, [&](const std::string& output) {
      return output.empty() || constants_.contains(output);
    });
  }

  std::optional<Case> Cut(size_t last, size_t depth, PartSizes sizes) const {
    std::set<size_t> taken = {last};
    std::set<size_t> newest = taken;
    for (size_t step = 1; step < depth; ++step) {
      std::set<size_t> next;
      for (const size_t node : newest) {
        for (const std::string& name : Reads(nodes()[node])) {
          const auto maker = maker_.find(name);
          if (maker != maker_.end() && !constants_.contains(name)) next.insert(maker->second);
        }
      }
      if (next.empty()) return std::nullopt;  // no other part than at the depth before
      taken.insert(next.begin(), next.end());
      newest = std::move(next);
    }
    AddConstants(taken);
    return Build(taken, last, sizes);
  }

 private:
  const std::vector<Node>& nodes() const { return whole_.model.graph.nodes; }

  // The nodes that make the constants which those taken read.
  void AddConstants(std::set<size_t>& taken) const {
    std::vector<size_t> open(taken.begin(), taken.end());
    while (!open.empty()) {
      const size_t node = open.back();
      open.pop_back();
      for (const std::string& name : Reads(nodes()[node])) {
        const auto maker = maker_.find(name);
        if (maker != maker_.end() && constants_.contains(name) &&
            taken.insert(maker->second).second) {
          open.push_back(maker->second);
        }
      }
    }
  }

  std::optional<Case> Build(const std::set<size_t>& taken, size_t last, PartSizes sizes) const {
    Sketch part;
    part.model = whole_.model;
    part.options = whole_.options;
    Graph& graph = part.model.graph;
    graph.nodes.clear();
    graph.inputs.clear();
    graph.outputs.clear();
    graph.initializers.clear();
    std::set<std::string> made;
    std::set<std::string> read;
    for (const size_t node : taken) {  // in order
      graph.nodes.push_back(nodes()[node]);
      made.insert(nodes()[node].outputs.begin(), nodes()[node].outputs.end());
      read.merge(Reads(nodes()[node]));
    }
    for (const std::string& name : read) {
      if (made.contains(name)) continue;
      if (const NamedTensor* constant = whole_.model.graph.FindInitializer(name);
          constant != nullptr && constants_.contains(name)) {
        graph.initializers.push_back(*constant);
        continue;
      }
      const ValueInfo* type = FindType(types_, name);
      if (!Known(type)) return std::nullopt;
      graph.inputs.push_back(*type);
    }
    for (const std::string& output : nodes()[last].outputs) {
      const ValueInfo* type = output.empty() ? nullptr : FindType(types_, output);
      if (type != nullptr) graph.outputs.push_back(*type);
    }
    if (sizes == PartSizes::kAll) CropConstants(part, graph.inputs);
    for (ValueInfo& input : graph.inputs) Crop(input, sizes);
    Result<std::vector<NamedTensor>> inputs = GenerateInputs(part.model, {});
    if (!inputs) return std::nullopt;
    part.inputs = std::move(*inputs);
    // Before version 4 of the format an initializer has to be an input too.
    part.model.ir_version = std::max<int64_t>(part.model.ir_version, 4);
    if (!Repair(part)) return std::nullopt;
    return ToCase(part);
  }

  const Sketch& whole_;
  const Model& types_;
  std::set<std::string> constants_;
  std::map<std::string, size_t> maker_;
};

// The parts in the order in which they are looked at: small before whole, single nodes before runs.
struct PartPlace {
  size_t last = 0;
  size_t depth = 1;
  PartSizes sizes = PartSizes::kAll;
};
std::vector<PartPlace> Places(const Cutter& cutter, size_t nodes) {
  std::vector<PartPlace> places;
  for (size_t depth = 1; depth <= kDeepest; ++depth) {
    for (const PartSizes sizes : {PartSizes::kAll, PartSizes::kSpatial, PartSizes::kWhole}) {
      for (size_t i = 0; i < nodes; ++i) {
        if (!cutter.IsConstant(i)) places.push_back({i, depth, sizes});
      }
    }
  }
  return places;
}

bool IsOverBudget(const Sketch& whole) {
  return Evaluate(whole.model, whole.inputs).status == ReferenceStatus::kOverBudget;
}

enum class Tell : char { kLarge = 'L', kTry = 'T', kEnd = 'E' };

class Finder {
 public:
  Finder(const Case& test_case, const OpenAll& open, const ChildOptions& child,
         const LargeOptions& options)
      : test_case_(test_case), open_(open), child_(child), options_(options) {
    child_.budget = kPartBudget;
    child_.limits.wall_seconds = options.max_seconds;
    child_.limits.memory_bytes = std::max(child_.limits.memory_bytes, kPartMemory);
  }

  Result<LargeFinding> Run() {
    LargeFinding found;
    size_t first = 0;
    const auto start = std::chrono::steady_clock::now();
    while (true) {
      const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;
      child_.limits.wall_seconds = options_.max_seconds - elapsed.count();
      if (child_.limits.wall_seconds <= 0) return found;
      Heard heard = Look(first);
      found.large = found.large || heard.large;
      found.parts += heard.tried;
      if (heard.ended || heard.tried == 0) return found;
      // The last that was tried failed, or it killed the child: in a child of its own it shows what
      // it does.
      if (!heard.part) return found;
      MOIRE_ASSIGN(const Judgement judged, Judge("", *heard.part, open_, child_));
      if (const Verdict* worst = WorstBug(judged.verdicts); worst != nullptr && Wanted(*worst)) {
        found.part = std::move(heard.part);
        found.verdict = *worst;
        found.node = heard.node;
        return found;
      }
      first = heard.at + 1;
    }
  }

 private:
  struct Heard {
    bool large = false, ended = false;
    int tried = 0;
    size_t at = 0;  // the last that was tried
    std::string node;
    std::optional<Case> part;
  };

  bool Wanted(const Verdict& verdict) const {
    return !options_.wanted || *options_.wanted == verdict.kind;
  }

  // Judges parts from the place `first` on in a child, up to one that fails.
  Heard Look(size_t first) const {
    const ChildResult end = RunInChild(
        [&](SharedState& state, const std::function<void(std::string_view)>& send) {
          SilenceOutput();
          InstallFatalSignalHandlers(state, child_.runtime_modules);
          const Result<Configurations> opened = open_();
          if (!opened) return 1;
          SharedStageObserver observer(state);
          LookFrom(first, *opened, observer, send);
          return 0;
        },
        child_.limits);
    Heard heard;
    WireReader frames(end.output);
    while (frames.ok() && !frames.done()) {
      WireReader record(frames.GetView());
      if (!frames.ok()) break;
      switch (record.Get<Tell>()) {
        case Tell::kLarge:
          heard.large = true;
          break;
        case Tell::kTry:
          ++heard.tried;
          heard.at = record.Get<uint64_t>();
          heard.node = record.GetString();
          if (Result<Case> part = ParseCase(record.GetView())) heard.part = std::move(*part);
          break;
        case Tell::kEnd:
          heard.ended = true;
      }
    }
    return heard;
  }

  void LookFrom(size_t first, const Configurations& opened, StageObserver& observer,
                const std::function<void(std::string_view)>& send) const {
    const auto tell = [&](const WireWriter& record) {
      WireWriter framed;
      framed.Put(std::string_view(record.bytes()));
      send(framed.bytes());
    };
    const auto word = [&](Tell what) {
      WireWriter record;
      record.Put(what);
      tell(record);
    };
    Result<Model> model = ParseModel(test_case_.model);
    if (!model) return;
    const Sketch whole{std::move(*model), test_case_.inputs, test_case_.options};
    observer.Enter(Stage::kReference, -1);
    if (!IsOverBudget(whole)) return;
    word(Tell::kLarge);
    observer.Enter(Stage::kInfer, -1);
    const Result<Model> types = InferShapes(whole.model);
    if (!types) return;
    const Cutter cutter(whole, *types);
    const std::vector<PartPlace> places = Places(cutter, whole.model.graph.nodes.size());
    std::set<uint64_t> tried;
    for (size_t at = 0; at < places.size(); ++at) {
      const std::optional<Case> part =
          cutter.Cut(places[at].last, places[at].depth, places[at].sizes);
      if (!part) continue;
      const std::string bytes = SerializeCase(*part);
      if (!tried.insert(HashBytes(bytes.data(), bytes.size())).second || at < first) continue;
      const Node& last = whole.model.graph.nodes[places[at].last];
      WireWriter record;
      record.Put(Tell::kTry);
      record.Put(uint64_t{at});
      record.Put(std::string_view(last.op + " '" + last.outputs[0] + "'"));
      record.Put(std::string_view(bytes));
      tell(record);
      ExecuteOptions execute;
      execute.budget = kPartBudget;
      execute.observer = &observer;
      const std::vector<Verdict> verdicts = Execute(*part, opened, execute).verdicts;
      const Verdict* worst = WorstBug(verdicts);
      if (worst != nullptr && Wanted(*worst)) return;
    }
    word(Tell::kEnd);
  }

  const Case& test_case_;
  const OpenAll& open_;
  ChildOptions child_;
  const LargeOptions& options_;
};

}  // namespace

std::optional<Case> CutPart(const Sketch& whole, const Model& types, size_t last, size_t depth,
                            PartSizes sizes) {
  return Cutter(whole, types).Cut(last, depth, sizes);
}

Result<LargeFinding> FindFailingPart(const Case& test_case, const OpenAll& open,
                                     const ChildOptions& child, const LargeOptions& options) {
  return Finder(test_case, open, child, options).Run();
}

}  // namespace moire
