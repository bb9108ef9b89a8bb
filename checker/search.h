// SPDX-License-Identifier: Apache-2.0
//
// The search itself. Breadth-first it goes level by level, and in a level by rounds of so many
// states: first threads expand chunks of the round and sort the successors by shard, then they
// insert shard by shard (Holzmann and Bosnacki 2007 and Laarman et al. 2010 share out work among
// cores in other ways; this one keeps every result independent of their number).

#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <new>
#include <utility>
#include <vector>

#include "base/check.h"
#include "base/pool.h"
#include "checker/chain.h"
#include "checker/checkpoint.h"
#include "checker/compact_set.h"
#include "checker/frontier.h"
#include "checker/model.h"
#include "checker/pack.h"
#include "checker/result.h"
#include "checker/tree.h"

namespace knotcheck::checker {

// Keys: DirectKeys or TreeKeys.
template <Model M, class Keys>
class Search {
 public:
  Search(const M& model, const Options& options, const Packer& packer, Keys keys);
  Result Run();

 private:
  // A round is as many states as a part of those found so far: the more entries come for a shard
  // at a time, the more of them find its lines in the cache.
  static constexpr size_t kLeastRound = 4096;  // states
  static constexpr size_t kRoundPart = 512;
  static constexpr size_t kLeastChunk = 256;     // states
  static constexpr size_t kChunks = 32;          // most in a round
  static constexpr size_t kFew = 2048;           // successors that one thread inserts alone
  static constexpr uint64_t kReport = 1u << 16;  // transitions

  // The successors of a chunk, by shard.
  using Buffers = std::array<std::vector<Entry>, kShards>;
  // A state out of which, or in which, these bits show.
  struct Find {
    Place place;
    uint64_t bits;
    // NOLINTNEXTLINE(modernize-use-nullptr): it takes the 0 of a comparison for a pointer.
    friend auto operator<=>(const Find&, const Find&) = default;
  };
  struct alignas(64) Worker {
    Worker(size_t state_words, size_t packed_words, typename Keys::Scratch keys)
        : stack(state_words), state(state_words), packed(packed_words), scratch(std::move(keys)) {}

    StateStack stack;
    std::vector<uint64_t> state;
    std::vector<uint64_t> packed;
    typename Keys::Scratch scratch;
    uint64_t transitions = 0;
    uint64_t at_rest = 0;
    std::vector<uint64_t> witnesses;  // by property
    std::vector<Find> finds;
  };

  // Of the bits that a step shows, those that its properties are about.
  uint64_t Shown(const Effects& effects) const {
    return (effects.violated & ~sometimes_) | (effects.witnessed & sometimes_);
  }
  uint32_t Tag(uint64_t depth) const { return depth & ((1u << Keys::kTagBits) - 1); }

  // Calls add(place) for each successor of the state. Returns the bits that show.
  template <class Add>
  uint64_t Expand(Worker& worker, const Place& place, Add&& add) const;
  void BreadthFirst();
  void DepthFirst();
  // Where a breadth-first search stands between two rounds.
  struct Position {
    uint64_t depth = 0;
    uint64_t begin = 0;  // states of `level` that are expanded
    Frontier level;
    Frontier next;
  };
  void Save(const Position& at);
  void Load(CheckpointReader& in, Position& at);
  std::vector<Place> InitialPlaces();
  // Returns how many chunks they were.
  size_t ExpandRound(const Frontier& frontier, size_t begin, size_t end);
  void InsertRound(Frontier& next, size_t chunks, uint64_t depth);
  // Adds up what the workers counted.
  void Gather();
  bool LimitReached(uint64_t depth, uint64_t queued);
  bool MayStop() const {
    return (options_.stop_at_violation && (found_ & never_)) ||
           (options_.stop_when_violated != 0 &&
            (options_.stop_when_violated & ~(found_ & ~sometimes_)) == 0);
  }
  // The paths to what was first found at a depth; clears the workers' finds.
  void FindPaths(uint64_t depth);
  std::vector<Find> Predecessors(const std::vector<Find>& level, uint64_t depth);
  Chain ChainTo(const std::vector<std::vector<Find>>& levels, uint64_t bit);
  void SetPath(int property, const Chain& chain);

  const M& model_;
  const Options& options_;
  const Packer& packer_;
  Keys keys_;
  CompactSet set_;
  base::Pool pool_;
  std::deque<Worker> workers_;
  std::vector<Buffers> buffers_;
  int properties_;
  uint64_t sometimes_ = 0;  // bits of the properties of this kind
  uint64_t never_ = 0;      // likewise
  uint64_t found_ = 0;      // bits that have a path
  uint64_t next_report_ = kReport;
  bool saved_ = false;
  std::chrono::steady_clock::time_point last_save_ = std::chrono::steady_clock::now();
  Result result_;
};

template <Model M, class Keys>
Search<M, Keys>::Search(const M& model, const Options& options, const Packer& packer, Keys keys)
    : model_(model),
      options_(options),
      packer_(packer),
      keys_(std::move(keys)),
      set_(keys_.shape(), Keys::kTagBits),
      pool_(options.order == Order::kDepthFirst ? 1 : std::max(options.threads, 1)),
      properties_(static_cast<int>(model.Properties().size())) {
  if constexpr (std::same_as<Keys, TreeKeys>) keys_.SetShared(pool_.size() > 1);
  const auto& properties = model.Properties();
  for (int p = 0; p < properties_; ++p) {
    const uint64_t bit = uint64_t{1} << p;
    if (properties[static_cast<size_t>(p)].kind == PropertyKind::kSometimes) sometimes_ |= bit;
    if (properties[static_cast<size_t>(p)].kind == PropertyKind::kNever) never_ |= bit;
  }
  for (int w = 0; w < pool_.size(); ++w) {
    Worker& worker = workers_.emplace_back(
        model.StateWords(), static_cast<size_t>(packer.packed_words()), keys_.NewScratch());
    worker.witnesses.resize(static_cast<size_t>(properties_));
  }
  result_.verdicts.resize(static_cast<size_t>(properties_));
  result_.state_bits = packer.packed_bits();
}

template <Model M, class Keys>
Result Search<M, Keys>::Run() {
  try {
    if (options_.order == Order::kDepthFirst) {
      DepthFirst();
    } else {
      BreadthFirst();
    }
  } catch (const std::bad_alloc&) {
    // What was found with a path to it stays found.
    result_.end = End::kMemoryLimit;
    result_.bytes = set_.bytes() + keys_.bytes();
  }
  const bool complete = result_.end == End::kExhausted;
  for (int p = 0; p < properties_; ++p) {
    const bool found = found_ >> p & 1;
    const bool sometimes = sometimes_ >> p & 1;
    Status& status = result_.verdicts[static_cast<size_t>(p)].status;
    if (found) {
      status = sometimes ? Status::kWitnessed : Status::kViolated;
    } else if (!complete) {
      status = Status::kIncomplete;
    } else {
      status = sometimes ? Status::kNotReached : Status::kHolds;
    }
  }
  return std::move(result_);
}

template <Model M, class Keys>
template <class Add>
uint64_t Search<M, Keys>::Expand(Worker& worker, const Place& place, Add&& add) const {
  if constexpr (std::same_as<Keys, TreeKeys>) {
    keys_.Unpack(place, packer_, worker.state.data(), worker.scratch);
  } else {
    keys_.Decode(place, worker.packed.data(), worker.scratch);
    packer_.Unpack(worker.packed.data(), worker.state.data());
  }
  uint64_t moves = 0;
  uint64_t bits = 0;
  const int threads = model_.ThreadCount();
  for (int t = 0; t < threads; ++t) {
    model_.ForEachSuccessor(
        worker.state.data(), t, worker.stack,
        [&](Action, const uint64_t* next, Outcome outcome, const Effects& effects) {
          ++moves;
          bits |= Shown(effects);
          for (uint64_t rest = effects.witnessed; rest != 0; rest &= rest - 1) {
            const int p = std::countr_zero(rest);
            if (p < properties_) ++worker.witnesses[static_cast<size_t>(p)];
          }
          if (outcome == Outcome::kFault) return;
          if constexpr (std::same_as<Keys, TreeKeys>) {
            keys_.Queue(packer_, next, worker.state.data(), worker.scratch);
            if (worker.scratch.queued == TreeKeys::kMostQueued) {
              keys_.TakeQueued(worker.scratch, add);
            }
          } else {
            packer_.Pack(next, worker.packed.data());
            add(keys_.Encode(worker.packed.data(), worker.scratch));
          }
        });
  }
  if constexpr (std::same_as<Keys, TreeKeys>) keys_.TakeQueued(worker.scratch, add);
  worker.transitions += moves;
  if (moves == 0) {
    ++worker.at_rest;
    bits |= model_.AtRest(worker.state.data()) & ~sometimes_;
  }
  return bits;
}

template <Model M, class Keys>
void Search<M, Keys>::Gather() {
  for (Worker& worker : workers_) {
    result_.transitions += std::exchange(worker.transitions, 0);
    result_.at_rest += std::exchange(worker.at_rest, 0);
    for (int p = 0; p < properties_; ++p) {
      const auto i = static_cast<size_t>(p);
      result_.verdicts[i].witnesses += std::exchange(worker.witnesses[i], 0);
    }
  }
  result_.states = set_.size();
}

template <Model M, class Keys>
bool Search<M, Keys>::LimitReached(uint64_t depth, uint64_t queued) {
  if (result_.states >= options_.max_states) {
    result_.end = End::kStateLimit;
    return true;
  }
  result_.bytes = set_.bytes() + keys_.bytes();
  if (result_.bytes > options_.max_bytes) {
    result_.end = End::kMemoryLimit;
    return true;
  }
  if (options_.interrupted != nullptr && options_.interrupted->load(std::memory_order_relaxed)) {
    result_.end = End::kInterrupted;
    return true;
  }
  if (options_.progress && result_.transitions >= next_report_) {
    next_report_ = result_.transitions + kReport;
    options_.progress(Progress{result_.states, result_.transitions, depth, queued, result_.bytes,
                               options_.order == Order::kBreadthFirst ? &result_.levels : nullptr});
  }
  return false;
}

template <Model M, class Keys>
std::vector<Place> Search<M, Keys>::InitialPlaces() {
  std::vector<Place> places;
  Worker& worker = workers_[0];
  for (size_t i = 0; i < InitialCount(model_); ++i) {
    packer_.Pack(InitialState(model_, i), worker.packed.data());
    places.push_back(keys_.Encode(worker.packed.data(), worker.scratch));
  }
  return places;
}

template <Model M, class Keys>
size_t Search<M, Keys>::ExpandRound(const Frontier& frontier, size_t begin, size_t end) {
  const size_t size = std::max(kLeastChunk, (end - begin + kChunks - 1) / kChunks);
  const size_t chunks = (end - begin + size - 1) / size;
  if (buffers_.size() < chunks) buffers_.resize(chunks);
  pool_.Share(chunks, [&](int w, size_t chunk) {
    Worker& worker = workers_[static_cast<size_t>(w)];
    Buffers& buffers = buffers_[chunk];
    const size_t first = begin + chunk * size;
    frontier.ForEach(first, std::min(first + size, end), [&](const Place& place) {
      const uint64_t bits = Expand(
          worker, place, [&](const Place& next) { buffers[next.shard].push_back(next.entry); });
      if (bits & ~found_) worker.finds.push_back(Find{place, bits & ~found_});
    });
  });
  return chunks;
}

template <Model M, class Keys>
void Search<M, Keys>::InsertRound(Frontier& next, size_t chunks, uint64_t depth) {
  uint64_t successors = 0;
  for (size_t chunk = 0; chunk < chunks; ++chunk) {
    for (const std::vector<Entry>& entries : buffers_[chunk]) successors += entries.size();
  }
  uint64_t room = options_.max_states - std::min(options_.max_states, result_.states);
  const auto insert = [&](uint32_t shard, uint64_t most) {
    uint64_t added = 0;
    for (size_t chunk = 0; chunk < chunks; ++chunk) {
      std::vector<Entry>& entries = buffers_[chunk][shard];
      if (entries.empty()) continue;
      const size_t fresh =
          set_.Insert(shard, entries.data(), entries.size(), Tag(depth), most - added);
      next.Append(shard, entries.data(), fresh);
      added += fresh;
      entries.clear();
    }
    return added;
  };
  if (successors > room || successors < kFew || pool_.size() == 1) {
    for (uint32_t shard = 0; shard < kShards; ++shard) room -= insert(shard, room);
  } else {
    pool_.Share(kShards, [&](int, size_t shard) { insert(static_cast<uint32_t>(shard), room); });
  }
}

template <Model M, class Keys>
void Search<M, Keys>::BreadthFirst() {
  Position at{0, 0, Frontier(keys_.shape()), Frontier(keys_.shape())};
  Frontier& level = at.level;
  Frontier& next = at.next;
  const Checkpoints* const checkpoints = options_.checkpoints;
  bool ended = false;
  if (checkpoints != nullptr && checkpoints->resume != nullptr) {
    Load(*checkpoints->resume, at);
    // It may have been at its end.
    if (MayStop()) {
      result_.end = End::kStopped;
      ended = true;
    }
  } else {
    for (const Place& place : InitialPlaces()) {
      if (set_.size() >= options_.max_states) break;
      if (set_.Insert(place, Tag(0))) level.Append(place.shard, &place.entry, 1);
    }
    result_.states = set_.size();
    result_.levels.push_back(level.Count());
  }
  size_t count = level.Count();
  ended = ended || LimitReached(at.depth, count);
  while (!ended) {
    while (at.begin < count && !ended) {
      const size_t round = std::max<size_t>(kLeastRound, result_.states / kRoundPart);
      const size_t end = std::min<size_t>(at.begin + round, count);
      InsertRound(next, ExpandRound(level, at.begin, end), at.depth + 1);
      Gather();
      at.begin = end;
      ended = LimitReached(at.depth, count - at.begin + next.Count());
      if (checkpoints == nullptr) continue;
      const std::chrono::duration<double> since = std::chrono::steady_clock::now() - last_save_;
      const bool leaves = result_.end == End::kInterrupted || result_.end == End::kMemoryLimit;
      if (ended ? leaves : since.count() >= checkpoints->every_s) Save(at);
    }
    level.Clear();
    std::swap(level, next);
    count = level.Count();
    at.begin = 0;
    if (count > 0) result_.levels.push_back(count);
    FindPaths(at.depth);
    if (!ended && MayStop()) {
      result_.end = End::kStopped;
      break;
    }
    if (count == 0) break;
    if (!ended) ++at.depth;
  }
  result_.depth = at.depth;
  result_.bytes = set_.bytes() + keys_.bytes();
  // What follows this search need not wait for it again.
  if (saved_ && (result_.end == End::kExhausted || result_.end == End::kStopped)) Save(at);
}

template <Model M, class Keys>
void Search<M, Keys>::Save(const Position& at) {
  CheckpointWriter out(options_.checkpoints->file, options_.checkpoints->identity);
  out.Put(at.depth);
  out.Put(at.begin);
  out.Put(found_);
  out.Put(next_report_);
  out.Put(result_.states);
  out.Put(result_.transitions);
  out.Put(result_.at_rest);
  out.PutAll(result_.levels);
  for (const Verdict& verdict : result_.verdicts) {
    out.Put(verdict.witnesses);
    out.Put(verdict.path.initial);
    out.PutAll(verdict.path.actions);
  }
  std::vector<Find> finds;
  for (const Worker& worker : workers_) {
    finds.insert(finds.end(), worker.finds.begin(), worker.finds.end());
  }
  out.PutAll(finds);
  set_.Save(out);
  keys_.Save(out);
  at.level.Save(out);
  at.next.Save(out);
  const absl::Status status = out.Finish();
  if (!status.ok() && options_.checkpoints->failed) options_.checkpoints->failed(status);
  saved_ = true;
  last_save_ = std::chrono::steady_clock::now();
}

template <Model M, class Keys>
void Search<M, Keys>::Load(CheckpointReader& in, Position& at) {
  at.depth = in.Get<uint64_t>();
  at.begin = in.Get<uint64_t>();
  found_ = in.Get<uint64_t>();
  next_report_ = in.Get<uint64_t>();
  result_.states = in.Get<uint64_t>();
  result_.transitions = in.Get<uint64_t>();
  result_.at_rest = in.Get<uint64_t>();
  result_.levels = in.GetAll<uint64_t>();
  for (Verdict& verdict : result_.verdicts) {
    verdict.witnesses = in.Get<uint64_t>();
    verdict.path.initial = in.Get<uint32_t>();
    verdict.path.actions = in.GetAll<Action>();
  }
  workers_[0].finds = in.GetAll<Find>();
  set_.Load(in);
  keys_.Load(in);
  at.level.Load(in);
  at.next.Load(in);
  saved_ = true;
}

// Every state knows its depth modulo a power of two, and the depths of a state and of its
// predecessor on a shortest path differ by one. So the states of each depth above the finds that
// lead there are found by expanding again those with the right tag: few, as most finds are at
// small depths and nothing is deeper yet. A state of another depth with the same tag does no harm:
// its shortest distance is larger, so no initial state is as many steps away as there are levels.
template <Model M, class Keys>
void Search<M, Keys>::FindPaths(uint64_t depth) {
  std::vector<Find> finds;
  for (Worker& worker : workers_) {
    finds.insert(finds.end(), worker.finds.begin(), worker.finds.end());
    worker.finds.clear();
  }
  if (finds.empty()) return;
  std::sort(finds.begin(), finds.end());
  uint64_t fresh = 0;
  for (const Find& find : finds) fresh |= find.bits;
  std::vector<std::vector<Find>> levels(depth + 1);
  levels[depth] = std::move(finds);
  for (uint64_t d = depth; d > 0; --d) levels[d - 1] = Predecessors(levels[d], d - 1);
  found_ |= fresh;
  for (uint64_t rest = fresh; rest != 0; rest &= rest - 1) {
    SetPath(std::countr_zero(rest), ChainTo(levels, rest & -rest));
  }
}

template <Model M, class Keys>
std::vector<typename Search<M, Keys>::Find> Search<M, Keys>::Predecessors(
    const std::vector<Find>& level, uint64_t depth) {
  // Most states are in no level that is asked for; a bit for each value of some bits says so.
  constexpr int kFilterBits = 16;
  std::vector<bool> filter(size_t{1} << kFilterBits);
  for (const Find& find : level) filter[find.place.entry.high >> (64 - kFilterBits)] = true;
  std::array<std::vector<Find>, kShards> found;
  pool_.Share(kShards, [&](int w, size_t index) {
    Worker& worker = workers_[static_cast<size_t>(w)];
    const auto shard = static_cast<uint32_t>(index);
    set_.ForEach(shard, [&](const Entry& entry, uint32_t tag) {
      if (tag != Tag(depth)) return;
      uint64_t bits = 0;
      const Place place{shard, entry};
      Expand(worker, place, [&](const Place& next) {
        if (!filter[next.entry.high >> (64 - kFilterBits)]) return;
        const auto at = std::lower_bound(level.begin(), level.end(), Find{next, 0});
        if (at != level.end() && at->place == next) bits |= at->bits;
      });
      if (bits != 0) found[shard].push_back(Find{place, bits});
    });
  });
  std::vector<Find> all;
  for (std::vector<Find>& finds : found) all.insert(all.end(), finds.begin(), finds.end());
  std::sort(all.begin(), all.end());
  // These expansions are not part of the search.
  for (Worker& worker : workers_) {
    worker.transitions = 0;
    worker.at_rest = 0;
    std::fill(worker.witnesses.begin(), worker.witnesses.end(), 0);
  }
  return all;
}

// The least of the shortest runs to a state of the last level with this bit.
template <Model M, class Keys>
Chain Search<M, Keys>::ChainTo(const std::vector<std::vector<Find>>& levels, uint64_t bit) {
  const auto leads = [&](size_t depth, const Place& place) {
    const std::vector<Find>& level = levels[depth];
    const auto at = std::lower_bound(level.begin(), level.end(), Find{place, 0});
    return at != level.end() && at->place == place && (at->bits & bit) != 0;
  };
  Worker& worker = workers_[0];
  Chain chain(packer_.packed_words());
  std::vector<uint64_t> packed(worker.packed.size());
  const auto append = [&](const Place& place) {
    keys_.Decode(place, packed.data(), worker.scratch);
    chain.Append(packed.data());
  };
  const std::vector<Place> initial = InitialPlaces();
  const auto first = std::find_if(initial.begin(), initial.end(),
                                  [&](const Place& place) { return leads(0, place); });
  KNOT_CHECK(first != initial.end());
  Place place = *first;
  append(place);
  for (size_t depth = 1; depth < levels.size(); ++depth) {
    bool found = false;
    Place next;
    Expand(worker, place, [&](const Place& successor) {
      if (found || !leads(depth, successor)) return;
      found = true;
      next = successor;
    });
    KNOT_CHECK(found);
    place = next;
    append(place);
  }
  worker.transitions = 0;
  worker.at_rest = 0;
  std::fill(worker.witnesses.begin(), worker.witnesses.end(), 0);
  return chain;
}

template <Model M, class Keys>
void Search<M, Keys>::SetPath(int property, const Chain& chain) {
  const uint64_t bit = uint64_t{1} << property;
  result_.verdicts[static_cast<size_t>(property)].path =
      PathAlong(model_, packer_, chain, bit & ~sometimes_, bit & sometimes_);
}

template <Model M, class Keys>
void Search<M, Keys>::DepthFirst() {
  struct Waiting {
    Place place;
    uint64_t depth;
  };
  std::vector<Waiting> stack;
  std::vector<Place> ancestors;  // of the state at hand, and itself
  std::vector<Place> successors;
  uint64_t states = 0;
  uint64_t expanded = 0;
  Worker& worker = workers_[0];
  const auto push = [&](const Place& place, uint64_t depth) {
    if (states >= options_.max_states || !set_.Insert(place, 0)) return;
    ++states;
    stack.push_back(Waiting{place, depth});
  };
  for (const Place& place : InitialPlaces()) push(place, 0);
  result_.states = states;
  bool ended = LimitReached(0, states);
  while (!ended && !stack.empty()) {
    const Waiting at = stack.back();
    stack.pop_back();
    // A state comes right after the successors, and all that follow them, of its elder siblings.
    ancestors.resize(at.depth);
    ancestors.push_back(at.place);
    successors.clear();
    const uint64_t bits =
        Expand(worker, at.place, [&](const Place& next) { successors.push_back(next); });
    for (const Place& next : successors) push(next, at.depth + 1);
    if (const uint64_t fresh = bits & ~found_; fresh != 0) {
      found_ |= fresh;
      Chain chain(packer_.packed_words());
      std::vector<uint64_t> packed(worker.packed.size());
      for (const Place& place : ancestors) {
        keys_.Decode(place, packed.data(), worker.scratch);
        chain.Append(packed.data());
      }
      for (uint64_t rest = fresh; rest != 0; rest &= rest - 1) {
        SetPath(std::countr_zero(rest), chain);
      }
      if (MayStop()) {
        result_.end = End::kStopped;
        break;
      }
    }
    if (++expanded % kLeastRound == 0 || states >= options_.max_states) {
      Gather();
      ended = LimitReached(0, stack.size());
    }
  }
  Gather();
  result_.bytes = set_.bytes() + keys_.bytes();
}

}  // namespace knotcheck::checker
