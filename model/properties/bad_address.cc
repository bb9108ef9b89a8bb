// SPDX-License-Identifier: Apache-2.0

#include "model/property.h"

namespace knotcheck::model {

KNOT_REGISTER_PROPERTY(
    bad_address, {.name = "bad-address",
                  .sentence = "a call does not go on with an argument at which nothing is mapped",
                  .source = "the EFAULT entry of bind(2), connect(2), write(2)",
                  .broken_by = Bit(Event::kInvented),
                  .witness = Bit(Event::kUnmapped),
                  .needs_proposal = true});

}  // namespace knotcheck::model
