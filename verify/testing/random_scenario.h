// SPDX-License-Identifier: Apache-2.0
//
// Scenarios that mean something, made up from a list of random numbers: small enough that every
// engine can exhaust them.

#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace knotcheck::verify::testing {

// Deals the numbers out; zeros when they are used up.
class Dice {
 public:
  explicit Dice(std::vector<uint8_t> numbers) : numbers_(std::move(numbers)) {}
  int Below(int n) {
    const int number = at_ < numbers_.size() ? numbers_[at_++] : 0;
    return number % n;
  }
  bool Chance() { return Below(2) == 1; }

 private:
  std::vector<uint8_t> numbers_;
  size_t at_ = 0;
};

// What goes after "peer P shares memory with T"; "" for the most general peer.
struct RandomScenario {
  std::string before;  // up to the peer
  std::string after;
  bool has_peer = true;
  std::string Text(const std::string& peer = "") const {
    return before + (has_peer ? "peer P shares memory with T" + peer + "\n" : "") + after;
  }
};

inline RandomScenario MakeScenario(const std::vector<uint8_t>& numbers) {
  Dice dice(numbers);
  RandomScenario scenario;
  std::string& text = scenario.before;
  text =
      "# name: random\n# question: q\n# source: s\n# result: baseline=? pin_args=?\n"
      "# why: generated\n";
  if (dice.Chance()) text += "filter wait_killable\n";
  const int kind = dice.Below(4);
  const bool policy = dice.Chance();
  static constexpr const char* kCalls[] = {"openat", "bind", "write", "umask"};
  if (!policy) text += std::string("filter ") + kCalls[kind] + "\n";
  static constexpr const char* kMemory[] = {
      "memory v = \"/ok\" | \"/evil\"\n", "memory v = bytes \"unix/A\" | \"unix/B\"\n",
      "memory v = bytes \"PINNED\" | \"MUTATE\"\n", "memory v = \"/ok\"\n"};
  text += kMemory[kind];
  static constexpr const char* kStatements[] = {"openat(AT_FDCWD, v, O_RDONLY)", "bind(sock, v, 6)",
                                                "write(file, v, 6)", "umask()"};
  const bool null = kind < 3 && dice.Below(6) == 0;
  std::string call = kStatements[kind];
  if (null) call = kind == 0 ? "openat(AT_FDCWD, NULL, O_RDONLY)" : "bind(sock, NULL, 6)";
  if (null && kind == 2) call = "write(legacy, v, 6)";
  text += "target T {\n  " + call + "\n";
  if (dice.Below(3) == 0) text += "  " + call + "\n";
  if (dice.Below(5) == 0) text += "  any of { umask(); " + call + "; nothing }\n";
  text += "}\n";
  scenario.has_peer = dice.Below(4) != 0;

  std::string& rest = scenario.after;
  if (policy) {
    static constexpr const char* kConditions[] = {" if path == \"/ok\"", " if addr == \"unix/A\"",
                                                  " if buf == \"PINNED\"", ""};
    rest += std::string("supervisor S { policy: allow ") + kCalls[kind] + kConditions[kind] +
            ", else EACCES" + (dice.Below(3) == 0 ? "; in any order" : "") + " }\n";
  } else if (dice.Below(10) == 0) {
    rest += "supervisor S { anything but addfd }\n";
    if (dice.Chance()) rest += "signals to S: any, handler\n";
  } else {
    const int threads = 1 + (dice.Below(3) == 0 ? 1 : 0);
    const bool loops = dice.Below(4) == 3;
    rest += "supervisor S" + (threads > 1 ? "[" + std::to_string(threads) + "]" : std::string()) +
            " {\n" + (loops ? "  loop {\n" : "") + "  n = recv(" +
            (dice.Below(4) == 0 ? "fault" : "") + ")\n";
    static constexpr const char* kTests[] = {
        "", "  if result == ENOENT { LEAVE }\n", "  if result != 0 { LEAVE }\n",
        "  if result == EINTR { LEAVE } else { id_valid(n) }\n"};
    std::string test = kTests[dice.Below(4)];
    const size_t leave = test.find("LEAVE");
    if (!test.empty()) test.replace(leave, 5, loops ? "leave" : "send(n, value 3)");
    rest += test;
    const int steps = 1 + dice.Below(4);
    static constexpr const char* kSteps[] = {"send(n, continue)",
                                             "send(n, error EACCES)",
                                             "id_valid(n)",
                                             "addfd(n)",
                                             "addfd(n, send)",
                                             "send(n, value 3)",
                                             "read(n)",
                                             "n = recv()",
                                             "poll(nowait)",
                                             "close(listener)",
                                             "m = after(n)",
                                             "pin(n, 1: fixed 6)",
                                             "pin(n, 1: cstring 64)",
                                             "send(n, continue pinned)",
                                             "pin(n, 1: cstring 3, fault)",
                                             "pin(n, 1: fixed 4)",
                                             "any of { send(n, continue); nothing }",
                                             "any of { recv(); send(n, any(continue, null)) }",
                                             "addfd(n, send)\n  if result == EINTR { recv() }"};
    for (int i = 0; i < steps; ++i) rest += std::string("  ") + kSteps[dice.Below(19)] + "\n";
    rest += loops ? "  }\n}\n" : "}\n";
  }
  const int signals = dice.Below(6);
  static constexpr const char* kSignals[] = {"",
                                             "signals to T: 1, handler restarts\n",
                                             "signals to T: 1, handler\n",
                                             "signals to T: 1, fatal\n",
                                             "signals to T: 1, ignored\n",
                                             "signals to T: 1, handler { umask() }\n"};
  rest += kSignals[signals];
  if (dice.Below(5) == 0) rest += "allocation failures: 1\n";
  if (dice.Below(6) == 0) rest += "listener closes\n";
  return scenario;
}

}  // namespace knotcheck::verify::testing
