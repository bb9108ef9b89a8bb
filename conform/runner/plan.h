// SPDX-License-Identifier: Apache-2.0
//
// A plan as it stands in the file; docs/plan-format.md says what each line means.

#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace knotcheck::runner {

// A number, the address of an object, or an address where nothing is mapped; of a word also that
// its object is unmapped.
struct Value {
  enum class Kind : uint8_t { kNumber, kObject, kDangling, kUnmapped };
  Kind kind = Kind::kNumber;
  uint64_t number = 0;  // of kObject: the object
  uint64_t offset = 0;  // ... and how many bytes behind its beginning
};

enum class ObjectKind : uint8_t { kString, kBytes, kSockaddr, kPointers };

struct Object {
  std::string name;
  ObjectKind kind = ObjectKind::kBytes;
  uint64_t bytes = 0;
  bool is_private = false;  // MAP_PRIVATE
};

struct Word {
  int object = 0;
  uint64_t offset = 0;  // in the object
  std::vector<Value> values;
};

enum class TaskKind : uint8_t {
  kTarget,
  kThread,
  kChild,
  kChildThread,
  kPeer,
  kFilePeer,
  kSupervisor
};

enum class HandlerKind : uint8_t { kNone, kRestarts, kPlain, kIgnored };

enum class Code : uint8_t {
  kCall,
  kStore,
  kKill,
  kEnd,
  kRecv,
  kSend,
  kIdValid,
  kAddfd,
  kSetFlags,
  kPoll,
  kVerb,
  kRead,
  kAfter,
  kClose,
  kJump,
  kJumpIfError,
  kJumpIfNothing,
  kChoose,
  kDecide,
  kJumpIfResult,
  kJumpIfCall
};

// Options of operations and of `start`.
enum Option : uint32_t {
  kFault = 1 << 0,
  kNull = 1 << 1,
  kGarbage = 1 << 2,
  kSetfd = 1 << 3,
  kAddfdAndSend = 1 << 4,
  kBadFlags = 1 << 5,
  kBadFd = 1 << 6,
  kNowait = 1 << 7,
  kIn = 1 << 8,
  kPark = 1 << 9,
  kHoldObject = 1 << 10,
  kNoBuffer = 1 << 11,
};

enum class Shape : uint8_t { kString, kStrings, kBytes };

struct VerbRunner;

// One argument that `read` or a proposal's ioctl looks at.
struct Look {
  int reg = 0;
  Shape shape = Shape::kBytes;  // of `read`
  uint32_t kind = 0;            // of an ioctl, as the kernel numbers them
  uint64_t length = 0;          // ... how many bytes it asks for
  uint32_t entries = 0;
};

struct Op {
  Code code = Code::kEnd;
  int label = 0;  // as the plan numbers it
  int nr = 0;     // of a call
  Value args[6];
  int task = -1;  // that the call starts, or that is killed
  int word = 0;
  Value value;
  int variable = 0;
  int other = 0;  // `after`'s second variable
  uint32_t options = 0;
  int64_t number = 0;  // flags, NEWFD, an error
  int64_t error = 0;
  int64_t val = 0;
  const VerbRunner* verb = nullptr;
  std::vector<int64_t> numbers;  // of its request
  std::vector<Look> looks;
  std::vector<int> jumps;  // positions in the script
  int line = 0;
};

using Script = std::vector<Op>;

// Whether it is a call that never returns: its task is gone, and that is all that is to be seen.
bool Exits(const Op& op);

struct Task {
  std::string name;
  TaskKind kind = TaskKind::kTarget;
  int of = -1;
  HandlerKind handler = HandlerKind::kNone;
  int64_t nofile = -1;
  Script script;
  Script handler_script;
};

enum class OrderCode : uint8_t {
  kStart,
  kWaitDone,
  kWaitAsleep,
  kWaitParked,
  kWaitDead,
  kWaitHandler,
  kHold,
  kResume,
  kSignal,
  kStore,
  kFinish
};

struct Order {
  OrderCode code = OrderCode::kFinish;
  int task = -1;
  bool handler = false;
  int op = 0;  // position in the script
  uint32_t options = 0;
  int object = -1;
  bool fatal = false;
  bool fault = false;
  int word = 0;
  Value value;
  std::string text;  // the words, for messages
};

struct Sender {
  int task = 0;
  uint64_t count = 0;
  bool fatal = false;
};

struct Condition {
  enum class Test : uint8_t { kEqual, kNotEqual, kAny, kNever };
  int reg = 0;
  Test test = Test::kEqual;
  // What the register must have held, or not: bytes, or the strings of a table.
  std::vector<std::string> held;
};
struct Rule {
  int nr = 0;
  std::vector<Condition> conditions;
};

// What an executed program finds where an object of the old image was: only to be read.
struct Image {
  std::string path;
  int object = 0;
  std::string bytes;
};

struct Plan {
  std::string name;
  // Path and arguments, if the plan is to execute a program; all but limit_ms is empty then.
  std::vector<std::string> program;
  bool stress = false;
  uint64_t runs = 1;
  uint64_t seed = 0;
  uint64_t limit_ms = 5000;
  std::vector<std::string> needs;
  std::vector<Object> objects;
  std::vector<Word> words;
  std::vector<std::string> files;
  std::vector<Image> images;
  std::vector<int> traps;
  bool wait_killable = false;
  std::vector<Task> tasks;
  std::vector<Order> orders;
  std::vector<Sender> senders;
  bool writer = false;
  uint64_t writer_stores = 0;  // 0: as many as it can
  uint32_t failures = 0;       // allocations of the kernel that may fail
  std::string wanted;          // an outcome to which the way is asked for, or empty
  std::vector<Rule> rules;
  std::string text;  // the lines, which an executed program reads again

  bool NeedsHold() const;
  bool Parks() const;
  bool Calls(int nr) const;
};

// Reads all plans of a text; `file` is its name in messages. An error is FILE:LINE: found ...,
// expected ...
bool ReadPlans(const std::string& text, const std::string& file, std::vector<Plan>* plans,
               std::string* error);

}  // namespace knotcheck::runner
