// SPDX-License-Identifier: Apache-2.0

#include "conform/runner/layout.h"

#include <sys/mman.h>
#include <sys/socket.h>

#include <cstring>

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

}  // namespace

uint64_t AddressOf(const Plan& plan, int object) {
  const uint64_t end = kObjectsBase + static_cast<uint64_t>(object + 1) * kObjectStride - kPage;
  return end - plan.objects[static_cast<size_t>(object)].bytes;
}

uint64_t ValueOf(const Plan& plan, const Value& value) {
  switch (value.kind) {
    case Value::Kind::kNumber:
      return value.number;
    case Value::Kind::kObject:
      return AddressOf(plan, static_cast<int>(value.number));
    case Value::Kind::kDangling:
      break;
  }
  return kDangling;
}

bool MapObjects(const Plan& plan, int served, int fuse) {
  for (int i = 0; i < static_cast<int>(plan.objects.size()); ++i) {
    const uint64_t bytes = plan.objects[static_cast<size_t>(i)].bytes;
    if (bytes == 0) continue;
    const uint64_t begin = PageOf(AddressOf(plan, i));
    const uint64_t length = AddressOf(plan, i) + bytes - begin;
    const bool from_file = i == served && fuse >= 0;
    const int flags = MAP_SHARED | MAP_FIXED_NOREPLACE | (from_file ? 0 : MAP_ANONYMOUS);
    void* const at = mmap(reinterpret_cast<void*>(begin), length, PROT_READ | PROT_WRITE, flags,
                          from_file ? fuse : -1, 0);
    if (at != reinterpret_cast<void*>(begin)) return false;
  }
  ResetObjects(plan);
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
  const uint64_t size = plan.objects[static_cast<size_t>(word.object)].bytes;
  char* const at = reinterpret_cast<char*>(AddressOf(plan, word.object) + word.offset);
  if (word.offset + 8 <= size) {
    // One store, though the address need not be a multiple of 8.
    __asm__ volatile("movq %1, (%0)" : : "r"(at), "r"(bytes) : "memory");
  } else {
    std::memcpy(at, &bytes, size - word.offset);
  }
}

int ObjectAt(const Plan& plan, uint64_t address) {
  for (int i = 0; i < static_cast<int>(plan.objects.size()); ++i) {
    const uint64_t begin = AddressOf(plan, i);
    if (address >= begin && address < begin + plan.objects[static_cast<size_t>(i)].bytes) return i;
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
