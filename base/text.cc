// SPDX-License-Identifier: Apache-2.0

#include "base/text.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace knotcheck::base {
namespace {

// A word is only split when at least this much of it fits before the break.
constexpr size_t kMinPiece = 8;
// More names than this help nobody who has mistyped one.
constexpr size_t kMostListed = 16;

// Where to split a word of which `room` bytes fit: after a separator in the second half, if that
// leaves more than a bracket for the next line.
size_t SplitAt(absl::string_view word, size_t room) {
  constexpr size_t kMinRest = 3;
  const size_t end = word.size() > kMinRest ? std::min(room, word.size() - kMinRest) : room;
  const size_t at = word.substr(0, end).find_last_of("_/(,|>.=");
  return at != absl::string_view::npos && at + 1 > room / 2 ? at + 1 : room;
}

size_t SkipBlanks(absl::string_view text, size_t at) {
  while (at < text.size() && text[at] == ' ') ++at;
  return at;
}

}  // namespace

std::string Ascii(absl::string_view text) {
  std::string result;
  for (const char c : text) {
    if (c >= 0x20 && c < 0x7f) {
      result.push_back(c);
    } else {
      absl::StrAppend(&result, "\\x", absl::Hex(static_cast<unsigned char>(c), absl::kZeroPad2));
    }
  }
  return result;
}

std::vector<std::string> Wrap(absl::string_view text, size_t width, size_t indent, size_t hang) {
  indent = std::min(indent, width / 2);
  hang = std::min(hang, width / 2);
  std::vector<std::string> lines;
  std::string line(indent, ' ');
  bool fresh = true;  // nothing but blanks in `line`
  const auto end_line = [&] {
    lines.push_back(line);
    line.assign(hang, ' ');
    fresh = true;
  };
  size_t at = 0;
  while (at < text.size()) {
    const size_t begin = SkipBlanks(text, at);
    const size_t end = std::min(text.find(' ', begin), text.size());
    // Blanks between words stay as they are (they may be inside a quoted value), but not at a
    // break.
    const size_t gap = fresh ? 0 : begin - at;
    absl::string_view word = text.substr(begin, end - begin);
    at = end;
    if (line.size() + gap + word.size() <= width) {
      absl::StrAppend(&line, std::string(gap, ' '), word);
      fresh = fresh && word.empty();
      continue;
    }
    const bool fits_alone = hang + word.size() <= width;
    if (!fresh && (fits_alone || line.size() + gap + kMinPiece > width)) {
      end_line();
    } else if (!fresh) {
      line.append(gap, ' ');
    }
    while (line.size() + word.size() > width) {
      const size_t cut = SplitAt(word, width - line.size());
      absl::StrAppend(&line, word.substr(0, cut));
      word.remove_prefix(cut);
      end_line();
    }
    absl::StrAppend(&line, word);
    fresh = word.empty();
  }
  if (!fresh || lines.empty()) lines.push_back(line);
  return lines;
}

std::string ShellWord(absl::string_view word) {
  const bool plain = !word.empty() && std::all_of(word.begin(), word.end(), [](char c) {
    return absl::ascii_isalnum(static_cast<unsigned char>(c)) ||
           absl::string_view("_-+./:,=@%").find(c) != absl::string_view::npos;
  });
  if (plain) return std::string(word);
  const bool printable =
      std::all_of(word.begin(), word.end(), [](char c) { return c >= 0x20 && c < 0x7f; });
  std::string result = printable ? "'" : "$'";
  for (const char c : word) {
    if (c == '\'') {
      result += printable ? "'\\''" : "\\'";
    } else if (c == '\\' && !printable) {
      result += "\\\\";
    } else if (c >= 0x20 && c < 0x7f) {
      result.push_back(c);
    } else {
      absl::StrAppend(&result, "\\x", absl::Hex(static_cast<unsigned char>(c), absl::kZeroPad2));
    }
  }
  return result + "'";
}

std::vector<std::string> WrapCommand(const std::vector<std::string>& words, size_t width) {
  std::vector<std::string> lines;
  std::string line;
  // Every line but the last leaves room for " \\".
  for (size_t i = 0; i < words.size(); ++i) {
    const std::string quoted = ShellWord(words[i]);
    const size_t room = i + 1 == words.size() ? width : width - 2;
    if (line.empty() || line.size() + 1 + quoted.size() <= room) {
      absl::StrAppend(&line, line.empty() ? "" : " ", quoted);
    } else {
      lines.push_back(line + " \\");
      line = "  " + quoted;
    }
    if (line.size() <= room) continue;
    // Too long for a line of its own: pieces, each quoted for itself, without a blank between.
    line.resize(line.size() - quoted.size());
    absl::string_view rest = words[i];
    while (line.size() + ShellWord(rest).size() > room) {
      size_t cut = std::min(rest.size() - 1, width - 1 - line.size());
      while (cut > 1 && line.size() + ShellWord(rest.substr(0, cut)).size() + 1 > width) --cut;
      lines.push_back(absl::StrCat(line, ShellWord(rest.substr(0, cut)), "\\"));
      line.clear();
      rest.remove_prefix(cut);
    }
    if (!rest.empty()) absl::StrAppend(&line, ShellWord(rest));
  }
  lines.push_back(line);
  return lines;
}

std::string Alternatives(const std::vector<std::string>& words) {
  std::string text;
  for (size_t i = 0; i < words.size(); ++i) {
    const char* const before = i == 0 ? "" : i + 1 == words.size() ? " or " : ", ";
    absl::StrAppend(&text, before, "'", Ascii(words[i]), "'");
  }
  return text;
}

std::string UnknownName(absl::string_view what, absl::string_view found,
                        const std::vector<std::string>& known) {
  const bool listed = known.size() <= kMostListed;
  std::string message = absl::StrCat("found '", Ascii(found), "', expected ", what,
                                     listed ? ": " : "", listed ? absl::StrJoin(known, ", ") : "");
  // Of those that are listed, one is enough.
  const std::string near = Alternatives(Near(found, known, listed ? 1 : kMostSuggested));
  if (!near.empty()) absl::StrAppend(&message, "; did you mean ", near, "?");
  return message;
}

}  // namespace knotcheck::base
