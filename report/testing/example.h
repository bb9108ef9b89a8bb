// SPDX-License-Identifier: Apache-2.0
//
// A scenario with a known counterexample, for the tests of this folder.

#pragma once

#include <string>

#include "report/trace.h"

namespace knotcheck::report {

// The classic race: violated(toctou) under the baseline.
TraceSubject ExampleSubject();

// The shortest counterexample to `property` under `proposal`; a failed test if there is none.
Trace ExampleTrace(const std::string& proposal, const std::string& property);

}  // namespace knotcheck::report
