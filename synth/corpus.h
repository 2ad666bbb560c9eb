// `moire corpus import|export`: ONNX files and backend-test directories to cases, and back.
#ifndef MOIRE_SYNTH_CORPUS_H_
#define MOIRE_SYNTH_CORPUS_H_

#include <string>
#include <vector>

#include "harness/case/error.h"
#include "synth/load.h"

namespace moire {

struct CorpusReport {
  int64_t written = 0;
  std::vector<std::string> refused;  // "path: why", one line each
};

// Each case at the paths becomes TO/<case key>.case. A model that cannot be read is refused and
// counted; an unreadable path or target is an error.
Result<CorpusReport> ImportCorpus(const std::vector<std::string>& paths, const std::string& to,
                                  const LoadOptions& options = {});
// Each .case file becomes TO/<name>/model.onnx with test_data_set_0/input_N.pb.
Result<CorpusReport> ExportCorpus(const std::vector<std::string>& paths, const std::string& to);

// model.onnx and test_data_set_0/input_N.pb of one case.
Status WriteBackendTest(const std::string& directory, const Case& test_case);

}  // namespace moire

#endif  // MOIRE_SYNTH_CORPUS_H_
