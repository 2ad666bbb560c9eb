// The contract of a subcommand: one small file that declares its flags on the app and calls the
// library. Add one: a file beside this one, a line in command.cc.
#ifndef MOIRE_HARNESS_CLI_COMMAND_H_
#define MOIRE_HARNESS_CLI_COMMAND_H_

#include <CLI/CLI.hpp>
#include <string>

#include "harness/case/error.h"

namespace moire {

// Exit codes, the same for every subcommand.
inline constexpr int kExitNothing = 0;   // done, nothing to report
inline constexpr int kExitFindings = 1;  // findings
inline constexpr int kExitUsage = 2;     // wrong usage or input
inline constexpr int kExitInternal = 3;  // internal error, or the environment (disk, memory)

// What main hands to a subcommand and gets back.
struct CommandContext {
  std::string program;  // path of this binary, to run again
  std::string target;   // the fuzz target of `moire fuzz`: it lies beside this binary
  int exit_code = kExitNothing;
};

int ExitCodeOf(const Error& error);
// Prints "moire: MESSAGE" and sets the exit code.
void Complain(CommandContext& context, const Error& error);
// Declares --json [FILE]: without a file, or with -, `path` becomes "-", standard output.
void AddJson(CLI::App& command, std::string& path);
// Prints text for a person; nothing where standard output carries the JSON.
void Say(const std::string& json_path, const std::string& text);
// Writes a JSON file that --json asked for; nothing when the path is empty.
void WriteJson(CommandContext& context, const std::string& path, const std::string& json);

// Every subcommand declares itself on the app.
void AddCommands(CLI::App& app, CommandContext& context);

void AddFuzz(CLI::App& app, CommandContext& context);
void AddRun(CLI::App& app, CommandContext& context);
void AddReplay(CLI::App& app, CommandContext& context);
void AddReduce(CLI::App& app, CommandContext& context);
void AddExplain(CLI::App& app, CommandContext& context);
void AddFindings(CLI::App& app, CommandContext& context);
void AddCorpus(CLI::App& app, CommandContext& context);
void AddBackends(CLI::App& app, CommandContext& context);
void AddCover(CLI::App& app, CommandContext& context);
void AddBench(CLI::App& app, CommandContext& context);
void AddConformance(CLI::App& app, CommandContext& context);
void AddCalibrate(CLI::App& app, CommandContext& context);
void AddBits(CLI::App& app, CommandContext& context);
void AddInternal(CLI::App& app, CommandContext& context);

}  // namespace moire

#endif  // MOIRE_HARNESS_CLI_COMMAND_H_
