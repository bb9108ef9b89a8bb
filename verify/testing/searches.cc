// SPDX-License-Identifier: Apache-2.0

#include "verify/testing/searches.h"

namespace knotcheck::checker::testing {

template class ReductionCheck<verify::KernelModel>;

}  // namespace knotcheck::checker::testing
