#include "fuzzers/generate/coverage_table.h"

#include <algorithm>

#include "fuzzers/generate/functions.h"
#include "fuzzers/generate/graph_builder.h"

namespace moire {
namespace {

std::string TypeList(TypeSet types) {
  std::string out;
  for (const TypeTraits& row : AllTypes()) {
    if (Has(types, row.type)) out += fmt::format("{}{}", out.empty() ? "" : " ", row.name);
  }
  return out;
}

std::string QualifiedName(std::string_view domain, std::string_view op) {
  return fmt::format("{}{}{}", domain, domain.empty() ? "" : ":", op);
}

}  // namespace

void CoverageTable::AddNodes(const Model& model, const Graph& graph, bool checked, bool executed) {
  for (const Node& node : graph.nodes) {
    const SchemaInfo* schema = FindSchema(node.op, model.Opset(node.domain), node.domain);
    if (schema != nullptr) {
      Row& row = rows_[{node.domain, node.op}];
      ++row.generated;
      row.valid += checked ? 1 : 0;
      row.executed += executed ? 1 : 0;
      if (checked) row.versions.insert(schema->since);
    }
    for (const Attribute& attribute : node.attributes) {
      if (const auto* body = std::get_if<GraphPtr>(&attribute.value)) {
        AddNodes(model, **body, checked, executed);
      }
    }
  }
}

void CoverageTable::Add(const GeneratedCase& generated, bool checked, bool executed) {
  const Graph& graph = generated.model.graph;
  ++cases_;
  with_functions_ += generated.model.Opset(kFunctionDomain) > 0 ? 1 : 0;
  with_symbols_ += std::ranges::any_of(
      graph.inputs, [](const ValueInfo& input) { return !StaticShape(input.type).has_value(); });
  if (graph.nodes.size() < 2) return;
  AddNodes(generated.model, graph, checked, executed);
  if (!checked) return;
  Random random(0);
  const GeneratorSettings settings;
  const Learned learned;
  GraphBuilder builder(random, settings, learned, generated.model.Opset(""));
  if (!builder.Load(generated)) return;
  for (size_t i = 0; i < builder.nodes(); ++i) {
    TypeSet types = 0;
    for (const auto* ids : {&builder.node_inputs(i), &builder.node_outputs(i)}) {
      for (const ValueId id : *ids) {
        if (id != kNoValue) types |= Bit(Unpacked(builder.value(id).packed()).second);
      }
    }
    types &= kAllTypes;
    types_ |= types;
    const auto row = rows_.find({builder.node(i).domain, builder.node(i).op});
    if (row != rows_.end()) row->second.types |= types;
  }
}

CoverageTable::Figures CoverageTable::Compute() const {
  Figures out;
  for (const auto& [name, row] : rows_) {
    if (row.valid > 0) ++(name.first.empty() ? out.operators : out.ml_operators);
    if (row.executed > 0) {
      ++out.executed;
      out.executed_names.push_back(QualifiedName(name.first, name.second));
    }
    out.versions += row.versions.size();
  }
  out.element_types = static_cast<size_t>(__builtin_popcount(types_));
  return out;
}

std::string CoverageTable::Markdown(std::string_view command) const {
  const Figures figures = Compute();
  std::string out = fmt::format(
      "# What the generator covers\n\nWritten by `{}`: {} cases.\n\n"
      "- {} operators of the default domain and {} of ai.onnx.ml in valid graphs of several nodes, "
      "{} "
      "schema versions;\n  {} of them executed.\n- {} element types: {}.\n- {} cases with "
      "functions of "
      "their own, {} with inputs whose dims are named or left open.\n\n"
      "Nodes are counted wherever they stand, in bodies too; versions and types are those of valid "
      "cases.\n\n| operator | nodes | valid | executed | versions | element types "
      "|\n|---|---|---|---|---|---|\n",
      command, cases_, figures.operators, figures.ml_operators, figures.versions, figures.executed,
      figures.element_types, TypeList(types_), with_functions_, with_symbols_);
  for (const auto& [domain, op] : AllOperators()) {
    const auto found = rows_.find({domain, op});
    const Row row = found == rows_.end() ? Row{} : found->second;
    std::string versions;
    for (const int64_t version : row.versions) {
      versions += fmt::format("{}{}", versions.empty() ? "" : " ", version);
    }
    out += fmt::format("| {} | {} | {} | {} | {} | {} |\n", QualifiedName(domain, op),
                       row.generated, row.valid, row.executed, versions, TypeList(row.types));
  }
  return out;
}

}  // namespace moire
