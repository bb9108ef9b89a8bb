// SPDX-License-Identifier: Apache-2.0
//
// The graph that forced runs are searched in (conform/force/forced.h): a node is a point at which
// nobody runs, an edge is a turn of one task, a signal or a store.

#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "conform/force/forced.h"
#include "conform/force/observed.h"
#include "model/observation.h"
#include "model/system.h"
#include "verify/check.h"

namespace knotcheck::conform {

// What changes an order of an earlier turn: the kStart of a call says at once what will happen.
struct Afterthought {
  uint8_t task = 0;
  bool fault = false;
  bool park = false;
  int8_t hold_object = -1;
};

// A point between two turns.
struct Node {
  model::StateValue state;
  Recorder recorder;
  uint32_t parked = 0;   // tasks that are held at a copy or a read
  uint32_t was = 0;      // tasks whose running operation was held once
  uint64_t touched = 0;  // objects whose page is there already
  uint64_t held = 0;     // objects whose page somebody's read waits for
  uint32_t owed = 0;     // tasks in a handler whose interrupted call has its result already
  int8_t held_by[model::kMaxTasks] = {-1, -1, -1, -1, -1, -1, -1};
  uint64_t violated = 0;
  bool unsupported = false;
  std::vector<Order> orders;  // of the turn that led here
  std::vector<Afterthought> afterthoughts;
  int turn_of = -1;  // the task whose turn it was
  int parent = -1;

  explicit Node(const model::System& system)
      : state(system.initial()), recorder(system.program()) {}
};

// The turns from a node, of one question. Holds references to the question's parts.
class Turns {
 public:
  explicit Turns(const verify::Question& question)
      : system_(question.system()), program_(question.program()) {}

  int tasks() const { return static_cast<int>(program_.tasks.size()); }
  const model::System& system() const { return system_; }
  const model::Program& program() const { return program_; }

  Node First() const;
  // In user mode, with no operation begun.
  bool AtBoundary(const model::State& state, int t) const {
    return state.tasks[t].frames[1].function == 0;
  }
  bool Alive(const model::State& state, int t) const {
    return state.tasks[t].status == model::kAlive || state.tasks[t].status == model::kExiting;
  }
  bool Asleep(const Node& node, int t) const;
  // A supervisor that would only hear again that nobody is left.
  bool Spins(const model::State& state, int t) const;
  bool HasTurn(const Node& node, int t) const;
  // In a signal handler, before an operation of it.
  bool StandsInHandler(const model::State& state, int t) const;
  // A task in user mode that has been killed is gone at once, whosever turn it is: -1: there is
  // none such.
  int Dying(const Node& node) const;
  // The turns of a task from here: one for each choice that user space can force.
  void Turn(const Node& from, int t, std::vector<Node>* out) const;
  // Signals and stores that can come now.
  void Act(const Node& from, std::vector<Node>* out) const;
  // All of these: one node for each way to go on.
  std::vector<Node> Successors(const Node& from) const;

  // Nothing more happens unless somebody sends a signal or stores.
  bool AtRest(const Node& node) const;
  // Properties that are broken when no more signals and stores come.
  uint64_t BrokenAtRest(const Node& node) const;

 private:
  // One outcome of one step.
  struct Tried {
    Node node;
    bool shows = false;  // a first pinned argument went to the caller
  };

  const model::StepInfo* Next(const model::State& state, int t) const;
  bool IsVerb(const model::State& state, int t) const;
  bool Executes(const model::State& state, int t) const;
  // A thread that executes a program takes the number of its leader (de_thread()): whether a leader
  // that executes a program, too, has died or been replaced, nobody can watch.
  bool IsTakenOver(const model::State& state, int leader) const;
  static Node Parked(const Node& node, int t, const Afterthought& thought);
  // A signal to a task that sleeps in a call, or a store: what else can come between two turns.
  bool Acted(const Node& from, int thread, int choice, Node* out) const;
  // All outcomes of t's next step that user space can choose; in `out` those in which it is held
  // before the step.
  std::vector<Tried> Try(const Node& node, int t, std::vector<Node>* out) const;
  // The copy that comes now fails: the order that resumed t or the one that started its call says
  // so.
  static void Fail(int t, Node* node);
  // Steps of t alone, from `first` to the end of its turn; a node for each way.
  void Go(Node first, int t, std::vector<Node>* out) const;
  // The orders that what was seen of a step stands for. Whether a pinned argument was shown.
  bool Note(const model::Observations& seen, Node* node) const;

  const model::System& system_;
  const model::Program& program_;
};

// Equal for nodes from which the same can follow and of which the same is told.
std::string KeyOf(const Node& node);
// The run that leads to nodes[at], with what its later turns say of its earlier orders.
ForcedRun RunTo(const Turns& turns, const std::vector<Node>& nodes, int at);

}  // namespace knotcheck::conform
