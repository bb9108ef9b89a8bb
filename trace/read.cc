// SPDX-License-Identifier: Apache-2.0
//
// The reader of trace files. They come from anywhere, so nothing in one is believed: its shape is
// checked here, and what it claims is replayed.

#include <algorithm>
#include <limits>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/text.h"
#include "lang/parse.h"
#include "nlohmann/json.hpp"
#include "trace/json.h"

namespace knotcheck::trace {
namespace {

using Json = nlohmann::ordered_json;

constexpr char kWriteAnew[] =
    "; to write a trace anew: knotcheck check --trace-dir DIR SCENARIO.scn";
constexpr int kMaxWrites = std::numeric_limits<uint8_t>::max();  // what the model's state holds

// Reads values out of a JSON object and keeps the first complaint.
class Reader {
 public:
  explicit Reader(std::string file) : file_(std::move(file)) {}

  bool ok() const { return status_.ok(); }
  const absl::Status& status() const { return status_; }

  void Fail(absl::string_view message) {
    if (ok()) {
      status_ =
          absl::InvalidArgumentError(absl::StrCat(base::Ascii(file_), ": ", message, kWriteAnew));
    }
  }

  // The value at `key`, of that type; else a null and a complaint. `where` is "" or "steps[3].".
  const Json& Get(const Json& object, const std::string& where, const char* key,
                  Json::value_t type) {
    static const auto* const null = new Json();
    const auto at = object.find(key);
    if (at == object.end()) {
      Fail(absl::StrCat("the key '", where, key, "' is missing"));
      return *null;
    }
    const bool number = type == Json::value_t::number_unsigned && at->is_number_unsigned();
    if (at->type() != type && !number) {
      Fail(absl::StrCat("'", where, key, "' is a ", at->type_name(), ", expected a ",
                        Json(type).type_name()));
      return *null;
    }
    return *at;
  }
  std::string String(const Json& object, const std::string& where, const char* key) {
    const Json& value = Get(object, where, key, Json::value_t::string);
    return value.is_string() ? value.get<std::string>() : "";
  }
  // Below `limit`.
  int Number(const Json& object, const std::string& where, const char* key, int limit) {
    const Json& value = Get(object, where, key, Json::value_t::number_unsigned);
    if (!value.is_number_unsigned()) return 0;
    const uint64_t number = value.get<uint64_t>();
    if (number < static_cast<uint64_t>(limit)) return static_cast<int>(number);
    Fail(absl::StrCat("'", where, key, "' is ", number, ", expected less than ", limit));
    return 0;
  }
  std::vector<std::string> Strings(const Json& object, const std::string& where, const char* key) {
    std::vector<std::string> strings;
    for (const Json& value : Get(object, where, key, Json::value_t::array)) {
      if (!value.is_string()) {
        Fail(absl::StrCat("'", where, key, "' holds a ", value.type_name(),
                          ", expected strings only"));
        return strings;
      }
      strings.push_back(value.get<std::string>());
    }
    return strings;
  }
  checker::Path Path(const Json& object, const std::string& where, const char* key) {
    const auto path = checker::PathFromString(String(object, where, key));
    if (!path.ok()) {
      Fail(absl::StrCat("'", where, key, "': ", path.status().message()));
      return {};
    }
    return *path;
  }
  // No other keys: a misspelt one would be ignored in silence.
  void OnlyKeys(const Json& object, const std::string& where,
                const std::vector<std::string>& known) {
    for (const auto& [key, value] : object.items()) {
      if (std::find(known.begin(), known.end(), key) != known.end()) continue;
      Fail(absl::StrCat(where.empty() ? "" : where + ": ", base::UnknownName("a key", key, known)));
    }
  }

 private:
  std::string file_;
  absl::Status status_;
};

absl::StatusOr<Json> ParseJson(absl::string_view text, const std::string& file) {
  try {
    return Json::parse(text.begin(), text.end());
  } catch (const Json::exception& e) {
    size_t byte = text.size();
    if (const auto* error = dynamic_cast<const Json::parse_error*>(&e)) {
      byte = std::min(text.size(), error->byte > 0 ? error->byte - 1 : 0);
    }
    const absl::string_view before = text.substr(0, byte);
    const size_t line = static_cast<size_t>(std::count(before.begin(), before.end(), '\n')) + 1;
    const size_t column = byte - (before.rfind('\n') + 1) + 1;
    // The library's text after its own idea of the place.
    std::string what = e.what();
    const size_t detail = what.find(": ");
    if (detail != std::string::npos) what = what.substr(detail + 2);
    const bool cut = byte == text.size();
    return absl::InvalidArgumentError(absl::StrCat(
        base::Ascii(file), ":", line, ":", column, ": ",
        cut ? "the trace ends too early, it was cut off: " : "no JSON: ", base::Ascii(what),
        kWriteAnew));
  }
}

void ReadHead(const Json& json, Reader* reader) {
  const std::string format = reader->String(json, "", "format");
  if (reader->ok() && format != "knotcheck-trace") {
    reader->Fail(
        absl::StrCat("the format is '", base::Ascii(format), "', expected 'knotcheck-trace'"));
  }
  const Json& version = reader->Get(json, "", "version", Json::value_t::number_unsigned);
  if (reader->ok() && version.get<uint64_t>() != kTraceVersion) {
    reader->Fail(absl::StrCat("the trace has version ", version.get<uint64_t>(),
                              ", this knotcheck reads version ", kTraceVersion,
                              "; use the knotcheck that wrote it"));
  }
}

void ReadSubject(const Json& json, Reader* reader, TraceSubject* subject) {
  subject->file = reader->String(json, "", "scenario_file");
  subject->text = reader->String(json, "", "scenario");
  const std::string proposal = reader->String(json, "", "proposal");
  if (!reader->ok()) return;
  auto operand = model::ParseOperand(proposal);
  if (!operand.ok()) {
    reader->Fail(absl::StrCat("'proposal': ", operand.status().message()));
    return;
  }
  static_cast<model::Operand&>(*subject) = *std::move(operand);
  auto scenario = lang::Parse(subject->text, subject->file);
  if (!scenario.ok()) {
    reader->Fail(absl::StrCat("its scenario is wrong: ", scenario.status().message()));
    return;
  }
  subject->scenario = *std::move(scenario);
}

void ReadProperty(const Json& json, Reader* reader, std::string* property) {
  *property = reader->String(json, "", "property");
  std::vector<std::string> known;
  for (const model::PropertyInfo& info : model::AllProperties()) known.push_back(info.name);
  if (reader->ok() && std::find(known.begin(), known.end(), *property) == known.end()) {
    reader->Fail("'property': " + base::UnknownName("a property", *property, known));
  }
}

void ReadSteps(const Json& json, Reader* reader, TraceFile* trace) {
  for (const Json& value : reader->Get(json, "", "threads", Json::value_t::array)) {
    const std::string where = absl::StrCat("threads[", trace->threads.size(), "].");
    if (!value.is_object()) return reader->Fail(absl::StrCat("'", where, "' is no object"));
    reader->OnlyKeys(value, where, {"name", "role"});
    trace->threads.push_back(
        {reader->String(value, where, "name"), reader->String(value, where, "role")});
    if (!reader->ok()) return;
  }
  const int threads = static_cast<int>(trace->threads.size());
  for (const Json& value : reader->Get(json, "", "steps", Json::value_t::array)) {
    const std::string where = absl::StrCat("steps[", trace->lines.size(), "].");
    if (!value.is_object()) return reader->Fail(absl::StrCat("'", where, "' is no object"));
    reader->OnlyKeys(value, where,
                     {"thread", "function", "file", "statement", "notes", "violated"});
    TraceLine line;
    line.thread = reader->Number(value, where, "thread", threads);
    line.function = reader->String(value, where, "function");
    line.file = reader->String(value, where, "file");
    line.statement = reader->String(value, where, "statement");
    line.notes = reader->Strings(value, where, "notes");
    line.violated = reader->Strings(value, where, "violated");
    if (!reader->ok()) return;
    trace->lines.push_back(std::move(line));
  }
}

absl::Status Prefixed(const absl::Status& status, const std::string& file) {
  return absl::Status(status.code(), absl::StrCat(base::Ascii(file), ": ", status.message()));
}

// A complaint about a path, with what to do.
absl::Status BadPath(const absl::Status& status, const std::string& file, absl::string_view key) {
  if (!absl::IsInvalidArgument(status)) return Prefixed(status, file);
  return absl::InvalidArgumentError(absl::StrCat(
      base::Ascii(file), ": '", key, "': ", status.message(),
      "; the trace was edited, or written by a knotcheck with another model", kWriteAnew));
}

std::string LineDifference(const TraceLine& recorded, const TraceLine& replayed) {
  const auto differs = [](absl::string_view what, const std::string& a, const std::string& b) {
    return absl::StrCat("its ", what, " is '", base::Ascii(a), "', the replay has '",
                        base::Ascii(b), "'");
  };
  if (recorded.thread != replayed.thread) return "it is of another thread than the replay's";
  if (recorded.function != replayed.function) {
    return differs("function", recorded.function, replayed.function);
  }
  if (recorded.statement != replayed.statement) {
    return differs("statement", recorded.statement, replayed.statement);
  }
  if (recorded.file != replayed.file) return differs("file", recorded.file, replayed.file);
  if (recorded.notes != replayed.notes) return "its notes are not those of the replay";
  return "it does not violate what the replay violates";
}

}  // namespace

absl::StatusOr<TraceFile> ParseTrace(absl::string_view text, const std::string& file) {
  if (text.size() > kMaxTraceBytes) {
    return absl::InvalidArgumentError(absl::StrCat(base::Ascii(file), ": found ", text.size(),
                                                   " bytes, expected at most ", kMaxTraceBytes));
  }
  const auto json = ParseJson(text, file);
  if (!json.ok()) return json.status();
  Reader reader(file);
  if (!json->is_object()) {
    reader.Fail(absl::StrCat("found a JSON ", json->type_name(), ", expected an object"));
    return reader.status();
  }
  TraceFile trace;
  ReadHead(*json, &reader);
  // Another version has other keys.
  if (!reader.ok()) return reader.status();
  // For readers: what knotcheck, kernel and revision say is in `proposal` and the replay.
  reader.OnlyKeys(*json, "",
                  {"format", "version", "knotcheck", "kernel", "revision", "scenario_file",
                   "scenario", "proposal", "property", "sentence", "source", "path", "concrete",
                   "threads", "steps", "at_rest"});
  ReadSubject(*json, &reader, &trace.subject);
  ReadProperty(*json, &reader, &trace.property);
  reader.String(*json, "", "sentence");
  reader.String(*json, "", "source");
  trace.path = reader.Path(*json, "", "path");
  const auto concrete = json->find("concrete");
  if (concrete == json->end() || !concrete->is_null()) {
    const Json& object = reader.Get(*json, "", "concrete", Json::value_t::object);
    if (!reader.ok()) return reader.status();
    reader.OnlyKeys(object, "concrete", {"writes", "path"});
    trace.concrete = Trace::Concrete{reader.Number(object, "concrete.", "writes", kMaxWrites + 1),
                                     reader.Path(object, "concrete.", "path")};
  }
  ReadSteps(*json, &reader, &trace);
  trace.at_rest = reader.Strings(*json, "", "at_rest");
  if (!reader.ok()) return reader.status();
  return trace;
}

absl::StatusOr<Trace> Revive(const TraceFile& recorded, const std::string& file) {
  const TraceSubject& subject = recorded.subject;
  const auto question =
      verify::Question::Make(subject.scenario, *subject.proposal, subject.toggles);
  if (!question.ok()) {
    return absl::InvalidArgumentError(absl::StrCat(
        base::Ascii(file), ": its scenario is wrong: ", question.status().message(), kWriteAnew));
  }
  auto trace = MakeTrace(recorded.subject, recorded.path, recorded.property);
  if (!trace.ok()) return BadPath(trace.status(), file, "path");
  if (recorded.concrete && trace->concrete) {
    const absl::Status status =
        ReplayConcrete(recorded.subject, *recorded.concrete, recorded.property);
    if (!status.ok()) return BadPath(status, file, "concrete.path");
  }
  return trace;
}

std::string Difference(const TraceFile& recorded, const Trace& replayed) {
  if (recorded.concrete.has_value() != replayed.concrete.has_value()) {
    return "'concrete' is there for the most general peer, and for no other";
  }
  if (recorded.concrete && (recorded.concrete->writes != replayed.concrete->writes ||
                            !(recorded.concrete->path == replayed.concrete->path))) {
    return "'concrete' is not what the path gives";
  }
  if (recorded.threads != replayed.threads) return "'threads' are not those of the scenario";
  const size_t common = std::min(recorded.lines.size(), replayed.lines.size());
  for (size_t i = 0; i < common; ++i) {
    if (recorded.lines[i] == replayed.lines[i]) continue;
    return absl::StrCat("'steps[", i, "]': ", LineDifference(recorded.lines[i], replayed.lines[i]));
  }
  if (recorded.lines.size() != replayed.lines.size()) {
    return absl::StrCat("it records ", recorded.lines.size(), " steps, the replay has ",
                        replayed.lines.size());
  }
  if (recorded.at_rest != replayed.at_rest) return "'at_rest' is not what the replay ends with";
  return "";
}

}  // namespace knotcheck::trace
