// SPDX-License-Identifier: Apache-2.0

#include "conform/emit_c_room.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "conform/emit_c_text.h"

namespace knotcheck::conform {
namespace {

constexpr char kFlagsBegin[] = "SECCOMP_USER_NOTIF_FLAG_";

std::vector<const EmitterRoom*>& Registry() {
  static auto* const registry = new std::vector<const EmitterRoom*>;
  return *registry;
}

// Empty: a bit has no name.
Words NamesOf(const model::Proposal& proposal, uint16_t flags) {
  Words names;
  uint16_t named = 1;
  if (flags & 1) names.push_back(absl::StrCat(kFlagsBegin, "CONTINUE"));
  for (const model::SendFlag& flag : proposal.send_flags) {
    if (flags & flag.bit) names.emplace_back(flag.constant);
    named |= flag.bit;
  }
  if (flags & ~named) names.clear();
  return names;
}

}  // namespace

int RegisterEmitter(const EmitterRoom* room) {
  Registry().push_back(room);
  return 0;
}

const EmitterRoom* EmitterOf(const model::Proposal& proposal) {
  for (const EmitterRoom* room : Registry()) {
    if (std::string(room->proposal) == proposal.name) return room;
  }
  return nullptr;
}

std::string SendFlagsInC(const model::Proposal& proposal, uint16_t flags) {
  const Words names = NamesOf(proposal, flags);
  return names.empty() ? absl::StrCat("0x", absl::Hex(flags)) : absl::StrJoin(names, " | ");
}

std::string SendFlagsInWords(const model::Proposal& proposal, uint16_t flags) {
  Words names = NamesOf(proposal, flags);
  for (std::string& name : names) {
    if (absl::StartsWith(name, kFlagsBegin)) name.erase(0, sizeof(kFlagsBegin) - 1);
  }
  return names.empty() ? absl::StrCat("flags ", flags) : absl::StrJoin(names, " | ");
}

PreludePiece NeedPiece(const model::Verb& verb) {
  const std::string name = absl::StrCat("need_", verb.name);
  const model::DescriptorMembers& members = verb.members;
  return {
      {name},
      absl::StrCat("\n/* A kernel that has the ioctl looks for the notification. */\nstatic void ",
                   name, "(void)\n{\n\tstruct ", verb.structure, " request = {\n\t\t.id = ~0ULL,\n",
                   verb.kinds.empty()
                       ? ""
                       : absl::StrCat("\t\t.", members.count, " = 1,\n\t\t.", members.array,
                                      " = { { .", members.bytes, " = 1 } },\n"),
                   "\t};\n\n\tif (ioctl(listener, ", verb.ioctl,
                   ", &request) &&\n\t    (errno == EINVAL || errno == ENOTTY))\n"
                   "\t\tskip(\"no ",
                   verb.ioctl, "\");\n}\n")};
}

}  // namespace knotcheck::conform
