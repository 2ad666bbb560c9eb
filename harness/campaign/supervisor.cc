#include "harness/campaign/supervisor.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <thread>

#include "harness/campaign/avoid.h"
#include "harness/case/case.h"
#include "harness/case/model_files.h"
#include "harness/case/random.h"

namespace moire {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

std::atomic<int> g_interrupted{0};
void OnInterrupt(int) { ++g_interrupted; }

constexpr double kPollSeconds = 0.02;
constexpr double kPlainLineSeconds = 10;  // when not a terminal
constexpr double kLiveLineSeconds = 0.5;
constexpr double kStatsSeconds = 10;
constexpr double kDrainSeconds = 180;      // for triage after the workers have ended
constexpr double kShortDrainSeconds = 15;  // the same, after Ctrl-C
constexpr int kSightingsForRule = 2;
constexpr uint64_t kPassesToForget = 5;
constexpr int kFruitlessDeaths = 20;  // deaths in a row without a new case: give up
// Of a large corpus a restarted worker reads only this many: the newest, and a sample of the rest.
constexpr size_t kFavouredNewest = 300;
constexpr size_t kFavouredSample = 300;

size_t Cores() { return std::max(1u, std::thread::hardware_concurrency()); }

double Since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

class Supervisor {
 public:
  Supervisor(const FuzzOptions& options, std::vector<std::string> specs, Store store,
             KnownFindings known)
      : options_(options),
        store_(std::move(store)),
        known_(std::move(known)),
        specs_(std::move(specs)),
        terminal_(isatty(STDERR_FILENO) != 0) {}

  Result<CampaignSummary> Run();

 private:
  struct Slot {
    WorkerProcess process;
    uint64_t starts = 0;
    uint64_t cases_at_start = 0;
    int fruitless = 0;
    bool done = false;
  };

  Status Prepare();
  Status StartWorker(Slot& slot);
  std::vector<std::string> Corpora(Slot& slot);
  void CollectCorpus(const std::string& directory);
  Status PollWorkers();
  Status OnDeath(Slot& slot, WorkerDeath death);
  Status PollTriage();
  Status NoteRule(const TriageResult& result);
  Status ForgetPassedRules();
  Status PublishRules();
  Status DropRule(size_t index);
  bool Finished() const;
  Status Line(bool last);
  Totals Sum();
  Result<CampaignSummary> Summarise();

  const FuzzOptions& options_;
  Store store_;
  KnownFindings known_;
  std::vector<std::string> specs_;
  bool terminal_;
  std::vector<Slot> slots_;
  std::unique_ptr<TriageQueue> triage_;
  std::vector<AvoidRule> rules_;      // in force
  std::vector<AvoidRule> sightings_;  // not often enough yet
  uint64_t restarts_ = 0;
  uint64_t died_ = 0;
  uint64_t corpus_ = 0;
  uint64_t findings_ = 0;
  bool stop_ = false;
  Clock::time_point start_ = Clock::now();
  double last_line_ = -1e9;
  double last_stats_ = 0;
  uint64_t line_cases_ = 0;
};

// Every configuration with its settings, so that workers, triage and bundles name the same.
Result<std::vector<std::string>> WholeSpecs(const std::vector<std::string>& backends) {
  std::vector<std::string> specs;
  for (const std::string& backend : backends) {
    MOIRE_ASSIGN(const auto opened, OpenConfigurations(backend));
    for (const auto& configuration : opened) specs.push_back(configuration->name());
  }
  // The two ends of the optimiser first: they run every case.
  const auto rank = [](const std::string& spec) {
    if (spec.find("threads=") != std::string::npos) return 3;
    if (spec.find("level=none") != std::string::npos) return 0;
    return spec.find("level=all") != std::string::npos ? 1 : 2;
  };
  std::ranges::stable_sort(specs, {}, rank);
  return specs;
}

// Bundles that a triage process was killed over.
void RemoveUnfinished(const std::string& findings) {
  std::error_code error;
  std::vector<fs::path> unfinished;
  for (const auto& entry : fs::directory_iterator(findings, error)) {
    if (entry.path().extension() == ".new") unfinished.push_back(entry.path());
  }
  for (const fs::path& path : unfinished) fs::remove_all(path, error);
}

Status Supervisor::Prepare() {
  std::error_code error;
  for (const std::string& directory :
       {CorpusDirectory(options_.out), InboxDirectory(options_.out), options_.out + "/findings"}) {
    fs::create_directories(directory, error);
    if (error) {
      return Fail(ErrorCode::kEnvironment, "cannot make '{}': {}", directory, error.message());
    }
  }
  RemoveUnfinished(options_.out + "/findings");
  if (const auto text = ReadFile(RulesFile(options_.out))) {
    if (auto rules = RulesFromJson(*text)) rules_ = std::move(*rules);
  }
  // Found by an earlier run, known to this one.
  MOIRE_ASSIGN(const auto findings, store_.Findings());
  for (const StoredFinding& finding : findings) {
    const KnownEntry* known = known_.Find(finding.cause, Today());
    if (known == nullptr || finding.state != FindingState::kNew) continue;
    MOIRE_TRY(store_.Mark(finding.cause, FindingState::kKnown, known->reason, known->expires));
  }
  findings_ = findings.size();
  // What the workers of an earlier run left behind.
  const std::string workers = options_.out + "/workers";
  if (fs::exists(workers)) {
    for (const auto& entry : fs::directory_iterator(workers, error)) {
      CollectCorpus(entry.path().string() + "/new");
    }
    fs::remove_all(workers, error);
  }
  if (options_.feedback == "none") fs::remove(options_.out + "/cases.log", error);
  corpus_ = static_cast<uint64_t>(std::distance(
      fs::directory_iterator(CorpusDirectory(options_.out)), fs::directory_iterator()));
  triage_ = std::make_unique<TriageQueue>(
      TriageQueue::Settings{options_.out, options_.program, specs_, 60}, store_);
  const int jobs = options_.rerun.empty() && options_.feedback != "none" ? options_.jobs : 1;
  const size_t workers_at_once = static_cast<size_t>(jobs);
  if (Cores() > workers_at_once) triage_->set_processes(Cores() - workers_at_once);
  for (int i = 0; i < jobs; ++i) {
    MOIRE_ASSIGN(WorkerProcess process,
                 WorkerProcess::Prepare(fmt::format("{}/{}", workers, i), i));
    slots_.push_back({std::move(process)});
  }
  for (Slot& slot : slots_) MOIRE_TRY(StartWorker(slot));
  return {};
}

// Moves a worker's new corpus entries to the campaign's. Names are hashes of the content.
void Supervisor::CollectCorpus(const std::string& directory) {
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(directory, error)) {
    std::error_code failed;
    fs::rename(entry.path(), CorpusDirectory(options_.out) + "/" + entry.path().filename().string(),
               failed);
    if (!failed) ++corpus_;
  }
}

// The directories a worker reads: its own (written), the favoured part of the campaign's corpus,
// and what the user gave.
std::vector<std::string> Supervisor::Corpora(Slot& slot) {
  std::vector<std::string> corpora = {slot.process.new_corpus()};
  std::vector<std::pair<fs::file_time_type, fs::path>> entries;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(CorpusDirectory(options_.out), error)) {
    entries.emplace_back(entry.last_write_time(error), entry.path());
  }
  if (entries.size() <= kFavouredNewest + kFavouredSample) {
    corpora.push_back(CorpusDirectory(options_.out));
  } else {
    std::sort(entries.rbegin(), entries.rend());
    Random random(Mix64(options_.seed) ^ slot.starts);
    for (size_t i = kFavouredNewest; i < kFavouredNewest + kFavouredSample; ++i) {
      std::swap(entries[i], entries[i + random.Index(entries.size() - i)]);
    }
    const std::string favoured = slot.process.directory() + "/favoured";
    fs::remove_all(favoured, error);
    fs::create_directories(favoured, error);
    for (size_t i = 0; i < kFavouredNewest + kFavouredSample; ++i) {
      fs::create_symlink(fs::absolute(entries[i].second),
                         favoured + "/" + entries[i].second.filename().string(), error);
    }
    corpora.push_back(favoured);
  }
  // Given corpora are read once, by the first start.
  if (slot.starts == 0) {
    corpora.insert(corpora.end(), options_.corpora.begin(), options_.corpora.end());
  }
  return corpora;
}

Status Supervisor::StartWorker(Slot& slot) {
  CollectCorpus(slot.process.new_corpus());
  WorkerConfig config;
  config.specs = specs_;
  config.feedback = options_.feedback;
  config.seed = options_.seed;
  config.min_nodes = options_.min_nodes;
  config.max_nodes = options_.max_nodes;
  config.whole_standard = options_.whole_standard;
  config.value_search = options_.value_search;
  config.schemas = options_.schemas;
  config.directory = options_.out;
  WorkerStats& stats = slot.process.stats();
  std::vector<std::string> corpora;
  if (options_.feedback == "none") {
    config.first_case = stats.next_case;
    config.cases = options_.cases;
    corpora = {slot.process.new_corpus()};
  } else {
    config.cases = (options_.cases + slots_.size() - 1) / std::max<size_t>(slots_.size(), 1);
    corpora = Corpora(slot);
    config.journal = fmt::format("{}/journal-{}.bin", options_.out, &slot - slots_.data());
  }
  if (!options_.rerun.empty()) {
    config.rerun = options_.rerun;
    config.first_case = stats.next_case;
    config.journal.clear();
    config.rerun_corpus = options_.corpora;
    config.rerun_corpus.push_back(CorpusDirectory(options_.out));
    config.rerun_corpus.push_back(fs::path(options_.rerun).parent_path() / "corpus");
    config.cases = 0;
  }
  slot.cases_at_start = stats.cases;
  const uint64_t seed = Mix64(Mix64(options_.seed) +
                              static_cast<uint64_t>(&slot - slots_.data()) * 1000003 + slot.starts);
  ++slot.starts;
  return slot.process.Start(options_.target, std::move(config), static_cast<unsigned>(seed >> 33),
                            corpora);
}

Status Supervisor::OnDeath(Slot& slot, WorkerDeath death) {
  RemoveAbandonedModelFiles();
  if (death.finished) {
    slot.done = true;
    if (!options_.rerun.empty()) fmt::print(stderr, "{}\n", death.last_line);
    return {};
  }
  if (!death.fatal.empty() && !options_.rerun.empty()) {
    return Fail(ErrorCode::kEnvironment, "{} (log: {}/log)", death.fatal, slot.process.directory());
  }
  if (!death.fatal.empty() && slot.process.stats().cases == 0) {
    std::string message = death.fatal;
    if (message.starts_with("moire: ")) message.erase(0, 7);
    return Fail(ErrorCode::kEnvironment, "a worker could not start: {} (log: {}/log)", message,
                slot.process.directory());
  }
  if (death.candidate) {
    ++died_;
    const std::string name = fmt::format("death-{}-{:06}", getpid(), died_);
    MOIRE_TRY(WriteCandidate(InboxDirectory(options_.out), name, *death.candidate));
    if (options_.feedback == "none") {
      std::FILE* log = std::fopen((options_.out + "/cases.log").c_str(), "ae");
      if (log != nullptr) {
        fmt::print(
            log, "{} {:016x} {}\n", slot.process.stats().next_case - 1,
            HashBytes(death.candidate->case_bytes.data(), death.candidate->case_bytes.size()),
            death.candidate->verdict.error_class);
        std::fclose(log);
      }
    }
  }
  slot.fruitless = slot.process.stats().cases > slot.cases_at_start ? 0 : slot.fruitless + 1;
  if (slot.fruitless >= kFruitlessDeaths) {
    return Fail(ErrorCode::kEnvironment,
                "worker {} died {} times in a row without running a case (log: {}/log)",
                &slot - slots_.data(), slot.fruitless, slot.process.directory());
  }
  ++restarts_;
  return StartWorker(slot);
}

Status Supervisor::PollWorkers() {
  for (Slot& slot : slots_) {
    if (auto death = slot.process.Poll(specs_)) MOIRE_TRY(OnDeath(slot, std::move(*death)));
  }
  const std::set<pid_t> suspects = triage_->TakeSuspects();
  for (Slot& slot : slots_) {
    if (!suspects.contains(slot.process.pid()) || options_.feedback == "none") continue;
    slot.process.Stop();
    ++restarts_;
    MOIRE_TRY(StartWorker(slot));
  }
  return {};
}

Status Supervisor::PublishRules() {
  MOIRE_TRY(WriteFile(RulesFile(options_.out), RulesToJson(rules_)));
  for (Slot& slot : slots_) ++slot.process.stats().rules_version;
  return {};
}

// The rule goes, and what led to it counts as new again.
Status Supervisor::DropRule(size_t index) {
  triage_->Forget(rules_[index].cause);
  rules_.erase(rules_.begin() + static_cast<int64_t>(index));
  for (Slot& slot : slots_) slot.process.stats().DropRule(index);
  return PublishRules();
}

// After a few sightings of one cause what they have in common becomes a rule.
Status Supervisor::NoteRule(const TriageResult& result) {
  if (!result.rule || options_.feedback == "none") return {};
  for (AvoidRule& rule : rules_) {
    if (rule.cause == result.rule->cause && Generalise(rule, *result.rule)) return PublishRules();
  }
  for (size_t i = 0; i < sightings_.size(); ++i) {
    if (sightings_[i].cause != result.rule->cause || !Generalise(sightings_[i], *result.rule)) {
      continue;
    }
    if (sightings_[i].sightings < kSightingsForRule) return {};
    rules_.push_back(std::move(sightings_[i]));
    sightings_.erase(sightings_.begin() + static_cast<int64_t>(i));
    return rules_.size() > kMaxRules ? DropRule(0) : PublishRules();
  }
  sightings_.push_back(*result.rule);
  return {};
}

Status Supervisor::ForgetPassedRules() {
  for (size_t r = 0; r < std::min(rules_.size(), kMaxRules); ++r) {
    uint64_t passes = 0;
    for (Slot& slot : slots_) passes += slot.process.stats().rules[r].passes;
    if (passes >= kPassesToForget) return DropRule(r);
  }
  return {};
}

Status Supervisor::PollTriage() {
  MOIRE_ASSIGN(const auto results, triage_->Poll());
  for (const TriageResult& result : results) {
    if (result.status != TriageStatus::kConfirmed) continue;
    MOIRE_TRY(NoteRule(result));
    const KnownEntry* known = known_.Find(result.finding.cause, Today());
    if (known != nullptr) {
      MOIRE_TRY(
          store_.Mark(result.finding.cause, FindingState::kKnown, known->reason, known->expires));
    } else if (options_.stop_on_finding) {
      MOIRE_ASSIGN(const StoredFinding stored, store_.Find(result.finding.cause));
      stop_ = stop_ || stored.state == FindingState::kNew;
    }
  }
  if (!results.empty()) {
    MOIRE_ASSIGN(const auto findings, store_.Findings());
    findings_ = findings.size();
  }
  return ForgetPassedRules();
}

bool Supervisor::Finished() const {
  if (stop_ || g_interrupted > 0) return true;
  if (options_.seconds > 0 && Since(start_) >= options_.seconds) return true;
  return std::all_of(slots_.begin(), slots_.end(), [](const Slot& slot) { return slot.done; });
}

Totals Supervisor::Sum() {
  Totals totals;
  for (Slot& slot : slots_) totals.Add(slot.process.stats());
  return totals;
}

Status Supervisor::Line(bool last) {
  const double now = Since(start_);
  const double every = terminal_ ? kLiveLineSeconds : kPlainLineSeconds;
  if (!last && now - last_line_ < every) return {};
  const Totals totals = Sum();
  const double rate = static_cast<double>(totals.cases - line_cases_) /
                      std::max(now - std::max(last_line_, 0.0), 1e-3);
  last_line_ = now;
  line_cases_ = totals.cases;
  uint64_t fresh = corpus_;
  std::error_code error;
  for (Slot& slot : slots_) {
    for (const auto& entry : fs::directory_iterator(slot.process.new_corpus(), error)) {
      fresh += entry.exists(error);
    }
  }
  std::string line = fmt::format(
      "{:>7} | {} cases {:.0f}/s | valid {:.1f}% | blocks {} | corpus {} | findings {}{} | "
      "restarts {}",
      FormatDuration(now), totals.cases, rate, 100 * totals.ValidShare(), totals.blocks_reached,
      fresh, findings_,
      triage_->waiting() > 0 ? fmt::format(" (+{} in triage)", triage_->waiting()) : "", restarts_);
  if (options_.seconds > 0) {
    line += fmt::format(" | {} left", FormatDuration(options_.seconds - now));
  }
  fmt::print(stderr, "{}{}{}", terminal_ ? "\r\033[K" : "", line, terminal_ && !last ? "" : "\n");
  std::fflush(stderr);
  if (last || now - last_stats_ >= kStatsSeconds) {
    last_stats_ = now;
    return store_.AddStats(
        {now, totals.cases, totals.valid, totals.blocks_reached, fresh, findings_, restarts_});
  }
  return {};
}

Result<CampaignSummary> Supervisor::Summarise() {
  CampaignSummary summary;
  summary.totals = Sum();
  summary.seconds = Since(start_);
  for (Slot& slot : slots_) CollectCorpus(slot.process.new_corpus());
  summary.corpus = corpus_;
  summary.restarts = restarts_;
  summary.unconfirmed = triage_->unconfirmed();
  summary.untriaged = triage_->waiting();
  summary.out = options_.out;
  MOIRE_ASSIGN(summary.findings, store_.Findings());
  for (const StoredFinding& finding : summary.findings) {
    const bool counts = finding.merged_into.empty() && (finding.state == FindingState::kNew ||
                                                        finding.state == FindingState::kConfirmed);
    const bool expired = finding.state == FindingState::kKnown && !finding.expires.empty() &&
                         Today() > finding.expires;
    if (options_.fail_on_finding && (counts || expired)) summary.exit_code = 1;
    if (options_.stop_on_finding && stop_) summary.exit_code = 1;
  }
  return summary;
}

Result<CampaignSummary> Supervisor::Run() {
  g_interrupted = 0;
  struct sigaction action{};
  action.sa_handler = OnInterrupt;
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
  MOIRE_TRY(Prepare());
  start_ = Clock::now();
  while (!Finished()) {
    MOIRE_TRY(PollWorkers());
    MOIRE_TRY(PollTriage());
    MOIRE_TRY(Line(false));
    poll(nullptr, 0, static_cast<int>(1000 * kPollSeconds));
  }
  for (Slot& slot : slots_) slot.process.Stop();
  MOIRE_TRY(Line(true));
  const double fuzzed = Since(start_);
  // What waits is triaged before the summary, on the cores that the workers have left; a second
  // Ctrl-C leaves it for the next run.
  triage_->set_processes(std::max(slots_.size(), Cores()));
  const auto draining = Clock::now();
  const int interrupted = g_interrupted;
  bool announced = false;
  const double drain = interrupted > 0 ? kShortDrainSeconds : kDrainSeconds;
  while (Since(draining) < drain && g_interrupted == interrupted && !stop_) {
    MOIRE_TRY(PollTriage());
    if (triage_->idle()) break;
    if (!announced) {
      fmt::print(stderr, "triaging {} more (Ctrl-C leaves them for the next run)\n",
                 triage_->waiting());
    }
    announced = true;
    poll(nullptr, 0, static_cast<int>(1000 * kPollSeconds));
  }
  triage_->Stop();
  RemoveAbandonedModelFiles();
  RemoveUnfinished(options_.out + "/findings");
  MOIRE_ASSIGN(CampaignSummary summary, Summarise());
  summary.seconds = fuzzed;
  return summary;
}

}  // namespace

Result<CampaignSummary> RunCampaign(const FuzzOptions& options) {
  // Before anything is written.
  MOIRE_ASSIGN(std::vector<std::string> specs, WholeSpecs(options.backends));
  MOIRE_ASSIGN(KnownFindings known, KnownFindings::Read(options.known));
  MOIRE_ASSIGN(Store store, Store::Open(options.out));
  // Two supervisors on one directory would undo each other's work.
  const int lock = open((options.out + "/lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (lock < 0 || flock(lock, LOCK_EX | LOCK_NB) != 0) {
    if (lock >= 0) close(lock);
    return Fail(ErrorCode::kInvalidInput, "another campaign is running on '{}'", options.out);
  }
  auto summary = Supervisor(options, std::move(specs), std::move(store), std::move(known)).Run();
  close(lock);
  return summary;
}

}  // namespace moire
