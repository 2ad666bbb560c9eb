// Figures about the shape of a stream of cases: operators, types, neighbours, depth.
#ifndef MOIRE_FUZZERS_GENERATE_DISTRIBUTION_H_
#define MOIRE_FUZZERS_GENERATE_DISTRIBUTION_H_

#include <map>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "fuzzers/generate/generate.h"

namespace moire {

class Distribution {
 public:
  void Add(const GeneratedCase& generated);

  struct Figures {
    size_t cases = 0;
    double mean_nodes = 0;
    size_t operators = 0;
    size_t element_types = 0;   // of values between nodes and at the edges
    size_t operator_types = 0;  // distinct (operator, type of the first input or output)
    double from_nodes = 0;      // share of node inputs that come from a node's output
    double largest_share = 0;   // of one operator among the nodes
    std::string largest_operator;
    double plain_share = 0;        // Identity, Cast, Constant together
    size_t fewest_neighbours = 0;  // over the operators
    std::string loneliest_operator;
    size_t triples = 0;           // distinct (producer, consumer, element type)
    double deep_share = 0;        // cases whose longest path has at least half the nodes
    int64_t median_elements = 0;  // of a case: inputs, initializers and node outputs together
  };
  Figures Compute() const;

  const std::map<std::string, size_t>& operators() const { return operators_; }
  // For each operator the element types on its data path.
  const std::map<std::string, std::set<DataType>>& data_types() const { return data_types_; }
  std::map<std::string, size_t> Neighbours() const;
  // For each operator: inputs, and how many of them come from a node.
  const std::map<std::string, std::pair<size_t, size_t>>& inputs() const { return by_operator_; }

 private:
  size_t cases_ = 0;
  size_t nodes_ = 0;
  size_t inputs_ = 0;
  size_t inputs_from_nodes_ = 0;
  size_t deep_ = 0;
  std::vector<int64_t> elements_;
  std::map<std::string, size_t> operators_;
  std::map<std::string, std::set<DataType>> data_types_;
  std::map<std::string, std::set<std::string>> neighbours_;
  std::map<std::string, std::pair<size_t, size_t>> by_operator_;
  std::set<std::tuple<std::string, std::string, DataType>> triples_;
  std::set<DataType> types_;
};

}  // namespace moire

#endif  // MOIRE_FUZZERS_GENERATE_DISTRIBUTION_H_
