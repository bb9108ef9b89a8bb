// SPDX-License-Identifier: Apache-2.0
//
// Where the kernel takes the bytes of a record in place of user memory.

#include <algorithm>
#include <iterator>

#include "model/ghost/probes.h"
#include "model/kernel/locals.h"
#include "model/proposals/pin_args/room.h"

namespace knotcheck::model::pin_args {

namespace {

// What a fetch point returns whose entry is of another kind.
Ret OfOtherKind(const Kernel& k) {
  return k.Has(Fix::other_kind_fails) ? static_cast<Ret>(-kEFAULT) : Kernel::kNotServed;
}

}  // namespace

// getname_flags() as patched.
Flow pinned_getname_flags(Kernel& k) {
  auto& l = k.Locals<UseLocals>();
  FUNCTION_BEGIN;
  STEP("pin = seccomp_pin_lookup_current((u64)(uintptr_t)filename)", kNothing);
  {
    const int found = k.Has(Mutation::ignore_pin) ? -1 : LookupCurrent(k, l.role);
    if (found < 0) return k.Return(Kernel::kNotServed);
    const Record& kpa = Deref(k, Pins(k).tasks[k.cur].pinned_args);
    if (kpa.args[found].kind != kCstring) return k.Return(OfOtherKind(k));
    if (kpa.args[found].size <= 1 && !k.AllowsEmptyName(l.role)) return k.Return(-kENOENT);
    l.arg = static_cast<uint8_t>(found);
    Pins(k).tasks[k.cur].using_ = Pins(k).tasks[k.cur].pinned_args;
  }
  if (k.MayFailAllocation()) {
    STEP("getname_kernel(): result = __getname()", kBudget);
    if (!k.Allocate()) {
      Pins(k).tasks[k.cur].using_ = 0;
      return k.Return(-kENOMEM);
    }
  }
  STEP("return getname_kernel(pin->data)", kNothing);
  {
    const Record& kpa = Deref(k, Pins(k).tasks[k.cur].using_);
    Pins(k).tasks[k.cur].using_ = 0;
    for (int w = 0; w < 3; ++w) {
      const Value value = kpa.args[l.arg].words[w];
      k.me().copied[w] = value;
      ghost::Fetched(k, l.role, 0, w, value, false);
      k.Note("takes {} from the record", k.ValueText(value));
      if (value == kUninit || k.p.values[value].has_nul) break;
    }
  }
  return k.Return(0);
  FUNCTION_END;
}

// The record's count, for count().
Flow pinned_count(Kernel& k) {
  auto& l = k.Locals<UseLocals>();
  FUNCTION_BEGIN;
  STEP("pin = seccomp_pin_lookup_current(user_argv)", kNothing);
  {
    const int found = LookupCurrent(k, l.role);
    if (found < 0) return k.Return(Kernel::kNotServed);
    const PinnedArg& pin = Deref(k, Pins(k).tasks[k.cur].pinned_args).args[found];
    if (pin.kind != kCstringArray) return k.Return(OfOtherKind(k));
    k.Note("counts {} strings in the record", static_cast<int>(pin.count));
    return k.Return(pin.count);
  }
  FUNCTION_END;
}

// copy_strings_from_pin()
Flow copy_strings_from_pin(Kernel& k) {
  auto& l = k.Locals<UseLocals>();
  FUNCTION_BEGIN;
  // if (!user_argv) return 1
  if (k.PointerArg(SyscallOf(k.Number()).roles[l.role].arg) == kZero) {
    return k.Return(Kernel::kNotServed);
  }
  STEP("pin = seccomp_pin_lookup_current(user_argv)", kNothing);
  {
    const int found = LookupCurrent(k, l.role);
    if (found < 0) return k.Return(Kernel::kNotServed);
    const Record& kpa = Deref(k, Pins(k).tasks[k.cur].pinned_args);
    if (kpa.args[found].kind != kCstringArray) return k.Return(OfOtherKind(k));
    l.arg = static_cast<uint8_t>(found);
    Pins(k).tasks[k.cur].using_ = Pins(k).tasks[k.cur].pinned_args;
  }
  STEP("copy_string_kernel(strings + off, bprm)", kNothing);
  {
    const Record& kpa = Deref(k, Pins(k).tasks[k.cur].using_);
    Pins(k).tasks[k.cur].using_ = 0;
    const PinnedArg& pin = kpa.args[l.arg];
    const int stride = StrideOf(k.p);
    for (int e = pin.count - 1; e >= 0; --e) {
      for (int w = 0; w < stride; ++w) {
        const Value value = pin.words[e * stride + w];
        ghost::Fetched(k, l.role, e, w, value, false);
        k.Note("takes {} from the record", k.ValueText(value));
        if (value == kUninit || k.p.values[value].has_nul) break;
      }
    }
  }
  return k.Return(0);
  FUNCTION_END;
}

// move_addr_to_kernel() as patched.
Flow pinned_move_addr_to_kernel(Kernel& k) {
  auto& l = k.Locals<UseLocals>();
  FUNCTION_BEGIN;
  STEP("pin = seccomp_pin_lookup_current((u64)(uintptr_t)uaddr)", kNothing);
  {
    const int found = LookupCurrent(k, l.role);
    if (found < 0) return k.Return(Kernel::kNotServed);
    const PinnedArg& pin = Deref(k, Pins(k).tasks[k.cur].pinned_args).args[found];
    if (pin.kind != kFixed && k.Has(Fix::other_kind_fails)) return k.Return(-kEFAULT);
    if (pin.size < k.RoleBytes(l.role) && k.Has(Fix::short_sockaddr_fails)) {
      return k.Return(-kEFAULT);
    }
    l.arg = static_cast<uint8_t>(found);
    Pins(k).tasks[k.cur].using_ = Pins(k).tasks[k.cur].pinned_args;
  }
  STEP("memcpy(kaddr, pin->data, n)", kNothing);
  {
    const Record& kpa = Deref(k, Pins(k).tasks[k.cur].using_);
    Pins(k).tasks[k.cur].using_ = 0;
    const PinnedArg& pin = kpa.args[l.arg];
    const int ulen = k.RoleBytes(l.role);
    const int n = std::min<int>(ulen, pin.size);
    // The rest of *kaddr stays as it is: on the stack of __sys_bind(), written by nobody.
    for (int w = 0; w < std::min((ulen + 7) / 8, 3); ++w) {
      const int wanted = std::min(ulen - 8 * w, 8);
      const int given = std::clamp(n - 8 * w, 0, 8);
      const bool bare = given < wanted && !k.Has(Fix::sockaddr_zeroed);
      k.me().copied[w] = bare ? kUninit : Truncated(k, pin.words[w], std::min(given, wanted));
      k.Note("takes {} from the record", k.ValueText(k.me().copied[w]));
      ghost::Fetched(k, l.role, 0, w, k.me().copied[w], false);
    }
  }
  return k.Return(0);
  FUNCTION_END;
}

// An O_DIRECT request of io_submit(2), or one that io_uring issues again, reads what it imported.
Flow deferred_copy_from_iter(Kernel& k) {
  FUNCTION_BEGIN;
  // It may fault, so it is no mover, although nobody else touches what it does.
  STEP("copy_from_iter(kaddr, bytes, i), after the call has returned", kMayFault);
  static_cast<void>(Deref(k, Pins(k).tasks[k.cur].using_));
  Pins(k).tasks[k.cur].using_ = 0;
  return k.Return(0);
  FUNCTION_END;
}

// import_ubuf() as patched, with the copy through the kvec that follows it.
Flow pinned_import_ubuf(Kernel& k) {
  auto& l = k.Locals<UseLocals>();
  FUNCTION_BEGIN;
  STEP("pin = seccomp_pin_lookup_current((u64)(uintptr_t)buf)", kNothing);
  {
    const bool dest = SyscallOf(k.Number()).roles[l.role].shape == Shape::kOutBuffer;
    if (dest && k.Has(Fix::source_only)) return k.Return(Kernel::kNotServed);
    const int found = LookupCurrent(k, l.role);
    if (found < 0) return k.Return(Kernel::kNotServed);
    const Record& kpa = Deref(k, Pins(k).tasks[k.cur].pinned_args);
    if (kpa.args[found].kind != kFixed) return k.Return(OfOtherKind(k));
    l.arg = static_cast<uint8_t>(found);
    l.n = static_cast<uint8_t>(std::min<int>(k.RoleBytes(l.role), kpa.args[found].size));
    Pins(k).tasks[k.cur].using_ = Pins(k).tasks[k.cur].pinned_args;
    if (ReadsLater(k.op())) {
      k.Note("the request keeps an iterator over the record");
      return k.Return(l.n);
    }
  }
  for (l.w = 0; l.w * 8 < l.n; ++l.w) {
    STEP("iov_iter_kvec(i, rw, kvec, 1, n), then a word through it", kNothing);
    Record& kpa = Deref(k, Pins(k).tasks[k.cur].using_);
    if (SyscallOf(k.Number()).roles[l.role].shape == Shape::kOutBuffer) {
      kpa.args[l.arg].words[l.w] = kZero;
      k.Note("a word of the file goes to the record");
    } else {
      const Value value = Truncated(k, kpa.args[l.arg].words[l.w], l.n - 8 * l.w);
      if (l.w < std::size(k.me().copied)) k.me().copied[l.w] = value;
      k.Note("writes {} from the record", k.ValueText(value));
      ghost::Fetched(k, l.role, 0, l.w, value, false);
    }
  }
  Pins(k).tasks[k.cur].using_ = 0;
  return k.Return(l.n);
  FUNCTION_END;
}

// vfs_write() of a file with ->write, which would read user memory.
Flow pinned_vfs_write(Kernel& k) {
  FUNCTION_BEGIN;
  STEP("pin = seccomp_pin_lookup_current((u64)(uintptr_t)buf)", kNothing);
  return k.Return(LookupCurrent(k, 0) < 0 ? Kernel::kNotServed : static_cast<Ret>(-kEINVAL));
  FUNCTION_END;
}

Hook Deferred(Kernel& k) {
  if (Pins(k).tasks[k.cur].using_ == 0) return Hook::kNotHandled;
  k.Push(FnNumber(kFnDeferred));
  return Hook::kCalled;
}

Hook Count(Kernel& k, int role) {
  const bool may = Pins(k).tasks[k.cur].pinned_args != 0 && k.Has(Fix::count_from_record);
  return may ? PushFetch<kFnCount>(k, role) : Hook::kNotHandled;
}

Hook VfsWrite(Kernel& k, int role) {
  const bool may = Pins(k).tasks[k.cur].pinned_args != 0 && k.Has(Fix::legacy_write_fails);
  return may ? PushFetch<kFnVfsWrite>(k, role) : Hook::kNotHandled;
}

}  // namespace knotcheck::model::pin_args
