// Neighbours of a failing case: the same nodes with other attributes, dims, types, values, options,
// levels, threads. All random choices come from the source that is handed in.
#ifndef MOIRE_SYNTH_EXPLAIN_NEIGHBOURS_H_
#define MOIRE_SYNTH_EXPLAIN_NEIGHBOURS_H_

#include <string>
#include <vector>

#include "harness/case/random.h"
#include "synth/explain/features.h"
#include "synth/minimality.h"

namespace moire {

struct Neighbour {
  Probe probe;
  std::string what;  // "Softmax.axis = 1, level = none"
  // What a single change changes; one of the names below, or "types", "options".
  std::string part;
};
std::string AttributePart(size_t node, std::string_view attribute);
std::string ValuesPart(std::string_view source);  // where nothing of the old values is left
constexpr std::string_view kDimsPart = "dims";

class Neighbourhood {
 public:
  // `levels` are those that can be run; empty: the configuration has none.
  Neighbourhood(Probe base, std::vector<std::string> levels);
  // One change each: every attribute, dim variable, type, class of values, option, level.
  std::vector<Neighbour> Singles() const;
  // One to four changes at once.
  Neighbour Draw(Random& random) const;

 private:
  // What one kind of change offers; each appends its alternatives.
  void OfferAttributes(const Probe& from, std::vector<Neighbour>& out) const;
  void OfferDims(const Probe& from, std::vector<Neighbour>& out) const;
  void OfferTypes(const Probe& from, std::vector<Neighbour>& out) const;
  void OfferValues(const Probe& from, std::vector<Neighbour>& out) const;
  void OfferOptions(const Probe& from, std::vector<Neighbour>& out) const;

  Probe base_;
  std::vector<std::string> levels_;
};

}  // namespace moire

#endif  // MOIRE_SYNTH_EXPLAIN_NEIGHBOURS_H_
