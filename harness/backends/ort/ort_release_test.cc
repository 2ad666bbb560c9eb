#include "harness/backends/ort/ort_release.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "harness/backends/ort/ort_backend.h"
#include "harness/case/temporary_directory.h"

namespace moire {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;

// A MOIRE_HOME and a MOIRE_ROOT of our own, put back afterwards.
class OrtReleaseTest : public ::testing::Test {
 protected:
  void SetUp() override {
    for (const char* variable : {"MOIRE_HOME", "MOIRE_ROOT"}) {
      const char* value = getenv(variable);
      saved_.emplace_back(variable, value == nullptr ? "" : value);
      setenv(variable, root_.c_str(), 1);
    }
  }
  void TearDown() override {
    for (const auto& [variable, value] : saved_) {
      if (value.empty())
        unsetenv(variable.c_str());
      else
        setenv(variable.c_str(), value.c_str(), 1);
    }
  }
  void Install(const std::string& version) {
    const fs::path directory = root_ / "runtimes/onnxruntime" / version;
    fs::create_directories(directory);
    std::ofstream(directory / ("libonnxruntime.so." + version)) << "not a library";
  }
  void WriteScript(const std::string& text) {
    fs::create_directories(root_ / "harness/setup");
    std::ofstream(root_ / "harness/setup/install_runtime.sh") << text;
  }
  static std::string Message(const Status& status) {
    return status ? "succeeded" : status.error().message;
  }

  const TemporaryDirectory owned_;
  const fs::path root_ = owned_.path();
  std::vector<std::pair<std::string, std::string>> saved_;
};

TEST_F(OrtReleaseTest, HighestVersionComesFirst) {
  for (const char* version : {"1.9.0", "1.27.0", "1.23.2", "1.23.10"}) Install(version);
  fs::create_directories(root_ / "runtimes/onnxruntime/1.99.0");  // unfinished: no library
  fs::create_directories(root_ / "runtimes/onnxruntime/notes");
  std::vector<std::string> versions;
  for (const OrtRelease& release : InstalledOrtReleases()) versions.push_back(release.version);
  EXPECT_THAT(versions, ::testing::ElementsAre("1.27.0", "1.23.10", "1.23.2", "1.9.0"));
  EXPECT_EQ(FindOrtRelease("")->version, "1.27.0");
  EXPECT_EQ(FindOrtRelease("1.23.2")->version, "1.23.2");
  const auto list = ListOrt();
  ASSERT_EQ(list.size(), 4u);
  EXPECT_EQ(list.front().note, "default");
}

TEST_F(OrtReleaseTest, PathOfAnInstalledReleaseIsThatRelease) {
  Install("1.27.0");
  fs::create_symlink(root_ / "runtimes/onnxruntime/1.27.0/libonnxruntime.so.1.27.0",
                     root_ / "link.so");
  const auto release = FindOrtRelease((root_ / "link.so").string());
  ASSERT_TRUE(release);
  EXPECT_EQ(release->version, "1.27.0");
}

TEST_F(OrtReleaseTest, WhatIsMissingIsNamedWithTheRemedy) {
  auto release = FindOrtRelease("");
  ASSERT_FALSE(release);
  EXPECT_THAT(release.error().message, HasSubstr("moire backends install ort@VERSION"));
  Install("1.27.0");
  Install("1.32.0");
  release = FindOrtRelease("1.26.0");
  ASSERT_FALSE(release);
  EXPECT_EQ(release.error().code, ErrorCode::kNotFound);
  EXPECT_THAT(release.error().message, AllOf(HasSubstr("installed: 1.32.0, 1.27.0"),
                                             HasSubstr("`moire backends install ort@1.26.0`")));
  release = FindOrtRelease("latest");
  ASSERT_FALSE(release);
  EXPECT_EQ(release.error().code, ErrorCode::kInvalidInput);
  release = FindOrtRelease("/no/such/lib.so");
  ASSERT_FALSE(release);
  EXPECT_EQ(release.error().code, ErrorCode::kNotFound);
  release = FindOrtRelease("/tmp/");
  ASSERT_FALSE(release);
  EXPECT_EQ(release.error().code, ErrorCode::kInvalidInput);
}

TEST_F(OrtReleaseTest, InstallRunsTheScriptAndPassesOnItsError) {
  EXPECT_THAT(Message(InstallOrtRelease("1.27.0")), HasSubstr("set MOIRE_ROOT"));
  WriteScript("echo \"$1 $2 $MOIRE_HOME\" >\"$MOIRE_HOME/called\"; echo noise >&2\n");
  EXPECT_EQ(Message(InstallOrtRelease("1.27.0")), "succeeded");
  std::string called;
  std::getline(std::ifstream(root_ / "called") >> std::ws, called);
  EXPECT_EQ(called, "ort 1.27.0 " + root_.string());

  WriteScript("echo noise >&2; echo 'error: the disk is full' >&2; exit 1\n");
  Status status = InstallOrtRelease("1.27.0");
  EXPECT_EQ(Message(status), "installing ort@1.27.0: the disk is full");
  EXPECT_EQ(status.error().code, ErrorCode::kEnvironment);
  WriteScript("echo 'error: there is no wheel of onnxruntime 9.9' >&2; exit 1\n");
  EXPECT_EQ(InstallOrtRelease("9.9").error().code, ErrorCode::kNotFound);
  WriteScript("kill -9 $$\n");
  EXPECT_THAT(Message(InstallOrtRelease("1.27.0")), HasSubstr("the script failed"));
  // Never reaches a shell.
  EXPECT_THAT(Message(InstallOrtRelease("1; rm -rf x")), HasSubstr("is not a version"));
}

}  // namespace
}  // namespace moire
