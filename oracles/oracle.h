// The contract of an oracle. It judges the observations of one case and nothing else: it never calls
// a runtime (where the evidence offers to run something again, the caller does), reads no clock and no file, and the same evidence gives the same verdicts. It appends at
// most one verdict per configuration (or pair). Add one: a file beside this one, a line in registry.cc.
#ifndef MOIRE_ORACLES_ORACLE_H_
#define MOIRE_ORACLES_ORACLE_H_

#include <functional>
#include <span>
#include <string_view>
#include <vector>

#include "harness/backends/backend.h"
#include "harness/case/case.h"
#include "harness/case/model.h"
#include "oracles/reference/reference.h"
#include "oracles/verdict.h"

namespace moire {

// Observation::stage of a configuration that timed out because it used no CPU time for 10 s.
inline constexpr std::string_view kIdleStage = "idle";

struct Evidence {
  const Case& test_case;
  const Model* model = nullptr;                  // null: the model did not parse
  const ReferenceResult* reference = nullptr;    // null: not evaluated
  std::span<const Observation> observations;     // one for each configuration
  // The ONNX checker with full shape inference, run on demand (it is slow and may hang: the caller
  // announces the stage). Null: not available.
  std::function<Status()> checker;
  // Runs the configuration of an observation, by its index, on another case, on demand. Null: what
  // was observed cannot be run again.
  std::function<Observation(size_t configuration, const Case&)> again = nullptr;
  double reference_cpu_seconds = 0;  // CPU time the reference took; 0 when nobody measured
  // Some value inside the graph is one that ONNX leaves open: refusing at run time is legal then.
  bool unspecified_inside = false;
};

class Oracle {
 public:
  virtual ~Oracle() = default;
  virtual std::string_view name() const = 0;
  virtual void Judge(const Evidence& evidence, std::vector<Verdict>& verdicts) const = 0;
};

const std::vector<const Oracle*>& OracleRegistry();
// Every registered oracle in order.
std::vector<Verdict> JudgeAll(const Evidence& evidence);

// What share of the outputs could be judged.
struct Judged {
  int64_t elements = 0;
  int64_t decidable = 0;
  int64_t unspecified = 0;
};
// By element type of the outputs (index: DataType); opaque outputs count as not decidable.
// `median_bounds` collects, for each decidable float element, half its range / largest magnitude of
// the output. Decidable: no mark, and a range that is finite or a certain infinity or NaN.
void CountJudged(const ReferenceResult& reference, std::span<Judged> by_type,
                 std::vector<std::vector<float>>* bounds_by_type);

}  // namespace moire

#endif  // MOIRE_ORACLES_ORACLE_H_
