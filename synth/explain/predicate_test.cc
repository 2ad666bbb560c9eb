// The smallest separating predicate, on samples whose truth is planted.
#include "synth/explain/predicate.h"

#include <gtest/gtest.h>

#include "harness/case/random.h"

namespace moire {
namespace {

Feature Number(double value) { return {false, value, {}, 1, false}; }
Feature Flag(bool value) { return {false, value ? 1.0 : 0.0, {}, 1, true}; }
Feature Word(std::string value) { return {true, 0, std::move(value), 1, false}; }

// Samples with axis -2..2, size 1..12, a flag, a type, and features that mean nothing.
template <typename Truth>
std::vector<Sample> Draw(const Truth& truth, int count = 400) {
  Random random(7);
  const std::vector<std::string> types = {"float", "double", "float16", "int32"};
  std::vector<Sample> samples;
  for (int i = 0; i < count; ++i) {
    Features f;
    f["axis"] = Number(static_cast<double>(random.Between(-2, 2)));
    f["size"] = Number(static_cast<double>(random.Between(1, 12)));
    f["nan"] = Flag(random.Chance(1, 2));
    f["type"] = Word(random.Pick(types));
    f["level"] = Number(static_cast<double>(random.Between(0, 3)));
    for (int noise = 0; noise < 10; ++noise) {
      f["noise" + std::to_string(noise)] = Number(static_cast<double>(random.Between(0, 5)));
    }
    const bool fails = truth(f);
    samples.push_back({std::move(f), fails});
  }
  return samples;
}

template <typename Truth>
std::string Found(const Truth& truth) {
  return Separate(Draw(truth)).ToString();
}

TEST(Separate, OneAtom) {
  EXPECT_EQ(Found([](const Features& f) { return f.at("axis").number != -1; }), "axis != -1");
  EXPECT_EQ(Found([](const Features& f) { return f.at("size").number >= 8; }), "size >= 8");
  EXPECT_EQ(Found([](const Features& f) { return f.at("nan").number != 0; }), "nan");
  EXPECT_EQ(Found([](const Features& f) { return f.at("nan").number == 0; }), "not (nan)");
  EXPECT_EQ(Found([](const Features& f) { return f.at("type").word == "double"; }),
            "type == double");
  EXPECT_EQ(Found([](const Features& f) { return f.at("level").number >= 2; }),
            "level >= extended");
}

TEST(Separate, Conjunction) {
  const auto truth = [](const Features& f) {
    return f.at("axis").number == 0 && f.at("level").number >= 1 && f.at("type").word != "int32";
  };
  const std::vector<Sample> samples = Draw(truth, 1500);
  const Predicate predicate = Separate(samples);
  EXPECT_EQ(predicate.all.size(), 3U) << predicate.ToString();
  for (const Sample& sample : samples) EXPECT_EQ(predicate.Holds(sample.features), sample.fails);
}

TEST(Separate, Disjunction) {
  const auto truth = [](const Features& f) {
    return f.at("nan").number != 0 || f.at("size").number == 1;
  };
  const Predicate predicate = Separate(Draw(truth));
  ASSERT_EQ(predicate.all.size(), 1U) << predicate.ToString();
  EXPECT_EQ(predicate.all[0].any.size(), 2U) << predicate.ToString();
}

TEST(Separate, NothingPassesOrNothingFails) {
  EXPECT_EQ(Found([](const Features&) { return true; }), "always");
  EXPECT_EQ(Found([](const Features&) { return false; }),
            "always");  // no failing sample: nothing known
}

TEST(Prune, DropsWhatTellsLittle) {
  // One sample of 400 is odd.
  std::vector<Sample> samples = Draw([](const Features& f) { return f.at("axis").number == 0; });
  for (Sample& sample : samples) {
    if (!sample.fails) continue;
    sample.fails = false;
    break;
  }
  EXPECT_EQ(Prune(Separate(samples), samples, 0.005).ToString(), "axis == 0");
}

}  // namespace
}  // namespace moire
