// moire: parses flags, calls the library.
#include <signal.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <exception>
#include <filesystem>

#include "harness/cli/command.h"

int main(int argc, char** argv) {
  signal(SIGPIPE, SIG_IGN);
  CLI::App app{"Moire fuzzes and tests ML runtimes: it finds the ONNX graphs where they differ."};
  app.name("moire");
  app.require_subcommand(1);
  app.set_version_flag("--version", "moire " MOIRE_VERSION);
  app.footer("Exit codes: 0 nothing to report, 1 findings, 2 wrong usage or input, 3 internal error.");
  moire::CommandContext context;
  try {
    context.program = std::filesystem::read_symlink("/proc/self/exe").string();
    context.target = std::filesystem::path(context.program).replace_filename(MOIRE_TARGET);
    moire::AddCommands(app, context);
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return app.exit(error);  // --help, --version
    std::fprintf(stderr, "moire: %s; see moire --help\n", error.what());
    return moire::kExitUsage;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "moire: internal error: %s\n", error.what());
    return moire::kExitInternal;
  }
  // A result that could not be printed is not a result.
  if (std::fflush(stdout) != 0) {
    std::fprintf(stderr, "moire: cannot write standard output: %s\n", std::strerror(errno));
    return moire::kExitInternal;
  }
  return context.exit_code;
}
