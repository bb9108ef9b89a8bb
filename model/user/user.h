// SPDX-License-Identifier: Apache-2.0
//
// What user space does between system calls: scripts, policies, what supervisors keep of what the
// kernel gives them. The functions with steps are user_mode, supervisor_mode and
// process_vm_rw_core (model/kernel/functions.def).

#pragma once

#include <cstdint>

#include "model/ghost/knowledge.h"
#include "model/kernel/kernel.h"
#include "model/kernel/locals.h"

namespace knotcheck::model::user {

// Scripts: model/user/script.cc.

// The running op is a kChoose: goes on with one of its alternatives.
void TakeAlternative(Kernel& k);
// A store to user memory.
void Store(Kernel& k, const Op& store);
// The call of the running op is about to be made: its registers, unless it is one again whose
// registers are still there.
void LoadRegisters(Kernel& k);
// The call of the running task has returned `result`: expectations, then the next op.
void FinishOp(Kernel& k, Ret result);
// What a supervisor's script does without a system call, up to the next one. False: at a second
// choice, which is for another step.
bool TakeJumps(Kernel& k);

// Supervisors: model/user/knows.cc.

// The call that a notification is about, as RECV gave it.
inline const Op& CalledOf(const Kernel& k, int variable) {
  return k.CallOf(k.me().variable_task[variable] - 1, k.me().variable_call[variable]);
}
// RECV has filled the buffer.
void KeepNotification(Kernel& k, const RecvLocals& given);
// Whether the policy allows a call by what was seen of it: one of its rules does.
bool Allows(const Kernel& k, Nr nr, const ghost::Known& known);
// Whether a free supervisor may take its running op now. Names the notification that it is about.
bool FreeMay(Kernel& k);
// A free supervisor is again where it was before the ioctl.
void ForgetIoctl(Kernel& k);

}  // namespace knotcheck::model::user
