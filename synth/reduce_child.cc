#include "synth/reduce_child.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <unordered_set>

#include "harness/case/onnx_adapter.h"
#include "harness/case/random.h"
#include "harness/execute/wire.h"
#include "oracles/configuration_name.h"
#include "synth/blame.h"
#include "synth/edit.h"
#include "synth/identity.h"
#include "synth/symptom_check.h"

namespace moire {
namespace {

constexpr int kMostDeaths = 30;

enum class Tell : char {
  kTry = 'T',
  kKeep = 'K',
  kHold = 'H',  // the symptom of the case kept next
  kIdentity = 'I',
  kDone = 'D',
  kBlame = 'B'
};

// What is known across the children of one reduction.
struct Progress {
  Case best;
  Verdict held;  // its symptom
  bool showed = false;
  bool identity_done = false;
  std::string identity;
  bool reduced = false;
  bool minimal = false;
  bool blamed = false;
  std::string blamed_optimizer;
  int checks = 0;
  std::unordered_set<uint64_t> poison;  // candidates that killed a child
  uint64_t trying = 0;                  // the last one that was announced
};

constexpr double kLarge = 1e4;
constexpr std::string_view kWrongValue = "value";  // the differential oracle's plainest class

bool IsSpecial(const Verdict& verdict) {
  return verdict.error_class == "nan" || verdict.error_class == "inf";
}

uint64_t KeyOf(const std::string& bytes) { return HashBytes(bytes.data(), bytes.size()); }

// The case with plain values in place of those that are not finite or large, or of all; nullopt
// when it has no others.
std::optional<Case> WithPlainValues(const Case& test_case, bool all) {
  Result<Model> model = ParseModel(test_case.model);
  if (!model) return std::nullopt;
  Sketch sketch{std::move(*model), test_case.inputs, test_case.options};
  bool changed = false;
  for (Tensor* tensor : Tensors(sketch)) {
    if (!IsFloat(tensor->type)) continue;
    for (int64_t i = 0; i < tensor->size(); ++i) {
      const double value = GetFloat(*tensor, i);
      if (!all && std::isfinite(value) && std::abs(value) < kLarge) continue;
      SetFloat(*tensor, i, 0.5 + static_cast<double>(i % 5));
      changed = true;
    }
  }
  return changed ? std::optional(ToCase(sketch)) : std::nullopt;
}

// The child's side.
class Child {
 public:
  Child(const Progress& before, const Verdict& wanted, const ReduceInChildOptions& options,
        Configurations opened, SharedState& state,
        const std::function<void(std::string_view)>& send)
      : before_(before),
        options_(options),
        send_(send),
        observer_(state),
        check_(std::move(opened), wanted, options.child, &observer_) {}

  void Run() {
    const bool death = IsDeath(check_.wanted().kind);
    const bool unlike_itself = check_.wanted().kind == VerdictKind::kNondeterministic;
    if (!before_.identity_done && !death && !unlike_itself) Identify();
    Case best = before_.best;
    check_.set_wanted(before_.held);
    if (!before_.reduced) {
      if (!death) best = Source(best);
      best = Shrink(Plain(best));
    }
    if (options_.blame && !before_.blamed) Blame(best, death);
  }

 private:
  void Put(const WireWriter& record) {
    WireWriter framed;
    framed.Put(std::string_view(record.bytes()));
    send_(framed.bytes());
  }

  void Announce(uint64_t key) {
    WireWriter record;
    record.Put(Tell::kTry);
    record.Put(key);
    Put(record);
  }

  void Identify() {
    Configuration* blamed = check_.blamed();
    IdentityResult result;
    if (blamed != nullptr) {
      observer_.Enter(Stage::kConfiguration, 0);
      result = CheckIdentity(before_.best, *blamed);
    }
    WireWriter record;
    record.Put(Tell::kIdentity);
    record.Put(std::string_view(result.reason));
    Put(record);
  }

  void Hold(const Verdict& verdict) {
    check_.set_wanted(verdict);
    WireWriter record;
    record.Put(Tell::kHold);
    record.Put(verdict.kind);
    record.Put(std::string_view(verdict.configuration));
    record.Put(std::string_view(verdict.against));
    record.Put(std::string_view(verdict.error_class));
    Put(record);
  }

  bool Interesting(const Case& test_case) {
    const std::string bytes = SerializeCase(test_case);
    const uint64_t key = KeyOf(bytes);
    if (before_.poison.contains(key)) return false;
    Announce(key);
    if (!check_.Shows(test_case)) return false;
    Keep(bytes);
    return true;
  }

  void Keep(const std::string& bytes) {
    WireWriter record;
    record.Put(Tell::kKeep);
    record.Put(std::string_view(bytes));
    Put(record);
  }

  // Whether the case shows the symptom `held`; if so, that is held from here on.
  bool Switch(const Case& test_case, const Verdict& held) {
    const Verdict before = check_.wanted();
    check_.set_wanted(held);
    if (!Interesting(test_case)) {
      check_.set_wanted(before);
      return false;
    }
    Hold(held);
    return true;
  }

  // The first node whose result is wrong by itself, where what is seen follows from that: not so
  // when the nodes behind it show the symptom on the right values too.
  Case Source(const Case& original) {
    const Verdict wanted = check_.wanted();
    Result<Model> model = ParseModel(original.model);
    if (!model ||
        (wanted.kind != VerdictKind::kMismatch && wanted.kind != VerdictKind::kWronglyRejected)) {
      return original;
    }
    const Sketch whole{std::move(*model), original.inputs, original.options};
    const KnownValues values = ComputeValues(whole);
    const size_t count = whole.model.graph.nodes.size();
    for (size_t k = 0; k < count; ++k) {
      Sketch head = whole;
      head.model.graph.outputs.clear();
      for (const std::string& output : whole.model.graph.nodes[k].outputs) {
        const auto value = values.find(output);
        if (value == values.end() || value->second.type == DataType::kUndefined) continue;
        head.model.graph.outputs.push_back({output, {value->second.type, std::nullopt, {}}});
      }
      if (head.model.graph.outputs.empty() || !Repair(head)) continue;
      const Case candidate = ToCase(head);
      const std::optional<Verdict> seen = FindMismatch(candidate, wanted);
      if (!seen) continue;
      if (SameSymptom(wanted, *seen)) return original;  // the passes will cut there
      std::vector<bool> doomed(count, false);
      std::fill_n(doomed.begin(), k + 1, true);
      Sketch tail = whole;
      if (RemoveNodes(tail, doomed, values) && Repair(tail) && Interesting(ToCase(tail))) {
        return ToCase(tail);
      }
      Verdict held = wanted;
      held.kind = seen->kind;
      held.error_class = seen->error_class;
      held.against = seen->against;
      return Switch(candidate, held) ? candidate : original;
    }
    return original;
  }

  std::optional<Verdict> FindMismatch(const Case& test_case, const Verdict& wanted) {
    const uint64_t key = KeyOf(SerializeCase(test_case));
    if (before_.poison.contains(key)) return std::nullopt;
    Announce(key);
    for (const Verdict& verdict : check_.Judge(test_case)) {
      if (verdict.kind == VerdictKind::kMismatch && verdict.configuration == wanted.configuration &&
          (verdict.against == wanted.against || wanted.kind != VerdictKind::kMismatch)) {
        return verdict;
      }
    }
    return std::nullopt;
  }

  // A wrong value is the plainer symptom: the case with plain values, where it shows that. Values
  // that are all alike, or zero, hide most of what an edit leaves wrong, so that is where to start.
  Case Plain(const Case& test_case) {
    Verdict value = check_.wanted();
    if (!IsSpecial(value) && value.error_class != kWrongValue) return test_case;
    value.error_class = kWrongValue;
    for (const bool all : {false, true}) {
      const std::optional<Case> plain = WithPlainValues(test_case, all);
      if (plain && Switch(*plain, value)) return *plain;
    }
    return test_case;
  }

  Case Shrink(const Case& original) {
    const auto interesting = [this](const Case& c) { return Interesting(c); };
    Result<ReduceResult> result = Reduce(original, interesting, options_.reduce);
    if (!result) return original;
    if (IsSpecial(check_.wanted())) {
      const Case plain = Plain(result->reduced);
      if (!IsSpecial(check_.wanted())) {
        Result<ReduceResult> again = Reduce(plain, interesting, options_.reduce);
        if (again) result = std::move(again);
      }
    }
    // What failed last may be larger than the original, on the way to something smaller.
    Keep(SerializeCase(result->reduced));
    WireWriter record;
    record.Put(Tell::kDone);
    record.Put(result->minimal);
    Put(record);
    return result->reduced;
  }

  void Blame(const Case& best, bool death) {
    std::string blamed;
    const std::string configuration = check_.wanted().configuration;
    if (!IsPlain(configuration) && !death) {
      observer_.Enter(Stage::kConfiguration, 0);
      blamed = BlameOptimizer(best, check_, AppliedOptimizers(best, configuration));
    }
    WireWriter record;
    record.Put(Tell::kBlame);
    record.Put(std::string_view(blamed));
    Put(record);
  }

  const Progress& before_;
  const ReduceInChildOptions& options_;
  const std::function<void(std::string_view)>& send_;
  SharedStageObserver observer_;
  SymptomCheck check_;
};

void Hear(std::string_view output, Progress& progress) {
  WireReader frames(output);
  while (frames.ok() && !frames.done()) {
    WireReader record(frames.GetView());
    if (!frames.ok()) return;
    switch (record.Get<Tell>()) {
      case Tell::kTry:
        progress.trying = record.Get<uint64_t>();
        ++progress.checks;
        break;
      case Tell::kKeep: {
        Result<Case> kept = ParseCase(record.GetView());
        if (kept) progress.best = std::move(*kept);
        progress.showed = true;
        break;
      }
      case Tell::kHold:
        progress.held.kind = record.Get<VerdictKind>();
        progress.held.configuration = record.GetString();
        progress.held.against = record.GetString();
        progress.held.error_class = record.GetString();
        break;
      case Tell::kIdentity:
        progress.identity = record.GetString();
        progress.identity_done = true;
        break;
      case Tell::kDone:
        progress.reduced = true;
        progress.minimal = record.Get<bool>();
        break;
      case Tell::kBlame:
        progress.blamed = true;
        progress.blamed_optimizer = record.GetString();
        break;
    }
  }
}

int64_t NodesOf(const Case& test_case) {
  const Result<Model> model = ParseModel(test_case.model);
  return model ? CountNodes(model->graph) : 0;
}

}  // namespace

Result<ChildReduction> ReduceInChild(const Case& test_case, const Verdict& wanted,
                                     const OpenAll& open, const ReduceInChildOptions& options) {
  Progress progress;
  progress.best = test_case;
  progress.held = wanted;
  ReduceInChildOptions left = options;
  // What is cut off before the passes begin counts as well.
  left.reduce.max_bytes = std::max(options.reduce.max_bytes, SerializeCase(test_case).size());
  ChildReduction reduction;
  ChildLimits limits = options.child.limits;
  const auto start = std::chrono::steady_clock::now();
  while (true) {
    limits.wall_seconds = 2 * left.reduce.max_seconds + 30;
    limits.idle_seconds = limits.wall_seconds;  // it waits for children of its own
    const ChildResult end = RunInChild(
        [&](SharedState& state, const std::function<void(std::string_view)>& send) {
          SilenceOutput();
          InstallFatalSignalHandlers(state, options.child.runtime_modules);
          Result<Configurations> opened = open();
          if (!opened) return 1;
          Child(progress, wanted, left, std::move(*opened), state, send).Run();
          return 0;
        },
        limits);
    Hear(end.output, progress);
    if (end.end == ChildEnd::kExited) break;
    ++reduction.deaths;
    const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;
    left.reduce.max_seconds = options.reduce.max_seconds - elapsed.count();
    left.reduce.max_checks = options.reduce.max_checks - progress.checks;
    const bool new_poison = progress.trying != 0 && progress.poison.insert(progress.trying).second;
    if (!new_poison || reduction.deaths == kMostDeaths || left.reduce.max_seconds <= 0 ||
        left.reduce.max_checks <= 0) {
      break;
    }
    // Where it died in the blame, the reduction is done; where in identity, there is none.
    if (progress.reduced) left.blame = false;
  }
  reduction.showed = progress.showed;
  reduction.held = progress.held;
  reduction.identity = progress.identity;
  reduction.blamed_optimizer = progress.blamed_optimizer;
  reduction.result.reduced = progress.best;
  reduction.result.nodes_before = NodesOf(test_case);
  reduction.result.nodes_after = NodesOf(progress.best);
  reduction.result.bytes_before = SerializeCase(test_case).size();
  reduction.result.bytes_after = SerializeCase(progress.best).size();
  reduction.result.checks = progress.checks;
  reduction.result.minimal = progress.minimal && reduction.deaths == 0;
  return reduction;
}

}  // namespace moire
