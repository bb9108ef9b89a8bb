// SPDX-License-Identifier: Apache-2.0
//
// From the states of a run to its actions: the visited set keeps states, not actions.

#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <vector>

#include "base/check.h"
#include "checker/model.h"
#include "checker/pack.h"
#include "checker/path.h"

namespace knotcheck::checker {

// Packed states c0 .. cd: c0 is initial, and each other one a successor of the one before.
struct Chain {
  explicit Chain(int packed_words) : words(static_cast<size_t>(packed_words)) {}

  size_t size() const { return packed.size() / words; }
  const uint64_t* State(size_t i) const { return &packed[i * words]; }
  bool Same(size_t i, const uint64_t* other) const {
    return std::memcmp(State(i), other, words * 8) == 0;
  }
  void Append(const uint64_t* state) { packed.insert(packed.end(), state, state + words); }

  size_t words;  // 8-byte words of a packed state
  std::vector<uint64_t> packed;
};

// A model whose successors are not plain steps (one that merges steps, or permutes states) finds
// the path along a chain of its states itself.
template <class M>
concept FindsPaths = requires(const M& model, const Packer& packer, const Chain& chain) {
  { model.PathAlong(packer, chain, uint64_t{}, uint64_t{}) } -> std::same_as<Path>;
};

// The least path through the states of `chain` whose end shows one of the bits: by a step out of
// the last state, or, if nothing is enabled there, at rest in it. At most one of the masks of bits
// is not 0; if both are, the path ends in the last state. There must be such a path.
template <Model M>
Path PathAlong(const M& model, const Packer& packer, const Chain& chain, uint64_t violated_bit,
               uint64_t witnessed_bit) {
  if constexpr (FindsPaths<M>) {
    return model.PathAlong(packer, chain, violated_bit, witnessed_bit);
  } else {
    Path path;
    std::vector<uint64_t> packed(chain.words);
    for (; path.initial < InitialCount(model); ++path.initial) {
      packer.Pack(InitialState(model, path.initial), packed.data());
      if (chain.Same(0, packed.data())) break;
    }
    StateStack scratch(model.StateWords());
    const StateBuffer state(scratch);
    for (size_t i = 0; i < chain.size(); ++i) {
      const bool last = i + 1 == chain.size();
      if (last && (violated_bit | witnessed_bit) == 0) break;
      packer.Unpack(chain.State(i), state.words());
      std::optional<Action> found;
      bool moved = false;
      for (int t = 0; t < model.ThreadCount() && !found; ++t) {
        model.ForEachSuccessor(
            state.words(), t, scratch,
            [&](Action action, const uint64_t* next, Outcome outcome, const Effects& effects) {
              moved = true;
              if (found) return;
              if (last) {
                if ((effects.violated & violated_bit) | (effects.witnessed & witnessed_bit)) {
                  found = action;
                }
              } else if (outcome != Outcome::kFault) {
                packer.Pack(next, packed.data());
                if (chain.Same(i + 1, packed.data())) found = action;
              }
            });
      }
      if (last && !moved) break;
      KNOT_CHECK(found.has_value());
      path.actions.push_back(*found);
    }
    return path;
  }
}

}  // namespace knotcheck::checker
