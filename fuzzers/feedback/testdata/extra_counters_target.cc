// A libFuzzer target whose only feedback is ours. extra_counters_test runs it and reads `ft:`.
// MOIRE_TEST_LIGHT: "blocks" one block for each first byte; "buckets" eight blocks that share one
// counter; "waypoints" levels of one domain's key; anything else: the same block always.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "fuzzers/feedback/extra_counters.h"
#include "fuzzers/feedback/waypoints.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const char* mode_text = std::getenv("MOIRE_TEST_LIGHT");
  const std::string_view mode = mode_text != nullptr ? mode_text : "";
  const uint32_t first = size > 0 ? data[0] : 0;
  if (mode == "blocks") {
    moire::LightBlock(first * 1000);
  } else if (mode == "buckets") {
    moire::LightBlock(17 + (first % 8) * static_cast<uint32_t>(moire::kBlockCounters));
  } else if (mode == "waypoints") {
    const moire::Lamps lamps(moire::WaypointCounters().first(64), 16);
    lamps.Light(3, first);
  } else {
    moire::LightBlock(17);
  }
  return 0;
}
