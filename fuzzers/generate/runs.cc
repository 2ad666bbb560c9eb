#include "fuzzers/generate/runs.h"

#include <algorithm>
#include <iterator>
#include <optional>

#include "fuzzers/generate/graph_builder.h"
#include "fuzzers/generate/value_fill.h"

namespace moire {
namespace {

constexpr int kAttempts = 4;
constexpr int64_t kMaxDim = 64;

Shape Redimensioned(const Shape& shape, int64_t from, int64_t to) {
  Shape out = shape;
  std::ranges::replace(out, from, to);
  return out;
}

bool HasBody(const Node& node) {
  return std::ranges::any_of(node.attributes, [](const Attribute& attribute) {
    return std::holds_alternative<GraphPtr>(attribute.value);
  });
}

// Whether every node of the graph infers at these inputs.
bool Infers(const GeneratedCase& made, Random& random) {
  const GeneratorSettings settings;
  const Learned learned;
  GraphBuilder builder(random, settings, learned, made.model.Opset(""));
  return builder.Load(made) && builder.misfits() == 0;
}

std::optional<InputSet> InputsAt(const GeneratedCase& made, int64_t from, int64_t to,
                                 Random& random) {
  GeneratedCase other = made;
  for (NamedTensor& input : other.inputs) {
    const Shape shape = Redimensioned(input.tensor.shape, from, to);
    if (shape == input.tensor.shape) continue;
    if (CheckedCount(shape).value_or(1 << 20) > 1 << 14) return std::nullopt;
    input.tensor = Resized(input.tensor, shape, random.Between(0, 7));
  }
  return Infers(other, random) ? std::optional(std::move(other.inputs)) : std::nullopt;
}

}  // namespace

bool AddRuns(GeneratedCase& made, Random& random) {
  // A body declares the shapes of its outputs, which other sizes would contradict.
  if (std::ranges::any_of(made.model.graph.nodes, HasBody)) return false;
  std::vector<int64_t> sizes;
  for (const NamedTensor& input : made.inputs) {
    if (Traits(input.tensor.type).kind == TypeClass::kComplex || input.IsMap()) return false;
    std::ranges::copy_if(input.tensor.shape, std::back_inserter(sizes),
                         [](int64_t dim) { return dim > 0; });
  }
  if (sizes.empty() || !made.model.extra.empty()) return false;
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    const int64_t size = sizes[random.Index(sizes.size())];
    GeneratedCase open = made;
    for (ValueInfo& input : open.model.graph.inputs) {
      const bool given =
          std::ranges::find(open.inputs, input.name, &NamedTensor::name) != open.inputs.end();
      if (!given || !input.type.dims) continue;
      for (Dim& dim : *input.type.dims) {
        if (dim.size == size) dim = {{}, "N"};
      }
    }
    for (ValueInfo& output : open.model.graph.outputs) {
      if (output.type.dims) std::ranges::fill(*output.type.dims, Dim{});
    }
    const int64_t others[] = {size + 1, 2 * size, size + random.Between(1, 9), 1,
                              std::max<int64_t>(1, size - 1)};
    std::vector<InputSet> runs;
    const auto wanted = static_cast<size_t>(random.Chance(1, 3) ? 2 : 1);
    for (int draw = 0; draw < 3 && runs.size() < wanted; ++draw) {
      const int64_t other = others[random.Index(std::size(others))];
      if (other == size || other > kMaxDim) continue;
      if (auto inputs = InputsAt(open, size, other, random)) runs.push_back(std::move(*inputs));
    }
    if (runs.empty()) continue;
    runs.push_back(open.inputs);
    open.options.more_runs = std::move(runs);
    made = std::move(open);
    return true;
  }
  return false;
}

}  // namespace moire
