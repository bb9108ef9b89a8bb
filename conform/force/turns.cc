// SPDX-License-Identifier: Apache-2.0

#include "conform/force/turns.h"

#include <algorithm>
#include <cstring>
#include <string_view>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace knotcheck::conform {
namespace {

using model::Observation;
using model::OpCode;
using model::State;

// Steps of one actor's turn: more is a loop that no user space can wait for.
constexpr int kMostSteps = 5000;

uint32_t Bit(int i) { return uint32_t{1} << i; }
uint64_t ObjectBit(int i) { return uint64_t{1} << i; }

uint8_t Task(int t) { return static_cast<uint8_t>(t); }

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

}  // namespace

Node Turns::First() const {
  Node node(system_);
  node.state = system_.initial();
  return node;
}

bool Turns::Asleep(const Node& node, int t) const {
  return Alive(node.state, t) && !AtBoundary(node.state, t) && !(node.parked & Bit(t));
}

bool Turns::Spins(const State& state, int t) const {
  if (!FollowsPolicy(program_.tasks[static_cast<size_t>(t)]) || !AtBoundary(state, t) ||
      state.filter().users != 0) {
    return false;
  }
  // An ioctl whose fdput() is left has not returned.
  model::TraceStep step;
  system_.CanStep(state, t, &step);
  return step.statement == "(user mode)";
}

bool Turns::StandsInHandler(const State& state, int t) const {
  const model::Task& task = state.tasks[t];
  return (task.flags & model::kInHandler) && AtBoundary(state, t) &&
         program_.tasks[static_cast<size_t>(t)].handler[task.handler_op].code != OpCode::kEnd;
}

bool Turns::HasTurn(const Node& node, int t) const {
  if (!Alive(node.state, t) || Spins(node.state, t)) return false;
  if (node.parked & Bit(t)) return true;
  return system_.CanStep(node.state, t);
}

int Turns::Dying(const Node& node) const {
  for (int t = 0; t < tasks(); ++t) {
    if (Alive(node.state, t) && AtBoundary(node.state, t) &&
        (node.state.tasks[t].flags & model::kSigkillPending)) {
      return t;
    }
  }
  return -1;
}

void Turns::Turn(const Node& from, int t, std::vector<Node>* out) const {
  Node node = from;
  node.orders.clear();
  node.afterthoughts.clear();
  node.turn_of = t;
  if (node.parked & Bit(t)) {
    node.parked &= ~Bit(t);
    if (node.held_by[t] >= 0) node.held &= ~ObjectBit(std::exchange(node.held_by[t], int8_t{-1}));
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

bool Turns::Acted(const Node& from, int thread, int choice, Node* out) const {
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
    if (node.held & ObjectBit(program_.words[order.word].object)) return false;
    node.touched |= ObjectBit(program_.words[order.word].object);
  }
  node.orders.push_back(order);
  *out = std::move(node);
  return true;
}

void Turns::Act(const Node& from, std::vector<Node>* out) const {
  for (int thread = tasks(); thread < system_.thread_count(); ++thread) {
    int arity = 1;
    for (int choice = 0; choice < arity; ++choice) {
      model::StateValue probe = from.state;
      arity = system_.Step(&probe, thread, choice).arity;
      Node node(system_);
      if (Acted(from, thread, choice, &node)) out->push_back(std::move(node));
    }
  }
}

std::vector<Node> Turns::Successors(const Node& from) const {
  std::vector<Node> next;
  const int dying = Dying(from);
  for (int t = 0; t < tasks(); ++t) {
    if (dying >= 0 && t != dying) continue;
    if (HasTurn(from, t)) Turn(from, t, &next);
  }
  if (dying < 0) Act(from, &next);
  // Nobody can wait for one who sleeps until another dies, when that one is dying already.
  std::erase_if(next, [this](const Node& node) {
    return Dying(node) >= 0 && !node.orders.empty() &&
           node.orders.back().kind == Order::Kind::kWaitAsleep;
  });
  return next;
}

bool Turns::AtRest(const Node& node) const {
  for (int t = 0; t < tasks(); ++t) {
    if (HasTurn(node, t)) return false;
  }
  return true;
}

uint64_t Turns::BrokenAtRest(const Node& node) const {
  model::StateValue state = node.state;
  const model::Layout& layout = state.layout();
  std::fill_n(state.signals_left.data(), layout.senders, uint8_t{0});
  std::fill_n(state.writes_left.data(), layout.writers, uint8_t{0});
  return system_.BrokenAtRest(state);
}

const model::StepInfo* Turns::Next(const State& state, int t) const {
  model::Kernel kernel(program_, system_.proposal(), system_.config());
  return kernel.NextStep(state, t);
}

bool Turns::IsVerb(const State& state, int t) const {
  const model::Task& task = state.tasks[t];
  const model::TaskInfo& info = program_.tasks[static_cast<size_t>(t)];
  return info.kind == model::TaskKind::kSupervisor && info.ops[task.op].code == OpCode::kVerb &&
         !AtBoundary(state, t);
}

bool Turns::Executes(const State& state, int t) const {
  const model::Task& task = state.tasks[t];
  return model::IsExec(program_.tasks[static_cast<size_t>(t)].ops[task.op].nr);
}

bool Turns::IsTakenOver(const State& state, int leader) const {
  for (int t = 0; t < tasks(); ++t) {
    const model::TaskInfo& info = program_.tasks[static_cast<size_t>(t)];
    if (t == leader || info.group != leader || !Alive(state, t)) continue;
    if ((state.tasks[t].flags & model::kExeced) || Executes(state, t)) return true;
  }
  return false;
}

Node Turns::Parked(const Node& node, int t, const Afterthought& thought) {
  Node parked = node;
  parked.afterthoughts.push_back(thought);
  parked.orders.push_back({.kind = Order::Kind::kWaitParked, .task = Task(t)});
  parked.parked |= Bit(t);
  parked.was |= Bit(t);
  if (thought.hold_object >= 0) {
    parked.held |= ObjectBit(thought.hold_object);
    parked.held_by[t] = thought.hold_object;
  }
  return parked;
}

std::vector<Turns::Tried> Turns::Try(const Node& node, int t, std::vector<Node>* out) const {
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
      if (!first || !fresh || (node.touched & ObjectBit(o.role)) || !IsVerb(node.state, t))
        continue;
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

void Turns::Fail(int t, Node* node) {
  if (!node->orders.empty() && node->orders.back().kind == Order::Kind::kResume &&
      (node->was & Bit(t))) {
    node->orders.back().fault = true;
  } else {
    node->afterthoughts.push_back({.task = Task(t), .fault = true});
  }
}

void Turns::Go(Node first, int t, std::vector<Node>* out) const {
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
      if (!Alive(next.state, t) && Executes(node.state, t) && IsTakenOver(next.state, t)) continue;
      if (!Alive(next.state, t)) {
        next.orders.push_back({.kind = Order::Kind::kWaitDead, .task = Task(t)});
        out->push_back(std::move(next));
        continue;
      }
      if (tried->shows && !AtBoundary(next.state, t)) {
        out->push_back(Parked(next, t, {.task = Task(t), .park = true}));
      }
      const uint8_t flags = next.state.tasks[t].flags;
      if ((next.owed & Bit(t)) && !(flags & (model::kInHandler | model::kSigPending))) {
        next.owed &= ~Bit(t);
        next.orders.push_back({.kind = Order::Kind::kWaitDone, .task = Task(t)});
      }
      const bool stands = StandsInHandler(next.state, t);
      if (stands) next.orders.push_back({.kind = Order::Kind::kWaitHandler, .task = Task(t)});
      const bool over = stands || (AtBoundary(next.state, t) && !next.recorder.Active(t) &&
                                   !(next.owed & Bit(t)) && !(flags & model::kInHandler));
      if (over && !next.orders.empty()) {
        next.was &= ~Bit(t);
        out->push_back(std::move(next));
      } else {
        stack.emplace_back(std::move(next), steps + 1);
      }
    }
  }
}

bool Turns::Note(const model::Observations& seen, Node* node) const {
  bool shows = false;
  // What an interrupted call has returned is told when the handler has.
  const bool handler = std::any_of(seen.begin(), seen.end(), [](const Observation& o) {
    return o.kind == Observation::Kind::kHandler;
  });
  for (const Observation& o : seen) {
    if (o.kind == Observation::Kind::kBegins && node->recorder.IsFirst(o)) {
      node->orders.push_back({.kind = Order::Kind::kStart, .task = o.task, .call = o.call});
    }
    node->recorder.Add({o}, node->state);
    if (ExecutesInHandler(program_, o)) node->owed &= ~Bit(o.task);
    if (o.kind == Observation::Kind::kReturns && handler) {
      node->owed |= Bit(o.task);
    } else if (o.kind == Observation::Kind::kReturns) {
      node->orders.push_back({.kind = Order::Kind::kWaitDone, .task = o.task});
    } else if (o.kind == Observation::Kind::kReads) {
      // Nobody gets at a page that is held.
      node->unsupported |= (node->held & ObjectBit(o.role)) != 0;
      node->touched |= ObjectBit(o.role);
    } else if (o.kind == Observation::Kind::kShows) {
      shows = true;
    }
  }
  return shows;
}

std::string KeyOf(const Node& node) {
  std::string key(reinterpret_cast<const char*>(node.state.words()), node.state.layout().bytes);
  absl::StrAppend(&key, node.parked, ",", node.was, ",", node.touched, ",", node.held, ",",
                  node.owed, ",", node.violated, ",", node.recorder.Key());
  return key;
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

}  // namespace knotcheck::conform
