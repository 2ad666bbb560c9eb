// Image operators: sampling, regions of interest, unfolding, deformable convolution.
#include <algorithm>
#include <cmath>

#include "fuzzers/generate/geometry.h"
#include "fuzzers/generate/op_context.h"
#include "fuzzers/generate/ops/families.h"
#include "fuzzers/generate/solved_windows.h"

namespace moire {
namespace {

bool Image(const Value& v) { return v.rank() == 4 && v.count > 0; }

bool ChooseAffineGrid(OpContext& c) {
  const auto fits = [](const Value& v) {
    return v.rank() == 3 && v.count > 0 &&
           ((v.shape[1] == 2 && v.shape[2] == 3) || (v.shape[1] == 3 && v.shape[2] == 4));
  };
  if (!c.Take(0, fits)) {
    if (!c.Make(0,
                c.random().Chance(2, 3) ? Shape{c.random().Between(1, 3), 2, 3} : Shape{1, 3, 4})) {
      return false;
    }
  }
  Ints size = {c.In(0).shape[0], c.random().Between(1, 3)};
  for (int64_t i = 0; i < c.In(0).shape[1]; ++i) size.push_back(c.random().Between(1, 4));
  if (c.random().Chance(1, 2)) c.Set("align_corners", static_cast<int64_t>(c.random().Below(2)));
  return c.Put(1, c.b().AddInts(size)) && c.Done();
}

bool InferAffineGrid(InferContext& c) {
  const Ints* size = c.Known(1);
  if (size == nullptr || c.rank(0) != 3 || (size->size() != 4 && size->size() != 5)) return false;
  const auto spatial = static_cast<int64_t>(size->size()) - 2;
  if (c.shape(0) != Shape{(*size)[0], spatial, spatial + 1}) return false;
  if (std::ranges::any_of(*size, [](int64_t d) { return d < 1 || d > 1 << 12; })) return false;
  c.out[0].shape = {(*size)[0]};
  c.out[0].shape.insert(c.out[0].shape.end(), size->begin() + 2, size->end());
  c.out[0].shape.push_back(spatial);
  return true;
}

void GridRange(InferContext& c) {
  const double m = 4 * c.in[0]->range.Magnitude();
  c.out[0].range = {-m, m};
}

bool ChooseGridSample(OpContext& c) {
  const bool volumes = c.schema().since >= 20 && c.random().Chance(1, 5);
  const auto fits = [&](const Value& v) { return v.rank() == (volumes ? 5 : 4) && v.count > 0; };
  if (!c.Take(0, fits)) return false;
  const Shape x = c.In(0).shape;
  Shape grid = {x[0]};
  for (size_t i = 2; i < x.size(); ++i) grid.push_back(c.random().Between(1, 3));
  grid.push_back(static_cast<int64_t>(x.size()) - 2);
  c.Restrict(1, Has(kFloats, c.type()) ? Bit(c.type()) : Bit(DataType::kFloat));
  const auto same = [&](const Value& v) {
    return v.rank() == static_cast<int64_t>(x.size()) && v.shape[0] == x[0] && v.count > 0 &&
           v.shape.back() == grid.back();
  };
  if (!c.Take(1, same) && !c.TakeShape(1, grid, {-1.2, 1.2})) return false;
  static constexpr std::string_view kOld[] = {"bilinear", "nearest", "bicubic"};
  static constexpr std::string_view kNew[] = {"linear", "nearest", "cubic"};
  static constexpr std::string_view kPadding[] = {"zeros", "border", "reflection"};
  const size_t mode = c.random().Index(volumes ? 2 : 3);
  if (c.random().Chance(2, 3)) {
    c.Set("mode", std::string(c.schema().since >= 20 ? kNew[mode] : kOld[mode]));
  }
  if (c.random().Chance(1, 2)) c.Set("padding_mode", std::string(kPadding[c.random().Index(3)]));
  if (c.random().Chance(1, 2)) c.Set("align_corners", static_cast<int64_t>(c.random().Below(2)));
  return c.Done();
}

bool InferGridSample(InferContext& c) {
  if (!c.Given(0) || !c.Given(1) || c.rank(0) < 4 || c.rank(1) != c.rank(0)) return false;
  const Shape &x = c.shape(0), &grid = c.shape(1);
  if (c.rank(0) > (c.schema.since >= 20 ? 5 : 4) || grid[0] != x[0] ||
      grid.back() != c.rank(0) - 2 || Count(x) == 0 || Count(grid) == 0) {
    return false;
  }
  const std::string mode = c.node.String("mode", "linear");
  if (c.rank(0) == 5 && mode == "cubic") return false;
  c.out[0].shape = {x[0], x[1]};
  c.out[0].shape.insert(c.out[0].shape.end(), grid.begin() + 1, grid.end() - 1);
  return true;
}

void SampleRange(InferContext& c) { c.out[0].range = Scaled(Hull(c.in[0]->range, {0, 0}), 1.5); }

// Regions in image coordinates, first corner before the second; with a leading batch index where
// there is one.
Tensor DrawRegions(OpContext& c, int64_t count, int64_t columns, const Shape& x) {
  Tensor out = MakeTensor(c.type(), {count, columns});
  for (int64_t r = 0; r < count; ++r) {
    const double left = static_cast<double>(c.random().Between(0, x[3] - 1));
    const double top = static_cast<double>(c.random().Between(0, x[2] - 1));
    const double corners[] = {left, top, left + static_cast<double>(c.random().Between(1, 4)),
                              top + static_cast<double>(c.random().Between(1, 4))};
    if (columns == 5) SetFloat(out, r * 5, static_cast<double>(c.random().Between(0, x[0] - 1)));
    for (int64_t i = 0; i < 4; ++i) {
      SetFloat(out, r * columns + columns - 4 + i, corners[static_cast<size_t>(i)]);
    }
  }
  return out;
}

bool ChooseRoiAlign(OpContext& c) {
  if (!c.Take(0, Image)) return false;
  const Shape x = c.In(0).shape;
  const int64_t count = c.random().Between(1, 3);
  c.Set("output_height", c.random().Between(1, 3));
  c.Set("output_width", c.random().Between(1, 3));
  if (c.random().Chance(1, 2)) c.Set("sampling_ratio", c.random().Between(1, 2));
  if (c.random().Chance(1, 3)) c.Set("spatial_scale", 0.5f);
  if (c.random().Chance(1, 3)) c.Set("mode", std::string(c.random().Chance(1, 2) ? "max" : "avg"));
  if (c.schema().HasAttribute("coordinate_transformation_mode") && c.random().Chance(1, 2)) {
    c.Set("coordinate_transformation_mode",
          std::string(c.random().Chance(1, 2) ? "half_pixel" : "output_half_pixel"));
  }
  if (!c.Put(1, c.b().AddInitializer(DrawRegions(c, count, 4, x)))) return false;
  return c.MakeTyped(2, DataType::kInt64, {count}, {-0.25, static_cast<double>(x[0] - 1)}) &&
         c.Done();
}

bool InferRoiAlign(InferContext& c) {
  if (c.in.size() != 3 || c.rank(0) != 4 || c.rank(1) != 2 || c.rank(2) != 1) return false;
  const int64_t height = c.node.Int("output_height", 1);
  const int64_t width = c.node.Int("output_width", 1);
  const int64_t count = c.shape(1)[0];
  if (c.shape(1)[1] != 4 || c.shape(2)[0] != count || height < 1 || width < 1 || height > 64 ||
      width > 64 || c.node.Int("sampling_ratio", 0) < 0 || Count(c.shape(0)) == 0 ||
      !c.in[2]->range.Inside(-0.5, static_cast<double>(c.shape(0)[0] - 1))) {
    return false;
  }
  c.out[0].shape = {count, c.shape(0)[1], height, width};
  return true;
}

bool ChooseMaxRoiPool(OpContext& c) {
  if (!c.Take(0, Image)) return false;
  c.Set("pooled_shape", Ints{c.random().Between(1, 3), c.random().Between(1, 3)});
  if (c.random().Chance(1, 3)) c.Set("spatial_scale", 0.5f);
  return c.Put(1,
               c.b().AddInitializer(DrawRegions(c, c.random().Between(1, 3), 5, c.In(0).shape))) &&
         c.Done();
}

bool InferMaxRoiPool(InferContext& c) {
  const Ints pooled = c.node.IntList("pooled_shape");
  if (!c.Given(1) || c.rank(0) != 4 || c.rank(1) != 2 || c.shape(1)[1] != 5 || pooled.size() != 2 ||
      pooled[0] < 1 || pooled[1] < 1 || pooled[0] > 64 || pooled[1] > 64) {
    return false;
  }
  // Batch indices are data: only where nobody can have changed them.
  if (c.in[1]->kind != ValueKind::kInitializer || Count(c.shape(0)) == 0) return false;
  c.out[0].shape = {c.shape(1)[0], c.shape(0)[1], pooled[0], pooled[1]};
  return true;
}

void RegionRange(InferContext& c) { c.out[0].range = Hull(c.in[0]->range, {0, 0}); }

bool ChooseSuppression(OpContext& c) {
  const auto boxes = [](const Value& v) {
    return v.rank() == 3 && v.count > 0 && v.shape[2] == 4 && !v.rounded;
  };
  if (!c.Take(0, boxes) && !c.Make(0, {c.random().Between(1, 2), c.random().Between(1, 6), 4})) {
    return false;
  }
  const Shape x = c.In(0).shape;
  if (!c.TakeShape(1, {x[0], c.random().Between(1, 3), x[1]})) return false;
  if (c.random().Chance(1, 2)) c.Set("center_point_box", static_cast<int64_t>(c.random().Below(2)));
  const size_t last = c.random().Chance(7, 8) ? 3 + c.random().Index(2) : 2;
  if (!c.Put(2, c.b().AddInts({c.random().Between(1, 4)}, DataType::kInt64,
                              c.random().Chance(1, 2)))) {
    return false;
  }
  for (size_t i = 3; i <= last; ++i) {
    Tensor threshold = MakeTensor(DataType::kFloat, {});
    SetFloat(threshold, 0, i == 3 ? 0.5 : 0.0);
    if (!c.Put(i, c.b().AddInitializer(std::move(threshold)))) return false;
  }
  return c.Done();
}

bool InferSuppression(InferContext& c) {
  if (!c.Given(0) || !c.Given(1) || c.rank(0) != 3 || c.rank(1) != 3) return false;
  if (c.shape(0)[2] != 4 || c.shape(0)[0] != c.shape(1)[0] || c.shape(0)[1] != c.shape(1)[2]) {
    return false;
  }
  for (size_t i = 2; i < 5; ++i) {
    if (c.Given(i) && (c.rank(i) > 1 || c.in[i]->count != 1)) return false;
  }
  c.out[0].shape = {-1, 3};
  return true;
}

void BoxRange(InferContext& c) {
  c.out[0].range = {0, static_cast<double>(std::max(c.shape(0)[1], c.shape(1)[1]))};
}

bool ChooseDeformConv(OpContext& c) {
  if (!c.Take(0, [](const Value& v) { return Image(v) && v.shape[1] <= 8; })) return false;
  const Shape x = c.In(0).shape;
  int64_t group = c.random().Chance(1, 4) ? c.random().Between(1, x[1]) : 1;
  while (x[1] % group != 0) --group;
  int64_t offsets = c.random().Chance(1, 4) ? c.random().Between(1, x[1]) : 1;
  while (x[1] % offsets != 0) --offsets;
  const Ints kernel = {c.random().Between(1, std::min<int64_t>(3, x[2])),
                       c.random().Between(1, std::min<int64_t>(3, x[3]))};
  const int64_t stride = c.random().Between(1, 2);
  const int64_t pad = c.random().Between(0, 1);
  const int64_t filters = group * c.random().Between(1, 2);
  const int64_t height = (x[2] + 2 * pad - kernel[0]) / stride + 1;
  const int64_t width = (x[3] + 2 * pad - kernel[1]) / stride + 1;
  const int64_t taps = offsets * kernel[0] * kernel[1];
  if (!c.TakeShape(1, {filters, x[1] / group, kernel[0], kernel[1]}) ||
      !c.TakeShape(2, {x[0], 2 * taps, height, width})) {
    return false;
  }
  if (c.random().Chance(1, 2)) {
    if (!c.TakeShape(3, {filters})) return false;
  } else {
    c.Omit(3);
  }
  if (c.random().Chance(1, 2) && !c.TakeShape(4, {x[0], taps, height, width})) return false;
  c.Set("kernel_shape", kernel);
  c.SetInt("group", group, 1);
  c.SetInt("offset_group", offsets, 1);
  c.Set("strides", Ints{stride, stride});
  c.Set("pads", Ints{pad, pad, pad, pad});
  return c.Done();
}

bool InferDeformConv(InferContext& c) {
  if (c.in.size() < 3 || !c.Given(0) || !c.Given(1) || !c.Given(2)) return false;
  const Shape &x = c.shape(0), &w = c.shape(1);
  const int64_t group = c.node.Int("group", 1);
  const int64_t offsets = c.node.Int("offset_group", 1);
  if (x.size() != 4 || w.size() != 4 || group < 1 || offsets < 1 || Count(x) == 0 ||
      w[1] * group != x[1] || w[0] % group != 0 || x[1] % offsets != 0) {
    return false;
  }
  const Ints kernel(w.begin() + 2, w.end());
  if (c.node.IntList("kernel_shape", kernel) != kernel) return false;
  const auto spatial = WindowOutput(c.node, Dims(x).subspan(2), kernel);
  if (!spatial || Count(*spatial) < 1) return false;
  const int64_t taps = offsets * kernel[0] * kernel[1];
  if (c.shape(2) != Shape{x[0], 2 * taps, (*spatial)[0], (*spatial)[1]}) return false;
  if (c.Given(3) && c.shape(3) != Shape{w[0]}) return false;
  if (c.Given(4) && c.shape(4) != Shape{x[0], taps, (*spatial)[0], (*spatial)[1]}) return false;
  c.out[0].shape = {x[0], w[0], (*spatial)[0], (*spatial)[1]};
  return true;
}

void DeformRange(InferContext& c) {
  const double taps = static_cast<double>(c.in[1]->count) / static_cast<double>(c.shape(1)[0]);
  const double mask = c.Given(4) ? c.in[4]->range.Magnitude() : 1;
  const double bias = c.Given(3) ? c.in[3]->range.Magnitude() : 0;
  const double m =
      Product(c.in[0]->range, c.in[1]->range).Magnitude() * mask * std::sqrt(taps) * 2 + bias;
  c.out[0].range = {-m, m};
}

// Blocks over an image: the number of positions follows from sizes, strides, dilations and pads.
std::optional<int64_t> BlockPositions(const Node& node, const Ints& image, const Ints& block) {
  const size_t n = image.size();
  const Ints dilations = node.IntList("dilations", Ints(n, 1));
  const Ints strides = node.IntList("strides", Ints(n, 1));
  const Ints pads = node.IntList("pads", Ints(2 * n, 0));
  if (block.size() != n || dilations.size() != n || strides.size() != n || pads.size() != 2 * n) {
    return std::nullopt;
  }
  int64_t positions = 1;
  for (size_t i = 0; i < n; ++i) {
    if (image[i] < 1 || block[i] < 1 || dilations[i] < 1 || strides[i] < 1 || pads[i] < 0 ||
        pads[n + i] < 0 || std::max(image[i], block[i]) > 1 << 12) {
      return std::nullopt;
    }
    const int64_t free = image[i] + pads[i] + pads[n + i] - dilations[i] * (block[i] - 1) - 1;
    if (free < 0) return std::nullopt;
    positions *= free / strides[i] + 1;
  }
  return positions;
}

bool ChooseCol2Im(OpContext& c) {
  const size_t n = c.random().Chance(1, 5) ? c.random().Index(2) * 2 + 1 : 2;
  Ints image, block;
  for (size_t i = 0; i < n; ++i) {
    image.push_back(c.random().Between(1, 5));
    block.push_back(c.random().Between(1, std::min<int64_t>(image.back(), 3)));
  }
  Ints strides(n), dilations(n), pads(2 * n);
  bool plain = true;
  for (size_t i = 0; i < n; ++i) {
    strides[i] = c.random().Between(1, 2);
    const bool room = image[i] >= 2 * (block[i] - 1) + 1;
    dilations[i] = room ? c.random().Between(1, 2) : 1;
    pads[i] = c.random().Between(0, 1);
    pads[n + i] = c.random().Between(0, 1);
    // A corner of the same geometry, solved once and looked up.
    const SolvedWindow* solved =
        c.random().Chance(1, 3) ? FindSolvedWindow(image[i], WindowKind::kConv, c.random().Next())
                                : nullptr;
    if (solved == nullptr) continue;
    block[i] = solved->kernel;
    strides[i] = solved->stride;
    dilations[i] = solved->dilation;
    pads[i] = solved->begin;
    pads[n + i] = solved->end;
    plain = false;
  }
  if (!plain || c.random().Chance(1, 2)) c.Set("strides", strides);
  if (!plain || c.random().Chance(1, 3)) c.Set("dilations", dilations);
  if (!plain || c.random().Chance(1, 3)) c.Set("pads", pads);
  const auto positions = BlockPositions(c.node(), image, block);
  if (!positions) return false;
  const int64_t batch = c.random().Between(1, 2);
  const int64_t channels = c.random().Between(1, 2);
  const Shape columns = {batch, channels * Count(block), *positions};
  const auto fits = [&](const Value& v) {
    return v.rank() == 3 && v.count > 0 && v.shape[1] % Count(block) == 0 &&
           v.shape[2] == *positions;
  };
  if (!c.Take(0, fits) && !c.TakeShape(0, columns)) return false;
  return c.Put(1, c.b().AddInts(image)) && c.Put(2, c.b().AddInts(block)) && c.Done();
}

bool InferCol2Im(InferContext& c) {
  const Ints* image = c.Known(1);
  const Ints* block = c.Known(2);
  if (image == nullptr || block == nullptr || c.rank(0) != 3 || c.rank(1) != 1 || image->empty()) {
    return false;
  }
  const auto positions = BlockPositions(c.node, *image, *block);
  if (!positions || c.shape(0)[2] != *positions || c.shape(0)[1] % Count(*block) != 0 ||
      Count(c.shape(0)) == 0) {
    return false;
  }
  c.out[0].shape = {c.shape(0)[0], c.shape(0)[1] / Count(*block)};
  c.out[0].shape.insert(c.out[0].shape.end(), image->begin(), image->end());
  return true;
}

void Col2ImRange(InferContext& c) {
  const double m = c.in[0]->range.Magnitude() * static_cast<double>(Count(*c.Known(2)));
  c.out[0].range = {-m, m};
}

// Behind a MaxPool whose indices it takes: those of windows that do not overlap are distinct.
bool ChooseMaxUnpool(OpContext& c) {
  if (!c.Take(0, Image)) return false;
  const Shape x = c.In(0).shape;
  const Ints kernel = {c.random().Between(1, std::min<int64_t>(3, x[2])),
                       c.random().Between(1, std::min<int64_t>(3, x[3]))};
  Node pool;
  pool.op = "MaxPool";
  pool.Set("kernel_shape", kernel);
  pool.Set("strides", kernel);
  const auto pooled = c.b().Emit(std::move(pool), {c.Id(0)}, 2);
  if (pooled.empty() || !c.Put(0, pooled[0]) || !c.Put(1, pooled[1])) return false;
  c.Set("kernel_shape", kernel);
  c.Set("strides", kernel);
  // What MaxPool cut off at the end comes back only by the explicit shape.
  const bool cut = x[2] % kernel[0] != 0 || x[3] % kernel[1] != 0;
  if ((cut || c.random().Chance(1, 4)) && !c.Put(2, c.b().AddInts(x))) return false;
  return c.Done();
}

bool InferMaxUnpool(InferContext& c) {
  const Ints kernel = c.node.IntList("kernel_shape");
  if (!c.Given(0) || !c.Given(1) || c.rank(0) != 4 || kernel.size() != 2 ||
      c.shape(0) != c.shape(1) || c.node.Find("pads") != nullptr || Count(c.shape(0)) == 0) {
    return false;
  }
  const Ints strides = c.node.IntList("strides", {1, 1});
  if (strides.size() != 2) return false;
  Shape out = {c.shape(0)[0], c.shape(0)[1]};
  for (size_t i = 0; i < 2; ++i) out.push_back((c.shape(0)[2 + i] - 1) * strides[i] + kernel[i]);
  if (c.Given(2)) {
    const Ints* given = c.Known(2);
    if (given == nullptr || given->size() != 4) return false;
    for (size_t i = 0; i < 4; ++i) {
      if ((*given)[i] < out[i]) return false;
    }
    out = *given;
  }
  if (!c.in[1]->range.Inside(0, static_cast<double>(CheckedCount(out).value_or(0)))) return false;
  c.out[0].shape = out;
  return true;
}

bool ChooseUpsample(OpContext& c) {
  const bool linear = c.random().Chance(1, 3);
  if (!c.Take(0, [&](const Value& v) {
        return v.rank() == (linear ? 2 : 4) && v.count > 0 &&
               (!linear || v.type == DataType::kFloat);
      })) {
    return false;
  }
  if (linear || c.random().Chance(1, 2)) c.Set("mode", std::string(linear ? "linear" : "nearest"));
  Floats scales;
  for (const int64_t dim : c.In(0).shape) {
    (void)dim;
    scales.push_back(c.random().Chance(1, 2) ? 2.0f : 1.0f);
  }
  if (c.schema().HasAttribute("scales")) {
    c.Set("scales", scales);
    return c.Done();
  }
  Tensor tensor = MakeTensor(DataType::kFloat, {static_cast<int64_t>(scales.size())});
  for (size_t i = 0; i < scales.size(); ++i) {
    SetFloat(tensor, static_cast<int64_t>(i), static_cast<double>(scales[i]));
  }
  return c.Put(1, c.b().AddInitializer(std::move(tensor))) && c.Done();
}

bool InferUpsample(InferContext& c) {
  if (!c.Given(0) || Count(c.shape(0)) == 0) return false;
  Ints units;  // of 1/1024
  if (c.Given(1)) {
    if (c.Units(1) == nullptr) return false;
    units = *c.Units(1);
  } else if (const Attribute* scales = c.node.Find("scales")) {
    const auto* floats = std::get_if<Floats>(&scales->value);
    if (floats == nullptr) return false;
    for (const float scale : *floats) units.push_back(static_cast<int64_t>(scale * 1024));
  }
  if (units.size() != c.shape(0).size()) return false;
  for (size_t i = 0; i < units.size(); ++i) {
    if (units[i] < 1024 || units[i] > 1 << 16) return false;
    c.out[0].shape.push_back(c.shape(0)[i] * units[i] / 1024);
  }
  return true;
}

// A bitmap of 24 bits a pixel (the BMP format of Windows 3): header, then rows from below, each
// padded to four bytes.
Tensor Bitmap(Random& random) {
  const auto width = static_cast<uint8_t>(random.Between(1, 3));
  const auto height = static_cast<uint8_t>(random.Between(1, 3));
  const auto row = static_cast<uint8_t>((3 * width + 3) / 4 * 4);
  const auto bytes = static_cast<uint8_t>(54 + row * height);
  Tensor out = MakeTensor(DataType::kUint8, {bytes});
  const std::pair<size_t, uint8_t> kHeader[] = {{0, 'B'},     {1, 'M'}, {2, bytes},
                                                {10, 54},     {14, 40}, {18, width},
                                                {22, height}, {26, 1},  {28, 24}};
  for (const auto& [at, byte] : kHeader) out.data[at] = byte;
  for (size_t i = 54; i < bytes; ++i) out.data[i] = static_cast<uint8_t>(random.Below(256));
  return out;
}

bool ChooseDecoder(OpContext& c) {
  static constexpr std::string_view kFormats[] = {"RGB", "BGR", "Grayscale"};
  if (c.random().Chance(2, 3)) c.Set("pixel_format", std::string(kFormats[c.random().Index(3)]));
  return c.Put(0, c.b().AddInitializer(Bitmap(c.random()))) && c.Done();
}

bool InferDecoder(InferContext& c) {
  if (!c.Given(0) || c.rank(0) != 1) return false;
  c.out[0].shape = {-1, -1, c.node.String("pixel_format", "RGB") == "Grayscale" ? 1 : 3};
  return true;
}

void Bytes(InferContext& c) { c.out[0].range = {0, 255}; }

constexpr OpEntry kVision[] = {
    {"AffineGrid", ChooseAffineGrid, InferAffineGrid, GridRange, 0, 0.2},
    {"Col2Im", ChooseCol2Im, InferCol2Im, Col2ImRange, 0, 0.45},
    {"DeformConv", ChooseDeformConv, InferDeformConv, DeformRange, 0, 1},
    {"GridSample", ChooseGridSample, InferGridSample, SampleRange, kSteps, 1.2},
    {"ImageDecoder", ChooseDecoder, InferDecoder, Bytes, kExactResult | kTerminal, 0.4},
    {"MaxRoiPool", ChooseMaxRoiPool, InferMaxRoiPool, RegionRange, kExactResult, 0.7},
    {"MaxUnpool", ChooseMaxUnpool, InferMaxUnpool, RegionRange, kExactResult, 0.7},
    {"NonMaxSuppression", ChooseSuppression, InferSuppression, BoxRange,
     kExactResult | kSteps | kTerminal, 0.15},
    {"RoiAlign", ChooseRoiAlign, InferRoiAlign, RegionRange, 0, 0.5},
    {"Upsample", ChooseUpsample, InferUpsample, nullptr, 0, 1.5, 7},
};

}  // namespace

OpTable VisionOps() { return kVision; }

}  // namespace moire
