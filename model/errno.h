// SPDX-License-Identifier: Apache-2.0
//
// Return values of system calls and ioctls as one signed byte. Linux's error numbers up to 124
// stand for themselves, negated; the kernel-internal restart codes (512 to 516), which no byte
// holds, have the numbers below them.

#pragma once

#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"

namespace knotcheck::model {

using Ret = int8_t;

enum Errno : int8_t {
  kEPERM = 1,
  kENOENT = 2,
  kESRCH = 3,
  kEINTR = 4,
  kEIO = 5,
  kE2BIG = 7,
  kEBADF = 9,
  kEAGAIN = 11,
  kENOMEM = 12,
  kEACCES = 13,
  kEFAULT = 14,
  kEBUSY = 16,
  kEEXIST = 17,
  kENOTDIR = 20,
  kEINVAL = 22,
  kEMFILE = 24,
  kENOSPC = 28,
  kENAMETOOLONG = 36,
  kENOSYS = 38,
  kENOTSOCK = 88,
  kEOPNOTSUPP = 95,
  kEINPROGRESS = 115,
  kERESTARTSYS = 125,     // 512
  kERESTARTNOINTR = 126,  // 513
  kERESTARTNOHAND = 127,  // 514
};

// "ENOENT" for kENOENT; "error 77" for a number without a name.
std::string ErrnoName(int error);

// The number for "ENOENT"; 0 when there is no such name.
int ErrnoNumber(absl::string_view name);

// Every name that ErrnoNumber knows, for suggestions.
const std::string* ErrnoNames(int* count);

// "0", "3" or "-ENOENT".
std::string RetName(Ret ret);

}  // namespace knotcheck::model
