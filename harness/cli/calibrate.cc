// moire calibrate
#include "harness/execute/calibrate.h"

#include <cmath>
#include <memory>
#include <nlohmann/json.hpp>

#include "harness/cli/command.h"

namespace moire {
namespace {

struct Flags {
  std::string backend = "ort:level=none";
  std::string json;
  CalibrateOptions options;
};

// Infinities and NaN as text, which JSON has no numbers for.
nlohmann::json Number(double x) {
  if (std::isfinite(x)) return x;
  return fmt::format("{}", x);
}

nlohmann::json ToJson(const Calibration& row) {
  nlohmann::json out = {{"function", row.function}, {"type", std::string(Name(row.type))},
                        {"elements", row.elements}, {"decided", row.decided},
                        {"outside", row.outside},   {"largest_ulps", Number(row.largest_ulps)},
                        {"at", Number(row.at)}};
  if (!row.problem.empty()) out["problem"] = row.problem;
  if (row.outside > 0) {
    out["first_outside"] = {{"x", Number(row.x)},
                            {"second", Number(row.second)},
                            {"actual", Number(row.actual)},
                            {"low", Number(row.low)},
                            {"high", Number(row.high)}};
  }
  return out;
}

Status Run(const Flags& flags, CommandContext& context) {
  MOIRE_ASSIGN(const std::vector<Calibration> rows,
               Calibrate(OpenSpecs({flags.backend}), flags.options));
  auto all = nlohmann::json::array();
  int64_t leaving = 0, compared = 0;
  for (const Calibration& row : rows) {
    all.push_back(ToJson(row));
    compared += row.decided > 0;
    if (!row.problem.empty()) {
      Say(flags.json, fmt::format("{:<12} {:<9} not compared: {}\n", row.function, Name(row.type),
                                  row.problem));
      continue;
    }
    Say(flags.json, fmt::format("{:<12} {:<9} {:>7} of {:>7} compared, {:>6} outside, at most "
                                "{:.3g} ulp at {:.9g}\n",
                                row.function, Name(row.type), row.decided, row.elements,
                                row.outside, row.largest_ulps, row.at));
    if (row.outside == 0) continue;
    ++leaving;
    Say(flags.json,
        fmt::format("  leaves the table: f({:.9g}{}) is {:.9g}, allowed [{:.9g}, {:.9g}]\n", row.x,
                    row.second == 0 ? "" : fmt::format(", {:.9g}", row.second), row.actual, row.low,
                    row.high));
  }
  Say(flags.json, fmt::format("{} functions and types, {} compared, {} leave the table\n",
                              rows.size(), compared, leaving));
  const nlohmann::json json = {{"backend", flags.backend},
                               {"sweeps", rows.size()},
                               {"compared", compared},
                               {"leaving", leaving},
                               {"rows", all}};
  WriteJson(context, flags.json, json.dump(1));
  if (leaving > 0) context.exit_code = kExitFindings;
  return {};
}

}  // namespace

void AddCalibrate(CLI::App& app, CommandContext& context) {
  CLI::App* command = app.add_subcommand(
      "calibrate", "Report where a backend leaves the accuracy table; never writes it");
  auto flags = std::make_shared<Flags>();
  command->add_option("--backend", flags->backend, "SPEC; its first configuration runs")
      ->capture_default_str();
  command->add_option("--filter", flags->options.filter, "Only functions whose name contains this");
  command
      ->add_option("--points", flags->options.points,
                   "Arguments of float and double; float16 and bfloat16 are swept whole")
      ->capture_default_str()
      ->check(CLI::Range(int64_t{256}, int64_t{1} << 22));
  AddJson(*command, flags->json);
  command->callback([flags, &context] {
    if (const Status status = Run(*flags, context); !status) Complain(context, status.error());
  });
}

}  // namespace moire
