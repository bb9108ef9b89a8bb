// SPDX-License-Identifier: Apache-2.0
//
// The parser of declarations (parse.cc) and of statements (parse_statements.cc). Internal to lang/.

#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "lang/ast.h"
#include "lang/lexer.h"
#include "lang/token_reader.h"

namespace knotcheck::lang {

// Enough for anything that can be checked, and few enough to bound what later passes cost.
inline constexpr size_t kMaxDeclarations = 1000;
inline constexpr size_t kMaxStatements = 10000;
inline constexpr int kMaxNesting = 12;  // of loop and if; an else if counts as one

// Recursive descent, whose only recursion is that of blocks, kMaxNesting deep. Each function begins
// at the first token of what it is named after, and answers false once an error is recorded.
class Parser : private TokenReader {
 public:
  Parser(absl::string_view file, Lexer lexer, Scenario* scenario)
      : TokenReader(file, lexer), scenario_(scenario) {}

  absl::Status Run();

 private:
  struct Keyword {
    const char* word;
    // Given the keyword's token, which has been taken.
    bool (Parser::*parse)(const Token& keyword);
  };
  static const std::vector<Keyword>& Keywords();

  bool ParseDeclaration();
  bool ParseMemory(const Token& keyword);
  bool ParseProgram(const Token& keyword);
  bool ParseTask(const Token& keyword);
  bool ParsePeer(const Token& keyword);
  bool ParseSupervisor(const Token& keyword);
  bool ParseSignals(const Token& keyword);
  bool ParseFilter(const Token& keyword);
  bool ParseAllocation(const Token& keyword);
  bool ParseListener(const Token& keyword);
  bool ParseRlimit(const Token& keyword);
  bool ParseAsk(const Token& keyword);

  bool ParsePointers(std::vector<std::vector<Atom>>* entries);
  bool ParseStrings(Memory* memory);
  // '{' statements '}', or what follows its '{'.
  bool ParseBody(std::vector<Statement>* body);
  bool ParseStatements(std::vector<Statement>* body);
  bool ParseStatement(Statement* statement);
  // Whether one more may follow.
  bool CountStatement();
  // Whether `word` begins a statement here: it is not the name of a call or of what is stored to.
  bool AtStatementOf(absl::string_view word) const;
  // if, loop, leave, or an else without an if.
  bool AtBlock() const;
  bool ParseBlock(Statement* statement);
  bool ParseIf(If* branch);
  bool ParseTest(BranchTest* test);
  // One block deeper.
  bool Nest(Location where);
  bool ParseCall(Call* call);
  // What follows 'any of', and what follows 'any' in an argument.
  bool ParseAnyOf(AnyOf* any);
  bool ParseAny(Arg* arg);
  bool ParseArg(Arg* arg);
  bool ParseAtom(Atom* atom, absl::string_view expected);
  bool ParseNameAtom(Atom* atom, absl::string_view expected);
  // What a call takes, or a pointer: an atom, behind a name perhaps an offset.
  bool ParseOperand(Atom* atom, absl::string_view expected);
  bool ParseAnything(Supervisor* supervisor);
  bool ParsePolicy(Supervisor* supervisor);
  bool ParseRule(Rule* rule);
  bool ParseCondition(Condition* condition);
  bool ParseReaction(Reaction* reaction);

  bool AtSeparator() const { return AtPunctuation(";") || token().kind == Token::Kind::kNewline; }
  void SkipSeparators() {
    while (AtSeparator()) Advance();
  }
  // Whether a statement, rule or reaction ends here; `more` is what could have followed as well.
  bool EndOfItem(absl::string_view more, const std::vector<std::string>& words = {}) {
    return AtSeparator() || AtPunctuation("}") ||
           Fail(absl::StrCat(more, "';', '}' or the end of the line"), words);
  }

  // Whether a declaration ends here.
  bool EndOfDeclaration(absl::string_view more = "", const std::vector<std::string>& words = {}) {
    return token().kind == Token::Kind::kNewline || AtEnd() ||
           Fail(absl::StrCat(more, "the end of the line"), words);
  }

  Scenario* scenario_;
  size_t statements_ = 0;
  int nesting_ = 0;
};

}  // namespace knotcheck::lang
