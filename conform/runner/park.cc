// SPDX-License-Identifier: Apache-2.0

#include "conform/runner/park.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstring>
#include <set>

#include "conform/runner/layout.h"
#include "conform/runner/raw.h"

namespace knotcheck::runner {
namespace {

int uffd = -1;
std::set<uint64_t> parked;

uint64_t Number(const void* page) { return reinterpret_cast<uint64_t>(page); }

void Protect(const void* page, uint64_t mode) {
  uffdio_writeprotect request = {};
  request.range = {Number(page), kPage};
  request.mode = mode;
  Own(SYS_ioctl, uffd, static_cast<long>(UFFDIO_WRITEPROTECT), Arg(&request));
}

}  // namespace

bool OpenPark(std::string* reason) {
  uffd = static_cast<int>(syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK));
  if (uffd < 0) {
    *reason = std::string("userfaultfd: ") + std::strerror(errno);
    return false;
  }
  uffdio_api api = {};
  api.api = UFFD_API;
  api.features = UFFD_FEATURE_PAGEFAULT_FLAG_WP;
  if (ioctl(uffd, UFFDIO_API, &api) != 0) {
    *reason = std::string("userfaultfd without write protection: ") + std::strerror(errno);
    return false;
  }
  return true;
}

void ArmPark(void* page) {
  uffdio_register request = {};
  request.range = {Number(page), kPage};
  request.mode = UFFDIO_REGISTER_MODE_WP;
  Own(SYS_ioctl, uffd, static_cast<long>(UFFDIO_REGISTER), Arg(&request));
  Protect(page, UFFDIO_WRITEPROTECT_MODE_WP);
}

void DisarmPark(void* page) {
  Own(SYS_mprotect, Arg(page), static_cast<long>(kPage), PROT_READ | PROT_WRITE);
  uffdio_range range = {Number(page), kPage};
  Protect(page, 0);
  Own(SYS_ioctl, uffd, static_cast<long>(UFFDIO_UNREGISTER), Arg(&range));
}

bool IsParked(const void* page) {
  uffd_msg message;
  while (uffd >= 0 && read(uffd, &message, sizeof(message)) == sizeof(message)) {
    if (message.event == UFFD_EVENT_PAGEFAULT) {
      parked.insert(PageOf(message.arg.pagefault.address));
    }
  }
  return parked.count(Number(page)) > 0;
}

void Unpark(void* page, bool fault) {
  parked.erase(Number(page));
  if (!fault) return Protect(page, 0);
  uffdio_range range = {Number(page), kPage};
  mprotect(page, kPage, PROT_READ);
  ioctl(uffd, UFFDIO_WAKE, &range);
}

}  // namespace knotcheck::runner
