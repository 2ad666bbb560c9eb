#include "synth/load.h"

#include <algorithm>
#include <filesystem>
#include <map>

#include "harness/case/onnx_adapter.h"
#include "harness/case/onnx_external.h"
#include "harness/case/random.h"
#include "harness/case/value.h"

namespace moire {
namespace {

namespace fs = std::filesystem;

// Graph inputs that a caller must give, in order.
std::vector<const ValueInfo*> RequiredInputs(const Model& model) {
  std::vector<const ValueInfo*> required;
  for (const ValueInfo& input : model.graph.inputs) {
    if (model.graph.FindInitializer(input.name) == nullptr) required.push_back(&input);
  }
  return required;
}

Tensor GenerateTensor(DataType type, Shape shape, Random& random) {
  Tensor tensor = MakeTensor(type, std::move(shape));
  const int64_t count = tensor.size();
  for (int64_t i = 0; i < count; ++i) {
    if (type == DataType::kString) {
      tensor.strings[static_cast<size_t>(i)] =
          std::string(1, static_cast<char>('a' + random.Below(4)));
    } else if (IsFloat(type)) {
      SetFloat(tensor, i, 4 * random.Unit() - 2);
    } else if (IsBool(type)) {
      SetInt(tensor, i, static_cast<int64_t>(random.Below(2)));
    } else if (IsExact(type)) {
      SetInt(tensor, i, random.Between(IsSigned(type) ? -4 : 0, 4));
    }
  }
  return tensor;
}

std::vector<fs::path> Sorted(const fs::path& directory) {
  std::vector<fs::path> entries;
  std::error_code failed;
  for (const auto& entry : fs::directory_iterator(directory, failed))
    entries.push_back(entry.path());
  std::ranges::sort(entries);
  return entries;
}

// input_0.pb, input_1.pb, ... by number.
Result<std::vector<NamedTensor>> ReadDataSet(const fs::path& directory, const Model& model) {
  const std::vector<const ValueInfo*> required = RequiredInputs(model);
  std::vector<NamedTensor> inputs;
  for (size_t i = 0;; ++i) {
    const fs::path file = directory / fmt::format("input_{}.pb", i);
    if (!fs::exists(file)) break;
    const std::optional<MapType> map =
        i < required.size() ? ParseMapType(required[i]->type.opaque) : std::nullopt;
    if (!map && i < required.size() && !required[i]->type.opaque.empty()) {
      return Fail(ErrorCode::kUnsupported,
                  "{}: the model's input '{}' is neither a dense tensor nor a map", file.string(),
                  required[i]->name);
    }
    MOIRE_ASSIGN(const std::string bytes, ReadFile(file.string()));
    Result<NamedTensor> tensor = map ? ParseMap(bytes, *map) : ParseTensor(bytes);
    if (!tensor) return std::unexpected(std::move(tensor).error().With(file.string()));
    // By name where the file gives one that the model knows, by position otherwise.
    const bool named = std::ranges::any_of(
        model.graph.inputs, [&](const ValueInfo& input) { return input.name == tensor->name; });
    if (!named) {
      if (i >= model.graph.inputs.size()) {
        return Fail(ErrorCode::kInvalidInput, "{}: the model has only {} inputs", file.string(),
                    model.graph.inputs.size());
      }
      tensor->name = i < required.size() ? required[i]->name : model.graph.inputs[i].name;
    }
    inputs.push_back(std::move(*tensor));
  }
  return inputs;
}

class Loader {
 public:
  explicit Loader(const LoadOptions& options) : options_(options) {}

  Result<std::vector<LoadedCase>> Load(const fs::path& path) {
    std::error_code failed;
    if (!fs::exists(path, failed)) {
      return Fail(ErrorCode::kNotFound, "{}: no such file or directory", path.string());
    }
    if (!fs::is_directory(path)) return LoadFile(path);
    if (fs::exists(path / "model.onnx")) return LoadBackendTest(path);
    std::vector<LoadedCase> all;
    for (const fs::path& entry : Sorted(path)) {
      if (!fs::is_directory(entry) && entry.extension() != ".onnx" &&
          entry.extension() != ".case") {
        continue;
      }
      MOIRE_ASSIGN(std::vector<LoadedCase> some, Load(entry));
      std::ranges::move(some, std::back_inserter(all));
    }
    return all;
  }

 private:
  Result<std::vector<LoadedCase>> LoadFile(const fs::path& path) {
    MOIRE_ASSIGN(const std::string bytes, ReadFile(path.string()));
    if (path.extension() != ".onnx") {
      if (Result<Case> parsed = ParseCase(bytes)) {
        return std::vector<LoadedCase>{{path.string(), {}, std::move(*parsed), false}};
      } else if (path.extension() == ".case" || path.extension() == ".pb") {
        return std::unexpected(std::move(parsed).error().With(path.string()));
      }
    }
    LoadedCase loaded{path.string(), {}, {}, true};
    MOIRE_TRY(LoadModel(path, loaded.test_case));
    MOIRE_ASSIGN(loaded.test_case.inputs, Generate(loaded.test_case.model, path.string()));
    return std::vector<LoadedCase>{std::move(loaded)};
  }

  // A model whose tensors lie outside is given to the runtimes like that.
  static Status LoadModel(const fs::path& path, Case& test_case) {
    MOIRE_ASSIGN(ModelFile file, LoadModelFile(path.string()));
    test_case.model = std::move(file.model);
    test_case.options.external_data_bytes = file.external_data_bytes;
    return {};
  }

  Result<std::vector<NamedTensor>> Generate(const std::string& bytes, const std::string& path) {
    const Result<Model> model = ParseModel(bytes);
    if (!model) return std::unexpected(Error(model.error()).With(path));
    Result<std::vector<NamedTensor>> inputs = GenerateInputs(*model, options_);
    if (!inputs) return std::unexpected(std::move(inputs).error().With(path));
    return inputs;
  }

  Result<std::vector<LoadedCase>> LoadBackendTest(const fs::path& directory) {
    LoadedCase base{directory.string(), directory.string(), {}, false};
    const std::string model_path = (directory / "model.onnx").string();
    MOIRE_TRY(LoadModel(model_path, base.test_case));
    if (fs::exists(directory / "case.pb")) {
      MOIRE_ASSIGN(const std::string bytes, ReadFile((directory / "case.pb").string()));
      Result<Case> whole = ParseCase(bytes);
      if (!whole)
        return std::unexpected(std::move(whole).error().With((directory / "case.pb").string()));
      base.test_case.options = std::move(whole->options);
    }
    std::vector<fs::path> sets;
    for (const fs::path& entry : Sorted(directory)) {
      if (entry.filename().string().starts_with("test_data_set_")) sets.push_back(entry);
    }
    if (sets.empty()) {
      base.generated_inputs = true;
      MOIRE_ASSIGN(base.test_case.inputs, Generate(base.test_case.model, model_path));
      return std::vector<LoadedCase>{std::move(base)};
    }
    const Result<Model> model = ParseModel(base.test_case.model);
    if (!model) return std::unexpected(Error(model.error()).With(model_path));
    std::vector<LoadedCase> all;
    // The sets of a case that is run on each of them in one session are one case.
    if (base.test_case.options.more_runs.size() + 1 == sets.size()) {
      MOIRE_ASSIGN(base.test_case.inputs, ReadDataSet(sets[0], *model));
      for (size_t run = 1; run < sets.size(); ++run) {
        MOIRE_ASSIGN(base.test_case.options.more_runs[run - 1], ReadDataSet(sets[run], *model));
      }
      return std::vector<LoadedCase>{std::move(base)};
    }
    base.test_case.options.more_runs.clear();
    for (const fs::path& set : sets) {
      LoadedCase loaded = base;
      MOIRE_ASSIGN(loaded.test_case.inputs, ReadDataSet(set, *model));
      if (sets.size() > 1) loaded.name = set.string();
      all.push_back(std::move(loaded));
    }
    return all;
  }

  const LoadOptions& options_;
};

}  // namespace

Result<std::vector<NamedTensor>> GenerateInputs(const Model& model, const LoadOptions& options) {
  Random random(Mix64(options.seed));
  std::map<std::string, int64_t> symbols;
  std::vector<NamedTensor> inputs;
  for (const ValueInfo* input : RequiredInputs(model)) {
    if (input->type.type == DataType::kUndefined) {
      return Fail(ErrorCode::kUnsupported,
                  "input '{}' is no dense tensor: give it in test_data_set_0", input->name);
    }
    if (Traits(input->type.type).kind == TypeClass::kComplex) {
      return Fail(ErrorCode::kUnsupported, "input '{}' is complex: give it in test_data_set_0",
                  input->name);
    }
    Shape shape;
    const std::vector<Dim> dims = input->type.dims.value_or(std::vector<Dim>(1));
    for (const Dim& dim : dims) {
      int64_t size = random.Between(1, 4);
      if (dim.size) {
        size = *dim.size;
      } else if (!dim.symbol.empty()) {
        size = symbols.try_emplace(dim.symbol, size).first->second;
      }
      shape.push_back(size);
    }
    const auto count = CheckedCount(shape);
    if (!count || *count > options.max_elements) {
      return Fail(ErrorCode::kInvalidInput, "input '{}' claims shape {}, the limit is {} elements",
                  input->name, ToString(shape), options.max_elements);
    }
    inputs.push_back({input->name, GenerateTensor(input->type.type, std::move(shape), random)});
  }
  return inputs;
}

Result<std::vector<LoadedCase>> LoadCases(const std::string& path, const LoadOptions& options) {
  return Loader(options).Load(path);
}

}  // namespace moire
