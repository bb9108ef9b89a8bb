// SPDX-License-Identifier: Apache-2.0
//
// A scenario as it was written: what the parser gives and the printer takes. Nothing here knows
// what a call does; lang/compile.h gives the names their meaning.

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace knotcheck::lang {

// A place in the scenario's text; both count from 1. Zero: no place (made by a program).
struct Location {
  int line = 0;
  int column = 0;
  // Scenarios are compared by content; where a thing stood does not matter.
  friend bool operator==(const Location&, const Location&) { return true; }
};

// One claim of the "# result:" header, as in baseline=violated(toctou, progress).
struct Claim {
  enum class Kind : uint8_t { kHolds, kViolated, kUnknown };  // kUnknown is written '?'
  std::string operand;  // as it was written; see model/operand.h
  Kind kind = Kind::kUnknown;
  std::vector<std::string> properties;  // of kViolated, at least one
  Location where;
  friend bool operator==(const Claim&, const Claim&) = default;
};

// The comment lines "# key: value" before the first declaration.
struct Header {
  std::string name;
  std::string question;
  std::string source;
  std::vector<Claim> results;
  // The reasoning behind the results; one entry a line.
  std::vector<std::string> why;
  friend bool operator==(const Header&, const Header&) = default;
};

struct Atom {
  enum class Kind : uint8_t { kName, kNumber, kString };
  Kind kind = Kind::kName;
  std::string text;    // of kName and kString (without quotes, escapes resolved)
  int64_t number = 0;  // of kNumber
  // Of kName: bytes behind its beginning, as in path+8. No address has less than none.
  int64_t offset = 0;
  Location where;
  friend bool operator==(const Atom&, const Atom&) = default;
};

// An argument of a call: atoms side by side ("cstring 4096 entries 8"), or joined by '|'
// (O_WRONLY|O_CREAT), with an index before it in "1: cstring 4096"; or any(a, b), any of these.
struct Arg {
  std::optional<int64_t> index;
  std::vector<Atom> atoms;
  bool joined = false;  // by '|'
  bool any = false;     // without an index, not joined
  Location where;
  friend bool operator==(const Arg&, const Arg&) = default;
};

// [variable =] function(args) [== expected] [uses value]
struct Call {
  std::string variable;
  std::string function;
  std::vector<Arg> args;
  std::optional<Atom> expected;  // a number, or the name of an errno
  std::optional<Atom> uses;      // a string: what the call must have acted on
  Location where;
  friend bool operator==(const Call&, const Call&) = default;
};

// object = value, or object[index] = value: a user-memory store.
struct Store {
  std::string object;
  std::optional<int64_t> index;
  Atom value;
  Location where;
  friend bool operator==(const Store&, const Store&) = default;
};

// nothing: within any of { ... } only
struct Nothing {
  Location where;
  friend bool operator==(const Nothing&, const Nothing&) = default;
};

// any of { a; b; nothing }: one of these, whichever it be
struct AnyOf {
  std::vector<std::variant<Call, Store, Nothing>> alternatives;  // at least one
  Location where;
  friend bool operator==(const AnyOf&, const AnyOf&) = default;
};

struct If;
struct Loop;

// leave: goes on behind the innermost loop
struct Leave {
  Location where;
  friend bool operator==(const Leave&, const Leave&) = default;
};

using Statement = std::variant<Call, Store, AnyOf, If, Loop, Leave>;

// What an if asks: result == ENOENT, result != 3, n is openat
struct BranchTest {
  enum class Kind : uint8_t { kResult, kCall };
  Kind kind = Kind::kResult;
  bool negated = false;  // !=, of kResult
  std::string variable;  // of kCall: a notification
  Atom value;            // a number or the name of an errno; of kCall the name of a call
  Location where;
  friend bool operator==(const BranchTest&, const BranchTest&) = default;
};

// if test { ... } [else { ... }], where else { if ... } is written else if ...
struct If {
  BranchTest test;
  std::vector<Statement> then;
  std::vector<Statement> otherwise;
  Location where;
  friend bool operator==(const If& a, const If& b);
};

// loop { ... }
struct Loop {
  std::vector<Statement> body;
  Location where;
  friend bool operator==(const Loop& a, const Loop& b);
};

inline bool operator==(const If& a, const If& b) {
  return a.test == b.test && a.then == b.then && a.otherwise == b.otherwise;
}
inline bool operator==(const Loop& a, const Loop& b) { return a.body == b.body; }

// memory name = "a" | "b"                      kString: NUL-terminated
// memory name = bytes "PINNED" | "MUTATE"      kBytes: all alternatives of one length
// memory name = [s1 | s2, NULL]                kPointers: a table, each entry with alternatives
// ... | unmapped                               whoever stores there may unmap it as well
// shared memory name = ...                     MAP_SHARED: the same in all address spaces
struct Memory {
  enum class Kind : uint8_t { kString, kBytes, kPointers };
  std::string name;
  Kind kind = Kind::kString;
  std::vector<Atom> alternatives;          // of kString and kBytes
  std::vector<std::vector<Atom>> entries;  // of kPointers: names of objects, or NULL
  bool may_be_unmapped = false;
  bool shared = false;
  Location where;
  friend bool operator==(const Memory&, const Memory&) = default;
};

// program "/bin/x" { name = "text" }    what is at the address of a memory once a task has executed
// that file; nothing is where it names none
struct ProgramImage {
  Atom path;
  std::vector<std::pair<Atom, Atom>> memory;
  Location where;
  friend bool operator==(const ProgramImage&, const ProgramImage&) = default;
};

// target T { ... }        a task with its own memory, files and this filter
// thread U of T { ... }   shares memory and files with T from the start
// child C of T { ... }    starts when T calls fork(C) or clone(C)
struct Task {
  enum class Kind : uint8_t { kTarget, kThread, kChild };
  Kind kind = Kind::kTarget;
  std::string name;
  std::string of;  // of kThread and kChild
  std::vector<Statement> body;
  Location where;
  friend bool operator==(const Task&, const Task&) = default;
};

// peer P shares memory with T                the most general peer
// peer P shares memory with T, writes 2      any two writes, each at any time
// peer P shares memory with T { ... }        exactly these statements
// peer P shares files with T { ... }         the same for the descriptor table
struct Peer {
  enum class Kind : uint8_t { kGeneral, kWrites, kScript };
  enum class Shares : uint8_t { kMemory, kFiles };
  Kind kind = Kind::kGeneral;
  Shares shares = Shares::kMemory;
  std::string name;
  std::string with;
  int64_t writes = 0;  // of kWrites
  std::vector<Statement> body;
  Location where;
  friend bool operator==(const Peer&, const Peer&) = default;
};

// role == "value", or role == ["a", "b"] for a table of strings; != for any other; role == any for
// whatever it is.
struct Condition {
  enum class Test : uint8_t { kEqual, kNotEqual, kAny };
  std::string role;
  Test test = Test::kEqual;
  bool table = false;
  std::vector<Atom> values;  // one unless `table`; none of kAny
  Location where;
  friend bool operator==(const Condition&, const Condition&) = default;
};

// allow call [if condition [and condition]... [or condition [and condition]...]...], else errno
struct Rule {
  std::string call;
  // One of these, each met as a whole; none: always.
  std::vector<std::vector<Condition>> alternatives;
  Atom otherwise;  // the name of an errno
  Location where;
  friend bool operator==(const Rule&, const Rule&) = default;
};

// on EEXIST: reaction
struct Reaction {
  std::string error;
  std::string action;
  Location where;
  friend bool operator==(const Reaction&, const Reaction&) = default;
};

// supervisor S { policy: ... }, supervisor S[2] { policy: ... }, supervisor S { statements }
// supervisor S { policy: ...; in any order }      follows it, and is free otherwise
// supervisor S { anything [but call, call...] }   every ioctl that there is, for ever
// supervisor S[2] shares looks { statements }     its threads know what each has seen
// supervisor R shares looks with S { statements } ... and so do R and S
struct Supervisor {
  std::string name;
  int64_t threads = 1;
  std::vector<Rule> policy;  // empty: a script, or anything
  bool in_any_order = false;
  bool shares_looks = false;
  std::string looks_with;  // of shares_looks: another supervisor; empty: its own threads
  bool anything = false;
  std::vector<Atom> but;
  std::vector<Reaction> reactions;
  std::vector<Statement> body;
  Location where;
  friend bool operator==(const Supervisor&, const Supervisor&) = default;
};

// signals to T: 2, ignored | handler | handler restarts | fatal [{ statements }]
// signals to S: any, handler        as often as there is something to interrupt
struct Signals {
  enum class Disposition : uint8_t { kIgnored, kHandler, kHandlerRestarts, kFatal };
  std::string to;
  int64_t count = 1;  // 1 if `any`
  bool any = false;
  Disposition disposition = Disposition::kHandler;
  std::vector<Statement> handler;
  Location where;
  friend bool operator==(const Signals&, const Signals&) = default;
};

// filter wait_killable   |   allocation failures: 1   |   listener closes   |   rlimit T: 4
struct Setting {
  std::string key;   // "filter", "allocation failures", "listener closes", "rlimit"
  std::string name;  // of "filter" (the flag) and "rlimit" (the task)
  int64_t number = 0;
  Location where;
  friend bool operator==(const Setting&, const Setting&) = default;
};

// never toctou, no-leak   |   sometimes approved-fetch
struct Ask {
  bool never = true;
  std::vector<Atom> properties;
  Location where;
  friend bool operator==(const Ask&, const Ask&) = default;
};

using Declaration =
    std::variant<Memory, ProgramImage, Task, Peer, Supervisor, Signals, Setting, Ask>;

struct Scenario {
  std::string file;  // for messages
  Header header;
  std::vector<Declaration> declarations;  // in the order of the text
  friend bool operator==(const Scenario& a, const Scenario& b) {
    return a.header == b.header && a.declarations == b.declarations;
  }
};

}  // namespace knotcheck::lang
