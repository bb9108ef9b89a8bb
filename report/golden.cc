// SPDX-License-Identifier: Apache-2.0

#include "report/golden.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "base/text.h"
#include "fmt/core.h"

namespace knotcheck::report {
namespace {

constexpr size_t kContext = 2;  // lines around a difference
// Above it (old times new lines) the texts are taken to have nothing in common.
constexpr size_t kMaxCells = 4'000'000;

std::string PropertyLine(const verify::PropertyVerdict& property) {
  std::string line = fmt::format("  {:<23} {:<11}", property.info.name, StatusWord(property));
  if (property.status == checker::Status::kViolated || property.witnesses > 0) {
    absl::StrAppend(&line, " witnesses ", property.witnesses);
  }
  if (property.status == checker::Status::kViolated) {
    const size_t cycle = property.cycle ? property.cycle->size() : 0;
    absl::StrAppend(&line, " steps ", property.path.actions.size() + cycle, " path ",
                    PathText(property), property.shortest ? "" : " (perhaps not the shortest)");
  }
  if (!property.judged) absl::StrAppend(&line, " (not asked)");
  line.erase(line.find_last_not_of(' ') + 1);
  return line + "\n";
}

struct DiffLine {
  char sign;  // ' ', '-' or '+'
  absl::string_view text;
};

// The shortest edit by longest common subsequence; goldens are short.
std::vector<DiffLine> Edit(const std::vector<absl::string_view>& a,
                           const std::vector<absl::string_view>& b) {
  std::vector<DiffLine> edit;
  const size_t rows = a.size() + 1;
  const size_t columns = b.size() + 1;
  if (rows * columns > kMaxCells) {
    for (const auto line : a) edit.push_back({'-', line});
    for (const auto line : b) edit.push_back({'+', line});
    return edit;
  }
  std::vector<uint32_t> common(rows * columns);
  for (size_t i = a.size(); i-- > 0;) {
    for (size_t j = b.size(); j-- > 0;) {
      common[i * columns + j] =
          a[i] == b[j] ? common[(i + 1) * columns + j + 1] + 1
                       : std::max(common[(i + 1) * columns + j], common[i * columns + j + 1]);
    }
  }
  size_t i = 0;
  size_t j = 0;
  while (i < a.size() || j < b.size()) {
    if (i < a.size() && j < b.size() && a[i] == b[j]) {
      edit.push_back({' ', a[i]});
      ++i;
      ++j;
    } else if (j == b.size() ||
               (i < a.size() && common[(i + 1) * columns + j] >= common[i * columns + j + 1])) {
      edit.push_back({'-', a[i++]});
    } else {
      edit.push_back({'+', b[j++]});
    }
  }
  return edit;
}

std::vector<absl::string_view> Lines(absl::string_view text) {
  if (text.empty()) return {};
  return absl::StrSplit(absl::StripSuffix(text, "\n"), '\n');
}

}  // namespace

std::string GoldenPath(const std::string& scenario_file) {
  return absl::StrCat(absl::StripSuffix(scenario_file, ".scn"), ".expected");
}

std::string GoldenText(const std::vector<const Entry*>& entries) {
  std::string text =
      "# Written by knotcheck check --rewrite. Commit a change only if you can say what caused "
      "it.\n";
  for (const Entry* entry : entries) {
    absl::StrAppend(&text, "\n", entry->proposal, ": ", OutcomeText(*entry), "\n");
    if (entry->state != Entry::State::kAnswered) continue;
    const checker::Result& result = entry->answer.result;
    absl::StrAppend(&text, "  end ", EndWord(result.end), ", states ", result.states,
                    ", transitions ", result.transitions, ", depth ", result.depth, ", at rest ",
                    result.at_rest, "\n");
    for (const verify::Liveness& liveness : entry->answer.liveness) {
      absl::StrAppend(&text, "  liveness: ", LivenessText(liveness), "\n");
    }
    const auto& vacuous = entry->answer.vacuous;
    for (const verify::PropertyVerdict& property : entry->answer.properties) {
      // What was not reached says something only where it was asked.
      const bool asked = property.asked || std::find(vacuous.begin(), vacuous.end(),
                                                     property.info.name) != vacuous.end();
      const bool shown = property.status != checker::Status::kHolds || property.witnesses > 0;
      if (asked || shown) absl::StrAppend(&text, PropertyLine(property));
    }
  }
  return text;
}

std::string DiffExcerpt(absl::string_view old_text, absl::string_view new_text, size_t max_lines) {
  if (old_text == new_text) return "";
  const std::vector<DiffLine> edit = Edit(Lines(old_text), Lines(new_text));
  std::vector<bool> near(edit.size());
  for (size_t i = 0; i < edit.size(); ++i) {
    if (edit[i].sign == ' ') continue;
    const size_t end = std::min(edit.size(), i + kContext + 1);
    for (size_t k = i - std::min(i, kContext); k < end; ++k) near[k] = true;
  }
  std::string text;
  size_t lines = 0;
  for (size_t i = 0; i < edit.size(); ++i) {
    if (!near[i]) continue;
    if (lines == max_lines) {
      absl::StrAppend(&text, "...\n");
      break;
    }
    if (i > 0 && !near[i - 1]) absl::StrAppend(&text, "@@\n");
    // Goldens are files; somebody may have edited one into anything.
    absl::StrAppend(&text, std::string(1, edit[i].sign), base::Ascii(edit[i].text), "\n");
    ++lines;
  }
  // The same lines, but for the newline at the end.
  if (text.empty()) text = "(only the end of the last line differs)\n";
  return text;
}

}  // namespace knotcheck::report
