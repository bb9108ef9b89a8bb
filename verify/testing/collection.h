// SPDX-License-Identifier: Apache-2.0
//
// Scenarios of the collection, for tests.

#pragma once

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "lang/parse.h"

namespace knotcheck::verify::testing {

// "attack/openat_path".
inline lang::Scenario Collected(const std::string& name) {
  const std::string file = std::string(KNOTCHECK_SOURCE_DIR "/scenarios/") + name + ".scn";
  std::ifstream stream(file);
  std::stringstream text;
  text << stream.rdbuf();
  auto scenario = lang::Parse(text.str(), file);
  EXPECT_TRUE(scenario.ok()) << scenario.status();
  return scenario.ok() ? *std::move(scenario) : lang::Scenario();
}

// All names of the collection, in order.
inline std::vector<std::string> CollectedNames() {
  const std::filesystem::path root = std::string(KNOTCHECK_SOURCE_DIR) + "/scenarios";
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(root)) {
    if (entry.path().extension() != ".scn") continue;
    names.push_back(entry.path().lexically_relative(root).replace_extension().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace knotcheck::verify::testing
