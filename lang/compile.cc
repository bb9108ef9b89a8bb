// SPDX-License-Identifier: Apache-2.0

#include "lang/compile.h"

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/check.h"
#include "lang/parse.h"
#include "model/policy.h"
#include "model/property.h"

namespace knotcheck::lang {
namespace {

using model::Nr;
using model::Object;
using model::Op;
using model::OpCode;
using model::Program;
using model::TaskInfo;
using model::Value;

constexpr int kMaxStringWords = 3;
constexpr size_t kMaxValues = 250;
constexpr int kMaxNotifications = 30;
constexpr int kMaxAddfdTasks = 2;
constexpr int kMaxTableWords = 4;  // of all strings of a table

std::string Quoted(const std::string& bytes) {
  std::string text = "\"";
  for (const char c : bytes) {
    if (c >= 0x20 && c < 0x7f) {
      text.push_back(c);
    } else {
      absl::StrAppend(&text, "\\x", absl::Hex(static_cast<uint8_t>(c), absl::kZeroPad2));
    }
  }
  return text + "\"";
}

// The statement as the scenario has it, for traces.
std::string AtomText(const Atom& atom) {
  switch (atom.kind) {
    case Atom::Kind::kName:
      return atom.text;
    case Atom::Kind::kNumber:
      return absl::StrCat(atom.number);
    case Atom::Kind::kString:
      return Quoted(atom.text);
  }
  return "";
}

std::string CallText(const Call& call) {
  std::vector<std::string> args;
  for (const Arg& arg : call.args) {
    std::vector<std::string> atoms;
    for (const Atom& atom : arg.atoms) atoms.push_back(AtomText(atom));
    const std::string text = absl::StrJoin(atoms, arg.joined ? "|" : " ");
    args.push_back(arg.index ? absl::StrCat(*arg.index, ": ", text) : text);
  }
  return absl::StrCat(call.function, "(", absl::StrJoin(args, ", "), ")");
}

class Compiler {
 public:
  Compiler(const Scenario& scenario, const model::Proposal& proposal, const CompileOptions& options)
      : scenario_(scenario), proposal_(proposal), options_(options) {}

  absl::StatusOr<Program> Run();

 private:
  absl::Status Error(Location where, absl::string_view message) const {
    return ErrorAt(scenario_.file, where, message);
  }
  absl::Status Unknown(Location where, absl::string_view what, const std::string& found,
                       const std::vector<std::string>& known) const {
    std::string message =
        absl::StrCat("found '", found, "', expected ", what, ": ", absl::StrJoin(known, ", "));
    const std::string near = Nearest(found, known);
    if (!near.empty()) absl::StrAppend(&message, "; did you mean '", near, "'?");
    return Error(where, message);
  }
  absl::Status NotUnder(Location where, const std::string& what) const {
    return absl::FailedPreconditionError(absl::StrCat(scenario_.file, ":", where.line, ":",
                                                      where.column, ": ", what,
                                                      " means nothing under ", proposal_.name));
  }

  absl::Status Names();
  absl::Status Memories();
  absl::Status Settings();
  absl::Status ResourceLimits();
  absl::Status Policy();
  absl::Status Bodies();
  absl::Status Layouts();
  absl::Status FinishPolicy();
  absl::Status Limits();

  Value Intern(const std::array<uint8_t, 8>& bytes);
  Value InternPointer(int object);
  std::vector<Value> Words(const std::string& bytes, bool string);
  void CloseTruncation();

  absl::StatusOr<int> ObjectNamed(const Atom& atom) const;
  absl::StatusOr<int> TaskNamed(const std::string& name, Location where) const;
  absl::StatusOr<Nr> CallNamed(const std::string& name, Location where) const;
  absl::Status CompileStore(const Store& store, std::vector<Op>* ops);
  absl::Status CompileCall(const Call& call, int task, std::vector<Op>* ops);
  absl::Status CompileIoctl(const Call& call, std::map<std::string, uint8_t>* variables,
                            std::vector<Op>* ops);
  absl::Status CompileExpectations(const Call& call, Op* op);
  absl::Status CompileBody(const std::vector<Statement>& body, int task, std::vector<Op>* ops);
  absl::Status VerbArgs(const Call& call, const model::Verb& verb, Op* op);
  absl::Status SendArgs(const Call& call, Op* op);
  absl::Status AddfdArgs(const Call& call, Op* op);

  const Scenario& scenario_;
  const model::Proposal& proposal_;
  const CompileOptions options_;
  Program program_;
  std::map<std::string, int> objects_;
  std::map<std::string, int> tasks_;
  std::map<std::array<uint8_t, 8>, Value> bytes_;
  std::map<int, Value> pointers_;
  // Tasks of supervisors with a policy, with their declaration.
  std::vector<std::pair<int, const Supervisor*>> policies_;
  // Call and role of each pointer that some op passes: how large the argument can be.
  std::set<int> started_;
  int files_tables_ = 0;
  int addfd_tasks_ = 0;
};

Value Compiler::Intern(const std::array<uint8_t, 8>& bytes) {
  const auto [at, fresh] = bytes_.emplace(bytes, static_cast<Value>(program_.values.size()));
  if (fresh) {
    model::ValueInfo info;
    info.bytes = bytes;
    const auto nul = std::find(bytes.begin(), bytes.end(), 0);
    info.has_nul = nul != bytes.end();
    std::string text(bytes.begin(), bytes.end());
    // Trailing zeros are the end of a string, others are shown.
    text.erase(std::find_if(text.rbegin(), text.rend(), [](char c) { return c != 0; }).base(),
               text.end());
    info.text = Quoted(text);
    program_.values.push_back(info);
  }
  return at->second;
}

Value Compiler::InternPointer(int object) {
  const auto [at, fresh] = pointers_.emplace(object, static_cast<Value>(program_.values.size()));
  if (fresh) {
    model::ValueInfo info;
    // Not zero, and no string in it.
    info.bytes.fill(0xff);
    info.object = static_cast<int8_t>(object);
    info.text = "&" + program_.objects[static_cast<size_t>(object)].name;
    program_.values.push_back(info);
  }
  return at->second;
}

// The 8-byte words of a text; a string gets its NUL.
std::vector<Value> Compiler::Words(const std::string& bytes, bool string) {
  std::vector<Value> words;
  const size_t length = bytes.size() + (string ? 1 : 0);
  for (size_t at = 0; at < length; at += 8) {
    std::array<uint8_t, 8> word{};
    for (size_t i = 0; i < 8 && at + i < bytes.size(); ++i) {
      word[i] = static_cast<uint8_t>(bytes[at + i]);
    }
    words.push_back(Intern(word));
  }
  return words;
}

void Compiler::CloseTruncation() {
  for (size_t v = 0; v < program_.values.size() && program_.values.size() <= kMaxValues; ++v) {
    std::array<Value, 8> row{};
    for (size_t n = 0; n < 8; ++n) {
      if (program_.values[v].object >= 0) {
        row[n] = static_cast<Value>(v);
        continue;
      }
      std::array<uint8_t, 8> bytes{};
      std::copy_n(program_.values[v].bytes.begin(), n, bytes.begin());
      row[n] = Intern(bytes);
    }
    program_.truncated.push_back(row);
  }
}

absl::StatusOr<int> Compiler::ObjectNamed(const Atom& atom) const {
  const auto at = objects_.find(atom.text);
  if (atom.kind == Atom::Kind::kName && at != objects_.end()) return at->second;
  std::vector<std::string> known;
  for (const auto& [name, index] : objects_) known.push_back(name);
  return Unknown(atom.where, "an object that 'memory' declares", AtomText(atom), known);
}

absl::StatusOr<int> Compiler::TaskNamed(const std::string& name, Location where) const {
  const auto at = tasks_.find(name);
  if (at != tasks_.end()) return at->second;
  std::vector<std::string> known;
  for (const auto& [task, index] : tasks_) known.push_back(task);
  return Unknown(where, "a task", name, known);
}

absl::StatusOr<Nr> Compiler::CallNamed(const std::string& name, Location where) const {
  std::vector<std::string> known;
  for (int nr = 0; nr < static_cast<int>(Nr::kCount); ++nr) {
    known.emplace_back(SyscallOf(static_cast<Nr>(nr)).name);
    if (known.back() == name) return static_cast<Nr>(nr);
  }
  return Unknown(where, "a system call", name, known);
}

// Tasks in the order of the text, so that their letters in paths are stable.
absl::Status Compiler::Names() {
  const auto add = [this](const std::string& name, TaskInfo info, Location where) -> absl::Status {
    if (program_.tasks.size() == model::kMaxTasks) {
      return Error(where,
                   absl::StrCat("found one task more than the state holds, expected at most ",
                                model::kMaxTasks,
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
    } else if (const auto* peer = std::get_if<Peer>(&declaration)) {
      info.kind = model::TaskKind::kPeer;
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
      if (auto status = add("closer", info, setting->where); !status.ok()) return status;
    }
  }
  // Groups and descriptor tables, now that every name is known.
  for (const Declaration& declaration : scenario_.declarations) {
    if (const auto* task = std::get_if<Task>(&declaration)) {
      const int index = tasks_[task->name];
      TaskInfo& info = program_.tasks[static_cast<size_t>(index)];
      info.group = static_cast<uint8_t>(index);
      if (task->kind == Task::Kind::kTarget) {
        info.files = static_cast<uint8_t>(files_tables_++);
      } else {
        const auto parent = TaskNamed(task->of, task->where);
        if (!parent.ok()) return parent.status();
        const TaskInfo& of = program_.tasks[static_cast<size_t>(*parent)];
        if (of.kind != model::TaskKind::kTarget) {
          return Error(task->where, absl::StrCat("found '", task->of, "', expected a target"));
        }
        if (task->kind == Task::Kind::kThread) {
          info.files = of.files;
          info.group = of.group;
        }
      }
    } else if (const auto* peer = std::get_if<Peer>(&declaration)) {
      const auto with = TaskNamed(peer->with, peer->where);
      if (!with.ok()) return with.status();
      if (program_.tasks[static_cast<size_t>(*with)].kind != model::TaskKind::kTarget) {
        return Error(peer->where, absl::StrCat("found '", peer->with, "', expected a target"));
      }
      if (peer->kind == Peer::Kind::kScript) {
        TaskInfo& info = program_.tasks[static_cast<size_t>(tasks_[peer->name])];
        info.group = static_cast<uint8_t>(tasks_[peer->name]);
        info.files = program_.tasks[static_cast<size_t>(*with)].files;
      }
    }
  }
  for (size_t t = 0; t < program_.tasks.size(); ++t) {
    if (program_.tasks[t].kind == model::TaskKind::kSupervisor) {
      program_.tasks[t].group = static_cast<uint8_t>(t);
    }
  }
  if (std::none_of(program_.tasks.begin(), program_.tasks.end(), [](const TaskInfo& task) {
        return task.kind == model::TaskKind::kTarget && task.starts;
      })) {
    return Error({1, 1}, "found no target, expected 'target NAME { ... }'");
  }
  return absl::OkStatus();
}

absl::Status Compiler::Memories() {
  Intern({});
  KNOT_CHECK(program_.values[model::kZero].bytes == (std::array<uint8_t, 8>{}));
  program_.values[model::kZero].text = "\"\"";
  bool general = false;
  for (const Declaration& declaration : scenario_.declarations) {
    const auto* peer = std::get_if<Peer>(&declaration);
    if (peer == nullptr || peer->shares != Peer::Shares::kMemory) continue;
    if (peer->kind == Peer::Kind::kGeneral) {
      general = true;
      if (options_.explicit_writes >= 0) {
        program_.writers.push_back({peer->name, static_cast<uint8_t>(options_.explicit_writes)});
      }
    }
    if (peer->kind == Peer::Kind::kWrites) {
      if (peer->writes < 1 || peer->writes > 20) {
        return Error(peer->where, absl::StrCat("found ", peer->writes,
                                               " writes, expected 1 to 20, or no number for the "
                                               "most general peer"));
      }
      program_.writers.push_back({peer->name, static_cast<uint8_t>(peer->writes)});
    }
    if (program_.writers.size() > model::kMaxWriters) {
      return Error(peer->where,
                   absl::StrCat("expected at most ", model::kMaxWriters, " peers that write"));
    }
  }
  program_.general_peer = general;
  const bool shared = general && options_.explicit_writes < 0;
  // Objects first, for pointers to later ones.
  for (const Declaration& declaration : scenario_.declarations) {
    const auto* memory = std::get_if<Memory>(&declaration);
    if (memory == nullptr) continue;
    if (memory->name == "NULL" || memory->name == "sock" || memory->name == "file" ||
        memory->name == "legacy" ||
        !objects_.emplace(memory->name, program_.objects.size()).second) {
      return Error(memory->where,
                   absl::StrCat("found a second '", memory->name, "', expected another name"));
    }
    Object object;
    object.name = memory->name;
    program_.objects.push_back(object);
  }
  for (const Declaration& declaration : scenario_.declarations) {
    const auto* memory = std::get_if<Memory>(&declaration);
    if (memory == nullptr) continue;
    const int index = objects_[memory->name];
    Object object = program_.objects[static_cast<size_t>(index)];
    object.first_word = static_cast<uint8_t>(program_.words.size());
    std::vector<std::vector<Value>> domains;
    if (memory->kind == Memory::Kind::kPointers) {
      object.kind = Object::Kind::kPointers;
      for (const auto& entry : memory->entries) {
        std::vector<Value> domain;
        for (const Atom& atom : entry) {
          Value value = model::kZero;
          if (atom.text != "NULL") {
            const auto target = ObjectNamed(atom);
            if (!target.ok()) return target.status();
            value = InternPointer(*target);
          }
          if (std::find(domain.begin(), domain.end(), value) == domain.end()) {
            domain.push_back(value);
          }
        }
        domains.push_back(domain);
      }
      object.bytes = static_cast<uint16_t>(8 * domains.size());
    } else {
      const bool string = memory->kind == Memory::Kind::kString;
      object.kind = string ? Object::Kind::kString : Object::Kind::kBytes;
      size_t longest = 0;
      for (const Atom& atom : memory->alternatives) {
        longest = std::max(longest, atom.text.size());
        if (string && atom.text.find('\0') != std::string::npos) {
          return Error(atom.where, "found a NUL inside a string, expected 'bytes' before it");
        }
        if (!string && atom.text.size() != memory->alternatives[0].text.size()) {
          return Error(atom.where,
                       "found alternatives of different lengths, expected bytes of one "
                       "length");
        }
      }
      object.bytes = static_cast<uint16_t>(longest + (string ? 1 : 0));
      const size_t words = (object.bytes + size_t{7}) / 8;
      if (words > kMaxStringWords || words == 0) {
        return Error(memory->where, absl::StrCat("found ", longest, " bytes, expected 1 to ",
                                                 8 * kMaxStringWords - (string ? 1 : 0)));
      }
      domains.resize(words);
      for (const Atom& atom : memory->alternatives) {
        std::vector<Value> value = Words(atom.text, string);
        value.resize(words, model::kZero);
        for (size_t w = 0; w < words; ++w) {
          auto& domain = domains[w];
          if (std::find(domain.begin(), domain.end(), value[w]) == domain.end()) {
            domain.push_back(value[w]);
          }
        }
        object.alternatives.push_back(value);
      }
    }
    object.words = static_cast<uint8_t>(domains.size());
    for (const auto& domain : domains) {
      model::Word word;
      word.object = static_cast<uint8_t>(index);
      word.domain = domain;
      word.shared = shared && domain.size() > 1;
      program_.words.push_back(word);
    }
    if (program_.words.size() > model::kMaxWords) {
      return Error(memory->where, absl::StrCat("found ", program_.words.size(),
                                               " words of user memory, expected at most ",
                                               model::kMaxWords, " (a word is 8 bytes)"));
    }
    program_.objects[static_cast<size_t>(index)] = object;
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
        program_.trapped |= 1u << static_cast<int>(*nr);
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
      sender.count = static_cast<uint8_t>(signals->count);
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

// After the bodies, which give forked children their descriptor tables.
absl::Status Compiler::ResourceLimits() {
  for (const Declaration& declaration : scenario_.declarations) {
    const auto* setting = std::get_if<Setting>(&declaration);
    if (setting == nullptr || setting->key != "rlimit") continue;
    const auto task = TaskNamed(setting->name, setting->where);
    if (!task.ok()) return task.status();
    if (setting->number < 1 || setting->number > model::kMaxFds) {
      return Error(setting->where, absl::StrCat("found ", setting->number,
                                                " descriptors, expected 1 to ", model::kMaxFds));
    }
    program_.nofile[program_.tasks[static_cast<size_t>(*task)].files] =
        static_cast<uint8_t>(setting->number);
  }
  return absl::OkStatus();
}

absl::Status Compiler::Policy() {
  for (const Declaration& declaration : scenario_.declarations) {
    const auto* supervisor = std::get_if<Supervisor>(&declaration);
    if (supervisor == nullptr || supervisor->policy.empty()) continue;
    if (!program_.policy.empty()) {
      return Error(supervisor->where, "found a second policy, expected one for all supervisors");
    }
    for (const Rule& rule : supervisor->policy) {
      const auto nr = CallNamed(rule.call, rule.where);
      if (!nr.ok()) return nr.status();
      model::PolicyRule compiled;
      compiled.nr = *nr;
      compiled.error = model::ErrnoNumber(rule.otherwise.text);
      if (compiled.error == 0) {
        int count = 0;
        const std::string* names = model::ErrnoNames(&count);
        return Unknown(rule.otherwise.where, "an error number", rule.otherwise.text,
                       std::vector<std::string>(names, names + count));
      }
      if (!program_.policy.empty() && program_.policy[0].error != compiled.error) {
        return Error(rule.otherwise.where,
                     "found another error number than in the first rule, "
                     "expected one for the whole policy");
      }
      program_.trapped |= 1u << static_cast<int>(*nr);
      program_.policy.push_back(compiled);
    }
    for (int i = 0; i < supervisor->threads; ++i) {
      const std::string name =
          supervisor->threads == 1 ? supervisor->name : absl::StrCat(supervisor->name, i + 1);
      policies_.emplace_back(tasks_[name], supervisor);
    }
  }
  return absl::OkStatus();
}

absl::Status Compiler::CompileExpectations(const Call& call, Op* op) {
  op->text = CallText(call);
  op->line = call.where.line;
  if (call.expected) {
    op->has_expected = true;
    if (call.expected->kind == Atom::Kind::kNumber) {
      if (call.expected->number < 0 || call.expected->number > 127) {
        return Error(call.expected->where, "expected a result from 0 to 127, or an error's name");
      }
      op->expected = static_cast<model::Ret>(call.expected->number);
    } else {
      const int error = model::ErrnoNumber(call.expected->text);
      if (error == 0) {
        int count = 0;
        const std::string* names = model::ErrnoNames(&count);
        return Unknown(call.expected->where, "a number or an error's name", call.expected->text,
                       std::vector<std::string>(names, names + count));
      }
      op->expected = static_cast<model::Ret>(-error);
    }
  }
  return absl::OkStatus();
}

absl::Status Compiler::CompileStore(const Store& store, std::vector<Op>* ops) {
  Atom name;
  name.text = store.object;
  name.where = store.where;
  const auto index = ObjectNamed(name);
  if (!index.ok()) return index.status();
  const Object& object = program_.objects[static_cast<size_t>(*index)];
  std::vector<std::pair<int, Value>> words;
  if (object.kind == Object::Kind::kPointers) {
    if (!store.index || *store.index < 0 || *store.index >= object.words) {
      return Error(store.where, absl::StrCat("expected ", object.name, "[0] to ", object.name, "[",
                                             object.words - 1, "]"));
    }
    Value value = model::kZero;
    if (store.value.text != "NULL") {
      const auto target = ObjectNamed(store.value);
      if (!target.ok()) return target.status();
      value = InternPointer(*target);
    }
    words.emplace_back(object.first_word + static_cast<int>(*store.index), value);
  } else {
    if (store.value.kind != Atom::Kind::kString || store.index) {
      return Error(store.where, absl::StrCat("expected ", object.name, " = \"...\""));
    }
    std::vector<Value> value = Words(store.value.text, object.kind == Object::Kind::kString);
    value.resize(object.words, model::kZero);
    if (std::find(object.alternatives.begin(), object.alternatives.end(), value) ==
        object.alternatives.end()) {
      return Error(store.value.where,
                   absl::StrCat("found ", Quoted(store.value.text),
                                ", expected one of the alternatives that 'memory ", object.name,
                                "' declares"));
    }
    for (int w = 0; w < object.words; ++w) {
      if (program_.words[static_cast<size_t>(object.first_word + w)].domain.size() > 1) {
        words.emplace_back(object.first_word + w, value[static_cast<size_t>(w)]);
      }
    }
  }
  for (const auto& [w, value] : words) {
    auto& word = program_.words[static_cast<size_t>(w)];
    if (std::find(word.domain.begin(), word.domain.end(), value) == word.domain.end()) {
      return Error(store.value.where, "expected one of the alternatives that 'memory' declares");
    }
    Op op;
    op.code = OpCode::kStore;
    op.word = static_cast<uint8_t>(w);
    op.value = value;
    op.line = store.where.line;
    op.text = store.index
                  ? absl::StrCat(store.object, "[", *store.index, "] = ", AtomText(store.value))
                  : absl::StrCat(store.object, " = ", AtomText(store.value));
    ops->push_back(op);
  }
  return absl::OkStatus();
}

absl::Status Compiler::CompileCall(const Call& call, int task, std::vector<Op>* ops) {
  if (call.function == "kill") {
    if (call.args.size() != 1 || call.args[0].atoms.size() != 1) {
      return Error(call.where, "expected kill(TASK)");
    }
    const auto victim = TaskNamed(call.args[0].atoms[0].text, call.args[0].where);
    if (!victim.ok()) return victim.status();
    if (program_.tasks[static_cast<size_t>(*victim)].kind == model::TaskKind::kSupervisor) {
      return Error(call.where,
                   "found a supervisor, expected a target: 'listener closes' stands for "
                   "a supervisor that dies");
    }
    Op op;
    op.code = OpCode::kKill;
    op.task = static_cast<uint8_t>(*victim);
    if (auto status = CompileExpectations(call, &op); !status.ok()) return status;
    ops->push_back(op);
    return absl::OkStatus();
  }
  const auto nr = CallNamed(call.function, call.where);
  if (!nr.ok()) return nr.status();
  const model::Syscall& syscall = SyscallOf(*nr);
  Op op;
  op.code = OpCode::kSyscall;
  op.nr = *nr;
  if (auto status = CompileExpectations(call, &op); !status.ok()) return status;
  const size_t most = syscall.args;
  const size_t least = *nr == Nr::kUmask || *nr == Nr::kExit ? 0 : most;
  if (call.args.size() < least || call.args.size() > most) {
    return Error(call.where, absl::StrCat("found ", call.args.size(), " arguments, expected ", most,
                                          " for ", call.function));
  }
  for (size_t i = 0; i < call.args.size(); ++i) {
    const Arg& arg = call.args[i];
    if (arg.index || arg.atoms.empty()) return Error(arg.where, "expected a plain argument");
    const auto role = std::find_if(syscall.roles.begin(), syscall.roles.end(),
                                   [i](const model::Role& r) { return r.arg == i; });
    if (role != syscall.roles.end()) {
      op.is_pointer |= static_cast<uint8_t>(1u << i);
      if (arg.atoms[0].text == "NULL" && arg.atoms[0].kind == Atom::Kind::kName) continue;
      const auto object = ObjectNamed(arg.atoms[0]);
      if (!object.ok()) return object.status();
      op.pointers[i] = InternPointer(*object);
      const bool table =
          program_.objects[static_cast<size_t>(*object)].kind == Object::Kind::kPointers;
      if (table != (role->shape == model::Shape::kStrings)) {
        return Error(arg.where, absl::StrCat("found '", arg.atoms[0].text, "', expected ",
                                             table ? "a string or bytes" : "a table of pointers",
                                             " for the ", role->name, " of ", call.function));
      }
    } else if (*nr == Nr::kFork || *nr == Nr::kClone) {
      const auto child = TaskNamed(arg.atoms[0].text, arg.where);
      if (!child.ok()) return child.status();
      TaskInfo& info = program_.tasks[static_cast<size_t>(*child)];
      if (info.starts || !started_.insert(*child).second) {
        return Error(arg.where, absl::StrCat("found '", arg.atoms[0].text,
                                             "', expected a 'child' "
                                             "that no other call starts"));
      }
      op.task = static_cast<uint8_t>(*child);
      const TaskInfo& parent = program_.tasks[static_cast<size_t>(task)];
      if (*nr == Nr::kClone) {
        info.files = parent.files;
        info.group = parent.group;
      } else if (files_tables_ < model::kMaxFilesTables) {
        info.files = static_cast<uint8_t>(files_tables_++);
      } else {
        return Error(arg.where, absl::StrCat("expected at most ", model::kMaxFilesTables,
                                             " descriptor tables: targets and forked children"));
      }
    } else {
      int64_t value = arg.atoms[0].number;
      if (arg.atoms[0].kind == Atom::Kind::kName) {
        static const auto* const names =
            new std::map<std::string, int>{{"AT_FDCWD", -100},
                                           {"sock", model::kFdSock},
                                           {"file", model::kFdFile},
                                           {"legacy", model::kFdLegacy}};
        const auto at = names->find(arg.atoms[0].text);
        value = at != names->end() ? at->second : 0;
        if (at == names->end() && arg.atoms[0].text.rfind("O_", 0) != 0) {
          return Unknown(arg.where, "a number, a flag O_..., or a descriptor", arg.atoms[0].text,
                         {"sock", "file", "legacy", "AT_FDCWD"});
        }
      }
      if (value < -1000 || value > 1'000'000) {
        return Error(arg.where, absl::StrCat("found ", value, ", expected -1000 to 1000000"));
      }
      op.scalars[i] = static_cast<int32_t>(value);
      const auto measured =
          std::find_if(syscall.roles.begin(), syscall.roles.end(),
                       [i](const model::Role& r) { return r.length_arg == static_cast<int>(i); });
      if (measured != syscall.roles.end() && value < 0) {
        return Error(arg.where, absl::StrCat("found a length of ", value, ", expected 0 or more"));
      }
      if (measured != syscall.roles.end() && value > 8 * kMaxStringWords &&
          measured->shape != model::Shape::kSockaddr) {
        return Error(arg.where, absl::StrCat("found a length of ", value, ", expected at most ",
                                             8 * kMaxStringWords));
      }
    }
  }
  if (call.uses) {
    op.has_uses = true;
    const bool string = !syscall.roles.empty() && syscall.roles[0].shape == model::Shape::kPath;
    op.uses = Words(call.uses->text, string);
  }
  if (*nr == Nr::kExit) op.has_expected = false;
  ops->push_back(op);
  return absl::OkStatus();
}

absl::Status Compiler::SendArgs(const Call& call, Op* op) {
  const std::string expected =
      "expected send(n, continue), send(n, error NAME) or send(n, value NUMBER)";
  for (size_t i = 1; i < call.args.size(); ++i) {
    const Arg& arg = call.args[i];
    for (size_t a = 0; a < arg.atoms.size(); ++a) {
      const Atom& atom = arg.atoms[a];
      const bool more = a + 1 < arg.atoms.size();
      if (atom.text == "continue") {
        op->flags |= 1;
      } else if (atom.text == "bad_flags") {
        op->flags |= 0x4000;
      } else if (atom.text == "null") {
        op->options |= model::kBufNull;
      } else if (atom.text == "error" && more) {
        const Atom& value = arg.atoms[++a];
        // A positive number is given as it stands: the kernel uses resp.error with its sign.
        const int error = value.kind == Atom::Kind::kNumber ? static_cast<int>(-value.number)
                                                            : model::ErrnoNumber(value.text);
        if (error == 0 || error > 127 || error < -127) return Error(value.where, expected);
        op->error = static_cast<int16_t>(-error);
      } else if (atom.text == "value" && more && arg.atoms[a + 1].kind == Atom::Kind::kNumber) {
        const int64_t value = arg.atoms[++a].number;
        if (value < 0 || value > 127) return Error(arg.where, "expected a value from 0 to 127");
        op->val = static_cast<int16_t>(value);
      } else {
        const auto flag = std::find_if(proposal_.send_flags.begin(), proposal_.send_flags.end(),
                                       [&atom](const auto& f) { return f.first == atom.text; });
        if (flag != proposal_.send_flags.end()) {
          op->flags |= flag->second;
          continue;
        }
        for (const model::Proposal* other : model::AllProposals()) {
          for (const auto& f : other->send_flags) {
            if (f.first == atom.text) return NotUnder(atom.where, "'" + atom.text + "'");
          }
        }
        return Error(atom.where, absl::StrCat("found '", AtomText(atom), "', ", expected));
      }
    }
  }
  return absl::OkStatus();
}

absl::Status Compiler::AddfdArgs(const Call& call, Op* op) {
  for (size_t i = 1; i < call.args.size(); ++i) {
    const Arg& arg = call.args[i];
    for (size_t a = 0; a < arg.atoms.size(); ++a) {
      const std::string& word = arg.atoms[a].text;
      if (word == "setfd" && a + 1 < arg.atoms.size() &&
          arg.atoms[a + 1].kind == Atom::Kind::kNumber) {
        op->options |= model::kAddfdSetfd;
        op->val = static_cast<int16_t>(std::clamp<int64_t>(arg.atoms[++a].number, 0, 100));
      } else if (word == "newfd" && a + 1 < arg.atoms.size()) {
        op->val = static_cast<int16_t>(std::clamp<int64_t>(arg.atoms[++a].number, 0, 100));
      } else if (word == "send") {
        op->options |= model::kAddfdSend;
      } else if (word == "bad_flags") {
        op->options |= model::kBadFlags;
      } else if (word == "bad_fd") {
        op->options |= model::kBadSrcfd;
      } else if (word == "null") {
        op->options |= model::kBufNull;
      } else {
        return Unknown(arg.atoms[a].where, "an option of addfd", AtomText(arg.atoms[a]),
                       {"setfd NUMBER", "newfd NUMBER", "send", "bad_flags", "bad_fd", "null"});
      }
    }
  }
  return absl::OkStatus();
}

absl::Status Compiler::VerbArgs(const Call& call, const model::Verb& verb, Op* op) {
  op->buf_size = 4096;
  for (size_t i = 1; i < call.args.size(); ++i) {
    const Arg& arg = call.args[i];
    if (!arg.index) {
      const std::string& word = arg.atoms[0].text;
      if (word == "fault") {
        op->options |= model::kBufFaults;
      } else if (word == "null") {
        op->options |= model::kBufNull;
      } else if (word == "buf" && arg.atoms.size() == 2 &&
                 arg.atoms[1].kind == Atom::Kind::kNumber && arg.atoms[1].number >= 0) {
        op->buf_size = static_cast<uint32_t>(std::min<int64_t>(arg.atoms[1].number, 1 << 30));
      } else {
        return Unknown(arg.where, "'INDEX: KIND BYTES' or an option", AtomText(arg.atoms[0]),
                       {"fault", "null", "buf BYTES"});
      }
      continue;
    }
    model::Descriptor descriptor;
    if (*arg.index < 0 || *arg.index > 7) {
      return Error(arg.where, absl::StrCat("found argument ", *arg.index, ", expected 0 to 5"));
    }
    descriptor.arg = static_cast<int16_t>(*arg.index);
    const auto kind = std::find(verb.kinds.begin(), verb.kinds.end(), arg.atoms[0].text);
    if (kind == verb.kinds.end()) {
      return Unknown(arg.atoms[0].where, "a kind", AtomText(arg.atoms[0]), verb.kinds);
    }
    descriptor.kind = static_cast<int16_t>(kind - verb.kinds.begin());
    for (size_t a = 1; a < arg.atoms.size(); ++a) {
      const Atom& atom = arg.atoms[a];
      if (atom.kind == Atom::Kind::kNumber && a == 1) {
        descriptor.max_bytes =
            static_cast<uint32_t>(std::clamp<int64_t>(atom.number, 0, int64_t{1} << 31));
      } else if (atom.text == "entries" && a + 1 < arg.atoms.size()) {
        descriptor.max_entries =
            static_cast<uint32_t>(std::clamp<int64_t>(arg.atoms[++a].number, 0, 1 << 30));
      } else {
        return Error(atom.where, absl::StrCat("found '", AtomText(atom),
                                              "', expected 'INDEX: KIND BYTES [entries NUMBER]'"));
      }
    }
    op->descriptors.push_back(descriptor);
  }
  if (op->descriptors.size() > 3) {
    return Error(call.where,
                 "found more than 3 descriptors, expected at most 3 (the state holds no "
                 "more; the kernel takes 6)");
  }
  return absl::OkStatus();
}

absl::Status Compiler::CompileIoctl(const Call& call, std::map<std::string, uint8_t>* variables,
                                    std::vector<Op>* ops) {
  Op op;
  if (auto status = CompileExpectations(call, &op); !status.ok()) return status;
  if (call.uses) return Error(call.where, "found 'uses', expected it after a target's call only");
  const auto variable = [&]() -> absl::Status {
    if (call.args.empty() || call.args[0].atoms.size() != 1 || call.args[0].index) {
      return Error(call.where, absl::StrCat("expected ", call.function,
                                            "(n, ...) with an n that n = recv() set"));
    }
    const std::string& name = call.args[0].atoms[0].text;
    const auto at = variables->find(name);
    if (at == variables->end()) {
      std::vector<std::string> known;
      for (const auto& [n, i] : *variables) known.push_back(n);
      return Unknown(call.args[0].where, "a notification that recv() set before", name, known);
    }
    op.variable = at->second;
    return absl::OkStatus();
  };
  const auto options = [&](size_t from,
                           const std::map<std::string, uint16_t>& names) -> absl::Status {
    for (size_t i = from; i < call.args.size(); ++i) {
      for (const Atom& atom : call.args[i].atoms) {
        const auto at = names.find(atom.text);
        if (at == names.end()) {
          std::vector<std::string> known;
          for (const auto& [n, bit] : names) known.push_back(n);
          return Unknown(atom.where, "an option", AtomText(atom), known);
        }
        op.options |= at->second;
      }
    }
    return absl::OkStatus();
  };
  absl::Status status;
  if (call.function == "recv") {
    op.code = OpCode::kRecv;
    if (!call.variable.empty()) {
      const auto [at, fresh] =
          variables->emplace(call.variable, static_cast<uint8_t>(variables->size()));
      if (fresh && variables->size() > model::kMaxVariables) {
        return Error(call.where, absl::StrCat("expected at most ", model::kMaxVariables,
                                              " names of notifications in one script"));
      }
      op.variable = at->second;
    }
    status = options(0, {{"fault", model::kBufFaults},
                         {"null", model::kBufNull},
                         {"garbage", model::kBufNotZeroed}});
  } else if (call.function == "after") {
    op.code = OpCode::kAfter;
    status = variable();
    op.word = op.variable;
    if (status.ok() && call.variable.empty()) {
      return Error(call.where, "expected m = after(n)");
    }
    const auto [at, fresh] =
        variables->emplace(call.variable, static_cast<uint8_t>(variables->size()));
    if (fresh && variables->size() > model::kMaxVariables) {
      return Error(call.where, absl::StrCat("expected at most ", model::kMaxVariables,
                                            " names of notifications in one script"));
    }
    op.variable = at->second;
  } else if (call.function == "send") {
    op.code = OpCode::kSend;
    status = variable();
    if (status.ok()) status = SendArgs(call, &op);
  } else if (call.function == "id_valid") {
    op.code = OpCode::kIdValid;
    status = variable();
    if (status.ok()) status = options(1, {{"null", model::kBufNull}});
  } else if (call.function == "addfd") {
    op.code = OpCode::kAddfd;
    status = variable();
    if (status.ok()) status = AddfdArgs(call, &op);
  } else if (call.function == "set_flags") {
    op.code = OpCode::kSetFlags;
    if (call.args.size() != 1 || call.args[0].atoms[0].kind != Atom::Kind::kNumber) {
      return Error(call.where, "expected set_flags(NUMBER)");
    }
    op.flags = static_cast<uint16_t>(std::clamp<int64_t>(call.args[0].atoms[0].number, 0, 255));
  } else if (call.function == "poll") {
    op.code = OpCode::kPoll;
    program_.polls = true;
    status = options(0, {{"nowait", model::kNonBlocking}});
  } else if (call.function == "read") {
    op.code = OpCode::kReadArgs;
    status = variable();
  } else if (call.function == "close") {
    op.code = OpCode::kClose;
    if (call.args.size() != 1 || call.args[0].atoms[0].text != "listener") {
      return Error(call.where, "expected close(listener)");
    }
  } else if (call.function == "kill") {
    std::vector<Op> kill;
    if (auto error = CompileCall(call, 0, &kill); !error.ok()) return error;
    op = kill[0];
  } else {
    for (const model::Proposal* other : model::AllProposals()) {
      for (size_t v = 0; v < other->verbs.size(); ++v) {
        if (call.function != other->verbs[v].name) continue;
        if (other != &proposal_) return NotUnder(call.where, call.function + "()");
        op.code = OpCode::kVerb;
        op.verb = static_cast<uint8_t>(v);
        status = variable();
        if (status.ok()) status = VerbArgs(call, other->verbs[v], &op);
        if (status.ok()) ops->push_back(op);
        return status;
      }
    }
    std::vector<std::string> known = {"recv", "send", "id_valid", "addfd", "set_flags",
                                      "poll", "read", "close",    "kill",  "after"};
    for (const model::Proposal* other : model::AllProposals()) {
      for (const model::Verb& verb : other->verbs) known.emplace_back(verb.name);
    }
    return Unknown(call.where, "what a supervisor can do", call.function, known);
  }
  if (status.ok()) ops->push_back(op);
  return status;
}

absl::Status Compiler::CompileBody(const std::vector<Statement>& body, int task,
                                   std::vector<Op>* ops) {
  std::map<std::string, uint8_t> variables;
  const TaskInfo& info = program_.tasks[static_cast<size_t>(task)];
  for (const Statement& statement : body) {
    absl::Status status;
    Location where;
    if (const auto* store = std::get_if<Store>(&statement)) {
      where = store->where;
      status = CompileStore(*store, ops);
    } else {
      const Call& call = std::get<Call>(statement);
      where = call.where;
      status = info.kind == model::TaskKind::kSupervisor ? CompileIoctl(call, &variables, ops)
                                                         : CompileCall(call, task, ops);
    }
    if (!status.ok()) return status;
    if (ops->size() > model::kMaxOps) {
      return Error(where, absl::StrCat("expected at most ", model::kMaxOps, " statements"));
    }
  }
  Op end;
  end.code = OpCode::kEnd;
  ops->push_back(end);
  return absl::OkStatus();
}

absl::Status Compiler::Bodies() {
  for (const Declaration& declaration : scenario_.declarations) {
    if (const auto* task = std::get_if<Task>(&declaration)) {
      const int index = tasks_[task->name];
      std::vector<Op> ops;
      if (auto status = CompileBody(task->body, index, &ops); !status.ok()) return status;
      program_.tasks[static_cast<size_t>(index)].ops = std::move(ops);
    } else if (const auto* peer = std::get_if<Peer>(&declaration)) {
      if (peer->kind != Peer::Kind::kScript) continue;
      const int index = tasks_[peer->name];
      std::vector<Op> ops;
      if (auto status = CompileBody(peer->body, index, &ops); !status.ok()) return status;
      program_.tasks[static_cast<size_t>(index)].ops = std::move(ops);
    } else if (const auto* supervisor = std::get_if<Supervisor>(&declaration)) {
      if (!supervisor->policy.empty()) continue;
      for (int i = 0; i < supervisor->threads; ++i) {
        const std::string name =
            supervisor->threads == 1 ? supervisor->name : absl::StrCat(supervisor->name, i + 1);
        std::vector<Op> ops;
        if (auto status = CompileBody(supervisor->body, tasks_[name], &ops); !status.ok()) {
          return status;
        }
        program_.tasks[static_cast<size_t>(tasks_[name])].ops = std::move(ops);
      }
    } else if (const auto* signals = std::get_if<Signals>(&declaration)) {
      const int index = tasks_[signals->to];
      std::vector<Op> ops;
      if (auto status = CompileBody(signals->handler, index, &ops); !status.ok()) return status;
      TaskInfo& info = program_.tasks[static_cast<size_t>(index)];
      if (info.handler.size() <= 1) info.handler = std::move(ops);
    } else if (const auto* setting = std::get_if<Setting>(&declaration)) {
      if (setting->key != "listener closes") continue;
      Op close;
      close.code = OpCode::kClose;
      close.text = "close(listener)";
      program_.tasks[static_cast<size_t>(tasks_["closer"])].ops = {close, Op{}};
    }
  }
  for (TaskInfo& info : program_.tasks) {
    if (info.handler.empty()) info.handler.push_back(Op{});
    if (std::any_of(info.ops.begin(), info.ops.end(),
                    [](const Op& op) { return op.code == OpCode::kAddfd; })) {
      ++addfd_tasks_;
    }
  }
  return absl::OkStatus();
}

// Which words of which arguments supervisors look at, and where they stand in `seen`.
absl::Status Compiler::Layouts() {
  for (int nr = 0; nr < static_cast<int>(Nr::kCount); ++nr) {
    const model::Syscall& syscall = SyscallOf(static_cast<Nr>(nr));
    int base = 0;
    for (size_t r = 0; r < syscall.roles.size(); ++r) {
      const model::Role& role = syscall.roles[r];
      int entries = 0;
      int stride = 0;
      const auto look = [&](const Op& op) {
        if (op.code != OpCode::kSyscall || op.nr != static_cast<Nr>(nr)) return;
        const int object = program_.values[op.pointers[role.arg]].object;
        if (object < 0) return;
        const Object& o = program_.objects[static_cast<size_t>(object)];
        if (role.shape == model::Shape::kStrings) {
          entries = std::max<int>(entries, o.words);
          for (int w = 0; w < o.words; ++w) {
            for (const Value v : program_.words[static_cast<size_t>(o.first_word + w)].domain) {
              const int string = program_.values[v].object;
              if (string >= 0) {
                stride = std::max<int>(stride, program_.objects[static_cast<size_t>(string)].words);
              }
            }
          }
        } else {
          entries = 1;
          stride = std::max<int>(stride, o.words);
        }
      };
      for (const TaskInfo& info : program_.tasks) {
        for (const Op& op : info.ops) look(op);
        for (const Op& op : info.handler) look(op);
      }
      bool inspected = policies_.empty();
      for (const auto& [task, supervisor] : policies_) {
        for (const Rule& rule : supervisor->policy) {
          if (rule.call != syscall.name) continue;
          for (const Condition& condition : rule.conditions) {
            inspected |= condition.role == role.name;
          }
        }
      }
      for (const TaskInfo& info : program_.tasks) {
        for (const Op& op : info.ops) {
          inspected |= op.code == OpCode::kReadArgs;
          for (const model::Descriptor& d : op.descriptors) inspected |= d.arg == role.arg;
        }
      }
      if (!inspected || entries == 0) continue;
      stride = std::max(stride, 1);
      if (role.shape == model::Shape::kStrings && (entries - 1) * stride > kMaxTableWords) {
        return Error({1, 1}, absl::StrCat("the strings of ", role.name, " take up to ",
                                          (entries - 1) * stride, " words, expected at most ",
                                          kMaxTableWords));
      }
      if (base + entries * stride > model::kMaxSeen) {
        return Error({1, 1}, absl::StrCat("the arguments of ", syscall.name, " take ",
                                          base + entries * stride, " words, expected at most ",
                                          model::kMaxSeen));
      }
      model::SeenLayout& layout = program_.seen[static_cast<size_t>(nr)][r];
      layout.base = static_cast<uint8_t>(base);
      layout.entries = static_cast<uint8_t>(entries);
      layout.stride = static_cast<uint8_t>(stride);
      base += entries * stride;
    }
  }
  return absl::OkStatus();
}

absl::Status Compiler::FinishPolicy() {
  if (policies_.empty()) return absl::OkStatus();
  const Supervisor& declared = *policies_[0].second;
  for (size_t i = 0; i < declared.policy.size(); ++i) {
    const Rule& rule = declared.policy[i];
    model::PolicyRule& compiled = program_.policy[i];
    const model::Syscall& syscall = SyscallOf(compiled.nr);
    for (const Condition& condition : rule.conditions) {
      const auto role =
          std::find_if(syscall.roles.begin(), syscall.roles.end(),
                       [&condition](const model::Role& r) { return condition.role == r.name; });
      if (role == syscall.roles.end()) {
        std::vector<std::string> known;
        for (const model::Role& r : syscall.roles) known.emplace_back(r.name);
        return Unknown(condition.where, absl::StrCat("a pointer argument of ", rule.call),
                       condition.role, known);
      }
      const bool table = role->shape == model::Shape::kStrings;
      if (table != condition.table) {
        return Error(condition.where,
                     table ? "expected a list [\"...\", \"...\"]" : "expected one \"...\"");
      }
      model::PolicyCondition c;
      c.role = static_cast<uint8_t>(role - syscall.roles.begin());
      const model::SeenLayout& layout = program_.seen[static_cast<size_t>(compiled.nr)][c.role];
      const bool string = role->shape == model::Shape::kPath || table;
      if (!table) {
        c.words = Words(condition.values[0].text, string);
        // Bytes are compared as far as the call may look at them.
        if (!string) c.words.resize(std::max<size_t>(c.words.size(), layout.stride));
      } else {
        for (const Atom& value : condition.values) {
          std::vector<Value> words = Words(value.text, true);
          words.resize(std::max<size_t>(words.size(), layout.stride), model::kZero);
          c.words.insert(c.words.end(), words.begin(), words.end());
        }
        c.words.push_back(model::kAbsent);
      }
      if (layout.base + c.words.size() > model::kMaxSeen) {
        return Error(condition.where, "expected a shorter value");
      }
      compiled.conditions.push_back(c);

      model::Descriptor descriptor;
      descriptor.arg = role->arg;
      uint32_t bytes = 0;
      for (const TaskInfo& info : program_.tasks) {
        for (const Op& op : info.ops) {
          if (op.code != OpCode::kSyscall || op.nr != compiled.nr || role->length_arg < 0) continue;
          bytes = std::max(
              bytes, static_cast<uint32_t>(op.scalars[static_cast<size_t>(role->length_arg)]));
        }
      }
      if (proposal_.descriptor_for != nullptr &&
          proposal_.descriptor_for(role->shape, bytes, &descriptor)) {
        auto& pins = program_.policy_pins[static_cast<size_t>(compiled.nr)];
        // One descriptor an argument, whatever the number of conditions.
        if (std::none_of(pins.begin(), pins.end(), [&descriptor](const model::Descriptor& d) {
              return d.arg == descriptor.arg;
            })) {
          pins.push_back(descriptor);
        }
      }
    }
  }
  for (const auto& [task, supervisor] : policies_) {
    model::Reactions reactions;
    for (const Reaction& reaction : supervisor->reactions) {
      reactions.emplace_back(reaction.error, reaction.action);
    }
    std::string error;
    std::vector<Op> ops = proposal_.policy_script(reactions, &error);
    if (!error.empty()) {
      // What one proposal reacts to, another does not return.
      for (const model::Proposal* other : model::AllProposals()) {
        std::string ignored;
        if (other != &proposal_ && other->policy_script != nullptr &&
            !other->policy_script(reactions, &ignored).empty() && ignored.empty()) {
          ops = proposal_.policy_script({}, &ignored);
          error.clear();
          break;
        }
      }
    }
    if (!error.empty()) {
      return Error(supervisor->reactions[0].where, absl::StrCat("expected ", error));
    }
    for (Op& op : ops) {
      if (op.error == model::kPolicyError) {
        op.error = static_cast<int16_t>(-program_.policy[0].error);
        op.text = absl::StrCat("ioctl(SEND, -", model::ErrnoName(program_.policy[0].error), ")");
      }
      if (op.code == OpCode::kSend && (op.flags & 1) == 0 && op.text == "ioctl(SEND, error)") {
        op.error = static_cast<int16_t>(-program_.policy[0].error);
      }
    }
    program_.tasks[static_cast<size_t>(task)].ops = std::move(ops);
  }
  return absl::OkStatus();
}

absl::Status Compiler::Limits() {
  if (program_.trapped == 0) {
    return Error({1, 1}, "found nothing that is trapped, expected a policy or 'filter CALL'");
  }
  if (program_.values.size() > kMaxValues) {
    return Error({1, 1}, absl::StrCat("found ", program_.values.size(),
                                      " different words, expected at most ", kMaxValues,
                                      ": use fewer or shorter strings"));
  }
  if (addfd_tasks_ > kMaxAddfdTasks) {
    return Error({1, 1}, absl::StrCat("expected at most ", kMaxAddfdTasks,
                                      " supervisor threads that call addfd()"));
  }
  if (program_.tasks.size() + program_.senders.size() + program_.writers.size() > 26) {
    return Error({1, 1}, "expected at most 26 threads");
  }
  int notifications = 0;
  for (size_t t = 0; t < program_.tasks.size(); ++t) {
    TaskInfo& info = program_.tasks[t];
    if (!info.filtered) continue;
    const auto trapped = [this](const std::vector<Op>& ops) {
      return static_cast<int>(std::count_if(ops.begin(), ops.end(), [this](const Op& op) {
        return op.code == OpCode::kSyscall && (program_.trapped >> static_cast<int>(op.nr) & 1);
      }));
    };
    notifications += trapped(info.ops);
    for (const model::SenderInfo& sender : program_.senders) {
      if (sender.task == t) notifications += sender.count * (1 + trapped(info.handler));
    }
  }
  if (notifications > kMaxNotifications) {
    return Error({1, 1},
                 absl::StrCat("found up to ", notifications,
                              " notifications in a run, expected at most ", kMaxNotifications));
  }
  program_.max_id = static_cast<uint8_t>(std::max(1, notifications));
  for (const auto& pins : program_.policy_pins) {
    if (pins.size() > 3) return Error({1, 1}, "expected a policy over at most 3 arguments");
  }
  return absl::OkStatus();
}

absl::StatusOr<Program> Compiler::Run() {
  program_.name = scenario_.header.name;
  for (const auto step : {&Compiler::Names, &Compiler::Memories, &Compiler::Settings,
                          &Compiler::Policy, &Compiler::Bodies, &Compiler::ResourceLimits,
                          &Compiler::Layouts, &Compiler::FinishPolicy}) {
    if (absl::Status status = (this->*step)(); !status.ok()) return status;
  }
  CloseTruncation();
  if (absl::Status status = Limits(); !status.ok()) return status;
  return std::move(program_);
}

}  // namespace

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
    const std::string near = Nearest(name, known);
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
  for (const Claim& claim : scenario.header.results) {
    for (const std::string& name : claim.properties) {
      if (absl::Status status = check(name, claim.where); !status.ok()) return status;
    }
    if (model::FindProposal(claim.proposal) == nullptr) {
      std::vector<std::string> proposals;
      for (const model::Proposal* p : model::AllProposals()) proposals.emplace_back(p->name);
      std::string message = absl::StrCat(
          "found '", claim.proposal, "', expected a proposal: ", absl::StrJoin(proposals, ", "));
      return ErrorAt(scenario.file, claim.where, message);
    }
  }
  return asked;
}

}  // namespace knotcheck::lang
