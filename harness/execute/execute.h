// Runs one case through its stages and judges it: parse, check, infer, reference, each
// configuration, judge. The one pipeline that the fuzz targets, `run`, `replay`, reduction and the
// confirmation of findings share. Depends on case, reference, backends and oracles.
#ifndef MOIRE_HARNESS_EXECUTE_EXECUTE_H_
#define MOIRE_HARNESS_EXECUTE_EXECUTE_H_

#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "harness/backends/backend.h"
#include "harness/case/case.h"
#include "harness/case/model.h"
#include "oracles/oracle.h"
#include "oracles/reference/reference.h"
#include "oracles/verdict.h"

namespace moire {

enum class Stage : int32_t {
  kIdle,
  kGenerate,   // our own code: generator, mutator
  kParse,      // our own code and the ONNX library
  kCheck,      // the ONNX library
  kInfer,      // the ONNX library
  kReference,  // our own code
  kConfiguration,  // the runtime: the only stage whose death is the runtime's
  kJudge,      // our own code
};
std::string_view Name(Stage stage);

// Told before each stage begins, so that whoever watches knows what a death or a hang belongs to.
class StageObserver {
 public:
  virtual ~StageObserver() = default;
  // `configuration` is the index for kConfiguration, -1 otherwise.
  virtual void Enter(Stage stage, int configuration) = 0;
  // After the reference: its work, against which hang and memory are judged.
  virtual void ReferenceDone(const ReferenceResult& result, double cpu_seconds) = 0;
};

// A run of the reference on a case, with what judging needs of it.
struct Evaluated {
  ReferenceResult result;
  bool unspecified_inside = false;  // some value is one that ONNX leaves open
  double cpu_seconds = 0;
};

struct ExecuteOptions {
  Budget budget;
  bool run_reference = true;
  // Whether an oracle may have a configuration run another case; not where runs are only told again.
  bool run_again = true;
  // When the caller ran the reference on this very case already (EvaluateCase): taken from here, and
  // on_node is not called.
  Evaluated* evaluated = nullptr;
  StageObserver* observer = nullptr;  // may be null
  std::function<void(const Node&, std::span<const RangeTensor>)> on_node;
  // Configurations whose run is skipped (an avoid rule): by index, with the observation to use.
  std::function<std::optional<Observation>(int configuration, const Model&)> instead;
};

struct Execution {
  std::optional<Model> model;  // empty: did not parse; parse_error says why
  std::string parse_error;
  std::optional<ReferenceResult> reference;
  std::vector<Observation> observations;
  std::vector<Verdict> verdicts;
};

// The stage of the reference alone: announced, measured, with on_node called.
Evaluated EvaluateCase(const Model& model, std::span<const NamedTensor> inputs,
                       const ExecuteOptions& options);

Execution Execute(const Case& test_case,
                  std::span<const std::unique_ptr<Configuration>> configurations,
                  const ExecuteOptions& options = {});
// When the caller has the parsed model already (the mutator made it).
Execution Execute(const Case& test_case, Model model,
                  std::span<const std::unique_ptr<Configuration>> configurations,
                  const ExecuteOptions& options = {});

}  // namespace moire

#endif  // MOIRE_HARNESS_EXECUTE_EXECUTE_H_
