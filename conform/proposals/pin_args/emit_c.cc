// SPDX-License-Identifier: Apache-2.0
//
// PIN_ARGS in C programs.

#include "conform/emit/room.h"

namespace knotcheck::conform {
namespace {

constexpr char kHead[] =
#include "conform/proposals/pin_args/emit_head.c.inc"
    ;
constexpr char kWorld[] =
#include "conform/proposals/pin_args/emit_world.c.inc"
    ;

const EmitterRoom& Room() {
  static const auto* const room = new EmitterRoom{.proposal = "pin_args",
                                                  .head = PiecesOf(kHead),
                                                  .world = PiecesOf(kWorld),
                                                  .makes = {{"pin", "pin_args"}}};
  return *room;
}

[[maybe_unused]] const int kRegistered = RegisterEmitter(&Room());

}  // namespace
}  // namespace knotcheck::conform
