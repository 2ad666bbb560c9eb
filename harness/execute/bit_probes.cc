#include "harness/execute/bit_probes.h"

#include <cmath>

#include "harness/case/onnx_adapter.h"

namespace moire {
namespace {

// --- Layouts ------------------------------------------------------------------------------------

Layout Matrices(int64_t rows, int64_t n, int64_t columns) {
  return {{rows, n}, {n, columns}, {rows, columns}, n, 1, columns, 1, columns, 1};
}
Layout SecondTransposed(int64_t rows, int64_t n, int64_t columns) {
  return {{rows, n}, {columns, n}, {rows, columns}, n, 1, 1, n, columns, 1};
}
// One window of side x side a row: [rows, channels, side, side] by [columns, channels, side, side].
template <int64_t kSide>
Layout Windows(int64_t rows, int64_t n, int64_t columns) {
  const int64_t channels = n / (kSide * kSide);
  return {{rows, channels, kSide, kSide},
          {columns, channels, kSide, kSide},
          {rows, columns, 1, 1},
          n,
          1,
          1,
          n,
          columns,
          1};
}
// A kernel of 1x1 over an image of one row: the positions are the rows.
Layout Pointwise(int64_t rows, int64_t n, int64_t columns) {
  return {{1, n, 1, rows}, {columns, n, 1, 1}, {1, columns, 1, rows}, 1, rows, 1, n, 1, rows};
}
Layout TransposedWindows(int64_t rows, int64_t n, int64_t columns) {
  return {{rows, n, 1, 1}, {n, columns, 1, 1}, {rows, columns, 1, 1}, n, 1, columns, 1, columns, 1};
}
// One step of a sequence: X [1, rows, n], W [1, columns, n], Y [1, 1, rows, columns].
Layout OneStep(int64_t rows, int64_t n, int64_t columns) {
  return {{1, rows, n}, {1, columns, n}, {1, 1, rows, columns}, n, 1, 1, n, columns, 1};
}
Layout Lines(int64_t rows, int64_t n, int64_t) {
  return {{rows, n}, {}, {rows, 1}, n, 1, 0, 0, 1, 0};
}
// All sums so far: the last one counts.
Layout RunningSums(int64_t rows, int64_t n, int64_t) {
  return {{rows, n}, {}, {rows, n}, n, 1, 0, 0, n, 0, n - 1};
}
Layout Planes(int64_t rows, int64_t n, int64_t) {
  return {{rows, 1, 1, n}, {}, {rows, 1, 1, 1}, n, 1, 0, 0, 1, 0};
}

// --- What else a node needs --------------------------------------------------------------------

void AddInitializer(Model& model, const std::string& name, Tensor tensor) {
  model.graph.nodes[0].inputs.push_back(name);
  model.graph.initializers.push_back({name, std::move(tensor)});
}
void Nothing(Model&, int64_t, int64_t) {}
void TransposeSecond(Model& model, int64_t, int64_t) {
  model.graph.nodes[0].Set("transB", int64_t{1});
}
void Equation(Model& model, int64_t, int64_t) {
  model.graph.nodes[0].Set("equation", std::string("ik,kj->ij"));
}
// The identity in place of tanh, and nothing from the step before.
void Affine(Model& model, int64_t, int64_t columns) {
  Node& node = model.graph.nodes[0];
  node.Set("hidden_size", columns);
  node.Set("activations", Strings{"Affine"});
  node.Set("activation_alpha", Floats{1});
  node.Set("activation_beta", Floats{0});
  AddInitializer(model, "r", MakeTensor(DataType::kFloat, {1, columns, columns}));
}
void AxisInput(Model& model, int64_t, int64_t) {
  AddInitializer(model, "axes", Int64Tensor(std::vector<int64_t>{1}));
}
void AxisScalar(Model& model, int64_t, int64_t) {
  Tensor axis = Int64Tensor(std::vector<int64_t>{1});
  axis.shape.clear();
  AddInitializer(model, "axis", std::move(axis));
}
void AxisAttribute(Model& model, int64_t, int64_t) { model.graph.nodes[0].Set("axes", Ints{1}); }
void WholeWindow(Model& model, int64_t terms, int64_t) {
  model.graph.nodes[0].Set("kernel_shape", Ints{1, terms});
}

using enum Formula;
constexpr BitProbe kProbes[] = {
    {"MatMul", "MatMul", kProducts, 1, Matrices, Nothing},
    {"Gemm", "Gemm", kProducts, 1, SecondTransposed, TransposeSecond},
    {"Conv", "Conv", kProducts, 4, Windows<2>, Nothing},
    {"Conv 1x1", "Conv", kProducts, 1, Pointwise, Nothing},
    {"Conv 3x3", "Conv", kProducts, 9, Windows<3>, Nothing},
    {"ConvTranspose", "ConvTranspose", kProducts, 1, TransposedWindows, Nothing},
    {"Einsum", "Einsum", kProducts, 1, Matrices, Equation},
    {"RNN", "RNN", kProducts, 1, OneStep, Affine},
    {"ReduceSum", "ReduceSum", kSum, 1, Lines, AxisInput},
    {"ReduceMean", "ReduceMean", kMean, 1, Lines, AxisAttribute},
    {"ReduceL1", "ReduceL1", kAbsolutes, 1, Lines, AxisAttribute},
    {"ReduceL2", "ReduceL2", kRootOfSquares, 1, Lines, AxisAttribute},
    {"ReduceSumSquare", "ReduceSumSquare", kSquares, 1, Lines, AxisAttribute},
    {"CumSum", "CumSum", kSum, 1, RunningSums, AxisScalar},
    {"AveragePool", "AveragePool", kMean, 1, Planes, WholeWindow},
    {"GlobalAveragePool", "GlobalAveragePool", kMean, 1, Planes, Nothing},
};

constexpr int64_t kOpset = 17;  // every operator above has these attributes or inputs there

struct Placed {
  Model model;
  Case test_case;
};

void AddInput(Placed& placed, const char* name, Tensor tensor) {
  placed.model.graph.nodes[0].inputs.emplace_back(name);
  placed.model.graph.inputs.push_back({name, TensorType(DataType::kFloat, tensor.shape)});
  placed.test_case.inputs.push_back({name, std::move(tensor)});
}

}  // namespace

std::span<const BitProbe> BitProbes() { return kProbes; }

Result<std::vector<double>> RunProbe(const BitProbe& probe, const Factors& f,
                                     Configuration& configuration) {
  const Layout at = probe.layout(f.rows, f.terms, f.columns);
  Placed placed;
  Node node;
  node.op = probe.op;
  node.outputs = {"y"};
  placed.model.graph.name = "bits";
  placed.model.graph.nodes.push_back(std::move(node));
  placed.model.graph.outputs.push_back({"y", TensorType(DataType::kFloat, at.y)});
  placed.model.opsets = {{"", kOpset}};
  Tensor a = MakeTensor(DataType::kFloat, at.a);
  for (int64_t row = 0; row < f.rows; ++row) {
    for (int64_t k = 0; k < f.terms; ++k) {
      a.As<float>()[static_cast<size_t>(row * at.a_row + k * at.a_term)] =
          f.a[static_cast<size_t>(row * f.terms + k)];
    }
  }
  AddInput(placed, "a", std::move(a));
  if (HasSecondOperand(probe)) {
    Tensor b = MakeTensor(DataType::kFloat, at.b);
    for (int64_t k = 0; k < f.terms; ++k) {
      for (int64_t column = 0; column < f.columns; ++column) {
        b.As<float>()[static_cast<size_t>(k * at.b_term + column * at.b_column)] =
            f.b[static_cast<size_t>(k * f.columns + column)];
      }
    }
    AddInput(placed, "b", std::move(b));
  }
  probe.complete(placed.model, f.terms, f.columns);
  placed.test_case.model = SerializeModel(placed.model);
  const Observation seen = configuration.Run(placed.test_case);
  if (seen.outcome != Outcome::kOutputs) {
    return Fail(ErrorCode::kUnsupported, "{}: {}", Name(seen.outcome), seen.reason);
  }
  const Tensor& y = seen.outputs.at(0).tensor;
  if (y.type != DataType::kFloat || Count(y.shape) != Count(at.y)) {
    return Fail(ErrorCode::kUnsupported, "gives {} {}", Name(y.type), ToString(y.shape));
  }
  std::vector<double> out;
  for (int64_t row = 0; row < f.rows; ++row) {
    for (int64_t column = 0; column < f.columns; ++column) {
      const auto element = static_cast<size_t>(at.y_first + row * at.y_row + column * at.y_column);
      const auto value = static_cast<double>(y.As<float>()[element]);
      out.push_back(probe.formula == kMean            ? value * static_cast<double>(f.terms)
                    : probe.formula == kRootOfSquares ? value * value
                                                      : value);
    }
  }
  return out;
}

std::vector<double> ExactResults(const BitProbe& probe, const Factors& f) {
  std::vector<double> out;
  for (int64_t row = 0; row < f.rows; ++row) {
    for (int64_t column = 0; column < f.columns; ++column) {
      long double sum = 0;
      for (int64_t k = 0; k < f.terms; ++k) {
        const long double x = f.a[static_cast<size_t>(row * f.terms + k)];
        switch (probe.formula) {
          case kProducts:
            sum += x * static_cast<long double>(f.b[static_cast<size_t>(k * f.columns + column)]);
            break;
          case kSum:
          case kMean:
            sum += x;
            break;
          case kAbsolutes:
            sum += std::abs(x);
            break;
          case kSquares:
          case kRootOfSquares:
            sum += x * x;
            break;
        }
      }
      out.push_back(static_cast<double>(sum));
    }
  }
  return out;
}

}  // namespace moire
