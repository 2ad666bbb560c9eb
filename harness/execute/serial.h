// Many small jobs on a backend in children, one after the other: a job that kills its child is told
// apart, and the next child goes on behind it.
#ifndef MOIRE_HARNESS_EXECUTE_SERIAL_H_
#define MOIRE_HARNESS_EXECUTE_SERIAL_H_

#include <functional>
#include <string>

#include "harness/execute/child.h"

namespace moire {

// In the child: what job `i` has to say, as one line. The observer is to be told before the
// configurations run.
using Job =
    std::function<std::string(size_t i, Configurations& configurations, StageObserver& observer)>;
// In the parent, in order: the job's line, or an error that says how its child ended.
using TakeLine = std::function<void(size_t i, const Result<std::string>& line)>;

// Errors: those of `open`.
Status RunSerially(size_t count, const OpenAll& open, const ChildLimits& limits, const Job& job,
                   const TakeLine& take);

// Without line breaks.
std::string OneLine(std::string text);

}  // namespace moire

#endif  // MOIRE_HARNESS_EXECUTE_SERIAL_H_
