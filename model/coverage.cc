// SPDX-License-Identifier: Apache-2.0

#include "model/coverage.h"

#include <algorithm>
#include <tuple>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/check.h"

namespace knotcheck::model {
namespace {

void Note(Results* results, Ret value) {
  results->set(value < 0 ? static_cast<size_t>(-static_cast<int>(value)) : 0);
}

// The function that stands in this source file under this name. Names of a proposal's functions
// may be longer than the kernel's: pinned_getname_flags() is its getname_flags().
SourceFunction Resolve(const std::string& name, const std::string& source) {
  SourceFunction function;
  const bool core = !absl::StrContains(source, "model/proposals/");
  for (int i = 1; core && i < static_cast<int>(Fn::kCount); ++i) {
    const FunctionInfo& info = CoreFunction(i);
    if (name == info.name) {
      function.name = info.name;
      function.file = info.file;
      function.info = &info;
      return function;
    }
  }
  for (const Proposal* proposal : AllProposals()) {
    const bool own = absl::StrContains(source, absl::StrCat("/", proposal->name, ".cc"));
    for (const FunctionInfo& info : proposal->functions) {
      const bool same = name == info.name || absl::EndsWith(name, absl::StrCat("_", info.name));
      if (!same || (function.info != nullptr && !own)) continue;
      function.name = absl::StrCat(info.name, " [", proposal->name, "]");
      function.file = info.file;
      function.info = &info;
      function.proposal = proposal;
    }
  }
  if (function.info == nullptr) function.name = name;
  return function;
}

void NameSteps(SourceFunction* function) {
  std::map<std::string, int> total;
  for (const StepInfo* step : function->steps) ++total[step->statement];
  std::map<std::string, int> met;
  for (const StepInfo* step : function->steps) {
    std::string name = step->statement;
    if (total[name] > 1) absl::StrAppend(&name, " [", ++met[name], " of ", total[name], "]");
    function->step_names.push_back(name);
  }
}

// Core functions in the order of functions.def, then the proposals' in theirs.
std::tuple<std::string, size_t, std::string> Place(const SourceFunction& function) {
  if (function.info == nullptr) return {"~", 0, function.name};
  const FunctionInfo* first =
      function.proposal != nullptr ? function.proposal->functions.data() : &CoreFunction(0);
  return {function.proposal != nullptr ? function.proposal->name : "",
          static_cast<size_t>(function.info - first), function.name};
}

}  // namespace

void Coverage::Returned(const FunctionInfo& function, Ret value) {
  Note(&returned[&function], value);
}

void Coverage::Answered(const Proposal& proposal, const Op& op, Ret value) {
  std::string call;
  switch (op.code) {
    case OpCode::kSyscall:
      call = SyscallOf(op.nr).name;
      break;
    case OpCode::kRecv:
      call = "ioctl(RECV)";
      break;
    case OpCode::kSend:
      call = "ioctl(SEND)";
      break;
    case OpCode::kIdValid:
      call = "ioctl(ID_VALID)";
      break;
    case OpCode::kAddfd:
      call = "ioctl(ADDFD)";
      break;
    case OpCode::kSetFlags:
      call = "ioctl(SET_FLAGS)";
      break;
    case OpCode::kPoll:
      call = "poll(listener)";
      break;
    case OpCode::kReadArgs:
      call = "process_vm_readv";
      break;
    case OpCode::kVerb:
      call = absl::StrCat(proposal.verbs[op.verb].name, " [", proposal.name, "]");
      break;
    default:
      return;  // no call, or one without a result
  }
  Note(&answered[call], value);
}

void Coverage::Add(const Coverage& other) {
  steps.insert(other.steps.begin(), other.steps.end());
  for (const auto& [function, results] : other.returned) returned[function] |= results;
  for (const auto& [call, results] : other.answered) answered[call] |= results;
  for (const auto& [proposal, bits] : other.events) events[proposal] |= bits;
  reached.insert(other.reached.begin(), other.reached.end());
  broken.insert(other.broken.begin(), other.broken.end());
}

std::vector<SourceError> SourceErrors() {
  std::vector<SourceError> errors;
  const auto add = [&errors](const char* says, const char* returns, const char* names) {
    for (const absl::string_view name : absl::StrSplit(names, ' ')) {
      const int error = ErrnoNumber(name);
      KNOT_CHECK(error != 0);
      errors.push_back({says, returns, error});
    }
  };
#define KNOT_ERRNOS(says, returns, names) add(#says, #returns, names);
#include "model/kernel/errnos.def"
#undef KNOT_ERRNOS
  for (const Proposal* proposal : AllProposals()) {
    for (const SourceErrnos& row : proposal->errnos) add(row.says, row.returns, row.names);
  }
  return errors;
}

std::vector<SourceFunction> SourceFunctions() {
  std::vector<SourceFunction> functions;
  const auto at = [&functions](const SourceFunction& wanted) -> SourceFunction& {
    for (SourceFunction& function : functions) {
      if (function.name == wanted.name) return function;
    }
    functions.push_back(wanted);
    return functions.back();
  };
  for (const StepInfo* step : AllSteps()) {
    at(Resolve(step->function, step->source)).steps.push_back(step);
  }
  for (const SourceError& error : SourceErrors()) {
    SourceFunction& function = at(Resolve(error.returns, ""));
    KNOT_CHECK(function.info != nullptr);
    function.errors.push_back(error.error);
  }
  for (SourceFunction& function : functions) {
    std::sort(function.steps.begin(), function.steps.end(),
              [](const StepInfo* a, const StepInfo* b) { return a->line < b->line; });
    NameSteps(&function);
    auto& errors = function.errors;
    std::sort(errors.begin(), errors.end());
    errors.erase(std::unique(errors.begin(), errors.end()), errors.end());
  }
  std::sort(functions.begin(), functions.end(),
            [](const SourceFunction& a, const SourceFunction& b) { return Place(a) < Place(b); });
  return functions;
}

std::string EventName(Event event) {
  switch (event) {
#define KNOT_EVENT(name) \
  case Event::k##name:   \
    return #name;
    KNOT_EVENT(Fetch)
    KNOT_EVENT(FetchMismatch)
    KNOT_EVENT(FetchProtected)
    KNOT_EVENT(FetchUnprotected)
    KNOT_EVENT(ContinueMemory)
    KNOT_EVENT(ContinueBlind)
    KNOT_EVENT(Allocated)
    KNOT_EVENT(Freed)
    KNOT_EVENT(UseAfterFree)
    KNOT_EVENT(DoubleFree)
    KNOT_EVENT(Leak)
    KNOT_EVENT(ObjectUsed)
    KNOT_EVENT(UninitialisedUse)
    KNOT_EVENT(KernelCopy)
    KNOT_EVENT(UninitialisedOut)
    KNOT_EVENT(CopyOut)
    KNOT_EVENT(ReplyAccepted)
    KNOT_EVENT(ReplyTwice)
    KNOT_EVENT(ReplyApplied)
    KNOT_EVENT(ReplyLost)
    KNOT_EVENT(AddfdSent)
    KNOT_EVENT(AddfdFalse)
    KNOT_EVENT(Installed)
    KNOT_EVENT(InstalledLost)
    KNOT_EVENT(Expected)
    KNOT_EVENT(Unexpected)
    KNOT_EVENT(Locked)
    KNOT_EVENT(LockMisuse)
    KNOT_EVENT(ReturnedToUser)
    KNOT_EVENT(ReturnedLocked)
    KNOT_EVENT(ReadBody)
    KNOT_EVENT(ReadMissed)
    KNOT_EVENT(FdUsed)
    KNOT_EVENT(FdOther)
    KNOT_EVENT(Trapped)
    KNOT_EVENT(Forked)
    KNOT_EVENT(Unused)
    KNOT_EVENT(FilterAttached)
    KNOT_EVENT(Unmapped)
    KNOT_EVENT(Invented)
    KNOT_EVENT(Proposal0)
    KNOT_EVENT(Proposal1)
    KNOT_EVENT(Proposal2)
    KNOT_EVENT(Proposal3)
    KNOT_EVENT(Proposal4)
    KNOT_EVENT(Proposal5)
    KNOT_EVENT(Proposal6)
    KNOT_EVENT(Proposal7)
    KNOT_EVENT(Proposal8)
    KNOT_EVENT(Proposal9)
    KNOT_EVENT(Proposal10)
    KNOT_EVENT(Proposal11)
    KNOT_EVENT(Proposal12)
    KNOT_EVENT(Proposal13)
    KNOT_EVENT(Proposal14)
    KNOT_EVENT(Proposal15)
#undef KNOT_EVENT
    case Event::kCount:
      break;
  }
  KNOT_CHECK(false && "an event");
  return "";
}

}  // namespace knotcheck::model
