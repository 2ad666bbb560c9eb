// The pooled rule of products: a shift of 1e-3 in one factor of all outputs, which most single
// ranges hold, must be reported; every order of summation on every kind of data must be left alone.
#include "oracles/pooled.h"

#include <gtest/gtest.h>

#include <cmath>

#include "oracles/product_testing.h"
#include "oracles/reference/pooled.h"

namespace moire {
namespace {

using testing::Conv;
using testing::Equalised;
using testing::Fill;
using testing::kOrders;
using testing::MatMul;
using testing::Order;
using testing::Product;

double Signed(Random& random, double size) { return random.Chance(1, 2) ? size : -size; }
double Constant(Random&, int64_t) { return 0.7; }
double Repeated(Random&, int64_t i) { return i % 3 == 0 ? 1.1 : -0.3; }
double Slow(Random&, int64_t i) { return 1 + static_cast<double>(i) * 1e-4; }
double Positive(Random& random, int64_t) { return random.Unit(); }
double Blocks(Random& random, int64_t i) {
  return (i / 37 % 2 == 0 ? 1 : -1) * (1 + random.Unit());
}
double Wild(Random& random, int64_t) {
  return Signed(random, std::exp2(static_cast<double>(random.Between(-12, 12))) * random.Unit());
}

TEST(Pooled, AShiftOfAThousandthInOneFactorIsReported) {
  Random random(11);
  constexpr int kTrials = 100;
  int caught[2] = {}, alone[2] = {};
  for (int trial = 0; trial < kTrials; ++trial) {
    const Product products[] = {MatMul(random, 256, Equalised), Conv(random, Equalised)};
    for (size_t i = 0; i < std::size(products); ++i) {
      const Product& product = products[i];
      const ReferenceResult reference = Evaluate(product.model, product.test_case.inputs);
      const Order order = random.Pick(std::span(kOrders));
      const auto bad = static_cast<int64_t>(random.Below(256));
      const auto verdicts = product.Judge(reference, product.Run(order, bad, 1e-3));
      ASSERT_EQ(verdicts.size(), 1U);
      caught[i] += IsBug(verdicts[0].kind) ? 1 : 0;
      alone[i] += IsBug(verdicts[0].kind) && verdicts[0].error_class != "pooled" ? 1 : 0;
      const auto clean = product.Judge(reference, product.Run(order));
      EXPECT_EQ(clean[0].kind, VerdictKind::kMatch) << clean[0].reason;
    }
  }
  // Every trial; the single ranges report between a half and nine tenths of them.
  for (const int count : caught) EXPECT_EQ(count, kTrials);
  for (const int count : alone) EXPECT_LT(count, kTrials);
}

// Far inside the rule, whether the oracle would have looked or not: the pool's errors stay below
// half of what is allowed, for every order and kind of data.
TEST(Pooled, EveryOrderOnEveryKindOfDataIsLeftAlone) {
  const Fill kinds[] = {Equalised, Constant, Repeated, Slow, Positive, Blocks, Wild};
  Random random(5);
  for (size_t kind = 0; kind < std::size(kinds); ++kind) {
    for (const int64_t n : {32, 256, 1000}) {
      const Product product = n == 32 ? Conv(random, kinds[kind]) : MatMul(random, n, kinds[kind]);
      const ReferenceResult reference = Evaluate(product.model, product.test_case.inputs);
      const auto narrow =
          EvaluatePooled(product.model, product.test_case.inputs, product.model.graph.nodes[0]);
      ASSERT_TRUE(narrow) << narrow.error().message;
      for (const Order order : kOrders) {
        const Observation seen = product.Run(order);
        double errors = 0, allowed = 0;
        for (int64_t i = 0; i < product.outputs; ++i) {
          const auto k = static_cast<size_t>(i);
          const double lo = narrow->Lo()[k], hi = narrow->Hi()[k];
          EXPECT_GE(lo, reference.outputs[0].Lo()[k]);
          EXPECT_LE(hi, reference.outputs[0].Hi()[k]);
          errors += std::pow(GetFloat(seen.outputs[0].tensor, i) - (lo + hi) / 2, 2);
          allowed += std::pow((hi - lo) / 2, 2);
        }
        EXPECT_LE(errors, allowed / 4) << "data " << kind << ", n " << n;
        EXPECT_EQ(product.Judge(reference, seen)[0].kind, VerdictKind::kMatch);
      }
    }
  }
}

TEST(Pooled, OtherOperatorsAndSmallPoolsAreNotPooled) {
  Random random(3);
  Product product = MatMul(random, 256, Equalised);
  EXPECT_NE(PooledProduct(product.model, "y"), nullptr);
  EXPECT_EQ(PooledProduct(product.model, "a"), nullptr);
  product.model.graph.nodes[0].op = "Add";
  EXPECT_EQ(PooledProduct(product.model, "y"), nullptr);
  EXPECT_FALSE(PooledRuleHolds());
  const PooledRule rule;
  EXPECT_TRUE(PooledRuleHolds());
}

}  // namespace
}  // namespace moire
