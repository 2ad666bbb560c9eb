// Windows over spatial dims: convolution, pooling, Col2Im. Formulas of the operator pages.
#include <algorithm>

#include "harness/shapes/rules.h"

namespace moire::shapes {
namespace {

struct Window {
  TermList strides, dilations, begins, ends;
  std::string auto_pad;
};

std::optional<Window> ReadWindow(NodeTerms& t, size_t rank) {
  const auto strides = t.List("strides", rank, 1);
  const auto dilations = t.List("dilations", rank, 1);
  const auto pads = t.List("pads", 2 * rank, 0);
  if (!strides || !dilations || !pads) return std::nullopt;
  const auto middle = pads->begin() + static_cast<int64_t>(rank);
  Window w{*strides, *dilations, TermList(pads->begin(), middle), TermList(middle, pads->end()),
           t.node.String("auto_pad", "NOTSET")};
  if (w.auto_pad != "NOTSET" && t.node.Find("pads") != nullptr) return std::nullopt;
  for (const Term& pad : *pads) t.Require(pad >= 0);
  return w;
}

// (kernel - 1) * dilation + 1
Term Extent(NodeTerms& t, const Term& kernel, const Term& dilation) {
  t.Require(kernel >= 1);
  return Times(t, dilation, kernel - 1) + 1;
}

// Dims of the output; what does not fit is required away.
std::optional<TermList> Slide(NodeTerms& t, const TermList& x, const TermList& kernel) {
  const size_t rank = x.size() - 2;
  const auto w = kernel.size() == rank ? ReadWindow(t, rank) : std::nullopt;
  if (!w) return std::nullopt;
  const bool ceil_mode = t.node.Int("ceil_mode", 0) != 0;
  TermList out;
  for (size_t i = 0; i < rank; ++i) {
    const Term& dim = x[i + 2];
    const Term extent = Extent(t, kernel[i], w->dilations[i]);
    t.Require(dim >= 1);
    if (w->auto_pad.starts_with("SAME")) {
      const Term size =
          OverFactors(t, w->strides[i], [&](int64_t s) { return (dim + (s - 1)) / s; });
      // A stride beyond the kernel would need negative padding.
      t.Require(Times(t, w->strides[i], size - 1) + extent >= dim);
      out.push_back(size);
      continue;
    }
    const bool valid = w->auto_pad == "VALID";
    const Term room = dim + (valid ? Term(0) : w->begins[i] + w->ends[i]) - extent;
    t.Require(room >= 0);
    Term size = Quotient(t, room, w->strides[i]) + 1;
    if (ceil_mode && !valid) {
      // The last window must start inside the input or the padding before it.
      const Term rest = OverFactors(t, w->strides[i], [&](int64_t s) { return room % s; });
      const bool one_stride = w->strides[i].Constant() == 1;
      if (!one_stride) {
        const Term start = Times(t, w->strides[i], size);
        size = Select(rest != 0 && start < dim + w->begins[i], size + 1, size);
      }
    }
    out.push_back(size);
  }
  return out;
}

void RequireKernel(NodeTerms& t, const TermList& kernel) {
  if (t.node.Find("kernel_shape") == nullptr) return;
  const auto named = t.List("kernel_shape", kernel.size(), 0);
  for (size_t i = 0; i < kernel.size(); ++i) {
    t.Require(named ? (*named)[i] == kernel[i] : Term(0) == 1);
  }
}

bool RequireVector(NodeTerms& t, size_t input, const Term& size) {
  if (!t.Given(input)) return true;
  const TermList* each = t.In(input);
  if (each == nullptr || each->size() != 1) return false;
  t.Require((*each)[0] == size);
  return true;
}

bool Conv(NodeTerms& t) {
  const TermList* x = t.In(0);
  const TermList* w = t.In(1);
  if (x == nullptr || w == nullptr || x->size() < 3 || w->size() != x->size()) return false;
  const TermList kernel(w->begin() + 2, w->end());
  const Term group = t.Number("group", 1);
  t.Require((*x)[1] == Times(t, group, (*w)[1]));
  RequireDivides(t, group, (*w)[0]);
  t.Require((*w)[0] >= 1);
  RequireKernel(t, kernel);
  const auto spatial = Slide(t, *x, kernel);
  if (!spatial || (t.node.op == "Conv" && !RequireVector(t, 2, (*w)[0]))) return false;
  TermList out = {(*x)[0], (*w)[0]};
  out.insert(out.end(), spatial->begin(), spatial->end());
  t.Out(0, std::move(out));
  return true;
}

// With output_shape the padding follows from it: what the strided input covers beyond it, which is
// not negative.
bool ConvTranspose(NodeTerms& t) {
  const TermList* x = t.In(0);
  const TermList* w = t.In(1);
  if (x == nullptr || w == nullptr || x->size() < 3 || w->size() != x->size()) return false;
  const size_t rank = x->size() - 2;
  const auto window = ReadWindow(t, rank);
  const auto added = t.List("output_padding", rank, 0);
  const bool shaped = t.node.Find("output_shape") != nullptr;
  const auto wanted = t.List("output_shape", rank, 1);
  if (!window || !added || !wanted) return false;
  const TermList kernel(w->begin() + 2, w->end());
  const Term group = t.Number("group", 1);
  t.Require((*x)[1] == (*w)[0]);
  RequireDivides(t, group, (*x)[1]);
  RequireKernel(t, kernel);
  const Term filters = Times(t, group, (*w)[1]);
  if (!RequireVector(t, 2, filters)) return false;
  TermList out = {(*x)[0], filters};
  for (size_t i = 0; i < rank; ++i) {
    const Term& stride = window->strides[i];
    const Term extent = Extent(t, kernel[i], window->dilations[i]);
    t.Require((*x)[i + 2] >= 1);
    t.Require((*added)[i] >= 0 && (*added)[i] < Max(stride, window->dilations[i]));
    const Term covered = Times(t, stride, (*x)[i + 2] - 1) + (*added)[i] + extent;
    Term size = covered;
    if (shaped) {
      size = (*wanted)[i];
      t.Require(size <= covered);
    } else if (window->auto_pad.starts_with("SAME")) {
      t.Require(stride <= extent + (*added)[i]);
      size = Times(t, stride, (*x)[i + 2]);
    } else if (window->auto_pad == "NOTSET") {
      size = covered - window->begins[i] - window->ends[i];
    }
    t.Require(size >= 1);
    out.push_back(size);
  }
  t.Out(0, std::move(out));
  return true;
}

// Padding as wide as the kernel would give windows of nothing but padding.
bool Pool(NodeTerms& t) {
  const TermList* x = t.In(0);
  if (x == nullptr || x->size() < 3) return false;
  const size_t rank = x->size() - 2;
  const auto kernel = t.List("kernel_shape", rank, 0);
  const auto pads = t.List("pads", 2 * rank, 0);
  if (!kernel || !pads) return false;
  for (size_t i = 0; i < 2 * rank; ++i) t.Require((*pads)[i] < (*kernel)[i % rank]);
  const auto spatial = Slide(t, *x, *kernel);
  if (!spatial) return false;
  for (size_t k = 0; k < t.node.outputs.size(); ++k) {
    TermList out = {(*x)[0], (*x)[1]};
    out.insert(out.end(), spatial->begin(), spatial->end());
    t.Out(k, std::move(out));
  }
  return true;
}

bool GlobalPool(NodeTerms& t) {
  const TermList* x = t.In(0);
  if (x == nullptr || x->size() < 3) return false;
  TermList out(x->size(), Term(1));
  out[0] = (*x)[0];
  out[1] = (*x)[1];
  t.Out(0, std::move(out));
  return true;
}

// Columns [N, C * product(block), positions], where the positions of a block follow from the image.
bool Col2Im(NodeTerms& t) {
  const TermList* x = t.In(0);
  const TermList* image = t.Elements(1);
  const TermList* block = t.Elements(2);
  if (x == nullptr || x->size() != 3 || image == nullptr || block == nullptr ||
      image->size() != block->size() || image->empty()) {
    return false;
  }
  const auto w = ReadWindow(t, image->size());
  if (!w) return false;
  Term positions = 1;
  for (size_t i = 0; i < image->size(); ++i) {
    const Term extent = Extent(t, (*block)[i], w->dilations[i]);
    const Term room = (*image)[i] + w->begins[i] + w->ends[i] - extent;
    t.Require((*image)[i] >= 1 && room >= 0);
    positions = positions * (Quotient(t, room, w->strides[i]) + 1);
  }
  const Term taps = Product(*block, 0, block->size());
  t.Require((*x)[2] == positions);
  t.Require((*x)[1] % taps == 0);
  TermList out = {(*x)[0], (*x)[1] / taps};
  out.insert(out.end(), image->begin(), image->end());
  t.Out(0, std::move(out));
  return true;
}

constexpr OperatorRule kWindows[] = {
    {"AveragePool", Pool, {"kernel_shape", "pads", "strides", "dilations"}},
    {"Col2Im", Col2Im, {"pads", "strides", "dilations"}, 1 << 1 | 1 << 2},
    {"Conv", Conv, {"group", "kernel_shape", "pads", "strides", "dilations"}},
    {"ConvInteger", Conv, {"group", "kernel_shape", "pads", "strides", "dilations"}},
    {"ConvTranspose", ConvTranspose, {"group", "output_shape", "output_padding", "pads"}},
    {"GlobalAveragePool", GlobalPool},
    {"GlobalLpPool", GlobalPool},
    {"GlobalMaxPool", GlobalPool},
    {"LpPool", Pool, {"kernel_shape", "pads", "strides", "dilations"}},
    {"MaxPool", Pool, {"kernel_shape", "pads", "strides", "dilations"}},
};

}  // namespace

RuleTable WindowRules() { return kWindows; }

}  // namespace moire::shapes
