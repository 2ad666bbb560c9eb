// Model files whose tensors lie in files of their own ("external data" of ONNX).
#ifndef MOIRE_HARNESS_CASE_ONNX_EXTERNAL_H_
#define MOIRE_HARNESS_CASE_ONNX_EXTERNAL_H_

#include <string>

#include "harness/case/error.h"

namespace moire {

struct ModelFile {
  std::string model;                // serialised ModelProto, all tensors inside
  int64_t external_data_bytes = 0;  // of the smallest initializer that lay outside; 0: none did
};

// Reads a .onnx file, every external tensor brought inside. A model without external data is
// returned byte for byte. Paths that leave the model's directory, sections outside their file and
// sizes that disagree with the tensor's shape are kInvalidInput, checked before anything is
// allocated; so is a file that is no model.
Result<ModelFile> LoadModelFile(const std::string& path);

struct SplitModel {
  std::string model;
  std::string data;  // empty: nothing had to go out, and `model` is what it was
};

// The other way: the raw data of initializers of at least `least` bytes, those in bodies too, goes
// to a file that the model names `location`. Sections begin on a page where their number is even,
// right behind the one before where it is odd; ONNX allows both. What ONNX's shape inference reads
// stays inside, for it refuses a model where that is external: integers of rank 0 and 1, and the
// numbers that Range, Resize, Upsample, OneHot and functions of the model take. Bytes that are no
// model come back as they are.
SplitModel MoveOut(std::string_view serialized, int64_t least, std::string_view location);

// Writes the model, and beside it PATH.data where `least` is positive and something goes out; a
// PATH.data that is there otherwise goes. Errors: WriteFile's.
Status WriteModelFile(const std::string& path, std::string_view serialized, int64_t least);

}  // namespace moire

#endif  // MOIRE_HARNESS_CASE_ONNX_EXTERNAL_H_
