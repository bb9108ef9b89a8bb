// SPDX-License-Identifier: Apache-2.0
//
// SECCOMP_IOCTL_NOTIF_PIN_ARGS on a real kernel.

#include <sys/mman.h>

#include <algorithm>
#include <cstring>

#include "conform/proposals/pin_args/uapi.h"
#include "conform/runner/layout.h"
#include "conform/runner/park.h"
#include "conform/runner/room.h"

namespace knotcheck::runner {
namespace {

uint32_t BufSize(const Op& op) { return static_cast<uint32_t>(op.numbers[0]); }

// What is larger the kernel refuses.
uint64_t Readback(const Op& op) { return BufSize(op) <= (1 << 24) ? BufSize(op) : 0; }

void* Written(const Desk& desk, const Op& op) {
  return BufSize(op) > 0 ? static_cast<void*>(desk.readback) : desk.request;
}

// What PIN_ARGS has copied of one argument: a string, bytes, or a table of strings (its number of
// entries, where each begins, the strings).
void SawPinned(Desk* desk, int variable, const seccomp_pin_arg& arg, uint32_t size, Level* level) {
  const int reg = arg.arg_idx;
  Desk::Seen* const seen = Keep(desk, variable, reg);
  AddRegister(level, "r", reg);
  const uint64_t end = std::min<uint64_t>(arg.buf_offset + arg.actual_size, size);
  char* const begin = desk->readback + std::min<uint64_t>(arg.buf_offset, end);
  const uint64_t bytes = end - std::min<uint64_t>(arg.buf_offset, end);
  if (arg.kind != kPinCstringArray) {
    const bool string = arg.kind == kPinCstring;
    Saw(desk, variable, seen, arg.user_addr, begin, string ? strnlen(begin, bytes) : bytes, level);
  } else {
    for (uint32_t i = 0; i < arg.actual_entries; ++i) {
      uint32_t offset = 0;
      if (4 * (uint64_t{i} + 2) > bytes) break;
      std::memcpy(&offset, begin + 4 * (i + 1), sizeof(offset));
      if (offset > bytes) break;
      Saw(desk, variable, seen, 0, begin + offset, strnlen(begin + offset, bytes - offset), level);
    }
  }
  if (arg.truncated != 0) seen->cut = true;
  AddRegister(level, "c", reg);
  AddNumber(level, arg.truncated);
}

int64_t Run(Desk* desk, const Op& op, uint32_t options, Level* level) {
  const uint64_t pages = (desk->readback_bytes + kPage - 1) & ~(kPage - 1);
  const uint32_t size = BufSize(op);
  auto* const pin = static_cast<seccomp_notif_pin_args*>(desk->request);
  // The page that is parked on must be there before.
  std::memset(desk->readback, 0, std::min<uint64_t>(size, desk->readback_bytes));
  std::memset(pin, 0, sizeof(*pin));
  pin->id = desk->about[op.variable].id;
  pin->nr_args = static_cast<uint32_t>(op.looks.size());
  pin->buf_size = size;
  pin->buf = (options & kNoBuffer) != 0 ? 0 : reinterpret_cast<uint64_t>(desk->readback);
  for (size_t i = 0; i < op.looks.size() && i < 6; ++i) {
    pin->args[i].arg_idx = static_cast<uint8_t>(op.looks[i].reg);
    pin->args[i].kind = static_cast<uint8_t>(op.looks[i].kind);
    pin->args[i].max_bytes = static_cast<uint32_t>(op.looks[i].length);
    pin->args[i].max_entries = op.looks[i].entries;
  }
  if ((options & kFault) != 0) {
    Protect(pin, kPage, PROT_READ);
    Protect(desk->readback, pages, PROT_READ);
  }
  void* const first = Written(*desk, op);
  if ((options & kPark) != 0) ArmPark(first);
  const int64_t ret = Ioctl(kIoctlPinArgs, (options & kNull) != 0 ? nullptr : pin);
  if ((options & kPark) != 0) DisarmPark(first);
  if ((options & kFault) != 0) {
    Protect(pin, kPage, PROT_READ | PROT_WRITE);
    Protect(desk->readback, pages, PROT_READ | PROT_WRITE);
  }
  if (ret != 0) return ret;
  Forget(desk, op.variable);
  for (uint32_t i = 0; i < pin->nr_args && i < 6; ++i) {
    SawPinned(desk, op.variable, pin->args[i], size, level);
  }
  return ret;
}

// It looks for the notification.
std::string Missing() {
  seccomp_notif_pin_args request = {};
  request.id = 1;
  request.nr_args = 1;
  request.args[0].max_bytes = 1;
  return AskIoctl(kIoctlPinArgs, &request);
}

const Room kRoom = {"pin_args", Missing, {{"pin", 1, true, Readback, Written, Run}}};
[[maybe_unused]] const int kRegistered = RegisterRoom(&kRoom);

}  // namespace
}  // namespace knotcheck::runner
