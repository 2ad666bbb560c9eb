// Pass "names": short names by position, no names of nodes, no metadata.
#include <map>

#include "synth/edit.h"
#include "synth/passes/passes.h"

namespace moire {
namespace {

// Subgraphs keep their inner names: only what the main graph makes is renamed, through Redirect,
// which follows reads into subgraphs. A new name that is in use anywhere is not taken.
void Rename(const Sketch& current, const Attempt& attempt) {
  Sketch edited = current;
  Graph& graph = edited.model.graph;
  graph.name = "g";
  for (Node& node : graph.nodes) node.name.clear();

  std::map<std::string, std::string> names;  // old -> new
  const auto add = [&](const std::string& old, char prefix, size_t number) {
    if (!old.empty()) names.try_emplace(old, fmt::format("{}{}", prefix, number));
  };
  for (size_t i = 0; i < graph.inputs.size(); ++i) add(graph.inputs[i].name, 'x', i);
  for (size_t i = 0; i < graph.initializers.size(); ++i) add(graph.initializers[i].name, 'c', i);
  size_t values = 0;
  for (const Node& node : graph.nodes) {
    for (const std::string& output : node.outputs) {
      if (!output.empty()) add(output, 'v', values++);
    }
  }
  // In two steps, so that exchanged names do not meet.
  for (const bool last : {false, true}) {
    for (const auto& [old, fresh] : names) {
      const std::string from = last ? "\x01" + old : old;
      const std::string to = last ? fresh : "\x01" + old;
      for (ValueInfo& input : graph.inputs) {
        if (input.name == from) input.name = to;
      }
      for (NamedTensor& initializer : graph.initializers) {
        if (initializer.name == from) initializer.name = to;
      }
      for (NamedTensor& input : edited.inputs) {
        if (input.name == from) input.name = to;
      }
      for (Node& node : graph.nodes) {
        for (std::string& output : node.outputs) {
          if (output == from) output = to;
        }
      }
      Redirect(edited, from, to);
    }
  }
  attempt(std::move(edited));
}

void DropExtras(const Sketch& current, const Attempt& attempt) {
  Sketch edited = current;
  edited.model.extra.clear();
  edited.model.graph.extra.clear();
  for (Node& node : edited.model.graph.nodes) node.extra.clear();
  attempt(std::move(edited));
}

void Tidy(const Sketch& current, const Attempt& attempt) {
  DropExtras(current, attempt);
  Rename(current, attempt);
}

}  // namespace

const ReductionPass& NamesPass() {
  static const FunctionPass pass("names", "short names, no metadata", Tidy);
  return pass;
}

}  // namespace moire
