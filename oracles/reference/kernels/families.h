// One function for each family file of kernels/; registry.cc lists them.
#ifndef MOIRE_ORACLES_REFERENCE_KERNELS_FAMILIES_H_
#define MOIRE_ORACLES_REFERENCE_KERNELS_FAMILIES_H_

#include <span>

#include "oracles/reference/kernel.h"

namespace moire {

// Element-wise.
std::span<const KernelEntry> ArithmeticKernels();
std::span<const KernelEntry> PowKernels();
std::span<const KernelEntry> UnaryKernels();
std::span<const KernelEntry> ActivationKernels();
std::span<const KernelEntry> CompareKernels();
std::span<const KernelEntry> CastKernels();
std::span<const KernelEntry> SelectKernels();

// Reductions, products, windows, normalisations.
std::span<const KernelEntry> ReduceKernels();
std::span<const KernelEntry> MatMulKernels();
std::span<const KernelEntry> ConvKernels();
std::span<const KernelEntry> PoolKernels();
std::span<const KernelEntry> SoftmaxKernels();
std::span<const KernelEntry> NormalizeKernels();
std::span<const KernelEntry> BatchNormKernels();
std::span<const KernelEntry> ArgReduceKernels();
std::span<const KernelEntry> EinsumKernels();
std::span<const KernelEntry> RnnKernels();
std::span<const KernelEntry> LossKernels();
std::span<const KernelEntry> SpectralKernels();

// Shape, movement, index, quantisation, control flow.
std::span<const KernelEntry> ShapeKernels();
std::span<const KernelEntry> MovementKernels();
std::span<const KernelEntry> SliceKernels();
std::span<const KernelEntry> GatherKernels();
std::span<const KernelEntry> PadKernels();
std::span<const KernelEntry> GenerateKernels();
std::span<const KernelEntry> ScatterKernels();
std::span<const KernelEntry> TopKKernels();
std::span<const KernelEntry> ControlKernels();
std::span<const KernelEntry> SequenceKernels();
std::span<const KernelEntry> StringKernels();
std::span<const KernelEntry> NgramKernels();
std::span<const KernelEntry> MlKernels();
std::span<const KernelEntry> TreeKernels();
std::span<const KernelEntry> ClassifierKernels();
std::span<const KernelEntry> CategoryKernels();
std::span<const KernelEntry> ResizeKernels();
std::span<const KernelEntry> SuppressionKernels();
std::span<const KernelEntry> SampleKernels();
std::span<const KernelEntry> DeformKernels();
std::span<const KernelEntry> RoiKernels();
std::span<const KernelEntry> RandomKernels();
std::span<const KernelEntry> TrainingKernels();
std::span<const KernelEntry> MelKernels();
std::span<const KernelEntry> ImageKernels();
std::span<const KernelEntry> QuantizedProductKernels();
std::span<const KernelEntry> QuantizeKernels();

}  // namespace moire

#endif  // MOIRE_ORACLES_REFERENCE_KERNELS_FAMILIES_H_
