// The yardstick of speed: the barest loop over ONNX Runtime's C API (create a session from bytes,
// run it with prepared inputs, release everything), with the session options that the ort backend
// uses. Nothing that Moire adds is in it: no names are asked for, no output is read.
#ifndef MOIRE_HARNESS_BACKENDS_BENCH_BARE_H_
#define MOIRE_HARNESS_BACKENDS_BENCH_BARE_H_

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "harness/case/case.h"
#include "harness/case/error.h"

namespace moire {

class BareLoop {
 public:
  struct Pass {
    double seconds = 0;   // wall clock
    uint64_t runs = 0;    // cases x levels
    uint64_t failed = 0;  // of them, those that ended with an error
  };

  // `target` as in OpenOrt; settings as in a SPEC: "level=none+all". Creates each session once to
  // learn its output names, binds the inputs. The cases must outlive the loop.
  static Result<BareLoop> Prepare(std::string_view target, std::string_view settings,
                                  std::span<const Case> cases);
  BareLoop(BareLoop&&) noexcept;
  BareLoop& operator=(BareLoop&&) noexcept;
  ~BareLoop();

  // One pass: for each case, for each level in order.
  Pass Run();
  // One case only, for interleaving with what is compared; the same levels.
  Pass Run(size_t case_index);

 private:
  struct State;
  explicit BareLoop(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace moire

#endif  // MOIRE_HARNESS_BACKENDS_BENCH_BARE_H_
