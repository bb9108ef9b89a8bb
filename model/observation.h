// SPDX-License-Identifier: Apache-2.0
//
// What user space can tell of a run: conformance compares it with a real kernel.

#pragma once

#include <cstdint>
#include <vector>

#include "model/program.h"

namespace knotcheck::model {

struct Observation {
  enum class Kind : uint8_t {
    kBegins,   // operation `call` of the task begins, or begins again after a signal
    kReturns,  // ... and returns `ret`
    kHandler,  // the task's signal handler begins
    kActs,     // the call acts on its argument, of which it has `ret` words
    kActsOn,   // ... on `value` as word `word` of it
    kCounts,   // execve() counts `ret` strings in role `role`
    kCopies,   // the kernel copies `value` as word `word` of string `entry` of role `role`
    // A proposal's ioctl copies an argument, that of register `role`, to its caller: `value` bytes
    // of kind `entry`, of a table `word` strings; `user`: some of it was never written.
    kShows,
    kShowsWord,  // ... of that, `value` as word `word`; strings of a table stand a stride apart
    kCuts,       // ... and says that it is truncated
    kSaw,  // a look of a supervisor is over: `value` is word `word` of what it saw of role `role`
    // The task reads a word in object `role`, the `word`-th from its address on, of another task if
    // `entry` is 1.
    kReads,
  };
  Kind kind = Kind::kBegins;
  uint8_t task = 0;
  uint8_t call = 0;  // as Kernel::CallIndex()
  Ret ret = 0;
  uint8_t role = 0;
  uint8_t entry = 0;
  uint8_t word = 0;
  Value value = 0;    // kReads too: what was read
  bool user = false;  // kCopies: from user memory
};

using Observations = std::vector<Observation>;

}  // namespace knotcheck::model
