#include "fuzzers/generate/geometry.h"

#include <algorithm>

#include "fuzzers/generate/solved_windows.h"

namespace moire {
namespace {

constexpr int64_t kLargest = int64_t{1} << 24;  // of an attribute that is taken seriously

struct Attributes {
  Ints strides, dilations, pads;
  std::string auto_pad;
};

std::optional<Attributes> Read(const Node& node, size_t rank) {
  Attributes out{node.IntList("strides", Ints(rank, 1)), node.IntList("dilations", Ints(rank, 1)),
                 node.IntList("pads", Ints(2 * rank, 0)), node.String("auto_pad", "NOTSET")};
  if (out.strides.size() != rank || out.dilations.size() != rank || out.pads.size() != 2 * rank) {
    return std::nullopt;
  }
  const auto within = [](const Ints& values, int64_t low) {
    return std::ranges::all_of(values, [=](int64_t v) { return v >= low && v <= kLargest; });
  };
  if (!within(out.strides, 1) || !within(out.dilations, 1) || !within(out.pads, 0)) {
    return std::nullopt;
  }
  const bool explicit_pads = out.auto_pad == "NOTSET";
  if (!explicit_pads && out.auto_pad != "SAME_UPPER" && out.auto_pad != "SAME_LOWER" &&
      out.auto_pad != "VALID") {
    return std::nullopt;
  }
  if (!explicit_pads && node.Find("pads") != nullptr) return std::nullopt;
  return out;
}

}  // namespace

std::optional<Shape> WindowOutput(const Node& node, Dims spatial, Dims kernel) {
  const size_t rank = spatial.size();
  const auto a = Read(node, rank);
  if (!a || kernel.size() != rank) return std::nullopt;
  const bool ceil_mode = node.Int("ceil_mode", 0) != 0;
  Shape out;
  for (size_t i = 0; i < rank; ++i) {
    if (kernel[i] < 1 || kernel[i] > kLargest || spatial[i] < 1) return std::nullopt;
    const int64_t extent = (kernel[i] - 1) * a->dilations[i] + 1;
    int64_t size = 0;
    if (a->auto_pad == "SAME_UPPER" || a->auto_pad == "SAME_LOWER") {
      size = (spatial[i] + a->strides[i] - 1) / a->strides[i];
      // A stride beyond the kernel would need negative padding.
      if ((size - 1) * a->strides[i] + extent < spatial[i]) return std::nullopt;
    } else {
      const bool valid = a->auto_pad == "VALID";
      const int64_t padded = spatial[i] + (valid ? 0 : a->pads[i] + a->pads[rank + i]);
      if (padded < extent) return std::nullopt;
      size = (padded - extent) / a->strides[i] + 1;
      if (ceil_mode && !valid && (padded - extent) % a->strides[i] != 0) {
        // The last window must start inside the input or the padding before it.
        if (size * a->strides[i] < spatial[i] + a->pads[i]) ++size;
      }
    }
    out.push_back(size);
  }
  return out;
}

std::optional<Shape> TransposedOutput(const Node& node, Dims spatial, Dims kernel) {
  const size_t rank = spatial.size();
  const auto a = Read(node, rank);
  const Ints padding = node.IntList("output_padding", Ints(rank, 0));
  if (!a || kernel.size() != rank || padding.size() != rank) return std::nullopt;
  Shape out;
  for (size_t i = 0; i < rank; ++i) {
    if (kernel[i] < 1 || kernel[i] > kLargest || spatial[i] < 1 || padding[i] < 0 ||
        padding[i] >= std::max(a->strides[i], a->dilations[i])) {
      return std::nullopt;
    }
    const int64_t extent = (kernel[i] - 1) * a->dilations[i] + 1;
    int64_t size = a->strides[i] * (spatial[i] - 1) + padding[i] + extent;
    if (a->auto_pad == "SAME_UPPER" || a->auto_pad == "SAME_LOWER") {
      // A stride beyond the kernel would need negative padding: the page does not say.
      if (a->strides[i] > extent + padding[i]) return std::nullopt;
      size = spatial[i] * a->strides[i];
    } else if (a->auto_pad == "NOTSET") {
      size -= a->pads[i] + a->pads[rank + i];
    }
    if (size < 1) return std::nullopt;
    out.push_back(size);
  }
  return out;
}

bool PadsSmallerThanKernel(const Node& node, Dims kernel) {
  const Ints pads = node.IntList("pads", Ints(2 * kernel.size(), 0));
  if (pads.size() != 2 * kernel.size()) return false;
  for (size_t i = 0; i < pads.size(); ++i) {
    if (pads[i] >= kernel[i % kernel.size()]) return false;
  }
  return true;
}

WindowChoice DrawWindow(Dims spatial, WindowKind kind, Random& random) {
  WindowChoice out;
  const size_t rank = spatial.size();
  const uint64_t padding_mode = random.Below(10);
  if (padding_mode == 0) out.auto_pad = "SAME_UPPER";
  if (padding_mode == 1) out.auto_pad = "SAME_LOWER";
  if (padding_mode == 2) out.auto_pad = "VALID";
  const bool same = out.auto_pad.starts_with("SAME");
  // Runtimes rarely implement both together.
  const bool may_dilate = !same || random.Chance(1, 20);
  Ints begins;
  Ints ends;
  for (size_t i = 0; i < rank; ++i) {
    if (out.auto_pad.empty() && random.Chance(1, 8)) {
      // A window that hits a corner of the formula.
      if (const SolvedWindow* solved = FindSolvedWindow(spatial[i], kind, random.Next())) {
        out.kernel.push_back(solved->kernel);
        out.dilations.push_back(solved->dilation);
        out.strides.push_back(solved->stride);
        begins.push_back(solved->begin);
        ends.push_back(solved->end);
        continue;
      }
    }
    const int64_t kernel = random.Between(1, random.Chance(1, 6) ? 5 : 3);
    const bool pads = out.auto_pad.empty() && random.Chance(1, 2);
    // Pools need a padding below the kernel.
    const int64_t most = kind == WindowKind::kPool ? kernel - 1 : 2;
    int64_t begin = pads ? random.Between(0, most) : 0;
    int64_t end = pads ? random.Between(0, most) : 0;
    const int64_t room = spatial[i] + begin + end;
    int64_t fitted = kernel;
    int64_t dilation = may_dilate && random.Chance(1, 5) ? 2 : 1;
    if (kind == WindowKind::kConvTranspose) {
      if (begin + end > (spatial[i] - 1) + (kernel - 1) * dilation) begin = end = 0;
    } else if (!same) {
      if ((kernel - 1) * dilation + 1 > room) dilation = 1;
      fitted = std::min(kernel, room);
      if (kind == WindowKind::kPool && std::max(begin, end) >= fitted) begin = end = 0;
      fitted = std::min(fitted, spatial[i] + begin + end);
    } else if ((kernel - 1) * dilation + 1 > spatial[i] + kernel) {
      dilation = 1;
    }
    out.kernel.push_back(fitted);
    out.dilations.push_back(dilation);
    out.strides.push_back(random.Between(1, random.Chance(1, 3) ? 3 : 1));
    begins.push_back(begin);
    ends.push_back(end);
  }
  out.pads = begins;
  out.pads.insert(out.pads.end(), ends.begin(), ends.end());
  return out;
}

}  // namespace moire
