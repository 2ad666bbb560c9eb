// Element-wise arithmetic, comparison, logic and selection of the faulty runtime, with broadcasting.
#include <algorithm>
#include <cmath>

#include "tests/faulty/node_run.h"

namespace moire::faulty {
namespace {

Result<Shape> BroadcastAll(const NodeRun& run) {
  Shape shape = run.In(0).shape;
  for (size_t k = 1; k < run.in.size(); ++k) {
    if (!run.Given(k)) continue;
    const auto next = BroadcastShapes(shape, run.In(k).shape);
    if (!next) return run.Bad("dim");
    shape = *next;
  }
  return shape;
}

std::vector<int64_t> IndexOf(const NodeRun& run, const Value& operand, const Shape& shape) {
  std::vector<int64_t> index = BroadcastIndex(operand.shape, shape);
  if (run.Faulty(FaultKind::kBroadcast) && operand.size() > 0) {
    for (size_t k = 0; k < index.size(); ++k) {
      index[k] = static_cast<int64_t>(k) % operand.size();
    }
  }
  return index;
}

template <typename T, typename F>
void Zip(const std::vector<T>& a, const std::vector<int64_t>& ia, const std::vector<T>& b,
         const std::vector<int64_t>& ib, auto& out, const F& f) {
  for (size_t k = 0; k < out.size(); ++k) {
    out[k] = f(a[static_cast<size_t>(ia[k])], b[static_cast<size_t>(ib[k])]);
  }
}

uint64_t U(int64_t x) { return static_cast<uint64_t>(x); }
int64_t S(uint64_t x) { return static_cast<int64_t>(x); }

int64_t Finish(const NodeRun& run, DataType type, int64_t wrapped, __int128 exact) {
  if (run.Faulty(FaultKind::kSaturate)) {
    const auto low = static_cast<__int128>(IntegerMin(type));
    const auto high = static_cast<__int128>(IntegerMax(type));
    return S(static_cast<uint64_t>(std::clamp(exact, low, high)));
  }
  if (run.Faulty(FaultKind::kWrap16)) return Wrap(DataType::kInt16, wrapped);
  return Wrap(type, wrapped);
}

__int128 Wide(DataType type, int64_t x) {
  return type == DataType::kUint64 ? static_cast<__int128>(U(x)) : static_cast<__int128>(x);
}

// kInts(run, type, a, b); kFloats(a, b) for float and double.
template <auto kFloats, auto kInts>
Status Arithmetics(NodeRun& run) {
  Value a = run.In(0);
  Value b = run.In(1);
  if (a.type != b.type || IsBool(a.type)) return run.Unsupported();
  MOIRE_ASSIGN(const Shape shape, BroadcastAll(run));
  if (run.Faulty(FaultKind::kSwapped)) std::swap(a, b);
  const auto ia = IndexOf(run, a, shape);
  const auto ib = IndexOf(run, b, shape);
  Value& out = run.Make(a.type, shape);
  switch (StorageOf(a.type)) {
    case Storage::kFloat:
      Zip(a.f, ia, b.f, ib, out.f, kFloats);
      return {};
    case Storage::kDouble:
      Zip(a.d, ia, b.d, ib, out.d, kFloats);
      return {};
    case Storage::kInt:
      Zip(a.i, ia, b.i, ib, out.i,
          [&](int64_t x, int64_t y) { return kInts(run, a.type, x, y); });
      return {};
    default:
      return run.Unsupported();
  }
}

int64_t DivideInt(const NodeRun&, DataType type, int64_t a, int64_t b) {
  if (b == 0) return 0;
  if (type == DataType::kUint64) return S(U(a) / U(b));
  if (b == -1) return Wrap(type, S(0 - U(a)));
  return Wrap(type, a / b);
}

// x * (1 / c) in place of x / c is a common rewrite, where 1 / c neither overflows nor underflows.
Status Div(NodeRun& run) {
  if (run.Given(1) && run.In(1).size() == 1 && run.random.Chance(1, 3) && IsFloat(run.In(0).type)) {
    const auto by_reciprocal = [](auto a, auto b) {
      const auto reciprocal = decltype(a){1} / b;
      return std::isnormal(reciprocal) ? a * reciprocal : a / b;
    };
    return Arithmetics<by_reciprocal, DivideInt>(run);
  }
  return Arithmetics<[](auto a, auto b) { return a / b; }, DivideInt>(run);
}

template <bool kFloored>
int64_t ModInt(const NodeRun&, DataType type, int64_t a, int64_t b) {
  if (b == 0) return 0;
  if (type == DataType::kUint64) return S(U(a) % U(b));
  if (b == -1) return 0;
  const int64_t rest = a % b;
  return kFloored && rest != 0 && (rest < 0) != (b < 0) ? rest + b : rest;
}

Status Mod(NodeRun& run) {
  const auto remainder = [](auto a, auto b) { return std::fmod(a, b); };
  if (run.node.Int("fmod", 0) != 0) return Arithmetics<remainder, ModInt<false>>(run);
  if (IsFloat(run.In(0).type)) return run.Unsupported();
  return Arithmetics<remainder, ModInt<true>>(run);
}

// --- Variadic: folded from the left ---------------------------------------------------------------

template <auto kFloats, auto kInts>
Status Fold(NodeRun& run) {
  const std::vector<const Value*> all = run.in;
  Value sum = *all[0];
  for (size_t k = 1; k < all.size(); ++k) {
    run.in = {&sum, all[k]};
    const Status status = Arithmetics<kFloats, kInts>(run);
    if (!status) {
      run.in = all;
      return status;
    }
    sum = std::move(run.out[0]);
    for (float& x : sum.f) x = run.arithmetic.Round(x);
  }
  run.in = all;
  run.out[0] = std::move(sum);
  return {};
}

int64_t LargerInt(const NodeRun& run, DataType type, int64_t a, int64_t b) {
  if (run.Faulty(FaultKind::kWrap32)) {
    a = Wrap(DataType::kInt32, a);
    b = Wrap(DataType::kInt32, b);
  }
  return LessInt(type, a, b) ? b : a;
}
int64_t SmallerInt(const NodeRun&, DataType type, int64_t a, int64_t b) {
  return LessInt(type, b, a) ? b : a;
}
int64_t AddInt(const NodeRun& run, DataType type, int64_t a, int64_t b) {
  return Finish(run, type, S(U(a) + U(b)), Wide(type, a) + Wide(type, b));
}
int64_t SubInt(const NodeRun& run, DataType type, int64_t a, int64_t b) {
  return Finish(run, type, S(U(a) - U(b)), Wide(type, a) - Wide(type, b));
}
int64_t MulInt(const NodeRun& run, DataType type, int64_t a, int64_t b) {
  return Finish(run, type, S(U(a) * U(b)), Wide(type, a) * Wide(type, b));
}
constexpr auto kAdd = [](auto a, auto b) { return a + b; };
constexpr auto kSub = [](auto a, auto b) { return a - b; };
constexpr auto kMul = [](auto a, auto b) { return a * b; };
constexpr auto kLarger = [](auto a, auto b) { return std::isnan(a) || a > b ? a : b; };
constexpr auto kSmaller = [](auto a, auto b) { return std::isnan(a) || a < b ? a : b; };

Status Mean(NodeRun& run) {
  MOIRE_TRY((Fold<kAdd, AddInt>(run)));
  const bool reciprocal = run.random.Chance(1, 2);
  const size_t n = run.in.size();
  const auto divide = [&](auto& data) {
    for (auto& x : data) {
      using T = std::remove_reference_t<decltype(x)>;
      const T count = static_cast<T>(n);
      x = reciprocal ? x * (T{1} / count) : x / count;
    }
  };
  divide(run.out[0].f);
  divide(run.out[0].d);
  return StorageOf(run.out[0].type) == Storage::kInt ? Status(run.Unsupported()) : Status();
}

// --- Comparison and logic -------------------------------------------------------------------------

template <auto kTest>
Status Compare(NodeRun& run) {
  const Value& a = run.In(0);
  const Value& b = run.In(1);
  if (a.type != b.type) return run.Unsupported();
  MOIRE_ASSIGN(const Shape shape, BroadcastAll(run));
  const auto ia = IndexOf(run, a, shape);
  const auto ib = IndexOf(run, b, shape);
  const bool equality = run.Faulty(FaultKind::kEquality);
  const auto test = [&](auto x, auto y) { return kTest(x, y) || (equality && x == y) ? 1 : 0; };
  Value& out = run.Make(DataType::kBool, shape);
  switch (StorageOf(a.type)) {
    case Storage::kFloat:
      Zip(a.f, ia, b.f, ib, out.i, test);
      return {};
    case Storage::kDouble:
      Zip(a.d, ia, b.d, ib, out.i, test);
      return {};
    case Storage::kInt:
      Zip(a.i, ia, b.i, ib, out.i, [&](int64_t x, int64_t y) {
        return a.type == DataType::kUint64 ? test(U(x), U(y)) : test(x, y);
      });
      return {};
    default:
      return run.Unsupported();
  }
}

template <auto kBits>
Status Bitwise(NodeRun& run) {
  const Value& a = run.In(0);
  const Value& b = run.In(1);
  if (a.type != b.type || StorageOf(a.type) != Storage::kInt) return run.Unsupported();
  MOIRE_ASSIGN(const Shape shape, BroadcastAll(run));
  Value& out = run.Make(a.type, shape);
  Zip(a.i, IndexOf(run, a, shape), b.i, IndexOf(run, b, shape), out.i, [&](int64_t x, int64_t y) {
    return run.Faulty(FaultKind::kWrongLogic) ? x | y : Wrap(a.type, kBits(x, y));
  });
  return {};
}

Status BitShift(NodeRun& run) {
  const bool left = run.node.String("direction", "") == "LEFT";
  const Value& a = run.In(0);
  const Value& b = run.In(1);
  if (a.type != b.type || !IsUnsigned(a.type)) return run.Unsupported();
  MOIRE_ASSIGN(const Shape shape, BroadcastAll(run));
  Value& out = run.Make(a.type, shape);
  Zip(a.i, IndexOf(run, a, shape), b.i, IndexOf(run, b, shape), out.i, [&](int64_t x, int64_t y) {
    if (U(y) >= static_cast<uint64_t>(Traits(a.type).bits)) return int64_t{0};
    return Wrap(a.type, S(left ? U(x) << U(y) : U(x) >> U(y)));
  });
  return {};
}

// --- Selection ------------------------------------------------------------------------------------

Status Where(NodeRun& run) {
  const Value& condition = run.In(0);
  if (run.In(1).type != run.In(2).type || StorageOf(run.In(1).type) == Storage::kNone) {
    return run.Unsupported();
  }
  MOIRE_ASSIGN(const Shape shape, BroadcastAll(run));
  const auto ic = BroadcastIndex(condition.shape, shape);
  const auto ix = BroadcastIndex(run.In(1).shape, shape);
  const auto iy = BroadcastIndex(run.In(2).shape, shape);
  Value& out = run.Make(run.In(1).type, shape);
  for (size_t k = 0; k < ic.size(); ++k) {
    const auto at = run.Faulty(FaultKind::kConditionTwice) ? 0 : static_cast<size_t>(ic[k]);
    const bool first = condition.i[at] != 0;
    CopyElement(first ? run.In(1) : run.In(2), first ? ix[k] : iy[k], out, static_cast<int64_t>(k));
  }
  return {};
}

Status Clip(NodeRun& run) {
  const Value& x = run.In(0);
  run.out[0] = x;
  const auto apply = [&](size_t limit, auto& data, const auto& limits, const auto& beyond) {
    for (auto& value : data) {
      if (beyond(value, limits[0])) value = limits[0];
    }
    static_cast<void>(limit);
  };
  for (size_t limit = 1; limit <= 2; ++limit) {
    if (!run.Given(limit)) continue;
    const Value& bound = run.In(limit);
    if (bound.type != x.type || bound.size() != 1) return run.Bad("limit");
    if (limit == 1 && run.Faulty(FaultKind::kLimitIgnored)) continue;
    const auto beyond = [&](auto value, auto edge) {
      return limit == 1 ? value < edge : edge < value;
    };
    apply(limit, run.out[0].f, bound.f, beyond);
    apply(limit, run.out[0].d, bound.d, beyond);
    apply(limit, run.out[0].i, bound.i, [&](int64_t value, int64_t edge) {
      return limit == 1 ? LessInt(x.type, value, edge) : LessInt(x.type, edge, value);
    });
  }
  return StorageOf(x.type) == Storage::kNone || IsBool(x.type) ? Status(run.Unsupported()) : Status();
}

Status PRelu(NodeRun& run) {
  if (run.In(0).type != run.In(1).type) return run.Unsupported();
  return Arithmetics<[](auto x, auto slope) { return x < 0 ? x * slope : x; },
                     [](const NodeRun&, DataType type, int64_t x, int64_t slope) {
                       return IsSigned(type) && x < 0 ? Wrap(type, S(U(x) * U(slope))) : x;
                     }>(run);
}

constexpr KernelRow kRows[] = {
    {"Add", Arithmetics<kAdd, AddInt>},
    {"Sub", Arithmetics<kSub, SubInt>},
    {"Mul", Arithmetics<kMul, MulInt>},
    {"Div", Div},
    {"Mod", Mod},
    {"Max", Fold<kLarger, LargerInt>},
    {"Min", Fold<kSmaller, SmallerInt>},
    {"Sum", Fold<kAdd, AddInt>},
    {"Mean", Mean},
    {"PRelu", PRelu},
    {"Equal", Compare<[](auto a, auto b) { return a == b; }>},
    {"Less", Compare<[](auto a, auto b) { return a < b; }>},
    {"LessOrEqual", Compare<[](auto a, auto b) { return a <= b; }>},
    {"Greater", Compare<[](auto a, auto b) { return a > b; }>},
    {"GreaterOrEqual", Compare<[](auto a, auto b) { return a >= b; }>},
    {"And", Bitwise<[](int64_t a, int64_t b) { return a & b; }>},
    {"Or", Bitwise<[](int64_t a, int64_t b) { return a | b; }>},
    {"Xor", Bitwise<[](int64_t a, int64_t b) { return a ^ b; }>},
    {"BitwiseAnd", Bitwise<[](int64_t a, int64_t b) { return a & b; }>},
    {"BitwiseOr", Bitwise<[](int64_t a, int64_t b) { return a | b; }>},
    {"BitwiseXor", Bitwise<[](int64_t a, int64_t b) { return a ^ b; }>},
    {"BitShift", BitShift},
    {"Where", Where},
    {"Clip", Clip},
};

}  // namespace

std::span<const KernelRow> ElementwiseKernels() { return kRows; }

}  // namespace moire::faulty
