// SPDX-License-Identifier: Apache-2.0
//
// Random scenario trees for tests: everything that can be written, whether it means anything or
// not. Words of the language turn up as names, for none of them is reserved.
//
// The functions draw plain numbers and build from them: RapidCheck shrinks these, and compilers
// take a tenth of the time that a generator for each type would cost. Call them within a property
// or rc::gen::exec.

#pragma once

#include <rapidcheck.h>

#include <cstddef>
#include <cstdint>
#include <ostream>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "lang/ast.h"
#include "lang/parse.h"

namespace knotcheck::lang {

// RapidCheck shows a failing scenario as its text.
inline void showValue(const Scenario& scenario, std::ostream& os) { os << "\n" << Print(scenario); }

namespace generate {

// 0 to count - 1, all alike at every size of RapidCheck's; shrinks towards 0.
inline int Pick(int count) {
  return *rc::gen::resize(rc::kNominalSize, rc::gen::inRange(0, count));
}

inline bool OneIn(int count) { return Pick(count) == count - 1; }

inline std::string OneOf(const std::vector<const char*>& words) {
  return words[static_cast<size_t>(Pick(static_cast<int>(words.size())))];
}

// Of `least` to `most` things that `make` returns.
template <typename Make>
auto Some(int least, int most, Make make) {
  std::vector<decltype(make())> things;
  for (int left = least + Pick(most - least + 1); left > 0; --left) things.push_back(make());
  return things;
}

inline std::string Word(absl::string_view first, absl::string_view later) {
  std::string word(1, first[static_cast<size_t>(Pick(static_cast<int>(first.size())))]);
  for (int left = Pick(8); left > 0; --left) {
    word += later[static_cast<size_t>(Pick(static_cast<int>(later.size())))];
  }
  return word;
}

inline std::string Name() {
  switch (Pick(5)) {
    case 4:
      return Word("abcxyzABCXYZ_", "abcxyzABCXYZ_0123456789");
    case 3:
      return OneOf(
          {"memory",   "target",  "thread",   "child",    "peer",      "supervisor", "filter",
           "signals",  "rlimit",  "listener", "never",    "sometimes", "to",         "of",
           "shares",   "files",   "with",     "writes",   "bytes",     "NULL",       "policy",
           "allow",    "if",      "and",      "else",     "on",        "uses",       "handler",
           "restarts", "ignored", "fatal",    "failures", "closes",    "holds",      "allocation",
           "violated", "any",     "anything", "but",      "nothing",   "in",         "order",
           "program",  "loop",    "leave",    "result",   "is",        "shared",     "unmapped"});
    default:
      return OneOf({"T", "P", "S", "path", "fd", "openat"});
  }
}

inline std::string PropertyName() {
  if (OneIn(3)) return Word("abcz", "abcz019_-");
  return OneOf({"toctou", "no-leak", "pin_args", "holds", "violated", "x--1-"});
}

inline int64_t Number() {
  constexpr int64_t kEdges[] = {INT64_MIN, INT64_MAX, INT64_MIN + 1, 4096, 1 << 20, 1000000007};
  if (OneIn(3)) return kEdges[Pick(6)];
  return Pick(20) - 9;
}

inline Atom NameAtom() {
  Atom atom;
  atom.text = Name();
  return atom;
}

inline Atom NumberAtom() {
  Atom atom;
  atom.kind = Atom::Kind::kNumber;
  atom.number = Number();
  return atom;
}

// Any bytes.
inline Atom StringAtom() {
  constexpr absl::string_view kLikely = "/okev \\\"#{};x0n'\n\t|";
  Atom atom;
  atom.kind = Atom::Kind::kString;
  for (int left = Pick(8); left > 0; --left) {
    atom.text += OneIn(3) ? static_cast<char>(Pick(256))
                          : kLikely[static_cast<size_t>(Pick(static_cast<int>(kLikely.size())))];
  }
  return atom;
}

inline Atom AnyAtom() {
  switch (Pick(3)) {
    case 0:
      return NameAtom();
    case 1:
      return NumberAtom();
    default:
      return StringAtom();
  }
}

// ... of an argument: a name may have an offset.
inline Atom AnyOperand() {
  Atom atom = AnyAtom();
  if (atom.kind == Atom::Kind::kName && OneIn(4)) atom.offset = 1 + Pick(100);
  return atom;
}

inline Arg AnyArg() {
  Arg arg;
  if (OneIn(6)) {
    arg.any = true;
    arg.atoms = Some(1, 3, AnyOperand);
    return arg;
  }
  if (OneIn(4)) arg.index = Number();
  arg.atoms = Some(1, 3, AnyOperand);
  arg.joined = arg.atoms.size() > 1 && OneIn(2);
  return arg;
}

inline Store AnyStore() {
  Store store;
  store.object = Name();
  if (OneIn(2)) store.index = Number();
  store.value = AnyOperand();
  return store;
}

inline Call AnyCall() {
  Call call;
  if (OneIn(2)) call.variable = Name();
  call.function = Name();
  call.args = Some(0, 3, AnyArg);
  if (OneIn(3)) call.expected = OneIn(2) ? NumberAtom() : NameAtom();
  if (OneIn(3)) call.uses = StringAtom();
  return call;
}

inline AnyOf AnyChoice() {
  AnyOf any;
  for (int left = 1 + Pick(3); left > 0; --left) {
    switch (Pick(3)) {
      case 0:
        any.alternatives.emplace_back(Nothing{});
        break;
      case 1:
        any.alternatives.emplace_back(AnyStore());
        break;
      default:
        any.alternatives.emplace_back(AnyCall());
    }
  }
  return any;
}

inline BranchTest AnyTest() {
  BranchTest test;
  if (OneIn(3)) {
    test.kind = BranchTest::Kind::kCall;
    test.variable = Name();
    test.value = NameAtom();
    return test;
  }
  test.negated = OneIn(3);
  test.value = OneIn(2) ? NumberAtom() : NameAtom();
  return test;
}

// `deeper`: how many more blocks may stand within each other.
inline std::vector<Statement> AnyBody(int deeper = 3);

inline Statement AnyStatement(int deeper) {
  switch (Pick(deeper > 0 ? 8 : 5)) {
    case 7: {
      If branch;
      branch.test = AnyTest();
      branch.then = AnyBody(deeper - 1);
      branch.otherwise = AnyBody(deeper - 1);
      return branch;
    }
    case 6: {
      Loop loop;
      loop.body = AnyBody(deeper - 1);
      return loop;
    }
    case 5:
      return Leave();
    case 4:
      return AnyChoice();
    case 3:
      return AnyStore();
    default:
      return AnyCall();
  }
}

inline std::vector<Statement> AnyBody(int deeper) {
  return Some(0, 3, [deeper] { return AnyStatement(deeper); });
}

inline Memory AnyMemory() {
  constexpr Memory::Kind kKinds[] = {Memory::Kind::kString, Memory::Kind::kBytes,
                                     Memory::Kind::kPointers};
  Memory memory;
  memory.name = Name();
  memory.kind = kKinds[Pick(3)];
  if (memory.kind == Memory::Kind::kPointers) {
    memory.entries = Some(1, 3, [] { return Some(1, 3, NameAtom); });
  } else {
    memory.alternatives = Some(1, 3, StringAtom);
  }
  memory.may_be_unmapped = OneIn(3);
  memory.shared = OneIn(3);
  return memory;
}

inline ProgramImage AnyProgram() {
  ProgramImage image;
  image.path = StringAtom();
  image.memory = Some(0, 3, [] { return std::pair(NameAtom(), StringAtom()); });
  return image;
}

inline Task AnyTask() {
  constexpr Task::Kind kKinds[] = {Task::Kind::kTarget, Task::Kind::kThread, Task::Kind::kChild};
  Task task;
  task.kind = kKinds[Pick(3)];
  task.name = Name();
  if (task.kind != Task::Kind::kTarget) task.of = Name();
  task.body = AnyBody();
  return task;
}

inline Peer AnyPeer() {
  constexpr Peer::Kind kKinds[] = {Peer::Kind::kGeneral, Peer::Kind::kWrites, Peer::Kind::kScript};
  Peer peer;
  peer.name = Name();
  peer.with = Name();
  peer.kind = kKinds[Pick(3)];
  if (peer.kind == Peer::Kind::kWrites) peer.writes = Number();
  if (peer.kind == Peer::Kind::kScript) {
    peer.shares = OneIn(2) ? Peer::Shares::kFiles : Peer::Shares::kMemory;
    peer.body = AnyBody();
  }
  return peer;
}

inline Condition AnyCondition() {
  Condition condition;
  condition.role = Name();
  if (OneIn(5)) {
    condition.test = Condition::Test::kAny;
    return condition;
  }
  if (OneIn(3)) condition.test = Condition::Test::kNotEqual;
  condition.table = OneIn(2);
  condition.values = Some(1, condition.table ? 3 : 1, StringAtom);
  return condition;
}

inline Rule AnyRule() {
  Rule rule;
  rule.call = Name();
  for (int left = Pick(3); left > 0; --left) {
    rule.alternatives.push_back(Some(1, 2, AnyCondition));
  }
  rule.otherwise = NameAtom();
  return rule;
}

inline Reaction AnyReaction() {
  Reaction reaction;
  reaction.error = Name();
  reaction.action = Name();
  for (int left = Pick(3); left > 0; --left) {
    reaction.action += " " + (OneIn(2) ? PropertyName() : Name());
  }
  return reaction;
}

inline Supervisor AnySupervisor() {
  Supervisor supervisor;
  supervisor.name = Name();
  if (OneIn(2)) supervisor.threads = Number();
  if (OneIn(4)) {
    supervisor.shares_looks = true;
    if (OneIn(2)) supervisor.looks_with = Name();
  }
  if (OneIn(3)) {
    supervisor.body = AnyBody();
  } else if (OneIn(4)) {
    supervisor.anything = true;
    supervisor.but = Some(0, 2, NameAtom);
  } else {
    supervisor.in_any_order = OneIn(3);
    supervisor.policy = Some(1, 3, AnyRule);
    supervisor.reactions = Some(0, 2, AnyReaction);
  }
  return supervisor;
}

inline Signals AnySignals() {
  using Disposition = Signals::Disposition;
  constexpr Disposition kDispositions[] = {Disposition::kIgnored, Disposition::kFatal,
                                           Disposition::kHandler, Disposition::kHandlerRestarts};
  Signals signals;
  signals.to = Name();
  signals.any = OneIn(4);
  if (!signals.any) signals.count = Number();
  const int which = Pick(4);
  signals.disposition = kDispositions[which];
  if (which >= 2) signals.handler = AnyBody();
  return signals;
}

inline Setting AnySetting() {
  Setting setting;
  setting.key = OneOf({"filter", "allocation failures", "listener closes", "rlimit"});
  if (setting.key == "filter" || setting.key == "rlimit") setting.name = Name();
  if (setting.key == "allocation failures" || setting.key == "rlimit") setting.number = Number();
  return setting;
}

inline Ask AnyAsk() {
  Ask ask;
  ask.never = OneIn(2);
  for (int left = 1 + Pick(3); left > 0; --left) {
    ask.properties.emplace_back().text = PropertyName();
  }
  return ask;
}

inline Declaration AnyDeclaration() {
  switch (Pick(8)) {
    case 7:
      return AnyProgram();
    case 0:
      return AnyAsk();
    case 1:
      return AnyMemory();
    case 2:
      return AnyTask();
    case 3:
      return AnyPeer();
    case 4:
      return AnySupervisor();
    case 5:
      return AnySignals();
    default:
      return AnySetting();
  }
}

// Words with blanks, a tab or punctuation between them, none at the ends.
inline std::string HeaderText() {
  const auto word = [] {
    return OneIn(2) ? OneOf({"why:", "#", "name:", "CLONE_VM?", "\"", "{", "zwölf", "→"}) : Name();
  };
  std::string text = word();
  for (int left = Pick(4); left > 0; --left) text += OneOf({" ", "  ", "\t", ", "}) + word();
  return text;
}

inline Header AnyHeader() {
  constexpr Claim::Kind kKinds[] = {Claim::Kind::kUnknown, Claim::Kind::kHolds,
                                    Claim::Kind::kViolated};
  Header header;
  header.name = HeaderText();
  header.question = HeaderText();
  header.source = HeaderText();
  std::set<std::string> proposals;
  for (int left = 1 + Pick(4); left > 0; --left) {
    Claim claim;
    claim.operand =
        PropertyName() + OneOf({"", "@v1", "+a_fix", "+a+b/5.10", "/no_pollhup:x86_64"});
    claim.kind = kKinds[Pick(3)];
    if (claim.kind == Claim::Kind::kViolated) claim.properties = Some(1, 3, PropertyName);
    if (proposals.insert(claim.operand).second) header.results.push_back(claim);
  }
  header.why = Some(0, 3, HeaderText);
  return header;
}

}  // namespace generate

// A scenario that Parse may give.
inline rc::Gen<Scenario> AnyScenario() {
  return rc::gen::exec([] {
    Scenario scenario;
    scenario.header = generate::AnyHeader();
    scenario.declarations = generate::Some(0, 6, generate::AnyDeclaration);
    return scenario;
  });
}

}  // namespace knotcheck::lang
