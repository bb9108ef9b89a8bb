// SPDX-License-Identifier: Apache-2.0
//
// The compiler of scenarios, spread over compile*.cc. Internal to lang/.

#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/check.h"
#include "base/text.h"
#include "lang/ast.h"
#include "lang/compile.h"
#include "lang/parse.h"
#include "model/program.h"
#include "model/property.h"
#include "model/proposal.h"
#include "model/user/policy.h"

namespace knotcheck::lang {

using model::Nr;
using model::Object;
using model::Op;
using model::OpCode;
using model::Program;
using model::TaskInfo;
using model::Value;

inline constexpr int kMaxStringWords = 3;
inline constexpr size_t kMaxValues = 250;
inline constexpr int kMaxNotifications = 30;
inline constexpr int kMaxAddfdTasks = 2;
inline constexpr int kMaxTableWords = 4;  // of all strings of a table
inline constexpr int kDangling = -1;      // in place of an object: nothing is mapped there

// A text in quotes, unprintable bytes escaped.
std::string InDoubleQuotes(const std::string& bytes);
// An atom and a call as the scenario has them, for traces and messages.
std::string AtomText(const Atom& atom);
std::string CallText(const Call& call);

// What is known at an op of a script: lang/compile_results.cc.
struct Known;

// A script that is being compiled.
struct Script {
  // A loop's ops, from its first one to behind its last one.
  struct Loop {
    size_t begin = 0;
    size_t end = 0;
    Location where;
    std::vector<size_t> leaves;  // jumps to its end
  };
  int task = 0;
  bool supervises = false;  // and is no handler
  std::vector<Op> ops;
  std::map<std::string, uint8_t> variables;   // notifications
  std::vector<Loop> open;                     // loops, the innermost last
  std::vector<Loop> loops;                    // those that are complete
  std::map<size_t, const BranchTest*> tests;  // by op
};

class Compiler {
 public:
  Compiler(const Scenario& scenario, const model::Proposal& proposal, const CompileOptions& options)
      : scenario_(scenario), proposal_(proposal), options_(options) {}

  absl::StatusOr<Program> Run();

 private:
  absl::Status Error(Location where, absl::string_view message) const {
    return ErrorAt(scenario_.file, where, message);
  }
  absl::Status Unknown(Location where, absl::string_view what, const std::string& found,
                       const std::vector<std::string>& known) const {
    return Error(where, base::UnknownName(what, found, known));
  }
  absl::Status NotUnder(Location where, const std::string& what) const {
    return absl::FailedPreconditionError(absl::StrCat(scenario_.file, ":", where.line, ":",
                                                      where.column, ": ", what,
                                                      " means nothing under ", proposal_.name));
  }

  absl::Status Names();
  absl::Status Belongs(const Task& task);
  absl::Status Memories();
  absl::Status Settings();
  bool IsExecuted(const model::Image& image) const;
  void NotePrograms();
  void NoteEndlessSignals(const Signals& signals);
  absl::Status Images();
  absl::Status ImageMemory(const Atom& name, const Atom& text, model::Image* image);
  absl::Status Calls();
  absl::Status UnsharedTables();
  void InheritLimits();
  absl::Status ResourceLimits();
  absl::Status Policy();
  absl::Status Bodies();
  absl::Status FreeSupervisors();
  absl::Status Layouts();
  absl::Status FinishPolicy();
  absl::StatusOr<model::PolicyCondition> CompileCondition(const Rule& rule,
                                                          const Condition& condition, Nr nr);
  void PinForPolicy(Nr nr, const model::Role& role);
  absl::Status PolicyScripts();
  // Who tells whom what it sees.
  absl::Status Lookers();
  void Views();
  // Who may store where.
  void Stores();
  absl::Status Registers();
  absl::Status Limits();
  // What of the scenario has no effect.
  void Notes();
  void NoteTasks();
  void NoteMemories();
  void NotePolicies();
  void Note(Location where, absl::string_view message) {
    program_.notes.push_back(std::string(ErrorAt(scenario_.file, where, message).message()));
  }
  bool IsCalled(Nr nr) const;

  Value Intern(const std::array<uint8_t, 8>& bytes);
  // To word `offset` of an object, or to its end.
  Value InternPointer(int object, int offset);
  void PlaceRests();
  // The steps of Memories().
  absl::Status Writers();
  absl::Status DeclareObjects();
  using Domains = std::vector<std::vector<Value>>;  // by word of an object
  Value InternUnmapped();
  void StoresOfScripts();
  absl::Status NewTable(Location where, TaskInfo* info);
  absl::Status WithChild(const Peer& peer, const TaskInfo& of) const;
  absl::Status NewSpace(Location where, TaskInfo* info);
  absl::Status CopiedDomains();
  bool StoredByGeneralPeer(const model::Word& word) const;
  absl::Status TableWords(const Memory& memory, Object* object, Domains* domains);
  absl::Status TextWords(const Memory& memory, Object* object, Domains* domains);
  void CopySpaces();
  std::vector<Value> Words(const std::string& bytes, bool string);
  void CloseTruncation();

  std::vector<int> ObjectsOf(const Op& op, const model::Role& role) const;
  absl::StatusOr<int> ObjectNamed(const Atom& atom) const;
  absl::StatusOr<int> TaskNamed(const std::string& name, Location where) const;
  absl::StatusOr<Nr> CallNamed(const std::string& name, Location where) const;
  absl::Status CompileStore(const Store& store, int task, std::vector<Op>* ops);
  absl::Status CompileCall(const Call& call, int task, std::vector<Op>* ops);
  absl::Status CompileKill(const Call& call, Op* op);
  // Argument i of a call, by what its register holds: flags of seccomp(), an address, the child
  // that fork() and clone() start, a number.
  absl::Status CompileArgument(const Call& call, size_t i, int task, Op* op);
  absl::Status CompileInstall(const Arg& arg, Op* op);
  absl::Status CompileAddress(const Call& call, size_t i, const model::Role& role, Op* op);
  absl::Status CompileStart(const Arg& arg, int task, Op* op);
  absl::Status CompileScalar(const Arg& arg, size_t i, Op* op);
  void AddResults(const Op& op, int task);
  absl::Status CompileIoctl(const Call& call, std::map<std::string, uint8_t>* variables,
                            std::vector<Op>* ops);
  absl::Status CompileExpectations(const Call& call, Op* op);
  absl::Status CompileBody(const std::vector<Statement>& body, int task, std::vector<Op>* ops,
                           bool handler = false);
  // The statements of a script, or of a block in it; `*goes_on`: whether what follows is reached.
  absl::Status CompileBlock(const std::vector<Statement>& body, Script* script, bool* goes_on);
  absl::Status CompileStatement(const Statement& statement, Script* script);
  static void NameNotifications(const std::vector<Statement>& block, Script* script);
  absl::Status CompileIf(const If& branch, Script* script, bool* goes_on);
  absl::Status CompileTest(const BranchTest& test, Script* script);
  absl::Status CompileLoop(const Loop& loop, Script* script, bool* goes_on);
  absl::Status CompileLeave(const Leave& leave, Script* script) const;
  absl::Status FitsInScript(Location where, const Script& script) const;
  // Whether every test can be met and not met, and is about something.
  absl::Status CheckTests(const Script& script) const;
  absl::Status CheckTest(const BranchTest& test, const Op& op, const Known& known) const;
  // Tests that the rest of the scenario decides, loops that never sleep.
  void NoteScript(const Script& script);
  using Alternative = std::variant<Call, Store, Nothing>;
  // A statement, with any(a, b) as one alternative for each of these.
  absl::Status Expand(const Statement& statement, std::vector<Alternative>* alternatives) const;
  absl::Status CompileAlternative(const Alternative& alternative, int task,
                                  std::map<std::string, uint8_t>* variables, std::vector<Op>* ops);
  absl::Status CompileChoice(const std::vector<Alternative>& alternatives, Location where, int task,
                             std::map<std::string, uint8_t>* variables, std::vector<Op>* ops);
  bool HasPointers(const TaskInfo& info) const;
  absl::Status Anything(const Supervisor& supervisor, std::vector<Op>* ops);
  void FreeVerb(const model::Verb& verb, uint8_t number,
                const std::function<void(const char*, Op, const std::string&)>& each,
                const std::function<void(const char*, Op, const std::string&)>& nobody) const;
  absl::StatusOr<Value> Address(const Atom& atom);
  // Whether only such arguments have an offset as are addresses.
  absl::Status OffsetsAreAddresses(const Call& call, bool ioctl) const;
  absl::Status VerbDescriptor(const Arg& arg, const model::Verb& verb,
                              model::Descriptor* descriptor);
  absl::Status VerbArgs(const Call& call, const model::Verb& verb, Op* op);
  absl::Status SendArgs(const Call& call, Op* op);
  absl::Status AddfdArgs(const Call& call, Op* op);

  const Scenario& scenario_;
  const model::Proposal& proposal_;
  const CompileOptions options_;
  Program program_;
  std::map<std::string, int> objects_;
  std::map<std::string, int> tasks_;
  std::map<std::array<uint8_t, 8>, Value> bytes_;
  std::map<std::pair<int, int>, Value> pointers_;  // by object and offset in words
  Value unmapped_ = model::kZero;  // what says that a word is not mapped, if any can
  std::vector<int> rests_;  // of each object: the number of its first rest, in its address space
  // Tasks of supervisors with a policy, with their declaration.
  std::vector<std::pair<int, const Supervisor*>> policies_;
  std::set<int> started_;               // children that some call starts
  std::map<int, std::string> parents_;  // of children, by task
  std::set<std::string> named_;         // objects that something passes, stores into or points to
  int files_tables_ = 0;
  int spaces_ = 0;
  std::set<std::string> forked_;  // children that get an address space of their own
  std::set<std::string> cloned_;  // ... and that are threads of their parents
  std::vector<Script> scripts_;   // with tests or loops
  std::array<bool, model::kMaxSpaces> general_{};  // where the most general peer is
};

}  // namespace knotcheck::lang
