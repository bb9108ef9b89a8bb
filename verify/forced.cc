// SPDX-License-Identifier: Apache-2.0

#include "verify/forced.h"

#include <algorithm>
#include <cstring>
#include <deque>
#include <functional>
#include <map>
#include <set>
#include <string_view>
#include <unordered_set>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace knotcheck::verify {
namespace {

using model::Observation;
using model::OpCode;
using model::State;

// Steps of one actor's turn: more is a loop that no user space can wait for.
constexpr int kMostSteps = 5000;

// What changes an order of an earlier turn: the kStart of a call says at once what will happen.
struct Afterthought {
  uint8_t task = 0;
  bool fault = false;
  bool park = false;
  int8_t hold_object = -1;
};

// A point between two turns.
struct Node {
  State state;
  Recorder recorder;
  uint32_t parked = 0;   // tasks that are held at a copy or a read
  uint32_t was = 0;      // tasks whose running operation was held once
  uint32_t touched = 0;  // objects whose page is there already
  uint32_t held = 0;     // objects whose page somebody's read waits for
  int8_t held_by[model::kMaxTasks] = {-1, -1, -1, -1, -1, -1, -1};
  uint64_t violated = 0;
  bool unsupported = false;
  std::vector<Order> orders;  // of the turn that led here
  std::vector<Afterthought> afterthoughts;
  int turn_of = -1;  // the task whose turn it was
  int parent = -1;

  explicit Node(const model::Program& program) : recorder(program) {}
};

uint32_t Bit(int i) { return uint32_t{1} << i; }

class Turns {
 public:
  explicit Turns(const Question& question)
      : system_(question.system()), program_(question.program()) {}

  Node First() const {
    Node node(program_);
    node.state = system_.initial();
    return node;
  }

  int tasks() const { return static_cast<int>(program_.tasks.size()); }
  const model::System& system() const { return system_; }
  const model::Program& program() const { return program_; }

  // In user mode, with no operation begun.
  bool AtBoundary(const State& state, int t) const {
    return state.tasks[t].frames[1].function == 0;
  }
  bool Alive(const State& state, int t) const {
    return state.tasks[t].status == model::kAlive || state.tasks[t].status == model::kExiting;
  }
  bool Asleep(const Node& node, int t) const {
    return Alive(node.state, t) && !AtBoundary(node.state, t) && !(node.parked & Bit(t));
  }
  // A supervisor that would only hear again that nobody is left.
  bool Spins(const State& state, int t) const {
    return FollowsPolicy(program_.tasks[static_cast<size_t>(t)]) && AtBoundary(state, t) &&
           state.filter.users == 0;
  }
  bool HasTurn(const Node& node, int t) const {
    if (!Alive(node.state, t) || Spins(node.state, t)) return false;
    if (node.parked & Bit(t)) return true;
    return system_.CanStep(node.state, t);
  }

  // A task in user mode that has been killed is gone at once, whosever turn it is: -1: there is
  // none such.
  int Dying(const Node& node) const {
    for (int t = 0; t < tasks(); ++t) {
      if (Alive(node.state, t) && AtBoundary(node.state, t) &&
          (node.state.tasks[t].flags & model::kSigkillPending)) {
        return t;
      }
    }
    return -1;
  }

  // The turns of a task from here: one for each choice that user space can force.
  void Turn(const Node& from, int t, std::vector<Node>* out) const {
    Node node = from;
    node.orders.clear();
    node.afterthoughts.clear();
    node.turn_of = t;
    if (node.parked & Bit(t)) {
      node.parked &= ~Bit(t);
      if (node.held_by[t] >= 0) node.held &= ~Bit(std::exchange(node.held_by[t], int8_t{-1}));
      node.orders.push_back({.kind = Order::Kind::kResume, .task = Task(t)});
    } else if (!AtBoundary(node.state, t)) {
      node.orders.push_back({.kind = Order::Kind::kResume, .task = Task(t)});
    } else {
      const model::Task& task = node.state.tasks[t];
      const bool ends = !(task.flags & model::kInHandler) &&
                        program_.tasks[static_cast<size_t>(t)].ops[task.op].code == OpCode::kEnd &&
                        program_.tasks[static_cast<size_t>(t)].kind != model::TaskKind::kSupervisor;
      if (ends && !(task.flags & model::kSigkillPending)) {
        node.orders.push_back({.kind = Order::Kind::kStart, .task = Task(t), .call = task.op});
      }
    }
    Go(std::move(node), t, out);
  }

  // A signal to a task that sleeps in a call, or a store: what else can come between two turns.
  bool Act(const Node& from, int thread, int choice, Node* out) const {
    const int t = tasks();
    const auto senders = static_cast<int>(program_.senders.size());
    Order order;
    if (thread < t + senders) {
      const model::SenderInfo& sender = program_.senders[static_cast<size_t>(thread - t)];
      if (choice != 0 || !Asleep(from, sender.task)) return false;
      if (sender.disposition == model::SenderInfo::Disposition::kIgnored) return false;
      order.kind = Order::Kind::kSignal;
      order.task = sender.task;
      order.fatal = sender.disposition == model::SenderInfo::Disposition::kFatal;
    } else {
      order.kind = Order::Kind::kStore;
    }
    Node node = from;
    node.orders.clear();
    node.afterthoughts.clear();
    node.turn_of = -1;
    if (!system_.Step(&node.state, thread, choice).possible) return false;
    if (order.kind == Order::Kind::kStore) {
      int changed = -1;
      for (size_t w = 0; w < program_.words.size(); ++w) {
        if (node.state.memory[w] != from.state.memory[w]) changed = static_cast<int>(w);
      }
      if (changed < 0) return false;
      order.word = static_cast<uint8_t>(changed);
      order.value = static_cast<model::Value>(node.state.memory[changed] ^
                                              program_.words[order.word].domain[0]);
      if (node.held & Bit(program_.words[order.word].object)) return false;
      node.touched |= Bit(program_.words[order.word].object);
    }
    node.orders.push_back(order);
    *out = std::move(node);
    return true;
  }

 private:
  static uint8_t Task(int t) { return static_cast<uint8_t>(t); }

  const model::StepInfo* Next(const State& state, int t) const {
    model::Kernel kernel(program_, system_.proposal(), system_.toggles());
    return kernel.NextStep(state, t);
  }

  bool IsVerb(const State& state, int t) const {
    const model::Task& task = state.tasks[t];
    const model::TaskInfo& info = program_.tasks[static_cast<size_t>(t)];
    return info.kind == model::TaskKind::kSupervisor && info.ops[task.op].code == OpCode::kVerb &&
           !AtBoundary(state, t);
  }

  bool Executes(const State& state, int t) const {
    const model::Task& task = state.tasks[t];
    return program_.tasks[static_cast<size_t>(t)].ops[task.op].nr == model::Nr::kExecve;
  }

  // A thread that executes a program takes the number of its leader (de_thread()): whether a leader
  // that executes a program, too, has died or been replaced, nobody can watch.
  bool IsTakenOver(const State& state, int leader) const {
    for (int t = 0; t < tasks(); ++t) {
      const model::TaskInfo& info = program_.tasks[static_cast<size_t>(t)];
      if (t == leader || info.group != leader || !Alive(state, t)) continue;
      if ((state.tasks[t].flags & model::kExeced) || Executes(state, t)) return true;
    }
    return false;
  }

  static Node Parked(const Node& node, int t, const Afterthought& thought) {
    Node parked = node;
    parked.afterthoughts.push_back(thought);
    parked.orders.push_back({.kind = Order::Kind::kWaitParked, .task = Task(t)});
    parked.parked |= Bit(t);
    parked.was |= Bit(t);
    if (thought.hold_object >= 0) {
      parked.held |= Bit(thought.hold_object);
      parked.held_by[t] = thought.hold_object;
    }
    return parked;
  }

  // One outcome of one step.
  struct Tried {
    Node node;
    bool shows = false;  // a first pinned argument went to the caller
  };

  // All outcomes of t's next step that user space can choose; in `out` those in which it is held
  // before the step.
  std::vector<Tried> Try(const Node& node, int t, std::vector<Node>* out) const {
    const model::StepInfo* next = Next(node.state, t);
    const bool user = next != nullptr && absl::StartsWith(next->statement, "(user mode)");
    const bool copies = next != nullptr && absl::StartsWith(next->statement, "copy_to_user(");
    const bool fresh = !(node.was & Bit(t));
    if (copies && fresh && std::string_view(next->function) == "seccomp_notify_recv") {
      out->push_back(Parked(node, t, {.task = Task(t), .park = true}));
    }
    std::vector<Tried> all;
    int arity = 1;
    for (int choice = 0; choice < arity && (choice == 0 || user || copies); ++choice) {
      Tried tried{node, false};
      model::Observations seen;
      const model::System::Shown shown = system_.Step(&tried.node.state, t, choice, nullptr, &seen);
      arity = shown.arity;
      if (!shown.possible) continue;
      for (const Observation& o : seen) {
        const bool first = o.kind == Observation::Kind::kReads && o.entry == 1 && o.word == 0;
        if (!first || !fresh || (node.touched & Bit(o.role)) || !IsVerb(node.state, t)) continue;
        out->push_back(
            Parked(node, t, {.task = Task(t), .hold_object = static_cast<int8_t>(o.role)}));
      }
      if (copies && choice > 0) Fail(t, &tried.node);
      tried.node.violated |= shown.violated;
      tried.node.unsupported |= shown.fault;
      tried.shows = Note(seen, &tried.node) && fresh;
      all.push_back(std::move(tried));
    }
    return all;
  }

  // The copy that comes now fails: the order that resumed t or the one that started its call says
  // so.
  static void Fail(int t, Node* node) {
    if (!node->orders.empty() && node->orders.back().kind == Order::Kind::kResume &&
        (node->was & Bit(t))) {
      node->orders.back().fault = true;
    } else {
      node->afterthoughts.push_back({.task = Task(t), .fault = true});
    }
  }

  // Steps of t alone, from `first` to the end of its turn; a node for each way.
  void Go(Node first, int t, std::vector<Node>* out) const {
    std::vector<std::pair<Node, int>> stack;
    stack.emplace_back(std::move(first), 0);
    while (!stack.empty()) {
      auto [node, steps] = std::move(stack.back());
      stack.pop_back();
      if (steps > kMostSteps) continue;
      std::vector<Tried> all = Try(node, t, out);
      if (all.empty()) {
        // It sleeps, or waits for a lock of somebody who is held.
        if (node.orders.empty() || AtBoundary(node.state, t)) continue;
        node.orders.push_back({.kind = Order::Kind::kWaitAsleep, .task = Task(t)});
        out->push_back(std::move(node));
        continue;
      }
      for (auto tried = all.rbegin(); tried != all.rend(); ++tried) {
        Node& next = tried->node;
        if (next.unsupported) continue;
        if (!Alive(next.state, t) && Executes(node.state, t) && IsTakenOver(next.state, t))
          continue;
        if (!Alive(next.state, t)) {
          next.orders.push_back({.kind = Order::Kind::kWaitDead, .task = Task(t)});
          out->push_back(std::move(next));
          continue;
        }
        if (tried->shows && !AtBoundary(next.state, t)) {
          out->push_back(Parked(next, t, {.task = Task(t), .park = true}));
        }
        const bool over = AtBoundary(next.state, t) && !next.recorder.Active(t) &&
                          !(next.state.tasks[t].flags & model::kInHandler);
        if (over && !next.orders.empty()) {
          next.was &= ~Bit(t);
          out->push_back(std::move(next));
        } else {
          stack.emplace_back(std::move(next), steps + 1);
        }
      }
    }
  }

  // The orders that what was seen of a step stands for. Whether a pinned argument was shown.
  bool Note(const model::Observations& seen, Node* node) const {
    bool shows = false;
    for (const Observation& o : seen) {
      if (o.kind == Observation::Kind::kBegins && !node->recorder.Active(o.task)) {
        node->orders.push_back({.kind = Order::Kind::kStart, .task = o.task, .call = o.call});
      }
      node->recorder.Add({o}, node->state);
      if (o.kind == Observation::Kind::kReturns) {
        node->orders.push_back({.kind = Order::Kind::kWaitDone, .task = o.task});
      } else if (o.kind == Observation::Kind::kHandler) {
        node->unsupported |= program_.tasks[o.task].handler.size() > 1;
      } else if (o.kind == Observation::Kind::kReads) {
        // Nobody gets at a page that is held.
        node->unsupported |= (node->held & Bit(o.role)) != 0;
        node->touched |= Bit(o.role);
      } else if (o.kind == Observation::Kind::kShows) {
        shows = true;
      }
    }
    return shows;
  }

  const model::System& system_;
  const model::Program& program_;
};

// The run that leads to a node, with what its later turns say of its earlier orders.
std::vector<Order> OrdersTo(const std::vector<Node>& nodes, int at) {
  std::vector<int> way;
  for (int n = at; n >= 0; n = nodes[static_cast<size_t>(n)].parent) way.push_back(n);
  std::reverse(way.begin(), way.end());
  std::vector<Order> orders;
  for (const int n : way) {
    const Node& node = nodes[static_cast<size_t>(n)];
    orders.insert(orders.end(), node.orders.begin(), node.orders.end());
    for (const Afterthought& thought : node.afterthoughts) {
      const auto start = std::find_if(orders.rbegin(), orders.rend(), [&](const Order& order) {
        return order.kind == Order::Kind::kStart && order.task == thought.task;
      });
      if (start == orders.rend()) continue;
      start->fault |= thought.fault;
      start->park |= thought.park;
      if (thought.hold_object >= 0) start->hold_object = thought.hold_object;
    }
  }
  return orders;
}

// Adds kHold where a sleeper could run before its turn comes.
void AddHolds(const Turns& turns, const std::vector<Node>& nodes, int at,
              std::vector<Order>* orders) {
  std::vector<int> way;
  for (int n = at; n > 0; n = nodes[static_cast<size_t>(n)].parent) way.push_back(n);
  std::reverse(way.begin(), way.end());
  // By turn: the sleepers that are awake before it, though it is not theirs.
  std::vector<std::pair<size_t, int>> held;  // index of the turn after which t sleeps, t
  for (int t = 0; t < turns.tasks(); ++t) {
    int sleeps_since = -1;
    for (size_t i = 0; i < way.size(); ++i) {
      const Node& node = nodes[static_cast<size_t>(way[i])];
      if (node.turn_of == t) {
        sleeps_since = !node.orders.empty() && node.orders.back().kind == Order::Kind::kWaitAsleep
                           ? static_cast<int>(i)
                           : -1;
        continue;
      }
      if (sleeps_since < 0) continue;
      const bool awake = turns.HasTurn(node, t);
      const bool mine_next =
          i + 1 < way.size() && nodes[static_cast<size_t>(way[i + 1])].turn_of == t;
      const bool waits =
          !node.orders.empty() && node.orders.back().kind == Order::Kind::kWaitAsleep;
      if (awake && (!mine_next || waits)) {
        held.emplace_back(static_cast<size_t>(sleeps_since), t);
        sleeps_since = -1;
      }
    }
  }
  // Where each turn's orders end.
  std::vector<size_t> ends;
  size_t end = 0;
  for (const int n : way) ends.push_back(end += nodes[static_cast<size_t>(n)].orders.size());
  std::sort(held.rbegin(), held.rend());
  for (const auto& [turn, t] : held) {
    Order hold;
    hold.kind = Order::Kind::kHold;
    hold.task = static_cast<uint8_t>(t);
    orders->insert(orders->begin() + static_cast<std::ptrdiff_t>(ends[turn]), hold);
  }
}

ForcedRun RunTo(const Turns& turns, const std::vector<Node>& nodes, int at) {
  ForcedRun run;
  run.orders = OrdersTo(nodes, at);
  AddHolds(turns, nodes, at, &run.orders);
  const Node& node = nodes[static_cast<size_t>(at)];
  run.outcome = node.recorder.Finish(node.state);
  run.violated = node.violated;
  for (const Order& order : run.orders) {
    run.holds |= order.kind == Order::Kind::kHold;
    run.parks |= order.park;
    run.serves |= order.hold_object >= 0;
  }
  return run;
}

std::string KeyOf(const Node& node) {
  std::string key(reinterpret_cast<const char*>(&node.state), sizeof(State));
  absl::StrAppend(&key, node.parked, ",", node.was, ",", node.touched, ",", node.held, ",",
                  node.violated, ",", node.recorder.Key());
  return key;
}

// Nothing more happens unless somebody sends a signal or stores.
bool AtRest(const Turns& turns, const Node& node) {
  for (int t = 0; t < turns.tasks(); ++t) {
    if (turns.HasTurn(node, t)) return false;
  }
  return true;
}

// What is broken when no more signals come.
uint64_t BrokenAtRest(const Turns& turns, const Node& node) {
  State state = node.state;
  std::memset(state.signals_left, 0, sizeof(state.signals_left));
  std::memset(state.writes_left, 0, sizeof(state.writes_left));
  return turns.system().BrokenAtRest(state);
}

}  // namespace

ForcedRuns FindForcedRuns(const Question& question, const ForcedOptions& options) {
  const Turns turns(question);
  ForcedRuns found;
  std::vector<Node> nodes;
  nodes.push_back(turns.First());
  std::unordered_set<std::string> known = {KeyOf(nodes[0])};
  // By outcome and by what it violates: the first run is a shortest one.
  std::map<std::pair<std::string, uint64_t>, int> ends;
  std::vector<int> order_of_ends;
  for (size_t at = 0; at < nodes.size(); ++at) {
    if (AtRest(turns, nodes[at])) {
      nodes[at].violated |= BrokenAtRest(turns, nodes[at]);
      const std::string text =
          ObservedText(turns.program(), nodes[at].recorder.Finish(nodes[at].state));
      if (ends.emplace(std::make_pair(text, nodes[at].violated), static_cast<int>(at)).second) {
        order_of_ends.push_back(static_cast<int>(at));
      }
    }
    if (nodes.size() > options.max_nodes) {
      found.complete = false;
      continue;
    }
    std::vector<Node> next;
    const int dying = turns.Dying(nodes[at]);
    for (int t = 0; t < turns.tasks(); ++t) {
      if (dying >= 0 && t != dying) continue;
      if (turns.HasTurn(nodes[at], t)) turns.Turn(nodes[at], t, &next);
    }
    const int others = dying >= 0 ? 0 : turns.system().thread_count();
    for (int thread = turns.tasks(); thread < others; ++thread) {
      int arity = 1;
      for (int choice = 0; choice < arity; ++choice) {
        State probe = nodes[at].state;
        arity = turns.system().Step(&probe, thread, choice).arity;
        Node node(turns.program());
        if (turns.Act(nodes[at], thread, choice, &node)) next.push_back(std::move(node));
      }
    }
    for (Node& node : next) {
      // Nobody can wait for one who sleeps until another dies, when that one is dying already.
      if (turns.Dying(node) >= 0 && !node.orders.empty() &&
          node.orders.back().kind == Order::Kind::kWaitAsleep) {
        continue;
      }
      if (!known.insert(KeyOf(node)).second) continue;
      node.parent = static_cast<int>(at);
      nodes.push_back(std::move(node));
    }
  }
  // Violations first: each that adds a property, then the rest.
  uint64_t shown = 0;
  std::vector<int> later;
  for (const int at : order_of_ends) {
    const uint64_t violated = nodes[static_cast<size_t>(at)].violated;
    if ((violated & ~shown) != 0 && found.runs.size() < options.max_runs) {
      shown |= violated;
      found.runs.push_back(RunTo(turns, nodes, at));
    } else {
      later.push_back(at);
    }
  }
  for (const int at : later) {
    if (found.runs.size() >= options.max_runs) {
      found.complete = false;
      break;
    }
    ForcedRun run = RunTo(turns, nodes, at);
    const bool again = std::any_of(found.runs.begin(), found.runs.end(), [&](const ForcedRun& r) {
      return ObservedText(turns.program(), r.outcome) == ObservedText(turns.program(), run.outcome);
    });
    if (!again) found.runs.push_back(std::move(run));
  }
  return found;
}

namespace {

bool SameOrder(const Order& a, const Order& b) {
  const bool resumes = a.kind == Order::Kind::kResume;
  return a.kind == b.kind && a.task == b.task && a.call == b.call && a.word == b.word &&
         a.value == b.value && (!resumes || a.fault == b.fault);
}

// Whether a turn fails and is held as the start of its call says. What may fail later has not.
bool DoesAs(const Node& turn, const Order& start) {
  bool fails = false;
  for (const Afterthought& thought : turn.afterthoughts) {
    if (thought.park && !start.park) return false;
    if (thought.hold_object >= 0 && thought.hold_object != start.hold_object) return false;
    fails |= thought.fault;
  }
  const bool returns = !turn.orders.empty() && turn.orders.back().kind == Order::Kind::kWaitDone;
  return fails == start.fault || (!fails && !returns);
}

}  // namespace

Predicted Predict(const Question& question, const std::vector<Order>& orders) {
  const Turns turns(question);
  Node node = turns.First();
  size_t at = 0;
  Predicted predicted;
  Order started[model::kMaxTasks];
  while (at < orders.size() && predicted.stuck == 0) {
    if (orders[at].kind == Order::Kind::kHold) {
      ++at;
      continue;
    }
    std::vector<Node> next;
    const Order& order = orders[at];
    if (order.kind == Order::Kind::kSignal || order.kind == Order::Kind::kStore) {
      const int others = turns.system().thread_count();
      for (int thread = turns.tasks(); thread < others; ++thread) {
        int arity = 1;
        for (int choice = 0; choice < arity; ++choice) {
          State probe = node.state;
          arity = turns.system().Step(&probe, thread, choice).arity;
          Node acted(turns.program());
          if (turns.Act(node, thread, choice, &acted)) next.push_back(std::move(acted));
        }
      }
    } else if (turns.HasTurn(node, order.task)) {
      turns.Turn(node, order.task, &next);
    }
    // The turn whose orders are the ones that come, and which does what the start of its call says.
    const Node* best = nullptr;
    std::pair<size_t, bool> most = {0, false};
    for (const Node& candidate : next) {
      Order start = started[candidate.turn_of < 0 ? 0 : candidate.turn_of];
      size_t i = 0;
      for (size_t from = at; i < candidate.orders.size() && from < orders.size(); ++from) {
        if (orders[from].kind == Order::Kind::kHold) continue;
        if (!SameOrder(candidate.orders[i], orders[from])) break;
        if (orders[from].kind == Order::Kind::kStart) start = orders[from];
        ++i;
      }
      const std::pair<size_t, bool> fit = {i, DoesAs(candidate, start)};
      if (i > 0 && fit > most) {
        most = fit;
        best = &candidate;
      }
    }
    if (best == nullptr) {
      predicted.stuck = at + 1;
      break;
    }
    size_t left = most.first;
    const bool whole = left == best->orders.size();
    while (at < orders.size() && (left > 0 || orders[at].kind == Order::Kind::kHold)) {
      if (orders[at].kind == Order::Kind::kStart) started[orders[at].task] = orders[at];
      if (orders[at].kind != Order::Kind::kHold) --left;
      ++at;
    }
    if (!whole) predicted.stuck = at + 1;
    node = *best;
  }
  predicted.outcome = node.recorder.Finish(node.state);
  return predicted;
}

Outcomes AllOutcomes(const Question& question, size_t max_states) {
  const Turns turns(question);
  const model::System& system = turns.system();
  Outcomes all;
  std::map<std::string, Outcomes::One> outcomes;
  // Two 64-bit hashes stand for a point: a key takes kilobytes. Should two points ever share both,
  // an outcome may be missing, which a stress would report as forbidden.
  std::set<std::pair<size_t, size_t>> known;
  struct Point {
    State state;
    Recorder recorder;
    uint64_t violated = 0;
  };
  std::deque<Point> queue;
  queue.push_back({system.initial(), Recorder(turns.program())});
  const auto key = [](const Point& point) {
    std::string text(reinterpret_cast<const char*>(&point.state), sizeof(State));
    absl::StrAppend(&text, point.violated, ",", point.recorder.Key());
    const size_t one = std::hash<std::string>()(text);
    text.push_back('#');
    return std::make_pair(one, std::hash<std::string>()(text));
  };
  known.insert(key(queue.front()));
  while (!queue.empty()) {
    const Point point = std::move(queue.front());
    queue.pop_front();
    bool ends = true;
    for (int thread = 0; thread < system.thread_count(); ++thread) {
      const bool task = thread < turns.tasks();
      if (task && turns.Spins(point.state, thread)) continue;
      int arity = 1;
      for (int choice = 0; choice < arity; ++choice) {
        Point next = point;
        model::Observations seen;
        const auto shown = system.Step(&next.state, thread, choice, nullptr, &seen);
        arity = shown.arity;
        if (!shown.possible) continue;
        if (task) ends = false;
        next.violated |= shown.violated;
        next.recorder.Add(seen, next.state);
        if (!known.insert(key(next)).second) continue;
        if (known.size() > max_states) {
          all.complete = false;
          continue;
        }
        queue.push_back(std::move(next));
      }
    }
    if (!ends) continue;
    Observed observed = point.recorder.Finish(point.state);
    const auto [at, fresh] = outcomes.try_emplace(ObservedText(turns.program(), observed));
    if (fresh) at->second = {std::move(observed), ~uint64_t{0}};
    at->second.violated &= point.violated | system.BrokenAtRest(point.state);
  }
  all.states = known.size();
  for (auto& [text, outcome] : outcomes) all.outcomes.push_back(std::move(outcome));
  return all;
}

}  // namespace knotcheck::verify
