// SPDX-License-Identifier: Apache-2.0
//
// The errnos.def of the kernel and of each room against the sources: `knotcheck coverage` knows
// only the errors that stand there.

#include <filesystem>
#include <fstream>
#include <regex>
#include <set>
#include <string>
#include <utility>

#include "gtest/gtest.h"
#include "model/coverage.h"

namespace knotcheck {
namespace {

namespace fs = std::filesystem;

using Said = std::set<std::pair<std::string, std::string>>;  // function, error

// Every -kENAME that is no operand of a comparison, by the function in whose text it stands.
Said SaidBySources() {
  const std::regex function("^[A-Za-z][^(]*?([A-Za-z_0-9]+)\\(.*");
  const std::regex error("(.. )?-k(E[A-Z0-9]+)");
  Said said;
  for (const auto& entry :
       fs::recursive_directory_iterator(fs::path(KNOTCHECK_SOURCE_DIR) / "model")) {
    if (entry.path().extension() != ".cc") continue;
    std::ifstream file(entry.path());
    std::string in;
    for (std::string line; std::getline(file, line);) {
      std::smatch match;
      if (std::regex_match(line, match, function)) in = match[1];
      for (std::sregex_iterator it(line.begin(), line.end(), error), end; it != end; ++it) {
        if ((*it)[1] == "== " || (*it)[1] == "!= ") continue;
        said.insert({in, (*it)[2]});
      }
    }
  }
  return said;
}

TEST(Errnos, TableSaysWhatTheSourcesSay) {
  const Said said = SaidBySources();
  EXPECT_GT(said.size(), 50u);
  Said listed;
  for (const model::SourceError& error : model::SourceErrors()) {
    const std::string name = model::ErrnoName(error.error);
    listed.insert({error.says, name});
    EXPECT_EQ(said.count({error.says, name}), 1u)
        << "errnos.def: " << error.says << " does not say -k" << name;
  }
  for (const auto& [function, name] : said) {
    EXPECT_EQ(listed.count({function, name}), 1u)
        << "errnos.def lacks " << name << " of " << function;
  }
}

TEST(Errnos, EveryFunctionOfTheTableIsFound) {
  for (const model::SourceFunction& function : model::SourceFunctions()) {
    EXPECT_NE(function.info, nullptr) << function.name << " is no function of any proposal";
    EXPECT_EQ(function.steps.size(), function.step_names.size());
    const std::set<std::string> names(function.step_names.begin(), function.step_names.end());
    EXPECT_EQ(names.size(), function.steps.size()) << function.name;
  }
}

}  // namespace
}  // namespace knotcheck
