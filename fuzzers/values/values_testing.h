// What the tests of the value search share.
#ifndef MOIRE_FUZZERS_VALUES_VALUES_TESTING_H_
#define MOIRE_FUZZERS_VALUES_VALUES_TESTING_H_

#include <string>

#include "fuzzers/generate/generate.h"
#include "fuzzers/generate/range.h"
#include "harness/case/onnx_adapter.h"

namespace moire::testing {

// A graph in ONNX text at opset 21; its inputs evenly spread over a range, both ends included.
inline GeneratedCase CaseOf(const std::string& graph, Range range) {
  GeneratedCase out;
  out.model = *ParseModel(*ParseModelText("<ir_version: 10, opset_import: [\"\" : 21]>\n" + graph));
  for (const ValueInfo& input : out.model.graph.inputs) {
    Tensor tensor = MakeTensor(input.type.type, *StaticShape(input.type));
    const int64_t last = std::max<int64_t>(tensor.size() - 1, 1);
    for (int64_t i = 0; i < tensor.size(); ++i) {
      const double at =
          range.lo + (range.hi - range.lo) * static_cast<double>(i) / static_cast<double>(last);
      if (IsFloat(tensor.type)) {
        SetFloat(tensor, i, at);
      } else {
        SetInt(tensor, i, static_cast<int64_t>(at));
      }
    }
    out.inputs.push_back({input.name, std::move(tensor)});
  }
  return out;
}

}  // namespace moire::testing

#endif  // MOIRE_FUZZERS_VALUES_VALUES_TESTING_H_
