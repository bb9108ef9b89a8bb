// SPDX-License-Identifier: Apache-2.0
//
// What several tests look for in a KernelModel, compiled once.

#pragma once

#include "checker/testing/check_reductions.h"
#include "verify/kernel_model.h"
#include "verify/search.h"

namespace knotcheck::checker::testing {

extern template class ReductionCheck<verify::KernelModel>;

}  // namespace knotcheck::checker::testing
