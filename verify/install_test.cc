// SPDX-License-Identifier: Apache-2.0
//
// What another thread can tell of a listener that is being closed. Expected from fs/open.c,
// close(): file_close_fd() takes the descriptor away, and __fput_sync(), which calls
// seccomp_notify_release(), comes after it; from fs/file_table.c, fput(): a task_work.

#include <set>
#include <string>

#include "checker/testing/check_reductions.h"
#include "gtest/gtest.h"
#include "lang/compile.h"
#include "lang/parse.h"
#include "model/errno.h"
#include "verify/kernel_model.h"
#include "verify/testing/searches.h"

namespace knotcheck::verify::install_test {
namespace {

// What U's seccomp() returns when it begins and ends while T, whose descriptor of the listener is
// gone already, is still in its call, and when it begins once T is back.
struct Returned {
  std::set<int> within, behind;
};
Returned ByTheOtherThread(const std::string& ends) {
  const auto scenario = lang::Parse(
      "# name: inline\n# question: q\n# source: s\n# result: baseline=?\n# why: w\n"
      "filter umask\n"
      "target T { umask(); seccomp(NEW_LISTENER|TSYNC); " +
          ends +
          "; read(file, NULL, 0) }\n"
          "thread U of T { seccomp(NEW_LISTENER) }\n"
          "supervisor S { n = recv(); close(listener) }\n",
      "inline.scn");
  EXPECT_TRUE(scenario.ok()) << scenario.status();
  const auto program = lang::Compile(*scenario, *model::FindProposal("baseline"), {});
  EXPECT_TRUE(program.ok()) << program.status();
  const model::System system(*program, *model::FindProposal("baseline"), model::Toggles());
  const KernelModel model(system);
  checker::testing::ReductionCheck<KernelModel> check(model);
  static_cast<void>(check.Explore(20'000));
  Returned returned;
  for (const auto& words : check.states()) {
    const model::State& state = model.View(words.data());
    const model::Task& t = state.tasks[0];
    const model::Task& u = state.tasks[1];
    bool open = false;
    for (const uint8_t file : state.files[t.files]) open |= file > model::kMaxFile;
    const bool closed = t.op >= 2 && t.status == model::kAlive && !open;
    const bool waits = u.status == model::kAlive && u.op == 0 && u.frames[1].function == 0;
    const bool within = t.op == 2 && (t.flags & model::kInSyscall) != 0;
    if (!closed || !waits || u.filter == 0 || !(within || t.op == 3)) continue;
    model::StateValue alone(state);
    for (bool over = false; !over;) {
      model::Observations seen;
      if (!system.Step(&alone, 1, 0, nullptr, &seen).possible) {
        ADD_FAILURE() << "U waits for T";
        break;
      }
      for (const model::Observation& o : seen) {
        if (o.kind != model::Observation::Kind::kReturns) continue;
        (within ? returned.within : returned.behind).insert(o.ret);
        over = true;
      }
    }
  }
  return returned;
}

TEST(Install, AListenerIsClosedLaterThanItsDescriptor) {
  for (const char* ends : {"close(6)", "dup2(file, 6)"}) {
    const Returned returned = ByTheOtherThread(ends);
    const bool dup = std::string(ends) == "dup2(file, 6)";
    const int lowest = dup ? 7 : 6;
    EXPECT_EQ(returned.within, (std::set<int>{-model::kEBUSY, lowest})) << ends;
    EXPECT_EQ(returned.behind, (std::set<int>{lowest})) << ends;
  }
}

}  // namespace
}  // namespace knotcheck::verify::install_test
