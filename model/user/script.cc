// SPDX-License-Identifier: Apache-2.0
//
// How a script goes on: choices, jumps, stores, registers, what a call has returned.

#include <algorithm>

#include "model/user/user.h"

namespace knotcheck::model::user {

namespace {

// Which op of its script the running task is at.
uint8_t& At(Kernel& k) {
  Task& t = k.me();
  return (t.flags & kInHandler) ? t.handler_op : t.op;
}

}  // namespace

void TakeAlternative(Kernel& k) {
  const auto& alternatives = k.op().alternatives;
  At(k) = alternatives[static_cast<size_t>(k.Choose(static_cast<int>(alternatives.size())))];
  if (k.info().kind == TaskKind::kSupervisor) return;
  while (k.op().code == OpCode::kJump) At(k) = k.op().target;
}

namespace {

// A script's store goes nowhere: the program that has been executed has other memory, and
// process_vm_writev(2) says EFAULT of what is not mapped and ESRCH of who is gone.
bool Misses(const Kernel& k, const Word& word, Value held) {
  if (k.info().kind != TaskKind::kSupervisor) return (k.me().flags & kExeced) != 0;
  if (k.p.values[held].unmapped) return true;
  const uint8_t space = k.p.objects[word.object].space;
  for (size_t t = 0; t < k.p.tasks.size(); ++t) {
    const TaskInfo& info = k.p.tasks[t];
    if (info.kind != TaskKind::kTarget || info.space != space || info.group != t) continue;
    const Task& task = k.s->tasks[t];
    return task.status == kNotStarted || k.MmIsGone(static_cast<int>(t)) ||
           (task.flags & kExeced) != 0;
  }
  return false;
}

}  // namespace

void Store(Kernel& k, const Op& store) {
  const Word& word = k.p.words[store.word];
  if (Misses(k, word, k.s->memory[store.word] ^ word.domain[0])) return;
  const int words =
      k.p.values[store.value].unmapped ? k.p.objects[word.object].words : 1;  // all at once
  for (int w = 0; w < words; ++w) {
    const Word& each = k.p.words[static_cast<size_t>(store.word + w)];
    // What the most general peer may write, it may also write after this store.
    if (!each.shared) k.s->memory[store.word + w] = store.value ^ each.domain[0];
  }
}

void LoadRegisters(Kernel& k) {
  if (!k.s->layout().has_registers || k.s->registers[k.cur].now.nr != 0) return;
  Registers& now = k.s->registers[k.cur].now;
  const Op& call = k.op();
  now.nr = k.p.number_of[static_cast<size_t>(call.nr)];
  std::copy(call.registers.begin(), call.registers.end(), now.args);
  now.kept = now.args[0];
}

void FinishOp(Kernel& k, Ret result) {
  const Op& call = k.op();
  k.Observe({.kind = Observation::Kind::kReturns, .ret = result});
  k.CoverAnswer(call, result);
  if (call.has_expected) {
    k.Raise(call.expected == result ? Event::kExpected : Event::kUnexpected);
    if (call.expected != result) k.Note("the scenario expects {}", RetName(call.expected));
  }
  // What user space does with them before it loads the next call's, nobody sees.
  if (k.s->layout().has_registers) k.s->registers[k.cur].now = Registers{};
  uint8_t& at = At(k);
  at = call.joins ? call.target : static_cast<uint8_t>(at + 1);
  if (k.info().kind == TaskKind::kSupervisor) return;
  // Here it is known what the call returned, and no longer when the next one begins.
  while (k.op().code == OpCode::kJump || k.op().code == OpCode::kJumpIfResult) {
    const bool jumps = k.op().code == OpCode::kJump || k.op().expected == result;
    at = jumps ? k.op().target : static_cast<uint8_t>(at + 1);
  }
}

namespace {

// variable = the id after that of another: ids are given out in sequence.
void NameNext(Kernel& k, const Op& op) {
  Task& me = k.me();
  k.Note("{}", op.text);
  k.Observe({.kind = Observation::Kind::kBegins});
  k.Observe({.kind = Observation::Kind::kReturns});
  me.variable_id[op.variable] =
      static_cast<uint8_t>(std::min(me.variable_id[op.word] + 1, k.p.max_id + 1));
  me.variable_task[op.variable] = 0;
  me.variable_call[op.variable] = 0;
  me.op = op.joins ? op.target : static_cast<uint8_t>(me.op + 1);
}

bool LooksAtNothing(const Kernel& k, int variable) {
  if (k.me().variable_task[variable] == 0) return false;
  return k.p.policy_pins[static_cast<size_t>(CalledOf(k, variable).nr)].empty();
}

bool IsCall(const Kernel& k, const Op& test) {
  if (k.me().variable_task[test.variable] == 0) return false;
  return CalledOf(k, test.variable).nr == test.nr;
}

bool Decides(Kernel& k, int variable) {
  const Task& me = k.me();
  const bool allow =
      me.variable_task[variable] != 0 &&
      Allows(k, CalledOf(k, variable).nr, ghost::InBuffer(me, me.variable_id[variable]));
  k.Note("policy: {}", allow ? "allow" : "deny");
  return allow;
}

}  // namespace

bool TakeJumps(Kernel& k) {
  while (true) {
    const Op& op = k.op();
    Task& me = k.me();
    const auto next = static_cast<uint8_t>(me.op + 1);
    if (op.code == OpCode::kChoose) {
      if (k.chose()) return false;
      TakeAlternative(k);
    } else if (op.code == OpCode::kJump) {
      me.op = op.target;
    } else if (op.code == OpCode::kJumpIfError) {
      const bool hit = op.error == 0 ? me.ret < 0 : me.ret == -op.error;
      me.op = hit ? op.target : next;
    } else if (op.code == OpCode::kJumpIfResult) {
      me.op = me.ret == op.expected ? op.target : next;
    } else if (op.code == OpCode::kJumpIfCall) {
      me.op = IsCall(k, op) ? op.target : next;
    } else if (op.code == OpCode::kAfter) {
      NameNext(k, op);
    } else if (op.code == OpCode::kJumpIfNothing) {
      me.op = LooksAtNothing(k, op.variable) ? op.target : next;
    } else if (op.code == OpCode::kDecide) {
      me.op = Decides(k, op.variable) ? next : op.target;
    } else {
      return true;
    }
  }
}

}  // namespace knotcheck::model::user
