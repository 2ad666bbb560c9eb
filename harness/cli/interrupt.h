// Ctrl-C (SIGINT) and SIGTERM as a wish to end soon. The flag lies in memory that children share,
// so that a search in a child sees it, whoever got the signal. A second signal ends the process at
// once.
#ifndef MOIRE_HARNESS_CLI_INTERRUPT_H_
#define MOIRE_HARNESS_CLI_INTERRUPT_H_

#include "harness/case/error.h"

namespace moire {

// From here on the signals only set the flag. kEnvironment where there is no memory for it.
Status CatchInterrupts();
bool Interrupted();

}  // namespace moire

#endif  // MOIRE_HARNESS_CLI_INTERRUPT_H_
