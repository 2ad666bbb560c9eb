#include "tests/faulty/faulty_backend.h"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <unordered_map>
#include <unordered_set>

#include "harness/backends/spec.h"
#include "harness/case/onnx_adapter.h"
#include "oracles/reference/reference.h"
#include "tests/faulty/layer.h"
#include "tests/faulty/node_run.h"

namespace moire::faulty {
namespace {

const std::unordered_map<std::string_view, Kernel>& Kernels() {
  static const auto all = [] {
    std::unordered_map<std::string_view, Kernel> rows;
    for (const auto family :
         {ElementwiseKernels(), FunctionKernels(), CastKernels(), ReduceKernels(), ProductKernels(),
          WindowKernels(), NormKernels(), MoveKernels(), ShapeKernels()}) {
      for (const KernelRow& row : family) rows.emplace(row.op, row.kernel);
    }
    return rows;
  }();
  return all;
}

// Of what a case means, so that serialising it again changes nothing.
uint64_t HashCase(const Model& model, const std::vector<NamedTensor>& inputs, uint64_t seed) {
  uint64_t hash = Mix64(seed);
  for (const Node& node : model.graph.nodes) hash = HashBytes(node.op.data(), node.op.size(), hash);
  for (const NamedTensor& input : inputs) {
    hash = HashBytes(input.tensor.data.data(), input.tensor.data.size(), hash);
  }
  return hash;
}

bool Concerns(const FaultEntry& fault, const NodeRun& run) {
  if (fault.op != run.node.op) return false;
  const size_t data = run.node.op == "Where" ? 1 : 0;
  if (fault.types != 0 &&
      !(run.Given(data) && (fault.types >> static_cast<int>(run.In(data).type) & 1) != 0)) {
    return false;
  }
  return fault.to == DataType::kUndefined ||
         run.node.Int("to", 0) == static_cast<int64_t>(fault.to);
}

// The faults that are not a wrong result.
Status Strike(NodeRun& run) {
  run.state->triggered = true;
  if (run.Faulty(FaultKind::kReject)) return run.Bad("dim");
  if (run.state->dry || !IsDeadly(run.fault->kind)) return {};
  switch (run.fault->kind) {
    case FaultKind::kCrash:
      std::abort();
    case FaultKind::kSegfault: {
      volatile int* nowhere = reinterpret_cast<int*>(uintptr_t{8});
      *nowhere = 1;
      break;
    }
    case FaultKind::kHang:
      for (volatile bool forever = true; forever;) {
      }
      break;
    default: {
      constexpr size_t kBytes = size_t{384} << 20;
      run.state->leaked.push_back(std::make_unique<std::vector<char>>(kBytes, 'x'));
    }
  }
  return {};
}

// A value between two nodes may be kept wider than declared, but not what a Cast has made.
void RoundOutputs(NodeRun& run) {
  const bool wide = run.random.Chance(1, 3) && !run.node.op.starts_with("Cast");
  for (Value& value : run.out) {
    if (!IsNarrow(value.type) || wide) continue;
    for (float& x : value.f) x = static_cast<float>(RoundTo(value.type, static_cast<double>(x)));
  }
}

// A buffer that was made for the first run: what lies beyond is never written.
void KeepFirstShape(NodeRun& run) {
  int64_t& first = run.state->first_sizes[run.node.name];
  if (!run.state->later) first = run.out[0].size();
  WithStorage(run.out[0], [&](auto& elements) {
    for (auto i = static_cast<size_t>(first); i < elements.size(); ++i) elements[i] = 0;
  });
}

// Before it axes, pads and limits are attributes, and Softmax is another operator.
constexpr int64_t kOldestOpset = 13;

class Interpreter {
 public:
  Interpreter(const FaultySettings& settings, FaultState& state)
      : settings_(settings), state_(state) {
    active_ = settings.fault.has_value() &&
              (settings.unless.empty() || access(settings.unless.c_str(), F_OK) != 0);
  }

  Result<std::vector<NamedTensor>> Run(const Model& model, const std::vector<NamedTensor>& inputs) {
    if (model.Opset("") < kOldestOpset) {
      return Fail(ErrorCode::kUnsupported, "not implemented: opset {}", model.Opset(""));
    }
    random_ = Random(HashCase(model, inputs, settings_.seed));
    order_ = static_cast<Order>(random_.Below(kOrders));
    for (const NamedTensor& tensor : model.graph.initializers) MOIRE_TRY(Define(tensor));
    for (const NamedTensor& tensor : inputs) MOIRE_TRY(Define(tensor));
    for (const ValueInfo& input : model.graph.inputs) {
      if (!values_.contains(input.name)) {
        return Fail(ErrorCode::kInvalidInput, "missing input: {}", input.name);
      }
    }
    for (const Node& node : model.graph.nodes) MOIRE_TRY(Step(node, model.Opset("")));
    std::vector<NamedTensor> outputs;
    for (const ValueInfo& output : model.graph.outputs) {
      const auto found = values_.find(output.name);
      if (found == values_.end()) return Fail(ErrorCode::kInvalidInput, "missing output");
      outputs.push_back({output.name, ToTensor(found->second)});
    }
    return outputs;
  }

 private:
  Status Define(const NamedTensor& tensor) {
    if (StorageOf(tensor.tensor.type) == Storage::kNone) {
      return Fail(ErrorCode::kUnsupported, "not implemented: {}", Name(tensor.tensor.type));
    }
    values_[tensor.name] = ToValue(tensor.tensor);
    return {};
  }

  Status Step(const Node& node, int64_t opset) {
    const auto kernel = Kernels().find(node.op);
    if (kernel == Kernels().end() || !node.domain.empty()) {
      return Fail(ErrorCode::kUnsupported, "not implemented: {}", node.op);
    }
    NodeRun run{.node = node,
                .opset = opset,
                .in = {},
                .out = std::vector<Value>(node.outputs.size()),
                .random = Random(random_.Next()),
                .arithmetic = {.order = order_},
                .state = &state_};
    for (const std::string& name : node.inputs) {
      const auto found = values_.find(name);
      if (!name.empty() && found == values_.end()) return run.Bad("input");
      run.in.push_back(name.empty() ? nullptr : &found->second);
    }
    if (run.Given(0) && IsNarrow(run.In(0).type) && run.random.Chance(1, 2)) {
      run.arithmetic.step = run.In(0).type;
    }
    if (settings_.arithmetic) run.arithmetic = *settings_.arithmetic;
    if (active_ && Concerns(*settings_.fault, run)) {
      run.fault = &*settings_.fault;
    } else if (settings_.second && Concerns(*settings_.second, run)) {
      run.fault = &*settings_.second;
    }
    if (run.fault != nullptr) MOIRE_TRY(Strike(run));
    MOIRE_TRY(kernel->second(run));
    RoundOutputs(run);
    if (run.Faulty(FaultKind::kFirstShape)) KeepFirstShape(run);
    for (size_t k = 0; k < node.outputs.size(); ++k) {
      if (!node.outputs[k].empty()) values_[node.outputs[k]] = std::move(run.out[k]);
    }
    return {};
  }

  const FaultySettings& settings_;
  FaultState& state_;
  bool active_ = false;
  Random random_{0};
  Order order_ = Order::kForward;
  std::unordered_map<std::string, Value> values_;
};

Result<std::vector<std::unique_ptr<Configuration>>> OpenFromSpec(std::string_view target,
                                                                 std::string_view settings) {
  if (!target.empty()) return Fail(ErrorCode::kInvalidInput, "faulty has no versions");
  if (IsLayerSettings(settings)) {
    MOIRE_ASSIGN(const LayerSettings layer, ParseLayer(settings));
    return OpenLayer(layer);
  }
  MOIRE_ASSIGN(FaultySettings chosen, ParseFaulty(settings));
  chosen.checked = true;
  return OpenFaulty(std::move(chosen))();
}

// A fault as a SPEC names it, by the keys that end in `suffix`.
Result<std::optional<FaultEntry>> NamedFault(std::map<std::string, std::string>& settings,
                                             const std::string& suffix) {
  const auto take = [&](const char* key) {
    const auto node = settings.extract(key + suffix);
    return node.empty() ? std::string() : node.mapped();
  };
  const std::string name = take("fault");
  const std::string op = take("op");
  const std::string type = take("type");
  const std::string to = take("to");
  if (name.empty()) return std::nullopt;
  const FaultEntry* found = FindFault(name);
  if (found == nullptr) return Fail(ErrorCode::kInvalidInput, "there is no fault '{}'", name);
  FaultEntry fault = *found;
  if (!op.empty()) {
    fault.op = op;
    fault.to = DataType::kUndefined;
  }
  if (!type.empty()) fault.types = uint32_t{1} << static_cast<int>(ParseDataType(type));
  if (!to.empty()) fault.to = ParseDataType(to);
  return fault;
}

// The simulated precision of a SPEC; nothing where it names none.
Result<std::optional<Arithmetic>> SimulatedArithmetic(
    std::map<std::string, std::string>& settings) {
  constexpr std::string_view kNames[kOrders] = {"forward", "reverse", "lanes", "pairwise", "fma"};
  Arithmetic arithmetic;
  bool named = false;
  const auto take = [&](const char* key) {
    const auto node = settings.extract(key);
    named = named || !node.empty();
    return node.empty() ? std::string() : node.mapped();
  };
  if (const std::string order = take("order"); !order.empty()) {
    const auto found = std::ranges::find(kNames, order);
    if (found == std::end(kNames)) {
      return Fail(ErrorCode::kInvalidInput, "there is no order '{}'", order);
    }
    arithmetic.order = static_cast<Order>(found - std::begin(kNames));
  }
  if (const std::string type = take("sums"); !type.empty()) {
    arithmetic.step = ParseDataType(type);
    if (!IsFloat(arithmetic.step)) {
      return Fail(ErrorCode::kInvalidInput, "'{}' is not a float type", type);
    }
  }
  const auto number = [&](const char* key, int otherwise) {
    const std::string text = take(key);
    return text.empty() ? otherwise : std::atoi(text.c_str());
  };
  arithmetic.factor_bits = number("factors", 0);
  arithmetic.truncate = number("cut", 0) != 0;
  arithmetic.wide_products = number("wide", 0) != 0;
  const int lanes = number("lanes", 8);
  if (arithmetic.factor_bits < 0 || arithmetic.factor_bits > 53 || lanes < 1) {
    return Fail(ErrorCode::kInvalidInput, "factors takes 0 to 53 bits, lanes at least 1");
  }
  arithmetic.lanes = static_cast<size_t>(lanes);
  return named ? std::optional(arithmetic) : std::nullopt;
}

std::vector<BackendInfo> List() { return {{"faulty", "", "", true, "tests only"}}; }

Status Install(std::string_view) {
  return Fail(ErrorCode::kInvalidInput, "faulty is built in; there is nothing to install");
}

}  // namespace

Result<FaultySettings> ParseFaulty(std::string_view settings) {
  MOIRE_ASSIGN(const std::vector<Setting> list, ParseSettings(settings));
  std::map<std::string, std::string> left;
  for (const Setting& setting : list) left[setting.key] = setting.value;
  FaultySettings chosen;
  chosen.name = settings.empty() ? "faulty" : "faulty:" + std::string(settings);
  MOIRE_ASSIGN(chosen.fault, NamedFault(left, ""));
  MOIRE_ASSIGN(chosen.second, NamedFault(left, "2"));
  MOIRE_ASSIGN(chosen.arithmetic, SimulatedArithmetic(left));
  for (const auto& [key, value] : left) {
    if (key == "seed") {
      chosen.seed = std::strtoull(value.c_str(), nullptr, 10);
    } else if (key == "unless") {
      chosen.unless = value;
    } else if (key == "name") {
      chosen.name = value;
    } else {
      return Fail(
          ErrorCode::kInvalidInput,
          "there is no setting '{}'; the settings are: fault, op, type, to (each also with a "
          "2 behind it), seed, unless, name, sums, factors, cut, wide, order, lanes",
          key);
    }
  }
  return chosen;
}

std::vector<std::string> SupportedOperators() {
  std::vector<std::string> names;
  for (const auto& [op, kernel] : Kernels()) names.emplace_back(op);
  std::ranges::sort(names);
  return names;
}

Observation FaultyConfiguration::Run(const Case& test_case) {
  state_.later = false;
  Observation seen = RunOnce(CaseOfRun(test_case, 0));
  state_.later = true;
  for (size_t run = 1; run <= test_case.options.more_runs.size(); ++run) {
    seen.later.push_back(RunOnce(CaseOfRun(test_case, run)));
  }
  return seen;
}

Observation FaultyConfiguration::RunOnce(const Case& test_case) {
  Observation seen;
  seen.configuration = settings_.name;
  const Result<Model> model = ParseModel(test_case.model);
  if (settings_.checked && model) {
    // Before the checker: ONNX's shape inference reserves what an attribute names, 16 GB for a
    // Split of num_outputs 2^31 - 1.
    const ReferenceResult known = Evaluate(*model, test_case.inputs);
    if (known.status != ReferenceStatus::kEvaluated) {
      const bool rejected = known.status == ReferenceStatus::kRejected;
      seen.outcome = rejected ? Outcome::kRejected : Outcome::kUnsupported;
      seen.stage = "load";
      seen.reason = rejected ? known.reason : "not implemented: so much work";
      return seen;
    }
    if (const Status whole = CheckModel(test_case.model, true); !whole) {
      seen.outcome = Outcome::kRejected;
      seen.stage = "load";
      seen.reason = whole.error().message;
      return seen;
    }
  }
  Result<std::vector<NamedTensor>> outputs =
      model ? Interpreter(settings_, state_).Run(*model, test_case.inputs)
            : std::unexpected(model.error());
  if (outputs) {
    seen.outputs = std::move(*outputs);
    return seen;
  }
  seen.outcome =
      outputs.error().code == ErrorCode::kUnsupported ? Outcome::kUnsupported : Outcome::kRejected;
  seen.stage = "run";
  seen.reason = outputs.error().message;
  return seen;
}

OpenAll OpenFaulty(FaultySettings settings) {
  return [settings]() -> Result<Configurations> {
    Configurations configurations;
    configurations.push_back(std::make_unique<FaultyConfiguration>(settings));
    return configurations;
  };
}

void RegisterFaultyBackend() {
  RegisterBackend(
      {"faulty", "an interpreter with a planted fault, for tests", OpenFromSpec, List, Install});
}

}  // namespace moire::faulty
