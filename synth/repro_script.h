// The text of repro.py, which CMake puts into the library.
#ifndef MOIRE_SYNTH_REPRO_SCRIPT_H_
#define MOIRE_SYNTH_REPRO_SCRIPT_H_

#include <string_view>

namespace moire {

extern const std::string_view kReproScript;

}  // namespace moire

#endif  // MOIRE_SYNTH_REPRO_SCRIPT_H_
