// SPDX-License-Identifier: Apache-2.0
//
// What the scripts of supervisors do.

#include <cstdlib>

#include "lang/compiler.h"

namespace knotcheck::lang {

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
        if (std::abs(error) >= model::kERESTARTSYS) {
          return Error(value.where,
                       absl::StrCat("found error ", AtomText(value), ", expected one below ",
                                    model::kERESTARTSYS,
                                    ": the model has codes of its own there, for restarts"));
        }
        op->error = static_cast<int16_t>(-error);
      } else if (atom.text == "value" && more && arg.atoms[a + 1].kind == Atom::Kind::kNumber) {
        const int64_t value = arg.atoms[++a].number;
        if (value < 0 || value > 127) return Error(arg.where, "expected a value from 0 to 127");
        op->val = static_cast<int16_t>(value);
      } else {
        const auto flag = std::find_if(proposal_.send_flags.begin(), proposal_.send_flags.end(),
                                       [&atom](const auto& f) { return f.word == atom.text; });
        if (flag != proposal_.send_flags.end()) {
          op->flags |= flag->bit;
          continue;
        }
        for (const model::Proposal* other : model::AllProposals()) {
          for (const auto& f : other->send_flags) {
            if (f.word == atom.text) return NotUnder(atom.where, "'" + atom.text + "'");
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

namespace {

// What may stand beside the descriptors of a verb's request.
std::vector<std::string> WordsOf(const model::Verb& verb) {
  std::vector<std::string> words = {"fault", "null"};
  for (const model::VerbField& field : verb.fields) {
    words.push_back(*field.unit == '\0' ? field.word
                                        : absl::StrCat(field.word, " ", field.unit,
                                                       *field.buffer == '\0' ? "" : " [null]"));
  }
  return words;
}

// "WORD NUMBER" or "WORD", as the field wants it; "WORD NUMBER null" where it sizes a buffer.
bool SetField(const model::VerbField& field, const Arg& arg, uint32_t* number, uint16_t* options) {
  if (arg.atoms[0].text != field.word) return false;
  if (*field.unit == '\0') {
    *number = 1;
    return arg.atoms.size() == 1;
  }
  const bool null = *field.buffer != '\0' && arg.atoms.size() == 3 && arg.atoms[2].text == "null";
  if (arg.atoms.size() != (null ? 3 : 2) || arg.atoms[1].kind != Atom::Kind::kNumber ||
      arg.atoms[1].number < 0) {
    return false;
  }
  if (null) *options |= model::kBuffersNull;
  *number = static_cast<uint32_t>(std::min<int64_t>(arg.atoms[1].number, field.most));
  return true;
}

}  // namespace

// "INDEX: KIND BYTES [entries NUMBER]".
absl::Status Compiler::VerbDescriptor(const Arg& arg, const model::Verb& verb,
                                      model::Descriptor* descriptor) {
  if (*arg.index < 0 || *arg.index > 7) {
    return Error(arg.where, absl::StrCat("found argument ", *arg.index, ", expected 0 to 5"));
  }
  descriptor->arg = static_cast<int16_t>(*arg.index);
  std::vector<std::string> known;
  for (const model::ArgumentKind& kind : verb.kinds) known.emplace_back(kind.word);
  const auto kind = std::find(known.begin(), known.end(), arg.atoms[0].text);
  if (kind == known.end()) {
    return Unknown(arg.atoms[0].where, "a kind", AtomText(arg.atoms[0]), known);
  }
  descriptor->kind = static_cast<int16_t>(kind - known.begin());
  descriptor->reads = verb.kinds[static_cast<size_t>(descriptor->kind)].reads;
  const auto strings = [](const model::ArgumentKind& one) {
    return one.reads == model::Reads::kStrings;
  };
  const bool tables = std::any_of(verb.kinds.begin(), verb.kinds.end(), strings);
  for (size_t a = 1; a < arg.atoms.size(); ++a) {
    const Atom& atom = arg.atoms[a];
    if (atom.kind == Atom::Kind::kNumber && a == 1) {
      descriptor->max_bytes =
          static_cast<uint32_t>(std::clamp<int64_t>(atom.number, 0, int64_t{1} << 31));
    } else if (tables && atom.text == "entries" && a + 1 < arg.atoms.size()) {
      descriptor->max_entries =
          static_cast<uint32_t>(std::clamp<int64_t>(arg.atoms[++a].number, 0, 1 << 30));
    } else {
      return Error(atom.where,
                   absl::StrCat("found '", AtomText(atom), "', expected 'INDEX: KIND BYTES",
                                tables ? " [entries NUMBER]'" : "'"));
    }
  }
  return absl::OkStatus();
}

absl::Status Compiler::VerbArgs(const Call& call, const model::Verb& verb, Op* op) {
  SetInitialFields(verb, op);
  for (size_t i = 1; i < call.args.size(); ++i) {
    const Arg& arg = call.args[i];
    const char* const expected =
        verb.kinds.empty() ? "an option" : "'INDEX: KIND BYTES' or an option";
    if (arg.index && !verb.kinds.empty()) {
      model::Descriptor& descriptor = op->descriptors.emplace_back();
      if (auto status = VerbDescriptor(arg, verb, &descriptor); !status.ok()) return status;
      continue;
    }
    const std::string& word = arg.atoms[0].text;
    bool known = !arg.index && (word == "fault" || word == "null") && arg.atoms.size() == 1;
    if (known) op->options |= word == "fault" ? model::kBufFaults : model::kBufNull;
    for (size_t f = 0; f < verb.fields.size() && !known && !arg.index; ++f) {
      known = SetField(verb.fields[f], arg, &op->fields[f], &op->options);
    }
    if (!known) return Unknown(arg.where, expected, AtomText(arg.atoms[0]), WordsOf(verb));
  }
  if (op->descriptors.size() > model::kMaxDescriptors) {
    return Error(call.where, absl::StrCat("found more than ", model::kMaxDescriptors,
                                          " descriptors, expected at most ", model::kMaxDescriptors,
                                          " (the state holds no more; a kernel may take more)"));
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
    if (status.ok() && (call.variable.empty() || call.expected)) {
      return Error(call.where, "expected m = after(n), which returns nothing");
    }
    if (status.ok() && program_.traps_without_end) {
      return Error(call.where,
                   "found after(), expected no signals without end to targets beside it: where ids "
                   "are without end only their order counts");
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
    status = options(0, {{"nowait", model::kNonBlocking}, {"in", model::kPollIn}});
  } else if (call.function == "read") {
    op.code = OpCode::kReadArgs;
    status = variable();
  } else if (call.function == "close") {
    op.code = OpCode::kClose;
    program_.closes = true;
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
        if (std::string_view(other->name) != proposal_.name)
          return NotUnder(call.where, call.function + "()");
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

}  // namespace knotcheck::lang
