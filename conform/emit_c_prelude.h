// SPDX-License-Identifier: Apache-2.0
//
// What every reproducer may begin with, in C, in the order in which it stands there. A piece is
// needed if the text behind it names one of its words.

#pragma once

#include <string>
#include <vector>

namespace knotcheck::conform {

struct PreludePiece {
  std::vector<std::string> words;
  std::string text;
};

// #include lines and definitions that older headers lack.
const std::vector<PreludePiece>& PreludeHead();
// How main() drives the actors, whose names are declared before.
const std::vector<PreludePiece>& PreludeControl();
// What they need to make their calls, and main() to see what came of them.
const std::vector<PreludePiece>& PreludeWorld();

}  // namespace knotcheck::conform
