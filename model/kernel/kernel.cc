// SPDX-License-Identifier: Apache-2.0

#include "model/kernel/kernel.h"

#include "model/coverage.h"

namespace knotcheck::model {

#define KNOT_FUNCTION(name, file, locals) Flow name(Kernel& k);
#include "model/kernel/functions.def"
#undef KNOT_FUNCTION

extern "C" {
// Set by the linker to the ends of the section that STEP puts its entries into.
extern const StepInfo* const __start_knot_steps[];
extern const StepInfo* const __stop_knot_steps[];
}

std::vector<const StepInfo*> AllSteps() {
  return std::vector<const StepInfo*>(__start_knot_steps, __stop_knot_steps);
}

const FunctionInfo& CoreFunction(int function) {
  static const FunctionInfo functions[] = {
      {"(none)", "", 0, nullptr, ""},
#define KNOT_FUNCTION(name, file, locals) {#name, file, sizeof(locals) - 1, &name, locals},
#include "model/kernel/functions.def"
#undef KNOT_FUNCTION
  };
  return functions[function];
}

const FunctionInfo& Kernel::Function(int function) const { return FunctionOf(proposal, function); }

void Kernel::PushFrame(int function) {
  base_ += Function(me().frames[depth_].function).local_bytes;
  ++depth_;
  KNOT_CHECK(depth_ < kMaxFrames);
  KNOT_CHECK(base_ + Function(function).local_bytes <= kLocalBytes);
  me().frames[depth_] = Frame{static_cast<uint8_t>(function), 0};
}

void Kernel::PopFrame() {
  const size_t bytes = Function(me().frames[depth_].function).local_bytes;
  std::memset(me().locals + base_, 0, bytes);
  me().frames[depth_] = Frame{0, 0};
  KNOT_CHECK(depth_ > 0);
  --depth_;
  base_ -= Function(me().frames[depth_].function).local_bytes;
}

void Kernel::FindTop() {
  depth_ = 0;
  base_ = 0;
  while (depth_ + 1 < kMaxFrames && me().frames[depth_ + 1].function != 0) {
    base_ += Function(me().frames[depth_].function).local_bytes;
    ++depth_;
  }
}

const StepInfo* Kernel::NextStep(const State& state, int task) {
  // A function that is resumed at a STEP returns from it at once when probed_ is set: nothing is
  // written.
  s = const_cast<State*>(&state);
  cur = task;
  if (me().status == kNotStarted || me().status == kDead) return nullptr;
  FindTop();
  const StepInfo* step = nullptr;
  probed_ = &step;
  static_cast<void>(Function(me().frames[depth_].function).run(*this));
  probed_ = nullptr;
  return step;
}

bool Kernel::Step(State* state, int task, int choice) {
  s = state;
  cur = task;
  choice_ = choice;
  arity_ = 1;
  chose_ = false;
  taken_ = nullptr;
  fold_ = false;
  fault_ = false;
  events_ = EventSet();
  if (me().status == kNotStarted || me().status == kDead) return false;
  FindTop();
  while (true) {
    switch (Function(me().frames[depth_].function).run(*this)) {
      case Flow::kBlocked:
        return false;
      case Flow::kYield:
        if (fold_ && depth_ > 0) {
          fold_ = false;
          taken_ = nullptr;
          break;
        }
        if (choice_ >= arity_) return false;
        if (proposal.after_step != nullptr && !fault_) proposal.after_step(*this);
        return true;
      case Flow::kReturn:
        if (coverage_ != nullptr) [[unlikely]]
          CoverReturn();
        PopFrame();
        break;
      case Flow::kCall:
        break;
    }
    if (fault_) return choice_ < arity_;
  }
}

bool Kernel::Enter(const StepInfo& step) {
  if (probed_ != nullptr) {
    *probed_ = &step;
    return true;
  }
  KNOT_CHECK(taken_ == nullptr);
  taken_ = &step;
  if (trace_ != nullptr) [[unlikely]] {
    const FunctionInfo& function = Function(me().frames[depth_].function);
    trace_->task = cur;
    trace_->function = step.function;
    trace_->file = function.file;
    trace_->statement = step.statement;
  }
  return false;
}

int Kernel::Choose(int n) {
  KNOT_CHECK(!chose_ && n >= 1);
  chose_ = true;
  arity_ = n;
  return choice_ < n ? choice_ : 0;
}

// A step that blocks does so before anything returns, so what is noted did happen.
void Kernel::CoverReturn() {
  if (ret == kNotServed) return;
  // The notifier says -1 and leaves the result in the task's register.
  coverage_->Returned(Function(me().frames[depth_].function), ret == -1 ? me().ret : ret);
}

void Kernel::AddNote(std::string note) { trace_->notes.push_back(std::move(note)); }

bool Kernel::ReleaseInstalled(size_t filter) {
  while (filter != 0) {
    Filter& orig = s->filters[filter];
    if (--orig.installed_users != 0) return false;
    filter = orig.prev;
    // Its listener's file keeps it, where nobody comes any more.
    orig.prev = 0;
  }
  return true;
}

bool Kernel::TryLock() {
  Filter& f = s->filter();
  if (f.notify_lock == cur + 1) {
    Raise(Event::kLockMisuse);
    Note("notify_lock is already held by {}", info().name);
    return true;
  }
  if (f.notify_lock != 0) return false;
  f.notify_lock = static_cast<uint8_t>(cur + 1);
  Raise(Event::kLocked);
  return true;
}

void Kernel::Unlock() {
  if (s->filter().notify_lock != cur + 1) Raise(Event::kLockMisuse);
  s->filter().notify_lock = 0;
}

int Kernel::FindNotification(int id) const {
  for (size_t t = 0; t < p.tasks.size(); ++t) {
    const Knotif& n = s->tasks[t].knotif;
    if (n.listed && n.id == id) return static_cast<int>(t);
  }
  return -1;
}

void Kernel::CompleteReady(int task) {
  uint8_t& done = s->tasks[task].knotif.ready;
  if (done < kMostCompletions) ++done;
}

void Kernel::CompleteAddfd(int task) { s->tasks[task].kaddfd.done = 1; }

void Kernel::WakeUp() {
  for (size_t t = 0; t < p.tasks.size(); ++t) {
    s->tasks[t].flags &= static_cast<uint8_t>(~kOnWqh);
  }
}

const Op& Kernel::op() const {
  const Task& t = me();
  return (t.flags & kInHandler) ? info().handler[t.handler_op] : info().ops[t.op];
}

void Kernel::SaveRegisters() {
  if (!s->layout().has_registers) return;
  RegisterFile& file = s->registers[cur];
  file.saved = file.now;
  file.now = Registers{};
}

void Kernel::RestoreRegisters() {
  if (!s->layout().has_registers) return;
  RegisterFile& file = s->registers[cur];
  file.now = file.saved;
  file.saved = Registers{};
}

Kernel::UserWord Kernel::ReadUser(int task, Value address, int word_index, bool held) {
  const int object = p.ObjectAt(address, p.tasks[static_cast<size_t>(task)].space);
  if (object < 0 || (!held && (s->tasks[task].flags & kExeced))) return {};
  const Object& o = p.objects[static_cast<size_t>(object)];
  if (word_index >= o.words) return {};
  const size_t index = static_cast<size_t>(o.first_word + word_index);
  const Word& word = p.words[index];
  UserWord result;
  result.mapped = true;
  if (word.shared) {
    result.value = word.domain[static_cast<size_t>(Choose(static_cast<int>(word.domain.size())))];
    if (trace_ != nullptr) trace_->reads.emplace_back(static_cast<int>(index), result.value);
  } else {
    result.value = s->memory[index] ^ word.domain[0];
  }
  Observe({.kind = Observation::Kind::kReads,
           .role = o.whole,
           .entry = static_cast<uint8_t>(task != cur),
           .word = static_cast<uint8_t>(word_index),
           .value = result.value});
  return result;
}

bool Kernel::IsMapped(int role) {
  if (p.ObjectAt(RoleAddress(role), info().space) >= 0 && !(me().flags & kExeced)) return true;
  Raise(Event::kUnmapped);
  return false;
}

Kernel::UserWord Kernel::ReadArgument(int role, int word_index) {
  return IsMapped(role) ? ReadUser(cur, RoleAddress(role), word_index) : UserWord{};
}

bool Kernel::WriteArgument(int role, int word_index, Value value) {
  if (!IsMapped(role)) return false;
  const int object = p.ObjectAt(RoleAddress(role), info().space);
  const Object& o = p.objects[static_cast<size_t>(object)];
  if (word_index >= o.words) return false;
  const size_t index = static_cast<size_t>(o.first_word + word_index);
  // What the most general peer may write, it may also write after this store.
  if (!p.words[index].shared) s->memory[index] = value ^ p.words[index].domain[0];
  return true;
}

int Kernel::RoleBytes(int role) const {
  const Role& r = SyscallOf(Number()).roles[static_cast<size_t>(role)];
  if (r.length_arg >= 0 && !r.IsString()) return ScalarArg(r.length_arg);
  const int object = p.values[RoleAddress(role)].object;
  return object < 0 ? 0 : p.objects[static_cast<size_t>(object)].bytes;
}

bool Kernel::Allocate() {
  if (s->globals().allocation_failures_left == 0) return true;
  if (Choose(2) == 0) return true;
  --s->globals().allocation_failures_left;
  Note("the allocation fails");
  return false;
}

std::string Kernel::ValueText(Value value) const {
  if (value == kUninit) return "(uninitialised)";
  if (value == kAbsent) return "(nothing)";
  return p.values[value].text;
}

void Kernel::AddAnswer(const Op& call, Ret result) {
  coverage_->Returned(Function(me().frames[depth_].function), result);
  coverage_->Answered(proposal, call, result);
}

Flow Kernel::Die() {
  const uint8_t files = me().files;
  if (p.installs != 0) {
    // exit_files(), with the last user of the table, and exit_task_work()
    me().status = kDead;
    for (const uint8_t file : s->files[files]) FileClosed(file);
    ReleaseFiles();
  }
  me() = Task{};
  if (s->layout().has_registers) s->registers[cur] = RegisterFile{};
  me().status = kDead;
  me().files = files;
  depth_ = 0;
  base_ = 0;
  return Flow::kYield;
}

void Kernel::SendSigkill(int task) {
  const uint8_t group = p.tasks[static_cast<size_t>(task)].group;
  for (size_t t = 0; t < p.tasks.size(); ++t) {
    if (p.tasks[t].group == group &&
        (s->tasks[t].status == kAlive || s->tasks[t].status == kExiting)) {
      s->tasks[t].flags |= kSigkillPending;
    }
  }
}

}  // namespace knotcheck::model
