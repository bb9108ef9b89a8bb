// SPDX-License-Identifier: Apache-2.0
//
// The scenario language's words. Lazy, so that the first error of a text is the one reported and
// a large text costs nothing that is not read.

#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"
#include "lang/ast.h"

namespace knotcheck::lang {

struct Token {
  enum class Kind : uint8_t { kEnd, kNewline, kName, kNumber, kString, kPunctuation, kBad };
  Kind kind = Kind::kEnd;
  absl::string_view raw;  // as written
  std::string text;       // of kString: escapes resolved; of kBad: "found X, expected Y"
  int64_t number = 0;     // of kNumber
  Location where;
};

class Lexer {
 public:
  // `text` must outlive the lexer and its tokens; its first byte stands at `start`.
  explicit Lexer(absl::string_view text, Location start = {1, 1})
      : text_(text), line_(start.line), column_(start.column) {}

  // A word that breaks the rules is a kBad token, after which the lexer is of no more use.
  Token Next();

 private:
  absl::string_view Rest() const { return text_.substr(at_); }
  // Skips `count` bytes within a line.
  absl::string_view Consume(size_t count);
  Token Newline(Token token, size_t bytes);
  Token Name(Token token);
  Token Number(Token token);
  Token String(Token token);

  absl::string_view text_;
  size_t at_ = 0;
  int line_;
  int column_;
};

// The offset of the first byte that a comment may not hold, or npos. Comments are UTF-8 without
// control characters: header texts go to terminals, JSON and HTML.
size_t FirstBadByte(absl::string_view comment);

// "found byte 0x1b, expected EXPECTED".
std::string BadByte(char byte, absl::string_view expected);

// `raw` in quotes and cut to a length that a message can bear.
std::string Quoted(absl::string_view raw);

// Whether `name` may name a proposal or a property: [a-z][a-z0-9_-]*.
bool IsPropertyName(absl::string_view name);

}  // namespace knotcheck::lang
