// SPDX-License-Identifier: GPL-2.0 OR Apache-2.0
//
// The functions of kernel/knot.h that the loaded object has.

#pragma once

#include <string>

#include "conform/source/kernel/knot.h"

namespace knotcheck::source {

struct KernelApi {
  decltype(&knot_kernel_bytes) kernel_bytes;
  decltype(&knot_kernel_begin) kernel_begin;
  decltype(&knot_plan_begin) plan_begin;
  decltype(&knot_task_begin) task_begin;
  decltype(&knot_filter_begin) filter_begin;
  decltype(&knot_give_listener) give_listener;
  decltype(&knot_call) call;
  decltype(&knot_listener_call) listener_call;
  decltype(&knot_user_mode) user_mode;
  decltype(&knot_may_be_interrupted) may_be_interrupted;
  decltype(&knot_is_filtered) is_filtered;
  decltype(&knot_next_child) next_child;
  decltype(&knot_signal) signal;
  decltype(&knot_is_dead) is_dead;
  decltype(&knot_waits_for_lock) waits_for_lock;
  decltype(&knot_read_remote) read_remote;
  decltype(&knot_pid) pid;
};
extern KernelApi kernel_api;

// "" or what went wrong.
std::string LoadKernel(const char* file);
// Whether the loaded object has a function of this name.
bool HasFunction(const char* name);
// Where it is loaded.
uintptr_t KernelBase();
// Whether an address is of its code.
bool IsOfKernel(uintptr_t address);

}  // namespace knotcheck::source
