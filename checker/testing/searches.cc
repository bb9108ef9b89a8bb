// SPDX-License-Identifier: Apache-2.0

#include "checker/testing/searches.h"

namespace knotcheck::checker {

template Result Explore(const testing::Family&, const Options&);
template Result Explore(const Reduced<testing::Family>&, const Options&);
template Result Explore(const testing::RandomModel&, const Options&);
template Result Explore(const testing::SharedModel&, const Options&);
template Result Explore(const Reduced<testing::SharedModel>&, const Options&);

namespace testing {

template class ReductionCheck<Family>;
template class ReductionCheck<SharedModel>;

}  // namespace testing

}  // namespace knotcheck::checker
