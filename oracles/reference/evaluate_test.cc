// The evaluator apart from any kernel: names, opaque values, declared shapes.
#include <gtest/gtest.h>

#include <cmath>
#include <string>

#include "harness/case/onnx_adapter.h"
#include "oracles/reference/reference.h"

namespace moire {
namespace {

Model Parse(const std::string& text) { return *ParseModel(*ParseModelText(text)); }

TEST(Evaluate, UnknownOperatorMakesItsResultsOpaqueAndNothingElse) {
  const Model model = Parse(R"(<ir_version: 10, opset_import: ["" : 21, "custom" : 1]>
g (float[2] x) => (float[2] y, float[2] z) { y = custom.Thing (x)
 z = custom.Other (y) })");
  const std::vector<NamedTensor> inputs = {{"x", MakeTensor(DataType::kFloat, {2})}};
  const ReferenceResult result = Evaluate(model, inputs);
  ASSERT_EQ(result.status, ReferenceStatus::kEvaluated) << result.reason;
  EXPECT_EQ(result.outputs[0].opaque, Opaque::kUnsupported);
  EXPECT_EQ(result.outputs[1].opaque, Opaque::kUnsupported);
}

TEST(Evaluate, FunctionBodiesStandInForKernels) {
  // No kernel; the body has attributes with defaults and an input that may be omitted.
  const Model model = Parse(R"(<ir_version: 10, opset_import: ["" : 22]>
g (float[1,2] scores, int64[1] labels) => (float loss) {
  loss = SoftmaxCrossEntropyLoss (scores, labels) })");
  Tensor scores = MakeTensor(DataType::kFloat, {1, 2});
  SetFloat(scores, 1, 3);
  const std::vector<NamedTensor> inputs = {{"scores", scores}, {"labels", Int64Tensor(Ints{1})}};
  const ReferenceResult result = Evaluate(model, inputs);
  ASSERT_EQ(result.status, ReferenceStatus::kEvaluated) << result.reason;
  ASSERT_EQ(result.outputs[0].opaque, Opaque::kNo) << result.outputs[0].opaque_reason;
  // ln(1 + e^-3)
  EXPECT_NEAR(result.outputs[0].value[0], 0.04858735, 1e-6);
  Tensor wrong = FloatScalar(3.0485873f);  // the other label's
  EXPECT_FALSE(Legal(result.outputs[0], wrong, 0));
  EXPECT_TRUE(Legal(result.outputs[0], FloatScalar(0.04858735f), 0));
}

TEST(Evaluate, ModelLocalFunctionsRun) {
  const Model model = Parse(R"(<ir_version: 10, opset_import: ["" : 21, "local" : 1]>
g (float[2] x) => (float[2] y, float[2] z) {
  y = local.Twice <by : float = 3.0> (x)
  z = local.Again (x) }
<domain: "local", opset_import: ["" : 21]>
Twice <by : float = 2.0> (a) => (b) {
  factor = Constant <value_float : float = @by> ()
  b = Mul (a, factor) }
<domain: "local", opset_import: ["" : 21, "local" : 1]>
Again (a) => (c) {
  b = local.Twice (a)
  c = local.Twice (b) })");
  Tensor x = MakeTensor(DataType::kFloat, {2});
  SetFloat(x, 0, 5);
  const std::vector<NamedTensor> inputs = {{"x", x}};
  const ReferenceResult result = Evaluate(model, inputs);
  ASSERT_EQ(result.status, ReferenceStatus::kEvaluated) << result.reason;
  ASSERT_EQ(result.outputs[0].opaque, Opaque::kNo) << result.outputs[0].opaque_reason;
  EXPECT_EQ(result.outputs[0].value[0], 15);
  ASSERT_EQ(result.outputs[1].opaque, Opaque::kNo) << result.outputs[1].opaque_reason;
  EXPECT_EQ(result.outputs[1].value[0], 20);
}

// The function bodies of the windows compute with the flag, whatever it is.
TEST(Evaluate, AWindowsFlagIsOneOrZero) {
  for (const int periodic : {0, 1, 2}) {
    Model model = Parse(R"(<ir_version: 10, opset_import: ["" : 21]>
g (int64 n) => (float[N] y) { y = HammingWindow <periodic = 1> (n) })");
    model.graph.nodes[0].attributes[0].value = int64_t{periodic};
    Tensor n = MakeTensor(DataType::kInt64, {});
    SetInt(n, 0, 8);
    const ReferenceResult result = Evaluate(model, std::vector<NamedTensor>{{"n", n}});
    EXPECT_EQ(result.status == ReferenceStatus::kRejected, periodic == 2) << result.reason;
  }
}

// Q K^T may be scaled when it is there, and overflow before.
TEST(Evaluate, AttentionThatOverflowsUnscaledIsUndecidable) {
  const Model model = Parse(R"(<ir_version: 10, opset_import: ["" : 24]>
g (float[1,1,1,2] q, float[1,1,1,2] k) => (float[1,1,1,2] y) { y = Attention (q, k, k) })");
  for (const double q : {1.0, 3e38}) {
    Tensor query = MakeTensor(DataType::kFloat, {1, 1, 1, 2});
    SetFloat(query, 1, q);
    Tensor key = query;
    SetFloat(key, 1, 1.5);
    const std::vector<NamedTensor> inputs = {{"q", query}, {"k", key}};
    const ReferenceResult result = Evaluate(model, inputs);
    ASSERT_EQ(result.status, ReferenceStatus::kEvaluated) << result.reason;
    EXPECT_EQ(result.outputs[0].opaque, q == 1 ? Opaque::kNo : Opaque::kUndecidable);
  }
}

// 1.0009765625 * 65504 is past the largest float16 and no infinity in float32. What the model
// itself casts to float16 is rounded.
TEST(Evaluate, AFunctionsResultInFloat16MayBeKeptWide) {
  const char* const graphs[] = {
      "v0, y = LinearAttention <q_num_heads = 1, kv_num_heads = 1, update_rule = \"linear\"> (k, "
      "k, v)",
      "a = Cast <to = 1> (k) b = Cast <to = 1> (v) c = Mul (a, b) y = Cast <to = 10> (c)"};
  for (const bool function : {true, false}) {
    const Model model =
        Parse(fmt::format("<ir_version: 10, opset_import: [\"\" : 27]>\n"
                          "g (float16[1,1,1] k, float16[1,1,1] v) => (float16[A,B,C{}] y) {{ {} }}",
                          function ? ",D" : "", graphs[function ? 0 : 1]));
    Tensor k = MakeTensor(DataType::kFloat16, {1, 1, 1});
    Tensor v = k;
    SetFloat(k, 0, 1.0009765625);
    SetFloat(v, 0, 65504);
    const ReferenceResult result = Evaluate(model, std::vector<NamedTensor>{{"k", k}, {"v", v}});
    ASSERT_EQ(result.status, ReferenceStatus::kEvaluated) << result.reason;
    const RangeTensor& y = result.outputs[0];
    ASSERT_EQ(y.opaque, Opaque::kNo) << y.opaque_reason;
    EXPECT_EQ(std::isfinite(y.exact() ? y.value[0] : y.lo[0]), function);
    EXPECT_TRUE(std::isinf(y.exact() ? y.value[0] : y.hi[0]));
  }
}

TEST(Evaluate, AGridOfOneAlignedPixelIsOpen) {
  const Model model = Parse(R"(<ir_version: 10, opset_import: ["" : 20]>
g (float[2,2,3] theta, int64[4] size) => (float[N,H,W,C] y) {
  y = AffineGrid <align_corners = 1> (theta, size)
})");
  for (const int64_t width : {1, 2}) {
    const std::vector<NamedTensor> inputs = {{"theta", MakeTensor(DataType::kFloat, {2, 2, 3})},
                                             {"size", Int64Tensor(Ints{2, 1, 3, width})}};
    const ReferenceResult result = Evaluate(model, inputs);
    ASSERT_EQ(result.status, ReferenceStatus::kEvaluated) << result.reason;
    EXPECT_EQ(result.outputs[0].opaque, width == 2 ? Opaque::kNo : Opaque::kUndecidable);
  }
}

TEST(Evaluate, AnAffineGridHasOneMatrixForEachImage) {
  const Model model = Parse(R"(<ir_version: 10, opset_import: ["" : 20]>
g (float[N,R,K] theta, int64[4] size) => (float[M,H,W,C] y) { y = AffineGrid(theta, size) })");
  for (const Shape& shape : {Shape{2, 2, 3}, Shape{1, 2, 3}, Shape{2, 2, 0}, Shape{2, 3, 4}}) {
    const std::vector<NamedTensor> inputs = {{"theta", MakeTensor(DataType::kFloat, shape)},
                                             {"size", Int64Tensor(Ints{2, 1, 3, 2})}};
    const ReferenceResult result = Evaluate(model, inputs);
    const bool right = shape == Shape{2, 2, 3};
    EXPECT_EQ(result.status, right ? ReferenceStatus::kEvaluated : ReferenceStatus::kRejected)
        << ToString(shape);
  }
}

TEST(Evaluate, AFunctionsFlagIsOneOrZero) {
  for (const int interleaved : {-1, 0, 1}) {
    Model model = Parse(R"(<ir_version: 10, opset_import: ["" : 24]>
g (float[1,1,1,2] x, float[1,1,1] c) => (float[1,1,1,2] y) {
  y = RotaryEmbedding <interleaved = 0> (x, c, c)
})");
    model.graph.nodes[0].attributes[0].value = int64_t{interleaved};
    const std::vector<NamedTensor> inputs = {{"x", MakeTensor(DataType::kFloat, {1, 1, 1, 2})},
                                             {"c", MakeTensor(DataType::kFloat, {1, 1, 1})}};
    const ReferenceResult result = Evaluate(model, inputs);
    EXPECT_EQ(result.status == ReferenceStatus::kRejected, interleaved < 0) << result.reason;
  }
}

TEST(Evaluate, ANegativeNumberOfHeadsIsRejected) {
  Model model = Parse(R"(<ir_version: 10, opset_import: ["" : 24]>
g (float[1,1,1,2] x, float[1,1,1] c) => (float[1,1,1,2] y) {
  y = RotaryEmbedding <num_heads = -1> (x, c, c)
})");
  const std::vector<NamedTensor> inputs = {{"x", MakeTensor(DataType::kFloat, {1, 1, 1, 2})},
                                           {"c", MakeTensor(DataType::kFloat, {1, 1, 1})}};
  EXPECT_EQ(Evaluate(model, inputs).status, ReferenceStatus::kRejected);
  model.graph.nodes[0].attributes[0].value = int64_t{0};
  const ReferenceResult result = Evaluate(model, inputs);
  EXPECT_EQ(result.status, ReferenceStatus::kEvaluated) << result.reason;
  model.graph.inputs[1].type.dims->back().size = 2;  // as wide as the head, not half of it
  const std::vector<NamedTensor> wide = {inputs[0], {"c", MakeTensor(DataType::kFloat, {1, 1, 2})}};
  EXPECT_EQ(Evaluate(model, wide).status, ReferenceStatus::kRejected);
}

TEST(Evaluate, MissingAndMisshapenInputsAreRejected) {
  const Model model = Parse(R"(<ir_version: 10, opset_import: ["" : 21]>
g (float[2] x) => (float[2] y) { y = Identity (x) })");
  EXPECT_EQ(Evaluate(model, {}).status, ReferenceStatus::kRejected);
  const std::vector<NamedTensor> inputs = {{"x", MakeTensor(DataType::kFloat, {3})}};
  EXPECT_EQ(Evaluate(model, inputs).status, ReferenceStatus::kRejected);
}

TEST(Evaluate, MissingRequiredInputsAreRejectedBeforeAnyKernel) {
  const std::vector<NamedTensor> inputs = {{"x", MakeTensor(DataType::kFloat, {2})}};
  for (const int form : {0, 1, 2}) {
    Model model = Parse(R"(<ir_version: 10, opset_import: ["" : 21]>
g (float[2] x) => (float[2] y) { y = Add (x, x) })");
    Node& node = model.graph.nodes[0];
    if (form == 0) node.inputs = {"", "x"};
    if (form == 1) node.inputs = {};
    if (form == 2) node.inputs = {"x", "x", "x"};
    EXPECT_EQ(Evaluate(model, inputs).status, ReferenceStatus::kRejected) << form;
  }
}

// Kernels read both inputs by the type of the first.
TEST(Evaluate, TypesThatTheSchemaForbidsAreRejectedBeforeAnyKernel) {
  const std::vector<NamedTensor> inputs = {{"x", MakeTensor(DataType::kFloat16, {2})},
                                           {"y", MakeTensor(DataType::kInt8, {2})},
                                           {"b", MakeTensor(DataType::kBool, {2})}};
  Model model = Parse(R"(<ir_version: 10, opset_import: ["" : 21]>
g (float16[2] x, int8[2] y, bool[2] b) => (bool[2] z) { z = LessOrEqual (x, x) })");
  EXPECT_EQ(Evaluate(model, inputs).status, ReferenceStatus::kEvaluated);
  for (const char* second : {"y", "b"}) {
    model.graph.nodes[0].inputs = {"x", second};
    EXPECT_EQ(Evaluate(model, inputs).status, ReferenceStatus::kRejected) << second;
  }
  model.graph.nodes[0].inputs = {"b", "b"};
  EXPECT_EQ(Evaluate(model, inputs).status, ReferenceStatus::kRejected);
  model.graph.nodes[0].op = "Equal";
  EXPECT_EQ(Evaluate(model, inputs).status, ReferenceStatus::kEvaluated);
}

}  // namespace
}  // namespace moire
