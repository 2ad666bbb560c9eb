// The fault-injecting runtime: an interpreter in native types that keeps to ONNX, and one fault of the
// table, planted into every node of one operator. Without a fault it is the clean twin: every
// judgement against it must be silent.
//
// Settings: fault=NAME (faults.h), op=OPERATOR and type=TYPE (in place of the fault's own), seed=N (of the
// freedoms that a runtime has), unless=PATH (the fault is off while that file exists), to=TYPE (of Cast: only
// to that type), fault2, op2, type2, to2 (a second fault; unless is the first's alone),
// name=TEXT (the configuration's name; default: the SPEC). With on=RELEASE: see layer.h.
// A simulated precision: sums=TYPE (every sum and product is rounded to that type), factors=BITS (the
// significand bits that factors and terms of sums are reduced to) with cut=1 (towards zero), wide=1 (products
// are rounded with the sum only), order=forward|reverse|lanes|pairwise|fma, lanes=N.
#ifndef MOIRE_TESTS_FAULTY_FAULTY_BACKEND_H_
#define MOIRE_TESTS_FAULTY_FAULTY_BACKEND_H_

#include <optional>
#include <string>

#include "harness/backends/backend.h"
#include "harness/execute/child.h"
#include "tests/faulty/arithmetic.h"
#include "tests/faulty/faults.h"

namespace moire::faulty {

struct FaultySettings {
  std::optional<FaultEntry> fault;
  std::optional<FaultEntry> second;
  uint64_t seed = 0;
  std::string unless;
  std::string name = "faulty";
  std::optional<Arithmetic> arithmetic;  // of every sum; default: drawn for each case
  bool checked = false;  // cases that break ONNX are refused, as its checker and the reference see it; a SPEC's
  bool dry = false;  // deaths, hangs and leaks are only noted: Triggered()
};

class FaultyConfiguration : public Configuration {
 public:
  explicit FaultyConfiguration(FaultySettings settings) : settings_(std::move(settings)) {
    state_.dry = settings_.dry;
  }
  const std::string& name() const override { return settings_.name; }
  Observation Run(const Case& test_case) override;
  // Whether a node with the fault was reached since the last call.
  bool Triggered() { return std::exchange(state_.triggered, false); }

 private:
  Observation RunOnce(const Case& test_case);

  FaultySettings settings_;
  FaultState state_;
};

OpenAll OpenFaulty(FaultySettings settings);

// Operators that the runtime has, as GeneratorSettings::only_operators takes them.
std::vector<std::string> SupportedOperators();

// The settings of a SPEC "faulty:...".
Result<FaultySettings> ParseFaulty(std::string_view settings);
// Makes SPECs "faulty:..." known to OpenConfigurations.
void RegisterFaultyBackend();

}  // namespace moire::faulty

#endif  // MOIRE_TESTS_FAULTY_FAULTY_BACKEND_H_
