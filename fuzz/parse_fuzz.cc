// SPDX-License-Identifier: Apache-2.0
//
// Any bytes as a scenario: Parse answers, and what it takes survives printing and parsing again.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "lang/parse.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using knotcheck::lang::Parse;
  const auto scenario =
      Parse(absl::string_view(reinterpret_cast<const char*>(data), size), "fuzz.scn");
  if (!scenario.ok()) return 0;
  const std::string text = knotcheck::lang::Print(*scenario);
  // The canonical text may be the longer one ("4KiB" becomes "4096").
  if (text.size() > knotcheck::lang::kMaxScenarioBytes) return 0;
  const auto again = Parse(text, "fuzz.scn");
  // abort, not KNOT_CHECK: libFuzzer keeps an input only if the program dies of a signal.
  if (!again.ok() || !(*again == *scenario) || knotcheck::lang::Print(*again) != text) {
    std::abort();
  }
  return 0;
}
