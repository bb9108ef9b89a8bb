// SPDX-License-Identifier: Apache-2.0
//
// The runner as the program that a target executes.

#pragma once

namespace knotcheck::runner {

// If a target of a run has executed this program: reports its arguments and goes on with the
// target's script, and does not return. Else returns.
void ReportIfExecuted(int argc, char** argv);

}  // namespace knotcheck::runner
