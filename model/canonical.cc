// SPDX-License-Identifier: Apache-2.0

#include "model/canonical.h"

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstring>
#include <numeric>
#include <optional>

#include "base/hash.h"
#include "model/kernel/kernel.h"

namespace knotcheck::model {
namespace {

uint64_t Mix(uint64_t h, uint64_t value) {
  return base::Fold(h ^ value ^ base::kHashSeed, base::kHashFactor);
}

// A hash of `count` words under `masks`. Two at a time, each pair by itself: a multiplication need
// not wait for the one before.
uint64_t HashMasked(const uint64_t* words, const uint64_t* masks, size_t count) {
  uint64_t sum = 0;
  const auto pair = [&sum](uint64_t a, uint64_t b, uint64_t place) {
    sum += base::Fold(a ^ (base::kHashSeed + place), b ^ (base::kHashFactor - place));
  };
  size_t i = 0;
  for (; i + 1 < count; i += 2) pair(words[i] & masks[i], words[i + 1] & masks[i + 1], i << 32);
  if (i < count) pair(words[i] & masks[i], 0, i << 32);
  return sum;
}
uint64_t HashBytes(uint64_t h, const uint8_t* bytes, size_t count) {
  for (; count > 0;) {
    uint64_t word = 0;
    const size_t portion = std::min<size_t>(count, 8);
    std::memcpy(&word, bytes, portion);
    h = Mix(h, word);
    bytes += portion;
    count -= portion;
  }
  return h;
}

// What an op does, whatever it is called and wherever it stands, with a store named by its place in
// the address space of whose task it is. Every field counts that is not set to nothing here.
Op Effect(const Program& p, const TaskInfo& info, Op op) {
  op.text.clear();
  op.line = 0;
  if (op.code == OpCode::kStore && info.kind != TaskKind::kSupervisor) {
    op.word = static_cast<uint8_t>(op.word - p.FirstWordOf(info.space));
  }
  return op;
}

// All of a task but the names that it has for itself.
TaskInfo Nature(const Program& p, TaskInfo info) {
  for (auto* ops : {&info.ops, &info.handler}) {
    for (Op& op : *ops) op = Effect(p, info, op);
  }
  info.name.clear();
  info.files = 0;
  info.space = 0;
  info.group = 0;
  info.lookers = 0;
  return info;
}

bool NamesTask(const Op& op) {
  return op.code == OpCode::kKill ||
         (op.code == OpCode::kSyscall && (op.nr == Nr::kFork || op.nr == Nr::kClone));
}

uint8_t& ByteOf(State& state, uint32_t offset) {
  return reinterpret_cast<uint8_t*>(state.words())[offset];
}
uint8_t ByteOf(const State& state, uint32_t offset) {
  return reinterpret_cast<const uint8_t*>(state.words())[offset];
}

}  // namespace

// Calls fn(byte) for each byte of a task that names a notification.
template <class S, class Fn>
void Canonical::ForEachId(S& state, size_t t, Fn&& fn) const {
  for (const uint32_t offset : task_names_[t].ids) fn(ByteOf(state, offset));
  auto& task = state.tasks[t];
  size_t base = 0;
  for (int f = 0; f < kMaxFrames && task.frames[f].function != 0; ++f) {
    const NamingLocals& function = naming_[task.frames[f].function];
    for (const uint8_t local : function.ids) fn(task.locals[base + local]);
    base += function.local_bytes;
  }
}

// Calls fn(byte, names) for each byte of the locals of a task's functions that names a task.
template <class T, class Fn>
void Canonical::ForEachLocalTaskName(T& task, Fn&& fn) const {
  size_t base = 0;
  for (int f = 0; f < kMaxFrames && task.frames[f].function != 0; ++f) {
    const NamingLocals& function = naming_[task.frames[f].function];
    for (const auto& [local, names] : function.tasks) fn(task.locals[base + local], names);
    base += function.local_bytes;
  }
}

// ... and of the task.
template <class S, class Fn>
void Canonical::ForEachTaskName(S& state, size_t t, Fn&& fn) const {
  for (const NameAt& name : task_names_[t].tasks) fn(ByteOf(state, name.offset), name.names);
  ForEachLocalTaskName(state.tasks[t], fn);
}

Canonical::Canonical(const Program& program, const Proposal& proposal, const Layout& layout,
                     const std::vector<Field>& fields)
    : program_(program), proposal_(proposal), layout_(layout), dead_(program) {
  const size_t tasks = program.tasks.size();
  task_names_.resize(tasks);
  plain_.assign(tasks, {});
  for (auto& words : plain_) words.fill(~uint64_t{0});
  const auto parts = layout.TaskParts();
  for (size_t p = 0; p < parts.size(); ++p) {
    plain_part_[p].assign(tasks, std::vector<uint64_t>((parts[p].bytes + 7) / 8, ~uint64_t{0}));
  }
  for (const Field& field : fields) {
    if (field.names == kNextId) next_ids_.push_back(field.offset);
    if (field.names == kPlain || field.names == kNextId) continue;
    const bool of_task = field.offset < layout.tasks_at + tasks * sizeof(Task);
    const auto part = std::find_if(parts.begin(), parts.end(), [&](const TaskPart& each) {
      return field.offset >= each.at && field.offset < each.at + tasks * each.bytes;
    });
    const bool of_part = part != parts.end();
    if (of_task || of_part) {
      const auto t = static_cast<size_t>(field.owner);
      // Signatures tell nothing of other tasks or objects but what they are.
      if (field.names != kId && of_task) {
        const size_t at = field.offset - layout.tasks_at - t * sizeof(Task);
        reinterpret_cast<uint8_t*>(plain_[t].data())[at] = 0;
      }
      if (field.names != kId && of_part) {
        const size_t at = field.offset - part->at - t * part->bytes;
        auto& words = plain_part_[static_cast<size_t>(part - parts.begin())][t];
        reinterpret_cast<uint8_t*>(words.data())[at] = 0;
      }
      if (field.names == kObject) objects_.emplace_back(t, field.offset);
      if (field.names == kId) task_names_[t].ids.push_back(field.offset);
      if (field.names == kTask || field.names == kTaskPlusOne) {
        task_names_[t].tasks.push_back(NameAt{field.offset, field.names});
      }
    } else if (field.names == kId) {
      names_.ids.push_back(field.offset);
    } else if (field.names != kObject && field.names != kTable) {
      names_.tasks.push_back(NameAt{field.offset, field.names});
    }
  }
  const auto locals_of = [this](size_t number, const FunctionInfo& function) {
    NamingLocals& naming = naming_[number];
    naming.local_bytes = static_cast<uint8_t>(function.local_bytes);
    for (size_t i = 0; i < function.local_bytes; ++i) {
      const auto local = static_cast<uint8_t>(i);
      if (function.locals[i] == 'i') naming.ids.push_back(local);
      if (function.locals[i] == 't') naming.tasks.emplace_back(local, kTask);
      if (function.locals[i] == 'T') naming.tasks.emplace_back(local, kTaskPlusOne);
    }
  };
  for (size_t f = 1; f < static_cast<size_t>(Fn::kCount); ++f) {
    locals_of(f, CoreFunction(static_cast<int>(f)));
  }
  for (size_t f = 0; f < proposal.functions.size(); ++f) {
    locals_of(static_cast<size_t>(kFirstProposalFunction) + f, proposal.functions[f]);
  }
  senders_.resize(program.tasks.size());
  for (size_t i = 0; i < program.senders.size(); ++i) {
    senders_[program.senders[i].task].push_back(static_cast<int>(i));
  }
  std::vector<bool> placed(program.tasks.size(), false);
  for (size_t a = 0; a < program.tasks.size(); ++a) {
    if (placed[a]) continue;
    std::vector<int> members = {static_cast<int>(a)};
    for (size_t b = a + 1; b < program.tasks.size(); ++b) {
      if (!placed[b] && Interchangeable(a, b)) {
        placed[b] = true;
        members.push_back(static_cast<int>(b));
      }
    }
    if (members.size() < 2) continue;
    for (const int member : members) movable_ |= 1u << member;
    classes_.push_back(members);
  }
  std::erase_if(objects_, [this](const auto& object) { return !(movable_ >> object.first & 1); });
  for (const TaskInfo& task : program.tasks) {
    for (const Op& op : task.ops) {
      // Who predicts ids knows their numbers.
      if (op.code == OpCode::kAfter) renumbers_ = false;
    }
  }
}

bool Canonical::Interchangeable(size_t a, size_t b) const {
  const auto& tasks = program_.tasks;
  const TaskInfo& x = tasks[a];
  const TaskInfo& y = tasks[b];
  if (!x.starts || Nature(program_, x) != Nature(program_, y)) return false;
  const bool supervises = x.kind == TaskKind::kSupervisor;
  // Each alone in its group and, but for supervisors, which have no use for them, with a table and
  // an address space of its own; and named by nobody.
  const auto alone = [&](uint8_t TaskInfo::*what, const TaskInfo& info, size_t self) {
    for (size_t t = 0; t < tasks.size(); ++t) {
      const bool counts = (tasks[t].kind == TaskKind::kSupervisor) == supervises;
      if (t != self && counts && tasks[t].*what == info.*what) return false;
    }
    return true;
  };
  if (!alone(&TaskInfo::group, x, a) || !alone(&TaskInfo::group, y, b)) return false;
  if (supervises) {
    const bool together = x.lookers == y.lookers;
    if (!together && !(alone(&TaskInfo::lookers, x, a) && alone(&TaskInfo::lookers, y, b))) {
      return false;
    }
  } else {
    if (!alone(&TaskInfo::files, x, a) || !alone(&TaskInfo::files, y, b)) return false;
    if (!alone(&TaskInfo::space, x, a) || !alone(&TaskInfo::space, y, b)) return false;
    if (std::any_of(program_.words.begin(), program_.words.end(),
                    [](const Word& word) { return word.in_all_spaces; })) {
      return false;
    }
    if (program_.nofile[x.files] != program_.nofile[y.files]) return false;
    for (const WriterInfo& writer : program_.writers) {
      if (writer.space == x.space || writer.space == y.space) return false;
    }
    const int first = program_.FirstWordOf(x.space);
    const int other = program_.FirstWordOf(y.space);
    for (int w = 0; w < program_.words_of_space; ++w) {
      const Word& p = program_.words[static_cast<size_t>(first + w)];
      const Word& q = program_.words[static_cast<size_t>(other + w)];
      if (p.domain != q.domain || p.shared != q.shared) return false;
      // Somebody else's script stores there.
      if ((p.stored_by & ~(1u << a)) != 0 || (q.stored_by & ~(1u << b)) != 0) return false;
    }
  }
  for (const TaskInfo& other : tasks) {
    for (const auto* ops : {&other.ops, &other.handler}) {
      for (const Op& op : *ops) {
        if (NamesTask(op) && (op.task == a || op.task == b)) return false;
      }
    }
  }
  if (senders_[a].size() != senders_[b].size()) return false;
  for (size_t i = 0; i < senders_[a].size(); ++i) {
    const SenderInfo& p = program_.senders[static_cast<size_t>(senders_[a][i])];
    const SenderInfo& q = program_.senders[static_cast<size_t>(senders_[b][i])];
    if (p.count != q.count || p.disposition != q.disposition) return false;
  }
  return true;
}

void Canonical::ClearDead(State* state) const {
  // Which processor a wake-up chooses is not modelled, so nobody reads what SET_FLAGS says of it.
  state->filter().flags = 0;
  for (size_t t = 0; t < program_.tasks.size(); ++t) {
    Task& task = state->tasks[t];
    const uint8_t dead = dead_.Of(t, task);
    if (dead == 0) continue;
    for (int v = 0; v < kMaxVariables; ++v) {
      if (!(dead >> v & 1) || task.variable_id[v] == 0) continue;
      if (task.ghost_id == task.variable_id[v] && task.ghost_id != task.variable_id[1 - v]) {
        // As RECV does: nothing names that notification any more.
        task.ghost_id = 0;
        task.ghost_roles = 0;
        task.ghost &= static_cast<uint8_t>(~kGhostTruncated);
        std::memset(task.seen, 0, sizeof(task.seen));
      }
      task.variable_id[v] = 0;
      task.variable_task[v] = 0;
      task.variable_call[v] = 0;
    }
  }
}

void Canonical::RenumberIds(State* state) const {
  uint64_t used = 1;
  const auto collect = [&used](uint8_t id) { used |= uint64_t{1} << id; };
  for (size_t t = 0; t < program_.tasks.size(); ++t) ForEachId(*state, t, collect);
  for (const uint32_t offset : names_.ids) collect(ByteOf(*state, offset));
  // Only equality and order are ever looked at, and a new id is above all others.
  uint8_t ranks[64];
  uint8_t count = 0;
  for (uint64_t rest = used; rest != 0; rest &= rest - 1) ranks[std::countr_zero(rest)] = count++;
  for (const uint32_t next : next_ids_) ByteOf(*state, next) = count;
  if (used == (count < 64 ? (uint64_t{1} << count) - 1 : ~uint64_t{0})) return;
  const auto rename = [&ranks](uint8_t& id) { id = ranks[id]; };
  for (size_t t = 0; t < program_.tasks.size(); ++t) ForEachId(*state, t, rename);
  for (const uint32_t offset : names_.ids) rename(ByteOf(*state, offset));
}

void Canonical::Permute(const State& from, const Permutation& to, State* result) const {
  *result = from;
  const auto rename = [&to](uint8_t& name, Names names) {
    if (names == kTask) name = static_cast<uint8_t>(to[name]);
    if (names == kTaskPlusOne && name != 0) name = static_cast<uint8_t>(to[name - 1] + 1);
  };
  const size_t tasks = program_.tasks.size();
  for (size_t t = 0; t < tasks; ++t) {
    const auto n = static_cast<size_t>(to[t]);
    Task& task = result->tasks[n];
    if (n != t) {
      task = from.tasks[t];
      for (const TaskPart& part : layout_.TaskParts()) {
        std::memcpy(result->PartOf(part, n), from.PartOf(part, t), part.bytes);
      }
    }
    ForEachTaskName(*result, n, rename);
    if (n == t) continue;
    if (program_.tasks[t].kind != TaskKind::kSupervisor) {
      // The tables go along; the task's own number of its table stays that of its place.
      const uint8_t other = program_.tasks[n].files;
      result->files[other] = from.files[program_.tasks[t].files];
      task.files = other;
      std::memcpy(
          &result->memory[static_cast<size_t>(program_.FirstWordOf(program_.tasks[n].space))],
          &from.memory[static_cast<size_t>(program_.FirstWordOf(program_.tasks[t].space))],
          static_cast<size_t>(program_.words_of_space));
    }
    for (size_t i = 0; i < senders_[t].size(); ++i) {
      result->signals_left[static_cast<size_t>(senders_[n][i])] =
          from.signals_left[static_cast<size_t>(senders_[t][i])];
    }
  }
  for (size_t s = 0; s < tasks && program_.views > 0; ++s) {
    for (size_t t = 0; t < tasks; ++t) {
      const int view = program_.view[s][t];
      if (view < 0) continue;
      const int other = program_.view[static_cast<size_t>(to[s])][static_cast<size_t>(to[t])];
      result->views[static_cast<size_t>(other)] = from.views[static_cast<size_t>(view)];
    }
  }
  for (const NameAt& name : names_.tasks) rename(ByteOf(*result, name.offset), name.names);
}

// A number for each task that does not depend on the names of tasks or objects: what it is, then
// what those are that it names and that name it.
uint32_t Canonical::Sign(const State& state, uint64_t* signatures) const {
  uint32_t referenced = 0;
  const size_t tasks = program_.tasks.size();
  uint64_t own[kMaxTasks];
  for (size_t t = 0; t < tasks; ++t) {
    // Who changes places with nobody is told apart by its place.
    if (!(movable_ >> t & 1)) {
      own[t] = Mix(0, t);
      continue;
    }
    uint64_t words[(sizeof(Task) + 7) / 8] = {};
    auto& task = *reinterpret_cast<Task*>(words);
    task = state.tasks[t];
    ForEachLocalTaskName(task, [](uint8_t& name, Names) { name = 0; });
    uint64_t h = HashMasked(words, plain_[t].data(), std::size(words));
    for (const int sender : senders_[t]) {
      h = Mix(h, state.signals_left[static_cast<size_t>(sender)]);
    }
    const auto parts = layout_.TaskParts();
    for (size_t p = 0; p < parts.size(); ++p) {
      for (size_t i = 0; i < parts[p].bytes; i += 8) {
        uint64_t word = 0;
        std::memcpy(&word, state.PartOf(parts[p], t) + i, std::min<size_t>(parts[p].bytes - i, 8));
        h = Mix(h, word & plain_part_[p][t][i / 8]);
      }
    }
    if (program_.tasks[t].kind != TaskKind::kSupervisor) {
      uint64_t files;
      static_assert(sizeof(FilesTable) == sizeof(files));
      std::memcpy(&files, &state.files[program_.tasks[t].files], sizeof(files));
      h = Mix(h, files);
      const auto first = static_cast<size_t>(program_.FirstWordOf(program_.tasks[t].space));
      h = HashBytes(h, &state.memory[first], static_cast<size_t>(program_.words_of_space));
    }
    own[t] = h;
  }
  // Of whom, and for whom, each view is, without saying which.
  for (size_t s = 0; s < tasks && program_.views > 0; ++s) {
    for (size_t t = 0; t < tasks; ++t) {
      if (program_.view[s][t] < 0 || !((movable_ >> s | movable_ >> t) & 1)) continue;
      uint64_t words[sizeof(View) / 8];
      static_assert(sizeof(View) % 8 == 0);
      std::memcpy(words, &state.views[static_cast<size_t>(program_.view[s][t])], sizeof(View));
      uint64_t any = 0;
      for (const uint64_t word : words) any |= word;
      if (any == 0) continue;
      uint64_t h = 0;
      for (const uint64_t word : words) h = Mix(h, word);
      referenced |= 1u << s | 1u << t;
      const auto place_of = [this](size_t task) { return movable_ >> task & 1 ? 0 : task + 1; };
      if (movable_ >> s & 1) own[s] += Mix(h, 1 + 16 * place_of(t));
      if (movable_ >> t & 1) own[t] += Mix(h, 2 + 16 * place_of(s));
    }
  }
  // Objects: who leads to one, not to which.
  for (const auto& [task, offset] : objects_) {
    const bool any = ByteOf(state, offset) != 0;
    own[task] = Mix(own[task], any);
    if (any) referenced |= 1u << task;
  }
  for (size_t t = 0; t < tasks; ++t) signatures[t] = own[t];
  for (size_t t = 0; t < tasks; ++t) {
    uint64_t place = 0;
    ForEachTaskName(state, t, [&](uint8_t name, Names names) {
      ++place;
      if (names == kTaskPlusOne && name == 0) return;
      const size_t named = names == kTaskPlusOne ? name - 1u : name;
      signatures[t] = Mix(signatures[t], Mix(place, own[named]));
      signatures[named] += Mix(place + 1000, own[t]);
      referenced |= 1u << named;
    });
  }
  uint64_t place = 2000;
  for (const NameAt& at : names_.tasks) {
    ++place;
    const uint8_t name = ByteOf(state, at.offset);
    if (at.names == kTaskPlusOne && name == 0) continue;
    const size_t named = at.names == kTaskPlusOne ? name - 1u : name;
    signatures[named] = Mix(signatures[named], place);
    referenced |= 1u << named;
  }
  return referenced;
}

int Canonical::CompareOwn(const State& state, int a, int b) const {
  const auto i = static_cast<size_t>(a);
  const auto j = static_cast<size_t>(b);
  constexpr size_t kWords = (sizeof(Task) + 7) / 8;
  uint64_t words[2][kWords];
  const auto order = [](uint64_t x, uint64_t y) { return x < y ? -1 : 1; };
  // Mostly they stand at different steps.
  static_assert(offsetof(Task, frames) == 0 && sizeof(Task::frames) == 16);
  std::memcpy(words[0], state.tasks[i].frames, 16);
  std::memcpy(words[1], state.tasks[j].frames, 16);
  for (size_t w = 0; w < 2; ++w) {
    if (words[0][w] != words[1][w]) return order(words[0][w], words[1][w]);
  }
  for (size_t which = 0; which < 2; ++which) {
    words[which][kWords - 1] = 0;
    auto& task = *reinterpret_cast<Task*>(words[which]);
    task = state.tasks[which == 0 ? i : j];
    ForEachLocalTaskName(task, [](uint8_t& name, Names) { name = 0; });
  }
  for (size_t w = 2; w < kWords; ++w) {
    const uint64_t x = words[0][w] & plain_[i][w];
    const uint64_t y = words[1][w] & plain_[j][w];
    if (x != y) return order(x, y);
  }
  for (size_t s = 0; s < senders_[i].size(); ++s) {
    const uint8_t x = state.signals_left[static_cast<size_t>(senders_[i][s])];
    const uint8_t y = state.signals_left[static_cast<size_t>(senders_[j][s])];
    if (x != y) return order(x, y);
  }
  const auto parts = layout_.TaskParts();
  for (size_t p = 0; p < parts.size(); ++p) {
    const uint8_t* const of_i = state.PartOf(parts[p], i);
    const uint8_t* const of_j = state.PartOf(parts[p], j);
    for (size_t at = 0; at < parts[p].bytes; ++at) {
      const auto plain = [at](const std::vector<uint64_t>& masks) {
        return static_cast<uint8_t>(masks[at / 8] >> (at % 8 * 8));
      };
      const int x = of_i[at] & plain(plain_part_[p][i]);
      const int y = of_j[at] & plain(plain_part_[p][j]);
      if (x != y) return x < y ? -1 : 1;
    }
  }
  const TaskInfo& x = program_.tasks[i];
  const TaskInfo& y = program_.tasks[j];
  if (x.kind == TaskKind::kSupervisor) return 0;
  const int files = std::memcmp(&state.files[x.files], &state.files[y.files], sizeof(FilesTable));
  if (files != 0) return files;
  return std::memcmp(&state.memory[static_cast<size_t>(program_.FirstWordOf(x.space))],
                     &state.memory[static_cast<size_t>(program_.FirstWordOf(y.space))],
                     static_cast<size_t>(program_.words_of_space));
}

bool Canonical::Equal(const State& state, int a, int b) const {
  const auto i = static_cast<size_t>(a);
  const auto j = static_cast<size_t>(b);
  Task task = state.tasks[i];
  task.files = state.tasks[j].files;
  if (std::memcmp(&task, &state.tasks[j], sizeof(Task)) != 0) return false;
  for (const TaskPart& part : layout_.TaskParts()) {
    if (std::memcmp(state.PartOf(part, i), state.PartOf(part, j), part.bytes) != 0) return false;
  }
  for (size_t s = 0; s < senders_[i].size(); ++s) {
    if (state.signals_left[static_cast<size_t>(senders_[i][s])] !=
        state.signals_left[static_cast<size_t>(senders_[j][s])]) {
      return false;
    }
  }
  const TaskInfo& x = program_.tasks[i];
  const TaskInfo& y = program_.tasks[j];
  if (x.kind == TaskKind::kSupervisor) return true;
  return std::memcmp(&state.files[x.files], &state.files[y.files], sizeof(FilesTable)) == 0 &&
         std::memcmp(&state.memory[static_cast<size_t>(program_.FirstWordOf(x.space))],
                     &state.memory[static_cast<size_t>(program_.FirstWordOf(y.space))],
                     static_cast<size_t>(program_.words_of_space)) == 0;
}

void Canonical::Best(State* state, bool rename) const {
  // One for each thread that searches, whatever program it was at before.
  struct Scratch {
    explicit Scratch(const Layout& of) : layout(of), from(layout), candidate(layout) {}
    const Layout layout;
    StateValue from, candidate;
  };
  thread_local std::optional<Scratch> kept;
  if (!kept || kept->layout != layout_) kept.emplace(layout_);
  Scratch& scratch = *kept;
  // Only for tasks that are not told apart by what they have of their own.
  uint64_t signatures[kMaxTasks];
  uint32_t referenced = 0;
  bool is_signed = false;
  Permutation to;
  std::iota(std::begin(to), std::end(to), 0);
  bool moved = false;
  // Tasks that no signature tells apart, as positions in `order`.
  struct Tie {
    int first, count;
  };
  int order[kMaxTasks];  // classes one after the other
  int places[kMaxTasks];
  Tie ties[kMaxTasks];
  int tie_count = 0;
  int used = 0;
  uint64_t permutations = 1;
  for (const auto& members : classes_) {
    const int begin = used;
    for (const int member : members) {
      places[used] = member;
      order[used++] = member;
    }
    bool alike = false;
    for (int i = begin + 1; i < used; ++i) {
      for (int j = i; j > begin; --j) {
        const int compared = CompareOwn(*state, order[j], order[j - 1]);
        alike |= compared == 0;
        if (compared <= 0) break;
        std::swap(order[j], order[j - 1]);
      }
    }
    if (!alike) continue;
    if (!is_signed) referenced = Sign(*state, signatures);
    is_signed = true;
    for (int i = begin; i < used;) {
      int j = i + 1;
      while (j < used && CompareOwn(*state, order[i], order[j]) == 0) ++j;
      for (int n = i + 1; n < j; ++n) {
        for (int m = n; m > i && signatures[order[m]] > signatures[order[m - 1]]; --m) {
          std::swap(order[m], order[m - 1]);
        }
      }
      i = j;
    }
    for (int i = begin; i < used;) {
      int j = i + 1;
      while (j < used && signatures[order[j]] == signatures[order[i]] &&
             CompareOwn(*state, order[i], order[j]) == 0) {
        ++j;
      }
      // Equal tasks that nothing refers to may stand in any order: it is always the same state.
      bool same = true;
      for (int n = i; n < j && same; ++n) {
        same = !(referenced >> order[n] & 1) && Equal(*state, order[i], order[n]);
      }
      if (j - i > 1 && !same) {
        ties[tie_count++] = Tie{i, j - i};
        for (int k = 2; k <= j - i; ++k) permutations *= static_cast<uint64_t>(k);
      }
      i = j;
    }
  }
  for (int i = 0; i < used; ++i) {
    to[order[i]] = places[i];
    moved |= order[i] != places[i];
  }
  if (permutations > kMostPermutations) tie_count = 0;
  const auto finish = [&](State* s) {
    if (rename && proposal_.renumber != nullptr) proposal_.renumber(program_, s);
  };
  if (tie_count == 0) {
    if (moved) {
      scratch.from = *state;
      Permute(scratch.from, to, state);
    }
    finish(state);
    return;
  }
  // All orders of what is tied, and the least state.
  scratch.from = *state;
  const State& from = scratch.from;
  bool first = true;
  State& candidate = scratch.candidate;
  while (true) {
    for (int i = 0; i < used; ++i) to[order[i]] = places[i];
    Permute(from, to, &candidate);
    finish(&candidate);
    if (first || std::memcmp(candidate.words(), state->words(), layout_.bytes) < 0) {
      *state = candidate;
    }
    first = false;
    int i = 0;
    while (i < tie_count &&
           !std::next_permutation(order + ties[i].first, order + ties[i].first + ties[i].count)) {
      ++i;
    }
    if (i == tie_count) break;
  }
}

void Canonical::Apply(State* state, bool permute, bool rename) const {
  if (rename) {
    ClearDead(state);
    if (renumbers_) RenumberIds(state);
  }
  if (permute && !classes_.empty()) {
    Best(state, rename);
  } else if (rename && proposal_.renumber != nullptr) {
    proposal_.renumber(program_, state);
  }
}

uint64_t Canonical::OrbitSize(const State& state) const {
  std::vector<StateValue> orbit;
  std::vector<std::vector<int>> orders = classes_;
  while (true) {
    Permutation to;
    std::iota(std::begin(to), std::end(to), 0);
    for (size_t c = 0; c < classes_.size(); ++c) {
      for (size_t i = 0; i < classes_[c].size(); ++i) to[classes_[c][i]] = orders[c][i];
    }
    StateValue other(layout_);
    Permute(state, to, &other);
    const auto same = [&other](const State& known) { return known == other; };
    if (std::none_of(orbit.begin(), orbit.end(), same)) orbit.push_back(other);
    size_t c = 0;
    while (c < orders.size() && !std::next_permutation(orders[c].begin(), orders[c].end())) ++c;
    if (c == orders.size()) return orbit.size();
  }
}

}  // namespace knotcheck::model
