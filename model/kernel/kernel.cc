// SPDX-License-Identifier: Apache-2.0
//
// What runs the transcribed functions: frames, steps, choices, and what is shown of them.

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

std::string Kernel::ValueText(Value value) const {
  if (value == kUninit) return "(uninitialised)";
  if (value == kAbsent) return "(nothing)";
  return p.values[value].text;
}

void Kernel::AddAnswer(const Op& call, Ret result) {
  coverage_->Returned(Function(me().frames[depth_].function), result);
  coverage_->Answered(proposal, call, result);
}

}  // namespace knotcheck::model
