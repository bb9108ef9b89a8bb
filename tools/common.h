// SPDX-License-Identifier: Apache-2.0
//
// What the subcommands share: exit statuses, and the names that a command line may use.

#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "model/operand.h"

namespace knotcheck::tools {

// Of the program. When several apply: the first of internal, bad input, differs, incomplete.
enum ExitCode : int {
  kOk = 0,          // every verdict is as its scenario says
  kDiffers = 1,     // some verdict is not, or a trace does not show what it says
  kUsage = 2,       // the command line is wrong, or an output cannot be written
  kBadInput = 3,    // a scenario or a trace cannot be used
  kIncomplete = 4,  // a limit was hit, or Ctrl-C: what was not found may still exist
  kInternal = 70,   // a bug of knotcheck
};

// Prints the message to stderr and gives `code` back.
int Fail(ExitCode code, absl::string_view message);
// The same for a status about a scenario or a trace: Internal is 70, the rest is kBadInput.
int Fail(const absl::Status& status);
// The same for a wrong command line: "knotcheck: MESSAGE".
int FailUsage(const absl::Status& status);

// A number for the running program's file: another build of it may have another model. Unavailable.
absl::StatusOr<std::string> BuildId();

// What the user has to type for this program: by its path when it was called so, else plainly.
void SetProgram(const std::string& name);
const std::string& Program();

// Columns of the terminal on `fd`; 80 when it is none.
size_t TerminalWidth(int fd);
bool ColorOn(int fd);

// Set by the first Ctrl-C; the second one kills.
const std::atomic<bool>& Interrupted();
void Interrupt();
void CatchInterrupts();

struct Changes;

// What --kernel, --mutate and --fix say, as an operand without a proposal. A kernel may be named as
// `uname -r` does; one that is newer than all that is known is the newest of these, which is said
// on stderr. InvalidArgument says what was found, expected and meant.
absl::StatusOr<model::Operand> ChangesNamed(const Changes& changes);
// What --proposal says, each once; model/operand.h has the grammar. InvalidArgument as above.
absl::StatusOr<std::vector<model::Operand>> OperandsNamed(const std::vector<std::string>& names);
// The same of a command that takes one.
absl::StatusOr<model::Operand> OperandNamed(const std::string& name);

// "512M", "8GiB" or a plain number of bytes.
absl::StatusOr<uint64_t> ParseSize(const std::string& text);
std::string SizeText(uint64_t bytes);
// Of the machine, or of this control group if that has less.
uint64_t MemoryBytes();

// Whether a file that `option` names may be written: not where it is one of the scenarios and
// traces that are read.
absl::Status MayBeWritten(absl::string_view option, const std::string& file,
                          const std::vector<std::string>& inputs);
// --json FILE, "" for none and "-" for stdout. Before the searches: whether it can be written, and
// is none of what is read. With "-", Print() is silent from here on.
absl::Status PrepareJson(const std::string& file, const std::vector<std::string>& inputs);
absl::Status WriteJson(const std::string& file, const std::string& json);

// Writes to stdout; the first failure is kept for FlushOutput.
void Print(absl::string_view text);
// Unavailable when something could not be written.
absl::Status FlushOutput();

}  // namespace knotcheck::tools
