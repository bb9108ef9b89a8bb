// SPDX-License-Identifier: Apache-2.0
//
// What of a scenario has no effect, told to its author: a word that does nothing is most often a
// word that does not do what it was written for.

#include "lang/compiler.h"

namespace knotcheck::lang {
namespace {

template <class Fn>
void ForEachOp(const Program& program, Fn&& fn) {
  for (const TaskInfo& info : program.tasks) {
    for (const auto* ops : {&info.ops, &info.handler}) {
      for (const Op& op : *ops) fn(info, op);
    }
  }
}

}  // namespace

// Whether a task with the filter makes the call.
bool Compiler::IsCalled(Nr nr) const {
  bool called = false;
  ForEachOp(program_, [&](const TaskInfo& info, const Op& op) {
    called |= info.filtered && op.code == OpCode::kSyscall && op.nr == nr;
  });
  return called;
}

void Compiler::NoteMemories() {
  for (const Declaration& declaration : scenario_.declarations) {
    if (const auto* memory = std::get_if<Memory>(&declaration)) {
      if (named_.count(memory->name) == 0) {
        Note(memory->where, absl::StrCat("note: nothing uses '", memory->name, "'"));
        continue;
      }
      bool alternatives = false;
      bool stored = false;
      for (int space = 0; space < spaces_; ++space) {
        const Object& object = program_.objects[static_cast<size_t>(
            objects_[memory->name] + space * program_.objects_of_space)];
        for (int w = 0; w < object.words; ++w) {
          const model::Word& word = program_.words[static_cast<size_t>(object.first_word + w)];
          alternatives |= word.domain.size() > 1;
          stored |= word.domain.size() > 1 && word.stored_by != 0;
        }
      }
      if (alternatives && !stored) {
        Note(memory->where,
             absl::StrCat("note: nobody can store another alternative of '", memory->name, "'"));
      }
    } else if (const auto* peer = std::get_if<Peer>(&declaration)) {
      if (peer->kind == Peer::Kind::kScript) continue;
      const uint8_t space = program_.tasks[static_cast<size_t>(tasks_[peer->with])].space;
      const bool any =
          std::any_of(program_.words.begin(), program_.words.end(), [&](const model::Word& word) {
            return program_.Reaches(space, word) && word.domain.size() > 1;
          });
      if (!any) {
        Note(peer->where,
             absl::StrCat("note: no memory has alternatives, so ", peer->name, " stores nothing"));
      }
    }
  }
}

// Whether some execve() names that file, which its memory may come to hold.
bool Compiler::IsExecuted(const model::Image& image) const {
  bool executed = false;
  ForEachOp(program_, [&](const TaskInfo& info, const Op& op) {
    if (op.code != OpCode::kSyscall || !model::IsExec(op.nr)) return;
    const int object =
        program_.ObjectAt(op.pointers[model::SyscallOf(op.nr).roles[0].arg], info.space);
    if (object < 0) return;
    const auto names = [&](std::vector<Value> path) {
      path.resize(image.path.size(), model::kZero);
      return path == image.path;
    };
    const Object& file = program_.objects[static_cast<size_t>(object)];
    executed |= std::any_of(file.alternatives.begin(), file.alternatives.end(), names);
    const int first = program_.ObjectAt(op.pointers[model::SyscallOf(op.nr).roles[0].arg], 0);
    for (const model::Image& other : program_.images) {
      executed |= names(other.words[program_.objects[static_cast<size_t>(first)].whole]);
    }
  });
  return executed;
}

void Compiler::NotePrograms() {
  size_t index = 0;
  for (const Declaration& declaration : scenario_.declarations) {
    const auto* program = std::get_if<ProgramImage>(&declaration);
    if (program == nullptr || IsExecuted(program_.images[index++])) continue;
    Note(program->where,
         absl::StrCat("note: nobody executes ", InDoubleQuotes(program->path.text)));
  }
}

void Compiler::NotePolicies() {
  for (const Declaration& declaration : scenario_.declarations) {
    if (const auto* supervisor = std::get_if<Supervisor>(&declaration)) {
      for (const Rule& rule : supervisor->policy) {
        const auto nr = CallNamed(rule.call, rule.where);
        if (nr.ok() && !IsCalled(*nr)) {
          Note(rule.where, absl::StrCat("note: no task with the filter calls ", rule.call, "()"));
        }
      }
    } else if (const auto* setting = std::get_if<Setting>(&declaration)) {
      if (setting->key != "filter") continue;
      if (setting->name == "wait_killable") {
        const bool signalled =
            std::any_of(program_.senders.begin(), program_.senders.end(),
                        [this](const model::SenderInfo& sender) {
                          return program_.tasks[sender.task].filtered &&
                                 sender.disposition != model::SenderInfo::Disposition::kIgnored;
                        });
        if (!signalled) {
          Note(setting->where,
               "note: no signal comes to a task with the filter, so wait_killable "
               "changes nothing");
        }
        continue;
      }
      const auto nr = CallNamed(setting->name, setting->where);
      if (nr.ok() && !IsCalled(*nr)) {
        Note(setting->where,
             absl::StrCat("note: no task with the filter calls ", setting->name, "()"));
      }
    }
  }
}

// A script without a loop of its own goes round, too, where RECV starts anew for ever, and so does
// a policy; one that is free may close the listener. Of a target the handler may run for ever.
void Compiler::NoteEndlessSignals(const Signals& signals) {
  const int task = tasks_[signals.to];
  const TaskInfo& info = program_.tasks[static_cast<size_t>(task)];
  if (!signals.any || (info.ops[0].free && info.kind == model::TaskKind::kSupervisor)) return;
  const bool policy = std::any_of(policies_.begin(), policies_.end(),
                                  [task](const auto& each) { return each.first == task; });
  const bool anew = std::any_of(info.ops.begin(), info.ops.end(), [&info](const Op& op) {
    return info.handler_restarts && (op.code == OpCode::kRecv || op.code == OpCode::kAddfd);
  });
  if (!policy && !anew && info.kind == model::TaskKind::kSupervisor) return;
  program_.spins = true;
  Note(signals.where,
       absl::StrCat("note: with these signals ", signals.to,
                    " may never come to rest, where 'progress' and 'hangup' are judged; 'never "
                    "resumes' is judged all the same"));
}

void Compiler::NoteTasks() {
  for (const Declaration& declaration : scenario_.declarations) {
    if (const auto* task = std::get_if<Task>(&declaration)) {
      if (task->kind == Task::Kind::kChild && started_.count(tasks_[task->name]) == 0) {
        Note(task->where, absl::StrCat("note: nothing starts ", task->name));
      }
    } else if (const auto* signals = std::get_if<Signals>(&declaration)) {
      NoteEndlessSignals(*signals);
      if (signals->disposition != Signals::Disposition::kHandlerRestarts) continue;
      const TaskInfo& info = program_.tasks[static_cast<size_t>(tasks_[signals->to])];
      const bool supervises = info.kind == model::TaskKind::kSupervisor;
      const bool waits = std::any_of(info.ops.begin(), info.ops.end(), [&](const Op& op) {
        return info.filtered && op.code == OpCode::kSyscall &&
               program_.trapped[static_cast<size_t>(op.nr)];
      });
      // SEND and ID_VALID end with EINTR, poll() too; RECV and ADDFD start anew.
      const bool restarts = std::any_of(info.ops.begin(), info.ops.end(), [](const Op& op) {
        return !op.free && (op.code == OpCode::kRecv || op.code == OpCode::kAddfd);
      });
      if (supervises ? !restarts : !waits) {
        Note(signals->where, absl::StrCat("note: 'restarts' changes nothing: ", signals->to,
                                          supervises ? " makes no call that starts anew"
                                                     : " makes no call that waits"));
      }
    }
  }
}

void Compiler::Notes() {
  NoteMemories();
  NotePrograms();
  NotePolicies();
  NoteTasks();
  for (const Script& script : scripts_) NoteScript(script);
  ForEachOp(program_, [this](const TaskInfo& info, const Op& op) {
    if (info.kind != model::TaskKind::kSupervisor || op.free) return;
    for (const model::Descriptor& d : op.descriptors) {
      const bool table = program_.TableAt(d.arg);
      if (d.max_entries != 0 && !table) {
        Note({op.line, 1}, "note: 'entries' is for tables of pointers, and no call has one there");
      }
    }
  });
  std::sort(program_.notes.begin(), program_.notes.end());
  program_.notes.erase(std::unique(program_.notes.begin(), program_.notes.end()),
                       program_.notes.end());
}

}  // namespace knotcheck::lang
