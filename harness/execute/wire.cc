#include "harness/execute/wire.h"

namespace moire {

void WireWriter::Put(std::string_view text) {
  Put(uint64_t{text.size()});
  bytes_.append(text);
}

void WireWriter::Put(const NamedTensor& named) {
  Put(named.name);
  const Tensor& tensor = named.tensor;
  Put(tensor.type);
  Put(uint64_t{tensor.shape.size()});
  for (const int64_t dim : tensor.shape) Put(dim);
  Put(std::string_view(reinterpret_cast<const char*>(tensor.data.data()), tensor.data.size()));
  Put(uint64_t{tensor.strings.size()});
  for (const std::string& text : tensor.strings) Put(text);
}

void WireWriter::Put(const Observation& seen, bool with_outputs) {
  Put(seen.configuration);
  Put(seen.outcome);
  Put(seen.stage);
  Put(seen.reason);
  Put(seen.signal);
  Put(uint64_t{seen.frames.size()});
  for (const std::string& frame : seen.frames) Put(frame);
  Put(seen.cpu_seconds);
  Put(seen.peak_bytes);
  Put(uint64_t{with_outputs ? seen.outputs.size() : 0});
  if (!with_outputs) return Put(uint64_t{0});
  for (const NamedTensor& output : seen.outputs) Put(output);
  Put(uint64_t{seen.later.size()});
  for (const Observation& later : seen.later) Put(later, true);
}

void WireWriter::Put(const Verdict& verdict) {
  Put(verdict.kind);
  for (const std::string* text :
       {&verdict.oracle, &verdict.configuration, &verdict.against, &verdict.reason,
        &verdict.error_class, &verdict.expected, &verdict.actual}) {
    Put(*text);
  }
  Put(verdict.severity);
  Put(verdict.output);
  Put(verdict.element);
  Put(verdict.run);
}

std::string_view WireReader::Take(size_t size) {
  if (!ok_ || size > rest_.size()) {
    ok_ = false;
    rest_ = {};
    return {};
  }
  const std::string_view taken = rest_.substr(0, size);
  rest_.remove_prefix(size);
  return taken;
}

std::string_view WireReader::GetView() { return Take(Get<uint64_t>()); }
std::string WireReader::GetString() { return std::string(GetView()); }

size_t WireReader::GetCount() {
  const auto count = Get<uint64_t>();
  if (count > rest_.size()) {
    ok_ = false;
    return 0;
  }
  return count;
}

NamedTensor WireReader::GetTensor() {
  NamedTensor named;
  named.name = GetString();
  named.tensor.type = Get<DataType>();
  const size_t rank = GetCount();
  for (size_t i = 0; i < rank && ok_; ++i) named.tensor.shape.push_back(Get<int64_t>());
  const std::string_view data = GetView();
  named.tensor.data.assign(data.begin(), data.end());
  const size_t strings = GetCount();
  for (size_t i = 0; i < strings && ok_; ++i) named.tensor.strings.push_back(GetString());
  return named;
}

Observation WireReader::GetObservation() {
  Observation seen;
  seen.configuration = GetString();
  seen.outcome = Get<Outcome>();
  seen.stage = GetString();
  seen.reason = GetString();
  seen.signal = Get<int>();
  const size_t frames = GetCount();
  for (size_t i = 0; i < frames && ok_; ++i) seen.frames.push_back(GetString());
  seen.cpu_seconds = Get<double>();
  seen.peak_bytes = Get<uint64_t>();
  const size_t outputs = GetCount();
  for (size_t i = 0; i < outputs && ok_; ++i) seen.outputs.push_back(GetTensor());
  const size_t later = GetCount();
  for (size_t i = 0; i < later && ok_; ++i) seen.later.push_back(GetObservation());
  return seen;
}

Verdict WireReader::GetVerdict() {
  Verdict verdict;
  verdict.kind = Get<VerdictKind>();
  for (std::string* text :
       {&verdict.oracle, &verdict.configuration, &verdict.against, &verdict.reason,
        &verdict.error_class, &verdict.expected, &verdict.actual}) {
    *text = GetString();
  }
  verdict.severity = Get<double>();
  verdict.output = Get<int>();
  verdict.element = Get<int64_t>();
  verdict.run = Get<int>();
  return verdict;
}

}  // namespace moire
