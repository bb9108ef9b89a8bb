// SPDX-License-Identifier: GPL-2.0 OR Apache-2.0
//
// SECCOMP_IOCTL_NOTIF_PIN_ARGS of the compiled C.

#include <cstring>

#include "conform/proposals/pin_args/uapi.h"
#include "conform/source/room.h"
#include "conform/source/world.h"

namespace knotcheck::source {
namespace {

using runner::kIoctlPinArgs;
using runner::kPinCstring;
using runner::kPinCstringArray;
using runner::seccomp_notif_pin_args;
using runner::seccomp_pin_arg;

void ShowPinned(World& world, int task, int variable, const seccomp_pin_arg& arg,
                const char* readback) {
  About::Seen* const seen = world.Keep(task, variable, arg.arg_idx);
  world.AddRegister(task, 'r', arg.arg_idx);
  const char* const begin = readback + arg.buf_offset;
  if (arg.kind != kPinCstringArray) {
    const size_t bytes =
        arg.kind == kPinCstring ? strnlen(begin, arg.actual_size) : arg.actual_size;
    world.Saw(task, variable, seen, begin, bytes);
  } else {
    for (uint32_t e = 0; e < arg.actual_entries; ++e) {
      uint32_t offset = 0;
      std::memcpy(&offset, begin + size_t{4} * (e + 1), sizeof(offset));
      world.Saw(task, variable, seen, begin + offset, std::strlen(begin + offset));
    }
    if (arg.actual_entries == 0) world.AddText(task, "-", 1);
  }
  if (arg.truncated != 0) seen->cut = true;
  world.AddRegister(task, 'c', arg.arg_idx);
  const char number = static_cast<char>('0' + arg.truncated);
  world.AddText(task, &number, 1);
}

int64_t Run(World& world, int task, const runner::Op& op) {
  char readback[192] = {};
  seccomp_notif_pin_args pin = {};
  const About& about = world.run().about[task][op.variable];
  const auto size = static_cast<uint32_t>(op.numbers[0]);
  pin.id = about.id;
  pin.nr_args = static_cast<uint32_t>(op.looks.size());
  pin.buf_size = size;
  pin.buf = (op.options & runner::kNoBuffer) != 0 ? 0 : reinterpret_cast<uint64_t>(readback);
  for (size_t i = 0; i < op.looks.size() && i < 6; ++i) {
    pin.args[i].arg_idx = static_cast<uint8_t>(op.looks[i].reg);
    pin.args[i].kind = static_cast<uint8_t>(op.looks[i].kind);
    pin.args[i].max_bytes = static_cast<uint32_t>(op.looks[i].length);
    pin.args[i].max_entries = op.looks[i].entries;
  }
  Thread& me = world.arena().header().threads[task];
  me.faults = world.MayFault(op);
  const bool null = (op.options & runner::kNull) != 0;
  const int64_t ret = world.Ioctl(kIoctlPinArgs, null ? 0 : reinterpret_cast<unsigned long>(&pin));
  me.faults = false;
  if (ret != 0) return ret;
  world.Forget(task, op.variable);
  for (uint32_t i = 0; i < pin.nr_args && i < 6; ++i) {
    ShowPinned(world, task, op.variable, pin.args[i], readback);
  }
  return ret;
}

const SourceRoom kRoom = {"pin_args", "seccomp_pin_args_walk", {{"pin", 1, true, Run}}};
[[maybe_unused]] const int kRegistered = RegisterSourceRoom(&kRoom);

}  // namespace
}  // namespace knotcheck::source
