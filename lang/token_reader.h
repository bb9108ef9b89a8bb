// SPDX-License-Identifier: Apache-2.0
//
// What both parts of the parser, header and declarations, do with words: look one ahead, demand,
// and remember the first error. All the bool functions answer whether the parse may go on.

#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "lang/lexer.h"

namespace knotcheck::lang {

class TokenReader {
 public:
  TokenReader(absl::string_view file, Lexer lexer)
      : file_(file), lexer_(lexer), token_(lexer_.Next()) {}

  const absl::Status& status() const { return status_; }
  const Token& token() const { return token_; }
  // The token after token(). Costs its scan again: for a fixed number of uses per token only.
  Token AfterNext() const { return Lexer(lexer_).Next(); }

  bool AtEnd() const { return token_.kind == Token::Kind::kEnd; }
  bool AtPunctuation(absl::string_view text) const;
  bool AtWord(absl::string_view word) const;

  // The current token, stepping over it.
  Token Advance();
  // Steps over newlines where they mean nothing: inside brackets.
  void SkipNewlines();
  bool TakePunctuation(absl::string_view text);
  bool TakeWord(absl::string_view word);

  // The following skip newlines inside brackets, take what they name, or fail.
  bool Punctuation(absl::string_view text);
  bool Word(absl::string_view word);
  bool Name(std::string* name, absl::string_view expected);
  bool PropertyName(std::string* name, absl::string_view expected);
  bool Number(int64_t* number, absl::string_view expected);
  bool String(Atom* atom);
  // An opening bracket is remembered, so that a text that ends early can be told where it began.
  bool Open(absl::string_view bracket);
  bool Close(absl::string_view bracket);

  // " (the '{' of line 3, column 10 is open)", or nothing.
  std::string OpenHint() const;
  // Records "found TOKEN, expected EXPECTED[, did you mean 'X'?]", X being of `words`.
  bool Fail(absl::string_view expected, const std::vector<std::string>& words = {});
  // Records any other message.
  bool FailWith(Location where, absl::string_view message);

 private:
  std::string file_;
  Lexer lexer_;
  Token token_;
  std::vector<Token> open_;
  absl::Status status_;
};

// The atom that a name, number or string token stands for.
Atom AtomOf(const Token& token);

}  // namespace knotcheck::lang
