// SPDX-License-Identifier: Apache-2.0

#include "model/config.h"

namespace knotcheck::model {

const std::vector<ToggleInfo>& AllToggles() {
  static const auto* const toggles = new std::vector<ToggleInfo>{
#define KNOT_VARIANT(name, versions, what) {Toggle::k_##name, #name, versions, what, false, ""},
#define KNOT_MUTATION(name, what) {Toggle::k_##name, #name, "", what, true, ""},
#define KNOT_FIX(name, proposal, what) {Toggle::k_fix_##name, #name, "", what, false, proposal},
#include "model/mutations.def"
#include "model/variants.def"
// In the order of enum Toggle.
#include "model/fixes.def"
#undef KNOT_VARIANT
#undef KNOT_MUTATION
#undef KNOT_FIX
  };
  return *toggles;
}

}  // namespace knotcheck::model
