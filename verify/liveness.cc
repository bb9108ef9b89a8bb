// SPDX-License-Identifier: Apache-2.0

#include "verify/liveness.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/check.h"
#include "checker/liveness.h"
#include "model/kernel/kernel.h"
#include "verify/kernel_model.h"
#include "verify/owing_model.h"

namespace knotcheck::verify {

static_assert(checker::LivenessModel<OwingModel>);

OwingModel::OwingModel(const model::System& system, const model::PropertyInfo& property)
    : KernelModel(system), owed_(property.owed) {
  KNOT_CHECK(owed_ != nullptr);
  const auto& tasks = system.program().tasks;
  for (size_t t = 0; t < tasks.size(); ++t) {
    if (tasks[t].filtered) tasks_.push_back(static_cast<int>(t));
    if (tasks[t].adversary) {
      adversaries_.push_back(static_cast<int>(t));
    } else {
      always_fair_ |= uint64_t{1} << t;
    }
  }
}

uint64_t OwingModel::Pending(const uint64_t* words) const {
  const model::State state = View(words);
  uint64_t pending = 0;
  for (size_t i = 0; i < tasks_.size(); ++i) {
    pending |= static_cast<uint64_t>(owed_(system().program(), state, tasks_[i])) << i;
  }
  return pending;
}

bool OwingModel::MayStep(const uint64_t* words, int thread) const {
  const model::Program& program = system().program();
  const int sender = thread - static_cast<int>(program.tasks.size());
  if (!program.traps_without_end || sender < 0) return true;
  if (sender >= static_cast<int>(program.senders.size())) return true;
  const model::SenderInfo& info = program.senders[static_cast<size_t>(sender)];
  if (info.count != model::kSignalsWithoutEnd || !program.tasks[info.task].filtered) return true;
  const model::State state = View(words);
  // Who is owed nothing, a handler may yet make be owed something.
  if (!owed_(program, state, info.task)) return true;
  return std::any_of(std::begin(state.tasks[info.task].frames),
                     std::end(state.tasks[info.task].frames), [](const model::Frame& frame) {
                       return frame.function ==
                              static_cast<uint8_t>(model::Fn::k_seccomp_do_user_notification);
                     });
}

uint64_t OwingModel::FairThreads(const uint64_t* words) const {
  const model::State state = View(words);
  uint64_t fair = always_fair_;
  for (const int t : adversaries_) {
    const model::Task& task = state.tasks[t];
    // The kernel goes on with what it has begun (it may hold notify_lock), and takes a task that
    // is killed out of user mode.
    const bool in_kernel = task.frames[1].function != 0;
    if (in_kernel || (task.flags & model::kSigkillPending)) fair |= uint64_t{1} << t;
  }
  return fair;
}

Liveness CheckLiveness(const model::System& system, const model::PropertyInfo& property,
                       const checker::LivenessOptions& options) {
  const OwingModel model(system, property);
  Liveness liveness;
  liveness.property = property.name;
  liveness.result = checker::CheckLiveness(model, options);
  for (size_t i = 0; i < model.tasks().size(); ++i) {
    const checker::Obligation& obligation = liveness.result.obligations[i];
    if (obligation.status != checker::LivenessStatus::kStarved) continue;
    // A lasso that does not replay would be an error of ours, not a finding.
    KNOT_CHECK(checker::LassoFault(model, obligation.lasso, static_cast<int>(i)).empty());
    const int task = model.tasks()[i];
    liveness.starving.push_back({task, system.ThreadName(task), obligation.lasso});
  }
  return liveness;
}

std::vector<std::string> StarvedBy(const model::System& system, const model::PropertyInfo& property,
                                   const checker::Lasso& lasso, std::string* why) {
  const OwingModel model(system, property);
  std::vector<std::string> names;
  for (size_t i = 0; i < model.tasks().size(); ++i) {
    std::string fault = checker::LassoFault(model, lasso, static_cast<int>(i));
    if (fault.empty()) {
      names.push_back(system.ThreadName(model.tasks()[i]));
    } else if (why->empty()) {
      *why = std::move(fault);
    }
  }
  return names;
}

}  // namespace knotcheck::verify
