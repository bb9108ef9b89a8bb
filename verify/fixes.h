// SPDX-License-Identifier: Apache-2.0
//
// The fixes of the kernel and of a proposal, judged by scenarios. docs/adr/0008-fixes.md says what
// counts.

#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "checker/path.h"
#include "lang/ast.h"
#include "model/config.h"
#include "model/operand.h"
#include "verify/check.h"
#include "verify/fix_sets.h"

namespace knotcheck::verify {

// Operands name a proposal, a revision and a kernel here, but no fixes.
//
// The toggles that are fixes of this proposal's code or of the notifier's below it. The bits of a
// FixSet are theirs.
FixSet FixesOf(const model::Operand& operand);
// Those of the set, for this proposal, with the operand's own.
model::Toggles TogglesOf(const model::Operand& operand, FixSet fixes);

// Whether a verdict on this property is a promise that a fixed kernel must keep too. All are but
// expectations, which may describe the kernel as it is: those count where the scenario asks for
// them by name, or says that the kernel as it is breaks them.
bool CountsUnderFixes(const lang::Scenario& scenario, const model::Operand& operand,
                      const PropertyVerdict& property);

// The scenario's question under these fixes: what fails, and on which fixes that depends. A failure
// that a run shows depends on what that run met only; the answer as a whole on all that was met.
// The errors of Check; DeadlineExceeded when a limit ended the search, Cancelled when it was
// interrupted.
absl::StatusOr<FixAnswer> AskUnderFixes(const lang::Scenario& scenario,
                                        const model::Operand& operand, FixSet fixes,
                                        const checker::Options& explore);

// Why a fix is in a set: what fails without it.
struct FixWitness {
  size_t scenario = 0;  // index of those asked
  std::string property;
  FixSet fixes = 0;  // those that the run needs
  // The shortest run that shows it where it was found, and what follows for ever if it is a lasso.
  checker::Path path;
  std::optional<std::vector<checker::Action>> cycle;
  Cube cube;  // the sets under which this run fails
};

struct FixSets {
  std::vector<model::Toggle> candidates;
  // By size, then by the order of the kernel's fixes.def, then the room's.
  std::vector<FixSet> smallest;
  // For each set, and each of its fixes in order: index into `witnesses`.
  std::vector<std::vector<size_t>> why;
  std::vector<FixWitness> witnesses;
  std::vector<Obligation> unmended;   // what fails under every set
  std::vector<Obligation> exclusive;  // if there is no set: what cannot hold all at once
  size_t asked = 0;                   // searches that it took
};

// The smallest sets of fixes for a proposal under these scenarios. `begins` is called before each
// search with the index of its scenario. The errors of AskUnderFixes.
absl::StatusOr<FixSets> SmallestFixSets(const std::vector<const lang::Scenario*>& scenarios,
                                        const model::Operand& operand,
                                        const checker::Options& explore,
                                        const std::function<void(size_t)>& begins = nullptr);

}  // namespace knotcheck::verify
