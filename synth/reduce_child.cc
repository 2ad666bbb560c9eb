#include "synth/reduce_child.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <new>

#include "harness/case/onnx_adapter.h"
#include "harness/execute/wire.h"
#include "oracles/configuration_name.h"
#include "synth/blame.h"
#include "synth/edit.h"
#include "synth/identity.h"
#include "synth/journal.h"
#include "synth/symptom_check.h"

namespace moire {
namespace {

constexpr int kMostDeaths = 30;

enum class Tell : char {
  kTry = 'T',
  kAnswer = 'A',  // of the last one tried
  kKeep = 'K',
  kHold = 'H',  // the symptom of the case kept next
  kIdentity = 'I',
  kRate = 'R',
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
  FailureRate rate;
  ReduceResult counts;  // of the last reduction that ended
  bool blamed = false;
  std::string blamed_optimizer;
  uint64_t trying = 0;  // announced, and not answered yet
};

constexpr double kLarge = 1e4;
constexpr std::string_view kWrongValue = "value";  // the differential oracle's plainest class

bool IsSpecial(const Verdict& verdict) {
  return verdict.error_class == "nan" || verdict.error_class == "inf";
}

// What this process notes there from here on is not seen by its watcher, which watches another.
void MakePrivate(SharedState& state) {
  constexpr int kFlags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED;
  void* memory = mmap(&state, sizeof(SharedState), PROT_READ | PROT_WRITE, kFlags, -1, 0);
  if (memory == MAP_FAILED) _exit(0);
  new (memory) SharedState;
}

// What is asked of a case while this symptom is held; `looking` for another one.
std::string Question(const Verdict& wanted, bool looking = false) {
  return fmt::format("{}|{}|{}|{}|{}", static_cast<int>(wanted.kind), wanted.configuration,
                     wanted.against, wanted.error_class, looking ? "any mismatch" : "");
}

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
  // The journal is the child's own copy of what its parent knows.
  Child(const Progress& before, const Verdict& wanted, const ReduceInChildOptions& options,
        Journal& journal, Configurations opened, SharedState& state,
        const std::function<void(std::string_view)>& send)
      : before_(before),
        options_(options),
        journal_(journal),
        send_(send),
        state_(state),
        observer_(state),
        check_(std::move(opened), wanted, options.child, &observer_) {}

  void Run() {
    const bool death = IsDeath(check_.wanted().kind);
    const bool unlike_itself = check_.wanted().kind == VerdictKind::kNondeterministic;
    if (!before_.identity_done && !death && !unlike_itself) Identify();
    Case best = before_.best;
    Want(before_.held);
    if (options_.flaky && !before_.reduced) EstimateRepeats();
    if (!before_.reduced) {
      // What is wrong in some runs only is not traced to its source by one.
      if (!death && repeats_.runs == 1) best = Source(best);
      best = Shrink(Plain(best));
    }
    // One quiet run of what fails now and then clears no optimiser.
    if (options_.blame && !before_.blamed && repeats_.runs == 1) Blame(best);
  }

 private:
  void Put(const WireWriter& record) {
    if (silent_) return;
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

  // Known already where a child before this one found it out.
  void EstimateRepeats() {
    FailureRate rate = before_.rate;
    if (rate.runs == 0) {
      rate = EstimateRate([&] { return check_.Shows(before_.best); });
      WireWriter record;
      record.Put(Tell::kRate);
      record.Put(rate.runs);
      record.Put(rate.failures);
      Put(record);
    }
    repeats_ = RepeatsFor(rate);
  }

  void Want(const Verdict& verdict) {
    check_.set_wanted(verdict);
    journal_.set_question(Question(verdict));
  }

  void Hold(const Verdict& verdict) {
    Want(verdict);
    WireWriter record;
    record.Put(Tell::kHold);
    record.Put(verdict.kind);
    record.Put(std::string_view(verdict.configuration));
    record.Put(std::string_view(verdict.against));
    record.Put(std::string_view(verdict.error_class));
    Put(record);
  }

  bool Stopped() const { return options_.reduce.stopped && options_.reduce.stopped(); }

  // Runs the case, and tells the parent before and after.
  bool Shows(const Case& test_case) {
    const uint64_t key = journal_.Key(SerializeCase(test_case));
    Announce(key);
    const bool shows = FailsOften([&] { return check_.Shows(test_case); }, repeats_);
    if (Stopped()) return false;
    Answer(shows);
    return shows;
  }

  void Answer(bool shows) {
    WireWriter record;
    record.Put(Tell::kAnswer);
    record.Put(shows);
    Put(record);
  }

  void Keep(const Case& test_case) {
    WireWriter record;
    record.Put(Tell::kKeep);
    record.Put(std::string_view(SerializeCase(test_case)));
    Put(record);
  }

  bool Interesting(const Case& test_case) {
    const uint64_t key = journal_.Key(SerializeCase(test_case));
    bool shows = false;
    if (const auto known = journal_.Find(key)) {
      shows = *known == Journal::Answer::kFails;
    } else {
      shows = Shows(test_case);
      if (Stopped()) return false;
      journal_.Add(key, shows ? Journal::Answer::kFails : Journal::Answer::kPasses);
    }
    if (shows) Keep(test_case);
    return shows;
  }

  // Whether the case shows the symptom `held`; if so, that is held from here on.
  bool Switch(const Case& test_case, const Verdict& held) {
    const Verdict before = check_.wanted();
    Want(held);
    if (!Interesting(test_case)) {
      Want(before);
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
    journal_.set_question(Question(wanted, true));
    const uint64_t key = journal_.Key(SerializeCase(test_case));
    journal_.set_question(Question(wanted));
    if (journal_.Find(key) == Journal::Answer::kDied || Stopped()) return std::nullopt;
    Announce(key);
    const std::vector<Verdict> verdicts = check_.Judge(test_case);
    Answer(false);  // of the question whether it is what is held
    for (const Verdict& verdict : verdicts) {
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
    bool first = true;
    const auto interesting = [&](const Case& c) {
      const bool shows = Shows(c);
      // Whatever happens from here on, the original is known to fail.
      if (first && shows) Keep(c);
      first = false;
      return shows;
    };
    ReduceOptions reduce = options_.reduce;
    reduce.journal = &journal_;
    reduce.on_best = [this](const Case& best) {
      Keep(best);
      if (options_.reduce.on_best) options_.reduce.on_best(best);
    };
    reduce.on_fork = [this](const std::function<bool()>&) {
      silent_ = true;
      MakePrivate(state_);
    };
    Result<ReduceResult> result = Reduce(original, interesting, reduce);
    if (!result) return original;
    if (IsSpecial(check_.wanted())) {
      const Case plain = Plain(result->reduced);
      if (!IsSpecial(check_.wanted())) {
        Result<ReduceResult> again = Reduce(plain, interesting, reduce);
        if (again) {
          again->checks += result->checks;
          again->known += result->known;
          again->finished = again->finished && result->finished;
          result = std::move(again);
        }
      }
    }
    // What failed last may be larger than the original, on the way to something smaller.
    Keep(result->reduced);
    WireWriter record;
    record.Put(Tell::kDone);
    record.Put(result->minimal);
    record.Put(result->finished);
    record.Put(result->checks);
    record.Put(result->known);
    Put(record);
    return result->reduced;
  }

  void Blame(const Case& best) {
    observer_.Enter(Stage::kConfiguration, 0);
    const std::string blamed = BlameOptimizer(best, check_);
    WireWriter record;
    record.Put(Tell::kBlame);
    record.Put(std::string_view(blamed));
    Put(record);
  }

  const Progress& before_;
  const ReduceInChildOptions& options_;
  Journal& journal_;
  const std::function<void(std::string_view)>& send_;
  SharedState& state_;
  Repeats repeats_;
  bool silent_ = false;  // a process that walks ahead for the search: the parent must not hear it
  SharedStageObserver observer_;
  SymptomCheck check_;
};

// What the child wrote to the journal's file, if there is one, is known here as well from now on.
void Hear(std::string_view output, Progress& progress, Journal& journal) {
  WireReader frames(output);
  while (frames.ok() && !frames.done()) {
    WireReader record(frames.GetView());
    if (!frames.ok()) return;
    switch (record.Get<Tell>()) {
      case Tell::kTry:
        progress.trying = record.Get<uint64_t>();
        break;
      case Tell::kAnswer: {
        const bool fails = record.Get<bool>();
        journal.Learn(progress.trying, fails ? Journal::Answer::kFails : Journal::Answer::kPasses);
        progress.trying = 0;
        break;
      }
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
      case Tell::kRate:
        progress.rate.runs = record.Get<int>();
        progress.rate.failures = record.Get<int>();
        break;
      case Tell::kDone:
        progress.reduced = true;
        progress.counts.minimal = record.Get<bool>();
        progress.counts.finished = record.Get<bool>();
        progress.counts.checks = record.Get<int>();
        progress.counts.known = record.Get<int>();
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
  Journal own;
  Journal& journal = options.reduce.journal != nullptr ? *options.reduce.journal : own;
  ReduceInChildOptions left = options;
  // What is cut off before the passes begin counts as well.
  left.reduce.max_bytes = std::max(options.reduce.max_bytes, SerializeCase(test_case).size());
  ChildReduction reduction;
  ChildLimits limits = options.child.limits;
  const auto start = std::chrono::steady_clock::now();
  while (true) {
    // Where a child died, the next one walks the same way by the journal, so it starts from the
    // beginning, too.
    Progress before = progress;
    if (!progress.reduced) {
      before.best = test_case;
      before.held = wanted;
    }
    limits.wall_seconds = 2 * left.reduce.max_seconds + 30;
    limits.idle_seconds = limits.wall_seconds;  // it waits for children of its own
    const ChildResult end = RunInChild(
        [&](SharedState& state, const std::function<void(std::string_view)>& send) {
          SilenceOutput();
          InstallFatalSignalHandlers(state, options.child.runtime_modules);
          Result<Configurations> opened = open();
          if (!opened) return 1;
          Child(before, wanted, left, journal, std::move(*opened), state, send).Run();
          return 0;
        },
        limits);
    Hear(end.output, progress, journal);
    if (end.end == ChildEnd::kExited) break;
    ++reduction.deaths;
    const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;
    left.reduce.max_seconds = options.reduce.max_seconds - elapsed.count();
    const bool told = progress.trying != 0 && !journal.Find(progress.trying);
    if (told) journal.Add(progress.trying, Journal::Answer::kDied);
    progress.trying = 0;
    if (!told || reduction.deaths == kMostDeaths || left.reduce.max_seconds <= 0) break;
  }
  reduction.showed = progress.showed;
  reduction.held = progress.held;
  reduction.identity = progress.identity;
  reduction.blamed_optimizer = progress.blamed_optimizer;
  reduction.rate = progress.rate;
  reduction.repeats = RepeatsFor(progress.rate);
  reduction.result = progress.counts;
  reduction.result.reduced = progress.best;
  reduction.result.nodes_before = NodesOf(test_case);
  reduction.result.nodes_after = NodesOf(progress.best);
  reduction.result.bytes_before = SerializeCase(test_case).size();
  reduction.result.bytes_after = SerializeCase(progress.best).size();
  return reduction;
}

}  // namespace moire
