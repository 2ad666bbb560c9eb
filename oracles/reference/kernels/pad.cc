// Pad (constant, reflect, edge, wrap) and CenterCropPad.
#include <algorithm>

#include "oracles/reference/kernels/families.h"
#include "oracles/reference/kernels/movement_util.h"

namespace moire {
namespace {

struct AxisPad {
  int64_t before = 0;
  int64_t after = 0;
};

// The coordinate in [0, dim) that coordinate `at` of the padded axis shows; -1: the constant.
// dim > 0; reflect: |at| stays within one reflection.
int64_t Source(std::string_view mode, int64_t at, int64_t dim) {
  if (at >= 0 && at < dim) return at;
  if (mode == "constant") return -1;
  if (mode == "edge") return std::clamp(at, int64_t{0}, dim - 1);
  if (mode == "wrap") return ((at % dim) + dim) % dim;
  return at < 0 ? -at : 2 * (dim - 1) - at;
}

Status CheckAxis(std::string_view mode, const AxisPad& pad, int64_t dim, int64_t* out) {
  int64_t total = 0;
  if (__builtin_add_overflow(pad.before, pad.after, &total) ||
      __builtin_add_overflow(total, dim, &total)) {
    return Fail(ErrorCode::kOverBudget, "a padded axis leaves int64");
  }
  if (total < 0) return Fail(ErrorCode::kInvalidInput, "pads take {} from {}", dim - total, dim);
  *out = total;
  const int64_t most = std::max(pad.before, pad.after);
  if (mode == "constant" || most <= 0) return {};
  const int64_t kept = dim + std::min<int64_t>(pad.before, 0) + std::min<int64_t>(pad.after, 0);
  if (kept <= 0) return Fail(ErrorCode::kInvalidInput, "mode {} pads an empty axis", mode);
  // The page speaks of one reflection only.
  if (mode == "reflect" && most > kept - 1) {
    return Fail(ErrorCode::kInvalidInput, "reflecting {} around an axis of {}", most, kept);
  }
  return {};
}

Result<std::vector<AxisPad>> ReadPads(const KernelContext& ctx, size_t rank) {
  Ints pads;
  Ints axes(rank);
  for (size_t d = 0; d < rank; ++d) axes[d] = static_cast<int64_t>(d);
  if (ctx.opset() < 11) {
    pads = ctx.node().IntList("pads");
  } else {
    MOIRE_ASSIGN(pads, ctx.ExactList(1));
    if (ctx.opset() >= 18 && ctx.Input(3) != nullptr) {
      MOIRE_ASSIGN(const Ints given, ctx.ExactList(3));
      MOIRE_ASSIGN(axes, Axes(given, rank));
    }
  }
  if (pads.size() != 2 * axes.size()) {
    return Fail(ErrorCode::kInvalidInput, "{} pads for {} axes", pads.size(), axes.size());
  }
  std::vector<AxisPad> out(rank);
  for (size_t k = 0; k < axes.size(); ++k) {
    out[static_cast<size_t>(axes[k])] = {pads[k], pads[k + axes.size()]};
  }
  return out;
}

Status Pad(KernelContext& ctx) {
  const RangeTensor& data = ctx.In(0);
  const std::string mode = ctx.node().String("mode", "constant");
  const bool known = mode == "constant" || mode == "reflect" || mode == "edge" ||
                     (mode == "wrap" && ctx.opset() >= 19);
  if (!known) return Fail(ErrorCode::kInvalidInput, "mode '{}'", mode);
  MOIRE_ASSIGN(const std::vector<AxisPad> pads, ReadPads(ctx, data.shape.size()));
  Shape shape(data.shape.size());
  for (size_t d = 0; d < shape.size(); ++d) {
    MOIRE_TRY(CheckAxis(mode, pads[d], data.shape[d], &shape[d]));
  }
  MOIRE_ASSIGN(std::vector<AxisTable> tables, MakeAxisTables(ctx, shape));
  const Shape strides = Strides(data.shape);
  // A negative pad removes; ONNX does not say whether before or after the other side is padded.
  // Coordinates where the two differ are unspecified.
  std::vector<std::vector<bool>> open(shape.size());
  bool any_open = false;
  for (size_t d = 0; d < shape.size(); ++d) {
    const int64_t cut = std::max<int64_t>(-pads[d].before, 0);
    const int64_t kept = data.shape[d] - cut - std::max<int64_t>(-pads[d].after, 0);
    open[d].resize(tables[d].size());
    for (size_t i = 0; i < tables[d].size(); ++i) {
      const int64_t at = static_cast<int64_t>(i) - pads[d].before;
      int64_t from = Source(mode, at, data.shape[d]);
      if (mode != "constant" && kept > 0) {
        const int64_t cropped_first = Source(mode, at - cut, kept) + cut;
        open[d][i] = cropped_first != from;
        any_open |= open[d][i];
        from = cropped_first;
      }
      tables[d][i] = from < 0 ? -1 : from * strides[d];
    }
  }
  MOIRE_ASSIGN(const std::vector<int64_t> index, IndexMap(ctx, tables));
  MOIRE_TRY(Move(ctx, 0, data, shape, index));
  RangeTensor& out = ctx.Out(0);
  if (mode == "constant") {
    if (ctx.opset() >= 11 && ctx.Input(2) != nullptr) {
      if (ctx.In(2).size() != 1 || ctx.In(2).type != data.type) {
        return Fail(ErrorCode::kInvalidInput, "constant_value is not one {}", Name(data.type));
      }
      FillMissing(out, index, ctx.In(2));
    } else if (ctx.opset() < 11) {
      RangeTensor fill = MakeRangeTensor(data.type, {});
      fill.value.assign(1, static_cast<double>(ctx.node().Float("value", 0)));
      Round(fill);
      FillMissing(out, index, fill);
    }
  }
  const Shape out_strides = Strides(shape);
  for (int64_t i = 0; any_open && i < out.size(); ++i) {
    for (size_t d = 0; d < shape.size(); ++d) {
      if (open[d][static_cast<size_t>(i / out_strides[d] % shape[d])]) {
        out.AddMark(static_cast<size_t>(i), kUnspecified);
      }
    }
  }
  return {};
}

Status CenterCropPad(KernelContext& ctx) {
  const RangeTensor& data = ctx.In(0);
  MOIRE_ASSIGN(const Ints sizes, ctx.ExactList(1));
  Ints axes(data.shape.size());
  for (size_t d = 0; d < axes.size(); ++d) axes[d] = static_cast<int64_t>(d);
  if (ctx.node().Find("axes") != nullptr) {
    MOIRE_ASSIGN(axes, Axes(ctx.node().IntList("axes"), data.shape.size()));
  }
  if (sizes.size() != axes.size()) {
    return Fail(ErrorCode::kInvalidInput, "{} sizes for {} axes", sizes.size(), axes.size());
  }
  Shape shape = data.shape;
  for (size_t k = 0; k < axes.size(); ++k) shape[static_cast<size_t>(axes[k])] = sizes[k];
  MOIRE_ASSIGN(std::vector<AxisTable> tables, MakeAxisTables(ctx, shape));
  const Shape strides = Strides(data.shape);
  for (size_t d = 0; d < tables.size(); ++d) {
    // Half of the difference, rounded down, is cut or padded in front.
    const int64_t start = shape[d] < data.shape[d] ? (data.shape[d] - shape[d]) / 2
                                                   : -((shape[d] - data.shape[d]) / 2);
    for (size_t i = 0; i < tables[d].size(); ++i) {
      const int64_t at = static_cast<int64_t>(i) + start;
      tables[d][i] = at < 0 || at >= data.shape[d] ? -1 : at * strides[d];
    }
  }
  MOIRE_ASSIGN(const std::vector<int64_t> index, IndexMap(ctx, tables));
  return Move(ctx, 0, data, std::move(shape), index);
}

constexpr KernelEntry kPadKernels[] = {
    {"Pad", 2, kLatest, Pad},
    {"CenterCropPad", 18, kLatest, CenterCropPad},
};

}  // namespace

std::span<const KernelEntry> PadKernels() { return kPadKernels; }

}  // namespace moire
