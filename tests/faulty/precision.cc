#include "tests/faulty/precision.h"

#include <nlohmann/json.hpp>

#include "harness/case/random.h"

namespace moire::faulty {
namespace {

// Operators that the runtime has, one of each family: products, a window, sums of either kind.
constexpr std::string_view kOperators[] = {"MatMul", "Gemm", "Conv", "ReduceSum",
                                           "ReduceSumSquare"};
constexpr std::string_view kOrderNames[kOrders] = {"forward", "reverse", "lanes", "pairwise",
                                                   "fma"};

}  // namespace

SimulatedBackend DrawBackend(uint64_t seed, int index) {
  Random random(Mix64(seed) ^ static_cast<uint64_t>(index));
  SimulatedBackend out;
  Arithmetic& a = out.arithmetic;
  a.order = static_cast<Order>(index / 4 % kOrders);
  a.lanes = size_t{1} << random.Between(1, 6);
  a.wide_products = random.Chance(1, 2);
  a.truncate = random.Chance(1, 3);
  switch (index % 4) {
    case 0:
      out.truth = Precision::kFloat32;
      break;
    case 1:
      out.truth = Precision::kTf32Inputs;
      a.factor_bits = 11;
      break;
    case 2:
      out.truth = Precision::kBfloat16Inputs;
      a.factor_bits = 8;
      break;
    default:
      out.truth = Precision::kFloat16Sums;
      a.step = DataType::kFloat16;
      a.factor_bits = random.Chance(1, 2) ? 11 : 0;
  }
  out.name = fmt::format("{}, {}, {} lanes, {} products, factors of {} bits {}", Name(out.truth),
                         kOrderNames[static_cast<size_t>(a.order)], a.lanes,
                         a.wide_products ? "wide" : "rounded", a.factor_bits,
                         a.truncate ? "cut" : "rounded");
  return out;
}

PrecisionReport RunPrecision(const PrecisionOptions& options) {
  PrecisionReport report;
  for (int index = 0; index < options.backends; ++index) {
    const SimulatedBackend backend = DrawBackend(options.seed, index);
    FaultySettings settings;
    settings.arithmetic = backend.arithmetic;
    settings.name = backend.name;
    FaultyConfiguration configuration(settings);
    const BitsOptions bits{.filter = {},
                           .lengths = options.lengths,
                           .seed = options.seed + static_cast<uint64_t>(index)};
    bool right = true;
    for (const std::string_view name : kOperators) {
      const OperatorBits said = EstimateBitsOf(name, configuration, bits);
      for (const BitsAtLength& at : said.lengths) {
        ++report.judged;
        report.judged_right += at.precision == backend.truth ? 1 : 0;
      }
      if (said.problem.empty() && said.precision == backend.truth) continue;
      right = false;
      report.wrong.push_back(fmt::format("{}: {} is taken for {} ({}{})", backend.name, name,
                                         Name(said.precision), said.confidence,
                                         said.problem.empty() ? "" : ", " + said.problem));
    }
    ++report.backends;
    report.right += right ? 1 : 0;
    ++report.kinds[std::string(Name(backend.truth))];
    ++report.orders[std::string(kOrderNames[static_cast<size_t>(backend.arithmetic.order)])];
  }
  return report;
}

nlohmann::json ToJson(const PrecisionReport& report) {
  return {{"backends", report.backends}, {"right", report.right},
          {"judged", report.judged},     {"judged_right", report.judged_right},
          {"kinds", report.kinds},       {"orders", report.orders},
          {"wrong", report.wrong}};
}

}  // namespace moire::faulty
