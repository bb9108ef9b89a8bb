// SPDX-License-Identifier: Apache-2.0
//
// The only thing that changes. Bytes throughout, no pointers, no padding: states are compared,
// hashed and packed as memory. FieldMap says what each byte is and how many bits of it are used;
// printing, JSON and packing come from it.

#pragma once

#include <cstdint>
#include <string>
#include <type_traits>
#include <vector>

#include "model/program.h"

namespace knotcheck::model {

inline constexpr int kMaxFrames = 8;
inline constexpr int kLocalBytes = 32;
inline constexpr int kProposalBytes = 512;

// One kernel function that a task is in: which, and the step at which it stands.
struct Frame {
  uint8_t function;
  uint8_t pc;
};

enum TaskStatus : uint8_t { kNotStarted, kAlive, kExiting, kDead };

enum TaskFlag : uint8_t {
  kInHandler = 1,       // user code runs the signal handler; the signal is blocked
  kSigPending = 2,      // a signal with a handler waits
  kSigkillPending = 4,  // a fatal signal waits
  kOnWqh = 8,           // queued on filter->wqh in TASK_INTERRUPTIBLE; a wake-up clears it
  kExeced = 16,         // the old address space is gone
  kInSyscall = 32,      // the current op's call is not yet answered
};

// struct seccomp_knotif, which lives on the trapped task's kernel stack: one a task.
enum KnotifState : uint8_t { kInit, kSent, kReplied };

// More wake-ups than that are not told apart: RECV's fault path lets supervisors reply again and
// again before the task runs.
inline constexpr uint8_t kMostCompletions = 2;

struct Knotif {
  uint8_t state;
  uint8_t listed;  // on filter->notif->notifications
  uint8_t id;
  uint8_t flags;  // SECCOMP_USER_NOTIF_FLAG_*
  int8_t error;
  int8_t val;
  uint8_t done;      // n.ready: a counting completion, up to kMostCompletions
  uint8_t addfd[2];  // n.addfd, head first: 1 + the task whose ioctl queued it
};

// struct seccomp_kaddfd, on the caller's kernel stack; what does not change stands in its Op.
struct Kaddfd {
  uint8_t listed;
  uint8_t done;
  int8_t ret;
};

// Ghost state: what the model remembers and no kernel does. Only properties look at it.
enum GhostFlag : uint8_t {
  kGhostApproved = 1,     // target: the call that runs now was approved
  kGhostProtected = 2,    // target: ... and its supervisor was told that arguments are protected
  kGhostReplied = 4,      // target: a reply to the current notification was accepted
  kGhostPinned = 8,       // target: a PIN_ARGS for the current notification succeeded
  kGhostAddfdReply = 16,  // target: the accepted reply is an ADDFD|SEND
  kGhostInstalled = 32,   // target: a descriptor was installed for the current notification
  kGhostTruncated = 64,   // supervisor: the kernel said that it saw a part only
  kGhostReplyKept = 128,  // target: ... and its sender cannot be told any more that it was none
};

struct Task {
  Frame frames[kMaxFrames];
  uint8_t locals[kLocalBytes];
  uint8_t status;
  uint8_t flags;
  uint8_t op;             // of TaskInfo::ops
  uint8_t handler_op;     // of TaskInfo::handler
  int8_t ret;             // the return register, while in a call; the last result of a supervisor
  uint8_t task_works[2];  // head first; 0: none
  uint8_t running_works[2];  // the list that task_work_run() took off
  uint8_t files;             // descriptor table
  uint8_t chain;             // filters that seccomp(2) installed above the scenario's: a bit each
  // What the kernel copied from user memory for the current call: struct filename, sockaddr, or
  // the data of a write.
  Value copied[3];
  // Pointers that it found there, by nested role.
  Value nested[kMaxRoles];
  Knotif knotif;
  Kaddfd kaddfd;
  // Supervisors: what `variable = recv()` got: id, task plus one, and the trapped call.
  uint8_t variable_id[kMaxVariables];
  uint8_t variable_task[kMaxVariables];
  uint8_t variable_call[kMaxVariables];  // req.data: see Kernel::CallIndex()
  uint8_t ghost;
  uint8_t ghost_id;     // supervisor: the notification that `seen` belongs to; target: that of
                        // the current call
  uint8_t ghost_roles;  // bit i: role i was seen
  uint8_t ghost_asked;  // target: bit i: SEND accepted "protected" for role i
  // Target: 1 + the file that each descriptor of the call named at the approval; 0: none was
  // approved. 1 + the descriptor of an ADDFD|SEND that answered instead.
  uint8_t ghost_file[kMaxCallFds];
  // Supervisor: its buffer, what it sees in the look that it takes, or took last. Target: what was
  // approved.
  Value seen[kMaxSeen];
};

// What supervisors that tell each other know of a target's current notification, from looks that
// are over. Ghost state: it is cleared when the notification is gone, as its id never comes back.
struct View {
  uint8_t flags;   // ViewFlag
  uint8_t read;    // bit i: role i was read from the target's memory
  uint8_t shown;   // ... the kernel showed its own copy of it
  uint8_t latest;  // bit i: of role i, the kernel's copy was seen last
  Value read_words[kMaxSeen];
  Value shown_words[kMaxSeen];
};
enum ViewFlag : uint8_t {
  kViewReceived = 1,   // RECV gave it to one of them
  kViewTruncated = 2,  // the kernel said that it showed a part only
};

// struct seccomp_filter with its struct notification and listener file.
struct Filter {
  uint8_t notify_lock;  // 1 + the owner
  uint8_t notif;        // filter->notif != NULL
  uint8_t next_id;
  uint8_t requests;
  uint8_t users;
  uint8_t flags;       // notif->flags
  uint8_t listener;    // the supervisors' descriptor is open
  uint8_t references;  // to the listener's struct file
};

struct alignas(8) State {
  Task tasks[kMaxTasks];
  View views[kMaxViews];
  Filter filter;
  uint8_t files[kMaxFilesTables][kMaxFds];
  uint8_t memory[kMaxWords];  // value, exclusive-or the initial one
  uint8_t signals_left[kMaxSenders];
  uint8_t writes_left[kMaxWriters];
  uint8_t allocation_failures_left;
  // The proposal's part; nothing of it is stored for a proposal that has none.
  alignas(8) uint8_t proposal[kProposalBytes];
};

static_assert(std::is_trivially_copyable_v<State>);
static_assert(std::has_unique_object_representations_v<State>);
static_assert(sizeof(State) % 8 == 0);

// One field of the state: its name as in "T.knotif.state", its byte and the bits in use.
struct Field {
  std::string name;
  uint32_t offset = 0;
  uint8_t mask = 0xff;
};

}  // namespace knotcheck::model
