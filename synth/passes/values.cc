// Pass "values": makes the elements of inputs and initializers 0, 1 or small integers: whole
// tensors first, then halves, quarters and, in small tensors, single elements.
#include <algorithm>
#include <cmath>

#include "synth/edit.h"
#include "synth/passes/passes.h"

namespace moire {
namespace {

constexpr int64_t kSingleElements = 32;  // beyond that only runs of elements are edited

// How a run of elements is made plain. Returns false when it changes nothing.
using Plain = void (*)(Tensor&, int64_t element);

void Put(Tensor& tensor, int64_t i, double value) {
  if (IsFloat(tensor.type)) {
    SetFloat(tensor, i, value);
  } else {
    SetInt(tensor, i, static_cast<int64_t>(value));
  }
}

void Zero(Tensor& tensor, int64_t i) { Put(tensor, i, 0); }
void One(Tensor& tensor, int64_t i) { Put(tensor, i, 1); }
void SmallInteger(Tensor& tensor, int64_t i) {
  const double value =
      IsFloat(tensor.type) ? GetFloat(tensor, i) : static_cast<double>(GetInt(tensor, i));
  if (std::isfinite(value)) Put(tensor, i, std::clamp(std::trunc(value), -8.0, 8.0));
}
void Integer(Tensor& tensor, int64_t i) {
  if (!IsFloat(tensor.type)) return;
  const double value = GetFloat(tensor, i);
  if (std::isfinite(value)) Put(tensor, i, std::trunc(value));
}
void Positive(Tensor& tensor, int64_t i) {
  if (IsFloat(tensor.type)) {
    Put(tensor, i, std::abs(GetFloat(tensor, i)));
  } else if (GetInt(tensor, i) < 0 && GetInt(tensor, i) > INT64_MIN) {
    SetInt(tensor, i, -GetInt(tensor, i));
  }
}
constexpr Plain kPlain[] = {Zero, One, SmallInteger, Integer, Positive};

void Simplify(const Sketch& current, const Attempt& attempt) {
  Sketch probe = current;
  const size_t count = Tensors(probe).size();
  for (size_t t = 0; t < count; ++t) {
    probe = current;
    const Tensor& tensor = *Tensors(probe)[t];
    if (!IsFloat(tensor.type) && !IsExact(tensor.type)) continue;
    const int64_t size = tensor.size();
    for (int64_t run = size; run > 0; run /= 2) {
      if (run < size && run < std::max<int64_t>(1, size / 4) && size > kSingleElements) break;
      for (int64_t first = 0; first < size; first += run) {
        for (const Plain plain : kPlain) {
          Sketch edited = current;
          Tensor& target = *Tensors(edited)[t];
          int64_t before = 0;
          int64_t after = 0;
          for (int64_t i = first; i < std::min(first + run, size); ++i) {
            before += ValueCost(target, i);
            plain(target, i);
            after += ValueCost(target, i);
          }
          if (after < before && attempt(std::move(edited))) break;
        }
      }
    }
  }
}

}  // namespace

const ReductionPass& ValuesPass() {
  static const FunctionPass pass("values", "makes values 0, 1 or small integers", Simplify);
  return pass;
}

}  // namespace moire
