// SPDX-License-Identifier: Apache-2.0
//
// What every reproducer may begin with, in C, in the order in which it stands there: the files of
// conform/emit/ and of the proposals' rooms, in pieces. A piece is needed if the text behind it
// names one of its words.

#pragma once

#include <set>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace knotcheck::conform {

struct PreludePiece {
  std::vector<std::string> words;
  std::string text;
};

// The pieces of a C file. Each stands behind a line "// piece: WORD...". An empty line before that
// is its first one.
std::vector<PreludePiece> PiecesOf(absl::string_view file);

// What "#if EMIT_PART" leaves of a text in a program that has these parts. The files have no other
// holes, so that they compile as they are.
std::string WithParts(const std::string& text, const std::set<std::string>& parts);

// #include lines and definitions that older headers lack.
std::vector<PreludePiece> PreludeHead();
// How main() drives the actors, whose names are declared before.
std::vector<PreludePiece> PreludeControl();
// What they need to make their calls, and main() to see what came of them.
std::vector<PreludePiece> PreludeWorld();
// A function that skips the test where the kernel lacks a verb.
PreludePiece PreludeNeed();

}  // namespace knotcheck::conform
