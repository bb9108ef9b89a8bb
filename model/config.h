// SPDX-License-Identifier: Apache-2.0
//
// Which kernel a run models: toggles over the transcribed code, all off for 6.12.117 as it is.

#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <vector>

namespace knotcheck::model {

enum class Toggle : uint8_t {
#define KNOT_VARIANT(name, versions, what) k_##name,
#define KNOT_MUTATION(name, what) k_##name,
#define KNOT_FIX(name, proposal, what) k_fix_##name,
#include "model/mutations.def"
#include "model/variants.def"
// After the two others, so that theirs keep their numbers.
#include "model/fixes.def"
#undef KNOT_VARIANT
#undef KNOT_MUTATION
#undef KNOT_FIX
  kCount,
};
static_assert(static_cast<int>(Toggle::kCount) <= 64);

struct Toggles {
  uint64_t bits = 0;
  // When set, collects the bits of the toggles that Has() was asked for: what follows is the same
  // for all toggles that agree on those.
  std::atomic<uint64_t>* asked = nullptr;
  bool Has(Toggle toggle) const {
    if (asked != nullptr) [[unlikely]]
      asked->fetch_or(uint64_t{1} << static_cast<int>(toggle), std::memory_order_relaxed);
    return bits >> static_cast<int>(toggle) & 1;
  }
  void Set(Toggle toggle) { bits |= uint64_t{1} << static_cast<int>(toggle); }
};

struct ToggleInfo {
  Toggle toggle;
  std::string name;
  std::string versions;  // of a variant; else empty
  std::string what;
  bool mutation = false;  // for tests of the properties; no kernel ever did this
  std::string proposal;   // of a fix: whose code it changes; else empty
  bool fix() const { return !proposal.empty(); }
};

// All toggles, in the order of the .def files.
const std::vector<ToggleInfo>& AllToggles();

}  // namespace knotcheck::model
