#include "synth/repro_code.h"

#include <algorithm>
#include <cmath>

#include "harness/case/float_bits.h"
#include "harness/case/onnx_adapter.h"
#include "harness/case/onnx_external.h"
#include "oracles/configuration_name.h"
#include "oracles/reference/reference.h"

namespace moire {
namespace {

constexpr size_t kMostBytes = size_t{1} << 16;  // of the model and the inputs together
constexpr std::string_view kReproDataName = "repro.data";

constexpr std::string_view kHead =
    R"(// Shows one finding with ONNX Runtime's C API: prints one line, "BUG ..." or "OK ...", and exits with 1 or 0
// (2: it cannot tell). A crash or a hang is the finding itself. Compile and run:
//   g++ -std=c++17 -I DIRECTORY_OF_onnxruntime_c_api.h repro.cc -ldl -o repro && ./repro PATH/libonnxruntime.so
#include <dlfcn.h>
#include <onnxruntime_c_api.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <set>
#include <string>
#include <vector>

// Types are numbers of onnx.TensorProto.DataType, which are those of the C API.
struct Input {
  const char* name;
  int type;
  std::vector<int64_t> shape;
  std::vector<unsigned char> bytes;
};
// For each element the range that a correct implementation of ONNX may return; `open`: not judged.
struct Output {
  const char* name;
  int type;
  std::vector<int64_t> shape;
  std::vector<long double> low, high;
  std::set<size_t> open;
};

)";

std::string Escaped(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (byte < 0x20 || byte > 0x7e) {
      out += fmt::format("\\{:03o}", byte);
    } else {
      out += c;
    }
  }
  return out + "\"";
}

template <typename List, typename Format>
std::string Braces(const List& list, const Format& format) {
  std::string out = "{";
  size_t line = 0;
  for (const auto& item : list) {
    if (out.size() > 1) out += out.size() - line > 100 ? ",\n    " : ", ";
    if (out.size() - line > 104) line = out.size();
    out += format(item);
  }
  return out + "}";
}

std::string Number(double value) {
  if (std::isnan(value)) return "NAN";
  if (std::isinf(value)) return value > 0 ? "INFINITY" : "-INFINITY";
  return fmt::format("{}L", std::floor(value) == value && std::abs(value) < 1e15
                                ? fmt::format("{:.1f}", value)
                                : fmt::format("{:.17e}", value));
}

std::string Shaped(const Shape& shape) {
  return Braces(shape, [](int64_t dim) { return fmt::format("{}", dim); });
}

std::string Bytes(const auto& bytes) {
  return Braces(bytes,
                [](auto byte) { return fmt::format("{}", static_cast<unsigned char>(byte)); });
}

std::string OutputText(const RangeTensor& output, const std::string& name) {
  std::string low, high, open;
  const bool judged =
      output.opaque == Opaque::kNo && output.size() <= static_cast<int64_t>(kMostBytes);
  if (judged && IsFloat(output.type)) {
    std::vector<size_t> index(static_cast<size_t>(output.size()));
    for (size_t i = 0; i < index.size(); ++i) index[i] = i;
    low = Braces(index, [&](size_t i) { return Number(RoundTo(output.type, output.Lo()[i])); });
    high = Braces(index, [&](size_t i) { return Number(RoundTo(output.type, output.Hi()[i])); });
  } else if (judged && IsExact(output.type)) {
    low = Braces(output.ints, [&](int64_t v) {
      if (output.type == DataType::kUint64) return fmt::format("{}.0L", static_cast<uint64_t>(v));
      return fmt::format("{}.0L", v);
    });
  }
  std::vector<size_t> marked;
  for (size_t i = 0; judged && i < static_cast<size_t>(output.size()); ++i) {
    if (output.MarkAt(i) != kDecided) marked.push_back(i);
  }
  open = Braces(marked, [](size_t i) { return fmt::format("{}", i); });
  return fmt::format("    {{{}, {}, {},\n     {},\n     {}, {}}}", Escaped(name),
                     static_cast<int>(output.type), Shaped(output.shape), low.empty() ? "{}" : low,
                     high.empty() ? "{}" : high, open);
}

int LevelNumber(std::string_view level) {
  if (level == "none") return 0;
  if (level == "basic") return 1;
  return level == "extended" ? 2 : 99;
}

// 2-, 4- and 8-bit floats and packed types have no numbers in every release of the C API.
bool IsPlainNumber(DataType type) {
  return static_cast<int>(type) <= 16 && type != DataType::kString;
}

}  // namespace

std::string ReproCode(const Finding& finding) {
  const Case& test_case = finding.test_case;
  const std::string& configuration = finding.verdict.configuration;
  const Result<Model> model = ParseModel(test_case.model);
  if (BackendName(configuration) != "ort" || !model) return {};
  if (!test_case.options.more_runs.empty()) return {};  // repro.py runs them all
  const int64_t least = test_case.options.external_data_bytes;
  const SplitModel split =
      least > 0 ? MoveOut(test_case.model, least, kReproDataName) : SplitModel{test_case.model, {}};
  size_t bytes = split.model.size() + split.data.size();
  for (const NamedTensor& input : test_case.inputs) {
    if (!IsPlainNumber(input.tensor.type) || input.IsMap()) return {};
    bytes += input.tensor.data.size();
  }
  if (bytes > kMostBytes) return {};
  const ReferenceResult reference = Evaluate(*model, test_case.inputs);
  const bool runs = reference.status == ReferenceStatus::kEvaluated;

  std::string code(kHead);
  const int threads = test_case.options.intra_op_threads;
  code += fmt::format("const int kLevel = {};\n", LevelNumber(Setting(configuration, "level")));
  code += fmt::format("const int kThreads = {};\n", threads == 0 ? 1 : threads);
  code += fmt::format("const bool kParallel = {};\n", test_case.options.parallel_execution);
  std::string disabled;
  for (const std::string& name : test_case.options.disabled_optimizers) {
    disabled += (disabled.empty() ? "" : ";") + name;
  }
  code += fmt::format("const char kDisabled[] = {};\n", Escaped(disabled));
  code += fmt::format("const bool kMustRun = {};     // refusing it is wrong\n", runs);
  code += fmt::format("const bool kMustReject = {};  // accepting it is wrong\n",
                      reference.must_reject);
  code += fmt::format("const bool kFromFiles = {};    // loaded by path\n", least > 0);
  code += fmt::format("const std::vector<unsigned char> kModel = {};\n", Bytes(split.model));
  code += "// The file that the model's initializers lie in, where there is one.\n";
  code += fmt::format("const char kDataName[] = {};\n", Escaped(kReproDataName));
  code += fmt::format("const std::vector<unsigned char> kData = {};\n", Bytes(split.data));
  code += "const std::vector<Input> kInputs = {\n";
  for (const NamedTensor& input : test_case.inputs) {
    code += fmt::format("    {{{}, {}, {}, {}}},\n", Escaped(input.name),
                        static_cast<int>(input.tensor.type), Shaped(input.tensor.shape),
                        Bytes(input.tensor.data));
  }
  code += "};\nconst std::vector<Output> kOutputs = {\n";
  for (size_t i = 0; i < model->graph.outputs.size(); ++i) {
    RangeTensor unknown;
    unknown.opaque = Opaque::kUndecidable;
    const bool known = runs && i < reference.outputs.size();
    code +=
        OutputText(known ? reference.outputs[i] : unknown, model->graph.outputs[i].name) + ",\n";
  }
  code += "};\n";
  return code + std::string(kReproTail);
}

}  // namespace moire
