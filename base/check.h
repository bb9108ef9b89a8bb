// SPDX-License-Identifier: Apache-2.0
//
// CHECK for invariants of our own: Debian 12's Abseil has none. A failed check is a bug in
// knotcheck, never bad input: it prints the place and what was expected, and ends with status 70.

#pragma once

namespace knotcheck {

// Prints "FILE:LINE: internal error: WHAT" to stderr and ends the program with status 70
// (EX_SOFTWARE of sysexits.h).
[[noreturn]] void CheckFailed(const char* file, int line, const char* what);

}  // namespace knotcheck

#define KNOT_CHECK(condition)                                   \
  do {                                                          \
    if (!(condition)) [[unlikely]]                              \
      ::knotcheck::CheckFailed(__FILE__, __LINE__, #condition); \
  } while (false)
