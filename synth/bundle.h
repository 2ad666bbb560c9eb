// Bundle: a finding on disk, in ONNX's backend-test layout plus what makes it stand alone. The
// format is described in docs/formats.md.
#ifndef MOIRE_SYNTH_BUNDLE_H_
#define MOIRE_SYNTH_BUNDLE_H_

#include <string>
#include <vector>

#include "harness/case/error.h"
#include "synth/finding.h"

namespace moire {

// Writes DIR/model.onnx, case.pb, test_data_set_0/{input,output}_N.pb, finding.json, graph.txt,
// expected.json and repro.py. The reference is evaluated again for the expected outputs.
// finding.json is written last: a directory that has it is whole. Errors: kEnvironment (disk full,
// no rights).
Status WriteBundle(const std::string& directory, const Finding& finding);

// Reads it back from the files, the case from model.onnx and the inputs as anyone else would.
Result<Finding> ReadBundle(const std::string& directory);

// Every bundle in the directories: a directory with finding.json is one, others are searched.
std::vector<std::string> ListBundles(const std::vector<std::string>& directories);

// A directory name for a finding: its cause with everything but letters, digits and '-' replaced.
std::string BundleName(const Finding& finding);

}  // namespace moire

#endif  // MOIRE_SYNTH_BUNDLE_H_
