// The libFuzzer target for ONNX Runtime: an ordinary libFuzzer binary. Under `moire fuzz` it takes its
// settings from the file that MOIRE_WORKER names; alone it fuzzes the newest installed release at
// every level and stops at the first difference, as libFuzzer users expect.
#include <cstdio>
#include <cstdlib>
#include <memory>

#include "harness/campaign/worker.h"

namespace {

moire::Worker& TheWorker() {
  static const std::unique_ptr<moire::Worker> worker = [] {
    moire::WorkerConfig config;
    config.specs = {"ort:level=none", "ort:level=all", "ort:level=basic", "ort:level=extended"};
    config.abort_on_bug = true;
    if (const char* path = std::getenv(moire::kWorkerVariable)) {
      const auto text = moire::ReadFile(path);
      auto read = text ? moire::WorkerConfigFromJson(*text)
                       : moire::Result<moire::WorkerConfig>(std::unexpected(text.error()));
      if (!read) {
        std::fprintf(stderr, "moire: %s\n", read.error().message.c_str());
        std::_Exit(3);
      }
      config = *read;
    }
    auto created = moire::Worker::Create(std::move(config));
    if (!created) {
      std::fprintf(stderr, "moire: %s\n", created.error().message.c_str());
      std::_Exit(created.error().code == moire::ErrorCode::kNotFound ? 2 : 3);
    }
    return std::move(*created);
  }();
  return *worker;
}

}  // namespace

extern "C" int LLVMFuzzerInitialize(int*, char***) {
  TheWorker();
  return 0;
}

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size,
                                          unsigned seed) {
  const std::string parent(reinterpret_cast<const char*>(data), size);
  return TheWorker().Mutate(parent, {data, max_size}, seed);
}

extern "C" size_t LLVMFuzzerCustomCrossOver(const uint8_t* first, size_t first_size,
                                            const uint8_t* second, size_t second_size,
                                            uint8_t* out, size_t max_size, unsigned seed) {
  return TheWorker().Crossover({reinterpret_cast<const char*>(first), first_size},
                               {reinterpret_cast<const char*>(second), second_size},
                               {out, max_size}, seed);
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  TheWorker().Test({reinterpret_cast<const char*>(data), size});
  return 0;
}
