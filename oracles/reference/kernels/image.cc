// ImageDecoder for the formats that hold plain samples: BMP (24 bits), PNM (P5, P6), TIFF
// (uncompressed, 8 bits). PNG, JPEG, JPEG 2000 and WebP need decoders that are not here. Anything
// that is not one of those in its simplest form is not decided: "if it can't decode for any reason"
// an implementation "will return an empty matrix", and what one cannot decode is its own affair.
#include <optional>
#include <string>

#include "oracles/reference/kernels/families.h"

namespace moire {
namespace {

constexpr uint64_t kMaxSide = 1 << 14;

struct Image {
  uint64_t height = 0, width = 0;
  bool gray = false;
  std::string samples;  // rows from the top, RGB or gray
};

// Little-endian fields of a file, or big-endian ones.
class Bytes {
 public:
  explicit Bytes(std::string_view bytes) : bytes_(bytes) {}
  size_t size() const { return bytes_.size(); }
  void set_big(bool big) { big_ = big; }
  bool ok() const { return ok_; }
  uint64_t Read(uint64_t at, uint64_t width) {
    if (at > bytes_.size() || width > bytes_.size() - at) {
      ok_ = false;
      return 0;
    }
    uint64_t out = 0;
    for (uint64_t i = 0; i < width; ++i) {
      const uint64_t place = big_ ? width - 1 - i : i;
      out |= uint64_t{static_cast<uint8_t>(bytes_[at + i])} << (8 * place);
    }
    return out;
  }
  std::string_view Slice(uint64_t at, uint64_t count) {
    ok_ = ok_ && at <= bytes_.size() && count <= bytes_.size() - at;
    return ok_ ? bytes_.substr(at, count) : std::string_view{};
  }

 private:
  std::string_view bytes_;
  bool big_ = false;
  bool ok_ = true;
};

bool Fits(const Image& image) {
  return image.height > 0 && image.width > 0 && image.height <= kMaxSide && image.width <= kMaxSide;
}

// Rows from the bottom, each padded to four bytes, blue first.
std::optional<Image> ReadBmp(Bytes bytes) {
  const uint64_t start = bytes.Read(10, 4), header = bytes.Read(14, 4);
  Image out;
  out.width = bytes.Read(18, 4);
  out.height = bytes.Read(22, 4);
  const bool plain = header >= 40 && bytes.Read(28, 2) == 24 && bytes.Read(30, 4) == 0;
  if (!bytes.ok() || !plain || !Fits(out)) return std::nullopt;
  const uint64_t stride = (out.width * 3 + 3) / 4 * 4;
  for (uint64_t y = out.height; y-- > 0;) {
    const std::string_view row = bytes.Slice(start + y * stride, out.width * 3);
    for (size_t x = 0; x + 2 < row.size(); x += 3) {
      for (const size_t channel : {2, 1, 0}) out.samples.push_back(row[x + channel]);
    }
  }
  return bytes.ok() ? std::optional(std::move(out)) : std::nullopt;
}

// "P6 WIDTH HEIGHT 255", one white space, the samples. No comments.
std::optional<Image> ReadPnm(Bytes bytes) {
  Image out;
  out.gray = bytes.Read(1, 1) == '5';
  uint64_t at = 2, most = 0;
  for (uint64_t* field : {&out.width, &out.height, &most}) {
    const auto next = [&] { return bytes.Read(at, 1); };
    while (bytes.ok() && (next() == ' ' || next() == '\n')) ++at;
    for (*field = 0; bytes.ok() && next() >= '0' && next() <= '9' && *field <= kMaxSide; ++at) {
      *field = *field * 10 + (next() - '0');
    }
  }
  if (!bytes.ok() || most != 255 || !Fits(out)) return std::nullopt;
  out.samples = bytes.Slice(at + 1, out.width * out.height * (out.gray ? 1 : 3));
  return bytes.ok() ? std::optional(std::move(out)) : std::nullopt;
}

// The first directory's tags; one number, or the offset of several.
struct TiffTag {
  uint64_t type = 0, count = 0, at = 0;
  uint64_t Width() const { return type == 3 ? 2 : 4; }  // SHORT, LONG
  uint64_t Get(Bytes& bytes, uint64_t i) const {
    const bool inside = count * Width() <= 4;
    const uint64_t base = inside ? at : bytes.Read(at, 4);
    return bytes.Read(base + i * Width(), Width());
  }
};

std::optional<Image> ReadTiff(Bytes bytes) {
  bytes.set_big(bytes.Read(0, 1) == 'M');
  const uint64_t directory = bytes.Read(4, 4);
  const uint64_t entries = bytes.Read(directory, 2);
  TiffTag width, height, bits, compression, photometric, offsets, samples, counts, planar;
  const std::pair<uint64_t, TiffTag*> known[] = {
      {256, &width},   {257, &height},  {258, &bits},   {259, &compression}, {262, &photometric},
      {273, &offsets}, {277, &samples}, {279, &counts}, {284, &planar}};
  for (uint64_t i = 0; i < entries && bytes.ok(); ++i) {
    const uint64_t at = directory + 2 + 12 * i;
    for (const auto& [tag, place] : known) {
      if (bytes.Read(at, 2) == tag) *place = {bytes.Read(at + 2, 2), bytes.Read(at + 4, 4), at + 8};
    }
  }
  const auto value = [&](const TiffTag& tag, uint64_t otherwise) {
    return tag.count == 0 ? otherwise : tag.Get(bytes, 0);
  };
  Image out;
  out.width = value(width, 0);
  out.height = value(height, 0);
  const uint64_t kind = value(photometric, 0);  // 1: black is zero, 2: RGB
  const uint64_t channels = value(samples, 1);
  out.gray = kind == 1;
  const bool plain = value(compression, 1) == 1 && value(bits, 1) == 8 && value(planar, 1) == 1 &&
                     (kind == 1 || kind == 2) && channels == (out.gray ? 1 : 3) &&
                     offsets.count == counts.count;
  if (!bytes.ok() || !plain || !Fits(out)) return std::nullopt;
  const uint64_t size = out.width * out.height * channels;
  for (uint64_t i = 0; i < offsets.count && bytes.ok() && out.samples.size() < size; ++i) {
    out.samples += bytes.Slice(offsets.Get(bytes, i), counts.Get(bytes, i));
  }
  return bytes.ok() && out.samples.size() == size ? std::optional(std::move(out)) : std::nullopt;
}

Status ImageDecoder(KernelContext& ctx) {
  if (ctx.In(0).type != DataType::kUint8 || ctx.In(0).shape.size() != 1) {
    return Fail(ErrorCode::kInvalidInput, "a stream of {} {}", Name(ctx.In(0).type),
                ToString(ctx.In(0).shape));
  }
  MOIRE_ASSIGN(const Ints stream, ctx.ExactInts(0));
  MOIRE_TRY(ctx.Spend(stream.size() * 4));
  const std::string bytes(stream.begin(), stream.end());
  std::optional<Image> image;
  if (bytes.starts_with("BM")) {
    image = ReadBmp(Bytes(bytes));
  } else if (bytes.starts_with("P5") || bytes.starts_with("P6")) {
    image = ReadPnm(Bytes(bytes));
  } else if (bytes.starts_with(std::string_view("II*\0", 4)) ||
             bytes.starts_with(std::string_view("MM\0*", 4))) {
    image = ReadTiff(Bytes(bytes));
  }
  if (!image) return Fail(ErrorCode::kUnsupported, "an encoded image of another kind");
  const std::string format = ctx.node().String("pixel_format", "RGB");
  const bool to_gray = format == "Grayscale";
  if (format != "RGB" && format != "BGR" && !to_gray) {
    return Fail(ErrorCode::kInvalidInput, "pixel_format '{}'", format);
  }
  if (to_gray && !image->gray) {
    return Fail(ErrorCode::kUndecidable, "the weights of colours in a gray are not said");
  }
  const auto height = static_cast<int64_t>(image->height);
  const auto width = static_cast<int64_t>(image->width);
  const size_t channels = to_gray ? 1 : 3;
  MOIRE_ASSIGN(RangeTensor * out,
               ctx.Make(0, DataType::kUint8, {height, width, static_cast<int64_t>(channels)}));
  for (size_t i = 0; i < out->ints.size(); ++i) {
    const size_t channel = format == "BGR" ? 2 - i % 3 : i % channels;
    const size_t from = image->gray ? i / channels : i / 3 * 3 + channel;
    out->ints[i] = static_cast<uint8_t>(image->samples[from]);
  }
  return {};
}

constexpr KernelEntry kImageKernels[] = {{"ImageDecoder", 20, kLatest, ImageDecoder}};

}  // namespace

std::span<const KernelEntry> ImageKernels() { return kImageKernels; }

}  // namespace moire
