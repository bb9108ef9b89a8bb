// SPDX-License-Identifier: Apache-2.0
//
// The searches that several tests make, compiled once.

#pragma once

#include "checker/explore.h"
#include "checker/reduce.h"
#include "checker/testing/check_reductions.h"
#include "checker/testing/family.h"
#include "checker/testing/random_model.h"
#include "checker/testing/shared_model.h"

namespace knotcheck::checker {

extern template Result Explore(const testing::Family&, const Options&);
extern template Result Explore(const Reduced<testing::Family>&, const Options&);
extern template Result Explore(const testing::RandomModel&, const Options&);
extern template Result Explore(const testing::SharedModel&, const Options&);
extern template Result Explore(const Reduced<testing::SharedModel>&, const Options&);

namespace testing {

extern template class ReductionCheck<Family>;
extern template class ReductionCheck<SharedModel>;

}  // namespace testing

}  // namespace knotcheck::checker
