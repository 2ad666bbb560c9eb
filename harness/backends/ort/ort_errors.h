// What an error of ONNX Runtime means: refused, not implemented, or out of memory.
#ifndef MOIRE_HARNESS_BACKENDS_ORT_ORT_ERRORS_H_
#define MOIRE_HARNESS_BACKENDS_ORT_ORT_ERRORS_H_

#include "harness/backends/backend.h"
#include "harness/backends/ort/ort_library.h"

namespace moire {

// kRejected, kUnsupported or kOutOfMemory.
Outcome ClassifyOrtFailure(const OrtFailure& failure);

}  // namespace moire

#endif  // MOIRE_HARNESS_BACKENDS_ORT_ORT_ERRORS_H_
