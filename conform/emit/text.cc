// SPDX-License-Identifier: Apache-2.0

#include "conform/emit/text.h"

#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "model/errno.h"

namespace knotcheck::conform {
namespace {

constexpr size_t kWidth = 80;
constexpr size_t kTab = 8;

// As put_text() of the program prints bytes.
std::string Printed(const std::string& bytes) {
  std::string text;
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte > ' ' && byte < 127 && c != '\\') {
      text += c;
    } else {
      text += {'\\', static_cast<char>('0' + (byte >> 6)), static_cast<char>('0' + (byte >> 3 & 7)),
               static_cast<char>('0' + (byte & 7))};
    }
  }
  return text;
}

// Parts that stay whole: words, and string literals, long ones in pieces.
Words Parts(const std::string& statement) {
  Words parts(1);
  bool quoted = false;
  size_t literal = 0;
  for (size_t i = 0; i < statement.size(); ++i) {
    const char c = statement[i];
    if (c == ' ' && !quoted) {
      parts.emplace_back();
      continue;
    }
    parts.back() += c;
    if (c == '\\' && quoted) {
      parts.back() += statement[++i];
    } else if (c == '"') {
      quoted = !quoted;
      literal = 0;
    } else if (quoted && c == ' ' && ++literal > 0 && parts.back().size() > 50) {
      parts.back() += '"';
      parts.emplace_back("\"");
    }
  }
  return parts;
}

// The words of C text, without comments and literals.
std::set<std::string> WordsOf(const std::string& text) {
  std::set<std::string> words;
  std::string word;
  for (size_t i = 0; i <= text.size(); ++i) {
    const char c = i < text.size() ? text[i] : ' ';
    if (absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '_') {
      word += c;
      continue;
    }
    if (!word.empty()) words.insert(std::exchange(word, ""));
    if (c == '/' && i + 1 < text.size() && text[i + 1] == '*') {
      i = std::min(text.find("*/", i), text.size() - 2) + 1;
    } else if (c == '"') {
      for (++i; i < text.size() && text[i] != '"'; ++i) i += text[i] == '\\';
    }
  }
  return words;
}

}  // namespace

int Number(const std::string& word) {
  int number = 0;
  return absl::SimpleAtoi(word, &number) ? number : 0;
}

std::string Literal(const std::string& bytes) {
  std::string text = "\"";
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      text += {'\\', c};
    } else if (byte < ' ' || byte > '~') {
      text += {'\\', static_cast<char>('0' + (byte >> 6)), static_cast<char>('0' + (byte >> 3 & 7)),
               static_cast<char>('0' + (byte & 7))};
    } else {
      text += c;
    }
  }
  return text + "\"";
}

std::string AsSockaddr(std::string bytes) {
  bytes.replace(0, std::min<size_t>(3, bytes.size()),
                std::string("\1\0\0", std::min<size_t>(3, bytes.size())));
  return bytes;
}

std::optional<std::string> Expected(const std::string& detail, bool sockaddr) {
  if (detail.find_first_of("?*") != std::string::npos) return std::nullopt;
  std::vector<std::string> texts;
  for (const std::string& element : Words(absl::StrSplit(detail, ','))) {
    std::string bytes = element == "-" ? "" : absl::HexStringToBytes(element);
    texts.push_back(Printed(sockaddr ? AsSockaddr(std::move(bytes)) : bytes));
  }
  return absl::StrJoin(texts, ",");
}

std::string Line(size_t tabs, const std::string& statement) {
  std::string text(tabs, '\t');
  size_t column = tabs * kTab;
  bool first = true;
  for (const std::string& part : Parts(statement)) {
    if (!first && column + 1 + part.size() > kWidth) {
      absl::StrAppend(&text, "\n", std::string(tabs + 2, '\t'));
      column = (tabs + 2) * kTab;
    } else if (!first) {
      text += ' ';
      ++column;
    }
    text += part;
    column += part.size();
    first = false;
  }
  return text + "\n";
}

std::string Comment(const std::string& text, const std::string& before, const std::string& more) {
  std::string out;
  const std::string safe =
      absl::StrReplaceAll(text, {{"*/", "* /"}, {"/*", "/ *"}, {"\t", "    "}});
  for (const std::string& line : Words(absl::StrSplit(safe, '\n'))) {
    const size_t blanks = std::min(line.find_first_not_of(' '), line.size());
    std::string at = " *" + before + line.substr(0, std::min<size_t>(blanks, 20));
    bool empty = true;
    for (const std::string& whole : Words(absl::StrSplit(line, ' ', absl::SkipEmpty()))) {
      for (size_t from = 0; from < whole.size(); from += 60) {
        const std::string word = whole.substr(from, 60);
        if (!empty && at.size() + 1 + word.size() > kWidth - 2) {
          absl::StrAppend(&out, absl::StripTrailingAsciiWhitespace(at), "\n");
          at = absl::StrCat(" *", before, more);
          empty = true;
        }
        if (!empty) at += ' ';
        at += word;
        empty = false;
      }
    }
    absl::StrAppend(&out, absl::StripTrailingAsciiWhitespace(at), "\n");
  }
  return out;
}

std::string WithPrelude(const std::vector<PreludePiece>& pieces, const std::string& body) {
  std::set<std::string> words = WordsOf(body);
  Words needed;
  for (auto piece = pieces.rbegin(); piece != pieces.rend(); ++piece) {
    const bool named = std::any_of(piece->words.begin(), piece->words.end(),
                                   [&](const std::string& word) { return words.count(word) > 0; });
    if (!named) continue;
    words.merge(WordsOf(piece->text));
    needed.push_back(piece->text);
  }
  std::reverse(needed.begin(), needed.end());
  return absl::StrJoin(needed, "");
}

std::string Identifier(std::string name) {
  for (char& c : name) {
    if (!absl::ascii_isalnum(static_cast<unsigned char>(c))) c = '_';
  }
  // Keywords and what a C library or the compiler may have as macros.
  static const std::set<std::string> taken = {
      "auto",     "break",  "case",   "char",      "const",    "continue", "default",  "do",
      "double",   "else",   "enum",   "extern",    "float",    "for",      "goto",     "if",
      "inline",   "int",    "long",   "register",  "restrict", "return",   "short",    "signed",
      "sizeof",   "static", "struct", "switch",    "typedef",  "union",    "unsigned", "void",
      "volatile", "while",  "asm",    "typeof",    "errno",    "unix",     "linux",    "dangling",
      "stdin",    "stdout", "stderr", "sa_handler"};
  return taken.count(name) ? name + "_" : name;
}

std::string RetText(const Token& token) {
  if (token.any_result) return "ANY";
  const std::string name =
      token.ret < 0 ? model::ErrnoName(static_cast<int>(-token.ret)) : std::string();
  return name.empty() || absl::StrContains(name, ' ') ? absl::StrCat(token.ret) : "-" + name;
}

}  // namespace knotcheck::conform
