// SPDX-License-Identifier: Apache-2.0

#include "conform/emit/pieces.h"

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace knotcheck::conform {
namespace {

constexpr char kHead[] =
#include "conform/emit/head.c.inc"
    ;
constexpr char kControl[] =
#include "conform/emit/control.c.inc"
    ;
constexpr char kWorld[] =
#include "conform/emit/world.c.inc"
    ;
constexpr char kNeed[] =
#include "conform/emit/need.c.inc"
    ;

}  // namespace

std::vector<PreludePiece> PiecesOf(absl::string_view file) {
  std::vector<PreludePiece> pieces;
  std::string empty;  // lines that belong to what follows
  for (absl::string_view line : absl::StrSplit(file, '\n')) {
    if (absl::ConsumePrefix(&line, "// piece: ")) {
      pieces.push_back({absl::StrSplit(line, ' '), std::exchange(empty, "")});
    } else if (line.empty()) {
      empty += "\n";
    } else if (pieces.empty()) {
      empty.clear();
    } else {
      absl::StrAppend(&pieces.back().text, std::exchange(empty, ""), line, "\n");
    }
  }
  return pieces;
}

std::string WithParts(const std::string& text, const std::set<std::string>& parts) {
  struct Condition {
    bool decided;  // here; the C compiler decides the others
    bool holds;
  };
  std::vector<Condition> inside;
  std::string left;
  for (const absl::string_view line : absl::StrSplit(absl::StripSuffix(text, "\n"), '\n')) {
    absl::string_view part = line;
    bool ours = absl::ConsumePrefix(&part, "#if EMIT_");
    if (absl::StartsWith(line, "#if")) {
      inside.push_back({ours, !ours || parts.count(std::string(part)) > 0});
    } else if (line == "#else" && inside.back().decided) {
      ours = true;
      inside.back().holds = !inside.back().holds;
    } else if (line == "#endif") {
      ours = inside.back().decided;
      inside.pop_back();
    }
    const bool stays = std::all_of(inside.begin(), inside.end(),
                                   [](const Condition& condition) { return condition.holds; });
    if (!ours && stays) absl::StrAppend(&left, line, "\n");
  }
  return left;
}

std::vector<PreludePiece> PreludeHead() { return PiecesOf(kHead); }
std::vector<PreludePiece> PreludeControl() { return PiecesOf(kControl); }
std::vector<PreludePiece> PreludeWorld() { return PiecesOf(kWorld); }
PreludePiece PreludeNeed() { return PiecesOf(kNeed).front(); }

}  // namespace knotcheck::conform
