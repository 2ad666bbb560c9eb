#include "harness/backends/ort/ort_errors.h"

#include <array>
#include <string_view>

namespace moire {
namespace {

struct Pattern {
  std::string_view text;  // anywhere in the message
  Outcome outcome;
};

// Words by which the runtime itself says that it lacks something, as its 1.23.2 and 1.32.0
// libraries print them on the official ONNX node cases. Nothing as loose as "invalid" or
// "expected": a valid model that is called invalid is a bug that must not be hidden here. (A level
// that says "not supported" of a model that another level runs is for the oracles to see.)
constexpr std::array kPatterns = {
    Pattern{"NOT_IMPLEMENTED", Outcome::kUnsupported},
    Pattern{"Could not find an implementation for", Outcome::kUnsupported},
    Pattern{"is not a registered function/op", Outcome::kUnsupported},
    Pattern{"No Op registered for", Outcome::kUnsupported},
    Pattern{"is not currently registered or supported", Outcome::kUnsupported},  // an element type
    Pattern{"Failed to load model with error: Invalid tensor data type", Outcome::kUnsupported},
    Pattern{"not supported", Outcome::kUnsupported},
    Pattern{"nsupported", Outcome::kUnsupported},
    Pattern{"not implemented", Outcome::kUnsupported},
    Pattern{"nimplemented", Outcome::kUnsupported},
    Pattern{"does not support", Outcome::kUnsupported},         // GRU and LSTM of doubles
    Pattern{"nly support", Outcome::kUnsupported},              // "only supports", "Only supported"
    Pattern{"necessary language-pack", Outcome::kUnsupported},  // the machine's locales
    // Models newer than the release; its "Unsupported model IR version" is above.
    Pattern{"guarantees* support for models stamped with official released onnx opset versions",
            Outcome::kUnsupported},
    Pattern{"is under development and support for this is limited", Outcome::kUnsupported},
    // Memory that the machine does not give.
    Pattern{"std::bad_alloc", Outcome::kOutOfMemory},
    Pattern{"Failed to allocate memory for requested buffer", Outcome::kOutOfMemory},
};

}  // namespace

Outcome ClassifyOrtFailure(const OrtFailure& failure) {
  if (failure.code == ORT_NOT_IMPLEMENTED) return Outcome::kUnsupported;
  for (const Pattern& pattern : kPatterns) {
    if (failure.message.find(pattern.text) != std::string::npos) return pattern.outcome;
  }
  return Outcome::kRejected;
}

}  // namespace moire
