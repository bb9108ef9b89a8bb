// SPDX-License-Identifier: Apache-2.0
//
// What a script knows at each of its tests: what may have been returned last, and of which calls
// its notifications are. By that, what of a script can have no effect is refused or told.

#include <bitset>
#include <initializer_list>
#include <string_view>

#include "absl/strings/str_split.h"
#include "lang/compiler.h"
#include "model/errno.h"
#include "model/kernel/uapi.h"

namespace knotcheck::lang {

struct Known {
  bool reached = false;
  std::bitset<256> results;  // by Ret as a byte
  bool nothing_called = false;
  bool lost = false;  // a store or the like stands between the call and here
  struct Notification {
    bool none = true;  // perhaps nothing
    std::bitset<model::kCalls> calls;
    friend bool operator==(const Notification&, const Notification&) = default;
  };
  std::array<Notification, model::kMaxVariables> notifications;
  friend bool operator==(const Known&, const Known&) = default;

  void Join(const Known& other) {
    if (!other.reached) return;
    results |= other.results;
    nothing_called |= other.nothing_called;
    lost |= other.lost;
    for (size_t v = 0; v < notifications.size(); ++v) {
      const bool none = other.notifications[v].none;
      notifications[v].none = reached ? notifications[v].none || none : none;
      notifications[v].calls |= other.notifications[v].calls;
    }
    reached = true;
  }
};

namespace {

size_t Index(model::Ret ret) { return static_cast<uint8_t>(ret); }

// What the ops of a script may meet.
struct Surroundings {
  bool supervises = false;
  bool interrupted = true;  // signals with a handler come
  bool closes = true;       // somebody may close the listener
  std::bitset<model::kCalls> trapped;
};

using Results = std::bitset<256>;

// What the rooms of proposals let an ioctl return beside what it returns today.
Results AddedByProposals(OpCode code) {
  const std::string_view function = code == OpCode::kRecv      ? "seccomp_notify_recv"
                                    : code == OpCode::kSend    ? "seccomp_notify_send"
                                    : code == OpCode::kIdValid ? "seccomp_notify_id_valid"
                                    : code == OpCode::kAddfd   ? "seccomp_notify_addfd"
                                                               : "";
  Results results;
  for (const model::Proposal* proposal : model::AllProposals()) {
    for (const model::SourceErrnos& row : proposal->errnos) {
      if (row.returns != function) continue;
      for (const absl::string_view name : absl::StrSplit(row.names, ' ')) {
        results.set(Index(static_cast<model::Ret>(-model::ErrnoNumber(name))));
      }
    }
  }
  return results;
}

// What an op may return, whatever the kernel. More is harmless, less is not.
Results ResultsOf(const Op& op, const Surroundings& around) {
  Results results;
  const auto errors = [&results](std::initializer_list<int> all) {
    for (const int error : all) results.set(Index(static_cast<model::Ret>(-error)));
  };
  if (!around.supervises || op.code == OpCode::kVerb) return results.set();
  results.set(0);
  if (op.code == OpCode::kPoll || op.code == OpCode::kAddfd) {
    for (int ret = 0; ret < 128; ++ret) results.set(static_cast<size_t>(ret));
  }
  if (op.code == OpCode::kReadArgs) {
    errors({model::kEFAULT, model::kESRCH});
    return results;
  }
  if (around.closes && op.code != OpCode::kPoll) errors({model::kEBADF});
  if (op.code == OpCode::kClose) return results;
  if (around.interrupted) errors({model::kEINTR});
  if (op.code == OpCode::kPoll) return results;
  errors({model::kEINVAL});
  if (op.options & (model::kBufNull | model::kBufFaults)) errors({model::kEFAULT});
  if (op.code != OpCode::kSetFlags) errors({model::kENOENT});
  if (op.code == OpCode::kSend || op.code == OpCode::kAddfd) {
    errors({model::kEBUSY, model::kEINPROGRESS});
  }
  if (op.code == OpCode::kAddfd) errors({model::kEBADF, model::kESRCH, model::kEMFILE});
  return results | AddedByProposals(op.code);
}

// ... once the listener is closed.
Results ResultsWhenClosed(const Op& op, const Surroundings& around) {
  if (op.code == OpCode::kReadArgs) return ResultsOf(op, around);
  Results results;
  if (op.code == OpCode::kPoll) return results.set(model::kEpollNval);
  return results.set(Index(-model::kEBADF));
}

bool Returns(const Op& op) {
  switch (op.code) {
    case OpCode::kSyscall:
    case OpCode::kRecv:
    case OpCode::kSend:
    case OpCode::kIdValid:
    case OpCode::kAddfd:
    case OpCode::kSetFlags:
    case OpCode::kPoll:
    case OpCode::kVerb:
    case OpCode::kReadArgs:
    case OpCode::kClose:
      return true;
    default:
      return false;
  }
}

// An op waits until something comes, and takes it. poll() waits as well, but says again and again
// what is there already, and check_zeroed_user() refuses a buffer before RECV waits.
bool Sleeps(const Op& op) {
  return op.code == OpCode::kRecv && (op.options & (model::kBufNull | model::kBufNotZeroed)) == 0;
}

// Behind an op that is no test, and that returns one of `results` if it returns anything, what was
// known before it being `known`.
Known After(const Op& op, Known known, const Results& results, const Surroundings& around) {
  if (Returns(op)) {
    known.results = results;
    known.reached = results.any();
    known.nothing_called = known.lost = false;
    if (op.code == OpCode::kRecv) known.notifications[op.variable].calls |= around.trapped;
  } else if (op.code == OpCode::kStore || op.code == OpCode::kKill ||
             (op.code == OpCode::kChoose && !around.supervises)) {
    known.lost |= known.results.any();
    known.results.reset();
  } else if (op.code == OpCode::kAfter) {
    known.notifications[op.variable] = {};
  }
  return known;
}

// Divides what is known before a test by whether it is met.
std::pair<Known, Known> Divide(const Op& test, const Known& known) {
  std::pair<Known, Known> parts = {known, known};
  auto& [met, not_met] = parts;
  if (test.code == OpCode::kJumpIfResult) {
    const bool may = known.results[Index(test.expected)];
    met.results.reset();
    met.results[Index(test.expected)] = may;
    not_met.results.reset(Index(test.expected));
    for (Known* part : {&met, &not_met}) {
      part->reached = part->results.any() || part->nothing_called || part->lost;
    }
    return parts;
  }
  const auto nr = static_cast<size_t>(test.nr);
  Known::Notification& is = met.notifications[test.variable];
  Known::Notification& is_not = not_met.notifications[test.variable];
  const bool may = is.calls[nr];
  is = {.none = false, .calls = {}};
  is.calls[nr] = may;
  is_not.calls.reset(nr);
  met.reached = may;
  not_met.reached = is_not.none || is_not.calls.any();
  return parts;
}

// Calls next(op, known) for what may follow an op, if that returns one of results_of(op).
template <class ResultsOfOp, class Next>
void ForEachNext(const std::vector<Op>& ops, size_t at, const Known& known,
                 const Surroundings& around, ResultsOfOp&& results_of, Next&& next) {
  const Op& op = ops[at];
  if (op.code == OpCode::kEnd) return;
  if (op.code == OpCode::kJumpIfResult || op.code == OpCode::kJumpIfCall) {
    const auto [met, not_met] = Divide(op, known);
    next(op.target, met);
    next(at + 1, not_met);
    return;
  }
  const Known after = After(op, known, Returns(op) ? results_of(op) : Results(), around);
  if (op.code == OpCode::kChoose) {
    for (const uint8_t alternative : op.alternatives) next(alternative, after);
  } else {
    next(op.code == OpCode::kJump || op.joins ? op.target : at + 1, after);
  }
}

// What is known before each op of a loop whose first one is reached with `entry` known; behind
// those of the script, what is known on the way back to it. Without a loop: of the whole script.
template <class ResultsOfOp>
std::vector<Known> KnownIn(const Script& script, const Script::Loop* loop, const Known& entry,
                           const Surroundings& around, ResultsOfOp&& results_of) {
  const auto& ops = script.ops;
  const size_t begin = loop != nullptr ? loop->begin : 0;
  const size_t end = loop != nullptr ? loop->end : ops.size();
  std::vector<Known> known(ops.size() + 1);
  known[begin] = entry;
  for (bool changed = true; changed;) {
    changed = false;
    for (size_t at = begin; at < end; ++at) {
      if (!known[at].reached) continue;
      ForEachNext(ops, at, known[at], around, results_of, [&](size_t next, const Known& then) {
        if (next < begin || next >= end) return;
        Known& there = known[loop != nullptr && next == begin ? ops.size() : next];
        const Known before = there;
        there.Join(then);
        changed |= !(there == before);
      });
    }
  }
  return known;
}

// Whether a loop can go round for ever, if ops return what results_of() says, and those that it
// gives nothing to do not return.
template <class ResultsOfOp>
bool GoesRound(const Script& script, const Script::Loop& loop, const Surroundings& around,
               ResultsOfOp&& results_of) {
  Known entry;
  entry.reached = entry.nothing_called = entry.lost = true;
  entry.results.set();
  for (Known::Notification& each : entry.notifications) each.calls.set();
  // Round by round less is possible, until nothing is, or what remains goes on.
  while (true) {
    const Known back = KnownIn(script, &loop, entry, around, results_of).back();
    if (!back.reached || back == entry) return back.reached;
    entry = back;
  }
}

std::string ResultsText(const Results& results) {
  std::vector<std::string> names;
  int numbers = 0;
  for (int ret = -128; ret < 128; ++ret) {
    if (!results[Index(static_cast<model::Ret>(ret))]) continue;
    if (ret > 0) ++numbers;
    if (ret > 0) continue;
    names.push_back(ret == 0 ? "0" : model::ErrnoName(-ret));
  }
  if (numbers > 0) names.emplace_back("a number");
  return absl::StrJoin(names, ", ");
}

}  // namespace

absl::Status Compiler::CheckTest(const BranchTest& test, const Op& op, const Known& known) const {
  if (op.code == OpCode::kJumpIfCall) {
    const Known::Notification& of = known.notifications[op.variable];
    const bool always = !of.none && of.calls.count() == 1;
    if (of.calls[static_cast<size_t>(op.nr)] && !always) return absl::OkStatus();
    if (always) {
      return Error(test.where, absl::StrCat("found a test of ", test.variable, ", which is always ",
                                            test.value.text, " here, expected none"));
    }
    return Error(test.value.where,
                 absl::StrCat("found '", test.value.text, "', of which ", test.variable,
                              " never is here, expected a call that the filter traps and that was "
                              "not asked for before"));
  }
  if (known.nothing_called) {
    return Error(test.where,
                 "found 'result' where perhaps nothing was called, expected a call before it on "
                 "every way");
  }
  if (known.lost) {
    return Error(test.where,
                 "found 'result' behind a store, kill() or 'nothing', expected it right behind a "
                 "call, whose result is kept no longer");
  }
  Results others = known.results;
  others.reset(Index(op.expected));
  if (others == known.results) {
    return Error(test.value.where,
                 absl::StrCat("found '", AtomText(test.value),
                              "', which nothing before it returns, expected one of: ",
                              ResultsText(known.results)));
  }
  if (others.none()) {
    return Error(test.where, absl::StrCat("found a test whose 'result' is always ",
                                          ResultsText(known.results), ", expected none"));
  }
  return absl::OkStatus();
}

namespace {

// What may be known anywhere in a script.
std::vector<Known> KnownIn(const Script& script, const Surroundings& around) {
  Known entry;
  entry.reached = entry.nothing_called = true;
  const auto results_of = [&around](const Op& op) { return ResultsOf(op, around); };
  return KnownIn(script, nullptr, entry, around, results_of);
}

}  // namespace

absl::Status Compiler::CheckTests(const Script& script) const {
  Surroundings around;
  around.supervises = script.supervises;
  around.trapped = program_.trapped;
  for (const Script::Loop& loop : script.loops) {
    const auto nothing = [](const Op&) { return Results(); };
    if (!GoesRound(script, loop, around, nothing)) continue;
    return Error(loop.where,
                 "found a loop that may go round without a call (a store and kill() are none), "
                 "expected one on every way through it");
  }
  const std::vector<Known> known = KnownIn(script, around);
  for (const auto& [at, test] : script.tests) {
    if (!known[at].reached) continue;
    absl::Status status = CheckTest(*test, script.ops[at], known[at]);
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

void Compiler::NoteScript(const Script& script) {
  const TaskInfo& info = program_.tasks[static_cast<size_t>(script.task)];
  Surroundings around;
  around.supervises = script.supervises;
  around.trapped = program_.trapped;
  around.interrupted = info.signalled;
  around.closes = program_.closes;
  const std::vector<Known> known = KnownIn(script, around);
  for (const auto& [at, test] : script.tests) {
    const Op& op = script.ops[at];
    if (op.code == OpCode::kJumpIfCall && !IsCalled(op.nr)) {
      Note(test->where,
           absl::StrCat("note: no task with the filter calls ", test->value.text, "()"));
    }
    if (op.code != OpCode::kJumpIfResult || !known[at].reached) continue;
    if (known[at].results[Index(op.expected)]) continue;
    const bool signal = op.expected == -model::kEINTR;
    Note(test->where, absl::StrCat("note: never ", AtomText(test->value), ": ",
                                   signal ? absl::StrCat("no signal comes to ", info.name)
                                          : "nothing closes the listener"));
  }
  const bool without_end = std::any_of(
      program_.senders.begin(), program_.senders.end(), [&script](const model::SenderInfo& sender) {
        return sender.task == script.task && sender.count == model::kSignalsWithoutEnd;
      });
  // Other signals come to an end.
  around.interrupted = without_end;
  const auto results_of = [&](const Op& op) {
    Results results;
    if (without_end) results.set(Index(-model::kEINTR));
    if (Sleeps(op)) return results;
    results = ResultsOf(op, around);
    // Of an old kernel, whatever it is asked (KNOT_VARIANT(id_valid_dir)).
    if (op.code == OpCode::kIdValid) results.reset(Index(-model::kEINVAL));
    return results;
  };
  const auto when_closed = [&](const Op& op) { return ResultsWhenClosed(op, around); };
  const std::string rest =
      ": then nothing comes to rest, where 'progress' and 'hangup' are judged; 'never resumes' is "
      "judged all the same";
  for (const Script::Loop& loop : script.loops) {
    if (GoesRound(script, loop, around, results_of)) {
      program_.spins = true;
      Note(loop.where,
           absl::StrCat("note: this loop may go round without waiting in recv()", rest));
    } else if (program_.closes && GoesRound(script, loop, around, when_closed)) {
      program_.spins = true;
      Note(loop.where,
           absl::StrCat("note: this loop goes round for ever once the listener is closed", rest));
    }
  }
}

}  // namespace knotcheck::lang
