// SPDX-License-Identifier: Apache-2.0
//
// A supervisor's user space, and what it does to a target besides ioctls.

#include <algorithm>
#include <iterator>

#include "model/kernel/kernel.h"
#include "model/kernel/locals.h"

namespace knotcheck::model {
namespace {

// Whether what was seen meets a condition. It looks at its own argument's words only.
bool Meets(const Kernel& k, Nr nr, const PolicyCondition& condition, const Kernel::Known& known) {
  if (!(known.roles >> condition.role & 1)) return false;
  if (condition.test == PolicyCondition::Test::kAny) return true;
  const bool negated = condition.test == PolicyCondition::Test::kNotEqual;
  if (condition.test == PolicyCondition::Test::kNever) return false;
  const SeenLayout& layout = k.p.seen[static_cast<size_t>(nr)][condition.role];
  bool same = condition.words.size() <= static_cast<size_t>(layout.entries * layout.stride);
  for (size_t i = 0; i < condition.words.size() && same; ++i) {
    same = known.words[layout.base + i] == condition.words[i];
  }
  return same != negated;
}

// Whether the policy allows a call by what was seen of it: one of its rules does.
bool Allows(const Kernel& k, Nr nr, const Kernel::Known& known) {
  if (known.truncated) return false;
  for (const PolicyRule& rule : k.p.policy) {
    if (rule.nr != nr) continue;
    for (const auto& conditions : rule.alternatives) {
      const bool met = std::all_of(
          conditions.begin(), conditions.end(),
          [&](const PolicyCondition& condition) { return Meets(k, nr, condition, known); });
      if (met) return true;
    }
  }
  return false;
}

// What a supervisor that decides by its buffer has in it about the notification of a variable.
Kernel::Known InBuffer(const Kernel& k, int variable) {
  Kernel::Known known;
  const Task& me = k.me();
  if (me.ghost_id != me.variable_id[variable]) return known;
  known.roles = me.ghost_roles;
  known.truncated = (me.ghost & kGhostTruncated) != 0;
  std::copy_n(me.seen, kMaxSeen, known.words);
  return known;
}

// The call that a notification is about, as RECV gave it.
const Op& CalledOf(const Kernel& k, int variable) {
  return k.CallOf(k.me().variable_task[variable] - 1, k.me().variable_call[variable]);
}

// How many pointers in memory lead to a role, and the role at which the way to it stands after
// some of them.
int DepthOf(Nr nr, int role) {
  int depth = 0;
  const auto& roles = SyscallOf(nr).roles;
  for (int r = role; roles[static_cast<size_t>(r)].parent >= 0; ++depth) {
    r = roles[static_cast<size_t>(r)].parent;
  }
  return depth;
}
int AncestorOf(Nr nr, int role, int depth) {
  int r = role;
  for (int i = DepthOf(nr, role); i > depth; --i) {
    r = SyscallOf(nr).roles[static_cast<size_t>(r)].parent;
  }
  return r;
}

// A thread that executes a program takes the number of the thread group's leader (de_thread()), so
// whoever asks for that one, which is gone, gets the new program's memory.
bool TakenOver(const Kernel& k, int target) {
  for (size_t t = 0; t < k.p.tasks.size(); ++t) {
    const Task& other = k.s->tasks[t];
    const bool took_over = static_cast<int>(t) != target && k.p.tasks[t].group == target &&
                           (other.flags & kExeced) && other.status == kAlive;
    if (took_over) return true;
  }
  return false;
}

// What the script does without a system call, up to the next one. False: at a second choice, which
// is for another step.
bool TakeJumps(Kernel& k) {
  while (true) {
    const Op& op = k.op();
    if (op.code == OpCode::kChoose) {
      if (k.chose()) return false;
      k.TakeAlternative();
    } else if (op.code == OpCode::kJump) {
      k.me().op = op.target;
    } else if (op.code == OpCode::kJumpIfError) {
      const bool hit = op.error == 0 ? k.me().ret < 0 : k.me().ret == -op.error;
      k.me().op = hit ? op.target : static_cast<uint8_t>(k.me().op + 1);
    } else if (op.code == OpCode::kAfter) {
      k.Note("{}", op.text);
      k.Observe({.kind = Observation::Kind::kBegins});
      k.Observe({.kind = Observation::Kind::kReturns});
      k.me().variable_id[op.variable] =
          static_cast<uint8_t>(std::min(k.me().variable_id[op.word] + 1, k.p.max_id + 1));
      k.me().variable_task[op.variable] = 0;
      k.me().variable_call[op.variable] = 0;
      k.me().op = op.joins ? op.target : static_cast<uint8_t>(k.me().op + 1);
    } else if (op.code == OpCode::kJumpIfNothing) {
      const int target = k.me().variable_task[op.variable] - 1;
      const bool nothing =
          target >= 0 &&
          k.p.policy_pins[static_cast<size_t>(
                              k.CallOf(target, k.me().variable_call[op.variable]).nr)]
              .empty();
      k.me().op = nothing ? op.target : static_cast<uint8_t>(k.me().op + 1);
    } else if (op.code == OpCode::kDecide) {
      const int target = k.me().variable_task[op.variable] - 1;
      const bool allow =
          target >= 0 && Allows(k, k.CallOf(target, k.me().variable_call[op.variable]).nr,
                                InBuffer(k, op.variable));
      k.Note("policy: {}", allow ? "allow" : "deny");
      k.me().op = allow ? static_cast<uint8_t>(k.me().op + 1) : op.target;
    } else {
      return true;
    }
  }
}

// The notification that an ioctl of a free supervisor is about; false: nobody has it, or the list
// is locked, and with it all that the ioctl could do there.
bool NameListed(Kernel& k) {
  if (k.op().listed > 0 && k.filter().notify_lock != 0) return false;
  uint8_t id = 0;
  for (int n = k.op().listed; n > 0; --n) {
    int next = -1;
    for (size_t t = 0; t < k.p.tasks.size(); ++t) {
      const Knotif& knotif = k.s->tasks[t].knotif;
      if (!knotif.listed || knotif.id <= id) continue;
      if (next < 0 || knotif.id < k.s->tasks[next].knotif.id) next = static_cast<int>(t);
    }
    if (next < 0) return false;
    id = k.s->tasks[next].knotif.id;
    k.me().variable_task[0] = static_cast<uint8_t>(next + 1);
    k.me().variable_call[0] = k.CallIndex(next);
  }
  k.me().variable_id[0] = id;
  return true;
}

// Whether a supervisor that is honest, though free in what it does when, may do this now: to a
// notification that it was given, and by the policy.
bool HonestMay(Kernel& k) {
  const Op& op = k.op();
  if (!op.honest || op.listed == 0) return true;
  const int target = k.me().variable_task[0] - 1;
  const View* view = k.ViewOf(k.cur, target);
  if (view == nullptr || !(view->flags & kViewReceived)) return false;
  const Nr nr = k.CallOf(target, k.me().variable_call[0]).nr;
  const bool pins = !k.p.policy_pins[static_cast<size_t>(nr)].empty();
  if (op.code == OpCode::kVerb) return pins;
  if (!op.by_policy) return true;
  const bool protects = (op.flags & ~1) != 0;
  return protects == pins && Allows(k, nr, k.KnownBy(k.cur, target, protects));
}

// Whether there is anything to see of the call.
bool HasSomethingToRead(const Kernel& k) {
  const auto& layouts = k.p.seen[static_cast<size_t>(CalledOf(k, 0).nr)];
  return std::any_of(std::begin(layouts), std::end(layouts),
                     [](const SeenLayout& layout) { return layout.entries != 0; });
}

void ShowReturned(Kernel& k, Ret ret) {
  k.Note("= {}", RetName(ret));
  if (k.op().code == OpCode::kAddfd && (k.op().options & kAddfdSend) && ret >= 0) {
    k.Raise(Event::kAddfdSent);
  }
}

// A free supervisor is again where it was before the ioctl.
void ForgetIoctl(Kernel& k) {
  Task& me = k.me();
  k.ForgetSeen();
  me.variable_id[0] = 0;
  me.variable_task[0] = 0;
  me.variable_call[0] = 0;
  me.op = k.op().target;
}

// seccomp_notify_ioctl()
int IoctlOf(const Kernel& k) {
  switch (k.op().code) {
    case OpCode::kRecv:
      return static_cast<int>(Fn::k_seccomp_notify_recv);
    case OpCode::kSend:
      return static_cast<int>(Fn::k_seccomp_notify_send);
    case OpCode::kIdValid:
      return static_cast<int>(Fn::k_seccomp_notify_id_valid);
    case OpCode::kAddfd:
      return static_cast<int>(Fn::k_seccomp_notify_addfd);
    case OpCode::kSetFlags:
      return static_cast<int>(Fn::k_seccomp_notify_set_flags);
    case OpCode::kPoll:
      return static_cast<int>(Fn::k_seccomp_notify_poll);
    case OpCode::kVerb:
      return kFirstProposalFunction + k.proposal.verbs[k.op().verb].function;
    default:
      KNOT_CHECK(false && "a supervisor's op");
      return 0;
  }
}

}  // namespace

Flow supervisor_mode(Kernel& k) {
  auto& l = k.Locals<SupervisorLocals>();
  FUNCTION_BEGIN;
  while (true) {
    STEP("(user mode)", kSignals | kByOp);
    if (k.FatalSignalPending(k.cur)) {
      CALL(k.Push(Fn::k_do_exit));
    }
    // A supervisor's handler does nothing; what counts is that the signal interrupts.
    k.me().flags &= static_cast<uint8_t>(~kSigPending);
    l.ret = 0;
    // Nothing is left to do for those who could do anything.
    if (k.op().free && !k.filter().listener) return Flow::kBlocked;
    if (!TakeJumps(k)) continue;
    k.me().ret = 0;
    // A supervisor whose script is over stays, and with it the listener.
    if (k.op().code == OpCode::kEnd && k.chose()) continue;
    if (k.op().code == OpCode::kEnd) return Flow::kBlocked;
    if (k.op().free && !(NameListed(k) && HonestMay(k))) return Flow::kBlocked;
    if (k.op().free && k.op().code == OpCode::kReadArgs && !HasSomethingToRead(k)) {
      return Flow::kBlocked;
    }
    k.Note("{}", k.op().text);
    k.Observe({.kind = Observation::Kind::kBegins});
    if (k.op().code == OpCode::kStore) {
      const Word& word = k.p.words[k.op().word];
      if (!word.shared) k.s->memory[k.op().word] = k.op().value ^ word.domain[0];
    } else if (k.op().code == OpCode::kKill) {
      k.SendSigkill(k.op().task);
    } else if (k.op().code == OpCode::kReadArgs) {
      CALL({
        const uint8_t variable = k.op().variable;
        k.Push<VmReadLocals>(Fn::k_process_vm_rw_core).variable = variable;
      });
      l.ret = k.ret;
      k.KeepLook(k.me().variable_task[k.op().variable] - 1, false, l.ret < 0);
      if (k.op().free) {
        ShowReturned(k, l.ret);
        ForgetIoctl(k);
        continue;
      }
    } else if (!k.filter().listener) {
      l.ret = -kEBADF;
    } else if (k.op().code == OpCode::kClose) {
      k.filter().listener = 0;
      --k.filter().references;
    } else {
      // ioctl(listener, ...): fdget() keeps the listener's file alive while the call runs.
      ++k.filter().references;
      // What is chosen shows with the ioctl's first step only.
      if (k.chose()) k.Fold();
      CALL(k.Push(IoctlOf(k)));
      l.ret = k.ret == -kERESTARTSYS ? static_cast<Ret>(-kEINTR) : k.ret;
      if (k.op().code == OpCode::kVerb) {
        k.KeepLook(k.FindNotification(k.me().variable_id[k.op().variable]), true, l.ret < 0);
      }
      if (k.op().free) {
        ShowReturned(k, l.ret);
        ForgetIoctl(k);
        l.ret = 0;
      }
      // Only a close() of the same file could tell this step from the one before it.
      if (k.p.closes) {
        // A free supervisor has forgotten the ioctl by now.
        l.returned = k.op().code != OpCode::kChoose;
        STEP("fdput(f)", kListener);
        l.returned = 0;
      }
      --k.filter().references;
    }
    if (k.filter().references == 0 && k.filter().notif) {
      // fput(): the last reference is gone, and __fput() runs on the way to user mode.
      CALL(k.Push(Fn::k_seccomp_notify_release));
    }
    if (k.filter().notify_lock == k.cur + 1) k.Raise(Event::kReturnedLocked);
    if (k.op().code == OpCode::kChoose) continue;
    ShowReturned(k, l.ret);
    if (k.op().code == OpCode::kSend && l.ret == 0) k.ForgetSeen();
    k.me().ret = l.ret;
    k.FinishOp(l.ret);
    l.ret = 0;
  }
  FUNCTION_END;
}

// process_vm_readv() of the pointer arguments that the policy looks at, as a supervisor does it:
// a string until its NUL, a table entry by entry.
Flow process_vm_rw_core(Kernel& k) {
  auto& l = k.Locals<VmReadLocals>();
  FUNCTION_BEGIN;
  for (l.role = 0; l.role < kMaxRoles; ++l.role) {
    {
      const int target = k.me().variable_task[l.variable] - 1;
      if (target < 0) return k.Return(-kESRCH);
      const Nr nr = k.CallOf(target, k.me().variable_call[l.variable]).nr;
      const bool asked = k.op().roles == 0 || (k.op().roles >> l.role & 1);
      if (!asked || k.p.seen[static_cast<size_t>(nr)][l.role].entries == 0) continue;
      k.BeginLook(k.me().variable_id[l.variable], nr, l.role);
    }
    // Of a nested role: the pointers that lead to it, outermost first.
    for (l.depth = 0; l.depth < DepthOf(CalledOf(k, l.variable).nr, l.role); ++l.depth) {
      STEP("process_vm_readv(pid, ...)", kTargetLife | kReadsMemory);
      const int target = k.me().variable_task[l.variable] - 1;
      const Task& t = k.s->tasks[target];
      if (t.status == kDead || t.status == kExiting) {
        return k.Return(TakenOver(k, target) ? -kEFAULT : -kESRCH);
      }
      const Op& call = CalledOf(k, l.variable);
      const auto& roles = SyscallOf(call.nr).roles;
      const int role = AncestorOf(call.nr, l.role, l.depth);
      const Role& child = roles[static_cast<size_t>(AncestorOf(call.nr, l.role, l.depth + 1))];
      const Value from =
          l.depth == 0 ? call.pointers[roles[static_cast<size_t>(role)].arg] : l.pointer;
      const auto word = k.ReadUser(target, from, child.word);
      if (!word.mapped) return k.Return(-kEFAULT);
      l.pointer = word.value;
      k.Note("{} leads to {}", child.name, k.ValueText(word.value));
    }
    for (l.entry = 0;; ++l.entry) {
      STEP("process_vm_readv(pid, ...)", kTargetLife | kReadsMemory);
      {
        const int target = k.me().variable_task[l.variable] - 1;
        const Task& t = k.s->tasks[target];
        if (t.status == kDead || t.status == kExiting) {
          return k.Return(TakenOver(k, target) ? -kEFAULT : -kESRCH);
        }
        // req.data, as RECV gave it: the target may be elsewhere by now.
        const Op& call = k.CallOf(target, k.me().variable_call[l.variable]);
        const Role& role = SyscallOf(call.nr).roles[l.role];
        const Value address = role.parent < 0 ? call.pointers[role.arg] : l.pointer;
        const bool table = role.shape == Shape::kStrings;
        // The first word of a table's entry is its pointer.
        const auto word =
            table ? k.ReadUser(target, address, l.entry) : k.ReadUser(target, address, l.w);
        if (!word.mapped) return k.Return(-kEFAULT);
        k.Note("{} reads {}", role.name, k.ValueText(word.value));
        if (table) {
          l.str = word.value;
          const int slot = k.SlotOf(call.nr, l.role, l.entry, 0);
          // What comes after the end is absent already.
          if (l.str == kZero || slot < 0) l.str = kAbsent;
        } else {
          l.str = kAbsent;
          const int slot = k.SlotOf(call.nr, l.role, 0, l.w);
          const bool string = role.IsString();
          const int object = k.p.values[address].object;
          const int bytes = role.length_arg >= 0
                                ? call.scalars[static_cast<size_t>(role.length_arg)]
                                : k.p.objects[static_cast<size_t>(object)].bytes;
          const int words = string ? kMaxSeen : (bytes + 7) / 8;
          Value value = word.value;
          if (!string) {
            const int left = bytes - 8 * l.w;
            if (left < 8) value = k.p.truncated[value][static_cast<size_t>(left)];
          }
          if (slot >= 0) k.me().seen[slot] = value;
          ++l.w;
          const bool more = !(string && k.p.values[word.value].has_nul) && l.w < words && slot >= 0;
          if (more) l.str = kZero;
          if (!more && !string) k.NothingBeyond(call.nr, l.role, l.w);
        }
      }
      if (l.str == kAbsent) break;
      if (l.str == kZero) continue;
      // The string of a table's entry.
      for (l.w = 0;; ++l.w) {
        STEP("process_vm_readv(pid, ...)", kTargetLife | kReadsMemory);
        const int target = k.me().variable_task[l.variable] - 1;
        const Task& t = k.s->tasks[target];
        if (t.status == kDead || t.status == kExiting) {
          return k.Return(TakenOver(k, target) ? -kEFAULT : -kESRCH);
        }
        const auto word = k.ReadUser(target, l.str, l.w);
        if (!word.mapped) return k.Return(-kEFAULT);
        k.Note("reads {}", k.ValueText(word.value));
        const int slot = k.SlotOf(Nr::kExecve, l.role, l.entry, l.w);
        if (slot >= 0) k.me().seen[slot] = word.value;
        if (k.p.values[word.value].has_nul) break;
      }
      l.str = kZero;
    }
    l.w = 0;
    l.str = kZero;
    l.pointer = kZero;
  }
  l.depth = 0;
  return k.Return(0);
  FUNCTION_END;
}

}  // namespace knotcheck::model
