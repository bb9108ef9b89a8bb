// SPDX-License-Identifier: Apache-2.0

#include "model/config.h"

#include <algorithm>
#include <sstream>

#include "base/check.h"

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
  if (mutation || release < first) return false;
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
  static const auto* const toggles = new std::vector<ToggleInfo>{
#define KNOT_VARIANT(name, first, last, fixed, what) \
  {Toggle::k_##name, #name, what, false, "", Release(first), Release(last), Releases(fixed)},
#define KNOT_MUTATION(name, what) {Toggle::k_##name, #name, what, true, ""},
#define KNOT_FIX(name, proposal, what) {Toggle::k_fix_##name, #name, what, false, proposal},
#include "model/mutations.def"
#include "model/variants.def"
// In the order of enum Toggle.
#include "model/fixes.def"
#undef KNOT_VARIANT
#undef KNOT_MUTATION
#undef KNOT_FIX
  };
  return *toggles;
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
