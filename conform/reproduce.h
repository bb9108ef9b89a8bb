// SPDX-License-Identifier: Apache-2.0
//
// From a counterexample to a program that shows it on a kernel.

#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "trace/trace.h"

namespace knotcheck::conform {

// A C program that forces a run which breaks the promise, if what it shows is shown by no run that
// keeps it: of those the one that follows the trace best, as its comment says.
//   NotFound: no such run; Unimplemented: the run needs what a program does not have
absl::StatusOr<std::string> Reproduce(const trace::Trace& trace);

}  // namespace knotcheck::conform
