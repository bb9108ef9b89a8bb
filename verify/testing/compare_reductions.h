// SPDX-License-Identifier: Apache-2.0
//
// The reductions of one question against its whole graph: state by state, and by verdicts.

#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "checker/result.h"
#include "verify/check.h"

namespace knotcheck::verify::testing {

// "" when in every state, of at most `limit`, each step is the mover that it is said to be and each
// canonical form leads where its state leads; also when there are more states.
std::string StateByState(const Question& question, size_t limit);

// "" when the reductions change no verdict and each of their counterexamples replays. `whole` is
// the result without any.
std::string Compared(const Question& question, const checker::Result& whole, uint32_t reductions,
                     const checker::Options& options);

}  // namespace knotcheck::verify::testing
