// SPDX-License-Identifier: Apache-2.0

#include "conform/emit/room.h"

#include <set>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "conform/emit/text.h"

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
  std::set<std::string> parts;
  std::vector<std::pair<std::string, std::string>> names = {
      {"VERB", verb.name}, {"STRUCTURE", verb.structure}, {"IOCTL", verb.ioctl}};
  if (!verb.kinds.empty()) {
    parts.insert("DESCRIPTORS");
    const model::DescriptorMembers& members = verb.members;
    names.insert(names.end(),
                 {{"COUNT", members.count}, {"ARRAY", members.array}, {"BYTES", members.bytes}});
  }
  const std::string text = WithParts(PreludeNeed().text, parts);
  return {{absl::StrCat("need_", verb.name)}, absl::StrReplaceAll(text, names)};
}

}  // namespace knotcheck::conform
