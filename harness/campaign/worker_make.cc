// The part of the worker that makes cases: libFuzzer's mutator calls.
#include <cstring>

#include "fuzzers/generate/mend.h"
#include "fuzzers/mutate/mutate.h"
#include "harness/campaign/worker.h"

namespace moire {
namespace {

// Share of the mutator's calls that build a case anew.
constexpr uint64_t kGenerateIn100 = 30;

uint64_t Hash(std::string_view bytes) { return HashBytes(bytes.data(), bytes.size()); }

}  // namespace

GeneratedCase Worker::Make(Random& random) {
  observer_->Enter(Stage::kGenerate, -1);
  return Generate(random, settings_, learned_);
}

// Serialises the case into libFuzzer's buffer, remembers it and writes the journal.
size_t Worker::Put(GeneratedCase made, std::span<uint8_t> out, JournalRecord record) {
  made_.reset();
  evaluated_.reset();
  made_case_ = ToCase(made);
  made_bytes_ = SerializeCase(made_case_);
  if (made_bytes_.size() <= out.size() && config_.value_search) SearchValues(made);
  observer_->Enter(Stage::kIdle, -1);
  if (const MendCounts mend = TakeMendCounts(); mend.mutants > 0) stats_->CountMend(mend);
  if (made_bytes_.size() > out.size()) return 0;
  made_ = std::make_shared<const GeneratedCase>(std::move(made));
  std::memcpy(out.data(), made_bytes_.data(), made_bytes_.size());
  record.output = Hash(made_bytes_);
  if (made_->malformed) NoteMalformed(record.output);
  if (journal_) journal_->Write(record);
  return made_bytes_.size();
}

// Whatever kills the process: this is the case that it was about.
void Worker::Share(std::string_view bytes) {
  if (bytes.size() > kMaxSharedCase) return;
  std::memcpy(state_->case_bytes, bytes.data(), bytes.size());
  state_->case_size = bytes.size();
}

// Runs the reference, which the test of the case would do; where the outputs are not finite or cannot be
// decided, other values are searched for.
void Worker::SearchValues(GeneratedCase& made) {
  Share(made_bytes_);
  ExecuteOptions options;
  options.observer = observer_.get();
  options.on_node = Notes(made);
  evaluated_ = EvaluateCase(made.model, made.inputs, options);
  observer_->Enter(Stage::kGenerate, -1);
  const Assessment assessment = Assess(evaluated_->result);
  if (!assessment.evaluated || assessment.Good() || !ValueSearch::Applies(made)) return;
  Random random(Mix64(Hash(made_bytes_)));
  if (!search_.Improve(made, random).changed) return;
  evaluated_.reset();
  made_case_ = ToCase(made);
  made_bytes_ = SerializeCase(made_case_);
}

// The case that the bytes hold; null where they hold none.
std::shared_ptr<const GeneratedCase> Worker::Take(std::string_view bytes) {
  if (made_ && bytes == made_bytes_) return made_;
  const uint64_t hash = Hash(bytes);
  if (auto known = parents_.Find(hash)) return known;
  const auto parsed = ParseCase(bytes);
  if (!parsed) return nullptr;
  auto out = FromCase(*parsed);
  if (!out) return nullptr;
  out->malformed = malformed_.contains(hash);
  auto parent = std::make_shared<const GeneratedCase>(std::move(*out));
  parents_.Put(hash, parent, bytes.size());
  return parent;
}

size_t Worker::Mutate(std::string_view parent, std::span<uint8_t> out, unsigned seed) {
  if (config_.feedback == "none") {
    Random random(Mix64(config_.seed) ^ Mix64(~next_case_));
    stats_->next_case = ++next_case_;
    return Put(Make(random), out, {});
  }
  const JournalRecord record{JournalRecord::kMutate, seed, Hash(parent), 0, 0, {}};
  Random random(Mix64(seed) ^ record.first);
  auto source = random.Below(100) < kGenerateIn100 ? nullptr : Take(parent);
  if (!source) return Put(Make(random), out, record);
  observer_->Enter(Stage::kGenerate, -1);
  return Put(moire::Mutate(*source, random, settings_, learned_), out, record);
}

size_t Worker::Crossover(std::string_view first, std::string_view second, std::span<uint8_t> out,
                         unsigned seed) {
  if (config_.feedback == "none") return Mutate(first, out, seed);
  const JournalRecord record{JournalRecord::kCrossover, seed, Hash(first), Hash(second), 0, {}};
  Random random(Mix64(seed) ^ record.first ^ Mix64(record.second));
  auto a = Take(first);
  auto b = Take(second);
  if (!a || !b) return Put(Make(random), out, record);
  observer_->Enter(Stage::kGenerate, -1);
  return Put(moire::Crossover(*a, *b, random, settings_, learned_), out, record);
}

}  // namespace moire
