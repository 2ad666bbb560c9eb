#include "tests/faulty/planted.h"

#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "fuzzers/generate/generate.h"
#include "harness/case/float_bits.h"
#include "harness/case/onnx_adapter.h"
#include "harness/execute/execute.h"
#include "oracles/oracle.h"
#include "synth/investigate.h"
#include "synth/judge.h"
#include "synth/reduce.h"
#include "tests/faulty/faulty_backend.h"

namespace moire::faulty {
namespace {

constexpr size_t kMostLines = 200;

GeneratorSettings TwinSettings(int min_nodes = 5, int max_nodes = 30) {
  GeneratorSettings settings;
  settings.min_nodes = min_nodes;
  settings.max_nodes = max_nodes;
  settings.malformed_share = 0;
  settings.only_operators = SupportedOperators();
  return settings;
}

// Combinations that the runtime does not have, asked of its clean twin.
const Learned& TwinLearned() {
  static const Learned learned = [] {
    Learned out;
    FaultyConfiguration twin({});
    ProbeImplemented(
        TwinSettings(),
        [&](const GeneratedCase& generated) {
          return twin.Run(ToCase(generated)).outcome != Outcome::kUnsupported;
        },
        out);
    return out;
  }();
  return learned;
}

// Every third case has constant or repeated data in its larger inputs.
void MakeRepeated(GeneratedCase& generated, Random& random) {
  for (NamedTensor& input : generated.inputs) {
    Tensor& tensor = input.tensor;
    const int64_t count = tensor.size();
    if (count < 4 || tensor.data.empty()) continue;
    const int64_t period = random.Chance(1, 2) ? 1 : random.Between(2, 3);
    const size_t width = tensor.data.size() / static_cast<size_t>(count);
    for (size_t k = width * static_cast<size_t>(period); k < tensor.data.size(); ++k) {
      tensor.data[k] = tensor.data[k - width * static_cast<size_t>(period)];
    }
  }
}

GeneratedCase Draw(uint64_t seed, int64_t index, const GeneratorSettings& settings) {
  Random random(Mix64(seed) ^ static_cast<uint64_t>(index) * 0x9e3779b97f4a7c15);
  GeneratedCase generated = Generate(random, settings, TwinLearned());
  if (index % 3 == 0) MakeRepeated(generated, random);
  return generated;
}

std::string Describe(uint64_t seed, int64_t index, const Verdict& verdict, const Model& model) {
  std::string ops;
  for (const Node& node : model.graph.nodes) ops += node.op + " ";
  return fmt::format("seed {} case {}: {}: {} [{}]", seed, index, Name(verdict.kind),
                     verdict.reason, ops);
}

// The smallest case that raises the alarm still, as text with its inputs' values other than 0.
std::string Smallest(const Case& test_case, const Verdict& alarm, const Configurations& twin) {
  const auto interesting = [&](const Case& candidate) {
    return std::ranges::any_of(Execute(candidate, twin).verdicts, [&](const Verdict& verdict) {
      return verdict.kind == alarm.kind && verdict.error_class == alarm.error_class;
    });
  };
  const Result<ReduceResult> reduced = Reduce(test_case, interesting);
  if (!reduced) return {};
  const Execution execution = Execute(reduced->reduced, twin);
  const Verdict* worst = WorstBug(execution.verdicts);
  const Result<std::string> text = PrintModel(reduced->reduced.model);
  std::string all = fmt::format("{}\n{}", worst == nullptr ? "" : worst->reason, text ? *text : "");
  for (const NamedTensor& input : reduced->reduced.inputs) {
    all += "\n" + input.name + ":";
    for (int64_t k = 0; k < input.tensor.size(); ++k) {
      const std::string element = ElementToString(input.tensor, k);
      if (element != "0") all += fmt::format(" [{}]={}", k, element);
    }
  }
  return all;
}

}  // namespace

GeneratedCase DrawPlain(uint64_t seed, int64_t index) {
  static const GeneratorSettings settings = TwinSettings(1, 30);
  Random random(Mix64(seed) ^ static_cast<uint64_t>(index) * 0x9e3779b97f4a7c15);
  return Generate(random, settings, TwinLearned());
}

TwinReport RunTwin(const TwinOptions& options) {
  TwinReport report;
  Configurations twin;
  FaultySettings settings;
  settings.seed = options.seed;
  twin.push_back(std::make_unique<FaultyConfiguration>(settings));
  const GeneratorSettings generator = TwinSettings(options.min_nodes, options.max_nodes);
  for (int64_t index = options.first; index < options.first + options.cases; ++index) {
    const GeneratedCase generated = Draw(options.seed, index, generator);
    const Case test_case = ToCase(generated);
    const Execution execution = Execute(test_case, twin);
    ++report.cases;
    for (const NamedTensor& output : execution.observations[0].outputs) {
      report.elements += output.tensor.size();
    }
    for (const Verdict& verdict : execution.verdicts) {
      ++report.verdicts[std::string(Name(verdict.kind))];
      if (!IsBug(verdict.kind)) continue;
      if (report.alarms.size() < kMostLines) {
        report.alarms.push_back(Describe(options.seed, index, verdict, generated.model) + "\n" +
                                Smallest(test_case, verdict, twin));
      }
      if (!options.save.empty()) {
        static_cast<void>(WriteFile(fmt::format("{}/{}_{}.case", options.save, options.seed, index),
                                    SerializeCase(test_case)));
      }
    }
  }
  return report;
}

// --- Planted faults
// -------------------------------------------------------------------------------

namespace {

// The worst bug of a case with the fault; deaths are looked for in a child. Where one was seen
// before
// (`known`), a case that reaches the fault shows it again: the investigation begins with proving
// it.
std::optional<Verdict> See(const Case& test_case, const Configurations& dry,
                           const FaultEntry& fault, const OpenAll& open,
                           const std::optional<Verdict>& known) {
  const Execution execution = Execute(test_case, dry);
  const bool triggered = static_cast<FaultyConfiguration&>(*dry[0]).Triggered();
  if (const Verdict* worst = WorstBug(execution.verdicts)) return *worst;
  if (!triggered || !IsDeadly(fault.kind)) return std::nullopt;
  if (known) return known;
  const Result<ChildExecution> child = ExecuteInChild(test_case, open);
  if (!child) return std::nullopt;
  const Verdict* worst = WorstBug(child->execution.verdicts);
  return worst == nullptr ? std::nullopt : std::optional(*worst);
}

void Study(const Case& test_case, const Verdict& verdict, const OpenAll& open,
           const FaultOptions& options, FaultReport& report) {
  InvestigateOptions investigate;
  investigate.blame = false;
  investigate.reduce.max_seconds = options.reduce_seconds;
  investigate.reduce.search = options.search;
  // One directory a finding: where its cause has a bundle already, none would be written.
  const std::string bundles =
      options.bundles.empty()
          ? std::string()
          : fmt::format("{}/{}-{}", options.bundles, report.name, report.investigated);
  const Result<Investigation> found =
      Investigate(test_case, verdict, open, {"faulty:fault=" + report.name}, bundles, investigate);
  ++report.investigated;
  if (!found) {
    ++report.misjudged;
    ++report.standings["error: " + found.error().message];
    return;
  }
  std::string standing(Name(found->standing));
  if (!ExpectedStandings(FindFault(report.name)->kind).contains(standing)) {
    ++report.misjudged;
    standing += ": " + found->reason;
  }
  ++report.standings[standing];
  if (found->standing != Standing::kConfirmed) return;
  report.replayed += found->bundle.empty() ? 0 : 1;
  report.most_nodes = std::max(report.most_nodes, found->reduction.nodes_after);
  ++report.causes[found->finding.cause];
}

}  // namespace

std::set<std::string> ExpectedStandings(FaultKind kind) {
  if (kind == FaultKind::kNondeterminism) return {"nondeterministic"};
  // In a fresh process there is no run before.
  if (kind == FaultKind::kPreviousRun) return {"unconfirmed", "nondeterministic"};
  return {"confirmed"};
}

FaultReport RunFault(const FaultEntry& fault, const FaultOptions& options) {
  FaultReport report;
  report.name = std::string(fault.name);
  FaultySettings settings;
  settings.fault = fault;
  const OpenAll open = OpenFaulty(settings);
  settings.dry = true;
  const GeneratorSettings generator = TwinSettings();
  for (int seed = 1; seed <= options.seeds; ++seed) {
    ++report.seeds;
    Configurations dry;
    dry.push_back(std::make_unique<FaultyConfiguration>(settings));
    const int share = (options.findings * seed) / options.seeds;
    std::optional<Verdict> found;
    for (int64_t index = 0; index < options.cases; ++index) {
      if (found && report.investigated >= share) break;
      const GeneratedCase generated = Draw(1000 + static_cast<uint64_t>(seed), index, generator);
      if (std::ranges::none_of(generated.model.graph.nodes,
                               [&](const Node& node) { return node.op == fault.op; })) {
        continue;
      }
      const Case test_case = ToCase(generated);
      const std::optional<Verdict> verdict = See(test_case, dry, fault, open, found);
      if (!verdict) continue;
      if (!found) {
        ++report.found_in;
        report.cases_to_find.push_back(index + 1);
      }
      found = verdict;
      if (report.investigated < share) Study(test_case, *verdict, open, options, report);
    }
  }
  return report;
}

bool RunFaults(const std::vector<FaultEntry>& faults, const FaultOptions& options, int jobs,
               const std::function<void(nlohmann::json)>& done) {
  // Its text comes through a pipe; a process that dies sends none.
  struct Running {
    pid_t pid;
    int fd;
    std::string text;
  };
  std::vector<Running> running;
  bool good = true;
  for (size_t next = 0; next < faults.size() || !running.empty();) {
    while (next < faults.size() && std::ssize(running) < jobs) {
      int ends[2];
      if (pipe(ends) != 0) return false;
      const pid_t pid = fork();
      if (pid < 0) return false;
      if (pid == 0) {
        close(ends[0]);
        const std::string text = ToJson(RunFault(faults[next], options)).dump();
        const bool sent = write(ends[1], text.data(), text.size()) == std::ssize(text);
        _exit(sent ? 0 : 1);
      }
      close(ends[1]);
      running.push_back({pid, ends[0], {}});
      ++next;
    }
    std::vector<pollfd> waiting;
    for (const Running& process : running) waiting.push_back({process.fd, POLLIN, 0});
    poll(waiting.data(), waiting.size(), -1);
    for (size_t k = running.size(); k-- > 0;) {
      if (waiting[k].revents == 0) continue;
      char buffer[4096];
      const ssize_t count = read(running[k].fd, buffer, sizeof buffer);
      if (count > 0) {
        running[k].text.append(buffer, static_cast<size_t>(count));
        continue;
      }
      close(running[k].fd);
      waitpid(running[k].pid, nullptr, 0);
      nlohmann::json figures = nlohmann::json::parse(running[k].text, nullptr, false);
      running.erase(running.begin() + static_cast<std::ptrdiff_t>(k));
      good = good && !figures.is_discarded();
      if (!figures.is_discarded()) done(std::move(figures));
    }
  }
  return good;
}

// --- Power
// ----------------------------------------------------------------------------------------

namespace {

bool Decidable(const RangeTensor& output, size_t k) {
  if (output.opaque != Opaque::kNo || output.MarkAt(k) != kDecided) return false;
  if (!IsFloat(output.type)) return IsExact(output.type);
  const double lo = output.Lo()[k], hi = output.Hi()[k];
  return std::isnan(lo) || lo == hi || (std::isfinite(lo) && std::isfinite(hi));
}

// Twice the bound away from the middle of the legal values.
void Spoil(const RangeTensor& output, size_t k, Tensor& tensor, Random& random) {
  const auto at = static_cast<int64_t>(k);
  if (!IsFloat(output.type)) {
    const int64_t x = GetInt(tensor, at);
    SetInt(tensor, at, IsBool(output.type) ? 1 - x : (random.Chance(1, 2) ? x + 1 : x - 1));
    return;
  }
  if (std::isnan(output.Lo()[k]) || std::isinf(output.Lo()[k])) return SetFloat(tensor, at, 1);
  const double lo = RoundTo(output.type, output.Lo()[k]);
  const double hi = RoundTo(output.type, output.Hi()[k]);
  if (std::isinf(lo) || std::isinf(hi))
    return SetFloat(tensor, at, std::isinf(lo) ? hi - 1 : lo - 1);
  const double ulp = Ulp(output.type, std::max(std::abs(lo), std::abs(hi)));
  const double away = 2 * std::max((hi - lo) / 2, ulp);
  const double middle = lo + (hi - lo) / 2;
  const double below = RoundTo(output.type, middle - away);
  // float8e8m0 ends at its smallest power of two.
  SetFloat(tensor, at, below >= lo || random.Chance(1, 2) ? middle + away : below);
}

PowerReport::Share ShareOf(const Judged& judged) {
  return {judged.elements, judged.decidable, judged.unspecified, 0};
}

}  // namespace

PowerReport RunPower(const PowerOptions& options) {
  PowerReport report;
  GeneratorSettings settings = options.whole_standard ? WholeStandard() : GeneratorSettings();
  settings.min_nodes = settings.max_nodes = options.nodes;
  settings.malformed_share = 0;
  Random random(options.seed);
  const Learned nothing;
  const size_t types = AllTypes().size() + 1;
  std::vector<Judged> judged(types);
  std::vector<std::vector<float>> bounds(types);
  for (; report.cases < options.cases; ++report.cases) {
    const GeneratedCase generated = Generate(random, settings, nothing);
    const ReferenceResult reference = Evaluate(generated.model, generated.inputs);
    if (reference.status != ReferenceStatus::kEvaluated) continue;
    ++report.evaluated;
    CountJudged(reference, judged, &bounds);
    Observation seen;
    seen.configuration = "power";
    std::vector<std::pair<size_t, size_t>> decidable;
    for (size_t o = 0; o < reference.outputs.size(); ++o) {
      const RangeTensor& output = reference.outputs[o];
      seen.outputs.push_back({generated.model.graph.outputs[o].name,
                              output.opaque == Opaque::kNo ? ToTensor(output) : Tensor()});
      for (size_t k = 0; output.opaque == Opaque::kNo && k < static_cast<size_t>(output.size());
           ++k) {
        if (Decidable(output, k)) decidable.emplace_back(o, k);
      }
    }
    if (decidable.empty()) continue;
    const auto [which, element] = random.Pick(decidable);
    Spoil(reference.outputs[which], element, seen.outputs[which].tensor, random);
    const Case test_case = ToCase(generated);
    const Evidence evidence{.test_case = test_case,
                            .model = &generated.model,
                            .reference = &reference,
                            .observations = {&seen, 1},
                            .checker = nullptr};
    const std::vector<Verdict> verdicts = JudgeAll(evidence);
    ++report.faults;
    const bool reported =
        std::ranges::any_of(verdicts, [output = static_cast<int>(which)](const Verdict& verdict) {
          return verdict.kind == VerdictKind::kMismatch && verdict.output == output;
        });
    if (reported) {
      ++report.reported;
    } else if (report.missed.size() < kMostLines) {
      report.missed.push_back(
          fmt::format("case {} output {} element {}", report.cases, which, element));
    }
  }
  Judged all;
  Judged exact;
  for (size_t type = 0; type < types; ++type) {
    if (judged[type].elements == 0) continue;
    const auto kind = static_cast<DataType>(type);
    PowerReport::Share& share = report.by_type[std::string(Name(kind))] = ShareOf(judged[type]);
    for (Judged* sum : {&all, IsExact(kind) ? &exact : nullptr}) {
      if (sum == nullptr) continue;
      sum->elements += judged[type].elements;
      sum->decidable += judged[type].decidable;
      sum->unspecified += judged[type].unspecified;
    }
    std::vector<float>& of_type = bounds[type];
    if (of_type.empty()) continue;
    const auto middle = of_type.begin() + static_cast<int64_t>(of_type.size() / 2);
    std::ranges::nth_element(of_type, middle);
    share.median_bound = static_cast<double>(*middle);
  }
  report.all = ShareOf(all);
  report.exact = ShareOf(exact);
  return report;
}

// --- JSON
// -----------------------------------------------------------------------------------------

nlohmann::json ToJson(const TwinReport& report) {
  return {{"cases", report.cases},
          {"verdicts", report.verdicts},
          {"elements", report.elements},
          {"alarms", report.alarms}};
}

nlohmann::json ToJson(const FaultReport& report) {
  return {{"fault", report.name},
          {"kind", static_cast<int>(FindFault(report.name)->kind)},
          {"seeds", report.seeds},
          {"found_in", report.found_in},
          {"cases_to_find", report.cases_to_find},
          {"investigated", report.investigated},
          {"replayed", report.replayed},
          {"misjudged", report.misjudged},
          {"standings", report.standings},
          {"most_nodes", report.most_nodes},
          {"causes", report.causes}};
}

nlohmann::json ToJson(const PowerReport& report) {
  const auto share = [](const PowerReport::Share& s) {
    const auto n = static_cast<double>(std::max<int64_t>(1, s.elements));
    return nlohmann::json{
        {"elements", s.elements},
        {"decidable", static_cast<double>(s.decidable) / n},
        {"unspecified", static_cast<double>(s.unspecified) / n},
        {"median_bound_log2", s.median_bound > 0 ? std::log2(s.median_bound) : -1074}};
  };
  nlohmann::json types;
  for (const auto& [type, s] : report.by_type) types[type] = share(s);
  return {{"cases", report.cases},        {"evaluated", report.evaluated},
          {"faults", report.faults},      {"reported", report.reported},
          {"missed", report.missed},      {"all", share(report.all)},
          {"exact", share(report.exact)}, {"by_type", types}};
}

}  // namespace moire::faulty
