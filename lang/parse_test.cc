// SPDX-License-Identifier: Apache-2.0

#include "lang/parse.h"

#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "base/text.h"
#include "lang/ast.h"

namespace knotcheck::lang::parse_test {
namespace {

// Four lines, so that what a test writes begins on line 5.
constexpr char kHeader[] =
    "# name: n\n"
    "# question: q\n"
    "# source: s\n"
    "# result: baseline=?\n";

// A row of a table: plain, for compilers take minutes over tables of std::string.
struct Row {
  absl::string_view text;
  absl::string_view expected;
};

Scenario Parsed(absl::string_view text) {
  absl::StatusOr<Scenario> scenario = Parse(text, "f");
  EXPECT_TRUE(scenario.ok()) << scenario.status() << "\n" << text;
  return scenario.ok() ? *std::move(scenario) : Scenario();
}

// The only declaration of a scenario with a plain header.
template <typename T>
T ParsedAs(absl::string_view declaration) {
  const Scenario scenario = Parsed(absl::StrCat(kHeader, declaration, "\n"));
  EXPECT_EQ(scenario.declarations.size(), 1) << declaration;
  if (scenario.declarations.size() != 1) return T();
  const T* parsed = std::get_if<T>(&scenario.declarations[0]);
  EXPECT_NE(parsed, nullptr) << declaration;
  return parsed != nullptr ? *parsed : T();
}

std::string MessageOf(absl::string_view text) {
  const absl::StatusOr<Scenario> scenario = Parse(text, "f");
  if (scenario.ok()) return "no error";
  EXPECT_EQ(scenario.status().code(), absl::StatusCode::kInvalidArgument);
  return std::string(scenario.status().message());
}

// What the printer makes of one declaration.
std::string Canonical(absl::string_view declaration) {
  const std::string text = Print(Parsed(absl::StrCat(kHeader, declaration, "\n")));
  const size_t end_of_header = text.find("\n\n");
  return end_of_header == std::string::npos ? text : text.substr(end_of_header + 2);
}

Atom NamedAtom(std::string text) {
  Atom atom;
  atom.text = std::move(text);
  return atom;
}

Atom StringOf(std::string text) {
  Atom atom = NamedAtom(std::move(text));
  atom.kind = Atom::Kind::kString;
  return atom;
}

Atom NumberOf(int64_t number) {
  Atom atom;
  atom.kind = Atom::Kind::kNumber;
  atom.number = number;
  return atom;
}

Arg ArgOf(std::vector<Atom> atoms, bool joined = false) {
  Arg arg;
  arg.atoms = std::move(atoms);
  arg.joined = joined;
  return arg;
}

Call CallOf(std::string function, std::vector<Arg> args = {}) {
  Call call;
  call.function = std::move(function);
  call.args = std::move(args);
  return call;
}

TEST(ParseTest, MemoryOfStrings) {
  const Memory memory = ParsedAs<Memory>(R"(memory path = "/ok" | "/evil")");
  EXPECT_EQ(memory.kind, Memory::Kind::kString);
  EXPECT_EQ(memory.name, "path");
  EXPECT_EQ(memory.alternatives, (std::vector<Atom>{StringOf("/ok"), StringOf("/evil")}));
  EXPECT_TRUE(memory.entries.empty());
}

TEST(ParseTest, MemoryOfBytes) {
  const Memory memory = ParsedAs<Memory>(R"(memory m = bytes "\x00\xfF\0" | "\"\\\n")");
  EXPECT_EQ(memory.kind, Memory::Kind::kBytes);
  EXPECT_EQ(memory.alternatives,
            (std::vector<Atom>{StringOf(std::string("\x00\xff\x00", 3)), StringOf("\"\\\n")}));
}

TEST(ParseTest, MemoryOfPointers) {
  const Memory memory = ParsedAs<Memory>("memory argv = [s1 | s2,  # may be swapped\n NULL\n]");
  EXPECT_EQ(memory.kind, Memory::Kind::kPointers);
  EXPECT_TRUE(memory.alternatives.empty());
  EXPECT_EQ(memory.entries, (std::vector<std::vector<Atom>>{{NamedAtom("s1"), NamedAtom("s2")},
                                                            {NamedAtom("NULL")}}));
}

TEST(ParseTest, MemoryThatIsSharedOrUnmapped) {
  EXPECT_FALSE(ParsedAs<Memory>(R"(memory m = "/a" | "/b")").shared);
  EXPECT_FALSE(ParsedAs<Memory>(R"(memory m = "/a" | "/b")").may_be_unmapped);
  const Memory text = ParsedAs<Memory>(R"(shared memory m = "/a" | unmapped)");
  EXPECT_TRUE(text.shared);
  EXPECT_TRUE(text.may_be_unmapped);
  EXPECT_EQ(text.alternatives, (std::vector<Atom>{StringOf("/a")}));
  EXPECT_TRUE(ParsedAs<Memory>("memory m = [s] | unmapped").may_be_unmapped);
}

TEST(ParseTest, Tasks) {
  const Task target = ParsedAs<Task>("target T { exit() }");
  EXPECT_EQ(target.kind, Task::Kind::kTarget);
  EXPECT_EQ(target.name, "T");
  EXPECT_EQ(target.of, "");
  EXPECT_EQ(target.body, (std::vector<Statement>{CallOf("exit")}));

  const Task thread = ParsedAs<Task>("thread U of T { }");
  EXPECT_EQ(thread.kind, Task::Kind::kThread);
  EXPECT_EQ(thread.name, "U");
  EXPECT_EQ(thread.of, "T");
  EXPECT_TRUE(thread.body.empty());

  const Task child = ParsedAs<Task>("child C of T {\n\n a();; b()\n # none\n c() }");
  EXPECT_EQ(child.kind, Task::Kind::kChild);
  EXPECT_EQ(child.of, "T");
  EXPECT_EQ(child.body, (std::vector<Statement>{CallOf("a"), CallOf("b"), CallOf("c")}));
}

TEST(ParseTest, Peers) {
  Peer expected;
  expected.name = "P";
  expected.with = "T";
  EXPECT_EQ(ParsedAs<Peer>("peer P shares memory with T"), expected);

  expected.kind = Peer::Kind::kWrites;
  expected.writes = 2;
  EXPECT_EQ(ParsedAs<Peer>("peer P shares memory with T, writes 2"), expected);

  expected.kind = Peer::Kind::kScript;
  expected.writes = 0;
  expected.body = {CallOf("munmap", {ArgOf({NamedAtom("path")})})};
  EXPECT_EQ(ParsedAs<Peer>("peer P shares memory with T { munmap(path) }"), expected);

  expected.shares = Peer::Shares::kFiles;
  EXPECT_EQ(ParsedAs<Peer>("peer P shares files with T { munmap(path) }"), expected);
}

TEST(ParseTest, SupervisorWithPolicy) {
  Supervisor expected;
  expected.name = "S";
  Rule rule;
  rule.call = "openat";
  rule.otherwise = NamedAtom("EACCES");
  Condition condition;
  condition.role = "path";
  condition.values = {StringOf("/ok")};
  rule.alternatives = {{condition}};
  expected.policy = {rule};
  EXPECT_EQ(ParsedAs<Supervisor>(
                R"(supervisor S { policy: allow openat if path == "/ok", else EACCES })"),
            expected);

  // A second condition, on a table; a rule without any; reactions; threads.
  condition.role = "argv";
  condition.table = true;
  condition.values = {StringOf("a"), StringOf("b")};
  expected.policy[0].alternatives[0].push_back(condition);
  Rule plain;
  plain.call = "getpid";
  plain.otherwise = NamedAtom("EPERM");
  expected.policy.push_back(plain);
  Reaction reaction;
  reaction.error = "EEXIST";
  reaction.action = "continue pinned";
  Reaction retry;
  retry.error = "EINTR";
  retry.action = "retry 0x10 no-leak";
  expected.reactions = {reaction, retry};
  expected.threads = 2;
  for (const char* text :
       {"supervisor S[2] {\n"
        "  policy: allow openat if path == \"/ok\"\n"
        "            and argv == [\"a\",\n \"b\"],\n"
        "            else EACCES\n"
        "          allow getpid, else EPERM\n"
        "  on EEXIST:   continue\tpinned  # as it stands\n"
        "  on EINTR: retry 0x10 no-leak\n"
        "}",
        "supervisor S[2] { policy: allow openat if path == \"/ok\" and argv == [\"a\", \"b\"], "
        "else "
        "EACCES; on EEXIST: continue pinned; on EINTR: retry 0x10 no-leak; policy: allow getpid, "
        "else EPERM }"}) {
    EXPECT_EQ(ParsedAs<Supervisor>(text), expected) << text;
  }
}

TEST(ParseTest, SupervisorThatIsFree) {
  Supervisor expected;
  expected.name = "S";
  expected.threads = 2;
  expected.anything = true;
  EXPECT_EQ(ParsedAs<Supervisor>("supervisor S[2] { anything }"), expected);
  expected.but = {NamedAtom("addfd"), NamedAtom("pin")};
  EXPECT_EQ(ParsedAs<Supervisor>("supervisor S[2] {\n anything but addfd, pin\n}"), expected);
  const Supervisor script = ParsedAs<Supervisor>("supervisor S { anything() }");
  EXPECT_FALSE(script.anything);
  EXPECT_EQ(script.body.size(), 1);
  const Supervisor policy =
      ParsedAs<Supervisor>("supervisor S { policy: allow a, else E\n in any order }");
  EXPECT_TRUE(policy.in_any_order);
  EXPECT_EQ(policy.policy.size(), 1);
}

TEST(ParseTest, Choices) {
  const Task task =
      ParsedAs<Task>("target T { any of { a(); x = \"b\"\n nothing }; b(any(c, 1)) }");
  ASSERT_EQ(task.body.size(), 2);
  const auto& any = std::get<AnyOf>(task.body[0]);
  ASSERT_EQ(any.alternatives.size(), 3);
  EXPECT_EQ(std::get<Call>(any.alternatives[0]).function, "a");
  EXPECT_EQ(std::get<Store>(any.alternatives[1]).object, "x");
  EXPECT_TRUE(std::holds_alternative<Nothing>(any.alternatives[2]));
  const auto& call = std::get<Call>(task.body[1]);
  ASSERT_EQ(call.args.size(), 1);
  EXPECT_TRUE(call.args[0].any);
  EXPECT_EQ(call.args[0].atoms.size(), 2);
  EXPECT_EQ(Canonical("target T { any  of {a();nothing} }"),
            "target T { any of { a(); nothing } }\n");
}

TEST(ParseTest, SupervisorWithScript) {
  const Supervisor supervisor = ParsedAs<Supervisor>("supervisor S[3] { policy(); allow = 1 }");
  EXPECT_EQ(supervisor.threads, 3);
  EXPECT_TRUE(supervisor.policy.empty());
  ASSERT_EQ(supervisor.body.size(), 2);
  EXPECT_EQ(supervisor.body[0], Statement(CallOf("policy")));
  EXPECT_EQ(std::get<Store>(supervisor.body[1]).object, "allow");
  EXPECT_EQ(ParsedAs<Supervisor>("supervisor S {}").threads, 1);
}

TEST(ParseTest, SignalsOfEachDisposition) {
  using Disposition = Signals::Disposition;
  const Signals ignored = ParsedAs<Signals>("signals to T: 2, ignored");
  EXPECT_EQ(ignored.to, "T");
  EXPECT_EQ(ignored.count, 2);
  EXPECT_EQ(ignored.disposition, Disposition::kIgnored);
  EXPECT_EQ(ParsedAs<Signals>("signals to T: 1, handler").disposition, Disposition::kHandler);
  EXPECT_EQ(ParsedAs<Signals>("signals to T: 1, handler restarts").disposition,
            Disposition::kHandlerRestarts);
  EXPECT_EQ(ParsedAs<Signals>("signals to T: 1, fatal").disposition, Disposition::kFatal);
  const Signals handler = ParsedAs<Signals>("signals to T: 1, handler restarts { f() }");
  EXPECT_EQ(handler.disposition, Disposition::kHandlerRestarts);
  EXPECT_EQ(handler.handler, (std::vector<Statement>{CallOf("f")}));
}

TEST(ParseTest, Settings) {
  const auto setting = [](std::string key, std::string name, int64_t number) {
    Setting made;
    made.key = std::move(key);
    made.name = std::move(name);
    made.number = number;
    return made;
  };
  EXPECT_EQ(ParsedAs<Setting>("filter wait_killable"), setting("filter", "wait_killable", 0));
  EXPECT_EQ(ParsedAs<Setting>("allocation failures: 1"), setting("allocation failures", "", 1));
  EXPECT_EQ(ParsedAs<Setting>("listener closes"), setting("listener closes", "", 0));
  EXPECT_EQ(ParsedAs<Setting>("rlimit T: 4"), setting("rlimit", "T", 4));
}

TEST(ParseTest, Asks) {
  const Ask never = ParsedAs<Ask>("never toctou, no-leak");
  EXPECT_TRUE(never.never);
  EXPECT_EQ(never.properties, (std::vector<Atom>{NamedAtom("toctou"), NamedAtom("no-leak")}));
  const Ask sometimes = ParsedAs<Ask>("sometimes approved-fetch");
  EXPECT_FALSE(sometimes.never);
  EXPECT_EQ(sometimes.properties, (std::vector<Atom>{NamedAtom("approved-fetch")}));
}

Statement ParsedStatement(absl::string_view statement) {
  const Task task = ParsedAs<Task>(absl::StrCat("target T { ", statement, " }"));
  EXPECT_EQ(task.body.size(), 1) << statement;
  return task.body.size() == 1 ? task.body[0] : Statement();
}

TEST(ParseTest, Calls) {
  Call expected = CallOf("openat", {ArgOf({NamedAtom("AT_FDCWD")}), ArgOf({NamedAtom("path")}),
                                    ArgOf({NamedAtom("O_WRONLY"), NamedAtom("O_CREAT")}, true)});
  expected.variable = "fd";
  EXPECT_EQ(ParsedStatement("fd = openat(AT_FDCWD,\n path, O_WRONLY|O_CREAT)"),
            Statement(expected));
  expected.expected = NamedAtom("EACCES");
  EXPECT_EQ(ParsedStatement("fd =\nopenat(AT_FDCWD, path, O_WRONLY | O_CREAT) == EACCES"),
            Statement(expected));
  expected.expected.reset();
  expected.uses = StringOf("/ok");
  EXPECT_EQ(ParsedStatement("fd = openat(AT_FDCWD, path, O_WRONLY|O_CREAT) uses \"/ok\""),
            Statement(expected));
  expected.expected = NumberOf(-1);
  EXPECT_EQ(ParsedStatement("fd = openat(AT_FDCWD, path, O_WRONLY|O_CREAT) == -1 uses \"/ok\""),
            Statement(expected));

  Call pin = CallOf("pin", {ArgOf({NamedAtom("cstring"), NumberOf(4096), NamedAtom("entries"),
                                   NumberOf(8), StringOf("s")})});
  pin.args[0].index = 1;
  EXPECT_EQ(ParsedStatement("pin(1: cstring 4096 entries 8 \"s\")"), Statement(pin));
  pin.args[0].index.reset();
  EXPECT_EQ(ParsedStatement("pin(cstring 4096 entries 8 \"s\")"), Statement(pin));
  EXPECT_EQ(ParsedStatement("pin(1 2)"),
            Statement(CallOf("pin", {ArgOf({NumberOf(1), NumberOf(2)})})));
}

TEST(ParseTest, Stores) {
  Store expected;
  expected.object = "path";
  expected.value = StringOf("/evil");
  EXPECT_EQ(ParsedStatement("path = \"/evil\""), Statement(expected));
  expected.index = 3;
  expected.value = NamedAtom("NULL");
  EXPECT_EQ(ParsedStatement("path[3] = NULL"), Statement(expected));
  expected.index.reset();
  EXPECT_EQ(ParsedStatement("path = NULL"), Statement(expected));
  expected.value = NumberOf(7);
  EXPECT_EQ(ParsedStatement("path = 7"), Statement(expected));
}

TEST(ParseTest, NumberForms) {
  struct Form {
    const char* text;
    int64_t number;
  };
  constexpr Form kTable[] = {
      {"0", 0},
      {"-0", 0},
      {"42", 42},
      {"-1", -1},
      {"0x1F", 31},
      {"-0xa", -10},
      {"4KiB", 4096},
      {"1MiB", 1048576},
      {"0x2KiB", 2048},
      {"-1KiB", -1024},
      {"9223372036854775807", INT64_MAX},
      {"0KiB", 0},
      {"0x7fffffffffffffff", INT64_MAX},
      {"-9223372036854775808", INT64_MIN},
      {"-8796093022208MiB", INT64_MIN},
  };
  for (const auto& [text, number] : kTable) {
    EXPECT_EQ(ParsedAs<Setting>(absl::StrCat("allocation failures: ", text)).number, number)
        << text;
  }
}

TEST(ParseTest, PlacesAreThoseOfTheText) {
  const Scenario scenario = Parsed(absl::StrCat(kHeader, "\n\n  target\tT {\n\ta(b,\n  1: c)\n}"));
  const Task& task = std::get<Task>(scenario.declarations[0]);
  EXPECT_EQ(task.where.line, 7);
  EXPECT_EQ(task.where.column, 3);
  const Call& call = std::get<Call>(task.body[0]);
  EXPECT_EQ(call.where.line, 8);
  EXPECT_EQ(call.where.column, 2);
  EXPECT_EQ(call.args[1].where.line, 9);
  EXPECT_EQ(call.args[1].where.column, 3);
  EXPECT_EQ(call.args[1].atoms[0].where.column, 6);
  EXPECT_EQ(scenario.header.results[0].where.line, 4);
  EXPECT_EQ(scenario.header.results[0].where.column, 11);
}

TEST(ParseTest, LineEndsOfBothKindsAndNoneAtTheEnd) {
  const std::string text = absl::StrCat(kHeader, "target T {\na()\nb()\n} # end\nnever x");
  const Scenario scenario = Parsed(text);
  EXPECT_EQ(scenario.declarations.size(), 2);
  std::string crlf;
  for (const char c : text) crlf += c == '\n' ? "\r\n" : std::string(1, c);
  EXPECT_EQ(Parsed(crlf), scenario);
}

TEST(HeaderTest, EveryKey) {
  const Header header =
      Parsed(
          "# SPDX-License-Identifier: Apache-2.0\n"
          "#\n"
          "# Some words of no consequence.\n"
          "\n"
          "#name:     pin_args/openat_path\t \n"
          "  # question : Who wins: T or P?\n"
          "# source:   selftest zwölf\n"
          "# result:   baseline=violated(toctou , no-leak)  pin_args=holds # so far\n"
          "# why:      The peer writes\n"
          "#           between the reads.\n"
          "# note: and so on\n"
          "# why:      Second.\n"
          "#\n"
          "# Not part of it.\n"
          "# why: Third.\n"
          "# result:   redirect=?\n"
          "# Nor this.\n"
          "# why: Fourth.\n"
          "\n"
          "# Nor that.\n"
          "never x\n"
          "# name: just a comment\n"
          "# names: just a comment\n")
          .header;
  EXPECT_EQ(header.name, "pin_args/openat_path");
  EXPECT_EQ(header.question, "Who wins: T or P?");
  EXPECT_EQ(header.source, "selftest zwölf");
  EXPECT_EQ(header.why,
            (std::vector<std::string>{"The peer writes between the reads. note: and so on",
                                      "Second.", "Third.", "Fourth."}));
  ASSERT_EQ(header.results.size(), 3);
  EXPECT_EQ(header.results[0].operand, "baseline");
  EXPECT_EQ(header.results[0].kind, Claim::Kind::kViolated);
  EXPECT_EQ(header.results[0].properties, (std::vector<std::string>{"toctou", "no-leak"}));
  EXPECT_EQ(header.results[1].operand, "pin_args");
  EXPECT_EQ(header.results[1].kind, Claim::Kind::kHolds);
  EXPECT_EQ(header.results[2].operand, "redirect");
  EXPECT_EQ(header.results[2].kind, Claim::Kind::kUnknown);
}

TEST(HeaderTest, NoDeclarationsIsAScenario) { EXPECT_TRUE(Parsed(kHeader).declarations.empty()); }

TEST(HeaderTest, CommentsAreUtf8) {
  for (const char* text : {"\xc2\xa0", "\xdf\xbf", "\xe0\xa0\x80", "\xed\x9f\xbf", "\xef\xbf\xbd",
                           "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf"}) {
    EXPECT_EQ(Parsed(absl::StrCat(kHeader, "# why: ", text)).header.why[0], text);
    EXPECT_EQ(Parsed(absl::StrCat(kHeader, "never x # ", text)).declarations.size(), 1);
  }
  // Cut short, no lead, overlong, a control character, a surrogate, beyond the last.
  for (const char* text :
       {"\xc3", "\xe2\x82", "\xf0\x90\x80", "\xe2\x82x", "\x80", "\xc1\xbf", "\xe0\x9f\xbf",
        "\xf0\x8f\xbf\xbf", "\xc2\x9b", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80"}) {
    const std::string byte = absl::StrCat(absl::Hex(static_cast<unsigned char>(text[0])));
    EXPECT_EQ(MessageOf(absl::StrCat("# why: ", text)),
              absl::StrCat("f:1:8: found byte 0x", byte, ", expected UTF-8 text in a comment"));
    EXPECT_EQ(MessageOf(absl::StrCat(kHeader, "never x # ", text)),
              absl::StrCat("f:5:11: found byte 0x", byte, ", expected UTF-8 text in a comment"));
  }
}

TEST(HeaderTest, BadHeaders) {
  constexpr Row kTable[] = {
      {"",
       "f:1:1: found the end of the file, expected the header lines '# name: TEXT', '# question: "
       "TEXT', '# source: TEXT', '# result: PROPOSAL=holds' before it"},
      {"# question: q\n# source: s\n# result: p=?\nnever x",
       "f:4:1: found 'never', expected the header line '# name: TEXT' before it"},
      {"# name: n\n# source: s\n# result: p=?\n never x",
       "f:4:2: found 'never', expected the header line '# question: TEXT' before it"},
      {"# name: n\n# question: q\n# result: p=?\nnever x",
       "f:4:1: found 'never', expected the header line '# source: TEXT' before it"},
      {"# name: n\n# question: q\n# source: s\nnever x",
       "f:4:1: found 'never', expected the header line '# result: PROPOSAL=holds' before it"},
      {"# name: n\n# question: q",
       "f:2:14: found the end of the file, expected the header lines '# source: TEXT', '# result: "
       "PROPOSAL=holds' before it"},
      {"# nmae: n\n# question: q\n",
       "f:1:3: found 'nmae', expected name, question, source, result or why, did you mean "
       "'name'?"},
      {"\n# why: x\n  #\tresults : y\n",
       "f:3:5: found 'results', expected name, question, source, result or why, did you mean "
       "'result'?"},
      {"# name: n\n# name: n\n", "f:2:3: found a second 'name', expected one in the header"},
      {"# source: n\n# source: m\n", "f:2:3: found a second 'source', expected one in the header"},
      {"# name:  \n", "f:1:10: found the end of the line, expected text after 'name:'"},
      {"# why:\n", "f:1:7: found the end of the line, expected text after 'why:'"},
      {"# result:\n", "f:1:10: found the end of the line, expected text after 'result:'"},
      {"# name: a\x1b[1m\n", "f:1:10: found byte 0x1b, expected UTF-8 text in a comment"},
      {"# \xc3(\n", "f:1:3: found byte 0xc3, expected UTF-8 text in a comment"},
      {absl::string_view("# a\0b\n", 6),
       "f:1:4: found byte 0x00, expected UTF-8 text in a comment"},
      {absl::string_view("\x7f"
                         "ELF\0",
                         5),
       "f:1:1: found byte 0x7f, expected plain ASCII text"},
      {"\xef\xbb\xbf# name: n\n", "f:1:1: found byte 0xef, expected plain ASCII text"},
      {"# name: n\r", "f:1:10: found byte 0x0d, expected UTF-8 text in a comment"},
  };
  for (const auto& [text, message] : kTable) EXPECT_EQ(MessageOf(text), message) << text;
}

TEST(HeaderTest, BadResults) {
  constexpr Row kTable[] = {
      {"p=?  q=? p=holds", "f:1:20: found a second result of 'p', expected one for each proposal"},
      {"p=?\n# result: p=?",
       "f:2:11: found a second result of 'p', expected one for each proposal"},
      {"p", "f:1:12: found the end of the line, expected '='"},
      {"p=hold",
       "f:1:13: found 'hold', expected 'holds', 'violated(PROPERTY, ...)' or '?', did you mean "
       "'holds'?"},
      {"p=maybe", "f:1:13: found 'maybe', expected 'holds', 'violated(PROPERTY, ...)' or '?'"},
      {"p=violated", "f:1:21: found the end of the line, expected '('"},
      {"p=violated()", "f:1:22: found ')', expected a property's name"},
      {"p=violated(a b)", "f:1:24: found 'b', expected ',' or ')'"},
      {"p=violated(X)",
       "f:1:22: found 'X', expected a property's name of lower-case letters, digits, '_' and '-'"},
      {"Pin=holds",
       "f:1:11: found 'Pin', expected a proposal's name of lower-case letters, digits, '_' and "
       "'-'"},
      {"p=holds, q=?", "f:1:18: found ',', expected a proposal's name"},
      {"p@v1=? p@v1=?", "f:1:18: found a second result of 'p@v1', expected one for each proposal"},
      {"p+a b=?", "f:1:15: found 'b', expected '='"},
      {"p /5=?",
       "f:1:13: found '/', expected a name, a number, a string or one of = == != ( ) { } [ ] , ; : "
       "| +"},
  };
  for (const auto& [claims, message] : kTable) {
    EXPECT_EQ(MessageOf(absl::StrCat("# result: ", claims, "\n")), message) << claims;
  }
}

TEST(ParseTest, BadDeclarations) {
  constexpr Row kTable[] = {
      {"memmory x = \"a\"",
       "f:5:1: found 'memmory', expected a declaration (memory, shared, program, target, thread, "
       "child, "
       "peer, "
       "supervisor, signals, filter, allocation, listener, rlimit, never, sometimes), did you "
       "mean 'memory'?"},
      {"42",
       "f:5:1: found '42', expected a declaration (memory, shared, program, target, thread, child, "
       "peer, "
       "supervisor, signals, filter, allocation, listener, rlimit, never, sometimes)"},
      {"never x never y", "f:5:9: found 'never', expected ',' or the end of the line"},
      {"filter a;", "f:5:9: found ';', expected the end of the line"},

      {"memory = \"a\"", "f:5:8: found '=', expected a name for the memory"},
      {"memory a-b = \"a\"", "f:5:8: found 'a-b', expected a name for the memory without '-'"},
      {"memory x \"a\"", "f:5:10: found '\"a\"', expected '='"},
      {"memory x =\n\"a\"",
       "f:5:11: found the end of the line, expected a string in double quotes, 'bytes' or '['"},
      {"memory x = byte \"a\"",
       "f:5:12: found 'byte', expected a string in double quotes, 'bytes' or '[', did you mean "
       "'bytes'?"},
      {"memory x = \"a\" |",
       "f:5:17: found the end of the line, expected a string in double quotes"},
      {"memory x = \"a\" \"b\"", "f:5:16: found '\"b\"', expected '|' or the end of the line"},
      {"memory x = []", "f:5:13: found ']', expected the name of a memory, or NULL"},
      {"memory x = [a b]", "f:5:15: found 'b', expected ',', '|' or ']'"},
      {"memory x = [a,\nb",
       "f:7:1: found the end of the file, expected ',', '|' or ']' (the '[' of line 5, column 12 "
       "is open)"},
      {"memory x = \"a",
       "f:5:12: found a string without an end, expected '\"' before the end of "
       "the line"},
      {"memory x = \"a\\\"",
       "f:5:12: found a string without an end, expected '\"' before the end "
       "of the line"},
      {"memory x = \"a\\q\"", "f:5:14: found '\\q', expected one of \\\" \\\\ \\n \\0 \\xHH"},
      {"memory x = \"\\x4\"", "f:5:13: found '\\x' without two hex digits, expected \\xHH"},
      {"memory x = \"a\tb\"",
       "f:5:14: found byte 0x09, expected printable ASCII in a string, or \\xHH"},
      {"memory x = @",
       "f:5:12: found '@', expected a name, a number, a string or one of = == != ( ) { } [ ] , ; : "
       "| +"},
      {"memory x = \x80", "f:5:12: found byte 0x80, expected plain ASCII text"},
      {absl::string_view("never \0", 7), "f:5:7: found byte 0x00, expected plain ASCII text"},
      {"never x\ry", "f:5:8: found byte 0x0d, expected plain ASCII text"},
      {"never x # \x07", "f:5:11: found byte 0x07, expected UTF-8 text in a comment"},

      {"target T", "f:5:9: found the end of the line, expected '{'"},
      {"thread U off T { }", "f:5:10: found 'off', expected 'of', did you mean 'of'?"},
      {"child C of { }", "f:5:12: found '{', expected the name of a task"},
      {"target T { a()",
       "f:6:1: found the end of the file, expected a statement or '}' (the '{' of line 5, column "
       "10 is open)"},
      {"target T {\n a()\n\nnever no-leak\n}",
       "f:8:7: found 'no-leak', expected '(', '[' or '=', or a '}' before 'never' (the '{' of line "
       "5, column 10 is open)"},
      {"target T { a() b() }",
       "f:5:16: found 'b', expected '==', 'uses', ';', '}' or the end of the line"},
      {"target T { a() use \"x\" }",
       "f:5:16: found 'use', expected '==', 'uses', ';', '}' or the end of the line, did you mean "
       "'uses'?"},
      {"target T { a() == \"x\" }",
       "f:5:19: found '\"x\"', expected a number or the name of an errno"},
      {"target T { a() uses x }", "f:5:21: found 'x', expected a string in double quotes"},
      {"target T { a\n() }", "f:5:13: found the end of the line, expected '(', '[' or '='"},
      {"target T { a(,) }",
       "f:5:14: found ',', expected an argument (a name, a number or a string)"},
      {"target T { a(b-1) }",
       "f:5:14: found 'b-1', expected an argument (a name, a number or a string) without '-'"},
      {"target T { a(b c | d) }", "f:5:18: found '|', expected ',' or ')'"},
      {"target T { a(b | c d) }", "f:5:20: found 'd', expected '|', ',' or ')'"},
      {"target T { a(b: c) }", "f:5:15: found ':', expected '|', ',' or ')'"},
      {"target T { x[a] = 1 }", "f:5:14: found 'a', expected an index, a number"},
      {"target T { x[0] = f() }", "f:5:20: found '(', expected ';', '}' or the end of the line"},
      {"target T { x = { }", "f:5:16: found '{', expected a call, a string, a name or a number"},
      {"target T { x = y z }", "f:5:18: found 'z', expected '(', ';', '}' or the end of the line"},
      {"target T { any of { } }", "f:5:21: found '}', expected a call, a store or 'nothing'"},
      {"target T { any of { any of { a() } } }",
       "f:5:21: found 'any', expected a call, a store or 'nothing'"},
      {"target T { any of { nothing b() } }",
       "f:5:29: found 'b', expected ';', '}' or the end of the line"},
      {"target T { any { a() } }", "f:5:16: found '{', expected '(', '[' or '='"},
      {"target T { a(any()) }", "f:5:18: found ')', expected a name, a number or a string"},
      {"target T { a(any(b c)) }", "f:5:20: found 'c', expected ',' or ')'"},
      {"target T { } }", "f:5:14: found '}', expected the end of the line"},

      {"peer P share memory with T",
       "f:5:8: found 'share', expected 'shares', did you mean "
       "'shares'?"},
      {"peer P shares memmory with T",
       "f:5:15: found 'memmory', expected 'memory' or 'files', did you mean 'memory'?"},
      {"peer P shares files with T", "f:5:27: found the end of the line, expected '{'"},
      {"peer P shares memory with T writes 2",
       "f:5:29: found 'writes', expected ',', '{' or the end of the line"},
      {"peer P shares memory with T, writes two",
       "f:5:37: found 'two', expected the number of writes"},

      {"supervisor S", "f:5:13: found the end of the line, expected '[', 'shares looks' or '{'"},
      {"supervisor S[two] { }", "f:5:14: found 'two', expected the number of threads"},
      {"supervisor S { polcy: allow a, else E }",
       "f:5:16: found 'polcy', expected 'policy:' or a statement, did you mean 'policy'?"},
      {"supervisor S { allow a, else E }",
       "f:5:16: found 'allow', expected 'policy:' before the first rule"},
      {"supervisor S { policy: on E: x }", "f:5:24: found 'on', expected 'allow'"},
      {"supervisor S { policy: allow a else E }",
       "f:5:32: found 'else', expected 'if' or ', else ERRNO'"},
      {"supervisor S { policy: allow a if x == \"1\" und y == \"2\", else E }",
       "f:5:44: found 'und', expected 'and', 'or' or ', else ERRNO', did you mean 'and'?"},
      {"supervisor S { policy: allow a if x = \"1\", else E }",
       "f:5:37: found '=', expected '==' or '!='"},
      {"supervisor S { policy: allow a if x == y, else E }",
       "f:5:40: found 'y', expected a string in double quotes"},
      {"supervisor S { policy: allow a if x == [\"y\" \"z\"], else E }",
       "f:5:45: found '\"z\"', expected ',' or ']'"},
      {"supervisor S { policy: allow a, els E }",
       "f:5:33: found 'els', expected 'else', did you mean 'else'?"},
      {"supervisor S { policy: allow a, else 5 }",
       "f:5:38: found '5', expected the name of an errno"},
      {"supervisor S { policy: allow a, else E; alow b, else E }",
       "f:5:41: found 'alow', expected 'allow', 'on', 'in any order' or '}', did you mean "
       "'allow'?"},
      {"supervisor S { policy: allow a, else E; in order }",
       "f:5:44: found 'order', expected 'any'"},
      {"supervisor S { anything bt recv }",
       "f:5:25: found 'bt', expected 'but', ';', '}' or the end of the line, did you mean 'but'?"},
      {"supervisor S { anything but }", "f:5:29: found '}', expected the name of an ioctl"},
      {"supervisor S { anything; recv() }", "f:5:26: found 'recv', expected '}'"},
      {"supervisor S { policy: allow a, else E; on E: }",
       "f:5:47: found '}', expected what to do about the errno, in words"},
      {"supervisor S { policy: allow a, else E; on E: x, y }",
       "f:5:48: found ',', expected a word, ';', '}' or the end of the line"},

      {"signals to T: 1, handled",
       "f:5:18: found 'handled', expected 'ignored', 'handler' or 'fatal', did you mean "
       "'handler'?"},
      {"signals to T: 1, ignored { a() }", "f:5:26: found '{', expected the end of the line"},
      {"signals to T: 1, handler restart",
       "f:5:26: found 'restart', expected 'restarts', '{' or the end of the line, did you mean "
       "'restarts'?"},
      {"signals to T 1, fatal", "f:5:14: found '1', expected ':'"},
      {"filter", "f:5:7: found the end of the line, expected the name of a filter flag"},
      {"allocation failure: 1",
       "f:5:12: found 'failure', expected 'failures', did you mean 'failures'?"},
      {"listener close", "f:5:10: found 'close', expected 'closes', did you mean 'closes'?"},
      {"rlimit T: many", "f:5:11: found 'many', expected the limit, a number"},
      {"never", "f:5:6: found the end of the line, expected a property's name"},
      {"never Toctou",
       "f:5:7: found 'Toctou', expected a property's name of lower-case letters, digits, '_' and "
       "'-'"},
      {"sometimes a,", "f:5:13: found the end of the line, expected a property's name"},

      {"rlimit T: 12abc", "f:5:11: found '12abc', expected a number such as 42, -1, 0x1f or 4KiB"},
      {"rlimit T: -", "f:5:11: found '-', expected a number such as 42, -1, 0x1f or 4KiB"},
      {"rlimit T: 0x", "f:5:11: found '0x', expected a number such as 42, -1, 0x1f or 4KiB"},
      {"rlimit T: 1GiB", "f:5:11: found '1GiB', expected a number such as 42, -1, 0x1f or 4KiB"},
      {"rlimit T: 0644",
       "f:5:11: found '0644', expected a decimal number without leading zeros, or 0x (there is no "
       "octal)"},
      {"rlimit T: 9223372036854775808",
       "f:5:11: found '9223372036854775808', expected a number that fits int64"},
      {"rlimit T: -9223372036854775809",
       "f:5:11: found '-9223372036854775809', expected a number that fits int64"},
      {"rlimit T: 8796093022208MiB",
       "f:5:11: found '8796093022208MiB', expected a number that fits int64"},
      {"rlimit T: 0x10000000000000000",
       "f:5:11: found '0x10000000000000000', expected a number that fits int64"},
  };
  for (const auto& [text, message] : kTable) {
    EXPECT_EQ(MessageOf(absl::StrCat(kHeader, text, "\n")), message) << text;
  }
}

TEST(ParseTest, LongWordsAreCutInMessages) {
  EXPECT_EQ(MessageOf(absl::StrCat(kHeader, "rlimit T: ", std::string(100, '1'))),
            absl::StrCat("f:5:11: found '", std::string(40, '1'),
                         "...', expected a number that fits int64"));
}

TEST(ParseTest, AtMostSoManyDeclarations) {
  std::string text = kHeader;
  for (int i = 0; i < 1000; ++i) text += "never x\n";
  EXPECT_EQ(Parsed(text).declarations.size(), 1000);
  EXPECT_EQ(MessageOf(text + "never x\n"),
            "f:1005:1: found more than 1000 declarations, expected at most that many");
}

TEST(ParseTest, AtMostSoManyStatements) {
  std::string text = absl::StrCat(kHeader, "target T {\n");
  for (int i = 0; i < 9999; ++i) text += "a()\n";
  EXPECT_EQ(Parsed(text + "}\nthread U of T { a() }\n").declarations.size(), 2);
  EXPECT_EQ(MessageOf(text + "}\nthread U of T { a(); b() }\n"),
            "f:10006:22: found more than 10000 statements, expected at most that many");
}

TEST(ParseTest, LongestText) {
  std::string text = kHeader;
  text.resize(kMaxScenarioBytes, ' ');
  EXPECT_EQ(MessageOf(text), "no error");
  text += ' ';
  EXPECT_EQ(MessageOf(text), "f:1:1: found 1048577 bytes, expected at most 1048576");
}

// The time that parsing takes may not grow faster than the text. Each of these takes well under a
// tenth of a second, and much more than the limit if something is quadratic.
TEST(ParseTest, LargeTextsAreQuick) {
  const auto expect_quick = [](const std::string& text) {
    const auto start = std::chrono::steady_clock::now();
    std::string message = MessageOf(text);
    EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(5))
        << text.substr(0, 200) << "\n"
        << message;
    return message;
  };
  EXPECT_EQ(expect_quick(std::string(10 << 20, '(')),
            "f:1:1: found 10485760 bytes, expected at most 1048576");
  for (const char* part :
       {"(", "a ", "\n", "\"", "#\n", "# why: x\n# y\n", "-", "{", "1", "a|", "["}) {
    for (const char* before : {"", "# why: x\n", "# result: ", "memory x = [", "target T { a(",
                               "target T { a = ", "supervisor S {"}) {
      std::string text = absl::StrCat(kHeader, before);
      while (text.size() + 20 < kMaxScenarioBytes) text += part;
      expect_quick(text);
    }
  }
}

TEST(PrintTest, CanonicalForms) {
  constexpr Row kTable[] = {
      {"memory   p=\"/ok\"|\"/evil\"", "memory p = \"/ok\" | \"/evil\"\n"},
      {"memory p = bytes \"\\x41\\x0a\\x00\\x7f\\\"\\\\\"",
       "memory p = bytes \"A\\n\\0\\x7f\\\"\\\\\"\n"},
      {"memory p=[a|b,NULL]", "memory p = [a | b, NULL]\n"},
      {"target T { }", "target T {}\n"},
      {"target T {\n  a(1MiB,0x10);\n}", "target T { a(1048576, 16) }\n"},
      {"thread U of T { x[1]=2; y=f(1:a b,c | d)==E uses \"s\" }",
       "thread U of T {\n  x[1] = 2\n  y = f(1: a b, c|d) == E uses \"s\"\n}\n"},
      {"peer P shares memory with T,writes 2", "peer P shares memory with T, writes 2\n"},
      {"supervisor S[1] { policy: allow a, else E }", "supervisor S { policy: allow a, else E }\n"},
      {"supervisor S[2] { policy: allow a if b==[\"c\",\"d\"] and e==\"f\", else E\n on F: go on }",
       "supervisor S[2] {\n"
       "  policy: allow a if b == [\"c\", \"d\"] and e == \"f\", else E\n"
       "  on F: go on\n"
       "}\n"},
      {"supervisor S { policy: allow a, else E; on X: y; policy: allow b, else F }",
       "supervisor S {\n"
       "  policy:\n"
       "    allow a, else E\n"
       "    allow b, else F\n"
       "  on X: y\n"
       "}\n"},
      {"signals to T:1,handler  restarts { }", "signals to T: 1, handler restarts\n"},
      {"signals to T: 1, handler { a() }", "signals to T: 1, handler { a() }\n"},
      {"never a,b # c\n\n\nsometimes d", "never a, b\nsometimes d\n"},
  };
  for (const auto& [text, canonical] : kTable) EXPECT_EQ(Canonical(text), canonical) << text;
}

TEST(PrintTest, HeaderIsAligned) {
  EXPECT_EQ(Print(Parsed("# why: first\n#   continued\n# result: a=violated(b,c) d=?\n# source: s\n"
                         "# question: q\n# result: e=holds\n# name: n\n# why: second\n"
                         "never b")),
            "# name:     n\n"
            "# question: q\n"
            "# source:   s\n"
            "# result:   a=violated(b, c)  d=?  e=holds\n"
            "# why:      first continued\n"
            "# why:      second\n"
            "\n"
            "never b\n");
}

TEST(NearestTest, TyposOnly) {
  const std::vector<std::string> words = {"memory", "target", "thread", "of", "openat"};
  constexpr Row kTable[] = {
      {"memory", "memory"},  {"memroy", "memory"},
      {"emmroy", "memory"},  // two swaps
      {"mmeoyr", "memory"},  {"mexxxy", ""},
      {"traget", "target"},  {"thraed", "thread"},
      {"fo", "of"},          {"off", "of"},
      {"ox", "of"},          {"ab", ""},
      {"openat2", "openat"}, {"", ""},
      {"treat", ""},         {"Memory", "memory"},
  };
  for (const auto& [word, nearest] : kTable) EXPECT_EQ(base::Nearest(word, words), nearest) << word;
  EXPECT_EQ(base::Nearest(std::string(1 << 20, 'm'), {std::string(1 << 20, 'n')}), "");
  EXPECT_EQ(base::Nearest("ca", {"abc", "b"}), "");  // 2 from each, and 1 is allowed
  EXPECT_EQ(base::Nearest("cabxyz", {"abcxyz"}), "abcxyz");
  EXPECT_EQ(base::Nearest("a", {"b", "ab"}), "b");             // the first of equals
  EXPECT_EQ(base::Nearest("xyzca1", {"xyzabc1"}), "xyzabc1");  // a swap with an insertion inside it
}

TEST(ErrorAtTest, PlaceOrNone) {
  EXPECT_EQ(ErrorAt("a.scn", {3, 14}, "oh").message(), "a.scn:3:14: oh");
  EXPECT_EQ(ErrorAt("a.scn", {}, "oh").message(), "a.scn: oh");
}

}  // namespace
}  // namespace knotcheck::lang::parse_test
