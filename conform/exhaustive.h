// SPDX-License-Identifier: Apache-2.0
//
// What a target that knows all its outcomes says, the kernel's C under a search, against the model,
// both ways: outcomes, and what no kernel may do.

#pragma once

#include <string>

#include "conform/answers.h"
#include "conform/campaign.h"

namespace knotcheck::conform {

// Judges the stress of `one`, whose rows are filled. `ended`: the search is complete; else match
// and reason say what it lacks, and only what was found can differ.
void JudgeExhaustive(const PlanAnswer& answer, bool ended, Case* one);

// The plan under another name, with the outcome to which the way is wanted.
std::string WithWanted(const std::string& plan, const std::string& name, const std::string& told);

// What differs, and how each side comes to it; `verbose`: also what does not differ.
std::string ExhaustiveText(const Case& one, bool verbose);

}  // namespace knotcheck::conform
