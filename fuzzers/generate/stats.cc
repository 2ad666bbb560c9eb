// moire_generate_stats: what the generator's cases look like.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <map>

#include "fuzzers/generate/generate.h"
#include "harness/case/onnx_adapter.h"

int main(int argc, char** argv) {
  using namespace moire;
  const int cases = argc > 1 ? std::atoi(argv[1]) : 500;
  const bool check = argc > 2;
  GeneratorSettings settings;
  settings.min_nodes = settings.max_nodes = 10;
  Learned learned;
  Random random(1);
  std::map<std::string, int> ops;
  std::map<std::string, int> errors;
  size_t nodes = 0, bytes = 0;
  int bad = 0;
  const auto start = std::chrono::steady_clock::now();
  for (int i = 0; i < cases; ++i) {
    const GeneratedCase g = Generate(random, settings, learned);
    nodes += g.model.graph.nodes.size();
    const Case c = ToCase(g);
    bytes += c.model.size();
    if (!check) continue;
    for (const Node& n : g.model.graph.nodes) ++ops[n.op];
    if (const Status s = CheckModel(c.model, true); !s) {
      ++bad;
      if (errors[s.error().message.substr(0, 120)]++ == 0) {
        std::printf("%s\n%s\n", s.error().message.c_str(), PrintModel(c.model).value_or("").c_str());
      }
    }
  }
  const double us = std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - start).count();
  std::printf("cases %d nodes/case %.2f bytes/case %.0f us/case %.1f bad %d ops %zu\n", cases,
              double(nodes) / cases, double(bytes) / cases, us / cases, bad, ops.size());
  for (auto& [e, n] : errors) std::printf("%6d %s\n", n, e.c_str());
}
