// SPDX-License-Identifier: Apache-2.0
//
// kernel/seccomp.c as the made-up patch changes it.

#include "mark/room.h"

namespace knotcheck::model::mark {
namespace {

constexpr uint32_t kOnce = 1;

// task_work_cancel(task, &mark->work): it takes one out wherever it stands.
void Cancel(Kernel& k, int task, uint8_t mark) {
  uint8_t* works = k.s->tasks[task].task_works;
  if (mark != 0 && works[0] == mark) {
    works[0] = works[1];
    works[1] = 0;
  }
}

}  // namespace

Flow seccomp_notif_mark(Kernel& k) {
  auto& l = k.Locals<RequestLocals>();
  FUNCTION_BEGIN;
  // The first STEP is taken with the call itself, so it has one outcome only.
  STEP("copy_from_user(&umark, arg, sizeof(umark))", kNothing);
  if (k.op().options & kBufNull) return k.Return(-kEFAULT);
  if ((k.op().fields[0] & kOnce) && k.Has(Revision::v1)) return k.Return(-kEINVAL);
  STEP("mark = kzalloc(sizeof(*mark), GFP_KERNEL_ACCOUNT)", kBudget);
  if (!k.Allocate()) return k.Return(-kENOMEM);
  l.id = k.me().variable_id[k.op().variable];
  Marks(k).tasks[k.cur].making = MakeMark(k);
  k.Raise(Event::kAllocated);
  STEP("ret = mutex_lock_interruptible(&filter->notify_lock)", kLocksInterruptibly);
  if (k.SignalPending(k.cur)) {
    FreeMark(k, Marks(k).tasks[k.cur].making);
    Marks(k).tasks[k.cur].making = 0;
    return k.Return(-kEINTR);
  }
  if (!k.TryLock()) return Flow::kBlocked;
  {
    MarkState marks = Marks(k);
    MarkTask& own = marks.tasks[k.cur];
    const int task = k.FindNotification(l.id);
    if (task < 0) {
      l.ret = -kENOENT;
    } else if (k.s->tasks[task].knotif.state != kSent) {
      l.ret = -kEINPROGRESS;
    } else if ((k.op().fields[0] & kOnce) && marks.tasks[task].marked) {
      l.ret = -kEEXIST;
    } else {
      const uint8_t old = marks.tasks[task].mark;
      Cancel(k, task, old);
      if (k.Has(Fix::old_mark_freed)) FreeMark(k, old);
      // task->seccomp.mark = mark; task_work_add(task, &mark->work, TWA_RESUME)
      marks.marks[own.making - 1].notif_id = l.id;
      marks.tasks[task].mark = own.making;
      marks.tasks[task].marked = 1;
      own.making = 0;
      k.Raise(kAttached);
      k.Note("mark on {}", k.p.tasks[static_cast<size_t>(task)].name);
      uint8_t* works = k.s->tasks[task].task_works;
      if (!k.Has(Mutation::mark_stays)) {
        KNOT_CHECK(works[1] == 0);
        works[1] = works[0];
        works[0] = marks.tasks[task].mark;
      }
    }
  }
  STEP("mutex_unlock(&filter->notify_lock)", kUnlocks);
  k.Unlock();
  FreeMark(k, Marks(k).tasks[k.cur].making);
  Marks(k).tasks[k.cur].making = 0;
  return k.Return(l.ret);
  FUNCTION_END;
}

Flow seccomp_clear_mark(Kernel& k) {
  auto& l = k.Locals<ClearLocals>();
  FUNCTION_BEGIN;
  STEP("mark = xchg(&task->seccomp.mark, NULL)", kNothing);
  Marks(k).tasks[k.cur].clearing = Marks(k).tasks[l.task].mark;
  Marks(k).tasks[l.task].mark = 0;
  if (Marks(k).tasks[k.cur].clearing == 0) return k.Return(0);
  Cancel(k, l.task, Marks(k).tasks[k.cur].clearing);
  STEP("kfree(mark)", kNothing);
  FreeMark(k, Marks(k).tasks[k.cur].clearing);
  Marks(k).tasks[k.cur].clearing = 0;
  return k.Return(0);
  FUNCTION_END;
}

Hook PushClear(Kernel& k, int task) {
  k.Push<ClearLocals>(FnNumber(kFnClear)).task = static_cast<uint8_t>(task);
  return Hook::kCalled;
}

void ReturnedToUser(Kernel& k) {
  if (Marks(k).tasks[k.cur].mark != 0) k.Raise(kSurvives);
}

}  // namespace knotcheck::model::mark
