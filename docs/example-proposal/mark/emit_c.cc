// SPDX-License-Identifier: Apache-2.0
//
// MARK in C programs.

#include "conform/emit/room.h"

namespace knotcheck::conform {
namespace {

constexpr char kHead[] =
#include "mark/emit_head.c.inc"
    ;

const EmitterRoom& Room() {
  static const auto* const room =
      new EmitterRoom{.proposal = "mark", .head = PiecesOf(kHead), .world = {}};
  return *room;
}

[[maybe_unused]] const int kRegistered = RegisterEmitter(&Room());

}  // namespace
}  // namespace knotcheck::conform
