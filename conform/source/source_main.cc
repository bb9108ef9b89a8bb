// SPDX-License-Identifier: GPL-2.0 OR Apache-2.0
//
// knot_source KERNEL.so: reads stress plans from standard input and answers with all outcomes that
// the C can have, in the words of docs/plan-format.md. Each plan has a process of its own.

#include <signal.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

#include "checker/explore.h"
#include "conform/runner/plan.h"
#include "conform/source/kernel_api.h"
#include "conform/source/room.h"
#include "conform/source/source_model.h"
#include "conform/source/way.h"

namespace knotcheck::source {
namespace {

constexpr uint64_t kMostStates = 4'000'000;
constexpr uint64_t kMostBytes = uint64_t{6} << 30;  // of the visited set
constexpr int kUsage = 2;
constexpr int kBadPlan = 3;
constexpr int kBroken = 70;

void PrintWay(const std::vector<WayStep>& way) {
  for (const WayStep& step : way) {
    std::printf("way %s %s %s %s %s\n", step.thread.c_str(), step.op.c_str(), step.place.c_str(),
                step.function.c_str(), step.doing.c_str());
  }
}

// The first of each kind with the shortest way to it.
void PrintDefects(const SourceModel& model, const checker::Result& result, World* of,
                  Lines* lines) {
  const auto of_kind = [&model](int kind) {
    return std::find_if(model.defects().begin(), model.defects().end(),
                        [kind](const auto& defect) { return std::get<0>(defect) == kind; });
  };
  for (int kind = 0; kind < KNOT_DEFECTS; ++kind) {
    const checker::Verdict& verdict = result.verdicts[static_cast<size_t>(kind)];
    if (verdict.status != checker::Status::kViolated) continue;
    const std::vector<WayStep> way = WayAlong(model, verdict.path, of, lines);
    std::string text = kPropertyNames[static_cast<size_t>(kind)];
    const auto at = of_kind(kind);
    const Engine::Defect& met = of->engine().defect();
    if (at != model.defects().end()) {
      text = met.text;
      for (const Lines::Place& place : lines->At(met.at - 1)) {
        text += " (" + place.function + ", " + place.file + ":" + place.line + ")";
      }
    }
    std::printf("defect %s %s\n", kPropertyNames[static_cast<size_t>(kind)], text.c_str());
    PrintWay(way);
  }
}

void PrintFound(const runner::Plan& plan, const SourceModel& model, const checker::Result& result,
                World* of, Lines* lines) {
  for (const std::string& outcome : model.outcomes()) {
    std::printf("outcome 1 %s\n", outcome.c_str());
  }
  const checker::Verdict& wanted = result.verdicts[KNOT_DEFECTS];
  if (wanted.status == checker::Status::kViolated) {
    std::printf("wanted\n");
    PrintWay(WayAlong(model, wanted.path, of, lines));
  }
  PrintDefects(model, result, of, lines);
  switch (result.end) {
    case checker::End::kExhausted:
      std::printf("end %s ok\n", plan.name.c_str());
      break;
    default:
      std::printf("end %s limit\n", plan.name.c_str());
  }
}

void RunPlan(const runner::Plan& plan, const std::string& object) {
  const std::string cannot = World::Cannot(plan);
  if (!cannot.empty()) {
    std::printf("end %s skipped %s\n", plan.name.c_str(), cannot.c_str());
    return;
  }
  World of(plan);
  if (!of.broken().empty()) {
    std::printf("end %s broken %s\n", plan.name.c_str(), of.broken().c_str());
    return;
  }
  Lines lines(object);
  const auto begun = std::chrono::steady_clock::now();
  while (true) {
    const SourceModel model(&of, plan.wanted);
    checker::Options options;
    options.max_states = kMostStates;
    options.max_bytes = kMostBytes;
    const checker::Result result = checker::Explore(model, options);
    model.Load(model.InitialStates().data());
    if (result.end == checker::End::kExhausted && of.engine().TakeRaces()) continue;
    std::printf("searched %llu %llu %lld\n", static_cast<unsigned long long>(result.states),
                static_cast<unsigned long long>(result.transitions),
                static_cast<long long>(std::chrono::duration_cast<std::chrono::milliseconds>(
                                           std::chrono::steady_clock::now() - begun)
                                           .count()));
    PrintFound(plan, model, result, &of, &lines);
    return;
  }
}

// What ends a plan outside the C's own checks: a pointer that leads nowhere.
[[noreturn]] void Wild(uintptr_t from) {
  engine->Fail(KNOT_WILD_POINTER, "a pointer that leads nowhere", from);
}

void OnFault(int signal, siginfo_t*, void* context) {
  auto& registers = static_cast<ucontext_t*>(context)->uc_mcontext.gregs;
  const auto from = static_cast<uintptr_t>(registers[REG_RIP]);
  if (engine == nullptr || !engine->IsStepping()) {
    (void)::signal(signal, SIG_DFL);
    return;
  }
  // Goes on there, on the task's own stack.
  constexpr long kAligned = 16;
  registers[REG_RIP] = reinterpret_cast<long>(&Wild);
  registers[REG_RDI] = static_cast<long>(from + 1);
  registers[REG_RSP] = registers[REG_RSP] / kAligned * kAligned - 8;
}

void CatchFaults() {
  static char stack[1 << 16];
  const stack_t own = {stack, 0, sizeof(stack)};
  (void)sigaltstack(&own, nullptr);
  struct sigaction action = {};
  action.sa_sigaction = OnFault;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER;
  for (const int signal : {SIGSEGV, SIGBUS, SIGILL, SIGFPE})
    (void)sigaction(signal, &action, nullptr);
}

// What there is of what plans may need.
void PrintProbe() {
  std::printf("probe release source\nprobe machine x86_64\nprobe processors 1\nprobe root yes\n");
  for (const char* need : {"addfd", "wait_killable"}) std::printf("probe %s yes\n", need);
  for (const char* need : {"hold", "park", "fuse"}) {
    std::printf("probe %s no nothing is forced where all is searched\n", need);
  }
  for (const SourceRoom* room : SourceRooms()) {
    std::printf("probe %s %s\n", room->name,
                HasFunction(room->function) ? "yes" : "no its C is not there");
  }
}

// Each plan in a process of its own, as many at a time as there are processors. What they say is
// told in the plans' order.
class Searches {
 public:
  Searches(const std::vector<runner::Plan>& plans, const char* object)
      : plans_(plans), object_(object), searches_(plans.size()) {}

  bool Run() {
    const long processors = std::max(sysconf(_SC_NPROCESSORS_ONLN), 1L);
    size_t begun = 0;
    size_t told = 0;
    long running = 0;
    while (told < plans_.size()) {
      for (; begun < plans_.size() && running < processors; ++begun, ++running) {
        if (!Begin(begun)) return false;
      }
      int status = 0;
      const pid_t ended = wait(&status);
      if (ended < 0) return false;
      for (Search& search : searches_) {
        if (search.process != ended) continue;
        search.ended = true;
        search.status = status;
        --running;
      }
      for (; told < plans_.size() && searches_[told].ended; ++told) Tell(told);
    }
    return true;
  }

 private:
  struct Search {
    pid_t process = -1;
    int output = -1;
    int status = 0;
    bool ended = false;
  };

  bool Begin(size_t index) {
    Search& search = searches_[index];
    search.output = memfd_create("output", MFD_CLOEXEC);
    search.process = search.output < 0 ? -1 : fork();
    if (search.process < 0) {
      std::fprintf(stderr, "knot_source: %s\n", std::strerror(errno));
      return false;
    }
    if (search.process > 0) return true;
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    (void)dup2(search.output, STDOUT_FILENO);
    CatchFaults();
    RunPlan(plans_[index], object_);
    std::fflush(stdout);
    _exit(0);
  }

  void Tell(size_t index) {
    const Search& search = searches_[index];
    const std::string& name = plans_[index].name;
    std::printf("begin %s\n", name.c_str());
    std::string said;
    char bytes[1 << 16];
    off_t at = 0;
    for (ssize_t got; (got = pread(search.output, bytes, sizeof(bytes), at)) > 0; at += got) {
      said.append(bytes, static_cast<size_t>(got));
    }
    close(search.output);
    // Of what broke off the last line may be half of one.
    said.resize(said.rfind('\n') + 1);
    std::fwrite(said.data(), 1, said.size(), stdout);
    if (!WIFEXITED(search.status)) {
      std::printf("end %s broken signal %d\n", name.c_str(), WTERMSIG(search.status));
    }
    std::fflush(stdout);
  }

  const std::vector<runner::Plan>& plans_;
  const char* object_;
  std::vector<Search> searches_;
};

int Main(int argc, char** argv) {
  // Addresses of code lie in states, and must be the same in each run.
  const int persona = personality(0xffffffff);
  if (persona >= 0 && (persona & ADDR_NO_RANDOMIZE) == 0 &&
      personality(static_cast<unsigned long>(persona | ADDR_NO_RANDOMIZE)) >= 0) {
    execv("/proc/self/exe", argv);
  }
  if (argc != 2) {
    std::fprintf(stderr, "usage: knot_source KERNEL.so <PLANS\n");
    return kUsage;
  }
  const std::string text((std::istreambuf_iterator<char>(std::cin)),
                         std::istreambuf_iterator<char>());
  std::vector<runner::Plan> plans;
  std::string error;
  if (!runner::ReadPlans(text, "stdin", &plans, &error)) {
    std::fprintf(stderr, "%s\n", error.c_str());
    return kBadPlan;
  }
  error = LoadKernel(argv[1]);
  if (!error.empty()) {
    std::fprintf(stderr, "knot_source: %s\n", error.c_str());
    return kUsage;
  }
  PrintProbe();
  std::fflush(stdout);
  Searches searches(plans, argv[1]);
  return searches.Run() ? 0 : kBroken;
}

}  // namespace
}  // namespace knotcheck::source

int main(int argc, char** argv) { return knotcheck::source::Main(argc, argv); }
