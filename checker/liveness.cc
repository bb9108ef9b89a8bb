// SPDX-License-Identifier: Apache-2.0

#include "checker/liveness.h"

#include <algorithm>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/hash.h"
#include "boost/graph/compressed_sparse_row_graph.hpp"
#include "boost/graph/strong_components.hpp"
#include "boost/property_map/property_map.hpp"

namespace knotcheck::checker {
namespace {

// What boost::strong_components and FindStarved() hold for each pending state (component, root,
// discovery, colour, number, and an entry of the depth-first stack) and step.
constexpr uint64_t kAnalysisBytesPerState = 160;
constexpr uint64_t kAnalysisBytesPerStep = 12;
// Ways inside a component: a parent and a mark for each state of the graph.
constexpr uint64_t kSearchBytesPerState = 12;

template <class T>
uint64_t Bytes(const std::vector<T>& vector) {
  return vector.capacity() * sizeof(T);
}

// The pending states of one obligation, in the order of their numbers, and the components of the
// graph that they span.
struct Part {
  std::vector<uint32_t> states;
  std::vector<uint32_t> local;      // by state of the graph: its place in `states`, or kNone
  std::vector<uint32_t> component;  // by place
  uint32_t components = 0;

  uint32_t ComponentOf(uint32_t state) const {
    return state < local.size() && local[state] != StateGraph::kNone ? component[local[state]]
                                                                     : StateGraph::kNone;
  }
};

Part PartOf(const StateGraph& graph, int obligation) {
  Part part;
  part.local.assign(graph.expanded(), StateGraph::kNone);
  for (uint32_t state = 0; state < graph.expanded(); ++state) {
    if (!(graph.Owed(state) >> obligation & 1)) continue;
    part.local[state] = static_cast<uint32_t>(part.states.size());
    part.states.push_back(state);
  }
  std::vector<std::pair<uint32_t, uint32_t>> edges;
  for (uint32_t place = 0; place < part.states.size(); ++place) {
    const uint32_t state = part.states[place];
    for (uint64_t i = graph.FirstStep(state); i < graph.EndStep(state); ++i) {
      const uint32_t to = graph.StepAt(state, i).to;
      if (to < graph.expanded() && part.local[to] != StateGraph::kNone) {
        edges.emplace_back(place, part.local[to]);
      }
    }
  }
  using Graph =
      boost::compressed_sparse_row_graph<boost::directedS, boost::no_property, boost::no_property,
                                         boost::no_property, uint32_t, uint64_t>;
  const Graph pending(boost::edges_are_sorted, edges.begin(), edges.end(),
                      static_cast<uint32_t>(part.states.size()));
  part.component.resize(part.states.size());
  part.components = boost::strong_components(
      pending, boost::make_iterator_property_map(part.component.begin(),
                                                 boost::get(boost::vertex_index, pending)));
  return part;
}

// The shortest way, at least one step, from `from` inside its component to the first step that
// `wanted` accepts.
template <class Wanted>
std::vector<StateGraph::Step> ShortestWay(const StateGraph& graph, const Part& part, uint32_t from,
                                          const Wanted& wanted) {
  const uint32_t component = part.ComponentOf(from);
  struct Reached {
    uint32_t previous;  // place in `reached`
    StateGraph::Step step;
  };
  std::vector<Reached> reached = {{StateGraph::kNone, {from, from, 0}}};
  std::vector<bool> seen(part.states.size());
  seen[part.local[from]] = true;
  for (size_t at = 0; at < reached.size(); ++at) {
    const uint32_t state = reached[at].step.to;
    for (uint64_t i = graph.FirstStep(state); i < graph.EndStep(state); ++i) {
      const StateGraph::Step step = graph.StepAt(state, i);
      if (part.ComponentOf(step.to) != component) continue;
      if (wanted(step)) {
        std::vector<StateGraph::Step> way = {step};
        for (size_t back = at; back != 0; back = reached[back].previous) {
          way.push_back(reached[back].step);
        }
        std::reverse(way.begin(), way.end());
        return way;
      }
      if (seen[part.local[step.to]]) continue;
      seen[part.local[step.to]] = true;
      reached.push_back({static_cast<uint32_t>(at), step});
    }
  }
  KNOT_CHECK(false && "a strongly connected component leads everywhere in itself");
  return {};
}

// A cycle from `entry` in which every thread that must step somewhere in it does, or is met where
// it need not.
std::vector<StateGraph::Step> FairCycle(const StateGraph& graph, const Part& part, uint32_t entry) {
  std::vector<StateGraph::Step> cycle;
  uint64_t missing = graph.Must(entry);
  uint32_t at = entry;
  const auto go = [&](const auto& wanted) {
    for (const StateGraph::Step& step : ShortestWay(graph, part, at, wanted)) {
      missing &= graph.Must(step.to) & ~(uint64_t{1} << step.thread);
      at = step.to;
      cycle.push_back(step);
    }
  };
  while (missing != 0) {
    go([&](const StateGraph::Step& step) {
      return (missing >> step.thread & 1) || (missing & ~graph.Must(step.to)) != 0;
    });
  }
  if (cycle.empty() || at != entry) {
    go([&](const StateGraph::Step& step) { return step.to == entry; });
  }
  return cycle;
}

constexpr absl::string_view kInitialZero = "0:";

}  // namespace

std::string LassoToString(const Lasso& lasso) {
  const std::string cycle = PathToString(Path{0, lasso.cycle});
  return absl::StrCat(PathToString(lasso.stem), "(", cycle.substr(kInitialZero.size()), ")");
}

absl::StatusOr<Lasso> LassoFromString(absl::string_view text) {
  const size_t open = std::min(text.find('('), text.size());
  auto stem = PathFromString(text.substr(0, open));
  if (!stem.ok()) return stem.status();
  if (open == text.size() || !absl::EndsWith(text, ")")) {
    return absl::InvalidArgumentError(
        absl::StrCat("path:1:", text.size() + 1, ": expected a cycle in brackets at the end"));
  }
  const auto cycle =
      PathFromString(absl::StrCat(kInitialZero, text.substr(open + 1, text.size() - open - 2)));
  if (!cycle.ok()) {
    return absl::InvalidArgumentError(
        absl::StrCat("the cycle as a path of its own: ", cycle.status().message()));
  }
  return Lasso{*std::move(stem), cycle->actions};
}

StateGraph::StateGraph(int words) : words_(words), slots_(1u << 10), rows_{0} {}

uint32_t StateGraph::Intern(const uint64_t* packed, uint32_t parent, int thread) {
  const uint64_t mask = slots_.size() - 1;
  uint64_t at = base::HashWords(packed, words_) & mask;
  for (; slots_[at] != 0; at = (at + 1) & mask) {
    if (std::equal(packed, packed + words_, Packed(slots_[at] - 1))) return slots_[at] - 1;
  }
  KNOT_CHECK(parents_.size() < kMaxStates);
  const uint32_t number = size();
  slots_[at] = number + 1;
  packed_.insert(packed_.end(), packed, packed + words_);
  parents_.push_back(parent);
  parent_threads_.push_back(static_cast<uint8_t>(thread));
  if (parents_.size() * 4 > slots_.size() * 3) Grow();
  return number;
}

void StateGraph::Grow() {
  std::vector<uint32_t> slots(slots_.size() * 2);
  const uint64_t mask = slots.size() - 1;
  for (uint32_t state = 0; state < size(); ++state) {
    uint64_t at = base::HashWords(Packed(state), words_) & mask;
    while (slots[at] != 0) at = (at + 1) & mask;
    slots[at] = state + 1;
  }
  slots_ = std::move(slots);
}

void StateGraph::AddStep(uint32_t to, int thread) {
  to_.push_back(to);
  threads_.push_back(static_cast<uint8_t>(thread));
}

void StateGraph::EndState(uint64_t owed, uint64_t must) {
  owed_.push_back(owed);
  must_.push_back(must);
  if (owed != 0) {
    ++owed_states_;
    owed_steps_ += to_.size() - rows_.back();
  }
  rows_.push_back(to_.size());
}

std::vector<StateGraph::Step> StateGraph::StepsTo(uint32_t state, uint32_t* initial) const {
  std::vector<Step> steps;
  for (; parents_[state] != kNone; state = parents_[state]) {
    steps.push_back(Step{parents_[state], state, parent_threads_[state]});
  }
  *initial = state;
  std::reverse(steps.begin(), steps.end());
  return steps;
}

uint64_t StateGraph::bytes() const {
  return Bytes(packed_) + Bytes(slots_) + Bytes(parents_) + Bytes(parent_threads_) + Bytes(owed_) +
         Bytes(must_) + Bytes(rows_) + Bytes(to_) + Bytes(threads_);
}

uint64_t StateGraph::bytes_at_peak() const {
  // A vector that grows holds its old and its new memory; only one grows at a time.
  const uint64_t growing = 2 * std::max({Bytes(packed_), Bytes(slots_), Bytes(to_)});
  const uint64_t analysis = owed_states_ * kAnalysisBytesPerState +
                            owed_steps_ * kAnalysisBytesPerStep + size() * kSearchBytesPerState;
  return bytes() + std::max(growing, analysis);
}

Starved FindStarved(const StateGraph& graph, int obligation) {
  const Part part = PartOf(graph, obligation);
  Starved starved;
  starved.pending = part.states.size();
  starved.components = part.components;
  // Of each component: the threads that must step in all its states and have no step inside it. A
  // single state without a self loop has no step inside, so a run stays there only if none must.
  std::vector<uint64_t> left_out(part.components, ~uint64_t{0});
  for (const uint32_t state : part.states) {
    const uint32_t component = part.ComponentOf(state);
    left_out[component] &= graph.Must(state);
    for (uint64_t i = graph.FirstStep(state); i < graph.EndStep(state); ++i) {
      const StateGraph::Step step = graph.StepAt(state, i);
      if (part.ComponentOf(step.to) != component) continue;
      left_out[component] &= ~(uint64_t{1} << step.thread);
    }
  }
  for (const uint32_t state : part.states) {
    if (left_out[part.ComponentOf(state)] != 0) continue;
    starved.found = true;
    starved.entry = state;
    if (graph.Must(state) != 0) starved.cycle = FairCycle(graph, part, state);
    break;
  }
  return starved;
}

}  // namespace knotcheck::checker
