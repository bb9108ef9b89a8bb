// SPDX-License-Identifier: Apache-2.0
//
// What scripts are made of.

#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/strings/str_cat.h"
#include "lang/parser.h"

namespace knotcheck::lang {
namespace {

// What other languages call what scripts have by another name.
constexpr std::pair<absl::string_view, absl::string_view> kOtherLanguages[] = {
    {"break", "'leave', which ends the innermost loop"},
    {"while", "'loop', which 'leave' ends"},
    {"for", "'loop', which 'leave' ends"},
    {"elif", "'else if'"},
    {"continue", "'if' around what is left out: a loop goes round at its '}'"},
};

}  // namespace

bool Parser::ParseBody(std::vector<Statement>* body) { return Open("{") && ParseStatements(body); }

bool Parser::ParseStatements(std::vector<Statement>* body) {
  for (SkipSeparators(); !AtPunctuation("}"); SkipSeparators()) {
    if (!CountStatement()) return false;
    if (!ParseStatement(&body->emplace_back())) return false;
  }
  return Close("}");
}

bool Parser::CountStatement() {
  return ++statements_ <= kMaxStatements ||
         FailWith(token().where, absl::StrCat("found more than ", kMaxStatements,
                                              " statements, expected at most that many"));
}

bool Parser::AtStatementOf(absl::string_view word) const {
  if (!AtWord(word)) return false;
  const absl::string_view next = AfterNext().raw;
  return next != "(" && next != "=" && next != "[";
}

bool Parser::AtBlock() const {
  return AtStatementOf("if") || AtStatementOf("loop") || AtStatementOf("leave") ||
         AtStatementOf("else");
}

bool Parser::Nest(Location where) {
  return ++nesting_ <= kMaxNesting ||
         FailWith(where, absl::StrCat("found more than ", kMaxNesting,
                                      " 'loop' and 'if' within each other, expected at most ",
                                      kMaxNesting));
}

bool Parser::ParseBlock(Statement* statement) {
  const Token first = token();
  if (first.raw == "else") {
    return FailWith(first.where,
                    "found 'else', expected it behind the '}' of an 'if', on the same line");
  }
  if (first.raw == "leave") {
    *statement = Leave{Advance().where};
    return EndOfItem("");
  }
  if (first.raw == "if") {
    If branch;
    if (!ParseIf(&branch)) return false;
    *statement = std::move(branch);
    return true;
  }
  Loop loop;
  loop.where = Advance().where;
  if (!Nest(loop.where) || !ParseBody(&loop.body)) return false;
  --nesting_;
  *statement = std::move(loop);
  return EndOfItem("");
}

bool Parser::ParseIf(If* branch) {
  branch->where = Advance().where;
  if (!Nest(branch->where) || !ParseTest(&branch->test) || !ParseBody(&branch->then)) return false;
  if (!TakeWord("else")) {
    --nesting_;
    return EndOfItem("'else', ", {"else"});
  }
  SkipNewlines();
  if (AtWord("if")) {
    If other;
    if (!ParseIf(&other)) return false;
    branch->otherwise.emplace_back(std::move(other));
    --nesting_;
    return true;
  }
  if (!AtPunctuation("{")) return Fail("'if' or '{'", {"if"});
  if (!ParseBody(&branch->otherwise)) return false;
  --nesting_;
  return EndOfItem("");
}

bool Parser::ParseTest(BranchTest* test) {
  SkipNewlines();
  test->where = token().where;
  std::string name;
  if (!Name(&name, "'result', or the name of a notification")) return false;
  if (TakeWord("is")) {
    test->kind = BranchTest::Kind::kCall;
    test->variable = std::move(name);
    return ParseNameAtom(&test->value, "the name of a call");
  }
  if (name != "result") return Fail("'is'", {"is"});
  test->negated = AtPunctuation("!=");
  if (!test->negated && !AtPunctuation("==")) return Fail("'==', '!=' or 'is'", {"is"});
  Advance();
  SkipNewlines();
  constexpr absl::string_view kExpected = "a number or the name of an errno";
  return token().kind == Token::Kind::kString ? Fail(kExpected)
                                              : ParseAtom(&test->value, kExpected);
}

bool Parser::ParseStatement(Statement* statement) {
  if (AtBlock()) return ParseBlock(statement);
  const Token first = token();
  std::string name;
  if (!Name(&name, "a statement or '}'")) return false;

  if (first.raw == "any" && TakeWord("of")) {
    AnyOf any;
    any.where = first.where;
    if (!ParseAnyOf(&any)) return false;
    *statement = std::move(any);
    return EndOfItem("");
  }

  if (first.raw == "if" && AtPunctuation("(") && AfterNext().raw == "result") {
    return FailWith(token().where, "found '(', expected 'result' without brackets around the test");
  }
  if (AtPunctuation("(")) {
    Call call;
    call.where = first.where;
    call.function = std::move(name);
    if (!ParseCall(&call)) return false;
    *statement = std::move(call);
    return true;
  }

  Store store;
  store.where = first.where;
  if (AtPunctuation("[")) {
    if (!Open("[") || !Number(&store.index.emplace(), "an index, a number") || !Close("]") ||
        !Punctuation("=")) {
      return false;
    }
  } else if (!TakePunctuation("=")) {
    // Most likely the brace of the declaration above is missing.
    for (const Keyword& keyword : Keywords()) {
      if (first.raw != keyword.word) continue;
      return Fail(absl::StrCat("'(', '[' or '=', or a '}' before ", Quoted(first.raw), OpenHint()));
    }
    for (const auto& [word, ours] : kOtherLanguages) {
      if (first.raw != word) continue;
      return FailWith(first.where, absl::StrCat("found ", Quoted(word), ", expected ", ours));
    }
    return Fail("'(', '[' or '='");
  }
  SkipNewlines();
  const bool may_call = token().kind == Token::Kind::kName && !store.index.has_value();
  if (!ParseOperand(&store.value, store.index.has_value()
                                      ? "a string, a name or a number"
                                      : "a call, a string, a name or a number")) {
    return false;
  }
  if (may_call && store.value.offset == 0 && AtPunctuation("(")) {
    Call call;
    call.where = first.where;
    call.variable = std::move(name);
    call.function = std::move(store.value.text);
    if (!ParseCall(&call)) return false;
    *statement = std::move(call);
    return true;
  }
  store.object = std::move(name);
  *statement = std::move(store);
  return EndOfItem(may_call ? "'(', " : "");
}

bool Parser::ParseAnyOf(AnyOf* any) {
  if (!Open("{")) return false;
  for (SkipSeparators(); !AtPunctuation("}"); SkipSeparators()) {
    if (!CountStatement()) return false;
    const Token next = AfterNext();
    if ((AtWord("any") && next.raw == "of") || AtBlock()) {
      return Fail("a call, a store or 'nothing'");
    }
    if (AtWord("nothing") && next.raw != "(" && next.raw != "=" && next.raw != "[") {
      any->alternatives.emplace_back(Nothing{Advance().where});
      if (!EndOfItem("")) return false;
      continue;
    }
    Statement statement;
    if (!ParseStatement(&statement)) return false;
    if (auto* call = std::get_if<Call>(&statement)) {
      any->alternatives.emplace_back(std::move(*call));
    } else {
      any->alternatives.emplace_back(std::get<Store>(std::move(statement)));
    }
  }
  if (any->alternatives.empty()) return Fail("a call, a store or 'nothing'", {"nothing"});
  return Close("}");
}

bool Parser::ParseAny(Arg* arg) {
  arg->any = true;
  arg->atoms.clear();
  if (!Open("(")) return false;
  do {
    if (!ParseOperand(&arg->atoms.emplace_back(), "a name, a number or a string")) return false;
    SkipNewlines();
  } while (TakePunctuation(","));
  return AtPunctuation(")") ? Close(")") : Fail("',' or ')'");
}

bool Parser::ParseCall(Call* call) {
  if (!Open("(")) return false;
  SkipNewlines();
  if (!AtPunctuation(")")) {
    do {
      if (!ParseArg(&call->args.emplace_back())) return false;
    } while (TakePunctuation(","));
    if (!AtPunctuation(")")) {
      const Arg& last = call->args.back();
      const bool more = !last.any && (last.joined || last.atoms.size() == 1);
      return Fail(more ? "'|', ',' or ')'" : "',' or ')'");
    }
  }
  if (!Close(")")) return false;

  if (TakePunctuation("==")) {
    SkipNewlines();
    if (token().kind == Token::Kind::kString) return Fail("a number or the name of an errno");
    if (!ParseAtom(&call->expected.emplace(), "a number or the name of an errno")) return false;
  }
  if (TakeWord("uses")) {
    if (!String(&call->uses.emplace())) return false;
    return EndOfItem("");
  }
  return EndOfItem(call->expected.has_value() ? "'uses', " : "'==', 'uses', ", {"uses"});
}

bool Parser::ParseArg(Arg* arg) {
  constexpr absl::string_view kExpected = "an argument (a name, a number or a string)";
  SkipNewlines();
  arg->where = token().where;
  if (token().kind == Token::Kind::kNumber) {
    const Token number = Advance();
    SkipNewlines();
    if (TakePunctuation(":")) {
      arg->index = number.number;
    } else {
      arg->atoms.push_back(AtomOf(number));
    }
  }
  if (arg->atoms.empty() && !ParseOperand(&arg->atoms.emplace_back(), kExpected)) return false;
  SkipNewlines();
  const Atom& first = arg->atoms[0];
  if (!arg->index && first.kind == Atom::Kind::kName && first.text == "any" && AtPunctuation("(")) {
    return ParseAny(arg);
  }
  if (AtPunctuation("|")) {
    arg->joined = true;
    while (TakePunctuation("|")) {
      if (!ParseOperand(&arg->atoms.emplace_back(), kExpected)) return false;
      SkipNewlines();
    }
    return true;
  }
  while (token().kind == Token::Kind::kName || token().kind == Token::Kind::kNumber ||
         token().kind == Token::Kind::kString) {
    if (!ParseOperand(&arg->atoms.emplace_back(), kExpected)) return false;
    SkipNewlines();
  }
  return true;
}

bool Parser::ParseAtom(Atom* atom, absl::string_view expected) {
  SkipNewlines();
  switch (token().kind) {
    case Token::Kind::kName:
      return ParseNameAtom(atom, expected);
    case Token::Kind::kNumber:
    case Token::Kind::kString:
      *atom = AtomOf(Advance());
      return true;
    default:
      return Fail(expected);
  }
}

bool Parser::ParseNameAtom(Atom* atom, absl::string_view expected) {
  SkipNewlines();
  atom->where = token().where;
  return Name(&atom->text, expected);
}

bool Parser::ParseOperand(Atom* atom, absl::string_view expected) {
  if (!ParseAtom(atom, expected)) return false;
  if (atom->kind != Atom::Kind::kName || !TakePunctuation("+")) return true;
  constexpr int64_t kMost = 1'000'000;
  SkipNewlines();
  if (token().kind != Token::Kind::kNumber || token().number < 1 || token().number > kMost) {
    return Fail("a number of bytes from 1 to 1000000, as in path+8");
  }
  atom->offset = Advance().number;
  return true;
}

}  // namespace knotcheck::lang
