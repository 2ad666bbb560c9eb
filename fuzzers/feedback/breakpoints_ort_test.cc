// The released ONNX Runtime library under breakpoints: creates and runs a session through its C
// API.
#include <dlfcn.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <onnxruntime_c_api.h>

#include <cstdlib>

#include "fuzzers/feedback/breakpoints.h"
#include "harness/case/onnx_adapter.h"

namespace moire {
namespace {

std::string Library() {
  const char* home = std::getenv("MOIRE_HOME");
  return fmt::format("{}/runtimes/onnxruntime/1.32.0/libonnxruntime.so.1.32.0",
                     home != nullptr ? home : MOIRE_HOME);
}

std::string ReluModel() {
  Model model;
  model.ir_version = 8;
  model.opsets = {{"", 17}};
  model.graph.name = "g";
  Node node;
  node.op = "Relu";
  node.inputs = {"x"};
  node.outputs = {"y"};
  model.graph.nodes = {node};
  model.graph.inputs = {{"x", TensorType(DataType::kFloat, Shape{2})}};
  model.graph.outputs = {{"y", TensorType(DataType::kFloat, Shape{2})}};
  return SerializeModel(model);
}

class Ort {
 public:
  explicit Ort(void* library) {
    const auto base = reinterpret_cast<const OrtApiBase* (*)()>(dlsym(library, "OrtGetApiBase"))();
    api_ = base->GetApi(17);
    Check(api_->CreateEnv(ORT_LOGGING_LEVEL_ERROR, "test", &env_));
  }
  ~Ort() { api_->ReleaseEnv(env_); }

  // Relu of {-1, 2} at an optimisation level.
  std::vector<float> Run(const std::string& model, GraphOptimizationLevel level) {
    OrtSessionOptions* options = nullptr;
    Check(api_->CreateSessionOptions(&options));
    Check(api_->SetSessionGraphOptimizationLevel(options, level));
    Check(api_->SetIntraOpNumThreads(options, 2));
    OrtSession* session = nullptr;
    Check(api_->CreateSessionFromArray(env_, model.data(), model.size(), options, &session));
    OrtMemoryInfo* memory = nullptr;
    Check(api_->CreateCpuMemoryInfo(OrtArenaAllocator, OrtMemTypeDefault, &memory));
    float values[] = {-1, 2};
    const int64_t shape[] = {2};
    OrtValue* input = nullptr;
    Check(api_->CreateTensorWithDataAsOrtValue(memory, values, sizeof values, shape, 1,
                                               ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT, &input));
    const char* input_name = "x";
    const char* output_name = "y";
    OrtValue* output = nullptr;
    Check(api_->Run(session, nullptr, &input_name, &input, 1, &output_name, 1, &output));
    void* data = nullptr;
    Check(api_->GetTensorMutableData(output, &data));
    const auto* floats = static_cast<const float*>(data);
    std::vector<float> result(floats, floats + 2);
    api_->ReleaseValue(output);
    api_->ReleaseValue(input);
    api_->ReleaseMemoryInfo(memory);
    api_->ReleaseSession(session);
    api_->ReleaseSessionOptions(options);
    return result;
  }

 private:
  void Check(OrtStatus* status) { ASSERT_EQ(status, nullptr) << api_->GetErrorMessage(status); }
  const OrtApi* api_ = nullptr;
  OrtEnv* env_ = nullptr;
};

TEST(BreakpointsOrtTest, RunsArmedAndIsSeen) {
  // Its telemetry thread would run beside what is counted.
  setenv("ORT_DISABLE_TELEMETRY", "1", 1);
  const std::string path = Library();
  void* library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  ASSERT_NE(library, nullptr) << dlerror();
  const auto found = BreakpointCoverage::Find(path);
  ASSERT_TRUE(found.has_value()) << found.error().message;
  BreakpointCoverage& coverage = **found;
  ASSERT_TRUE(coverage.Arm().has_value());
  RecordProperty("blocks", static_cast<int>(coverage.blocks()));
  RecordProperty("arming_seconds", std::to_string(coverage.arming_seconds()));
  EXPECT_GE(coverage.blocks(), 900'000u);
  EXPECT_EQ(coverage.decode_counts().undecodable, 0u);
  EXPECT_EQ(coverage.decode_counts().desynchronised, 0u);

  const std::string model = ReluModel();
  Ort ort(library);
  const uint64_t environment = coverage.reached();
  EXPECT_GT(environment, 10'000u);
  const auto run_all = [&] {
    EXPECT_THAT(ort.Run(model, ORT_DISABLE_ALL), testing::ElementsAre(0, 2));
    EXPECT_THAT(ort.Run(model, ORT_ENABLE_ALL), testing::ElementsAre(0, 2));
  };
  const auto passes = WarmUp(coverage, run_all);
  EXPECT_GT(coverage.reached(), environment + 10'000);
  EXPECT_LT(passes[2], passes[0] / 20) << "the third pass finds next to nothing new";

  // Warm: the same model shows at most a handful of blocks of the library's own memory.
  coverage.Rearm();
  run_all();
  std::vector<uint32_t> blocks;
  coverage.TakeNew(blocks);
  EXPECT_LT(blocks.size(), 200u);

  coverage.Disarm();
  run_all();
  ASSERT_TRUE(coverage.Arm().has_value());
  coverage.Undrop();
  coverage.Rearm();
  run_all();
  blocks.clear();
  coverage.TakeNew(blocks);
  EXPECT_GT(blocks.size(), 5'000u) << "everything armed again";
  fmt::print("blocks {} base {} armed in {:.2f} s; passes {} {} {}; one warm pair of runs {}\n",
             coverage.blocks(), coverage.reached(), coverage.arming_seconds(), passes[0], passes[1],
             passes[2], blocks.size());
}

}  // namespace
}  // namespace moire
