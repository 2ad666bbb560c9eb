#include "harness/campaign/worker.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>

#include "fuzzers/feedback/base_case.h"
#include "fuzzers/feedback/extra_counters.h"
#include "fuzzers/generate/contributed.h"
#include "harness/backends/ort/ort_backend.h"
#include "harness/backends/spec.h"
#include "harness/campaign/probe.h"
#include "oracles/configuration_name.h"
#include "synth/finding.h"
#include "synth/symptom_check.h"

namespace moire {
namespace {

// One case in so many runs every configuration; so does one that reached this many new blocks.
// (Nearly every case of a young campaign reaches a few.)
constexpr uint64_t kSampleAll = 16;
constexpr size_t kManyNewBlocks = 64;
// Configurations that run every case; the rest only those that brought something new.
constexpr size_t kFastTier = 2;

// What only rejections reach would trap in each of them: so often is a block given another chance.
constexpr uint8_t kMaxPutBacks = 3;

// Serialised cases that stay parsed; in memory they take about four times as much.
constexpr size_t kParentBytes = size_t{32} << 20;

// Cases with contributed operators, where the campaign has them.
constexpr double kContributedShare = 0.75;

// Row of the journal that marks a new process.
constexpr std::string_view kRestart = "#restart";

// How the reason begins where a configuration was not run.
constexpr std::string_view kAvoided = "avoided: ";

uint64_t Hash(std::string_view bytes) { return HashBytes(bytes.data(), bytes.size()); }

}  // namespace

Result<std::unique_ptr<Worker>> Worker::Create(WorkerConfig config) {
  std::unique_ptr<Worker> worker(new Worker(std::move(config)));
  MOIRE_TRY(worker->Open());
  return worker;
}

// Without feedback a case depends on the seed and its index alone: nothing is remembered of others.
Worker::Worker(WorkerConfig config)
    : config_(std::move(config)),
      parents_(kParentBytes),
      search_(config_.feedback == "none" ? ValueSearchOptions{.cache_size = 0}
                                         : ValueSearchOptions{}) {}

Worker::~Worker() {
  if (case_log_ != nullptr) std::fclose(case_log_);
  if (malformed_file_ >= 0) close(malformed_file_);
}

Status Worker::OpenSharedMappings() {
  int fd = -1;
  if (!config_.state.empty()) {
    fd = open(config_.state.c_str(), O_RDWR | O_CLOEXEC);
    if (fd < 0) {
      return Fail(ErrorCode::kEnvironment, "cannot open '{}': {}", config_.state,
                  std::strerror(errno));
    }
  }
  state_ = MapSharedState(fd);
  if (fd >= 0) close(fd);
  stats_ = config_.stats.empty() ? new WorkerStats : MapWorkerStats(config_.stats);
  if (state_ == nullptr || stats_ == nullptr) {
    return Fail(ErrorCode::kEnvironment, "cannot map the shared state: {}", std::strerror(errno));
  }
  observer_ = std::make_unique<SharedStageObserver>(*state_);
  InstallFatalSignalHandlers(*state_, {"onnxruntime"});
  return {};
}

Status Worker::Open() {
  if (config_.whole_standard) settings_ = WholeStandard();
  if (!config_.schemas.empty()) {
    MOIRE_ASSIGN(const std::string list, ReadFile(config_.schemas));
    MOIRE_ASSIGN(auto schemas, ParseSchemaList(list, kContributedDomain));
    AddContributedSchemas(std::move(schemas));
    settings_.contributed_share = kContributedShare;
  }
  settings_.min_nodes = config_.min_nodes;
  settings_.max_nodes = config_.max_nodes;
  next_case_ = config_.first_case;
  MOIRE_TRY(OpenSharedMappings());
  // Before the environment is made: its blocks belong to the base.
  if (config_.feedback == "breakpoints") MOIRE_TRY(ArmCoverage());
  for (const std::string& spec : config_.specs) {
    MOIRE_ASSIGN(auto opened, OpenConfigurations(spec));
    for (auto& configuration : opened) configurations_.push_back(std::move(configuration));
  }
  if (configurations_.empty()) return Fail(ErrorCode::kInvalidInput, "no configuration to fuzz");
  for (const auto& configuration : configurations_) {
    classes_.push_back(ConfigurationClass(configuration->name()));
  }
  if (!config_.journal.empty()) {
    MOIRE_ASSIGN(journal_, JournalWriter::Open(config_.journal));
  }
  if (config_.feedback == "none" && !config_.directory.empty()) {
    case_log_ = std::fopen((config_.directory + "/cases.log").c_str(), "ae");
    if (case_log_ == nullptr) {
      return Fail(ErrorCode::kEnvironment, "cannot write '{}/cases.log': {}", config_.directory,
                  std::strerror(errno));
    }
  }
  if (coverage_) {
    MOIRE_TRY(CountBase());
    coverage_->Disarm();  // what the probes reach is left for the campaign
  }
  MOIRE_TRY(Learn());
  learned_rows_ = learned_.Rows();
  MOIRE_TRY(OpenMalformed());
  if (coverage_) {
    MOIRE_TRY(coverage_->Arm());
    WarmUp(*coverage_, [&] {
      for (const auto& configuration : configurations_) configuration->Run(BaseCase());
    });
  }
  if (config_.feedback != "none") {
    MOIRE_ASSIGN(waypoints_, Waypoints::Open());
  }
  LoadRules();
  if (journal_) {
    // What the mutator knows when this process starts; kRestart clears what it forgot.
    journal_->Write({JournalRecord::kRow, 0, 0, 0, 0, std::string(kRestart)});
    for (const std::string& row : learned_.Rows()) {
      journal_->Write({JournalRecord::kRow, 0, 0, 0, 0, row});
    }
  }
  return config_.rerun.empty() ? Status{} : Rerun();
}

// Repeats the cases of a journal and ends the process. Parents are kept only where a later record
// needs them; those that no record made are taken from the corpus. After a death the next process
// makes all cases again and runs those past the one that died (first_case: their index among the
// records).
Status Worker::Rerun() {
  MOIRE_ASSIGN(const auto records, ReadJournal(config_.rerun));
  std::unordered_map<uint64_t, std::string> parents;
  std::unordered_set<uint64_t> needed;
  for (const JournalRecord& record : records) {
    if (record.kind == JournalRecord::kRow) continue;
    needed.insert({record.first, record.second});
  }
  for (const std::string& directory : config_.rerun_corpus) {
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator(directory, error)) {
      if (auto bytes = ReadFile(entry.path().string()); bytes && needed.contains(Hash(*bytes))) {
        parents[Hash(*bytes)] = std::move(*bytes);
      }
    }
  }
  parents[Hash("")];  // libFuzzer's own first inputs
  parents[Hash("\n")] = "\n";
  learned_ = Learned();
  std::vector<uint8_t> out(kMaxSharedCase);
  uint64_t differing = 0;
  uint64_t index = 0;
  for (const JournalRecord& record : records) {
    if (record.kind == JournalRecord::kRow) {
      if (record.row == kRestart) {
        parents_.Clear();
        search_.Clear();
        made_.reset();
        made_bytes_.clear();
        learned_ = Learned();
      } else {
        learned_.ReadRow(record.row);
      }
      continue;
    }
    const auto first = parents.find(record.first);
    const auto second = parents.find(record.second);
    const std::string& a = first == parents.end() ? made_bytes_ : first->second;
    const std::string& b = second == parents.end() ? made_bytes_ : second->second;
    const size_t size = record.kind == JournalRecord::kCrossover ? Crossover(a, b, out, record.seed)
                                                                 : Mutate(a, out, record.seed);
    const std::string made(reinterpret_cast<const char*>(out.data()), size);
    if (Hash(made) != record.output) ++differing;
    if (needed.contains(record.output)) parents[record.output] = made;
    if (index++ < config_.first_case) continue;
    stats_->next_case = index;
    Test(made);
  }
  fmt::print("rerun: {} cases, {} differ from the journal\n", stats_->cases.load(), differing);
  std::fflush(nullptr);
  _exit(differing == 0 ? 0 : 3);
}

// With --rerun the file of the campaign that wrote the journal: a case is in it before it can be a
// parent.
Status Worker::OpenMalformed() {
  if (config_.directory.empty()) return {};
  const std::string path = config_.rerun.empty()
                               ? MalformedFile(config_.directory)
                               : MalformedFile(std::filesystem::path(config_.rerun).parent_path());
  if (const auto bytes = ReadFile(path)) {
    for (size_t at = 0; at + sizeof(uint64_t) <= bytes->size(); at += sizeof(uint64_t)) {
      uint64_t hash = 0;
      std::memcpy(&hash, bytes->data() + at, sizeof hash);
      malformed_.insert(hash);
    }
  }
  if (!config_.rerun.empty()) return {};
  malformed_file_ = open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (malformed_file_ >= 0) return {};
  return Fail(ErrorCode::kEnvironment, "cannot write '{}': {}", path, std::strerror(errno));
}

void Worker::NoteMalformed(uint64_t hash) {
  if (!malformed_.insert(hash).second || malformed_file_ < 0) return;
  // Appending is atomic for few bytes, so several workers share the file.
  if (write(malformed_file_, &hash, sizeof hash) < 0) {
    fmt::print(stderr, "moire: cannot write the malformed cases: {}\n", std::strerror(errno));
  }
}

// What the first configuration does not implement: read from the campaign's file, or probed now.
Status Worker::Learn() {
  const std::string path = config_.directory.empty() ? "" : LearnedFile(config_.directory);
  if (!path.empty()) {
    if (const auto text = ReadFile(path)) {
      size_t at = 0;
      while (at < text->size()) {
        const size_t end = std::min(text->find('\n', at), text->size());
        learned_.ReadRow(std::string_view(*text).substr(at, end - at));
        at = end + 1;
      }
      return {};
    }
  }
  ProbeInChildren(settings_, *configurations_.front(), learned_);
  std::string text;
  for (const std::string& row : learned_.Rows()) text += row + "\n";
  return path.empty() ? Status{} : WriteFile(path, text);
}

Status Worker::ArmCoverage() {
  MOIRE_ASSIGN(const BackendSpec spec, ParseSpec(config_.specs.front(), "ort"));
  MOIRE_ASSIGN(const std::string library, LoadOrtLibrary(spec.target));
  MOIRE_ASSIGN(coverage_, BreakpointCoverage::Find(library));
  MOIRE_TRY(coverage_->Arm());
  return {};
}

// The base: what any model at all reaches.
Status Worker::CountBase() {
  for (const auto& configuration : configurations_) configuration->Run(BaseCase());
  coverage_->TakeNew(new_blocks_);
  MOIRE_ASSIGN(blocks_,
               BlockSet::Open(config_.directory.empty() ? "" : BlocksFile(config_.directory),
                              coverage_->blocks()));
  blocks_->Add(new_blocks_);
  stats_->blocks_total = coverage_->blocks();
  stats_->blocks_base = new_blocks_.size();
  stats_->blocks_reached = blocks_->count();
  return {};
}

void Worker::LoadRules() {
  rules_version_ = stats_->rules_version;
  if (config_.directory.empty()) return;
  const auto text = ReadFile(RulesFile(config_.directory));
  if (!text) return;
  if (auto rules = RulesFromJson(*text)) rules_ = std::move(*rules);
}

// Which rules the case matches, and whether this match is a probe. Once a case, when the reference
// has told what the values are.
void Worker::ApplyRules(const Model& model) {
  applied_ = true;
  for (const size_t r : possible_) {
    if (!Matches(rules_[r], model, facts_)) continue;
    RuleCounters& counters = stats_->rules[r];
    const uint64_t passes = counters.passes;
    if (counters.CountMatch()) {
      probed_.emplace_back(r, passes);
    } else {
      heeded_.push_back(r);
    }
  }
}

// A case that an avoid rule matches is not run where it would die, except as a probe.
std::optional<Observation> Worker::Instead(int configuration, const Model& model) {
  if (!applied_) ApplyRules(model);
  const std::string& name = classes_[static_cast<size_t>(configuration)];
  for (const size_t r : heeded_) {
    const AvoidRule& rule = rules_[r];
    if (std::ranges::find(rule.configurations, name) == rule.configurations.end()) continue;
    Observation skipped;
    skipped.outcome = Outcome::kUnsupported;
    skipped.reason = std::string(kAvoided) + rule.cause;
    return skipped;
  }
  return std::nullopt;
}

// What the worker notes of the reference's run on a case; what it noted of another is forgotten.
std::function<void(const Node&, std::span<const RangeTensor>)> Worker::Notes(
    const GeneratedCase& parsed) {
  types_.clear();
  counter_.Begin();
  possible_.clear();
  for (size_t r = 0; r < std::min(rules_.size(), kMaxRules); ++r) {
    if (MayMatch(rules_[r], parsed.model)) possible_.push_back(r);
  }
  if (!possible_.empty()) facts_ = FactsOfInputs(parsed.model, parsed.inputs);
  return [this](const Node& node, std::span<const RangeTensor> values) {
    counter_.AddNode(node, values);
    for (size_t i = 0; i < std::min(values.size(), node.outputs.size()); ++i) {
      if (waypoints_) types_[node.outputs[i]] = values[i].type;
      if (possible_.empty()) continue;
      facts_[node.outputs[i]] = {values[i].type, FlagsOf(values[i])};
    }
  };
}

// `known`: null, or what the fast configurations showed, beside which the others are run and
// judged.
Execution Worker::RunCase(const Case& test_case, const GeneratedCase& parsed,
                          const Execution* known) {
  ExecuteOptions options;
  options.observer = observer_.get();
  const std::span<const std::unique_ptr<Configuration>> configurations(configurations_);
  const size_t fast = std::min(kFastTier, configurations.size());
  // Putting the case together ran the reference already.
  if (evaluated_ && &parsed == made_.get()) {
    options.evaluated = &*evaluated_;
  } else {
    options.on_node = Notes(parsed);
  }
  heeded_.clear();
  probed_.clear();
  applied_ = false;
  if (!possible_.empty() || known != nullptr) {
    options.instead = [this, known](int configuration, const Model& model) {
      const auto index = static_cast<size_t>(configuration);
      if (known != nullptr && index < known->observations.size()) {
        return std::optional(known->observations[index]);
      }
      return possible_.empty() ? std::nullopt : Instead(configuration, model);
    };
  }
  Execution execution =
      Execute(test_case, parsed.model,
              known != nullptr ? configurations : configurations.first(fast), options);
  evaluated_.reset();
  // What was not run says nothing of the configuration, and nothing against another.
  if (!heeded_.empty()) {
    std::erase_if(execution.verdicts, [&](const Verdict& verdict) {
      return std::ranges::any_of(execution.observations, [&](const Observation& seen) {
        return seen.reason.starts_with(kAvoided) && (seen.configuration == verdict.configuration ||
                                                     seen.configuration == verdict.against);
      });
    });
  }
  if (known != nullptr) {
    // Said already.
    std::erase_if(execution.verdicts, [&](const Verdict& verdict) {
      return std::ranges::any_of(known->observations, [&](const Observation& seen) {
        return seen.configuration == verdict.configuration;
      });
    });
    execution.observations.erase(
        execution.observations.begin(),
        execution.observations.begin() + static_cast<int64_t>(known->observations.size()));
  }
  const bool died = std::ranges::any_of(
      execution.verdicts, [](const Verdict& verdict) { return IsDeath(verdict.kind); });
  for (const auto& [rule, passes] : probed_) {
    if (!died) stats_->rules[rule].Passed(passes);
  }
  return execution;
}

void Worker::Account(const GeneratedCase& parsed, const Execution& execution, bool accepted) {
  ++stats_->cases;
  ++state_->cases;
  if (!parsed.malformed) {
    ++stats_->well_formed;
    if (accepted) ++stats_->valid;
    if (accepted && parsed.options.external_data_bytes > 0) ++stats_->external_data;
  }
  bool avoided = false;
  for (const Observation& seen : execution.observations) {
    if (seen.outcome != Outcome::kUnsupported) continue;
    const bool by_rule = seen.reason.starts_with(kAvoided);
    avoided = avoided || by_rule;
    if (!by_rule) ++stats_->unimplemented;
  }
  if (avoided) ++stats_->avoided;
  if (!execution.reference) return;
  const bool rejected = execution.reference->status == ReferenceStatus::kRejected;
  counter_.Finish(parsed, !parsed.malformed && !rejected, accepted, *stats_);
  if (execution.reference->status == ReferenceStatus::kOverBudget) ++stats_->over_budget;
  if (!accepted || execution.reference->status != ReferenceStatus::kEvaluated) return;
  std::array<Judged, kNumTypes> judged{};
  std::vector<std::vector<float>> bounds(kNumTypes);
  CountJudged(*execution.reference, judged, &bounds);
  stats_->Count(judged, bounds);
}

void Worker::Feedback(const Model& model, const Execution& execution, bool accepted) {
  if (coverage_) {
    coverage_->TakeNew(new_blocks_);
    if (accepted) {
      LightBlocks(new_blocks_);
      blocks_->Add(new_blocks_);
    } else {
      // A case that runs may still be the first to reach them.
      coverage_->PutBack(new_blocks_, kMaxPutBacks);
      new_blocks_.clear();
    }
    const uint64_t reached = blocks_->count();
    stats_->blocks_reached = reached;
    stats_->blocks_valid = reached - std::min<uint64_t>(reached, stats_->blocks_base);
  }
  if (waypoints_ && accepted && execution.observations.size() >= 2) {
    RunFacts facts;
    facts.model = &model;
    facts.types = std::move(types_);
    facts.results =
        PairResults(model, execution.observations[0].outputs, execution.observations[1].outputs);
    waypoints_->Observe(facts);
  }
}

// Operators that make the output a verdict is about, or all of a small model: what is known of the
// place before reduction.
std::string Worker::GroupOf(const Verdict& verdict, const Model& model,
                            const std::string& symptom) const {
  std::string place;
  if (verdict.output >= 0 && static_cast<size_t>(verdict.output) < model.graph.outputs.size()) {
    const std::string& output = model.graph.outputs[static_cast<size_t>(verdict.output)].name;
    for (const Node& node : model.graph.nodes) {
      if (std::find(node.outputs.begin(), node.outputs.end(), output) == node.outputs.end())
        continue;
      place = node.op;
      const auto fact = std::find_if(model.graph.outputs.begin(), model.graph.outputs.end(),
                                     [&](const ValueInfo& value) { return value.name == output; });
      place += fmt::format("/{}", Name(fact->type.type));
    }
  }
  return symptom + "|" + place;
}

void Worker::Report(std::string_view bytes, const Model& model, const Execution& execution) {
  if (config_.directory.empty() && !config_.abort_on_bug) return;
  for (const Verdict& verdict : execution.verdicts) {
    if (!IsBug(verdict.kind)) continue;
    Candidate candidate;
    candidate.symptom = SymptomKey(verdict);
    candidate.group = GroupOf(verdict, model, candidate.symptom);
    GroupCount& count = groups_[candidate.group];
    if (++count.seen < count.next) continue;
    candidate.case_bytes = bytes;
    candidate.verdict = verdict;
    candidate.worker = config_.worker;
    candidate.sightings = count.seen - count.written;
    count.written = count.seen;
    count.next = count.seen < 3 ? count.seen + 1 : 2 * count.seen;
    if (config_.abort_on_bug) {
      fmt::print(stderr, "moire: {}: {}: {}\n", verdict.configuration, Name(verdict.kind),
                 verdict.reason);
      std::abort();
    }
    const std::string name = fmt::format("w{}-{}-{:06}", config_.worker, getpid(), candidates_++);
    if (const Status status = WriteCandidate(InboxDirectory(config_.directory), name, candidate);
        !status) {
      fmt::print(stderr, "moire: {}\n", status.error().message);
    }
  }
}

void Worker::NoteRejections(const Model& model, const Execution& execution) {
  for (const Observation& seen : execution.observations) {
    if (seen.outcome != Outcome::kUnsupported || seen.reason.starts_with(kAvoided)) continue;
    if (!learned_.NoteRejection(model, seen.reason)) continue;
    const auto before = std::exchange(learned_rows_, learned_.Rows());
    std::string rows;
    for (const std::string& row : learned_rows_) {
      if (std::binary_search(before.begin(), before.end(), row)) continue;
      if (journal_) journal_->Write({JournalRecord::kRow, 0, 0, 0, 0, row});
      rows += row + "\n";
    }
    if (config_.directory.empty()) continue;
    // Appending is atomic for short rows, so several workers share the file.
    const int fd = open(LearnedFile(config_.directory).c_str(), O_WRONLY | O_APPEND | O_CLOEXEC);
    if (fd < 0) continue;
    if (write(fd, rows.data(), rows.size()) < 0) {
      fmt::print(stderr, "moire: cannot write '{}': {}\n", LearnedFile(config_.directory),
                 std::strerror(errno));
    }
    close(fd);
  }
}

// One line a case: its hash and its verdicts, for comparing two runs byte for byte.
void Worker::LogCase(std::string_view bytes, const Execution& execution) {
  if (case_log_ == nullptr) return;
  std::string line = fmt::format("{} {:016x}", next_case_ - 1, Hash(bytes));
  for (const Verdict& verdict : execution.verdicts) {
    line += fmt::format(" {}={}", verdict.configuration, Name(verdict.kind));
    if (IsBug(verdict.kind)) line += fmt::format("({})", verdict.reason);
  }
  std::replace(line.begin(), line.end(), '\n', ' ');
  line += '\n';
  std::fputs(line.c_str(), case_log_);
  std::fflush(case_log_);
}

void Worker::Test(std::string_view bytes) {
  if (bytes.empty()) return;
  if (stats_->rules_version != rules_version_) {
    LoadRules();
    evaluated_.reset();  // its notes were taken under other rules
  }
  Share(bytes);
  observer_->Enter(Stage::kParse, -1);
  const auto parsed = Take(bytes);
  if (!parsed) {
    observer_->Enter(Stage::kIdle, -1);
    return;
  }
  std::optional<Case> own;
  const Case& test_case = parsed == made_ ? made_case_ : own.emplace(*ParseCase(bytes));
  const Execution execution = RunCase(test_case, *parsed, nullptr);
  const bool accepted = !execution.observations.empty() &&
                        execution.observations.front().outcome == Outcome::kOutputs;
  new_blocks_.clear();
  Account(*parsed, execution, accepted);
  Feedback(parsed->model, execution, accepted);
  Report(bytes, parsed->model, execution);
  if (config_.rerun.empty()) NoteRejections(parsed->model, execution);
  LogCase(bytes, execution);
  if (configurations_.size() > kFastTier &&
      (new_blocks_.size() >= kManyNewBlocks || Mix64(Hash(bytes)) % kSampleAll == 0)) {
    const Execution slow = RunCase(test_case, *parsed, &execution);
    Report(bytes, parsed->model, slow);
    LogCase(bytes, slow);
    new_blocks_.clear();
    Feedback(parsed->model, slow, accepted);
  }
  const uint64_t done = config_.feedback == "none" ? next_case_ : stats_->cases.load();
  if (config_.cases != 0 && done >= config_.cases) _exit(0);
}

}  // namespace moire
