// Waypoints: feedback beside coverage. They tell libFuzzer that a case came nearer to something
// worth finding (two results drift apart, a new pair of operators met) although no new code ran.
// Depends on harness/case and extra_counters.h; runs nothing and judges nothing.
#ifndef MOIRE_FUZZERS_FEEDBACK_WAYPOINTS_H_
#define MOIRE_FUZZERS_FEEDBACK_WAYPOINTS_H_

#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "harness/case/error.h"
#include "harness/case/model.h"

namespace moire {

// One output of the model as two configurations gave it. Types and shapes may differ.
struct ResultPair {
  std::string_view op;  // operator that makes it; empty: a graph input or initializer
  const Tensor* first = nullptr;
  const Tensor* second = nullptr;
};

// What is known after a case ran and was accepted. Borrowed for the call.
struct RunFacts {
  const Model* model = nullptr;
  // Element types by value name, for values that the model does not declare; may be empty.
  std::map<std::string, DataType, std::less<>> types;
  std::vector<ResultPair> results;
  std::span<const std::string> optimizers;  // graph transformers that modified the graph
};

// Pairs the outputs of two observations by position and finds the operator behind each.
std::vector<ResultPair> PairResults(const Model& model, std::span<const NamedTensor> first,
                                    std::span<const NamedTensor> second);

// The counters of one domain: `keys` x `levels`, key-major.
class Lamps {
 public:
  Lamps(std::span<uint8_t> counters, uint32_t levels) : counters_(counters), levels_(levels) {}
  // Lights levels 0..level of a key. Keys are hashes, folded into the domain's; a level past the
  // last is the last.
  void Light(uint64_t key, uint32_t level = 0) const;

 private:
  std::span<uint8_t> counters_;
  uint32_t levels_;
};

// The contract of a feedback domain. It owns keys() x levels() counters under its name. Observe()
// turns the facts of one run into lit counters and does nothing else: the same facts light the same
// counters in every process and every build (keys come from HashBytes or Mix64, never from
// addresses), so replay and merge see what the campaign saw. A value lights every level up to its
// own with the value 1: reaching level 7 once covers 0 to 7, and libFuzzer keeps a case exactly
// when it goes further than any before. A fact that says nothing lights nothing, so that an
// ordinary case is not new. It should cost microseconds: it runs after every case. Add one: a file
// beside this one, a line in waypoint_registry.cc, a test with a planted fault.
class FeedbackDomain {
 public:
  virtual ~FeedbackDomain() = default;
  virtual std::string_view name() const = 0;  // also its name on the command line
  virtual uint32_t keys() const = 0;
  virtual uint32_t levels() const = 0;
  virtual void Observe(const RunFacts& facts, const Lamps& lamps) const = 0;
};

// Every domain, in the order of their counters.
const std::vector<const FeedbackDomain*>& FeedbackDomainRegistry();

// Some domains and where their counters are. A domain has the same counters whatever others are on.
class Waypoints {
 public:
  // Names of domains; empty: all. kInvalidInput names those that exist.
  static Result<Waypoints> Open(std::span<const std::string> names = {});
  void Observe(const RunFacts& facts) const;

 private:
  struct Entry {
    const FeedbackDomain* domain;
    Lamps lamps;
  };
  std::vector<Entry> entries_;
};

// How far two results are apart, in bits: 0 equal (also -0 and 0, NaN and NaN); for floats the
// number of trailing significand bits that cannot be trusted, 1 to the type's precision, relative
// to the larger magnitude or the smallest normal number; for integers and bools the bit length of
// the largest difference; kIncomparable where one is NaN or infinite and the other is not, or
// types, shapes or strings differ.
inline constexpr uint32_t kIncomparable = 65;
uint32_t EffectiveBitGap(const Tensor& first, const Tensor& second);

}  // namespace moire

#endif  // MOIRE_FUZZERS_FEEDBACK_WAYPOINTS_H_
