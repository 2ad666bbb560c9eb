// Products of matrices and tensors, and attention.
#include <algorithm>
#include <cctype>

#include "harness/shapes/rules.h"

namespace moire::shapes {
namespace {

// The second operand is input 1, or behind the first one's scale and zero point.
bool MatMul(NodeTerms& t) {
  const TermList* a = t.In(0);
  const TermList* b = t.In(t.node.op == "QLinearMatMul" ? 3 : 1);
  if (a == nullptr || b == nullptr || a->empty() || b->empty()) return false;
  const bool row = a->size() == 1;
  const bool column = b->size() == 1;
  t.Require(a->back() == (column ? b->front() : (*b)[b->size() - 2]));
  const TermList a_batch(a->begin(), a->end() - (row ? 1 : 2));
  const TermList b_batch(b->begin(), b->end() - (column ? 1 : 2));
  TermList out = t.Broadcast(a_batch, b_batch);
  if (!row) out.push_back((*a)[a->size() - 2]);
  if (!column) out.push_back(b->back());
  t.Out(0, std::move(out));
  return true;
}

bool Gemm(NodeTerms& t) {
  const TermList* a = t.In(0);
  const TermList* b = t.In(1);
  if (a == nullptr || b == nullptr || a->size() != 2 || b->size() != 2) return false;
  const size_t a_rows = t.node.Int("transA", 0) != 0 ? 1 : 0;
  const size_t b_rows = t.node.Int("transB", 0) != 0 ? 1 : 0;
  t.Require((*a)[1 - a_rows] == (*b)[b_rows]);
  TermList out = {(*a)[a_rows], (*b)[1 - b_rows]};
  if (const TermList* c = t.In(2)) {
    if (c->size() > 2) return false;
    for (size_t i = 0; i < c->size(); ++i) {
      t.Require((*c)[i] == 1 || (*c)[i] == out[2 - c->size() + i]);
    }
  }
  t.Out(0, std::move(out));
  return true;
}

// Terms of letters, without ellipsis: a letter has one size wherever it stands.
bool Einsum(NodeTerms& t) {
  std::string equation = t.node.String("equation", "");
  std::erase(equation, ' ');
  const size_t arrow = equation.find("->");
  const std::string left = equation.substr(0, arrow);
  std::map<char, Term> sizes;
  size_t operand = 0;
  size_t axis = 0;
  for (const char ch : left) {
    if (ch == ',') {
      const TermList* done = t.In(operand++);
      if (done == nullptr || done->size() != axis) return false;
      axis = 0;
      continue;
    }
    const TermList* x = t.In(operand);
    if (std::isalpha(static_cast<unsigned char>(ch)) == 0 || x == nullptr || axis >= x->size()) {
      return false;
    }
    const auto [found, fresh] = sizes.emplace(ch, (*x)[axis]);
    if (!fresh) t.Require(found->second == (*x)[axis]);
    ++axis;
  }
  const TermList* last = t.In(operand);
  if (last == nullptr || last->size() != axis || operand + 1 != t.node.inputs.size()) return false;
  std::string output;
  if (arrow != std::string::npos) {
    output = equation.substr(arrow + 2);
  } else {
    // The letters that stand once, in alphabetical order.
    for (const auto& [letter, size] : sizes) {
      if (std::ranges::count(left, letter) == 1) output += letter;
    }
  }
  TermList out;
  for (const char ch : output) {
    const auto found = sizes.find(ch);
    if (found == sizes.end() || std::ranges::count(output, ch) != 1) return false;
    out.push_back(found->second);
  }
  t.Out(0, std::move(out));
  return true;
}

void RequireSame(NodeTerms& t, const TermList& a, const TermList& b) {
  for (size_t i = 0; i < a.size(); ++i) t.Require(a[i] == b[i]);
}

// Queries [batch, length, heads * size] or [batch, heads, length, size], keys and values of heads
// that divide those of the queries.
bool Attention(NodeTerms& t) {
  const TermList *q = t.In(0), *k = t.In(1), *v = t.In(2);
  if (q == nullptr || k == nullptr || v == nullptr || q->size() != k->size() ||
      q->size() != v->size() || (q->size() != 3 && q->size() != 4) || t.Given(6)) {
    return false;
  }
  const bool packed = q->size() == 3;
  if (!packed && t.node.Find("q_num_heads") != nullptr) return false;
  const Term q_heads = packed ? t.Number("q_num_heads", 0) : (*q)[1];
  const Term kv_heads = packed ? t.Number("kv_num_heads", 0) : (*k)[1];
  const size_t along = packed ? 1 : 2;
  if (packed) {
    RequireDivides(t, q_heads, (*q)[2]);
    RequireDivides(t, kv_heads, (*k)[2]);
    RequireDivides(t, kv_heads, (*v)[2]);
  }
  const auto size_of = [&](const TermList& x, const Term& heads) {
    return packed ? Quotient(t, x[2], heads) : x[3];
  };
  const Term q_size = size_of(*q, q_heads);
  const Term k_size = size_of(*k, kv_heads);
  const Term v_size = size_of(*v, kv_heads);
  RequireDivides(t, kv_heads, q_heads);
  t.Require(q_size == k_size && k_size >= 1 && v_size >= 1);
  t.Require((*q)[0] == (*k)[0] && (*q)[0] == (*v)[0] && (*k)[along] == (*v)[along]);
  if (!packed) t.Require((*k)[1] == (*v)[1]);
  const Term &batch = (*q)[0], &q_length = (*q)[along], &kv_length = (*k)[along];
  Term past = 0;
  if (t.Given(4) != t.Given(5)) return false;
  if (t.Given(4)) {
    const TermList *past_k = t.In(4), *past_v = t.In(5);
    if (past_k == nullptr || past_v == nullptr || past_k->size() != 4 || past_v->size() != 4) {
      return false;
    }
    past = (*past_k)[2];
    RequireSame(t, *past_k, {batch, kv_heads, past, k_size});
    RequireSame(t, *past_v, {batch, kv_heads, past, v_size});
  }
  const Term total = past + kv_length;
  if (t.Given(3)) {
    const TermList* mask = t.In(3);
    if (mask == nullptr || mask->size() < 2 || mask->size() > 4) return false;
    const TermList full = {batch, q_heads, q_length, total};
    for (size_t i = 0; i < mask->size(); ++i) {
      const Term& dim = (*mask)[i];
      const Term& own = full[4 - mask->size() + i];
      t.Require(i + 1 == mask->size() ? dim == own : dim == own || dim == 1);
    }
  }
  t.Out(0, packed ? TermList{batch, q_length, Times(t, q_heads, v_size)}
                  : TermList{batch, q_heads, q_length, v_size});
  const TermList others[] = {{batch, kv_heads, total, k_size},
                             {batch, kv_heads, total, v_size},
                             {batch, q_heads, q_length, total}};
  if (t.node.outputs.size() > 4) return false;
  for (size_t i = 1; i < t.node.outputs.size(); ++i) t.Out(i, others[i - 1]);
  return true;
}

constexpr OperatorRule kProducts[] = {
    {"Attention", Attention, {"q_num_heads", "kv_num_heads"}},
    {"Einsum", Einsum},
    {"Gemm", Gemm},
    {"MatMul", MatMul},
    {"MatMulInteger", MatMul},
    {"QLinearMatMul", MatMul},
};

}  // namespace

RuleTable ProductRules() { return kProducts; }

}  // namespace moire::shapes
