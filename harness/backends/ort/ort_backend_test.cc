// Runs released libraries: 1.32.0 and 1.23.2, which the set-up installs, in one process.
#include "harness/backends/ort/ort_backend.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>
#include <xmmintrin.h>

#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <limits>

#include "harness/backends/backend.h"
#include "harness/backends/testing/sample_cases.h"
#include "harness/case/onnx_adapter.h"

namespace moire {
namespace {

namespace fs = std::filesystem;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

std::unique_ptr<Configuration> Open(const std::string& spec) {
  auto opened = OpenConfigurations(spec);
  if (!opened) {
    ADD_FAILURE() << opened.error().message;
    return nullptr;
  }
  EXPECT_EQ(opened->size(), 1u) << spec;
  return std::move(opened->front());
}

std::string ErrorOf(const std::string& spec) {
  const auto opened = OpenConfigurations(spec);
  return opened ? "opened" : opened.error().message;
}

// A scratch file that goes away.
class ScratchFile {
 public:
  explicit ScratchFile(const char* suffix)
      : path_((fs::temp_directory_path() / fmt::format("moire-ort-{}{}", getpid(), suffix))
                  .string()) {}
  ~ScratchFile() { fs::remove(path_); }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

// Each test runs on both releases.
class OrtTest : public ::testing::TestWithParam<const char*> {
 protected:
  std::unique_ptr<Configuration> OpenWith(const std::string& settings) {
    return Open(fmt::format("ort@{}:{}", GetParam(), settings));
  }
  std::unique_ptr<Configuration> OpenAll() { return OpenWith("level=all"); }
};

INSTANTIATE_TEST_SUITE_P(Releases, OrtTest, ::testing::Values("1.32.0", "1.23.2"),
                         [](const auto& instance) {
                           std::string name = instance.param;
                           std::ranges::replace(name, '.', '_');
                           return name;
                         });

TEST_P(OrtTest, ComputesAndNamesItsOutputs) {
  for (const char* level : {"none", "basic", "extended", "all"}) {
    const auto ort = OpenWith(fmt::format("level={}", level));
    ASSERT_NE(ort, nullptr);
    EXPECT_EQ(ort->name(), fmt::format("ort@{}:level={}", GetParam(), level));
    const Observation seen = ort->Run(testing::FusableCase());
    ASSERT_EQ(seen.outcome, Outcome::kOutputs) << seen.reason;
    EXPECT_EQ(seen.configuration, ort->name());
    ASSERT_EQ(seen.outputs.size(), 1u);
    EXPECT_EQ(seen.outputs[0].name, "y");
    // x w + b = {1+0+3, -1+4+3; 4+0+6, -4+10+6} + {0.5, -20}, then Relu.
    EXPECT_EQ(seen.outputs[0].tensor, testing::Floats({2, 2}, {4.5, 0, 10.5, 0}));
    EXPECT_GT(seen.cpu_seconds, 0);
  }
}

TEST_P(OrtTest, EveryDenseTypePassesThroughIdentity) {
  const auto ort = OpenWith("level=none");
  ASSERT_NE(ort, nullptr);
  int passed = 0;
  for (const TypeTraits& traits : AllTypes()) {
    if (traits.kind == TypeClass::kComplex) continue;  // ONNX Runtime has no complex tensors
    Tensor tensor = MakeTensor(traits.type, {3, 3});
    if (traits.type == DataType::kString) {
      for (int i = 0; i < 9; ++i)
        tensor.strings[i] = std::string(static_cast<size_t>(i), 'x') + "é";
      tensor.strings[4] = std::string("a\0b", 3);
    }
    for (size_t i = 0; i < tensor.data.size(); ++i) {
      tensor.data[i] = traits.type == DataType::kBool ? i % 2 : static_cast<uint8_t>(i * 37 + 1);
    }
    // The unused high bits of the last packed byte are nobody's.
    if (traits.bits == 4) tensor.data.back() &= 0x0f;
    if (traits.bits == 2) tensor.data.back() &= 0x03;
    // No release has an Identity of int4, and newer types need newer opsets; a graph whose input is
    // its output will do.
    const std::vector<NamedTensor> inputs = {{"x", tensor}};
    const bool newer = static_cast<int>(traits.type) > static_cast<int>(DataType::kInt4);
    const ValueInfo same{"x", TensorType(traits.type, tensor.shape)};
    const Case test_case = newer || traits.bits == 4
                               ? testing::MakeCase(testing::MakeModel({}, inputs, {same}), inputs)
                               : testing::OneNode("Identity", inputs, traits.type);
    const Observation seen = ort->Run(test_case);
    if (newer && seen.outcome == Outcome::kUnsupported) continue;  // newer than the release
    ASSERT_EQ(seen.outcome, Outcome::kOutputs) << traits.name << ": " << seen.reason;
    ASSERT_EQ(seen.outputs.size(), 1u);
    EXPECT_EQ(seen.outputs[0].tensor, tensor) << traits.name;
    ++passed;
  }
  EXPECT_GE(passed, std::string_view(GetParam()) == "1.32.0" ? 23 : 20);
}

TEST_P(OrtTest, KeepsNanInfinityZeroSignsAndSubnormals) {
  const float inf = std::numeric_limits<float>::infinity();
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const Tensor x = testing::Floats({6}, {nan, inf, -inf, -0.0f, 1e-42f, -1});
  const Case test_case = testing::OneNode("Neg", {{"x", x}}, DataType::kFloat);
  const Observation seen = OpenAll()->Run(test_case);
  ASSERT_EQ(seen.outcome, Outcome::kOutputs) << seen.reason;
  const auto y = seen.outputs[0].tensor.As<float>();
  EXPECT_TRUE(std::isnan(y[0]));
  EXPECT_EQ(y[1], -inf);
  EXPECT_EQ(y[2], inf);
  EXPECT_FALSE(std::signbit(y[3]));
  EXPECT_EQ(y[4], -1e-42f);
}

TEST_P(OrtTest, EmptyAndScalarTensors) {
  const auto ort = OpenAll();
  for (const Shape& shape : {Shape{0, 3}, Shape{}, Shape{1, 1, 1, 1, 1, 1}}) {
    const Case test_case =
        testing::OneNode("Abs", {{"x", MakeTensor(DataType::kFloat, shape)}}, DataType::kFloat);
    const Observation seen = ort->Run(test_case);
    ASSERT_EQ(seen.outcome, Outcome::kOutputs) << seen.reason;
    EXPECT_EQ(seen.outputs[0].tensor, MakeTensor(DataType::kFloat, shape));
  }
}

TEST_P(OrtTest, WrongInputsAreRejectedAtRun) {
  const auto ort = OpenAll();
  const Case good =
      testing::OneNode("Abs", {{"x", testing::Floats({2}, {-1, 2})}}, DataType::kFloat);
  Case wrong_type = good;
  wrong_type.inputs[0].tensor = MakeTensor(DataType::kInt64, {2});
  Case wrong_shape = good;
  wrong_shape.inputs[0].tensor = testing::Floats({3}, {1, 2, 3});
  Case wrong_name = good;
  wrong_name.inputs[0].name = "z";
  Case missing = good;
  missing.inputs.clear();
  const std::pair<const Case*, const char*> rows[] = {
      {&wrong_type, "data type"}, {&wrong_shape, "dimension"}, {&wrong_name, "z"}, {&missing, ""}};
  for (const auto& [test_case, word] : rows) {
    const Observation seen = ort->Run(*test_case);
    EXPECT_EQ(seen.outcome, Outcome::kRejected) << seen.reason;
    EXPECT_EQ(seen.stage, "run");
    EXPECT_THAT(seen.reason, HasSubstr(word));
    EXPECT_TRUE(seen.outputs.empty());
    // Nothing of it is left behind.
    EXPECT_EQ(ort->Run(good).outcome, Outcome::kOutputs);
  }
}

TEST_P(OrtTest, TypesThatTheRuntimeDoesNotHaveAreUnsupported) {
  const Case test_case = testing::OneNode(
      "Identity", {{"x", MakeTensor(DataType::kComplex64, {2})}}, DataType::kComplex64);
  const Observation seen = OpenAll()->Run(test_case);
  EXPECT_EQ(seen.outcome, Outcome::kUnsupported) << seen.reason;
}

TEST_P(OrtTest, BrokenModelsAreRejectedAtLoad) {
  const auto ort = OpenAll();
  const Case good = testing::FusableCase();
  for (const std::string& model :
       {std::string(), std::string("not a protobuf"), good.model.substr(0, good.model.size() / 2),
        good.model.substr(0, good.model.size() - 1)}) {
    Case broken = good;
    broken.model = model;
    const Observation seen = ort->Run(broken);
    EXPECT_EQ(seen.outcome, Outcome::kRejected) << seen.reason;
    EXPECT_EQ(seen.stage, "load");
    EXPECT_FALSE(seen.reason.empty());
    EXPECT_EQ(seen.reason.find('\n'), std::string::npos);
  }
  EXPECT_EQ(ort->Run(good).outcome, Outcome::kOutputs);
}

TEST_P(OrtTest, WhatTheReleaseLacksIsUnsupported) {
  const auto ort = OpenWith("level=none");  // an optimiser would remove the Identity
  const std::vector<NamedTensor> inputs = {{"x", testing::Floats({2}, {1, 2})}};
  const Case unknown = testing::OneNode("Frobnicate", inputs, DataType::kFloat);
  const Case no_kernel =
      testing::OneNode("Identity", {{"x", MakeTensor(DataType::kInt4, {2, 2})}}, DataType::kInt4);
  const Case new_opset = testing::OneNode("Abs", inputs, DataType::kFloat, {}, 999);
  Model model = *ParseModel(testing::FusableCase().model);
  model.ir_version = 99;
  const Case new_ir = testing::MakeCase(model, testing::FusableCase().inputs);
  const std::pair<const char*, const Case*> rows[] = {{"operator", &unknown},
                                                      {"kernel", &no_kernel},
                                                      {"opset", &new_opset},
                                                      {"IR version", &new_ir}};
  for (const auto& [what, test_case] : rows) {
    const Observation seen = ort->Run(*test_case);
    EXPECT_EQ(seen.outcome, Outcome::kUnsupported) << what << ": " << seen.reason;
    EXPECT_EQ(seen.stage, "load") << what;
  }
}

TEST_P(OrtTest, OutputsThatAreNoDenseTensorsAreMarked) {
  Node node;
  node.op = "SequenceConstruct";
  node.inputs = {"x"};
  node.outputs = {"s"};
  const std::vector<NamedTensor> inputs = {{"x", testing::Floats({2}, {1, 2})}};
  // TypeProto { sequence_type(4) { elem_type(1) { tensor_type(1) { elem_type(1): FLOAT } } } }
  ValueInfo output{"s", {}};
  output.type.opaque = "\x22\x06\x0a\x04\x0a\x02\x08\x01";
  const Case test_case = testing::MakeCase(testing::MakeModel({node}, inputs, {output}), inputs);
  const Observation seen = OpenAll()->Run(test_case);
  ASSERT_EQ(seen.outcome, Outcome::kOutputs) << seen.reason;
  ASSERT_EQ(seen.outputs.size(), 1u);
  EXPECT_EQ(seen.outputs[0].tensor.type, DataType::kUndefined);
}

TEST_P(OrtTest, LogNamesWhatModifiedTheGraph) {
  const Case fusable = testing::FusableCase();
  const auto logging = OpenWith("level=all,log=1");
  ASSERT_EQ(logging->Run(fusable).outcome, Outcome::kOutputs);
  EXPECT_THAT(logging->AppliedOptimizers(), Contains("TransposeOptimizer"));
  const auto off = OpenWith("level=none,log=1");
  ASSERT_EQ(off->Run(fusable).outcome, Outcome::kOutputs);
  EXPECT_THAT(off->AppliedOptimizers(), Not(Contains("TransposeOptimizer")));
  const auto silent = OpenAll();
  ASSERT_EQ(silent->Run(fusable).outcome, Outcome::kOutputs);
  EXPECT_TRUE(silent->AppliedOptimizers().empty());
  EXPECT_TRUE(silent->RunOptimizers().empty());
  // The names are of the last run alone.
  const Case plain = testing::OneNode("Abs", fusable.inputs, DataType::kFloat);
  ASSERT_EQ(logging->Run(plain).outcome, Outcome::kOutputs);
  EXPECT_THAT(logging->AppliedOptimizers(), Not(Contains("TransposeOptimizer")));
  EXPECT_THAT(logging->RunOptimizers(), Contains("TransposeOptimizer"));
}

TEST_P(OrtTest, DisabledOptimizersDoNotRun) {
  Case fusable = testing::FusableCase();
  const auto disabled = OpenWith("level=all,disable=TransposeOptimizer+MatMulAddFusion,log=1");
  ASSERT_EQ(disabled->Run(fusable).outcome, Outcome::kOutputs);
  EXPECT_THAT(disabled->AppliedOptimizers(), Not(Contains("TransposeOptimizer")));
  EXPECT_THAT(disabled->AppliedOptimizers(), Not(Contains("MatMulAddFusion")));

  const auto logging = OpenWith("level=all,log=1");
  ASSERT_EQ(logging->Run(fusable).outcome, Outcome::kOutputs);
  EXPECT_THAT(logging->AppliedOptimizers(), Contains("MatMulAddFusion"));
  // A case's own run options, and back.
  fusable.options.disabled_optimizers = {"MatMulAddFusion"};
  ASSERT_EQ(logging->Run(fusable).outcome, Outcome::kOutputs);
  EXPECT_THAT(logging->AppliedOptimizers(), Not(Contains("MatMulAddFusion")));
  fusable.options = {};
  ASSERT_EQ(logging->Run(fusable).outcome, Outcome::kOutputs);
  EXPECT_THAT(logging->AppliedOptimizers(), Contains("MatMulAddFusion"));
}

TEST_P(OrtTest, ThreadsAndParallelModeGiveTheSameResult) {
  Case test_case = testing::ChainCase(3, 10);
  const Observation expected = OpenAll()->Run(test_case);
  ASSERT_EQ(expected.outcome, Outcome::kOutputs) << expected.reason;
  EXPECT_EQ(OpenWith("level=all,threads=2")->Run(test_case).outputs, expected.outputs);
  EXPECT_EQ(OpenWith("level=all,mode=parallel")->Run(test_case).outputs, expected.outputs);
  EXPECT_EQ(OpenWith("level=all,arena=1")->Run(test_case).outputs, expected.outputs);
  test_case.options.intra_op_threads = 2;
  test_case.options.parallel_execution = true;
  EXPECT_EQ(OpenAll()->Run(test_case).outputs, expected.outputs);
}

TEST_P(OrtTest, OptimizedModelIsWrittenAndRuns) {
  const ScratchFile file(".onnx");
  const auto writer = OpenWith("level=basic,optimized_model=" + file.path());
  Case fusable = testing::FusableCase();
  const Observation expected = writer->Run(fusable);
  ASSERT_EQ(expected.outcome, Outcome::kOutputs) << expected.reason;
  const auto bytes = ReadFile(file.path());
  ASSERT_TRUE(bytes) << bytes.error().message;
  const auto model = ParseModel(*bytes);
  ASSERT_TRUE(model) << model.error().message;
  EXPECT_LT(CountNodes(model->graph), 5);
  fusable.model = *bytes;
  EXPECT_EQ(OpenWith("level=none")->Run(fusable).outputs, expected.outputs);
}

// ONNX Runtime obeys the flush setting of a process's first session alone; we do better.
TEST_P(OrtTest, FlushingSubnormalsIsTheConfigurationsOwn) {
  const Case test_case = testing::OneNode(
      "Mul", {{"a", testing::Floats({2}, {1e-30f, 2})}, {"b", testing::Floats({2}, {1e-12f, 3})}},
      DataType::kFloat);
  const auto keeps = OpenWith("level=none");
  const auto flushes = OpenWith("level=none,denormals_zero=1");
  const unsigned before = _mm_getcsr();
  for (int i = 0; i < 2; ++i) {
    const Observation kept = keeps->Run(test_case);
    ASSERT_EQ(kept.outcome, Outcome::kOutputs);
    EXPECT_EQ(kept.outputs[0].tensor.As<float>()[0], 1e-30f * 1e-12f);
    const Observation flushed = flushes->Run(test_case);
    ASSERT_EQ(flushed.outcome, Outcome::kOutputs);
    EXPECT_EQ(flushed.outputs[0].tensor.As<float>()[0], 0.0f);
    EXPECT_EQ(flushed.outputs[0].tensor.As<float>()[1], 6.0f);
    EXPECT_EQ(_mm_getcsr() & 0x8040, before & 0x8040);
  }
}

TEST_P(OrtTest, NamesOpenTheSameConfigurationAgain) {
  for (const std::string settings :
       {"level=all", "level=none,threads=2,mode=parallel,disable=A+B,log=1,denormals_zero=1"}) {
    const auto first = OpenWith(settings);
    const auto second = Open(first->name());
    ASSERT_NE(second, nullptr);
    EXPECT_EQ(second->name(), first->name());
  }
}

TEST(OrtBackendTest, TwoReleasesWorkSideBySide) {
  const auto newer = Open("ort@1.32.0:level=all");
  const auto older = Open("ort@1.23.2:level=all");
  for (uint64_t seed = 0; seed < 20; ++seed) {
    const Case test_case = testing::ChainCase(seed, 10);
    const Observation a = newer->Run(test_case);
    const Observation b = older->Run(test_case);
    ASSERT_EQ(a.outcome, Outcome::kOutputs) << a.reason;
    ASSERT_EQ(b.outcome, Outcome::kOutputs) << b.reason;
    ASSERT_EQ(a.outputs.size(), b.outputs.size());
    EXPECT_EQ(newer->Run(test_case).outputs, a.outputs);
  }
}

// A thread of the runtime's own (1.30 and newer have a telemetry thread) would run beside what is
// measured, and fork would lose it.
// One session, runs at other shapes and the first again; a run that is refused does not end the case.
TEST_P(OrtTest, RunsOneSessionAtSeveralShapes) {
  const auto configuration = OpenWith("level=all");
  Case test_case;
  test_case.model = *ParseModelText(R"(<ir_version: 8, opset_import: ["" : 17]>
    g (float[N, 2] x) => (float[?, ?] y) { a = Add(x, x) b = Relu(a) y = Mul(b, a) })");
  const auto rows = [](int64_t count) {
    Tensor tensor = MakeTensor(DataType::kFloat, {count, 2});
    for (int64_t i = 0; i < 2 * count; ++i) SetFloat(tensor, i, static_cast<double>(i));
    return tensor;
  };
  test_case.inputs = {{"x", rows(2)}};
  for (const int64_t count : {5, 1, 2}) test_case.options.more_runs.push_back({{"x", rows(count)}});
  test_case.options.more_runs[1][0].tensor.shape = {2, 1};
  const Observation seen = configuration->Run(test_case);
  ASSERT_EQ(seen.outcome, Outcome::kOutputs) << seen.reason;
  ASSERT_EQ(seen.later.size(), 3u);
  for (size_t run = 0; run < 4; ++run) {
    const Observation& one = run == 0 ? seen : seen.later[run - 1];
    EXPECT_EQ(one.configuration, configuration->name());
    if (run == 2) {
      EXPECT_EQ(one.outcome, Outcome::kRejected);
      EXPECT_EQ(one.stage, "run");
      continue;
    }
    ASSERT_EQ(one.outcome, Outcome::kOutputs) << one.reason;
    const Tensor& y = one.outputs.at(0).tensor;
    ASSERT_EQ(y.shape, Shape({run == 1 ? 5 : 2, 2}));
    for (int64_t i = 0; i < y.size(); ++i) {
      EXPECT_EQ(GetFloat(y, i), 4.0 * static_cast<double>(i * i));
    }
  }
  // Without further runs nothing of them is left.
  EXPECT_TRUE(configuration->Run(CaseOfRun(test_case, 0)).later.empty());
}

TEST_P(OrtTest, StartsNoThreads) {
  const auto count = [] {
    return std::distance(fs::directory_iterator("/proc/self/task"), fs::directory_iterator());
  };
  const auto ort = OpenAll();
  ASSERT_EQ(ort->Run(testing::FusableCase()).outcome, Outcome::kOutputs);
  EXPECT_EQ(count(), 1);
}

TEST(OrtBackendTest, NoSettingsOpenEveryLevel) {
  const auto opened = OpenConfigurations("ort@1.23.2");
  ASSERT_TRUE(opened) << opened.error().message;
  std::vector<std::string> names;
  for (const auto& one : *opened) names.push_back(one->name());
  EXPECT_THAT(names, ElementsAre("ort@1.23.2:level=none", "ort@1.23.2:level=basic",
                                 "ort@1.23.2:level=extended", "ort@1.23.2:level=all"));
}

TEST(OrtBackendTest, PathsWork) {
  const auto path = OrtLibraryPath("1.23.2");
  ASSERT_TRUE(path) << path.error().message;
  EXPECT_EQ(*LoadOrtLibrary("1.23.2"), *path);
  // The installed file is the release; a copy elsewhere keeps its path as its name.
  EXPECT_EQ(Open(*path + ":level=all")->name(), "ort@1.23.2:level=all");
  const ScratchFile copy(".copy.so");
  fs::copy_file(*path, copy.path());
  const auto ort = Open(copy.path() + ":level=all");
  ASSERT_NE(ort, nullptr);
  EXPECT_EQ(ort->name(), "ort@" + copy.path() + ":level=all");
  EXPECT_EQ(Open(ort->name())->name(), ort->name());
  EXPECT_EQ(ort->Run(testing::FusableCase()).outcome, Outcome::kOutputs);
}

TEST(OrtBackendTest, WhatIsNoLibraryIsOneClearLine) {
  const ScratchFile text(".txt");
  std::ofstream(text.path()) << "hello\n";
  EXPECT_THAT(ErrorOf("ort@" + text.path()), HasSubstr("cannot load the library"));
  const ScratchFile empty(".empty.so");
  std::ofstream(empty.path()).flush();
  EXPECT_THAT(ErrorOf(empty.path()), HasSubstr("cannot load the library"));
  EXPECT_THAT(ErrorOf("ort@/no/such/file.so"), HasSubstr("No such file"));
  EXPECT_THAT(ErrorOf("ort@/tmp"), HasSubstr("not a file"));
  EXPECT_THAT(ErrorOf("ort@/lib/x86_64-linux-gnu/libz.so.1"), HasSubstr("has no OrtGetApiBase"));
  EXPECT_THAT(ErrorOf("ort@1.2.3"), HasSubstr("moire backends install ort@1.2.3"));
  EXPECT_THAT(ErrorOf("ort@1.32.0:speed=9"), HasSubstr("the settings are: level"));
  for (const std::string& spec : {"ort@" + text.path(), std::string("ort@/no/such/file.so")}) {
    EXPECT_EQ(ErrorOf(spec).find('\n'), std::string::npos);
  }
}

}  // namespace
}  // namespace moire
