// SPDX-License-Identifier: Apache-2.0

#include "conform/emit/emit_c.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "conform/emit/emitter.h"
#include "conform/plan.h"

namespace knotcheck::conform {
namespace {

constexpr size_t kWidth = 80;

// A number of 16 hex digits as bytes in the order of memory; other words as they are.
std::string InMemory(const std::string& word) {
  const bool number = word.size() == 16 && std::all_of(word.begin(), word.end(), [](char c) {
                        return absl::ascii_isxdigit(static_cast<unsigned char>(c));
                      });
  if (!number) return word;
  std::string bytes = absl::HexStringToBytes(word);
  std::reverse(bytes.begin(), bytes.end());
  return absl::BytesToHexString(bytes);
}

Plan ReadPlan(const std::string& text) {
  Plan plan;
  for (const std::string& line : Words(absl::StrSplit(text, '\n', absl::SkipEmpty()))) {
    Words w = absl::StrSplit(line, ' ');
    const bool stores = w[0] == "op" && w[3] == "store";
    if (w[0] == "word" || stores) {
      for (size_t i = stores ? 5 : 3; i < w.size(); ++i) w[i] = InMemory(w[i]);
    }
    if (w[0] == "object") plan.objects.push_back(w);
    if (w[0] == "word") plan.words.push_back(w);
    if (w[0] == "file") plan.files.push_back(absl::HexStringToBytes(w[1]));
    if (w[0] == "trap") plan.traps.push_back(w[1]);
    if (w[0] == "task") plan.tasks.push_back(w);
    if (w[0] == "handler") plan.handlers[Number(w[1])] = w[2];
    if (w[0] == "nofile") plan.nofile[Number(w[1])] = Number(w[2]);
    if (w[0] == "op" && w[2][0] != 'h') {
      plan.ops[{Number(w[1]), Number(w[2])}] = Words(w.begin() + 3, w.end());
    }
  }
  return plan;
}

}  // namespace

absl::Status Emitter::Check() const {
  static const std::set<std::string> calls = {"openat", "bind",  "write", "read",         "execve",
                                              "umask",  "close", "dup2",  "memfd_create", "exit"};
  if (!proposal().functions.empty() && EmitterOf(proposal()) == nullptr) {
    return No(absl::StrCat("a C program has no definitions of ", proposal().name));
  }
  if (run_.serves) return No("a C program has no pages that FUSE holds");
  for (const std::string& name : plan_.traps) {
    if (calls.count(name) == 0) return No(absl::StrCat("a C program does not make ", name, "()"));
  }
  for (const auto& [at, words] : plan_.ops) {
    if (words[0] == "call" && calls.count(words[1]) == 0) {
      return No(absl::StrCat("a C program does not make ", words[1], "()"));
    }
  }
  bool target = false;
  for (int t = 0; t < tasks(); ++t) {
    const std::string& kind = Kind(t);
    if (kind == "child" || kind == "childthread") {
      return No("a C program has no children that fork() or clone() starts");
    }
    if (kind == "filepeer" && Leader(t) != 0) {
      return No("a C program has peers with the descriptors of the first target only");
    }
    if (t == 0 && kind != "target") return No("a C program begins with a target");
    target |= kind == "target";
  }
  if (!target) return No("there is no target");
  std::set<std::pair<uint8_t, std::string>> bound;
  for (const Order& order : run_.orders) {
    if (order.kind != Order::Kind::kStart) continue;
    const auto op = plan_.ops.find({order.task, order.call});
    if (op == plan_.ops.end() || op->second[0] != "call" || op->second[1] != "bind") continue;
    const uint8_t files = program_.tasks[order.task].files;
    if (!bound.emplace(files, op->second[2]).second) {
      return No("a C program binds a socket once");
    }
  }
  int executing = 0;
  for (const auto& [at, words] : plan_.ops) {
    executing += words.size() > 1 && words[1] == "execve" && words[0] == "call";
    if (words.size() > 1 && words[1] == "execve" && Kind(at.first) != "target") {
      return No("a C program does not execute others in a thread");
    }
  }
  if (executing > 1) return No("a C program executes one program");
  if (!program_.images.empty()) return No("a C program executes none with memory of its own");
  for (const model::ValueInfo& value : program_.values) {
    if (value.unmapped) return No("a C program unmaps nothing");
  }
  for (const auto& [at, words] : plan_.ops) {
    const auto after = plan_.ops.find({at.first, at.second + 1});
    if (words[0] != "call" || words[1] != "execve" || after == plan_.ops.end()) continue;
    if (after->second[0] == "call" && after->second[1] == "exit") continue;
    return No("in a C program an executed program does nothing else");
  }
  for (const Order& order : run_.orders) {
    if (order.kind == Order::Kind::kStart && (order.call & 0x80)) {
      return No("a signal's handler makes calls of its own");
    }
    if (order.kind == Order::Kind::kResume && order.fault) {
      return No("a C program has no copy that is held and then fails");
    }
  }
  return absl::OkStatus();
}

void Emitter::Match() {
  begun_.resize(program_.tasks.size());
  std::vector<size_t> next(program_.tasks.size());
  for (const Order& order : run_.orders) {
    if (order.kind != Order::Kind::kStart) continue;
    const auto& tokens = run_.outcome.tasks[order.task];
    size_t& at = next[order.task];
    const bool here = at < tokens.size() && tokens[at].call == order.call;
    begun_[order.task].push_back({&order, here ? &tokens[at++] : nullptr});
  }
}

std::string Emitter::ListOfEvents() const {
  std::string text;
  std::vector<size_t> next(program_.tasks.size());
  std::vector<const Begun*> now(program_.tasks.size());
  for (const Order& order : run_.orders) {
    const size_t t = order.task;
    const std::string name = program_.tasks[t].name + ": ";
    const std::string call =
        now[t] != nullptr ? InWords(order.task, now[t]->order->call) : std::string();
    std::string line;
    switch (order.kind) {
      case Order::Kind::kStart:
        now[t] = &begun_[t][next[t]++];
        continue;
      case Order::Kind::kWaitDone:
        line = name + call;
        if (now[t] != nullptr && now[t]->token != nullptr && !now[t]->token->any_result) {
          absl::StrAppend(&line, " = ", RetText(*now[t]->token));
        }
        break;
      case Order::Kind::kWaitAsleep:
        line = name + call + ", sleeps";
        break;
      case Order::Kind::kWaitParked:
        line = name + call + ", held at its copy to user space";
        break;
      case Order::Kind::kWaitHandler:  // refused
        break;
      case Order::Kind::kWaitDead:
        line = now[t] != nullptr && call == "exit()" ? name + call : name + "is dead";
        break;
      case Order::Kind::kHold:
        line = name + "does not run from here, woken or not";
        break;
      case Order::Kind::kResume:
        line = name + "goes on";
        break;
      case Order::Kind::kSignal:
        line = absl::StrCat(name, "a signal comes", order.fatal ? ", SIGKILL" : "");
        break;
      case Order::Kind::kStore:
        line = absl::StrCat(program_.objects[program_.words[order.word].object].name,
                            " changes: ", program_.values[order.value].text);
        break;
    }
    absl::StrAppend(&text, line, "\n");
  }
  return std::string(absl::StripTrailingAsciiWhitespace(text));
}

std::string Emitter::Header(const Reproducer& about) const {
  std::string needs = "Run: ./a.out\n";
  if (run_.holds) needs += "It needs two processors and CAP_SYS_NICE.\n";
  if (run_.parks) needs += "It needs userfaultfd(2) for faults in the kernel.\n";
  const std::string shows =
      fails_ ? "Shows whether this promise is broken on the kernel that runs:"
             : "Shows whether this promise is kept on the kernel that runs, in one run:";
  std::string differs;
  if (!about.differences.empty()) {
    differs = " *\n * Not as in the counterexample that this is for:\n";
    for (const std::string& difference : about.differences) {
      differs += Comment(difference, "   ", "  ");
    }
  }
  return absl::StrCat(
      "// SPDX-License-Identifier: GPL-2.0 OR Apache-2.0\n/*\n", Comment(about.title, " ", ""),
      " *\n", Comment(shows, " ", ""),
      Comment(absl::StrCat(about.property, ": ", about.sentence), "   ", ""),
      Comment(absl::StrCat("It stands in: ", about.source), " ", "  "), " *\n",
      Comment("Build: cc -static -O1 -Wall -Wextra -Werror x.c", " ", ""),
      Comment(std::string(absl::StripTrailingAsciiWhitespace(needs)), " ", ""),
      " *\n * What happens, in this order:\n", Comment(ListOfEvents(), "   ", "  "), differs,
      " *\n * The scenario:\n",
      Comment(std::string(absl::StripTrailingAsciiWhitespace(about.scenario_text)), "   ", "    "),
      " */\n");
}

// The first target's process: it makes everybody who shares its filter or its descriptors.
std::string Emitter::Setup() const {
  std::string text = absl::StrCat("\nstatic void target(void)\n{\n\tshared->actor[", Id(0),
                                  "].tid = getpid();\n\tdescriptors();\n");
  if (Uses("umask")) text += "\tumask(0);\n";
  if (!plan_.files.empty()) text += "\tconfine();\n";
  for (int t = 0; t < tasks(); ++t) {
    if (Kind(t) == "filepeer" && Takes(t)) {
      absl::StrAppend(&text, "\tspawn_actor(", Id(t), ", CLONE_FILES | CLONE_PARENT, ", Run(t),
                      ");\n");
    }
  }
  absl::StrAppend(&text, "\tinstall(",
                  program_.wait_killable ? "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV" : "0", ");\n");
  if (CountsIds()) {
    absl::StrAppend(&text, "\tsyscall(__NR_", plan_.traps[0], ", -1, NULL, 0);\n");
  }
  const auto with = [&](int leader, const std::string& tabs) {
    const auto nofile = plan_.nofile.find(leader);
    if (nofile != plan_.nofile.end()) {
      absl::StrAppend(&text, tabs, "few_files(", nofile->second, ");\n");
    }
    for (int t = 0; t < tasks(); ++t) {
      if (Kind(t) == "thread" && Leader(t) == leader) {
        absl::StrAppend(&text, tabs, "thread(", Id(t), ", ", Run(t), ");\n");
      }
    }
  };
  for (int t = 1; t < tasks(); ++t) {
    if (Kind(t) != "target") continue;
    text +=
        "\tif (!spawn(CLONE_PARENT)) {\n"
        "\t\tdup3(socket(AF_UNIX, SOCK_STREAM, 0), SOCK_FD, 0);\n"
        "\t\tsyscall(__NR_close_range, FREE_FD, 199, 0);\n";
    with(t, "\t\t");
    absl::StrAppend(&text, "\t\tact(", Id(t), ", ", Run(t), ");\n\t}\n");
  }
  with(0, "\t");
  return absl::StrCat(text, "\tact(", Id(0), ", ", Run(0), ");\n}\n");
}

std::string Emitter::Memory() const {
  std::string text;
  for (size_t o = 0; o < plan_.objects.size(); ++o) {
    const Words& object = plan_.objects[o];
    absl::StrAppend(&text, "\t", Object(absl::StrCat("&", o)), " = object(", object[4], ");\n");
  }
  for (size_t o = 0; o < plan_.objects.size(); ++o) {
    const model::Object& info = program_.objects[o];
    const std::string name = Object(absl::StrCat("&", o));
    std::string bytes;
    for (int w = 0; w < info.words; ++w) {
      const size_t number = info.first_word + static_cast<size_t>(w);
      const std::string& value = plan_.words[number][3];
      if (plan_.objects[o][3] == "pointers") {
        text += Line(1, Store(static_cast<int>(number), value) + ";");
      } else {
        bytes += Bytes(static_cast<int>(o), value, 8 * w);
      }
    }
    bytes.erase(bytes.find_last_not_of('\0') + 1);
    if (!bytes.empty()) {
      text +=
          Line(1, absl::StrCat("memcpy(", name, ", ", Literal(bytes), ", ", bytes.size(), ");"));
    }
  }
  return text;
}

std::string Emitter::Drive() const {
  std::string text;
  std::vector<size_t> next(program_.tasks.size());
  std::vector<const Begun*> now(program_.tasks.size());
  std::set<int> held;
  std::set<int> parked;
  for (const Order& order : run_.orders) {
    const int t = order.task;
    const std::string id = Id(t);
    const Begun*& begun = now[order.task];
    switch (order.kind) {
      case Order::Kind::kStart: {
        begun = &begun_[order.task][next[order.task]++];
        const std::string words = Comment(InWords(t, order.call), "", "");
        const std::string line = absl::StrCat("\tstart(", id, ");\t/* ",
                                              absl::StripAsciiWhitespace(words.substr(2)), " */\n");
        text += line.size() + 16 <= kWidth && std::count(line.begin(), line.end(), '\n') == 1
                    ? line
                    : absl::StrCat("\tstart(", id, ");\n");
        break;
      }
      case Order::Kind::kWaitDone:
        text += Line(
            1, absl::StrCat(
                   "returned(", id, ", ",
                   begun == nullptr || begun->token == nullptr ? "ANY" : RetText(*begun->token),
                   ");"));
        if (begun != nullptr) text += Details(t, *begun);
        break;
      case Order::Kind::kWaitAsleep:
        absl::StrAppend(&text, "\tasleep(", id, ");\n");
        break;
      case Order::Kind::kWaitParked:
        parked.insert(t);
        absl::StrAppend(&text, "\tparked(", id, ");\n");
        break;
      case Order::Kind::kWaitHandler:  // refused
        break;
      case Order::Kind::kWaitDead:
        absl::StrAppend(&text, "\tdead(", id, ");\n");
        break;
      case Order::Kind::kHold:
        held.insert(t);
        absl::StrAppend(&text, "\thold(", id, ");\n");
        break;
      case Order::Kind::kResume:
        if (parked.erase(t) > 0) {
          absl::StrAppend(&text, "\tunpark(", id, ");\n");
        } else if (held.erase(t) > 0) {
          absl::StrAppend(&text, "\trelease(", id, ");\n");
        }
        break;
      case Order::Kind::kSignal:
        absl::StrAppend(&text, "\tsend_signal(", id, order.fatal ? ", SIGKILL" : ", SIGUSR1",
                        ");\n");
        break;
      case Order::Kind::kStore: {
        // What a plan has, but for the bytes, which stand here as they do in memory.
        const model::ValueInfo& info = program_.values[order.value];
        const std::string value =
            info.pointer
                ? ValueWord(program_, order.value,
                            program_.objects[program_.words[order.word].object].space)
                : absl::BytesToHexString(std::string(info.bytes.begin(), info.bytes.end()));
        text += Line(1, Store(order.word, value) + ";");
        break;
      }
    }
  }
  for (const int t : held) absl::StrAppend(&text, "\trelease(", Id(t), ");\n");
  for (int t = 0; t < tasks(); ++t) {
    const auto& all = run_.outcome.tasks[static_cast<size_t>(t)];
    if (!all.empty() && !all.back().returned && !run_.outcome.dead[static_cast<size_t>(t)]) {
      absl::StrAppend(&text, "\tasleep(", Id(t), ");\n");
    }
  }
  return text;
}

std::string Emitter::Main(const std::string& scripts) const {
  std::string main = Uses("execve")
                         ? "\nint main(int argc, char **argv)\n{\n\twas_executed(argc, argv);\n"
                         : "\nint main(void)\n{\n";
  main += "\tbegin();\n";
  if (!plan_.files.empty()) main += "\tmake_files();\n";
  main += Memory();
  if (absl::StrContains(scripts + main, "mem.dangling")) {
    main += "\tmem.dangling = (char *)object(1) + 1;\n";
  }
  if (run_.holds) main += "\tstart_spinner();\n";
  if (absl::StrContains(scripts, "given")) {
    main += "\tgiven = high(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));\n";
  }
  main += "\n\tif (!spawn(0))\n\t\ttarget();\n";
  absl::StrAppend(&main, "\ttake_listener(", Id(0), ");\n");
  if (CountsIds()) main += "\trefuse_one();\n";
  if (!proposal().verbs.empty()) {
    absl::StrAppend(&main, "\tneed_", proposal().verbs[0].name, "();\n");
  }
  for (int t = 0; t < tasks(); ++t) {
    if (!Takes(t)) continue;
    if (Kind(t) == "supervisor" || Kind(t) == "peer") {
      absl::StrAppend(&main, "\tspawn_actor(", Id(t), ", ", Kind(t) == "peer" ? "0" : "CLONE_FILES",
                      ", ", Run(t), ");\n");
    }
  }
  return absl::StrCat(main, "\n", Drive(), "\tover(as_expected);\n}\n");
}

std::string Emitter::Objects(const std::string& code) const {
  if (plan_.objects.empty()) return "";
  std::string mem =
      "\n/* The target's memory; main() is the peer that shares it. */\nstatic struct {\n";
  for (size_t o = 0; o < plan_.objects.size(); ++o) {
    absl::StrAppend(&mem, plan_.objects[o][3] == "pointers" ? "\tchar **" : "\tchar *",
                    Object(absl::StrCat("&", o)).substr(4), ";\n");
  }
  if (absl::StrContains(code, "mem.dangling")) mem += "\tvoid *dangling;\n";
  return mem + "} mem;\n";
}

// Who acts, which calls are trapped, and how the program ends.
std::string Emitter::Constants(const Reproducer& about) const {
  Words ids;
  Words names;
  for (int t = 0; t < tasks(); ++t) {
    ids.push_back(Id(t));
    names.push_back(Literal(program_.tasks[static_cast<size_t>(t)].name));
  }
  std::string constants =
      "\n" + Line(0, absl::StrCat("enum { ", absl::StrJoin(ids, ", "), ", ACTORS };"));
  for (const auto& [at, words] : plan_.ops) {
    if (words.size() > 1 && words[1] == "execve") {
      absl::StrAppend(&constants, "#define EXECUTES\t", Id(at.first), "\n");
    }
  }
  constants += "\n" + Line(0, absl::StrCat("static const char *const names[] = { ",
                                           absl::StrJoin(names, ", "), " };"));
  Words calls;
  for (const std::string& name : plan_.traps) calls.push_back("__NR_" + name);
  constants +=
      Line(0, absl::StrCat("static const int trapped[] = { ", absl::StrJoin(calls, ", "), " };"));
  absl::StrAppend(&constants, "#define TRAPPED\t", calls.size(), "\n");
  const std::string good = absl::StrCat("ok 1 ", about.property);
  const std::string bad = absl::StrCat("not ok 1 ", about.property, ": ", about.sentence);
  const std::string kept = absl::StrCat("ok 1 ", about.property, ": ", about.sentence);
  const std::string strange = absl::StrCat("not ok 1 ", about.property, ": not what was expected");
  constants += "\n/* The end of a run that goes as it is expected to, and of another. */\n";
  constants += Line(
      0, absl::StrCat("static const char as_expected[] = ", Literal(fails_ ? bad : kept), ";"));
  constants += Line(
      0, absl::StrCat("static const char otherwise[] = ", Literal(fails_ ? good : strange), ";"));
  return constants + Files();
}

std::string Emitter::Files() const {
  if (plan_.files.empty()) return "";
  std::set<std::string> paths(plan_.files.begin(), plan_.files.end());
  for (const std::string& file : plan_.files) {
    for (size_t at = file.find('/', 1); at != std::string::npos; at = file.find('/', at + 1)) {
      paths.insert(file.substr(0, at + 1));
    }
  }
  // What stands in a folder before the folder.
  std::string files = "static const char *const files[] = {\n";
  for (auto path = paths.rbegin(); path != paths.rend(); ++path) {
    files += Line(1, Literal(*path) + ",");
  }
  return files + "};\n";
}

absl::StatusOr<std::string> Emitter::Emit(const Reproducer& about) {
  if (absl::Status status = Check(); !status.ok()) return status;
  Match();
  const auto& properties = question_.system().properties();
  for (size_t i = 0; i < properties.size(); ++i) {
    fails_ |= properties[i].name == about.property && (run_.violated >> i & 1);
  }
  const absl::StatusOr<std::string> scripts = Scripts();
  if (!scripts.ok()) return scripts.status();
  if (plan_.traps.empty()) return No("the filter traps nothing");
  const std::string main = Main(*scripts);
  const std::string body = absl::StrCat(Objects(main + *scripts), *scripts, Setup(), main);

  std::vector<PreludePiece> pieces = PreludeControl();
  const auto add = [](const std::vector<PreludePiece>& from, std::vector<PreludePiece>* to) {
    to->insert(to->end(), from.begin(), from.end());
  };
  add(PreludeWorld(), &pieces);
  std::vector<PreludePiece> head = PreludeHead();
  if (const EmitterRoom* room = EmitterOf(proposal()); room != nullptr) {
    add(room->world, &pieces);
    add(room->head, &head);
  }
  for (const model::Verb& verb : proposal().verbs) pieces.push_back(NeedPiece(verb));
  std::set<std::string> parts;
  if (!plan_.files.empty()) parts.insert("FILES");
  if (run_.holds) parts.insert("HOLDS");
  if (Uses("execve")) parts.insert("EXECUTES");
  for (PreludePiece& piece : pieces) piece.text = WithParts(piece.text, parts);
  const std::string rest = absl::StrCat(Constants(about), WithPrelude(pieces, body), body);
  return absl::StrCat(Header(about), "#define _GNU_SOURCE\n", WithPrelude(head, rest), rest);
}

absl::StatusOr<std::string> EmitC(const Reproducer& about, const verify::Question& question,
                                  const ForcedRun& run) {
  absl::StatusOr<std::string> plan = DirectedPlan("run", question, run);
  if (!plan.ok()) return plan.status();
  return Emitter(question, run, ReadPlan(*plan)).Emit(about);
}

}  // namespace knotcheck::conform
