// What reduction passes share: values of a case as the reference computes them, names and their
// uses, cutting, repair and the measure of size.
#ifndef MOIRE_SYNTH_EDIT_H_
#define MOIRE_SYNTH_EDIT_H_

#include <compare>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>

#include "synth/reduce.h"

namespace moire {

// A value inside the main graph as the reference computed it.
struct KnownValue {
  DataType type = DataType::kUndefined;
  bool known = false;  // `tensor` holds it
  Tensor tensor;
  std::vector<Tensor> later = {};  // in each further run of the case; empty where one is not known
};
using KnownValues = std::unordered_map<std::string, KnownValue>;
// Every graph input, initializer and node result that the reference gets to. Values of more than
// 2^16 elements are not kept.
KnownValues ComputeValues(const Sketch& sketch);
// The same of inputs and initializers alone: nothing is evaluated.
KnownValues SourceValues(const Sketch& sketch);

// Whether both values are known, of one type and shape.
bool SameKind(const KnownValues& values, const std::string& a, const std::string& b);

// Names that the node reads, those that its subgraphs take from outside included.
std::set<std::string> Reads(const Node& node);

// Makes `name` a graph input with this value; an initializer instead when `constant`.
void AddSource(Sketch& sketch, const std::string& name, const Tensor& tensor, bool constant);
// Removes the nodes for which `doomed` is true. What the others still read of them becomes a graph
// input (an initializer where the removed node read only constants, or always when `constants`).
// Graph outputs that they made are dropped; where none is left, what they read of the others
// becomes the outputs. False where a value that is needed is not known, or no output is left.
bool RemoveNodes(Sketch& sketch, const std::vector<bool>& doomed, const KnownValues& values,
                 bool constants = false, bool expose_ends = true);
// Reads of `from` become reads of `to`, in nodes, their subgraphs and graph outputs.
void Redirect(Sketch& sketch, const std::string& from, const std::string& to);

// Makes an edited sketch whole: Tidy(), then RetypeOutputs().
bool Repair(Sketch& sketch);
// Drops dead nodes, unused sources and value_info, takes the declared types of inputs from their
// tensors. False where a name dangles or nothing is left.
bool Tidy(Sketch& sketch);
// Takes the declared types of outputs from the reference: evaluates.
void RetypeOutputs(Sketch& sketch);

// Lexicographic; every kept edit makes it smaller, so reduction ends.
struct Size {
  int64_t nodes = 0;
  int64_t outputs = 0;    // of the graph, and of the nodes
  int64_t elements = 0;   // of inputs, initializers and tensor attributes
  int64_t extents = 0;    // sum of their dims: [0, 1] is less than [0, 4]
  int64_t ranks = 0;      // of inputs and initializers
  int64_t sources = 0;    // inputs and initializers
  int64_t operators = 0;  // OperatorCost of the nodes
  int64_t reads = 0;      // inputs of nodes
  int64_t attributes = 0;
  int64_t constants = 0;  // initializers: inputs are simpler
  int64_t types = 0;      // TypeCost of the element types
  int64_t values = 0;     // how far the values are from 0, 1 and small integers
  int64_t settings = 0;   // how far attribute values are from plain
  int64_t opset = 0;      // how far from the newest
  int64_t names = 0;      // characters
  auto operator<=>(const Size&) const = default;
};
Size Measure(const Sketch& sketch);
// 0 for Neg, Not and Cast, 1 for Mul: what pass "operators" puts in place of others, which cost 2.
int OperatorCost(const Node& node);
// Elements of inputs, initializers and tensor attributes.
int64_t CountElements(const Sketch& sketch);
// 0 for 0, 1 for 1, more for less simple values.
int ValueCost(const Tensor& tensor, int64_t element);
// 0 for float, int64, bool and string; one order over the others, so that a failure that shows in
// several types ends in the same one.
int TypeCost(DataType type);

// The tensors that a case carries: inputs but for maps, then initializers.
std::vector<Tensor*> Tensors(Sketch& sketch);

}  // namespace moire

#endif  // MOIRE_SYNTH_EDIT_H_
