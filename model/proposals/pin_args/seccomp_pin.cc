// SPDX-License-Identifier: Apache-2.0
//
// kernel/seccomp_pin.c: what copies arguments into a record, finds them there, and gives it up.

#include <algorithm>

#include "model/ghost/knowledge.h"
#include "model/proposals/pin_args/room.h"

namespace knotcheck::model::pin_args {

// seccomp_pin_lookup_current(): the index of the entry for this argument's address, or -1.
int LookupCurrent(Kernel& k, int role) {
  const Value user_addr = k.RoleAddress(role);
  const int arg = SyscallOf(k.Number()).roles[static_cast<size_t>(role)].arg;
  const uint8_t kpa = Pins(k).tasks[k.cur].pinned_args;
  if (kpa == 0) return -1;
  const Record& record = Deref(k, kpa);
  if (!record.live) return -1;
  if (record.syscall_nr != k.p.number_of[static_cast<size_t>(k.Number())]) return -1;
  for (int i = 0; i < record.nr_args; ++i) {
    if (record.args[i].user_addr != user_addr) continue;
    if (record.args[i].arg_idx != arg && k.Has(Fix::lookup_by_argument)) continue;
    if (user_addr == kZero && k.Has(Fix::null_not_pinned)) continue;
    k.Raise(kConsumed);
    k.Note("pinned for knotif {}", static_cast<int>(record.notif_id));
    if (record.notif_id != k.me().ghost_id) {
      k.Raise(kForeign);
      k.Note("<-- a record of another notification than knotif {}",
             static_cast<int>(k.me().ghost_id));
    }
    return i;
  }
  return -1;
}

namespace {

void ObserveShown(Kernel& k, const PinnedArg& arg) {
  k.Observe({.kind = Observation::Kind::kShows,
             .role = arg.arg_idx,
             .entry = arg.kind,
             .word = arg.count,
             .value = arg.size,
             .user = arg.gaps > 0});
  for (int w = 0; w < kPinWords; ++w) {
    k.Observe({.kind = Observation::Kind::kShowsWord,
               .word = static_cast<uint8_t>(w),
               .value = arg.words[w]});
  }
}

// What the supervisor finds in its buffer, for one argument.
void ShowToSupervisor(Kernel& k, const Op& call, const PinnedArg& arg, int arg_idx) {
  const int role = RoleOfArg(call.nr, arg_idx);
  k.Raise(Event::kCopyOut);
  Task& me = k.me();
  SeenLayout layout;
  int bytes = arg.size;
  if (role >= 0) {
    layout = k.p.seen[static_cast<size_t>(call.nr)][static_cast<size_t>(role)];
    const int length_arg = SyscallOf(call.nr).roles[static_cast<size_t>(role)].length_arg;
    // The call looks at no more bytes than its length says.
    if (length_arg >= 0 && !SyscallOf(call.nr).roles[static_cast<size_t>(role)].IsString()) {
      bytes = std::min<int>(bytes, call.scalars[static_cast<size_t>(length_arg)]);
    }
  }
  // The strings that an argument's bytes point to are not those bytes.
  if (arg.kind == kCstringArray && role >= 0 &&
      SyscallOf(call.nr).roles[static_cast<size_t>(role)].shape != Shape::kStrings) {
    layout = SeenLayout{};
  }
  if (layout.entries != 0) ghost::BeginLook(k, me.ghost_id, call.nr, role);
  bool uninitialised = arg.gaps > 0;
  const auto show = [&](int entry, int w, Value value) {
    uninitialised |= value == kUninit;
    const int slot = layout.entries == 0 ? -1 : ghost::SlotOf(k, call.nr, role, entry, w);
    if (slot >= 0) me.seen[slot] = value;
  };
  if (arg.kind == kCstringArray) {
    const int stride = StrideOf(k.p);
    for (int e = 0; e < arg.count; ++e) {
      for (int w = 0; w < stride && e * stride + w < kPinWords; ++w) {
        const Value value = arg.words[e * stride + w];
        show(e, w, value);
        if (value == kUninit || k.p.values[value].has_nul) break;
      }
    }
  } else {
    for (int w = 0; w < (arg.size + 7) / 8 && w < kPinWords; ++w) {
      show(0, w, Truncated(k, arg.words[w], bytes - 8 * w));
    }
    if (layout.entries != 0 && !SyscallOf(call.nr).roles[static_cast<size_t>(role)].IsString()) {
      ghost::NothingBeyond(k, call.nr, role, (arg.size + 7) / 8);
    }
  }
  if (uninitialised) {
    k.Raise(Event::kUninitialisedOut);
    k.Note("bytes that nobody wrote go to the supervisor's buffer");
  }
  k.Note("reads back {}",
         k.ValueText(arg.kind == kCstringArray && arg.count == 0 ? kZero : arg.words[0]));
}

// Gives entry i the bytes of an earlier entry for its address, if a fix does that.
bool CopiedFromEarlier(Kernel& k, int task, uint8_t call, size_t i) {
  const auto& descriptors = Descriptors(k);
  Record& kpa = Pins(k).records[Pins(k).tasks[k.cur].building - 1];
  for (size_t j = 0; j < i; ++j) {
    if (descriptors[j].kind != descriptors[i].kind) continue;
    if (kpa.args[j].user_addr != AddressOf(k, task, call, descriptors[i].arg)) continue;
    if (!k.Has(Fix::address_copied_once)) continue;
    kpa.args[i] = kpa.args[j];
    kpa.args[i].arg_idx = static_cast<uint8_t>(descriptors[i].arg);
    return true;
  }
  return false;
}

// get_task_mm(): fails once exit_mm() has run, which is the end of a task here; and gives another
// address space once the task has executed a program.
uint8_t GetTaskMm(Kernel& k, int task, uint8_t call_mm) {
  const uint8_t mm = k.MmOf(task);
  if (mm > Kernel::kNewMm && mm != call_mm) k.Raise(kExecutedSince);
  return k.Has(Fix::mm_of_the_call) ? call_mm : mm;
}

// A word of the address space that was taken, which need not be that of the call any more.
Kernel::UserWord ReadRemote(Kernel& k, int task, Value address, int w, uint8_t mm,
                            uint8_t call_mm) {
  const auto word = k.ReadUser(task, address, w, mm);
  if (word.mapped && mm != call_mm) {
    k.Raise(kOtherImage);
    k.Note("<-- of another program, which the task has executed since");
  }
  return word;
}

// Whether a table certainly ends at this entry. An entry that a peer may write does not.
bool EndsAt(const Kernel& k, uint8_t space, Value table, int entry, uint8_t mm) {
  if (mm != Kernel::kFirstMm) return false;
  const int object = k.p.ObjectAt(table, space);
  if (object < 0) return false;
  const Object& o = k.p.objects[static_cast<size_t>(object)];
  if (entry >= o.words) return false;
  const auto index = static_cast<size_t>(o.first_word + entry);
  return !k.p.words[index].shared && (k.s->memory[index] ^ k.p.words[index].domain[0]) == kZero;
}

uint32_t MaxEntries(const Descriptor& desc) {
  const uint32_t max_entries = desc.max_entries != 0 ? desc.max_entries : 0x7fffffffu;
  return std::min(max_entries, desc.max_bytes / 5);
}

}  // namespace

Flow seccomp_pin_args_walk(Kernel& k) {
  auto& l = k.Locals<WalkLocals>();
  FUNCTION_BEGIN;
  if (k.MayFailAllocation()) {
    STEP("kpa = seccomp_alloc_pinned_args(kargs->nr_args)", kBudget);
    if (!k.Allocate()) return k.Return(-kENOMEM);
  }
  k.Raise(Event::kAllocated);
  // GFP_KERNEL_ACCOUNT charges current, which is the caller of the ioctl.
  if (!k.Has(Fix::charge_target)) k.Raise(kChargedToCaller);
  {
    Pins(k).tasks[k.cur].building = AllocateRecord(k);
    Record& kpa = Deref(k, Pins(k).tasks[k.cur].building);
    const auto& descriptors = Descriptors(k);
    KNOT_CHECK(descriptors.size() <= kPinArgs);
    kpa.nr_args = static_cast<uint8_t>(descriptors.size());
    kpa.notif_id = l.id;
    kpa.syscall_nr = k.p.number_of[static_cast<size_t>(k.CallOf(l.task, l.call).nr)];
  }
  for (l.i = 0; l.i < Descriptors(k).size(); ++l.i) {
    {
      const Descriptor& d = Descriptors(k)[l.i];
      // NULL pointers: record a zero-size pin and move on.
      if (AddressOf(k, l.task, l.call, d.arg) == kZero) continue;
    }
    k.ret = 0;
    if (!CopiedFromEarlier(k, l.task, l.call, l.i)) {
      CALL({
        const WalkLocals from = l;
        const int kind = Descriptors(k)[from.i].kind;
        if (kind == kFixed) {
          auto& callee = k.Push<FixedLocals>(FnNumber(kFnFixed));
          callee.task = from.task;
          callee.call = from.call;
          callee.arg = from.i;
          callee.call_mm = from.call_mm;
        } else if (kind == kCstring) {
          auto& callee = k.Push<FixedLocals>(FnNumber(kFnCstring));
          callee.task = from.task;
          callee.call = from.call;
          callee.arg = from.i;
          callee.call_mm = from.call_mm;
        } else {
          auto& callee = k.Push<ArrayLocals>(FnNumber(kFnCstringArray));
          callee.task = from.task;
          callee.call = from.call;
          callee.arg = from.i;
          callee.call_mm = from.call_mm;
        }
      });
    }
    if (k.ret < 0) {
      l.ret = k.ret;
      goto err_free;
    }
    {
      const Record& kpa = Deref(k, Pins(k).tasks[k.cur].building);
      const PinnedArg& arg = kpa.args[l.i];
      if (arg.size + l.buf_off > BufSize(k.op())) {
        l.ret = -kENOSPC;
        goto err_free;
      }
      // copy_to_user(user_buf + buf_off, kpa->args[i].data, kpa->args[i].size)
      ShowToSupervisor(k, k.CallOf(l.task, l.call), arg, Descriptors(k)[l.i].arg);
      ObserveShown(k, arg);
      l.buf_off = static_cast<uint8_t>(l.buf_off + arg.size);
    }
  }
  return k.Return(0);

err_free:
  FreeRecord(k, Pins(k).tasks[k.cur].building);
  Pins(k).tasks[k.cur].building = 0;
  return k.Return(l.ret);
  FUNCTION_END;
}

Flow pin_one_fixed(Kernel& k) {
  auto& l = k.Locals<FixedLocals>();
  FUNCTION_BEGIN;
  if (k.MayFailAllocation()) {
    STEP("kbuf = kvmalloc(desc->max_bytes, GFP_KERNEL_ACCOUNT)", kBudget);
    if (!k.Allocate()) return k.Return(-kENOMEM);
  }
  for (Value& v : Deref(k, Pins(k).tasks[k.cur].building).args[l.arg].words) v = kUninit;
  STEP("mm = get_task_mm(task)", kTargetLife);
  l.mm = GetTaskMm(k, l.task, l.call_mm);
  if (l.mm == Kernel::kNoMm) {
    Deref(k, Pins(k).tasks[k.cur].building).args[l.arg] = PinnedArg{};
    return k.Return(-kESRCH);
  }
  while (true) {
    STEP("read = access_remote_vm(mm, user_addr, kbuf, desc->max_bytes, 0)", kReadsMemory);
    const Descriptor& desc = Descriptors(k)[l.arg];
    Record& kpa = Deref(k, Pins(k).tasks[k.cur].building);
    PinnedArg& out = kpa.args[l.arg];
    const Value address = AddressOf(k, l.task, l.call, desc.arg);
    const int mapped = k.MappedBytes(l.task, address, l.mm);
    int read = std::min<int>(static_cast<int>(desc.max_bytes), mapped);
    const auto word = ReadRemote(k, l.task, address, l.w, l.mm, l.call_mm);
    // What is unmapped ends it as the end of the object does.
    if (!word.mapped) read = std::min(read, 8 * l.w);
    if (read <= 0) {
      out = PinnedArg{};
      return k.Return(-kEFAULT);
    }
    if (word.mapped) {
      KNOT_CHECK(l.w < kPinWords);
      k.Note("snapshots {}", k.ValueText(word.value));
      if (!k.Has(Mutation::unpinned_walk)) {
        out.words[l.w] = Truncated(k, word.value, read - 8 * l.w);
      }
      ++l.w;
    }
    if (l.w * 8 < read) continue;
    for (int w = l.w; w < kPinWords; ++w) out.words[w] = kZero;
    out.user_addr = address;
    out.arg_idx = static_cast<uint8_t>(desc.arg);
    out.size = static_cast<uint8_t>(read);
    out.kind = kFixed;
    out.data = 1;
    if (read < static_cast<int>(desc.max_bytes)) {
      k.Note("truncated: {} of {} bytes", read, desc.max_bytes);
      if (!k.Has(Mutation::truncated_never)) {
        k.me().ghost |= kGhostTruncated;
        k.Observe({.kind = Observation::Kind::kCuts});
      } else {
        k.Raise(kTruncatedMissing);
      }
    }
    k.Raise(kPinCopied);
    return k.Return(0);
  }
  FUNCTION_END;
}

Flow pin_one_cstring(Kernel& k) {
  auto& l = k.Locals<FixedLocals>();
  FUNCTION_BEGIN;
  if (k.MayFailAllocation()) {
    STEP("kbuf = kvmalloc(desc->max_bytes, GFP_KERNEL_ACCOUNT)", kBudget);
    if (!k.Allocate()) return k.Return(-kENOMEM);
  }
  for (Value& v : Deref(k, Pins(k).tasks[k.cur].building).args[l.arg].words) v = kUninit;
  // copy_remote_vm_str() takes the address space itself.
  STEP("mm = get_task_mm(tsk)", kTargetLife);
  l.mm = GetTaskMm(k, l.task, l.call_mm);
  while (true) {
    STEP("copied = copy_remote_vm_str(task, user_addr, kbuf, desc->max_bytes, 0)", kReadsMemory);
    const Descriptor& desc = Descriptors(k)[l.arg];
    Record& kpa = Deref(k, Pins(k).tasks[k.cur].building);
    PinnedArg& out = kpa.args[l.arg];
    const Value address = AddressOf(k, l.task, l.call, desc.arg);
    const auto word = ReadRemote(k, l.task, address, l.w, l.mm, l.call_mm);
    if (!word.mapped) {
      out = PinnedArg{};
      return k.Return(-kEFAULT);
    }
    KNOT_CHECK(l.w < kPinWords);
    k.Note("snapshots {}", k.ValueText(word.value));
    const int max_bytes = static_cast<int>(desc.max_bytes);
    const int left = max_bytes - 1 - 8 * l.w;  // bytes of this word that fit before the NUL
    const int length = ByteLength(k, word.value);
    const bool ends = length < 8 && length <= left;
    const bool cut = !ends && left < 8;
    if (!k.Has(Mutation::unpinned_walk)) {
      out.words[l.w] = cut ? Truncated(k, word.value, left) : word.value;
    }
    if (!ends && !cut) {
      ++l.w;
      continue;
    }
    for (int w = l.w + 1; w < kPinWords; ++w) out.words[w] = kZero;
    const int copied = cut ? max_bytes - 1 : 8 * l.w + length;
    out.user_addr = address;
    out.arg_idx = static_cast<uint8_t>(desc.arg);
    out.size = static_cast<uint8_t>(copied + 1);
    out.kind = kCstring;
    out.data = 1;
    k.Raise(kPinCopied);
    const bool full = copied == max_bytes - 1;
    const bool told = cut || (full && !k.Has(Fix::cut_is_told));
    if (told && !k.Has(Mutation::truncated_never)) {
      k.me().ghost |= kGhostTruncated;
      k.Observe({.kind = Observation::Kind::kCuts});
      k.Note("truncated");
      if (!cut) k.Raise(kTruncatedFalse);
    } else if (cut) {
      k.Raise(kTruncatedMissing);
    }
    return k.Return(0);
  }
  FUNCTION_END;
}

// Layout of the buffer: [u32 count][u32 offsets[count]][u8 strings[]].
Flow pin_one_cstring_array(Kernel& k) {
  auto& l = k.Locals<ArrayLocals>();
  FUNCTION_BEGIN;
  if (Descriptors(k)[l.arg].max_bytes < 4) return k.Return(-kEINVAL);
  if (k.MayFailAllocation()) {
    STEP("kbuf = kvmalloc(desc->max_bytes, GFP_KERNEL_ACCOUNT)", kBudget);
    if (!k.Allocate()) return k.Return(-kENOMEM);
  }
  for (Value& v : Deref(k, Pins(k).tasks[k.cur].building).args[l.arg].words) v = kUninit;
  STEP("mm = get_task_mm(task)", kTargetLife);
  l.mm = GetTaskMm(k, l.task, l.call_mm);
  if (l.mm == Kernel::kNoMm) {
    Deref(k, Pins(k).tasks[k.cur].building).args[l.arg] = PinnedArg{};
    return k.Return(-kESRCH);
  }
  // Phase 1: count entries by walking the pointer table.
  while (true) {
    if (l.count >= MaxEntries(Descriptors(k)[l.arg]) && !k.Has(Fix::cut_is_told)) {
      l.truncated = 1;
      l.cut = !EndsAt(k, k.p.tasks[l.task].space,
                      AddressOf(k, l.task, l.call, Descriptors(k)[l.arg].arg), l.count, l.mm);
      k.Note("truncated entries");
      break;
    }
    STEP("access_remote_vm(mm, user_addr + i * sizeof(ptr), &ptr, sizeof(ptr), 0)", kReadsMemory);
    const Value table = AddressOf(k, l.task, l.call, Descriptors(k)[l.arg].arg);
    const auto word = ReadRemote(k, l.task, table, l.count, l.mm, l.call_mm);
    // The fix alone reads an entry that it does not take.
    const bool beyond = l.count >= MaxEntries(Descriptors(k)[l.arg]);
    if (!word.mapped && !beyond) {
      Deref(k, Pins(k).tasks[k.cur].building).args[l.arg] = PinnedArg{};
      return k.Return(-kEFAULT);
    }
    k.Note("counts entry {}: {}", static_cast<int>(l.count), k.ValueText(word.value));
    if (word.mapped && word.value == kZero) break;
    if (beyond) {
      l.truncated = l.cut = 1;
      k.Note("truncated entries");
      break;
    }
    ++l.count;
  }
  if (4u + 4u * l.count > Descriptors(k)[l.arg].max_bytes) {
    Deref(k, Pins(k).tasks[k.cur].building).args[l.arg] = PinnedArg{};
    return k.Return(-kEINVAL);
  }
  l.counted = l.count;
  l.byte_off = static_cast<uint8_t>(4 + 4 * l.count);
  // Phase 2: copy each string into the packed area.
  for (l.i = 0; l.i < l.count; ++l.i) {
    STEP("access_remote_vm(mm, user_addr + i * sizeof(ptr), &ptr, sizeof(ptr), 0)", kReadsMemory);
    {
      const auto word = ReadRemote(
          k, l.task, AddressOf(k, l.task, l.call, Descriptors(k)[l.arg].arg), l.i, l.mm, l.call_mm);
      if (!word.mapped) {
        Deref(k, Pins(k).tasks[k.cur].building).args[l.arg] = PinnedArg{};
        return k.Return(-kEFAULT);
      }
      l.ptr = word.value;
      k.Note("entry {}: {}", static_cast<int>(l.i), k.ValueText(l.ptr));
    }
    if (l.ptr == kZero && k.Has(Fix::null_ends_table)) {
      l.count = l.i;
      break;
    }
    if (l.byte_off >= Descriptors(k)[l.arg].max_bytes) {
      l.truncated = l.cut = 1;
      k.Note("truncated bytes");
      l.count = l.i;
      break;
    }
    l.w = 0;
    // copy_remote_vm_str() takes the address space that the task has by now.
    STEP("mm = get_task_mm(tsk)", kTargetLife);
    l.str_mm = GetTaskMm(k, l.task, l.call_mm);
    while (true) {
      STEP("copied = copy_remote_vm_str(task, ptr, (char *)kbuf + byte_off, remaining, 0)",
           kReadsMemory);
      const auto word = ReadRemote(k, l.task, l.ptr, l.w, l.str_mm, l.call_mm);
      PinnedArg& out = Deref(k, Pins(k).tasks[k.cur].building).args[l.arg];
      if (!word.mapped) {
        out = PinnedArg{};
        return k.Return(-kEFAULT);
      }
      const int remaining = static_cast<int>(Descriptors(k)[l.arg].max_bytes) - l.byte_off;
      const int left = remaining - 1 - 8 * l.w;
      const int length = ByteLength(k, word.value);
      const bool ends = length < 8 && length <= left;
      const bool cut = !ends && left < 8;
      const int stride = StrideOf(k.p);
      const int at = l.i * stride + l.w;
      KNOT_CHECK(at < kPinWords);
      if (!k.Has(Mutation::unpinned_walk)) {
        out.words[at] = cut ? Truncated(k, word.value, left) : word.value;
      }
      k.Note("snapshots {}", k.ValueText(word.value));
      if (!ends && !cut) {
        ++l.w;
        continue;
      }
      const int copied = cut ? remaining - 1 : 8 * l.w + length;
      k.Raise(kPinCopied);
      const bool full = copied + 1 >= remaining;
      if (cut || (full && !k.Has(Fix::cut_is_told))) l.truncated = 1;
      if (cut) l.cut = 1;
      l.byte_off = static_cast<uint8_t>(l.byte_off + copied + 1);
      break;
    }
  }
  {
    const Descriptor& desc = Descriptors(k)[l.arg];
    PinnedArg& out = Deref(k, Pins(k).tasks[k.cur].building).args[l.arg];
    for (Value& v : out.words) {
      if (v == kUninit && !k.Has(Mutation::unpinned_walk)) v = kZero;
    }
    out.user_addr = AddressOf(k, l.task, l.call, desc.arg);
    out.arg_idx = static_cast<uint8_t>(desc.arg);
    out.size = l.byte_off;
    out.kind = kCstringArray;
    out.data = 1;
    out.count = l.count;
    out.gaps = static_cast<uint8_t>(l.counted - l.count);
    if (out.gaps != 0 && k.Has(Fix::zeroed_buffers)) out.gaps = 0;
    if (k.Has(Mutation::truncated_never)) l.truncated = 0;
    if (l.truncated) {
      k.me().ghost |= kGhostTruncated;
      k.Observe({.kind = Observation::Kind::kCuts});
    }
    k.Raise(kPinCopied);
    if (l.truncated && !l.cut) k.Raise(kTruncatedFalse);
    if (l.cut && !l.truncated) k.Raise(kTruncatedMissing);
  }
  return k.Return(0);
  FUNCTION_END;
}

Flow seccomp_clear_pinned_args(Kernel& k) {
  auto& l = k.Locals<ClearLocals>();
  FUNCTION_BEGIN;
  STEP("kpa = xchg(&task->seccomp.pinned_args, NULL)", kNothing);
  Pins(k).tasks[k.cur].clearing = Pins(k).tasks[l.task].pinned_args;
  Pins(k).tasks[l.task].pinned_args = 0;
  if (Pins(k).tasks[k.cur].clearing == 0) return k.Return(0);
  if (Deref(k, Pins(k).tasks[k.cur].clearing).clear_queued) {
    STEP("task_work_cancel(task, &kpa->clear_work)", kNothing);
    uint8_t* works = k.s->tasks[l.task].task_works;
    if (works[0] == Pins(k).tasks[k.cur].clearing) {
      works[0] = works[1];
      works[1] = 0;
    } else if (works[1] == Pins(k).tasks[k.cur].clearing) {
      works[1] = 0;
    }
  }
  STEP("seccomp_free_pinned_args(kpa)", kNothing);
  FreeRecord(k, Pins(k).tasks[k.cur].clearing);
  if (k.Has(Mutation::free_twice)) FreeRecord(k, Pins(k).tasks[k.cur].clearing);
  Pins(k).tasks[k.cur].clearing = 0;
  return k.Return(0);
  FUNCTION_END;
}

}  // namespace knotcheck::model::pin_args
