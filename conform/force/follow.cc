// SPDX-License-Identifier: Apache-2.0

#include "conform/force/follow.h"

#include <algorithm>
#include <array>
#include <bitset>
#include <map>
#include <queue>
#include <tuple>
#include <unordered_map>

#include "absl/strings/str_cat.h"
#include "conform/force/turns.h"
#include "model/observation.h"

namespace knotcheck::conform {
namespace {

using model::Observation;

constexpr size_t kMostDeeds = 256;
constexpr size_t kNobody = SIZE_MAX;

// Counts deeds as they begin, for their numbers.
class Numbers {
 public:
  size_t Operation(uint8_t task) { return operations_[task]++; }
  size_t Signal(uint8_t task) { return signals_[task]++; }
  size_t Store(uint8_t word, model::Value value) { return stores_[{word, value}]++; }

 private:
  std::array<size_t, model::kMaxTasks> operations_ = {};
  std::array<size_t, model::kMaxTasks> signals_ = {};
  std::map<std::pair<uint8_t, model::Value>, size_t> stores_;
};

// How far a forced run has come beside the run that it follows.
class Progress {
 public:
  Progress(const model::Program& program, const Witnessed& wanted)
      : program_(&program), wanted_(&wanted) {}

  // What this order adds to the cost of the run: pairs moved and deeds added.
  size_t Take(const Order& order, Followed* notes = nullptr) {
    auto& running = running_[order.task];
    if (order.kind == Order::Kind::kWaitDone) {
      // A handler's operation before the one that it interrupted.
      if (!running.empty() && running.back() != kNobody) ended_.set(running.back());
      if (!running.empty()) running.pop_back();
      return 0;
    }
    Deed deed;
    deed.task = order.task;
    if (order.kind == Order::Kind::kStart) {
      if (OpOf(*program_, order.task, order.call).code == model::OpCode::kEnd) return 0;
      deed.number = numbers_.Operation(order.task);
    } else if (order.kind == Order::Kind::kStore) {
      deed.kind = Deed::Kind::kStore;
      deed.word = order.word;
      deed.value = order.value;
      deed.number = numbers_.Store(order.word, order.value);
    } else if (order.kind == Order::Kind::kSignal) {
      deed.kind = Deed::Kind::kSignal;
      deed.number = numbers_.Signal(order.task);
    } else {
      return 0;
    }
    const size_t at = Find(deed);
    if (deed.kind == Deed::Kind::kOperation) running.push_back(at);
    const size_t cost = at == kNobody ? Add(notes) : Begin(at, notes);
    if (at != kNobody && deed.kind != Deed::Kind::kOperation) ended_.set(at);
    return cost;
  }

  bool HasBegun(size_t deed) const { return begun_.test(deed); }

 private:
  size_t Find(const Deed& deed) const {
    for (size_t i = 0; i < wanted_->deeds.size(); ++i) {
      const Deed& d = wanted_->deeds[i];
      const bool same = d.kind == deed.kind && d.number == deed.number &&
                        (d.kind == Deed::Kind::kStore ? d.word == deed.word && d.value == deed.value
                                                      : d.task == deed.task);
      if (same) return i;
    }
    return kNobody;
  }

  size_t Begin(size_t at, Followed* notes) {
    begun_.set(at);
    size_t cost = 0;
    for (size_t i = 0; i < wanted_->deeds.size(); ++i) {
      const bool wanted = wanted_->deeds[i].ends < wanted_->deeds[at].begins;
      if (i == at || wanted == ended_.test(i)) continue;
      ++cost;
      if (notes != nullptr) notes->moved.push_back({i, at, wanted});
    }
    return cost;
  }

  size_t Add(Followed* notes) {
    bool over = true;
    for (size_t i = 0; i < wanted_->deeds.size(); ++i) {
      over &= wanted_->deeds[i].ends == Deed::kNever ? begun_.test(i) : ended_.test(i);
    }
    if (over) return 0;
    if (notes != nullptr) ++notes->added;
    return 1;
  }

  const model::Program* program_;
  const Witnessed* wanted_;
  Numbers numbers_;
  std::array<std::vector<size_t>, model::kMaxTasks> running_;
  std::bitset<kMostDeeds> begun_;
  std::bitset<kMostDeeds> ended_;
};

// Deeds that a run does otherwise, or not at all.
std::vector<size_t> Different(const Witnessed& wanted, const Progress& progress,
                              const std::vector<std::vector<Token>>& results) {
  std::vector<size_t> different;
  for (size_t i = 0; i < wanted.deeds.size(); ++i) {
    const Deed& deed = wanted.deeds[i];
    bool same = progress.HasBegun(i);
    if (same && deed.kind == Deed::Kind::kOperation) {
      const Token& token = wanted.results[deed.task][deed.number];
      const Token& here = results[deed.task][deed.number];
      same = token.returned ? Matches(token, here) : token.call == here.call;
    }
    if (!same) different.push_back(i);
  }
  return different;
}

}  // namespace

std::string DeedText(const model::Program& program, const Deed& deed) {
  switch (deed.kind) {
    case Deed::Kind::kOperation:
      return absl::StrCat(program.tasks[deed.task].name, " ",
                          OpOf(program, deed.task, deed.call).text);
    case Deed::Kind::kStore:
      return absl::StrCat("a store of ", program.values[deed.value].text, " to ",
                          program.objects[program.words[deed.word].object].name);
    case Deed::Kind::kSignal:
      return absl::StrCat("a signal to ", program.tasks[deed.task].name);
  }
  return "";
}

absl::StatusOr<Witnessed> Witness(const verify::Question& question, const checker::Path& path) {
  const model::System& system = question.system();
  const model::Program& program = question.program();
  const absl::Status cannot = absl::InvalidArgumentError("the path cannot be taken");
  if (path.initial != 0) return cannot;
  const size_t tasks = program.tasks.size();
  Witnessed found;
  Recorder recorder(program);
  Numbers numbers;
  std::array<std::map<uint8_t, size_t>, model::kMaxTasks> running;  // by call
  std::array<size_t, model::kMaxTasks> owed;
  owed.fill(kNobody);
  model::StateValue state = system.initial();
  size_t clock = 0;
  for (const checker::Action action : path.actions) {
    if (action.thread >= system.thread_count()) return cannot;
    const model::StateValue before = state;
    model::Observations seen;
    if (!system.Step(&state, action.thread, action.choice, nullptr, &seen).possible) return cannot;
    Deed deed;
    deed.begins = deed.ends = ++clock;
    if (action.thread >= tasks + program.senders.size()) {
      deed.kind = Deed::Kind::kStore;
      for (size_t w = 0; w < program.words.size(); ++w) {
        if (state.memory[w] == before.memory[w]) continue;
        deed.word = static_cast<uint8_t>(w);
        deed.value = static_cast<model::Value>(state.memory[w] ^ program.words[w].domain[0]);
        deed.number = numbers.Store(deed.word, deed.value);
        found.deeds.push_back(deed);
      }
    } else if (action.thread >= tasks) {
      deed.kind = Deed::Kind::kSignal;
      deed.task = program.senders[action.thread - tasks].task;
      deed.number = numbers.Signal(deed.task);
      found.deeds.push_back(deed);
    }
    // What an interrupted call has returned shows when the handler has returned, too.
    const bool handler = std::any_of(seen.begin(), seen.end(), [](const Observation& o) {
      return o.kind == Observation::Kind::kHandler;
    });
    for (const Observation& o : seen) {
      deed.begins = ++clock;
      if (o.kind == Observation::Kind::kBegins && recorder.IsFirst(o)) {
        deed.ends = Deed::kNever;
        deed.task = o.task;
        deed.call = o.call;
        deed.number = numbers.Operation(o.task);
        running[o.task][o.call] = found.deeds.size();
        found.deeds.push_back(deed);
      } else if (o.kind == Observation::Kind::kReturns) {
        const auto at = running[o.task].find(o.call);
        if (at != running[o.task].end() && handler) {
          owed[o.task] = at->second;
        } else if (at != running[o.task].end()) {
          found.deeds[at->second].ends = clock;
        }
      }
      recorder.Add({o}, state);
    }
    for (size_t t = 0; t < tasks; ++t) {
      if (owed[t] == kNobody || state.tasks[t].status != model::kAlive) continue;
      if (state.tasks[t].flags & (model::kInHandler | model::kSigPending)) continue;
      found.deeds[owed[t]].ends = ++clock;
      owed[t] = kNobody;
    }
  }
  if (found.deeds.size() > kMostDeeds) {
    return absl::InvalidArgumentError(absl::StrCat("found ", found.deeds.size(),
                                                   " operations, stores and signals, expected ",
                                                   kMostDeeds, " at most"));
  }
  found.results = recorder.tokens();
  return found;
}

std::vector<Followed> Follow(const verify::Question& question, const Witnessed& run,
                             uint64_t properties, const ForcedOptions& options) {
  const Turns turns(question);
  const model::Program& program = turns.program();
  std::vector<Node> nodes = {turns.First()};
  std::vector<Progress> progress = {Progress(program, run)};
  std::unordered_map<std::string, size_t> least = {{KeyOf(nodes[0]), 0}};
  using Entry = std::pair<size_t, size_t>;  // cost, index
  std::priority_queue<Entry, std::vector<Entry>, std::greater<>> queue;
  queue.emplace(0, 0);
  struct End {
    std::tuple<size_t, size_t, size_t, size_t> rank;
    ForcedRun run;
    std::vector<size_t> different;
  };
  std::map<std::string, End> ends;  // by outcome
  while (!queue.empty()) {
    const auto [cost, at] = queue.top();
    queue.pop();
    if (least.at(KeyOf(nodes[at])) < cost) continue;
    if (turns.AtRest(nodes[at])) {
      const uint64_t violated = nodes[at].violated | turns.BrokenAtRest(nodes[at]);
      if ((violated & properties) != 0) {
        End end;
        end.run = RunTo(turns, nodes, static_cast<int>(at));
        end.run.violated = violated;
        end.different = Different(run, progress[at], nodes[at].recorder.tokens());
        end.rank = {end.different.size(), cost, end.run.orders.size(), at};
        const auto [known, fresh] = ends.try_emplace(ObservedText(program, end.run.outcome));
        if (fresh || end.rank < known->second.rank) known->second = std::move(end);
      }
    }
    if (nodes.size() > options.max_nodes) continue;
    for (Node& node : turns.Successors(nodes[at])) {
      Progress next = progress[at];
      size_t sum = cost;
      for (const Order& order : node.orders) sum += next.Take(order);
      const auto [known, fresh] = least.try_emplace(KeyOf(node), sum);
      if (!fresh && known->second <= sum) continue;
      known->second = sum;
      node.parent = static_cast<int>(at);
      queue.emplace(sum, nodes.size());
      nodes.push_back(std::move(node));
      progress.push_back(std::move(next));
    }
  }
  std::vector<const End*> best;
  for (const auto& [text, end] : ends) best.push_back(&end);
  std::sort(best.begin(), best.end(), [](const End* a, const End* b) { return a->rank < b->rank; });
  if (best.size() > options.max_runs) best.resize(options.max_runs);
  std::vector<Followed> found;
  for (const End* end : best) {
    Followed followed;
    followed.run = end->run;
    followed.different = end->different;
    Progress again(program, run);
    for (const Order& order : end->run.orders) again.Take(order, &followed);
    // Two that have changed places are told once.
    const auto moved = followed.moved;
    std::erase_if(followed.moved, [&moved](const Followed::Moved& one) {
      return one.wanted && std::any_of(moved.begin(), moved.end(), [&](const Followed::Moved& m) {
               return m.first == one.second && m.second == one.first;
             });
    });
    found.push_back(std::move(followed));
  }
  return found;
}

}  // namespace knotcheck::conform
