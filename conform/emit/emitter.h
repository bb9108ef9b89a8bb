// SPDX-License-Identifier: Apache-2.0
//
// The one who writes a reproducer: emit_c.cc has the frame of the program, calls.cc what its actors
// do.

#pragma once

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "conform/emit/emit_c.h"
#include "conform/emit/room.h"
#include "conform/emit/text.h"

namespace knotcheck::conform {

// Why there is no C program.
inline absl::Status No(const std::string& why) { return absl::UnimplementedError(why); }

// What the plan of the run says, by its first words.
struct Plan {
  std::vector<Words> objects;
  std::vector<Words> words;
  Words files;
  Words traps;
  std::vector<Words> tasks;
  std::map<std::pair<int, int>, Words> ops;  // not those of handlers
  std::map<int, std::string> handlers;
  std::map<int, int> nofile;
};

// Translates the plan of a run.
class Emitter {
 public:
  Emitter(const verify::Question& question, const ForcedRun& run, Plan plan)
      : question_(question), program_(question.program()), run_(run), plan_(std::move(plan)) {}

  absl::StatusOr<std::string> Emit(const Reproducer& about);

 private:
  // A start of the run, with what becomes of it.
  struct Begun {
    const Order* order = nullptr;
    const Token* token = nullptr;  // null: not predicted
  };

  absl::Status Check() const;
  void Match();
  std::string Header(const Reproducer& about) const;
  absl::StatusOr<std::string> Scripts() const;
  absl::StatusOr<std::string> Script(int t) const;
  std::string Locals(int t) const;
  absl::StatusOr<std::string> Operation(int t, const Begun& begun) const;
  absl::StatusOr<std::string> Call(const Words& words) const;
  std::string Ioctl(int t, const Begun& begun, const Words& words) const;
  std::string Store(int word, const std::string& value) const;
  std::string Setup() const;
  std::string Main(const std::string& scripts) const;
  std::string Memory() const;
  std::string Drive() const;
  std::string Details(int t, const Begun& begun) const;
  // The declaration of `mem`, for a program with this code.
  std::string Objects(const std::string& code) const;
  std::string Constants(const Reproducer& about) const;
  std::string Files() const;
  std::string ListOfEvents() const;
  std::string InWords(int t, int call) const;

  std::string Id(int t) const {
    const std::string& name = program_.tasks[static_cast<size_t>(t)].name;
    const bool plain = absl::ascii_isupper(static_cast<unsigned char>(name[0])) && name != "I" &&
                       std::all_of(name.begin() + 1, name.end(), [](char c) {
                         return absl::ascii_isdigit(static_cast<unsigned char>(c));
                       });
    return plain ? name : "TASK_" + Identifier(name);
  }
  std::string Run(int t) const {
    return "run_" + Identifier(program_.tasks[static_cast<size_t>(t)].name);
  }
  const std::string& Kind(int t) const { return plan_.tasks[static_cast<size_t>(t)][3]; }
  int Leader(int t) const {
    const std::string& of = plan_.tasks[static_cast<size_t>(t)][4];
    return Kind(t) == "target" || of == "-" ? t : Number(of);
  }
  bool Takes(int t) const {
    return Kind(t) == "target" || Kind(t) == "thread" || !begun_[static_cast<size_t>(t)].empty();
  }
  // Objects stand in `mem`.
  std::string Object(const std::string& word) const {
    const size_t plus = word.find('+');
    const Words& object = plan_.objects[static_cast<size_t>(Number(word.substr(1, plus - 1)))];
    const std::string name = "mem." + Identifier(object[2]);
    if (plus == std::string::npos) return name;
    const int bytes = Number(word.substr(plus + 1));
    return absl::StrCat(name, " + ", object[3] == "pointers" ? bytes / 8 : bytes);
  }
  std::string Bytes(int object, const std::string& hex, int at) const {
    std::string bytes = absl::HexStringToBytes(hex);
    const Words& o = plan_.objects[static_cast<size_t>(object)];
    bytes.resize(static_cast<size_t>(std::clamp(Number(o[4]) - at, 0, 8)));
    return o[3] == "sockaddr" && at == 0 ? AsSockaddr(bytes) : bytes;
  }
  const model::Proposal& proposal() const { return question_.system().proposal(); }
  // The verb of an operation; nullptr: it is none.
  const model::Verb* VerbOf(int t, int call) const;
  std::string Request(int t, const Begun& begun, const Words& words) const;
  int tasks() const { return static_cast<int>(program_.tasks.size()); }
  bool Uses(const std::string& name) const {
    return std::any_of(plan_.ops.begin(), plan_.ops.end(), [&](const auto& op) {
      return op.second.size() > 1 && op.second[1] == name;
    });
  }
  // Whether some script takes an id that comes after another.
  bool CountsIds() const {
    for (const model::TaskInfo& task : program_.tasks) {
      for (const model::Op& op : task.ops) {
        if (op.code == model::OpCode::kAfter) return true;
      }
    }
    return false;
  }
  // Whether some ioctl of the task writes to pages that are held or cannot be written.
  bool Out(int t) const {
    const auto& all = begun_[static_cast<size_t>(t)];
    return std::any_of(all.begin(), all.end(),
                       [](const Begun& b) { return b.order->park || b.order->fault; });
  }
  std::string Req(int t, const std::string& variable) const;

  const verify::Question& question_;
  const model::Program& program_;
  const ForcedRun& run_;
  Plan plan_;
  std::vector<std::vector<Begun>> begun_;  // by task
  bool fails_ = false;                     // the run breaks the property
};

}  // namespace knotcheck::conform
