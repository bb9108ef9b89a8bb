// SPDX-License-Identifier: Apache-2.0
//
// The house rules that a machine can check: which room may include which, licence lines, lengths of
// lines, functions and files, README's table of rooms, and that every scenario has its golden file
// and its line in the index.

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "lang/parse.h"

namespace knotcheck {
namespace {

namespace fs = std::filesystem;

const fs::path& Root() {
  static const auto* const root = new fs::path(KNOTCHECK_SOURCE_DIR);
  return *root;
}

std::string ReadAll(const fs::path& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

const std::vector<std::string> kRooms = {"base",   "checker", "model", "lang",  "verify", "trace",
                                         "report", "conform", "tools", "bench", "tests",  "fuzz"};

std::vector<fs::path> Sources() {
  std::vector<fs::path> sources;
  for (const std::string& room : kRooms) {
    for (const auto& entry : fs::recursive_directory_iterator(Root() / room)) {
      const auto extension = entry.path().extension();
      if (extension == ".cc" || extension == ".h" || extension == ".def" || extension == ".c") {
        sources.push_back(entry.path());
      }
    }
  }
  std::sort(sources.begin(), sources.end());
  return sources;
}

TEST(House, IncludesRunDownwards) {
  // Tests may look at anything.
  const std::map<std::string, std::set<std::string>> allowed = {
      {"base", {"base"}},
      {"checker", {"base", "checker"}},
      {"model", {"base", "model"}},
      {"lang", {"base", "lang", "model"}},
      {"verify", {"base", "checker", "lang", "model", "verify"}},
      {"trace", {"base", "checker", "lang", "model", "trace", "verify"}},
      {"report", {"base", "checker", "lang", "model", "report", "trace", "verify"}},
      {"conform", {"base", "checker", "conform", "lang", "model", "report", "trace", "verify"}},
      {"tools",
       {"base", "checker", "conform", "lang", "model", "report", "tools", "trace", "verify"}},
  };
  int includes = 0;
  for (const fs::path& source : Sources()) {
    const std::string room = fs::relative(source, Root()).begin()->string();
    const auto rule = allowed.find(room);
    const std::string name = source.filename().string();
    if (rule == allowed.end() || name.find("_test.cc") != std::string::npos) continue;
    std::istringstream text(ReadAll(source));
    for (std::string line; std::getline(text, line);) {
      if (line.rfind("#include \"", 0) != 0) continue;
      const std::string included = line.substr(10, line.find('/') - 10);
      if (std::find(kRooms.begin(), kRooms.end(), included) == kRooms.end()) continue;
      ++includes;
      EXPECT_EQ(rule->second.count(included), 1u) << source << ": " << line;
    }
  }
  EXPECT_GT(includes, 50);
}

TEST(House, EverySourceHasItsLicenceAndFitsTheScreen) {
  for (const fs::path& source : Sources()) {
    const std::string text = ReadAll(source);
    const std::string file = fs::relative(source, Root()).string();
    // The shims stand in for the kernel's headers, and what loads them may be linked with them.
    const bool shim = file.starts_with("conform/source/") ||
                      (file.starts_with("conform/proposals/") && file.ends_with("/source.cc"));
    const std::string first = text.substr(0, text.find('\n'));
    if (shim) {
      EXPECT_NE(first.find("SPDX-License-Identifier: GPL-2.0"), std::string::npos) << source;
    } else {
      EXPECT_EQ(first, "// SPDX-License-Identifier: Apache-2.0") << source;
    }
    std::istringstream lines(text);
    int number = 0;
    for (std::string line; std::getline(lines, line);) {
      ++number;
      // Characters, not bytes: UTF-8's continuation bytes do not count.
      const auto width =
          std::count_if(line.begin(), line.end(), [](char c) { return (c & 0xc0) != 0x80; });
      EXPECT_LE(width, 100) << source << ":" << number;
    }
  }
}

// Reasons stand beside those that are longer. Such a row goes with its reason.
TEST(House, FilesAndFunctionsFitAReader) {
  const std::map<std::string, std::string> long_files = {
      {"lang/parse_test.cc", "one table of texts and what is said of each"},
  };
  std::map<std::string, std::string> long_functions;
  std::istringstream rows(ReadAll(Root() / "tests/long_functions.tsv"));
  for (std::string row; std::getline(rows, row);) {
    const size_t tab = row.find('\t');
    ASSERT_NE(tab, std::string::npos) << row;
    ASSERT_LT(tab + 1, row.size()) << row << " has no reason";
    if (row[0] != '#') long_functions[row.substr(0, tab)] = row.substr(tab + 1);
  }
  constexpr int kFile = 800;
  constexpr int kFunction = 70;
  for (const fs::path& source : Sources()) {
    const std::string file = fs::relative(source, Root()).string();
    int number = 0;
    int begun = 0;
    bool open = false;
    std::string function;
    std::istringstream lines(ReadAll(source));
    for (std::string line; std::getline(lines, line);) {
      ++number;
      // A definition begins at the margin, with its name before the first parenthesis, and ends
      // with a brace there.
      const size_t parenthesis = line.find('(');
      const bool begins = !line.empty() &&
                          (std::isalpha(static_cast<unsigned char>(line[0])) != 0) &&
                          parenthesis != std::string::npos && line.find("namespace") != 0;
      if (begins && (line.ends_with("{") || line.ends_with(",") || line.ends_with("("))) {
        const size_t name = line.rfind(' ', parenthesis) + 1;
        function = file + " " + line.substr(name, parenthesis - name);
        if (line.starts_with("TEST")) function = file + " " + line.substr(0, line.find(')') + 1);
        begun = number;
        open = false;
      }
      open |= line.ends_with("{");
      // A declaration of several lines.
      if (!open && line.ends_with(";")) begun = 0;
      if (!line.starts_with("}") || begun == 0) continue;
      const bool known = long_functions.erase(function) == 1;
      EXPECT_EQ(number - begun > kFunction, known)
          << function << " has " << number - begun << " lines; see tests/long_functions.tsv";
      begun = 0;
    }
    EXPECT_EQ(number > kFile, long_files.count(file) == 1) << file << " has " << number << " lines";
  }
  for (const auto& [name, reason] : long_functions) ADD_FAILURE() << name << " is not there";
}

// README says where things are.
TEST(House, EveryRoomIsInTheReadme) {
  const std::string readme = ReadAll(Root() / "README.md");
  for (const auto& entry : fs::directory_iterator(Root())) {
    const std::string name = entry.path().filename().string();
    if (!entry.is_directory() || name[0] == '.' || name == "build") continue;
    EXPECT_NE(readme.find("`" + name + "/`"), std::string::npos) << name << "/ is not in README.md";
  }
}

TEST(House, EveryScenarioIsJudgedIndexedAndGolden) {
  const fs::path scenarios = Root() / "scenarios";
  const std::string index = ReadAll(scenarios / "README.md");
  int count = 0;
  for (const auto& entry : fs::recursive_directory_iterator(scenarios)) {
    fs::path path = entry.path();
    if (path.extension() == ".expected") {
      EXPECT_TRUE(fs::exists(path.replace_extension(".scn"))) << entry.path() << " has no scenario";
    }
    if (path.extension() != ".scn") continue;
    ++count;
    const std::string name = fs::relative(path, scenarios).replace_extension("").string();
    const auto scenario = lang::Parse(ReadAll(path), path.string());
    ASSERT_TRUE(scenario.ok()) << scenario.status();
    EXPECT_EQ(scenario->header.name, name);
    EXPECT_FALSE(scenario->header.why.empty()) << name << " does not say why";
    EXPECT_NE(index.find("`" + name + "`"), std::string::npos) << name << " is not in README.md";
    EXPECT_NE(index.find(scenario->header.question), std::string::npos)
        << name << ": README.md asks another question";
    EXPECT_TRUE(fs::exists(path.replace_extension(".expected"))) << name << " has no golden file";
    for (const lang::Claim& claim : scenario->header.results) {
      EXPECT_NE(claim.kind, lang::Claim::Kind::kUnknown) << name << ": " << claim.operand;
    }
  }
  EXPECT_GE(count, 25);
}

}  // namespace
}  // namespace knotcheck
