// SPDX-License-Identifier: Apache-2.0

#include "model/operand.h"

#include <algorithm>
#include <optional>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "base/text.h"

namespace knotcheck::model {
namespace {

// The only one whose registers and entry code are modelled.
constexpr char kArchitecture[] = "x86_64";

using Kind = ToggleInfo::Kind;

// Or meant as one; no variant begins so.
bool IsRelease(absl::string_view kernel) {
  return !kernel.empty() && absl::ascii_isdigit(static_cast<unsigned char>(kernel[0]));
}

// Sets a toggle of one of these kinds.
absl::Status AddToggle(absl::string_view what, absl::string_view name,
                       const std::vector<Kind>& kinds, Operand* operand) {
  std::vector<std::string> known;
  for (const ToggleInfo& info : AllToggles()) {
    if (std::find(kinds.begin(), kinds.end(), info.kind) == kinds.end()) continue;
    if (info.name == name) {
      operand->toggles.Set(info.toggle);
      return absl::OkStatus();
    }
    // Mutations are for tests.
    if (!info.mutation() || kinds.size() == 1) known.push_back(info.name);
  }
  return absl::InvalidArgumentError(base::UnknownName(what, name, known));
}

absl::Status AddRevision(absl::string_view name, Operand* operand) {
  const auto& revisions = operand->proposal->revisions;
  std::vector<std::string> known;
  for (size_t i = 0; i < revisions.size(); ++i) {
    known.push_back(revisions[i].name);
    if (revisions[i].name != name) continue;
    // The last one is what the plain name means.
    if (i + 1 < revisions.size()) operand->toggles.SetRevision(operand->proposal->name, i);
    return absl::OkStatus();
  }
  if (known.empty()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "found a revision, expected none: ", operand->proposal->name, " has one only"));
  }
  return absl::InvalidArgumentError(
      base::UnknownName(absl::StrCat("a revision of ", operand->proposal->name), name, known));
}

// Its own and the kernel's: those of another proposal would do nothing.
absl::Status AddOption(absl::string_view name, Operand* operand) {
  absl::Status status = AddToggle(absl::StrCat("a fix or an option of ", operand->proposal->name),
                                  name, {Kind::kFix, Kind::kMutation}, operand);
  if (!status.ok()) return status;
  const std::string& owner = InfoOf(ToggleNamed(std::string(name))).proposal;
  if (owner == "baseline" || owner == operand->proposal->name) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("found '", base::Ascii(name), "', which is of ",
                                                 owner, ", expected one of ",
                                                 operand->proposal->name, " or of the kernel"));
}

absl::Status AddPart(char sign, absl::string_view name, Operand* operand) {
  switch (sign) {
    case '@':
      return AddRevision(name, operand);
    case '+':
      return AddOption(name, operand);
    case '/':
      return AddKernel(name, operand);
    default:
      if (name == kArchitecture) return absl::OkStatus();
      return absl::InvalidArgumentError(absl::StrCat("found '", base::Ascii(name), "', expected ",
                                                     kArchitecture,
                                                     ", the architecture that is modelled"));
  }
}

}  // namespace

absl::StatusOr<Operand> ParseOperand(absl::string_view text, size_t* at) {
  constexpr absl::string_view kSigns = "@+/:";
  size_t ignored = 0;
  size_t& here = at != nullptr ? *at : ignored;
  here = 0;
  const absl::string_view name = text.substr(0, text.find_first_of(kSigns));
  const Proposal* proposal = FindProposal(std::string(name));
  if (proposal == nullptr) {
    std::vector<std::string> known;
    for (const Proposal* each : AllProposals()) known.emplace_back(each->name);
    return absl::InvalidArgumentError(base::UnknownName("a proposal", name, known));
  }
  Operand operand(*proposal);
  size_t before = 0;  // the place in kSigns of the sign before
  for (here = name.size(); here < text.size();) {
    const size_t sign = kSigns.find(text[here]);
    const bool once = text[here] == '@' || text[here] == ':';
    if (here > name.size() && (sign < before || (sign == before && once))) {
      return absl::InvalidArgumentError(
          absl::StrCat("found '", text.substr(here, 1), "' here, expected ",
                       "proposal[@revision][+fix-or-option...][/kernel...][:arch]"));
    }
    before = sign;
    ++here;
    const absl::string_view part = text.substr(here, text.find_first_of(kSigns, here) - here);
    if (absl::Status status = AddPart(kSigns[sign], part, &operand); !status.ok()) return status;
    here += part.size();
  }
  return operand;
}

std::string ToString(const Operand& operand) {
  std::string text = operand.proposal->name;
  if (const auto revision = operand.toggles.Revision(operand.proposal->name)) {
    absl::StrAppend(&text, "@", operand.proposal->revisions[*revision].name);
  }
  std::string kernel = operand.kernel;
  for (const ToggleInfo& info : AllToggles()) {
    if (!operand.toggles.Has(info.toggle)) continue;
    if (!info.variant()) {
      absl::StrAppend(&text, "+", info.name);
    } else if (operand.kernel.empty()) {
      absl::StrAppend(&kernel, kernel.empty() ? "" : "/", info.name);
    }
  }
  if (!kernel.empty()) absl::StrAppend(&text, "/", kernel);
  return text;
}

absl::Status AddKernel(absl::string_view name, Operand* operand) {
  if (IsRelease(name)) {
    const auto release = ParseRelease(std::string(name));
    const auto variants = release ? VariantsOf(*release) : std::nullopt;
    if (!variants) {
      return absl::InvalidArgumentError(absl::StrCat(
          "found '", base::Ascii(name), "', expected a release from ", ToString(kOldestKernel),
          " to ", ToString(kNewestKernel), ", or a kernel variant ('knotcheck list kernels')"));
    }
    for (const absl::string_view other : absl::StrSplit(operand->kernel, '/')) {
      if (!IsRelease(other)) continue;
      return absl::InvalidArgumentError(
          absl::StrCat("found ", base::Ascii(name), " beside ", other, ", expected one release"));
    }
    operand->toggles |= *variants;
  } else if (absl::Status status =
                 AddToggle("a release or a kernel variant", name, {Kind::kVariant}, operand);
             !status.ok()) {
    return status;
  }
  absl::StrAppend(&operand->kernel, operand->kernel.empty() ? "" : "/", name);
  return absl::OkStatus();
}

absl::Status AddFix(absl::string_view name, Operand* operand) {
  return AddToggle("a fix", name, {Kind::kFix}, operand);
}

absl::Status AddMutation(absl::string_view name, Operand* operand) {
  return AddToggle("a mutation", name, {Kind::kMutation}, operand);
}

absl::StatusOr<Operand> With(const Operand& operand, const Operand& changes) {
  if (!operand.kernel.empty() && !changes.kernel.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat("found the kernel ", changes.kernel, " for ", ToString(operand),
                     ", expected one that names no kernel of its own"));
  }
  Operand both = operand;
  for (const ToggleInfo& info : AllToggles()) {
    const bool applies = info.proposal == "baseline" || info.proposal == operand.proposal->name;
    if (applies && changes.toggles.Has(info.toggle)) both.toggles.Set(info.toggle);
  }
  if (both.kernel.empty()) both.kernel = changes.kernel;
  return both;
}

bool SameQuestion(const Operand& a, const Operand& b) {
  return a.proposal == b.proposal && a.toggles == b.toggles;
}

std::vector<std::string> ToggleNames(const Toggles& toggles) {
  std::vector<std::string> names;
  for (const ToggleInfo& info : AllToggles()) {
    if (toggles.Has(info.toggle)) names.push_back(info.name);
  }
  return names;
}

std::string KernelText(const Operand& operand) {
  std::string release;
  std::vector<std::string> variants;
  for (const absl::string_view part : absl::StrSplit(operand.kernel, '/', absl::SkipEmpty())) {
    if (!IsRelease(part)) {
      variants.emplace_back(part);
    } else {
      absl::StrAppend(&release, release.empty() ? "" : " and ", part);
    }
  }
  for (const ToggleInfo& info : AllToggles()) {
    const bool unnamed = operand.kernel.empty() && info.variant();
    if (unnamed && operand.toggles.Has(info.toggle)) variants.push_back(info.name);
  }
  return absl::StrCat(release.empty() ? FindProposal("baseline")->revision : release,
                      variants.empty() ? "" : " with ", absl::StrJoin(variants, ", "));
}

std::string RevisionText(const Operand& operand) {
  const auto revision = operand.toggles.Revision(operand.proposal->name);
  if (!revision) return operand.proposal->revision;
  const ToggleName& named = operand.proposal->revisions[*revision];
  return absl::StrCat(named.name, ", ", named.what);
}

namespace {

std::string NamesOf(const Toggles& toggles, Kind kind) {
  std::string text;
  for (const ToggleInfo& info : AllToggles()) {
    if (info.kind != kind || !toggles.Has(info.toggle)) continue;
    absl::StrAppend(&text, text.empty() ? "" : ",", info.name);
  }
  return text;
}

}  // namespace

std::string FixesText(const Toggles& toggles) { return NamesOf(toggles, Kind::kFix); }

std::string MutationsText(const Toggles& toggles) { return NamesOf(toggles, Kind::kMutation); }

}  // namespace knotcheck::model
