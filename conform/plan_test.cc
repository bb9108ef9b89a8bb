// SPDX-License-Identifier: Apache-2.0

#include "conform/plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "conform/testing/fake_runner.h"

namespace knotcheck::conform::plan_test {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;

struct Subject {
  explicit Subject(const std::string& body, const std::string& proposal = "baseline")
      : scenario(testing::ParsedBody(body)) {
    lang::CompileOptions options;
    options.explicit_writes = 2;
    auto made = verify::Question::Make(scenario, *model::FindProposal(proposal), {}, options);
    EXPECT_TRUE(made.ok()) << made.status();
    question = *std::move(made);
    made = verify::Question::Make(scenario, *model::FindProposal(proposal), {});
    EXPECT_TRUE(made.ok()) << made.status();
    free = *std::move(made);
  }
  const model::Program& program() const { return question->program(); }
  std::string Directed(const ForcedRun& run) const {
    const auto text = DirectedPlan("p", *question, run);
    EXPECT_TRUE(text.ok()) << text.status();
    return text.value_or("");
  }
  std::string Stress() const {
    const auto text = StressPlan("p", *free, 40, 9);
    EXPECT_TRUE(text.ok()) << text.status();
    return text.value_or("");
  }
  std::vector<std::string> StressLines() const { return absl::StrSplit(Stress(), '\n'); }
  lang::Scenario scenario;
  std::unique_ptr<verify::Question> question;
  std::unique_ptr<verify::Question> free;
};

Order Of(Order::Kind kind, uint8_t task, uint8_t call = 0) {
  Order order;
  order.kind = kind;
  order.task = task;
  order.call = call;
  return order;
}

constexpr char kPolicy[] = R"(memory path = "/ok" | "/evil"
target T { openat(AT_FDCWD, path, O_RDONLY) }
peer P shares memory with T
supervisor S { policy: allow openat if path == "/ok", else EACCES }
signals to T: 2, handler restarts
)";

// The whole of a plan. "/ok" is the word 0x6b6f2f, first byte last; the handler's script is empty;
// the stores of a directed plan are orders, and so there is no writer.
TEST(DirectedPlan, OfAPolicy) {
  const Subject subject(kPolicy);
  ForcedRun run;
  run.orders = {Of(Order::Kind::kStart, 0), Of(Order::Kind::kWaitAsleep, 0)};
  Order store = Of(Order::Kind::kStore, 0);
  store.value = subject.program().words[0].domain[1];
  run.orders.push_back(store);
  run.holds = true;
  EXPECT_EQ(subject.Directed(run), R"(plan p
mode directed
limit 8000
needs hold
object 0 path string 6
word 0 0 00000000006b6f2f 0000006c6976652f
file 2f6576696c
file 2f6f6b
trap openat
task 0 T target -
task 1 S supervisor -
handler 0 restarts
nofile 0 8
op 0 0 call openat -100 &0 0
op 0 1 call exit 0
op 0 h0 end
op 1 0 recv 0
op 1 1 jump_if_error 9 12
op 1 2 jump_if_error 0 0
op 1 3 read 0 1:string:6
op 1 4 jump_if_error 0 10
op 1 5 id_valid 0
op 1 6 jump_if_error 0 0
op 1 7 decide 0 10
op 1 8 send 0 1 0 0
op 1 9 jump 0
op 1 10 send 0 0 13 0
op 1 11 jump 0
op 1 12 end
op 1 h0 end
order start 0 0
order wait 0 asleep
order store 0 0000006c6976652f
order finish
end
)");
}

// A stress has senders, writers and the policy instead of orders.
TEST(StressPlan, OfAPolicy) {
  const Subject subject(kPolicy);
  const std::vector<std::string> lines = subject.StressLines();
  EXPECT_EQ(lines[1], "mode stress 40 9");
  EXPECT_THAT(lines, Contains("sender 0 2"));
  EXPECT_THAT(lines, Contains("writer -"));
  EXPECT_THAT(lines, Contains("policy openat 1=2f6f6b"));
  EXPECT_THAT(lines, Not(Contains(HasSubstr("order"))));
  EXPECT_THAT(lines, Not(Contains(HasSubstr("needs"))));
}

TEST(DirectedPlan, SaysWhatItNeeds) {
  const auto needs = [](const Subject& subject, const ForcedRun& run) {
    for (const absl::string_view line : absl::StrSplit(subject.Directed(run), '\n')) {
      if (line.substr(0, 6) == "needs ") return std::string(line.substr(6));
    }
    return std::string();
  };
  ForcedRun run;
  EXPECT_EQ(needs(Subject(kPolicy), run), "");
  EXPECT_EQ(needs(Subject(kPolicy, "pin_args"), run), "pin_args");
  run.holds = run.parks = run.serves = true;
  EXPECT_EQ(needs(Subject(kPolicy), run), "hold park fuse");
  const Subject killable(R"(filter wait_killable
filter umask
target T { umask() }
supervisor S {
  n = recv()
  addfd(n, send)
}
)");
  EXPECT_EQ(needs(killable, {}), "addfd wait_killable");
}

// The same of a proposal's ioctl; and allocations fail in a stress only.
TEST(Plans, FaultsOfAVerb) {
  const Subject subject(R"(filter openat
memory path = "/ok"
target T { openat(AT_FDCWD, path, O_RDONLY) }
supervisor S {
  n = recv()
  pin(n, 1: cstring 4096, fault)
}
allocation failures: 1
)",
                        "pin_args");
  EXPECT_THAT(subject.Directed({}), HasSubstr("op 1 1 pin 0 4096 - 1:"));
  EXPECT_THAT(subject.Directed({}), Not(HasSubstr("failures")));
  EXPECT_THAT(subject.Stress(), HasSubstr("op 1 1 pin 0 4096 fault 1:"));
  EXPECT_THAT(subject.Stress(), HasSubstr("\nfailures 1\n"));
}

// Whether a copy to the supervisor fails is an order's matter in a directed plan, and the
// operation's in a stress.
TEST(Plans, Faults) {
  const Subject subject(R"(filter umask
target T { umask() }
supervisor S {
  n = recv(fault)
  recv(null)
  recv(garbage)
  send(n, null)
  addfd(n, bad_flags)
  addfd(n, bad_fd)
  id_valid(n, null)
  poll(in)
  set_flags(1)
  close(listener)
}
)");
  EXPECT_THAT(subject.Directed({}), HasSubstr(R"(op 1 0 recv 0
op 1 1 recv 0 null
op 1 2 recv 0 garbage
)"));
  const std::string text = subject.Stress();
  EXPECT_THAT(text, HasSubstr("op 1 0 recv 0 fault\n"));
  EXPECT_THAT(text, HasSubstr(R"(op 1 3 send 0 0 0 0 null
op 1 4 addfd 0 bad_flags 0
op 1 5 addfd 0 bad_fd 0
op 1 6 id_valid 0 null
op 1 7 poll in
op 1 8 set_flags 1
op 1 9 close
op 1 10 end
)"));
}

TEST(Plans, TasksAndMemory) {
  const Subject subject(R"(filter bind
memory addr = bytes "unix/A" | "unix/B"
memory name = "/a"
target T {
  bind(sock, addr, 6)
  fork(C)
}
thread U of T { openat(AT_FDCWD, name, O_RDONLY) }
child C of T { umask() }
peer P shares files with T { close(file) }
supervisor S {
  n = recv()
  m = after(n)
  send(n, error EACCES)
}
signals to T: 1, fatal
signals to U: 1, ignored
)");
  const std::vector<std::string> lines = subject.StressLines();
  for (const char* line :
       {"object 0 addr sockaddr 6 private", "word 0 0 0000412f78696e75 0000422f78696e75",
        "word 1 1 000000000000612f", "file 2f61", "trap bind", "task 0 T target -",
        "op 0 0 call bind 3 &0 6", "op 0 1 call fork 2", "task 1 U thread 0", "task 2 C child 0",
        "task 3 P filepeer 0", "op 3 0 call close 4", "op 4 1 after 1 0", "op 4 2 send 0 0 13 0",
        "sender 0 1 fatal", "handler 1 ignored"}) {
    EXPECT_THAT(lines, Contains(line));
  }
  EXPECT_THAT(lines, Not(Contains(HasSubstr("sender 1"))));
  EXPECT_THAT(lines, Not(Contains("handler 0 plain")));
}

TEST(Orders, InWords) {
  const Subject subject(kPolicy);
  const model::Program& program = subject.program();
  const auto both = [&program](const Order& order) {
    return absl::StrCat(OrderText(program, order, false), "|", OrderText(program, order, true));
  };
  EXPECT_EQ(both(Of(Order::Kind::kStart, 0, 1)), "start 0 1|start T 1");
  EXPECT_EQ(both(Of(Order::Kind::kStart, 0, 0x80)), "start 0 h0|start T h0");
  Order start = Of(Order::Kind::kStart, 1, 3);
  start.fault = true;
  EXPECT_EQ(both(start), "start 1 3 fault|start S 3 fault");
  start.park = true;
  EXPECT_EQ(both(start), "start 1 3 park|start S 3 park");
  start.park = start.fault = false;
  start.hold_object = 0;
  EXPECT_EQ(both(start), "start 1 3 hold 0|start S 3 hold 0");
  EXPECT_EQ(both(Of(Order::Kind::kWaitDone, 0)), "wait 0 done|wait T done");
  EXPECT_EQ(both(Of(Order::Kind::kWaitAsleep, 1)), "wait 1 asleep|wait S asleep");
  EXPECT_EQ(both(Of(Order::Kind::kWaitParked, 1)), "wait 1 parked|wait S parked");
  EXPECT_EQ(both(Of(Order::Kind::kWaitDead, 0)), "wait 0 dead|wait T dead");
  EXPECT_EQ(both(Of(Order::Kind::kHold, 0)), "hold 0|hold T");
  Order resume = Of(Order::Kind::kResume, 1);
  EXPECT_EQ(both(resume), "resume 1|resume S");
  resume.fault = true;
  EXPECT_EQ(both(resume), "resume 1 fault|resume S fault");
  Order signal = Of(Order::Kind::kSignal, 0);
  EXPECT_EQ(both(signal), "signal 0|signal T");
  signal.fatal = true;
  EXPECT_EQ(both(signal), "signal 0 fatal|signal T fatal");
  Order store = Of(Order::Kind::kStore, 0);
  store.value = program.words[0].domain[1];
  EXPECT_EQ(both(store), "store 0 0000006c6976652f|store 0 \"/evil\"");
}

// What no plan can say is refused, and says so.
// Whole objects are numbered and laid out; addresses say how far behind their beginning they lie. A
// rest is a name that a call can open, as is "/evil" and what is torn of the two.
TEST(Plans, AddressesInTheMiddle) {
  const Subject subject(R"(memory path = "/sandbox/ok" | "/sandbox/evil"
memory table = [path+8 | path, path+16, NULL]
target T {
  openat(AT_FDCWD, path+8, O_RDONLY)
  execve(path+16, table+8, NULL)
}
peer P shares memory with T
supervisor S { policy: allow openat if path == "/ok", else EACCES }
)");
  const std::vector<std::string> lines = subject.StressLines();
  for (const char* line : {"object 0 path string 14", "object 1 table pointers 24",
                           "word 2 1 &0+8 &0", "word 3 1 &0+16", "op 0 0 call openat -100 &0+8 0",
                           "op 0 1 call execve &0+16 &1+8 0", "file 2f6f6b", "file 2f6576696c"}) {
    EXPECT_THAT(lines, Contains(line));
  }
  EXPECT_THAT(lines, Not(Contains(HasSubstr("object 2"))));
}

// SECCOMP_PIN_FIXED finds three bytes of "/aaaaaa/ok" behind its first word, and says that it
// wanted eight: what is mapped there must end as early.
TEST(Plans, ARestThatIsPinnedAsBytesEndsWithThem) {
  constexpr char kBody[] =
      "filter openat\nmemory path = \"/aaaaaa/ok\"\n"
      "target T { openat(AT_FDCWD, path+8, O_RDONLY) }\n"
      "supervisor S { n = recv(); pin(n, 1: fixed %d); send(n, continue pinned) }\n";
  const auto lines = [&](int bytes) {
    std::string body = kBody;
    body.replace(body.find("%d"), 2, std::to_string(bytes));
    return Subject(body, "pin_args").StressLines();
  };
  EXPECT_THAT(lines(8), Contains("object 0 path bytes 11"));
  EXPECT_THAT(lines(3), Contains("object 0 path string 11"));
}

// Of a string the longest, which its NUL ends anyway.
TEST(Plans, ALookIsAsLongAsTheLongestArgument) {
  const Subject subject(R"(filter openat
memory path = "/aaaaaa/ok"
target T { openat(AT_FDCWD, path, O_RDONLY); openat(AT_FDCWD, path+8, O_RDONLY) }
supervisor S { n = recv(); read(n); send(n, continue) }
)");
  EXPECT_THAT(subject.StressLines(), Contains("op 1 1 read 0 1:string:11"));
}

TEST(CanRun, Refuses) {
  const auto why = [](const std::string& rest) {
    const Subject subject(absl::StrCat("memory path = \"/ok\"\n", rest));
    const absl::Status status = CanRun(*subject.question);
    EXPECT_EQ(DirectedPlan("p", *subject.question, {}).status(), status);
    EXPECT_EQ(StressPlan("p", *subject.free, 1, 1).status(), status);
    return status.ok() ? "" : absl::StrCat(absl::IsUnimplemented(status), " ", status.message());
  };
  const std::string target = "target T { openat(AT_FDCWD, path, O_RDONLY) }\n";
  const std::string policy = "supervisor S { policy: allow openat, else EACCES }\n";
  EXPECT_EQ(why(target + policy), "");
  EXPECT_EQ(why("filter openat\n" + target + "supervisor S { anything }\n"),
            "1 a supervisor may do anything");
  EXPECT_EQ(why(target + "supervisor S { policy: allow openat, else EACCES; in any order }\n"),
            "1 a supervisor's policy may be followed in any order");
  EXPECT_EQ(why(target + policy + "signals to S: any, handler\n"), "1 signals come without end");
  const std::string handler = "signals to T: 1, handler { umask() }\n";
  EXPECT_EQ(why(target + policy + handler), "");
  EXPECT_EQ(why(target + "target B { kill(T) }\n" + policy + handler),
            "1 a task may be killed in a signal's handler that makes calls");
  EXPECT_EQ(
      why(target + policy + "signals to T: 1, handler { fork(X) }\nchild X of T { umask() }\n"),
      "1 a signal's handler begins a thread");
  EXPECT_EQ(why("filter statx\ntarget T { statx(sock, path, 0, 0, 0) }\n"
                "supervisor S { n = recv() }\n"),
            "1 the runner has no arguments for statx");
  EXPECT_EQ(why("filter execve\nmemory args = [path, NULL]\n"
                "target T { execve(path, args, NULL)\n  umask() }\nsupervisor S { n = recv() }\n"),
            "");
  EXPECT_EQ(why("filter execve\nmemory data = \"a\" | \"b\"\n"
                "target T { execve(path, NULL, NULL)\n  data = \"b\" }\n"
                "supervisor S { n = recv() }\n"),
            "1 an executed program stores");
  EXPECT_EQ(why("memory data = bytes \"old\"\nmemory file_name = \"/x\"\n"
                "program \"/x\" { data = \"n\" }\ntarget T { execve(file_name, NULL, NULL)\n"
                "  write(file, data, 3) }\n" +
                policy),
            "1 an executed program has fewer bytes than there were, and a page has no end there");
  EXPECT_EQ(why("target T { any of { openat(AT_FDCWD, path, O_RDONLY); nothing } }\n" + policy),
            "1 a task chooses what it calls");
  EXPECT_EQ(why("filter write\nmemory data = bytes \"nothing!PINNED\"\n"
                "target T { write(file, data, 14); write(file, data+8, 6) }\n"
                "supervisor S { n = recv(); read(n); send(n, continue) }\n"),
            "1 calls of one number have buffers of different lengths, and a plan's look has one");
  EXPECT_EQ(why("filter bind\nmemory addr = bytes \"nothing!unix/A\"\n"
                "target T { bind(sock, addr+8, 6) }\nsupervisor S { n = recv() }\n"),
            "1 a call takes the middle of a sockaddr, which has its family at its beginning");
  const std::string two = "target T { openat(AT_FDCWD, path, O_RDONLY)\n  close(file) }\n";
  const std::string both =
      "supervisor S { policy: allow openat if path == \"/ok\", else EACCES\n"
      "  allow close, else EACCES }\n";
  EXPECT_EQ(why("filter openat\nfilter close\n" + two + both),
            "1 a policy looks at one call's arguments only, and a plan at those of each call");
  // Only one of them comes to the supervisor.
  EXPECT_EQ(why("filter openat\n" + two +
                "supervisor S { policy: allow openat if path == \"/ok\", else EACCES }\n"),
            "");
}

constexpr char kBranches[] = R"(filter openat
memory path = "/ok"
target T {
  openat(AT_FDCWD, path, O_RDONLY)
  if result == EACCES { close(file) }
}
supervisor S {
  n = recv()
  if n is openat { send(n, error EACCES) }
}
)";

TEST(StressPlan, Branches) {
  const std::vector<std::string> lines = Subject(kBranches).StressLines();
  EXPECT_THAT(lines, Contains("op 0 1 jump_if_result -13 3"));
  EXPECT_THAT(lines, Contains("op 1 1 jump_if_call 0 openat 3"));
}

// A directed plan says what comes after what, and needs no end of all outcomes.
TEST(StressPlan, RefusesLoopsAndNumbersOfTheKernel) {
  const auto why = [](const std::string& body) {
    const Subject subject("filter openat\nmemory path = \"/ok\"\n" + body);
    EXPECT_TRUE(DirectedPlan("p", *subject.question, {}).ok());
    return std::string(StressPlan("p", *subject.free, 1, 1).status().message());
  };
  const std::string supervisor = "supervisor S { n = recv() }\n";
  EXPECT_EQ(why("target T { openat(AT_FDCWD, path, O_RDONLY) }\n"
                "supervisor S { loop { n = recv(); if result == ENOENT { leave } } }\n"),
            "a script has a loop, so there is no end of its outcomes");
  EXPECT_EQ(why("target T { fork(C); if result == 0 { umask() } }\nchild C of T { umask() }\n" +
                supervisor),
            "a script asks for a call's result, which is another number on a real kernel");
  EXPECT_EQ(why("target T { fork(C); if result == EPERM { exit() } }\nchild C of T { umask() }\n" +
                supervisor),
            "");
}

constexpr char kImage[] = R"(memory path = "/ok"
memory file_name = "/x"
program "/x" { path = "/new" }
target T {
  execve(file_name, NULL, NULL)
  openat(AT_FDCWD, path, O_RDONLY)
}
filter umask
supervisor S { n = recv() }
)";

// The name that the new program opens is a file.
TEST(DirectedPlan, OfAProgram) {
  const std::vector<std::string> lines = absl::StrSplit(Subject(kImage).Directed({}), '\n');
  EXPECT_THAT(lines, Contains("image 2f78 0 2f6e657700"));
  EXPECT_THAT(lines, Contains("file 2f6e6577"));
}

// What was copied last of an argument would pass for all that was told of it.
TEST(CanRun, RefusesOneArgumentAsSeveralKinds) {
  const auto why = [](const std::string& descriptors) {
    const Subject subject(absl::StrCat("filter openat\nmemory path = \"/ok\"\n"
                                       "target T { openat(AT_FDCWD, path, O_RDONLY) }\n"
                                       "supervisor S { n = recv()\n  pin(n, ",
                                       descriptors, ") }\n"),
                          "pin_args");
    return std::string(CanRun(*subject.question).message());
  };
  EXPECT_EQ(why("1: cstring 64, 1: cstring 64"), "");
  EXPECT_EQ(why("1: cstring 64, 1: cstrings 4"), "an argument is pinned as several kinds at once");
}

// The runner puts AF_UNIX in the place of a family, whose second byte is a zero.
TEST(CanRun, RefusesAStringThatEndsInAnotherPlace) {
  const auto why = [](const std::string& bytes) {
    const Subject subject(absl::StrCat("filter bind\nmemory addr = bytes \"", bytes,
                                       "\"\ntarget T { bind(sock, addr, 6) }\n"
                                       "supervisor S { n = recv()\n  pin(n, 1: cstring 16) }\n"),
                          "pin_args");
    return std::string(CanRun(*subject.question).message());
  };
  EXPECT_EQ(why("\\x01\\x00\\x00x/A"), "");
  EXPECT_THAT(why("unix/A"), ::testing::StartsWith("a sockaddr is pinned as a string"));
}

}  // namespace
}  // namespace knotcheck::conform::plan_test
