// SPDX-License-Identifier: Apache-2.0

#include "lang/token_reader.h"

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "base/text.h"
#include "lang/parse.h"

namespace knotcheck::lang {
namespace {

std::string Describe(const Token& token) {
  switch (token.kind) {
    case Token::Kind::kEnd:
      return "the end of the file";
    case Token::Kind::kNewline:
      return "the end of the line";
    default:
      return Quoted(token.raw);
  }
}

}  // namespace

bool TokenReader::AtPunctuation(absl::string_view text) const {
  return token_.kind == Token::Kind::kPunctuation && token_.raw == text;
}

bool TokenReader::AtWord(absl::string_view word) const {
  return token_.kind == Token::Kind::kName && token_.raw == word;
}

Token TokenReader::Advance() { return std::exchange(token_, lexer_.Next()); }

void TokenReader::SkipNewlines() {
  while (!open_.empty() && token_.kind == Token::Kind::kNewline) Advance();
}

bool TokenReader::TakePunctuation(absl::string_view text) {
  if (!AtPunctuation(text)) return false;
  Advance();
  return true;
}

bool TokenReader::TakeWord(absl::string_view word) {
  if (!AtWord(word)) return false;
  Advance();
  return true;
}

bool TokenReader::Punctuation(absl::string_view text) {
  SkipNewlines();
  return TakePunctuation(text) || Fail(Quoted(text));
}

bool TokenReader::Word(absl::string_view word) {
  SkipNewlines();
  return TakeWord(word) || Fail(Quoted(word), {std::string(word)});
}

bool TokenReader::Name(std::string* name, absl::string_view expected) {
  SkipNewlines();
  if (token_.kind != Token::Kind::kName) return Fail(expected);
  if (absl::StrContains(token_.raw, '-')) return Fail(absl::StrCat(expected, " without '-'"));
  *name = std::string(Advance().raw);
  return true;
}

bool TokenReader::PropertyName(std::string* name, absl::string_view expected) {
  SkipNewlines();
  if (token_.kind != Token::Kind::kName) return Fail(expected);
  if (!IsPropertyName(token_.raw)) {
    return Fail(absl::StrCat(expected, " of lower-case letters, digits, '_' and '-'"));
  }
  *name = std::string(Advance().raw);
  return true;
}

bool TokenReader::Number(int64_t* number, absl::string_view expected) {
  SkipNewlines();
  if (token_.kind != Token::Kind::kNumber) return Fail(expected);
  *number = Advance().number;
  return true;
}

bool TokenReader::String(Atom* atom) {
  SkipNewlines();
  if (token_.kind != Token::Kind::kString) return Fail("a string in double quotes");
  *atom = AtomOf(Advance());
  return true;
}

bool TokenReader::Open(absl::string_view bracket) {
  SkipNewlines();
  if (!AtPunctuation(bracket)) return Fail(Quoted(bracket));
  open_.push_back(Advance());
  return true;
}

bool TokenReader::Close(absl::string_view bracket) {
  SkipNewlines();
  if (!AtPunctuation(bracket)) return Fail(Quoted(bracket));
  KNOT_CHECK(!open_.empty());
  open_.pop_back();
  Advance();
  return true;
}

std::string TokenReader::OpenHint() const {
  if (open_.empty()) return "";
  const Token& bracket = open_.back();
  return absl::StrCat(" (the ", Quoted(bracket.raw), " of line ", bracket.where.line, ", column ",
                      bracket.where.column, " is open)");
}

bool TokenReader::Fail(absl::string_view expected, const std::vector<std::string>& words) {
  if (token_.kind == Token::Kind::kBad) return FailWith(token_.where, token_.text);
  std::string message = absl::StrCat("found ", Describe(token_), ", expected ", expected);
  if (AtEnd()) message += OpenHint();
  const std::string meant =
      token_.kind == Token::Kind::kName ? base::Nearest(token_.raw, words) : std::string();
  if (!meant.empty()) absl::StrAppend(&message, ", did you mean '", meant, "'?");
  return FailWith(token_.where, message);
}

bool TokenReader::FailWith(Location where, absl::string_view message) {
  if (status_.ok()) status_ = ErrorAt(file_, where, message);
  return false;
}

Atom AtomOf(const Token& token) {
  Atom atom;
  atom.where = token.where;
  switch (token.kind) {
    case Token::Kind::kNumber:
      atom.kind = Atom::Kind::kNumber;
      atom.number = token.number;
      break;
    case Token::Kind::kString:
      atom.kind = Atom::Kind::kString;
      atom.text = token.text;
      break;
    default:
      atom.kind = Atom::Kind::kName;
      atom.text = std::string(token.raw);
  }
  return atom;
}

}  // namespace knotcheck::lang
