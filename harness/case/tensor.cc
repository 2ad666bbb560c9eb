#include "harness/case/tensor.h"

#include <cstring>

#include "harness/case/float_bits.h"

namespace moire {
namespace {

// Raw bits of element `index`, zero-extended. For types of up to 64 bits.
uint64_t GetBits(const Tensor& tensor, int64_t index) {
  const int bits = Traits(tensor.type).bits;
  const auto i = static_cast<size_t>(index);
  if (bits < 8) {
    const size_t per_byte = static_cast<size_t>(8 / bits);
    const size_t shift = (i % per_byte) * static_cast<size_t>(bits);
    return (tensor.data[i / per_byte] >> shift) & ((1u << bits) - 1);
  }
  uint64_t value = 0;
  const size_t bytes = static_cast<size_t>(bits / 8);
  std::memcpy(&value, tensor.data.data() + i * bytes, bytes);
  return value;
}

void SetBits(Tensor& tensor, int64_t index, uint64_t value) {
  const int bits = Traits(tensor.type).bits;
  const auto i = static_cast<size_t>(index);
  if (bits < 8) {
    const size_t per_byte = static_cast<size_t>(8 / bits);
    const size_t shift = (i % per_byte) * static_cast<size_t>(bits);
    const unsigned mask = ((1u << bits) - 1) << shift;
    uint8_t& byte = tensor.data[i / per_byte];
    byte = static_cast<uint8_t>((byte & ~mask) | ((value << shift) & mask));
    return;
  }
  const size_t bytes = static_cast<size_t>(bits / 8);
  std::memcpy(tensor.data.data() + i * bytes, &value, bytes);
}

}  // namespace

size_t ByteSize(DataType type, int64_t count) {
  return (static_cast<size_t>(count) * static_cast<size_t>(Traits(type).bits) + 7) / 8;
}

Tensor MakeTensor(DataType type, Shape shape) {
  Tensor tensor{type, std::move(shape), {}, {}};
  if (type == DataType::kString) {
    tensor.strings.resize(static_cast<size_t>(tensor.size()));
  } else {
    tensor.data.resize(ByteSize(type, tensor.size()));
  }
  return tensor;
}

double GetFloat(const Tensor& tensor, int64_t index) {
  if (tensor.type == DataType::kFloat) {
    return static_cast<double>(tensor.As<float>()[static_cast<size_t>(index)]);
  }
  return DecodeFloat(tensor.type, GetBits(tensor, index));
}

void SetFloat(Tensor& tensor, int64_t index, double value) {
  SetBits(tensor, index, EncodeFloat(tensor.type, value));
}

int64_t GetInt(const Tensor& tensor, int64_t index) {
  const uint64_t value = GetBits(tensor, index);
  const TypeTraits& traits = Traits(tensor.type);
  if (traits.kind == TypeClass::kBool) return value != 0;
  if (traits.kind != TypeClass::kSigned || traits.bits == 64) return static_cast<int64_t>(value);
  const int shift = 64 - traits.bits;
  return static_cast<int64_t>(value << shift) >> shift;
}

void SetInt(Tensor& tensor, int64_t index, int64_t value) {
  SetBits(tensor, index, IsBool(tensor.type) ? value != 0 : static_cast<uint64_t>(value));
}

void CopyElement(const Tensor& source, int64_t from, Tensor& out, int64_t to) {
  if (source.type == DataType::kString) {
    out.strings[static_cast<size_t>(to)] = source.strings[static_cast<size_t>(from)];
  } else if (IsFloat(source.type)) {
    SetFloat(out, to, GetFloat(source, from));
  } else {
    SetInt(out, to, GetInt(source, from));
  }
}

std::string ElementToString(const Tensor& tensor, int64_t index) {
  switch (Traits(tensor.type).kind) {
    case TypeClass::kString:
      return tensor.strings[static_cast<size_t>(index)];
    case TypeClass::kBool:
      return GetInt(tensor, index) != 0 ? "true" : "false";
    case TypeClass::kSigned:
      return fmt::format("{}", GetInt(tensor, index));
    case TypeClass::kUnsigned:
      return fmt::format("{}", static_cast<uint64_t>(GetInt(tensor, index)));
    case TypeClass::kFloat:
      if (tensor.type == DataType::kFloat) {
        return fmt::format("{}", tensor.As<float>()[static_cast<size_t>(index)]);
      }
      return fmt::format("{}", GetFloat(tensor, index));
    case TypeClass::kComplex: {
      const auto i = static_cast<size_t>(index) * 2;
      if (tensor.type == DataType::kComplex64) {
        return fmt::format("{}{:+}i", tensor.As<float>()[i], tensor.As<float>()[i + 1]);
      }
      return fmt::format("{}{:+}i", tensor.As<double>()[i], tensor.As<double>()[i + 1]);
    }
    case TypeClass::kNone:
      break;
  }
  return "?";
}

Tensor Int64Tensor(std::span<const int64_t> values) {
  Tensor tensor = MakeTensor(DataType::kInt64, {static_cast<int64_t>(values.size())});
  std::memcpy(tensor.data.data(), values.data(), values.size_bytes());
  return tensor;
}

Tensor FloatScalar(float value) {
  Tensor tensor = MakeTensor(DataType::kFloat, {});
  tensor.As<float>()[0] = value;
  return tensor;
}

}  // namespace moire
