// SPDX-License-Identifier: Apache-2.0

#include "report/table.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/text.h"

namespace knotcheck::report {
namespace {

constexpr size_t kIndent = 2;
constexpr size_t kMarkWidth = 10;
constexpr size_t kStatesWidth = 9;
constexpr size_t kTransitionsWidth = 11;
constexpr size_t kColumnGap = 2;
// Below it the outcome stands under its row instead of in it.
constexpr size_t kMinOutcome = 26;

std::string Left(const std::string& text, size_t width) {
  return text + std::string(width - std::min(width, text.size()), ' ');
}

std::string Right(const std::string& text, size_t width) {
  return std::string(width - std::min(width, text.size()), ' ') + text;
}

constexpr size_t kProposalAt = kIndent + kMarkWidth + kColumnGap;

size_t OutcomeAt(size_t proposal_width) { return kProposalAt + proposal_width + kColumnGap; }

// All columns but the outcome's.
size_t OtherColumns(size_t proposal_width) {
  return OutcomeAt(proposal_width) + kColumnGap + kStatesWidth + kColumnGap + kTransitionsWidth;
}

// 0: there is no room.
size_t OutcomeWidth(const TableOptions& options) {
  const size_t others = OtherColumns(options.proposal_width);
  return options.width >= others + kMinOutcome ? options.width - others : 0;
}

std::string Trimmed(std::string line) {
  line.erase(line.find_last_not_of(' ') + 1);
  return line + "\n";
}

void AppendIndented(const std::string& text, size_t width, size_t indent, std::string* out) {
  for (const std::string& line : base::Wrap(text, width, indent, indent + 2)) {
    absl::StrAppend(out, Trimmed(line));
  }
}

// A mark in its column; the colour codes have no width.
std::string MarkCell(Mark mark, bool color) {
  const std::string word = MarkWord(mark);
  const std::string cell = Left(word, kMarkWidth);
  const bool bad = mark == Mark::kDiffers || mark == Mark::kIncomplete;
  return color && bad ? absl::StrCat("\x1b[31m", word, "\x1b[0m", cell.substr(word.size())) : cell;
}

const char* EndPhrase(const verify::Answer& answer) {
  const auto& liveness = answer.liveness;
  const auto ended = [&](checker::End end, checker::LivenessEnd liveness_end) {
    return answer.result.end == end ||
           std::any_of(liveness.begin(), liveness.end(), [&](const verify::Liveness& each) {
             return each.result.end == liveness_end;
           });
  };
  if (ended(checker::End::kStateLimit, checker::LivenessEnd::kStateLimit)) {
    return "the limit of states was hit";
  }
  if (ended(checker::End::kMemoryLimit, checker::LivenessEnd::kMemoryLimit)) {
    return "the limit of memory was hit";
  }
  return "the search was interrupted";
}

void AppendWhy(const Entry& entry, const TableOptions& options, std::string* out) {
  const size_t indent = std::min(kIndent + kMarkWidth + kColumnGap, options.width / 3);
  const auto say = [&](const std::string& text) {
    AppendIndented(text, options.width, indent, out);
  };
  if (!entry.reason.empty()) say(base::Ascii(entry.reason));
  const Mark mark = MarkOf(entry);
  if (mark == Mark::kDiffers) {
    say(absl::StrCat("claimed ", entry.claim, ", found ", OutcomeText(entry)));
  }
  if (entry.state != Entry::State::kAnswered) return;
  for (const verify::Liveness& liveness : entry.answer.liveness) say(LivenessText(liveness));
  if (!entry.answer.complete()) {
    say(absl::StrCat("incomplete: ", EndPhrase(entry.answer),
                     "; what was not found may still exist"));
  } else if (!entry.answer.vacuous.empty()) {
    say(absl::StrCat("asked but never reached: ", absl::StrJoin(entry.answer.vacuous, ", ")));
  }
  if (!entry.answer.absent.empty()) {
    say(absl::StrCat("asked, but ", entry.proposal,
                     " has no such property: ", absl::StrJoin(entry.answer.absent, ", ")));
  }
  // A scenario that asks nothing, and under which nothing breaks, could be taken for a proof.
  const auto& properties = entry.answer.properties;
  const bool hollow = entry.answer.violated.empty() &&
                      std::none_of(properties.begin(), properties.end(),
                                   [](const verify::PropertyVerdict& p) { return p.asked; });
  if (options.brief && !hollow) return;
  if (entry.answer.complete() && !entry.answer.unreached.empty()) {
    say(absl::StrCat("not reached: ", absl::StrJoin(entry.answer.unreached, ", ")));
  }
  if (entry.answer.blind) say("some CONTINUE approves no memory: nothing of it was seen before");
}

void AppendRow(const Entry& entry, const TableOptions& options, std::string* out) {
  const size_t outcome_width = OutcomeWidth(options);
  const bool answered = entry.state == Entry::State::kAnswered;
  const std::string states = answered ? absl::StrCat(entry.answer.result.states) : "-";
  const std::string transitions = answered ? absl::StrCat(entry.answer.result.transitions) : "-";
  if (outcome_width == 0) {
    // Too narrow for a table.
    const size_t indent = 2 * kIndent;
    AppendIndented(absl::StrCat(MarkWord(MarkOf(entry)), "  ", entry.proposal), options.width,
                   kIndent, out);
    AppendIndented(OutcomeText(entry), options.width, indent, out);
    AppendIndented(absl::StrCat(states, " states, ", transitions, " transitions"), options.width,
                   indent, out);
    return;
  }
  std::string line = std::string(kIndent, ' ') + MarkCell(MarkOf(entry), options.color) +
                     std::string(kColumnGap, ' ');
  if (entry.proposal.size() <= options.proposal_width) {
    absl::StrAppend(&line, Left(entry.proposal, options.proposal_width));
  } else {
    for (const std::string& piece : base::Wrap(entry.proposal, options.width - kProposalAt, 0, 2)) {
      absl::StrAppend(out, Trimmed(line + piece));
      line.assign(kProposalAt, ' ');
    }
    line.append(options.proposal_width, ' ');
  }
  const std::vector<std::string> outcome = base::Wrap(OutcomeText(entry), outcome_width, 0, 2);
  absl::StrAppend(&line, std::string(kColumnGap, ' '), Left(outcome[0], outcome_width),
                  std::string(kColumnGap, ' '), Right(states, kStatesWidth),
                  std::string(kColumnGap, ' '), Right(transitions, kTransitionsWidth));
  absl::StrAppend(out, Trimmed(line));
  for (size_t i = 1; i < outcome.size(); ++i) {
    absl::StrAppend(out, std::string(OutcomeAt(options.proposal_width), ' '), outcome[i], "\n");
  }
}

}  // namespace

size_t ProposalWidth(const std::vector<std::string>& names, size_t width) {
  size_t widest = TableOptions().proposal_width;
  for (const std::string& name : names) {
    if (OtherColumns(name.size()) + kMinOutcome <= width) widest = std::max(widest, name.size());
  }
  return widest;
}

std::string TableHead(const TableOptions& options) {
  const size_t outcome_width = OutcomeWidth(options);
  if (outcome_width == 0) return "";
  std::string line = "scenario";
  line += std::string(kProposalAt - line.size(), ' ');
  absl::StrAppend(&line, Left("proposal", options.proposal_width), std::string(kColumnGap, ' '),
                  Left("outcome", outcome_width), std::string(kColumnGap, ' '),
                  Right("states", kStatesWidth), std::string(kColumnGap, ' '),
                  Right("transitions", kTransitionsWidth), "\n");
  return line;
}

std::string TableRows(const std::vector<const Entry*>& entries, const TableOptions& options) {
  std::string out;
  if (entries.empty()) return out;
  AppendIndented(base::Ascii(entries[0]->scenario), options.width, 0, &out);
  for (const Entry* entry : entries) {
    AppendRow(*entry, options, &out);
    AppendWhy(*entry, options, &out);
  }
  return out;
}

std::string DepthProfile(const Entry& entry, size_t width) {
  constexpr size_t kMostLines = 16;
  constexpr size_t kLabel = 24;
  if (entry.state != Entry::State::kAnswered) return "";
  const std::vector<uint64_t>& levels = entry.answer.result.levels;
  if (levels.empty()) return "";
  const size_t step = (levels.size() + kMostLines - 1) / kMostLines;
  std::vector<uint64_t> sums;
  for (size_t d = 0; d < levels.size(); ++d) {
    if (d % step == 0) sums.push_back(0);
    sums.back() += levels[d];
  }
  const uint64_t most = *std::max_element(sums.begin(), sums.end());
  const size_t room = width > kLabel + 8 ? width - kLabel : 8;
  std::string text = absl::StrCat("  ", entry.proposal, ": states by depth\n");
  for (size_t i = 0; i < sums.size(); ++i) {
    const size_t last = std::min((i + 1) * step, levels.size()) - 1;
    const std::string depth = step == 1 ? absl::StrCat(last) : absl::StrCat(i * step, "-", last);
    const auto bar = static_cast<size_t>(static_cast<double>(sums[i]) / static_cast<double>(most) *
                                         static_cast<double>(room));
    absl::StrAppend(&text, Right(depth, 11), Right(absl::StrCat(sums[i]), kLabel - 12), " ",
                    std::string(bar, '#'), "\n");
  }
  return text;
}

}  // namespace knotcheck::report
