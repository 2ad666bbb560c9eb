// The case generator: builds valid graphs with static shapes, and inputs for them, from the ONNX
// operator schemas. Constructive: picks an operator in view of the values at hand, so that nearly
// every model is accepted. Deterministic: a case is a function of the random source's seed, the
// settings and the learned set. Does not know any backend or oracle.
#ifndef MOIRE_FUZZERS_GENERATE_GENERATE_H_
#define MOIRE_FUZZERS_GENERATE_GENERATE_H_

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "fuzzers/generate/learned.h"
#include "harness/case/case.h"
#include "harness/case/model.h"
#include "harness/case/random.h"

namespace moire {

struct GeneratorSettings {
  int min_nodes = 1;
  int max_nodes = 30;
  // Opsets of the default domain; the newest is drawn a quarter of the time, three below a quarter.
  // What the runtime takes (Learned::newest_opset) is a limit too.
  int64_t min_opset = 13;
  int64_t max_opset = 28;
  // Operators, element types and kinds of case whose findings have not all been read by hand: not
  // in a campaign unless it asks for them. WholeStandard() sets them.
  bool whole_standard = false;
  int64_t oldest_opset = 13;   // of a few cases
  double old_share = 0;        // those of them
  double rare_type_share = 0;  // cases through which a rare element type or strings flow
  double ml_share = 0;         // cases that have operators of ai.onnx.ml too
  // Cases of operators of a contributed domain, among others; needs AddContributedSchemas.
  double contributed_share = 0;
  double function_share = 0;      // cases with a part made a function of the model
  double refused_share = 0;       // cases that pay no heed to what was learned
  double symbolic_share = 0;      // cases whose inputs declare a dim by name or not at all
  double runs_share = 0;          // cases that are run at several shapes in one session
  double malformed_share = 0.03;  // cases that break a rule on purpose (flagged `malformed`)
  double pattern_share = 0.25;    // nodes that come as part of a pattern that runtimes rewrite
  double edge_share = 0.08;       // cases whose inputs hold NaN, infinities, extremes
  bool mend = true;               // mutants whose shapes broke are put to the solver
  // Of the cases with an initializer that may go out, those that are given in files.
  double external_share = 1.0 / 64;
  int64_t max_elements = 512;  // of a typical tensor; a few go to `max_long_elements`
  int64_t max_long_elements = 4096;
  bool vary_run_options = false;            // draw threads and execution mode as part of the case
  std::vector<std::string> only_operators;  // empty: all
};

GeneratorSettings WholeStandard();

struct GeneratedCase {
  Model model;
  std::vector<NamedTensor> inputs;
  RunOptions options;
  bool malformed = false;  // breaks ONNX on purpose: a rejection is right
};

GeneratedCase Generate(Random& random, const GeneratorSettings& settings, const Learned& learned);

// Whether external data makes a difference to the graph: it has an initializer that may go out.
bool MayGoOut(const Graph& graph);

// Serialises the model.
Case ToCase(const GeneratedCase& generated);
// Parses a case's model; what the mutator starts from.
Result<GeneratedCase> FromCase(const Case& test_case);

// The operators that the generator can place, sorted by name.
std::vector<std::string_view> GeneratorOperators();

// Fills `learned` before a campaign starts: builds a small case of one data operator for every
// operator, schema version and choice of element types, and asks `implemented` about each; before
// that, which opset is the newest. Returns the number of cases asked, about 5 000.
size_t ProbeImplemented(const GeneratorSettings& settings,
                        const std::function<bool(const GeneratedCase&)>& implemented,
                        Learned& learned);

}  // namespace moire

#endif  // MOIRE_FUZZERS_GENERATE_GENERATE_H_
