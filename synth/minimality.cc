#include "synth/minimality.h"

#include <algorithm>

#include "harness/case/onnx_adapter.h"
#include "oracles/reference/reference.h"
#include "synth/shape_repair.h"
#include "synth/subgraph.h"

namespace moire {
namespace {

std::string Describe(const Node& node, size_t index) {
  return fmt::format("node {} ({})", index, node.op);
}

// Calls use(output, input) for every pair of one node that a bypass can connect.
template <typename Use>
bool ForEachBypass(const Node& node, const KnownValues& values, const Use& use) {
  for (const std::string& output : node.outputs) {
    for (const std::string& input : node.inputs) {
      if (output.empty() || input.empty() || !SameKind(values, output, input)) continue;
      if (!use(output, input)) return false;
    }
  }
  return true;
}

bool EditNodes(const Sketch& sketch, const SingleEditVisitor& visit) {
  const KnownValues values = ComputeValues(sketch);
  const auto& nodes = sketch.model.graph.nodes;
  for (size_t i = 0; i < nodes.size(); ++i) {
    std::vector<bool> doomed(nodes.size(), false);
    doomed[i] = true;
    for (const bool constants : {false, true}) {
      Sketch edited = sketch;
      if (RemoveNodes(edited, doomed, values, constants) &&
          !visit("delete " + Describe(nodes[i], i), std::move(edited))) {
        return false;
      }
    }
    const bool on = ForEachBypass(nodes[i], values, [&](const auto& output, const auto& input) {
      Sketch edited = sketch;
      auto& left = edited.model.graph.nodes;
      left.erase(left.begin() + static_cast<std::ptrdiff_t>(i));
      Redirect(edited, output, input);
      return visit("bypass " + Describe(nodes[i], i), std::move(edited));
    });
    if (!on) return false;
  }
  return true;
}

bool EditBodies(const Sketch& sketch, const SingleEditVisitor& visit) {
  for (const BodyPlace& place : Bodies(sketch)) {
    const KnownValues values = ComputeBodyValues(sketch, place);
    const Graph& body = BodyAt(sketch, place);
    for (size_t i = 0; i < body.nodes.size(); ++i) {
      const std::string what = Describe(body.nodes[i], i) + " of a body";
      std::vector<bool> doomed(body.nodes.size(), false);
      doomed[i] = true;
      for (const bool outside : {false, true}) {
        Sketch edited = sketch;
        if (RemoveBodyNodes(edited, place, doomed, values, outside) &&
            !visit("delete " + what, std::move(edited))) {
          return false;
        }
      }
      const bool on =
          ForEachBypass(body.nodes[i], values, [&](const auto& output, const auto& input) {
            Sketch edited = sketch;
            BypassBodyNode(edited, place, i, output, input);
            return visit("bypass " + what, std::move(edited));
          });
      if (!on) return false;
    }
  }
  return true;
}

bool EditOutputs(const Sketch& sketch, const SingleEditVisitor& visit) {
  const auto& outputs = sketch.model.graph.outputs;
  for (size_t i = 0; i < outputs.size() && outputs.size() > 1; ++i) {
    Sketch edited = sketch;
    auto& left = edited.model.graph.outputs;
    left.erase(left.begin() + static_cast<std::ptrdiff_t>(i));
    if (!visit(fmt::format("delete output {}", outputs[i].name), std::move(edited))) return false;
  }
  return true;
}

bool EditAttributes(const Sketch& sketch, const SingleEditVisitor& visit) {
  const auto& nodes = sketch.model.graph.nodes;
  for (size_t n = 0; n < nodes.size(); ++n) {
    for (size_t a = 0; a < nodes[n].attributes.size(); ++a) {
      Sketch edited = sketch;
      auto& left = edited.model.graph.nodes[n].attributes;
      left.erase(left.begin() + static_cast<std::ptrdiff_t>(a));
      if (!visit(fmt::format("remove {} of {}", nodes[n].attributes[a].name, Describe(nodes[n], n)),
                 std::move(edited))) {
        return false;
      }
    }
  }
  return true;
}

bool EditDims(const Sketch& sketch, const SingleEditVisitor& visit) {
  for (const DimVariable& variable : FindDimVariables(sketch)) {
    std::set<int64_t> sizes = {0, 1, variable.size / 2, variable.size - 1};
    std::erase_if(sizes, [&](int64_t s) { return s < 0 || s >= variable.size; });
    for (const int64_t size : sizes) {
      Sketch edited = sketch;
      if (!SetDimVariable(edited, variable, size)) continue;
      if (!visit(fmt::format("set a dim of {} to {}", variable.size, size), std::move(edited))) {
        return false;
      }
    }
  }
  return true;
}

}  // namespace

bool ForEachSingleEdit(const Sketch& sketch, const SingleEditVisitor& visit) {
  return EditNodes(sketch, visit) && EditBodies(sketch, visit) && EditOutputs(sketch, visit) &&
         EditAttributes(sketch, visit) && EditDims(sketch, visit);
}

MinimalityReport CheckMinimal(const Case& result, const Case& original,
                              const Interesting& interesting) {
  MinimalityReport report;
  const Result<Model> model = ParseModel(result.model);
  const Result<Model> first = ParseModel(original.model);
  if (!model || !first) {
    report.minimal = true;  // no edit can be made
    return report;
  }
  const Sketch sketch{*model, result.inputs, result.options};
  const Size size = Measure(sketch);
  const int64_t elements = 2 * CountElements({*first, original.inputs, original.options});
  const size_t bytes = 2 * SerializeCase(original).size();
  const bool evaluates = Evaluate(*model, result.inputs).status == ReferenceStatus::kEvaluated;
  const KnownValues values = ComputeValues(sketch);
  report.minimal = ForEachSingleEdit(sketch, [&](const std::string& what, Sketch edited) {
    if (!Repair(edited)) return true;
    if (evaluates && Evaluate(edited.model, edited.inputs).status == ReferenceStatus::kRejected) {
      std::optional<Sketch> mended = RepairShapes(edited, sketch, values);
      if (mended && Repair(*mended)) edited = std::move(*mended);
    }
    if (Measure(edited) >= size || CountElements(edited) > elements) return true;
    const Case candidate = ToCase(edited);
    if (SerializeCase(candidate).size() > bytes) return true;
    ++report.edits;
    if (!interesting(candidate)) return true;
    report.still_fails = what;
    return false;
  });
  return report;
}

}  // namespace moire
