// Each oracle: planted faults that it must report, and clean twins that it must leave alone.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "harness/case/onnx_adapter.h"
#include "oracles/configuration_name.h"
#include "oracles/error_class.h"
#include "oracles/families.h"
#include "oracles/sensitivity.h"
#include "oracles/slice.h"

namespace moire {
namespace {

using ::testing::HasSubstr;

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInf = std::numeric_limits<double>::infinity();

Tensor Floats1D(DataType type, std::vector<double> values) {
  Tensor tensor = MakeTensor(type, {std::ssize(values)});
  for (size_t i = 0; i < values.size(); ++i) SetFloat(tensor, static_cast<int64_t>(i), values[i]);
  return tensor;
}
Tensor Ints1D(DataType type, std::vector<int64_t> values) {
  Tensor tensor = MakeTensor(type, {std::ssize(values)});
  for (size_t i = 0; i < values.size(); ++i) SetInt(tensor, static_cast<int64_t>(i), values[i]);
  return tensor;
}

Observation Ran(std::string configuration, Tensor output) {
  Observation seen;
  seen.configuration = std::move(configuration);
  seen.outputs = {{"y", std::move(output)}};
  return seen;
}
Observation Refused(std::string configuration, std::string reason,
                    Outcome outcome = Outcome::kRejected) {
  Observation seen;
  seen.configuration = std::move(configuration);
  seen.outcome = outcome;
  seen.stage = "load";
  seen.reason = std::move(reason);
  return seen;
}

// Everything an oracle looks at, with room to plant faults.
struct Scene {
  Case test_case;
  std::optional<Model> model;
  std::optional<ReferenceResult> reference = ReferenceResult{};
  std::vector<Observation> observations;
  Status checker;
  bool unspecified_inside = false;
  double reference_seconds = 0;
  std::function<Observation(size_t, const Case&)> again = nullptr;

  std::vector<Verdict> Judge(const Oracle& oracle) const {
    const Evidence evidence{.test_case = test_case,
                            .model = model ? &*model : nullptr,
                            .reference = reference ? &*reference : nullptr,
                            .observations = observations,
                            .checker = [this] { return checker; },
                            .again = again,
                            .reference_cpu_seconds = reference_seconds,
                            .unspecified_inside = unspecified_inside};
    std::vector<Verdict> verdicts;
    oracle.Judge(evidence, verdicts);
    return verdicts;
  }
};

// One output with these exact values, seen as `actual`.
Scene Compared(const Tensor& expected, const Tensor& actual) {
  Scene scene;
  scene.reference->outputs = {FromTensor(expected)};
  scene.observations = {Ran("ort@1:level=all", actual)};
  return scene;
}

Verdict Differential(const Scene& scene) {
  const std::vector<Verdict> verdicts = scene.Judge(DifferentialOracle());
  EXPECT_EQ(verdicts.size(), 1u);
  return verdicts.empty() ? Verdict{} : verdicts[0];
}

TEST(Differential, MatchAndWrongValue) {
  const Tensor right = Floats1D(DataType::kFloat, {1, 2, 3});
  EXPECT_EQ(Differential(Compared(right, right)).kind, VerdictKind::kMatch);
  const Verdict wrong = Differential(Compared(right, Floats1D(DataType::kFloat, {1, 2.5, 3})));
  EXPECT_EQ(wrong.kind, VerdictKind::kMismatch);
  EXPECT_EQ(wrong.error_class, "value");
  EXPECT_EQ(wrong.element, 1);
  EXPECT_GT(wrong.severity, 1);
}

TEST(Differential, RangesAndTheirEnds) {
  const Tensor right = Floats1D(DataType::kFloat, {1});
  Scene scene = Compared(right, right);
  scene.reference->outputs[0].MakeRanges();
  scene.reference->outputs[0].lo = {0.5};
  scene.reference->outputs[0].hi = {1.5};
  EXPECT_EQ(Differential(scene).kind, VerdictKind::kMatch);
  scene.observations[0] = Ran("ort:level=all", Floats1D(DataType::kFloat, {1.5}));
  EXPECT_EQ(Differential(scene).kind, VerdictKind::kMatch);
  scene.observations[0] = Ran("ort:level=all", Floats1D(DataType::kFloat, {2.5}));
  EXPECT_DOUBLE_EQ(Differential(scene).severity, 1);  // one width outside
  scene.observations[0] =
      Ran("ort:level=all", Floats1D(DataType::kFloat, {std::nextafterf(1.5F, 2)}));
  EXPECT_EQ(Differential(scene).kind, VerdictKind::kMismatch);
}

TEST(Differential, NanAndInfinity) {
  const Tensor nan = Floats1D(DataType::kFloat, {kNan});
  const Tensor one = Floats1D(DataType::kFloat, {1});
  const Tensor inf = Floats1D(DataType::kFloat, {kInf});
  EXPECT_EQ(Differential(Compared(nan, nan)).kind, VerdictKind::kMatch);
  EXPECT_EQ(Differential(Compared(inf, inf)).kind, VerdictKind::kMatch);
  EXPECT_EQ(Differential(Compared(nan, one)).error_class, "nan");
  EXPECT_EQ(Differential(Compared(one, nan)).error_class, "nan");
  EXPECT_EQ(Differential(Compared(inf, one)).error_class, "inf");
  EXPECT_EQ(Differential(Compared(one, inf)).error_class, "inf");
}

TEST(Differential, SignedZerosAreEqual) {
  EXPECT_EQ(
      Differential(Compared(Floats1D(DataType::kFloat, {0.0}), Floats1D(DataType::kFloat, {-0.0})))
          .kind,
      VerdictKind::kMatch);
}

TEST(Differential, SmallFloats) {
  for (const DataType type : {DataType::kFloat16, DataType::kBfloat16, DataType::kDouble}) {
    const Tensor right = Floats1D(type, {1, 2});
    EXPECT_EQ(Differential(Compared(right, right)).kind, VerdictKind::kMatch);
    EXPECT_EQ(Differential(Compared(right, Floats1D(type, {1, 3}))).kind, VerdictKind::kMismatch);
  }
}

TEST(Differential, IntegersBoolsAndTypes) {
  const Tensor right = Ints1D(DataType::kInt64, {INT64_MAX, -1});
  EXPECT_EQ(Differential(Compared(right, right)).kind, VerdictKind::kMatch);
  const Verdict wrong =
      Differential(Compared(right, Ints1D(DataType::kInt64, {INT64_MAX - 1, -1})));
  EXPECT_EQ(wrong.error_class, "int");
  const Tensor flags = Ints1D(DataType::kBool, {1, 0});
  EXPECT_EQ(Differential(Compared(flags, Ints1D(DataType::kBool, {1, 1}))).error_class, "bool");
  EXPECT_EQ(Differential(Compared(right, Ints1D(DataType::kInt32, {0, -1}))).error_class, "type");
}

TEST(Differential, ShapesAndNumbersOfOutputs) {
  Tensor row = Floats1D(DataType::kFloat, {1, 2});
  Tensor column = row;
  column.shape = {2, 1};
  EXPECT_EQ(Differential(Compared(row, column)).error_class, "shape");
  Scene scene = Compared(row, row);
  scene.observations[0].outputs.clear();
  EXPECT_EQ(Differential(scene).error_class, "number of outputs");
  Tensor truncated = row;
  truncated.data.pop_back();
  EXPECT_EQ(Differential(Compared(row, truncated)).error_class, "number of elements");
  const Tensor empty = MakeTensor(DataType::kFloat, {0, 3});
  EXPECT_EQ(Differential(Compared(empty, empty)).kind, VerdictKind::kMatch);
}

TEST(Differential, MarkedElementsAreNeverAMismatch) {
  for (const Mark mark : {kUndecidable, kUnspecified}) {
    Scene scene = Compared(Ints1D(DataType::kInt32, {1, 2}), Ints1D(DataType::kInt32, {9, 2}));
    scene.reference->outputs[0].AddMark(0, mark);
    EXPECT_EQ(Differential(scene).kind, VerdictKind::kMatch);
    scene.observations[0] = Ran("ort:level=all", Ints1D(DataType::kInt32, {9, 3}));
    EXPECT_EQ(Differential(scene).kind, VerdictKind::kMismatch);
  }
}

TEST(Differential, WhatCannotBeToldIsNoPass) {
  const Tensor one = Ints1D(DataType::kInt32, {1});
  Scene scene = Compared(one, one);
  scene.reference->outputs[0].AddMark(0, kUnspecified);
  EXPECT_EQ(Differential(scene).kind, VerdictKind::kUnspecified);
  scene = Compared(one, one);
  scene.reference->outputs[0].AddMark(0, kUndecidable);
  EXPECT_EQ(Differential(scene).kind, VerdictKind::kUndecidable);
  scene = Compared(one, one);
  scene.reference->outputs[0].opaque = Opaque::kUnsupported;
  EXPECT_EQ(Differential(scene).kind, VerdictKind::kUnsupported);
  scene.reference->status = ReferenceStatus::kOverBudget;
  EXPECT_EQ(Differential(scene).kind, VerdictKind::kOverBudget);
  scene.reference->status = ReferenceStatus::kRejected;
  EXPECT_EQ(Differential(scene).kind, VerdictKind::kUndecidable);
}

TEST(Differential, TheWorstOfSeveralOutputs) {
  const Tensor right = Floats1D(DataType::kFloat, {1, 2});
  Scene scene = Compared(right, Floats1D(DataType::kFloat, {1.5, 2}));
  scene.reference->outputs.push_back(FromTensor(right));
  scene.observations[0].outputs.push_back({"z", Floats1D(DataType::kFloat, {1, 200})});
  EXPECT_EQ(Differential(scene).output, 1);
}

TEST(CountJudged, ByTypeWithBounds) {
  ReferenceResult reference;
  reference.outputs = {FromTensor(Floats1D(DataType::kFloat, {8, 4, 1})),
                       FromTensor(Ints1D(DataType::kInt32, {1, 2}))};
  reference.outputs[0].MakeRanges();
  reference.outputs[0].lo[1] = 3;
  reference.outputs[0].hi[1] = 5;
  reference.outputs[0].hi[2] = kInf;  // finite or not: cannot be told
  reference.outputs[1].AddMark(0, kUnspecified);
  std::vector<Judged> judged(32);
  std::vector<std::vector<float>> bounds(32);
  CountJudged(reference, judged, &bounds);
  const Judged& floats = judged[static_cast<size_t>(DataType::kFloat)];
  EXPECT_EQ(floats.elements, 3);
  EXPECT_EQ(floats.decidable, 2);
  EXPECT_THAT(bounds[static_cast<size_t>(DataType::kFloat)], ::testing::ElementsAre(0.0F, 0.125F));
  const Judged& ints = judged[static_cast<size_t>(DataType::kInt32)];
  EXPECT_EQ(ints.decidable, 1);
  EXPECT_EQ(ints.unspecified, 1);
}

TEST(Crash, IsReportedWithItsFrames) {
  Scene scene;
  Observation seen = Refused("ort@1:level=none", "");
  seen.outcome = Outcome::kCrashed;
  seen.signal = 8;
  seen.frames = {"a+0x1", "b+0x2", "c+0x3", "d+0x4"};
  scene.observations = {seen, Ran("ort@1:level=all", Floats1D(DataType::kFloat, {1}))};
  const auto verdicts = scene.Judge(CrashOracle());
  ASSERT_EQ(verdicts.size(), 1u);
  EXPECT_EQ(verdicts[0].error_class, "SIGFPE a+0x1 b+0x2 c+0x3");
}

Scene Slow(double seconds, double reference_seconds) {
  Scene scene;
  Observation seen = Refused("ort@1:level=none", "", Outcome::kTimedOut);
  seen.stage.clear();
  seen.cpu_seconds = seconds;
  scene.observations = {seen};
  scene.reference_seconds = reference_seconds;
  return scene;
}

TEST(Hang, AgainstKnownWork) {
  EXPECT_EQ(Slow(6, 0.001).Judge(HangMemoryOracle())[0].kind, VerdictKind::kHang);
  EXPECT_EQ(Slow(6, 0.1).Judge(HangMemoryOracle())[0].kind, VerdictKind::kOverBudget);
  EXPECT_EQ(Slow(4, 0.001).Judge(HangMemoryOracle())[0].kind, VerdictKind::kOverBudget);
  Scene scene = Slow(6, 0.001);
  scene.reference->status = ReferenceStatus::kOverBudget;
  EXPECT_EQ(scene.Judge(HangMemoryOracle())[0].kind, VerdictKind::kOverBudget);
  scene.reference->status = ReferenceStatus::kRejected;
  EXPECT_EQ(scene.Judge(HangMemoryOracle())[0].kind, VerdictKind::kHang);
  scene = Slow(6, 0.001);
  scene.reference->outputs = {FromTensor(Floats1D(DataType::kFloat, {1}))};
  scene.reference->outputs[0].opaque = Opaque::kUnsupported;
  EXPECT_EQ(scene.Judge(HangMemoryOracle())[0].kind, VerdictKind::kOverBudget);
  scene.observations[0].stage = kIdleStage;
  EXPECT_EQ(scene.Judge(HangMemoryOracle())[0].kind, VerdictKind::kHang);
}

TEST(Memory, AgainstTheTensorsOfTheCase) {
  Scene scene = Slow(0, 0);
  scene.observations[0].outcome = Outcome::kOutOfMemory;
  scene.observations[0].peak_bytes = 300'000'000;
  scene.reference->spent.bytes = 1'000;
  EXPECT_EQ(scene.Judge(HangMemoryOracle())[0].kind, VerdictKind::kMemory);
  scene.reference->spent.bytes = 10'000'000;
  EXPECT_EQ(scene.Judge(HangMemoryOracle())[0].kind, VerdictKind::kOverBudget);
  scene.observations[0].outcome = Outcome::kOutputs;
  EXPECT_TRUE(scene.Judge(HangMemoryOracle()).empty());
}

VerdictKind Accepted(const Scene& scene, size_t index = 0) {
  const auto verdicts = scene.Judge(AcceptanceOracle());
  return index < verdicts.size() ? verdicts[index].kind : VerdictKind::kMatch;
}

TEST(Acceptance, WronglyRejectedByALevel) {
  Scene scene;
  const Tensor one = Floats1D(DataType::kFloat, {1});
  scene.reference->outputs = {FromTensor(one)};
  scene.observations = {Ran("ort@1:level=none", one), Refused("ort@1:level=all", "gamma is 3-D")};
  EXPECT_EQ(Accepted(scene), VerdictKind::kWronglyRejected);
  // Even where the reference lacks the operator, and where the message speaks of a missing kernel.
  scene.reference->outputs[0].opaque = Opaque::kUnsupported;
  scene.observations[1] = Refused("ort@1:level=all", "no kernel", Outcome::kUnsupported);
  EXPECT_EQ(Accepted(scene), VerdictKind::kWronglyRejected);
  // Clean twins: the checker refuses it too; ONNX leaves a value open; another release's level
  // none.
  Scene checked = scene;
  checked.checker = Fail(ErrorCode::kInvalidInput, "bad model");
  EXPECT_EQ(Accepted(checked), VerdictKind::kUndecidable);
  Scene open = scene;
  open.unspecified_inside = true;
  EXPECT_EQ(Accepted(open), VerdictKind::kUnspecified);
  Scene other = scene;
  other.observations[0].configuration = "ort@2:level=none";
  EXPECT_EQ(Accepted(other), VerdictKind::kUnsupported);
}

TEST(Acceptance, WronglyRejectedByAll) {
  Scene scene;
  scene.reference->outputs = {FromTensor(Floats1D(DataType::kFloat, {1}))};
  scene.observations = {Refused("ort@1:level=none", "shapes do not match")};
  EXPECT_EQ(Accepted(scene), VerdictKind::kWronglyRejected);
  Scene missing = scene;
  missing.observations[0].reason = "this type is not supported";
  EXPECT_EQ(Accepted(missing), VerdictKind::kUnsupported);
  Scene unsure = scene;
  unsure.reference->outputs[0].opaque = Opaque::kUndecidable;
  EXPECT_EQ(Accepted(unsure), VerdictKind::kUndecidable);
  Scene index = scene;
  index.reference->may_reject = true;
  EXPECT_EQ(Accepted(index), VerdictKind::kUndecidable);
  Scene agreed = scene;
  agreed.reference->status = ReferenceStatus::kRejected;
  EXPECT_EQ(Accepted(agreed), VerdictKind::kMatch);
}

TEST(Acceptance, WronglyAccepted) {
  Scene scene;
  scene.observations = {Ran("ort@1:level=none", Floats1D(DataType::kFloat, {1}))};
  scene.reference->status = ReferenceStatus::kRejected;
  EXPECT_TRUE(scene.Judge(AcceptanceOracle()).empty());  // undefined is not forbidden
  scene.reference->must_reject = true;
  EXPECT_EQ(Accepted(scene), VerdictKind::kWronglyAccepted);
  // An optimiser may drop a node that nothing needs, with its error.
  scene.observations = {Refused("ort@1:level=none", "index out of range"),
                        Ran("ort@1:level=all", Floats1D(DataType::kFloat, {1}))};
  for (const Verdict& verdict : scene.Judge(AcceptanceOracle())) EXPECT_FALSE(IsBug(verdict.kind));
}

TEST(Identity, TheResavedTwinMustSayTheSame) {
  const Tensor right = Floats1D(DataType::kFloat, {1, std::nan("")});
  Scene scene;
  scene.observations = {Ran("ort@1:level=none", right), Ran("ort@1:level=none,resaved=1", right)};
  EXPECT_TRUE(scene.Judge(IdentityOracle()).empty());
  scene.observations[0].configuration = "ort@1:level=all";  // not its twin
  scene.observations[0].outputs[0].tensor = Floats1D(DataType::kFloat, {2, 3});
  EXPECT_TRUE(scene.Judge(IdentityOracle()).empty());
  scene.observations[0].configuration = "ort@1:level=none";
  const std::vector<Verdict> verdicts = scene.Judge(IdentityOracle());
  ASSERT_EQ(verdicts.size(), 1u);
  EXPECT_EQ(verdicts[0].kind, VerdictKind::kNondeterministic);
  EXPECT_EQ(verdicts[0].configuration, "ort@1:level=none,resaved=1");
  scene.observations[0].outcome = Outcome::kCrashed;  // another oracle's
  EXPECT_TRUE(scene.Judge(IdentityOracle()).empty());
  scene.observations[0] = Refused("ort@1:level=none", "no");
  EXPECT_EQ(scene.Judge(IdentityOracle()).size(), 1u);
}

Scene Levelled(std::string_view text, const Tensor& none, const Tensor& all) {
  Scene scene;
  scene.model = *ParseModel(*ParseModelText(text));
  scene.reference->outputs = {FromTensor(none)};
  scene.reference->outputs[0].opaque = Opaque::kUnsupported;
  scene.observations = {Ran("ort@1:level=none", none), Ran("ort@1:level=all", all)};
  return scene;
}

constexpr std::string_view kExact = R"(<ir_version: 8, opset_import: ["" : 17]>
  g (int32[2] x) => (int32[2] y) { y = Mystery(x) })";
constexpr std::string_view kFloaty = R"(<ir_version: 8, opset_import: ["" : 17]>
  g (float[2] x) => (float[2] y) { y = Mystery(x) })";
constexpr std::string_view kMoving = R"(<ir_version: 8, opset_import: ["" : 17]>
  g (float[2] x) => (float[2] y) { y = Identity(x) })";

TEST(Levels, ExactTypesBitForBit) {
  const Tensor a = Ints1D(DataType::kInt32, {1, 2});
  EXPECT_TRUE(Levelled(kExact, a, a).Judge(LevelsOracle()).empty());
  const auto verdicts = Levelled(kExact, a, Ints1D(DataType::kInt32, {1, 3})).Judge(LevelsOracle());
  ASSERT_EQ(verdicts.size(), 1u);
  EXPECT_EQ(verdicts[0].kind, VerdictKind::kMismatch);
  EXPECT_EQ(verdicts[0].against, "ort@1:level=none");
}

TEST(Levels, FloatsOnlyWhereTheyAreWellConditioned) {
  const Tensor a = Floats1D(DataType::kFloat, {1, 2});
  const Tensor far = Floats1D(DataType::kFloat, {1, 5});
  const Tensor near = Floats1D(DataType::kFloat, {1, 2.001});
  EXPECT_TRUE(Levelled(kFloaty, a, far).Judge(LevelsOracle()).empty());
  EXPECT_EQ(Levelled(kMoving, a, far).Judge(LevelsOracle()).size(), 1u);
  EXPECT_TRUE(Levelled(kMoving, a, near).Judge(LevelsOracle()).empty());
}

TEST(Levels, TypesAlwaysShapesWhereTheyAreCertain) {
  const Tensor a = Floats1D(DataType::kFloat, {1, 2});
  EXPECT_EQ(Levelled(kFloaty, a, Floats1D(DataType::kDouble, {1, 2})).Judge(LevelsOracle()).size(),
            1u);
  const Tensor longer = Floats1D(DataType::kFloat, {1, 2, 3});
  EXPECT_EQ(Levelled(kFloaty, a, longer).Judge(LevelsOracle()).size(), 1u);
  constexpr std::string_view kCounting = R"(<ir_version: 8, opset_import: ["" : 17]>
    g (float[2] x) => (int64[1, N] y) { y = NonZero(x) })";
  EXPECT_TRUE(Levelled(kCounting, a, longer).Judge(LevelsOracle()).empty());
}

TEST(Levels, SilentWhereTheReferenceSpeaks) {
  const Tensor a = Ints1D(DataType::kInt32, {1, 2});
  const Tensor b = Ints1D(DataType::kInt32, {1, 3});
  for (const Opaque opaque : {Opaque::kNo, Opaque::kUndecidable, Opaque::kUnspecified}) {
    Scene scene = Levelled(kExact, a, b);
    scene.reference->outputs[0].opaque = opaque;
    EXPECT_TRUE(scene.Judge(LevelsOracle()).empty());
  }
  Scene open = Levelled(kExact, a, b);
  open.unspecified_inside = true;
  EXPECT_TRUE(open.Judge(LevelsOracle()).empty());
}

// A graph of one contributed operator, and of others behind it; `again` computes y = gain * x +
// shift from the perturbed x, as the operator's stand-in.
struct Standin {
  double gain = 1;
  double shift = 0;
  float input = 1;  // the first element of x
  std::vector<Verdict> Judge(std::string_view body, const Tensor& none, const Tensor& all,
                             std::string_view other = "ort@1:level=all") const {
    const std::string text = fmt::format(
        R"(<ir_version: 8, opset_import: ["" : 17, "com.microsoft" : 1]>
        g (float[2] x, int32[2] k) => (float[2] y) {{ {} }})",
        body);
    Scene scene = Levelled(text, none, all);
    scene.observations[1].configuration = other;
    scene.test_case.inputs = {{"x", Floats1D(DataType::kFloat, {input, 2})},
                              {"k", Ints1D(DataType::kInt32, {1, 2})}};
    scene.again = [this](size_t, const Case& moved) {
      Tensor out = moved.inputs.at(0).tensor;
      for (int64_t i = 0; i < out.size(); ++i) SetFloat(out, i, gain * GetFloat(out, i) + shift);
      return Ran("ort@1:level=none", out);
    };
    return scene.Judge(LevelsOracle());
  }
};

TEST(LevelsOfContributed, GrossDifferencesOfSmoothOperators) {
  const Tensor a = Floats1D(DataType::kFloat, {1, 2});
  const Tensor near = Floats1D(DataType::kFloat, {1, 2.02F});
  const Tensor far = Floats1D(DataType::kFloat, {1, 2.5F});
  const Tensor nan = Floats1D(DataType::kFloat, {1, std::nan("")});
  const Standin plain;
  for (const auto* body : {"y = com.microsoft.Gelu(x)", "h = com.microsoft.Gelu(x) y = Relu(h)"}) {
    EXPECT_TRUE(plain.Judge(body, a, a).empty());
    EXPECT_TRUE(plain.Judge(body, a, near).empty());
    EXPECT_EQ(plain.Judge(body, a, far).size(), 1u);
    EXPECT_EQ(plain.Judge(body, a, nan).size(), 1u);
    EXPECT_EQ(plain.Judge(body, a, far, "ort@1:level=none,threads=4").size(), 1u);
    // Nothing is said of what is no number, or was observed elsewhere.
    EXPECT_TRUE(plain.Judge(body, nan, a).empty());
    EXPECT_TRUE(plain.Judge(body, a, far, "ort@2:level=all").empty());
  }
}

TEST(LevelsOfContributed, WhatMovesByItselfIsNotJudged) {
  const Tensor a = Floats1D(DataType::kFloat, {1, 2});
  const Tensor far = Floats1D(DataType::kFloat, {1, 2.5F});
  // Moves by 200 * 2^-10 of its size under rounding's stand-in: half of it is nothing.
  const Standin steep{.gain = 200, .shift = -199};
  EXPECT_TRUE(steep.Judge("y = com.microsoft.Gelu(x)", a, far).empty());
}

// Sums of large values leave the range in one order and not in another, which Clip hides.
TEST(LevelsOfContributed, WhatMayOverflowOnTheWayIsNotJudged) {
  const Tensor a = Floats1D(DataType::kFloat, {1, 2});
  const Tensor nan = Floats1D(DataType::kFloat, {1, std::nan("")});
  Standin huge;
  const auto* body = "h = com.microsoft.Gelu(x) y = Clip(h)";
  EXPECT_EQ(huge.Judge(body, a, nan).size(), 1u);
  huge.input = 3e38F;
  EXPECT_TRUE(huge.Judge(body, a, nan).empty());
}

TEST(LevelsOfContributed, StepsAndUnknownOperatorsAreLeftOpen) {
  const Tensor a = Floats1D(DataType::kFloat, {1, 2});
  const Tensor far = Floats1D(DataType::kFloat, {1, 9});
  const Standin plain;
  for (const auto* body : {
           "h = com.microsoft.Gelu(x) y = Floor(h)",       // jumps on rounded values
           "h = com.microsoft.Gelu(x) y = Reciprocal(h)",  // poles
           "y = com.microsoft.NoSuchThing(x)",             // nobody vouches for it
           "h = Mystery(x) y = com.microsoft.Gelu(h)",     // nor for what is before it
           "h = com.microsoft.Gelu(x) c = Cast<to = 10>(h) d = Cast<to = 1>(c) y = Relu(d)",
       }) {
    EXPECT_TRUE(plain.Judge(body, a, far).empty()) << body;
  }
}

TEST(LevelsOfContributed, CertainIntegersBitForBit) {
  const Tensor a = Ints1D(DataType::kUint32, {1, 2});
  const Tensor b = Ints1D(DataType::kUint32, {1, 3});
  const Standin plain;
  EXPECT_EQ(plain.Judge("y = com.microsoft.MurmurHash3(x)", a, b).size(), 1u);
  EXPECT_EQ(plain.Judge("y = com.microsoft.ExpandDims(k, k)", a, b).size(), 1u);
  EXPECT_TRUE(plain.Judge("h = Exp(x) y = com.microsoft.MurmurHash3(h)", a, b).empty());
}

TEST(Perturb, EveryUseHasItsOwnCopyAndMovesALittle) {
  const Model model = *ParseModel(*ParseModelText(
      R"(<ir_version: 8, opset_import: ["" : 17]>
      g (float[2] x, int32[1] k) => (float[2] y) { h = Exp(x) g = Gather(h, k) y = Sub(h, g) })"));
  const Case original{
      SerializeModel(model),
      {{"x", Floats1D(DataType::kFloat, {1, 2})}, {"k", Ints1D(DataType::kInt32, {1})}},
      {}};
  const auto moved = Perturb(original, model, "y", 1);
  ASSERT_TRUE(moved);
  const Model out = *ParseModel(moved->model);
  EXPECT_EQ(std::ranges::count(out.graph.nodes, "Exp", &Node::op), 2);
  ASSERT_EQ(moved->inputs.size(), 3u);
  for (const NamedTensor& input : moved->inputs) {
    if (input.tensor.type == DataType::kInt32) {
      EXPECT_EQ(GetInt(input.tensor, 0), 1);
      continue;
    }
    for (int64_t i = 0; i < 2; ++i) {
      const double off = std::abs(GetFloat(input.tensor, i) / static_cast<double>(i + 1) - 1);
      EXPECT_GT(off, 0x1p-12);
      EXPECT_LT(off, 0x1p-9);
    }
  }
  EXPECT_EQ(Perturb(original, model, "y", 1)->model, moved->model);
}

TEST(MessageClass, NamesAndNumbersGo) {
  EXPECT_EQ(MessageClass("node:v12 got: 3"), "node:* got: #");
  EXPECT_EQ(MessageClass("Node (add_7) Op (Add) [ShapeInferenceError] Incompatible dimensions"),
            "Node (*) Op (Add) [ShapeInferenceError] Incompatible dimensions");
  EXPECT_EQ(MessageClass("running Mul node. Name:'m' expected {2,3} got {4}"),
            MessageClass("running Mul node. Name:'node_3' expected {7,8,9} got {1}"));
  EXPECT_EQ(MessageClass("of input parameter (c28) of operator (Where)"),
            MessageClass("of input parameter (x) of operator (Where)"));
  EXPECT_EQ(MessageClass("input 'x' is int32"), "input * is int32");
  EXPECT_NE(MessageClass("type float16"), MessageClass("type float"));
  EXPECT_EQ(MessageClass("/a/b/c.cc:17 failed"), "c.cc:# failed");
}

TEST(ConfigurationName, Parts) {
  EXPECT_EQ(BackendPart("ort@1.32.0:level=all,threads=2"), "ort@1.32.0");
  EXPECT_EQ(BackendPart("/a:b/libonnxruntime.so:level=all"), "/a:b/libonnxruntime.so");
  EXPECT_EQ(BackendName("/x/libonnxruntime.so.1:level=all"), "ort");
  EXPECT_EQ(Setting("ort@1:level=all,threads=2", "threads"), "2");
  EXPECT_EQ(Setting("ort@1", "level"), "");
  EXPECT_EQ(ConfigurationClass("ort@1.32.0:level=all,log=1"), "ort:level=all");
  EXPECT_TRUE(IsPlain("ort@1:level=none"));
  EXPECT_FALSE(IsPlain("ort@1:level=all"));
}

}  // namespace
}  // namespace moire
