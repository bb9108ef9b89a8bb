// SPDX-License-Identifier: Apache-2.0
//
// What the compiler refuses, on both sides of some limits, and whose memory a scripted peer shares.
// Expected from the language's description (docs/language.md) and the limits of lang/compiler.h.

#include "lang/compile.h"

#include <gtest/gtest.h>

#include <string>

#include "lang/parse.h"
#include "model/proposal.h"

namespace knotcheck::lang::compile_test {
namespace {

constexpr char kHeader[] = "# name: inline\n# question: q\n# source: s\n# result: baseline=?\n";

absl::StatusOr<model::Program> Compiled(const std::string& text) {
  const auto scenario = Parse(kHeader + text, "f");
  if (!scenario.ok()) return scenario.status();
  return Compile(*scenario, *model::FindProposal("baseline"));
}

// "" when it compiles.
std::string Refusal(const std::string& text) {
  const auto program = Compiled(text);
  return program.ok() ? "" : std::string(program.status().message());
}

std::string Flags(const std::string& number) {
  return "memory path = \"/a\"\ntarget T { openat(AT_FDCWD, path, " + number +
         ") }\nsupervisor S { policy: allow openat, else EACCES }\n";
}

TEST(CompileTest, NumbersOfCallsHaveBounds) {
  EXPECT_EQ(Refusal(Flags("-1000")), "");
  EXPECT_EQ(Refusal(Flags("1000000")), "");
  EXPECT_EQ(Refusal(Flags("-1001")), "f:6:35: found -1001, expected -1000 to 1000000");
  EXPECT_EQ(Refusal(Flags("1000001")), "f:6:35: found 1000001, expected -1000 to 1000000");
}

// A word is eight bytes, the NUL included.
std::string Argv(const std::string& string, const std::string& table) {
  return "filter execve\nmemory p = \"/a\"\nmemory s = \"" + string + "\"\nmemory v = [" + table +
         "]\ntarget T { execve(p, v, NULL) }\n"
         "supervisor S { n = recv(); read(n); send(n, continue) }\n";
}

TEST(CompileTest, TheStringsOfATableAreBounded) {
  const std::string one = "1234567", two = "12345678";
  EXPECT_EQ(Refusal(Argv(two, "s, s, NULL")), "");
  EXPECT_EQ(Refusal(Argv(one, "s, s, s, NULL")), "");
  EXPECT_EQ(Refusal(Argv(two, "s, s, s, NULL")),
            "f:1:1: the strings of argv take up to 6 words, expected at most 4");
}

// A child begins once, as copy_process() makes one task, and has what its parent has: the filter
// too.
TEST(CompileTest, AChildIsStartedOnceAndByItsParent) {
  const auto handler = [](const std::string& signals) {
    return Refusal(
        "filter umask\ntarget T { umask() }\nchild C of T { umask() }\nsignals to T: " + signals +
        ", handler { fork(C) }\nsupervisor S { n = recv(); send(n, value 1) }\n");
  };
  EXPECT_EQ(handler("1"), "");
  EXPECT_EQ(
      handler("2"),
      "f:8:1: found a child that a handler starts, and 2 signals; expected one signal: a child "
      "starts once");
  EXPECT_EQ(handler("any"),
            "f:8:1: found a child that a handler starts, and any number of signals; expected one "
            "signal: a child starts once");
  const auto by_peer = [](const std::string& call) {
    return Refusal("filter umask\ntarget T { " + std::string(call.empty() ? "fork(C)" : "umask()") +
                   " }\nchild C of T { umask() }\npeer P shares memory with T { umask()" + call +
                   " }\nsupervisor S { n = recv(); send(n, value 1) }\n");
  };
  EXPECT_EQ(by_peer(""), "");
  EXPECT_EQ(by_peer("; fork(C)"), "f:8:45: found 'C', a child of T; expected a call of T");
}

// 13 bytes are two words: an address leads to either, or to the end.
TEST(CompileTest, AnAddressIsAWordOfAnObjectOrItsEnd) {
  const auto path = [](const std::string& address) {
    return Refusal("filter openat\nmemory path = \"/sandbox/ok\"\ntarget T { openat(AT_FDCWD, " +
                   address + ", 0) }\nsupervisor S { n = recv(); send(n, value 1) }\n");
  };
  EXPECT_EQ(path("path+8"), "");
  EXPECT_EQ(path("any(path, path+16)"), "");
  EXPECT_EQ(
      path("path+24"),
      "f:7:29: found 'path+24', expected a multiple of 8 up to 16, which is the end: a word is "
      "read at once");
  EXPECT_EQ(
      path("path+4"),
      "f:7:29: found 'path+4', expected a multiple of 8 up to 16, which is the end: a word is "
      "read at once");
  EXPECT_EQ(path("path+0"),
            "f:7:34: found '0', expected a number of bytes from 1 to 1000000, as in path+8");
  EXPECT_EQ(path("NULL+8"),
            "f:7:29: found 'NULL+8', expected no '+' behind NULL, where nothing is mapped");
  EXPECT_EQ(path("path+1000001"),
            "f:7:34: found '1000001', expected a number of bytes from 1 to 1000000, as in path+8");
  const std::string elsewhere =
      ", expected no '+': it belongs to the name of a memory, where a call takes an address";
  const auto script = [](const std::string& call, const std::string& ioctl) {
    return Refusal("filter umask\ntarget T { " + call + " }\nsupervisor S { n = recv(); " + ioctl +
                   " }\n");
  };
  EXPECT_EQ(script("umaks(file+8)", "send(n, value 1)").find("f:6:12: found 'umaks'"), 0u);
  EXPECT_EQ(script("close(file+8)", "send(n, value 1)"), "f:6:18: found 'file+8'" + elsewhere);
  EXPECT_EQ(script("umask()", "send(n+8, value 1)"), "f:7:33: found 'n+8'" + elsewhere);
  EXPECT_EQ(script("umask()", "kill(T+8)"), "f:7:33: found 'T+8'" + elsewhere);
}

// 125 to 127 are what the model has for ERESTARTSYS and its like; a kernel has 512 to 514 there.
TEST(CompileTest, AnErrorIsNoneOfTheModelsOwn) {
  const auto send = [](const std::string& error) {
    return Refusal("filter umask\ntarget T { umask() }\nsupervisor S { n = recv(); send(n, error " +
                   error + ") }\n");
  };
  EXPECT_EQ(send("124"), "");
  const std::string expected =
      ", expected one below 125: the model has codes of its own there, for restarts";
  EXPECT_EQ(send("125"), "f:7:42: found error 125" + expected);
  EXPECT_EQ(send("ERESTARTSYS"), "f:7:42: found error ERESTARTSYS" + expected);
  EXPECT_NE(Refusal("memory p = \"/a\"\ntarget T { openat(AT_FDCWD, p, 0) }\n"
                    "supervisor S { policy: allow openat if path == \"/a\", else ERESTARTSYS }\n")
                .find("found ERESTARTSYS, which is no error that a reply has"),
            std::string::npos);
}

// copy_signal(): a child has its parent's limits, whichever line gives them first.
TEST(CompileTest, ALimitIsATargetsAndItsChildrens) {
  const auto program = Compiled(
      "filter umask\nrlimit U: 5\nmemory p = \"/a\"\ntarget T { umask() }\n"
      "child D of C { umask() }\nchild C of U { fork(D) }\nchild E of U { umask() }\n"
      "target U { fork(C) }\nsupervisor S { n = recv(); send(n, value 1) }\n");
  ASSERT_TRUE(program.ok()) << program.status();
  const auto limit = [&](size_t task) { return program->nofile[program->tasks[task].files]; };
  EXPECT_EQ(limit(0), 8);
  EXPECT_EQ(limit(1), 5);
  EXPECT_EQ(limit(2), 5);
  EXPECT_EQ(limit(4), 5);
  const auto limited = [](const std::string& name) {
    return Refusal(
        "filter umask\ntarget T { clone(C) }\nthread V of T { umask() }\n"
        "child C of T { umask() }\npeer P shares files with T { close(file) }\n"
        "supervisor S { n = recv(); send(n, value 1) }\nrlimit " +
        name + ": 6\n");
  };
  EXPECT_EQ(limited("T"), "");
  EXPECT_EQ(limited("T: 6\nrlimit T"), "f:12:1: found a second limit of T, expected one");
  for (const char* const other : {"V", "C", "P", "S"}) {
    EXPECT_EQ(limited(other), std::string("f:11:1: found a limit of ") + other +
                                  ", expected a target's: its threads and children have the same");
  }
}

// unshare_files(): a table for each group that executes a program and shares its own with another.
TEST(CompileTest, AnExecveHasATableToMakeWhereOthersShareItsOwn) {
  const auto compiled = [](const std::string& text) {
    return Compiled("filter umask\nmemory p = \"/a\"\n" + text +
                    "supervisor S { n = recv(); send(n, value 1) }\n");
  };
  const std::string exec = "execve(p, NULL, NULL)", peer = "peer P shares files with T { ";
  const auto alone = compiled("target T { " + exec + " }\nthread U of T { umask() }\n");
  ASSERT_TRUE(alone.ok()) << alone.status();
  EXPECT_EQ(alone->tasks[0].unshared, 0);
  EXPECT_EQ(alone->files_tables, 1);
  const auto shared = compiled("target T { " + exec + " }\nthread U of T { " + exec + " }\n" +
                               peer + exec + " }\n");
  ASSERT_TRUE(shared.ok()) << shared.status();
  EXPECT_EQ(shared->tasks[0].unshared, 1);
  EXPECT_EQ(shared->tasks[1].unshared, 1);
  EXPECT_EQ(shared->tasks[2].unshared, 2);
  EXPECT_EQ(shared->files_tables, 3);
  const auto most =
      compiled("target T { " + exec + " }\ntarget V { umask() }\n" +
               "target W { umask() }\ntarget X { umask() }\n" + peer + "close(file) }\n");
  EXPECT_EQ(most.status().message(),
            "f:1:1: found the execve() of T, which shares descriptors, expected at most 4 "
            "descriptor tables: targets, forked children and those that execve() makes");
}

TEST(CompileTest, AProgramHasTextWhereMemoriesWere) {
  const auto text = [](const std::string& programs, const std::string& path = "p") {
    return "filter umask\nmemory p = \"/x\"\nmemory b = bytes \"old\"\nmemory t = [p, NULL]\n" +
           programs + "target T { umask(); write(file, b, 3); execve(" + path + ", t, NULL) }\n" +
           "supervisor S { n = recv(); send(n, value 1) }\n";
  };
  const auto program = Compiled(text("program \"/x\" { p = \"/n\"; b = \"new!\" }\n"));
  ASSERT_TRUE(program.ok()) << program.status();
  EXPECT_TRUE(program->notes.empty());
  ASSERT_EQ(program->images.size(), 1u);
  // A NUL ends a string, and only a string.
  EXPECT_EQ(program->images[0].bytes, (std::vector<uint16_t>{3, 4, 0}));
  EXPECT_EQ(program->images[0].words[0].size(), 1u);
  EXPECT_EQ(program->images[0].words[1].size(), 1u);

  const auto refusal = [&](const std::string& programs) { return Refusal(text(programs)); };
  EXPECT_EQ(refusal("program \"\" { p = \"/a\" }\n"),
            "f:9:9: found \"\", expected the path of a program, of 1 to 23 bytes without a NUL");
  EXPECT_EQ(refusal("program \"/x\" { t = \"/a\" }\n"),
            "f:9:16: found 't', a table, expected a memory that holds text");
  EXPECT_EQ(refusal("program \"/x\" { p = \"/a\"; p = \"/b\" }\n"),
            "f:9:26: found a second 'p', expected another memory");
  EXPECT_EQ(refusal("program \"/x\" { b = \"\" }\n"),
            "f:9:20: found \"\", expected 1 to 8 bytes: 'b' has 1 word");
  EXPECT_EQ(refusal("program \"/x\" { p = \"1\" }\nprogram \"/x\" { p = \"1\" }\n"),
            "f:10:1: found a second program \"/x\", expected another path");
  EXPECT_EQ(refusal("program \"/x\" { p = \"1\" }\nprogram \"/1\" { p = \"1\" }\n"
                    "program \"/2\" { p = \"1\" }\n"
                    "program \"/3\" { p = \"1\" }\n"),
            "f:12:1: found one more, expected at most 3 programs");
  EXPECT_EQ(refusal("program \"/x\" { p = \"/sandbox\" }\n"),
            "f:9:20: found \"/sandbox\", expected 1 to 7 bytes without a NUL: 'p' has 1 word");
  EXPECT_EQ(refusal("program \"/x\" {}\n"),
            "f:9:1: found a program that has nothing, expected what it has: of others nothing is "
            "mapped either");
  // By its own text.
  const auto again =
      Compiled(text("program \"/x\" { p = \"/y\" }\nprogram \"/y\" { p = \"/z\" }\n"));
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_TRUE(again->notes.empty());
  const auto unused = Compiled(text("program \"/y\" { p = \"/z\" }\n"));
  ASSERT_TRUE(unused.ok()) << unused.status();
  EXPECT_EQ(unused->notes, std::vector<std::string>{"f:9:1: note: nobody executes \"/y\""});
}

// SA_RESTART has something to do where RECV or ADDFD waits.
TEST(CompileTest, RestartsOfASupervisorHaveAnEffectOnRecvAndAddfd) {
  const auto notes = [](const std::string& script) {
    const auto program = Compiled("filter umask\ntarget T { umask() }\nsupervisor S { " + script +
                                  " }\nsignals to S: 1, handler restarts\n");
    return program.ok() ? program->notes : std::vector<std::string>{"refused"};
  };
  EXPECT_TRUE(notes("n = recv(); send(n, value 1)").empty());
  EXPECT_EQ(notes("poll()"),
            std::vector<std::string>{"f:8:1: note: 'restarts' changes nothing: S makes no call "
                                     "that starts anew"});
}

// What is left of "/sandbox/ok" from its second word on, in each of two address spaces.
TEST(CompileTest, ARestHasTheWordsOfItsObject) {
  const auto program = Compiled(
      "filter openat\nmemory path = \"/sandbox/ok\" | \"/sandbox/evil\"\n"
      "target T { openat(AT_FDCWD, path+8, 0); openat(AT_FDCWD, path+16, 0) }\n"
      "target U { openat(AT_FDCWD, path, 0) }\n"
      "peer P shares memory with T\n"
      "supervisor S { n = recv(); send(n, value 1) }\n");
  ASSERT_TRUE(program.ok()) << program.status();
  const model::TaskInfo& t = program->tasks[0];
  ASSERT_EQ(t.name, "T");
  const model::Value middle = t.ops[0].pointers[1];
  const model::Value end = t.ops[1].pointers[1];
  EXPECT_EQ(program->values[middle].text, "&path+8");
  EXPECT_EQ(program->values[end].text, "&path+16");
  for (const uint8_t space : {uint8_t{0}, uint8_t{1}}) {
    const int at = program->ObjectAt(middle, space);
    ASSERT_GE(at, 0);
    const model::Object& rest = program->objects[static_cast<size_t>(at)];
    EXPECT_EQ(rest.first_word, 2 * space + 1);
    EXPECT_EQ(rest.words, 1);
    EXPECT_EQ(rest.bytes, 6);  // "/evil" with its NUL, the longest
    EXPECT_EQ(rest.space, space);
    EXPECT_EQ(program->words[rest.first_word].shared, space == 0);
    EXPECT_EQ(program->ObjectAt(end, space), -1);
  }
}

// fork() copies memory, clone() shares it, and so on with their children, in whichever order they
// stand.
TEST(CompileTest, AForkedChildHasAnAddressSpaceOfItsOwn) {
  const auto program = Compiled(
      "filter umask\nmemory p = \"/a\" | \"/b\"\nshared memory q = \"/c\" | \"/d\"\n"
      "child D of C { openat(AT_FDCWD, q, 0) }\n"
      "child E of C { umask() }\n"
      "child C of T { fork(D); clone(E) }\n"
      "target T { umask(); if result == 0 { fork(C) } }\n"
      "peer P shares memory with T { q = \"/d\" }\n"
      "supervisor S { n = recv(); send(n, value 1) }\n");
  ASSERT_TRUE(program.ok()) << program.status();
  const auto space = [&](const std::string& name) -> int {
    for (const model::TaskInfo& task : program->tasks) {
      if (task.name == name) return task.space;
    }
    return -1;
  };
  EXPECT_EQ(space("T"), 0);
  EXPECT_EQ(program->copied_from[static_cast<size_t>(space("C"))], 0);
  EXPECT_EQ(program->copied_from[static_cast<size_t>(space("D"))], space("C"));
  EXPECT_EQ(space("E"), space("C"));
  EXPECT_NE(space("C"), 0);
  EXPECT_NE(space("D"), space("C"));
  // The words of q are T's, wherever it is.
  for (uint8_t s = 0; s < 3; ++s) {
    const size_t p = s * static_cast<size_t>(program->objects_of_space);
    EXPECT_EQ(program->objects[p].first_word, program->FirstWordOf(s));
    EXPECT_EQ(program->objects[p + 1].first_word, 1);
  }
  EXPECT_NE(program->words[1].stored_by, 0);
  EXPECT_EQ(program->words[0].stored_by, 0);
}

// A table is its child's from the beginning, wherever it stands in the text.
TEST(CompileTest, AForkedChildAndItsThreadsHaveADescriptorTable) {
  const auto program = Compiled(
      "filter umask\nchild D of C { umask() }\nchild C of T { clone(D) }\nchild E of T { umask() "
      "}\n"
      "target T { fork(C); clone(E) }\nsupervisor S { n = recv(); send(n, value 1) }\n");
  ASSERT_TRUE(program.ok()) << program.status();
  const auto& tasks = program->tasks;
  EXPECT_EQ(tasks[0].name, "D");
  EXPECT_NE(tasks[1].files, tasks[3].files);
  EXPECT_EQ(tasks[0].files, tasks[1].files);
  EXPECT_EQ(tasks[0].group, tasks[1].group);
  EXPECT_EQ(tasks[2].files, tasks[3].files);
  EXPECT_EQ(tasks[2].group, tasks[3].group);
}

TEST(CompileTest, NobodySharesWithAChildThatIsNotThere) {
  const auto with = [](const std::string& text, const std::string& memory = "") {
    return Refusal("filter umask\nmemory p = \"/a\" | \"/b\"\n" + memory +
                   "target T { fork(C); clone(D) }\nchild C of T { umask() }\n"
                   "child D of T { umask() }\n" +
                   text + "\nsupervisor S { n = recv(); send(n, value 1) }\n");
  };
  EXPECT_EQ(with("thread U of C { umask() }"),
            "f:10:1: found a thread of C, a child, expected one of a target: a child starts its "
            "threads itself, with clone()");
  const std::string peer =
      ", a child, expected one of a target, which is there from the beginning; a forked child may "
      "have a peer that stores anything";
  EXPECT_EQ(with("peer P shares memory with C { p = \"/b\" }"), "f:10:1: found a peer of C" + peer);
  EXPECT_EQ(with("peer P shares files with C { close(file) }"), "f:10:1: found a peer of C" + peer);
  EXPECT_EQ(with("peer P shares memory with C, writes 1"), "f:10:1: found a peer of C" + peer);
  EXPECT_EQ(with("peer P shares memory with D"), "f:10:1: found a peer of D" + peer);
  EXPECT_EQ(with("peer P shares memory with C"), "");
  EXPECT_EQ(
      with("peer P shares memory with C", "shared memory q = \"/a\" | \"/b\"\n"),
      "f:11:1: found a peer of C, a child, beside 'shared memory q', expected one of the two: "
      "the peer would store to what is shared before the child is there");
}

TEST(CompileTest, SharedMemoryIsNotUnmapped) {
  EXPECT_EQ(Refusal("filter umask\nshared memory p = \"/a\" | unmapped\ntarget T { umask() }\n"
                    "supervisor S { n = recv(); send(n, value 1) }\n"),
            "f:6:1: found 'shared memory' that may be unmapped, expected one of the two: it would "
            "be unmapped in one address space, and stay in the others");
}

TEST(CompileTest, AForkHasAsManyCopiesAsAreCounted) {
  std::string memory;
  for (char name = 'a'; name < 'g'; ++name) {
    memory += std::string("memory m") + name + " = ";
    for (char c = 'a'; c < 'q'; ++c) {
      memory += (c > 'a' ? " | \"" : "\"") + std::string(name == 'f' ? 7 : 23, c) + "\"";
    }
    memory += "\n";
  }
  // 16 alternatives of each of 16 words.
  const std::string refusal =
      Refusal("filter umask\n" + memory +
              "target T { fork(C) }\nchild C of T { umask() }\npeer P shares memory with T\n"
              "supervisor S { n = recv(); send(n, value 1) }\n");
  EXPECT_NE(refusal.find("copies and more that a fork() may make"), std::string::npos) << refusal;
}

TEST(CompileTest, MemoryIsUnmappedWhereItMayBe) {
  const auto script = [](const std::string& memory, const std::string& peer,
                         const std::string& supervisor = "") {
    return Refusal("filter umask\nmemory p = \"/a\"" + memory +
                   "\nmemory v = [p, NULL] | unmapped\ntarget T { umask() }\n"
                   "peer P shares memory with T { " +
                   peer +
                   " }\n"
                   "supervisor S { n = recv(); " +
                   supervisor + "send(n, value 1) }\n");
  };
  EXPECT_EQ(script(" | unmapped", "p = unmapped; v = unmapped; p = \"/a\"; v[1] = NULL"), "");
  EXPECT_EQ(script("", "p = unmapped"),
            "f:9:35: expected one of the alternatives that 'memory' declares");
  EXPECT_EQ(script(" | unmapped", "v[0] = unmapped"), "f:9:31: expected v = unmapped");
  EXPECT_EQ(script(" | unmapped", "p = unmapped", "p = unmapped; "),
            "f:10:32: found 'unmapped' in a supervisor, expected it where the memory is mapped: in "
            "a target, or in who shares its memory");
  EXPECT_EQ(script(" | unmapped | \"/b\"", "p = unmapped").substr(0, 6), "f:6:28");
}

TEST(CompileTest, IdsWithoutEndAreNotPredicted) {
  const auto script = [](const std::string& signals) {
    return Refusal("filter umask\ntarget T { umask() }\nsignals to T: " + signals +
                   "\nsupervisor S { n = recv(); m = after(n); send(m, value 1) }\n");
  };
  EXPECT_EQ(script("2, handler restarts"), "");
  EXPECT_EQ(script("any, handler restarts").substr(0, 29), "f:8:28: found after(), expect");
  EXPECT_EQ(script("any, fatal"),
            "f:7:1: found signals without end, expected them for a task with a handler");
}

// RECV, read, ID_VALID, decide, SEND: every kernel has these.
TEST(CompileTest, AProposalWithoutAPolicyHasTheBaselines) {
  const auto scenario =
      Parse(std::string(kHeader) +
                "memory path = \"/a\"\ntarget T { openat(AT_FDCWD, path, O_RDONLY) }\n"
                "supervisor S { policy: allow openat if path == \"/a\", else EACCES }\n",
            "f");
  ASSERT_TRUE(scenario.ok());
  model::Proposal bare = *model::FindProposal("baseline");
  bare.name = "bare";
  bare.policy_script = nullptr;
  bare.general_policy_script = nullptr;
  const auto program = Compile(*scenario, bare);
  const auto baseline = Compile(*scenario, *model::FindProposal("baseline"));
  ASSERT_TRUE(program.ok()) << program.status();
  ASSERT_TRUE(baseline.ok()) << baseline.status();
  EXPECT_EQ(program->tasks, baseline->tasks);
}

// Of several targets, so that the numbers of spaces and of tasks are not the same.
TEST(CompileTest, AScriptedPeerLivesWithItsTarget) {
  const auto program = Compiled(
      "memory path = \"/a\"\n"
      "target T { umask() }\n"
      "peer P shares memory with T { umask() }\n"
      "target U { openat(AT_FDCWD, path, O_RDONLY) }\n"
      "peer Q shares memory with U { umask() }\n"
      "supervisor S { policy: allow openat, else EACCES }\n");
  ASSERT_TRUE(program.ok()) << program.status();
  const auto task = [&](const std::string& name) -> const model::TaskInfo& {
    for (const model::TaskInfo& info : program->tasks) {
      if (info.name == name) return info;
    }
    ADD_FAILURE() << name;
    return program->tasks[0];
  };
  EXPECT_EQ(task("P").space, task("T").space);
  EXPECT_EQ(task("Q").space, task("U").space);
  EXPECT_NE(task("T").space, task("U").space);
  EXPECT_NE(task("P").group, task("T").group);
}

}  // namespace
}  // namespace knotcheck::lang::compile_test
