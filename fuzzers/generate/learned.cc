#include "fuzzers/generate/learned.h"

#include <algorithm>
#include <charconv>

#include "fuzzers/generate/typing.h"
#include "harness/case/random.h"

namespace moire {
namespace {

void AppendTypes(std::string& out, std::span<const DataType> types) {
  for (size_t i = 0; i < types.size(); ++i) {
    if (i > 0) out += ',';
    out += types[i] == DataType::kUndefined ? std::string_view("-") : Name(types[i]);
  }
}

bool ReadTypes(std::string_view text, std::vector<DataType>& out) {
  while (!text.empty()) {
    const size_t comma = text.find(',');
    const std::string_view word = text.substr(0, comma);
    const DataType type = ParseDataType(word);
    if (type == DataType::kUndefined && word != "-") return false;
    out.push_back(type);
    text = comma == std::string_view::npos ? std::string_view() : text.substr(comma + 1);
  }
  return true;
}

}  // namespace

uint64_t Learned::Key(const Combination& combination) {
  uint64_t hash = HashBytes(combination.op.data(), combination.op.size());
  hash = Mix64(hash ^ static_cast<uint64_t>(combination.since));
  for (const DataType type : combination.inputs) hash = Mix64(hash ^ static_cast<uint64_t>(type));
  hash = Mix64(hash ^ 0x100);
  for (const DataType type : combination.outputs) hash = Mix64(hash ^ static_cast<uint64_t>(type));
  return combination.domain.empty()
             ? hash
             : HashBytes(combination.domain.data(), combination.domain.size(), hash);
}

std::string Learned::Row(const Combination& combination) {
  std::string row;
  if (!combination.domain.empty()) row = fmt::format("{}:", combination.domain);
  row += fmt::format("{}({}): ", combination.op, combination.since);
  AppendTypes(row, combination.inputs);
  row += " -> ";
  AppendTypes(row, combination.outputs);
  return row;
}

bool Learned::Note(const Combination& combination) {
  if (!keys_.insert(Key(combination)).second) return false;
  rows_.insert(Row(combination));
  return true;
}

namespace {

struct ReadCombination {
  std::vector<DataType> inputs;
  std::vector<DataType> outputs;
  Combination combination;
};

bool ReadInto(std::string_view row, ReadCombination& out) {
  const size_t colon = row.find("): ");
  const size_t arrow = row.find(" -> ");
  const size_t open = row.find('(');
  if (colon == row.npos || arrow == row.npos || open == row.npos || open > colon) return false;
  std::string_view op = row.substr(0, open);
  const size_t domain_end = op.rfind(':');
  if (domain_end != op.npos) {
    out.combination.domain = op.substr(0, domain_end);
    op = op.substr(domain_end + 1);
  }
  const std::string_view since = row.substr(open + 1, colon - open - 1);
  const auto [end, error] =
      std::from_chars(since.data(), since.data() + since.size(), out.combination.since);
  if (error != std::errc() || end != since.data() + since.size()) return false;
  if (colon + 3 > arrow || !ReadTypes(row.substr(colon + 3, arrow - colon - 3), out.inputs) ||
      !ReadTypes(row.substr(arrow + 4), out.outputs)) {
    return false;
  }
  out.combination.op = op;
  out.combination.inputs = out.inputs;
  out.combination.outputs = out.outputs;
  return true;
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

bool Learned::ReadRow(std::string_view row) {
  ReadCombination read;
  return ReadInto(row, read) && Note(read.combination);
}

bool Learned::ForgetRow(const std::string& row) {
  ReadCombination read;
  if (rows_.erase(row) == 0 || !ReadInto(row, read)) return false;
  keys_.erase(Key(read.combination));
  return true;
}

bool Learned::NoteNode(const Model& model, std::string_view node_name) {
  const std::optional<NodeTypes> types = TypesOfNode(model, node_name);
  if (!types) return false;
  return Note({types->op, types->since, types->inputs, types->outputs, types->domain});
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
