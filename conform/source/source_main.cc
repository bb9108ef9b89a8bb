// SPDX-License-Identifier: GPL-2.0 OR Apache-2.0
//
// knot_source KERNEL.so: reads stress plans from standard input and answers with all outcomes that
// the C can have, in the words of docs/plan-format.md. Each plan has a process of its own.

#include <sys/personality.h>
#include <sys/wait.h>
#include <unistd.h>

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

namespace knotcheck::source {
namespace {

constexpr uint64_t kMostStates = 3'000'000;

int RunPlan(const runner::Plan& plan) {
  const std::string cannot = World::Cannot(plan);
  if (!cannot.empty()) {
    std::printf("end %s skipped %s\n", plan.name.c_str(), cannot.c_str());
    return 0;
  }
  World of(plan);
  if (!of.broken().empty()) {
    std::printf("end %s broken %s\n", plan.name.c_str(), of.broken().c_str());
    return 0;
  }
  uint64_t states = 0;
  for (int round = 1;; ++round) {
    const SourceModel model(&of);
    checker::Options options;
    options.max_states = kMostStates;
    const checker::Result result = checker::Explore(model, options);
    states = result.states;
    if (result.end == checker::End::kExhausted && of.engine().TakeRaces()) {
      std::memcpy(of.arena().memory(), model.InitialStates().data(), model.StateWords() * 8);
      continue;
    }
    std::fprintf(stderr,
                 "%s: %llu states of %zu words, %llu transitions, %d rounds, %zu yields, %zu bytes "
                 "of stack\n",
                 plan.name.c_str(), static_cast<unsigned long long>(states), model.StateWords(),
                 static_cast<unsigned long long>(result.transitions), round,
                 of.engine().yields().size(), of.engine().deepest());
    for (const std::string& outcome : model.outcomes()) {
      std::printf("outcome 1 %s\n", outcome.c_str());
    }
    for (const auto& [text, at] : model.defects()) {
      std::fprintf(stderr, "%s: defect: %s, at %s\n", plan.name.c_str(), text.c_str(),
                   PlaceInSource(at).c_str());
    }
    if (result.end != checker::End::kExhausted) {
      std::printf("end %s limit\n", plan.name.c_str());
    } else if (!model.defects().empty()) {
      std::printf("end %s broken %s, at %s\n", plan.name.c_str(),
                  model.defects().begin()->first.c_str(),
                  PlaceInSource(model.defects().begin()->second).c_str());
    } else {
      std::printf("end %s ok\n", plan.name.c_str());
    }
    return 0;
  }
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

int Main(int argc, char** argv) {
  // Addresses of code lie in states, and must be the same in each run.
  const int persona = personality(0xffffffff);
  if (persona >= 0 && (persona & ADDR_NO_RANDOMIZE) == 0 &&
      personality(static_cast<unsigned long>(persona | ADDR_NO_RANDOMIZE)) >= 0) {
    execv("/proc/self/exe", argv);
  }
  if (argc != 2) {
    std::fprintf(stderr, "usage: knot_source KERNEL.so <PLANS\n");
    return 2;
  }
  const std::string text((std::istreambuf_iterator<char>(std::cin)),
                         std::istreambuf_iterator<char>());
  std::vector<runner::Plan> plans;
  std::string error;
  if (!runner::ReadPlans(text, "stdin", &plans, &error)) {
    std::fprintf(stderr, "%s\n", error.c_str());
    return 3;
  }
  error = LoadKernel(argv[1]);
  if (!error.empty()) {
    std::fprintf(stderr, "knot_source: %s\n", error.c_str());
    return 2;
  }
  PrintProbe();
  for (const runner::Plan& plan : plans) {
    std::printf("begin %s\n", plan.name.c_str());
    std::fflush(stdout);
    const pid_t child = fork();
    if (child == 0) {
      const int status = RunPlan(plan);
      std::fflush(stdout);
      _exit(status);
    }
    int status = 0;
    waitpid(child, &status, 0);
    if (!WIFEXITED(status)) {
      std::printf("end %s broken signal %d\n", plan.name.c_str(), WTERMSIG(status));
    }
    std::fflush(stdout);
  }
  return 0;
}

}  // namespace
}  // namespace knotcheck::source

int main(int argc, char** argv) { return knotcheck::source::Main(argc, argv); }
