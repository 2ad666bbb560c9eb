// Dim variables: which dims have to change together. Sizes are tied by operators in too many ways
// to list, so the reference is asked: starting from every site that names the size, each one that
// can keep its size while the others change is let go.
#include <algorithm>

#include "harness/case/value.h"
#include "oracles/reference/reference.h"
#include "synth/minimality.h"

namespace moire {
namespace {

constexpr int64_t kShapeLike = 16;  // elements of an integer tensor that may hold sizes
constexpr size_t kMostSites = 64;   // beyond that all sites of one size are one variable
constexpr int64_t kMostElements = 1 << 20;

// A tensor of another shape with the elements of the first at the same places, and repeated where
// it is larger.
Tensor Resized(const Tensor& source, const Shape& shape) {
  Tensor out = MakeTensor(source.type, shape);
  const Shape strides = Strides(source.shape);
  const int64_t count = source.size() == 0 ? 0 : out.size();
  for (int64_t flat = 0; flat < count; ++flat) {
    int64_t rest = flat;
    int64_t from = 0;
    for (size_t axis = shape.size(); axis-- > 0;) {
      from += rest % shape[axis] % source.shape[axis] * strides[axis];
      rest /= shape[axis];
    }
    CopyElement(source, from, out, flat);
  }
  return out;
}

bool NamesType(const Attribute& attribute) {
  return attribute.name == "to" || attribute.name == "dtype";
}

bool SetSite(Sketch& sketch, const SizeSite& site, int64_t size) {
  if (site.kind == SizeSite::Kind::kAttribute) {
    for (Attribute& attribute : sketch.model.graph.nodes[site.tensor].attributes) {
      if (attribute.name != site.attribute) continue;
      if (auto* number = std::get_if<int64_t>(&attribute.value)) *number = size;
      if (auto* list = std::get_if<Ints>(&attribute.value)) (*list)[site.index] = size;
    }
    return true;
  }
  Tensor& tensor = *Tensors(sketch)[site.tensor];
  if (site.kind == SizeSite::Kind::kElement) {
    // An earlier site may have shortened the tensor.
    if (static_cast<int64_t>(site.index) < tensor.size()) {
      SetInt(tensor, static_cast<int64_t>(site.index), size);
    }
    return true;
  }
  if (Traits(tensor.type).kind == TypeClass::kComplex) return false;
  Shape shape = tensor.shape;
  shape[site.index] = size;
  const auto count = CheckedCount(shape);
  if (!count || *count > kMostElements) return false;
  tensor = Resized(tensor, shape);
  return true;
}

bool Evaluates(const Sketch& sketch) {
  return Evaluate(sketch.model, sketch.inputs).status == ReferenceStatus::kEvaluated;
}

bool WorksWith(const Sketch& sketch, const std::vector<SizeSite>& sites, int64_t size) {
  Sketch edited = sketch;
  return SetDimVariable(edited, {0, sites}, size) && Evaluates(edited);
}

// The least set of sites around `anchor` that can take another size; all of them where none can.
std::vector<SizeSite> Tied(const Sketch& sketch, const SizeSite& anchor,
                           const std::vector<SizeSite>& all, int64_t size) {
  for (const int64_t other : {size + 1, size - 1, int64_t{1}}) {
    if (other < 0 || other == size) continue;
    if (WorksWith(sketch, {anchor}, other)) return {anchor};
    std::vector<SizeSite> sites = all;
    if (!WorksWith(sketch, sites, other)) {
      // Numbers that are equal by chance (an axis, a flag) may have to stay.
      std::erase_if(sites, [&](const SizeSite& s) { return s.kind != SizeSite::Kind::kDim; });
      if (!WorksWith(sketch, sites, other)) continue;
    }
    for (size_t i = 0; i < sites.size();) {
      std::vector<SizeSite> fewer = sites;
      fewer.erase(fewer.begin() + static_cast<std::ptrdiff_t>(i));
      if (sites[i] != anchor && WorksWith(sketch, fewer, other)) {
        sites = std::move(fewer);
      } else {
        ++i;
      }
    }
    return sites;
  }
  return all;
}

}  // namespace

bool IsShapeLike(const Tensor& tensor) {
  return tensor.type == DataType::kInt64 && tensor.shape.size() <= 1 && tensor.size() <= kShapeLike;
}

std::vector<SizeSite> SitesOf(Sketch& sketch, int64_t size) {
  std::vector<SizeSite> sites;
  const std::vector<Tensor*> tensors = Tensors(sketch);
  for (size_t t = 0; t < tensors.size(); ++t) {
    for (size_t a = 0; a < tensors[t]->shape.size(); ++a) {
      if (tensors[t]->shape[a] == size) sites.push_back({SizeSite::Kind::kDim, t, a, {}});
    }
    if (!IsShapeLike(*tensors[t])) continue;
    for (int64_t i = 0; i < tensors[t]->size(); ++i) {
      if (GetInt(*tensors[t], i) != size) continue;
      sites.push_back({SizeSite::Kind::kElement, t, static_cast<size_t>(i), {}});
    }
  }
  const auto& nodes = sketch.model.graph.nodes;
  for (size_t n = 0; n < nodes.size(); ++n) {
    for (const Attribute& attribute : nodes[n].attributes) {
      if (NamesType(attribute)) continue;
      if (const auto* number = std::get_if<int64_t>(&attribute.value)) {
        if (*number == size) sites.push_back({SizeSite::Kind::kAttribute, n, 0, attribute.name});
      } else if (const auto* list = std::get_if<Ints>(&attribute.value)) {
        for (size_t i = 0; i < list->size(); ++i) {
          if ((*list)[i] != size) continue;
          sites.push_back({SizeSite::Kind::kAttribute, n, i, attribute.name});
        }
      }
    }
  }
  return sites;
}

bool SetDimVariable(Sketch& sketch, const DimVariable& variable, int64_t size) {
  // Elements first: a dim that shrinks may take them away.
  for (const bool dims : {false, true}) {
    for (const SizeSite& site : variable.sites) {
      if ((site.kind == SizeSite::Kind::kDim) == dims && !SetSite(sketch, site, size)) return false;
    }
  }
  // The declared types follow.
  for (ValueInfo& input : sketch.model.graph.inputs) {
    for (const NamedTensor& given : sketch.inputs) {
      if (given.name == input.name) input.type = TypeOf(given);
    }
  }
  return true;
}

std::vector<DimVariable> FindDimVariables(const Sketch& sketch) {
  Sketch copy = sketch;
  std::set<int64_t> sizes;
  for (const Tensor* tensor : Tensors(copy))
    sizes.insert(tensor->shape.begin(), tensor->shape.end());
  std::vector<DimVariable> variables;
  for (const int64_t size : sizes) {
    if (size == 0) continue;
    const std::vector<SizeSite> all = SitesOf(copy, size);
    std::set<SizeSite> covered;
    for (const SizeSite& site : all) {
      if (site.kind != SizeSite::Kind::kDim || covered.contains(site)) continue;
      DimVariable variable{size, all.size() > kMostSites ? all : Tied(sketch, site, all, size)};
      covered.insert(variable.sites.begin(), variable.sites.end());
      variables.push_back(std::move(variable));
    }
  }
  return variables;
}

}  // namespace moire
