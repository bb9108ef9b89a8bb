// SPDX-License-Identifier: Apache-2.0
//
// What a supervisor can do that may do anything: every ioctl of the UAPI, with few values for each
// argument, but one at least for every path through the kernel's code.

#include "lang/compiler.h"

namespace knotcheck::lang {
namespace {

using Add = std::function<void(const char*, Op, const std::string&)>;

// An argument by its register, and how many bytes the objects have that targets pass there.
struct Pointer {
  int16_t arg = 0;
  model::Shape shape = model::Shape::kPath;
  uint32_t bytes = 1;
};

// The pointer arguments of trapped calls.
std::vector<Pointer> PointersOf(const Program& program) {
  std::map<int16_t, Pointer> pointers;
  for (const TaskInfo& info : program.tasks) {
    for (const auto* ops : {&info.ops, &info.handler}) {
      for (const Op& op : *ops) {
        const bool trapped = op.code == OpCode::kSyscall && info.filtered &&
                             program.trapped[static_cast<size_t>(op.nr)];
        if (!trapped) continue;
        for (const model::Role& role : SyscallOf(op.nr).roles) {
          if (role.parent >= 0) continue;
          Pointer& pointer = pointers[role.arg];
          pointer.arg = role.arg;
          pointer.shape = role.shape;
          const int object = program.values[op.pointers[role.arg]].object;
          if (object < 0) continue;
          const uint32_t bytes = program.objects[static_cast<size_t>(object)].bytes;
          pointer.bytes = std::max(pointer.bytes, bytes);
        }
      }
    }
  }
  std::vector<Pointer> all;
  for (const auto& [arg, pointer] : pointers) all.push_back(pointer);
  return all;
}

std::string DescriptorText(const model::Verb& verb, const model::Descriptor& d) {
  return absl::StrCat(d.arg, ": ", verb.kinds[static_cast<size_t>(d.kind)].word, " ", d.max_bytes);
}

}  // namespace

// An ioctl of the proposal: each pointer with each kind, cut, exactly fitting and ample; two
// descriptors; its fields as the signature says; and what is refused.
void Compiler::FreeVerb(const model::Verb& verb, uint8_t number, const Add& each,
                        const Add& nobody) const {
  Op plain;
  plain.code = OpCode::kVerb;
  plain.verb = number;
  SetInitialFields(verb, &plain);
  const auto ask = [&verb](const Add& add, Op op, const std::vector<model::Descriptor>& descriptors,
                           uint16_t options) {
    op.descriptors = descriptors;
    op.options = options;
    std::string text;
    for (const model::Descriptor& d : descriptors) {
      absl::StrAppend(&text, ", ", DescriptorText(verb, d));
    }
    if (options & model::kBufFaults) text += ", fault";
    if (options & model::kBufNull) text += ", null";
    for (size_t f = 0; f < verb.fields.size(); ++f) {
      const model::VerbField& field = verb.fields[f];
      if (op.fields[f] == field.initial) continue;
      absl::StrAppend(&text, ", ", field.word);
      if (*field.unit != '\0') absl::StrAppend(&text, " ", op.fields[f]);
    }
    add(verb.name, std::move(op), text);
  };
  const auto others = [&](const std::vector<model::Descriptor>& descriptors) {
    for (size_t f = 0; f < verb.fields.size(); ++f) {
      for (const uint32_t value : verb.fields[f].others) {
        Op op = plain;
        op.fields[f] = value;
        ask(each, op, descriptors, 0);
      }
    }
  };
  if (verb.kinds.empty()) {
    ask(each, plain, {}, model::kBufFaults);
    others({});
    ask(nobody, plain, {}, 0);
    ask(nobody, plain, {}, model::kBufNull);
    return;
  }
  const auto about = [&](const Add& add, const std::vector<model::Descriptor>& descriptors,
                         uint16_t options) { ask(add, plain, descriptors, options); };
  std::vector<Pointer> pointers = PointersOf(program_);
  const auto describe = [&verb](const Pointer& pointer, size_t kind, uint32_t bytes) {
    model::Descriptor d;
    d.arg = pointer.arg;
    d.kind = static_cast<int16_t>(kind);
    d.reads = verb.kinds[kind].reads;
    d.max_bytes = bytes;
    return d;
  };
  const auto strings = [](const model::ArgumentKind& kind) {
    return kind.reads == model::Reads::kStrings;
  };
  const bool tables = std::any_of(verb.kinds.begin(), verb.kinds.end(), strings);
  for (const Pointer& pointer : pointers) {
    std::set<uint32_t> sizes = {2, pointer.bytes, 4096};
    if (pointer.bytes > 8) sizes.insert(8);
    for (size_t kind = 0; kind < verb.kinds.size(); ++kind) {
      for (const uint32_t bytes : sizes) {
        about(each, {describe(pointer, kind, bytes)}, model::kBufFaults);
      }
      if (tables && pointer.shape == model::Shape::kStrings) {
        model::Descriptor one = describe(pointer, kind, 4096);
        one.max_entries = 1;
        about(each, {one}, model::kBufFaults);
      }
    }
    // The same argument twice, alike and not.
    for (size_t kind = 0; kind < 2 && kind < verb.kinds.size(); ++kind) {
      about(each, {describe(pointer, 0, 4096), describe(pointer, kind, 4096)}, 0);
    }
  }
  // A register that holds no address, as all do of a call without pointers: it is taken for NULL.
  Pointer none;
  while (std::any_of(pointers.begin(), pointers.end(),
                     [&none](const Pointer& p) { return p.arg == none.arg; })) {
    ++none.arg;
  }
  const bool register_left = none.arg < 6;
  if (register_left) about(each, {describe(none, 0, 8)}, model::kBufFaults);
  // Two arguments, each in every way that can fetch it.
  for (size_t i = 0; i < pointers.size(); ++i) {
    for (size_t j = i + 1; j < pointers.size(); ++j) {
      for (size_t kind = 0; kind < verb.kinds.size() * verb.kinds.size(); ++kind) {
        about(each,
              {describe(pointers[i], kind / verb.kinds.size(), 4096),
               describe(pointers[j], kind % verb.kinds.size(), 4096)},
              0);
      }
    }
    if (register_left) about(each, {describe(pointers[i], 0, 4096), describe(none, 0, 8)}, 0);
  }
  if (pointers.empty()) pointers.push_back(none);
  const Pointer& first = pointers[0];
  others({describe(first, 0, 4096)});
  about(nobody, {describe(first, 0, 4096)}, 0);
  about(nobody, {describe(first, 0, 0)}, 0);
  about(nobody, {describe(first, 0, 4096)}, model::kBufNull);
  about(nobody, {describe(first, 0, 4096), describe({.arg = 6}, 0, 8)}, 0);
}

// Whether a task makes a trapped call whose memory can be looked at.
bool Compiler::HasPointers(const TaskInfo& info) const {
  for (const auto* ops : {&info.ops, &info.handler}) {
    for (const Op& op : *ops) {
      if (op.code != OpCode::kSyscall || !info.filtered) continue;
      if (!program_.trapped[static_cast<size_t>(op.nr)]) continue;
      for (const model::Role& role : SyscallOf(op.nr).roles) {
        if (role.parent < 0 && program_.values[op.pointers[role.arg]].object >= 0) return true;
      }
    }
  }
  return false;
}

absl::Status Compiler::Anything(const Supervisor& supervisor, std::vector<Op>* ops) {
  std::vector<std::string> known = {"recv", "send",      "id_valid", "addfd",
                                    "read", "set_flags", "close"};
  for (const model::Verb& verb : proposal_.verbs) known.emplace_back(verb.name);
  std::set<std::string> but;
  for (const Atom& atom : supervisor.but) {
    bool other = false;
    for (const model::Proposal* proposal : model::AllProposals()) {
      for (const model::Verb& verb : proposal->verbs) other |= atom.text == verb.name;
    }
    if (!other && std::find(known.begin(), known.end(), atom.text) == known.end()) {
      return Unknown(atom.where, "an ioctl", atom.text, known);
    }
    but.insert(atom.text);
  }
  const auto tasks = std::count_if(program_.tasks.begin(), program_.tasks.end(),
                                   [](const TaskInfo& info) { return info.filtered; });

  Op choose;
  choose.code = OpCode::kChoose;
  choose.free = true;
  ops->push_back(choose);
  const auto push = [&](const char* name, Op op, const std::string& text) {
    if (but.count(name) != 0) return;
    op.free = true;
    op.joins = true;
    op.text = absl::StrCat(name, "(", text, ")");
    op.line = supervisor.where.line;
    (*ops)[0].alternatives.push_back(static_cast<uint8_t>(ops->size()));
    ops->push_back(op);
  };
  // For every notification that is listed, the oldest first.
  const Add each = [&](const char* name, Op op, const std::string& text) {
    for (uint8_t n = 1; n <= tasks; ++n) {
      op.listed = n;
      push(name, op, absl::StrCat("#", n, text));
    }
  };
  // For one that nobody has. What is refused before the kernel looks for it is tried with this one.
  const Add nobody = [&](const char* name, const Op& op, const std::string& text) {
    push(name, op, absl::StrCat("nobody's", text));
  };
  const auto make = [](OpCode code, uint16_t flags = 0, uint16_t options = 0, int error = 0,
                       int val = 0) {
    Op op;
    op.code = code;
    op.flags = flags;
    op.options = options;
    op.error = static_cast<int16_t>(error);
    op.val = static_cast<int16_t>(val);
    return op;
  };

  push("recv", make(OpCode::kRecv, 0, model::kBufFaults), "fault");
  push("recv", make(OpCode::kRecv, 0, model::kBufNull), "null");
  push("recv", make(OpCode::kRecv, 0, model::kBufNotZeroed), "garbage");

  const OpCode send = OpCode::kSend;
  each("send", make(send, 0, 0, 0, 3), ", value 3");
  each("send", make(send, 0, 0, -model::kEACCES), ", error EACCES");
  // Without a signal it is a number like others.
  if (!program_.senders.empty()) {
    each("send", make(send, 0, 0, -model::kERESTARTSYS), ", error ERESTARTSYS");
    each("send", make(send, 0, 0, -model::kERESTARTNOINTR), ", error ERESTARTNOINTR");
  }
  each("send", make(send, 1), ", continue");
  nobody("send", make(send), ", value 0");
  nobody("send", make(send, 1, 0, 0, 3), ", continue value 3");
  nobody("send", make(send, 0x4000), ", bad_flags");
  nobody("send", make(send, 0, model::kBufNull), ", null");
  for (const auto& [name, flag, constant] : proposal_.send_flags) {
    each("send", make(send, flag), absl::StrCat(", ", name));
    each("send", make(send, flag | 1), absl::StrCat(", continue ", name));
  }

  // Not an ioctl, but how a supervisor comes to know anything: process_vm_readv(2).
  const bool readable = std::any_of(program_.tasks.begin(), program_.tasks.end(),
                                    [this](const TaskInfo& info) { return HasPointers(info); });
  if (readable) each("read", make(OpCode::kReadArgs), "");

  each("id_valid", make(OpCode::kIdValid), "");
  nobody("id_valid", make(OpCode::kIdValid), "");
  nobody("id_valid", make(OpCode::kIdValid, 0, model::kBufNull), ", null");

  const OpCode addfd = OpCode::kAddfd;
  each("addfd", make(addfd), "");
  each("addfd", make(addfd, 0, model::kAddfdSetfd, 0, 6), ", setfd 6");
  each("addfd", make(addfd, 0, model::kAddfdSend), ", send");
  each("addfd", make(addfd, 0, model::kAddfdSend | model::kAddfdSetfd, 0, 6), ", setfd 6 send");
  nobody("addfd", make(addfd), "");
  nobody("addfd", make(addfd, 0, 0, 0, 7), ", newfd 7");
  nobody("addfd", make(addfd, 0, model::kBadFlags), ", bad_flags");
  nobody("addfd", make(addfd, 0, model::kBadSrcfd), ", bad_fd");
  nobody("addfd", make(addfd, 0, model::kBufNull), ", null");

  for (const uint16_t flags : {0, 1, 2}) {
    push("set_flags", make(OpCode::kSetFlags, flags), absl::StrCat(flags));
  }
  for (size_t v = 0; v < proposal_.verbs.size(); ++v) {
    const model::Verb& verb = proposal_.verbs[v];
    FreeVerb(verb, static_cast<uint8_t>(v), each, nobody);
  }
  if (but.count("close") == 0) {
    push("close", make(OpCode::kClose), "listener");
    program_.closes = true;
  }
  if (ops->size() > model::kMaxFreeOps) {
    return Error(supervisor.where, absl::StrCat("found ", ops->size(),
                                                " things that the supervisor can do, expected ",
                                                "at most ", model::kMaxFreeOps,
                                                ": use fewer targets, or 'anything ", "but ...'"));
  }
  if (ops->size() == 1) {
    return Error(supervisor.where, "found nothing that the supervisor can do, expected something");
  }
  return absl::OkStatus();
}

absl::Status Compiler::FreeSupervisors() {
  for (const Declaration& declaration : scenario_.declarations) {
    const auto* supervisor = std::get_if<Supervisor>(&declaration);
    if (supervisor == nullptr || !supervisor->anything) continue;
    for (int i = 0; i < supervisor->threads; ++i) {
      const std::string name =
          supervisor->threads == 1 ? supervisor->name : absl::StrCat(supervisor->name, i + 1);
      std::vector<Op> ops;
      if (auto status = Anything(*supervisor, &ops); !status.ok()) return status;
      program_.tasks[static_cast<size_t>(tasks_[name])].ops = std::move(ops);
    }
  }
  return absl::OkStatus();
}

}  // namespace knotcheck::lang
