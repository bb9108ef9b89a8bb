// SPDX-License-Identifier: Apache-2.0
//
// Explores one member of the protocol family and prints one JSON object, for bench_peers.py.

#include <cstdio>
#include <cstring>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "checker/explore.h"
#include "checker/reduce.h"
#include "checker/testing/family.h"
#include "fmt/core.h"
#include "fmt/ranges.h"

int main(int argc, char** argv) {
  using knotcheck::checker::Status;
  namespace testing = knotcheck::checker::testing;
  knotcheck::checker::Options options;
  std::string name = "bfs";
  std::vector<std::string> words;
  uint32_t reductions = 0;
  for (int i = 1; i < argc; ++i) {
    if (std::strcmp(argv[i], "--dfs") == 0) {
      options.order = knotcheck::checker::Order::kDepthFirst;
      name = "dfs";
    } else if (std::strcmp(argv[i], "--reduce") == 0 && i + 1 < argc) {
      const auto parsed = knotcheck::checker::ParseReductions(argv[++i]);
      if (!parsed.ok()) {
        fmt::print(stderr, "{}\n", std::string(parsed.status().message()));
        return 2;
      }
      reductions = *parsed;
    } else if (std::strcmp(argv[i], "--threads") == 0 && i + 1 < argc) {
      if (!absl::SimpleAtoi(argv[++i], &options.threads) || options.threads < 1) {
        fmt::print(stderr, "'{}': expected a number of threads\n", argv[i]);
        return 2;
      }
    } else {
      words.emplace_back(argv[i]);
    }
  }
  const auto parameters = testing::ParseFamily(words);
  if (!parameters.ok()) {
    fmt::print(stderr, "{}\n", std::string(parameters.status().message()));
    return 2;
  }
  const testing::Family family(*parameters);
  if (reductions != 0) {
    name += " reductions: " + knotcheck::checker::ReductionsText(reductions);
  }
  const auto result =
      reductions == 0
          ? knotcheck::checker::Explore(family, options)
          : knotcheck::checker::Explore(
                knotcheck::checker::Reduced<testing::Family>(family, reductions), options);
  bool violated = false;
  for (const auto& verdict : result.verdicts) violated |= verdict.status == Status::kViolated;
  // spin counts the initial state as a transition.
  fmt::print(
      "{{\"verdict\":\"{}\",\"states\":{},\"transitions\":{},\"options\":\"{}\",\"depth\":{},"
      "\"bits\":{},\"set_bytes\":{},\"levels\":[{}]}}\n",
      violated ? "violated" : "holds", result.states, result.transitions + 1, name, result.depth,
      result.state_bits, result.bytes, fmt::join(result.levels, ","));
  return 0;
}
