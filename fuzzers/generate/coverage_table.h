// What a stream of cases covers of the standard: for each operator its versions and element types
// that were generated in graphs of several nodes, found valid, and executed; and the table of
// docs/coverage.md.
#ifndef MOIRE_FUZZERS_GENERATE_COVERAGE_TABLE_H_
#define MOIRE_FUZZERS_GENERATE_COVERAGE_TABLE_H_

#include <map>
#include <set>
#include <string>
#include <vector>

#include "fuzzers/generate/generate.h"
#include "fuzzers/generate/schema.h"

namespace moire {

class CoverageTable {
 public:
  // `checked`: the ONNX checker was asked and found the case valid; `executed`: a backend ran it.
  void Add(const GeneratedCase& generated, bool checked, bool executed);

  struct Figures {
    size_t operators = 0;     // of the default domain, in valid graphs of several nodes
    size_t ml_operators = 0;  // of ai.onnx.ml
    size_t executed = 0;      // of both, executed
    size_t versions = 0;      // schema versions of both
    size_t element_types = 0;
    std::vector<std::string> executed_names;  // "Abs", "ai.onnx.ml:Scaler"
  };
  Figures Compute() const;
  // Every operator of both domains, those that never occurred too.
  std::string Markdown(std::string_view command) const;

 private:
  struct Row {
    size_t generated = 0;
    size_t valid = 0;
    size_t executed = 0;
    std::set<int64_t> versions;
    TypeSet types = 0;
  };
  void AddNodes(const Model& model, const Graph& graph, bool checked, bool executed);

  std::map<std::pair<std::string, std::string>, Row> rows_;  // by domain and operator
  TypeSet types_ = 0;
  size_t cases_ = 0;
  size_t with_functions_ = 0;
  size_t with_symbols_ = 0;
};

}  // namespace moire

#endif  // MOIRE_FUZZERS_GENERATE_COVERAGE_TABLE_H_
