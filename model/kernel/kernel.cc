// SPDX-License-Identifier: Apache-2.0

#include "model/kernel/kernel.h"

#include <algorithm>

#include "model/coverage.h"
#include "model/kernel/toggles.h"

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

void Kernel::TakeAlternative() {
  Task& t = me();
  const auto& alternatives = op().alternatives;
  const uint8_t next =
      alternatives[static_cast<size_t>(Choose(static_cast<int>(alternatives.size())))];
  ((t.flags & kInHandler) ? t.handler_op : t.op) = next;
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

void Kernel::LoadRegisters() {
  if (!s->layout().has_registers || s->registers[cur].now.nr != 0) return;
  Registers& now = s->registers[cur].now;
  const Op& call = op();
  now.nr = static_cast<uint8_t>(static_cast<int>(call.nr) + 1);
  std::copy(call.registers.begin(), call.registers.end(), now.args);
  now.kept = now.args[0];
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

int Kernel::SlotOf(Nr nr, int role, int entry, int w) const {
  const SeenLayout& layout = p.seen[static_cast<size_t>(nr)][static_cast<size_t>(role)];
  if (entry >= layout.entries || w >= layout.stride) return -1;
  return layout.base + entry * layout.stride + w;
}

bool Kernel::CouldBeStored(int role, int entry, int w) const {
  const auto by_others = [this](int object, int index) {
    if (object < 0) return false;
    const Object& o = p.objects[static_cast<size_t>(object)];
    if (index >= o.words) return false;
    const Word& word = p.words[static_cast<size_t>(o.first_word + index)];
    return word.shared || (word.stored_by & ~(1u << cur)) != 0;
  };
  const auto& roles = SyscallOf(Number()).roles;
  const Role& r = roles[static_cast<size_t>(role)];
  if (r.parent >= 0 && CouldBeStored(r.parent, 0, r.word)) return true;
  const int object = p.ObjectAt(RoleAddress(role), info().space);
  if (r.shape != Shape::kStrings) return by_others(object, w);
  if (object < 0 || by_others(object, entry)) return object >= 0;
  const Object& table = p.objects[static_cast<size_t>(object)];
  if (entry >= table.words) return false;
  const size_t at = static_cast<size_t>(table.first_word + entry);
  return by_others(p.ObjectAt(s->memory[at] ^ p.words[at].domain[0], info().space), w);
}

void Kernel::Consulted(int role, bool user) {
  const Task& t = me();
  if (!(t.ghost & kGhostApproved) || !(t.ghost & kGhostProtected)) return;
  // Arguments that the supervisor never asked to protect are not its concern, unless it asked for
  // protection and there is none at all.
  const uint8_t asked = t.ghost_roles | t.ghost_asked;
  if (asked != 0 && !(asked >> role & 1)) return;
  Raise(Event::kFetchProtected);
  if (!user) return;
  Raise(Event::kFetchUnprotected);
  Note("read from user memory, although the supervisor was told that it is pinned");
}

void Kernel::Fetched(int role, int entry, int w, Value value, bool user) {
  Raise(Event::kKernelCopy);
  Observe({.kind = Observation::Kind::kCopies,
           .role = static_cast<uint8_t>(role),
           .entry = static_cast<uint8_t>(entry),
           .word = static_cast<uint8_t>(w),
           .value = value,
           .user = user});
  const Task& t = me();
  if (value == kUninit) {
    Raise(Event::kUninitialisedUse);
    Note("acts on bytes that nobody wrote");
  }
  Consulted(role, user);
  if (!(t.ghost & kGhostApproved) || !(t.ghost_roles >> role & 1)) return;
  if (CouldBeStored(role, entry, w)) Raise(Event::kFetch);
  const int slot = SlotOf(Number(), role, entry, w);
  const Value approved = slot < 0 ? kAbsent : t.seen[slot];
  if (approved != value) {
    Raise(Event::kFetchMismatch);
    Note("<-- approved {}",
         approved == kAbsent ? std::string("nothing here") : ValueText(approved));
  }
}

int Kernel::RoleBytes(int role) const {
  const Role& r = SyscallOf(Number()).roles[static_cast<size_t>(role)];
  if (r.length_arg >= 0 && !r.IsString()) return ScalarArg(r.length_arg);
  const int object = p.values[RoleAddress(role)].object;
  return object < 0 ? 0 : p.objects[static_cast<size_t>(object)].bytes;
}

void Kernel::ServedFrom(int role) {
  // No byte is asked for, so none is missing.
  const Role& r = SyscallOf(Number()).roles[static_cast<size_t>(role)];
  if (r.length_arg >= 0 && !r.IsString() && RoleBytes(role) == 0) return;
  if (IsMapped(role) || ret < 0) return;
  Raise(Event::kInvented);
  Note("nothing is mapped there, and yet the call goes on");
}

void Kernel::FileClosed(uint8_t file) {
  if (file <= kMaxFile) return;
  for (size_t t = 0; t < p.tasks.size(); ++t) {
    const Task& task = s->tasks[t];
    if (p.tasks[t].kind == TaskKind::kSupervisor) continue;
    if (task.status != kAlive && task.status != kExiting) continue;
    const FilesTable& files = s->files[task.files];
    if (std::find(files.begin(), files.end(), file) != files.end()) return;
  }
  me().fput |= static_cast<uint8_t>(1u << (file - kMaxFile - 1));
}

void Kernel::ReleaseFiles() {
  for (size_t filter = 1; filter < s->layout().filters; ++filter) {
    if (!(me().fput >> (filter - 1) & 1)) continue;
    s->filters[filter].listens = 0;
    Note("the listener is closed");
  }
  me().fput = 0;
}

uint8_t Kernel::OpenFile() const {
  uint64_t named = 0;
  for (const uint8_t file : s->files[me().files]) named |= uint64_t{1} << file;
  for (size_t t = 0; t < p.tasks.size(); ++t) {
    const Task& task = s->tasks[t];
    if (p.tasks[t].kind == TaskKind::kSupervisor || task.files != me().files) continue;
    for (const uint8_t file : task.ghost_file) named |= (uint64_t{1} << file) >> 1;
  }
  const int file = std::countr_one(named >> kOpened) + kOpened;
  KNOT_CHECK(file <= kMaxFile);
  return static_cast<uint8_t>(file);
}

void Kernel::ActsOn(const Value* values, int count) {
  const Op& call = op();
  Observe({.kind = Observation::Kind::kActs, .ret = static_cast<Ret>(count)});
  for (int i = 0; i < count; ++i) {
    Observe(
        {.kind = Observation::Kind::kActsOn, .word = static_cast<uint8_t>(i), .value = values[i]});
  }
  if (!call.has_uses) return;
  bool same = true;
  for (int i = 0; i < count; ++i) {
    const Value wanted =
        static_cast<size_t>(i) < call.uses.size() ? call.uses[static_cast<size_t>(i)] : kZero;
    same = same && values[i] == wanted;
  }
  // What the scenario names beyond that was not acted on.
  for (size_t i = static_cast<size_t>(count); i < call.uses.size(); ++i) {
    same = same && call.uses[i] == kZero;
  }
  Raise(same ? Event::kExpected : Event::kUnexpected);
  if (!same) Note("the scenario expects another value: {}", call.text);
}

void Kernel::ForgetSeen() {
  Task& t = me();
  t.ghost_id = 0;
  t.ghost_roles = 0;
  t.ghost &= static_cast<uint8_t>(~kGhostTruncated);
  for (Value& v : t.seen) v = kZero;
}

bool Kernel::AnsweredForGood(int target) const {
  const Task& t = s->tasks[target];
  return t.knotif.state == kReplied && !(t.ghost & kGhostAddfdReply) && !p.puts_back &&
         !Has(Mutation::reply_twice);
}

void Kernel::ForgetViews(int target) {
  for (size_t t = 0; t < p.tasks.size(); ++t) {
    if (View* view = ViewOf(static_cast<int>(t), target)) *view = View{};
  }
}

void Kernel::BeginLook(uint8_t id, Nr nr, int role) {
  Task& t = me();
  if (t.ghost_id != id) ForgetSeen();
  t.ghost_id = id;
  t.ghost_roles |= static_cast<uint8_t>(1 << role);
  const SeenLayout& layout = p.seen[static_cast<size_t>(nr)][static_cast<size_t>(role)];
  std::fill_n(t.seen + layout.base, layout.entries * layout.stride, kAbsent);
}

void Kernel::NothingBeyond(Nr nr, int role, int w) {
  const SeenLayout& layout = p.seen[static_cast<size_t>(nr)][static_cast<size_t>(role)];
  for (int i = w; i < layout.entries * layout.stride; ++i) me().seen[layout.base + i] = kZero;
}

namespace {

// Of a look that failed: an argument of which not a word was seen was not seen.
void ForgetUnseen(const Program& p, Nr nr, Task* t) {
  for (int role = 0; role < kMaxRoles; ++role) {
    if (!(t->ghost_roles >> role & 1)) continue;
    const SeenLayout& layout = p.seen[static_cast<size_t>(nr)][static_cast<size_t>(role)];
    const Value* const words = t->seen + layout.base;
    const bool nothing = std::all_of(words, words + layout.entries * layout.stride,
                                     [](Value value) { return value == kAbsent; });
    if (nothing) t->ghost_roles &= static_cast<uint8_t>(~(1 << role));
  }
}

}  // namespace

void Kernel::KeepLook(int target, bool shown, bool failed) {
  Task& t = me();
  if (t.ghost_id == 0) return;
  for (int role = 0; role < kMaxRoles && target >= 0; ++role) {
    if (!(t.ghost_roles >> role & 1) || observations_ == nullptr) continue;
    const Nr nr = CallOf(target, me().variable_call[op().variable]).nr;
    const SeenLayout& layout = p.seen[static_cast<size_t>(nr)][static_cast<size_t>(role)];
    for (int i = 0; i < layout.entries * layout.stride; ++i) {
      Observe({.kind = Observation::Kind::kSaw,
               .role = static_cast<uint8_t>(role),
               .word = static_cast<uint8_t>(i),
               .value = t.seen[layout.base + i]});
    }
  }
  if (info().decides) return;
  View* view = target < 0 ? nullptr : ViewOf(cur, target);
  const bool current = view != nullptr && s->tasks[target].knotif.listed &&
                       s->tasks[target].knotif.id == t.ghost_id && !AnsweredForGood(target);
  if (!current || (failed && op().honest) || Has(Mutation::forget_look)) {
    ForgetSeen();
    return;
  }
  if (failed) ForgetUnseen(p, CallOf(target, CallIndex(target)).nr, &t);
  uint8_t& known = shown ? view->shown : view->read;
  Value* const words = shown ? view->shown_words : view->read_words;
  const Nr nr = CallOf(target, CallIndex(target)).nr;
  for (int role = 0; role < kMaxRoles; ++role) {
    if (!(t.ghost_roles >> role & 1)) continue;
    const SeenLayout& layout = p.seen[static_cast<size_t>(nr)][static_cast<size_t>(role)];
    const bool first = !(known >> role & 1);
    for (int i = layout.base; i < layout.base + layout.entries * layout.stride; ++i) {
      // Word by word: what a look that failed did not come to is known as it was.
      if (first || !failed || t.seen[i] != kAbsent) words[i] = t.seen[i];
    }
  }
  known |= t.ghost_roles;
  view->latest =
      static_cast<uint8_t>(shown ? view->latest | t.ghost_roles : view->latest & ~t.ghost_roles);
  if (op().honest && shown) {
    view->flags &= static_cast<uint8_t>(~kViewTruncated);
    if (t.ghost & kGhostTruncated) view->flags |= kViewTruncated;
  }
  ForgetSeen();
}

Kernel::Known Kernel::KnownBy(int supervisor, int target, bool protect) const {
  Known known;
  const TaskInfo& by = p.tasks[static_cast<size_t>(supervisor)];
  const Task& me = s->tasks[supervisor];
  if (by.decides) {
    if (me.ghost_id != s->tasks[target].knotif.id) return known;
    known.roles = me.ghost_roles;
    known.truncated = (me.ghost & kGhostTruncated) != 0;
    std::copy_n(me.seen, kMaxSeen, known.words);
    return known;
  }
  const int at = p.view[static_cast<size_t>(supervisor)][static_cast<size_t>(target)];
  if (at < 0) return known;
  const View& view = s->views[at];
  known.roles = view.read | view.shown;
  known.truncated = (view.flags & kViewTruncated) != 0;
  const Nr nr = CallOf(target, CallIndex(target)).nr;
  for (int role = 0; role < kMaxRoles; ++role) {
    if (!(known.roles >> role & 1)) continue;
    const bool shown = (view.shown >> role & 1) && (protect || (view.latest >> role & 1));
    const SeenLayout& layout = p.seen[static_cast<size_t>(nr)][static_cast<size_t>(role)];
    for (int i = layout.base; i < layout.base + layout.entries * layout.stride; ++i) {
      known.words[i] = shown ? view.shown_words[i] : view.read_words[i];
    }
  }
  return known;
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

void Kernel::FinishOp(Ret result) {
  Task& t = me();
  const Op& call = op();
  Observe({.kind = Observation::Kind::kReturns, .ret = result});
  if (coverage_ != nullptr) [[unlikely]] {
    coverage_->Returned(Function(t.frames[depth_].function), result);
    coverage_->Answered(proposal, call, result);
  }
  if (call.has_expected) {
    Raise(call.expected == result ? Event::kExpected : Event::kUnexpected);
    if (call.expected != result) {
      Note("the scenario expects {}", RetName(call.expected));
    }
  }
  // What user space does with them before it loads the next call's, nobody sees.
  if (s->layout().has_registers) s->registers[cur].now = Registers{};
  uint8_t& at = (t.flags & kInHandler) ? t.handler_op : t.op;
  at = call.joins ? call.target : static_cast<uint8_t>(at + 1);
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
