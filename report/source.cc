// SPDX-License-Identifier: Apache-2.0

#include "report/source.h"

#include <algorithm>
#include <optional>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "base/files.h"
#include "base/text.h"

namespace knotcheck::report {
namespace {

constexpr size_t kMaxSourceBytes = 16 << 20;

bool IsWord(char c) { return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '_'; }

// The place after the comment that begins at `at`; `at` if none does.
size_t AfterComment(absl::string_view text, size_t at) {
  const absl::string_view rest = text.substr(at);
  if (absl::StartsWith(rest, "//")) return at + std::min(rest.find('\n'), rest.size());
  if (!absl::StartsWith(rest, "/*")) return at;
  const size_t end = rest.find("*/", 2);
  return end == absl::string_view::npos ? text.size() : at + end + 2;
}

// Without blanks and comments.
std::string Bare(absl::string_view text, std::vector<size_t>* places) {
  std::string bare;
  for (size_t i = 0; i < text.size();) {
    const size_t after = AfterComment(text, i);
    if (after == i && !absl::ascii_isspace(static_cast<unsigned char>(text[i]))) {
      bare.push_back(text[i]);
      if (places != nullptr) places->push_back(i);
    }
    i = std::max(after, i + 1);
  }
  return bare;
}

}  // namespace

SourceFile::SourceFile(absl::string_view text) : text_(text) {
  begins_.push_back(0);
  for (size_t i = 0; i < text_.size(); ++i) {
    if (text_[i] == '\n') begins_.push_back(i + 1);
  }
  bare_ = Bare(text_, &places_);
}

absl::string_view SourceFile::Line(int number) const {
  const absl::string_view rest =
      absl::string_view(text_).substr(begins_[static_cast<size_t>(number) - 1]);
  return absl::StripAsciiWhitespace(rest.substr(0, rest.find('\n')));
}

std::vector<int> SourceFile::Find(absl::string_view function, absl::string_view statement) const {
  const std::string wanted = Bare(absl::StripSuffix(statement, ";"), nullptr);
  std::vector<int> lines;
  const absl::string_view text = text_;
  for (size_t at = 0; !wanted.empty() && (at = text.find(function, at)) != text.npos;
       at += function.size()) {
    // A definition: its name begins no line's indentation, and its body a line.
    const size_t line = text.rfind('\n', at) == text.npos ? 0 : text.rfind('\n', at) + 1;
    const size_t after = at + function.size();
    const bool whole =
        (at == 0 || !IsWord(text[at - 1])) && absl::StartsWith(text.substr(after), "(");
    if (!whole || absl::ascii_isspace(static_cast<unsigned char>(text[line]))) continue;
    const size_t open = text.find("\n{", after);
    if (open == text.npos || text.substr(after, open - after).find(';') != text.npos) continue;
    const size_t close = std::min(text.find("\n}", open), text.size());
    const auto first = std::lower_bound(places_.begin(), places_.end(), open) - places_.begin();
    const auto last = std::lower_bound(places_.begin(), places_.end(), close) - places_.begin();
    const absl::string_view body = absl::string_view(bare_).substr(
        static_cast<size_t>(first), static_cast<size_t>(last - first));
    for (size_t i = 0; (i = body.find(wanted, i)) != body.npos; i += wanted.size()) {
      // "x = f()" is not found in "max = f()".
      if (i > 0 && IsWord(body[i - 1]) && IsWord(wanted[0])) {
        const size_t place = places_[static_cast<size_t>(first) + i];
        if (place > 0 && IsWord(text[place - 1])) continue;
      }
      const size_t place = places_[static_cast<size_t>(first) + i];
      lines.push_back(static_cast<int>(std::upper_bound(begins_.begin(), begins_.end(), place) -
                                       begins_.begin()));
    }
  }
  return lines;
}

absl::StatusOr<std::string> StepsInSource(const trace::Trace& trace, const std::string& tree,
                                          size_t width) {
  std::map<std::string, std::optional<SourceFile>> files;
  std::string text;
  bool any = false;
  for (size_t i = 0; i < trace.lines.size(); ++i) {
    const trace::TraceLine& step = trace.lines[i];
    const std::string& thread = trace.threads[static_cast<size_t>(step.thread)].name;
    std::string said = absl::StrCat(i + 1, ". ", thread, ": ");
    // What user space does has no file of the kernel's.
    if (!absl::StrContains(step.file, '/')) {
      absl::StrAppend(&said, step.statement);
    } else {
      const auto [known, fresh] = files.try_emplace(step.file);
      if (fresh) {
        const auto read = base::ReadFile(absl::StrCat(tree, "/", step.file), kMaxSourceBytes);
        if (read.ok()) known->second.emplace(*read);
      }
      any |= known->second.has_value();
      const std::vector<int> lines =
          known->second ? known->second->Find(step.function, step.statement) : std::vector<int>();
      absl::StrAppend(&said, step.file, lines.empty() ? "" : ":", absl::StrJoin(lines, ","), ": ",
                      step.function, "(): ",
                      lines.empty() ? step.statement : std::string(known->second->Line(lines[0])),
                      !lines.empty()  ? ""
                      : known->second ? " (the model's words)"
                                      : " (no such file there)");
    }
    for (const std::string& line : base::Wrap(base::Ascii(said), width, 0, 6)) {
      absl::StrAppend(&text, line, "\n");
    }
  }
  if (!any && !files.empty()) {
    return absl::InvalidArgumentError(absl::StrCat(base::Ascii(tree), ": found no ",
                                                   files.begin()->first,
                                                   ", expected a kernel's "
                                                   "source tree"));
  }
  return text;
}

}  // namespace knotcheck::report
