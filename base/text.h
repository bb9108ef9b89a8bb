// SPDX-License-Identifier: Apache-2.0
//
// Plain text that fits: what every report prints goes through here.

#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace knotcheck::base {

// Printable ASCII as it is, every other byte as \xNN: file names and scenarios come from outside,
// and a report must neither garble a terminal nor a commit message.
std::string Ascii(absl::string_view text);

// Lines of at most `width` bytes, broken at spaces where possible. The first begins with `indent`
// blanks, the others with `hang`. At least one line; `width` is at least 2.
std::vector<std::string> Wrap(absl::string_view text, size_t width, size_t indent = 0,
                              size_t hang = 0);

// A word as the shell takes it: quoted if it needs that.
std::string ShellWord(absl::string_view word);

// A shell command in lines of at most `width` bytes, at least 20. Each but the last ends with a
// backslash, so that what a reader pastes is still the command.
std::vector<std::string> WrapCommand(const std::vector<std::string>& words, size_t width);

// The words of `candidates`, at most `most`, that are near enough to `word` for it to be a likely
// typo (a Damerau-Levenshtein distance of at most a third of its length, at least 1), the nearest
// first.
std::vector<std::string> Near(absl::string_view word, const std::vector<std::string>& candidates,
                              size_t most);
// The first of them; empty: there is none.
std::string Nearest(absl::string_view word, const std::vector<std::string>& candidates);

// What a message that guesses names, at most.
inline constexpr size_t kMostSuggested = 3;

// "'a', 'b' or 'c'".
std::string Alternatives(const std::vector<std::string>& words);

// 'found X, expected A, B or C', with the nearest of them when X looks like a typo; of many names
// only those.
std::string UnknownName(absl::string_view what, absl::string_view found,
                        const std::vector<std::string>& known);

}  // namespace knotcheck::base
