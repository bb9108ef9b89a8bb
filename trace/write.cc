// SPDX-License-Identifier: Apache-2.0

#include "base/json.h"
#include "base/version.h"
#include "checker/path.h"
#include "nlohmann/json.hpp"
#include "trace/json.h"

namespace knotcheck::trace {

using Json = nlohmann::ordered_json;

std::string TraceJson(const Trace& trace) {
  Json json;
  json["format"] = "knotcheck-trace";
  json["version"] = kTraceVersion;
  json["knotcheck"] = base::kVersion;
  json["kernel"] = KernelText(trace.subject);
  json["revision"] = RevisionText(trace.subject);
  json["scenario_file"] = trace.subject.file;
  json["scenario"] = trace.subject.text;
  json["proposal"] = ToString(trace.subject);
  json["property"] = trace.property;
  json["sentence"] = trace.sentence;
  json["source"] = trace.source;
  json["path"] = checker::PathToString(trace.path);
  json["concrete"] = nullptr;
  if (trace.concrete) {
    json["concrete"] = Json{{"writes", trace.concrete->writes},
                            {"path", checker::PathToString(trace.concrete->path)}};
  }
  json["threads"] = Json::array();
  for (const TraceThread& thread : trace.threads) {
    json["threads"].push_back(Json{{"name", thread.name}, {"role", thread.role}});
  }
  json["steps"] = Json::array();
  for (const TraceLine& line : trace.lines) {
    json["steps"].push_back(Json{{"thread", line.thread},
                                 {"function", line.function},
                                 {"file", line.file},
                                 {"statement", line.statement},
                                 {"notes", line.notes},
                                 {"violated", line.violated}});
  }
  json["at_rest"] = trace.at_rest;
  return JsonText(json);
}

}  // namespace knotcheck::trace
