#include "fuzzers/generate/learned.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "fuzzers/generate/schema.h"
#include "fuzzers/generate/typing.h"
#include "harness/case/random.h"

namespace moire {
namespace {

constexpr std::string_view kOpsetRow = "opset: ";

void AppendTypes(std::string& out, std::span<const DataType> types) {
  for (size_t i = 0; i < types.size(); ++i) {
    if (i > 0) out += ',';
    out += types[i] == DataType::kUndefined ? "-" : PackedName(types[i]);
  }
}

bool ReadTypes(std::string_view text, std::vector<DataType>& out) {
  while (!text.empty()) {
    const size_t comma = text.find(',');
    const std::string_view word = text.substr(0, comma);
    const DataType type = ParsePacked(word);
    if (type == DataType::kUndefined && word != "-") return false;
    out.push_back(type);
    text = comma == std::string_view::npos ? std::string_view() : text.substr(comma + 1);
  }
  return true;
}

}  // namespace

namespace {

using Variables = std::array<DataType, 8>;

// The types of the schema's variables; of an operator without a schema, of its inputs in order.
size_t BindVariables(const Combination& c, Variables& out) {
  const SchemaInfo* schema = c.schema != nullptr ? c.schema : FindSchema(c.op, c.since, c.domain);
  out.fill(DataType::kUndefined);
  if (schema == nullptr) {
    const size_t n = std::min(c.inputs.size(), out.size());
    std::copy_n(c.inputs.begin(), n, out.begin());
    return n;
  }
  const auto bind = [&](const ParameterInfo* parameter, DataType type) {
    if (parameter == nullptr || parameter->variable < 0 || type == DataType::kUndefined) return;
    if (static_cast<size_t>(parameter->variable) >= out.size()) return;
    out[static_cast<size_t>(parameter->variable)] = type;
  };
  for (size_t i = 0; i < c.inputs.size(); ++i) bind(schema->Input(i), c.inputs[i]);
  for (size_t i = 0; i < c.outputs.size(); ++i) bind(schema->Output(i), c.outputs[i]);
  return std::min(out.size(), static_cast<size_t>(schema->variables));
}

}  // namespace

uint64_t Learned::Key(std::string_view domain, std::string_view op, int64_t since,
                      std::span<const DataType> variables) {
  uint64_t hash = HashBytes(op.data(), op.size());
  hash = Mix64(hash ^ static_cast<uint64_t>(since));
  for (const DataType type : variables) hash = Mix64(hash ^ static_cast<uint64_t>(type));
  return domain.empty() ? hash : HashBytes(domain.data(), domain.size(), hash);
}

uint64_t Learned::Key(const Combination& combination) {
  Variables variables;
  const size_t n = BindVariables(combination, variables);
  return Key(combination.domain, combination.op, combination.since, std::span(variables).first(n));
}

std::string Learned::Row(const Combination& combination) {
  Variables variables;
  const size_t n = BindVariables(combination, variables);
  std::string row;
  if (!combination.domain.empty()) row = fmt::format("{}:", combination.domain);
  row += fmt::format("{}({}): ", combination.op, combination.since);
  AppendTypes(row, std::span(variables).first(n));
  return row;
}

bool Learned::Avoid(const Combination& combination) const {
  if (keys_.empty()) return false;
  if (keys_.contains(Key(combination))) return true;
  if (combination.opset <= combination.since) return false;
  Combination at_opset = combination;
  at_opset.since = combination.opset;
  return keys_.contains(Key(at_opset));
}

bool Learned::Note(const Combination& combination) {
  if (!keys_.insert(Key(combination)).second) return false;
  rows_.insert(Row(combination));
  return true;
}

namespace {

struct ReadRowResult {
  std::string_view domain, op;
  int64_t since = 0;
  std::vector<DataType> types;
};

bool Read(std::string_view row, ReadRowResult& out) {
  const size_t colon = row.find("): ");
  const size_t open = row.find('(');
  if (colon == row.npos || open == row.npos || open > colon) return false;
  out.op = row.substr(0, open);
  const size_t domain_end = out.op.rfind(':');
  if (domain_end != out.op.npos) {
    out.domain = out.op.substr(0, domain_end);
    out.op = out.op.substr(domain_end + 1);
  }
  const std::string_view since = row.substr(open + 1, colon - open - 1);
  const auto [end, error] = std::from_chars(since.data(), since.data() + since.size(), out.since);
  return error == std::errc() && end == since.data() + since.size() && !out.op.empty() &&
         ReadTypes(row.substr(colon + 3), out.types);
}

// The text between `before` and `after`; empty when it is not there.
std::string_view Between(std::string_view text, std::string_view before, std::string_view after) {
  const size_t start = text.find(before);
  if (start == text.npos) return {};
  const size_t end = text.find(after, start + before.size());
  return end == text.npos ? std::string_view()
                          : text.substr(start + before.size(), end - start - before.size());
}

}  // namespace

void Learned::LimitOpset(int64_t opset) {
  std::erase_if(rows_, [](const std::string& row) { return row.starts_with(kOpsetRow); });
  newest_opset_ = opset;
  if (opset > 0) rows_.insert(fmt::format("{}{}", kOpsetRow, opset));
}

bool Learned::ReadRow(std::string_view row) {
  if (row.starts_with(kOpsetRow)) {
    const std::string_view number = row.substr(kOpsetRow.size());
    int64_t opset = 0;
    const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), opset);
    if (error != std::errc() || end != number.data() + number.size() || opset < 1) return false;
    if (opset == newest_opset_) return false;
    LimitOpset(opset);
    return true;
  }
  ReadRowResult read;
  if (!Read(row, read)) return false;
  if (!keys_.insert(Key(read.domain, read.op, read.since, read.types)).second) return false;
  rows_.insert(std::string(row));
  return true;
}

bool Learned::ForgetRow(const std::string& row) {
  if (row.starts_with(kOpsetRow) && rows_.contains(row)) {
    LimitOpset(0);
    return true;
  }
  ReadRowResult read;
  if (rows_.erase(row) == 0 || !Read(row, read)) return false;
  keys_.erase(Key(read.domain, read.op, read.since, read.types));
  return true;
}

bool Learned::NoteNode(const Model& model, std::string_view node_name) {
  const std::optional<NodeTypes> types = TypesOfNode(model, node_name);
  if (!types) return false;
  const SchemaInfo* schema = FindSchema(types->op, types->since, types->domain);
  const bool function = schema != nullptr && schema->function;
  const int64_t since = function ? model.Opset(types->domain) : types->since;
  return Note({types->op, since, types->inputs, types->outputs, types->domain, schema});
}

bool Learned::NoteRejection(const Model& model, std::string_view reason) {
  // ONNX Runtime: "... implementation for Add(14) node with name 'n3'" when the session is made,
  // "... running Add node. Name:'n3' Status Message: ..." when it runs.
  for (const std::string_view before : {"name '", "Name:'", "(node:'"}) {
    const std::string_view name = Between(reason, before, "'");
    if (!name.empty() && NoteNode(model, name)) return true;
  }
  // Without a name: the only node of the operator that the message names.
  const std::string_view op = Between(reason, "implementation for ", "(");
  if (op.empty()) return false;
  const Node* only = nullptr;
  for (const Node& node : model.graph.nodes) {
    if (node.op != op) continue;
    if (only != nullptr) return false;
    only = &node;
  }
  return only != nullptr && !only->name.empty() && NoteNode(model, only->name);
}

}  // namespace moire
