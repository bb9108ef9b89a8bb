// SPDX-License-Identifier: Apache-2.0
//
// The wide generator: from a seed a scenario that combines what the language has, small enough to
// be exhausted; and changes of it whose effect on the verdicts is known beforehand.
//
// No two draws stand in one expression whose order is the compiler's, so a seed makes the same
// scenario everywhere.

#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace knotcheck::verify::testing {
namespace wide {

using Strings = std::vector<std::string>;

std::string Joined(const Strings& parts, const std::string& by);

}  // namespace wide

// A scenario as a structure. Names, values, calls, stores, rules and settings are as the language
// writes them.
struct WideScenario {
  using Strings = wide::Strings;

  struct Statement {
    Strings actions = {};
    bool choice = false;  // any of them; else there is one, or a block
    // "loop", "leave", "if ..."
    std::string word = {};
    std::vector<Statement> block = {};
    std::vector<Statement> otherwise = {};
    std::string Text() const {
      if (word == "leave") return word;
      if (!word.empty()) {
        return word + Braces(block) + (otherwise.empty() ? "" : " else" + Braces(otherwise));
      }
      return choice ? "any of { " + wide::Joined(actions, "; ") + " }" : actions[0];
    }
  };
  using Body = std::vector<Statement>;
  // Those of blocks, too.
  static Strings ActionsOf(const Body& body) {
    Strings all;
    for (const Statement& s : body) {
      for (const Strings& some : {s.actions, s.word.empty() ? Strings() : ActionsOf(s.block),
                                  s.word.empty() ? Strings() : ActionsOf(s.otherwise)}) {
        all.insert(all.end(), some.begin(), some.end());
      }
    }
    return all;
  }
  static std::string Braces(const Body& body) {
    std::string text = " {\n";
    for (const Statement& statement : body) text += "  " + statement.Text() + "\n";
    return text + "}";
  }
  struct Memory {
    std::string name;
    std::string kind;              // "", "bytes ", "["
    std::vector<Strings> entries;  // one, unless it is a table: the alternatives
    bool may_be_unmapped = false;
    bool shared = false;
    bool IsTable() const { return kind == "["; }
    bool Varies() const {
      return may_be_unmapped ||
             std::ranges::any_of(entries, [](const Strings& entry) { return entry.size() > 1; });
    }
    std::string Text() const {
      Strings parts;
      for (const Strings& entry : entries) parts.push_back(wide::Joined(entry, " | "));
      return (shared ? "shared memory " : "memory ") + name + " = " + kind +
             wide::Joined(parts, ", ") + (IsTable() ? "]" : "") +
             (may_be_unmapped ? " | unmapped" : "");
    }
  };
  struct Task {
    std::string kind = "target";
    std::string name;
    std::string of;  // "", " of T"
    Body body;
    std::string Text() const { return kind + " " + name + of + Braces(body); }
  };
  struct Peer {
    std::string name;
    std::string shares;  // "memory with T", "files with T", "memory with T, writes 2"
    Body body;           // none: it stores by itself
    std::string Text() const {
      return "peer " + name + " shares " + shares + (body.empty() ? "" : Braces(body));
    }
  };
  struct Supervisor {
    std::string name;
    size_t threads = 1;
    std::string shares;  // "", " shares looks", " shares looks with S"
    Strings lines;       // the policy's: "policy: ...", "in any order"; or "anything but addfd"
    Body body;           // of a script, which has no lines
    bool IsScript() const { return lines.empty(); }
    bool Says(const std::string& words) const {
      return wide::Joined(lines, "\n").find(words) != std::string::npos;
    }
    std::string Text() const {
      return "supervisor " + name + (threads > 1 ? "[" + std::to_string(threads) + "]" : "") +
             shares + (IsScript() ? Braces(body) : " {\n  " + wide::Joined(lines, "\n  ") + "\n}");
    }
  };
  struct Signals {
    std::string to;
    size_t count = 1;  // 0: any
    std::string disposition;
    Body handler;
    bool Handles() const { return disposition.starts_with("handler"); }
    std::string Text() const {
      return "signals to " + to + ": " + (count == 0 ? "any" : std::to_string(count)) + ", " +
             disposition + (handler.empty() ? "" : Braces(handler));
    }
  };

  uint64_t seed = 0;
  Strings settings;  // and filters, and what is asked
  std::vector<Memory> memories;
  std::vector<Task> tasks;
  std::vector<Peer> peers;
  std::vector<Supervisor> supervisors;
  std::vector<Signals> signals;
  // The order of the declarations: indices into those of Declarations(). Empty: as they are there.
  std::vector<size_t> order;

  Strings Declarations() const {
    Strings all = settings;
    const auto add = [&all](const auto& each) { all.push_back(each.Text()); };
    std::ranges::for_each(memories, add);
    std::ranges::for_each(tasks, add);
    std::ranges::for_each(peers, add);
    std::ranges::for_each(supervisors, add);
    std::ranges::for_each(signals, add);
    return all;
  }
  std::string Text() const {
    const Strings all = Declarations();
    std::string text = "# name: wide/" + std::to_string(seed) +
                       "\n# question: q\n# source: s\n# result: baseline=? pin_args=?\n\n";
    for (size_t i = 0; i < all.size(); ++i) text += all[order.empty() ? i : order[i]] + "\n";
    return text;
  }
  size_t Threads() const {  // of supervisors
    size_t count = 0;
    for (const Supervisor& supervisor : supervisors) count += supervisor.threads;
    return count;
  }
};

struct WideOptions {
  // Also what is new: `!=`, `any`, `or` in conditions; `shares looks`; `anything but read`.
  bool new_words = false;
  bool offsets = false;  // addresses in the middle of memories and at their ends
  bool blocks = false;   // loop, leave and if
  bool maps = false;     // memory that is shared, or may be unmapped; a child is forked
  size_t largest = 141;  // by wide::Size; 170 for what shows in large scenarios only
};

WideScenario MakeWideScenario(uint64_t seed, const WideOptions& options = {});

// A scenario changed, and the properties of which the change may lose a violation.
struct WideChange {
  std::string what;
  WideScenario scenario;
  wide::Strings silent;
};

// The verdicts are the same: no declaration and no rule has to stand before another.
std::vector<WideChange> Reorderings(const WideScenario& s);

// Every run is still one, and what came to rest still does, so no violation is lost:
// - A peer need not store, and keeps nobody waiting.
// - A value is one more that may be read. It is no longer than the others: the sizes that a free
//   supervisor tries, and those that a policy pins, follow the object's.
// - A signal may come before its task's first step, or right after the last one, with which it
//   merges. Never the first that is fatal, which would free a task that is stuck, nor `any`.
// - A thread or target may do nothing, and be gone at the start. What else it may call is called
//   already, since sizes follow that too. (With --kernel release_late `hangup` may be lost.)
// - Of a choice the old statement may be taken. A script gets no look and no pin: a policy beside
//   it would look at more, and may refuse for that.
// What ends rests is not added: `listener closes`, a store, a peer or a kill that must happen.
std::vector<WideChange> Additions(const WideScenario& s);

// Supervisors that may do more than those that there are.
// - Scripts become as many free supervisors, which approve nothing that they saw, never rest and
//   say nothing of what calls return. Not scripts that kill or store, which these do not; nor
//   beside a policy, which would look at more; nor more than can be exhausted.
// - A policy is followed in any order, which reads nothing on EEXIST.
// Where a script means nothing under a proposal, there is nothing to compare.
std::vector<WideChange> Freed(const WideScenario& s);

}  // namespace knotcheck::verify::testing
