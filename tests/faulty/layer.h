// A fault in one layer: the model runs in ONNX Runtime, or in the reference, with the fault edited
// in behind the node that makes a named value. For whole production models, which the interpreter
// of faulty_backend.h is too slow for. Without that node the runtime is what it is.
//
// SPEC "faulty:on=RELEASE|reference,layer=VALUE,fault=KIND[,op=OPERATOR][,level=LEVEL]": the node
// whose first output is VALUE (and whose operator is OPERATOR); KIND is doubled (its result is
// added to itself), nan (its result is NaN; floats), reject (the model is refused), crash (abort(),
// after a run).
#ifndef MOIRE_TESTS_FAULTY_LAYER_H_
#define MOIRE_TESTS_FAULTY_LAYER_H_

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "harness/backends/backend.h"

namespace moire::faulty {

enum class LayerFault { kDoubled, kNan, kReject, kCrash };

struct LayerSettings {
  std::string release;  // of ONNX Runtime; "reference": the reference
  std::string level = "all";
  std::string layer;
  std::string op;  // empty: any
  LayerFault fault = LayerFault::kDoubled;
  std::string name;  // of the configuration
};
// Whether these are settings of a fault in a layer (they name a release: on=).
bool IsLayerSettings(std::string_view settings);
Result<LayerSettings> ParseLayer(std::string_view settings);
// Errors: those of opening the release.
Result<std::vector<std::unique_ptr<Configuration>>> OpenLayer(const LayerSettings& settings);

}  // namespace moire::faulty

#endif  // MOIRE_TESTS_FAULTY_LAYER_H_
