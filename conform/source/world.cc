// SPDX-License-Identifier: GPL-2.0 OR Apache-2.0

#include "conform/source/world.h"

#include <sys/syscall.h>

#include <algorithm>
#include <cstring>

#include "conform/runner/uapi.h"
#include "conform/source/kernel_api.h"
#include "conform/source/room.h"

namespace knotcheck::source {

using runner::Code;
using runner::HandlerKind;
using runner::ObjectKind;
using runner::Op;
using runner::TaskKind;
using runner::Value;

World* world = nullptr;

namespace {

// Objects end where a page of user memory ends; nothing is mapped elsewhere.
constexpr uint64_t kUserBase = 0x10000;
constexpr uint64_t kUserPage = 0x1000;
constexpr uint64_t kDangling = 0xdead000;
constexpr int kImages = 1000;  // address spaces of programs
constexpr uint32_t kAnyStores = ~0u;

void Body(int thread) { world->RunThread(thread); }

uint64_t BytesIn(const runner::Object& object) {
  return object.kind == ObjectKind::kString ? (object.bytes + 7) / 8 * 8 : object.bytes;
}

bool IsSupervisor(const runner::Task& task) { return task.kind == TaskKind::kSupervisor; }

}  // namespace

std::string World::Cannot(const runner::Plan& plan) {
  if (!plan.stress) return "a directed plan";
  if (plan.tasks.size() > KNOT_TASKS) return "more tasks than there are";
  static constexpr int kBodies[] = {SYS_openat, SYS_bind,    SYS_write, SYS_read, SYS_execve,
                                    SYS_umask,  SYS_close,   SYS_dup2,  SYS_fork, SYS_clone,
                                    SYS_exit,   SYS_seccomp, SYS_getpid};
  for (const runner::Task& task : plan.tasks) {
    for (const auto* script : {&task.script, &task.handler_script}) {
      for (const Op& op : *script) {
        if (op.code == Code::kCall &&
            std::find(std::begin(kBodies), std::end(kBodies), op.nr) == std::end(kBodies)) {
          return "a call that has no body here, number " + std::to_string(op.nr);
        }
      }
    }
  }
  return "";
}

int World::SpaceOfTask(int task) const {
  // The first of those that share it.
  const runner::Task& t = plan_.tasks[static_cast<size_t>(task)];
  if (t.of < 0) return task;
  if (t.kind == TaskKind::kChild) return task;
  return SpaceOfTask(t.of);
}

World::World(const runner::Plan& plan) : plan_(plan) {
  words_ = plan.words.size();
  threads_ =
      tasks() + static_cast<int>(plan.senders.size()) + (plan.writer && plan.writer_stores > 0);
  const size_t run_bytes =
      sizeof(Run) + KNOT_TASKS * words_ * (sizeof(uint64_t) + sizeof(bool)) + 64;
  arena_ = new Arena(kernel_api.kernel_bytes(), run_bytes, threads_);
  engine_ = new Engine(arena_, threads_);
  source::engine = engine_;
  source::world = this;
  Begin();
}

namespace {

template <class Fn>
bool AnyOp(const runner::Plan& plan, Fn&& wanted) {
  for (const runner::Task& task : plan.tasks) {
    for (const auto* script : {&task.script, &task.handler_script}) {
      if (std::any_of(script->begin(), script->end(), wanted)) return true;
    }
  }
  return false;
}

knot_plan WhatIsDone(const runner::Plan& plan) {
  const auto calls = [&plan](std::initializer_list<int> numbers) {
    return AnyOp(plan, [&numbers](const Op& op) {
      return op.code == Code::kCall &&
             std::find(numbers.begin(), numbers.end(), op.nr) != numbers.end();
    });
  };
  knot_plan does = {};
  does.looks =
      AnyOp(plan, [](const Op& op) { return op.code == Code::kRead || op.code == Code::kVerb; });
  does.installs = calls({SYS_seccomp});
  does.closes = does.installs || calls({SYS_close, SYS_dup2, SYS_execve}) ||
                AnyOp(plan, [](const Op& op) { return op.code == Code::kClose; });
  return does;
}

}  // namespace

// A signal that kills one thread kills all of its process.
bool World::IsSignalled(int task) const {
  const auto process = [this](int of) {
    while (plan_.tasks[static_cast<size_t>(of)].kind == TaskKind::kThread ||
           plan_.tasks[static_cast<size_t>(of)].kind == TaskKind::kChildThread) {
      of = plan_.tasks[static_cast<size_t>(of)].of;
    }
    return of;
  };
  for (const runner::Sender& sender : plan_.senders) {
    if (process(sender.task) == process(task)) return true;
  }
  for (const runner::Task& each : plan_.tasks) {
    for (const auto* script : {&each.script, &each.handler_script}) {
      for (const Op& op : *script) {
        const bool executes = op.code == Code::kCall && op.nr == SYS_execve;
        if (op.code == Code::kKill && process(op.task) == process(task)) return true;
        // Its other threads die.
        if (executes && process(static_cast<int>(&each - plan_.tasks.data())) == process(task)) {
          return true;
        }
      }
    }
  }
  return false;
}

void World::Begin() {
  std::memset(arena_->bytes(), 0, arena_->words() * 8);
  kernel_api.kernel_begin(arena_->kernel());
  for (int space = 0; space < KNOT_TASKS; ++space) {
    for (size_t w = 0; w < words_; ++w) {
      StoreValue(space, static_cast<int>(w), plan_.words[w].values[0]);
    }
  }
  const knot_plan does = WhatIsDone(plan_);
  kernel_api.plan_begin(&does);
  int installer = -1;
  int supervisor = -1;
  for (int t = 0; t < tasks(); ++t) {
    const runner::Task& task = plan_.tasks[static_cast<size_t>(t)];
    knot_task how = {};
    how.supervises = IsSupervisor(task) ? 1 : 0;
    how.filtered = task.kind != TaskKind::kSupervisor && task.kind != TaskKind::kPeer &&
                   task.kind != TaskKind::kFilePeer;
    how.starts = task.kind != TaskKind::kChild && task.kind != TaskKind::kChildThread;
    how.handler = static_cast<int>(task.handler);
    how.nofile = static_cast<int>(task.nofile);
    how.space = how.files = how.group = t;
    if (task.kind == TaskKind::kThread) how.space = how.files = how.group = task.of;
    if (task.kind == TaskKind::kPeer) how.space = SpaceOfTask(task.of);
    if (task.kind == TaskKind::kFilePeer) {
      how.space = SpaceOfTask(task.of);
      how.files = task.of;
    }
    if (how.supervises) {
      if (supervisor < 0) supervisor = t;
      how.space = how.files = how.group = supervisor;
    }
    how.signalled = IsSignalled(t);
    kernel_api.task_begin(t, &how);
    if (task.kind == TaskKind::kTarget && installer < 0) installer = t;
    engine_->Prepare(t, Body);
    if (how.starts) engine_->Start(t);
  }
  for (int t = tasks(); t < threads_; ++t) {
    engine_->Prepare(t, Body);
    engine_->Start(t);
  }
  for (size_t i = 0; i < plan_.senders.size(); ++i) {
    run().signals_left[i] = static_cast<uint32_t>(plan_.senders[i].count);
  }
  run().stores_left = static_cast<uint32_t>(plan_.writer_stores);
  std::vector<int> traps(plan_.traps.begin(), plan_.traps.end());
  const long error = kernel_api.filter_begin(
      installer, traps.data(), static_cast<unsigned>(traps.size()), plan_.wait_killable);
  if (error < 0) {
    broken_ = "seccomp(2) of the first target returned " + std::to_string(error);
    return;
  }
  if (supervisor >= 0) kernel_api.give_listener(supervisor);
  arena_->header().failures_left = plan_.failures;
}

// ---- User memory

uint64_t World::AddressOf(const Value& value) const {
  switch (value.kind) {
    case Value::Kind::kNumber:
      return value.number;
    case Value::Kind::kObject: {
      const auto o = static_cast<size_t>(value.number);
      return kUserBase + kUserPage * (2 * o + 1) - BytesIn(plan_.objects[o]) + value.offset;
    }
    default:
      return kDangling;
  }
}

uint64_t World::Bits(const Value& value) const {
  return value.kind == Value::Kind::kUnmapped ? 0 : AddressOf(value);
}

World::Place World::PlaceOf(uint64_t address) const {
  for (size_t o = 0; o < plan_.objects.size(); ++o) {
    const uint64_t begin = AddressOf({Value::Kind::kObject, o, 0});
    if (address >= begin && address < begin + BytesIn(plan_.objects[o])) {
      return {static_cast<int>(o), address - begin};
    }
  }
  return {};
}

// Objects that are not private are the same in all address spaces.
int World::SpaceOf(int space, int object) const {
  return plan_.objects[static_cast<size_t>(object)].is_private ? space : 0;
}

uint64_t& World::WordAt(int space, int word) const {
  auto* const words = reinterpret_cast<uint64_t*>(&run() + 1);
  return words[static_cast<size_t>(SpaceOf(space, plan_.words[static_cast<size_t>(word)].object)) *
                   words_ +
               static_cast<size_t>(word)];
}

bool& World::UnmappedAt(int space, int word) const {
  auto* const words = reinterpret_cast<uint64_t*>(&run() + 1);
  auto* const unmapped = reinterpret_cast<bool*>(words + KNOT_TASKS * words_);
  return unmapped[static_cast<size_t>(
                      SpaceOf(space, plan_.words[static_cast<size_t>(word)].object)) *
                      words_ +
                  static_cast<size_t>(word)];
}

void World::StoreValue(int space, int word, const Value& value) {
  const bool unmaps = value.kind == Value::Kind::kUnmapped;
  const int object = plan_.words[static_cast<size_t>(word)].object;
  for (size_t w = 0; w < words_; ++w) {
    if (plan_.words[w].object == object) UnmappedAt(space, static_cast<int>(w)) = unmaps;
  }
  if (!unmaps) WordAt(space, word) = Bits(value);
}

void World::CopySpace(int from, int to) {
  for (size_t w = 0; w < words_; ++w) {
    const int word = static_cast<int>(w);
    if (!plan_.objects[static_cast<size_t>(plan_.words[w].object)].is_private) continue;
    WordAt(to, word) = WordAt(from, word);
    UnmappedAt(to, word) = UnmappedAt(from, word);
  }
}

int World::Image(const char* path) const {
  for (size_t i = 0; i < plan_.images.size(); ++i) {
    if (plan_.images[i].path == path) return kImages + static_cast<int>(i);
  }
  return -1;
}

bool World::Exists(const char* path) const {
  const std::string name = path[0] == '/' ? path : std::string("/") + path;
  return std::find(plan_.files.begin(), plan_.files.end(), name) != plan_.files.end();
}

unsigned long World::Read(int space, uint64_t from, char* to, unsigned long bytes) {
  if (arena_->Has(reinterpret_cast<void*>(from)) || engine_->current() == KNOT_TASKS) {
    std::memcpy(to, reinterpret_cast<void*>(from), bytes);
    return 0;
  }
  for (unsigned long done = 0; done < bytes;) {
    const uint64_t address = from + done;
    const Place place = PlaceOf(address);
    if (place.object < 0 || space < 0) return bytes - done;
    if (space >= kImages) {
      const auto& images = plan_.images;
      const std::string& path = images[static_cast<size_t>(space - kImages)].path;
      const auto image = std::find_if(images.begin(), images.end(), [&](const auto& each) {
        return each.path == path && each.object == place.object;
      });
      if (image == images.end()) return bytes - done;
      to[done++] = place.offset < image->bytes.size() ? image->bytes[place.offset] : 0;
      continue;
    }
    int word = 0;
    while (plan_.words[static_cast<size_t>(word)].object != place.object ||
           plan_.words[static_cast<size_t>(word)].offset + 8 <= place.offset) {
      ++word;
    }
    const auto& values = plan_.words[static_cast<size_t>(word)].values;
    const uint64_t within = place.offset % 8;
    const unsigned long chunk = std::min<unsigned long>(
        {bytes - done, 8 - within,
         BytesIn(plan_.objects[static_cast<size_t>(place.object)]) - place.offset});
    uint64_t content;
    if (plan_.writer && plan_.writer_stores == 0 && values.size() > 1) {
      // Whoever stores all the time may have stored any of them.
      const Value& value = values[engine_->Choose(static_cast<uint32_t>(values.size()))];
      if (value.kind == Value::Kind::kUnmapped) return bytes - done;
      content = Bits(value);
    } else {
      if (values.size() > 1) engine_->Yield();
      if (UnmappedAt(space, word)) return bytes - done;
      content = WordAt(space, word);
    }
    std::memcpy(to + done, reinterpret_cast<char*>(&content) + within, chunk);
    done += chunk;
  }
  return 0;
}

// Two bytes in a row that nobody has written: no plan's memory has such.
bool World::IsUninitialised(const char* bytes, size_t count) {
  constexpr auto kNever = static_cast<char>(KNOT_NEVER_WRITTEN);
  for (size_t i = 1; i < count; ++i) {
    if (bytes[i] == kNever && bytes[i - 1] == kNever) return true;
  }
  return false;
}

unsigned long World::Write(int space, uint64_t to, const char* from, unsigned long bytes,
                           uintptr_t caller) {
  if (IsUninitialised(from, bytes)) {
    engine_->Fail(KNOT_UNINITIALISED, "bytes that nobody has written, which user space gets",
                  caller);
  }
  Thread& me = arena_->header().threads[engine_->current()];
  if (arena_->Has(reinterpret_cast<void*>(to))) {
    if (me.faults) return bytes;
    std::memcpy(reinterpret_cast<void*>(to), from, bytes);
    return 0;
  }
  for (unsigned long done = 0; done < bytes;) {
    const Place place = PlaceOf(to + done);
    if (place.object < 0 || space < 0 || space >= kImages) return bytes - done;
    int word = 0;
    while (plan_.words[static_cast<size_t>(word)].object != place.object ||
           plan_.words[static_cast<size_t>(word)].offset + 8 <= place.offset) {
      ++word;
    }
    const uint64_t within = place.offset % 8;
    const unsigned long chunk = std::min<unsigned long>(
        {bytes - done, 8 - within,
         BytesIn(plan_.objects[static_cast<size_t>(place.object)]) - place.offset});
    engine_->Yield();
    if (UnmappedAt(space, word)) return bytes - done;
    std::memcpy(reinterpret_cast<char*>(&WordAt(space, word)) + within, from + done, chunk);
    done += chunk;
  }
  return 0;
}

// ---- What user space sees

void World::AddText(int task, const char* text, size_t count) {
  Log& log = run().logs[task];
  const size_t at = log.pool_bytes + log.pending_bytes;
  if (at + count > kPoolBytes) {
    engine_->Fail(KNOT_LOST, "more to tell of a task than there is room for", 0);
  }
  std::memcpy(log.pool + at, text, count);
  log.pending_bytes = static_cast<uint16_t>(log.pending_bytes + count);
}

void World::AddHex(int task, const char* bytes, size_t count) {
  if (count == 0) return AddText(task, "-", 1);
  for (size_t i = 0; i < count; ++i) {
    const auto byte = static_cast<unsigned char>(bytes[i]);
    const char digits[2] = {"0123456789abcdef"[byte >> 4], "0123456789abcdef"[byte & 15]};
    AddText(task, digits, 2);
  }
}

void World::Acted(const char* key, const char* bytes, size_t count, uintptr_t caller) {
  if (IsUninitialised(bytes, count)) {
    engine_->Fail(KNOT_UNINITIALISED_READ, "bytes that nobody has written, which the call acts on",
                  caller);
  }
  const int task = engine_->current();
  Log& log = run().logs[task];
  const size_t length = std::strlen(key);
  const char* const pending = log.pool + log.pool_bytes;
  // A second one of a key stands behind a comma.
  bool again = false;
  for (size_t i = 0; i + length < log.pending_bytes; ++i) {
    again |= std::memcmp(pending + i, key, length) == 0 && pending[i + length] == '=';
  }
  if (again) {
    AddText(task, ",", 1);
  } else {
    if (log.pending_bytes > 0) AddText(task, ":", 1);
    AddText(task, key, length);
    AddText(task, "=", 1);
  }
  AddHex(task, bytes, count);
}

void World::ActedBuffer(uint64_t address, size_t count) {
  const int task = engine_->current();
  const Place place = PlaceOf(address);
  if (place.object < 0) return;
  const char key[] = "used=";
  AddText(task, key, sizeof(key) - 1);
  for (size_t i = 0; i < count; ++i) {
    char byte = 0;
    for (size_t w = 0; w < words_; ++w) {
      const runner::Word& word = plan_.words[w];
      const uint64_t offset = place.offset + i;
      if (word.object != place.object || offset < word.offset || offset >= word.offset + 8)
        continue;
      byte = reinterpret_cast<char*>(
          &WordAt(SpaceOfTask(task), static_cast<int>(w)))[offset - word.offset];
    }
    AddHex(task, &byte, 1);
  }
}

bool World::IsOver() const {
  for (int t = 0; t < tasks(); ++t) {
    if (engine_->Choices(t) != 0) return false;
  }
  return true;
}

bool World::IsDeadlocked() const {
  for (int t = 0; t < threads_; ++t) {
    const Thread& thread = arena_->header().threads[t];
    if (thread.life == Life::kReady && thread.ready != nullptr &&
        kernel_api.waits_for_lock(thread.ready) != 0) {
      return true;
    }
  }
  return false;
}

std::string World::ThreadName(int thread) const {
  if (thread < tasks()) return plan_.tasks[static_cast<size_t>(thread)].name;
  return thread - tasks() < static_cast<int>(plan_.senders.size()) ? "signals" : "stores";
}

std::string World::Doing(int thread) const {
  if (thread >= tasks() || run().logs[thread].tokens == 0) return "-";
  const Log& log = run().logs[thread];
  // A handler's stand behind the one that the signal has interrupted.
  for (int i = log.tokens - 1; i >= 0; --i) {
    const Token& token = log.token[i];
    if (token.returned) continue;
    const runner::Task& task = plan_.tasks[static_cast<size_t>(thread)];
    const auto& script = token.handler ? task.handler_script : task.script;
    return (token.handler ? "h" : "") + std::to_string(script[static_cast<size_t>(token.op)].label);
  }
  return "-";
}

std::string World::Outcome() const {
  std::string text;
  for (int t = 0; t < tasks(); ++t) {
    const runner::Task& task = plan_.tasks[static_cast<size_t>(t)];
    const Log& log = run().logs[t];
    const bool loops = IsSupervisor(task) && !plan_.rules.empty();
    std::string tokens;
    for (int i = 0; i < log.tokens; ++i) {
      const Token& token = log.token[i];
      const auto& script = token.handler ? task.handler_script : task.script;
      const Op& op = script[static_cast<size_t>(token.op)];
      if (op.code == Code::kRecv && loops && (!token.returned || token.ret < 0)) continue;
      std::string one = (token.handler ? "h" : "") + std::to_string(op.label) + "=";
      if (!token.returned) {
        if (runner::Exits(op)) continue;
        one += "asleep";
      } else {
        one += std::to_string(token.ret);
        if (token.details_bytes != 0) {
          one += ":" + std::string(log.pool + token.details_at, token.details_bytes);
        }
      }
      tokens += (tokens.empty() ? "" : " ") + one;
    }
    if (kernel_api.is_dead(t) != 0) tokens += tokens.empty() ? "dead" : " dead";
    text += (text.empty() ? "" : " ") + task.name + "[" + tokens + "]";
  }
  return text;
}

// ---- Scripts

void World::RunThread(int thread) {
  if (thread < tasks()) {
    RunScript(thread, false);
    while (true) {
      engine_->Wait(kernel_api.may_be_interrupted,
                    reinterpret_cast<void*>(static_cast<intptr_t>(thread)));
      kernel_api.user_mode();
    }
  }
  const int helper = thread - tasks();
  if (helper < static_cast<int>(plan_.senders.size())) {
    const runner::Sender& sender = plan_.senders[static_cast<size_t>(helper)];
    while (run().signals_left[helper] > 0) {
      engine_->Yield();
      --run().signals_left[helper];
      kernel_api.signal(sender.task, sender.fatal ? 1 : 0);
    }
    engine_->Gone();
  }
  while (run().stores_left > 0) {
    uint32_t count = 0;
    for (const runner::Word& word : plan_.words) {
      if (word.values.size() > 1) count += static_cast<uint32_t>(word.values.size());
    }
    if (count == 0) engine_->Gone();
    uint32_t choice = engine_->Choose(count);
    if (count == 1) engine_->Yield();
    --run().stores_left;
    for (size_t w = 0; w < words_; ++w) {
      const auto& values = plan_.words[w].values;
      if (values.size() < 2) continue;
      if (choice < values.size()) {
        StoreValue(0, static_cast<int>(w), values[choice]);
        break;
      }
      choice -= static_cast<uint32_t>(values.size());
    }
  }
  engine_->Gone();
}

// What the interrupted call has acted on stays with it.
void World::RunHandler() {
  Log& log = run().logs[engine_->current()];
  for (int i = log.tokens - 1; i >= 0 && log.pending_bytes > 0; --i) {
    Token& token = log.token[i];
    if (token.returned) continue;
    token.details_at = log.pool_bytes;
    token.details_bytes = log.pending_bytes;
    log.pool_bytes = static_cast<uint16_t>(log.pool_bytes + log.pending_bytes);
    log.pending_bytes = 0;
  }
  RunScript(engine_->current(), true);
}

void World::RunScript(int task, bool handler) {
  const runner::Task& t = plan_.tasks[static_cast<size_t>(task)];
  const runner::Script& script = handler ? t.handler_script : t.script;
  const bool decides = std::any_of(script.begin(), script.end(),
                                   [](const Op& op) { return op.code == Code::kDecide; });
  int64_t ret = 0;
  for (int at = 0; at < static_cast<int>(script.size());) {
    const Op& op = script[static_cast<size_t>(at)];
    if (op.code == Code::kEnd) return;
    const int next = Jump(task, op, at, ret);
    if (next >= 0) {
      at = next;
      continue;
    }
    // A policy receives for ever: with nobody left it would go round for ever.
    if (decides) engine_->Wait(kernel_api.is_filtered, nullptr);
    kernel_api.user_mode();
    Log& log = run().logs[task];
    if (log.tokens == kTokens)
      engine_->Fail(KNOT_LOST, "more operations than there is room for", 0);
    const int token = log.tokens++;
    log.token[token] = {static_cast<int16_t>(at), handler, false, 0, 0, 0};
    log.pending_bytes = 0;
    ret = Execute(task, op);
    const bool loops = IsSupervisor(t) && !plan_.rules.empty();
    if (op.code == Code::kRecv && ret < 0 && loops) {
      --log.tokens;
      log.token[token] = Token{};
    } else {
      Token& done = log.token[token];
      done.returned = true;
      done.ret = static_cast<int32_t>(ret);
      if (ret < 0) {
        done.details_at = done.details_bytes = 0;
        std::memset(log.pool + log.pool_bytes, 0, log.pending_bytes);
      } else if (log.pending_bytes > 0) {
        done.details_at = log.pool_bytes;
        done.details_bytes = log.pending_bytes;
        log.pool_bytes = static_cast<uint16_t>(log.pool_bytes + log.pending_bytes);
      }
    }
    log.pending_bytes = 0;
    ++at;
  }
}

int64_t World::Execute(int task, const Op& op) {
  switch (op.code) {
    case Code::kCall: {
      unsigned long args[6];
      for (int i = 0; i < 6; ++i) args[i] = AddressOf(op.args[i]);
      if (op.nr == SYS_fork || op.nr == SYS_clone) kernel_api.next_child(op.task);
      return kernel_api.call(op.nr, args);
    }
    case Code::kStore:
      engine_->Yield();
      StoreValue(SpaceOfTask(task), op.word, op.value);
      return 0;
    case Code::kKill:
      engine_->Yield();
      kernel_api.signal(op.task, 1);
      return 0;
    default:
      return Supervise(task, op);
  }
}

bool World::MayFault(const Op& op) {
  return (op.options & runner::kFault) != 0 && engine_->Choose(2) == 1;
}

int64_t World::Ioctl(unsigned long command, unsigned long argument) {
  return kernel_api.listener_call(KNOT_CALL_IOCTL, command, argument);
}

void World::Forget(int task, int variable) {
  About& about = run().about[task][variable];
  std::memset(about.seen, 0, sizeof(about.seen));
  about.kept_bytes = 0;
  std::memset(about.kept, 0, sizeof(about.kept));
}

void World::AddRegister(int task, char key, int reg) {
  if (run().logs[task].pending_bytes > 0) AddText(task, ":", 1);
  const char text[3] = {key, static_cast<char>('0' + reg), '='};
  AddText(task, text, 3);
}

About::Seen* World::Keep(int task, int variable, int reg) {
  About& about = run().about[task][variable];
  about.seen[reg] = {true, false, about.kept_bytes, 0};
  return &about.seen[reg];
}

int64_t World::Supervise(int task, const Op& op) {
  About* const about = run().about[task];
  Thread& me = arena_->header().threads[task];
  const auto argument = [&op](const void* of) {
    return (op.options & runner::kNull) != 0 ? 0 : reinterpret_cast<unsigned long>(of);
  };
  switch (op.code) {
    case Code::kRecv: {
      runner::seccomp_notif notif = {};
      if ((op.options & runner::kGarbage) != 0) notif.flags = 1;
      me.faults = MayFault(op);
      const int64_t ret = Ioctl(runner::kIoctlRecv, argument(&notif));
      me.faults = false;
      if (ret == 0) {
        About& a = about[op.variable];
        std::memset(&a, 0, sizeof(a));
        a.id = notif.id;
        a.pid = notif.pid;
        a.nr = notif.data.nr;
        std::copy_n(notif.data.args, 6, a.args);
      }
      return ret;
    }
    case Code::kSend: {
      const runner::seccomp_notif_resp response = {about[op.variable].id, op.val,
                                                   static_cast<int32_t>(-op.error),
                                                   static_cast<uint32_t>(op.number)};
      return Ioctl(runner::kIoctlSend, argument(&response));
    }
    case Code::kIdValid:
      return Ioctl(runner::kIoctlIdValid, argument(&about[op.variable].id));
    case Code::kAddfd: {
      runner::seccomp_notif_addfd request = {};
      request.id = about[op.variable].id;
      if ((op.options & runner::kSetfd) != 0) request.flags |= runner::kAddfdSetfd;
      if ((op.options & runner::kAddfdAndSend) != 0) request.flags |= runner::kAddfdSend;
      if ((op.options & runner::kBadFlags) != 0) request.flags |= 0x80000000u;
      request.srcfd = (op.options & runner::kBadFd) != 0 ? 1u << 20 : KNOT_GIVEN;
      request.newfd = static_cast<uint32_t>(op.number);
      return Ioctl(runner::kIoctlAddfd, argument(&request));
    }
    case Code::kSetFlags:
      return Ioctl(runner::kIoctlSetFlags, static_cast<unsigned long>(op.number));
    case Code::kPoll:
      return kernel_api.listener_call(KNOT_CALL_POLL, (op.options & runner::kIn) != 0 ? 1 : 5,
                                      (op.options & runner::kNowait) == 0);
    case Code::kVerb:
      return RunVerb(*op.verb, *this, task, op);
    case Code::kRead:
      return Look(task, op);
    case Code::kAfter: {
      About& a = about[op.variable];
      a = about[op.other];
      ++a.id;
      std::memset(a.seen, 0, sizeof(a.seen));
      return 0;
    }
    case Code::kClose:
      return kernel_api.listener_call(KNOT_CALL_CLOSE, 0, 0);
    default:
      return 0;
  }
}

}  // namespace knotcheck::source
