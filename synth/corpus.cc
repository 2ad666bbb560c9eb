#include "synth/corpus.h"

#include <algorithm>
#include <filesystem>

#include "harness/case/onnx_adapter.h"
#include "harness/case/onnx_external.h"
#include "harness/case/value.h"

namespace moire {
namespace {

namespace fs = std::filesystem;

Status MakeDirectory(const fs::path& directory) {
  std::error_code failed;
  fs::create_directories(directory, failed);
  if (failed) {
    return Fail(ErrorCode::kEnvironment, "cannot make the directory {}: {}", directory.string(),
                failed.message());
  }
  return {};
}

// What to read one by one, so that one bad file does not refuse the others.
std::vector<std::string> Candidates(const std::string& path) {
  if (!fs::is_directory(path) || fs::exists(fs::path(path) / "model.onnx")) return {path};
  std::vector<std::string> inside;
  std::error_code failed;
  for (const auto& entry : fs::directory_iterator(path, failed)) {
    if (entry.is_directory() || entry.path().extension() == ".onnx" ||
        entry.path().extension() == ".case") {
      inside.push_back(entry.path().string());
    }
  }
  std::ranges::sort(inside);
  std::vector<std::string> all;
  for (const std::string& entry : inside)
    std::ranges::move(Candidates(entry), std::back_inserter(all));
  return all;
}

template <typename Write>
Result<CorpusReport> ForEachCase(const std::vector<std::string>& paths, const LoadOptions& options,
                                 const Write& write) {
  CorpusReport report;
  for (const std::string& path : paths) {
    if (!fs::exists(path)) {
      return Fail(ErrorCode::kNotFound, "{}: no such file or directory", path);
    }
    for (const std::string& candidate : Candidates(path)) {
      const Result<std::vector<LoadedCase>> cases = LoadCases(candidate, options);
      if (!cases) {
        report.refused.push_back(cases.error().message);
        continue;
      }
      for (const LoadedCase& loaded : *cases) {
        MOIRE_TRY(write(loaded));
        ++report.written;
      }
    }
  }
  return report;
}

}  // namespace

Status WriteBackendTest(const std::string& directory, const Case& test_case) {
  const fs::path base(directory);
  for (size_t run = 0; run <= test_case.options.more_runs.size(); ++run) {
    const fs::path set = base / fmt::format("test_data_set_{}", run);
    MOIRE_TRY(MakeDirectory(set));
    const InputSet& inputs = run == 0 ? test_case.inputs : test_case.options.more_runs[run - 1];
    for (size_t i = 0; i < inputs.size(); ++i) {
      MOIRE_TRY(
          WriteFile((set / fmt::format("input_{}.pb", i)).string(),
                    inputs[i].IsMap() ? SerializeMap(inputs[i]) : SerializeTensor(inputs[i])));
    }
  }
  return WriteModelFile((base / "model.onnx").string(), test_case.model,
                        test_case.options.external_data_bytes);
}

Result<CorpusReport> ImportCorpus(const std::vector<std::string>& paths, const std::string& to,
                                  const LoadOptions& options) {
  MOIRE_TRY(MakeDirectory(to));
  return ForEachCase(paths, options, [&](const LoadedCase& loaded) -> Status {
    const std::string bytes = SerializeCase(loaded.test_case);
    return WriteFile((fs::path(to) / (CaseKey(bytes) + ".case")).string(), bytes);
  });
}

Result<CorpusReport> ExportCorpus(const std::vector<std::string>& paths, const std::string& to) {
  MOIRE_TRY(MakeDirectory(to));
  return ForEachCase(paths, {}, [&](const LoadedCase& loaded) {
    const std::string key = CaseKey(SerializeCase(loaded.test_case));
    const std::string stem = fs::path(loaded.name).stem().string();
    return WriteBackendTest((fs::path(to) / (stem == key ? key : stem + "-" + key)).string(),
                            loaded.test_case);
  });
}

}  // namespace moire
