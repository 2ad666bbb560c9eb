// A runtime with a planted condition: it computes with the reference, and does wrong exactly where
// a condition on the nodes, their inputs and the settings holds. For what reduction and explanation
// are measured with: the smallest case and the true predicate are known.
#ifndef MOIRE_TESTS_BANK_PLANTED_RUNTIME_H_
#define MOIRE_TESTS_BANK_PLANTED_RUNTIME_H_

#include <functional>
#include <string>
#include <vector>

#include "harness/backends/backend.h"
#include "harness/execute/child.h"
#include "synth/edit.h"

namespace moire::bank {

// A node as the runtime sees it.
struct Site {
  const Node& node;
  std::vector<const Tensor*> in;  // null: omitted or not known
  std::vector<bool> constant;     // by input: an initializer
  bool in_body = false;           // of an If or Loop
  bool exposed = false;           // what it makes is an output of the graph
  int64_t opset = 0;
  int level = 3;
  int threads = 1;

  const Shape& shape(size_t k) const { return in[k]->shape; }
  int64_t rank(size_t k) const { return static_cast<int64_t>(in[k]->shape.size()); }
  int64_t dim(size_t k, int64_t axis) const {  // 0 where there is none
    const int64_t at = axis < 0 ? axis + rank(k) : axis;
    return at < 0 || at >= rank(k) ? 0 : in[k]->shape[static_cast<size_t>(at)];
  }
  DataType type(size_t k) const { return in[k]->type; }
  bool known() const;  // every input that is given is known
};
bool HasValue(const Tensor& tensor, const std::function<bool(double)>& is);

enum class Effect { kWrong, kReject, kCrash, kHang };

struct Plant {
  std::string name;
  // All of these have to hold, each of some node.
  std::vector<std::function<bool(const Site&)>> needs;
  // The node of the second need has to read what the node of the first makes: at any distance, or
  // at once and with nobody else looking (a fusion).
  enum class Link { kNone, kDescends, kFused } link = Link::kNone;
  Effect effect = Effect::kWrong;
  int percent = 100;  // of runs
};

// "planted:level=all" and its like; without levels one "planted".
class PlantedRuntime : public Configuration {
 public:
  PlantedRuntime(Plant plant, int level);
  const std::string& name() const override { return name_; }
  Observation Run(const Case& test_case) override;

 private:
  Plant plant_;
  int level_;
  std::string name_;
  uint64_t runs_ = 0;
};
OpenAll OpenPlanted(const Plant& plant);  // one for each level
Configurations OpenPlantedAt(const Plant& plant, int level);

}  // namespace moire::bank

#endif  // MOIRE_TESTS_BANK_PLANTED_RUNTIME_H_
