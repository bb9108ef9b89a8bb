// SPDX-License-Identifier: Apache-2.0

#include "verify/search.h"

namespace knotcheck::checker {

template Result Explore(const verify::KernelModel&, const Options&);
template Result Explore(const Reduced<verify::KernelModel>&, const Options&);

}  // namespace knotcheck::checker
