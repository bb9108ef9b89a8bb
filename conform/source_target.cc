// SPDX-License-Identifier: Apache-2.0

#include "conform/source_target.h"

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/text.h"
#include "conform/process.h"

namespace knotcheck::conform {

absl::StatusOr<std::string> BuildSource(const SourceTree& source,
                                        const std::atomic<bool>* interrupted) {
  constexpr auto kLimit = std::chrono::minutes(10);
  std::string printed;
  ProcessOptions process;
  process.argv = {"bash", source.script, "--source", source.tree};
  for (const std::string& patch : source.patches) {
    process.argv.insert(process.argv.end(), {"--patch", patch});
  }
  process.limit = kLimit;
  process.interrupted = interrupted;
  process.output = [&printed](std::string_view bytes) { printed.append(bytes); };
  const auto result = RunProcess(process);
  if (!result.ok()) return result.status();
  if (!result->stopped.empty()) return absl::UnavailableError(result->stopped);
  if (result->status != 0) {
    absl::string_view said = absl::StripAsciiWhitespace(result->errors);
    said = said.substr(0, said.find('\n'));
    return absl::InvalidArgumentError(absl::StrCat("--target ", base::Ascii(std::string(said))));
  }
  return std::string(absl::StripAsciiWhitespace(printed));
}

}  // namespace knotcheck::conform
