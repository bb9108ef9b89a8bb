// SPDX-License-Identifier: Apache-2.0
//
// Each property, with a scenario that keeps it, and damage to the model that breaks it. A property
// that nothing can break, or one that no row speaks of, fails here.

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "lang/parse.h"
#include "verify/check.h"

namespace knotcheck::verify::mutation_test {
namespace {

constexpr char kHeader[] =
    "# name: test\n# question: q\n# source: s\n# result: baseline=? pin_args=?\n# why: w\n";

constexpr char kReply[] = R"(
filter umask
target T { umask() == 5 }
supervisor S {
  n = recv() == 0
  send(n, value 5) == 0
  send(n, value 6)
}
)";
constexpr char kReadFirst[] = R"(
filter openat
memory path = "/ok"
target T { openat(AT_FDCWD, path, O_RDONLY) }
supervisor S {
  n = recv() == 0
  read(n)
  send(n, continue)
}
never looked-first
)";
constexpr char kReplyAwaited[] = R"(
filter umask
target T { umask() }
supervisor S {
  n = recv() == 0
  send(n, value 5) == 0
}
never resumes
)";
constexpr char kPollAtEnd[] = R"(
filter umask
target T { exit() }
supervisor S { poll() }
never hangup
)";
constexpr char kTwoListeners[] = R"(
filter umask
target T { seccomp(NEW_LISTENER) }
thread U of T { seccomp(NEW_LISTENER|TSYNC) }
supervisor S { close(listener) == 0 }
never one-listener
)";
constexpr char kLateReply[] = R"(
filter umask
target T { umask() }
supervisor S {
  m = recv() == 0
  n = after(m)
  send(n, value 5) == ENOENT
  id_valid(m)
  send(m, value 1) == 0
}
)";
constexpr char kAddfd[] = R"(
filter umask
target T { umask() }
supervisor S {
  n = recv() == 0
  addfd(n) == 6
  addfd(n, send)
}
)";
constexpr char kPinned[] = R"(
filter openat
memory path = "/ok" | "/evil"
target T { openat(AT_FDCWD, path, O_RDONLY) }
peer P shares memory with T
supervisor S {
  n = recv() == 0
  pin(n, 1: cstring 4096)
  send(n, continue pinned)
}
)";
constexpr char kTwice[] = R"(
filter openat
memory path = "/ok"
target T {
  openat(AT_FDCWD, path, O_RDONLY)
  openat(AT_FDCWD, path, O_RDONLY)
}
supervisor S {
  n = recv() == 0
  pin(n, 1: cstring 4096) == 0
  send(n, continue pinned) == 0
  n = recv() == 0
  pin(n, 1: cstring 4096)
  send(n, continue pinned)
}
)";
constexpr char kKilled[] = R"(
filter openat
memory path = "/ok"
target T { openat(AT_FDCWD, path, O_RDONLY) }
supervisor S {
  n = recv() == 0
  pin(n, 1: cstring 4096) == 0
  kill(T)
}
)";
constexpr char kFork[] = R"(
filter openat
filter fork
memory path = "/ok"
target T { fork(C) }
child C of T { umask() }
supervisor S {
  n = recv() == 0
  pin(n, 0: cstring 4096)
  send(n, continue pinned)
}
)";
// The parent keeps its record over the fork, which is not trapped.
constexpr char kForkAfterDenial[] = R"(
filter openat
memory path = "/ok"
target T {
  openat(AT_FDCWD, path, O_RDONLY)
  fork(C)
}
child C of T { umask() }
supervisor S {
  n = recv() == 0
  pin(n, 1: cstring 4096)
  send(n, error EACCES)
}
)";
constexpr char kTruncated[] = R"(
filter openat
memory path = "/a/long/path"
target T { openat(AT_FDCWD, path, O_RDONLY) }
supervisor S {
  n = recv() == 0
  pin(n, 1: cstring 6) == 0
  send(n, continue) == 0
}
)";
constexpr char kBig[] = R"(
filter openat
memory path = "/ok"
target T { openat(AT_FDCWD, path, O_RDONLY) }
supervisor S {
  n = recv() == 0
  pin(n, 1: cstring 2MiB)
  send(n, continue)
}
)";
constexpr char kReadCall[] = R"(
filter umask
memory buf = bytes "12345678"
target T { read(file, buf, 8) }
supervisor S { recv() }
)";
constexpr char kBind[] = R"(
filter bind
memory addr = bytes "unix/A"
target T { bind(sock, addr, 6) }
supervisor S {
  n = recv() == 0
  send(n, continue) == 0
}
never fd-identity
)";

constexpr char kBindNull[] = R"(
filter bind
target T { bind(sock, NULL, 6) }
supervisor S {
  n = recv() == 0
  pin(n, 1: fixed 6) == 0
  send(n, continue pinned) == 0
}
)";

constexpr char kExecutes[] = R"(
filter openat
memory path = "/ok"
memory file_name = "/x"
program "/x" { path = "/new" }
target T { openat(AT_FDCWD, path, O_RDONLY) }
signals to T: 1, handler { execve(file_name, NULL, NULL) }
supervisor S {
  n = recv() == 0
  pin(n, 1: cstring 16)
}
)";

// In the order that the rows read best in, not the densest.
// NOLINTNEXTLINE(clang-analyzer-optin.performance.Padding)
struct Row {
  const char* property;
  const char* damage;  // a toggle
  const char* scenario;
  const char* proposal;
  bool undamaged_breaks = false;  // the posted patch breaks it by itself; the toggle mends it
};

const Row kRows[] = {
    {"addfd-once", "mutate_drop_reply", kAddfd, "baseline"},
    {"addfd-send", "mutate_addfd_false_fd", kAddfd, "baseline"},
    {"addfd-send", "mutate_addfd_false_fd", kAddfd, "pin_args"},
    {"bad-address", "null_not_pinned", kBindNull, "pin_args", true},
    {"charge", "charge_target", kPinned, "pin_args", true},
    {"dies-with-call", "mutate_no_clear", kPinned, "pin_args"},
    {"expectation", "mutate_wrong_errno", kLateReply, "baseline"},
    {"fail-closed", "mutate_ignore_pin", kPinned, "pin_args"},
    {"fd-identity", "mutate_fd_slot", kBind, "baseline"},
    {"fresh-pin", "mutate_no_clear", kTwice, "pin_args"},
    {"hangup", "no_pollhup", kPollAtEnd, "baseline"},
    {"lock-discipline", "mutate_skip_unlock", kReply, "baseline"},
    {"lock-discipline", "mutate_lock_twice", kLateReply, "baseline"},
    {"looked-first", "mutate_forget_look", kReadFirst, "baseline"},
    {"no-double-free", "mutate_free_twice", kPinned, "pin_args"},
    {"no-information-leak", "mutate_unpinned_walk", kPinned, "pin_args"},
    {"no-leak", "mutate_no_exit_clear", kKilled, "pin_args"},
    {"no-uninitialised-read", "mutate_unpinned_walk", kPinned, "pin_args"},
    {"no-use-after-free", "mutate_free_at_send", kPinned, "pin_args"},
    {"not-inherited", "mutate_inherit", kForkAfterDenial, "pin_args"},
    {"not-inherited", "mutate_inherit", kFork, "pin_args"},
    {"one-reply", "mutate_reply_twice", kReply, "baseline"},
    {"one-listener", "dup_listener_race", kTwoListeners, "baseline"},
    {"own-image", "mm_of_the_call", kExecutes, "pin_args", true},
    {"pin-budget", "mutate_no_cap", kBig, "pin_args"},
    {"progress", "mutate_no_complete", kReply, "baseline"},
    {"read-data", "mutate_read_elsewhere", kReadCall, "baseline"},
    {"reply-acted-on", "mutate_drop_reply", kReply, "baseline"},
    {"resumes", "mutate_no_complete", kReplyAwaited, "baseline"},
    {"single-shot", "mutate_no_clear", kTwice, "pin_args"},
    {"toctou", "mutate_ignore_pin", kPinned, "pin_args"},
    {"truncated-flag", "mutate_truncated_never", kTruncated, "pin_args"},
};

checker::Status StatusOf(const Row& row, bool damaged, uint64_t* witnesses) {
  const auto scenario = lang::Parse(std::string(kHeader) + row.scenario, "test.scn");
  EXPECT_TRUE(scenario.ok()) << scenario.status();
  CheckOptions options;
  if (damaged) options.toggles.Set(model::ToggleNamed(row.damage));
  const auto answer = Check(*scenario, *model::FindProposal(row.proposal), options);
  EXPECT_TRUE(answer.ok()) << answer.status();
  for (const PropertyVerdict& property : answer->properties) {
    if (property.info.name != row.property) continue;
    *witnesses = property.witnesses;
    return property.status;
  }
  ADD_FAILURE() << "no property " << row.property;
  return checker::Status::kIncomplete;
}

TEST(Mutation, EachPropertyCatchesItsDamageAndNothingElse) {
  for (const Row& row : kRows) {
    SCOPED_TRACE(std::string(row.property) + " under " + row.proposal);
    uint64_t witnesses = 0;
    // Without damage it holds, or is not reached because the call that shows it is the next one.
    const checker::Status healthy = StatusOf(row, row.undamaged_breaks, &witnesses);
    EXPECT_EQ(healthy, checker::Status::kHolds);
    EXPECT_EQ(StatusOf(row, !row.undamaged_breaks, &witnesses), checker::Status::kViolated);
  }
}

TEST(Mutation, EachPropertyHasARow) {
  std::set<std::string> rows;
  for (const Row& row : kRows) rows.insert(row.property);
  for (const model::PropertyInfo& property : model::AllProperties()) {
    EXPECT_EQ(rows.count(property.name), 1u) << property.name;
    EXPECT_FALSE(property.sentence.empty()) << property.name;
    EXPECT_FALSE(property.source.empty()) << property.name;
    EXPECT_FALSE(property.witness.Empty()) << property.name;
    EXPECT_TRUE(!property.broken_by.Empty() || property.broken_at_rest != nullptr ||
                property.broken_in != nullptr || property.owed != nullptr)
        << property.name;
  }
}

TEST(Mutation, EachMutationIsUsed) {
  std::set<std::string> used;
  for (const Row& row : kRows) used.insert(row.damage);
  for (const model::ToggleInfo& toggle : model::AllToggles()) {
    if (!toggle.mutation()) continue;
    EXPECT_EQ(used.count(toggle.name), 1u) << toggle.name;
  }
}

}  // namespace
}  // namespace knotcheck::verify::mutation_test
