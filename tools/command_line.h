// SPDX-License-Identifier: Apache-2.0
//
// How a command line says what a subcommand is to do. Who includes this compiles CLI11, which takes
// longer than all else in tools/.

#pragma once

#include <functional>

#include "CLI/App.hpp"
#include "CLI/Config.hpp"
#include "CLI/Formatter.hpp"

namespace knotcheck::tools {

// A subcommand: its part of the command line, and what it does afterwards.
struct Command {
  CLI::App* app;
  std::function<int()> run;
};
Command AddCheck(CLI::App& app);
Command AddConform(CLI::App& app);
Command AddCoverage(CLI::App& app);
Command AddFixes(CLI::App& app);
Command AddList(CLI::App& app);
Command AddReplay(CLI::App& app);
Command AddShow(CLI::App& app);
Command AddSimulate(CLI::App& app);
Command AddSweep(CLI::App& app);

}  // namespace knotcheck::tools
