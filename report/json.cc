// SPDX-License-Identifier: Apache-2.0

#include "report/json.h"

#include "base/json.h"
#include "base/version.h"
#include "checker/path.h"
#include "nlohmann/json.hpp"

namespace knotcheck::report {
namespace {

using Json = nlohmann::ordered_json;

Json PropertyJson(const Entry& entry, const verify::PropertyVerdict& property) {
  Json json;
  json["name"] = property.info.name;
  json["status"] = StatusWord(property);
  json["judged"] = property.judged;
  json["asked"] = property.asked;
  json["witnesses"] = property.witnesses;
  json["path"] = nullptr;
  if (property.status == checker::Status::kViolated) {
    json["path"] = PathText(property);
  }
  json["shortest"] = property.shortest;
  json["trace"] = nullptr;
  for (const auto& [name, file] : entry.traces) {
    if (name == property.info.name) json["trace"] = file;
  }
  return json;
}

Json LivenessJson(const verify::Liveness& liveness) {
  Json json;
  json["property"] = liveness.property;
  json["end"] = EndWord(liveness.result.end);
  json["states"] = liveness.result.states;
  json["transitions"] = liveness.result.transitions;
  json["components"] = liveness.result.components;
  json["starved"] = Json::array();
  for (const verify::Starving& starving : liveness.starving) {
    json["starved"].push_back(
        Json{{"task", starving.name}, {"path", checker::LassoToString(starving.lasso)}});
  }
  return json;
}

Json EntryJson(const Entry& entry) {
  Json json;
  json["scenario"] = entry.scenario;
  json["file"] = entry.file;
  json["proposal"] = entry.proposal;
  json["revision"] = entry.revision;
  json["claim"] = entry.claim.empty() ? Json(nullptr) : Json(entry.claim);
  json["verdict"] = OutcomeText(entry);
  json["agreement"] = MarkWord(MarkOf(entry));
  json["reason"] = entry.reason.empty() ? Json(nullptr) : Json(entry.reason);
  if (entry.state != Entry::State::kAnswered) return json;
  const checker::Result& result = entry.answer.result;
  json["violated"] = entry.answer.violated;
  json["vacuous"] = entry.answer.vacuous;
  json["not_reached"] = entry.answer.unreached;
  json["absent"] = entry.answer.absent;
  json["approves_no_memory"] = entry.answer.blind;
  json["notes"] = entry.answer.notes;
  json["end"] = EndWord(result.end);
  json["states"] = result.states;
  json["transitions"] = result.transitions;
  json["depth"] = result.depth;
  json["at_rest"] = result.at_rest;
  json["state_bits"] = result.state_bits;
  json["levels"] = result.levels;
  // Absent where nothing was looked at, so that readers of before find what they know.
  for (const verify::Liveness& liveness : entry.answer.liveness) {
    json["liveness"].push_back(LivenessJson(liveness));
  }
  json["properties"] = Json::array();
  for (const verify::PropertyVerdict& property : entry.answer.properties) {
    json["properties"].push_back(PropertyJson(entry, property));
  }
  return json;
}

}  // namespace

std::string ResultsJson(const RunInfo& run, const std::vector<Entry>& entries,
                        const std::vector<FileError>& errors) {
  Json json;
  json["format"] = "knotcheck-results";
  json["version"] = kResultsVersion;
  json["knotcheck"] = base::kVersion;
  json["kernel"] = run.kernel;
  json["toggles"] = run.toggles;
  json["order"] = run.order;
  json["reductions"] = run.reductions;
  json["results"] = Json::array();
  for (const Entry& entry : entries) json["results"].push_back(EntryJson(entry));
  json["errors"] = Json::array();
  for (const FileError& error : errors) {
    json["errors"].push_back(Json{{"file", error.file}, {"message", error.message}});
  }
  const Summary summary = Summarise(entries);
  json["summary"] = Json{{"scenarios", summary.scenarios},
                         {"questions", summary.questions()},
                         {"agree", summary.agree},
                         {"differ", summary.differ},
                         {"incomplete", summary.incomplete},
                         {"not_judged", summary.not_judged},
                         {"mean_nothing", summary.mean_nothing}};
  return JsonText(json);
}

}  // namespace knotcheck::report
