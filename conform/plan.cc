// SPDX-License-Identifier: Apache-2.0

#include "conform/plan.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "model/kernel/kernel.h"

namespace knotcheck::conform {
namespace {

using model::Nr;
using model::Op;
using model::OpCode;
using model::Program;
using model::TaskInfo;
using model::TaskKind;

constexpr int kDirectedLimitMs = 8000;
constexpr int kStressLimitMs = 2000;
constexpr size_t kMostFiles = 64;

// Calls of the table whose real arguments are those of the scenario.
const std::set<std::string>& TableCalls() {
  static const auto* const calls =
      new std::set<std::string>{"memfd_create", "mkdir", "rmdir",   "unlink",  "chdir",
                                "access",       "chmod", "symlink", "truncate"};
  return *calls;
}

// The object in which an address lies; -1: nothing is mapped there.
int WholeAt(const Program& program, model::Value address, uint8_t space) {
  const int object = program.ObjectAt(address, space);
  return object < 0 ? -1 : program.objects[static_cast<size_t>(object)].whole;
}

// Whether some script pins more bytes of an object than it has from the address on that a call
// takes, as bytes.
bool PinnedAsBytes(const Program& program, size_t o) {
  std::map<int, uint32_t> bytes;  // by register, from such an address on: the fewest
  for (const TaskInfo& task : program.tasks) {
    for (const Op& op : task.ops) {
      for (size_t i = 0; i < op.pointers.size() && op.code == OpCode::kSyscall; ++i) {
        if (!(op.is_pointer >> i & 1)) continue;
        const int at = program.ObjectAt(op.pointers[i], task.space);
        if (at < 0 || program.objects[static_cast<size_t>(at)].whole != o) continue;
        const uint32_t here = program.objects[static_cast<size_t>(at)].bytes;
        const auto [known, fresh] = bytes.emplace(static_cast<int>(i), here);
        if (!fresh) known->second = std::min(known->second, here);
      }
    }
  }
  for (const TaskInfo& task : program.tasks) {
    for (const Op& op : task.ops) {
      for (const model::Descriptor& d : op.descriptors) {
        const auto at = bytes.find(d.arg);
        if (d.reads == model::Reads::kBytes && at != bytes.end() && d.max_bytes > at->second)
          return true;
      }
    }
  }
  return false;
}

const char* KindOf(const Program& program, size_t o) {
  const model::Object& object = program.objects[o];
  if (object.kind == model::Object::Kind::kPointers) return "pointers";
  for (const TaskInfo& task : program.tasks) {
    for (const auto* ops : {&task.ops, &task.handler}) {
      for (const Op& op : *ops) {
        if (op.code != OpCode::kSyscall) continue;
        for (const model::Role& role : model::SyscallOf(op.nr).roles) {
          const bool here = role.parent < 0 && WholeAt(program, op.pointers[role.arg],
                                                       task.space) == static_cast<int>(o);
          if (here && role.shape == model::Shape::kSockaddr) return "sockaddr";
        }
      }
    }
  }
  // A string takes whole words. But who wants bytes, whatever they are, finds no more than the
  // string has.
  const bool string = object.kind == model::Object::Kind::kString && !PinnedAsBytes(program, o);
  return string ? "string" : "bytes";
}

// Whether a script pins a sockaddr as a string that ends elsewhere on a real kernel, which finds a
// family of AF_UNIX, 1, in the first bytes (conform/runner/layout.cc).
bool PinsFamilyAsString(const Program& program) {
  constexpr uint8_t kFamily[] = {1, 0, 0};
  uint64_t as_string = 0;
  for (const TaskInfo& task : program.tasks) {
    for (const Op& op : task.ops) {
      for (const model::Descriptor& d : op.descriptors) {
        if (d.reads == model::Reads::kString) as_string |= uint64_t{1} << d.arg;
      }
    }
  }
  for (const TaskInfo& task : program.tasks) {
    for (const Op& op : task.ops) {
      if (op.code != OpCode::kSyscall) continue;
      for (const model::Role& role : model::SyscallOf(op.nr).roles) {
        if (role.shape != model::Shape::kSockaddr || (as_string >> role.arg & 1) == 0) continue;
        const int o = WholeAt(program, op.pointers[role.arg], task.space);
        if (o < 0) continue;
        const auto& domain =
            program.words[program.objects[static_cast<size_t>(o)].first_word].domain;
        for (const model::Value value : domain) {
          const auto& bytes = program.values[value].bytes;
          if (!std::equal(std::begin(kFamily), std::end(kFamily), bytes.begin())) return true;
        }
      }
    }
  }
  return false;
}

// Every string that an object may hold, torn ones included.
std::set<std::string> StringsOf(const Program& program, const model::Object& object) {
  std::vector<std::string> texts = {""};
  for (int w = 0; w < object.words; ++w) {
    std::vector<std::string> longer;
    for (const std::string& text : texts) {
      for (const model::Value value :
           program.words[static_cast<size_t>(object.first_word + w)].domain) {
        if (program.values[value].unmapped) continue;
        const auto& bytes = program.values[value].bytes;
        longer.push_back(text + std::string(bytes.begin(), bytes.end()));
      }
    }
    texts = std::move(longer);
    if (texts.size() > kMostFiles) texts.resize(kMostFiles);
  }
  std::set<std::string> strings;
  for (const std::string& text : texts) strings.insert(text.substr(0, text.find('\0')));
  strings.erase("");
  return strings;
}

// What is left of a string when a look's max_bytes cut it off.
void AddCut(const Program& program, std::set<std::string>* strings) {
  std::set<std::string> cut;
  for (const TaskInfo& task : program.tasks) {
    for (const Op& op : task.ops) {
      for (const model::Descriptor& d : op.descriptors) {
        for (const std::string& string : *strings) {
          if (d.max_bytes > 2 && d.max_bytes <= string.size()) {
            cut.insert(string.substr(0, d.max_bytes - 1));
          }
        }
      }
    }
  }
  strings->merge(cut);
}

// The number of the system call that all of the program's trapped calls with arguments to look at
// How many bytes a look at an argument takes, by the calls of this number.
std::set<int> LengthsOf(const Program& program, Nr nr, const model::Role& role) {
  std::set<int> lengths;
  for (const TaskInfo& task : program.tasks) {
    for (const auto* ops : {&task.ops, &task.handler}) {
      for (const Op& call : *ops) {
        if (call.code != OpCode::kSyscall || call.nr != nr || role.parent >= 0) continue;
        const int object = program.values[call.pointers[role.arg]].object;
        if (object < 0) continue;
        int length = program.objects[static_cast<size_t>(object)].bytes;
        if (role.length_arg >= 0 && !role.IsString()) {
          length = std::min(length, call.scalars[static_cast<size_t>(role.length_arg)]);
        }
        lengths.insert(length);
      }
    }
  }
  return lengths;
}

// have in common.
std::optional<Nr> LookedAt(const Program& program) {
  std::optional<Nr> only;
  for (size_t nr = 0; nr < model::kCalls; ++nr) {
    if (!program.trapped[nr]) continue;
    const bool has = std::any_of(program.seen[nr].begin(), program.seen[nr].end(),
                                 [](const model::SeenLayout& s) { return s.entries != 0; }) ||
                     !program.policy_pins[nr].empty();
    if (!has) continue;
    if (only) return std::nullopt;
    only = static_cast<Nr>(nr);
  }
  return only.value_or(Nr::kUmask);
}

// Whether some supervisor's look at bytes has a length for each call.
bool LooksAtSeveralLengths(const Program& program) {
  const bool reads =
      std::any_of(program.tasks.begin(), program.tasks.end(), [](const TaskInfo& task) {
        return std::any_of(task.ops.begin(), task.ops.end(),
                           [](const Op& op) { return op.code == OpCode::kReadArgs; });
      });
  const Nr nr = *LookedAt(program);
  const auto& roles = model::SyscallOf(nr).roles;
  for (size_t r = 0; r < roles.size() && reads; ++r) {
    const bool bytes = !roles[r].IsString() && roles[r].shape != model::Shape::kStrings;
    const bool looked_at = program.seen[static_cast<size_t>(nr)][r].entries != 0;
    if (bytes && looked_at && LengthsOf(program, nr, roles[r]).size() > 1) return true;
  }
  return false;
}

// Whether a policy reads the arguments of every notification, and there are some of calls of which
// it looks at nothing: a plan would read those at the arguments of the other call.
bool ReadsOtherCalls(const Program& program) {
  const bool policy_reads =
      std::any_of(program.tasks.begin(), program.tasks.end(), [](const TaskInfo& task) {
        return task.decides && std::any_of(task.ops.begin(), task.ops.end(), [](const Op& op) {
                 return op.code == OpCode::kReadArgs;
               });
      });
  const Nr looked_at = *LookedAt(program);
  const auto is_other = [&](const Op& op) {
    return op.code == OpCode::kSyscall && op.nr != looked_at &&
           program.trapped[static_cast<size_t>(op.nr)];
  };
  return policy_reads && looked_at != Nr::kUmask &&
         std::any_of(program.tasks.begin(), program.tasks.end(), [&](const TaskInfo& task) {
           return std::any_of(task.ops.begin(), task.ops.end(), is_other) ||
                  std::any_of(task.handler.begin(), task.handler.end(), is_other);
         });
}

// Whether one ioctl pins an argument as several kinds: a plan tells only what it copied last of an
// argument, and a table that a string was taken for says nothing about the string.
bool PinsAsSeveralKinds(const Op& op) {
  for (size_t i = 0; i < op.descriptors.size(); ++i) {
    for (size_t j = 0; j < i; ++j) {
      const model::Descriptor& one = op.descriptors[i];
      const model::Descriptor& other = op.descriptors[j];
      if (one.arg == other.arg && one.kind != other.kind) return true;
    }
  }
  return false;
}

// "NAME VARIABLE FIELDS OPTIONS ARG:KIND:BYTES:ENTRIES...", as the verb's signature has them.
std::string VerbText(const model::Verb& verb, const Op& op,
                     const std::vector<model::Descriptor>& descriptors, bool stress) {
  std::string text = absl::StrCat(verb.name, " ", static_cast<int>(op.variable));
  for (size_t f = 0; f < verb.fields.size(); ++f) absl::StrAppend(&text, " ", op.fields[f]);
  std::vector<std::string> options;
  // In a directed plan the order says whether the copy fails.
  if (stress && (op.options & model::kBufFaults)) options.emplace_back("fault");
  if (op.options & model::kBufNull) options.emplace_back("null");
  if (op.options & model::kBuffersNull) options.emplace_back("no_buffer");
  absl::StrAppend(&text, " ", options.empty() ? "-" : absl::StrJoin(options, ","));
  for (const model::Descriptor& d : descriptors) {
    absl::StrAppend(&text, " ", d.arg, ":", d.kind, ":", d.max_bytes, ":", d.max_entries);
  }
  return text;
}

std::string ReadText(const Program& program, const Op& op) {
  std::string text = absl::StrCat("read ", static_cast<int>(op.variable));
  const Nr nr = *LookedAt(program);
  const auto& roles = model::SyscallOf(nr).roles;
  for (size_t r = 0; r < roles.size(); ++r) {
    const bool asked = op.roles == 0 || (op.roles >> r & 1);
    if (!asked || program.seen[static_cast<size_t>(nr)][r].entries == 0) continue;
    const char* shape = roles[r].shape == model::Shape::kStrings ? "strings"
                        : roles[r].IsString()                    ? "string"
                                                                 : "bytes";
    if (roles[r].parent >= 0) continue;
    int length = 0;
    for (const int bytes : LengthsOf(program, nr, roles[r])) length = std::max(length, bytes);
    absl::StrAppend(&text, " ", static_cast<int>(roles[r].arg), ":", shape, ":", length);
  }
  return text;
}

std::string CallText(const Program& program, const Op& op, uint8_t space) {
  const model::Syscall& syscall = model::SyscallOf(op.nr);
  std::string text = absl::StrCat("call ", syscall.name);
  if (op.nr == Nr::kFork || op.nr == Nr::kClone) {
    return absl::StrCat(text, " ", static_cast<int>(op.task));
  }
  if (op.nr == Nr::kSeccomp) {
    // SECCOMP_FILTER_FLAG_TSYNC stands for itself and TSYNC_ESRCH.
    const int tsync = (op.flags & model::kTsync) ? 1 | 16 : 0;
    return absl::StrCat(text, " ", (op.flags & model::kNewListener) | tsync);
  }
  for (size_t i = 0; i < syscall.args; ++i) {
    if (op.is_pointer >> i & 1) {
      const std::string word = ValueWord(program, op.pointers[i], space);
      absl::StrAppend(&text, " ", op.pointers[i] == model::kZero ? "0" : word);
    } else {
      absl::StrAppend(&text, " ", op.scalars[i]);
    }
  }
  return text;
}

std::string OpText(const Program& program, const model::Proposal& proposal, const TaskInfo& task,
                   const Op& op, bool stress) {
  const auto v = static_cast<int>(op.variable);
  std::vector<std::string> options;
  const auto add = [&](uint16_t bit, const char* name) {
    if (op.options & bit) options.emplace_back(name);
  };
  const auto with = [&options](std::string text) {
    for (const std::string& option : options) absl::StrAppend(&text, " ", option);
    return text;
  };
  switch (op.code) {
    case OpCode::kEnd:
      return task.kind == TaskKind::kSupervisor ? "end" : "call exit 0";
    case OpCode::kSyscall:
      return CallText(program, op, task.space);
    case OpCode::kStore:
      return absl::StrCat(
          "store ", WordInPlan(program, op.word), " ",
          ValueWord(program, op.value, program.objects[program.words[op.word].object].space));
    case OpCode::kKill:
      return absl::StrCat("kill ", static_cast<int>(op.task));
    case OpCode::kRecv:
      // In a directed plan the order says whether the copy fails.
      if (stress) add(model::kBufFaults, "fault");
      add(model::kBufNull, "null");
      add(model::kBufNotZeroed, "garbage");
      return with(absl::StrCat("recv ", v));
    case OpCode::kSend:
      add(model::kBufNull, "null");
      return with(absl::StrCat("send ", v, " ", op.flags, " ", -op.error, " ", op.val));
    case OpCode::kIdValid:
      add(model::kBufNull, "null");
      return with(absl::StrCat("id_valid ", v));
    case OpCode::kAddfd:
      add(model::kAddfdSetfd, "setfd");
      add(model::kAddfdSend, "send");
      add(model::kBadFlags, "bad_flags");
      add(model::kBadSrcfd, "bad_fd");
      add(model::kBufNull, "null");
      return absl::StrCat("addfd ", v, " ", options.empty() ? "-" : absl::StrJoin(options, ","),
                          " ", op.val);
    case OpCode::kSetFlags:
      return absl::StrCat("set_flags ", op.flags);
    case OpCode::kPoll:
      add(model::kNonBlocking, "nowait");
      add(model::kPollIn, "in");
      return with("poll");
    case OpCode::kVerb: {
      const model::Verb& verb = proposal.verbs[op.verb];
      const bool own = !op.descriptors.empty() || verb.kinds.empty();
      return VerbText(
          verb, op,
          own ? op.descriptors : program.policy_pins[static_cast<size_t>(*LookedAt(program))],
          stress);
    }
    case OpCode::kReadArgs:
      return ReadText(program, op);
    case OpCode::kClose:
      return "close";
    case OpCode::kAfter:
      return absl::StrCat("after ", v, " ", static_cast<int>(op.word));
    case OpCode::kJump:
      return absl::StrCat("jump ", static_cast<int>(op.target));
    case OpCode::kJumpIfError:
      return absl::StrCat("jump_if_error ", op.error, " ", static_cast<int>(op.target));
    case OpCode::kJumpIfNothing:
      return absl::StrCat("jump_if_nothing ", v, " ", static_cast<int>(op.target));
    case OpCode::kDecide:
      return absl::StrCat("decide ", v, " ", static_cast<int>(op.target));
    case OpCode::kJumpIfResult:
      return absl::StrCat("jump_if_result ", op.expected, " ", static_cast<int>(op.target));
    case OpCode::kJumpIfCall:
      return absl::StrCat("jump_if_call ", v, " ", model::SyscallOf(op.nr).name, " ",
                          static_cast<int>(op.target));
    case OpCode::kChoose: {
      std::string text = "choose";
      for (const uint8_t at : op.alternatives) absl::StrAppend(&text, " ", static_cast<int>(at));
      return text;
    }
  }
  return "";
}

// The task that forks or clones `child`, and by which call.
std::pair<int, Nr> StarterOf(const Program& program, size_t child) {
  for (size_t t = 0; t < program.tasks.size(); ++t) {
    for (const Op& op : program.tasks[t].ops) {
      const bool starts =
          op.code == OpCode::kSyscall && (op.nr == Nr::kFork || op.nr == Nr::kClone);
      if (starts && op.task == child) return {static_cast<int>(t), op.nr};
    }
  }
  return {-1, Nr::kFork};
}

std::string TaskLine(const Program& program, size_t t) {
  const TaskInfo& task = program.tasks[t];
  std::string kind = "supervisor";
  std::string of = "-";
  if (task.kind == TaskKind::kTarget && !task.starts) {
    const auto [starter, nr] = StarterOf(program, t);
    kind = nr == Nr::kFork ? "child" : "childthread";
    of = starter < 0 ? "-" : absl::StrCat(starter);
  } else if (task.kind == TaskKind::kTarget) {
    kind = task.group == t ? "target" : "thread";
    if (task.group != t) of = absl::StrCat(static_cast<int>(task.group));
  } else if (task.kind == TaskKind::kPeer) {
    const bool uses_files = std::any_of(task.ops.begin(), task.ops.end(),
                                        [](const Op& op) { return op.code == OpCode::kSyscall; });
    kind = uses_files ? "filepeer" : "peer";
    for (size_t other = 0; other < program.tasks.size(); ++other) {
      const TaskInfo& target = program.tasks[other];
      if (target.kind == TaskKind::kTarget && target.starts && target.files == task.files &&
          of == "-") {
        of = absl::StrCat(other);
      }
    }
  }
  return absl::StrCat("task ", t, " ", task.name, " ", kind, " ", of, "\n");
}

// The bytes of words, as many as there are or up to a NUL.
std::string BytesOf(const Program& program, const std::vector<model::Value>& words, size_t most,
                    bool string) {
  std::string bytes;
  for (const model::Value value : words) {
    for (const uint8_t byte : program.values[value].bytes) {
      if (bytes.size() == most || (string && byte == 0)) return bytes;
      bytes.push_back(static_cast<char>(byte));
    }
  }
  return bytes;
}

// What executed programs have, in each address space, and the files that they name there.
std::string ImageLines(const Program& program, std::set<std::string>* files) {
  std::string text;
  const int spaces = program.whole_objects / std::max(1, program.objects_of_space);
  for (const model::Image& image : program.images) {
    const std::string path = BytesOf(program, image.path, 8 * image.path.size(), true);
    for (size_t o = 0; o < image.bytes.size(); ++o) {
      if (image.bytes[o] == 0) continue;
      const std::string bytes = BytesOf(program, image.words[o], image.bytes[o], false);
      const std::string string = bytes.substr(0, bytes.find('\0'));
      if (program.objects[o].kind == model::Object::Kind::kString && !string.empty()) {
        files->insert(string);
      }
      for (int space = 0; space < spaces; ++space) {
        const size_t there = o + static_cast<size_t>(space * program.objects_of_space);
        if (!program.IsNamed(there) || !IsInPlan(program, static_cast<uint8_t>(space))) continue;
        absl::StrAppend(&text, "image ", absl::BytesToHexString(path), " ", there, " ",
                        absl::BytesToHexString(bytes), "\n");
      }
    }
  }
  return text;
}

// Everything but mode, needs and orders.
std::string World(const verify::Question& question, bool stress) {
  const Program& program = question.program();
  const model::Proposal& proposal = question.system().proposal();
  std::string text;
  std::set<std::string> files;
  for (size_t o = 0; o < program.objects.size(); ++o) {
    const model::Object& object = program.objects[o];
    if (!program.IsNamed(o)) continue;
    if (object.whole == o && IsInPlan(program, object.space)) {
      const bool copied = Forks(program) && !program.words[object.first_word].in_all_spaces;
      absl::StrAppend(&text, "object ", o, " ", object.name, " ", KindOf(program, o), " ",
                      object.bytes, copied ? " private" : "", "\n");
    }
    if (object.kind == model::Object::Kind::kString) {
      files.merge(StringsOf(program, object));
    }
  }
  for (size_t w = 0; w < program.words.size(); ++w) {
    if (!IsInPlan(program, program.objects[program.words[w].object].space)) continue;
    absl::StrAppend(&text, "word ", w, " ", static_cast<int>(program.words[w].object));
    for (const model::Value value : program.words[w].domain) {
      absl::StrAppend(&text, " ",
                      ValueWord(program, value, program.objects[program.words[w].object].space));
    }
    absl::StrAppend(&text, "\n");
  }
  text += ImageLines(program, &files);
  AddCut(program, &files);
  for (const std::string& file : files) {
    const std::string path = file[0] == '/' ? file : "/" + file;
    if (path.size() > 1 && path.back() != '/') {
      absl::StrAppend(&text, "file ", absl::BytesToHexString(path), "\n");
    }
  }
  for (size_t nr = 0; nr < model::kCalls; ++nr) {
    if (program.trapped[nr]) {
      absl::StrAppend(&text, "trap ", model::SyscallOf(static_cast<Nr>(nr)).name, "\n");
    }
  }
  if (program.wait_killable) absl::StrAppend(&text, "filter wait_killable\n");
  for (size_t t = 0; t < program.tasks.size(); ++t) text += TaskLine(program, t);
  std::set<int> handled;
  for (const model::SenderInfo& sender : program.senders) {
    using Disposition = model::SenderInfo::Disposition;
    if (sender.disposition == Disposition::kFatal || !handled.insert(sender.task).second) continue;
    const char* how = sender.disposition == Disposition::kIgnored           ? "ignored"
                      : sender.disposition == Disposition::kHandlerRestarts ? "restarts"
                                                                            : "plain";
    absl::StrAppend(&text, "handler ", static_cast<int>(sender.task), " ", how, "\n");
  }
  for (size_t t = 0; t < program.tasks.size(); ++t) {
    const TaskInfo& task = program.tasks[t];
    if (task.kind == TaskKind::kTarget && task.group == t && task.starts) {
      absl::StrAppend(&text, "nofile ", t, " ", static_cast<int>(program.nofile[task.files]), "\n");
    }
    for (size_t i = 0; i < task.ops.size(); ++i) {
      absl::StrAppend(&text, "op ", t, " ", i, " ",
                      OpText(program, proposal, task, task.ops[i], stress), "\n");
    }
    for (size_t i = 0; i < task.handler.size(); ++i) {
      const Op& op = task.handler[i];
      absl::StrAppend(&text, "op ", t, " h", i, " ",
                      op.code == OpCode::kEnd ? "end" : OpText(program, proposal, task, op, stress),
                      "\n");
    }
  }
  return text;
}

// A value of a condition, as the runner compares it with what it saw.
std::string ConditionText(const Program& program, Nr nr, const model::PolicyCondition& condition) {
  const model::Role& role = model::SyscallOf(nr).roles[condition.role];
  const std::string reg = absl::StrCat(static_cast<int>(role.arg));
  if (condition.test == model::PolicyCondition::Test::kAny) return reg + "=*";
  // What nothing can hold: no argument is as many bytes.
  if (condition.test == model::PolicyCondition::Test::kNever) return reg + "=!";
  const model::SeenLayout& layout = program.seen[static_cast<size_t>(nr)][condition.role];
  const size_t stride =
      role.shape == model::Shape::kStrings ? layout.stride : condition.words.size();
  std::vector<std::string> strings;
  for (size_t at = 0; at < condition.words.size() && condition.words[at] != model::kAbsent;
       at += stride) {
    std::string bytes;
    for (size_t w = at; w < std::min(at + stride, condition.words.size()); ++w) {
      const auto& word = program.values[condition.words[w]].bytes;
      bytes.append(word.begin(), word.end());
    }
    if (role.shape == model::Shape::kStrings || role.IsString()) {
      bytes.resize(std::min(bytes.size(), bytes.find('\0')));
    } else {
      bytes.erase(bytes.find_last_not_of('\0') + 1);
    }
    strings.push_back(bytes.empty() ? "-" : absl::BytesToHexString(bytes));
  }
  const bool equal = condition.test == model::PolicyCondition::Test::kEqual;
  return absl::StrCat(reg, equal ? "=" : "!=", absl::StrJoin(strings, ","));
}

std::string PolicyLines(const Program& program) {
  std::string text;
  for (const model::PolicyRule& rule : program.policy) {
    for (const auto& conditions : rule.alternatives) {
      absl::StrAppend(&text, "policy ", model::SyscallOf(rule.nr).name);
      for (const model::PolicyCondition& condition : conditions) {
        absl::StrAppend(&text, " ", ConditionText(program, rule.nr, condition));
      }
      absl::StrAppend(&text, "\n");
    }
  }
  return text;
}

std::vector<std::string> NeedsOf(const verify::Question& question) {
  const Program& program = question.program();
  std::vector<std::string> needs;
  if (!question.system().proposal().functions.empty()) {
    needs.emplace_back(question.system().proposal().name);
  }
  const auto any = [&program](auto&& wanted) {
    for (const TaskInfo& task : program.tasks) {
      if (std::any_of(task.ops.begin(), task.ops.end(), wanted)) return true;
    }
    return false;
  };
  if (any([](const Op& op) { return op.code == OpCode::kAddfd; })) needs.emplace_back("addfd");
  if (program.wait_killable) needs.emplace_back("wait_killable");
  return needs;
}

bool IsThreaded(const Program& program, const TaskInfo& task) {
  return std::count_if(program.tasks.begin(), program.tasks.end(), [&](const TaskInfo& other) {
           return other.kind != TaskKind::kSupervisor && other.group == task.group;
         }) > 1;
}

// Why signal handlers cannot do what they do here; nullptr: they can.
const char* CannotHandle(const Program& program) {
  bool calls = false;
  bool kills = false;
  for (const model::TaskInfo& task : program.tasks) {
    for (const Op& op : task.ops) {
      kills |= op.code == OpCode::kKill || (op.code == OpCode::kSyscall && model::IsExec(op.nr));
    }
    for (const Op& op : task.handler) {
      calls |= op.code != OpCode::kEnd;
      if (op.code != OpCode::kSyscall) continue;
      if (op.nr == Nr::kFork || op.nr == Nr::kClone) {
        return "a signal's handler begins a thread";
      }
      // Its other threads die.
      kills |= model::IsExec(op.nr) && IsThreaded(program, task);
      if (op.nr > Nr::kSeccomp && TableCalls().count(model::SyscallOf(op.nr).name) == 0) {
        return "a signal's handler makes a call for which the runner has no arguments";
      }
    }
  }
  for (const model::SenderInfo& sender : program.senders) {
    kills |= sender.disposition == model::SenderInfo::Disposition::kFatal;
  }
  // What the interrupted call has returned nobody sees then.
  return calls && kills ? "a task may be killed in a signal's handler that makes calls" : nullptr;
}

// Whether `test` asks for a result of a target's call that is none on a real kernel: a call of the
// table returns what is not modelled, and fork and clone a number of the kernel's.
bool AsksForANumber(const TaskInfo& task, const Op& test) {
  return test.code == OpCode::kJumpIfResult && test.expected >= 0 &&
         task.kind != TaskKind::kSupervisor &&
         std::any_of(task.ops.begin(), task.ops.end(), [](const Op& op) {
           return op.code == OpCode::kSyscall &&
                  (op.nr > Nr::kSeccomp || op.nr == Nr::kFork || op.nr == Nr::kClone);
         });
}

// Whether a script has a loop. What a policy does has jumps of its own.
bool Loops(const Program& program) {
  for (const TaskInfo& task : program.tasks) {
    if (task.decides) continue;
    for (const auto* ops : {&task.ops, &task.handler}) {
      for (size_t at = 0; at < ops->size(); ++at) {
        const Op& op = (*ops)[at];
        if (op.code == OpCode::kJump && op.target <= at) return true;
      }
    }
  }
  return false;
}

}  // namespace

absl::Status CanRun(const verify::Question& question) {
  const Program& program = question.program();
  const auto no = [](const std::string& why) { return absl::UnimplementedError(why); };
  if (!LookedAt(program)) {
    return no("supervisors look at the arguments of several calls, and a plan at those of one");
  }
  if (ReadsOtherCalls(program)) {
    return no("a policy looks at one call's arguments only, and a plan at those of each call");
  }
  if (LooksAtSeveralLengths(program)) {
    return no("calls of one number have buffers of different lengths, and a plan's look has one");
  }
  for (const TaskInfo& task : program.tasks) {
    bool executed = false;
    for (const Op& op : task.ops) {
      if (op.code == OpCode::kChoose && task.kind != TaskKind::kSupervisor) {
        return no("a task chooses what it calls");
      }
      if (op.honest) return no("a supervisor's policy may be followed in any order");
      if (op.free && op.code != OpCode::kChoose) return no("a supervisor may do anything");
      if (op.code == OpCode::kChoose && !op.free && task.kind == TaskKind::kSupervisor) {
        return no("a supervisor's policy may be followed in any order");
      }
      if (PinsAsSeveralKinds(op)) return no("an argument is pinned as several kinds at once");
      if (executed && op.code == OpCode::kStore) return no("an executed program stores");
      if (op.code != OpCode::kSyscall) continue;
      const model::Syscall& syscall = model::SyscallOf(op.nr);
      executed |= model::IsExec(op.nr);
      if (op.nr > Nr::kSeccomp && TableCalls().count(syscall.name) == 0) {
        return no(absl::StrCat("the runner has no arguments for ", syscall.name));
      }
    }
  }
  if (PinsFamilyAsString(program)) {
    return no(
        "a sockaddr is pinned as a string, and does not begin as one of AF_UNIX does, "
        "\\x01\\x00\\x00");
  }
  for (const model::Image& image : program.images) {
    for (size_t o = 0; o < image.bytes.size(); ++o) {
      if (image.bytes[o] == 0) continue;
      const std::string kind = KindOf(program, o);
      if (kind == "sockaddr") return no("an executed program has a sockaddr");
      if (kind == "bytes" && image.bytes[o] != program.objects[o].bytes) {
        return no(
            "an executed program has fewer bytes than there were, and a page has no end there");
      }
    }
  }
  if (const char* why = CannotHandle(program); why != nullptr) return no(why);
  for (size_t nr = static_cast<size_t>(Nr::kSeccomp) + 1; nr < model::kCalls; ++nr) {
    const char* name = model::SyscallOf(static_cast<Nr>(nr)).name;
    if (program.trapped[nr] && TableCalls().count(name) == 0) {
      return no(absl::StrCat("the runner has no arguments for ", name));
    }
  }
  for (const model::SenderInfo& sender : program.senders) {
    if (sender.count == model::kSignalsWithoutEnd) return no("signals come without end");
  }
  if (const char* why = CannotMap(program); why != nullptr) return no(why);
  for (size_t o = 0; o < program.objects.size(); ++o) {
    const model::Object& object = program.objects[o];
    if (object.whole != o && program.IsNamed(o) &&
        std::string(KindOf(program, object.whole)) == "sockaddr") {
      return no("a call takes the middle of a sockaddr, which has its family at its beginning");
    }
  }
  return absl::OkStatus();
}

absl::Status CanStress(const verify::Question& question) {
  const Program& program = question.program();
  if (Loops(program)) {
    return absl::UnimplementedError("a script has a loop, so there is no end of its outcomes");
  }
  for (const TaskInfo& task : program.tasks) {
    for (const Op& op : task.handler) {
      if (op.code != OpCode::kSyscall || !model::IsExec(op.nr)) continue;
      return absl::UnimplementedError(
          "a signal's handler executes a program, and nobody sees whether a call was interrupted");
    }
    for (const Op& op : task.ops) {
      if (!AsksForANumber(task, op)) continue;
      return absl::UnimplementedError(
          "a script asks for a call's result, which is another number on a real kernel");
    }
  }
  return CanRun(question);
}

absl::StatusOr<std::string> DirectedPlan(const std::string& name, const verify::Question& question,
                                         const ForcedRun& run) {
  if (absl::Status status = CanRun(question); !status.ok()) return status;
  std::string text = absl::StrCat("plan ", name, "\nmode directed\nlimit ", kDirectedLimitMs, "\n");
  std::vector<std::string> needs = NeedsOf(question);
  if (run.holds) needs.emplace_back("hold");
  if (run.parks) needs.emplace_back("park");
  if (run.serves) needs.emplace_back("fuse");
  if (!needs.empty()) absl::StrAppend(&text, "needs ", absl::StrJoin(needs, " "), "\n");
  text += World(question, false);
  for (const Order& order : run.orders) {
    absl::StrAppend(&text, "order ", OrderText(question.program(), order, false), "\n");
  }
  return text + "order finish\nend\n";
}

absl::StatusOr<std::string> StressPlan(const std::string& name, const verify::Question& question,
                                       uint64_t runs, uint64_t seed) {
  if (absl::Status status = CanStress(question); !status.ok()) return status;
  const Program& program = question.program();
  std::string text = absl::StrCat("plan ", name, "\nmode stress ", runs, " ", seed, "\nlimit ",
                                  kStressLimitMs, "\n");
  const std::vector<std::string> needs = NeedsOf(question);
  if (!needs.empty()) absl::StrAppend(&text, "needs ", absl::StrJoin(needs, " "), "\n");
  text += World(question, true);
  for (const model::SenderInfo& sender : program.senders) {
    if (sender.disposition == model::SenderInfo::Disposition::kIgnored) continue;
    const bool fatal = sender.disposition == model::SenderInfo::Disposition::kFatal;
    absl::StrAppend(&text, "sender ", static_cast<int>(sender.task), " ",
                    static_cast<int>(sender.count), fatal ? " fatal" : "", "\n");
  }
  if (program.general_peer && program.writers.empty()) absl::StrAppend(&text, "writer -\n");
  for (const model::WriterInfo& writer : program.writers) {
    absl::StrAppend(&text, "writer ", static_cast<int>(writer.writes), "\n");
  }
  if (program.allocation_failures > 0) {
    absl::StrAppend(&text, "failures ", static_cast<int>(program.allocation_failures), "\n");
  }
  return absl::StrCat(text, PolicyLines(program), "end\n");
}

}  // namespace knotcheck::conform
