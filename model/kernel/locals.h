// SPDX-License-Identifier: Apache-2.0
//
// The locals of the transcribed functions, for their callers, which put the arguments there. Bytes
// only; their sizes stand in functions.def.

#pragma once

#include <cstdint>

#include "model/kernel/kernel.h"

namespace knotcheck::model {

struct UserNotificationLocals {
  int8_t err, ret;
  uint8_t flags, wait_killable, addfd, interrupted, hook;
};
struct HandleAddfdLocals {
  uint8_t addfd;
  int8_t fd;
};
struct RecvWaitLocals {
  int8_t ret;
};
struct RecvLocals {
  int8_t ret;
  uint8_t id, task, call;
};
struct SendLocals {
  int8_t ret;
  uint8_t target;
  uint8_t hook;
};
struct IdValidLocals {
  int8_t ret;
};
struct AddfdLocals {
  int8_t ret;
  uint8_t target;
};
struct PollLocals {
  uint8_t ret;
};
struct DetachLocals {
  uint8_t task, hook;
};
struct InstallLocals {
  int8_t ret;
  uint8_t listener, filter;
};
struct SupervisorLocals {
  int8_t ret;
  uint8_t returned;  // the ioctl of this op has returned `ret`
};
struct UserLocals {
  uint8_t hook;
};
struct SyscallLocals {
  uint8_t hook;
};
struct TaskWorkRunLocals {
  uint8_t hook;
};
struct ExitLocals {
  uint8_t hook;
};
// A function that copies the words of one role of the running call.
struct CopyLocals {
  uint8_t role, w, hook;
};
// The body of a call of syscalls.def.
struct TableLocals {
  uint8_t role, pass, w, words, hook, fd;
  uint8_t relative;  // bit r: the path of role r begins at a descriptor
  int8_t kept;       // the error of the role whose error is kept
};
struct FdgetLocals {
  uint8_t fd;  // of the call's descriptors
};
struct OpenLocals {
  uint8_t fd;
  int8_t failed;
};
struct ReadWriteLocals {
  uint8_t w, hook, words, legacy;
};
struct ExecLocals {
  uint8_t argc, envc;
};
struct CountLocals {
  uint8_t role, i, hook;
};
struct CopyStringsLocals {
  uint8_t role, argc, w, len, hook;
  Value str;
};
struct VmReadLocals {
  uint8_t variable, role, entry, w;
  Value str;
  // Of a nested role: how many pointers were followed, and the last of them.
  uint8_t depth;
  Value pointer;
};

}  // namespace knotcheck::model
