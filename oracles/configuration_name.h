// Reads the parts of a configuration's name, "ort@1.32.0:level=all,threads=2". Oracles know a
// configuration by its name only. Depends on nothing else.
#ifndef MOIRE_ORACLES_CONFIGURATION_NAME_H_
#define MOIRE_ORACLES_CONFIGURATION_NAME_H_

#include <string>
#include <string_view>

namespace moire {

// "ort@1.32.0": what two configurations share that differ in settings only.
std::string_view BackendPart(std::string_view name);
// "ort": without the version or path; "ort" too for a bare path to libonnxruntime.
std::string_view BackendName(std::string_view name);
// The value of a setting, "" when it is not there.
std::string_view Setting(std::string_view name, std::string_view key);
// Whether the configuration leaves the model as it is and runs it on one thread: level "none", or no
// level setting at all.
bool IsPlain(std::string_view name);
// The name without what only the place or the number of the release says, and without settings that
// do not change what is computed (log): "ort:level=all". For keys that hold across releases.
std::string ConfigurationClass(std::string_view name);

}  // namespace moire

#endif  // MOIRE_ORACLES_CONFIGURATION_NAME_H_
