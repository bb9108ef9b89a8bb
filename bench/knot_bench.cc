// SPDX-License-Identifier: Apache-2.0
//
// The parts of a search that cost time, each alone, and one whole search.

#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstdint>
#include <type_traits>
#include <vector>

#include "base/check.h"
#include "base/hash.h"
#include "checker/compact_set.h"
#include "checker/explore.h"
#include "checker/key.h"
#include "checker/pack.h"
#include "checker/testing/family.h"
#include "checker/testing/random_model.h"
#include "checker/tree.h"
#include "lang/parse.h"
#include "model/proposal.h"
#include "verify/check.h"

namespace knotcheck::checker {
namespace {

using Words = std::vector<uint64_t>;

// `count` packed states of `words` words that differ in few bits, as those of a model do.
Words PackedStates(int64_t count, int words) {
  Words states(static_cast<size_t>(count * words));
  testing::Random random(1);
  for (int64_t i = 0; i < count; ++i) {
    uint64_t* state = &states[static_cast<size_t>(i * words)];
    state[0] = static_cast<uint64_t>(i);
    for (int w = 1; w < words; ++w) state[w] = random.Next() & 0x0f0f;
  }
  return states;
}

// Inserts batches into the set, as a search does. Returns how many states were new.
constexpr size_t kBatch = 1 << 14;
template <class Keys>
uint64_t InsertAll(const Keys& keys, CompactSet& set, const Words& states, int words) {
  auto scratch = keys.NewScratch();
  std::vector<std::vector<Entry>> entries(kShards);
  uint64_t fresh = 0;
  const size_t count = states.size() / static_cast<size_t>(words);
  for (size_t begin = 0; begin < count; begin += kBatch) {
    for (size_t i = begin; i < std::min(begin + kBatch, count); ++i) {
      const Place place = keys.Encode(&states[i * static_cast<size_t>(words)], scratch);
      entries[place.shard].push_back(place.entry);
    }
    for (uint32_t shard = 0; shard < kShards; ++shard) {
      std::vector<Entry>& list = entries[shard];
      fresh += set.Insert(shard, list.data(), list.size(), 0, list.size());
      list.clear();
    }
  }
  return fresh;
}

// Inserts new states into an empty set, which grows as it must, and then the same states again,
// as most successors are there already. Args: states.
template <class Keys, int kWords>
void BM_Insert(benchmark::State& bench) {
  const int64_t count = bench.range(0);
  const Words states = PackedStates(count, kWords);
  uint64_t bytes = 0;
  for (auto _ : bench) {
    const Keys keys(std::is_same_v<Keys, DirectKeys> ? kWords * 64 : kWords);
    CompactSet set(keys.shape(), Keys::kTagBits);
    KNOT_CHECK(InsertAll(keys, set, states, kWords) == static_cast<uint64_t>(count));
    for (int again = 0; again < 3; ++again) KNOT_CHECK(InsertAll(keys, set, states, kWords) == 0);
    bytes = set.bytes() + keys.bytes();
  }
  bench.SetItemsProcessed(bench.iterations() * count * 4);
  bench.counters["bytes/state"] = static_cast<double>(bytes) / static_cast<double>(count);
}
BENCHMARK(BM_Insert<DirectKeys, 1>)->Arg(1 << 16)->Arg(1 << 20)->Unit(benchmark::kMillisecond);
BENCHMARK(BM_Insert<DirectKeys, 2>)->Arg(1 << 16)->Arg(1 << 20)->Unit(benchmark::kMillisecond);
BENCHMARK(BM_Insert<TreeKeys, 8>)->Arg(1 << 16)->Arg(1 << 20)->Unit(benchmark::kMillisecond);

// States of `words` words with a third of the bits in use. Args: words, 1 for the portable method.
struct Packing {
  explicit Packing(const benchmark::State& bench)
      : masks{Words(static_cast<size_t>(bench.range(0)))} {
    testing::Random random(1);
    for (uint64_t& mask : masks.words) mask = random.Next() & (random.Next() | random.Next());
    state = masks.words;
    for (uint64_t& word : state) word &= random.Next();
  }
  PackMasks masks;
  Words state;
};

Packer::Method MethodOf(const benchmark::State& bench) {
  return bench.range(1) == 0 ? Packer::Method::kFastest : Packer::Method::kPortable;
}

void BM_Pack(benchmark::State& bench) {
  Packing packing(bench);
  const Packer packer(packing.masks, MethodOf(bench));
  Words packed(static_cast<size_t>(packer.packed_words()));
  for (auto _ : bench) {
    benchmark::DoNotOptimize(packing.state.data());
    packer.Pack(packing.state.data(), packed.data());
    benchmark::ClobberMemory();
  }
  bench.SetItemsProcessed(bench.iterations());
}
BENCHMARK(BM_Pack)->ArgsProduct({{8, 64}, {0, 1}})->ArgNames({"words", "portable"});

void BM_Unpack(benchmark::State& bench) {
  Packing packing(bench);
  const Packer packer(packing.masks, MethodOf(bench));
  Words packed(static_cast<size_t>(packer.packed_words()));
  packer.Pack(packing.state.data(), packed.data());
  for (auto _ : bench) {
    benchmark::DoNotOptimize(packed.data());
    packer.Unpack(packed.data(), packing.state.data());
    benchmark::ClobberMemory();
  }
  bench.SetItemsProcessed(bench.iterations());
}
BENCHMARK(BM_Unpack)->ArgsProduct({{8, 64}, {0, 1}})->ArgNames({"words", "portable"});

void BM_Hash(benchmark::State& bench) {
  const int words = static_cast<int>(bench.range(0));
  const Words state = PackedStates(1, words);
  for (auto _ : bench) {
    benchmark::DoNotOptimize(state.data());
    benchmark::ClobberMemory();
    benchmark::DoNotOptimize(base::HashWords(state.data(), words));
  }
  bench.SetItemsProcessed(bench.iterations());
}
BENCHMARK(BM_Hash)->Arg(1)->Arg(2)->Arg(8);

void CountSearch(benchmark::State& bench, const Result& result) {
  const double states = static_cast<double>(result.states);
  const double transitions = static_cast<double>(result.transitions);
  constexpr auto kRate = benchmark::Counter::kIsIterationInvariantRate;
  bench.counters["states"] = states;
  bench.counters["transitions"] = transitions;
  bench.counters["states/s"] = benchmark::Counter(states, kRate);
  bench.counters["transitions/s"] = benchmark::Counter(transitions, kRate);
  bench.counters["bytes/state"] = static_cast<double>(result.bytes) / states;
}

// Member F1 of the family: 738,052 states.
testing::Family F1() {
  testing::FamilyParameters parameters;
  parameters.N = 2;
  parameters.K = 2;
  parameters.S = 2;
  parameters.SIG = 1;
  parameters.FIX = 1;
  return testing::Family(parameters);
}

void BM_ExploreFamilyF1(benchmark::State& bench) {
  const testing::Family family = F1();
  Options options;
  options.order = bench.range(0) == 0 ? Order::kBreadthFirst : Order::kDepthFirst;
  Result result;
  for (auto _ : bench) {
    result = Explore(family, options);
    // A fast wrong search is worth nothing.
    KNOT_CHECK(result.states == 738'052 && result.transitions + 1 == 2'527'903);
  }
  CountSearch(bench, result);
}
BENCHMARK(BM_ExploreFamilyF1)
    ->Arg(0)
    ->Arg(1)
    ->ArgName("depth_first")
    ->Unit(benchmark::kMillisecond);

void BM_WalkFamilyF1(benchmark::State& bench) {
  const testing::Family family = F1();
  WalkOptions options;
  uint64_t steps = 0;
  for (auto _ : bench) steps += Walk(family, options).steps;
  bench.SetItemsProcessed(static_cast<int64_t>(steps));
}
BENCHMARK(BM_WalkFamilyF1)->Unit(benchmark::kMillisecond);

// The kernel model, whose steps cost more than the family's: two supervisor threads under
// the first proposal that protects arguments.
constexpr char kScenario[] = R"(# name: bench
# question: q
# source: s
# result: baseline=?
memory path = "/ok" | "/evil"
target T { openat(AT_FDCWD, path, O_RDONLY) }
peer P shares memory with T
supervisor S[2] { policy: allow openat if path == "/ok", else EACCES }
never toctou
)";

void BM_CheckKernelModel(benchmark::State& bench) {
  const auto scenario = lang::Parse(kScenario, "bench");
  const auto& all = model::AllProposals();
  const auto found = std::find_if(
      all.begin(), all.end(), [](const model::Proposal* one) { return one->protection.verb >= 0; });
  const model::Proposal* proposal = found == all.end() ? nullptr : *found;
  if (!scenario.ok() || proposal == nullptr) {
    bench.SkipWithError(scenario.ok() ? "no such proposal" : scenario.status().ToString().c_str());
    return;
  }
  Result result;
  for (auto _ : bench) {
    const auto answer = verify::Check(*scenario, *proposal, {});
    if (!answer.ok()) {
      bench.SkipWithError(answer.status().ToString().c_str());
      return;
    }
    result = answer->result;
  }
  CountSearch(bench, result);
}
BENCHMARK(BM_CheckKernelModel)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace knotcheck::checker
