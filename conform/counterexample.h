// SPDX-License-Identifier: Apache-2.0
//
// A counterexample on a real kernel: the forced run that goes its way.

#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "conform/campaign.h"
#include "conform/force/follow.h"
#include "model/config.h"
#include "trace/trace.h"

namespace knotcheck::conform {

// The fixes and mutations of a trace, on a kernel with these variants.
model::Toggles TogglesOf(const trace::Trace& trace, model::Toggles variants);

struct FollowedTrace {
  std::unique_ptr<verify::Question> question;  // of the kernel that is asked
  Witnessed witnessed;                         // what user space does and sees in the trace
  std::vector<Followed> runs;  // best first; empty: no forced run breaks the promise
};
// Unimplemented: the scenario cannot be run on a real kernel.
absl::StatusOr<FollowedTrace> FollowTrace(const trace::Trace& trace, model::Toggles toggles);

// What the run does otherwise than the trace, a sentence each; none: nothing.
std::vector<std::string> Differences(const FollowedTrace& followed, const Followed& run);

// A case of the trace's scenario with one forced run, that which follows the trace best, and the
// stress that `options` ask for. `trace` must outlive it. `number` tells the plans of traces of one
// scenario apart. Errors as MakeCase has.
absl::StatusOr<Case> MakeTraceCase(const trace::Trace& trace, const std::string& file,
                                   size_t number, const CampaignOptions& options);

}  // namespace knotcheck::conform
