#include "synth/explain/neighbours.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "harness/case/onnx_attributes.h"
#include "synth/retype.h"

namespace moire {
namespace {

using Value = decltype(Attribute::value);

constexpr std::array kTypes = {DataType::kFloat,    DataType::kDouble, DataType::kFloat16,
                               DataType::kBfloat16, DataType::kInt8,   DataType::kUint8,
                               DataType::kInt32,    DataType::kInt64};

// Words that attributes of the standard operators take (ONNX operator pages).
struct Words {
  std::string_view attribute;
  std::vector<std::string> words;
};
const std::vector<Words>& KnownWords() {
  static const std::vector<Words> words = {
      {"auto_pad", {"NOTSET", "SAME_UPPER", "SAME_LOWER", "VALID"}},
      {"mode",
       {"constant", "reflect", "edge", "wrap", "nearest", "linear", "cubic", "DCR", "CRD",
        "bilinear", "nearest"}},
      {"reduction", {"none", "add", "mul", "max", "min", "mean", "sum"}},
      {"direction", {"forward", "reverse", "bidirectional", "LEFT", "RIGHT"}},
      {"approximate", {"none", "tanh"}},
      {"coordinate_transformation_mode",
       {"half_pixel", "pytorch_half_pixel", "align_corners", "asymmetric", "half_pixel_symmetric"}},
      {"nearest_mode", {"round_prefer_floor", "round_prefer_ceil", "floor", "ceil"}},
      {"padding_mode", {"zeros", "border", "reflection"}}};
  return words;
}

std::vector<Value> Alternatives(const AttributeSchema& row, const Attribute* now) {
  std::vector<Value> out;
  switch (row.kind) {
    case AttributeSchema::Kind::kInt:
      for (const int64_t v : {-3, -2, -1, 0, 1, 2, 3, 4}) out.emplace_back(v);
      break;
    case AttributeSchema::Kind::kFloat:
      for (const float v : {-2.0F, -1.0F, -0.5F, 0.0F, 0.25F, 0.5F, 1.0F, 2.0F, 8.0F})
        out.emplace_back(v);
      break;
    case AttributeSchema::Kind::kString:
      for (const Words& known : KnownWords()) {
        if (known.attribute != row.name) continue;
        for (const std::string& word : known.words) out.emplace_back(word);
      }
      break;
    case AttributeSchema::Kind::kInts:
      if (const auto* list = now == nullptr ? nullptr : std::get_if<Ints>(&now->value)) {
        for (size_t i = 0; i < list->size(); ++i) {
          for (const int64_t v : {-1, 0, 1, 2, 3}) {
            Ints edited = *list;
            edited[i] = v;
            out.emplace_back(std::move(edited));
          }
        }
        Ints reversed(list->rbegin(), list->rend());
        out.emplace_back(std::move(reversed));
        for (const int64_t v : {0, 1, 2}) out.emplace_back(Ints(list->size(), v));
      } else {
        for (const size_t length : {1, 2, 4}) {
          for (const int64_t v : {0, 1, 2}) out.emplace_back(Ints(length, v));
        }
      }
      break;
    case AttributeSchema::Kind::kFloats:
      break;
  }
  return out;
}

std::string Text(const Value& value) {
  if (const auto* number = std::get_if<int64_t>(&value)) return fmt::format("{}", *number);
  if (const auto* real = std::get_if<float>(&value)) return fmt::format("{:g}", *real);
  if (const auto* text = std::get_if<std::string>(&value)) return *text;
  std::string list = "[";
  if (const auto* ints = std::get_if<Ints>(&value)) {
    for (const int64_t v : *ints) list += fmt::format("{}{}", list.size() > 1 ? ", " : "", v);
  }
  return list + "]";
}

// A way to fill a tensor. `k` is a number between 0 and 1 that only depends on the element.
struct Filling {
  std::string_view name;
  double (*value)(double old, int64_t i, double k);
  bool keeps = false;  // something of the old values
};
constexpr Filling kFillings[] = {
    {"zeros", [](double, int64_t, double) { return 0.0; }},
    {"ones", [](double, int64_t, double) { return 1.0; }},
    {"small integers", [](double, int64_t, double k) { return std::floor(k * 9) - 4; }},
    {"positive integers", [](double, int64_t, double k) { return std::floor(k * 9) + 1; }},
    {"fractions", [](double, int64_t, double k) { return k * 4 - 2; }},
    {"positive fractions", [](double, int64_t, double k) { return k * 3 + 0.1; }},
    {"halves", [](double, int64_t, double k) { return std::floor(k * 9) - 4.5; }},
    {"tiny", [](double, int64_t, double k) { return (k - 0.5) * 1e-3; }},
    {"hundreds", [](double, int64_t, double k) { return std::floor((k - 0.5) * 240); }},
    {"about a hundred", [](double, int64_t, double k) { return std::floor((k - 0.5) * 320); }},
    {"thousands", [](double, int64_t, double k) { return std::floor((k - 0.5) * 20000); }},
    {"negated", [](double old, int64_t, double) { return -old; }, true},
    {"magnitudes", [](double old, int64_t, double) { return std::abs(old); }, true},
    {"doubled", [](double old, int64_t, double) { return 2 * old; }, true},
    {"one NaN", [](double old, int64_t i, double) { return i == 0 ? NAN : old; }, true},
    {"one infinity", [](double old, int64_t i, double) { return i == 0 ? INFINITY : old; }, true},
    {"one -infinity", [](double old, int64_t i, double) { return i == 0 ? -INFINITY : old; }, true},
    {"one zero", [](double old, int64_t i, double) { return i == 0 ? 0.0 : old; }, true},
    {"one negative", [](double old, int64_t i, double) { return i == 0 ? -2.0 : old; }, true},
    {"one more", [](double old, int64_t i, double) { return i == 0 ? old + 1 : old; }, true},
    {"one large", [](double old, int64_t i, double) { return i == 0 ? 1000.0 : old; }, true}};

bool Fill(Tensor& tensor, const Filling& filling, uint64_t salt) {
  const bool real = IsFloat(tensor.type);
  if (!real && !IsInteger(tensor.type)) return false;
  const Tensor before = tensor;
  for (int64_t i = 0; i < tensor.size(); ++i) {
    const double k = static_cast<double>(Mix64(salt + static_cast<uint64_t>(i)) >> 11) * 0x1p-53;
    const double old = real ? GetFloat(tensor, i) : static_cast<double>(GetInt(tensor, i));
    const double value = filling.value(old, i, k);
    if (real) {
      SetFloat(tensor, i, value);
    } else if (std::isfinite(value)) {
      SetInt(tensor, i, static_cast<int64_t>(value));
    }
  }
  return !(tensor == before);
}

// Only a draw that leaves the sketch whole is a neighbour; validity is the reference's to say.
void Add(std::vector<Neighbour>& out, Probe probe, std::string what, std::string part) {
  if (Repair(probe.sketch)) out.push_back({std::move(probe), std::move(what), std::move(part)});
}

}  // namespace

std::string AttributePart(size_t node, std::string_view attribute) {
  return fmt::format("attribute {} of node {}", attribute, node);
}

std::string ValuesPart(std::string_view source) { return fmt::format("values of {}", source); }

Neighbourhood::Neighbourhood(Probe base, std::vector<std::string> levels)
    : base_(std::move(base)), levels_(std::move(levels)) {}

void Neighbourhood::OfferAttributes(const Probe& from, std::vector<Neighbour>& out) const {
  const auto& nodes = from.sketch.model.graph.nodes;
  for (size_t n = 0; n < nodes.size(); ++n) {
    for (const AttributeSchema& row :
         SchemaAttributes(nodes[n], from.sketch.model.Opset(nodes[n].domain))) {
      const Attribute* now = nodes[n].Find(row.name);
      const std::string name = nodes[n].op + "." + row.name;
      if (row.name == "to" || row.name == "dtype") continue;
      if (now != nullptr && !row.required) {
        Probe probe = from;
        probe.sketch.model.graph.nodes[n].Remove(row.name);
        Add(out, std::move(probe), name + " removed", AttributePart(n, row.name));
      }
      for (Value& value : Alternatives(row, now)) {
        if (now != nullptr && now->value == value) continue;
        Probe probe = from;
        std::string what = fmt::format("{} = {}", name, Text(value));
        probe.sketch.model.graph.nodes[n].Set(row.name, std::move(value));
        Add(out, std::move(probe), std::move(what), AttributePart(n, row.name));
      }
    }
  }
}

void Neighbourhood::OfferDims(const Probe& from, std::vector<Neighbour>& out) const {
  const std::vector<DimVariable> dims = FindDimVariables(from.sketch);
  for (const DimVariable& variable : dims) {
    std::set<int64_t> sizes = {
        0, 1, 2, 3, 4, 5, 8, 9, 16, variable.size - 1, variable.size + 1, 2 * variable.size};
    for (const int64_t size : sizes) {
      if (size < 0 || size == variable.size) continue;
      Probe probe = from;
      if (!SetDimVariable(probe.sketch, variable, size)) continue;
      Add(out, std::move(probe), fmt::format("a dim of {} set to {}", variable.size, size),
          std::string(kDimsPart));
    }
  }
  // Every dim of one size, also those that need not change together.
  std::map<int64_t, DimVariable> by_size;
  for (const DimVariable& variable : dims) {
    DimVariable& all = by_size[variable.size];
    all.size = variable.size;
    for (const SizeSite& site : variable.sites) {
      if (std::ranges::find(all.sites, site) == all.sites.end()) all.sites.push_back(site);
    }
  }
  for (const auto& [now, variable] : by_size) {
    for (const int64_t size :
         {int64_t{1}, int64_t{2}, int64_t{3}, int64_t{4}, int64_t{7}, now + 1}) {
      if (size == now) continue;
      Probe probe = from;
      if (!SetDimVariable(probe.sketch, variable, size)) continue;
      Add(out, std::move(probe), fmt::format("every dim of {} set to {}", now, size),
          std::string(kDimsPart));
    }
  }
  // Rank: a dim of 1 more at the front of every tensor of the largest rank.
  Probe probe = from;
  size_t rank = 0;
  for (const Tensor* tensor : Tensors(probe.sketch)) rank = std::max(rank, tensor->shape.size());
  for (Tensor* tensor : Tensors(probe.sketch)) {
    if (tensor->shape.size() == rank) tensor->shape.insert(tensor->shape.begin(), 1);
  }
  Add(out, std::move(probe), "one dim more", std::string(kDimsPart));
  Probe less = from;
  DimVariable front{1, {}};
  const std::vector<Tensor*> tensors = Tensors(less.sketch);
  for (size_t t = 0; t < tensors.size(); ++t) {
    if (tensors[t]->shape.size() == rank && rank > 0) {
      front.sites.push_back({SizeSite::Kind::kDim, t, 0, {}});
    }
  }
  if (SetDimVariable(less.sketch, front, 1)) {
    for (const SizeSite& site : front.sites) {
      Tensor& tensor = *Tensors(less.sketch)[site.tensor];
      tensor.shape.erase(tensor.shape.begin());
    }
    Add(out, std::move(less), "one dim less", std::string(kDimsPart));
  }
  Probe equal = from;
  for (Tensor* tensor : Tensors(equal.sketch)) {
    if (!tensor->shape.empty())
      tensor->shape.insert(tensor->shape.begin(), rank - tensor->shape.size(), 1);
  }
  Add(out, std::move(equal), "every tensor of one rank", std::string(kDimsPart));
}

void Neighbourhood::OfferTypes(const Probe& from, std::vector<Neighbour>& out) const {
  Sketch copy = from.sketch;
  std::set<DataType> present;
  for (const Tensor* tensor : Tensors(copy)) present.insert(tensor->type);
  for (const DataType now : present) {
    if (!IsFloat(now) && !IsInteger(now)) continue;
    for (const DataType type : kTypes) {
      if (type == now) continue;
      Probe probe = from;
      if (!Retype(probe.sketch, now, type)) continue;
      Add(out, std::move(probe), fmt::format("{} instead of {}", Name(type), Name(now)), "types");
    }
  }
}

void Neighbourhood::OfferValues(const Probe& from, std::vector<Neighbour>& out) const {
  Sketch copy = from.sketch;
  const size_t count = Tensors(copy).size();
  std::vector<std::string> names;
  for (const NamedTensor& input : copy.inputs) {
    if (!input.IsMap()) names.push_back(input.name);
  }
  const size_t inputs = names.size();
  for (size_t t = 0; t < count; ++t) {
    for (const Filling& filling : kFillings) {
      Probe probe = from;
      if (!Fill(*Tensors(probe.sketch)[t], filling, t * 1000)) continue;
      Add(out, std::move(probe),
          fmt::format("{} {}: {}", t < inputs ? "input" : "initializer",
                      t < inputs ? t : t - inputs, filling.name),
          filling.keeps
              ? "values in part"
              : ValuesPart(t < inputs ? names[t] : copy.model.graph.initializers[t - inputs].name));
    }
  }
}

void Neighbourhood::OfferOptions(const Probe& from, std::vector<Neighbour>& out) const {
  for (const std::string& level : levels_) {
    if (level == from.level) continue;
    Probe probe = from;
    probe.level = level;
    out.push_back({std::move(probe), "level = " + level, "options"});
  }
  for (const int threads : {1, 2, 4}) {
    if (threads == std::max(1, from.sketch.options.intra_op_threads)) continue;
    Probe probe = from;
    probe.sketch.options.intra_op_threads = threads;
    out.push_back({std::move(probe), fmt::format("threads = {}", threads), "options"});
  }
  Probe mode = from;
  mode.sketch.options.parallel_execution = !mode.sketch.options.parallel_execution;
  out.push_back({std::move(mode), "parallel execution toggled", "options"});
  if (!from.sketch.model.graph.initializers.empty()) {
    Probe external = from;
    int64_t& bytes = external.sketch.options.external_data_bytes;
    bytes = bytes > 0 ? 0 : 1;
    out.push_back({std::move(external), "external data toggled", "options"});
  }
  // Constants and inputs. Tensors keep their order, so that dim variables keep their places.
  const auto& graph = from.sketch.model.graph;
  if (!graph.initializers.empty() &&
      graph.initializers.front().tensor.type != DataType::kUndefined) {
    Probe probe = from;
    Sketch& sketch = probe.sketch;
    const NamedTensor moved = sketch.model.graph.initializers.front();
    if (graph.FindInput(moved.name) == nullptr) {
      sketch.model.graph.initializers.erase(sketch.model.graph.initializers.begin());
      AddSource(sketch, moved.name, moved.tensor, false);
      Add(out, std::move(probe), "the first initializer given as an input", "options");
    }
  }
  if (!from.sketch.inputs.empty() && !from.sketch.inputs.back().IsMap()) {
    Probe probe = from;
    Sketch& sketch = probe.sketch;
    const NamedTensor moved = sketch.inputs.back();
    sketch.inputs.pop_back();
    std::erase_if(sketch.model.graph.inputs,
                  [&](const ValueInfo& v) { return v.name == moved.name; });
    sketch.model.graph.initializers.insert(sketch.model.graph.initializers.begin(), moved);
    Add(out, std::move(probe), "the last input given as an initializer", "options");
  }
}

std::vector<Neighbour> Neighbourhood::Singles() const {
  std::vector<Neighbour> out;
  OfferAttributes(base_, out);
  OfferDims(base_, out);
  OfferTypes(base_, out);
  OfferValues(base_, out);
  OfferOptions(base_, out);
  return out;
}

Neighbour Neighbourhood::Draw(Random& random) const {
  using Offer = void (Neighbourhood::*)(const Probe&, std::vector<Neighbour>&) const;
  static constexpr std::array<Offer, 7> kOffers = {
      &Neighbourhood::OfferAttributes, &Neighbourhood::OfferDims,   &Neighbourhood::OfferTypes,
      &Neighbourhood::OfferValues,     &Neighbourhood::OfferValues, &Neighbourhood::OfferOptions,
      &Neighbourhood::OfferDims};
  Neighbour drawn{base_, {}, {}};
  const int64_t changes = random.Between(1, 4);
  for (int64_t change = 0; change < changes; ++change) {
    std::vector<Neighbour> offers;
    (this->*random.Pick(kOffers))(drawn.probe, offers);
    if (offers.empty()) continue;
    Neighbour next = random.Pick(offers);
    next.what = drawn.what.empty() ? next.what : drawn.what + ", " + next.what;
    drawn = std::move(next);
  }
  return drawn;
}

}  // namespace moire
