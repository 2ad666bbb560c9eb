// moire bits
#include <map>
#include <memory>
#include <nlohmann/json.hpp>

#include "harness/cli/command.h"
#include "harness/execute/effective_bits.h"

namespace moire {
namespace {

struct Flags {
  std::string backend = "ort:level=none";
  std::string json;
  BitsOptions options;
};

nlohmann::json ToJson(const OperatorBits& bits) {
  nlohmann::json out = {{"operator", bits.name},
                        {"class", std::string(Name(bits.precision))},
                        {"confidence", bits.confidence}};
  if (!bits.problem.empty()) out["problem"] = bits.problem;
  auto& lengths = out["lengths"] = nlohmann::json::array();
  for (const BitsAtLength& f : bits.lengths) {
    nlohmann::json one = {{"terms", f.terms},
                          {"bits", f.bits},
                          {"bits_of_11", f.bits_of_11},
                          {"bits_of_8", f.bits_of_8},
                          {"input_bits", f.input_bits},
                          {"sum_bits", f.sum_bits},
                          {"class", std::string(Name(f.precision))},
                          {"confidence", f.confidence}};
    if (!f.why.empty()) one["why"] = f.why;
    lengths.push_back(std::move(one));
  }
  return out;
}

void Print(const Flags& flags, const OperatorBits& bits) {
  if (!bits.problem.empty()) {
    Say(flags.json, fmt::format("{:<18} not measured: {}\n", bits.name, bits.problem));
    return;
  }
  for (const BitsAtLength& f : bits.lengths) {
    Say(flags.json,
        fmt::format("{:<18} {:>6} {:>7.1f} {:>7.1f} {:>7.1f} {:>7.1f} {:>7.1f}  {} "
                    "({:.0f} %){}\n",
                    bits.name, f.terms, f.bits, f.bits_of_11, f.bits_of_8, f.input_bits, f.sum_bits,
                    Name(f.precision), 100 * f.confidence, f.why.empty() ? "" : ": " + f.why));
  }
}

Status Run(const Flags& flags, CommandContext& context) {
  MOIRE_ASSIGN(const std::vector<OperatorBits> all,
               EstimateBits(OpenSpecs({flags.backend}), flags.options));
  Say(flags.json, fmt::format("{:<18} {:>6} {:>7} {:>7} {:>7} {:>7} {:>7}  class (confidence)\n",
                              "operator", "terms", "bits", "of 11", "of 8", "input", "sum"));
  auto operators = nlohmann::json::array();
  std::map<std::string, int> classes;
  for (const OperatorBits& bits : all) {
    Print(flags, bits);
    operators.push_back(ToJson(bits));
    if (bits.problem.empty()) ++classes[std::string(Name(bits.precision))];
  }
  for (const auto& [name, count] : classes) {
    Say(flags.json, fmt::format("{}: {} of {} operators\n", name, count, all.size()));
  }
  const nlohmann::json json = {
      {"backend", flags.backend}, {"classes", classes}, {"operators", std::move(operators)}};
  WriteJson(context, flags.json, json.dump(1));
  return {};
}

}  // namespace

void AddBits(CLI::App& app, CommandContext& context) {
  CLI::App* command = app.add_subcommand(
      "bits", "Estimate the bits of precision that a backend delivers, operator by operator");
  auto flags = std::make_shared<Flags>();
  command->add_option("--backend", flags->backend, "SPEC; its first configuration runs")
      ->capture_default_str();
  command->add_option("--filter", flags->options.filter, "Only operators whose name contains this");
  command
      ->add_option("--lengths", flags->options.lengths,
                   "Numbers of terms, 16 to 65536, separated by commas")
      ->delimiter(',')
      ->capture_default_str();
  command->add_option("--seed", flags->options.seed, "Of the data")->capture_default_str();
  AddJson(*command, flags->json);
  command->callback([flags, &context] {
    if (const Status status = Run(*flags, context); !status) Complain(context, status.error());
  });
}

}  // namespace moire
