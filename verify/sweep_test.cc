// SPDX-License-Identifier: Apache-2.0
//
// Cases of the sweep whose answer can be told from the patch and the kernel's source.

#include "verify/sweep.h"

#include <set>

#include "gtest/gtest.h"
#include "lang/parse.h"

namespace knotcheck::verify::sweep_test {
namespace {

struct Judged {
  Protection protection = Protection::kIncomplete;
  std::string property;
};

Judged Ask(const SweepCase& sweep, const model::Proposal& proposal, model::Toggles toggles = {}) {
  const auto scenario = lang::Parse(sweep.text, sweep.name);
  EXPECT_TRUE(scenario.ok()) << scenario.status();
  CheckOptions options;
  options.toggles = toggles;
  const auto answer = Check(*scenario, proposal, options);
  EXPECT_TRUE(answer.ok()) << answer.status() << "\n" << sweep.text;
  Judged judged;
  if (answer.ok()) judged.protection = Judge(sweep, *answer, &judged.property);
  return judged;
}

Judged Ask(const char* proposal_name, const char* name, model::Toggles toggles = {}) {
  const model::Proposal& proposal = *model::FindProposal(proposal_name);
  for (const SweepCase& sweep : SweepCases(proposal)) {
    if (sweep.name == std::string("sweep/") + name) return Ask(sweep, proposal, toggles);
  }
  ADD_FAILURE() << "no case " << name;
  return {};
}

TEST(SweepTest, WithoutAProposalNothingIsProtected) {
  const model::Proposal& baseline = *model::FindProposal("baseline");
  for (const SweepCase& sweep : SweepCases(baseline)) {
    const Protection protection = Ask(sweep, baseline).protection;
    // Memory that ends too early fails the call itself, whoever looks at it.
    const bool refused = sweep.relation == Relation::kShort && protection == Protection::kRefused;
    EXPECT_TRUE(refused || protection == Protection::kNotOffered) << sweep.text;
  }
}

TEST(SweepTest, FetchPointsOfPinArgsProtect) {
  // getname_flags(), move_addr_to_kernel(), import_ubuf(), copy_strings().
  for (const char* name : {"renameat2_newname", "connect_uservaddr", "sendto_buff", "sendto_addr",
                           "pwrite64_buf", "execve_argv", "statfs_pathname"}) {
    EXPECT_EQ(Ask("pin_args", name).protection, Protection::kProtected) << name;
  }
}

TEST(SweepTest, ArgumentsWithoutAFetchPointAreNotProtectedAlthoughPinned) {
  // copy_struct_from_user(), strndup_user(), copy_from_user(), strncpy_from_user().
  for (const char* name : {"openat2_how", "mount_type", "futex_utime", "setxattr_name"}) {
    EXPECT_EQ(Ask("pin_args", name).protection, Protection::kUnprotected) << name;
  }
  model::Toggles fixed;
  fixed.Set(model::ToggleNamed("pinnable_only"));
  EXPECT_EQ(Ask("pin_args", "openat2_how", fixed).protection, Protection::kRefused);
  EXPECT_EQ(Ask("pin_args", "renameat2_newname", fixed).protection, Protection::kProtected);
}

TEST(SweepTest, PointersBehindPointersCannotBeAskedFor) {
  for (const char* name : {"sendmsg_msg_name", "sendmsg_iov_base_redirected", "writev_iov_base",
                           "bpf_BPF_PROG_LOAD_license"}) {
    EXPECT_EQ(Ask("pin_args", name).protection, Protection::kNotOffered) << name;
  }
}

TEST(SweepTest, ThePeekAtAnEmptyPathIsNotServed) {
  EXPECT_EQ(Ask("pin_args", "statx_filename").protection, Protection::kProtected);
  EXPECT_EQ(Ask("pin_args", "statx_filename_empty").protection, Protection::kUnprotected);
}

TEST(SweepTest, NullIsServedWhereTheKernelWouldFail) {
  for (const char* name : {"connect_uservaddr_null", "pwrite64_buf_null"}) {
    const Judged judged = Ask("pin_args", name);
    EXPECT_EQ(judged.protection, Protection::kChanged) << name;
    EXPECT_EQ(judged.property, "bad-address") << name;
  }
  // __sys_sendto() looks at an address only if there is one: nothing changes.
  EXPECT_EQ(Ask("pin_args", "sendto_addr_null").protection, Protection::kUnchanged);
  model::Toggles fixed;
  fixed.Set(model::ToggleNamed("null_not_pinned"));
  EXPECT_EQ(Ask("pin_args", "pwrite64_buf_null", fixed).protection, Protection::kUnchanged);
}

TEST(SweepTest, ResultsGoToTheRecord) {
  EXPECT_EQ(Ask("pin_args", "recvfrom_ubuf").protection, Protection::kChanged);
}

TEST(SweepTest, OneAddressForTwoArgumentsOfDifferentShape) {
  // The first record with that address is a string, and the struct's copy looks at none.
  EXPECT_EQ(Ask("pin_args", "openat2_how_equal").protection, Protection::kUnprotected);
  // The same: the first record serves both names, and what was approved of them differs.
  EXPECT_EQ(Ask("pin_args", "rename_oldname_equal").protection, Protection::kUnprotected);
  // A record that is found by its argument serves that one only.
  model::Toggles fixed;
  fixed.Set(model::ToggleNamed("lookup_by_argument"));
  EXPECT_EQ(Ask("pin_args", "rename_oldname_equal", fixed).protection, Protection::kProtected);
}

TEST(SweepTest, CountOfExecveReadsTheTable) {
  EXPECT_EQ(Ask("pin_args", "execve_argv_redirected").protection, Protection::kUnprotected);
  model::Toggles fixed;
  fixed.Set(model::ToggleNamed("count_from_record"));
  EXPECT_EQ(Ask("pin_args", "execve_argv_redirected", fixed).protection, Protection::kProtected);
}

// The status of toctou under the baseline.
checker::Status RaceOf(const std::string& body) {
  const auto scenario = lang::Parse(
      "# name: test\n# question: q\n# source: s\n# result: baseline=?\n" + body, "test.scn");
  EXPECT_TRUE(scenario.ok()) << scenario.status();
  const auto answer = Check(*scenario, *model::FindProposal("baseline"), {});
  EXPECT_TRUE(answer.ok()) << answer.status();
  for (const PropertyVerdict& property : answer->properties) {
    if (property.info.name != "toctou") continue;
    EXPECT_GT(property.witnesses, 0u);
    return property.status;
  }
  ADD_FAILURE();
  return checker::Status::kIncomplete;
}

TEST(TableTest, StringsOfSeveralWordsAreReadWhole) {
  constexpr char kRest[] =
      "target T { mount(dev, dir, type, 0, NULL) }\n"
      "supervisor S { policy: allow mount if type == \"type/of/fs\", else EACCES }\n";
  constexpr char kOthers[] = "memory dev = \"d\"\nmemory dir = \"m\"\n";
  // Somebody stores, and what stands there already.
  EXPECT_EQ(RaceOf(std::string(kOthers) +
                   "memory type = \"type/of/fs\" | \"type/of/ls\"\n"
                   "peer P shares memory with T { type = \"type/of/fs\" }\n" +
                   kRest),
            checker::Status::kHolds);
  // A peer that changes the second word only; and one that makes the string end earlier, between
  // the pass that finds its end and the one that copies it or before both.
  for (const char* other : {"type/of/ls", "type/of"}) {
    EXPECT_EQ(RaceOf(std::string(kOthers) + "memory type = \"type/of/fs\" | \"" + other +
                     "\"\npeer P shares memory with T\n" + kRest),
              checker::Status::kViolated)
        << other;
  }
}

TEST(TableTest, NothingIsReadOfNoBytes) {
  // setxattr(2) with a length of 0: no address is looked at.
  for (const char* address : {"NULL", "dangling", "value"}) {
    const auto scenario = lang::Parse(
        std::string("# name: test\n# question: q\n# source: s\n# result: baseline=?\n"
                    "filter setxattr\nmemory path = \"p\"\nmemory name = \"n\"\n"
                    "memory value = bytes \"v\"\n"
                    "target T { setxattr(path, name, ") +
            address + ", 0, 0) == 0 }\nsupervisor S { n = recv(); send(n, continue) }\n",
        "test.scn");
    ASSERT_TRUE(scenario.ok()) << scenario.status();
    const auto answer = Check(*scenario, *model::FindProposal("baseline"), {});
    ASSERT_TRUE(answer.ok()) << answer.status();
    EXPECT_EQ(answer->violated, std::vector<std::string>()) << address;
  }
}

TEST(TableTest, AStringThatAPeerShortensIsSeen) {
  EXPECT_EQ(RaceOf("memory dev = \"d\"\nmemory dir = \"m\"\n"
                   "memory type = \"12345678\" | \"1234567\"\n"
                   "target T { mount(dev, dir, type, 0, NULL) }\n"
                   "peer P shares memory with T, writes 1\n"
                   "supervisor S { policy: allow mount if type == \"12345678\", else EACCES }\n"),
            checker::Status::kViolated);
}

TEST(SweepTest, EveryArgumentOfTheTableHasACase) {
  std::set<std::string> cases;
  for (const SweepCase& sweep : SweepCases(*model::FindProposal("pin_args"))) {
    cases.insert(sweep.call + " " + sweep.argument);
  }
  for (size_t nr = 0; nr < model::kCalls; ++nr) {
    const model::Syscall& call = SyscallOf(static_cast<model::Nr>(nr));
    for (const model::Role& role : call.roles) {
      EXPECT_EQ(cases.count(std::string(call.name) + " " + role.name), 1u)
          << call.name << " " << role.name;
    }
  }
}

}  // namespace
}  // namespace knotcheck::verify::sweep_test
