// SPDX-License-Identifier: Apache-2.0

#include "model/dead_variables.h"

#include <cstring>

#include "model/kernel/locals.h"

namespace knotcheck::model {
namespace {

// The variable that an op reads, or -1.
int VariableRead(const Op& op) {
  switch (op.code) {
    case OpCode::kSend:
    case OpCode::kIdValid:
    case OpCode::kAddfd:
    case OpCode::kVerb:
    case OpCode::kReadArgs:
    case OpCode::kJumpIfNothing:
    case OpCode::kJumpIfCall:
    case OpCode::kDecide:
      return op.variable;
    case OpCode::kAfter:
      return op.word;
    default:
      return -1;
  }
}

// The op at which a supervisor's script goes on, once it has taken the jumps that the result of its
// last ioctl decides.
size_t AfterJumps(const TaskInfo& info, const Task& task) {
  size_t at = task.op;
  SupervisorLocals l;
  std::memcpy(&l, task.locals, sizeof(l));
  // The ioctl is over, and only what the listener's file needs is still done. What a free
  // supervisor did it has forgotten by then.
  const bool releases =
      task.frames[1].function == static_cast<uint8_t>(Fn::k_seccomp_notify_release);
  const bool over = l.returned || (releases && info.ops[at].code != OpCode::kChoose);
  if (task.frames[1].function != 0 && !over) return at;
  // The same ioctl is made again, of the same notification.
  if (over && l.ret == -kERESTARTSYS) return at;
  const Ret ret = over ? l.ret : task.ret;
  if (over) at = info.ops[at].joins ? info.ops[at].target : at + 1;
  while (at < info.ops.size()) {
    const Op& op = info.ops[at];
    if (op.code == OpCode::kJump) {
      at = op.target;
    } else if (op.code == OpCode::kJumpIfError) {
      const bool hit = op.error == 0 ? ret < 0 : ret == -op.error;
      at = hit ? op.target : at + 1;
    } else if (op.code == OpCode::kJumpIfResult) {
      at = ret == op.expected ? op.target : at + 1;
    } else {
      break;
    }
  }
  return at;
}

// What is live where a script goes on from `at` when its last ioctl has failed with any error. No
// way of jumps alone leads back to where it began.
uint8_t LiveAfterError(const std::vector<Op>& ops, const std::vector<uint8_t>& live, size_t at) {
  while (at < ops.size()) {
    const Op& op = ops[at];
    if (op.code == OpCode::kJump || (op.code == OpCode::kJumpIfError && op.error == 0)) {
      at = op.target;
    } else if (op.code == OpCode::kJumpIfError ||
               (op.code == OpCode::kJumpIfResult && op.expected < 0)) {
      const uint8_t there = LiveAfterError(ops, live, op.target);
      return static_cast<uint8_t>(there | LiveAfterError(ops, live, at + 1));
    } else if (op.code == OpCode::kJumpIfResult) {
      ++at;
    } else {
      break;
    }
  }
  return live[at];
}

// ... and when it has returned 0.
uint8_t LiveAfterSuccess(const std::vector<Op>& ops, const std::vector<uint8_t>& live, size_t at) {
  while (at < ops.size()) {
    const Op& op = ops[at];
    if (op.code == OpCode::kJump || (op.code == OpCode::kJumpIfResult && op.expected == 0)) {
      at = op.target;
    } else if (op.code == OpCode::kJumpIfError || op.code == OpCode::kJumpIfResult) {
      ++at;
    } else {
      break;
    }
  }
  return live[at];
}

}  // namespace

DeadVariables::DeadVariables(const Program& program) : program_(program) {
  dead_.resize(program.tasks.size());
  for (size_t t = 0; t < program.tasks.size(); ++t) {
    const TaskInfo& info = program.tasks[t];
    if (info.kind != TaskKind::kSupervisor) continue;
    const auto& ops = info.ops;
    std::vector<uint8_t> live(ops.size() + 1, 0);
    // Backwards to a fixed point: what an op reads, and what is live at whatever may follow.
    for (bool changed = true; changed;) {
      changed = false;
      for (size_t o = ops.size(); o-- > 0;) {
        const Op& op = ops[o];
        uint8_t now = 0;
        switch (op.code) {
          case OpCode::kEnd:
            break;
          case OpCode::kJump:
            now = live[op.target];
            break;
          case OpCode::kChoose:
            for (const uint8_t next : op.alternatives) now |= live[next];
            break;
          case OpCode::kJumpIfNothing:
          case OpCode::kJumpIfError:
          case OpCode::kJumpIfResult:
          case OpCode::kJumpIfCall:
          case OpCode::kDecide:
            now = live[op.target] | live[o + 1];
            break;
          case OpCode::kRecv: {
            // It sets its variable if it succeeds; if not, the jumps on its result behind it say
            // where the script goes on.
            const size_t next = op.joins ? op.target : o + 1;
            now = static_cast<uint8_t>((LiveAfterSuccess(ops, live, next) & ~(1 << op.variable)) |
                                       LiveAfterError(ops, live, next));
            break;
          }
          case OpCode::kAfter:
            now = live[op.joins ? op.target : o + 1];
            now = static_cast<uint8_t>(now & ~(1 << op.variable));
            break;
          default:
            now = live[op.joins ? op.target : o + 1];
        }
        const int read = VariableRead(op);
        if (read >= 0) now |= static_cast<uint8_t>(1 << read);
        if (now != live[o]) {
          live[o] = now;
          changed = true;
        }
      }
    }
    for (const uint8_t bits : live) dead_[t].push_back(static_cast<uint8_t>(~bits));
  }
}

uint8_t DeadVariables::Of(size_t task, const Task& state) const {
  if (dead_[task].empty()) return 0;
  return dead_[task][AfterJumps(program_.tasks[task], state)];
}

}  // namespace knotcheck::model
