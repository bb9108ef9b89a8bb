// SPDX-License-Identifier: Apache-2.0
//
// Which kernel a run models: toggles over the transcribed code, all off for 6.12.117 as it is.

#pragma once

#include <atomic>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace knotcheck::model {

// Mutations and variants, then from kFirstFix on the fixes: a word of bits each.
inline constexpr int kFirstFix = 64;
enum class Toggle : uint8_t {
#define KNOT_VARIANT(name, first, last, fixed, what) k_##name,
#define KNOT_MUTATION(name, what) k_##name,
#define KNOT_FIX(name, proposal, what) k_fix_##name,
#include "model/mutations.def"
#include "model/variants.def"
  kVariantsEnd,
  kBeforeFixes = kFirstFix - 1,
#include "model/fixes.def"
#undef KNOT_VARIANT
#undef KNOT_MUTATION
#undef KNOT_FIX
  kCount,
};
static_assert(static_cast<int>(Toggle::kVariantsEnd) < kFirstFix);
static_assert(static_cast<int>(Toggle::kCount) <= kFirstFix + 64);

struct Toggles {
  uint64_t bits = 0;   // mutations and variants
  uint64_t fixes = 0;  // bit i: toggle kFirstFix + i
  // When set, collects the bits of the fixes that Has() was asked for: what follows is the same for
  // all sets of fixes that agree on those.
  std::atomic<uint64_t>* asked = nullptr;
  bool Has(Toggle toggle) const {
    const int number = static_cast<int>(toggle);
    if (number < kFirstFix) return bits >> number & 1;
    const uint64_t bit = uint64_t{1} << (number - kFirstFix);
    if (asked != nullptr) [[unlikely]]
      asked->fetch_or(bit, std::memory_order_relaxed);
    return (fixes & bit) != 0;
  }
  void Set(Toggle toggle) { Flip(toggle, true); }
  void Clear(Toggle toggle) { Flip(toggle, false); }
  // The same mutations, variants and fixes.
  bool Same(const Toggles& other) const { return bits == other.bits && fixes == other.fixes; }

 private:
  void Flip(Toggle toggle, bool on) {
    const int number = static_cast<int>(toggle);
    uint64_t& word = number < kFirstFix ? bits : fixes;
    const uint64_t bit = uint64_t{1} << (number % kFirstFix);
    word = on ? word | bit : word & ~bit;
  }
};

// Of a fix: its bit in Toggles::fixes. Of another toggle: 0.
inline constexpr uint64_t FixBit(Toggle toggle) {
  const int number = static_cast<int>(toggle) - kFirstFix;
  return number < 0 ? 0 : uint64_t{1} << number;
}

// A release, by the names of the kernel's Makefile: 5.10 is {5, 10, 0}.
struct KernelRelease {
  int version = 0, patchlevel = 0, sublevel = 0;
  // NOLINTNEXTLINE(modernize-use-nullptr): it takes the 0 of a comparison for a pointer.
  friend auto operator<=>(const KernelRelease&, const KernelRelease&) = default;
};

struct ToggleInfo {
  Toggle toggle;
  std::string name;
  std::string what;
  bool mutation = false;      // for tests of the properties; no kernel ever did this
  std::string proposal = {};  // of a fix: whose code it changes; else empty
  // Of a variant: the first release, the last series, and where stable releases mended it.
  KernelRelease first = {};
  KernelRelease last = {};
  std::vector<KernelRelease> fixed = {};

  bool fix() const { return !proposal.empty(); }
  // Whether a release has this variant.
  bool In(const KernelRelease& release) const;
  // The releases that have it: "5.9 to 5.12, mended in 5.10.42, 5.12.9".
  std::string Releases() const;
};

// All toggles, in the order of the .def files.
const std::vector<ToggleInfo>& AllToggles();

// The releases whose notifier was read: the first one that has it, and the newest.
inline constexpr KernelRelease kOldestKernel = {5, 0, 0};
inline constexpr KernelRelease kNewestKernel = {6, 18, 44};

// "5.10" or "6.12.117".
std::string ToString(const KernelRelease& release);
// The same, read; nothing: this is no number of a release.
std::optional<KernelRelease> ParseRelease(const std::string& text);
// The variants that a release has; nothing: there is no such release, or it was not read.
std::optional<Toggles> VariantsOf(const KernelRelease& release);

}  // namespace knotcheck::model
