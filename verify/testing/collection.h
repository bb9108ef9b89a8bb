// SPDX-License-Identifier: Apache-2.0
//
// Scenarios of the collection, for tests.

#pragma once

#include <fstream>
#include <sstream>
#include <string>

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

}  // namespace knotcheck::verify::testing
