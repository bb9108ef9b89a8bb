// SPDX-License-Identifier: Apache-2.0
//
// What "# result:" says of whom.

#pragma once

#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "lang/ast.h"
#include "model/operand.h"

namespace knotcheck::lang {

// Whom the claims of a scenario are about, in their order. InvalidArgument with the place of an
// operand or a property that there is not, or of a second claim about the same: a typo must not
// pass for a verdict that differs.
absl::StatusOr<std::vector<model::Operand>> ClaimedOperands(const Scenario& scenario);

// The claim about it; nullptr: there is none.
const Claim* ClaimAbout(const Header& header, const model::Operand& operand);

}  // namespace knotcheck::lang
