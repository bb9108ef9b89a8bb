// SPDX-License-Identifier: Apache-2.0
//
// Bit-packing of states by the model's masks: the bits that carry information are gathered with
// parallel bit extract, so that a state costs the visited set its real content and no more.

#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <vector>

#include "checker/model.h"

namespace knotcheck::checker {

// Packs states of words.size() 8-byte words into packed_words() 8-byte words and back. Exact: a
// set bit outside the masks ends the program with an internal error that names the byte.
class Packer {
 public:
  // Both methods give the same words. kFastest is BMI2 where the processor has it; kPortable is
  // what remains elsewhere, by name so that tests reach it everywhere.
  enum class Method : uint8_t { kFastest, kPortable };

  // `part_words`: each of masks.parts begins at a multiple of so many packed words; 0: one follows
  // the other without a gap.
  explicit Packer(const PackMasks& masks, Method method = Method::kFastest, int part_words = 0);

  int state_words() const { return state_words_; }
  int packed_words() const { return packed_words_; }
  // Without gaps.
  int packed_bits() const { return packed_bits_; }

  // `state` has state_words() words, `packed` packed_words().
  void Pack(const uint64_t* state, uint64_t* packed) const {
    uint64_t excess = 0;
    for (size_t word = 0; word < dead_bits_.size(); ++word)
      excess |= state[word] & dead_bits_[word];
    if (excess != 0) [[unlikely]]
      Overflow(state);
    const Piece* piece = pieces_.data();
    for (int word = 0; word < packed_words_; ++word) {
      uint64_t bits = 0;
      for (const Piece* const end = pieces_.data() + ends_[static_cast<size_t>(word)]; piece != end;
           ++piece) {
        bits |= Extract(state[piece->word], piece->mask) << piece->shift;
      }
      packed[word] = bits;
    }
  }
  // Calls changed(i, words) for each run of part_words packed words, the i-th from
  // i * part_words on, that may not be as those of `other`, a state that was packed before. The
  // last run is filled up with zeros.
  template <size_t kPartWords, class Fn>
  void PackChanged(const uint64_t* state, const uint64_t* other, Fn&& changed) const {
    for (size_t i = 0; i < runs_.size(); ++i) {
      const Run& run = runs_[i];
      const size_t words = run.end - run.begin;
      if (std::memcmp(state + run.begin, other + run.begin, words * 8) == 0) continue;
      uint64_t excess = 0;
      for (uint32_t word = run.begin; word < run.end; ++word) {
        excess |= state[word] & dead_bits_[word];
      }
      if (excess != 0) [[unlikely]]
        Overflow(state);
      std::array<uint64_t, kPartWords> packed{};
      const size_t first = i * kPartWords;
      const size_t count = std::min(kPartWords, static_cast<size_t>(packed_words_) - first);
      const Piece* piece = pieces_.data() + (first == 0 ? 0 : ends_[first - 1]);
      for (size_t word = 0; word < count; ++word) {
        uint64_t bits = 0;
        for (const Piece* const end = pieces_.data() + ends_[first + word]; piece != end; ++piece) {
          bits |= Extract(state[piece->word], piece->mask) << piece->shift;
        }
        packed[word] = bits;
      }
      changed(static_cast<uint32_t>(i), packed);
    }
  }
  // Into a state that was unpacked, or is all zero, the i-th run of kPartWords packed words.
  template <size_t kPartWords>
  void UnpackRun(size_t i, const std::array<uint64_t, kPartWords>& packed, uint64_t* state) const {
    const size_t first = i * kPartWords;
    const size_t count = std::min(kPartWords, static_cast<size_t>(packed_words_) - first);
    const Piece* piece = pieces_.data() + (first == 0 ? 0 : ends_[first - 1]);
    for (size_t word = 0; word < count; ++word) {
      for (const Piece* const end = pieces_.data() + ends_[first + word]; piece != end; ++piece) {
        uint64_t& of = state[piece->word];
        of = (of & ~piece->mask) | Deposit(packed[word] >> piece->shift, piece->mask);
      }
    }
  }
  void Unpack(const uint64_t* packed, uint64_t* state) const {
    for (int word = 0; word < state_words_; ++word) state[word] = 0;
    const Piece* piece = pieces_.data();
    for (int word = 0; word < packed_words_; ++word) {
      for (const Piece* const end = pieces_.data() + ends_[static_cast<size_t>(word)]; piece != end;
           ++piece) {
        state[piece->word] |= Deposit(packed[word] >> piece->shift, piece->mask);
      }
    }
  }

 private:
  // Bits of one word of the state that stand in one packed word, from `shift` on.
  struct Piece {
    uint64_t mask;
    uint32_t word;
    uint32_t shift;
  };

  // Words of the state from which a run of part_words packed words comes; those that nothing is
  // packed of belong to the run before.
  struct Run {
    uint32_t begin;
    uint32_t end;
  };

  // By name in assembly: a function that is compiled for another processor than its caller is never
  // inlined into it, and a call for every word, or every state, costs more than the packing.
  uint64_t Extract(uint64_t value, uint64_t mask) const {
#if defined(__x86_64__)
    if (bmi2_) [[likely]] {
      uint64_t result;
      __asm__("pext %2, %1, %0" : "=r"(result) : "r"(value), "r"(mask));
      return result;
    }
#endif
    return ExtractSlowly(value, mask);
  }
  uint64_t Deposit(uint64_t value, uint64_t mask) const {
#if defined(__x86_64__)
    if (bmi2_) [[likely]] {
      uint64_t result;
      __asm__("pdep %2, %1, %0" : "=r"(result) : "r"(value), "r"(mask));
      return result;
    }
#endif
    return DepositSlowly(value, mask);
  }
  static uint64_t ExtractSlowly(uint64_t value, uint64_t mask);
  static uint64_t DepositSlowly(uint64_t value, uint64_t mask);
  [[noreturn]] void Overflow(const uint64_t* state) const;

  int state_words_;
  int packed_words_;
  int packed_bits_ = 0;
  bool bmi2_ = false;
  std::vector<Piece> pieces_;        // by packed word
  std::vector<size_t> ends_;         // of each packed word's pieces
  std::vector<Run> runs_;            // none without part_words
  std::vector<uint64_t> dead_bits_;  // of each word of the state: those that must be zero
};

}  // namespace knotcheck::checker
