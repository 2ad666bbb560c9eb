// Control flow. Bodies are graphs of their own, grown like the outer one from what they are handed
// and from values that they capture; their outputs are then brought to what the node needs.
#include <algorithm>
#include <optional>

#include "fuzzers/generate/op_context.h"
#include "fuzzers/generate/ops/families.h"
#include "fuzzers/generate/pool.h"

namespace moire {
namespace {

constexpr int kDeepest = 2;    // bodies in bodies
constexpr int64_t kTrips = 4;  // of a loop: magnitudes and costs grow with them
constexpr int64_t kMostTrips = 64;

void CaptureSome(GraphBuilder& outer, GraphBuilder& body, size_t most) {
  for (size_t i = 0; i < most; ++i) {
    const ValueId id = outer.PickValue(
        [](const Value& v) { return v.count > 0 && v.kind != ValueKind::kInitializer && !v.edge; });
    if (id != kNoValue) body.Capture(id);
  }
}

void GrowBody(GraphBuilder& body, size_t nodes) {
  body.set_chain(body.random().Chance(1, 2));
  Grow(body, OperatorPool::For(body), nodes);
}

bool Made(const Value& v) { return v.kind == ValueKind::kNode && v.count >= 0; }

// Up to `most` results of the body that nothing in it uses, of at most so many elements.
std::vector<ValueId> LooseEnds(const GraphBuilder& body, size_t most, int64_t elements) {
  std::vector<ValueId> out;
  for (size_t i = body.values().size(); i-- > 0 && out.size() < most;) {
    const Value& v = body.values()[i];
    if (Made(v) && v.type != DataType::kUndefined && v.uses == 0 && v.count <= elements) {
      out.push_back(static_cast<ValueId>(i));
    }
  }
  return out;
}

// A result of the body of this type and shape that is not among the taken ones: one that it has,
// else made from a value that it was handed, else from a constant. kNoValue where nothing works.
ValueId Provide(GraphBuilder& body, DataType type, const Shape& shape, ValueId handed,
                double magnitude, std::span<const ValueId> taken) {
  Random& random = body.random();
  const auto fits = [&](const Value& v) {
    const auto id = static_cast<ValueId>(&v - body.values().data());
    return v.type == type && v.shape == shape && std::ranges::count(taken, id) == 0;
  };
  ValueId found = body.PickValue([&](const Value& v) { return Made(v) && fits(v); });
  if (found == kNoValue) {
    ValueId source = handed;
    if (source == kNoValue) source = body.PickValue(fits);
    if (source == kNoValue) source = body.AddInitializer(body.Fill(type, shape, {}));
    static constexpr std::string_view kSteady[] = {"Tanh", "Sin", "Neg", "Abs", "Softsign"};
    if (IsFloat(type) && random.Chance(2, 3)) {
      found = body.Emit1(kSteady[random.Index(5)], {source});
    }
    if (found == kNoValue && IsBool(type)) found = body.Emit1("Not", {source});
    if (found == kNoValue) found = body.Emit1("Identity", {source});
  }
  // What goes around again must not grow.
  if (found != kNoValue && IsFloat(type) && magnitude > 0 &&
      body.value(found).range.Magnitude() > magnitude) {
    found = body.Emit1(random.Chance(1, 2) ? "Tanh" : "Softsign", {found});
  }
  return found;
}

struct Body {
  GraphPtr graph;
  std::vector<ValueId> captured;
  std::vector<Value> outputs;
};

Body Close(GraphBuilder& body, std::span<const ValueId> formals, std::span<const ValueId> outputs) {
  Body out;
  for (const ValueId id : outputs) out.outputs.push_back(body.value(id));
  out.captured = body.Captured();
  out.graph = body.FinishBody(formals, outputs);
  return out;
}

// Appends the node, whose results lie where the bodies say.
bool FinishControl(OpContext& c, std::span<const Body> bodies, const std::vector<Range>& ranges) {
  std::vector<ValueId> captured;
  for (const Body& body : bodies) {
    for (const ValueId id : body.captured) {
      if (std::ranges::count(captured, id) == 0) captured.push_back(id);
    }
  }
  c.b().set_captures(std::move(captured));
  const std::vector<ValueId> made = c.Finish(ranges.size());
  for (size_t i = 0; i < made.size(); ++i) c.b().SetRange(made[i], ranges[i]);
  return !made.empty();
}

const Graph* BodyOf(const InferContext& c, std::string_view name) {
  const Attribute* attribute = c.node.Find(name);
  const auto* graph = attribute == nullptr ? nullptr : std::get_if<GraphPtr>(&attribute->value);
  return graph == nullptr ? nullptr : graph->get();
}

bool Declares(const ValueInfo& info, DataType type, const Shape& shape) {
  return info.type.type == type && StaticShape(info.type) == shape;
}

// --- If ---

bool TakeCondition(OpContext& c, size_t i) {
  const auto single = [](const Value& v) { return v.count == 1 && v.rank() <= 1 && !v.rounded; };
  if (c.Take(i, single)) return true;
  const ValueId source = c.b().PickValue([](const Value& v) {
    return Has(kFloats | Bit(DataType::kInt32) | Bit(DataType::kInt64), v.type) && v.count > 0 &&
           !v.rounded && !v.edge;
  });
  if (source == kNoValue || c.random().Chance(1, 4)) return c.Make(i, {});
  const ValueId top = c.b().Emit1("ReduceMax", {source}, {{"keepdims", int64_t{0}}});
  if (top == kNoValue) return c.Make(i, {});
  const DataType type = c.b().value(top).type;
  const ValueId limit = c.b().AddInitializer(c.b().Fill(type, {}, {0.5, 2}));
  const ValueId condition = c.b().Emit1("Greater", {top, limit});
  return condition != kNoValue ? c.Put(i, condition) : c.Make(i, {});
}

bool ChooseIf(OpContext& c) {
  if (c.b().depth() >= kDeepest || !TakeCondition(c, 0)) return false;
  std::vector<Body> bodies;
  {
    GraphBuilder body(&c.b());
    CaptureSome(c.b(), body, 3);
    GrowBody(body, 1 + c.random().Index(4));
    const std::vector<ValueId> ends =
        LooseEnds(body, 1 + c.random().Index(2), c.b().max_elements());
    if (ends.empty()) return false;
    bodies.push_back(Close(body, {}, ends));
  }
  {
    GraphBuilder body(&c.b());
    CaptureSome(c.b(), body, 3);
    for (const ValueId id : bodies[0].captured) body.Capture(id);
    GrowBody(body, c.random().Index(4));
    std::vector<ValueId> ends;
    for (const Value& v : bodies[0].outputs) {
      ends.push_back(Provide(body, v.type, v.shape, kNoValue, 0, ends));
      if (ends.back() == kNoValue) return false;
    }
    bodies.push_back(Close(body, {}, ends));
  }
  c.Set("then_branch", bodies[0].graph);
  c.Set("else_branch", bodies[1].graph);
  std::vector<Range> ranges;
  for (size_t i = 0; i < bodies[0].outputs.size(); ++i) {
    ranges.push_back(Hull(bodies[0].outputs[i].range, bodies[1].outputs[i].range));
  }
  return FinishControl(c, bodies, ranges);
}

bool InferIf(InferContext& c) {
  const Graph* yes = BodyOf(c, "then_branch");
  const Graph* no = BodyOf(c, "else_branch");
  if (!c.Given(0) || c.in[0]->count != 1 || yes == nullptr || no == nullptr) return false;
  if (yes->outputs.size() != c.out.size() || no->outputs.size() != c.out.size()) return false;
  for (size_t i = 0; i < c.out.size(); ++i) {
    const auto shape = StaticShape(yes->outputs[i].type);
    const auto other = StaticShape(no->outputs[i].type);
    if (!shape || !other || shape->size() != other->size()) return false;
    if (yes->outputs[i].type.type != no->outputs[i].type.type) return false;
    c.out[i].type = yes->outputs[i].type.type;
    c.out[i].shape = *shape;
    if (!Has(c.schema.Output(i)->types, c.out[i].type)) return false;
    for (size_t k = 0; k < shape->size(); ++k) {
      if ((*shape)[k] != (*other)[k]) c.out[i].shape[k] = -1;
    }
  }
  return true;
}

// --- Loop ---

Value Formal(DataType type, Shape shape, Range range) {
  Value out;
  out.type = type;
  out.shape = std::move(shape);
  out.range = range;
  return out;
}

Value FormalLike(const Value& v) {
  Value out = Formal(v.type, v.shape, v.range);
  out.rounded = v.rounded;
  out.edge = v.edge;
  return out;
}

Tensor TrueScalar() {
  Tensor out = MakeTensor(DataType::kBool, {});
  SetInt(out, 0, 1);
  return out;
}

bool ChooseLoop(OpContext& c) {
  if (c.b().depth() >= kDeepest) return false;
  const int64_t trips = c.random().Chance(1, 20) ? 0 : c.random().Between(1, kTrips);
  const size_t carried = 1 + c.random().Index(2);
  for (size_t i = 0; i < carried; ++i) {
    if (!c.Take(2 + i, [](const Value& v) { return v.kind != ValueKind::kInitializer; })) {
      return false;
    }
  }
  const bool early = c.random().Chance(1, 4);  // the body may end the loop
  if (!c.Put(0, c.b().AddInts({trips}, DataType::kInt64, true))) return false;
  if (c.random().Chance(1, 2)) {
    if (!c.Put(1, c.b().AddInitializer(TrueScalar()))) return false;
  } else {
    c.Omit(1);
  }
  GraphBuilder body(&c.b());
  std::vector<ValueId> formals = {
      body.AddFormal(Formal(DataType::kInt64, {}, {0, static_cast<double>(trips)})),
      body.AddFormal(Formal(DataType::kBool, {}, {0, 1}))};
  for (size_t i = 0; i < carried; ++i) formals.push_back(body.AddFormal(FormalLike(c.In(2 + i))));
  CaptureSome(c.b(), body, 2);
  GrowBody(body, 1 + c.random().Index(5));
  std::vector<ValueId> ends;
  if (early) {
    ends.push_back(body.Emit1(
        "Less", {formals[0], body.AddInts({c.random().Between(0, 3)}, DataType::kInt64, true)}));
  }
  if (ends.empty() || ends[0] == kNoValue) ends = {body.Emit1("Identity", {formals[1]})};
  if (ends[0] == kNoValue) return false;
  std::vector<Range> ranges;
  for (size_t i = 0; i < carried; ++i) {
    const Value& start = c.In(2 + i);
    const double magnitude = std::max(2.0, 2 * start.range.Magnitude());
    ends.push_back(Provide(body, start.type, start.shape, formals[2 + i], magnitude, ends));
    if (ends.back() == kNoValue) return false;
    ranges.push_back(Hull(start.range, body.value(ends.back()).range));
  }
  for (const ValueId id :
       LooseEnds(body, c.random().Index(3), c.b().max_elements() / std::max<int64_t>(1, trips))) {
    if (std::ranges::count(ends, id) > 0) continue;
    ends.push_back(id);
    ranges.push_back(body.value(id).range);
  }
  const Body closed = Close(body, formals, ends);
  c.Set("body", closed.graph);
  return FinishControl(c, {&closed, 1}, ranges);
}

// Whether the condition that the body gives back is the one that it was given.
bool Continues(const Graph& body) {
  const std::string& out = body.outputs[0].name;
  for (const Node& node : body.nodes) {
    if (std::ranges::count(node.outputs, out) == 0) continue;
    return node.op == "Identity" && node.inputs[0] == body.inputs[1].name;
  }
  return false;
}

bool InferLoop(InferContext& c) {
  const Graph* body = BodyOf(c, "body");
  if (body == nullptr || c.in.size() < 3 || !c.Given(0)) return false;
  const size_t carried = c.in.size() - 2;
  if (body->inputs.size() != carried + 2 || body->outputs.size() != c.out.size() + 1 ||
      c.out.size() < carried || c.in[0]->count != 1) {
    return false;
  }
  if (c.Given(1) && c.in[1]->count != 1) return false;
  const bool begins = !c.Given(1) || (c.in[1]->has_known && c.in[1]->known[0] != 0);
  const Ints* trips = c.Known(0);
  if (trips == nullptr || (*trips)[0] < 0 || (*trips)[0] > kMostTrips) return false;
  const int64_t length = begins && Continues(*body) ? (*trips)[0] : -1;
  for (size_t i = 0; i < c.out.size(); ++i) {
    const ValueInfo& made = body->outputs[1 + i];
    const auto shape = StaticShape(made.type);
    if (!shape) return false;
    c.out[i].type = made.type.type;
    c.out[i].shape = *shape;
    if (!Has(c.schema.Output(i)->types, c.out[i].type)) return false;
    if (i < carried) {
      if (!c.Given(2 + i) || c.in[2 + i]->type != made.type.type || c.shape(2 + i) != *shape ||
          !Declares(body->inputs[2 + i], made.type.type, *shape)) {
        return false;
      }
    } else {
      c.out[i].shape.insert(c.out[i].shape.begin(), length);
    }
  }
  return true;
}

// --- Scan ---

bool ChooseScan(OpContext& c) {
  if (c.b().depth() >= kDeepest) return false;
  const size_t states = c.random().Index(3);
  for (size_t i = 0; i < states; ++i) {
    if (!c.Take(i, [](const Value& v) { return v.kind != ValueKind::kInitializer; })) return false;
  }
  const auto sliced = [](const Value& v) {
    return v.rank() >= 1 && v.count > 0 && v.kind != ValueKind::kInitializer &&
           std::ranges::any_of(v.shape, [](int64_t d) { return d <= 8; });
  };
  if (!c.Take(states, sliced)) return false;
  Ints axes, directions;
  int64_t length = -1;
  GraphBuilder body(&c.b());
  std::vector<ValueId> formals;
  for (size_t i = 0; i < states; ++i) formals.push_back(body.AddFormal(FormalLike(c.In(i))));
  const size_t scans = 1 + c.random().Index(2);
  for (size_t i = 0; i < scans; ++i) {
    const auto fits = [&](const Value& v) {
      return v.count > 0 && std::ranges::count(v.shape, length) > 0;
    };
    if (i > 0 && !c.Take(states + i, fits)) break;
    const Value& v = c.In(states + i);
    int64_t axis = c.random().Between(0, v.rank() - 1);
    while (length < 0 ? v.shape[static_cast<size_t>(axis)] > 8
                      : v.shape[static_cast<size_t>(axis)] != length) {
      axis = (axis + 1) % v.rank();
    }
    length = v.shape[static_cast<size_t>(axis)];
    axes.push_back(c.Axis(axis, v.rank()));
    directions.push_back(static_cast<int64_t>(c.random().Below(2)));
    Value formal = FormalLike(v);
    formal.shape.erase(formal.shape.begin() + axis);
    formals.push_back(body.AddFormal(std::move(formal)));
  }
  CaptureSome(c.b(), body, 2);
  GrowBody(body, 1 + c.random().Index(5));
  std::vector<ValueId> ends;
  std::vector<Range> ranges;
  for (size_t i = 0; i < states; ++i) {
    const Value& start = c.In(i);
    ends.push_back(Provide(body, start.type, start.shape, formals[i],
                           std::max(2.0, 2 * start.range.Magnitude()), ends));
    if (ends.back() == kNoValue) return false;
    ranges.push_back(Hull(start.range, body.value(ends.back()).range));
  }
  Ints out_axes, out_directions;
  for (const ValueId id : LooseEnds(body, 2, c.b().max_elements() / length)) {
    if (std::ranges::count(ends, id) > 0 || body.value(id).rank() > 4) continue;
    ends.push_back(id);
    ranges.push_back(body.value(id).range);
    const int64_t rank = body.value(id).rank() + 1;
    out_axes.push_back(c.Axis(c.random().Between(0, rank - 1), rank));
    out_directions.push_back(static_cast<int64_t>(c.random().Below(2)));
  }
  if (ends.empty()) return false;
  c.Set("num_scan_inputs", static_cast<int64_t>(axes.size()));
  const bool plain = std::ranges::all_of(axes, [](int64_t a) { return a == 0; });
  if (!plain || c.random().Chance(1, 2)) c.Set("scan_input_axes", axes);
  if (c.random().Chance(1, 2)) c.Set("scan_input_directions", directions);
  if (!out_axes.empty() && c.random().Chance(1, 2)) c.Set("scan_output_axes", out_axes);
  if (!out_axes.empty() && c.random().Chance(1, 2)) c.Set("scan_output_directions", out_directions);
  const Body closed = Close(body, formals, ends);
  c.Set("body", closed.graph);
  return FinishControl(c, {&closed, 1}, ranges);
}

bool InferScan(InferContext& c) {
  const Graph* body = BodyOf(c, "body");
  const auto scans =
      static_cast<size_t>(std::clamp<int64_t>(c.node.Int("num_scan_inputs", 0), 0, 16));
  if (body == nullptr || scans < 1 || scans > c.in.size()) return false;
  const size_t states = c.in.size() - scans;
  if (body->inputs.size() != c.in.size() || body->outputs.size() != c.out.size() ||
      c.out.size() < states) {
    return false;
  }
  const Ints axes = c.node.IntList("scan_input_axes", Ints(scans, 0));
  const Ints out_axes = c.node.IntList("scan_output_axes", Ints(c.out.size() - states, 0));
  if (axes.size() != scans || out_axes.size() != c.out.size() - states) return false;
  if (c.node.IntList("scan_input_directions", Ints(scans, 0)).size() != scans) return false;
  if (c.node.IntList("scan_output_directions", out_axes).size() != out_axes.size()) return false;
  int64_t length = -1;
  for (size_t i = 0; i < scans; ++i) {
    if (!c.Given(states + i)) return false;
    const auto axis = NormalizeAxis(axes[i], c.rank(states + i));
    if (!axis) return false;
    Shape slice = c.shape(states + i);
    const int64_t steps = slice[static_cast<size_t>(*axis)];
    slice.erase(slice.begin() + *axis);
    if (steps < 1 || steps > kMostTrips || (length >= 0 && steps != length)) return false;
    length = steps;
    if (!Declares(body->inputs[states + i], c.in[states + i]->type, slice)) return false;
  }
  for (size_t i = 0; i < c.out.size(); ++i) {
    const auto shape = StaticShape(body->outputs[i].type);
    if (!shape) return false;
    c.out[i].type = body->outputs[i].type.type;
    c.out[i].shape = *shape;
    if (!Has(c.schema.Output(i)->types, c.out[i].type)) return false;
    if (i < states) {
      if (!c.Given(i) || !Declares(body->inputs[i], c.in[i]->type, c.shape(i)) ||
          !Declares(body->outputs[i], c.in[i]->type, c.shape(i))) {
        return false;
      }
      continue;
    }
    const auto axis = NormalizeAxis(out_axes[i - states], static_cast<int64_t>(shape->size()) + 1);
    if (!axis) return false;
    c.out[i].shape.insert(c.out[i].shape.begin() + *axis, length);
  }
  return true;
}

// --- SequenceMap ---

bool ChooseSequenceMap(OpContext& c) {
  if (c.b().depth() >= kDeepest) return false;
  const auto even = [](const Compound& s) {
    return s.form == Form::kSequence && !s.items.empty() && s.items.size() <= 6 &&
           std::ranges::all_of(s.items, [&](const Shape& i) { return i == s.items[0]; });
  };
  if (!c.TakeCompound(0, even)) return false;
  const Compound in = c.CompoundOf(0);
  GraphBuilder body(&c.b());
  Value item = Formal(in.element, in.items[0], in.range);
  item.rounded = in.rounded;
  item.edge = in.edge;
  std::vector<ValueId> formals = {body.AddFormal(std::move(item))};
  if (c.random().Chance(1, 2) && c.TakeAny(1))
    formals.push_back(body.AddFormal(FormalLike(c.In(1))));
  GrowBody(body, 1 + c.random().Index(4));
  const std::vector<ValueId> ends =
      LooseEnds(body, 1, c.b().max_elements() / static_cast<int64_t>(in.items.size()));
  if (ends.empty()) return false;
  const Body closed = Close(body, formals, ends);
  c.Set("body", closed.graph);
  return FinishControl(c, {&closed, 1}, {closed.outputs[0].range});
}

bool InferSequenceMap(InferContext& c) {
  const Graph* body = BodyOf(c, "body");
  const Compound* in = c.compound(0);
  if (body == nullptr || in == nullptr || in->form != Form::kSequence || in->items.empty() ||
      body->inputs.size() != c.in.size() || body->outputs.size() != c.out.size()) {
    return false;
  }
  for (size_t i = 0; i < c.in.size(); ++i) {
    const Compound* sequence = c.compound(i);
    if (!c.Given(i) || (sequence != nullptr && sequence->items.size() != in->items.size())) {
      return false;
    }
    const std::vector<Shape> single = {c.shape(i)};
    for (const Shape& shape : sequence != nullptr ? sequence->items : single) {
      const DataType type = sequence != nullptr ? sequence->element : c.in[i]->type;
      if (!Declares(body->inputs[i], type, shape)) return false;
    }
  }
  for (size_t i = 0; i < c.out.size(); ++i) {
    const ValueType& type = body->outputs[i].type;
    const auto shape = StaticShape(type);
    if (!shape ||
        !Has(c.schema.outputs[0].compounds[static_cast<size_t>(Form::kSequence)], type.type)) {
      return false;
    }
    c.out[i].compound =
        std::make_shared<const Compound>(Compound{Form::kSequence,
                                                  type.type,
                                                  true,
                                                  std::vector<Shape>(in->items.size(), *shape),
                                                  {-100, 100}});
  }
  return true;
}

// The real ranges are set where the node is made; a loaded one has none.
void UnknownRange(InferContext& c) {
  for (OutValue& out : c.out) out.range = IsFloat(out.type) ? Range{-100, 100} : Range{0, 1};
}

constexpr OpEntry kControl[] = {
    {"If", ChooseIf, InferIf, UnknownRange, kBodies, 0.9, 7},
    {"Loop", ChooseLoop, InferLoop, UnknownRange, kBodies, 0.7, 7},
    {"Scan", ChooseScan, InferScan, UnknownRange, kBodies, 0.7, 9},
    {"SequenceMap", ChooseSequenceMap, InferSequenceMap, UnknownRange, kBodies, 1.2, 17},
};

}  // namespace

OpTable ControlOps() { return kControl; }

}  // namespace moire
