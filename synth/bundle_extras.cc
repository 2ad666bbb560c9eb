#include "synth/bundle_extras.h"

#include <sys/utsname.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <set>

#include "harness/case/onnx_adapter.h"
#include "harness/case/onnx_attributes.h"
#include "oracles/configuration_name.h"
#include "synth/repro_code.h"

namespace moire {
namespace {

using nlohmann::json;

constexpr std::string_view kTest =
    R"("""The finding beside this file as a test: it fails while the runtime has the bug. Run: pytest DIRECTORY"""

import os
import subprocess
import sys


def test_finding():
    script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "repro.py")
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
)";

// What decides which kernels a runtime picks.
constexpr const char* kCpuFeatures[] = {"sse4_2",      "avx",      "avx2",     "fma",
                                        "f16c",        "avx512f",  "avx512bw", "avx512_vnni",
                                        "avx512_bf16", "avx_vnni", "amx_tile", "amx_int8",
                                        "amx_bf16",    "asimd",    "sve"};

// The value of the first line of /proc/cpuinfo with this key.
std::string CpuInfo(std::string_view info, std::string_view key) {
  const size_t at = info.find(key);
  if (at == std::string_view::npos) return {};
  const size_t colon = info.find(": ", at);
  const size_t end = info.find('\n', at);
  if (colon == std::string_view::npos || end == std::string_view::npos || colon > end) return {};
  return std::string(info.substr(colon + 2, end - colon - 2));
}

json Environment(const Finding& finding) {
  json environment = {{"configurations", finding.configurations}, {"specs", finding.specs}};
  utsname system{};
  if (uname(&system) == 0) {
    environment["system"] = fmt::format("{} {} {}", system.sysname, system.release, system.machine);
  }
  // A file without a size, which ReadFile would take for empty.
  std::ifstream file("/proc/cpuinfo");
  const std::string info{std::istreambuf_iterator<char>(file), {}};
  if (!info.empty()) {
    environment["cpu"] = CpuInfo(info, "model name");
    const std::string flags = " " + CpuInfo(info, "flags") + CpuInfo(info, "Features") + " ";
    environment["cpu_features"] = json::array();
    for (const char* feature : kCpuFeatures) {
      if (flags.find(fmt::format(" {} ", feature)) != std::string::npos) {
        environment["cpu_features"].push_back(feature);
      }
    }
  }
  if (const Result<Model> model = ParseModel(finding.test_case.model)) {
    environment["ir_version"] = model->ir_version;
    for (const OpsetImport& import : model->opsets) {
      environment["opsets"][import.domain.empty() ? "ai.onnx" : import.domain] = import.version;
    }
  }
  return environment;
}

std::string Title(const Finding& finding, const Model* model) {
  std::string operators;
  if (model != nullptr) {
    for (const Node& node : model->graph.nodes)
      operators += (operators.empty() ? "" : " + ") + node.op;
  }
  std::string title =
      fmt::format("{}: {}", operators.empty() ? "Model" : operators, Name(finding.verdict.kind));
  if (!finding.blamed_optimizer.empty()) title += " after " + finding.blamed_optimizer;
  const std::string_view level = Setting(finding.verdict.configuration, "level");
  if (!level.empty()) title += fmt::format(" at optimisation level {}", level);
  return title;
}

std::string Specification(const Model& model) {
  std::string text;
  std::set<std::string> said;
  for (const Node& node : model.graph.nodes) {
    if (!said.insert(node.op).second) continue;
    const std::string sentence = SchemaSentence(node, model.Opset(node.domain));
    if (!sentence.empty()) text += fmt::format("- {}: \"{}\"\n", node.op, sentence);
  }
  return text;
}

std::string Listed(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ", ") + name;
  return text;
}

}  // namespace

std::string IssueText(const Finding& finding, const IssueDetails& details) {
  constexpr size_t kMostChanges = 8;
  const Verdict& verdict = finding.verdict;
  const Result<Model> model = ParseModel(finding.test_case.model);
  std::string text = fmt::format("# {}\n\n", Title(finding, model ? &*model : nullptr));
  text += fmt::format("{}\n\n", verdict.reason);
  if (!details.predicate.empty()) text += fmt::format("It fails iff {}.\n\n", details.predicate);
  if (const Result<std::string> graph = PrintModel(finding.test_case.model)) {
    text += fmt::format("## The model\n```\n{}\n```\n\n", *graph);
  }
  if (finding.test_case.options.external_data_bytes > 0) {
    text += "It is loaded from `model.onnx`, whose initializers lie in `model.onnx.data`.\n\n";
  }
  text +=
      "## Steps\n1. Unpack the attached directory (ONNX's backend-test layout).\n"
      "2. `python3 repro.py` (needs onnx, numpy, onnxruntime), or compile `repro.cc` with the "
      "command in "
      "its first lines.\n\n";
  text += "## Expected\n";
  text += verdict.expected.empty()
              ? std::string(
                    "The model is valid and runs; `expected.json` has the legal "
                    "range of every output element.\n")
              : fmt::format("Output {} element {}: {}\n", verdict.output, verdict.element,
                            verdict.expected);
  if (verdict.kind == VerdictKind::kWronglyAccepted)
    text += "The model breaks ONNX and is to be refused.\n";
  if (model) text += Specification(*model);
  text +=
      fmt::format("\n## Actual\n{}\n", verdict.actual.empty() ? verdict.reason : verdict.actual);
  if (!details.pass.empty())
    text += fmt::format("Without the optimiser `{}` it passes.\n", details.pass);
  for (size_t i = 0; i < details.passing_changes.size() && i < kMostChanges; ++i) {
    text += fmt::format("{}- {}\n", i == 0 ? "It passes with each of these changes:\n" : "",
                        details.passing_changes[i]);
  }
  text += fmt::format("\n## Versions\nSeen with {}.\n", Listed(finding.configurations));
  if (!details.bad_releases.empty())
    text += fmt::format("Fails in {}.\n", Listed(details.bad_releases));
  if (!details.good_releases.empty())
    text += fmt::format("Passes in {}.\n", Listed(details.good_releases));
  if (!details.last_good_release.empty()) {
    text += fmt::format("A regression: {} was the last good release, {} the first bad one.\n",
                        details.last_good_release, details.first_bad_release);
  }
  return text;
}

Status WriteBundleExtras(const std::string& directory, const Finding& finding) {
  const std::filesystem::path base(directory);
  if (const std::string code = ReproCode(finding); !code.empty()) {
    MOIRE_TRY(WriteFile((base / "repro.cc").string(), code));
  }
  MOIRE_TRY(WriteFile((base / "test_finding.py").string(), kTest));
  MOIRE_TRY(
      WriteFile((base / "environment.json").string(),
                Environment(finding).dump(1, ' ', false, json::error_handler_t::replace) + "\n"));
  return WriteFile((base / "issue.md").string(),
                   IssueText(finding, {.pass = finding.blamed_optimizer}));
}

}  // namespace moire
