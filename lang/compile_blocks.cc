// SPDX-License-Identifier: Apache-2.0
//
// Scripts as ops: statements one after the other, if, loop, leave. What of them could never have an
// effect is refused: lang/compile_results.cc.

#include "lang/compiler.h"

namespace knotcheck::lang {
namespace {

Location PlaceOf(const Statement& statement) {
  return std::visit([](const auto& s) { return s.where; }, statement);
}

Op JumpFrom(Location where) {
  Op jump;
  jump.code = OpCode::kJump;
  jump.line = where.line;
  return jump;
}

// Jumps to the op that comes next. More than a byte holds are refused before anybody takes them.
void ComesNext(Script* script, size_t jump) {
  script->ops[jump].target = static_cast<uint8_t>(script->ops.size());
}

}  // namespace

absl::Status Compiler::FitsInScript(Location where, const Script& script) const {
  if (script.ops.size() <= model::kMaxOps) return absl::OkStatus();
  return Error(where, absl::StrCat("expected at most ", model::kMaxOps, " statements"));
}

absl::Status Compiler::CompileStatement(const Statement& statement, Script* script) {
  std::vector<Alternative> alternatives;
  if (absl::Status status = Expand(statement, &alternatives); !status.ok()) return status;
  if (alternatives.size() == 1 && !std::holds_alternative<AnyOf>(statement)) {
    return CompileAlternative(alternatives[0], script->task, &script->variables, &script->ops);
  }
  return CompileChoice(alternatives, PlaceOf(statement), script->task, &script->variables,
                       &script->ops);
}

absl::Status Compiler::CompileTest(const BranchTest& test, Script* script) {
  Op op;
  op.line = test.where.line;
  if (test.kind == BranchTest::Kind::kResult) {
    Call returning;
    returning.where = test.where;
    returning.expected = test.value;
    Op result;
    if (absl::Status status = CompileExpectations(returning, &result); !status.ok()) return status;
    if (result.expected <= -model::kERESTARTSYS) {
      return Error(test.value.where, absl::StrCat("found '", AtomText(test.value),
                                                  "', expected what a call returns: a program "
                                                  "never sees that a call starts anew"));
    }
    op.code = OpCode::kJumpIfResult;
    op.expected = result.expected;
  } else {
    if (!script->supervises) {
      return Error(test.where, absl::StrCat("found '", test.variable,
                                            " is', expected it in a supervisor's script, which "
                                            "has notifications"));
    }
    const auto variable = script->variables.find(test.variable);
    if (variable == script->variables.end()) {
      std::vector<std::string> known;
      for (const auto& [name, index] : script->variables) known.push_back(name);
      return Unknown(test.where, "a notification that recv() set before", test.variable, known);
    }
    const auto nr = CallNamed(test.value.text, test.value.where);
    if (!nr.ok()) return nr.status();
    op.code = OpCode::kJumpIfCall;
    op.variable = variable->second;
    op.nr = *nr;
  }
  script->tests[script->ops.size()] = &test;
  script->ops.push_back(op);
  return absl::OkStatus();
}

// What a block names is known in what stands behind it in the text, though that be compiled first.
void Compiler::NameNotifications(const std::vector<Statement>& block, Script* script) {
  for (const Statement& statement : block) {
    if (const auto* call = std::get_if<Call>(&statement)) {
      auto& names = script->variables;
      const bool room = names.size() < model::kMaxVariables;
      if (call->variable.empty() || !room) continue;
      names.emplace(call->variable, static_cast<uint8_t>(names.size()));
    } else if (const auto* branch = std::get_if<If>(&statement)) {
      NameNotifications(branch->then, script);
      NameNotifications(branch->otherwise, script);
    } else if (const auto* loop = std::get_if<Loop>(&statement)) {
      NameNotifications(loop->body, script);
    }
  }
}

// The test jumps to one branch; the other one stands behind it, and then jumps over the first.
absl::Status Compiler::CompileIf(const If& branch, Script* script, bool* goes_on) {
  if (branch.then.empty() && branch.otherwise.empty()) {
    return Error(branch.where, "found an 'if' with nothing in it, expected statements");
  }
  const size_t test = script->ops.size();
  if (absl::Status status = CompileTest(branch.test, script); !status.ok()) return status;
  const auto& behind = branch.test.negated ? branch.then : branch.otherwise;
  const auto& there = branch.test.negated ? branch.otherwise : branch.then;
  bool one = true;
  bool other = true;
  NameNotifications(branch.then, script);
  if (absl::Status status = CompileBlock(behind, script, &one); !status.ok()) return status;
  const size_t jump = script->ops.size();
  const bool jumps = one && !there.empty();
  if (jumps) script->ops.push_back(JumpFrom(branch.where));
  ComesNext(script, test);
  if (absl::Status status = CompileBlock(there, script, &other); !status.ok()) return status;
  if (jumps) ComesNext(script, jump);
  *goes_on = one || other;
  return absl::OkStatus();
}

absl::Status Compiler::CompileLoop(const Loop& loop, Script* script, bool* goes_on) {
  if (!script->supervises) {
    return Error(loop.where,
                 "found 'loop', expected it in a supervisor's script only: what a target calls may "
                 "be trapped, and its calls would never end");
  }
  Script::Loop around;
  around.begin = script->ops.size();
  around.where = loop.where;
  script->open.push_back(around);
  bool again = true;
  if (absl::Status status = CompileBlock(loop.body, script, &again); !status.ok()) return status;
  if (!again) {
    return Error(loop.where,
                 "found a loop that never goes round, expected a way to its end without 'leave'");
  }
  Op back = JumpFrom(loop.where);
  back.target = static_cast<uint8_t>(around.begin);
  script->ops.push_back(back);
  around = script->open.back();
  script->open.pop_back();
  around.end = script->ops.size();
  for (const size_t leave : around.leaves) ComesNext(script, leave);
  *goes_on = !around.leaves.empty();
  script->loops.push_back(around);
  return FitsInScript(loop.where, *script);
}

absl::Status Compiler::CompileLeave(const Leave& leave, Script* script) const {
  if (script->open.empty()) {
    return Error(leave.where, "found 'leave' outside of a loop, expected it in one");
  }
  script->open.back().leaves.push_back(script->ops.size());
  script->ops.push_back(JumpFrom(leave.where));
  return absl::OkStatus();
}

absl::Status Compiler::CompileBlock(const std::vector<Statement>& body, Script* script,
                                    bool* goes_on) {
  for (const Statement& statement : body) {
    const Location where = PlaceOf(statement);
    if (!*goes_on) {
      return Error(where,
                   "found a statement that nothing reaches, expected none here: what stands "
                   "before it is left, or never ends");
    }
    absl::Status status;
    if (const auto* branch = std::get_if<If>(&statement)) {
      status = CompileIf(*branch, script, goes_on);
    } else if (const auto* loop = std::get_if<Loop>(&statement)) {
      status = CompileLoop(*loop, script, goes_on);
    } else if (const auto* leave = std::get_if<Leave>(&statement)) {
      status = CompileLeave(*leave, script);
      *goes_on = false;
    } else {
      status = CompileStatement(statement, script);
    }
    if (status.ok()) status = FitsInScript(where, *script);
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status Compiler::CompileBody(const std::vector<Statement>& body, int task,
                                   std::vector<Op>* ops, bool handler) {
  Script script;
  script.task = task;
  const TaskInfo& info = program_.tasks[static_cast<size_t>(task)];
  script.supervises = info.kind == model::TaskKind::kSupervisor && !handler;
  bool goes_on = true;
  if (absl::Status status = CompileBlock(body, &script, &goes_on); !status.ok()) return status;
  script.ops.emplace_back();  // the end
  if (absl::Status status = CheckTests(script); !status.ok()) return status;
  *ops = script.ops;
  if (!script.tests.empty() || !script.loops.empty()) scripts_.push_back(std::move(script));
  return absl::OkStatus();
}

}  // namespace knotcheck::lang
