// SPDX-License-Identifier: Apache-2.0
//
// The room's mutations and fixes by name: k.Has(Fix::source_only).

#pragma once

#include <cstdint>

#include "model/config.h"

namespace knotcheck::model::pin_args {

enum class Mutation : uint8_t {
#define KNOT_MUTATION(name, what) name,
#include "model/proposals/pin_args/mutations.def"
#undef KNOT_MUTATION
};
enum class Fix : uint8_t {
#define KNOT_FIX(name, what) name,
#include "model/proposals/pin_args/fixes.def"
#undef KNOT_FIX
};

inline bool IsSet(const Config& config, Mutation mutation) {
  return config.HasOwnMutation(static_cast<int>(mutation));
}
inline bool IsSet(const Config& config, Fix fix) { return config.HasOwnFix(static_cast<int>(fix)); }

}  // namespace knotcheck::model::pin_args
