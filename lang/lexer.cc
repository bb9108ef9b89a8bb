// SPDX-License-Identifier: Apache-2.0

#include "lang/lexer.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace knotcheck::lang {
namespace {

constexpr absl::string_view kNumberForms = "a number such as 42, -1, 0x1f or 4KiB";

bool IsWordByte(char c) { return absl::ascii_isalnum(c) || c == '_'; }

Token Bad(Token token, std::string message) {
  token.kind = Token::Kind::kBad;
  token.text = std::move(message);
  return token;
}

int HexDigit(char c) {
  if (absl::ascii_isdigit(c)) return c - '0';
  const char lower = absl::ascii_tolower(c);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

// The length of the UTF-8 character that `text` begins with; 0 if there is none.
size_t Utf8Length(absl::string_view text) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = byte(0);
  if (lead < 0x80) return 1;
  const size_t length = lead < 0xc2 ? 0 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : lead < 0xf5 ? 4 : 0;
  if (length > text.size()) return 0;
  for (size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return 0;
  }
  if (length == 2 && lead == 0xc2 && byte(1) < 0xa0) return 0;                         // controls
  if ((lead == 0xe0 && byte(1) < 0xa0) || (lead == 0xf0 && byte(1) < 0x90)) return 0;  // overlong
  if ((lead == 0xed && byte(1) > 0x9f) || (lead == 0xf4 && byte(1) > 0x8f)) return 0;  // no such
  return length;
}

// A line feed, with a carriage return before it or not; 0 if `text` does not begin with one.
size_t NewlineLength(absl::string_view text) {
  return absl::StartsWith(text, "\n") ? 1 : absl::StartsWith(text, "\r\n") ? 2 : 0;
}

}  // namespace

size_t FirstBadByte(absl::string_view comment) {
  for (size_t i = 0; i < comment.size();) {
    if (absl::ascii_iscntrl(comment[i]) && comment[i] != '\t') return i;
    const size_t length = Utf8Length(comment.substr(i));
    if (length == 0) return i;
    i += length;
  }
  return absl::string_view::npos;
}

std::string BadByte(char byte, absl::string_view expected) {
  return absl::StrCat("found byte 0x", absl::Hex(static_cast<unsigned char>(byte), absl::kZeroPad2),
                      ", expected ", expected);
}

std::string Quoted(absl::string_view raw) {
  constexpr size_t kLongest = 40;
  if (raw.size() <= kLongest) return absl::StrCat("'", raw, "'");
  return absl::StrCat("'", raw.substr(0, kLongest), "...'");
}

bool IsPropertyName(absl::string_view name) {
  return !name.empty() && absl::ascii_islower(name[0]) &&
         std::all_of(name.begin(), name.end(), [](char c) {
           return absl::ascii_islower(c) || absl::ascii_isdigit(c) || c == '_' || c == '-';
         });
}

absl::string_view Lexer::Consume(size_t count) {
  const absl::string_view bytes = text_.substr(at_, count);
  at_ += bytes.size();
  column_ += static_cast<int>(bytes.size());
  return bytes;
}

Token Lexer::Next() {
  while (absl::StartsWith(Rest(), " ") || absl::StartsWith(Rest(), "\t")) Consume(1);
  Token token;
  token.where = {line_, column_};
  if (absl::StartsWith(Rest(), "#")) {
    absl::string_view comment = Rest().substr(0, Rest().find('\n'));
    // The carriage return belongs to the line's end only if that end is there.
    if (comment.size() < Rest().size()) absl::ConsumeSuffix(&comment, "\r");
    const size_t bad = FirstBadByte(comment);
    if (bad != absl::string_view::npos) {
      token.where.column += static_cast<int>(bad);
      return Bad(token, BadByte(comment[bad], "UTF-8 text in a comment"));
    }
    Consume(comment.size());
  }
  if (Rest().empty()) return token;
  if (const size_t bytes = NewlineLength(Rest())) return Newline(token, bytes);

  const char c = Rest()[0];
  if (absl::ascii_isalpha(c) || c == '_') return Name(token);
  if (absl::ascii_isdigit(c) || c == '-') return Number(token);
  if (c == '"') return String(token);
  if (!absl::ascii_isprint(c)) return Bad(token, BadByte(c, "plain ASCII text"));
  const bool unequal = absl::StartsWith(Rest(), "!=");
  if (unequal || absl::StrContains("=(){}[],;:|?+", c)) {
    token.kind = Token::Kind::kPunctuation;
    token.raw = Consume(unequal || absl::StartsWith(Rest(), "==") ? 2 : 1);
    return token;
  }
  return Bad(token, absl::StrCat("found ", Quoted(Rest().substr(0, 1)),
                                 ", expected a name, a number, a string or one of "
                                 "= == != ( ) { } [ ] , ; : | +"));
}

Token Lexer::Newline(Token token, size_t bytes) {
  token.kind = Token::Kind::kNewline;
  token.raw = Consume(bytes);
  ++line_;
  column_ = 1;
  return token;
}

Token Lexer::Name(Token token) {
  const absl::string_view rest = Rest();
  size_t length = 1;
  while (length < rest.size() && (IsWordByte(rest[length]) || rest[length] == '-')) ++length;
  token.kind = Token::Kind::kName;
  token.raw = Consume(length);
  return token;
}

Token Lexer::Number(Token token) {
  const absl::string_view rest = Rest();
  size_t length = 1;
  while (length < rest.size() && IsWordByte(rest[length])) ++length;
  token.kind = Token::Kind::kNumber;
  token.raw = Consume(length);

  absl::string_view digits = token.raw;
  const bool negative = absl::ConsumePrefix(&digits, "-");
  const bool hex = absl::ConsumePrefix(&digits, "0x");
  const int unit = absl::ConsumeSuffix(&digits, "KiB")   ? 10
                   : absl::ConsumeSuffix(&digits, "MiB") ? 20
                                                         : 0;
  if (digits.empty()) {
    return Bad(token, absl::StrCat("found ", Quoted(token.raw), ", expected ", kNumberForms));
  }
  if (!hex && digits.size() > 1 && digits[0] == '0') {
    return Bad(token, absl::StrCat("found ", Quoted(token.raw),
                                   ", expected a decimal number without leading zeros, or 0x "
                                   "(there is no octal)"));
  }
  const auto base = static_cast<uint64_t>(hex ? 16 : 10);
  const uint64_t limit =
      static_cast<uint64_t>(std::numeric_limits<int64_t>::max()) + static_cast<uint64_t>(negative);
  uint64_t value = 0;
  bool fits = true;
  for (const char c : digits) {
    const int digit = HexDigit(c);
    if (digit < 0 || (!hex && digit > 9)) {
      return Bad(token, absl::StrCat("found ", Quoted(token.raw), ", expected ", kNumberForms));
    }
    fits = fits && value <= (limit - static_cast<uint64_t>(digit)) / base;
    if (fits) value = value * base + static_cast<uint64_t>(digit);
  }
  if (!fits || value > (limit >> unit)) {
    return Bad(token,
               absl::StrCat("found ", Quoted(token.raw), ", expected a number that fits int64"));
  }
  value <<= unit;
  token.number = static_cast<int64_t>(negative ? 0 - value : value);
  return token;
}

Token Lexer::String(Token token) {
  const absl::string_view rest = Rest();
  const auto bad_at = [&](size_t offset, std::string message) {
    token.where.column += static_cast<int>(offset);
    return Bad(token, std::move(message));
  };
  for (size_t i = 1; i < rest.size() && NewlineLength(rest.substr(i)) == 0; ++i) {
    if (rest[i] == '"') {
      token.kind = Token::Kind::kString;
      token.raw = Consume(i + 1);
      return token;
    }
    if (!absl::ascii_isprint(rest[i])) {
      return bad_at(i, BadByte(rest[i], "printable ASCII in a string, or \\xHH"));
    }
    if (rest[i] != '\\') {
      token.text.push_back(rest[i]);
      continue;
    }
    const absl::string_view escape = rest.substr(i + 1);
    if (absl::StartsWith(escape, "x")) {
      if (escape.size() < 3 || HexDigit(escape[1]) < 0 || HexDigit(escape[2]) < 0) {
        return bad_at(i, "found '\\x' without two hex digits, expected \\xHH");
      }
      token.text.push_back(static_cast<char>(HexDigit(escape[1]) * 16 + HexDigit(escape[2])));
      i += 3;
      continue;
    }
    constexpr absl::string_view kWritten = "\"\\n0";
    constexpr absl::string_view kMeant("\"\\\n\0", 4);
    const size_t which = escape.empty() ? absl::string_view::npos : kWritten.find(escape[0]);
    if (which == absl::string_view::npos) {
      const bool shown = !escape.empty() && absl::ascii_isgraph(escape[0]);
      return bad_at(i, absl::StrCat("found ", Quoted(rest.substr(i, shown ? 2 : 1)),
                                    R"(, expected one of \" \\ \n \0 \xHH)"));
    }
    token.text.push_back(kMeant[which]);
    i += 1;
  }
  return Bad(token, "found a string without an end, expected '\"' before the end of the line");
}

}  // namespace knotcheck::lang
