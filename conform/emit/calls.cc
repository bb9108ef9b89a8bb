// SPDX-License-Identifier: Apache-2.0

#include <algorithm>
#include <cstdlib>
#include <map>
#include <optional>
#include <set>

#include "absl/strings/match.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "conform/emit/emitter.h"
#include "model/errno.h"

namespace knotcheck::conform {
namespace {

using model::Nr;
using model::Op;
using model::OpCode;
using model::TaskInfo;
using model::TaskKind;

// The registers of a call that are addresses.
std::set<size_t> PointersOf(const std::string& call) {
  std::set<size_t> registers;
  for (size_t nr = 0; nr < model::kCalls; ++nr) {
    const model::Syscall& known = model::SyscallOf(static_cast<Nr>(nr));
    if (call != known.name) continue;
    for (const model::Role& role : known.roles) {
      if (role.parent < 0) registers.insert(role.arg);
    }
  }
  return registers;
}

}  // namespace

std::string Emitter::InWords(int t, int call) const {
  const auto at = plan_.ops.find({t, call});
  if (at == plan_.ops.end()) return "?";
  const Words& w = at->second;
  static const std::map<std::string, std::string> ioctls = {
      {"recv", "NOTIF_RECV"}, {"id_valid", "NOTIF_ID_VALID"}, {"set_flags", "NOTIF_SET_FLAGS"}};
  if (const auto known = ioctls.find(w[0]); known != ioctls.end()) {
    return absl::StrCat("ioctl(", known->second, ")");
  }
  const Op& op = program_.tasks[static_cast<size_t>(t)].ops[static_cast<size_t>(call)];
  if (const model::Verb* verb = VerbOf(t, call); verb != nullptr) {
    const std::string name = verb->ioctl;
    return absl::StrCat("ioctl(", absl::StripPrefix(name, "SECCOMP_IOCTL_"), ")");
  }
  if (w[0] == "send") {
    if (op.flags != 0) {
      return absl::StrCat("ioctl(NOTIF_SEND, ", SendFlagsInWords(proposal(), op.flags), ")");
    }
    return op.error != 0
               ? absl::StrCat("ioctl(NOTIF_SEND, error ", model::ErrnoName(std::abs(op.error)), ")")
               : absl::StrCat("ioctl(NOTIF_SEND, value ", op.val, ")");
  }
  if (w[0] == "addfd")
    return absl::StrCat("ioctl(NOTIF_ADDFD", w[2] == "-" ? "" : ", " + w[2], ")");
  if (w[0] == "read") return "process_vm_readv() of the arguments";
  if (w[0] == "close") return "close(listener)";
  if (w[0] == "poll") return "poll(listener)";
  if (w[0] == "call" && w[1] == "exit") return "exit()";
  return op.text.empty() ? absl::StrJoin(w, " ") : op.text;
}

const model::Verb* Emitter::VerbOf(int t, int call) const {
  const Op& op = program_.tasks[static_cast<size_t>(t)].ops[static_cast<size_t>(call)];
  return op.code == OpCode::kVerb ? &proposal().verbs[op.verb] : nullptr;
}

std::string Emitter::Req(int t, const std::string& variable) const {
  bool second = false;
  for (const Op& op : program_.tasks[static_cast<size_t>(t)].ops) second |= op.variable > 0;
  const std::string name = second ? absl::StrCat("req[", variable, "]") : "req";
  return Out(t) ? "out->" + name : name;
}

std::string Emitter::Store(int word, const std::string& value) const {
  const int object = Number(plan_.words[static_cast<size_t>(word)][2]);
  const Words& o = plan_.objects[static_cast<size_t>(object)];
  const int at = word - program_.objects[static_cast<size_t>(object)].first_word;
  const std::string name = Object(absl::StrCat("&", object));
  if (o[3] == "pointers") {
    const std::string pointer = value[0] == '&'       ? Object(value)
                                : value == "dangling" ? "mem.dangling"
                                                      : "NULL";
    return absl::StrCat(name, "[", at, "] = ", pointer);
  }
  std::string bytes = Bytes(object, value, 8 * at);
  const size_t size = bytes.size();
  // The literal has a NUL of its own.
  if (!bytes.empty() && bytes.back() == '\0') bytes.pop_back();
  const std::string to = at == 0 ? name : absl::StrCat(name, " + ", 8 * at);
  return absl::StrCat("memcpy(", to, ", ", Literal(bytes), ", ", size, ")");
}

absl::StatusOr<std::string> Emitter::Call(const Words& w) const {
  const std::string& name = w[1];
  const Words args(w.begin() + 2, w.end());
  if (name == "exit") return std::string("syscall(__NR_exit, 0)");
  if (name == "umask") return std::string("syscall(__NR_umask, 0)");
  const std::set<size_t> pointers = PointersOf(name);
  const auto fd = [](const std::string& number) -> std::string {
    if (number == "-100") return "AT_FDCWD";
    return number == "3"   ? "SOCK_FD"
           : number == "4" ? "FILE_FD"
           : number == "5" ? "COMM_FD"
                           : number;
  };
  Words c;
  bool raw = false;
  for (size_t i = 0; i < args.size(); ++i) {
    if (args[i][0] == '&') {
      c.push_back(Object(args[i]));
    } else if (args[i] == "dangling") {
      c.emplace_back("mem.dangling");
    } else if (pointers.count(i) > 0) {
      c.emplace_back("NULL");
      raw = true;
    } else if (i == 0 || name == "dup2") {
      c.push_back(fd(args[i]));
    } else {
      c.push_back(args[i]);
    }
  }
  if (name == "openat" && c.size() > 2) {
    const int flags = Number(c[2]);
    c[2] = flags == 0 ? "O_RDONLY" : absl::StrCat("0x", absl::Hex(flags));
    if (c.size() == 3 && (flags & 0100)) c.emplace_back("0600");
  }
  if (raw) return absl::StrCat("syscall(__NR_", name, ", ", absl::StrJoin(c, ", "), ")");
  if (name == "bind") c[1] = absl::StrCat("(struct sockaddr *)(", c[1], ")");
  return absl::StrCat(name, "(", absl::StrJoin(c, ", "), ")");
}

std::string Emitter::Ioctl(int t, const Begun& begun, const Words& w) const {
  const Op& op = program_.tasks[static_cast<size_t>(t)].ops[begun.order->call];
  const std::string id = Id(t);
  const bool null = (op.options & model::kBufNull) != 0;
  const std::string out = Out(t) ? "out->" : "";
  std::string text;
  const auto add = [&text](const std::string& statement) { text += Line(1, statement); };
  const auto notif = [&](const std::string& name, const std::string& argument) {
    add(absl::StrCat("DO(", id, ", ioctl(listener, SECCOMP_IOCTL_NOTIF_", name, ", ",
                     null ? "NULL" : argument, "));"));
  };
  // Just before the ioctl that writes there.
  const auto guard = [&] {
    if (begun.order->park) {
      add(absl::StrCat("park_at(", id, ", out, sizeof(*out));"));
    } else if (begun.order->fault) {
      add("mprotect(out, sizeof(*out), PROT_READ);");
    }
  };
  const auto unguard = [&] {
    if (begun.order->fault && !begun.order->park) {
      add("mprotect(out, sizeof(*out), PROT_READ | PROT_WRITE);");
    }
  };
  if (w[0] == "recv") {
    const std::string req = Req(t, w[1]);
    // One that fails leaves the script's variable as it is.
    const bool keeps = begun.token == nullptr || begun.token->ret != 0;
    if (keeps) add(absl::StrCat("last = ", req, ";"));
    add(absl::StrCat("memset(&", req, ", ", op.options & model::kBufNotZeroed ? "0xff" : "0",
                     ", sizeof(", req, "));"));
    guard();
    notif("RECV", "&" + req);
    unguard();
    if (keeps) add(absl::StrCat(req, " = last;"));
  } else if (w[0] == "send") {
    const std::string flags = SendFlagsInC(proposal(), op.flags);
    const std::string error = model::ErrnoName(std::abs(op.error));
    add("resp = (struct seccomp_notif_resp){");
    text += Line(2, absl::StrCat(".id = ", Req(t, w[1]), ".id,"));
    if (op.val != 0) text += Line(2, absl::StrCat(".val = ", op.val, ","));
    if (op.error != 0) {
      text += Line(
          2, absl::StrCat(".error = -",
                          absl::StrContains(error, ' ') ? absl::StrCat(std::abs(op.error)) : error,
                          ","));
    }
    if (op.flags != 0) text += Line(2, absl::StrCat(".flags = ", flags, ","));
    add("};");
    notif("SEND", "&resp");
  } else if (w[0] == "id_valid") {
    notif("ID_VALID", absl::StrCat("&", Req(t, w[1]), ".id"));
  } else if (w[0] == "addfd") {
    Words flags;
    if (op.options & model::kAddfdSetfd) flags.emplace_back("SECCOMP_ADDFD_FLAG_SETFD");
    if (op.options & model::kAddfdSend) flags.emplace_back("SECCOMP_ADDFD_FLAG_SEND");
    if (op.options & model::kBadFlags) flags.emplace_back("0x80");
    add("addfd = (struct seccomp_notif_addfd){");
    text += Line(2, absl::StrCat(".id = ", Req(t, w[1]), ".id,"));
    if (!flags.empty())
      text += Line(2, absl::StrCat(".flags = ", absl::StrJoin(flags, " | "), ","));
    text += Line(2, op.options & model::kBadSrcfd ? ".srcfd = 999," : ".srcfd = given,");
    if (op.val != 0) text += Line(2, absl::StrCat(".newfd = ", op.val, ","));
    add("};");
    notif("ADDFD", "&addfd");
  } else if (w[0] == "set_flags") {
    notif("SET_FLAGS", w[1]);
  } else if (w[0] == "poll") {
    add(absl::StrCat("DO(", id, ", poll_listener(",
                     op.options & model::kPollIn ? "POLLIN" : "POLLIN | POLLOUT", ", ",
                     op.options & model::kNonBlocking ? "0" : "-1", "));"));
  } else if (const model::Verb* verb = VerbOf(t, begun.order->call); verb != nullptr && null) {
    add(absl::StrCat("DO(", id, ", ioctl(listener, ", verb->ioctl, ", NULL));"));
  } else if (verb != nullptr) {
    text += Request(t, begun, w);
    guard();
    const auto& makes = EmitterOf(proposal())->makes;
    const auto maker = makes.find(verb->name);
    add(maker == makes.end()
            ? absl::StrCat("DO(", id, ", ioctl(listener, ", verb->ioctl, ", &", out, verb->name,
                           "));")
            : absl::StrCat("DO(", id, ", ", maker->second, "(", id, ", &", out, verb->name, "));"));
    unguard();
  } else if (w[0] == "read") {
    Words looks;
    for (size_t i = 2; i < w.size(); ++i) {
      const Words r = absl::StrSplit(w[i], ':');
      const std::string shape = r[1] == "strings"  ? "strings"
                                : r[1] == "string" ? "string"
                                                   : "bytes";
      looks.push_back(absl::StrCat("see_", shape, "(", id, ", &", Req(t, w[1]), ", ", r[0],
                                   shape == "strings" ? "" : ", " + r[2], ")"));
    }
    add(absl::StrCat("DO(", id, ", ", looks.empty() ? "0" : absl::StrJoin(looks, " ?: "), ");"));
  }
  return text;
}

// Fills the structure of a verb's request, as its signature says.
std::string Emitter::Request(int t, const Begun& begun, const Words& w) const {
  const model::Verb& verb = *VerbOf(t, begun.order->call);
  const Op& op = program_.tasks[static_cast<size_t>(t)].ops[begun.order->call];
  const std::string out = Out(t) ? "out->" : "";
  const size_t options = 2 + verb.fields.size();  // the word behind the fields
  std::string text = Line(1, absl::StrCat(out, verb.name, " = (struct ", verb.structure, "){"));
  text += Line(2, absl::StrCat(".id = ", Req(t, w[1]), ".id,"));
  if (!verb.kinds.empty()) {
    text += Line(2, absl::StrCat(".", verb.members.count, " = ", w.size() - options - 1, ","));
  }
  for (size_t f = 0; f < verb.fields.size(); ++f) {
    const model::VerbField& field = verb.fields[f];
    text += Line(2, absl::StrCat(".", field.member, " = ", op.fields[f], ","));
    if (*field.buffer == '\0') continue;
    if (op.options & model::kBuffersNull) continue;
    text += Line(2, absl::StrCat(".", field.buffer, " = (uintptr_t)", out, verb.name, "_",
                                 field.buffer, ","));
  }
  if (!verb.kinds.empty()) {
    text += Line(2, absl::StrCat(".", verb.members.array, " = {"));
    for (size_t i = options + 1; i < w.size(); ++i) {
      const Words d = absl::StrSplit(w[i], ':');
      const auto kind = static_cast<size_t>(Number(d[1]));
      text += "\t\t\t{\n";
      text += Line(4, absl::StrCat(".", verb.members.arg, " = ", d[0], ","));
      text += Line(4, absl::StrCat(".", verb.members.kind, " = ", verb.kinds[kind].constant, ","));
      text += Line(4, absl::StrCat(".", verb.members.bytes, " = ", d[2], ","));
      if (d[3] != "0") text += Line(4, absl::StrCat(".", verb.members.entries, " = ", d[3], ","));
      text += "\t\t\t},\n";
    }
    text += Line(2, "},");
  }
  return text + Line(1, "};");
}

absl::StatusOr<std::string> Emitter::Operation(int t, const Begun& begun) const {
  const auto at = plan_.ops.find({t, begun.order->call});
  if (at == plan_.ops.end()) return absl::InternalError("an order names no operation");
  const Words& w = at->second;
  if (w[0] == "store") {
    return Line(1, absl::StrCat("DO(", Id(t), ", (", Store(Number(w[1]), w[2]), ", 0));"));
  }
  if (w[0] == "kill") {
    return Line(1, absl::StrCat("DO(", Id(t), ", kill(shared->actor[", Id(Number(w[1])),
                                "].tid, SIGKILL));"));
  }
  if (w[0] == "close") return Line(1, absl::StrCat("DO(", Id(t), ", close(listener));"));
  if (w[0] != "call") {
    std::string text = Ioctl(t, begun, w);
    if (text.empty()) return No(absl::StrCat("a C program has no operation ", w[0]));
    return text;
  }
  absl::StatusOr<std::string> call = Call(w);
  if (!call.ok()) return call.status();
  std::string text;
  const bool again = begun.order != begun_[static_cast<size_t>(t)].front().order;
  if (again && w.size() > 2 && w[2] == "4" && (w[1] == "write" || w[1] == "read")) {
    text += "\tlseek(FILE_FD, 0, SEEK_SET);\n";
  }
  return text + Line(1, absl::StrCat("DO(", Id(t), ", ", *call, ");"));
}

// The variables of a supervisor.
std::string Emitter::Locals(int t) const {
  if (program_.tasks[static_cast<size_t>(t)].kind != TaskKind::kSupervisor) return "";
  std::set<std::string> used;
  bool asks = false;
  std::map<std::string, std::string> requests;  // of verbs: the declarations, each once
  for (const Begun& begun : begun_[static_cast<size_t>(t)]) {
    const Words& w = plan_.ops.at({t, begun.order->call});
    used.insert(w[0]);
    const bool received = begun.token != nullptr && begun.token->ret == 0;
    if (w[0] == "recv" && !received) used.insert("last");
    const model::Verb* verb = VerbOf(t, begun.order->call);
    if (verb == nullptr) continue;
    asks = true;
    const uint16_t options = program_.tasks[static_cast<size_t>(t)].ops[begun.order->call].options;
    if (options & model::kBufNull) continue;
    requests[verb->name] = absl::StrCat("struct ", verb->structure, " ", verb->name, ";\n");
    for (size_t f = 0; f < verb->fields.size(); ++f) {
      if (*verb->fields[f].buffer == '\0' || (options & model::kBuffersNull)) continue;
      const std::string name = absl::StrCat(verb->name, "_", verb->fields[f].buffer);
      std::string& declared = requests[name];
      // The largest that any of its requests has.
      const auto bytes = std::max<int>(Number(w[2 + f]), 1);
      const size_t at = declared.find('[');
      if (at != std::string::npos && std::atoi(declared.c_str() + at + 1) >= bytes) continue;
      declared = absl::StrCat("char ", name, "[", bytes, "];\n");
    }
  }
  const bool second = absl::EndsWith(Req(t, "1"), "]");
  std::string text;
  if (Out(t)) {
    text = absl::StrCat("\tstruct out {\n\t\tstruct seccomp_notif req", second ? "[2]" : "", ";\n");
    for (const auto& [name, declaration] : requests) absl::StrAppend(&text, "\t\t", declaration);
    text += "\t} __attribute__((aligned(4096))) *out = out_pages(sizeof(*out));\n";
  } else {
    const bool names = asks || used.count("recv") || used.count("send") || used.count("id_valid") ||
                       used.count("addfd") || used.count("read");
    if (names)
      absl::StrAppend(&text, "\tstruct seccomp_notif req", second ? "[2]" : "", " = {};\n");
    for (const auto& [name, declaration] : requests) {
      absl::StrAppend(&text, "\tstatic ", declaration);
    }
  }
  if (used.count("last")) text += "\tstruct seccomp_notif last;\n";
  if (used.count("send")) text += "\tstruct seccomp_notif_resp resp;\n";
  if (used.count("addfd")) text += "\tstruct seccomp_notif_addfd addfd;\n";
  return text;
}

absl::StatusOr<std::string> Emitter::Script(int t) const {
  const TaskInfo& task = program_.tasks[static_cast<size_t>(t)];
  std::string text = absl::StrCat("\nstatic void ", Run(t), "(void)\n{\n");
  const std::string locals = Locals(t);
  text += locals;
  if (!locals.empty()) text += "\n";
  if (const auto handler = plan_.handlers.find(t); handler != plan_.handlers.end()) {
    if (handler->second != "ignored") {
      absl::StrAppend(&text, "\thandle(", handler->second == "restarts" ? "SA_RESTART" : "0",
                      ");\n");
    }
  }
  // A variable that was never received stands for the id before the first.
  std::set<int> before;
  for (const Op& op : task.ops) {
    if (op.code == OpCode::kAfter) before.insert(op.word);
  }
  if (locals.empty()) before.clear();
  for (const int variable : before) {
    text += Line(1, absl::StrCat(Req(t, absl::StrCat(variable)), ".id = shared->refused;"));
  }
  int last = -1;
  for (const Begun& begun : begun_[static_cast<size_t>(t)]) {
    // Silent ones on the way.
    for (int i = last + 1; i < begun.order->call; ++i) {
      const Op& op = task.ops[static_cast<size_t>(i)];
      if (op.code != OpCode::kAfter) continue;
      text += Line(1, absl::StrCat(Req(t, absl::StrCat(static_cast<int>(op.variable))), ".id = ",
                                   Req(t, absl::StrCat(static_cast<int>(op.word))), ".id + 1;"));
    }
    last = begun.order->call;
    absl::StatusOr<std::string> operation = Operation(t, begun);
    if (!operation.ok()) return operation.status();
    text += *operation;
  }
  return text + "}\n";
}

absl::StatusOr<std::string> Emitter::Scripts() const {
  std::string text;
  for (int t = 0; t < tasks(); ++t) {
    if (!Takes(t)) continue;
    absl::StatusOr<std::string> script = Script(t);
    if (!script.ok()) return script.status();
    text += *script;
  }
  return text;
}

std::string Emitter::Details(int t, const Begun& begun) const {
  if (begun.token == nullptr) return "";
  const Words& w = plan_.ops.at({t, begun.order->call});
  const std::string id = Id(t);
  std::string text;
  const auto& details = begun.token->details;
  for (const auto& [key, value] : details) {
    if (key[0] != 'r') continue;
    const bool address = key == "r1" && program_.trapped[static_cast<size_t>(Nr::kBind)];
    // As functions of rooms, which leave out zeros at the end of what has no end of its own.
    std::string bytes = value;
    if (VerbOf(t, begun.order->call) != nullptr) {
      while (bytes.size() > 2 && absl::EndsWith(bytes, "00") && bytes.size() % 2 == 0 &&
             !absl::StrContains(bytes, ',')) {
        bytes.resize(bytes.size() - 2);
      }
    }
    std::optional<std::string> expected = Expected(bytes, address);
    const auto cut = details.find("c" + key.substr(1));
    if (expected && cut != details.end() && cut->second != "0") *expected += " (cut)";
    if (expected) {
      text +=
          Line(1, absl::StrCat("seen(", id, ", ", key.substr(1), ", ", Literal(*expected), ");"));
    }
  }
  const auto used = details.find("used");
  if (w[0] != "call" || used == details.end()) return text;
  const std::optional<std::string> expected = Expected(used->second, w[1] == "bind");
  if (!expected) return text;
  const std::string quoted = Literal(*expected);
  if (w[1] == "openat") text += Line(1, absl::StrCat("opened(", id, ", ", quoted, ");"));
  if (w[1] == "bind") {
    text +=
        Line(1, absl::StrCat("bound(", id, ", ", Id(Leader(t)), ", ", w[2], ", ", quoted, ");"));
  }
  if (w[1] == "write") {
    text +=
        Line(1, absl::StrCat("wrote(", id, ", ", Id(Leader(t)), ", ", w[2], ", ", quoted, ");"));
  }
  if (w[1] == "execve") {
    const auto argv = details.find("argv");
    const auto strings = argv == details.end() ? std::nullopt : Expected(argv->second, false);
    text += Line(1, absl::StrCat("executed(", id, ", ", quoted, ", ",
                                 strings ? Literal(*strings) : "NULL", ");"));
  }
  return text;
}

}  // namespace knotcheck::conform
