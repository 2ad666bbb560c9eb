// A configuration that parses and serialises the model before the runtime sees it: what it computes
// must not depend on how the bytes are laid out. Any backend's, by the setting resaved=1.
#ifndef MOIRE_HARNESS_BACKENDS_RESAVED_H_
#define MOIRE_HARNESS_BACKENDS_RESAVED_H_

#include <memory>

#include "harness/backends/backend.h"

namespace moire {

inline constexpr std::string_view kResavedSetting = "resaved";

// Its name is that of `inner` with resaved=1 behind it. A model that does not parse runs as it is.
std::unique_ptr<Configuration> MakeResaved(std::unique_ptr<Configuration> inner);

}  // namespace moire

#endif  // MOIRE_HARNESS_BACKENDS_RESAVED_H_
