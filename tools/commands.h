// SPDX-License-Identifier: Apache-2.0
//
// What each subcommand does, told apart from how a command line says it (tools/command_line.h).
// What a member is for stands there, as help.

#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "verify/check.h"

namespace knotcheck::tools {

// To the kernel that a scenario is asked about: --kernel, --mutate and --fix, as they were given.
struct Changes {
  std::vector<std::string> kernels;
  std::vector<std::string> mutations;
  std::vector<std::string> fixes;
  bool empty() const { return kernels.empty() && mutations.empty() && fixes.empty(); }
};

struct CheckArguments {
  std::vector<std::string> paths;
  std::vector<std::string> proposals;
  Changes changes;
  std::string order = "bfs";
  std::string reduce = "all";
  int threads = 0;
  uint64_t shortest_states = verify::CheckOptions().shortest_states;
  uint64_t max_states = 0;
  std::string max_memory;
  std::string json;
  std::string trace_dir;
  size_t jobs = 0;
  std::string traces;
  bool all = false;
  size_t width = 0;
  bool liveness = false;
  bool profile = false;
  bool golden = false;
  bool rewrite = false;
  bool quiet = false;
  std::string checkpoint;
  std::string resume;
  double every_min = 0;  // 0: as it is without the option
};

struct ConformArguments {
  std::vector<std::string> paths;
  std::string target = "host";
  std::vector<std::string> patches;
  std::vector<std::string> of_runs;  // options that were given and are of forced and free runs
  std::vector<std::string> proposals;
  std::string property;
  Changes changes;
  std::vector<std::string> programs;
  std::vector<std::string> traces;
  std::string selftests;
  std::string runner;
  std::string json;
  std::string emit_c;
  std::string output;
  size_t forced = 16;
  uint64_t stress = 1000;
  uint64_t seed = 1;
  uint64_t limit = 900;
  bool plans = false;
  bool probe = false;
  bool markdown = false;
  bool verbose = false;
  bool quiet = false;
};

struct CoverageArguments {
  std::vector<std::string> paths;
  std::vector<std::string> proposals;
  Changes changes;
  std::string gaps = "docs/coverage-gaps.tsv";
  std::string json;
  size_t width = 0;
  bool quiet = false;
};

struct FixesArguments {
  std::vector<std::string> paths;
  std::string proposal;
  std::string json;
  size_t width = 0;
  bool quiet = false;
};

struct ListArguments {
  std::string what;
  std::vector<std::string> paths;
  size_t width = 0;
};

struct ShowArguments {
  std::string trace;  // of replay: a file, or with --scenario a path
  std::string scenario;
  std::string proposal = "baseline";
  std::string property;
  Changes changes;
  std::string format = "columns";
  std::string source;
  bool all = false;
  bool quiet = false;
  size_t width = 0;
};

struct SimulateArguments {
  std::string scenario;
  std::vector<std::string> proposals;
  Changes changes;
  uint64_t seed = 1;
  uint64_t walks = 1000;
  uint64_t steps = 10'000;
  size_t width = 0;
  bool quiet = false;
};

struct SweepArguments {
  std::vector<std::string> calls;
  std::string proposal;
  Changes changes;
  std::string json;
  std::string trace_dir;
  std::string scenario_dir;
  size_t width = 0;
  size_t jobs = 0;
  bool quiet = false;
};

// Each gives the exit status.
int RunCheck(const CheckArguments& arguments);
int RunConform(const ConformArguments& arguments);
int RunCoverage(const CoverageArguments& arguments);
int RunFixes(const FixesArguments& arguments);
int RunList(const ListArguments& arguments);
int RunShow(const ShowArguments& arguments);
int RunReplay(const ShowArguments& arguments);
int RunSimulate(const SimulateArguments& arguments);
int RunSweep(const SweepArguments& arguments);

}  // namespace knotcheck::tools
