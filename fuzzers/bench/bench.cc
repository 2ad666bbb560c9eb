// One child runs everything. Cases that would take it down are found out by a checker and left out;
// should one get through, another child goes on with a new seed.
#include "fuzzers/bench/bench.h"

#include <time.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <string_view>
#include <thread>
#include <unordered_set>
#include <vector>

#include "fuzzers/bench/checker.h"
#include "fuzzers/bench/mini_fuzzer.h"
#include "harness/backends/bench_bare.h"
#include "harness/case/onnx_adapter.h"
#include "harness/case/temporary_directory.h"
#include "harness/execute/watched.h"

namespace moire {
namespace {

namespace fs = std::filesystem;
using Send = std::function<void(std::string_view)>;

constexpr int64_t kMaxRestarts = 50;
constexpr int64_t kChunk = 50;
constexpr auto kSampleEvery = std::chrono::microseconds(100);
// Stage names in the report: stages of Execute, kConfiguration by index from kFirstConfiguration
// on.
constexpr size_t kFirstConfiguration = 16;
constexpr size_t kNumStages = 32;

// CPU time of the process decides: everything runs in one thread, and other work on the machine
// must not. Wall time goes into the report beside it.
struct Time {
  double cpu = 0;
  double wall = 0;

  static Time Now() {
    timespec cpu{};
    timespec wall{};
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu);
    clock_gettime(CLOCK_MONOTONIC, &wall);
    return {Seconds(cpu), Seconds(wall)};
  }
  Time operator-(const Time& start) const { return {cpu - start.cpu, wall - start.wall}; }
  Time& operator+=(const Time& other) {
    cpu += other.cpu;
    wall += other.wall;
    return *this;
  }

 private:
  static double Seconds(const timespec& t) {
    return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
  }
};

// What the child sends, one after another: a tag, then the row.
struct InfoRow {
  uint64_t blocks = 0;
  double arming_seconds = 0;
};
struct CaseRow {
  Time loop;
  Time bare;
  int64_t nodes = 0;
  int64_t elements = 0;
  int64_t accepted = 0;
};
struct ArmedRow {  // one chunk
  Time with;
  Time without;
  int64_t cases = 0;
};
struct StageRow {  // one chunk
  int64_t samples[kNumStages] = {};
};
struct DeathRow {
  int64_t count = 1;
};

template <typename Row>
void SendRow(const Send& send, char tag, const Row& row) {
  std::string bytes(1, tag);
  bytes.append(reinterpret_cast<const char*>(&row), sizeof row);
  send(bytes);
}

double Median(std::vector<double> values) {
  if (values.empty()) return 0;
  const auto middle = values.begin() + static_cast<ptrdiff_t>(values.size() / 2);
  std::ranges::nth_element(values, middle);
  return *middle;
}

int64_t Elements(const Model& model) {
  int64_t elements = 0;
  for (const auto* infos : {&model.graph.inputs, &model.graph.outputs, &model.graph.value_info}) {
    for (const ValueInfo& info : *infos) {
      if (const auto shape = StaticShape(info.type)) elements += Count(*shape);
    }
  }
  for (const NamedTensor& tensor : model.graph.initializers) elements += tensor.tensor.size();
  return elements;
}

// Counts the stages that another thread is in, until stopped.
class StageSampler {
 public:
  explicit StageSampler(const SharedState& state) : thread_([this, &state] { Sample(state); }) {}
  StageRow Stop() {
    stop_ = true;
    thread_.join();
    return row_;
  }

 private:
  void Sample(const SharedState& state) {
    while (!stop_) {
      std::this_thread::sleep_for(kSampleEvery);
      const auto stage = static_cast<size_t>(state.stage.load());
      const int configuration = state.configuration.load();
      const bool runs = stage == static_cast<size_t>(Stage::kConfiguration) && configuration >= 0;
      const size_t slot = runs ? kFirstConfiguration + static_cast<size_t>(configuration) : stage;
      ++row_.samples[std::min(slot, kNumStages - 1)];
    }
  }

  std::atomic<bool> stop_{false};
  StageRow row_;
  std::thread thread_;
};

class Child {
 public:
  Child(const BenchOptions& options, Worker& worker, uint64_t seed, SharedState& state,
        const Send& send)
      : options_(options),
        worker_(worker),
        fuzzer_(worker, seed),
        checker_(worker),
        state_(state),
        send_(send) {}

  void Run(int64_t cases) {
    const BreakpointCoverage& coverage = *worker_.coverage();
    SendRow(send_, 'i', InfoRow{coverage.blocks(), coverage.arming_seconds()});
    for (int64_t done = 0; done < cases; done += kChunk) {
      if (options_.progress) options_.progress(done, cases);
      RunPairs(static_cast<size_t>(std::min(cases - done, kChunk)));
    }
    // Warm by now.
    for (int64_t done = 0; done < options_.armed_cases; done += kChunk) CompareArmed();
    for (int64_t done = 0; done < options_.stage_cases; done += kChunk) SampleStages();
  }

 private:
  // A chunk's cases, made once and checked; the fuzzer stands where it stood. Not timed.
  std::vector<std::string> CheckedChunk(size_t size) {
    const MiniFuzzer::State before = fuzzer_.state();
    std::vector<std::string> cases(size);
    for (std::string& bytes : cases) {
      ++state_.sequence;  // the watcher's limits are for one case
      bytes = fuzzer_.Make();
      if (!checker_.Survives(bytes)) {
        deadly_.insert(bytes);
        SendRow(send_, 'd', DeathRow{});
      }
    }
    fuzzer_.GoBack(before);
    return cases;
  }

  // Whole chunks of each loop: right behind its own first run a model finds everything in the
  // caches, which no campaign and no bare loop over many models would see.
  void RunPairs(size_t size) {
    struct Pair {
      std::string bytes;
      Case test_case;
      CaseRow row;
      std::optional<BareLoop> bare;
    };
    CheckedChunk(size);
    std::vector<Pair> pairs(size);
    for (Pair& pair : pairs) {
      ++state_.sequence;
      const Time start = Time::Now();
      const std::string& made = fuzzer_.Make();
      if (deadly_.contains(made)) continue;
      fuzzer_.Run();
      pair.row.loop = Time::Now() - start;
      pair.bytes = made;
    }
    fuzzer_.Keep();
    for (Pair& pair : pairs) {
      ++state_.sequence;
      auto test_case = ParseCase(pair.bytes);
      if (!test_case) continue;
      pair.test_case = std::move(*test_case);
      if (const auto model = ParseModel(pair.test_case.model)) {
        pair.row.nodes = CountNodes(model->graph);
        pair.row.elements = Elements(*model);
      }
      auto bare = BareLoop::Prepare(options_.target, options_.settings, {&pair.test_case, 1});
      if (bare) pair.bare = std::move(*bare);  // otherwise: inputs that the C API cannot take
    }
    for (Pair& pair : pairs) {
      if (!pair.bare) continue;
      ++state_.sequence;
      const Time start = Time::Now();
      const BareLoop::Pass pass = pair.bare->Run();
      pair.row.bare = Time::Now() - start;
      pair.row.accepted = pass.failed == 0 ? 1 : 0;
      SendRow(send_, 'c', pair.row);
    }
  }

  // New cases, with and without breakpoints; which comes first changes from chunk to chunk, since
  // the first run of a case is the colder one.
  void CompareArmed() {
    std::vector<std::string> cases = CheckedChunk(kChunk);
    for (size_t i = 0; i < cases.size(); ++i) fuzzer_.Make();
    std::erase_if(cases, [&](const std::string& bytes) { return deadly_.contains(bytes); });
    ArmedRow row;
    row.cases = static_cast<int64_t>(cases.size());
    for (const bool armed : {first_armed_, !first_armed_}) {
      if (armed) {
        (void)worker_.coverage()->Arm();
      } else {
        worker_.coverage()->Disarm();
      }
      // The pages of the code were mapped or copied just now.
      RunAll(last_chunk_);
      const Time start = Time::Now();
      RunAll(cases);
      (armed ? row.with : row.without) = Time::Now() - start;
    }
    (void)worker_.coverage()->Arm();
    first_armed_ = !first_armed_;
    if (!last_chunk_.empty()) SendRow(send_, 'a', row);
    last_chunk_ = std::move(cases);
  }

  void RunAll(const std::vector<std::string>& cases) {
    for (const std::string& bytes : cases) {
      ++state_.sequence;
      worker_.Test(bytes);
    }
  }

  void SampleStages() {
    CheckedChunk(kChunk);
    StageSampler sampler(worker_.state());
    for (int64_t i = 0; i < kChunk; ++i) {
      ++state_.sequence;
      if (!deadly_.contains(fuzzer_.Make())) fuzzer_.Run();
    }
    fuzzer_.Keep();
    SendRow(send_, 's', sampler.Stop());
  }

  const BenchOptions& options_;
  Worker& worker_;
  MiniFuzzer fuzzer_;
  Checker checker_;
  std::unordered_set<std::string> deadly_;
  SharedState& state_;
  const Send& send_;
  bool first_armed_ = true;
  std::vector<std::string> last_chunk_;
};

// Rows of all children.
struct Rows {
  InfoRow info;
  std::vector<CaseRow> cases;
  std::vector<ArmedRow> armed;
  StageRow stages;  // summed
  int64_t deaths = 0;
  std::string error;  // of a child that could not start
};

template <typename Row>
bool TakeRow(std::string_view& bytes, Row& row) {
  if (bytes.size() < 1 + sizeof row) return false;
  std::memcpy(&row, bytes.data() + 1, sizeof row);
  bytes.remove_prefix(1 + sizeof row);
  return true;
}

void TakeRows(std::string_view bytes, Rows& rows) {
  bool whole = true;
  while (whole && !bytes.empty()) {
    switch (bytes.front()) {
      case 'i':
        whole = TakeRow(bytes, rows.info);
        break;
      case 'c':
        whole = TakeRow(bytes, rows.cases.emplace_back());
        if (!whole) rows.cases.pop_back();
        break;
      case 'a':
        whole = TakeRow(bytes, rows.armed.emplace_back());
        if (!whole) rows.armed.pop_back();
        break;
      case 's': {
        StageRow row;
        whole = TakeRow(bytes, row);
        for (size_t i = 0; whole && i < kNumStages; ++i) rows.stages.samples[i] += row.samples[i];
        break;
      }
      case 'd': {
        DeathRow row;
        whole = TakeRow(bytes, row);
        rows.deaths += row.count;
        break;
      }
      default:
        rows.error = bytes.substr(1);
        return;
    }
  }
}

std::string StageName(size_t slot, const std::vector<std::string>& specs) {
  if (slot >= kFirstConfiguration) {
    const size_t i = slot - kFirstConfiguration;
    return i < specs.size() ? specs[i] : fmt::format("configuration {}", i);
  }
  // Between two stages: feedback, waypoints, the fuzzer's own work.
  const auto stage = static_cast<Stage>(slot);
  return stage == Stage::kIdle ? "feedback and corpus" : std::string(Name(stage));
}

BenchReport Summarise(const Rows& rows, const std::vector<std::string>& specs) {
  BenchReport report;
  report.blocks_armed = rows.info.blocks;
  report.arming_seconds = rows.info.arming_seconds;
  report.cases = static_cast<int64_t>(rows.cases.size());
  report.deadly = rows.deaths;
  std::vector<double> elements;
  std::vector<double> nodes;
  Time loop;
  Time bare;
  for (const CaseRow& row : rows.cases) {
    loop += row.loop;
    bare += row.bare;
    report.accepted += row.accepted;
    elements.push_back(static_cast<double>(row.elements));
    nodes.push_back(static_cast<double>(row.nodes));
  }
  report.loop_seconds = loop.cpu;
  report.bare_seconds = bare.cpu;
  if (loop.cpu > 0) {
    report.loop_ratio = bare.cpu / loop.cpu;
    report.loop_wall_ratio = bare.wall / loop.wall;
  }
  report.median_elements = Median(std::move(elements));
  report.median_nodes = Median(std::move(nodes));
  std::vector<double> with;
  std::vector<double> without;
  for (const ArmedRow& row : rows.armed) {
    with.push_back(static_cast<double>(row.cases) / row.with.cpu);
    without.push_back(static_cast<double>(row.cases) / row.without.cpu);
  }
  if (!with.empty()) report.armed_speed_ratio = Median(with) / Median(without);
  int64_t samples = 0;
  for (const int64_t count : rows.stages.samples) samples += count;
  for (size_t slot = 0; slot < kNumStages; ++slot) {
    if (rows.stages.samples[slot] == 0) continue;
    report.stage_shares[StageName(slot, specs)] =
        static_cast<double>(rows.stages.samples[slot]) / static_cast<double>(samples);
  }
  return report;
}

// "level=none+all" with target "1.32.0": one spec for each level.
Result<std::vector<std::string>> SpecsOf(const BenchOptions& options) {
  const std::string backend = options.target.empty() ? "ort" : "ort@" + options.target;
  const std::string spec = fmt::format("{}:{}", backend, options.settings);
  std::vector<std::string> specs;
  // Opening loads the library: only a child may do it.
  const ChildResult child = RunInChild(
      [&](SharedState&, const Send& send) {
        auto opened = OpenConfigurations(spec);
        if (!opened) {
          send("\n" + opened.error().message);
          return opened.error().code == ErrorCode::kNotFound ? 2 : 1;
        }
        for (const auto& configuration : *opened) send(configuration->name() + "\n");
        return 0;
      },
      {});
  if (child.exit_code != 0 || child.end != ChildEnd::kExited) {
    const std::string message = child.output.empty() ? "the runtime does not load" : child.output;
    return Fail(child.exit_code == 2 ? ErrorCode::kNotFound : ErrorCode::kInvalidInput, "{}",
                message.substr(message.front() == '\n' ? 1 : 0));
  }
  for (size_t at = 0; at < child.output.size();) {
    const size_t end = child.output.find('\n', at);
    specs.push_back(child.output.substr(at, end - at));
    at = end + 1;
  }
  return specs;
}

}  // namespace

Result<BenchReport> Bench(const BenchOptions& options) {
  MOIRE_ASSIGN(const std::vector<std::string> specs, SpecsOf(options));
  const TemporaryDirectory directory;  // a campaign's
  if (directory.path().empty()) {
    return Fail(ErrorCode::kEnvironment, "cannot make a directory in {}",
                fs::temp_directory_path().string());
  }
  for (const std::string& inside :
       {CorpusDirectory(directory.path()), InboxDirectory(directory.path())}) {
    std::error_code ignored;
    fs::create_directories(inside, ignored);
  }
  WorkerConfig config;
  config.specs = specs;
  config.seed = options.seed;
  config.min_nodes = options.nodes;
  config.max_nodes = options.nodes;
  config.directory = directory.path();
  config.value_search = options.value_search;

  Rows rows;
  int64_t restarts = 0;
  while (true) {
    const int64_t left = options.cases - static_cast<int64_t>(rows.cases.size());
    const ChildResult child = RunInChild(
        [&](SharedState& state, const Send& send) {
          auto worker = Worker::Create(config);
          if (!worker) {
            send("e" + worker.error().message);
            return 1;
          }
          const uint64_t seed = Mix64(options.seed) + static_cast<uint64_t>(restarts);
          Child(options, **worker, seed, state, send).Run(std::max<int64_t>(left, 0));
          return 0;
        },
        {.cpu_seconds = 60, .wall_seconds = 3600, .idle_seconds = 30});
    TakeRows(child.output, rows);
    if (!rows.error.empty()) return Fail(ErrorCode::kInvalidInput, "{}", rows.error);
    if (child.end == ChildEnd::kExited && child.exit_code == 0) break;
    if (++restarts > kMaxRestarts) {
      return Fail(ErrorCode::kInternal, "{} cases in a row ended the process", restarts);
    }
  }
  BenchReport report = Summarise(rows, specs);
  report.library = specs.front();
  report.restarts = restarts;
  return report;
}

std::string ToJson(const BenchReport& report) {
  return nlohmann::json{{"library", report.library},
                        {"cases", report.cases},
                        {"deadly", report.deadly},
                        {"restarts", report.restarts},
                        {"accepted", report.accepted},
                        {"loop_seconds", report.loop_seconds},
                        {"bare_seconds", report.bare_seconds},
                        {"loop_ratio", report.loop_ratio},
                        {"loop_wall_ratio", report.loop_wall_ratio},
                        {"median_elements", report.median_elements},
                        {"median_nodes", report.median_nodes},
                        {"blocks_armed", report.blocks_armed},
                        {"arming_seconds", report.arming_seconds},
                        {"armed_speed_ratio", report.armed_speed_ratio},
                        {"stage_shares", report.stage_shares}}
      .dump(2);
}

}  // namespace moire
