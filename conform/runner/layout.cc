// SPDX-License-Identifier: Apache-2.0

#include "conform/runner/layout.h"

#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include <algorithm>
#include <cstring>

#include "conform/runner/raw.h"

namespace knotcheck::runner {
namespace {

constexpr char kPrefix[kPrefixBytes] = {AF_UNIX, 0, 0};

// The bytes that a word of this value has in memory.
uint64_t InMemory(const Plan& plan, const Word& word, const Value& value) {
  uint64_t bytes = ValueOf(plan, value);
  const Object& object = plan.objects[static_cast<size_t>(word.object)];
  if (object.kind == ObjectKind::kSockaddr && word.offset == 0) {
    std::memcpy(&bytes, kPrefix, kPrefixBytes);
  }
  return bytes;
}

// Strings take whole words, so that what the kernel copies at once is a word; what follows the NUL
// is not looked at.
uint64_t BytesOf(const Plan& plan, int index) {
  const Object& object = plan.objects[static_cast<size_t>(index)];
  return object.kind == ObjectKind::kString ? (object.bytes + 7) & ~uint64_t{7} : object.bytes;
}

}  // namespace

uint64_t AddressOf(const Plan& plan, int object) {
  const uint64_t end = kObjectsBase + static_cast<uint64_t>(object + 1) * kObjectStride - kPage;
  return end - BytesOf(plan, object);
}

uint64_t ValueOf(const Plan& plan, const Value& value) {
  switch (value.kind) {
    case Value::Kind::kNumber:
      return value.number;
    case Value::Kind::kObject:
      return AddressOf(plan, static_cast<int>(value.number)) + value.offset;
    case Value::Kind::kDangling:
    case Value::Kind::kUnmapped:
      break;
  }
  return kDangling;
}

uint64_t MappedBytes(const Plan& plan, int object) {
  const uint64_t address = AddressOf(plan, object);
  return address + BytesOf(plan, object) - PageOf(address);
}

bool MapObjects(const Plan& plan, const std::map<int, int>& files) {
  for (int i = 0; i < static_cast<int>(plan.objects.size()); ++i) {
    if (BytesOf(plan, i) == 0) continue;
    const auto file = files.find(i);
    const bool anonymous = file == files.end();
    const bool is_private = plan.objects[static_cast<size_t>(i)].is_private;
    const int flags = (is_private ? MAP_PRIVATE : MAP_SHARED) | MAP_FIXED_NOREPLACE |
                      (anonymous ? MAP_ANONYMOUS : 0);
    void* const begin = reinterpret_cast<void*>(PageOf(AddressOf(plan, i)));
    void* const at = mmap(begin, MappedBytes(plan, i), PROT_READ | PROT_WRITE, flags,
                          anonymous ? -1 : file->second, 0);
    if (at != begin) return false;
  }
  ResetObjects(plan);
  return true;
}

bool MapImage(const Plan& plan, const std::string& path) {
  for (const Image& image : plan.images) {
    if (image.path != path) continue;
    const uint64_t address = AddressOf(plan, image.object);
    const uint64_t mapped = PageOf(address + image.bytes.size() - 1) + kPage - PageOf(address);
    void* const begin = reinterpret_cast<void*>(PageOf(address));
    void* const at = mmap(begin, mapped, PROT_READ | PROT_WRITE,
                          MAP_PRIVATE | MAP_FIXED_NOREPLACE | MAP_ANONYMOUS, -1, 0);
    if (at != begin) return false;
    std::memcpy(reinterpret_cast<void*>(address), image.bytes.data(), image.bytes.size());
    if (mprotect(begin, mapped, PROT_READ) != 0) return false;
  }
  return true;
}

void ResetObjects(const Plan& plan) {
  for (int i = 0; i < static_cast<int>(plan.words.size()); ++i) {
    Store(plan, i, plan.words[static_cast<size_t>(i)].values[0]);
  }
}

void Store(const Plan& plan, int index, const Value& value) {
  const Word& word = plan.words[static_cast<size_t>(index)];
  const uint64_t bytes = InMemory(plan, word, value);
  const uint64_t size = BytesOf(plan, word.object);
  const uint64_t address = AddressOf(plan, word.object) + word.offset;
  // Nobody reads what has no rights: as if it were unmapped, but that the pages stay.
  const bool may_be_unmapped =
      std::any_of(word.values.begin(), word.values.end(),
                  [](const Value& each) { return each.kind == Value::Kind::kUnmapped; });
  if (may_be_unmapped) {
    const bool unmaps = value.kind == Value::Kind::kUnmapped;
    Own(SYS_mprotect, static_cast<long>(PageOf(address)),
        static_cast<long>(MappedBytes(plan, word.object)),
        unmaps ? PROT_NONE : PROT_READ | PROT_WRITE);
    if (unmaps) return;
  }
  if (word.offset + 8 <= size) {
    // One store, though the address need not be a multiple of 8.
    __asm__ volatile("movq %1, (%0)" : : "r"(address), "r"(bytes) : "memory");
    return;
  }
  // The object ends within the word: exchange the last 8 bytes, of which the first stay.
  const uint64_t missing = word.offset + 8 - size;
  const uint64_t kept = (uint64_t{1} << (8 * missing)) - 1;
  auto* const last = reinterpret_cast<uint64_t*>(address - missing);
  uint64_t old = *last;
  uint64_t seen = 0;
  for (;; old = seen) {
    const uint64_t wanted = (old & kept) | bytes << (8 * missing);
    __asm__ volatile("lock cmpxchgq %2, (%1)"
                     : "=a"(seen)
                     : "r"(last), "r"(wanted), "0"(old)
                     : "memory", "cc");
    if (seen == old) return;
  }
}

int ObjectAt(const Plan& plan, uint64_t address) {
  for (int i = 0; i < static_cast<int>(plan.objects.size()); ++i) {
    const uint64_t begin = AddressOf(plan, i);
    if (address >= begin && address < begin + BytesOf(plan, i)) return i;
  }
  return -1;
}

const char* PutBack(const Plan& plan, int object, const char* bytes, uint64_t size) {
  if (size < kPrefixBytes || std::memcmp(bytes, kPrefix, kPrefixBytes) != 0) return nullptr;
  for (const Word& word : plan.words) {
    if (word.object != object || word.offset != 0) continue;
    for (const Value& value : word.values) {
      const char* const original = reinterpret_cast<const char*>(&value.number);
      const uint64_t rest = size < 8 ? size : 8;
      if (std::memcmp(original + kPrefixBytes, bytes + kPrefixBytes, rest - kPrefixBytes) == 0) {
        return original;
      }
    }
    return reinterpret_cast<const char*>(&word.values[0].number);
  }
  return nullptr;
}

}  // namespace knotcheck::runner
