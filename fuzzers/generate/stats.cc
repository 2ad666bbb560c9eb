// moire_generate_stats: measures the generator ("must show" of the distribution). Generates cases,
// optionally mutates them, checks them with ONNX, runs them on backends and the reference, and
// prints figures, with --json as one object.
#include <time.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "fuzzers/generate/contributed.h"
#include "fuzzers/generate/coverage_table.h"
#include "fuzzers/generate/distribution.h"
#include "fuzzers/generate/generate.h"
#include "fuzzers/generate/mend_json.h"
#include "fuzzers/generate/run_server.h"
#include "fuzzers/generate/schema.h"
#include "fuzzers/generate/value_table.h"
#include "fuzzers/mutate/mutate.h"
#include "harness/backends/backend.h"
#include "harness/backends/spec.h"
#include "harness/case/onnx_adapter.h"
#include "oracles/oracle.h"
#include "oracles/stability.h"

namespace moire {
namespace {

struct Flags {
  int cases = 10000;
  int nodes = 10;
  uint64_t seed = 1;
  bool check = false;
  bool mutate = false;
  bool reference = false;
  bool probe = false;
  bool show = false;
  int64_t opset = 0;
  std::string backend;
  std::string last;
  std::string table;
  bool json = false;
  bool whole_standard = false;
  bool values = false;
  bool no_mend = false;
  std::string schemas;
};

// A message without the names and numbers of one case.
std::string Class(std::string_view message) {
  std::string out;
  for (size_t i = 0; i < message.size() && out.size() < 300; ++i) {
    const char ch = message[i];
    if (ch >= '0' && ch <= '9') {
      if (out.empty() || out.back() != '#') out += '#';
    } else {
      out += ch;
    }
  }
  return out;
}

double Microseconds(std::chrono::steady_clock::duration d) {
  return std::chrono::duration<double, std::micro>(d).count();
}

double CpuMicroseconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e6 + static_cast<double>(now.tv_nsec) / 1e3;
}

// The table of the value search.
int Values(const Flags& flags) {
  std::vector<ValueRow> rows;
  for (const int nodes : {10, 20, 30}) {
    for (const bool search : {false, true}) {
      rows.push_back(MeasureValues(flags.whole_standard ? WholeStandard() : GeneratorSettings(),
                                   nodes, flags.cases, flags.seed, search));
    }
  }
  std::printf("%s\n", (flags.json ? ToJson(rows) : ToText(rows)).c_str());
  return 0;
}

int Main(const Flags& flags) {
  if (flags.values) return Values(flags);
  GeneratorSettings settings = flags.whole_standard ? WholeStandard() : GeneratorSettings();
  if (!flags.schemas.empty()) {
    const auto text = ReadFile(flags.schemas);
    auto schemas = text ? ParseSchemaList(*text, kContributedDomain) : std::unexpected(text.error());
    if (!schemas) {
      std::fprintf(stderr, "%s\n", schemas.error().message.c_str());
      return 2;
    }
    AddContributedSchemas(std::move(*schemas));
    settings.contributed_share = 1;
  }
  if (flags.nodes > 0) settings.min_nodes = settings.max_nodes = flags.nodes;
  if (flags.opset > 0) settings.max_opset = flags.opset;
  settings.mend = !flags.no_mend;
  Learned learned;
  RunServer server(flags.backend);
  const bool runs = !flags.backend.empty();
  if (runs) {
    if (const auto opened = ParseSpec(flags.backend, "ort"); !opened) {
      std::fprintf(stderr, "%s\n", opened.error().message.c_str());
      return 2;
    }
  }
  nlohmann::json report;
  std::map<std::string, std::set<DataType>> implemented;
  if (flags.probe && runs) {
    const auto start = std::chrono::steady_clock::now();
    std::map<std::string, int> refusals;
    const size_t asked = ProbeImplemented(
        settings,
        [&](const GeneratedCase& probe) {
          const Case test_case = ToCase(probe);
          if (!flags.last.empty()) (void)WriteFile(flags.last, SerializeCase(test_case));
          const RunServer::Answer seen = server.Run(test_case);
          const bool odd = seen.outcome == Outcome::kRejected || seen.outcome == Outcome::kCrashed;
          if (odd && flags.show) {
            ++refusals[probe.model.graph.nodes[0].op + ": " + Class(seen.reason)];
          }
          const Node& node = probe.model.graph.nodes[0];
          if (seen.outcome == Outcome::kOutputs) {
            const bool by_output = node.inputs.empty() || node.op == "ConstantOfShape";
            implemented[node.op].insert(by_output ? probe.model.graph.outputs[0].type.type
                                        : probe.inputs.empty() ? DataType::kUndefined
                                                               : probe.inputs[0].tensor.type);
          }
          return seen.outcome != Outcome::kUnsupported;
        },
        learned);
    report["probed"] = asked;
    report["not_implemented"] = learned.size();
    report["probe_seconds"] = Microseconds(std::chrono::steady_clock::now() - start) / 1e6;
    for (const auto& [text, count] : refusals) std::printf("probe %5d %s\n", count, text.c_str());
  }

  Random random(flags.seed);
  Distribution distribution;
  CoverageTable coverage;
  std::map<std::string, std::pair<int, std::string>> refused;
  double making = 0;                        // CPU microseconds: others may use the machine too
  std::map<std::string, int> transformers;  // cases whose graph it modified; needs log=1
  int well_formed = 0, accepted = 0, unsupported = 0, invalid = 0, malformed = 0;
  std::vector<Judged> judged(32);
  std::map<std::string, std::pair<int64_t, int64_t>> opaque;  // by reason
  std::vector<std::vector<float>> bounds(32);
  double reference_us = 0, run_us = 0;
  int behind_contributed = 0, judged_contributed = 0;
  GeneratedCase previous;
  for (int i = 0; i < flags.cases; ++i) {
    auto start = std::chrono::steady_clock::now();
    const double before = CpuMicroseconds();
    GeneratedCase generated = flags.mutate && i % 8 != 0
                                  ? Mutate(previous, random, settings, learned)
                                  : Generate(random, settings, learned);
    const Case test_case = ToCase(generated);
    making += CpuMicroseconds() - before;
    if (generated.malformed) {
      ++malformed;
      previous = Generate(random, settings, learned);
      continue;
    }
    ++well_formed;
    distribution.Add(generated);
    bool valid = flags.check;
    bool executed = false;
    const auto refuse = [&](std::string text) {
      auto& row = refused[Class(text)];
      if (row.first++ == 0) row.second = PrintModel(test_case.model).value_or("") + text;
    };
    if (flags.check) {
      if (const Status status = CheckModel(test_case.model, true); !status) {
        ++invalid;
        valid = false;
        refuse("checker: " + status.error().message);
      }
    }
    if (runs) {
      start = std::chrono::steady_clock::now();
      if (!flags.last.empty()) (void)WriteFile(flags.last, SerializeCase(test_case));
      const RunServer::Answer seen = server.Run(test_case);
      run_us += Microseconds(std::chrono::steady_clock::now() - start);
      for (const std::string& name : seen.optimizers) ++transformers[name];
      executed = seen.outcome == Outcome::kOutputs;
      if (seen.outcome == Outcome::kOutputs) {
        ++accepted;
      } else {
        refuse(std::string(Name(seen.outcome)) + ": " + seen.reason);
        if (seen.outcome == Outcome::kUnsupported) {
          ++unsupported;
          learned.NoteRejection(generated.model, seen.reason);
        }
      }
    }
    if (flags.reference) {
      start = std::chrono::steady_clock::now();
      const ReferenceResult result = Evaluate(generated.model, generated.inputs);
      reference_us += Microseconds(std::chrono::steady_clock::now() - start);
      if (result.status != ReferenceStatus::kEvaluated) refuse("reference: " + result.reason);
      CountJudged(result, judged, &bounds);
      for (const RangeTensor& output : result.outputs) {
        if (output.opaque != Opaque::kNo) {
          ++opaque[Class(output.opaque_reason)].first;
          opaque[Class(output.opaque_reason)].second += output.size();
        }
      }
    }
    for (const ValueInfo& output : generated.model.graph.outputs) {
      if (!HasContributed(generated.model, output.name)) continue;
      ++behind_contributed;
      judged_contributed += StabilityOf(generated.model, output.name) != Stability::kOpen;
    }
    if (flags.check) coverage.Add(generated, valid, executed);
    previous = std::move(generated);
  }

  const Distribution::Figures f = distribution.Compute();
  const double n = std::max(1, well_formed);
  report["cases"] = flags.cases;
  report["malformed"] = malformed;
  if (flags.mutate) {
    const MendCounts mend = TakeMendCounts();
    report["mutants"] = MutantsJson(mend);
    report["solver"] = SolverJson(mend.solver);
  }
  report["microseconds_to_make"] = making / flags.cases;
  report["mean_nodes"] = f.mean_nodes;
  report["operators"] = f.operators;
  report["element_types"] = f.element_types;
  report["operator_types"] = f.operator_types;
  report["from_nodes"] = f.from_nodes;
  report["largest_share"] = f.largest_share;
  report["largest_operator"] = f.largest_operator;
  report["plain_share"] = f.plain_share;
  report["fewest_neighbours"] = f.fewest_neighbours;
  report["loneliest_operator"] = f.loneliest_operator;
  report["triples"] = f.triples;
  report["deep_share"] = f.deep_share;
  report["median_elements"] = f.median_elements;
  if (!implemented.empty()) {
    // What the backend implements and the cases did not have; and the operator with the fewest
    // neighbours among those that it implements at all.
    size_t missing = 0;
    std::string names;
    size_t fewest = SIZE_MAX;
    for (auto& [op, types] : implemented) {
      // What turned out not to be implemented after all.
      const SchemaInfo* schema = FindSchema(op, settings.max_opset);
      if (schema != nullptr && schema->variables == 1) {
        std::erase_if(types, [&](DataType type) {
          return learned.Avoid({op, schema->since, {&type, 1}, {&type, 1}});
        });
      }
      if (types.empty()) continue;
      for (const DataType type : types) {
        const auto found = distribution.data_types().find(op);
        if (type == DataType::kUndefined ||
            (found != distribution.data_types().end() && found->second.contains(type))) {
          continue;
        }
        ++missing;
        names += fmt::format(" {}:{}", op, Name(type));
      }
      const auto neighbours = distribution.Neighbours();
      const auto found = neighbours.find(op);
      const size_t count = found == neighbours.end() ? 0 : found->second;
      if (count < fewest) {
        fewest = count;
        report["loneliest_operator"] = op;
      }
    }
    report["fewest_neighbours"] = fewest;
    report["implemented_operators"] = implemented.size();
    report["missing_operator_types"] = missing;
    report["missing_names"] = names;
  }
  if (behind_contributed > 0) {
    report["outputs_behind_contributed"] = behind_contributed;
    report["of_these_compared"] = static_cast<double>(judged_contributed) / behind_contributed;
  }
  if (flags.check) report["valid_share"] = 1 - invalid / n;
  if (flags.check) {
    const CoverageTable::Figures covered = coverage.Compute();
    report["standard_operators"] = covered.operators;
    report["ml_operators"] = covered.ml_operators;
    report["executed_operators"] = covered.executed;
    report["executed_names"] = covered.executed_names;
    report["schema_versions"] = covered.versions;
    report["valid_element_types"] = covered.element_types;
    if (!flags.table.empty()) {
      std::string command = fmt::format(
          "moire_generate_stats{} --cases {} --nodes {} --seed {} --check",
          flags.whole_standard ? " --whole-standard" : "", flags.cases, flags.nodes, flags.seed);
      if (runs)
        command += fmt::format(" --backend {}{}", flags.backend, flags.probe ? " --probe" : "");
      if (const Status written =
              WriteFile(flags.table, coverage.Markdown(command + " --table FILE"));
          !written) {
        std::fprintf(stderr, "%s\n", written.error().message.c_str());
        return 2;
      }
    }
  }
  if (runs) {
    report["deaths"] = server.deaths();
    report["accepted_share"] = accepted / n;
    report["unsupported_share"] = unsupported / n;
    report["run_microseconds"] = run_us / n;
    report["transformers"] = transformers;
  }
  if (flags.reference) {
    report["reference_microseconds"] = reference_us / n;
    nlohmann::json& by_type = report["judged"];
    Judged all;
    for (size_t t = 0; t < judged.size(); ++t) {
      const Judged& j = judged[t];
      if (j.elements == 0) continue;
      all.elements += j.elements;
      all.decidable += j.decidable;
      all.unspecified += j.unspecified;
      nlohmann::json& row = by_type[std::string(Name(static_cast<DataType>(t)))];
      const double elements = static_cast<double>(j.elements);
      row["elements"] = j.elements;
      row["decidable"] = static_cast<double>(j.decidable) / elements;
      row["unspecified"] = static_cast<double>(j.unspecified) / elements;
      if (auto& b = bounds[t]; !b.empty()) {
        std::ranges::nth_element(b, b.begin() + static_cast<int64_t>(b.size() / 2));
        row["median_bound"] = b[b.size() / 2];
      }
    }
    report["decidable_share"] = static_cast<double>(all.decidable) /
                                static_cast<double>(std::max<int64_t>(1, all.elements));
  }
  if (flags.json) {
    std::printf("%s\n", report.dump(2).c_str());
    return 0;
  }
  for (const auto& [text, row] : refused) {
    if (flags.show) std::printf("%s\n\n", row.second.c_str());
  }
  for (const auto& [text, row] : refused) std::printf("%6d %s\n", row.first, text.c_str());
  if (flags.show) {
    const auto neighbours = distribution.Neighbours();
    for (const auto& [op, count] : distribution.operators()) {
      std::printf("%-28s %6zu  next to %3zu ", op.c_str(), count, neighbours.at(op));
      for (const DataType type : distribution.data_types().at(op)) {
        std::printf(" %s", std::string(Name(type)).c_str());
      }
      std::printf("\n");
    }
    for (const std::string& row : learned.Rows()) std::printf("learned %s\n", row.c_str());
    for (const auto& [op, counts] : distribution.inputs()) {
      std::printf("sources %6zu of %6zu not from nodes: %s\n", counts.first - counts.second,
                  counts.first, op.c_str());
    }
    for (const auto& [reason, counts] : opaque) {
      std::printf("opaque %6ld outputs: %s\n", counts.first, reason.c_str());
    }
  }
  for (const auto& [key, value] : report.items()) {
    std::printf("%-22s %s\n", key.c_str(), value.dump().c_str());
  }
  return 0;
}

}  // namespace
}  // namespace moire

int main(int argc, char** argv) {
  moire::Flags flags;
  CLI::App app("Figures about the cases that the generator makes.");
  app.add_option("--cases", flags.cases, "how many cases");
  app.add_option("--nodes", flags.nodes, "nodes a case; 0: 1 to 30");
  app.add_option("--seed", flags.seed, "seed");
  app.add_option("--opset", flags.opset, "newest opset to use");
  app.add_option("--backend", flags.backend, "run the cases on this configuration");
  app.add_flag("--whole-standard", flags.whole_standard, "every operator, type and kind of case");
  app.add_flag("--probe", flags.probe, "first learn what the backend does not implement");
  app.add_flag("--mutate", flags.mutate, "mutate seven cases of eight");
  app.add_flag("--no-mend", flags.no_mend, "with --mutate: cut out nodes whose shapes broke");
  app.add_flag("--check", flags.check, "run the ONNX checker with full shape inference");
  app.add_flag("--reference", flags.reference, "evaluate, and say what could be judged");
  app.add_flag("--show", flags.show, "print operators, and a model of each kind of refusal");
  app.add_option("--last", flags.last, "write each case here before it runs: what a crash leaves");
  app.add_option("--table", flags.table, "with --check: write what is covered as a table");
  app.add_option("--schemas", flags.schemas,
                 "generate the contributed operators of this list (`moire backends schemas`)");
  app.add_flag("--values", flags.values,
               "instead: graphs of 10, 20 and 30 nodes, with the value search and without");
  app.add_flag("--json", flags.json, "one JSON object");
  CLI11_PARSE(app, argc, argv);
  return moire::Main(flags);
}
