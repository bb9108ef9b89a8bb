// SPDX-License-Identifier: Apache-2.0

#include <algorithm>
#include <exception>
#include <iostream>
#include <new>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/text.h"
#include "base/version.h"
#include "lang/parse.h"
#include "tools/command_line.h"
#include "tools/common.h"

namespace knotcheck::tools {
namespace {

constexpr char kFooter[] =
    "Exit status: 0 every verdict is as its scenario's '# result:' says; 1 some verdict differs,\n"
    "or coverage has gaps not listed; 2 wrong usage, or an output that cannot be written;\n"
    "3 a scenario or trace that cannot be used; 4 a limit was hit or Ctrl-C came, the answer is\n"
    "incomplete; 70 internal error.\n";

// "did you mean" for a misspelt option, which CLI11 only calls not expected.
std::string Suggestion(const CLI::App& app, const std::vector<Command>& commands,
                       const std::vector<std::string>& words) {
  const CLI::App* at = &app;
  for (const Command& command : commands) {
    if (command.app->get_name() == words[0]) at = command.app;
  }
  std::vector<std::string> known;
  for (const CLI::Option* option : at->get_options()) {
    for (const std::string& name : option->get_lnames()) known.push_back("--" + name);
  }
  for (const std::string& word : words) {
    const std::string name = word.substr(0, word.find('='));
    if (!absl::StartsWith(name, "--")) continue;
    if (std::find(known.begin(), known.end(), name) != known.end()) continue;
    const std::string near = base::Nearest(name, known);
    if (!near.empty()) return absl::StrCat("; did you mean '", near, "'?");
  }
  return "";
}

int Main(int argc, char** argv) {
  if (argc > 0) SetProgram(argv[0]);
  CLI::App app("knotcheck checks what the seccomp notifier and its proposals promise.",
               "knotcheck");
  app.set_version_flag("--version", absl::StrCat("knotcheck ", base::kVersion));
  app.require_subcommand(1);
  app.footer(kFooter);
  const std::vector<Command> commands = {AddCheck(app),  AddList(app),     AddShow(app),
                                         AddReplay(app), AddSimulate(app), AddSweep(app),
                                         AddFixes(app),  AddCoverage(app), AddConform(app)};
  const std::vector<std::string> words(argv + 1, argv + argc);
  std::vector<std::string> names;
  for (const Command& command : commands) names.push_back(command.app->get_name());
  if (!words.empty() && !words[0].empty() && words[0][0] != '-' &&
      std::find(names.begin(), names.end(), words[0]) == names.end()) {
    return FailUsage(absl::InvalidArgumentError(base::UnknownName("a command", words[0], names)));
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    // Exit code 0: --help or --version.
    if (e.get_exit_code() == 0) {
      app.exit(e);
      std::cout.flush();
      return std::cout ? kOk : Fail(kUsage, "knotcheck: standard output cannot be written");
    }
    return FailUsage(absl::InvalidArgumentError(
        absl::StrCat(base::Ascii(e.what()), words.empty() ? "" : Suggestion(app, commands, words),
                     "\nknotcheck --help and knotcheck COMMAND --help say more.")));
  }
  for (const Command& command : commands) {
    if (command.app->parsed()) return command.run();
  }
  return kUsage;
}

}  // namespace
}  // namespace knotcheck::tools

int main(int argc, char** argv) {
  namespace tools = knotcheck::tools;
  try {
    return tools::Main(argc, argv);
  } catch (const std::bad_alloc&) {
    return tools::Fail(tools::kIncomplete, "knotcheck: no memory is left; see --max-memory");
  } catch (const std::exception& e) {
    return tools::Fail(tools::kInternal, std::string("knotcheck: internal error: ") + e.what());
  }
}
