// The generator's own shape inference, family by family, against ONNX's: what it says of generated
// nodes must be what full inference says; and a few broken nodes of each family must be refused.
#include <gtest/gtest.h>

#include "fuzzers/generate/graph_builder.h"
#include "fuzzers/generate/ops/families.h"
#include "fuzzers/generate/ops/layout.h"
#include "fuzzers/generate/pool.h"
#include "harness/case/onnx_adapter.h"

namespace moire {
namespace {

struct Family {
  std::string_view name;
  OpTable table;
};

class InferFamily : public ::testing::TestWithParam<Family> {};

TEST_P(InferFamily, AgreesWithOnnx) {
  Random random(9);
  GeneratorSettings settings = WholeStandard();
  settings.edge_share = 0;
  const Learned learned;
  for (const OpEntry& entry : GetParam().table) {
    int placed = 0;
    int refused = 0;
    std::string text;
    for (int attempt = 0; attempt < 400 && placed < 12; ++attempt) {
      const bool standard = entry.domain.empty();
      const int64_t newest = NewestOpset(entry.domain);
      const int64_t opset = random.Between(standard ? 7 : 1, newest);
      const ResolvedOp op = Resolve(entry.op, opset, entry.domain);
      if (op.entry == nullptr) continue;
      GraphBuilder builder(random, settings, learned, standard ? opset : NewestOpset());
      if (!standard) builder.set_ml_opset(opset);
      const TypeSet types =
          op.schema->inputs.empty() || op.schema->inputs[0].types == 0 || random.Chance(1, 4)
              ? Bit(DataType::kFloat)
              : op.schema->inputs[0].types;
      auto type = DataType::kUndefined;
      while (!Has(types, type)) type = static_cast<DataType>(random.Below(32));
      builder.Carry(type);
      builder.AddInput(type, builder.DrawShape(0, 5));
      builder.AddInput(DataType::kFloat, builder.DrawShape(2, 4));
      builder.AddInput(DataType::kBool, builder.DrawShape(0, 3));
      if (op.schema->TakesCompounds()) {
        for (const std::string_view maker : {"SequenceConstruct", "Optional"}) {
          const ResolvedOp make = Resolve(maker, opset);
          if (make.entry != nullptr) PlaceOperator(builder, make);
        }
      }
      if (!PlaceOperator(builder, op)) continue;
      ++placed;
      const Case made = ToCase(builder.Finish());
      if (const Status status = CheckModel(made.model, true); !status) {
        ++refused;
        text = status.error().message + "\n" + PrintModel(made.model).value_or("");
      }
    }
    EXPECT_GT(placed, 0) << entry.op;
    EXPECT_LE(refused, 1) << entry.op << ": " << text;
  }
}

INSTANTIATE_TEST_SUITE_P(
    All, InferFamily,
    ::testing::Values(Family{"Unary", UnaryOps()}, Family{"Binary", BinaryOps()},
                      Family{"Logic", LogicOps()}, Family{"Reduce", ReduceOps()},
                      Family{"Matrix", MatrixOps()}, Family{"Conv", ConvOps()},
                      Family{"Norm", NormOps()}, Family{"Layout", LayoutOps()},
                      Family{"GatherScatter", GatherScatterOps()}, Family{"Select", SelectOps()},
                      Family{"Create", CreateOps()}, Family{"Quant", QuantOps()},
                      Family{"Recurrent", RecurrentOps()}, Family{"Attention", AttentionOps()},
                      Family{"Signal", SignalOps()}, Family{"Vision", VisionOps()},
                      Family{"Random", RandomOps()}, Family{"Text", TextOps()},
                      Family{"Loss", LossOps()}, Family{"Sequence", SequenceOps()},
                      Family{"Control", ControlOps()}, Family{"Classic", ClassicOps()},
                      Family{"Tree", TreeOps()}),
    [](const auto& info) { return std::string(info.param.name); });

TEST(ReshapeTarget, FollowsThePage) {
  const Shape x = {2, 3, 4};
  EXPECT_EQ(ReshapeTarget(x, Ints{0, -1}, false), (Shape{2, 12}));
  EXPECT_EQ(ReshapeTarget(x, Ints{4, 0, 2}, false), (Shape{4, 3, 2}));
  EXPECT_EQ(ReshapeTarget(x, Ints{-1, -1}, false), std::nullopt);
  EXPECT_EQ(ReshapeTarget(x, Ints{5, -1}, false), std::nullopt);
  EXPECT_EQ(ReshapeTarget(Shape{0, 3}, Ints{3, 0}, true), (Shape{3, 0}));
  EXPECT_EQ(ReshapeTarget(Shape{0, 3}, Ints{0, -1}, true), std::nullopt);
}

}  // namespace
}  // namespace moire
