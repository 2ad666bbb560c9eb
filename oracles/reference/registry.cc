// The list of kernel families. A new family adds one line here and one in kernels/families.h.
#include <string_view>
#include <unordered_map>

#include "oracles/reference/kernel.h"
#include "oracles/reference/kernels/families.h"

namespace moire {
namespace {

using Family = std::span<const KernelEntry> (*)();

constexpr Family kFamilies[] = {
    // Element-wise.
    ArithmeticKernels,
    PowKernels,
    UnaryKernels,
    ActivationKernels,
    CompareKernels,
    CastKernels,
    SelectKernels,
    // Reductions, products, windows, normalisations.
    ReduceKernels,
    MatMulKernels,
    ConvKernels,
    PoolKernels,
    SoftmaxKernels,
    NormalizeKernels,
    BatchNormKernels,
    ArgReduceKernels,
    EinsumKernels,
    RnnKernels,
    LossKernels,
    SpectralKernels,
    // Shape, movement, index, quantisation, control flow.
    ShapeKernels,
    MovementKernels,
    SliceKernels,
    GatherKernels,
    PadKernels,
    GenerateKernels,
    ScatterKernels,
    TopKKernels,
    ControlKernels,
    SequenceKernels,
    StringKernels,
    NgramKernels,
    MlKernels,
    TreeKernels,
    ClassifierKernels,
    CategoryKernels,
    ResizeKernels,
    SuppressionKernels,
    SampleKernels,
    DeformKernels,
    RoiKernels,
    RandomKernels,
    TrainingKernels,
    MelKernels,
    ImageKernels,
    QuantizeKernels,
    QuantizedProductKernels,
};

// By operator name alone: a name stands in one domain nearly always.
using Table = std::unordered_map<std::string_view, std::vector<const KernelEntry*>>;

const Table& Kernels() {
  static const Table table = [] {
    Table built;
    for (const Family family : kFamilies) {
      for (const KernelEntry& entry : family()) built[entry.op].push_back(&entry);
    }
    return built;
  }();
  return table;
}

}  // namespace

const KernelEntry* FindKernel(std::string_view domain, std::string_view op, int64_t opset) {
  const auto found = Kernels().find(op);
  if (found == Kernels().end()) return nullptr;
  if (domain == "ai.onnx") domain = "";
  for (const KernelEntry* entry : found->second) {
    if (entry->domain == domain && entry->since <= opset && opset <= entry->until) return entry;
  }
  return nullptr;
}

std::vector<const KernelEntry*> AllKernels() {
  std::vector<const KernelEntry*> all;
  for (const Family family : kFamilies) {
    for (const KernelEntry& entry : family()) all.push_back(&entry);
  }
  return all;
}

}  // namespace moire
