// SPDX-License-Identifier: Apache-2.0
//
// What the subcommands read: scenarios by their files or names, traces, and the tables that come
// with knotcheck. These lie in the folder in which it is started, if that is a checkout, or where
// it was installed.

#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "trace/trace.h"

namespace knotcheck::tools {

// What stands for standard input where a file is asked for.
inline constexpr char kStandardInput[] = "-";

// A whole file, or what comes from standard input; the errors of base::ReadFile.
absl::StatusOr<std::string> ReadInput(const std::string& file, size_t max_bytes);

// A file that comes with knotcheck, by its path in the checkout: this folder's, or the installed
// one. Where neither is there, the path as it was given.
std::string DataFile(const std::string& path);

// The folder that knotcheck itself is in: where it was built, or installed.
std::string OwnDirectory();

// Where the installation has its programs that nobody calls by hand: "../libexec/knotcheck" seen
// from knotcheck itself.
std::string ProgramDirectory();

// The file or directory that is meant: what is there under this path, or the scenarios that the
// collection calls so ("attack/openat_path", "openat_path" where that is one only, "attack"). A
// path of no name as it was given. InvalidArgument: an unknown name, or one that several have.
absl::StatusOr<std::string> ScenarioPath(const std::string& argument);

// Reads and parses a scenario, by its path or name, and checks the names in its "# result:".
absl::StatusOr<trace::TraceSubject> LoadScenario(const std::string& argument);

// The same of a text that is there already; `file` is what messages call it.
absl::StatusOr<trace::TraceSubject> ParseScenario(const std::string& file, const std::string& text);
// The same by a path or name, or by that of a scenario that `sweep` makes for the proposal.
absl::StatusOr<trace::TraceSubject> LoadScenario(const std::string& argument,
                                                 const model::Proposal& proposal);

// The scenarios that the arguments mean, each once: files, and directories searched for *.scn, by
// path. None given: the whole collection.
absl::StatusOr<std::vector<std::string>> ScenarioFiles(const std::vector<std::string>& arguments);

// Whether the arguments mean one file, and not a directory or several.
bool IsOneScenario(const std::vector<std::string>& arguments);

// The trace files that the arguments name: files as given, directories searched for *.json by path.
absl::StatusOr<std::vector<std::string>> TraceFiles(const std::vector<std::string>& arguments);

}  // namespace knotcheck::tools
