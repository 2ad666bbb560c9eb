#include "tests/faulty/fault_sizes.h"

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "harness/case/float_bits.h"
#include "oracles/product_testing.h"

namespace moire::faulty {
namespace {

using testing::Equalised;
using testing::kOrders;
using testing::Order;
using testing::Product;

bool Reported(const std::vector<Verdict>& verdicts) {
  return std::ranges::any_of(verdicts, [](const Verdict& verdict) { return IsBug(verdict.kind); });
}

void Count(FaultSize& size, bool caught, bool alarm) {
  ++size.trials;
  size.caught += caught ? 1 : 0;
  size.alarms += alarm ? 1 : 0;
}

// --- Terms of sums -----------------------------------------------------------------------------

void OneFactor(FaultSize& size, const Product& product, double fault, Random& random) {
  const ReferenceResult reference = Evaluate(product.model, product.test_case.inputs);
  const Order order = random.Pick(std::span(kOrders));
  const auto bad = static_cast<int64_t>(random.Below(static_cast<uint64_t>(product.terms)));
  Count(size, Reported(product.Judge(reference, product.Run(order, bad, fault))),
        Reported(product.Judge(reference, product.Run(order))));
}

// --- One node with known results ---------------------------------------------------------------

struct Single {
  Model model;
  Case test_case;

  Single(std::string op, std::vector<Attribute> attributes, std::vector<Tensor> in,
         const std::vector<DataType>& outputs) {
    Node node;
    node.op = std::move(op);
    node.attributes = std::move(attributes);
    for (Tensor& tensor : in) {
      const std::string name = "i" + std::to_string(node.inputs.size());
      node.inputs.push_back(name);
      model.graph.inputs.push_back({name, TensorType(tensor.type, tensor.shape)});
      test_case.inputs.push_back({name, std::move(tensor)});
    }
    for (const DataType type : outputs) {
      const std::string name = "o" + std::to_string(node.outputs.size());
      node.outputs.push_back(name);
      model.graph.outputs.push_back({name, ValueType{type, std::nullopt, {}}});
    }
    model.opsets = {{"", 21}};
    model.graph.nodes.push_back(std::move(node));
  }

  bool Reports(std::vector<Tensor> outputs) const {
    Observation seen;
    seen.configuration = "simulated";
    for (Tensor& tensor : outputs) seen.outputs.push_back({"o", std::move(tensor)});
    const ReferenceResult reference = Evaluate(model, test_case.inputs);
    return Reported(testing::JudgeDifferences(model, test_case, reference, seen));
  }
};

Tensor Numbers(DataType type, const std::vector<double>& values) {
  Tensor tensor = MakeTensor(type, {std::ssize(values)});
  for (int64_t i = 0; i < tensor.size(); ++i) {
    const double x = values[static_cast<size_t>(i)];
    if (IsFloat(type)) {
      SetFloat(tensor, i, x);
    } else {
      SetInt(tensor, i, static_cast<int64_t>(x));
    }
  }
  return tensor;
}

// --- Rounding ----------------------------------------------------------------------------------

// How x between its neighbours `low` and `high` may be rounded; the first is right.
using Mode = double (*)(double x, double low, double high, bool low_is_even);
double Nearest(double x, double low, double high, double tie) {
  if (x - low == high - x) return tie;
  return x - low < high - x ? low : high;
}
constexpr Mode kModes[] = {
    [](double x, double low, double high, bool even) {
      return Nearest(x, low, high, even ? low : high);
    },
    [](double x, double low, double high, bool even) {
      return Nearest(x, low, high, even ? high : low);  // ties to odd
    },
    [](double x, double low, double high, bool) {
      return Nearest(x, low, high, x < 0 ? low : high);  // ties away from zero
    },
    [](double x, double low, double high, bool) {
      return Nearest(x, low, high, x < 0 ? high : low);  // ties towards zero
    },
    [](double x, double low, double high, bool) { return x < 0 ? high : low; },  // towards zero
    [](double x, double low, double high, bool) { return x < 0 ? low : high; },  // away from zero
    [](double, double low, double, bool) { return low; },
    [](double, double, double high, bool) { return high; },
};

void CastRounding(FaultSize& size, Random& random) {
  constexpr DataType kTargets[] = {DataType::kFloat16, DataType::kBfloat16};
  const DataType to = random.Pick(std::span(kTargets));
  std::vector<double> x;
  for (int i = 0; i < 64; ++i) {
    // Every other one half way between two neighbours.
    const double low = RoundTo(to, Equalised(random, 0) * 3);
    const double high = low + Ulp(to, low);
    x.push_back(static_cast<double>(static_cast<float>(
        i % 2 == 0 ? low + (high - low) / 2 : low + (high - low) * random.Unit())));
  }
  const Single cast("Cast", {{"to", static_cast<int64_t>(to)}}, {Numbers(DataType::kFloat, x)},
                    {to});
  const auto rounded = [&](Mode mode) {
    std::vector<double> y;
    for (const double v : x) {
      const double low = RoundDown(to, v), high = RoundUp(to, v);
      y.push_back(low == high ? v : mode(v, low, high, (EncodeFloat(to, low) & 1) == 0));
    }
    return std::vector<Tensor>{Numbers(to, y)};
  };
  const bool alarm = cast.Reports(rounded(kModes[0]));
  for (const Mode mode : std::span(kModes).subspan(1)) {
    Count(size, cast.Reports(rounded(mode)), alarm);
  }
}

void QuantizeRounding(FaultSize& size, Random& random) {
  constexpr DataType kTargets[] = {DataType::kInt8, DataType::kUint8};
  const DataType to = random.Pick(std::span(kTargets));
  const double zero = to == DataType::kInt8 ? 0 : 128;
  const double scale = std::exp2(static_cast<double>(random.Between(-4, 4)));
  std::vector<double> x;
  for (int i = 0; i < 64; ++i) {
    const auto whole = static_cast<double>(random.Between(-100, 100));
    x.push_back((i % 2 == 0 ? whole + 0.5 : whole + static_cast<double>(random.Below(256)) / 256) *
                scale);
  }
  Tensor scales = Numbers(DataType::kFloat, {scale}), zeros = Numbers(to, {zero});
  scales.shape.clear();
  zeros.shape.clear();
  const Single quantize("QuantizeLinear", {}, {Numbers(DataType::kFloat, x), scales, zeros}, {to});
  const auto rounded = [&](Mode mode) {
    std::vector<double> y;
    for (const double v : x) {
      const double low = std::floor(v / scale), high = std::ceil(v / scale);
      const bool even = static_cast<int64_t>(low) % 2 == 0;
      y.push_back(zero + (low == high ? low : mode(v / scale, low, high, even)));
    }
    return std::vector<Tensor>{Numbers(to, y)};
  };
  const bool alarm = quantize.Reports(rounded(kModes[0]));
  for (const Mode mode : std::span(kModes).subspan(1)) {
    Count(size, quantize.Reports(rounded(mode)), alarm);
  }
}

// --- NaN ---------------------------------------------------------------------------------------

struct Chosen {
  std::vector<double> values, indices;
};
// The k first of x in order, where NaN ranks above every number or (swapped) below.
Chosen Top(const std::vector<double>& x, size_t k, bool largest, bool swapped) {
  std::vector<size_t> order(x.size());
  for (size_t i = 0; i < order.size(); ++i) order[i] = i;
  const auto rank = [&](size_t i) {
    const double nan = swapped ? -std::numeric_limits<double>::infinity()
                               : std::numeric_limits<double>::infinity();
    return std::isnan(x[i]) ? nan : x[i];
  };
  std::ranges::stable_sort(
      order, [&](size_t a, size_t b) { return largest ? rank(a) > rank(b) : rank(a) < rank(b); });
  Chosen out;
  for (size_t i = 0; i < k; ++i) {
    out.values.push_back(x[order[i]]);
    out.indices.push_back(static_cast<double>(order[i]));
  }
  return out;
}

void SwappedNan(FaultSize& size, Random& random) {
  constexpr DataType kTypes[] = {DataType::kFloat, DataType::kFloat16, DataType::kDouble};
  const DataType type = random.Pick(std::span(kTypes));
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const auto n = static_cast<size_t>(random.Between(2, 40));
  std::vector<double> x;
  for (size_t i = 0; i < n; ++i)
    x.push_back(static_cast<double>(i * 7 % 41) - 20);  // all different
  const size_t at = random.Index(n);
  x[at] = nan;
  const Tensor in = Numbers(type, x);
  const auto each = [&](const auto& f, double of_nan) {
    std::vector<double> y;
    for (const double v : x) y.push_back(std::isnan(v) ? of_nan : f(v));
    return std::vector<Tensor>{Numbers(type, y)};
  };
  const auto check = [&](const Single& node, const auto& right, const auto& wrong) {
    Count(size, node.Reports(wrong), node.Reports(right));
  };
  const double limit = static_cast<double>(random.Between(-30, 30));
  Tensor bound = Numbers(type, {limit});
  bound.shape.clear();
  const auto most = [&](double v) { return std::max(v, limit); };
  const auto least = [&](double v) { return std::min(v, limit); };
  const auto relu = [](double v) { return std::max(v, 0.0); };
  check(Single("Max", {}, {in, bound}, {type}), each(most, nan), each(most, limit));
  check(Single("Max", {}, {bound, in}, {type}), each(most, nan), each(most, limit));
  check(Single("Min", {}, {in, bound}, {type}), each(least, nan), each(least, limit));
  check(Single("Min", {}, {bound, in}, {type}), each(least, nan), each(least, limit));
  check(Single("Relu", {}, {in}, {type}), each(relu, nan), each(relu, 0));
  check(Single("Clip", {}, {in, bound}, {type}), each(most, nan), each(most, limit));
  for (const bool largest : {true, false}) {
    // ArgMax and ArgMin both pick the NaN; with the rule swapped neither does.
    const Chosen skipping = Top(x, 1, largest, largest);
    check(
        Single(largest ? "ArgMax" : "ArgMin", {{"keepdims", int64_t{1}}}, {in}, {DataType::kInt64}),
        std::vector<Tensor>{Numbers(DataType::kInt64, {static_cast<double>(at)})},
        std::vector<Tensor>{Numbers(DataType::kInt64, skipping.indices)});
    const auto k = static_cast<int64_t>(n);
    const auto outputs = [&](bool swapped) {
      const Chosen chosen = Top(x, n, largest, swapped);
      return std::vector<Tensor>{Numbers(type, chosen.values),
                                 Numbers(DataType::kInt64, chosen.indices)};
    };
    check(Single("TopK", {{"largest", int64_t{largest}}},
                 {in, Int64Tensor(std::vector<int64_t>{k})}, {type, DataType::kInt64}),
          outputs(false), outputs(true));
  }
}

}  // namespace

std::vector<FaultSize> RunFaultSizes(int64_t trials, uint64_t seed) {
  Random random(seed);
  std::vector<FaultSize> out;
  const auto measure = [&](const char* fault, const auto& trial) {
    FaultSize size;
    size.fault = fault;
    for (int64_t i = 0; i < trials; ++i) trial(size);
    out.push_back(size);
  };
  measure("one term of 256, 4e-3", [&](FaultSize& size) {
    OneFactor(size, testing::MatMul(random, 256, Equalised, 1), 4e-3, random);
  });
  measure("one term of 256, 1e-2", [&](FaultSize& size) {
    OneFactor(size, testing::MatMul(random, 256, Equalised, 1), 1e-2, random);
  });
  measure("one term of 2048 dropped", [&](FaultSize& size) {
    OneFactor(size, testing::MatMul(random, 2048, Equalised, 1), -1, random);
  });
  measure("one factor of 64 outputs of MatMul, 1e-3", [&](FaultSize& size) {
    OneFactor(size, testing::MatMul(random, 256, Equalised), 1e-3, random);
  });
  measure("one factor of 64 outputs of Conv, 1e-3", [&](FaultSize& size) {
    OneFactor(size, testing::Conv(random, Equalised), 1e-3, random);
  });
  measure("wrong rounding of Cast", [&](FaultSize& size) { CastRounding(size, random); });
  measure("wrong rounding of QuantizeLinear",
          [&](FaultSize& size) { QuantizeRounding(size, random); });
  measure("swapped rule for NaN", [&](FaultSize& size) { SwappedNan(size, random); });
  return out;
}

nlohmann::json ToJson(const std::vector<FaultSize>& sizes) {
  nlohmann::json out;
  for (const FaultSize& size : sizes) {
    out[size.fault] = {{"trials", size.trials}, {"caught", size.caught}, {"alarms", size.alarms}};
  }
  return out;
}

}  // namespace moire::faulty
