// SPDX-License-Identifier: Apache-2.0
//
// Whom a question is about, in the one grammar that "# result:", --proposal, traces and JSON have:
//
//   proposal[@revision][+fix-or-option...][/kernel...][:arch]
//
// "NAME", "NAME+clear_when_left/5.10", "baseline/no_pollhup". A kernel is a release or a
// variant. Order and repetitions mean nothing.

#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "model/config.h"
#include "model/proposal.h"

namespace knotcheck::model {

struct Operand {
  Operand() = default;
  // NOLINTNEXTLINE(google-explicit-constructor): a proposal as it is names itself.
  Operand(const Proposal& named, const Toggles& with = {}) : proposal(&named), toggles(with) {}

  const Proposal* proposal = nullptr;
  Toggles toggles;
  // As it was named, several with '/' between them: two releases may be one set of variants.
  std::string kernel;
};

// InvalidArgument: what was found, expected and meant. `at`, if given, is where in the text.
absl::StatusOr<Operand> ParseOperand(absl::string_view text, size_t* at = nullptr);

// What ParseOperand reads as the same: fixes and mutations in the order of AllToggles(), and
// nothing that goes without saying.
std::string ToString(const Operand& operand);

// The parts, for options that name one each; `operand` gets it. InvalidArgument as above.
absl::Status AddKernel(absl::string_view name, Operand* operand);
absl::Status AddFix(absl::string_view name, Operand* operand);
absl::Status AddMutation(absl::string_view name, Operand* operand);

// One with the kernel, the fixes and the mutations of another, whose proposal and revision do not
// count; those of a room that is not the one's own change nothing. InvalidArgument: both name a
// kernel.
absl::StatusOr<Operand> With(const Operand& operand, const Operand& changes);

bool SameQuestion(const Operand& a, const Operand& b);

// The kernel that it is about: "6.12.117", "5.10", "5.10 with no_pollhup".
std::string KernelText(const Operand& operand);
// Which revision of its proposal, and when that was posted; of the baseline the release.
std::string RevisionText(const Operand& operand);

// The names of the toggles that are set, in the order of AllToggles().
std::vector<std::string> ToggleNames(const Toggles& toggles);
// Those that are fixes, or mutations, with commas.
std::string FixesText(const Toggles& toggles);
std::string MutationsText(const Toggles& toggles);

}  // namespace knotcheck::model
