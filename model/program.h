// SPDX-License-Identifier: Apache-2.0
//
// A compiled scenario: flat, immutable, shared by all states. What can change during a run is in
// State; everything else is here.

#pragma once

#include <array>
#include <bitset>
#include <cstdint>
#include <string>
#include <vector>

#include "model/errno.h"

namespace knotcheck::model {

// Capacities of the state. A scenario that needs more is refused when it is compiled.
inline constexpr int kMaxTasks = 7;
inline constexpr int kMaxWords = 48;          // 8-byte words of user memory, of all address spaces
inline constexpr int kMaxSpaces = 4;          // address spaces
inline constexpr uint64_t kMostCopies = 256;  // different copies that one fork may make
inline constexpr int kMaxSeen = 10;           // words that a supervisor inspects for one call
inline constexpr int kMaxViews = 12;       // of each supervisor, or of those that share looks, of
                                           // each target
inline constexpr int kMaxFds = 8;          // of one descriptor table
inline constexpr int kMaxFilesTables = 4;  // descriptor tables
inline constexpr int kMaxSenders = 3;      // signal senders
inline constexpr int kMaxWriters = 2;      // peers with a budget of writes
inline constexpr int kMaxVariables = 2;    // notifications that one script can name
inline constexpr int kMaxRoles = 6;        // pointer arguments of one call
inline constexpr int kMaxEntries = 3;      // of a pointer table, without the NULL
inline constexpr int kMaxOps = 120;        // of one script
inline constexpr int kMaxFreeOps = 250;    // of what a free supervisor can do
inline constexpr int kMaxCallFds = 2;      // descriptors that one call looks up
inline constexpr size_t kMaxRegisters = 254;  // different contents of registers
inline constexpr size_t kMaxCalls = 254;      // different system calls of one scenario

// What a word of user memory, or of a kernel copy of it, holds: an index into Program::values, or
// one of the two below.
using Value = uint8_t;
inline constexpr Value kZero = 0;       // eight zero bytes; the NULL pointer
inline constexpr Value kUninit = 0xff;  // never written: whatever the allocator left there
inline constexpr Value kAbsent = 0xfe;  // ghost state only: nothing was seen here

struct ValueInfo {
  std::array<uint8_t, 8> bytes{};
  bool pointer = false;
  int8_t object = -1;  // of a pointer: the object at whose beginning it points
  int8_t end_of = -1;  // ... or the one just behind whose last word it points
  bool has_nul = false;
  bool unmapped = false;  // no bytes: the word is not mapped
  std::string text;       // as traces show it
};

// A variable of user memory in one address space: `words` words from `first_word` on, `bytes` long.
// One that all spaces share has the words of the first one's.
// What follows it in the address space is unmapped. An address in the middle of one leads to its
// rest, an object over the same words.
struct Object {
  enum class Kind : uint8_t { kString, kBytes, kPointers };
  std::string name;
  Kind kind = Kind::kString;
  uint8_t space = 0;
  uint8_t whole = 0;   // the object of which this is what is left; of a whole one, itself
  uint8_t offset = 0;  // ... from this word of it on
  uint8_t first_word = 0;
  uint8_t words = 0;
  uint16_t bytes = 0;
  // The alternatives, each as its words; the first one is there at the start.
  std::vector<std::vector<Value>> alternatives;
};

// A peer without a script, or a signal's handler.
inline constexpr uint8_t kStoredByOthers = 0x80;
static_assert(kMaxTasks < 8);

struct Word {
  uint8_t object = 0;
  // What the word may hold; the first is the initial value.
  std::vector<Value> domain;
  // Any read may return any value of the domain: the most general peer writes here.
  bool shared = false;
  // MAP_SHARED: it is space 0's, and the objects of the others lead to it as well.
  bool in_all_spaces = false;
  // Who may store here: bit t, task t in its script, and kStoredByOthers.
  uint8_t stored_by = 0;
  // A fork fills it, and its parent's is stored to.
  bool copied = false;
};

// What a program finds in its memory once a task has executed it, from where the objects of the
// old image were: by whole object of the first address space its words and bytes, none where
// nothing is mapped. Nobody writes there.
struct Image {
  std::vector<Value> path;
  std::vector<std::vector<Value>> words;
  std::vector<uint16_t> bytes;
};
inline constexpr size_t kMaxImages = 3;

// What a register holds when user space makes a call.
struct Register {
  bool is_address = false;
  Value address = 0;   // if it is one
  int32_t scalar = 0;  // else
  friend bool operator==(const Register&, const Register&) = default;
};

// System calls. Those with a body of their own, then those whose body is table_body(), which does
// what syscalls.def says.
enum class Nr : uint16_t {
  kOpenat,
  kBind,
  kWrite,
  kRead,
  kExecve,
  kExecveat,
  kUmask,  // stands for any call without pointer arguments
  kClose,
  kDup2,
  kFork,
  kClone,  // CLONE_VM|CLONE_FILES|CLONE_THREAD
  kExit,
  kSeccomp,  // SECCOMP_SET_MODE_FILTER
#define KNOT_CALL(name, args) k_##name,
#define KNOT_ARG(name, arg, shape, length, passes, source)
#define KNOT_NESTED(name, parent, word, shape, passes, source)
#include "model/syscalls.def"
#undef KNOT_CALL
#undef KNOT_ARG
#undef KNOT_NESTED
  kCount,
};
// Whether a call executes a program.
inline bool IsExec(Nr nr) { return nr == Nr::kExecve || nr == Nr::kExecveat; }
inline constexpr size_t kCalls = static_cast<size_t>(Nr::kCount);

enum class Shape : uint8_t { kPath, kString, kSockaddr, kBuffer, kOutBuffer, kStrings };

// One pass of a body over a pointer argument.
enum class Pass : uint8_t {
  kIfNotNull,    // no pass: what follows is only for an address that is not NULL
  kIfNamed,      // no pass: do_utimes(), NULL with a descriptor names what that is
  kErrorKept,    // no pass: an error of what follows ends the call when it comes to the name
  kGetname,      // getname_flags()
  kRetryEstale,  // the pass before once more, when the lookup ended with ESTALE
  kPeekEmpty,    // vfs_empty_path(): the first byte, if the flags are AT_EMPTY_PATH
  kStrncpy,      // strncpy_from_user() elsewhere
  kStrnlen,      // strnlen_user(): only the length counts
  kCopyString,   // as many bytes as kStrnlen found
  kCopy,         // copy_from_user() and its like
  kSockaddr,     // move_addr_to_kernel()
  kImport,       // import_ubuf(), then the data
  kImportDest,   // import_ubuf() for what the call writes
  kImportLater,  // import_ubuf(); the data is read when the call may have returned
  kLate,         // when the call's own checks are over, or after it has returned
  kRestart,      // again in restart_syscall(2), after a signal
};

// A pointer argument: its name in scenarios and its register.
struct Role {
  const char* name;
  uint8_t arg;  // kNoRegister: nested
  Shape shape;
  // Register with the length in bytes; -1: none. Of a path, the register with its flags.
  int8_t length_arg;
  std::vector<Pass> passes = {};
  const char* source = "";
  // Nested: the role whose word `word` holds the pointer; -1: a register does.
  int8_t parent = -1;
  uint8_t word = 0;

  bool IsString() const { return shape == Shape::kPath || shape == Shape::kString; }
};
inline constexpr uint8_t kNoRegister = 7;
// Of Task::ghost_asked, beside a bit a role: for an argument that is NULL.
inline constexpr uint8_t kAskedForNothing = 1u << kMaxRoles;
inline constexpr int kAtEmptyPath = 0x1000;       // AT_EMPTY_PATH
inline constexpr int kAtSymlinkNofollow = 0x100;  // AT_SYMLINK_NOFOLLOW
inline constexpr int kAtFdcwd = -100;             // AT_FDCWD

// A register that names a descriptor which the call looks up: model/descriptors.def.
struct CallFd {
  // Whether it does, beside what the name says.
  enum class When : uint8_t {
    kAlways,
    kRelative,         // path_init(): the path is relative
    kEmptyPath,        // the path is empty, or NULL, and the flags are AT_EMPTY_PATH
    kRelativeOrEmpty,  // either
    kRelativeOrNull,   // the path is relative, or empty as above, or there is none: NULL
    kNotMinusOne,
    kNotCwd,  // a directory's, which may be AT_FDCWD
  };
  uint8_t arg;
  int8_t after;  // the role after whose last pass it is looked up; -1: before the first
  int8_t path;   // the role that `when` is about; -1: none
  When when;
};

struct Syscall {
  const char* name;
  uint8_t args;
  std::vector<Role> roles;
  std::vector<CallFd> fds = {};
};

const Syscall& SyscallOf(Nr nr);
// Whether newfstatat or statx ask vfs_empty_path() about the name: AT_EMPTY_PATH is the only flag,
// but for those of statx that say how to look, and the descriptor is not negative.
bool AsksForEmptyPath(Nr nr, int dfd, int flags);
// Whether a call takes an empty name for its descriptor: LOOKUP_EMPTY. `flags` is what the register
// says that the role names as its length.
bool AllowsEmptyPath(Nr nr, size_t role, int flags);

// Descriptors that every table begins with; scenarios use the names. kGiven: what ADDFD installs,
// of which there is one. From kOpened on: what calls open, another number for another file.
enum File : uint8_t { kNoFile, kStdio, kSocket, kRegular, kLegacy, kGiven, kReserved, kOpened = 8 };
inline constexpr uint8_t kMaxFile = 31;  // fits all slots of a table and all that its users know of
// The listener of filter i of those that scripts install, in whichever table, is kMaxFile + i.
inline constexpr uint8_t kMaxListener = 63;
inline constexpr int kFdSock = 3;    // a socket
inline constexpr int kFdFile = 4;    // a file with write_iter and read_iter
inline constexpr int kFdLegacy = 5;  // a file whose driver has ->write and ->read only

// One pointer argument to pin: struct seccomp_pin_arg, or its like in another proposal.
inline constexpr size_t kMaxVerbFields = 4;  // numbers and flags of one request

// What a supervisor's ioctl may ask of an argument.
enum class Reads : uint8_t {
  kBytes,    // that many
  kString,   // up to its NUL, that many at most
  kStrings,  // a table of strings, all in that many; max_entries may say how many strings
};

struct Descriptor {
  int16_t arg = 0;
  int16_t kind = 0;  // by the verb's signature
  Reads reads = Reads::kBytes;
  uint32_t max_bytes = 0;
  uint32_t max_entries = 0;
  friend bool operator==(const Descriptor&, const Descriptor&) = default;
};

// What a supervisor's ioctl passes besides the notification.
enum IoctlOption : uint16_t {
  kBufFaults = 1,     // the last copy to the caller's buffer may fault
  kBufNotZeroed = 2,  // RECV: the buffer holds garbage
  kBufNull = 4,       // the buffer is at NULL
  kAddfdSetfd = 8,
  kAddfdSend = 16,
  kBadFlags = 32,  // some flag bit that the kernel does not know
  kBadSrcfd = 64,
  kNonBlocking = 128,
  kPollIn = 256,       // poll(): POLLIN is all that is asked for
  kBuffersNull = 512,  // a verb's: the user pointers of its request are NULL
};

// Flags of seccomp(2); TSYNC stands for TSYNC|TSYNC_ESRCH, which a listener needs.
enum InstallFlag : uint16_t { kTsync = 1, kNewListener = 8 };
inline constexpr int kMaxInstalled = 8;  // filters that the scripts of a scenario install

enum class OpCode : uint8_t {
  kEnd,
  // Targets, peers, handlers.
  kSyscall,  // nr, args; flags of seccomp()
  kStore,    // word, value
  // Supervisors. `variable` is the notification.
  kRecv,
  kSend,  // flags, error, val
  kIdValid,
  kAddfd,     // options, newfd
  kSetFlags,  // flags
  kPoll,
  kVerb,      // an ioctl of the proposal: verb, descriptors, fields
  kReadArgs,  // process_vm_readv of the pointer arguments that the policy looks at, or of `roles`
  kDecide,    // by the policy: falls through to allow, else jumps to `target`
  kClose,     // close(listener)
  kKill,      // SIGKILL to task `task`
  kAfter,     // variable = the id after that of variable `word`: ids are given out in sequence
  kJump,      // to `target`
  kJumpIfNothing,  // to `target` when the policy looks at no argument of the received call
  kJumpIfError,    // to `target` when the last ioctl returned -error (error 0: any error)
  kChoose,         // to any of `alternatives`
  kJumpIfResult,   // to `target` when what was called last returned `expected`
  kJumpIfCall,     // to `target` when notification `variable` is of call `nr`
};

struct Op {
  OpCode code = OpCode::kEnd;
  Nr nr = Nr::kUmask;
  // Arguments by register: an address is an index into Program::values, a scalar is in scalars.
  std::array<Value, 6> pointers{};
  std::array<int32_t, 6> scalars{};
  uint8_t is_pointer = 0;              // bit i: args[i] is an address
  std::array<uint8_t, 6> registers{};  // the same: 1 + an index into Program::registers
  uint8_t variable = 0;
  uint8_t word = 0;
  Value value = 0;
  uint16_t flags = 0;
  uint16_t options = 0;
  int16_t error = 0;
  int16_t val = 0;
  uint8_t verb = 0;
  uint8_t roles = 0;  // bit i: the call's role i
  uint8_t target = 0;
  uint8_t task = 0;
  std::array<uint32_t, kMaxVerbFields> fields{};  // of the request: model/verb.h
  std::vector<Descriptor> descriptors;
  std::vector<uint8_t> alternatives;
  bool joins = false;  // the last op of an alternative: goes on at `target`
  // Of a supervisor that may do anything. It remembers nothing of what it did: the notification is
  // the n-th oldest that is listed when the ioctl begins, or one that nobody has.
  bool free = false;
  uint8_t listed = 0;
  // Of a free one that follows the policy: only for notifications that it has received;
  // `by_policy`: only if the policy allows by what was seen, and pinned or not as the policy has
  // it.
  bool honest = false;
  bool by_policy = false;
  // Expectations: an error as -errno, and what the call acted on.
  bool has_expected = false;
  Ret expected = 0;
  bool has_uses = false;
  std::vector<Value> uses;
  std::string text;  // as the scenario has it
  int line = 0;
  friend bool operator==(const Op&, const Op&) = default;
};

enum class TaskKind : uint8_t { kTarget, kSupervisor, kPeer };

struct TaskInfo {
  std::string name;
  TaskKind kind = TaskKind::kTarget;
  std::vector<Op> ops;
  std::vector<Op> handler;
  bool handler_restarts = false;  // SA_RESTART
  bool starts = true;             // a child starts when it is forked
  bool filtered = false;          // has the filter
  uint8_t files = 0;              // descriptor table
  uint8_t unshared = 0;           // ... that an execve copies it to, where others share it; 0: none
  uint8_t space = 0;              // address space; of a supervisor: nothing
  uint8_t group = 0;              // thread group: the task that leads it
  // Of supervisors: those with the same number tell each other what they see.
  uint8_t lookers = 0;
  bool decides = false;    // ... follows the policy step by step, by what it saw itself
  bool signalled = false;  // some sender sends it a signal with a handler
  bool adversary = false;  // nobody must go on with its script: a peer, a closer
  friend bool operator==(const TaskInfo&, const TaskInfo&) = default;
};

// A sender's count: a signal whenever there is something to interrupt.
inline constexpr uint8_t kSignalsWithoutEnd = 0xff;
// Where these come to a task with the filter, ids are given out without end: beyond kMaxIds the
// notifications that somebody still knows get the least ones, in their order; and requests for RECV
// beyond kMostRequests are not counted.
inline constexpr uint8_t kMaxIds = 60;
inline constexpr uint8_t kMostRequests = 3;

struct SenderInfo {
  uint8_t task = 0;
  uint8_t count = 0;
  enum class Disposition : uint8_t { kIgnored, kHandler, kHandlerRestarts, kFatal };
  Disposition disposition = Disposition::kHandler;
};

struct WriterInfo {
  std::string name;
  uint8_t writes = 0;
  uint8_t space = 0;
};

// allow nr if every condition of one alternative holds, else error. A call is allowed if one of its
// rules allows it.
struct PolicyCondition {
  enum class Test : uint8_t {
    kEqual,
    kNotEqual,
    kAny,    // whatever was seen
    kNever,  // a value that the argument cannot hold
  };
  uint8_t role = 0;
  Test test = Test::kEqual;
  // The exact words, by slot of the role's part of the seen buffer.
  std::vector<Value> words;
};
struct PolicyRule {
  Nr nr = Nr::kOpenat;
  std::vector<std::vector<PolicyCondition>> alternatives;
  int error = kEACCES;
};

// Where the words of a call's role stand in a supervisor's `seen` buffer: entry e, word w is slot
// base + e * stride + w. Strings and buffers have one entry.
struct SeenLayout {
  uint8_t base = 0;
  uint8_t entries = 0;  // 0: the role is not inspected
  uint8_t stride = 0;
};

struct Program {
  std::string name;
  std::vector<ValueInfo> values;
  std::vector<Register> registers;  // that some call loads, where a proposal writes them
  // Those of space 0, then the same of the next one, then the rests of both in the same way: an
  // address is the same number in each.
  std::vector<Object> objects;
  int objects_of_space = 0;
  int rests_of_space = 0;
  int whole_objects = 0;  // the rests stand behind these
  int words_of_space = 0;
  // Of an address space that a fork fills: whose it copies; else -1.
  std::array<int8_t, kMaxSpaces> copied_from = {-1, -1, -1, -1};
  std::vector<Word> words;
  std::vector<Image> images;
  std::vector<TaskInfo> tasks;
  std::vector<SenderInfo> senders;
  std::vector<WriterInfo> writers;
  std::vector<PolicyRule> policy;
  // What the policy's canonical protocol pins, by call.
  std::array<std::vector<Descriptor>, kCalls> policy_pins;
  std::array<std::array<SeenLayout, kMaxRoles>, kCalls> seen{};
  std::bitset<kCalls> trapped;  // by Nr: the filter returns USER_NOTIF
  // The calls that somebody makes, and by Nr the place of each among them, from 1 on: what a state
  // says of a call's number.
  std::vector<Nr> calls;
  std::array<uint8_t, kCalls> number_of{};
  bool wait_killable = false;
  bool nested = false;              // some call has pointers behind pointers
  bool polls = false;               // some supervisor polls
  bool spins = false;               // some task may go on for ever without coming to rest
  bool traps_without_end = false;   // signals without end come to a task with the filter
  bool closes = false;              // some supervisor closes the listener
  bool puts_back = false;           // some RECV may fault, and puts its notification back
  uint16_t installs = 0;            // calls of seccomp()
  uint8_t allocation_failures = 0;  // budget
  uint8_t nofile[kMaxFilesTables] = {kMaxFds, kMaxFds, kMaxFds, kMaxFds};
  int files_tables = 1;
  bool general_peer = false;
  uint8_t max_id = 1;  // the largest notification id that can be given out
  // value_of_truncation[v][n]: the value whose first n bytes are v's and whose rest is zero.
  std::vector<std::array<Value, 8>> truncated;
  // By looking supervisor and target: the view of State::views, -1 where there is none.
  std::array<std::array<int8_t, kMaxTasks>, kMaxTasks> view{};
  int views = 0;
  // What of the scenario has no effect, each as "FILE:LINE:COLUMN: ...".
  std::vector<std::string> notes;

  // Whether some call has a table of pointers in this register.
  bool TableAt(int arg) const;
  // Whether an object is a whole one, or a rest to which some address leads.
  bool IsNamed(size_t object) const;
  int FirstWordOf(uint8_t space) const { return space * words_of_space; }
  // Whether a word is mapped in a space.
  bool Reaches(uint8_t space, const Word& word) const {
    return objects[word.object].space == space || word.in_all_spaces;
  }
  // The object to which an address leads in a space; -1: nothing is mapped there.
  int ObjectAt(Value address, uint8_t space) const {
    const int object = address == kUninit || address == kAbsent ? -1 : values[address].object;
    if (object < 0) return -1;
    return object + space * (object < whole_objects ? objects_of_space : rests_of_space);
  }
};

}  // namespace knotcheck::model
