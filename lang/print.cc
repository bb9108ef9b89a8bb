// SPDX-License-Identifier: Apache-2.0

#include <string>
#include <variant>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "lang/parse.h"

namespace knotcheck::lang {
namespace {

std::string QuotedString(absl::string_view text) {
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      absl::StrAppend(&quoted, "\\", absl::string_view(&c, 1));
    } else if (c == '\n') {
      absl::StrAppend(&quoted, "\\n");
    } else if (c == '\0') {
      absl::StrAppend(&quoted, "\\0");
    } else if (absl::ascii_isprint(c)) {
      quoted.push_back(c);
    } else {
      absl::StrAppend(&quoted, "\\x", absl::Hex(static_cast<unsigned char>(c), absl::kZeroPad2));
    }
  }
  quoted.push_back('"');
  return quoted;
}

std::string Text(const Atom& atom) {
  switch (atom.kind) {
    case Atom::Kind::kName:
      return atom.offset == 0 ? atom.text : absl::StrCat(atom.text, "+", atom.offset);
    case Atom::Kind::kNumber:
      return absl::StrCat(atom.number);
    case Atom::Kind::kString:
      return QuotedString(atom.text);
  }
  return "";
}

std::string Joined(const std::vector<Atom>& atoms, absl::string_view separator) {
  return absl::StrJoin(atoms, separator,
                       [](std::string* out, const Atom& atom) { *out += Text(atom); });
}

std::string Text(const Arg& arg) {
  if (arg.any) return absl::StrCat("any(", Joined(arg.atoms, ", "), ")");
  return absl::StrCat(arg.index.has_value() ? absl::StrCat(*arg.index, ": ") : "",
                      Joined(arg.atoms, arg.joined ? "|" : " "));
}

std::string Text(const Call& call) {
  std::string text = call.variable.empty() ? "" : absl::StrCat(call.variable, " = ");
  absl::StrAppend(
      &text, call.function, "(",
      absl::StrJoin(call.args, ", ", [](std::string* out, const Arg& arg) { *out += Text(arg); }),
      ")");
  if (call.expected.has_value()) absl::StrAppend(&text, " == ", Text(*call.expected));
  if (call.uses.has_value()) absl::StrAppend(&text, " uses ", Text(*call.uses));
  return text;
}

std::string Text(const Store& store) {
  return absl::StrCat(store.object,
                      store.index.has_value() ? absl::StrCat("[", *store.index, "]") : "", " = ",
                      Text(store.value));
}

std::string Text(const Nothing&) { return "nothing"; }

std::string Text(const AnyOf& any) {
  return absl::StrCat("any of { ",
                      absl::StrJoin(any.alternatives, "; ",
                                    [](std::string* out, const auto& alternative) {
                                      *out += std::visit([](const auto& a) { return Text(a); },
                                                         alternative);
                                    }),
                      " }");
}

// `lines` in braces: on this line if it is one, else each on its own.
std::string Braces(const std::vector<std::string>& lines) {
  if (lines.empty()) return "{}";
  if (lines.size() == 1 && !absl::StrContains(lines[0], '\n')) {
    return absl::StrCat("{ ", lines[0], " }");
  }
  const std::string text = absl::StrJoin(lines, "\n");
  return absl::StrCat("{\n  ", absl::StrReplaceAll(text, {{"\n", "\n  "}}), "\n}");
}

std::string Text(const If& branch);
std::string Text(const Loop& loop);
std::string Text(const Leave&) { return "leave"; }

std::string Body(const std::vector<Statement>& statements) {
  std::vector<std::string> lines;
  lines.reserve(statements.size());
  for (const Statement& statement : statements) {
    lines.push_back(std::visit([](const auto& s) { return Text(s); }, statement));
  }
  return Braces(lines);
}

std::string Text(const BranchTest& test) {
  if (test.kind == BranchTest::Kind::kCall)
    return absl::StrCat(test.variable, " is ", Text(test.value));
  return absl::StrCat("result ", test.negated ? "!= " : "== ", Text(test.value));
}

std::string Text(const If& branch) {
  std::string text = absl::StrCat("if ", Text(branch.test), " ", Body(branch.then));
  if (branch.otherwise.empty()) return text;
  const auto* other =
      branch.otherwise.size() == 1 ? std::get_if<If>(&branch.otherwise[0]) : nullptr;
  return absl::StrCat(text, " else ", other != nullptr ? Text(*other) : Body(branch.otherwise));
}

std::string Text(const Loop& loop) { return absl::StrCat("loop ", Body(loop.body)); }

std::string Text(const Memory& memory) {
  const std::string head =
      absl::StrCat(memory.shared ? "shared " : "", "memory ", memory.name, " = ");
  const std::string tail = memory.may_be_unmapped ? " | unmapped" : "";
  switch (memory.kind) {
    case Memory::Kind::kString:
      return absl::StrCat(head, Joined(memory.alternatives, " | "), tail);
    case Memory::Kind::kBytes:
      return absl::StrCat(head, "bytes ", Joined(memory.alternatives, " | "), tail);
    case Memory::Kind::kPointers:
      break;
  }
  return absl::StrCat(head, "[",
                      absl::StrJoin(memory.entries, ", ",
                                    [](std::string* out, const std::vector<Atom>& entry) {
                                      *out += Joined(entry, " | ");
                                    }),
                      "]", tail);
}

std::string Text(const ProgramImage& image) {
  std::vector<std::string> lines;
  for (const auto& [name, text] : image.memory) {
    lines.push_back(absl::StrCat(Text(name), " = ", Text(text)));
  }
  return absl::StrCat("program ", Text(image.path), " ", Braces(lines));
}

std::string Text(const Task& task) {
  switch (task.kind) {
    case Task::Kind::kTarget:
      return absl::StrCat("target ", task.name, " ", Body(task.body));
    case Task::Kind::kThread:
      return absl::StrCat("thread ", task.name, " of ", task.of, " ", Body(task.body));
    case Task::Kind::kChild:
      break;
  }
  return absl::StrCat("child ", task.name, " of ", task.of, " ", Body(task.body));
}

std::string Text(const Peer& peer) {
  std::string head =
      absl::StrCat("peer ", peer.name, " shares ",
                   peer.shares == Peer::Shares::kMemory ? "memory" : "files", " with ", peer.with);
  switch (peer.kind) {
    case Peer::Kind::kGeneral:
      return head;
    case Peer::Kind::kWrites:
      return absl::StrCat(head, ", writes ", peer.writes);
    case Peer::Kind::kScript:
      break;
  }
  return absl::StrCat(head, " ", Body(peer.body));
}

std::string Text(const Condition& condition) {
  const std::string values = Joined(condition.values, ", ");
  if (condition.test == Condition::Test::kAny) return absl::StrCat(condition.role, " == any");
  return absl::StrCat(condition.role, condition.test == Condition::Test::kEqual ? " == " : " != ",
                      condition.table ? absl::StrCat("[", values, "]") : values);
}

std::string Text(const Rule& rule) {
  std::string text = absl::StrCat("allow ", rule.call);
  absl::string_view joint = " if ";
  for (const auto& conditions : rule.alternatives) {
    for (const Condition& condition : conditions) {
      absl::StrAppend(&text, joint, Text(condition));
      joint = " and ";
    }
    joint = " or ";
  }
  return absl::StrCat(text, ", else ", Text(rule.otherwise));
}

std::string Text(const Supervisor& supervisor) {
  const std::string head = absl::StrCat(
      "supervisor ", supervisor.name,
      supervisor.threads == 1 ? "" : absl::StrCat("[", supervisor.threads, "]"),
      supervisor.shares_looks ? " shares looks" : "",
      supervisor.looks_with.empty() ? "" : absl::StrCat(" with ", supervisor.looks_with), " ");
  if (supervisor.anything) {
    return absl::StrCat(head, "{ anything", supervisor.but.empty() ? "" : " but ",
                        Joined(supervisor.but, ", "), " }");
  }
  if (supervisor.policy.empty()) return absl::StrCat(head, Body(supervisor.body));

  std::vector<std::string> lines;
  if (supervisor.policy.size() == 1) {
    lines.push_back(absl::StrCat("policy: ", Text(supervisor.policy[0])));
  } else {
    lines.emplace_back("policy:");
    for (const Rule& rule : supervisor.policy) lines.push_back(absl::StrCat("  ", Text(rule)));
  }
  for (const Reaction& reaction : supervisor.reactions) {
    lines.push_back(absl::StrCat("on ", reaction.error, ": ", reaction.action));
  }
  if (supervisor.in_any_order) lines.emplace_back("in any order");
  return absl::StrCat(head, Braces(lines));
}

std::string Text(const Signals& signals) {
  std::string text = absl::StrCat("signals to ", signals.to, ": ",
                                  signals.any ? "any" : absl::StrCat(signals.count), ", ");
  switch (signals.disposition) {
    case Signals::Disposition::kIgnored:
      text += "ignored";
      break;
    case Signals::Disposition::kHandler:
      text += "handler";
      break;
    case Signals::Disposition::kHandlerRestarts:
      text += "handler restarts";
      break;
    case Signals::Disposition::kFatal:
      text += "fatal";
      break;
  }
  if (!signals.handler.empty()) absl::StrAppend(&text, " ", Body(signals.handler));
  return text;
}

std::string Text(const Setting& setting) {
  if (setting.key == "filter") return absl::StrCat("filter ", setting.name);
  if (setting.key == "listener closes") return setting.key;
  if (setting.key == "rlimit") return absl::StrCat("rlimit ", setting.name, ": ", setting.number);
  return absl::StrCat(setting.key, ": ", setting.number);
}

std::string Text(const Ask& ask) {
  return absl::StrCat(ask.never ? "never " : "sometimes ", Joined(ask.properties, ", "));
}

std::string Text(const Claim& claim) {
  switch (claim.kind) {
    case Claim::Kind::kHolds:
      return absl::StrCat(claim.operand, "=holds");
    case Claim::Kind::kViolated:
      return absl::StrCat(claim.operand, "=violated(", absl::StrJoin(claim.properties, ", "), ")");
    case Claim::Kind::kUnknown:
      break;
  }
  return absl::StrCat(claim.operand, "=?");
}

}  // namespace

std::string Print(const Scenario& scenario) {
  const Header& header = scenario.header;
  std::string text = absl::StrCat("# name:     ", header.name, "\n# question: ", header.question,
                                  "\n# source:   ", header.source, "\n# result:   ");
  text += absl::StrJoin(header.results, "  ",
                        [](std::string* out, const Claim& claim) { *out += Text(claim); });
  for (const std::string& why : header.why) absl::StrAppend(&text, "\n# why:      ", why);
  text += "\n";
  if (!scenario.declarations.empty()) text += "\n";
  for (const Declaration& declaration : scenario.declarations) {
    absl::StrAppend(&text, std::visit([](const auto& d) { return Text(d); }, declaration), "\n");
  }
  return text;
}

}  // namespace knotcheck::lang
