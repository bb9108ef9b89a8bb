// SPDX-License-Identifier: Apache-2.0
//
// mm/process_vm_access.c, one word of it: model/user/look.cc makes the calls.

#include "model/kernel/kernel.h"
#include "model/kernel/toggles.h"

namespace knotcheck::model {
namespace {

// A thread that executes a program takes the number of the thread group's leader (de_thread()), so
// whoever asks for that one, which is gone, gets the new program's memory. -1: nobody has.
int Successor(const Kernel& k, int target) {
  for (size_t t = 0; t < k.p.tasks.size(); ++t) {
    const Task& other = k.s->tasks[t];
    const bool took_over = static_cast<int>(t) != target && k.p.tasks[t].group == target &&
                           (other.flags & kExeced) && other.status == kAlive;
    if (took_over) return static_cast<int>(t);
  }
  return -1;
}

}  // namespace

bool Kernel::MmIsGone(int task) const {
  const uint8_t status = s->tasks[task].status;
  return status == kDead || (status == kExiting && Has(Variant::release_late));
}

Ret process_vm_readv(Kernel& k, int pid, Value address, int w, Value* word) {
  // task = find_get_task_by_vpid(pid), mm = mm_access(task)
  const int holder = k.MmIsGone(pid) ? Successor(k, pid) : pid;
  if (holder < 0) return -kESRCH;
  // pin_user_pages_remote(mm)
  const auto read = k.ReadUser(holder, address, w);
  if (!read.mapped) return -kEFAULT;
  *word = read.value;
  return 0;
}

}  // namespace knotcheck::model
