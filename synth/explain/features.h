// What can be said of a case near the failing one: the words of a predicate. All probes of one
// explanation have the same nodes, so a feature's name means the same in each of them.
#ifndef MOIRE_SYNTH_EXPLAIN_FEATURES_H_
#define MOIRE_SYNTH_EXPLAIN_FEATURES_H_

#include <map>
#include <string>

#include "synth/edit.h"

namespace moire {

// One case to be run. `level` names the optimisation level; empty where the configuration has none.
struct Probe {
  Sketch sketch;
  std::string level;
};

// A number or a word; flags are numbers 0 and 1.
struct Feature {
  bool is_word = false;
  double number = 0;
  std::string word;
  double cost = 1;  // of naming it: what a person looks at first is cheap
  bool is_flag = false;
  bool operator==(const Feature& other) const {
    return is_word == other.is_word && number == other.number && word == other.word;
  }
};
using Features = std::map<std::string, Feature>;

// Attributes with their defaults put in, types, ranks, dims, classes of values, which tensors are
// constants, run options, opset, level. Features that a case does not have (dim 2 of a vector) are
// absent.
// Runs the reference and, of what that refuses, ONNX's shape inference, which may die or hang on a
// malformed model: for a child, see child_features.h.
Features FeaturesOf(const Probe& probe);
// Those of them that the case says itself: nothing of what its nodes make.
Features StatedFeaturesOf(const Probe& probe);

// "none" 0 to "all" 3; -1 for another name.
int LevelIndex(std::string_view level);
std::string_view LevelName(int index);

}  // namespace moire

#endif  // MOIRE_SYNTH_EXPLAIN_FEATURES_H_
