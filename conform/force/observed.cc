// SPDX-License-Identifier: Apache-2.0

#include "conform/force/observed.h"

#include <algorithm>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "model/property.h"

namespace knotcheck::conform {
namespace {

using model::Observation;
using model::OpCode;
using model::Program;
using model::Value;

constexpr uint8_t kExecveArgv = 1;

// `bytes` bytes of words in hex; a string ends at its NUL.
std::string Hex(const Program& program, const Value* words, int count, int bytes, bool string) {
  std::string hex;
  for (int w = 0; w < count; ++w) {
    const Value value = words[w];
    const bool known = value != model::kUninit && value != model::kAbsent;
    for (int i = 0; i < 8 && 8 * w + i < bytes; ++i) {
      if (!known) {
        hex += "??";
        continue;
      }
      const uint8_t byte = program.values[value].bytes[static_cast<size_t>(i)];
      if (string && byte == 0) return hex;
      absl::StrAppend(&hex, absl::Hex(byte, absl::kZeroPad2));
    }
    // A pointer's bytes depend on where things are.
    if (known && program.values[value].pointer) return "*";
  }
  return hex;
}

// "" has no digits: "-" stands for no bytes.
std::string OrDash(const std::string& hex) { return hex.empty() ? "-" : hex; }

// As the runner tells paths: from the root.
// An empty one is a descriptor's file.
std::string PathHex(const Program& program, const std::vector<Value>& words) {
  std::string hex =
      Hex(program, words.data(), static_cast<int>(words.size()), 1 << 20, /*string=*/true);
  if (hex.empty()) return "*";
  if (hex.rfind("2f", 0) != 0) hex = "2f" + hex;
  return hex;
}

// The strings of a table of which `count` were counted, by the words that were copied.
std::string ArgvHex(const Program& program, int count,
                    const std::map<std::pair<uint8_t, uint8_t>, Value>& copies) {
  std::vector<std::string> argv;
  for (int e = 0; e < count; ++e) {
    std::vector<Value> string;
    for (const auto& [at, value] : copies) {
      if (at.first == e) string.push_back(value);
    }
    argv.push_back(string.empty() ? "*"
                                  : OrDash(Hex(program, string.data(),
                                               static_cast<int>(string.size()), 1 << 20, true)));
  }
  return OrDash(absl::StrJoin(argv, ","));
}

bool HexMatches(const std::string& predicted, const std::string& observed) {
  if (predicted == "*") return true;
  if (predicted.size() != observed.size()) return false;
  for (size_t i = 0; i < predicted.size(); ++i) {
    if (predicted[i] != '?' && predicted[i] != observed[i]) return false;
  }
  return true;
}

// Lists of hex strings; a predicted "*" element is any string.
bool DetailMatches(const std::string& predicted, const std::string& observed) {
  const std::vector<std::string> p = absl::StrSplit(predicted, ',');
  const std::vector<std::string> o = absl::StrSplit(observed, ',');
  if (p.size() != o.size()) return predicted == "*";
  for (size_t i = 0; i < p.size(); ++i) {
    if (!HexMatches(p[i], o[i])) return false;
  }
  return true;
}

// What the supervisor's last look showed of the call's arguments.
void Seen(const Program& program, const std::map<int, std::vector<Value>>& saw,
          const model::Op& call, const std::vector<model::Descriptor>& asked, Token* token) {
  const auto& roles = model::SyscallOf(call.nr).roles;
  for (size_t r = 0; r < roles.size(); ++r) {
    const model::SeenLayout& layout = program.seen[static_cast<size_t>(call.nr)][r];
    const auto at = saw.find(static_cast<int>(r));
    if (layout.entries == 0 || at == saw.end() || roles[r].parent >= 0) continue;
    const std::string key = absl::StrCat("r", static_cast<int>(roles[r].arg));
    const Value* words = at->second.data();
    if (roles[r].shape == model::Shape::kStrings) {
      std::vector<std::string> strings;
      for (int e = 0; e < layout.entries && words[e * layout.stride] != model::kAbsent; ++e) {
        strings.push_back(OrDash(
            Hex(program, words + e * layout.stride, layout.stride, 8 * layout.stride, true)));
      }
      token->details[key] = OrDash(absl::StrJoin(strings, ","));
      continue;
    }
    const int object = program.values[call.pointers[roles[r].arg]].object;
    if (object < 0) continue;
    int bytes = program.objects[static_cast<size_t>(object)].bytes;
    if (!roles[r].IsString() && roles[r].length_arg >= 0) {
      bytes = std::min(bytes, call.scalars[static_cast<size_t>(roles[r].length_arg)]);
    }
    bool string = roles[r].IsString();
    for (const model::Descriptor& d : asked) {
      if (d.arg != roles[r].arg) continue;
      // Bytes are given whatever they are; a string ends at its NUL.
      string = d.reads != model::Reads::kBytes;
      bytes = static_cast<int>(
          std::min<int64_t>(program.objects[static_cast<size_t>(object)].bytes, d.max_bytes));
    }
    token->details[key] = OrDash(Hex(program, words, layout.stride, bytes, string));
  }
}

}  // namespace

bool ExecutesInHandler(const Program& program, const model::Observation& o) {
  return o.kind == Observation::Kind::kReturns && (o.call & 0x80) != 0 && o.ret == 0 &&
         model::IsExec(OpOf(program, o.task, o.call).nr);
}

bool FollowsPolicy(const model::TaskInfo& task) {
  return std::any_of(task.ops.begin(), task.ops.end(),
                     [](const model::Op& op) { return op.code == OpCode::kDecide; });
}

const model::Op& OpOf(const Program& program, int task, uint8_t call) {
  const model::TaskInfo& info = program.tasks[static_cast<size_t>(task)];
  return (call & 0x80) ? info.handler[call & 0x7f] : info.ops[call];
}

std::string CallName(uint8_t call) {
  return absl::StrCat((call & 0x80) ? "h" : "", static_cast<int>(call & 0x7f));
}

std::string TokenText(const Token& token) {
  std::string text = CallName(token.call) + "=";
  if (!token.returned) return text + "asleep";
  absl::StrAppend(&text, token.any_result ? std::string("*") : absl::StrCat(token.ret));
  for (const auto& [key, value] : token.details) absl::StrAppend(&text, ":", key, "=", value);
  return text;
}

std::string ObservedText(const Program& program, const Observed& outcome) {
  std::vector<std::string> tasks;
  for (size_t t = 0; t < outcome.tasks.size(); ++t) {
    std::vector<std::string> tokens;
    for (const Token& token : outcome.tasks[t]) tokens.push_back(TokenText(token));
    if (outcome.dead[t]) tokens.emplace_back("dead");
    if (tokens.empty()) continue;
    tasks.push_back(absl::StrCat(program.tasks[t].name, "[", absl::StrJoin(tokens, " "), "]"));
  }
  return absl::StrJoin(tasks, " ");
}

bool Matches(const Token& predicted, const Token& observed) {
  if (predicted.call != observed.call || predicted.returned != observed.returned) return false;
  if (!predicted.returned) return true;
  if (!predicted.any_result && predicted.ret != observed.ret) return false;
  for (const auto& [key, value] : predicted.details) {
    const auto at = observed.details.find(key);
    if (at == observed.details.end() || !DetailMatches(value, at->second)) return false;
  }
  return true;
}

bool Matches(const Observed& predicted, const Observed& observed) {
  if (predicted.dead != observed.dead) return false;
  for (size_t t = 0; t < predicted.tasks.size(); ++t) {
    const auto& p = predicted.tasks[t];
    const auto& o = observed.tasks[t];
    if (p.size() != o.size()) return false;
    for (size_t i = 0; i < p.size(); ++i) {
      if (!Matches(p[i], o[i])) return false;
    }
  }
  return true;
}

void Recorder::Return(int task, Token& token, Pending& pending, model::Ret ret,
                      const model::State& state) {
  const Program& program = *program_;
  const model::Op& op = OpOf(program, task, token.call);
  token.returned = true;
  token.ret = ret;
  if (op.code == OpCode::kReadArgs || op.code == OpCode::kVerb) {
    const model::Task& me = state.tasks[task];
    const int target = me.variable_task[op.variable] - 1;
    if (ret == 0 && target >= 0) {
      const model::Op& call = OpOf(program, target, me.variable_call[op.variable]);
      const auto& by_policy = program.policy_pins[static_cast<size_t>(call.nr)];
      const std::vector<model::Descriptor> none;
      Seen(program, pending.saw, call,
           op.code != OpCode::kVerb ? none
           : op.descriptors.empty() ? by_policy
                                    : op.descriptors,
           &token);
      for (const auto& [arg, cut] : pending.cuts) {
        token.details[absl::StrCat("c", static_cast<int>(arg))] = cut ? "1" : "0";
      }
    }
  }
  if (op.code != OpCode::kSyscall) return;
  if (op.nr == model::Nr::kFork || op.nr == model::Nr::kClone) return;
  // What a call of the table returns is not modelled, if the body ran: it has acted on something.
  if (op.nr > model::Nr::kSeccomp && ret == 0 && !pending.acts_on.empty()) token.any_result = true;
  if (ret < 0 || pending.acts_on.empty()) return;
  const auto words = static_cast<int>(pending.acts_on.size());
  switch (op.nr) {
    case model::Nr::kOpenat:
      token.details["used"] = PathHex(program, pending.acts_on);
      break;
    case model::Nr::kBind:
      // Whether an address of which nobody knows the family can be bound, nobody knows.
      token.any_result = pending.acts_on[0] == model::kUninit;
      if (token.any_result) break;
      token.details["used"] =
          OrDash(Hex(program, pending.acts_on.data(), words, op.scalars[2], false));
      break;
    case model::Nr::kWrite:
      token.details["used"] = OrDash(Hex(program, pending.acts_on.data(), words, ret, false));
      break;
    case model::Nr::kExecve:
    case model::Nr::kExecveat: {
      token.details["used"] = PathHex(program, pending.acts_on);
      token.details["argv"] = ArgvHex(program, pending.argc, pending.copies);
      break;
    }
    case model::Nr::k_memfd_create:
      token.details["used"] =
          OrDash(Hex(program, pending.acts_on.data(), words, 1 << 20, /*string=*/true));
      break;
    default:
      break;
  }
}

// What the signal has interrupted, whose result user space would have seen behind the handler.
void Abandon(std::vector<Token>* tokens) {
  const auto at = std::find_if(tokens->rbegin(), tokens->rend(),
                               [](const Token& token) { return !(token.call & 0x80); });
  if (at == tokens->rend()) return;
  Token abandoned;
  abandoned.call = at->call;
  abandoned.abandoned = true;
  *at = abandoned;
}

bool IsAtEnd(const model::TaskInfo& task, const std::vector<Token>& tokens) {
  const auto last = std::find_if(tokens.rbegin(), tokens.rend(),
                                 [](const Token& token) { return !(token.call & 0x80); });
  if (last == tokens.rend()) return task.ops.size() <= 1;
  return last->returned && task.ops[last->call].code != OpCode::kEnd &&
         last->call + 2u >= task.ops.size();
}

bool Recorder::Active(int task) const {
  const auto& tokens = tokens_[static_cast<size_t>(task)];
  return std::any_of(tokens.begin(), tokens.end(),
                     [](const Token& token) { return !token.returned && !token.abandoned; });
}

bool Recorder::IsFirst(const Observation& begins) const {
  // Operations of a handler may stand behind it.
  const auto& tokens = tokens_[begins.task];
  return std::none_of(tokens.begin(), tokens.end(), [&begins](const Token& token) {
    return !token.returned && !token.abandoned && token.call == begins.call;
  });
}

void Recorder::Add(const model::Observations& observations, const model::State& state) {
  const Program& program = *program_;
  for (const Observation& o : observations) {
    auto& tokens = tokens_[o.task];
    Pending& pending = pending_[o.task];
    switch (o.kind) {
      case Observation::Kind::kBegins:
        if (IsFirst(o)) tokens.emplace_back().call = o.call;
        pending = {};
        break;
      case Observation::Kind::kReturns: {
        // Of an interrupted call the handler's operations may stand in between.
        const auto at = std::find_if(tokens.rbegin(), tokens.rend(), [&o](const Token& t) {
          return !t.returned && t.call == o.call;
        });
        if (at == tokens.rend()) break;
        Return(o.task, *at, pending, o.ret, state);
        pending = {};
        if (ExecutesInHandler(program, o)) Abandon(&tokens);
        break;
      }
      case Observation::Kind::kActs:
        break;
      case Observation::Kind::kActsOn:
        pending.acts_on.resize(std::max<size_t>(pending.acts_on.size(), o.word + 1u));
        pending.acts_on[o.word] = o.value;
        break;
      case Observation::Kind::kCounts:
        pending.argc = o.ret;
        break;
      case Observation::Kind::kCopies:
        if (model::IsExec(OpOf(program, o.task, o.call).nr) && o.role == kExecveArgv) {
          pending.copies[{o.entry, o.word}] = o.value;
        }
        break;
      case Observation::Kind::kCuts:
        pending.cut = true;
        break;
      case Observation::Kind::kShows:
        pending.cuts[o.role] = pending.cut;
        pending.cut = false;
        break;
      case Observation::Kind::kSaw:
        pending.saw[o.role].resize(std::max<size_t>(pending.saw[o.role].size(), o.word + 1u));
        pending.saw[o.role][o.word] = o.value;
        break;
      case Observation::Kind::kHandler:
      case Observation::Kind::kReads:
      case Observation::Kind::kShowsWord:
        break;
    }
  }
}

Observed Recorder::Finish(const model::State& state) const {
  const Program& program = *program_;
  Observed outcome;
  outcome.tasks = tokens_;
  for (size_t t = 0; t < program.tasks.size(); ++t) {
    const model::TaskInfo& info = program.tasks[t];
    const model::Task& task = state.tasks[t];
    auto& tokens = outcome.tasks[t];
    const bool dead = task.status == model::kDead || task.status == model::kExiting;
    // Die() leaves nothing of a task: whether it ended by itself is what it had begun last.
    outcome.dead.push_back(dead && !IsAtEnd(info, tokens));
    // Whether a killed task had begun its last call nobody can tell.
    if (dead && !tokens.empty() && !tokens.back().returned) tokens.pop_back();
    if (!FollowsPolicy(info)) continue;
    std::erase_if(tokens, [&info](const Token& token) {
      return info.ops[token.call].code == OpCode::kRecv && (!token.returned || token.ret < 0);
    });
  }
  return outcome;
}

std::string Recorder::Key() const {
  std::string key;
  for (size_t t = 0; t < tokens_.size(); ++t) {
    for (const Token& token : tokens_[t]) absl::StrAppend(&key, TokenText(token), " ");
    const Pending& p = pending_[t];
    for (const Value value : p.acts_on) key.push_back(static_cast<char>(value));
    for (const auto& [at, value] : p.copies) {
      key.push_back(static_cast<char>(at.first));
      key.push_back(static_cast<char>(at.second));
      key.push_back(static_cast<char>(value));
    }
    absl::StrAppend(&key, p.argc, p.cut ? "c" : "");
    for (const auto& [arg, cut] : p.cuts) {
      absl::StrAppend(&key, ",", static_cast<int>(arg), cut ? "c" : "");
    }
    key.push_back(';');
  }
  return key;
}

}  // namespace knotcheck::conform
