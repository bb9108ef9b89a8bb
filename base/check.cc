// SPDX-License-Identifier: Apache-2.0

#include "base/check.h"

#include <cstdio>
#include <cstdlib>

namespace knotcheck {

void CheckFailed(const char* file, int line, const char* what) {
  std::fprintf(stderr, "%s:%d: internal error: expected %s\n", file, line, what);
  std::_Exit(70);
}

}  // namespace knotcheck
