// SPDX-License-Identifier: Apache-2.0
//
// What supervisors do: the ioctls on the listener, the looks at the target's memory, the policy.

#include <errno.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/uio.h>

#include <algorithm>
#include <cstring>

#include "conform/runner/actor.h"
#include "conform/runner/layout.h"
#include "conform/runner/park.h"
#include "conform/runner/room.h"

namespace knotcheck::runner {

Desk desks[kMaxTasks];

std::vector<const Room*>& Rooms() {
  static std::vector<const Room*> rooms;
  return rooms;
}

int64_t Ioctl(unsigned long command, const void* argument) {
  return Own(SYS_ioctl, kListenerFd, static_cast<long>(command), Arg(argument));
}

void Protect(void* pages, uint64_t bytes, int rights) {
  Own(SYS_mprotect, Arg(pages), static_cast<long>(bytes), rights);
}

void Forget(Desk* desk, int variable) {
  for (auto& seen : desk->seen[variable]) seen = {};
  desk->kept_bytes[variable] = 0;
}

Desk::Seen* Keep(Desk* desk, int variable, int reg) {
  Desk::Seen& seen = desk->seen[variable][reg];
  seen = {true, false, desk->kept_bytes[variable], 0};
  return &seen;
}

void Saw(Desk* desk, int variable, Desk::Seen* seen, uint64_t address, char* bytes, uint64_t size,
         Level* level) {
  const char* const prefix = PutBack(*world.plan, ObjectAt(*world.plan, address), bytes, size);
  if (prefix != nullptr) std::memcpy(bytes, prefix, kPrefixBytes);
  if (seen->strings > 0) AddText(level, ",");
  AddHex(level, bytes, size);
  ++seen->strings;
  uint32_t& kept = desk->kept_bytes[variable];
  if (kept + sizeof(uint32_t) + size > kMaxLook) {
    seen->cut = true;
    return;
  }
  const auto length = static_cast<uint32_t>(size);
  std::memcpy(desk->kept[variable] + kept, &length, sizeof(length));
  std::memcpy(desk->kept[variable] + kept + sizeof(length), bytes, size);
  kept += static_cast<uint32_t>(sizeof(length) + size);
}

void AddRegister(Level* level, const char* key, int reg) {
  AddText(level, key);
  AddNumber(level, reg);
  AddText(level, "=");
}

namespace {

constexpr uint32_t kUnknownFlags = 0x80000000;
constexpr int kNoDescriptor = 1 << 20;

int64_t Recv(Desk* desk, const Op& op, uint32_t options) {
  std::memset(desk->notif, 0, sizeof(seccomp_notif));
  if ((options & kGarbage) != 0) desk->notif->flags = 1;
  if ((options & kFault) != 0) Protect(desk->notif, kPage, PROT_READ);
  if ((options & kPark) != 0) ArmPark(desk->notif);
  const int64_t ret = Ioctl(kIoctlRecv, (options & kNull) != 0 ? nullptr : desk->notif);
  if ((options & kPark) != 0) DisarmPark(desk->notif);
  if ((options & kFault) != 0) Protect(desk->notif, kPage, PROT_READ | PROT_WRITE);
  if (ret == 0) {
    desk->about[op.variable] = *desk->notif;
    Forget(desk, op.variable);
  }
  return ret;
}

int64_t Send(Desk* desk, const Op& op, uint32_t options) {
  const seccomp_notif_resp response = {desk->about[op.variable].id, op.val,
                                       static_cast<int32_t>(-op.error),
                                       static_cast<uint32_t>(op.number)};
  return Ioctl(kIoctlSend, (options & kNull) != 0 ? nullptr : &response);
}

int64_t Addfd(Desk* desk, const Op& op, uint32_t options) {
  seccomp_notif_addfd request = {};
  request.id = desk->about[op.variable].id;
  if ((options & kSetfd) != 0) request.flags |= kAddfdSetfd;
  if ((options & kAddfdAndSend) != 0) request.flags |= kAddfdSend;
  if ((options & kBadFlags) != 0) request.flags |= kUnknownFlags;
  request.srcfd = static_cast<uint32_t>((options & kBadFd) != 0 ? kNoDescriptor : kGivenFd);
  request.newfd = static_cast<uint32_t>(op.number);
  return Ioctl(kIoctlAddfd, (options & kNull) != 0 ? nullptr : &request);
}

int64_t Poll(uint32_t options) {
  pollfd listener = {kListenerFd, POLLIN, 0};
  if ((options & kIn) == 0) listener.events |= POLLOUT;
  const int64_t ret = Own(SYS_poll, Arg(&listener), 1, (options & kNowait) != 0 ? 0 : -1);
  return ret <= 0 ? ret : listener.revents;
}

// process_vm_readv() page by page, so that what lies before a page that is not mapped is read.
// Returns how many bytes there are, up to a NUL if `string`, or an error.
int64_t ReadMemory(Desk* desk, uint32_t pid, uint64_t address, uint64_t most, bool string) {
  uint64_t done = 0;
  while (done < most) {
    const uint64_t rest = kPage - (address + done) % kPage;
    const iovec local = {desk->scratch + done, std::min(rest, most - done)};
    const iovec remote = {reinterpret_cast<void*>(address + done), local.iov_len};
    const int64_t got =
        Raw(SYS_process_vm_readv, static_cast<long>(pid), Arg(&local), 1, Arg(&remote), 1, 0);
    if (got <= 0) return got == 0 ? -EFAULT : got;
    if (string) {
      const auto length = strnlen(desk->scratch + done, static_cast<size_t>(got));
      if (length < static_cast<size_t>(got)) return static_cast<int64_t>(done + length);
    }
    done += static_cast<uint64_t>(got);
  }
  return static_cast<int64_t>(done);
}

int64_t ReadOne(Desk* desk, const Op& op, const Look& look, Level* level) {
  const seccomp_notif& about = desk->about[op.variable];
  const uint64_t address = about.data.args[look.reg];
  const uint64_t most = look.length > 0 ? look.length : kPage;
  Desk::Seen* const seen = Keep(desk, op.variable, look.reg);
  AddRegister(level, "r", look.reg);
  if (look.shape != Shape::kStrings) {
    const bool string = look.shape == Shape::kString;
    const int64_t size = ReadMemory(desk, about.pid, address, string ? most : look.length, string);
    if (size < 0) return size;
    Saw(desk, op.variable, seen, address, desk->scratch, static_cast<uint64_t>(size), level);
    return 0;
  }
  for (uint64_t i = 0; i < kPage; ++i) {
    const int64_t entry = ReadMemory(desk, about.pid, address + 8 * i, 8, false);
    if (entry < 0) return entry;
    uint64_t pointer = 0;
    std::memcpy(&pointer, desk->scratch, sizeof(pointer));
    if (pointer == 0) break;
    const int64_t size = ReadMemory(desk, about.pid, pointer, most, true);
    if (size < 0) return size;
    Saw(desk, op.variable, seen, 0, desk->scratch, static_cast<uint64_t>(size), level);
  }
  return 0;
}

int64_t Read(Desk* desk, const Op& op, Level* level) {
  if (desk->about[op.variable].pid == 0) return -ESRCH;
  Forget(desk, op.variable);
  for (const Look& look : op.looks) {
    const int64_t ret = ReadOne(desk, op, look, level);
    if (ret < 0) {
      Forget(desk, op.variable);
      level->details_bytes = 0;
      return ret;
    }
  }
  return 0;
}

// Whether a look has seen exactly these strings.
bool SawThese(const Desk& desk, int variable, const Desk::Seen& seen,
              const std::vector<std::string>& strings) {
  if (!seen.looked || seen.cut || seen.strings != strings.size()) return false;
  const char* at = desk.kept[variable] + seen.at;
  for (const std::string& string : strings) {
    uint32_t length = 0;
    std::memcpy(&length, at, sizeof(length));
    at += sizeof(length);
    if (length != string.size() || std::memcmp(at, string.data(), length) != 0) return false;
    at += length;
  }
  return true;
}

bool Allows(const Desk& desk, int variable) {
  // What was cut off is not known.
  for (const Desk::Seen& seen : desk.seen[variable]) {
    if (seen.looked && seen.cut) return false;
  }
  for (const Rule& rule : world.plan->rules) {
    if (rule.nr != desk.about[variable].data.nr) continue;
    bool met = true;
    for (const Condition& condition : rule.conditions) {
      const Desk::Seen& seen = desk.seen[variable][condition.reg];
      const bool same = SawThese(desk, variable, seen, condition.held);
      switch (condition.test) {
        case Condition::Test::kEqual:
          met = met && same;
          break;
        case Condition::Test::kNotEqual:
          met = met && seen.looked && !seen.cut && !same;
          break;
        case Condition::Test::kAny:
          met = met && seen.looked && !seen.cut;
          break;
        case Condition::Test::kNever:
          met = false;
          break;
      }
    }
    if (met) return true;
  }
  return false;
}

bool LooksAtNothing(const Desk& desk, int variable) {
  for (const Rule& rule : world.plan->rules) {
    if (rule.nr == desk.about[variable].data.nr && !rule.conditions.empty()) return false;
  }
  return true;
}

}  // namespace

int64_t Supervise(int task, const Op& op, uint32_t options, Level* level) {
  Desk* const desk = &desks[task];
  int64_t ret = 0;
  switch (op.code) {
    case Code::kRecv:
      ret = Recv(desk, op, options);
      break;
    case Code::kSend:
      ret = Send(desk, op, options);
      break;
    case Code::kIdValid:
      ret = Ioctl(kIoctlIdValid, (options & kNull) != 0 ? nullptr : &desk->about[op.variable].id);
      break;
    case Code::kAddfd:
      ret = Addfd(desk, op, options);
      break;
    case Code::kSetFlags:
      ret = Ioctl(kIoctlSetFlags, reinterpret_cast<const void*>(op.number));
      break;
    case Code::kVerb:
      ret = op.verb->run(desk, op, options, level);
      break;
    case Code::kPoll:
      return Poll(options);
    case Code::kRead:
      return Read(desk, op, level);
    case Code::kAfter:
      // Ids are given out in sequence.
      desk->about[op.variable] = desk->about[op.other];
      ++desk->about[op.variable].id;
      Forget(desk, op.variable);
      return 0;
    case Code::kClose:
      return Own(SYS_close, kListenerFd);
    default:
      return 0;
  }
  return ret;
}

int Jump(int task, const Op& op, int64_t last_ret) {
  Desk& desk = desks[task];
  const Script& script = world.plan->tasks[static_cast<size_t>(task)].script;
  const int next = static_cast<int>(&op - script.data()) + 1;
  bool jumps = true;
  switch (op.code) {
    case Code::kJump:
      break;
    case Code::kJumpIfError:
      jumps = op.error == 0 ? last_ret < 0 : last_ret == -op.error;
      break;
    case Code::kJumpIfResult:
      jumps = last_ret == op.number;
      break;
    case Code::kJumpIfCall:
      jumps = desk.about[op.variable].id != 0 && desk.about[op.variable].data.nr == op.nr;
      break;
    case Code::kJumpIfNothing:
      jumps = LooksAtNothing(desk, op.variable);
      break;
    case Code::kDecide:
      jumps = !Allows(desk, op.variable);
      break;
    case Code::kChoose: {
      uint64_t& random = world.control->slot[task].random;
      return op.jumps[NextRandom(&random) % op.jumps.size()];
    }
    default:
      return -1;
  }
  return jumps ? op.jumps[0] : next;
}

}  // namespace knotcheck::runner
