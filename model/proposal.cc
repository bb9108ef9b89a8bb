// SPDX-License-Identifier: Apache-2.0

#include "model/proposal.h"

#include <algorithm>
#include <cstring>

#include "base/check.h"

namespace knotcheck::model {
namespace {

std::vector<const Proposal*>& Registry() {
  static auto* const registry = new std::vector<const Proposal*>;
  return *registry;
}

}  // namespace

const std::vector<const Proposal*>& AllProposals() { return Registry(); }

const Proposal* FindProposal(const std::string& name) {
  for (const Proposal* proposal : Registry()) {
    if (name == proposal->name) return proposal;
  }
  return nullptr;
}

int RegisterProposal(const Proposal* proposal) {
  auto& registry = Registry();
  // Baseline first, then by name: the order of registration depends on the linker.
  const auto less = [](const Proposal* a, const Proposal* b) {
    const bool a_base = std::strcmp(a->name, "baseline") == 0;
    const bool b_base = std::strcmp(b->name, "baseline") == 0;
    if (a_base != b_base) return a_base;
    return std::strcmp(a->name, b->name) < 0;
  };
  registry.insert(std::lower_bound(registry.begin(), registry.end(), proposal, less), proposal);
  return static_cast<int>(registry.size());
}

}  // namespace knotcheck::model
