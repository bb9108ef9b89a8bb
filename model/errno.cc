// SPDX-License-Identifier: Apache-2.0

#include "model/errno.h"

#include <algorithm>
#include <iterator>

#include "absl/strings/str_cat.h"

namespace knotcheck::model {
namespace {

struct Row {
  int number;
  const char* name;
};

constexpr Row kRows[] = {
    {kEPERM, "EPERM"},
    {kENOENT, "ENOENT"},
    {kESRCH, "ESRCH"},
    {kEINTR, "EINTR"},
    {kEIO, "EIO"},
    {kE2BIG, "E2BIG"},
    {kEBADF, "EBADF"},
    {kEAGAIN, "EAGAIN"},
    {kENOMEM, "ENOMEM"},
    {kEACCES, "EACCES"},
    {kEFAULT, "EFAULT"},
    {kEBUSY, "EBUSY"},
    {kEEXIST, "EEXIST"},
    {kENOTDIR, "ENOTDIR"},
    {kEINVAL, "EINVAL"},
    {kEMFILE, "EMFILE"},
    {kENOSPC, "ENOSPC"},
    {kENAMETOOLONG, "ENAMETOOLONG"},
    {kENOSYS, "ENOSYS"},
    {kENOTSOCK, "ENOTSOCK"},
    {kEOPNOTSUPP, "EOPNOTSUPP"},
    {kEINPROGRESS, "EINPROGRESS"},
    {kERESTARTSYS, "ERESTARTSYS"},
    {kERESTARTNOINTR, "ERESTARTNOINTR"},
    {kERESTARTNOHAND, "ERESTARTNOHAND"},
};

}  // namespace

std::string ErrnoName(int error) {
  for (const Row& row : kRows) {
    if (row.number == error) return row.name;
  }
  return absl::StrCat("error ", error);
}

int ErrnoNumber(absl::string_view name) {
  for (const Row& row : kRows) {
    if (name == row.name) return row.number;
  }
  return 0;
}

const std::string* ErrnoNames(int* count) {
  static const auto* const names = [] {
    auto* list = new std::string[std::size(kRows)];
    std::transform(std::begin(kRows), std::end(kRows), list,
                   [](const Row& row) { return std::string(row.name); });
    return list;
  }();
  *count = static_cast<int>(std::size(kRows));
  return names;
}

std::string RetName(Ret ret) {
  return ret < 0 ? absl::StrCat("-", ErrnoName(-ret)) : absl::StrCat(static_cast<int>(ret));
}

}  // namespace knotcheck::model
