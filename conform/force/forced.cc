// SPDX-License-Identifier: Apache-2.0

#include "conform/force/forced.h"

#include <algorithm>
#include <deque>
#include <functional>
#include <map>
#include <set>
#include <unordered_set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "conform/force/turns.h"

namespace knotcheck::conform {

ForcedRuns FindForcedRuns(const verify::Question& question, const ForcedOptions& options) {
  const Turns turns(question);
  ForcedRuns found;
  std::vector<Node> nodes;
  nodes.push_back(turns.First());
  std::unordered_set<std::string> known = {KeyOf(nodes[0])};
  // By outcome and by what it violates: the first run is a shortest one.
  std::map<std::pair<std::string, uint64_t>, int> ends;
  std::vector<int> order_of_ends;
  for (size_t at = 0; at < nodes.size(); ++at) {
    if (turns.AtRest(nodes[at])) {
      nodes[at].violated |= turns.BrokenAtRest(nodes[at]);
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
    for (Node& node : turns.Successors(nodes[at])) {
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

Predicted Predict(const verify::Question& question, const std::vector<Order>& orders) {
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
      turns.Act(node, &next);
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

namespace {

// How a point is come to; the first is its own predecessor.
struct Arrival {
  size_t before = 0;
  checker::Action action;
};

checker::Path PathTo(const std::vector<Arrival>& steps, size_t last) {
  checker::Path path;
  for (size_t i = last; i != 0; i = steps[i].before) path.actions.push_back(steps[i].action);
  std::reverse(path.actions.begin(), path.actions.end());
  return path;
}

}  // namespace

Outcomes AllOutcomes(const verify::Question& question, size_t max_states) {
  const Turns turns(question);
  const model::System& system = turns.system();
  Outcomes all;
  std::map<std::string, Outcomes::One> outcomes;
  // Two 64-bit hashes stand for a point: a key takes kilobytes. Should two points ever share both,
  // an outcome may be missing, which a stress would report as forbidden.
  std::set<std::pair<size_t, size_t>> known;
  struct Point {
    model::StateValue state;
    Recorder recorder;
    uint64_t violated = 0;
    size_t step = 0;  // the last of those that lead to it
  };
  std::vector<Arrival> steps(1);
  std::deque<Point> queue;
  queue.push_back({system.initial(), Recorder(turns.program())});
  const auto key = [](const Point& point) {
    std::string text(reinterpret_cast<const char*>(point.state.words()),
                     point.state.layout().bytes);
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
        all.violated |= shown.violated;
        next.recorder.Add(seen, next.state);
        if (!known.insert(key(next)).second) continue;
        if (known.size() > max_states) {
          all.complete = false;
          continue;
        }
        next.step = steps.size();
        steps.push_back(
            {point.step, {static_cast<uint16_t>(thread), static_cast<uint16_t>(choice)}});
        queue.push_back(std::move(next));
      }
    }
    if (!ends) continue;
    Observed observed = point.recorder.Finish(point.state);
    const auto [at, fresh] = outcomes.try_emplace(ObservedText(turns.program(), observed));
    if (fresh) {
      at->second = {std::move(observed), ~uint64_t{0}, {}};
      at->second.path = PathTo(steps, point.step);
    }
    const uint64_t at_rest = system.BrokenAtRest(point.state);
    all.violated |= at_rest;
    at->second.violated &= point.violated | at_rest;
  }
  all.states = known.size();
  for (auto& [text, outcome] : outcomes) all.outcomes.push_back(std::move(outcome));
  return all;
}

}  // namespace knotcheck::conform
