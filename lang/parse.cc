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
#include "lang/parser.h"

namespace knotcheck::lang {
const std::vector<Parser::Keyword>& Parser::Keywords() {
  static const auto& kKeywords = *new std::vector<Keyword>{
      {"memory", &Parser::ParseMemory},
      {"shared", &Parser::ParseMemory},
      {"program", &Parser::ParseProgram},
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
  const std::vector<std::string> missing = MissingLines(scenario_->header);
  if (!missing.empty()) {
    Fail(absl::StrCat(missing.size() == 1 ? "the header line '" : "the header lines '",
                      absl::StrJoin(missing, "', '"), "' before it"));
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
  memory.shared = keyword.raw == "shared";
  if (memory.shared && !Word("memory")) return false;
  if (!Name(&memory.name, "a name for the memory") || !Punctuation("=")) return false;
  absl::string_view more = "'|' or ";
  if (AtPunctuation("[")) {
    memory.kind = Memory::Kind::kPointers;
    more = "";
    if (!ParsePointers(&memory.entries)) return false;
    if (TakePunctuation("|")) {
      if (!Word("unmapped")) return false;
      memory.may_be_unmapped = true;
    }
  } else if (token().kind == Token::Kind::kString || AtWord("bytes")) {
    if (TakeWord("bytes")) memory.kind = Memory::Kind::kBytes;
    if (!ParseStrings(&memory)) return false;
    if (memory.may_be_unmapped) more = "";
  } else {
    return Fail("a string in double quotes, 'bytes' or '['", {"bytes"});
  }
  scenario_->declarations.emplace_back(std::move(memory));
  return EndOfDeclaration(more);
}

bool Parser::ParseProgram(const Token& keyword) {
  ProgramImage image;
  image.where = keyword.where;
  if (!String(&image.path) || !Open("{")) return false;
  for (SkipSeparators(); !AtPunctuation("}"); SkipSeparators()) {
    auto& [name, text] = image.memory.emplace_back();
    if (!ParseNameAtom(&name, "the name of a memory or '}'") || !Punctuation("=") ||
        !String(&text) || !EndOfItem("")) {
      return false;
    }
  }
  if (!Close("}")) return false;
  scenario_->declarations.emplace_back(std::move(image));
  return EndOfDeclaration();
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

bool Parser::ParseStrings(Memory* memory) {
  do {
    if (!memory->alternatives.empty() && TakeWord("unmapped")) {
      memory->may_be_unmapped = true;
      return true;
    }
    if (!String(&memory->alternatives.emplace_back())) return false;
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
