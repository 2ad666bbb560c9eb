// Pass "ranks": drops an axis of size 1 from the tensors, and what names it: axis attributes, perm,
// window attributes, and integer tensors that hold axes or a number for each axis. Which of them a
// model means is not known here; each reading is tried, and the wrong ones are refused.
#include <algorithm>

#include "synth/edit.h"
#include "synth/passes/passes.h"

namespace moire {
namespace {

constexpr int64_t kShapeLike = 16;     // elements of an integer tensor that may name axes or dims
constexpr int64_t kSpatialOffset = 2;  // batch and channel come before the axes of windows

enum class Reading {
  kNothing,      // nothing names the axis
  kNumbers,      // lists hold one number for each axis
  kAxes,         // lists hold axes
  kWithoutAxis,  // as kNumbers, and `axis` takes its default
};

// An axis as it is counted after `gone` of `rank` axes went; from the end, it stays or moves up.
int64_t Renumbered(int64_t axis, int64_t gone, int64_t rank) {
  if (axis >= 0) return axis > gone ? axis - 1 : axis;
  return axis + rank < gone ? axis + 1 : axis;
}

template <typename List>
void RenumberAxes(List& axes, int64_t gone, int64_t rank) {
  std::erase_if(axes, [&](int64_t axis) { return axis == gone || axis + rank == gone; });
  for (int64_t& axis : axes) axis = Renumbered(axis, gone, rank);
}

// Drops entry `gone` of a list with one number an axis, or both of a list with two (begins, ends).
template <typename List>
void DropNumbers(List& list, int64_t gone, int64_t rank) {
  const auto size = static_cast<int64_t>(list.size());
  if (gone < 0 || (size != rank && size != 2 * rank)) return;
  if (size == 2 * rank) list.erase(list.begin() + gone + rank);
  list.erase(list.begin() + gone);
}

void EditAttributes(Node& node, Reading reading, int64_t gone, int64_t rank) {
  if (reading == Reading::kWithoutAxis) {
    std::erase_if(node.attributes, [](const Attribute& a) { return a.name == "axis"; });
  }
  for (Attribute& attribute : node.attributes) {
    if (auto* number = std::get_if<int64_t>(&attribute.value)) {
      if (attribute.name == "axis") *number = Renumbered(*number, gone, rank);
    } else if (auto* list = std::get_if<Ints>(&attribute.value)) {
      if (attribute.name == "axes" || attribute.name == "perm") {
        RenumberAxes(*list, gone, rank);
      } else {
        DropNumbers(*list, gone - kSpatialOffset, rank - kSpatialOffset);
      }
    }
  }
}

void EditNumbers(Tensor& tensor, Reading reading, int64_t gone, int64_t rank) {
  if (tensor.type != DataType::kInt64 || tensor.shape.size() != 1 || tensor.size() > kShapeLike) {
    return;
  }
  const auto elements = tensor.As<int64_t>();
  Ints list(elements.begin(), elements.end());
  if (reading == Reading::kAxes) {
    RenumberAxes(list, gone, rank);
  } else {
    DropNumbers(list, gone, rank);
  }
  Tensor edited = MakeTensor(DataType::kInt64, {static_cast<int64_t>(list.size())});
  std::ranges::copy(list, edited.As<int64_t>().begin());
  tensor = std::move(edited);
}

// Drops axis `gone` of size 1 from the tensors of rank `rank`; where `all`, from those of lower
// rank too, aligned from the end as broadcasting does.
bool TryDrop(const Sketch& current, const Attempt& attempt, int64_t rank, int64_t gone, bool all,
             Reading reading) {
  Sketch edited = current;
  bool changed = false;
  for (Tensor* tensor : Tensors(edited)) {
    const auto own = static_cast<int64_t>(tensor->shape.size());
    const int64_t at = own - (rank - gone);
    if ((all || own == rank) && at >= 0 && tensor->shape[static_cast<size_t>(at)] == 1) {
      tensor->shape.erase(tensor->shape.begin() + at);
      changed = true;
    } else if (reading != Reading::kNothing) {
      EditNumbers(*tensor, reading, gone, rank);
    }
  }
  if (!changed) return false;
  if (reading != Reading::kNothing) {
    for (Node& node : edited.model.graph.nodes) EditAttributes(node, reading, gone, rank);
  }
  return attempt(std::move(edited));
}

bool DropOne(const Sketch& current, const Attempt& attempt) {
  Sketch probe = current;
  int64_t rank = 0;
  for (const Tensor* tensor : Tensors(probe)) rank = std::max(rank, std::ssize(tensor->shape));
  for (int64_t gone = 0; gone < rank; ++gone) {
    for (const bool all : {true, false}) {
      for (const Reading reading :
           {Reading::kNumbers, Reading::kAxes, Reading::kWithoutAxis, Reading::kNothing}) {
        if (TryDrop(current, attempt, rank, gone, all, reading)) return true;
      }
    }
  }
  return false;
}

void Drop(const Sketch& current, const Attempt& attempt) {
  while (DropOne(current, attempt)) {
  }
}

}  // namespace

const ReductionPass& RanksPass() {
  static const FunctionPass pass("ranks", "drops axes of size 1", Drop);
  return pass;
}

}  // namespace moire
