// SPDX-License-Identifier: Apache-2.0
//
// Any bytes as a trace file: the reader answers, and what it takes can be replayed or refused, and
// shown. Seeds: knotcheck check --trace-dir fuzz/corpus/trace scenarios/attack/openat_path.scn

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "report/columns.h"
#include "trace/json.h"

namespace {

// Long enough for any counterexample of the scenarios; a longer path only takes longer.
constexpr size_t kMaxSteps = 500;

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace knotcheck::report;
  using namespace knotcheck::trace;
  const auto recorded =
      ParseTrace(absl::string_view(reinterpret_cast<const char*>(data), size), "fuzz.json");
  if (!recorded.ok()) return 0;
  if (recorded->path.actions.size() > kMaxSteps) return 0;
  if (recorded->concrete && recorded->concrete->path.actions.size() > kMaxSteps) return 0;
  const auto trace = Revive(*recorded, "fuzz.json");
  if (!trace.ok()) return 0;
  // What has been replayed is written so that it comes back the same.
  const std::string text = TraceJson(*trace);
  const auto again = ParseTrace(text, "again.json");
  // abort, not KNOT_CHECK: libFuzzer keeps an input only if the program dies of a signal.
  if (!again.ok() || !Difference(*again, *trace).empty()) std::abort();
  ColumnsOptions options;
  options.width = kMinWidth + size % 100;
  options.all = size % 2 == 0;
  if (Columns(*trace, options).empty()) std::abort();
  return 0;
}
