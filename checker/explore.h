// SPDX-License-Identifier: Apache-2.0
//
// Explicit-state search over any model: breadth-first (shortest counterexamples) by any number of
// threads, depth-first, and random walks. Deterministic: neither threads nor hashes show in a
// result.

#pragma once

#include "base/check.h"
#include "checker/key.h"
#include "checker/model.h"
#include "checker/pack.h"
#include "checker/replay.h"
#include "checker/result.h"
#include "checker/search.h"
#include "checker/tree.h"
#include "checker/typed.h"

namespace knotcheck::checker {

// Explores all states that the model can reach, or as many as the options allow.
template <AnyModel M>
Result Explore(const M& any, const Options& options) {
  const auto& model = UntypedOf(any);
  const auto& properties = model.Properties();
  KNOT_CHECK(properties.size() <= 64);
  const Packer packer(model.Masks());
  KNOT_CHECK(packer.state_words() == static_cast<int>(model.StateWords()));
  if (packer.packed_bits() <= DirectKeys::kMaxBits && options.storage == Storage::kSmallest) {
    return Search<Untyped<M>, DirectKeys>(model, options, packer, DirectKeys(packer.packed_bits()))
        .Run();
  }
  const Packer parts(model.Masks(), Packer::Method::kFastest, TreeKeys::kBlockWords);
  return Search<Untyped<M>, TreeKeys>(model, options, parts, TreeKeys(parts.packed_words())).Run();
}

}  // namespace knotcheck::checker
