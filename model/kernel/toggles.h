// SPDX-License-Identifier: Apache-2.0
//
// The kernel's own toggles by name: k.Has(Variant::recv_garbage).

#pragma once

#include <cstdint>

#include "model/config.h"

namespace knotcheck::model {

enum class Variant : uint8_t {
#define KNOT_VARIANT(name, first, last, fixed, what) name,
#include "model/kernel/variants.def"
#undef KNOT_VARIANT
  kCount,
};
enum class Mutation : uint8_t {
#define KNOT_MUTATION(name, what) name,
#include "model/kernel/mutations.def"
#undef KNOT_MUTATION
  kCount,
};
enum class Fix : uint8_t {
#define KNOT_FIX(name, what) name,
#include "model/kernel/fixes.def"
#undef KNOT_FIX
  kCount,
};
static_assert(static_cast<int>(Variant::kCount) <= 64);
static_assert(static_cast<int>(Mutation::kCount) <= 64);
static_assert(static_cast<int>(Fix::kCount) <= kFirstOwnFix);

inline bool IsSet(const Config& config, Variant variant) {
  return (config.variants >> static_cast<int>(variant) & 1) != 0;
}
inline bool IsSet(const Config& config, Mutation mutation) {
  return (config.mutations >> static_cast<int>(mutation) & 1) != 0;
}
inline bool IsSet(const Config& config, Fix fix) { return config.HasFix(FixBit(fix)); }

}  // namespace knotcheck::model
