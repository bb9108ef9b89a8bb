// SPDX-License-Identifier: Apache-2.0

#include "lang/header.h"

#include <algorithm>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/text.h"
#include "lang/lexer.h"
#include "lang/parse.h"
#include "lang/token_reader.h"

namespace knotcheck::lang {
namespace {

constexpr absl::string_view kBlanks = " \t";

absl::string_view StripBlanks(absl::string_view text) {
  const size_t first = text.find_first_not_of(kBlanks);
  if (first == absl::string_view::npos) return "";
  return text.substr(first, text.find_last_not_of(kBlanks) - first + 1);
}

bool IsOperandByte(char c) {
  return absl::ascii_isalnum(static_cast<unsigned char>(c)) || absl::StrContains("_-.@+/:", c);
}

bool ReadClaim(TokenReader* reader, Claim* claim) {
  if (!reader->Punctuation("=")) return false;
  if (reader->TakePunctuation("?")) return true;
  if (reader->TakeWord("holds")) {
    claim->kind = Claim::Kind::kHolds;
    return true;
  }
  if (!reader->TakeWord("violated")) {
    return reader->Fail("'holds', 'violated(PROPERTY, ...)' or '?'", {"holds", "violated"});
  }
  claim->kind = Claim::Kind::kViolated;
  if (!reader->Punctuation("(")) return false;
  do {
    if (!reader->PropertyName(&claim->properties.emplace_back(), "a property's name")) return false;
  } while (reader->TakePunctuation(","));
  return reader->TakePunctuation(")") || reader->Fail("',' or ')'");
}

class HeaderReader {
 public:
  HeaderReader(absl::string_view file, Header* header) : file_(file), header_(header) {}

  // One line without its end, but with it in `whole`; `indent` is where its '#' stands.
  absl::Status ReadLine(absl::string_view line, absl::string_view whole, size_t indent,
                        int line_number);
  void EndWhy() { in_why_ = false; }

 private:
  absl::Status ReadResult(absl::string_view claims, Location where);

  std::string file_;
  Header* header_;
  std::set<std::string> operands_;
  bool in_why_ = false;  // a plain comment line would continue the reasoning
};

absl::Status HeaderReader::ReadLine(absl::string_view line, absl::string_view whole, size_t indent,
                                    int line_number) {
  const auto place = [line_number](size_t offset) {
    return Location{line_number, static_cast<int>(offset) + 1};
  };
  const size_t bad = FirstBadByte(line);
  if (bad != absl::string_view::npos) {
    return ErrorAt(file_, place(bad), BadByte(line[bad], "UTF-8 text in a comment"));
  }

  const size_t key_at = std::min(line.find_first_not_of(kBlanks, indent + 1), line.size());
  const size_t key_end =
      std::find_if(line.begin() + key_at, line.end(),
                   [](char c) { return !absl::ascii_isalpha(c) && c != '_' && c != '-'; }) -
      line.begin();
  const std::string key(line.substr(key_at, key_end - key_at));
  const size_t colon = line.find_first_not_of(kBlanks, key_end);
  const bool looks_like_key =
      !key.empty() && colon != absl::string_view::npos && line[colon] == ':';

  static const auto& kKeys =
      *new std::vector<std::string>{"name", "question", "source", "result", "why"};
  const bool known = looks_like_key && std::find(kKeys.begin(), kKeys.end(), key) != kKeys.end();
  if (!known) {
    const std::string meant = looks_like_key ? base::Nearest(key, kKeys) : "";
    if (!meant.empty()) {
      return ErrorAt(
          file_, place(key_at),
          absl::StrCat("found ", Quoted(key),
                       ", expected name, question, source, result or why, did you mean '", meant,
                       "'?"));
    }
    const absl::string_view text = StripBlanks(line.substr(indent + 1));
    if (text.empty()) in_why_ = false;
    if (in_why_) absl::StrAppend(&header_->why.back(), " ", text);
    return absl::OkStatus();
  }

  const absl::string_view value = StripBlanks(line.substr(colon + 1));
  in_why_ = key == "why";
  if (value.empty()) {
    return ErrorAt(file_, place(line.size()),
                   absl::StrCat("found the end of the line, expected text after '", key, ":'"));
  }
  if (key == "result") return ReadResult(whole.substr(colon + 1), place(colon + 1));
  if (key == "why") {
    header_->why.emplace_back(value);
    return absl::OkStatus();
  }
  std::string& text = key == "name"       ? header_->name
                      : key == "question" ? header_->question
                                          : header_->source;
  if (!text.empty()) {
    return ErrorAt(file_, place(key_at),
                   absl::StrCat("found a second '", key, "', expected one in the header"));
  }
  text = std::string(value);
  return absl::OkStatus();
}

absl::Status HeaderReader::ReadResult(absl::string_view claims, Location where) {
  const auto reader_at = [&](size_t offset) {
    const Location start = {where.line, where.column + static_cast<int>(offset)};
    return TokenReader(file_, Lexer(claims.substr(offset), start));
  };
  for (size_t offset = 0;;) {
    TokenReader name = reader_at(offset);
    Claim claim;
    claim.where = name.token().where;
    std::string proposal;
    if (!name.PropertyName(&proposal, "a proposal's name")) return name.status();
    // What follows the name in an operand are no words of the language.
    const auto begin = static_cast<size_t>(claim.where.column - where.column);
    const absl::string_view rest = claims.substr(begin);
    const absl::string_view operand = rest.substr(
        0, std::find_if(rest.begin(), rest.end(), [](char c) { return !IsOperandByte(c); }) -
               rest.begin());
    claim.operand = std::string(operand);
    TokenReader reader = reader_at(begin + operand.size());
    if (!operands_.insert(claim.operand).second) {
      reader.FailWith(claim.where, absl::StrCat("found a second result of ", Quoted(claim.operand),
                                                ", expected one for each proposal"));
      return reader.status();
    }
    if (!ReadClaim(&reader, &claim)) return reader.status();
    header_->results.push_back(std::move(claim));
    if (reader.AtEnd() || reader.token().kind == Token::Kind::kNewline) return reader.status();
    offset = static_cast<size_t>(reader.token().where.column - where.column);
  }
}

}  // namespace

absl::Status ReadHeader(absl::string_view text, absl::string_view file, Header* header, size_t* end,
                        Location* end_where) {
  HeaderReader reader(file, header);
  *end_where = {1, 1};
  for (*end = 0; *end < text.size();) {
    const absl::string_view rest = text.substr(*end);
    const absl::string_view whole = rest.substr(0, std::min(rest.find('\n'), rest.size() - 1) + 1);
    absl::string_view line = whole;
    if (absl::ConsumeSuffix(&line, "\n")) absl::ConsumeSuffix(&line, "\r");

    const size_t indent = line.find_first_not_of(kBlanks);
    if (indent == absl::string_view::npos) {
      reader.EndWhy();
    } else if (line[indent] != '#') {
      break;
    } else {
      absl::Status status = reader.ReadLine(line, whole, indent, end_where->line);
      if (!status.ok()) return status;
    }
    *end += whole.size();
    if (absl::EndsWith(whole, "\n")) {
      ++end_where->line;
    } else {
      end_where->column += static_cast<int>(whole.size());
    }
  }
  return absl::OkStatus();
}

std::vector<std::string> MissingLines(const Header& header) {
  std::vector<std::string> missing;
  if (header.name.empty()) missing.emplace_back("# name: TEXT");
  if (header.question.empty()) missing.emplace_back("# question: TEXT");
  if (header.source.empty()) missing.emplace_back("# source: TEXT");
  if (header.results.empty()) missing.emplace_back("# result: PROPOSAL=holds");
  return missing;
}

}  // namespace knotcheck::lang
