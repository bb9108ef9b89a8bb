// SPDX-License-Identifier: Apache-2.0
//
// The searches of a KernelModel, compiled once (search.cc): nobody who includes this compiles
// one of his own.

#pragma once

#include "checker/explore.h"
#include "checker/reduce.h"
#include "verify/kernel_model.h"

namespace knotcheck::checker {

extern template Result Explore(const verify::KernelModel&, const Options&);
extern template Result Explore(const Reduced<verify::KernelModel>&, const Options&);

}  // namespace knotcheck::checker
