// SPDX-License-Identifier: Apache-2.0

#include "tools/inputs.h"

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <set>
#include <system_error>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/files.h"
#include "base/text.h"
#include "lang/claims.h"
#include "lang/parse.h"
#include "verify/sweep.h"

namespace knotcheck::tools {
namespace {

namespace fs = std::filesystem;

constexpr char kCollection[] = "scenarios";
constexpr char kExtension[] = ".scn";

bool IsDirectory(const std::string& path) {
  std::error_code ignored;
  return fs::is_directory(path, ignored);
}

bool Exists(const std::string& path) {
  std::error_code ignored;
  return fs::exists(path, ignored);
}

// A path of the installation, seen from knotcheck's own folder.
std::string Installed(const std::string& path) {
  return (fs::path(OwnDirectory()).parent_path() / path).string();
}

absl::Status SearchDirectory(const std::string& directory, const std::string& extension,
                             std::vector<std::string>* files) {
  std::error_code error;
  std::vector<std::string> found;
  fs::recursive_directory_iterator at(directory, error);
  for (; !error && at != fs::recursive_directory_iterator(); at.increment(error)) {
    std::error_code ignored;
    if (at->path().extension() == extension && !at->is_directory(ignored)) {
      found.push_back(at->path().string());
    }
  }
  if (error) {
    return absl::InvalidArgumentError(absl::StrCat(
        base::Ascii(directory), ": cannot be searched: ", std::strerror(error.value())));
  }
  if (found.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat(base::Ascii(directory), ": found no *", extension, " in this directory"));
  }
  std::sort(found.begin(), found.end());
  files->insert(files->end(), found.begin(), found.end());
  return absl::OkStatus();
}

absl::StatusOr<std::vector<std::string>> FilesOf(const std::vector<std::string>& chosen,
                                                 const std::string& extension) {
  std::vector<std::string> files;
  for (const std::string& argument : chosen) {
    if (argument != kStandardInput && IsDirectory(argument)) {
      const absl::Status status = SearchDirectory(argument, extension, &files);
      if (!status.ok()) return status;
    } else {
      files.push_back(argument);
    }
  }
  // Each once, where it was named first.
  std::set<std::string> seen;
  files.erase(std::remove_if(files.begin(), files.end(),
                             [&seen](const std::string& f) { return !seen.insert(f).second; }),
              files.end());
  return files;
}

// The folders in which scenarios have names, the nearest first.
std::vector<std::string> Collections() {
  std::vector<std::string> found;
  for (const std::string& path :
       {std::string(kCollection), Installed(absl::StrCat("share/knotcheck/", kCollection))}) {
    if (IsDirectory(path)) found.push_back(path);
  }
  return found;
}

std::string LastPart(const std::string& name) { return name.substr(name.rfind('/') + 1); }

std::vector<std::string> NamesIn(const std::string& collection) {
  std::vector<std::string> names;
  std::vector<std::string> files;
  if (!SearchDirectory(collection, kExtension, &files).ok()) return names;
  for (const std::string& file : files) {
    const size_t begin = collection.size() + 1;
    names.push_back(file.substr(begin, file.size() - begin - std::strlen(kExtension)));
  }
  return names;
}

// What somebody who wrote `word` may have meant.
std::vector<std::string> Meant(const std::string& word, const std::vector<std::string>& names) {
  std::vector<std::string> meant = base::Near(word, names, base::kMostSuggested);
  if (!meant.empty() || absl::StrContains(word, '/')) return meant;
  std::vector<std::string> parts;
  for (const std::string& name : names) parts.push_back(LastPart(name));
  for (const std::string& part : base::Near(word, parts, base::kMostSuggested)) {
    for (const std::string& name : names) {
      const bool known = std::find(meant.begin(), meant.end(), name) != meant.end();
      if (LastPart(name) == part && !known) meant.push_back(name);
    }
  }
  meant.resize(std::min(meant.size(), base::kMostSuggested));
  return meant;
}

}  // namespace

absl::StatusOr<std::string> ReadInput(const std::string& file, size_t max_bytes) {
  return base::ReadFile(file == kStandardInput ? "/dev/stdin" : file, max_bytes);
}

std::string OwnDirectory() {
  std::error_code ignored;
  return fs::read_symlink("/proc/self/exe", ignored).parent_path().string();
}

std::string DataFile(const std::string& path) {
  if (Exists(path)) return path;
  std::string installed = Installed("share/knotcheck/" + path);
  return Exists(installed) ? installed : path;
}

std::string ProgramDirectory() { return Installed("libexec/knotcheck"); }

absl::StatusOr<std::string> ScenarioPath(const std::string& argument) {
  if (argument.empty() || argument == kStandardInput || Exists(argument)) return argument;
  // A path that a document of knotcheck's has.
  if (std::string data = DataFile(argument); data != argument) return data;
  const bool path = absl::EndsWith(argument, kExtension) || absl::StartsWith(argument, ".") ||
                    absl::StartsWith(argument, "/");
  if (path) return argument;
  std::vector<std::string> names;
  for (const std::string& collection : Collections()) {
    const std::string there = absl::StrCat(collection, "/", argument);
    if (Exists(there + kExtension)) return there + kExtension;
    if (IsDirectory(there)) return there;
    const std::vector<std::string> known = NamesIn(collection);
    std::vector<std::string> so;
    for (const std::string& name : known) {
      if (LastPart(name) == argument) so.push_back(name);
    }
    if (so.size() == 1) return absl::StrCat(collection, "/", so[0], kExtension);
    if (!so.empty()) {
      const size_t count = so.size();
      so.resize(std::min(count, base::kMostSuggested));
      return absl::InvalidArgumentError(
          absl::StrCat("found '", base::Ascii(argument), "', the name of ", count,
                       " scenarios, expected one: ", base::Alternatives(so)));
    }
    for (const std::string& name : known) {
      if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
    }
  }
  const std::string meant = base::Alternatives(Meant(argument, names));
  return absl::InvalidArgumentError(absl::StrCat(
      "found '", base::Ascii(argument), "', expected a file, a directory or a scenario's name",
      !meant.empty()  ? absl::StrCat("; did you mean ", meant, "?")
      : names.empty() ? "; no collection is here to have names: neither scenarios/ nor an installed"
                        " one"
                      : " ('knotcheck list scenarios' has them all)"));
}

absl::StatusOr<trace::TraceSubject> ParseScenario(const std::string& file,
                                                  const std::string& text) {
  auto scenario = lang::Parse(text, file);
  if (!scenario.ok()) return scenario.status();
  if (const auto operands = lang::ClaimedOperands(*scenario); !operands.ok()) {
    return operands.status();
  }
  trace::TraceSubject subject;
  subject.file = file;
  subject.text = text;
  subject.scenario = *std::move(scenario);
  return subject;
}

absl::StatusOr<trace::TraceSubject> LoadScenario(const std::string& argument) {
  const auto file = ScenarioPath(argument);
  if (!file.ok()) return file.status();
  const auto text = ReadInput(*file, lang::kMaxScenarioBytes);
  if (!text.ok()) return text.status();
  return ParseScenario(*file, *text);
}

absl::StatusOr<trace::TraceSubject> LoadScenario(const std::string& argument,
                                                 const model::Proposal& proposal) {
  if (absl::StartsWith(argument, "sweep/") && !Exists(argument)) {
    for (const verify::SweepCase& made : verify::SweepCases(proposal)) {
      if (made.name == argument) return ParseScenario(made.name, made.text);
    }
  }
  return LoadScenario(argument);
}

absl::StatusOr<std::vector<std::string>> ScenarioFiles(const std::vector<std::string>& arguments) {
  if (arguments.empty()) return FilesOf({DataFile(kCollection)}, kExtension);
  std::vector<std::string> paths;
  for (const std::string& argument : arguments) {
    auto path = ScenarioPath(argument);
    if (!path.ok()) return path.status();
    paths.push_back(*std::move(path));
  }
  return FilesOf(paths, kExtension);
}

bool IsOneScenario(const std::vector<std::string>& arguments) {
  if (arguments.size() != 1) return false;
  const auto path = ScenarioPath(arguments[0]);
  return path.ok() && (*path == kStandardInput || !IsDirectory(*path));
}

absl::StatusOr<std::vector<std::string>> TraceFiles(const std::vector<std::string>& arguments) {
  return FilesOf(arguments, ".json");
}

}  // namespace knotcheck::tools
