// SPDX-License-Identifier: Apache-2.0
//
// What targets, children, peers and handlers do.

#include "lang/compiler.h"

namespace knotcheck::lang {

std::string InDoubleQuotes(const std::string& bytes) {
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
      return atom.offset == 0 ? atom.text : absl::StrCat(atom.text, "+", atom.offset);
    case Atom::Kind::kNumber:
      return absl::StrCat(atom.number);
    case Atom::Kind::kString:
      return InDoubleQuotes(atom.text);
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

absl::StatusOr<int> Compiler::ObjectNamed(const Atom& atom) const {
  const auto at = objects_.find(atom.text);
  if (atom.kind == Atom::Kind::kName && at != objects_.end()) return at->second;
  std::vector<std::string> known;
  for (const auto& [name, index] : objects_) known.push_back(name);
  return Unknown(atom.where, "an object that 'memory' declares", AtomText(atom), known);
}

absl::StatusOr<Value> Compiler::Address(const Atom& atom) {
  const bool named = atom.kind == Atom::Kind::kName;
  if (named && atom.offset == 0 && atom.text == "NULL") return Value{model::kZero};
  if (named && atom.offset == 0 && atom.text == "dangling") return InternPointer(kDangling, 0);
  if (named && (atom.text == "NULL" || atom.text == "dangling")) {
    return Error(atom.where, absl::StrCat("found '", AtomText(atom), "', expected no '+' behind ",
                                          atom.text, ", where nothing is mapped"));
  }
  const auto object = ObjectNamed(atom);
  if (!object.ok()) return object.status();
  named_.insert(atom.text);
  const int bytes = 8 * program_.objects[static_cast<size_t>(*object)].words;
  if (atom.offset % 8 != 0 || atom.offset > bytes) {
    return Error(atom.where,
                 absl::StrCat("found '", AtomText(atom), "', expected a multiple of 8 up to ",
                              bytes, ", which is the end: a word is read at once"));
  }
  return InternPointer(*object, static_cast<int>(atom.offset / 8));
}

absl::Status Compiler::OffsetsAreAddresses(const Call& call, bool ioctl) const {
  const auto nr = ioctl ? absl::StatusOr<Nr>(Nr::kUmask) : CallNamed(call.function, call.where);
  // What is no call at all is told where it is compiled.
  if (!nr.ok() && call.function != "kill") return absl::OkStatus();
  for (size_t i = 0; i < call.args.size(); ++i) {
    const bool address =
        nr.ok() && std::any_of(SyscallOf(*nr).roles.begin(), SyscallOf(*nr).roles.end(),
                               [i](const model::Role& role) { return role.arg == i; });
    for (const Atom& atom : call.args[i].atoms) {
      if (atom.offset == 0 || address) continue;
      return Error(atom.where, absl::StrCat("found '", AtomText(atom),
                                            "', expected no '+': it belongs to the name of a "
                                            "memory, where a call takes an address"));
    }
  }
  return absl::OkStatus();
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

absl::Status Compiler::CompileStore(const Store& store, int task, std::vector<Op>* ops) {
  Atom name;
  name.text = store.object;
  name.where = store.where;
  const auto index = ObjectNamed(name);
  if (!index.ok()) return index.status();
  named_.insert(store.object);
  // Of a supervisor: the first target's memory.
  const TaskInfo& by = program_.tasks[static_cast<size_t>(task)];
  const Object& object =
      program_.objects[static_cast<size_t>(*index + by.space * program_.objects_of_space)];
  std::vector<std::pair<int, Value>> words;
  if (store.value.kind == Atom::Kind::kName && store.value.text == "unmapped") {
    if (store.index || store.value.offset != 0) {
      return Error(store.where, absl::StrCat("expected ", store.object, " = unmapped"));
    }
    if (unmapped_ == model::kZero) {
      return Error(store.value.where,
                   absl::StrCat("found 'unmapped', expected one of the alternatives that 'memory ",
                                store.object, "' declares: behind the others, '| unmapped'"));
    }
    if (by.kind == model::TaskKind::kSupervisor) {
      return Error(store.value.where,
                   "found 'unmapped' in a supervisor, expected it where the memory is mapped: in a "
                   "target, or in who shares its memory");
    }
    words.emplace_back(object.first_word, unmapped_);  // all of it, by one op
  } else if (object.kind == Object::Kind::kPointers) {
    if (!store.index || *store.index < 0 || *store.index >= object.words) {
      return Error(store.where, absl::StrCat("expected ", object.name, "[0] to ", object.name, "[",
                                             object.words - 1, "]"));
    }
    const auto value = Address(store.value);
    if (!value.ok()) return value.status();
    words.emplace_back(object.first_word + static_cast<int>(*store.index), *value);
  } else {
    if (store.value.kind != Atom::Kind::kString || store.index) {
      return Error(store.where, absl::StrCat("expected ", object.name, " = \"...\""));
    }
    std::vector<Value> value = Words(store.value.text, object.kind == Object::Kind::kString);
    value.resize(object.words, model::kZero);
    if (std::find(object.alternatives.begin(), object.alternatives.end(), value) ==
        object.alternatives.end()) {
      return Error(store.value.where,
                   absl::StrCat("found ", InDoubleQuotes(store.value.text),
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

absl::Status Compiler::CompileKill(const Call& call, Op* op) {
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
  op->code = OpCode::kKill;
  op->task = static_cast<uint8_t>(*victim);
  return CompileExpectations(call, op);
}

absl::Status Compiler::CompileInstall(const Arg& arg, Op* op) {
  for (const Atom& atom : arg.atoms) {
    if (atom.text == "NEW_LISTENER") {
      op->flags |= model::kNewListener;
    } else if (atom.text == "TSYNC") {
      op->flags |= model::kTsync;
    } else {
      return Unknown(atom.where, "a flag of seccomp()", AtomText(atom), {"NEW_LISTENER", "TSYNC"});
    }
  }
  if (!(op->flags & model::kNewListener)) {
    return Error(arg.where, "found no NEW_LISTENER, expected it: no other filter is modelled");
  }
  ++program_.installs;
  return absl::OkStatus();
}

absl::Status Compiler::CompileAddress(const Call& call, size_t i, const model::Role& role, Op* op) {
  const Arg& arg = call.args[i];
  op->is_pointer |= static_cast<uint8_t>(1u << i);
  const auto address = Address(arg.atoms[0]);
  if (!address.ok()) return address.status();
  op->pointers[i] = *address;
  const int object = program_.values[*address].object;
  if (object < 0) return absl::OkStatus();
  const bool table = program_.objects[static_cast<size_t>(object)].kind == Object::Kind::kPointers;
  const auto& roles = SyscallOf(op->nr).roles;
  const auto index = &role - roles.data();
  const bool nests = std::any_of(roles.begin(), roles.end(),
                                 [index](const model::Role& r) { return r.parent == index; });
  program_.nested |= nests;
  if (table != (role.shape == model::Shape::kStrings) && !(table && nests)) {
    return Error(arg.where, absl::StrCat("found '", arg.atoms[0].text, "', expected ",
                                         table ? "a string or bytes" : "a table of pointers",
                                         " for the ", role.name, " of ", call.function));
  }
  return absl::OkStatus();
}

absl::Status Compiler::CompileStart(const Arg& arg, int task, Op* op) {
  const auto child = TaskNamed(arg.atoms[0].text, arg.where);
  if (!child.ok()) return child.status();
  const TaskInfo& info = program_.tasks[static_cast<size_t>(*child)];
  if (info.starts || !started_.insert(*child).second) {
    return Error(arg.where, absl::StrCat("found '", arg.atoms[0].text,
                                         "', expected a 'child' "
                                         "that no other call starts"));
  }
  const std::string& parent_name = parents_[*child];
  const TaskInfo& parent = program_.tasks[static_cast<size_t>(task)];
  if (parent_name != parent.name) {
    return Error(arg.where, absl::StrCat("found '", arg.atoms[0].text, "', a child of ",
                                         parent_name, "; expected a call of ", parent_name));
  }
  op->task = static_cast<uint8_t>(*child);
  return absl::OkStatus();
}

absl::Status Compiler::CompileScalar(const Arg& arg, size_t i, Op* op) {
  int64_t value = arg.atoms[0].number;
  if (arg.atoms[0].kind == Atom::Kind::kName) {
    static const auto* const names =
        new std::map<std::string, int>{{"AT_FDCWD", model::kAtFdcwd},
                                       {"AT_EMPTY_PATH", model::kAtEmptyPath},
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
  op->scalars[i] = static_cast<int32_t>(value);
  const auto& roles = SyscallOf(op->nr).roles;
  const auto measured = std::find_if(roles.begin(), roles.end(), [i](const model::Role& r) {
    return !r.IsString() && r.length_arg == static_cast<int>(i);
  });
  if (measured == roles.end()) return absl::OkStatus();
  if (value < 0) {
    return Error(arg.where, absl::StrCat("found a length of ", value, ", expected 0 or more"));
  }
  // A table of pointers ends at its length whatever that is.
  const bool nests = std::any_of(roles.begin(), roles.end(), [&](const model::Role& r) {
    return r.parent >= 0 && measured - roles.begin() == r.parent;
  });
  if (value > 8 * kMaxStringWords && !nests && measured->shape != model::Shape::kSockaddr) {
    return Error(arg.where, absl::StrCat("found a length of ", value, ", expected at most ",
                                         8 * kMaxStringWords));
  }
  return absl::OkStatus();
}

absl::Status Compiler::CompileArgument(const Call& call, size_t i, int task, Op* op) {
  const Arg& arg = call.args[i];
  if (arg.index || arg.atoms.empty()) return Error(arg.where, "expected a plain argument");
  if (op->nr == Nr::kSeccomp) return CompileInstall(arg, op);
  const auto& roles = SyscallOf(op->nr).roles;
  const auto role =
      std::find_if(roles.begin(), roles.end(), [i](const model::Role& r) { return r.arg == i; });
  if (role != roles.end()) return CompileAddress(call, i, *role, op);
  const Atom& atom = arg.atoms[0];
  if (atom.kind == Atom::Kind::kName && objects_.count(atom.text) != 0) {
    return Error(arg.where, absl::StrCat("found '", atom.text, "', expected a number: ",
                                         call.function, " reads nothing there"));
  }
  if (op->nr == Nr::kFork || op->nr == Nr::kClone) return CompileStart(arg, task, op);
  return CompileScalar(arg, i, op);
}

// What a call writes, zeros here, is one more thing that its buffer may hold.
void Compiler::AddResults(const Op& op, int task) {
  const TaskInfo& by = program_.tasks[static_cast<size_t>(task)];
  for (const model::Role& role : SyscallOf(op.nr).roles) {
    if (role.shape != model::Shape::kOutBuffer) continue;
    const int object = program_.ObjectAt(op.pointers[role.arg], by.space);
    if (object < 0) continue;
    const Object& buffer = program_.objects[static_cast<size_t>(object)];
    for (int w = 0; w < buffer.words; ++w) {
      model::Word& word = program_.words[static_cast<size_t>(buffer.first_word + w)];
      if (std::find(word.domain.begin(), word.domain.end(), model::kZero) == word.domain.end()) {
        word.domain.push_back(model::kZero);
      }
      word.shared |= StoredByGeneralPeer(word);
    }
  }
}

absl::Status Compiler::CompileCall(const Call& call, int task, std::vector<Op>* ops) {
  Op op;
  if (call.function == "kill") {
    if (auto status = CompileKill(call, &op); !status.ok()) return status;
    ops->push_back(op);
    return absl::OkStatus();
  }
  const auto nr = CallNamed(call.function, call.where);
  if (!nr.ok()) return nr.status();
  const model::Syscall& syscall = SyscallOf(*nr);
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
    if (auto status = CompileArgument(call, i, task, &op); !status.ok()) return status;
  }
  if (call.uses && *nr > Nr::kSeccomp) {
    return Error(call.uses->where, absl::StrCat("found 'uses', expected none: what ", call.function,
                                                " does with its arguments is not modelled"));
  }
  if (call.uses) {
    op.has_uses = true;
    const bool string = !syscall.roles.empty() && syscall.roles[0].IsString();
    op.uses = Words(call.uses->text, string);
  }
  AddResults(op, task);
  if (*nr == Nr::kExit) op.has_expected = false;
  ops->push_back(op);
  return absl::OkStatus();
}

absl::Status Compiler::Expand(const Statement& statement,
                              std::vector<Alternative>* alternatives) const {
  std::vector<Alternative> written;
  if (const auto* any = std::get_if<AnyOf>(&statement)) {
    written = any->alternatives;
  } else if (const auto* call = std::get_if<Call>(&statement)) {
    written.emplace_back(*call);
  } else {
    written.emplace_back(std::get<Store>(statement));
  }
  for (const Alternative& one : written) {
    const auto* call = std::get_if<Call>(&one);
    if (call == nullptr) {
      alternatives->push_back(one);
      continue;
    }
    std::vector<Call> product = {*call};
    for (size_t a = 0; a < call->args.size(); ++a) {
      if (!call->args[a].any) continue;
      const std::vector<Call> before = std::move(product);
      product.clear();
      for (const Call& each : before) {
        for (const Atom& atom : call->args[a].atoms) {
          product.push_back(each);
          product.back().args[a].any = false;
          product.back().args[a].atoms = {atom};
          if (product.size() > model::kMaxOps) {
            return Error(call->where, absl::StrCat("found more than ", model::kMaxOps,
                                                   " calls in one, expected fewer alternatives"));
          }
        }
      }
    }
    alternatives->insert(alternatives->end(), product.begin(), product.end());
  }
  return absl::OkStatus();
}

absl::Status Compiler::CompileAlternative(const Alternative& alternative, int task,
                                          std::map<std::string, uint8_t>* variables,
                                          std::vector<Op>* ops) {
  if (std::holds_alternative<Nothing>(alternative)) return absl::OkStatus();
  if (const auto* store = std::get_if<Store>(&alternative)) return CompileStore(*store, task, ops);
  const Call& call = std::get<Call>(alternative);
  const bool ioctl = program_.tasks[static_cast<size_t>(task)].kind == model::TaskKind::kSupervisor;
  if (absl::Status status = OffsetsAreAddresses(call, ioctl); !status.ok()) return status;
  return ioctl ? CompileIoctl(call, variables, ops) : CompileCall(call, task, ops);
}

absl::Status Compiler::CompileChoice(const std::vector<Alternative>& alternatives, Location where,
                                     int task, std::map<std::string, uint8_t>* variables,
                                     std::vector<Op>* ops) {
  const size_t choice = ops->size();
  Op choose;
  choose.code = OpCode::kChoose;
  choose.line = where.line;
  ops->push_back(choose);
  std::vector<size_t> begins;
  for (const Alternative& alternative : alternatives) {
    begins.push_back(ops->size());
    if (auto status = CompileAlternative(alternative, task, variables, ops); !status.ok()) {
      return status;
    }
    if (ops->size() > begins.back()) ops->back().joins = true;
  }
  if (ops->size() > model::kMaxOps) return absl::OkStatus();  // the caller says so
  const auto join = static_cast<uint8_t>(ops->size());
  for (size_t i = 0; i < begins.size(); ++i) {
    const size_t end = i + 1 < begins.size() ? begins[i + 1] : ops->size();
    const bool nothing = begins[i] == end;
    (*ops)[choice].alternatives.push_back(nothing ? join : static_cast<uint8_t>(begins[i]));
    if (!nothing) (*ops)[end - 1].target = join;
  }
  (*ops)[choice].target = join;
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
      if (!supervisor->policy.empty() || supervisor->anything) continue;
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
      if (auto status = CompileBody(signals->handler, index, &ops, true); !status.ok()) {
        return status;
      }
      const auto starts = [](const Op& op) {
        return op.code == OpCode::kSyscall && (op.nr == Nr::kFork || op.nr == Nr::kClone);
      };
      const bool again = signals->any || signals->count > 1;
      if (again && std::any_of(ops.begin(), ops.end(), starts)) {
        return Error(signals->where,
                     absl::StrCat("found a child that a handler starts, and ",
                                  signals->any ? "any number of" : absl::StrCat(signals->count),
                                  " signals; expected one signal: a child starts once"));
      }
      TaskInfo& info = program_.tasks[static_cast<size_t>(index)];
      if (info.handler.size() <= 1) info.handler = std::move(ops);
    } else if (const auto* setting = std::get_if<Setting>(&declaration)) {
      if (setting->key != "listener closes") continue;
      Op close;
      close.code = OpCode::kClose;
      program_.closes = true;
      close.text = "close(listener)";
      program_.tasks[static_cast<size_t>(tasks_["closer"])].ops = {close, Op{}};
    }
  }
  for (TaskInfo& info : program_.tasks) {
    if (info.handler.empty()) info.handler.push_back(Op{});
  }
  return absl::OkStatus();
}

}  // namespace knotcheck::lang
