#include "harness/cli/command.h"

#include <cstdio>

#include "harness/case/case.h"

namespace moire {

int ExitCodeOf(const Error& error) {
  switch (error.code) {
    case ErrorCode::kInternal:
    case ErrorCode::kEnvironment: return kExitInternal;
    default: return kExitUsage;
  }
}

void Complain(CommandContext& context, const Error& error) {
  fmt::print(stderr, "moire: {}\n", error.message);
  context.exit_code = ExitCodeOf(error);
}

void WriteJson(CommandContext& context, const std::string& path, const std::string& json) {
  if (path.empty()) return;
  if (path == "-") {
    fmt::print("{}\n", json);
    return;
  }
  if (const Status status = WriteFile(path, json); !status) Complain(context, status.error());
}

void AddCommands(CLI::App& app, CommandContext& context) {
  AddFuzz(app, context);
  AddRun(app, context);
  AddReplay(app, context);
  AddReduce(app, context);
  AddFindings(app, context);
  AddCorpus(app, context);
  AddBackends(app, context);
  AddCover(app, context);
  AddBench(app, context);
  AddConformance(app, context);
  AddInternal(app, context);
}

}  // namespace moire
