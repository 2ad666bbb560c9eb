// Linked into a binary, this makes it know the fault-injecting runtime: the released binaries do
// not.
#include "tests/faulty/faulty_backend.h"

namespace moire::faulty {
namespace {

[[maybe_unused]] const bool registered = [] {
  RegisterFaultyBackend();
  return true;
}();

}  // namespace
}  // namespace moire::faulty
