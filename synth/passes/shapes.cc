// Pass "shapes": smaller dims. First the smallest that keep all constraints, by Z3. Then a size is
// a number that occurs as a dim of the inputs and initializers; it is replaced by 1, 2, half of it
// or a little less, everywhere at once, in one tensor, or along one axis, and what else names that
// number (elements of shape-like integer tensors, attributes) is tried both ways. The reference and
// the runtime refuse what does not fit together, and then the edit is not kept.
#include <algorithm>
#include <set>
#include <utility>

#include "synth/edit.h"
#include "synth/passes/passes.h"
#include "synth/shape_repair.h"

namespace moire {
namespace {

constexpr int64_t kLarge = 16;      // sizes from which on one less is a small step
constexpr int64_t kShapeLike = 16;  // elements of an integer tensor that may hold dims

// The first elements along each axis, or the last.
Tensor Shrink(const Tensor& source, const Shape& shape, bool last) {
  Tensor out = MakeTensor(source.type, shape);
  const Shape strides = Strides(source.shape);
  const int64_t count = out.size();
  for (int64_t flat = 0; flat < count; ++flat) {
    int64_t rest = flat;
    int64_t from = 0;
    for (size_t axis = shape.size(); axis-- > 0;) {
      const int64_t skipped = last ? source.shape[axis] - shape[axis] : 0;
      from += (rest % shape[axis] + skipped) * strides[axis];
      rest /= shape[axis];
    }
    CopyElement(source, from, out, flat);
  }
  return out;
}

bool Handles(const Tensor& tensor) { return Traits(tensor.type).kind != TypeClass::kComplex; }

// Elements of shape-like tensors and integer attributes that name `size`.
void ReplaceNumbers(Sketch& sketch, int64_t size, int64_t smaller) {
  for (Tensor* tensor : Tensors(sketch)) {
    if (tensor->type != DataType::kInt64 || tensor->shape.size() > 1 ||
        tensor->size() > kShapeLike) {
      continue;
    }
    for (int64_t& value : tensor->As<int64_t>()) {
      if (value == size) value = smaller;
    }
  }
  for (Node& node : sketch.model.graph.nodes) {
    for (Attribute& attribute : node.attributes) {
      if (auto* number = std::get_if<int64_t>(&attribute.value)) {
        // `to` and its like name types, not sizes.
        if (*number == size && attribute.name != "to" && attribute.name != "dtype")
          *number = smaller;
      } else if (auto* numbers = std::get_if<Ints>(&attribute.value)) {
        std::ranges::replace(*numbers, size, smaller);
      }
    }
  }
}

std::set<int64_t> Sizes(Sketch sketch) {
  std::set<int64_t> sizes;
  for (const Tensor* tensor : Tensors(sketch))
    sizes.insert(tensor->shape.begin(), tensor->shape.end());
  sizes.erase(0);
  sizes.erase(1);
  return sizes;
}

// 1, 2, half, and where that is too small, from large sizes in steps that halve down to one less.
std::set<int64_t> Smaller(int64_t size) {
  std::set<int64_t> smaller = {1, 2, size / 2, size - 1};
  for (int64_t step = size / 4; size >= kLarge && step > 0; step /= 2) smaller.insert(size - step);
  std::erase_if(smaller, [&](int64_t s) { return s < 1 || s >= size; });
  return smaller;
}

// `axis` and `index` of -1 stand for all.
bool TrySize(const Sketch& current, const Attempt& attempt, int64_t size, int64_t smaller,
             int64_t index, int64_t axis) {
  for (const auto [numbers, last] : {std::pair(true, false), std::pair(false, false),
                                     std::pair(true, true), std::pair(false, true)}) {
    Sketch edited = current;
    const std::vector<Tensor*> tensors = Tensors(edited);
    bool changed = false;
    for (size_t t = 0; t < tensors.size(); ++t) {
      if (index >= 0 && static_cast<size_t>(index) != t) continue;
      Shape shape = tensors[t]->shape;
      for (size_t a = 0; a < shape.size(); ++a) {
        if (shape[a] == size && (axis < 0 || static_cast<size_t>(axis) == a)) shape[a] = smaller;
      }
      if (shape == tensors[t]->shape || !Handles(*tensors[t])) continue;
      *tensors[t] = Shrink(*tensors[t], shape, last);
      changed = true;
    }
    if (!changed) return false;
    if (numbers) ReplaceNumbers(edited, size, smaller);
    if (attempt(std::move(edited))) return true;
  }
  return false;
}

void ShrinkEverywhere(const Sketch& current, const Attempt& attempt) {
  const std::set<int64_t> sizes = Sizes(current);
  for (auto size = sizes.rbegin(); size != sizes.rend(); ++size) {
    for (int64_t now = *size; now > 1;) {
      const std::set<int64_t> smaller = Smaller(now);
      const auto kept = std::ranges::find_if(
          smaller, [&](int64_t s) { return TrySize(current, attempt, now, s, -1, -1); });
      if (kept == smaller.end()) break;
      now = *kept;
    }
  }
}

void ShrinkOne(const Sketch& current, const Attempt& attempt) {
  Sketch probe = current;
  const size_t count = Tensors(probe).size();
  for (size_t t = 0; t < count; ++t) {
    for (size_t axis = 0;; ++axis) {
      probe = current;
      if (t >= Tensors(probe).size() || axis >= Tensors(probe)[t]->shape.size()) break;
      const int64_t size = Tensors(probe)[t]->shape[axis];
      for (const int64_t smaller : Smaller(size)) {
        if (TrySize(current, attempt, size, smaller, static_cast<int64_t>(t),
                    static_cast<int64_t>(axis))) {
          break;
        }
      }
    }
  }
}

// All at once: the smallest sizes that keep what the operators tie together.
void ShrinkToSmallest(const Sketch& current, const Attempt& attempt) {
  if (Sizes(current).empty()) return;
  std::optional<Sketch> smallest = SmallestShapes(current, ComputeValues(current));
  if (smallest) attempt(std::move(*smallest));
}

// Half of the entries of a map, or one.
void ShrinkMaps(const Sketch& current, const Attempt& attempt) {
  for (size_t i = 0; i < current.inputs.size(); ++i) {
    if (!current.inputs[i].IsMap()) continue;
    for (int64_t run = current.inputs[i].tensor.size() / 2; run > 0; run /= 2) {
      for (int64_t first = 0; first + run <= current.inputs[i].tensor.size();) {
        Sketch edited = current;
        NamedTensor& map = edited.inputs[i];
        for (Tensor* part : {&map.keys, &map.tensor}) {
          const Tensor whole = *part;
          *part = MakeTensor(whole.type, {whole.size() - run});
          for (int64_t to = 0; to < part->size(); ++to) {
            CopyElement(whole, to < first ? to : to + run, *part, to);
          }
        }
        if (!attempt(std::move(edited))) first += run;
      }
    }
  }
}

void Simplify(const Sketch& current, const Attempt& attempt) {
  ShrinkMaps(current, attempt);
  ShrinkToSmallest(current, attempt);
  ShrinkEverywhere(current, attempt);
  ShrinkOne(current, attempt);
}

}  // namespace

const ReductionPass& ShapesPass() {
  static const FunctionPass pass("shapes", "smaller dims", Simplify);
  return pass;
}

}  // namespace moire
