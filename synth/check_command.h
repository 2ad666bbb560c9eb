// `moire reduce --check 'COMMAND'`: any program as interestingness test. The command is run by
// /bin/sh on a directory in ONNX's backend-test layout (model.onnx, test_data_set_0/input_N.pb):
// its path takes the place of {}, or is added at the end, and is in MOIRE_BUNDLE too. A case fails
// where the command exits with the status that it gave for the original, which must not be 0; or,
// with a pattern, where its output matches.
#ifndef MOIRE_SYNTH_CHECK_COMMAND_H_
#define MOIRE_SYNTH_CHECK_COMMAND_H_

#include <functional>
#include <optional>
#include <string>

#include "synth/reduce.h"
#include "synth/repeats.h"

namespace moire {

struct CommandCheckOptions {
  std::string command;
  std::string regex;        // POSIX extended, of standard output and error; empty: the exit status
  std::optional<int> code;  // the status that means "fails"; default: the original's
  double seconds = 60;      // the original's own run may take; candidates: see kPatience
};

// How one run of the command ended. `output` is both streams, at most 1 MiB of them.
struct CommandRun {
  bool timed_out = false;
  int status = 0;  // as a shell gives it: 128 + N for signal N
  double seconds = 0;
  std::string output;
};
// kEnvironment where no process can be made. Kills the command's whole process group at the end,
// and early where `stopped` says so.
Result<CommandRun> RunCommand(const std::string& command, const std::string& directory,
                              double seconds, const std::function<bool()>& stopped = nullptr);

struct CommandReduction {
  ReduceResult result;
  FailureRate original;
  Repeats repeats;
  int status = 0;      // what "fails" means
  int timed_out = 0;   // candidates that were given up
  double seconds = 0;  // of all
  std::string bundle;  // directory with the result
};

// Confirms that the original fails and that a model of one Identity does not, reduces, writes
// the result to `bundle` and runs the command on it once more from there. Errors, each of one line:
// kNotFound: the shell cannot run the command; kInvalidInput: it does not end in time, does not
// fail on the original, fails on everything, or the pattern is none; kEnvironment.
Result<CommandReduction> ReduceByCommand(const Case& original, const std::string& bundle,
                                         const CommandCheckOptions& check,
                                         const ReduceOptions& reduce);

}  // namespace moire

#endif  // MOIRE_SYNTH_CHECK_COMMAND_H_
