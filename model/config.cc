// SPDX-License-Identifier: Apache-2.0

#include "model/config.h"

#include <algorithm>
#include <cstring>
#include <sstream>

#include "base/check.h"
#include "model/kernel/toggles.h"
#include "model/proposal.h"

namespace knotcheck::model {
namespace {

// The last patchlevel of each version that is there.
constexpr int kLastOf5 = 19;

KernelRelease Release(const std::string& text) {
  const auto release = ParseRelease(text);
  KNOT_CHECK(release.has_value());
  return *release;
}

std::vector<KernelRelease> Releases(const std::string& texts) {
  std::vector<KernelRelease> releases;
  std::istringstream words(texts);
  for (std::string word; words >> word;) releases.push_back(Release(word));
  return releases;
}

bool SameSeries(const KernelRelease& a, const KernelRelease& b) {
  return a.version == b.version && a.patchlevel == b.patchlevel;
}

}  // namespace

bool ToggleInfo::In(const KernelRelease& release) const {
  if (!variant() || release < first) return false;
  if (release > last && !SameSeries(release, last)) return false;
  return std::none_of(fixed.begin(), fixed.end(), [&release](const KernelRelease& mended) {
    return SameSeries(release, mended) && release >= mended;
  });
}

std::string ToggleInfo::Releases() const {
  std::string text = ToString(first) + " to " + ToString(last);
  if (fixed.empty()) return text;
  text += ", mended in ";
  for (size_t i = 0; i < fixed.size(); ++i) text += (i == 0 ? "" : ", ") + ToString(fixed[i]);
  return text;
}

const std::vector<ToggleInfo>& AllToggles() {
  static const auto* const toggles = [] {
    using Kind = ToggleInfo::Kind;
    auto* const all = new std::vector<ToggleInfo>;
    const auto add_own = [all](Kind kind, std::vector<ToggleName> Proposal::*names) {
      const auto& proposals = AllProposals();
      for (size_t i = 0; i < proposals.size(); ++i) {
        int number = 0;
        for (const ToggleName& own : proposals[i]->*names) {
          const Toggle toggle(Toggle::kOwn + 2 * i + (kind == Kind::kFix ? 1 : 0), number++);
          all->push_back({toggle, kind, own.name, own.what, proposals[i]->name});
        }
      }
    };
#define KNOT_MUTATION(name, what) \
  all->push_back({Mutation::name, Kind::kMutation, "mutate_" #name, what, "baseline"});
#include "model/kernel/mutations.def"
#undef KNOT_MUTATION
    add_own(Kind::kMutation, &Proposal::mutations);
#define KNOT_VARIANT(name, first, last, fixed, what)                                      \
  all->push_back({Variant::name, Kind::kVariant, #name, what, "baseline", Release(first), \
                  Release(last), Releases(fixed)});
#include "model/kernel/variants.def"
#undef KNOT_VARIANT
#define KNOT_FIX(name, what) all->push_back({Fix::name, Kind::kFix, #name, what, "baseline"});
#include "model/kernel/fixes.def"
#undef KNOT_FIX
    add_own(Kind::kFix, &Proposal::fixes);
    return all;
  }();
  return *toggles;
}

const ToggleInfo& InfoOf(Toggle toggle) {
  const auto& all = AllToggles();
  const auto found = std::find_if(
      all.begin(), all.end(), [toggle](const ToggleInfo& info) { return info.toggle == toggle; });
  KNOT_CHECK(found != all.end());
  return *found;
}

std::vector<const ToggleInfo*> FixesFor(const Proposal& proposal) {
  std::vector<const ToggleInfo*> fixes;
  for (const ToggleInfo& info : AllToggles()) {
    if (info.fix() && (info.proposal == "baseline" || info.proposal == proposal.name)) {
      fixes.push_back(&info);
    }
  }
  return fixes;
}

Toggle ToggleNamed(const std::string& name) {
  const auto& all = AllToggles();
  const auto found = std::find_if(all.begin(), all.end(),
                                  [&name](const ToggleInfo& info) { return info.name == name; });
  KNOT_CHECK(found != all.end());
  return found->toggle;
}

namespace {

// Four bits a proposal: 0, or one more than the revision.
int RevisionShift(const std::string& proposal) {
  const auto& proposals = AllProposals();
  for (size_t i = 0; i < proposals.size(); ++i) {
    if (proposal == proposals[i]->name) return static_cast<int>(4 * i);
  }
  return -1;
}

}  // namespace

void Toggles::SetRevision(const std::string& proposal, size_t revision) {
  const int shift = RevisionShift(proposal);
  KNOT_CHECK(shift >= 0 && revision < kMaxRevisions);
  uint64_t& word = words_[Toggle::kRevisions];
  word &= ~(uint64_t{0xf} << shift);
  word |= uint64_t{revision + 1} << shift;
}

std::optional<size_t> Toggles::Revision(const std::string& proposal) const {
  const int shift = RevisionShift(proposal);
  const uint64_t set = shift < 0 ? 0 : words_[Toggle::kRevisions] >> shift & 0xf;
  return set == 0 ? std::nullopt : std::optional<size_t>(set - 1);
}

Config ConfigFor(const Proposal& proposal, const Toggles& toggles) {
  Config config;
  config.asked = toggles.asked;
  config.variants = toggles.word(Toggle::kVariants);
  config.mutations = toggles.word(Toggle::kMutations);
  config.fixes = toggles.word(Toggle::kFixes);
  const size_t last = std::max<size_t>(1, proposal.revisions.size()) - 1;
  config.revision = toggles.Revision(proposal.name).value_or(last);
  const auto& proposals = AllProposals();
  for (size_t i = 0; i < proposals.size(); ++i) {
    // By its name: tests make changed ones.
    if (std::strcmp(proposals[i]->name, proposal.name) != 0) continue;
    config.own_mutations = toggles.word(Toggle::kOwn + 2 * i);
    config.fixes |= toggles.word(Toggle::kOwn + 2 * i + 1) << kFirstOwnFix;
  }
  return config;
}

std::string ToString(const KernelRelease& release) {
  std::string text = std::to_string(release.version) + "." + std::to_string(release.patchlevel);
  if (release.sublevel != 0) text += "." + std::to_string(release.sublevel);
  return text;
}

std::optional<KernelRelease> ParseRelease(const std::string& text) {
  int numbers[3] = {0, 0, 0};
  int dots = 0;
  int digits = 0;
  for (const char c : text) {
    if (c == '.' && digits > 0 && dots < 2) {
      ++dots;
      digits = 0;
    } else if (c >= '0' && c <= '9' && digits < 4) {
      numbers[dots] = 10 * numbers[dots] + (c - '0');
      ++digits;
    } else {
      return std::nullopt;
    }
  }
  if (dots == 0 || digits == 0) return std::nullopt;
  return KernelRelease{numbers[0], numbers[1], numbers[2]};
}

std::optional<Toggles> VariantsOf(const KernelRelease& release) {
  if (release < kOldestKernel || release > kNewestKernel) return std::nullopt;
  if (release.version == kOldestKernel.version && release.patchlevel > kLastOf5) {
    return std::nullopt;
  }
  Toggles variants;
  for (const ToggleInfo& info : AllToggles()) {
    if (info.In(release)) variants.Set(info.toggle);
  }
  return variants;
}

}  // namespace knotcheck::model
