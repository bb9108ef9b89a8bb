// SPDX-License-Identifier: Apache-2.0
//
// Policies: what is looked at, where it is kept, and what is done with it.

#include "lang/compiler.h"

namespace knotcheck::lang {

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
      if (compiled.error >= model::kERESTARTSYS) {
        return Error(rule.otherwise.where,
                     absl::StrCat("found ", rule.otherwise.text,
                                  ", which is no error that a reply has: a kernel restarts calls "
                                  "by numbers of its own"));
      }
      if (!program_.policy.empty() && program_.policy[0].error != compiled.error) {
        return Error(rule.otherwise.where,
                     "found another error number than in the first rule, "
                     "expected one for the whole policy");
      }
      program_.trapped.set(static_cast<size_t>(*nr));
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

// What a role of a call can be about: of a nested one, whatever its parents' words may point to.
std::vector<int> Compiler::ObjectsOf(const Op& op, const model::Role& role) const {
  if (role.parent < 0) {
    const int object = program_.values[op.pointers[role.arg]].object;
    return object < 0 ? std::vector<int>() : std::vector<int>{object};
  }
  std::vector<int> objects;
  const auto& roles = SyscallOf(op.nr).roles;
  for (const int parent : ObjectsOf(op, roles[static_cast<size_t>(role.parent)])) {
    const Object& o = program_.objects[static_cast<size_t>(parent)];
    if (role.word >= o.words) continue;
    for (const Value v : program_.words[static_cast<size_t>(o.first_word + role.word)].domain) {
      if (program_.values[v].object >= 0) objects.push_back(program_.values[v].object);
    }
  }
  return objects;
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
        for (const int object : ObjectsOf(op, role)) {
          const Object& o = program_.objects[static_cast<size_t>(object)];
          if (role.shape == model::Shape::kStrings) {
            entries = std::max<int>(entries, o.words);
            for (int w = 0; w < o.words; ++w) {
              for (const Value v : program_.words[static_cast<size_t>(o.first_word + w)].domain) {
                const int string = program_.values[v].object;
                if (string >= 0) {
                  stride =
                      std::max<int>(stride, program_.objects[static_cast<size_t>(string)].words);
                }
              }
            }
          } else {
            entries = 1;
            stride = std::max<int>(stride, o.words);
          }
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
          for (const auto& conditions : rule.alternatives) {
            for (const Condition& condition : conditions) {
              inspected |= condition.role == role.name;
            }
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

absl::StatusOr<model::PolicyCondition> Compiler::CompileCondition(const Rule& rule,
                                                                  const Condition& condition,
                                                                  Nr nr) {
  using Test = model::PolicyCondition::Test;
  const model::Syscall& syscall = SyscallOf(nr);
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
  model::PolicyCondition c;
  c.role = static_cast<uint8_t>(role - syscall.roles.begin());
  if (condition.test == Condition::Test::kAny) {
    c.test = Test::kAny;
    return c;
  }
  if (table != condition.table) {
    return Error(condition.where,
                 table ? "expected a list [\"...\", \"...\"]" : "expected one \"...\"");
  }
  const model::SeenLayout& layout = program_.seen[static_cast<size_t>(nr)][c.role];
  const bool string = role->IsString() || table;
  if (!table) {
    c.words = Words(condition.values[0].text, string);
    // Bytes are compared as far as the call may look at them.
    if (!string) c.words.resize(std::max<size_t>(c.words.size(), layout.stride));
  } else {
    for (const Atom& value : condition.values) {
      std::vector<Value> words = Words(value.text, true);
      // Nobody looks behind a string's NUL.
      words.resize(std::max<size_t>(words.size(), layout.stride), model::kAbsent);
      c.words.insert(c.words.end(), words.begin(), words.end());
    }
    c.words.push_back(model::kAbsent);
  }
  c.test = condition.test == Condition::Test::kEqual ? Test::kEqual : Test::kNotEqual;
  // No argument of any call holds that much.
  if (c.words.size() > static_cast<size_t>(layout.entries * layout.stride)) {
    c.test = c.test == Test::kEqual ? Test::kNever : Test::kAny;
    if (layout.entries != 0) {
      Note(condition.where, absl::StrCat("note: no ", role->name, " of ", rule.call,
                                         " is as long as this, so the condition is ",
                                         c.test == Test::kNever ? "never met" : "always met"));
    }
  }
  return c;
}

// A descriptor for what the policy looks at; it names a register. One an argument, whatever the
// number of conditions.
void Compiler::PinForPolicy(Nr nr, const model::Role& role) {
  model::Descriptor descriptor;
  descriptor.arg = role.arg;
  uint32_t bytes = 0;
  for (const TaskInfo& info : program_.tasks) {
    for (const auto* ops : {&info.ops, &info.handler}) {
      for (const Op& op : *ops) {
        if (op.code != OpCode::kSyscall || op.nr != nr || role.IsString()) continue;
        for (const int object : ObjectsOf(op, role)) {
          const auto length = role.length_arg;
          bytes = std::max<uint32_t>(
              bytes, length >= 0 ? static_cast<uint32_t>(op.scalars[static_cast<size_t>(length)])
                                 : program_.objects[static_cast<size_t>(object)].bytes);
        }
      }
    }
  }
  const int verb = proposal_.protection.verb;
  if (verb < 0 || role.parent >= 0 ||
      !DescriptorFor(proposal_.verbs[static_cast<size_t>(verb)], role.shape, bytes, &descriptor)) {
    return;
  }
  auto& pins = program_.policy_pins[static_cast<size_t>(nr)];
  if (std::none_of(pins.begin(), pins.end(),
                   [&descriptor](const model::Descriptor& d) { return d.arg == descriptor.arg; })) {
    pins.push_back(descriptor);
  }
}

absl::Status Compiler::FinishPolicy() {
  if (policies_.empty()) return absl::OkStatus();
  const Supervisor& declared = *policies_[0].second;
  for (size_t i = 0; i < declared.policy.size(); ++i) {
    const Rule& rule = declared.policy[i];
    model::PolicyRule& compiled = program_.policy[i];
    for (const auto& conditions : rule.alternatives) {
      auto& alternative = compiled.alternatives.emplace_back();
      for (const Condition& condition : conditions) {
        const auto c = CompileCondition(rule, condition, compiled.nr);
        if (!c.ok()) return c.status();
        alternative.push_back(*c);
        PinForPolicy(compiled.nr, SyscallOf(compiled.nr).roles[c->role]);
      }
    }
    if (rule.alternatives.empty()) compiled.alternatives.emplace_back();
  }
  return PolicyScripts();
}

// Gives every supervisor with a policy the proposal's protocol.
absl::Status Compiler::PolicyScripts() {
  for (const auto& [task, supervisor] : policies_) {
    model::Reactions reactions;
    for (const Reaction& reaction : supervisor->reactions) {
      reactions.emplace_back(reaction.error, reaction.action);
    }
    std::string error;
    std::vector<Op> ops;
    // The baseline comes first.
    const model::Proposal& by =
        proposal_.policy_script != nullptr ? proposal_ : *model::AllProposals().front();
    if (!supervisor->in_any_order) {
      ops = by.policy_script(reactions, &error);
    } else if (!reactions.empty()) {
      return Error(supervisor->reactions[0].where,
                   "found a reaction, expected none: 'in any order' has all of them");
    } else if (by.general_policy_script == nullptr) {
      return NotUnder(supervisor->where, "'in any order'");
    } else {
      ops = by.general_policy_script(
          static_cast<int>(std::count_if(program_.tasks.begin(), program_.tasks.end(),
                                         [](const TaskInfo& info) { return info.filtered; })));
    }
    if (!error.empty()) {
      // What one proposal reacts to, another does not return.
      for (const model::Proposal* other : model::AllProposals()) {
        std::string ignored;
        if (std::string_view(other->name) != proposal_.name && other->policy_script != nullptr &&
            !other->policy_script(reactions, &ignored).empty() && ignored.empty()) {
          ops = by.policy_script({}, &ignored);
          error.clear();
          break;
        }
      }
    }
    if (!error.empty()) {
      return Error(supervisor->reactions[0].where, absl::StrCat("expected ", error));
    }
    for (Op& op : ops) {
      op.line = supervisor->where.line;
      if (op.code == OpCode::kVerb) SetInitialFields(by.verbs[op.verb], &op);
      if (op.error == model::kPolicyError) {
        op.error = static_cast<int16_t>(-program_.policy[0].error);
        op.text = absl::StrCat("ioctl(SEND, -", model::ErrnoName(program_.policy[0].error), ")",
                               op.listed == 0 ? "" : absl::StrCat(" of #", op.listed));
      }
    }
    TaskInfo& info = program_.tasks[static_cast<size_t>(task)];
    info.ops = std::move(ops);
    info.decides = std::any_of(info.ops.begin(), info.ops.end(),
                               [](const Op& op) { return op.code == OpCode::kDecide; });
  }
  return absl::OkStatus();
}

// Who looks and says CONTINUE has a view of each target's notification; who tells each other has
// one together.
void Compiler::Views() {
  for (auto& row : program_.view) row.fill(-1);
  const auto& tasks = program_.tasks;
  for (size_t s = 0; s < tasks.size(); ++s) {
    if (tasks[s].kind != model::TaskKind::kSupervisor || tasks[s].decides) continue;
    bool looks = false;
    bool allows = false;
    for (const TaskInfo& other : tasks) {
      if (other.kind != model::TaskKind::kSupervisor || other.lookers != tasks[s].lookers) continue;
      for (const Op& op : other.ops) {
        looks |= op.code == OpCode::kReadArgs || op.code == OpCode::kVerb || op.honest;
        allows |= op.code == OpCode::kSend && (op.flags & 1);
      }
    }
    if (!looks || !allows) continue;
    const size_t first = tasks[s].lookers;
    for (size_t t = 0; t < tasks.size(); ++t) {
      if (!tasks[t].filtered) continue;
      // Whichever of them is declared first.
      int8_t& shared = program_.view[first][t];
      if (shared < 0) shared = static_cast<int8_t>(program_.views++);
      program_.view[s][t] = shared;
    }
  }
  KNOT_CHECK(program_.views <= model::kMaxViews);
  for (const TaskInfo& info : tasks) {
    for (const Op& op : info.ops) {
      program_.puts_back |= op.code == OpCode::kRecv && (op.options & model::kBufFaults);
    }
  }
}

}  // namespace knotcheck::lang
