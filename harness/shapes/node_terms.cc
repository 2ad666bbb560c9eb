#include "harness/shapes/node_terms.h"

#include <algorithm>

namespace moire::shapes {
namespace {

const TermList* At(const std::vector<std::optional<TermList>>& lists, size_t k) {
  return k < lists.size() && lists[k] ? &*lists[k] : nullptr;
}

}  // namespace

const TermList* NodeTerms::In(size_t k) const { return At(in, k); }
const TermList* NodeTerms::Elements(size_t k) const { return At(elements, k); }

Term NodeTerms::Number(std::string_view name, int64_t otherwise) const {
  const auto found = attributes.find(name);
  if (found != attributes.end() && found->second.size() == 1) return found->second[0];
  return node.Int(name, otherwise);
}

std::optional<TermList> NodeTerms::List(std::string_view name, size_t count,
                                        int64_t otherwise) const {
  const auto found = attributes.find(name);
  if (found != attributes.end()) {
    return found->second.size() == count ? std::optional(found->second) : std::nullopt;
  }
  const Ints list = node.IntList(name, Ints(count, otherwise));
  if (list.size() != count) return std::nullopt;
  return TermList(list.begin(), list.end());
}

std::optional<TermList> NodeTerms::ListOrInput(std::string_view name, size_t input) const {
  if (Given(input)) {
    const TermList* held = Elements(input);
    return held == nullptr ? std::nullopt : std::optional(*held);
  }
  const auto found = attributes.find(name);
  if (found != attributes.end()) return found->second;
  const Ints list = node.IntList(name);
  return TermList(list.begin(), list.end());
}

std::optional<Ints> NodeTerms::Fixed(std::string_view name, size_t input) const {
  const auto list = ListOrInput(name, input);
  if (!list) return std::nullopt;
  Ints numbers;
  for (const Term& term : *list) {
    const auto number = term.Constant();
    if (!number) return std::nullopt;
    numbers.push_back(*number);
  }
  return numbers;
}

std::optional<size_t> NodeTerms::Axis(std::string_view name, int64_t otherwise, size_t rank) const {
  const auto axes = SortedAxes({node.Int(name, otherwise)}, rank);
  if (!axes) return std::nullopt;
  return static_cast<size_t>(axes->front());
}

void NodeTerms::Out(size_t k, TermList dims) {
  if (out.size() <= k) out.resize(k + 1);
  out[k] = std::move(dims);
}

TermList NodeTerms::Broadcast(const TermList& a, const TermList& b) {
  const TermList& longer = a.size() >= b.size() ? a : b;
  const TermList& shorter = a.size() >= b.size() ? b : a;
  TermList dims(longer.begin(), longer.end() - std::ssize(shorter));
  for (const Term& y : shorter) {
    const Term& x = longer[dims.size()];
    Require(x == y || x == 1 || y == 1);
    dims.push_back(Select(x == 1, y, x));
  }
  return dims;
}

std::optional<Ints> FrontAxes(Ints axes, size_t rank) {
  const auto n = static_cast<int64_t>(rank);
  for (int64_t& axis : axes) {
    if (axis < -n || axis >= n) return std::nullopt;
    if (axis < 0) axis += n;
  }
  Ints sorted = axes;
  std::ranges::sort(sorted);
  if (std::ranges::adjacent_find(sorted) != sorted.end()) return std::nullopt;
  return axes;
}

std::optional<Ints> SortedAxes(Ints axes, size_t rank) {
  std::optional<Ints> front = FrontAxes(std::move(axes), rank);
  if (front) std::ranges::sort(*front);
  return front;
}

Term Product(const TermList& dims, size_t from, size_t to) {
  Term product = 1;
  for (size_t i = from; i < to; ++i) product = product * dims[i];
  return product;
}

Term OverFactors(NodeTerms& terms, const Term& factor, const OfValue& value) {
  if (const auto number = factor.Constant()) {
    terms.Require(factor >= 1);
    return value(std::max<int64_t>(*number, 1));
  }
  terms.Require(factor >= 1 && factor <= kLargestFactor);
  Term out = value(kLargestFactor);
  for (int64_t k = kLargestFactor; k-- > 1;) out = Select(factor == k, value(k), out);
  return out;
}

Term Quotient(NodeTerms& terms, const Term& value, const Term& divisor) {
  return OverFactors(terms, divisor, [&](int64_t k) { return value / k; });
}

void RequireDivides(NodeTerms& terms, const Term& divisor, const Term& value) {
  terms.Require(OverFactors(terms, divisor, [&](int64_t k) { return value % k; }) == 0);
}

Term Times(NodeTerms& terms, const Term& factor, const Term& value) {
  return OverFactors(terms, factor, [&](int64_t k) { return value * k; });
}

}  // namespace moire::shapes
