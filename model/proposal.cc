// SPDX-License-Identifier: Apache-2.0

#include "model/proposal.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "base/check.h"
#include "model/config.h"
#include "model/errno.h"

namespace knotcheck::model {
namespace {

std::vector<const Proposal*>& Registry() {
  static auto* const registry = new std::vector<const Proposal*>;
  return *registry;
}

bool IsName(const std::string& name) {
  return !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
  });
}

// What is wrong with a function, or "".
std::string FunctionError(const FunctionInfo& function) {
  if (function.name == nullptr || function.file == nullptr || function.run == nullptr) {
    return "a function without name, file or code";
  }
  if (function.locals == nullptr || std::strlen(function.locals) != function.local_bytes) {
    return std::string("the locals of ") + function.name + "(), expected one character a byte";
  }
  return "";
}

// What is wrong with mutations and fixes, or "".
std::string TogglesError(const Proposal& proposal, const std::vector<const Proposal*>& others) {
  std::set<std::string> taken;
#define KNOT_VARIANT(name, first, last, fixed, what) taken.insert(#name);
#define KNOT_MUTATION(name, what) taken.insert("mutate_" #name);
#define KNOT_FIX(name, what) taken.insert(#name);
#include "model/kernel/fixes.def"
#include "model/kernel/mutations.def"
#include "model/kernel/variants.def"
#undef KNOT_VARIANT
#undef KNOT_MUTATION
#undef KNOT_FIX
  for (const Proposal* other : others) {
    for (const auto* names : {&other->mutations, &other->fixes}) {
      for (const ToggleName& toggle : *names) taken.insert(toggle.name);
    }
  }
  for (const auto* names : {&proposal.mutations, &proposal.fixes}) {
    for (const ToggleName& toggle : *names) {
      if (!IsName(toggle.name)) return "'" + toggle.name + "', no name of a mutation or a fix";
      if (!taken.insert(toggle.name).second) return "a second toggle '" + toggle.name + "'";
    }
  }
  std::set<std::string> revisions;
  for (const ToggleName& revision : proposal.revisions) {
    if (!IsName(revision.name) || !revisions.insert(revision.name).second) {
      return "the revision '" + revision.name + "' twice, or no name of one";
    }
  }
  if (revisions.size() > kMaxRevisions) {
    return "more than " + std::to_string(kMaxRevisions) + " revisions";
  }
  const size_t most = kMaxOwnFixes;
  if (proposal.mutations.size() > kMaxOwnMutations || proposal.fixes.size() > most) {
    return "more than " + std::to_string(kMaxOwnMutations) + " mutations or " +
           std::to_string(most) + " fixes";
  }
  return "";
}

// What is wrong with the table of errors, or "".
std::string ErrnosError(const Proposal& proposal) {
  for (const SourceErrnos& row : proposal.errnos) {
    std::istringstream names(row.names);
    for (std::string name; names >> name;) {
      if (ErrnoNumber(name) == 0) return "'" + name + "' in the errors of " + row.says;
    }
  }
  return "";
}

}  // namespace

std::string ProposalError(const Proposal& proposal, const std::vector<const Proposal*>& others) {
  const auto missing = [](const char* text) { return text == nullptr || *text == '\0'; };
  if (missing(proposal.name) || !IsName(proposal.name)) {
    return "found no name of small letters, digits and '_'";
  }
  for (const Proposal* other : others) {
    if (std::strcmp(other->name, proposal.name) == 0) return "found a second one of this name";
  }
  if (missing(proposal.revision)) return "found no revision";
  if (missing(proposal.source)) return "found no source: a message, a commit, a file";
  if (proposal.functions.size() > static_cast<size_t>(kMaxFunctions - kFirstProposalFunction)) {
    return "found " + std::to_string(proposal.functions.size()) + " functions, expected at most " +
           std::to_string(kMaxFunctions - kFirstProposalFunction);
  }
  for (const FunctionInfo& function : proposal.functions) {
    if (const std::string error = FunctionError(function); !error.empty()) return "found " + error;
  }
  if (const std::string error = TogglesError(proposal, others); !error.empty()) {
    return "found " + error;
  }
  if (const std::string error = ErrnosError(proposal); !error.empty()) return "found " + error;
  if (others.size() >= kMaxProposals) {
    return "found " + std::to_string(others.size()) + " proposals before it, expected fewer than " +
           std::to_string(kMaxProposals);
  }
  for (const Verb& verb : proposal.verbs) {
    if (missing(verb.name)) return "found a verb without a name";
    if (verb.function >= proposal.functions.size()) {
      return std::string("found the verb ") + verb.name + " without a function";
    }
    if (missing(verb.ioctl) || missing(verb.structure)) {
      return std::string("found the verb ") + verb.name + " without an ioctl or a structure";
    }
    if (verb.fields.size() > kMaxVerbFields) {
      return std::string("found the verb ") + verb.name + " with more than " +
             std::to_string(kMaxVerbFields) + " fields";
    }
  }
  const bool fields = proposal.list_task_fields != nullptr || proposal.list_fields != nullptr;
  if (fields != (proposal.state_bytes != nullptr)) {
    return "found fields of the state or their size, expected both or neither";
  }
  const bool runs = proposal.run_task_work != nullptr;
  if (runs && (proposal.renumber == nullptr || !fields)) {
    return "found task_work without objects, expected fields and renumber()";
  }
  const Protection& protection = proposal.protection;
  const bool protects = protection.verb >= 0;
  if (protects && (static_cast<size_t>(protection.verb) >= proposal.verbs.size() ||
                   proposal.verbs[static_cast<size_t>(protection.verb)].kinds.empty())) {
    return "found protection by no verb, expected one that takes arguments";
  }
  return "";
}

std::string SourceOf(const PropertyInfo& property, const Proposal& proposal) {
  std::string source = property.source;
  for (const auto& [promised, words] : proposal.promises) {
    if (promised == property.name) source += "; " + words;
  }
  return source;
}

const std::vector<const Proposal*>& AllProposals() { return Registry(); }

const Proposal* FindProposal(const std::string& name) {
  for (const Proposal* proposal : Registry()) {
    if (name == proposal->name) return proposal;
  }
  return nullptr;
}

int RegisterProposal(const Proposal* proposal) {
  auto& registry = Registry();
  if (const std::string error = ProposalError(*proposal, registry); !error.empty()) {
    // Before main() there is nobody to return it to.
    std::fprintf(stderr, "knotcheck: proposal '%s': %s\n",
                 proposal->name == nullptr ? "" : proposal->name, error.c_str());
    std::_Exit(70);  // as base/check.h
  }
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
