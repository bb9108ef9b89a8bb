// SPDX-License-Identifier: Apache-2.0

#include "verify/testing/wide_scenario.h"

#include <algorithm>
#include <map>
#include <set>
#include <sstream>
#include <utility>

namespace knotcheck::verify::testing {
namespace wide {

Strings Split(const std::string& text, char by) {
  Strings parts;
  std::istringstream stream(text);
  for (std::string part; std::getline(stream, part, by);) parts.push_back(part);
  return parts;
}

// What a seed gives: splitmix64.
class Deal {
 public:
  explicit Deal(uint64_t seed) : state_(seed) {}
  size_t Below(size_t n) {
    uint64_t z = state_ += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return (z ^ (z >> 31)) % n;
  }
  bool Percent(size_t chance) { return Below(100) < chance; }
  template <class T>
  const T& Of(const std::vector<T>& all) {
    return all[Below(all.size())];
  }
  // One of "3 these|2 others": each behind its weight.
  std::string Word(const std::string& words) {
    Strings all;
    for (const std::string& each : Split(words, '|')) {
      const size_t space = each.find(' ');
      all.insert(all.end(), std::stoul(each), each.substr(space + 1));
    }
    return Of(all);
  }
  size_t Number(const std::string& words) { return std::stoul(Word(words)); }

 private:
  uint64_t state_;
};

std::string Joined(const Strings& parts, const std::string& by) {
  std::string text;
  for (size_t i = 0; i < parts.size(); ++i) text += (i == 0 ? "" : by) + parts[i];
  return text;
}

// How many bytes a value in quotes has, whose only escapes are \xHH.
size_t Bytes(const std::string& value) {
  return value.size() - 2 - 3 * static_cast<size_t>(std::ranges::count(value, '\\'));
}

// Of a call; "" for a store, or nothing.
std::string FunctionOf(const std::string& action) {
  const size_t end = action.find('(');
  if (end == std::string::npos) return "";
  const size_t begin = action.rfind(' ', end) + 1;  // 0: there is none
  return action.substr(begin, end - begin);
}

}  // namespace wide

namespace wide {

// How often a call is drawn; $: Maker::Scalar knows the word; a letter: a pointer that
// Maker::TargetCall knows, with its name in policies.
constexpr char kCalls[] =
    "22 openat($directory,P:path,O_RDONLY)|11 bind($socket,B:addr,$length)|14 umask()|3 exit()|"
    "11 write($file,B:buf,$length)|6 read($file,B:,$length)|14 execve(P:filename,V:argv,E:envp)|"
    "4 execveat($directory,P:filename,V:argv,E:envp,$empty)|"
    "5 close($descriptor)|5 dup2($descriptor,$descriptor)|6 statx($at,P:filename,$empty,0,0)|"
    "4 seccomp($install)|5 sendto($socket,B:buff,$length,0,B:addr,$length)|3 poll(B:ufds,1,0)|"
    "5 sendmsg($socket,M:iov_base,0)|9 symlinkat(P:oldname,AT_FDCWD,Q:newname)|"
    "4 connect($socket,B:uservaddr,$length)|4 setsockopt($socket,0,0,B:optval,$length)|"
    "4 pread64($file,B:,$length,0,0)|4 memfd_create(P:uname,0)|3 writev($file,I:iov_base,1)|"
    "3 io_submit_IOCB_CMD_PWRITE(0,1,J:aio_buf)";

// A pointer argument as some call passes it.
struct Passed {
  std::string call;
  std::string role;
  size_t arg = 0;  // its register; kNested: none
  std::string kind;
  std::string memory;
};
inline constexpr size_t kNested = 7;

class Maker {
 public:
  Maker(uint64_t seed, const WideOptions& options)
      : deal_(seed),
        new_words_(options.new_words),
        offsets_(options.offsets),
        blocks_(options.blocks),
        maps_(options.maps) {
    MakeTasks();
    MakeSignals();
    MakeSupervisors();
    MakePeer();
    MakeSettings();
  }
  const WideScenario& made() const { return s_; }

 private:
  using Body = WideScenario::Body;
  using Memory = WideScenario::Memory;
  using Statement = WideScenario::Statement;
  using Supervisor = WideScenario::Supervisor;

  const Memory& Named(const std::string& name) const {
    return *std::ranges::find(s_.memories, name, &Memory::name);
  }
  const std::string& First(const std::string& name) const { return Named(name).entries[0][0]; }
  // The memory that holds this; its name begins with a letter for its kind.
  std::string Add(char letter, const std::vector<Strings>& entries) {
    const auto same = std::ranges::find(s_.memories, entries, &Memory::entries);
    if (same != s_.memories.end()) return same->name;
    const std::string kind = letter == 'v' ? "[" : letter == 'b' ? "bytes " : "";
    s_.memories.push_back({letter + std::to_string(s_.memories.size()), kind, entries});
    if (maps_) s_.memories.back().may_be_unmapped = deal_.Percent(35);
    // It is unmapped in one address space only.
    s_.memories.back().shared = maps_ && !s_.memories.back().may_be_unmapped && deal_.Percent(50);
    return s_.memories.back().name;
  }
  // One that there is, or a new one: few memories make few words, and arguments that are aliased.
  std::string Object(char letter) {
    static const std::map<char, std::string> kStock = {
        {'o', "1 -l,-x,-rf"},
        {'p', "2 /ok,/evil,/b|1 /ok,,/x|1 /etc/okay,/etc/evil,/tmp|1 /run/abcdef,/run/abcxyz,/r"},
        {'b',
         "1 xyz,abc,xyq|1 unix/A,unix/B,un\\x00x/A|1 PINNED,MUTATE,PINATE|"
         "1 abcdefghij,abcdefghik,ABCDEFGHij"}};
    Strings names;
    for (const Memory& memory : s_.memories) {
      if (memory.name[0] == letter) names.push_back(memory.name);
    }
    if (!names.empty() && (names.size() >= 3 || deal_.Percent(55))) return deal_.Of(names);
    Strings values = Split(deal_.Word(kStock.at(letter)), ',');
    for (std::string& value : values) value.insert(0, 1, '"').append(1, '"');
    const int first = std::stoi(deal_.Word("2 0|1 1|1 2"));
    std::rotate(values.begin(), values.begin() + first, values.end());
    values.resize(deal_.Number("3 1|6 2|1 3"));
    return Add(letter, {values});
  }
  std::string ArgumentTable() {
    std::vector<Strings> entries(deal_.Number("3 1|1 2"));
    for (Strings& entry : entries) {
      entry.push_back(Somewhere(Object('o'), 20));
      if (deal_.Percent(30)) entry.emplace_back("NULL");
    }
    entries.push_back({"NULL"});
    return Add('v', entries);
  }
  // A name, perhaps with an offset up to the end of what it names.
  std::string Somewhere(const std::string& name, size_t chance) {
    if (!offsets_ || name == "NULL") return name;
    const Memory& memory = Named(name);
    size_t words = memory.entries.size();
    if (!memory.IsTable()) {
      const size_t longest = Bytes(std::ranges::max(memory.entries[0], {}, Bytes));
      words = (longest + (memory.kind.empty() ? 1 : 0) + 7) / 8;
    }
    if (!deal_.Percent(chance)) return name;
    return name + "+" + std::to_string(8 * (1 + deal_.Below(words)));
  }
  // The name, or now and then something else in its place.
  std::string Pointer(const std::string& named) {
    const std::string name = Somewhere(named, 30);
    const std::string what = deal_.Word("86 name|5 NULL|3 dangling|6 any");
    if (what != "any") return what == "name" ? name : what;
    Strings others = {"NULL", "dangling"};
    for (const Memory& memory : s_.memories) {
      const bool alike = memory.name[0] == name[0] && !memory.IsTable();
      if (alike && memory.name != name) others.push_back(Somewhere(memory.name, 40));
    }
    return "any(" + name + ", " + deal_.Of(others) + ")";
  }
  std::string Scalar(const std::string& what, size_t bytes = 0) {
    static const std::map<std::string, std::string> kWords = {
        {"$directory", "3 AT_FDCWD|1 file"},
        {"$socket", "4 sock|1 file|1 6"},
        {"$file", "2 file|2 legacy|1 6"},
        {"$descriptor", "1 sock|1 file|1 legacy|1 6"},
        {"$at", "2 sock|1 AT_FDCWD"},
        {"$empty", "2 AT_EMPTY_PATH|1 0"},
        {"$install", "1 NEW_LISTENER|1 NEW_LISTENER+TSYNC"},
        {"$length", "36 =|5 2|2 0|4 20|2 any(=, 0)"}};
    const auto at = kWords.find(what);
    std::string scalar = at == kWords.end() ? what : deal_.Word(at->second);
    std::ranges::replace(scalar, '+', '|');
    const size_t whole = scalar.find('=');
    return whole == std::string::npos ? scalar : scalar.replace(whole, 1, std::to_string(bytes));
  }

  std::string TargetCall() {
    // Like one that there is, for the most part: one policy, or one script, is about all of them.
    const bool alike = !patterns_.empty() && deal_.Percent(55);
    const std::string pattern = alike ? deal_.Of(patterns_) : deal_.Word(kCalls);
    patterns_.push_back(pattern);
    const std::string function = FunctionOf(pattern);
    called_.insert(function);
    const size_t begin = function.size() + 1;
    Strings arguments;
    std::string first;
    size_t bytes = 4;
    for (const std::string& what : Split(pattern.substr(begin, pattern.size() - begin - 1), ',')) {
      std::string name;
      const auto pass = [&](const std::string& role, const std::string& kind, size_t arg) {
        passed_.push_back({function, role, arg, kind, name});
        if (first.empty()) first = name;
      };
      const size_t arg = arguments.size();
      const char letter = what.size() > 1 && what[1] == ':' ? what[0] : ' ';
      const std::string role = letter == ' ' ? "" : what.substr(2);
      if (letter == ' ') {
        name = Scalar(what, bytes);
      } else if (letter == 'P' || letter == 'Q') {
        const bool aliased = letter == 'Q' && deal_.Percent(35);
        name = aliased ? first : Object('p');
        pass(role, "cstring", arg);
      } else if (letter == 'B') {
        name = Object('b');
        bytes = Bytes(First(name));
        pass(role, "fixed", arg);
      } else if (letter == 'V' || letter == 'E') {
        name = deal_.Percent(letter == 'V' ? 10 : 85) ? "NULL" : ArgumentTable();
        if (name != "NULL") pass(role, "cstrings", arg);
      } else {
        // A struct that leads to a vector, or to a request, and of sendmsg to an address too.
        name = Object('b');
        pass(role, "fixed", kNested);
        std::vector<Strings> entries = {{Add('v', {{name}})}};
        if (letter == 'M') {
          name = Object('b');
          pass("msg_name", "fixed", kNested);
          entries.insert(entries.begin(), {name});
          if (deal_.Percent(30)) entries[0].emplace_back("NULL");
        }
        name = letter == 'I' ? entries[0][0] : Add('v', entries);
        pass("", "fixed", arg);
      }
      if (letter == 'P' || letter == 'B' || letter == 'V') name = Pointer(name);
      arguments.push_back(name);
    }
    std::string call = function + "(" + Joined(arguments, ", ") + ")";
    if (deal_.Percent(6)) call += " == " + deal_.Word("2 0|1 EACCES|1 EINTR");
    static const std::set<std::string> kActs = {"openat", "bind", "write", "execve", "execveat"};
    const bool uses = kActs.count(function) != 0 && deal_.Percent(8);
    return call + (uses ? " uses " + First(first) : "");
  }

  // Of what `memory` lists; "" when it lists nothing else anywhere.
  std::string Store(bool by_supervisor = false) {
    Strings stores;
    for (const Memory& memory : s_.memories) {
      if (memory.may_be_unmapped && !by_supervisor) stores.push_back(memory.name + " = unmapped");
      for (size_t i = 0; i < memory.entries.size(); ++i) {
        const std::string at = memory.IsTable() ? "[" + std::to_string(i) + "]" : "";
        for (const std::string& value : memory.entries[i]) {
          if (memory.Varies() && (memory.entries[i].size() > 1 || memory.may_be_unmapped))
            stores.push_back(Joined({memory.name, at, " = ", value}, ""));
        }
      }
    }
    return stores.empty() ? "" : deal_.Of(stores);
  }

  Statement TargetStatement() {
    const std::string kind = deal_.Word("73 call|14 choice|10 store|3 kill");
    const std::string store = kind == "store" ? Store() : "";
    if (!store.empty()) return {{store}};
    if (kind == "kill") return {{"kill(T)"}};
    Statement statement = {{TargetCall()}, kind == "choice"};
    if (kind != "choice") return statement;
    const bool more = deal_.Percent(50);
    if (more) statement.actions.push_back(TargetCall());
    if (!more || deal_.Percent(50)) statement.actions.emplace_back("nothing");
    return statement;
  }

  // Behind a call whose result is something else, by what that is.
  void AddTargetIf(Body* body) {
    const std::string function = FunctionOf(body->back().actions[0]);
    static const std::set<std::string> kNever = {"", "kill", "exit"};
    if (body->back().choice || kNever.count(function) != 0 || !deal_.Percent(45)) return;
    Statement branch;
    branch.word = "if result " + deal_.Word("4 ==|1 !=") +
                  deal_.Word("3  0|2  EACCES|2  3|1  EINTR|1  ENOENT|1  EFAULT|1  EPERM");
    branch.block.push_back(TargetStatement());
    if (deal_.Percent(35)) branch.otherwise.push_back(TargetStatement());
    body->push_back(branch);
  }

  // A test of what `action` of a supervisor returns; "" where there is nothing to test.
  std::string TestOf(const std::string& action) {
    static const std::map<std::string, std::string> kResults = {
        {"recv", "4 ENOENT|3 EINTR|3 0|1 EBADF"},
        {"send", "3 ENOENT|3 EINTR|2 EINPROGRESS|3 0|1 EINVAL"},
        {"id_valid", "3 ENOENT|1 EINTR|2 0"},
        {"addfd", "2 ENOENT|1 EINTR|1 EBUSY|2 6|1 7|1 ESRCH|1 EMFILE"},
        {"set_flags", "1 0|1 EINTR"},
        {"poll", "2 1|2 4|1 16|1 EINTR"},
        {"read", "2 0|1 ESRCH|1 EFAULT"},
        {"pin", "3 0|2 EEXIST|1 ENOENT|1 EINTR|1 EFAULT"},
        {"close", "1 0|1 EBADF"}};
    const auto at = kResults.find(FunctionOf(action));
    if (at == kResults.end()) return "";
    return "if result " + deal_.Word("3 == |1 != ") + deal_.Word(at->second);
  }

  // Tests behind calls, then perhaps a loop around all: its first call is made on every way.
  void AddBlocks(Body* body) {
    const bool loops = deal_.Percent(60);
    Body all;
    Strings known = {"n"};
    const auto some = [&] {
      Body actions;
      for (size_t left = deal_.Number("4 1|1 2"); left > 0; --left) {
        actions.push_back({{ScriptAction(&known)}});
      }
      return actions;
    };
    for (const Statement& statement : *body) {
      all.push_back(statement);
      const std::string test = statement.choice ? "" : TestOf(statement.actions[0]);
      if (!test.empty() && deal_.Percent(35)) {
        Statement branch;
        branch.word = test;
        const bool leaves = loops && deal_.Percent(55);
        branch.block = leaves ? Body{{.word = "leave"}} : some();
        if (deal_.Percent(30)) branch.otherwise = some();
        all.push_back(branch);
      }
      if (deal_.Percent(12)) {
        Statement branch;
        branch.word = "if n is " + deal_.Of(Strings(called_.begin(), called_.end()));
        branch.block = some();
        if (deal_.Percent(50)) branch.otherwise = some();
        all.push_back(branch);
      }
    }
    *body = all;
    if (!loops) return;
    Statement loop;
    loop.word = "loop";
    loop.block = *body;
    *body = {loop};
    if (loop.Text().find("leave") != std::string::npos && deal_.Percent(40)) {
      body->push_back({{ScriptAction(&known)}});
    }
  }

  void MakeTasks() {
    const size_t count = deal_.Number("7 1|9 2|6 3");
    for (size_t i = 0; i < count; ++i) {
      WideScenario::Task task;
      task.name = std::string(1, "TUV"[i]);
      if (i > 0) task.kind = deal_.Word("1 target|2 thread|1 child");
      if (task.kind != "target") task.of = " of T";
      size_t calls = count > 1 ? 1 : deal_.Number("6 1|3 2|1 3");
      while (calls-- > 0) {
        task.body.push_back(TargetStatement());
        if (blocks_) AddTargetIf(&task.body);
      }
      s_.tasks.push_back(task);
      if (task.kind != "child") continue;
      // The first target starts it, anywhere in its script.
      Body& body = s_.tasks[0].body;
      const std::string call = maps_ ? "fork" : deal_.Word("1 fork|1 clone");
      called_.insert(call);
      const auto at = body.begin() + static_cast<int>(deal_.Below(body.size() + 1));
      body.insert(at, {{call + "(" + task.name + ")"}});
    }
    if (called_.empty()) s_.tasks[0].body.push_back({{TargetCall()}});
  }

  void MakeSignals() {
    if (!deal_.Percent(34)) return;
    WideScenario::Signals signals;
    signals.to = deal_.Percent(80) ? "T" : deal_.Of(s_.tasks).name;
    signals.count = deal_.Number("2 1|1 2");
    signals.disposition = deal_.Word("4 handler|5 handler restarts|3 fatal|2 ignored");
    if (signals.Handles() && deal_.Percent(35)) signals.handler.push_back(TargetStatement());
    // A filter that a handler installs is refused.
    const bool installs = signals.Text().find("seccomp(") != std::string::npos;
    if (installs) signals.handler = {{{"umask()"}}};
    s_.signals.push_back(signals);
  }

  // " if ...": what a policy asks of a call; "" when it takes every one.
  std::string ConditionOn(const std::string& call) {
    Strings cases(new_words_ && deal_.Percent(40) ? 2 : 1);
    if (deal_.Percent(6)) return "";
    for (std::string& each : cases) {
      std::set<std::string> roles;
      Strings conditions;
      for (const Passed& passed : passed_) {
        const bool looks = passed.call == call && !passed.role.empty();
        if (!looks || !roles.insert(passed.role).second) continue;
        if (!conditions.empty() && deal_.Percent(20)) continue;
        const Memory& memory = Named(passed.memory);
        std::string value = deal_.Percent(65) ? First(passed.memory) : deal_.Of(memory.entries[0]);
        // What is left of it from its second word on.
        if (offsets_ && value.size() > 10 && deal_.Percent(50)) value.erase(1, 8);
        if (memory.IsTable()) {
          Strings strings;
          for (const Strings& entry : memory.entries) {
            const std::string name = entry[0].substr(0, entry[0].find('+'));
            if (name != "NULL") strings.push_back(First(name));
          }
          value = "[" + Joined(strings, ", ") + "]";
        }
        const std::string how = new_words_ ? deal_.Word("60 == |18 == any|22 != ") : "== ";
        conditions.push_back(passed.role + " " + how + (how.size() > 3 ? "" : value));
      }
      if (conditions.empty()) return "";
      each = Joined(conditions, " and ");
    }
    return " if " + Joined(cases, " or ");
  }

  void MakePolicy(Strings* lines) {
    const std::string otherwise = ", else " + deal_.Word("3 EACCES|1 EPERM");
    for (const std::string& call : called_) {
      const bool points = std::ranges::count(passed_, call, &Passed::call) != 0;
      const bool last = lines->empty() && call == *called_.rbegin();
      const bool ruled = deal_.Percent(points ? 85 : 35) || last;
      for (size_t left = ruled ? deal_.Number("6 1|1 2") : 0; left > 0; --left) {
        lines->push_back(Joined({"policy: allow ", call, ConditionOn(call), otherwise}, ""));
      }
    }
    const std::string more = deal_.Word(
        "7 |6 in any order|2 on EEXIST: deny|2 on EEXIST: read and continue|"
        "2 on EEXIST: read and continue pinned");
    if (!more.empty()) lines->push_back(more);
  }

  std::string Pin(const std::string& variable) {
    Strings arguments = {variable};
    for (size_t left = passed_.empty() ? 0 : deal_.Number("3 1|1 2"); left > 0; --left) {
      const Passed& passed = deal_.Of(passed_);
      if (passed.arg == kNested) continue;
      const Memory& memory = Named(passed.memory);
      const size_t exact = memory.IsTable() ? 8 * memory.entries.size()
                                            : Bytes(First(memory.name)) + memory.kind.empty();
      const std::string kind = deal_.Word("14 " + passed.kind + "|1 fixed|1 cstring|2 cstrings");
      std::string bytes = deal_.Word("4 64|1 256|3 " + std::to_string(exact) + "|1 2|1 4|2 4096");
      if (kind == "cstrings") bytes += deal_.Word("1 |1  entries 1|1  entries 8");
      arguments.push_back(Joined({std::to_string(passed.arg), ": ", kind, " ", bytes}, ""));
    }
    if (arguments.size() == 1) arguments.emplace_back("1: fixed 8");
    const std::string option = deal_.Word("70 |12 fault|11 null|5 buf 0|3 buf 4|3 buf 9");
    if (!option.empty()) arguments.push_back(option);
    return "pin(" + Joined(arguments, ", ") + ")";
  }

  // What a script does next, with the notifications that it knows by name: @ is one of them, # what
  // it calls another, $ a task.
  std::string ScriptAction(Strings* known) {
    std::string words =
        "6 # = recv()|2 # = recv(fault)|1 # = recv(null)|1 # = recv(garbage)|14 read(@)|18 pin|"
        "5 id_valid(@)|3 id_valid(@, null)|11 send(@, continue)|8 send(@, continue pinned)|"
        "6 send(@, error EACCES)|4 send(@, value 3)|2 send(@, value 0)|3 send(@, null)|"
        "2 send(@, bad_flags)|2 send(@, pinned)|3 send(@, continue value 3)|3 poll()|"
        "3 poll(nowait)|3 poll(in)|1 set_flags(0)|2 set_flags(1)|1 set_flags(2)|"
        "3 kill($)|4 store|9 # = after(@)|4 close(listener)|4 addfd(@)|5 addfd(@, send)|"
        "3 addfd(@, setfd 7)|2 addfd(@, setfd 6 send)|2 addfd(@, newfd 7)|3 addfd(@, bad_flags)|"
        "2 addfd(@, bad_fd)|2 addfd(@, null)";
    if (s_.tasks.size() > 1) words += "|12 # = recv()";
    std::string action = deal_.Word(words);
    const std::string one = deal_.Of(*known);
    if (action == "pin") return Pin(one);
    if (action == "store") action = Store(true);
    if (action.empty()) action = "id_valid(@)";
    if (action[0] == '#') {
      const bool other = deal_.Percent(60);
      action[0] = other == (one == "n") ? 'm' : 'n';
      if (action[0] == 'm' && known->size() == 1) known->emplace_back("m");
    }
    const std::string task = deal_.Of(s_.tasks).name;
    std::ranges::replace(action, '@', one[0]);
    std::ranges::replace(action, '$', task[0]);
    return action + (FunctionOf(action).empty() ? "" : deal_.Word("57 |2  == 0|1  == ENOENT"));
  }

  void MakeScript(Supervisor* supervisor, size_t statements) {
    Strings known = {"n"};
    Body& body = supervisor->body;
    body.push_back({{"n = recv(" + deal_.Word("16 |2 fault|1 null|1 garbage") + ")"}});
    const bool answers = deal_.Percent(50);
    while (body.size() + (answers ? 1 : 0) < statements) {
      Statement statement;
      statement.choice = deal_.Percent(14);
      const size_t count = statement.choice ? 2 + deal_.Below(2) : 1;
      for (size_t i = 0; i < count; ++i) {
        const bool nothing = i > 0 && deal_.Percent(30);
        statement.actions.push_back(nothing ? "nothing" : ScriptAction(&known));
      }
      body.push_back(statement);
    }
    const std::string answer = deal_.Word("6 continue|4 continue pinned|2 value 3");
    if (answers) body.push_back({{"send(" + deal_.Of(known) + ", " + answer + ")"}});
    if (blocks_) AddBlocks(&body);
  }

  void MakeSupervisors() {
    const size_t free = s_.tasks.size() > 1 ? 0 : 90 / (1 + 2 * passed_.size());
    const std::string kind = deal_.Word(
        "34 script|9 script[2]|16 script, script|27 policy|17 policy[2]|17 policy, script|" +
        std::to_string(free) + " free");
    Supervisor one;
    one.name = "S";
    one.threads = kind.ends_with("[2]") ? 2 : 1;
    if (kind == "free") {
      std::string but = deal_.Word(
          "9 |3 addfd|3 pin|2 addfd, pin|1 close|2 addfd, close|1 set_flags|1 id_valid, set_flags");
      if (new_words_ && deal_.Percent(30)) but += but.empty() ? "read" : ", read";
      one.lines = {"anything" + (but.empty() ? "" : " but " + but)};
    } else if (kind.starts_with("policy")) {
      MakePolicy(&one.lines);
    } else {
      MakeScript(&one, 2 + deal_.Below(kind == "script" ? 6 : 3));
      if (new_words_ && one.threads > 1 && deal_.Percent(70)) one.shares = " shares looks";
    }
    s_.supervisors.push_back(one);
    if (kind.ends_with(", script")) {
      Supervisor two;
      two.name = "R";
      MakeScript(&two, 2 + deal_.Below(3));
      if (new_words_ && one.IsScript() && deal_.Percent(40)) two.shares = " shares looks with S";
      s_.supervisors.push_back(two);
    }
    for (const std::string& call : called_) {
      static const std::string kSeldom = "close dup2 exit fork clone seccomp";
      const bool trapped = deal_.Percent(kSeldom.find(call) == std::string::npos ? 85 : 20);
      if (trapped) s_.settings.push_back("filter " + call);
    }
    if (s_.settings.empty()) s_.settings.push_back("filter " + *called_.begin());
    TrapWhatIsAskedFor();
  }

  // What a script asks for has to be something that it can be told.
  void TrapWhatIsAskedFor() {
    for (const Supervisor& supervisor : s_.supervisors) {
      for (const std::string& call : called_) {
        const std::string filter = "filter " + call;
        const bool asks = supervisor.Text().find("if n is " + call + " ") != std::string::npos;
        if (asks && std::ranges::count(s_.settings, filter) == 0) s_.settings.push_back(filter);
      }
    }
  }

  void MakePeer() {
    const bool varies = std::ranges::any_of(s_.memories, &Memory::Varies);
    const std::string kind = deal_.Word("46 |8 , writes 1|10 , writes 2|12 stores|13 files|17 no");
    if (kind == "no" || (!varies && kind != "files")) return;
    const std::string with = " with " + (deal_.Percent(85) ? "T" : deal_.Of(s_.tasks).name);
    WideScenario::Peer peer = {"P", "memory" + with, {}};
    if (kind == "files") {
      peer.shares = "files" + with;
      peer.body.push_back({{deal_.Word(
          "2 close(sock)|3 close(file)|2 dup2(sock, file)|1 dup2(file, sock)|1 dup2(file, 6)")}});
    } else if (kind != "stores") {
      peer.shares += kind;
    } else {
      const size_t count = deal_.Number("1 1|1 2");
      for (size_t i = 0; i < count; ++i) peer.body.push_back({{Store()}});
      if (deal_.Percent(30)) peer.body[0] = {{peer.body[0].actions[0], "nothing"}, true};
    }
    s_.peers.push_back(peer);
  }

  void MakeSettings() {
    const Supervisor& to = deal_.Of(s_.supervisors);
    const std::string name = to.name + (to.threads > 1 ? "1" : "");
    const std::string signals = deal_.Word("83 |9 1|8 0");  // 0: any
    const std::string how = deal_.Word("2 handler|1 handler restarts");
    if (!signals.empty()) s_.signals.push_back({name, std::stoul(signals), how, {}});
    for (const std::string words :
         {"86 |14 filter wait_killable", "88 |6 allocation failures: 1|4 allocation failures: 2",
          "86 |14 listener closes", "94 |4 rlimit T: 6|2 rlimit T: 7",
          "75 |5 never toctou|8 never fd-identity|5 never one-listener|7 never hangup",
          "96 |2 sometimes toctou|2 sometimes progress"}) {
      const std::string setting = deal_.Word(words);
      if (!setting.empty()) s_.settings.push_back(setting);
    }
  }

  Deal deal_;
  const bool new_words_;
  const bool offsets_;
  const bool blocks_;
  const bool maps_;
  WideScenario s_;
  Strings patterns_;  // of the calls of targets
  std::set<std::string> called_;
  std::vector<Passed> passed_;
};

// Those of blocks in the place of the blocks.
size_t Statements(const WideScenario::Body& body) {
  size_t count = 0;
  for (const WideScenario::Statement& each : body) {
    count += each.word.empty() ? 1 : Statements(each.block) + Statements(each.otherwise);
  }
  return count;
}

// About the binary logarithm of the number of states without reductions, in tenths: fitted to a
// thousand scenarios, of which two thirds are within one of it.
size_t Size(const WideScenario& s) {
  const auto closes = static_cast<size_t>(std::ranges::count(s.settings, "listener closes"));
  size_t size = 30 * s.tasks.size() + 29 * s.Threads() + 32 * closes + 5;
  if (s.tasks.size() > 1) size += 5;  // a third one seldom meets the others
  for (const auto& supervisor : s.supervisors) {
    size += 3 * Statements(supervisor.body) * supervisor.threads;
    if (supervisor.Text().find("loop {") != std::string::npos) size += 10 * supervisor.threads;
    if (supervisor.Says("policy")) size += 16 + 14 * supervisor.threads;
    if (supervisor.Says("in any order")) size += 22;
    if (!supervisor.Says("anything")) continue;
    size += supervisor.Says("addfd") ? 31u : 49u;
    if (!s.memories.empty() && !supervisor.Says("pin")) size += 45;
  }
  for (const auto& each : s.signals) {
    size += each.disposition == "ignored" ? 7 : 27 * std::max<size_t>(1, each.count);
  }
  for (const auto& peer : s.peers) size += peer.body.empty() ? 2 * peer.shares.size() - 22 : 30;
  return size;
}

}  // namespace wide

WideScenario MakeWideScenario(uint64_t seed, const WideOptions& options) {
  for (uint64_t other = seed;; other = ~(other * 0x9e3779b97f4a7c15u)) {
    WideScenario s = wide::Maker(other, options).made();
    s.seed = seed;
    if (wide::Size(s) <= options.largest) return s;
  }
}

std::vector<WideChange> Reorderings(const WideScenario& s) {
  WideScenario reversed = s;
  reversed.order.clear();
  for (size_t i = s.Declarations().size(); i-- > 0;) reversed.order.push_back(i);
  for (auto& supervisor : reversed.supervisors) {
    const auto is_rule = [](const std::string& line) { return line.starts_with("policy"); };
    std::reverse(supervisor.lines.begin(), std::ranges::find_if_not(supervisor.lines, is_rule));
  }
  WideScenario shuffled = reversed;
  wide::Deal deal(~s.seed);
  for (size_t i = shuffled.order.size(); i > 1; --i) {
    std::swap(shuffled.order[i - 1], shuffled.order[deal.Below(i)]);
  }
  return {{"reversed", reversed, {}}, {"shuffled", shuffled, {}}};
}

std::vector<WideChange> Additions(const WideScenario& s) {
  std::vector<WideChange> changes;
  wide::Deal deal(~s.seed);
  const auto changed = [&](const std::string& what) -> WideScenario& {
    changes.push_back({what, s, {}});
    changes.back().scenario.order.clear();
    return changes.back().scenario;
  };
  const auto writers = std::ranges::count_if(s.peers, [](const auto& p) { return p.body.empty(); });
  const bool varies = std::ranges::any_of(s.memories, &WideScenario::Memory::Varies);
  // The most general peer is a writer too, once a counterexample is made concrete.
  if (varies && writers < 2) {
    const std::string with = deal.Of(s.tasks).name;
    changed("a peer").peers.push_back(
        {"X", "memory with " + with + deal.Word("1 |1 , writes 1"), {}});
  }
  for (size_t i = 0; i < s.memories.size(); ++i) {
    WideScenario::Memory memory = s.memories[i];
    wide::Strings& values = memory.entries[deal.Below(memory.entries.size())];
    std::string value = memory.IsTable() ? "NULL" : std::ranges::max(values, {}, wide::Bytes);
    if (!memory.IsTable() && value.size() > 2) value[value.size() - 2] = 'z';
    if (std::ranges::count(values, value) != 0) continue;
    values.push_back(value);
    changed("a value of " + memory.name).memories[i] = memory;
  }
  const size_t line = deal.Below(s.signals.size() + 1);
  wide::Strings others;
  for (const auto& task : s.tasks) others.push_back(task.name);
  for (const auto& v : s.supervisors) others.push_back(v.name + (v.threads > 1 ? "1" : ""));
  for (const auto& each : s.signals) {
    if (each.Handles()) std::erase(others, each.to);
  }
  const std::string how = deal.Word("2 handler|2 handler restarts|1 ignored");
  if (line < s.signals.size() && s.signals[line].count > 0) {
    ++changed("one more of the signals to " + s.signals[line].to).signals[line].count;
  } else if (!others.empty() && s.signals.size() < 3) {
    const std::string to = deal.Of(others);
    changed("a signal to " + to).signals.push_back({to, 1, how, {}});
  }
  // What may be called once more: a child starts once, and few filters are installed.
  wide::Strings calls = {"umask()"};
  static const std::set<std::string> kOnce = {"", "fork", "clone", "seccomp", "kill"};
  for (const auto& task : s.tasks) {
    for (const std::string& action : WideScenario::ActionsOf(task.body)) {
      if (kOnce.count(wide::FunctionOf(action)) == 0) calls.push_back(action);
    }
  }
  const std::string call = deal.Of(calls);
  // With two supervisors, a script of a peer and `listener closes` one more would be too many.
  if (s.tasks.size() < 3) {
    const bool thread = deal.Percent(60);
    changed("a task").tasks.push_back(
        {thread ? "thread" : "target", "X", thread ? " of T" : "", {{{call, "nothing"}, true}}});
  }
  // Not a block, nor what the next one's test is about.
  const auto may_widen = [](const WideScenario::Body& body, size_t at) {
    return body[at].word.empty() && (at + 1 == body.size() || body[at + 1].word.empty());
  };
  const auto widen = [](WideScenario::Statement& statement, const std::string& action) {
    statement.choice = true;
    statement.actions.push_back(action);
  };
  const size_t t = deal.Below(s.tasks.size());
  if (!s.tasks[t].body.empty()) {
    const size_t at = deal.Below(s.tasks[t].body.size());
    const std::string other = deal.Percent(50) ? call : deal.Word("1 nothing|1 exit()");
    if (may_widen(s.tasks[t].body, at)) {
      widen(changed("an alternative of " + s.tasks[t].name).tasks[t].body[at], other);
    }
  }
  for (size_t i = 0; i < s.supervisors.size(); ++i) {
    if (!s.supervisors[i].IsScript()) continue;
    const size_t at = deal.Below(s.supervisors[i].body.size());
    // The first statement of every script makes n.
    const std::string other = deal.Word(at == 0 ? "1 nothing" : "1 nothing|1 send(n, value 3)");
    if (may_widen(s.supervisors[i].body, at)) {
      widen(changed("an alternative of " + s.supervisors[i].name).supervisors[i].body[at], other);
    }
  }
  return changes;
}

std::vector<WideChange> Freed(const WideScenario& s) {
  std::vector<WideChange> changes;
  const bool scripts = std::ranges::all_of(s.supervisors, [](const auto& supervisor) {
    const wide::Strings actions = WideScenario::ActionsOf(supervisor.body);
    return supervisor.IsScript() && std::ranges::none_of(actions, [](const std::string& action) {
             const std::string function = wide::FunctionOf(action);
             return function == "kill" || (function.empty() && action != "nothing");
           });
  });
  if (scripts && s.tasks.size() <= 2) {
    changes.push_back({"anything", s, {"progress", "hangup", "resumes"}});
    for (auto& supervisor : changes[0].scenario.supervisors) {
      const bool expects = supervisor.Text().find(" == ") != std::string::npos;
      if (expects) changes[0].silent.emplace_back("expectation");
      supervisor = {supervisor.name, supervisor.threads, "", {"anything"}, {}};
    }
  }
  for (size_t i = 0; i < s.supervisors.size(); ++i) {
    const auto& supervisor = s.supervisors[i];
    if (!supervisor.Says("policy") || supervisor.Says("in any order")) continue;
    if (supervisor.Says("read and continue")) continue;
    changes.push_back({"in any order", s, {}});
    wide::Strings& lines = changes.back().scenario.supervisors[i].lines;
    std::erase(lines, "on EEXIST: deny");
    lines.emplace_back("in any order");
  }
  return changes;
}

}  // namespace knotcheck::verify::testing
