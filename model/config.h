// SPDX-License-Identifier: Apache-2.0
//
// Which kernel a run models: toggles over the transcribed code, all off for 6.12.117 as it is.

#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace knotcheck::model {

enum class Toggle : uint8_t {
#define KNOT_VARIANT(name, versions, what) k_##name,
#define KNOT_MUTATION(name, what) k_##name,
#include "model/mutations.def"
#include "model/variants.def"
#undef KNOT_VARIANT
#undef KNOT_MUTATION
  kCount,
};
static_assert(static_cast<int>(Toggle::kCount) <= 64);

struct Toggles {
  uint64_t bits = 0;
  bool Has(Toggle toggle) const { return bits >> static_cast<int>(toggle) & 1; }
  void Set(Toggle toggle) { bits |= uint64_t{1} << static_cast<int>(toggle); }
};

struct ToggleInfo {
  Toggle toggle;
  std::string name;
  std::string versions;  // of a variant; empty for a mutation
  std::string what;
  bool mutation = false;  // for tests of the properties; no kernel ever did this
};

// All toggles, in the order of the .def files.
const std::vector<ToggleInfo>& AllToggles();

}  // namespace knotcheck::model
