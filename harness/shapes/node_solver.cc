#include "harness/shapes/node_solver.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>
#include <utility>

#include "harness/shapes/rules.h"
#include "harness/smt/descent.h"

namespace moire::shapes {
namespace {

constexpr int64_t kLargestDim = 64;
// How far numbers may move: attributes, and what inputs hold (scales count in 1/1024).
constexpr int64_t kReach = 64;
constexpr int64_t kElementReach = 4096;
constexpr size_t kMostVariables = 48;  // beyond that a question is not put

// A number that may change: where it stands, and what it is now.
struct Site {
  enum class Kind { kAttribute, kElement, kDim } kind = Kind::kDim;
  size_t owner = 0;  // input; of an attribute: its place in the rule's list
  size_t index = 0;  // axis or element
  int64_t now = 0;
  smt::Problem::Bounds bounds{};
};

int64_t Towards(int64_t value, int64_t by) {
  int64_t out = 0;
  return __builtin_add_overflow(value, by, &out) ? value : out;
}

// The numbers of an integer attribute or list; nullopt where it is not there or something else.
std::optional<Ints> NumbersOf(const Node& node, std::string_view name) {
  const Attribute* found = node.Find(name);
  if (found == nullptr) return std::nullopt;
  if (const auto* number = std::get_if<int64_t>(&found->value)) return Ints{*number};
  if (const auto* list = std::get_if<Ints>(&found->value)) return *list;
  return std::nullopt;
}

// Everything that may change, in an order that the question alone decides.
class Layout {
 public:
  Layout(const NodeQuestion& question, const OperatorRule& rule)
      : question_(question), rule_(rule) {
    for (size_t a = 0; a < rule.attributes.size() && !rule.attributes[a].empty(); ++a) {
      if (rule.attributes[a] == question.kept) continue;
      const auto numbers = NumbersOf(question.node, rule.attributes[a]);
      for (size_t i = 0; numbers && i < numbers->size(); ++i) {
        Add(Site::Kind::kAttribute, a, i, (*numbers)[i]);
      }
    }
    for (size_t k = 0; k < question.inputs.size(); ++k) {
      const NodeInput& input = question.inputs[k];
      if (input.elements && input.elements_free && (rule.elements >> k & 1) != 0) {
        const Ints& held = *input.elements;
        for (size_t i = 0; i < held.size(); ++i) {
          if (First(held, i) == i) Add(Site::Kind::kElement, k, i, held[i]);
        }
      }
      if (input.dims == NodeInput::Dims::kFixed) continue;
      for (size_t i = 0; i < input.shape.size(); ++i) {
        Add(Site::Kind::kDim, k, i, input.shape[i]);
      }
    }
  }

  const std::vector<Site>& sites() const { return sites_; }
  // Those that stay as long as others can help.
  bool Last(const Site& site) const {
    return site.kind == Site::Kind::kDim &&
           question_.inputs[site.owner].dims == NodeInput::Dims::kLast;
  }
  std::vector<int64_t> Start() const {
    std::vector<int64_t> start;
    for (const Site& site : sites_) start.push_back(site.now);
    return start;
  }

  // The terms of the question, variables where something may change.
  NodeTerms Terms(smt::Problem& problem, std::vector<Term>& variables) const {
    for (const Site& site : sites_) {
      variables.push_back(problem.Variable(site.bounds.low, site.bounds.high));
    }
    NodeTerms terms{question_.node, question_.opset, problem};
    for (size_t k = 0; k < question_.inputs.size(); ++k) {
      const NodeInput& input = question_.inputs[k];
      terms.in.emplace_back();
      terms.elements.emplace_back();
      if (!input.given) continue;
      terms.in[k] = TermList(input.shape.begin(), input.shape.end());
      if (input.elements) {
        terms.elements[k] = TermList(input.elements->begin(), input.elements->end());
      }
    }
    for (size_t a = 0; a < rule_.attributes.size() && !rule_.attributes[a].empty(); ++a) {
      const auto numbers = NumbersOf(question_.node, rule_.attributes[a]);
      if (!numbers) continue;
      terms.attributes.emplace(rule_.attributes[a], TermList(numbers->begin(), numbers->end()));
    }
    for (size_t i = 0; i < sites_.size(); ++i) Put(terms, sites_[i], variables[i]);
    return terms;
  }

  NodeAnswer Decode(const std::vector<int64_t>& values) const {
    NodeAnswer answer;
    for (const NodeInput& input : question_.inputs) {
      answer.shapes.push_back(input.shape);
      answer.elements.push_back(input.elements);
    }
    std::array<std::optional<Ints>, std::tuple_size_v<decltype(rule_.attributes)>> changed;
    for (size_t i = 0; i < sites_.size(); ++i) {
      const Site& site = sites_[i];
      if (site.kind == Site::Kind::kDim) answer.shapes[site.owner][site.index] = values[i];
      if (site.kind == Site::Kind::kElement) {
        const Ints& held = *question_.inputs[site.owner].elements;
        for (size_t e = 0; e < held.size(); ++e) {
          if (First(held, e) == site.index) (*answer.elements[site.owner])[e] = values[i];
        }
      }
      if (site.kind != Site::Kind::kAttribute) continue;
      auto& list = changed[site.owner];
      if (!list && values[i] != site.now) {
        list = NumbersOf(question_.node, rule_.attributes[site.owner]);
      }
      if (list) (*list)[site.index] = values[i];
    }
    for (size_t a = 0; a < changed.size(); ++a) {
      if (changed[a]) answer.attributes.emplace_back(rule_.attributes[a], *changed[a]);
    }
    return answer;
  }

 private:
  // Equal indices stay equal: the first of them stands for all.
  size_t First(const Ints& held, size_t i) const {
    if (!rule_.indices) return i;
    return static_cast<size_t>(std::ranges::find(held, held[i]) - held.begin());
  }

  void Add(Site::Kind kind, size_t owner, size_t index, int64_t now) {
    Site site{kind, owner, index, now, {}};
    if (kind == Site::Kind::kDim) {
      site.bounds = {now == 0 ? 0 : 1, std::max(now, kLargestDim)};
    } else {
      const int64_t reach = kind == Site::Kind::kAttribute ? kReach : kElementReach;
      site.bounds = {std::min(-reach, Towards(now, -reach)), std::max(reach, Towards(now, reach))};
    }
    sites_.push_back(site);
  }

  void Put(NodeTerms& terms, const Site& site, const Term& variable) const {
    if (site.kind == Site::Kind::kDim) (*terms.in[site.owner])[site.index] = variable;
    if (site.kind == Site::Kind::kElement) {
      const Ints& held = *question_.inputs[site.owner].elements;
      for (size_t e = 0; e < held.size(); ++e) {
        if (First(held, e) == site.index) (*terms.elements[site.owner])[e] = variable;
      }
    }
    if (site.kind == Site::Kind::kAttribute) {
      terms.attributes.find(rule_.attributes[site.owner])->second[site.index] = variable;
    }
  }

  const NodeQuestion& question_;
  const OperatorRule& rule_;
  std::vector<Site> sites_;
};

// What the answer depends on, as bytes.
class Signature {
 public:
  explicit Signature(const NodeQuestion& q) {
    Text(q.node.op);
    Number(q.opset);
    Number(std::ssize(q.node.outputs));
    Text(q.kept);
    for (const Attribute& attribute : q.node.attributes) {
      Text(attribute.name);
      if (const auto* number = std::get_if<int64_t>(&attribute.value)) Number(*number);
      if (const auto* list = std::get_if<Ints>(&attribute.value)) List(*list);
      if (const auto* text = std::get_if<std::string>(&attribute.value)) Text(*text);
    }
    for (const NodeInput& input : q.inputs) {
      Number((input.given ? 1 : 0) + (input.elements ? 2 : 0) + (input.elements_free ? 4 : 0) +
             8 * static_cast<int64_t>(input.dims));
      List(input.shape);
      if (input.elements) List(*input.elements);
    }
    for (const Shape& shape : q.wanted) List(shape);
  }
  std::string Take() { return std::move(bytes_); }

 private:
  void Number(int64_t value) { bytes_.append(reinterpret_cast<const char*>(&value), sizeof value); }
  void Text(std::string_view text) {
    Number(std::ssize(text));
    bytes_ += text;
  }
  void List(const std::vector<int64_t>& list) {
    Number(std::ssize(list));
    for (const int64_t value : list) Number(value);
  }
  std::string bytes_;
};

// That the outputs have the dims that they had.
std::vector<smt::Constraint> Wanted(const NodeQuestion& question, const NodeTerms& terms) {
  std::vector<smt::Constraint> out;
  for (size_t k = 0; k < std::min(question.wanted.size(), terms.out.size()); ++k) {
    const Shape& wanted = question.wanted[k];
    for (size_t i = 0; wanted.size() == terms.out[k].size() && i < wanted.size(); ++i) {
      out.push_back(terms.out[k][i] == wanted[i]);
    }
  }
  return out;
}

// What to keep, the most important first: what would take a node of its own to change, outputs,
// attributes and what inputs hold, sizes of sources. Then: nothing empty, and what has to move
// moves little.
void Wish(smt::Problem& problem, const std::vector<smt::Constraint>& wanted, const Layout& layout,
          const std::vector<Term>& variables, const NodeTerms& terms) {
  const std::vector<Site>& sites = layout.sites();
  const auto keep = [&](auto&& chosen) {
    for (size_t i = 0; i < sites.size(); ++i) {
      if (chosen(sites[i])) problem.Prefer(variables[i] == sites[i].now);
    }
  };
  keep([&](const Site& s) { return layout.Last(s); });
  for (const smt::Constraint& each : wanted) problem.Prefer(each);
  for (const auto kind : {Site::Kind::kAttribute, Site::Kind::kElement, Site::Kind::kDim}) {
    keep([&](const Site& s) { return s.kind == kind && !layout.Last(s); });
  }
  for (const TermList& out : terms.out) {
    for (const Term& dim : out) problem.Prefer(dim >= 1);
  }
  for (size_t i = 0; i < sites.size(); ++i) {
    problem.Prefer(variables[i] >= Towards(sites[i].now, -2) &&
                   variables[i] <= Towards(sites[i].now, 2));
  }
}

size_t TimeSlot(double microseconds) {
  return static_cast<size_t>(std::clamp(4 * std::log2(std::max(1.0, microseconds)), 0.0,
                                        static_cast<double>(kTimeSlots - 1)));
}

}  // namespace

double MedianOfSlots(const std::array<uint64_t, kTimeSlots>& slots) {
  uint64_t total = 0;
  for (const uint64_t count : slots) total += count;
  uint64_t seen = 0;
  for (size_t slot = 0; slot < slots.size(); ++slot) {
    seen += slots[slot];
    if (seen > 0 && 2 * seen >= total) return std::exp2((static_cast<double>(slot) + 0.5) / 4);
  }
  return 0;
}

void SolverCounts::Add(const SolverCounts& other) {
  near += other.near;
  solves += other.solves;
  cached += other.cached;
  unsat += other.unsat;
  timeouts += other.timeouts;
  for (size_t slot = 0; slot < times.size(); ++slot) {
    times[slot] += other.times[slot];
    near_times[slot] += other.near_times[slot];
  }
}

NodeSolver::NodeSolver(const smt::Limits& limits, size_t remembered)
    : limits_(limits), remembered_(remembered) {
  // Nothing that the clock decides, and no thread that keeps it.
  limits_.timeout_ms = std::numeric_limits<unsigned>::max();
}

bool NodeSolver::Knows(const Node& node) {
  return node.domain.empty() && FindRule(node.op) != nullptr;
}

SolverCounts NodeSolver::TakeCounts() { return std::exchange(counts_, {}); }

NodeSolver::Values NodeSolver::Find(const smt::Problem& problem,
                                    const std::vector<smt::Constraint>& wanted,
                                    const std::vector<int64_t>& start,
                                    const std::vector<bool>& last) {
  if (problem.Contradicts()) {
    ++counts_.unsat;
    return std::nullopt;
  }
  const auto began = std::chrono::steady_clock::now();
  const auto slot = [](std::chrono::steady_clock::time_point since) {
    return TimeSlot(
        std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - since)
            .count());
  };
  // Nothing behind the node has to change, or it may; at last what is before it changes, too.
  Values values;
  if (!wanted.empty()) {
    smt::Problem same = problem;
    for (const smt::Constraint& each : wanted) same.Require(each);
    values = smt::Descend(same, start, last);
  }
  if (!values) values = smt::Descend(problem, start, last);
  const bool any_last = std::ranges::find(last, true) != last.end();
  if (!values && any_last) values = smt::Descend(problem, start);
  if (values) {
    ++counts_.near;
    ++counts_.near_times[slot(began)];
    return values;
  }
  ++counts_.solves;
  const auto asked = std::chrono::steady_clock::now();
  smt::Solution solution;
  {
    smt::Solver solver(limits_);
    solver.Add(problem);
    solution = solver.Solve();
  }
  ++counts_.times[slot(asked)];
  if (solution.answer == smt::Answer::kUnsat) ++counts_.unsat;
  if (solution.answer == smt::Answer::kUnknown) ++counts_.timeouts;
  if (solution.answer != smt::Answer::kSat) return std::nullopt;
  return std::move(solution.values);
}

std::optional<NodeAnswer> NodeSolver::Solve(const NodeQuestion& question) {
  const OperatorRule* rule = question.node.domain.empty() ? FindRule(question.node.op) : nullptr;
  if (rule == nullptr) return std::nullopt;
  const Layout layout(question, *rule);
  if (layout.sites().empty() || layout.sites().size() > kMostVariables) return std::nullopt;
  std::string key = Signature(question).Take();
  auto found = known_.find(key);
  if (found != known_.end()) {
    ++counts_.cached;
  } else {
    smt::Problem problem;
    std::vector<Term> variables;
    NodeTerms terms = layout.Terms(problem, variables);
    Values values;
    if (rule->rule(terms)) {
      const std::vector<smt::Constraint> wanted = Wanted(question, terms);
      Wish(problem, wanted, layout, variables, terms);
      std::vector<bool> last;
      for (const Site& site : layout.sites()) last.push_back(layout.Last(site));
      values = Find(problem, wanted, layout.Start(), last);
    }
    if (known_.size() >= remembered_) known_.clear();
    found = known_.emplace(std::move(key), std::move(values)).first;
  }
  if (!found->second) return std::nullopt;
  return layout.Decode(*found->second);
}

}  // namespace moire::shapes
