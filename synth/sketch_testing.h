// For tests of edits: a sketch from the text of a graph, with generated inputs.
#ifndef MOIRE_SYNTH_SKETCH_TESTING_H_
#define MOIRE_SYNTH_SKETCH_TESTING_H_

#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "harness/case/onnx_adapter.h"
#include "synth/edit.h"
#include "synth/load.h"

namespace moire::testing {

// `graph` is ONNX text from the inputs on: "(float[2] x) => (float[2] y) { ... }"; opset 17.
inline Sketch FromText(std::string_view graph) {
  const std::string text =
      fmt::format("<ir_version: 8, opset_import: [\"\" : 17]> agraph {}", graph);
  const auto bytes = ParseModelText(text);
  EXPECT_TRUE(bytes) << bytes.error().message;
  Sketch sketch;
  sketch.model = ParseModel(*bytes).value();
  sketch.inputs = GenerateInputs(sketch.model, {}).value();
  return sketch;
}

}  // namespace moire::testing

#endif  // MOIRE_SYNTH_SKETCH_TESTING_H_
