// SPDX-License-Identifier: Apache-2.0
//
// What C programs need of a proposal beside the signatures of its ioctls: conform/proposals/NAME/
// emit_c.cc registers it. Without it a proposal has no C programs.

#pragma once

#include <map>
#include <string>
#include <vector>

#include "conform/emit/pieces.h"
#include "model/proposal.h"

namespace knotcheck::conform {

struct EmitterRoom {
  const char* proposal;
  // Definitions that the system's headers lack.
  std::vector<PreludePiece> head;
  std::vector<PreludePiece> world;
  // By verb: the function of `world` that makes the ioctl and tells what it showed. Without one the
  // program calls ioctl() itself. int NAME(int actor, struct STRUCTURE *request).
  std::map<std::string, std::string> makes = {};
};

int RegisterEmitter(const EmitterRoom* room);
// nullptr: there is none.
const EmitterRoom* EmitterOf(const model::Proposal& proposal);

// "SECCOMP_USER_NOTIF_FLAG_CONTINUE | ..." for flags of SEND, or a number.
std::string SendFlagsInC(const model::Proposal& proposal, uint16_t flags);
// The same without what all flags' names begin with: "CONTINUE | ...".
std::string SendFlagsInWords(const model::Proposal& proposal, uint16_t flags);
// A function that skips the test where the kernel lacks the verb, by the name need_VERB.
PreludePiece NeedPiece(const model::Verb& verb);

}  // namespace knotcheck::conform
