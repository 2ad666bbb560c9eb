// Cast and CastLike of the faulty runtime.
#include <cmath>

#include "tests/faulty/node_run.h"

namespace moire::faulty {
namespace {

// What ONNX leaves open (out of range, NaN) gives 0.
int64_t ToInteger(DataType to, double x) {
  if (IsBool(to)) return x != 0 ? 1 : 0;
  const double whole = std::trunc(x);
  if (to == DataType::kUint64) {
    return whole >= 0 && whole < 0x1p64 ? static_cast<int64_t>(static_cast<uint64_t>(whole)) : 0;
  }
  return whole >= -0x1p63 && whole < 0x1p63 ? Wrap(to, static_cast<int64_t>(whole)) : 0;
}

double ElementAsDouble(const NodeRun& run, const Value& x, size_t k) {
  switch (StorageOf(x.type)) {
    case Storage::kFloat:
      return static_cast<double>(x.f[k]);
    case Storage::kDouble:
      return x.d[k];
    default:
      return IntAsDouble(x.type, run.Faulty(FaultKind::kSignLost) ? x.i[k] & 0xff : x.i[k]);
  }
}

double Narrow(const NodeRun& run, DataType to, double x) {
  if (run.Faulty(FaultKind::kTruncate) && std::isfinite(x)) {
    return x < 0 ? RoundUp(to, x) : RoundDown(to, x);
  }
  return RoundTo(to, x);
}

Status CastTo(NodeRun& run, DataType to) {
  const Value& x = run.In(0);
  if (StorageOf(x.type) == Storage::kNone || StorageOf(to) == Storage::kNone) {
    return run.Unsupported();
  }
  Value& out = run.Make(to, x.shape);
  const bool integers = StorageOf(x.type) == Storage::kInt;
  for (size_t k = 0; k < static_cast<size_t>(x.size()); ++k) {
    switch (StorageOf(to)) {
      case Storage::kFloat:
        out.f[k] = static_cast<float>(Narrow(run, to, ElementAsDouble(run, x, k)));
        // One rounding from 64-bit integers.
        if (integers && to == DataType::kFloat && !run.Faulty(FaultKind::kSignLost)) {
          out.f[k] = x.type == DataType::kUint64 ? static_cast<float>(static_cast<uint64_t>(x.i[k]))
                                                 : static_cast<float>(x.i[k]);
        }
        break;
      case Storage::kDouble:
        out.d[k] = ElementAsDouble(run, x, k);
        break;
      default:
        out.i[k] = !integers ? ToInteger(to, ElementAsDouble(run, x, k))
                             : Wrap(to, run.Faulty(FaultKind::kSignLost) ? x.i[k] & 0xff : x.i[k]);
    }
  }
  return {};
}

Status Cast(NodeRun& run) { return CastTo(run, static_cast<DataType>(run.node.Int("to", 0))); }
Status CastLike(NodeRun& run) { return CastTo(run, run.In(1).type); }

constexpr KernelRow kRows[] = {{"Cast", Cast}, {"CastLike", CastLike}};

}  // namespace

std::span<const KernelRow> CastKernels() { return kRows; }

}  // namespace moire::faulty
