// The list of kernel families. A new family adds one line here and one in kernels/families.h.
#include <string>
#include <unordered_map>

#include "oracles/reference/kernel.h"
#include "oracles/reference/kernels/families.h"

namespace moire {
namespace {

using Family = std::span<const KernelEntry> (*)();

constexpr Family kFamilies[] = {
    // Element-wise.
    ArithmeticKernels, PowKernels, UnaryKernels, ActivationKernels, CompareKernels, CastKernels,
    SelectKernels,
    // Reductions, products, windows, normalisations.
    ReduceKernels, MatMulKernels, ConvKernels, PoolKernels, SoftmaxKernels,
    NormalizeKernels, BatchNormKernels, ArgReduceKernels, EinsumKernels,
    RnnKernels, LossKernels, SpectralKernels,
    // Shape, movement, index, quantisation, control flow.
    ShapeKernels, MovementKernels, SliceKernels, GatherKernels, PadKernels, GenerateKernels,
    ScatterKernels, TopKKernels, ControlKernels, MlKernels, ResizeKernels, SuppressionKernels,
    SampleKernels,
    QuantizeKernels, QuantizedProductKernels,
};

using Table = std::unordered_map<std::string, std::vector<const KernelEntry*>>;

std::string Key(std::string_view domain, std::string_view op) {
  return std::string(domain) + ":" + std::string(op);
}

const Table& Kernels() {
  static const Table table = [] {
    Table built;
    for (const Family family : kFamilies) {
      for (const KernelEntry& entry : family()) built[Key(entry.domain, entry.op)].push_back(&entry);
    }
    return built;
  }();
  return table;
}

}  // namespace

const KernelEntry* FindKernel(std::string_view domain, std::string_view op, int64_t opset) {
  const auto found = Kernels().find(Key(domain == "ai.onnx" ? "" : domain, op));
  if (found == Kernels().end()) return nullptr;
  for (const KernelEntry* entry : found->second) {
    if (entry->since <= opset && opset <= entry->until) return entry;
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
