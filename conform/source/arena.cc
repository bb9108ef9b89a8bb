// SPDX-License-Identifier: GPL-2.0 OR Apache-2.0

#include "conform/source/arena.h"

#include <sys/mman.h>

#include <cstdio>
#include <cstdlib>

namespace knotcheck::source {
namespace {

constexpr size_t Aligned(size_t bytes) {
  return (bytes + kBlockBytes - 1) / kBlockBytes * kBlockBytes;
}

}  // namespace

Arena::Arena(size_t kernel_bytes, size_t run_bytes, int threads)
    : kernel_at_(Aligned(sizeof(Header))),
      run_at_(kernel_at_ + Aligned(kernel_bytes)),
      slots_at_(run_at_ + Aligned(run_bytes)),
      stacks_at_(slots_at_ + kSmallSlots * kSlotBytes + (kSlots - kSmallSlots) * kLargeSlotBytes),
      bytes_(stacks_at_ + kStackBytes * static_cast<size_t>(threads)) {
  if (bytes_ > kMostBytes) {
    std::fprintf(stderr, "knot_source: found a world of %zu bytes, expected at most %zu\n", bytes_,
                 kMostBytes);
    std::exit(70);
  }
  void* const base = reinterpret_cast<void*>(kBase);
  const size_t pages = (bytes_ + 4095) & ~size_t{4095};
  if (mmap(base, pages, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE,
           -1, 0) != base) {
    std::fprintf(stderr, "knot_source: found no memory at %p, expected %zu bytes there\n", base,
                 pages);
    std::exit(70);
  }
}

int Arena::StackOf(const void* at) const {
  const uintptr_t offset = reinterpret_cast<uintptr_t>(at) - kBase;
  if (offset < stacks_at_ || offset >= bytes_) return -1;
  return static_cast<int>((offset - stacks_at_) / kStackBytes);
}

int Arena::SlotOf(const void* at) const {
  const uintptr_t offset = reinterpret_cast<uintptr_t>(at) - kBase;
  if (offset < slots_at_ || offset >= stacks_at_) return -1;
  constexpr size_t kSmall = kSmallSlots * kSlotBytes;
  const size_t within = offset - slots_at_;
  return within < kSmall ? static_cast<int>(within / kSlotBytes)
                         : kSmallSlots + static_cast<int>((within - kSmall) / kLargeSlotBytes);
}

}  // namespace knotcheck::source
