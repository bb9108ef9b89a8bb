// SPDX-License-Identifier: Apache-2.0

#include "lang/parse.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "lang/header.h"
#include "lang/lexer.h"
#include "lang/token_reader.h"

namespace knotcheck::lang {
namespace {

// Enough for anything that can be checked, and few enough to bound what later passes cost.
constexpr size_t kMaxDeclarations = 1000;
constexpr size_t kMaxStatements = 10000;

// Recursive descent without recursion: nothing of the language nests deeper than a choice. Each
// function begins at the first token of what it is named after, and answers false once an error is
// recorded.
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
  bool ParseStrings(std::vector<Atom>* alternatives);
  // '{' statements '}', or what follows its '{'.
  bool ParseBody(std::vector<Statement>* body);
  bool ParseStatements(std::vector<Statement>* body);
  bool ParseStatement(Statement* statement);
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
};

const std::vector<Parser::Keyword>& Parser::Keywords() {
  static const auto& kKeywords = *new std::vector<Keyword>{
      {"memory", &Parser::ParseMemory},
      {"target", &Parser::ParseTask},
      {"thread", &Parser::ParseTask},
      {"child", &Parser::ParseTask},
      {"peer", &Parser::ParsePeer},
      {"supervisor", &Parser::ParseSupervisor},
      {"signals", &Parser::ParseSignals},
      {"filter", &Parser::ParseFilter},
      {"allocation", &Parser::ParseAllocation},
      {"listener", &Parser::ParseListener},
      {"rlimit", &Parser::ParseRlimit},
      {"never", &Parser::ParseAsk},
      {"sometimes", &Parser::ParseAsk},
  };
  return kKeywords;
}

absl::Status Parser::Run() {
  const absl::string_view missing = MissingLine(scenario_->header);
  if (!missing.empty()) {
    Fail(absl::StrCat("the header line '", missing, "' before it"));
    return status();
  }
  while (true) {
    while (token().kind == Token::Kind::kNewline) Advance();
    if (AtEnd() || !ParseDeclaration()) return status();
  }
}

bool Parser::ParseDeclaration() {
  std::vector<std::string> words;
  for (const Keyword& keyword : Keywords()) {
    if (!AtWord(keyword.word)) {
      words.emplace_back(keyword.word);
      continue;
    }
    if (scenario_->declarations.size() == kMaxDeclarations) {
      return FailWith(token().where, absl::StrCat("found more than ", kMaxDeclarations,
                                                  " declarations, expected at most that many"));
    }
    return (this->*keyword.parse)(Advance());
  }
  return Fail(absl::StrCat("a declaration (", absl::StrJoin(words, ", "), ")"), words);
}

bool Parser::ParseMemory(const Token& keyword) {
  Memory memory;
  memory.where = keyword.where;
  if (!Name(&memory.name, "a name for the memory") || !Punctuation("=")) return false;
  absl::string_view more = "'|' or ";
  if (AtPunctuation("[")) {
    memory.kind = Memory::Kind::kPointers;
    more = "";
    if (!ParsePointers(&memory.entries)) return false;
  } else if (token().kind == Token::Kind::kString || AtWord("bytes")) {
    if (TakeWord("bytes")) memory.kind = Memory::Kind::kBytes;
    if (!ParseStrings(&memory.alternatives)) return false;
  } else {
    return Fail("a string in double quotes, 'bytes' or '['", {"bytes"});
  }
  scenario_->declarations.emplace_back(std::move(memory));
  return EndOfDeclaration(more);
}

bool Parser::ParsePointers(std::vector<std::vector<Atom>>* entries) {
  if (!Open("[")) return false;
  do {
    std::vector<Atom>& entry = entries->emplace_back();
    do {
      SkipNewlines();
      if (token().kind != Token::Kind::kName) return Fail("the name of a memory, or NULL");
      if (!ParseOperand(&entry.emplace_back(), "")) return false;
      SkipNewlines();
    } while (TakePunctuation("|"));
  } while (TakePunctuation(","));
  return AtPunctuation("]") ? Close("]") : Fail("',', '|' or ']'");
}

bool Parser::ParseStrings(std::vector<Atom>* alternatives) {
  do {
    if (!String(&alternatives->emplace_back())) return false;
  } while (TakePunctuation("|"));
  return true;
}

bool Parser::ParseTask(const Token& keyword) {
  Task task;
  task.where = keyword.where;
  task.kind = keyword.raw == "target"   ? Task::Kind::kTarget
              : keyword.raw == "thread" ? Task::Kind::kThread
                                        : Task::Kind::kChild;
  if (!Name(&task.name, absl::StrCat("a name for the ", keyword.raw))) return false;
  if (task.kind != Task::Kind::kTarget && (!Word("of") || !Name(&task.of, "the name of a task"))) {
    return false;
  }
  if (!ParseBody(&task.body)) return false;
  scenario_->declarations.emplace_back(std::move(task));
  return EndOfDeclaration();
}

bool Parser::ParsePeer(const Token& keyword) {
  Peer peer;
  peer.where = keyword.where;
  if (!Name(&peer.name, "a name for the peer") || !Word("shares")) return false;
  if (TakeWord("files")) {
    peer.shares = Peer::Shares::kFiles;
  } else if (!TakeWord("memory")) {
    return Fail("'memory' or 'files'", {"memory", "files"});
  }
  if (!Word("with") || !Name(&peer.with, "the name of a task")) return false;

  absl::string_view more = "";
  if (AtPunctuation("{") || peer.shares == Peer::Shares::kFiles) {
    peer.kind = Peer::Kind::kScript;
    if (!ParseBody(&peer.body)) return false;
  } else if (TakePunctuation(",")) {
    peer.kind = Peer::Kind::kWrites;
    if (!Word("writes") || !Number(&peer.writes, "the number of writes")) return false;
  } else {
    more = "',', '{' or ";
  }
  scenario_->declarations.emplace_back(std::move(peer));
  return EndOfDeclaration(more);
}

bool Parser::ParseSupervisor(const Token& keyword) {
  Supervisor supervisor;
  supervisor.where = keyword.where;
  if (!Name(&supervisor.name, "a name for the supervisor")) return false;
  if (AtPunctuation("[")) {
    if (!Open("[") || !Number(&supervisor.threads, "the number of threads") || !Close("]")) {
      return false;
    }
  } else if (!AtPunctuation("{") && !AtWord("shares")) {
    return Fail("'[', 'shares looks' or '{'", {"shares"});
  }
  if (TakeWord("shares")) {
    supervisor.shares_looks = true;
    if (!Word("looks")) return false;
    if (TakeWord("with") && !Name(&supervisor.looks_with, "the name of a supervisor")) return false;
  }
  if (!Open("{")) return false;
  SkipSeparators();
  const Token next = AfterNext();
  if (AtWord("anything") && next.raw != "(" && next.raw != "=" && next.raw != "[") {
    if (!ParseAnything(&supervisor)) return false;
  } else if (AtWord("policy") && next.raw == ":") {
    if (!ParsePolicy(&supervisor)) return false;
  } else if (token().kind == Token::Kind::kName && next.raw == ":") {
    return Fail("'policy:' or a statement", {"policy"});
  } else if ((AtWord("allow") || AtWord("on")) && next.kind == Token::Kind::kName) {
    return Fail("'policy:' before the first rule");
  } else if (!ParseStatements(&supervisor.body)) {
    return false;
  }
  scenario_->declarations.emplace_back(std::move(supervisor));
  return EndOfDeclaration();
}

bool Parser::ParseAnything(Supervisor* supervisor) {
  Advance();
  supervisor->anything = true;
  if (TakeWord("but")) {
    do {
      if (!ParseNameAtom(&supervisor->but.emplace_back(), "the name of an ioctl")) return false;
    } while (TakePunctuation(","));
    if (!EndOfItem("',', ")) return false;
  } else if (!EndOfItem("'but', ", {"but"})) {
    return false;
  }
  SkipSeparators();
  return Close("}");
}

bool Parser::ParsePolicy(Supervisor* supervisor) {
  for (; !AtPunctuation("}"); SkipSeparators()) {
    const bool again = TakeWord("policy");
    if (again) {
      if (!Punctuation(":")) return false;
      SkipNewlines();
    }
    if (AtWord("allow")) {
      if (!ParseRule(&supervisor->policy.emplace_back())) return false;
    } else if (again) {
      return Fail("'allow'", {"allow"});
    } else if (AtWord("on")) {
      if (!ParseReaction(&supervisor->reactions.emplace_back())) return false;
    } else if (AtWord("in") && !supervisor->in_any_order) {
      Advance();
      supervisor->in_any_order = true;
      if (!Word("any") || !Word("order") || !EndOfItem("")) return false;
    } else {
      return Fail("'allow', 'on', 'in any order' or '}'", {"allow", "on", "in", "policy"});
    }
  }
  return Close("}");
}

bool Parser::ParseRule(Rule* rule) {
  rule->where = Advance().where;
  if (!Name(&rule->call, "the name of a call")) return false;
  SkipNewlines();
  if (TakeWord("if")) {
    do {
      std::vector<Condition>& conditions = rule->alternatives.emplace_back();
      do {
        if (!ParseCondition(&conditions.emplace_back())) return false;
        SkipNewlines();
      } while (TakeWord("and"));
    } while (TakeWord("or"));
  }
  if (!TakePunctuation(",")) {
    const bool any = !rule->alternatives.empty();
    return any ? Fail("'and', 'or' or ', else ERRNO'", {"and", "or"})
               : Fail("'if' or ', else ERRNO'", {"if"});
  }
  return Word("else") && ParseNameAtom(&rule->otherwise, "the name of an errno") && EndOfItem("");
}

bool Parser::ParseCondition(Condition* condition) {
  SkipNewlines();
  condition->where = token().where;
  if (!Name(&condition->role, "the name of an argument")) return false;
  if (TakePunctuation("!=")) {
    condition->test = Condition::Test::kNotEqual;
  } else if (!AtPunctuation("==")) {
    return Fail("'==' or '!='");
  } else {
    Advance();
  }
  SkipNewlines();
  if (condition->test == Condition::Test::kEqual && TakeWord("any")) {
    condition->test = Condition::Test::kAny;
    return true;
  }
  if (!AtPunctuation("[")) return String(&condition->values.emplace_back());
  condition->table = true;
  if (!Open("[")) return false;
  do {
    if (!String(&condition->values.emplace_back())) return false;
    SkipNewlines();
  } while (TakePunctuation(","));
  return AtPunctuation("]") ? Close("]") : Fail("',' or ']'");
}

bool Parser::ParseReaction(Reaction* reaction) {
  reaction->where = Advance().where;
  if (!Name(&reaction->error, "the name of an errno") || !Punctuation(":")) return false;
  while (token().kind == Token::Kind::kName || token().kind == Token::Kind::kNumber) {
    absl::StrAppend(&reaction->action, reaction->action.empty() ? "" : " ", Advance().raw);
  }
  if (reaction->action.empty()) return Fail("what to do about the errno, in words");
  return EndOfItem("a word, ");
}

bool Parser::ParseSignals(const Token& keyword) {
  Signals signals;
  signals.where = keyword.where;
  if (!Word("to") || !Name(&signals.to, "the name of a task") || !Punctuation(":")) return false;
  signals.any = TakeWord("any");
  if (!signals.any && !Number(&signals.count, "the number of signals, or 'any'")) return false;
  if (!Punctuation(",")) return false;
  absl::string_view more = "";
  std::vector<std::string> words;
  if (TakeWord("ignored")) {
    signals.disposition = Signals::Disposition::kIgnored;
  } else if (TakeWord("fatal")) {
    signals.disposition = Signals::Disposition::kFatal;
  } else if (TakeWord("handler")) {
    const bool restarts = TakeWord("restarts");
    signals.disposition =
        restarts ? Signals::Disposition::kHandlerRestarts : Signals::Disposition::kHandler;
    if (AtPunctuation("{")) {
      if (!ParseBody(&signals.handler)) return false;
    } else {
      more = restarts ? "'{' or " : "'restarts', '{' or ";
      words = {"restarts"};
    }
  } else {
    return Fail("'ignored', 'handler' or 'fatal'", {"ignored", "handler", "fatal"});
  }
  scenario_->declarations.emplace_back(std::move(signals));
  return EndOfDeclaration(more, words);
}

bool Parser::ParseFilter(const Token& keyword) {
  Setting setting;
  setting.where = keyword.where;
  setting.key = "filter";
  if (!Name(&setting.name, "the name of a filter flag")) return false;
  scenario_->declarations.emplace_back(std::move(setting));
  return EndOfDeclaration();
}

bool Parser::ParseAllocation(const Token& keyword) {
  Setting setting;
  setting.where = keyword.where;
  setting.key = "allocation failures";
  if (!Word("failures") || !Punctuation(":") ||
      !Number(&setting.number, "the number of failures")) {
    return false;
  }
  scenario_->declarations.emplace_back(std::move(setting));
  return EndOfDeclaration();
}

bool Parser::ParseListener(const Token& keyword) {
  Setting setting;
  setting.where = keyword.where;
  setting.key = "listener closes";
  if (!Word("closes")) return false;
  scenario_->declarations.emplace_back(std::move(setting));
  return EndOfDeclaration();
}

bool Parser::ParseRlimit(const Token& keyword) {
  Setting setting;
  setting.where = keyword.where;
  setting.key = "rlimit";
  if (!Name(&setting.name, "the name of a task") || !Punctuation(":") ||
      !Number(&setting.number, "the limit, a number")) {
    return false;
  }
  scenario_->declarations.emplace_back(std::move(setting));
  return EndOfDeclaration();
}

bool Parser::ParseAsk(const Token& keyword) {
  Ask ask;
  ask.where = keyword.where;
  ask.never = keyword.raw == "never";
  do {
    Atom& property = ask.properties.emplace_back();
    property.where = token().where;
    if (!PropertyName(&property.text, "a property's name")) return false;
  } while (TakePunctuation(","));
  scenario_->declarations.emplace_back(std::move(ask));
  return EndOfDeclaration("',' or ");
}

bool Parser::ParseBody(std::vector<Statement>* body) { return Open("{") && ParseStatements(body); }

bool Parser::ParseStatements(std::vector<Statement>* body) {
  for (SkipSeparators(); !AtPunctuation("}"); SkipSeparators()) {
    if (++statements_ > kMaxStatements) {
      return FailWith(token().where, absl::StrCat("found more than ", kMaxStatements,
                                                  " statements, expected at most that many"));
    }
    if (!ParseStatement(&body->emplace_back())) return false;
  }
  return Close("}");
}

bool Parser::ParseStatement(Statement* statement) {
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
    if (++statements_ > kMaxStatements) {
      return FailWith(token().where, absl::StrCat("found more than ", kMaxStatements,
                                                  " statements, expected at most that many"));
    }
    const Token next = AfterNext();
    if (AtWord("any") && next.raw == "of") return Fail("a call, a store or 'nothing'");
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

}  // namespace

absl::StatusOr<Scenario> Parse(absl::string_view text, absl::string_view file) {
  Scenario scenario;
  scenario.file = std::string(file);
  if (text.size() > kMaxScenarioBytes) {
    return ErrorAt(
        scenario.file, {1, 1},
        absl::StrCat("found ", text.size(), " bytes, expected at most ", kMaxScenarioBytes));
  }
  size_t end = 0;
  Location end_where;
  absl::Status status = ReadHeader(text, file, &scenario.header, &end, &end_where);
  if (!status.ok()) return status;
  status = Parser(file, Lexer(text.substr(end), end_where), &scenario).Run();
  if (!status.ok()) return status;
  return scenario;
}

absl::Status ErrorAt(const std::string& file, Location where, absl::string_view message) {
  if (where.line == 0) return absl::InvalidArgumentError(absl::StrCat(file, ": ", message));
  return absl::InvalidArgumentError(
      absl::StrCat(file, ":", where.line, ":", where.column, ": ", message));
}

}  // namespace knotcheck::lang
