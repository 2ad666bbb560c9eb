// Operators of the faulty runtime that move elements: each makes an index for Take.
#include <algorithm>

#include "tests/faulty/node_run.h"

namespace moire::faulty {
namespace {

// Coordinates of `flat` in a shape, outermost first.
Shape Coordinates(Dims shape, int64_t flat) {
  Shape at(shape.size());
  for (size_t k = shape.size(); k-- > 0;) {
    at[k] = flat % shape[k];
    flat /= shape[k];
  }
  return at;
}
int64_t Flat(Dims shape, const Shape& at) {
  int64_t flat = 0;
  for (size_t k = 0; k < shape.size(); ++k) flat = flat * shape[k] + at[k];
  return flat;
}

// map(coordinates in the output) -> flat index in the input, or -1.
template <typename F>
void Move(NodeRun& run, Shape shape, const F& map, size_t output = 0) {
  std::vector<int64_t> index(static_cast<size_t>(Count(shape)));
  for (size_t k = 0; k < index.size(); ++k) {
    index[k] = map(Coordinates(shape, static_cast<int64_t>(k)));
  }
  run.out[output] = Take(run.In(0), std::move(shape), index);
}

Status Identity(NodeRun& run) {
  run.out[0] = run.In(0);
  return {};
}

Status Transpose(NodeRun& run) {
  const Shape& x = run.In(0).shape;
  Ints perm = run.node.IntList("perm");
  if (perm.empty()) {
    for (size_t k = x.size(); k-- > 0;) perm.push_back(static_cast<int64_t>(k));
  }
  Ints sorted = perm;
  std::ranges::sort(sorted);
  for (size_t k = 0; k < sorted.size(); ++k) {
    if (sorted[k] != static_cast<int64_t>(k)) return run.Bad("perm");
  }
  if (perm.size() != x.size()) return run.Bad("perm");
  Shape shape(x.size());
  for (size_t k = 0; k < x.size(); ++k) shape[k] = x[static_cast<size_t>(perm[k])];
  if (run.Faulty(FaultKind::kSquare) && shape == x && x.size() >= 2) return Identity(run);
  Move(run, shape, [&](const Shape& to) {
    Shape from(x.size());
    for (size_t k = 0; k < x.size(); ++k) from[static_cast<size_t>(perm[k])] = to[k];
    return Flat(x, from);
  });
  return {};
}

Status Expand(NodeRun& run) {
  const auto shape = BroadcastShapes(run.In(0).shape, run.In(1).i);
  if (!shape) return run.Bad("dim");
  run.out[0] = Take(run.In(0), *shape, BroadcastIndex(run.In(0).shape, *shape));
  return {};
}

Status Tile(NodeRun& run) {
  const Shape& x = run.In(0).shape;
  if (run.In(1).i.size() != x.size()) return run.Bad("repeats");
  Shape shape = x;
  for (size_t k = 0; k < x.size(); ++k) shape[k] *= run.In(1).i[k];
  if (!CheckedCount(shape)) return run.Bad("repeats");
  Move(run, shape, [&](Shape at) {
    for (size_t k = 0; k < x.size(); ++k) at[k] %= x[k];
    return Flat(x, at);
  });
  return {};
}

Status Concat(NodeRun& run) {
  const auto axis = NormalizeAxis(run.node.Int("axis", 0), run.rank(0));
  if (!axis) return run.Bad("axis");
  const auto a = static_cast<size_t>(*axis);
  Shape shape = run.In(0).shape;
  shape[a] = 0;
  for (const Value* x : run.in) {
    if (x->type != run.In(0).type || x->shape.size() != shape.size()) return run.Bad("dim");
    shape[a] += x->shape[a];
    for (size_t k = 0; k < shape.size(); ++k) {
      if (k != a && x->shape[k] != shape[k]) return run.Bad("dim");
    }
  }
  Value& out = run.Make(run.In(0).type, shape);
  int64_t start = 0;
  for (const Value* x : run.in) {
    for (int64_t k = 0; k < x->size(); ++k) {
      Shape at = Coordinates(x->shape, k);
      at[a] += start;
      const int64_t to = Flat(shape, at);
      if (to == 0 && a == 0 && run.Faulty(FaultKind::kFirstElement)) continue;
      CopyElement(*x, k, out, to);
    }
    start += x->shape[a];
  }
  return {};
}

Status Split(NodeRun& run) {
  const Shape& x = run.In(0).shape;
  const auto axis = NormalizeAxis(run.node.Int("axis", 0), run.rank(0));
  if (!axis) return run.Bad("axis");
  const auto a = static_cast<size_t>(*axis);
  const auto parts = static_cast<int64_t>(run.node.outputs.size());
  Ints sizes = AxesOf(run, 1, "split");
  if (sizes.empty()) {
    const int64_t each = (x[a] + parts - 1) / parts;
    for (int64_t k = 0; k < parts; ++k) {
      sizes.push_back(std::clamp<int64_t>(x[a] - k * each, 0, each));
    }
  }
  if (static_cast<int64_t>(sizes.size()) != parts) return run.Bad("split");
  int64_t total = 0;
  for (const int64_t size : sizes) {
    if (size < 0) return run.Bad("split");
    total += size;
  }
  if (total != x[a]) return run.Bad("split");
  int64_t start = 0;
  for (size_t part = 0; part < sizes.size(); ++part) {
    Shape shape = x;
    shape[a] = sizes[part];
    Move(run, shape, [&](Shape at) {
      at[a] += start;
      return Flat(x, at);
    }, part);
    start += sizes[part];
  }
  return {};
}

Status Slice(NodeRun& run) {
  const Shape& x = run.In(0).shape;
  const Ints& starts = run.In(1).i;
  const Ints& ends = run.In(2).i;
  Shape shape = x;
  for (size_t k = 2; k < run.in.size(); ++k) {
    if (run.Given(k) && run.In(k).i.size() != starts.size()) return run.Bad("dim");
  }
  if (!run.Given(3) && starts.size() > x.size()) return run.Bad("dim");
  Shape first(x.size(), 0);
  Shape step(x.size(), 1);
  for (size_t k = 0; k < starts.size(); ++k) {
    const auto axis = NormalizeAxis(run.Given(3) ? run.In(3).i[k] : static_cast<int64_t>(k), run.rank(0));
    if (!axis) return run.Bad("axis");
    const auto a = static_cast<size_t>(*axis);
    const int64_t n = x[a];
    step[a] = run.Given(4) ? run.In(4).i[k] : 1;
    if (step[a] == 0) return run.Bad("step");
    const bool up = step[a] > 0;
    const auto place = [&](int64_t at) {
      if (at < 0) at = at < -n ? -1 : at + n;
      return up ? std::clamp<int64_t>(at, 0, n) : std::clamp<int64_t>(at, -1, n - 1);
    };
    const int64_t from = starts[k] < -n ? (up ? 0 : (n > 0 ? 0 : -1)) : place(starts[k]);
    const int64_t to = place(ends[k]);
    first[a] = from;
    const int64_t distance = up ? to - from : from - to;
    const int64_t stride = up ? step[a] : (step[a] == INT64_MIN ? INT64_MAX : -step[a]);
    shape[a] = distance <= 0 ? 0 : (distance - 1) / stride + 1;
  }
  Move(run, shape, [&](Shape at) {
    for (size_t k = 0; k < x.size(); ++k) at[k] = first[k] + at[k] * step[k];
    return Flat(x, at);
  });
  return {};
}

Status Gather(NodeRun& run) {
  const Shape& x = run.In(0).shape;
  const Value& indices = run.In(1);
  const auto axis = NormalizeAxis(run.node.Int("axis", 0), run.rank(0));
  if (!axis) return run.Bad("axis");
  const auto a = static_cast<size_t>(*axis);
  for (const int64_t index : indices.i) {
    if (index < -x[a] || index >= x[a]) return run.Bad("index");
  }
  Shape shape(x.begin(), x.begin() + *axis);
  shape.insert(shape.end(), indices.shape.begin(), indices.shape.end());
  shape.insert(shape.end(), x.begin() + *axis + 1, x.end());
  const size_t q = indices.shape.size();
  Move(run, shape, [&](const Shape& at) {
    const auto begin = at.begin() + *axis;
    const Shape which(begin, begin + static_cast<int64_t>(q));
    const int64_t index = indices.i[static_cast<size_t>(Flat(indices.shape, which))];
    Shape from(at.begin(), begin);
    from.push_back(index < 0 ? index + x[a] : index);
    from.insert(from.end(), begin + static_cast<int64_t>(q), at.end());
    return Flat(x, from);
  });
  return {};
}

Status GatherElements(NodeRun& run) {
  const Shape& x = run.In(0).shape;
  const Value& indices = run.In(1);
  const auto axis = NormalizeAxis(run.node.Int("axis", 0), run.rank(0));
  if (!axis || indices.shape.size() != x.size()) return run.Bad("axis");
  for (size_t k = 0; k < x.size(); ++k) {
    if (k != static_cast<size_t>(*axis) && indices.shape[k] > x[k]) return run.Bad("dim");
  }
  const auto a = static_cast<size_t>(*axis);
  for (const int64_t index : indices.i) {
    if (index < -x[a] || index >= x[a]) return run.Bad("index");
  }
  Move(run, indices.shape, [&](Shape at) {
    const int64_t index = indices.i[static_cast<size_t>(Flat(indices.shape, at))];
    at[a] = index < 0 ? index + x[a] : index;
    return Flat(x, at);
  });
  return {};
}

// Where a coordinate outside [0, n) of a padded axis reads from; -1: the padding value.
int64_t Source(const std::string& mode, int64_t at, int64_t n) {
  if (at >= 0 && at < n) return at;
  if (mode == "edge") return std::clamp<int64_t>(at, 0, n - 1);
  if (mode == "wrap") return (at % n + n) % n;
  if (mode != "reflect") return -1;
  if (n == 1) return 0;
  const int64_t period = 2 * (n - 1);
  const int64_t inside = (at % period + period) % period;
  return inside < n ? inside : period - inside;
}

Status Pad(NodeRun& run) {
  const Shape& x = run.In(0).shape;
  const Ints& pads = run.In(1).i;
  const std::string mode = run.node.String("mode", "constant");
  Ints axes;
  if (run.Given(3)) axes = run.In(3).i;
  else for (size_t k = 0; k < x.size(); ++k) axes.push_back(static_cast<int64_t>(k));
  if (pads.size() != 2 * axes.size()) return run.Bad("pads");
  Shape begin(x.size(), 0);
  Shape shape = x;
  for (size_t k = 0; k < axes.size(); ++k) {
    const auto axis = NormalizeAxis(axes[k], run.rank(0));
    if (!axis) return run.Bad("axis");
    begin[static_cast<size_t>(*axis)] = pads[k];
    shape[static_cast<size_t>(*axis)] += pads[k] + pads[axes.size() + k];
  }
  for (size_t k = 0; k < x.size(); ++k) {
    if (shape[k] < 0) return run.Bad("pads");
    if (x[k] == 0 && mode != "constant") return run.Unsupported();
  }
  std::vector<int64_t> index(static_cast<size_t>(Count(shape)));
  for (size_t k = 0; k < index.size(); ++k) {
    Shape at = Coordinates(shape, static_cast<int64_t>(k));
    bool outside = false;
    for (size_t d = 0; d < x.size(); ++d) {
      at[d] = Source(mode, at[d] - begin[d], x[d]);
      outside |= at[d] < 0;
    }
    index[k] = outside ? -1 : Flat(x, at);
  }
  run.out[0] = Take(run.In(0), shape, index);
  if (!run.Given(2) || run.Faulty(FaultKind::kPadValue)) return {};
  for (size_t k = 0; k < index.size(); ++k) {
    if (index[k] < 0) CopyElement(run.In(2), 0, run.out[0], static_cast<int64_t>(k));
  }
  return {};
}

Status Trilu(NodeRun& run) {
  const Shape& x = run.In(0).shape;
  const int64_t k = run.Given(1) ? run.In(1).i[0] : 0;
  const bool upper = run.node.Int("upper", 1) != 0;
  if (x.size() < 2) return run.Bad("rank");
  Move(run, x, [&](const Shape& at) {
    const int64_t above = at.back() - at[at.size() - 2];
    return (upper ? above >= k : above <= k) ? Flat(x, at) : -1;
  });
  return {};
}

// b x b blocks of a plane against channels. `crd`: the channel dim is the outer one.
Shape BlockSource(const Shape& deep, int64_t block, bool crd, const Shape& wide_at) {
  const int64_t channels = deep[1] / (block * block);
  const int64_t offset = wide_at[2] % block * block + wide_at[3] % block;
  const int64_t c = crd ? wide_at[1] * block * block + offset : offset * channels + wide_at[1];
  return {wide_at[0], c, wide_at[2] / block, wide_at[3] / block};
}

Status DepthToSpace(NodeRun& run) {
  const Shape& x = run.In(0).shape;
  const int64_t b = run.node.Int("blocksize", 1);
  if (x.size() != 4 || b < 1 || x[1] % (b * b) != 0) return run.Bad("dim");
  const bool crd = run.node.String("mode", "DCR") == "CRD";
  Move(run, {x[0], x[1] / (b * b), x[2] * b, x[3] * b},
       [&](const Shape& at) { return Flat(x, BlockSource(x, b, crd, at)); });
  return {};
}

Status SpaceToDepth(NodeRun& run) {
  const Shape& x = run.In(0).shape;
  const int64_t b = run.node.Int("blocksize", 1);
  if (x.size() != 4 || b < 1 || x[2] % b != 0 || x[3] % b != 0) return run.Bad("dim");
  Move(run, {x[0], x[1] * b * b, x[2] / b, x[3] / b}, [&](const Shape& at) {
    const int64_t offset = at[1] / x[1];
    return Flat(x, {at[0], at[1] % x[1], at[2] * b + offset / b, at[3] * b + offset % b});
  });
  return {};
}

constexpr KernelRow kRows[] = {
    {"Identity", Identity},   {"Transpose", Transpose}, {"Expand", Expand},
    {"Tile", Tile},           {"Concat", Concat},       {"Split", Split},
    {"Slice", Slice},         {"Gather", Gather},       {"GatherElements", GatherElements},
    {"Pad", Pad},             {"Trilu", Trilu},         {"DepthToSpace", DepthToSpace},
    {"SpaceToDepth", SpaceToDepth},
};

}  // namespace

std::span<const KernelRow> MoveKernels() { return kRows; }

}  // namespace moire::faulty
