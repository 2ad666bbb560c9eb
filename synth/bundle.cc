#include "synth/bundle.h"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "harness/case/float_bits.h"
#include "harness/case/onnx_adapter.h"
#include "oracles/reference/reference.h"
#include "synth/bundle_extras.h"
#include "synth/corpus.h"
#include "synth/judge.h"
#include "synth/load.h"
#include "synth/repro_script.h"

namespace moire {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr int kFormat = 1;
constexpr int64_t kMostExpected = int64_t{1} << 20;  // elements of one output in expected.json

// JSON has no NaN and no infinities.
json Number(double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value > 0 ? "inf" : "-inf";
  return value;
}

json ExpectedOutput(const RangeTensor& output, const std::string& name) {
  json row = {{"name", name}, {"type", Name(output.type)}, {"shape", output.shape}};
  if (output.opaque != Opaque::kNo || output.size() > kMostExpected) {
    row["unknown"] =
        output.opaque != Opaque::kNo ? output.opaque_reason : "too large to write down";
    return row;
  }
  json low = json::array();
  json high = json::array();
  json open = json::array();  // elements that are not judged
  for (size_t i = 0; i < static_cast<size_t>(output.size()); ++i) {
    if (output.MarkAt(i) != kDecided) open.push_back(i);
    if (IsFloat(output.type)) {
      low.push_back(Number(RoundTo(output.type, output.Lo()[i])));
      high.push_back(Number(RoundTo(output.type, output.Hi()[i])));
    } else if (output.type == DataType::kString) {
      low.push_back(output.strings[i]);
    } else if (output.type == DataType::kUint64) {
      low.push_back(static_cast<uint64_t>(output.ints[i]));
    } else {
      low.push_back(output.ints[i]);
    }
  }
  row["low"] = std::move(low);
  if (!high.empty() && high != row["low"]) row["high"] = std::move(high);
  row["open"] = std::move(open);
  return row;
}

// The reference's view of the case, where the case parses. It has been evaluated before, so it
// ends.
json Expected(const Model& model, const ReferenceResult& reference) {
  json expected = {{"must_reject", reference.must_reject},
                   {"rejected", reference.status == ReferenceStatus::kRejected},
                   {"reason", reference.reason},
                   {"outputs", json::array()}};
  for (size_t i = 0; i < reference.outputs.size() && i < model.graph.outputs.size(); ++i) {
    expected["outputs"].push_back(
        ExpectedOutput(reference.outputs[i], model.graph.outputs[i].name));
  }
  return expected;
}

// The expected outputs of one run, written beside its inputs, and its part of expected.json.
Status WriteRun(const fs::path& directory, const Model& model, const Case& test_case, size_t run,
                json& expected) {
  const ReferenceResult reference = Evaluate(model, CaseOfRun(test_case, run).inputs);
  for (size_t i = 0; i < reference.outputs.size() && i < model.graph.outputs.size(); ++i) {
    const RangeTensor& output = reference.outputs[i];
    if (output.opaque != Opaque::kNo) continue;
    const fs::path file =
        directory / fmt::format("test_data_set_{}", run) / fmt::format("output_{}.pb", i);
    MOIRE_TRY(
        WriteFile(file.string(), SerializeTensor({model.graph.outputs[i].name, ToTensor(output)})));
  }
  expected = Expected(model, reference);
  return {};
}

Status WriteExpected(const fs::path& directory, const Model& model, const Case& test_case) {
  json expected;
  MOIRE_TRY(WriteRun(directory, model, test_case, 0, expected));
  for (size_t run = 1; run <= test_case.options.more_runs.size(); ++run) {
    MOIRE_TRY(WriteRun(directory, model, test_case, run, expected["more_runs"].emplace_back()));
  }
  return WriteFile((directory / "expected.json").string(),
                   expected.dump(1, ' ', false, json::error_handler_t::replace) + "\n");
}

json FindingToJson(const Finding& finding, const Model* model) {
  std::vector<std::string> operators;
  if (model != nullptr) {
    for (const Node& node : model->graph.nodes) operators.push_back(node.op);
  }
  return {{"format", kFormat},
          {"verdict", VerdictToJson(finding.verdict)},
          {"symptom", finding.symptom},
          {"cause", finding.cause},
          {"configurations", finding.configurations},
          {"specs", finding.specs},
          {"blamed_optimizer", finding.blamed_optimizer},
          {"operators", operators},
          {"nodes", model == nullptr ? 0 : CountNodes(model->graph)},
          {"options",
           {{"intra_op_threads", finding.test_case.options.intra_op_threads},
            {"parallel_execution", finding.test_case.options.parallel_execution},
            {"disabled_optimizers", finding.test_case.options.disabled_optimizers},
            {"external_data_bytes", finding.test_case.options.external_data_bytes}}}};
}

}  // namespace

Status WriteBundle(const std::string& directory, const Finding& finding) {
  MOIRE_TRY(WriteBackendTest(directory, finding.test_case));
  const fs::path base(directory);
  MOIRE_TRY(WriteFile((base / "case.pb").string(), SerializeCase(finding.test_case)));
  MOIRE_TRY(WriteFile((base / "repro.py").string(), kReproScript));
  const Result<Model> model = ParseModel(finding.test_case.model);
  if (model) MOIRE_TRY(WriteExpected(base, *model, finding.test_case));
  if (const Result<std::string> text = PrintModel(finding.test_case.model)) {
    MOIRE_TRY(WriteFile((base / "graph.txt").string(), *text + "\n"));
  }
  MOIRE_TRY(WriteBundleExtras(directory, finding));
  const json written = FindingToJson(finding, model ? &*model : nullptr);
  return WriteFile((base / "finding.json").string(),
                   written.dump(1, ' ', false, json::error_handler_t::replace) + "\n");
}

Result<Finding> ReadBundle(const std::string& directory) {
  const std::string path = (fs::path(directory) / "finding.json").string();
  MOIRE_ASSIGN(const std::string text, ReadFile(path));
  const json read = json::parse(text, nullptr, false);
  if (!read.is_object() || read.value("format", 0) != kFormat || !read.contains("verdict") ||
      !read["verdict"].is_object()) {
    return Fail(ErrorCode::kInvalidInput, "{}: not a finding of format {}", path, kFormat);
  }
  MOIRE_ASSIGN(std::vector<LoadedCase> cases, LoadCases(directory));
  if (cases.size() != 1) {
    return Fail(ErrorCode::kInvalidInput, "{}: holds {} data sets, a bundle has one", directory,
                cases.size());
  }
  Finding finding;
  finding.test_case = std::move(cases.front().test_case);
  // A hand-edited file may hold other types than ours: nlohmann throws then.
  try {
    finding.verdict = VerdictFromJson(read["verdict"]);
    finding.symptom = read.value("symptom", std::string());
    finding.cause = read.value("cause", std::string());
    finding.configurations = read.value("configurations", std::vector<std::string>());
    finding.specs = read.value("specs", std::vector<std::string>());
    finding.blamed_optimizer = read.value("blamed_optimizer", std::string());
  } catch (const json::exception& problem) {
    return Fail(ErrorCode::kInvalidInput, "{}: {}", path, problem.what());
  }
  return finding;
}

std::vector<std::string> ListBundles(const std::vector<std::string>& directories) {
  std::vector<std::string> bundles;
  for (const std::string& directory : directories) {
    if (fs::exists(fs::path(directory) / "finding.json")) {
      bundles.push_back(directory);
      continue;
    }
    std::vector<std::string> inside;
    std::error_code failed;
    for (const auto& entry : fs::directory_iterator(directory, failed)) {
      if (entry.is_directory() && entry.path().extension() != ".new") {
        inside.push_back(entry.path().string());
      }
    }
    std::ranges::sort(inside);
    std::ranges::move(ListBundles(inside), std::back_inserter(bundles));
  }
  return bundles;
}

std::string BundleName(const Finding& finding) {
  std::string name;
  for (const char c : finding.cause) {
    name += std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-' || c == '_' ? c : '-';
  }
  return name.empty() ? "finding" : name;
}

}  // namespace moire
