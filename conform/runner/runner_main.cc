// SPDX-License-Identifier: Apache-2.0
//
// knot_runner: executes plans (docs/plan-format.md) on the kernel that it runs on.

#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <iostream>
#include <iterator>
#include <string>
#include <vector>

#include "conform/runner/guest.h"
#include "conform/runner/observe.h"
#include "conform/runner/plan.h"
#include "conform/runner/probe.h"
#include "conform/runner/program.h"
#include "conform/runner/report.h"
#include "conform/runner/session.h"

namespace knotcheck::runner {
namespace {

constexpr int kBadUsage = 2;
constexpr int kBadPlan = 3;
constexpr char kGuestPlans[] = "/plans";

bool ReadFile(const std::string& name, std::string* text) {
  if (name == "-") {
    text->assign(std::istreambuf_iterator<char>(std::cin), {});
    return true;
  }
  std::ifstream file(name);
  if (!file) return false;
  text->assign(std::istreambuf_iterator<char>(file), {});
  return !file.bad();
}

std::string Run(const Plan& plan) {
  return plan.program.empty() ? RunPlan(plan) : RunProgram(plan);
}

int RunFile(const std::string& name) {
  std::string text;
  std::string error;
  std::vector<Plan> plans;
  if (!ReadFile(name, &text)) {
    error = name + ": " + std::strerror(errno);
  } else {
    ReadPlans(text, name == "-" ? "stdin" : name, &plans, &error);
  }
  if (!error.empty()) {
    std::fprintf(stderr, "%s%s\n", in_guest ? "KNOT error " : "", error.c_str());
    return kBadPlan;
  }
  auto missing = Probe();
  for (const Plan& plan : plans) {
    PrintLine("begin " + plan.name);
    std::string end;
    for (const std::string& need : plan.needs) {
      if (end.empty() && !missing[need].empty()) end = "skipped " + need + ": " + missing[need];
    }
    PrintLine("end " + plan.name + " " + (end.empty() ? Run(plan) : end));
  }
  return 0;
}

int Main(int argc, char** argv) {
  if (getpid() == 1) {
    SetUpGuest();
    RunFile(kGuestPlans);
    EndGuest();
  }
  if (argc != 2 || (argv[1][0] == '-' && argv[1][1] != 0 && std::string(argv[1]) != "--probe")) {
    std::fprintf(stderr, "usage: knot_runner PLANFILE | - | --probe\n");
    return kBadUsage;
  }
  if (std::string(argv[1]) == "--probe") {
    Probe();
    return 0;
  }
  return RunFile(argv[1]);
}

}  // namespace
}  // namespace knotcheck::runner

int main(int argc, char** argv) {
  knotcheck::runner::ReportIfExecuted(argc, argv);
  if (knotcheck::runner::IsTrue()) return 0;
  return knotcheck::runner::Main(argc, argv);
}
