// SPDX-License-Identifier: Apache-2.0

#include "lang/compile.h"

#include "base/text.h"
#include "lang/claims.h"
#include "lang/compiler.h"

namespace knotcheck::lang {

namespace {

// The children that some script starts by this call.
void Started(const std::vector<Statement>& statements, const char* by,
             std::set<std::string>* children) {
  const auto called = [by, children](const Call& call) {
    if (call.function != by) return;
    for (const Arg& arg : call.args) {
      for (const Atom& atom : arg.atoms) children->insert(atom.text);
    }
  };
  for (const Statement& statement : statements) {
    if (const auto* call = std::get_if<Call>(&statement)) called(*call);
    if (const auto* any = std::get_if<AnyOf>(&statement)) {
      for (const auto& each : any->alternatives) {
        if (const auto* call = std::get_if<Call>(&each)) called(*call);
      }
    }
    if (const auto* branch = std::get_if<If>(&statement)) {
      Started(branch->then, by, children);
      Started(branch->otherwise, by, children);
    }
    if (const auto* loop = std::get_if<Loop>(&statement)) Started(loop->body, by, children);
  }
}

}  // namespace

absl::Status Compiler::NewTable(Location where, TaskInfo* info) {
  if (files_tables_ == model::kMaxFilesTables) {
    return Error(where, absl::StrCat("found one more, expected at most ", model::kMaxFilesTables,
                                     " descriptor tables: targets and forked children"));
  }
  info->files = static_cast<uint8_t>(files_tables_++);
  return absl::OkStatus();
}

// An address space of its own.
absl::Status Compiler::NewSpace(Location where, TaskInfo* info) {
  if (spaces_ == model::kMaxSpaces) {
    return Error(where, absl::StrCat("found one more, expected at most ", model::kMaxSpaces,
                                     " address spaces: targets and forked children"));
  }
  info->space = static_cast<uint8_t>(spaces_++);
  return absl::OkStatus();
}

// The thread group, address space and descriptor table of a target, child or thread.
absl::Status Compiler::Belongs(const Task& task) {
  const int index = tasks_[task.name];
  TaskInfo& info = program_.tasks[static_cast<size_t>(index)];
  info.group = static_cast<uint8_t>(index);
  if (task.kind == Task::Kind::kTarget) {
    if (absl::Status status = NewTable(task.where, &info); !status.ok()) return status;
    return NewSpace(task.where, &info);
  }
  const auto parent = TaskNamed(task.of, task.where);
  if (!parent.ok()) return parent.status();
  const TaskInfo& of = program_.tasks[static_cast<size_t>(*parent)];
  if (of.kind != model::TaskKind::kTarget) {
    return Error(task.where, absl::StrCat("found '", task.of, "', expected a target"));
  }
  info.space = of.space;
  info.files = of.files;
  if (task.kind == Task::Kind::kThread) {
    if (!of.starts) {
      return Error(task.where, absl::StrCat("found a thread of ", task.of,
                                            ", a child, expected one of a target: a child starts "
                                            "its threads itself, with clone()"));
    }
    info.group = of.group;
  } else if (forked_.count(task.name) != 0) {
    if (absl::Status status = NewTable(task.where, &info); !status.ok()) return status;
    if (absl::Status status = NewSpace(task.where, &info); !status.ok()) return status;
    program_.copied_from[info.space] = static_cast<int8_t>(of.space);
  } else if (cloned_.count(task.name) != 0) {
    info.group = of.group;
  }
  return absl::OkStatus();
}

// Nobody shares with a child that is not there yet. Of a forked one the most general peer is no
// earlier than its memory, if none of that is its parent's too.
absl::Status Compiler::WithChild(const Peer& peer, const TaskInfo& of) const {
  if (of.starts) return absl::OkStatus();
  if (peer.kind != Peer::Kind::kGeneral || forked_.count(peer.with) == 0) {
    return Error(peer.where,
                 absl::StrCat("found a peer of ", peer.with,
                              ", a child, expected one of a target, which is there from the "
                              "beginning; a forked child may have a peer that stores anything"));
  }
  for (const Declaration& declaration : scenario_.declarations) {
    const auto* memory = std::get_if<Memory>(&declaration);
    if (memory == nullptr || !memory->shared) continue;
    return Error(peer.where, absl::StrCat("found a peer of ", peer.with,
                                          ", a child, beside 'shared memory ", memory->name,
                                          "', expected one of the two: the peer would store to "
                                          "what is shared before the child is there"));
  }
  return absl::OkStatus();
}

// Tasks in the order of the text, so that their letters in paths are stable.
absl::Status Compiler::Names() {
  const auto add = [this](const std::string& name, TaskInfo info, Location where) -> absl::Status {
    if (program_.tasks.size() == model::kMaxTasks) {
      return Error(where, absl::StrCat("found task number ", model::kMaxTasks + 1,
                                       ", expected at most ", model::kMaxTasks,
                                       " targets, children, scripted peers and "
                                       "supervisor threads together"));
    }
    if (!tasks_.emplace(name, program_.tasks.size()).second) {
      return Error(where, absl::StrCat("found a second '", name, "', expected another name"));
    }
    info.name = name;
    program_.tasks.push_back(std::move(info));
    return absl::OkStatus();
  };
  for (const Declaration& declaration : scenario_.declarations) {
    TaskInfo info;
    if (const auto* task = std::get_if<Task>(&declaration)) {
      info.filtered = true;
      info.starts = task->kind != Task::Kind::kChild;
      if (auto status = add(task->name, info, task->where); !status.ok()) return status;
      if (!info.starts) parents_[static_cast<int>(program_.tasks.size()) - 1] = task->of;
    } else if (const auto* peer = std::get_if<Peer>(&declaration)) {
      info.kind = model::TaskKind::kPeer;
      info.adversary = true;
      const bool script = peer->kind == Peer::Kind::kScript;
      if (!script) continue;
      if (auto status = add(peer->name, info, peer->where); !status.ok()) return status;
    } else if (const auto* supervisor = std::get_if<Supervisor>(&declaration)) {
      info.kind = model::TaskKind::kSupervisor;
      if (supervisor->threads < 1 || supervisor->threads > model::kMaxTasks) {
        return Error(supervisor->where, absl::StrCat("found ", supervisor->threads,
                                                     " threads, expected 1 to ", model::kMaxTasks));
      }
      for (int i = 0; i < supervisor->threads; ++i) {
        const std::string name =
            supervisor->threads == 1 ? supervisor->name : absl::StrCat(supervisor->name, i + 1);
        if (auto status = add(name, info, supervisor->where); !status.ok()) return status;
      }
    } else if (const auto* setting = std::get_if<Setting>(&declaration)) {
      if (setting->key != "listener closes") continue;
      info.kind = model::TaskKind::kSupervisor;
      info.adversary = true;
      if (auto status = add("closer", info, setting->where); !status.ok()) return status;
    }
  }
  for (const Declaration& declaration : scenario_.declarations) {
    const auto* task = std::get_if<Task>(&declaration);
    const auto* signals = std::get_if<Signals>(&declaration);
    for (const auto* body : {task != nullptr ? &task->body : nullptr,
                             signals != nullptr ? &signals->handler : nullptr}) {
      if (body == nullptr) continue;
      Started(*body, "fork", &forked_);
      Started(*body, "clone", &cloned_);
    }
  }
  // Groups, memory and descriptor tables, now that every name is known: of targets, then of those
  // that come from them or share with them, wherever they stand in the text.
  std::set<std::string> placed;
  for (int turn = 0; turn <= model::kMaxTasks; ++turn) {
    for (const Declaration& declaration : scenario_.declarations) {
      const auto* task = std::get_if<Task>(&declaration);
      if (task == nullptr || placed.count(task->name) != 0) continue;
      const bool target = task->kind == Task::Kind::kTarget;
      const bool waits = tasks_.count(task->of) != 0 && placed.count(task->of) == 0;
      if (turn == 0 ? !target : waits && turn < model::kMaxTasks) continue;
      if (absl::Status status = Belongs(*task); !status.ok()) return status;
      placed.insert(task->name);
    }
  }
  for (const Declaration& declaration : scenario_.declarations) {
    const auto* peer = std::get_if<Peer>(&declaration);
    if (peer == nullptr) continue;
    const auto with = TaskNamed(peer->with, peer->where);
    if (!with.ok()) return with.status();
    const TaskInfo& of = program_.tasks[static_cast<size_t>(*with)];
    if (of.kind != model::TaskKind::kTarget) {
      return Error(peer->where, absl::StrCat("found '", peer->with, "', expected a target"));
    }
    if (absl::Status status = WithChild(*peer, of); !status.ok()) return status;
    if (peer->kind != Peer::Kind::kScript) continue;
    TaskInfo& info = program_.tasks[static_cast<size_t>(tasks_[peer->name])];
    info.group = static_cast<uint8_t>(tasks_[peer->name]);
    info.files = of.files;
    info.space = of.space;
  }
  for (size_t t = 0; t < program_.tasks.size(); ++t) {
    if (program_.tasks[t].kind == model::TaskKind::kSupervisor) {
      program_.tasks[t].group = static_cast<uint8_t>(t);
      program_.tasks[t].lookers = static_cast<uint8_t>(t);
    }
  }
  if (absl::Status status = Lookers(); !status.ok()) return status;
  if (std::none_of(program_.tasks.begin(), program_.tasks.end(), [](const TaskInfo& task) {
        return task.kind == model::TaskKind::kTarget && task.starts;
      })) {
    return Error({1, 1}, "found no target, expected 'target NAME { ... }'");
  }
  return absl::OkStatus();
}

// The threads of a policy's supervisor are one program and tell each other what they see; scripts
// do if they say so.
absl::Status Compiler::Lookers() {
  const auto first_of = [this](const Supervisor& supervisor) {
    return tasks_[supervisor.threads == 1 ? supervisor.name : absl::StrCat(supervisor.name, 1)];
  };
  for (const Declaration& declaration : scenario_.declarations) {
    const auto* supervisor = std::get_if<Supervisor>(&declaration);
    if (supervisor == nullptr) continue;
    if (supervisor->shares_looks && !supervisor->policy.empty()) {
      return Error(supervisor->where, absl::StrCat("found 'shares looks' of ", supervisor->name,
                                                   ", expected no such word: the threads of a "
                                                   "policy share what they see anyway"));
    }
    const int first = first_of(*supervisor);
    int with = first;
    if (!supervisor->looks_with.empty()) {
      const Supervisor* other = nullptr;
      for (const Declaration& each : scenario_.declarations) {
        const auto* known = std::get_if<Supervisor>(&each);
        if (known == nullptr || known == supervisor) continue;
        if (known->name == supervisor->looks_with) other = known;
      }
      if (other == nullptr || !other->policy.empty()) {
        return Error(supervisor->where,
                     absl::StrCat("found 'shares looks with ", supervisor->looks_with,
                                  "', expected another supervisor without a "
                                  "policy"));
      }
      if (other->threads > 1 && !other->shares_looks) {
        return Error(supervisor->where,
                     absl::StrCat("found 'shares looks with ", other->name,
                                  "', whose threads do not share theirs, expected 'shares looks' "
                                  "of ",
                                  other->name, " too"));
      }
      with = first_of(*other);
    } else if (supervisor->shares_looks && supervisor->threads == 1) {
      return Error(supervisor->where,
                   "found 'shares looks' of one thread, expected 'shares looks with' another "
                   "supervisor, or more threads");
    }
    const bool together = supervisor->shares_looks || !supervisor->policy.empty();
    const uint8_t lookers = program_.tasks[static_cast<size_t>(with)].lookers;
    for (int i = 0; i < supervisor->threads && together; ++i) {
      program_.tasks[static_cast<size_t>(first + i)].lookers = lookers;
    }
  }
  // Who shares with somebody that is declared later shares with those whom that one shares with.
  for (size_t pass = 0; pass < program_.tasks.size(); ++pass) {
    for (TaskInfo& task : program_.tasks) {
      if (task.kind == model::TaskKind::kSupervisor) {
        task.lookers = program_.tasks[task.lookers].lookers;
      }
    }
  }
  return absl::OkStatus();
}

absl::Status Compiler::Settings() {
  for (const Declaration& declaration : scenario_.declarations) {
    if (const auto* setting = std::get_if<Setting>(&declaration)) {
      if (setting->key == "filter") {
        if (setting->name == "wait_killable") {
          program_.wait_killable = true;
          continue;
        }
        const auto nr = CallNamed(setting->name, setting->where);
        if (!nr.ok()) return nr.status();
        program_.trapped.set(static_cast<size_t>(*nr));
      } else if (setting->key == "allocation failures") {
        if (setting->number < 1 || setting->number > 7) {
          return Error(setting->where,
                       absl::StrCat("found ", setting->number, ", expected 1 to 7 failures"));
        }
        program_.allocation_failures = static_cast<uint8_t>(setting->number);
      }
    } else if (const auto* signals = std::get_if<Signals>(&declaration)) {
      const auto task = TaskNamed(signals->to, signals->where);
      if (!task.ok()) return task.status();
      if (signals->count < 1 || signals->count > 7) {
        return Error(signals->where,
                     absl::StrCat("found ", signals->count, " signals, expected 1 to 7"));
      }
      if (program_.senders.size() == model::kMaxSenders) {
        return Error(signals->where,
                     absl::StrCat("expected at most ", model::kMaxSenders, " lines of signals"));
      }
      model::SenderInfo sender;
      sender.task = static_cast<uint8_t>(*task);
      sender.count =
          signals->any ? model::kSignalsWithoutEnd : static_cast<uint8_t>(signals->count);
      sender.disposition =
          static_cast<model::SenderInfo::Disposition>(static_cast<int>(signals->disposition));
      program_.senders.push_back(sender);
      TaskInfo& info = program_.tasks[static_cast<size_t>(*task)];
      const bool handler = signals->disposition == Signals::Disposition::kHandler ||
                           signals->disposition == Signals::Disposition::kHandlerRestarts;
      if (handler && info.signalled) {
        return Error(signals->where, absl::StrCat("found a second handler of ", signals->to,
                                                  ", expected one line of signals with a handler "
                                                  "for a task"));
      }
      info.signalled |= handler;
      if (signals->any && !handler) {
        return Error(signals->where,
                     "found signals without end, expected them for a task with a handler");
      }
      program_.traps_without_end |= signals->any && info.filtered;
      if (info.kind == model::TaskKind::kSupervisor &&
          signals->disposition == Signals::Disposition::kFatal) {
        return Error(signals->where,
                     "found a fatal signal to a supervisor, expected 'listener "
                     "closes' for a supervisor that dies");
      }
      info.handler_restarts |= signals->disposition == Signals::Disposition::kHandlerRestarts;
    }
  }
  return absl::OkStatus();
}

// What a fork copies, the child's memory may hold as well.
absl::Status Compiler::CopiedDomains() {
  for (uint8_t to = 0; to < spaces_; ++to) {
    if (program_.copied_from[to] < 0) continue;
    const auto from = static_cast<uint8_t>(program_.copied_from[to]);
    uint64_t copies = 1;
    for (int w = 0; w < program_.words_of_space; ++w) {
      const model::Word& parent =
          program_.words[static_cast<size_t>(program_.FirstWordOf(from) + w)];
      model::Word& child = program_.words[static_cast<size_t>(program_.FirstWordOf(to) + w)];
      if (parent.in_all_spaces) continue;
      for (const Value value : parent.domain) {
        if (std::find(child.domain.begin(), child.domain.end(), value) == child.domain.end()) {
          child.domain.push_back(value);
        }
      }
      child.shared = child.domain.size() > 1 && StoredByGeneralPeer(child);
      if (parent.shared && !child.shared) copies *= parent.domain.size();
      if (copies > model::kMostCopies) {
        return Error({1, 1}, absl::StrCat("found ", copies,
                                          " copies and more that a fork() may make of what a peer "
                                          "may store, expected at most ",
                                          model::kMostCopies, ": fewer alternatives"));
      }
    }
  }
  return absl::OkStatus();
}

// The calls that somebody makes, numbered.
absl::Status Compiler::Calls() {
  for (const TaskInfo& info : program_.tasks) {
    for (const auto* ops : {&info.ops, &info.handler}) {
      for (const Op& op : *ops) {
        uint8_t& number = program_.number_of[static_cast<size_t>(op.nr)];
        if (op.code != OpCode::kSyscall || number != 0) continue;
        if (program_.calls.size() == model::kMaxCalls) {
          return Error({op.line, 1}, absl::StrCat("found one more, expected at most ",
                                                  model::kMaxCalls, " different system calls"));
        }
        program_.calls.push_back(op.nr);
        number = static_cast<uint8_t>(program_.calls.size());
      }
    }
  }
  return absl::OkStatus();
}

// After the bodies, which give forked children their descriptor tables: those that unshare_files()
// makes. A task that executes a program needs one where another thread group has its table.
absl::Status Compiler::UnsharedTables() {
  const auto executes = [](const TaskInfo& info) {
    const auto is_execve = [](const Op& op) {
      return op.code == OpCode::kSyscall && model::IsExec(op.nr);
    };
    return std::any_of(info.ops.begin(), info.ops.end(), is_execve) ||
           std::any_of(info.handler.begin(), info.handler.end(), is_execve);
  };
  for (TaskInfo& info : program_.tasks) {
    if (info.kind == model::TaskKind::kSupervisor || !executes(info)) continue;
    const auto shares = [&info](const TaskInfo& other) {
      return other.kind != model::TaskKind::kSupervisor && other.files == info.files &&
             other.group != info.group;
    };
    if (std::none_of(program_.tasks.begin(), program_.tasks.end(), shares)) continue;
    // One for a group: only one of its threads comes that far.
    for (const TaskInfo& other : program_.tasks) {
      if (other.group == info.group && other.unshared != 0) info.unshared = other.unshared;
    }
    if (info.unshared != 0) continue;
    if (files_tables_ == model::kMaxFilesTables) {
      return Error({1, 1}, absl::StrCat("found the execve() of ", info.name,
                                        ", which shares descriptors, expected at most ",
                                        model::kMaxFilesTables,
                                        " descriptor tables: targets, forked children and those "
                                        "that execve() makes"));
    }
    info.unshared = static_cast<uint8_t>(files_tables_++);
  }
  program_.files_tables = files_tables_;
  return absl::OkStatus();
}

// What fork() and execve() leave as it is.
void Compiler::InheritLimits() {
  // Parents may be declared later, and have parents themselves.
  for (size_t pass = 0; pass < program_.tasks.size(); ++pass) {
    for (const auto& [child, parent] : parents_) {
      if (started_.count(child) == 0) continue;
      const TaskInfo& of = program_.tasks[static_cast<size_t>(tasks_[parent])];
      program_.nofile[program_.tasks[static_cast<size_t>(child)].files] = program_.nofile[of.files];
    }
  }
  for (const TaskInfo& info : program_.tasks) {
    if (info.unshared != 0) program_.nofile[info.unshared] = program_.nofile[info.files];
  }
}

absl::Status Compiler::ResourceLimits() {
  std::set<int> limited;
  for (const Declaration& declaration : scenario_.declarations) {
    const auto* setting = std::get_if<Setting>(&declaration);
    if (setting == nullptr || setting->key != "rlimit") continue;
    const auto task = TaskNamed(setting->name, setting->where);
    if (!task.ok()) return task.status();
    const TaskInfo& info = program_.tasks[static_cast<size_t>(*task)];
    if (info.kind != model::TaskKind::kTarget || !info.starts || info.group != *task) {
      return Error(setting->where, absl::StrCat("found a limit of ", setting->name,
                                                ", expected a target's: its threads and children "
                                                "have the same"));
    }
    if (!limited.insert(*task).second) {
      return Error(setting->where,
                   absl::StrCat("found a second limit of ", setting->name, ", expected one"));
    }
    if (setting->number < 1 || setting->number > model::kMaxFds) {
      return Error(setting->where, absl::StrCat("found ", setting->number,
                                                " descriptors, expected 1 to ", model::kMaxFds));
    }
    program_.nofile[info.files] = static_cast<uint8_t>(setting->number);
  }
  InheritLimits();
  return absl::OkStatus();
}

// What each call finds in its registers, by number.
absl::Status Compiler::Registers() {
  if (!proposal_.writes_registers) return absl::OkStatus();
  const auto number_of = [this](const model::Register& of) {
    auto& all = program_.registers;
    const auto at = std::find(all.begin(), all.end(), of);
    const auto index = at - all.begin();
    if (at == all.end()) all.push_back(of);
    return static_cast<uint8_t>(index + 1);
  };
  for (TaskInfo& info : program_.tasks) {
    for (auto* ops : {&info.ops, &info.handler}) {
      for (Op& op : *ops) {
        for (size_t i = 0; i < op.registers.size() && op.code == OpCode::kSyscall; ++i) {
          const bool address = (op.is_pointer >> i & 1) != 0;
          op.registers[i] = number_of({.is_address = address,
                                       .address = address ? op.pointers[i] : model::kZero,
                                       .scalar = address ? 0 : op.scalars[i]});
        }
      }
    }
  }
  if (program_.registers.size() > model::kMaxRegisters) {
    return Error({1, 1}, absl::StrCat("found ", program_.registers.size(),
                                      " different arguments of calls, expected at most ",
                                      model::kMaxRegisters));
  }
  return absl::OkStatus();
}

absl::Status Compiler::Limits() {
  if (program_.trapped.none()) {
    return Error({1, 1}, "found nothing that is trapped, expected a policy or 'filter CALL'");
  }
  if (program_.values.size() > kMaxValues) {
    return Error({1, 1}, absl::StrCat("found ", program_.values.size(),
                                      " different words, expected at most ", kMaxValues,
                                      ": use fewer or shorter strings"));
  }
  const auto addfd = [](const TaskInfo& info) {
    return std::any_of(info.ops.begin(), info.ops.end(),
                       [](const Op& op) { return op.code == OpCode::kAddfd; });
  };
  if (std::count_if(program_.tasks.begin(), program_.tasks.end(), addfd) > kMaxAddfdTasks) {
    return Error(
        {1, 1},
        absl::StrCat("found ", std::count_if(program_.tasks.begin(), program_.tasks.end(), addfd),
                     " supervisor threads that call addfd(), expected at most ", kMaxAddfdTasks));
  }
  if (program_.tasks.size() + program_.senders.size() + program_.writers.size() > 26) {
    return Error({1, 1}, absl::StrCat("found ",
                                      program_.tasks.size() + program_.senders.size() +
                                          program_.writers.size(),
                                      " tasks, senders and peers that write, expected at most 26"));
  }
  int notifications = 0;
  for (size_t t = 0; t < program_.tasks.size(); ++t) {
    TaskInfo& info = program_.tasks[t];
    if (!info.filtered) continue;
    const auto traps = [this](const Op& op) {
      return op.code == OpCode::kSyscall && program_.trapped[static_cast<size_t>(op.nr)];
    };
    const auto trapped = [&traps](const std::vector<Op>& ops) {
      int count = 0;
      for (size_t at = 0; at < ops.size(); ++at) {
        count += traps(ops[at]);
        if (ops[at].code != OpCode::kChoose) continue;
        // An alternative is one call, or stores.
        count +=
            std::any_of(ops[at].alternatives.begin(), ops[at].alternatives.end(),
                        [&](uint8_t next) { return next < ops[at].target && traps(ops[next]); });
        at = ops[at].target - 1u;
      }
      return count;
    };
    notifications += trapped(info.ops);
    for (const model::SenderInfo& sender : program_.senders) {
      if (sender.task != t || sender.count == model::kSignalsWithoutEnd) continue;
      notifications += sender.count * (1 + trapped(info.handler));
    }
  }
  if (notifications > kMaxNotifications) {
    return Error({1, 1},
                 absl::StrCat("found up to ", notifications,
                              " notifications in a run, expected at most ", kMaxNotifications));
  }
  for (const TaskInfo& info : program_.tasks) {
    const auto installs = [](const Op& op) {
      return op.code == OpCode::kSyscall && op.nr == Nr::kSeccomp;
    };
    if (std::any_of(info.handler.begin(), info.handler.end(), installs)) {
      return Error({1, 1}, "found seccomp() in a handler, expected it in the body of a task");
    }
  }
  if (program_.installs > model::kMaxInstalled) {
    return Error({1, 1},
                 absl::StrCat("found ", static_cast<int>(program_.installs),
                              " calls of seccomp(), expected at most ", model::kMaxInstalled));
  }
  program_.max_id = program_.traps_without_end ? model::kMaxIds
                                               : static_cast<uint8_t>(std::max(1, notifications));
  for (const auto& pins : program_.policy_pins) {
    if (pins.size() > 3) {
      return Error({1, 1}, absl::StrCat("found a policy over ", pins.size(),
                                        " arguments of one call, expected at most 3"));
    }
  }
  if (proposal_.limits != nullptr) {
    const std::string exceeded = proposal_.limits(program_);
    if (!exceeded.empty()) return Error({1, 1}, exceeded);
  }
  return absl::OkStatus();
}

absl::StatusOr<Program> Compiler::Run() {
  program_.name = scenario_.header.name;
  for (const auto step : {&Compiler::Names, &Compiler::Memories, &Compiler::Settings,
                          &Compiler::Policy, &Compiler::Bodies, &Compiler::CopiedDomains,
                          &Compiler::FreeSupervisors, &Compiler::Calls, &Compiler::UnsharedTables,
                          &Compiler::ResourceLimits, &Compiler::Layouts, &Compiler::FinishPolicy}) {
    if (absl::Status status = (this->*step)(); !status.ok()) return status;
  }
  CloseTruncation();
  Stores();
  Views();
  if (absl::Status status = Registers(); !status.ok()) return status;
  if (absl::Status status = Limits(); !status.ok()) return status;
  Notes();
  return std::move(program_);
}

absl::StatusOr<Program> Compile(const Scenario& scenario, const model::Proposal& proposal,
                                const CompileOptions& options) {
  return Compiler(scenario, proposal, options).Run();
}

absl::StatusOr<Asked> AskedOf(const Scenario& scenario) {
  Asked asked;
  std::vector<std::string> known;
  for (const model::PropertyInfo& property : model::AllProperties()) {
    known.push_back(property.name);
  }
  const auto check = [&](const std::string& name, Location where) -> absl::Status {
    if (std::find(known.begin(), known.end(), name) != known.end()) return absl::OkStatus();
    std::string message = absl::StrCat("found '", name, "', expected a property");
    const std::string near = base::Nearest(name, known);
    absl::StrAppend(&message, near.empty() ? " ('knotcheck list properties' has them all)"
                                           : absl::StrCat("; did you mean '", near, "'?"));
    return ErrorAt(scenario.file, where, message);
  };
  for (const Declaration& declaration : scenario.declarations) {
    const auto* ask = std::get_if<Ask>(&declaration);
    if (ask == nullptr) continue;
    for (const Atom& atom : ask->properties) {
      if (absl::Status status = check(atom.text, atom.where); !status.ok()) return status;
      (ask->never ? asked.never : asked.sometimes).push_back(atom.text);
    }
  }
  const auto operands = ClaimedOperands(scenario);
  if (!operands.ok()) return operands.status();
  return asked;
}

}  // namespace knotcheck::lang
