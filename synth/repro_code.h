// repro.cc of a bundle: the case as C++ arrays, and a program on ONNX Runtime's C API that runs it.
#ifndef MOIRE_SYNTH_REPRO_CODE_H_
#define MOIRE_SYNTH_REPRO_CODE_H_

#include <string>
#include <string_view>

#include "synth/finding.h"

namespace moire {

extern const std::string_view kReproTail;  // the program behind the arrays

// Empty where the case is too large to be written down, has inputs that are no plain numbers, or is
// not a finding on ONNX Runtime.
std::string ReproCode(const Finding& finding);

}  // namespace moire

#endif  // MOIRE_SYNTH_REPRO_CODE_H_
