// SPDX-License-Identifier: Apache-2.0
//
// Which kernel a run models: toggles over the transcribed code, all off for 6.12.117 as it is.

#pragma once

#include <array>
#include <atomic>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace knotcheck::model {

struct Proposal;

// The kernel's own, a number a line of variants.def, mutations.def and fixes.def of model/kernel/.
// Complete in model/kernel/toggles.h: a new line compiles anew what names one, and nothing else.
enum class Variant : uint8_t;
enum class Mutation : uint8_t;
enum class Fix : uint8_t;

inline constexpr size_t kMaxProposals = 15;
inline constexpr size_t kMaxRevisions = 15;
// Of the bits of a set of fixes the first are the kernel's, the others the proposal's.
inline constexpr int kFirstOwnFix = 16;
inline constexpr int kMaxOwnFixes = 64 - kFirstOwnFix;
inline constexpr int kMaxOwnMutations = 64;

// One difference to the code as it is. Each has a bit of a word: the kernel's variants, mutations
// and fixes, then the mutations and the fixes of each proposal in the order of AllProposals().
// Between them is a word for the revisions.
struct Toggle {
  static constexpr size_t kVariants = 0, kMutations = 1, kFixes = 2, kRevisions = 3, kOwn = 4;
  static constexpr size_t kWords = kOwn + 2 * kMaxProposals;

  constexpr Toggle(size_t in_word, int number)
      : word(static_cast<uint8_t>(in_word)), bit(static_cast<uint8_t>(number)) {}
  // NOLINTBEGIN(google-explicit-constructor): a toggle by its name.
  constexpr Toggle(Variant variant) : Toggle(kVariants, static_cast<int>(variant)) {}
  constexpr Toggle(Mutation mutation) : Toggle(kMutations, static_cast<int>(mutation)) {}
  constexpr Toggle(Fix fix) : Toggle(kFixes, static_cast<int>(fix)) {}
  // NOLINTEND(google-explicit-constructor)
  friend auto operator<=>(const Toggle&, const Toggle&) = default;

  uint8_t word;
  uint8_t bit;
};

// A set of toggles.
class Toggles {
 public:
  bool Has(Toggle toggle) const { return (words_[toggle.word] >> toggle.bit & 1) != 0; }
  void Set(Toggle toggle) { words_[toggle.word] |= uint64_t{1} << toggle.bit; }
  void Clear(Toggle toggle) { words_[toggle.word] &= ~(uint64_t{1} << toggle.bit); }
  Toggles& operator|=(const Toggles& other) {
    for (size_t i = 0; i < words_.size(); ++i) words_[i] |= other.words_[i];
    return *this;
  }
  friend bool operator==(const Toggles& a, const Toggles& b) { return a.words_ == b.words_; }
  uint64_t word(size_t number) const { return words_[number]; }

  // Another revision of a proposal, which must be one, than its last; by Proposal::revisions.
  void SetRevision(const std::string& proposal, size_t revision);
  std::optional<size_t> Revision(const std::string& proposal) const;

  // When set, collects the FixBit()s that a kernel asks for: what follows is the same for all sets
  // of fixes that agree on those. No part of the set.
  std::atomic<uint64_t>* asked = nullptr;

 private:
  std::array<uint64_t, Toggle::kWords> words_ = {};
};

// Of a fix: its bit among those of the kernel and of the proposal that has it. Of another toggle:
// 0.
inline constexpr uint64_t FixBit(Toggle toggle) {
  if (toggle.word == Toggle::kFixes) return uint64_t{1} << toggle.bit;
  const bool fix = toggle.word > Toggle::kOwn && (toggle.word - Toggle::kOwn) % 2 == 1;
  return fix ? uint64_t{1} << (kFirstOwnFix + toggle.bit) : 0;
}

// What of a set of toggles concerns a kernel with one proposal.
struct Config {
  uint64_t variants = 0;
  uint64_t mutations = 0;
  uint64_t own_mutations = 0;
  uint64_t fixes = 0;                      // FixBit()s
  size_t revision = 0;                     // of the proposal, by Proposal::revisions
  std::atomic<uint64_t>* asked = nullptr;  // as above

  bool HasFix(uint64_t bit) const {
    if (asked != nullptr) [[unlikely]]
      asked->fetch_or(bit, std::memory_order_relaxed);
    return (fixes & bit) != 0;
  }
  // By the numbers of the lines of the proposal's fixes.def and mutations.def.
  bool HasOwnFix(int number) const { return HasFix(uint64_t{1} << (kFirstOwnFix + number)); }
  bool HasOwnMutation(int number) const { return (own_mutations >> number & 1) != 0; }
};
Config ConfigFor(const Proposal& proposal, const Toggles& toggles);

// A release, by the names of the kernel's Makefile: 5.10 is {5, 10, 0}.
struct KernelRelease {
  int version = 0, patchlevel = 0, sublevel = 0;
  // NOLINTNEXTLINE(modernize-use-nullptr): it takes the 0 of a comparison for a pointer.
  friend auto operator<=>(const KernelRelease&, const KernelRelease&) = default;
};

struct ToggleInfo {
  enum class Kind : uint8_t { kVariant, kMutation, kFix };
  Toggle toggle;
  Kind kind;
  // As users say it; no two have one name.
  std::string name;
  std::string what;
  // Whose code it changes: "baseline" is the kernel's own.
  std::string proposal;
  // Of a variant: the first release, the last series, and where stable releases mended it.
  KernelRelease first = {};
  KernelRelease last = {};
  std::vector<KernelRelease> fixed = {};

  bool variant() const { return kind == Kind::kVariant; }
  // For tests of the properties; no kernel ever did this.
  bool mutation() const { return kind == Kind::kMutation; }
  bool fix() const { return kind == Kind::kFix; }
  // Whether a release has this variant.
  bool In(const KernelRelease& release) const;
  // The releases that have it: "5.9 to 5.12, mended in 5.10.42, 5.12.9".
  std::string Releases() const;
};

// All toggles: mutations, variants, fixes, each in the order of the .def files, the kernel's first.
// Not before main(), since proposals have some.
const std::vector<ToggleInfo>& AllToggles();
const ToggleInfo& InfoOf(Toggle toggle);
// The kernel's fixes and the proposal's: those to which FixBit() gives a bit each.
std::vector<const ToggleInfo*> FixesFor(const Proposal& proposal);
// By its name, which must be one.
Toggle ToggleNamed(const std::string& name);

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
