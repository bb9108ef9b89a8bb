// SPDX-License-Identifier: Apache-2.0

#include "report/fixes.h"

#include "absl/strings/str_cat.h"
#include "base/json.h"
#include "base/text.h"
#include "base/version.h"
#include "checker/lasso.h"
#include "checker/path.h"
#include "nlohmann/json.hpp"
#include "report/result.h"
#include "trace/trace.h"

namespace knotcheck::report {
namespace {

using Json = nlohmann::ordered_json;

const std::string& NameOf(model::Toggle toggle) { return model::InfoOf(toggle).name; }

bool IsIn(model::Toggle toggle, verify::FixSet set) { return (set & model::FixBit(toggle)) != 0; }

std::string PathOf(const verify::FixWitness& witness) {
  return witness.cycle ? checker::LassoToString({witness.path, *witness.cycle})
                       : checker::PathToString(witness.path);
}

size_t StepsOf(const verify::FixWitness& witness) {
  return witness.path.actions.size() + (witness.cycle ? witness.cycle->size() : 0);
}

// The fixes that all sets have, for one and the same reason.
verify::FixSet InAll(const verify::FixSets& found) {
  verify::FixSet common = 0;
  for (const model::Toggle toggle : found.candidates) {
    bool same = true;
    size_t reason = 0;
    for (size_t i = 0; i < found.smallest.size(); ++i) {
      if (!IsIn(toggle, found.smallest[i])) {
        same = false;
        break;
      }
      size_t at = 0;
      for (const model::Toggle before : found.candidates) {
        if (before == toggle) break;
        at += IsIn(before, found.smallest[i]) ? 1 : 0;
      }
      if (i == 0) reason = found.why[i][at];
      same = same && found.why[i][at] == reason;
    }
    if (same) common |= model::FixBit(toggle);
  }
  return common;
}

// Those of set i that are in `shown`, each with the number of what fails without it.
std::string Members(const FixReport& report, size_t i, verify::FixSet shown) {
  const verify::FixSets& found = report.found;
  std::string text;
  size_t at = 0;
  for (const model::Toggle toggle : found.candidates) {
    if (!IsIn(toggle, found.smallest[i])) continue;
    if (IsIn(toggle, shown)) {
      absl::StrAppend(&text, text.empty() ? "" : ", ", NameOf(toggle), " [", found.why[i][at] + 1,
                      "]");
    }
    ++at;
  }
  return text;
}

std::vector<std::string> Names(const FixReport& report, verify::FixSet set) {
  std::vector<std::string> names;
  for (const model::Toggle toggle : report.found.candidates) {
    if (IsIn(toggle, set)) names.push_back(NameOf(toggle));
  }
  return names;
}

void Append(const std::string& text, size_t width, size_t indent, size_t hang, std::string* out) {
  for (const std::string& line : base::Wrap(base::Ascii(text), width, indent, hang)) {
    absl::StrAppend(out, line, "\n");
  }
}

}  // namespace

std::vector<std::string> WitnessCommand(const FixReport& report,
                                        const verify::FixWitness& witness) {
  model::Operand operand = report.operand;
  operand.toggles = verify::TogglesOf(report.operand, witness.fixes);
  return {report.program, "replay",          "--scenario", report.scenarios[witness.scenario]->file,
          "--proposal",   ToString(operand), "--property", witness.property,
          PathOf(witness)};
}

std::string FixesAsText(const FixReport& report, size_t width) {
  const verify::FixSets& found = report.found;
  std::string text;
  Append(absl::StrCat(ToString(report.operand), ": ", report.scenarios.size(),
                      report.scenarios.size() == 1 ? " scenario, " : " scenarios, ",
                      found.candidates.size(), " fixes, ", found.asked, " searches"),
         width, 0, 2, &text);
  Append(OriginText(report.operand, {report.operand}), width, 0, 2, &text);
  if (!found.unmended.empty()) text += "\nnot mended by any fix:\n";
  for (const auto& [scenario, property] : found.unmended) {
    Append(absl::StrCat(report.scenarios[scenario]->header.name, ": ", property), width, 2, 4,
           &text);
  }
  text += "\n";
  if (found.smallest.empty()) {
    text += "no set of fixes makes all the rest hold; under none hold both or all of:\n";
    for (const auto& [scenario, property] : found.exclusive) {
      Append(absl::StrCat(report.scenarios[scenario]->header.name, ": ", property), width, 2, 4,
             &text);
    }
    return text;
  }
  Append(absl::StrCat(
             "smallest sets under which all the rest holds: ", found.smallest.size(),
             found.witnesses.empty() ? "" : "; the number after a fix says what fails without it"),
         width, 0, 2, &text);
  const verify::FixSet common = found.smallest.size() > 1 ? InAll(found) : 0;
  if (common != 0) {
    Append(absl::StrCat("in every set: ", Members(report, 0, common)), width, 2, 4, &text);
  }
  for (size_t i = 0; i < found.smallest.size(); ++i) {
    const size_t size = Names(report, found.smallest[i]).size();
    const std::string members = Members(report, i, ~common);
    Append(absl::StrCat(i + 1, ". ", size, size == 1 ? " fix" : " fixes",
                        size == 0         ? ""
                        : common != 0     ? absl::StrCat(", with ", members)
                        : members.empty() ? ""
                                          : absl::StrCat(": ", members)),
           width, 2, 6, &text);
  }
  if (!found.witnesses.empty()) text += "\n";
  for (size_t w = 0; w < found.witnesses.size(); ++w) {
    const verify::FixWitness& witness = found.witnesses[w];
    Append(absl::StrCat("[", w + 1, "] ", report.scenarios[witness.scenario]->header.name, ": ",
                        witness.property, ", ", StepsOf(witness), " steps"),
           width, 0, 4, &text);
    for (const std::string& line : base::WrapCommand(WitnessCommand(report, witness), width - 4)) {
      absl::StrAppend(&text, "    ", line, "\n");
    }
  }
  return text;
}

std::string FixesAsJson(const FixReport& report) {
  const verify::FixSets& found = report.found;
  Json json;
  json["format"] = "knotcheck-fixes";
  json["version"] = 1;
  json["knotcheck"] = base::kVersion;
  json["kernel"] = KernelText(report.operand);
  json["proposal"] = ToString(report.operand);
  json["revision"] = RevisionText(report.operand);
  json["candidates"] = Names(report, ~verify::FixSet{0});
  json["scenarios"] = Json::array();
  for (const lang::Scenario* scenario : report.scenarios) {
    json["scenarios"].push_back(scenario->header.name);
  }
  json["searches"] = found.asked;
  json["unmended"] = Json::array();
  for (const auto& [scenario, property] : found.unmended) {
    json["unmended"].push_back(
        Json{{"scenario", report.scenarios[scenario]->header.name}, {"property", property}});
  }
  json["exclusive"] = Json::array();
  for (const auto& [scenario, property] : found.exclusive) {
    json["exclusive"].push_back(
        Json{{"scenario", report.scenarios[scenario]->header.name}, {"property", property}});
  }
  json["sets"] = Json::array();
  for (size_t i = 0; i < found.smallest.size(); ++i) {
    Json set = Json::array();
    const std::vector<std::string> names = Names(report, found.smallest[i]);
    for (size_t f = 0; f < names.size(); ++f) {
      set.push_back(Json{{"fix", names[f]}, {"witness", found.why[i][f]}});
    }
    json["sets"].push_back(std::move(set));
  }
  json["witnesses"] = Json::array();
  for (const verify::FixWitness& witness : found.witnesses) {
    json["witnesses"].push_back(Json{{"scenario", report.scenarios[witness.scenario]->header.name},
                                     {"file", report.scenarios[witness.scenario]->file},
                                     {"property", witness.property},
                                     {"fixes", Names(report, witness.fixes)},
                                     {"steps", StepsOf(witness)},
                                     {"path", PathOf(witness)}});
  }
  return JsonText(json);
}

}  // namespace knotcheck::report
