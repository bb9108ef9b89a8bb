// SPDX-License-Identifier: GPL-2.0 OR Apache-2.0

#include "conform/source/kernel_api.h"

#include <dlfcn.h>

#include <cstring>

#include "conform/source/engine.h"
#include "conform/source/world.h"

namespace knotcheck::source {

KernelApi kernel_api;

namespace {
void* object = nullptr;
const void* load_address = nullptr;
}  // namespace

bool HasFunction(const char* name) { return dlsym(object, name) != nullptr; }

std::string LoadKernel(const char* file) {
  object = dlopen(file, RTLD_NOW | RTLD_GLOBAL);
  if (object == nullptr) return dlerror();
  std::string missing;
  const auto find = [&](auto* function, const char* name) {
    *function = reinterpret_cast<std::remove_pointer_t<decltype(function)>>(dlsym(object, name));
    if (*function == nullptr && missing.empty()) missing = std::string(file) + ": found no " + name;
  };
  find(&kernel_api.kernel_bytes, "knot_kernel_bytes");
  find(&kernel_api.kernel_begin, "knot_kernel_begin");
  find(&kernel_api.plan_begin, "knot_plan_begin");
  find(&kernel_api.task_begin, "knot_task_begin");
  find(&kernel_api.filter_begin, "knot_filter_begin");
  find(&kernel_api.give_listener, "knot_give_listener");
  find(&kernel_api.call, "knot_call");
  find(&kernel_api.listener_call, "knot_listener_call");
  find(&kernel_api.user_mode, "knot_user_mode");
  find(&kernel_api.may_be_interrupted, "knot_may_be_interrupted");
  find(&kernel_api.is_filtered, "knot_is_filtered");
  find(&kernel_api.next_child, "knot_next_child");
  find(&kernel_api.signal, "knot_signal");
  find(&kernel_api.is_dead, "knot_is_dead");
  find(&kernel_api.waits_for_lock, "knot_waits_for_lock");
  find(&kernel_api.read_remote, "knot_read_remote");
  find(&kernel_api.pid, "knot_pid");
  Dl_info info;
  if (missing.empty() && dladdr(reinterpret_cast<void*>(kernel_api.kernel_bytes), &info) != 0) {
    load_address = info.dli_fbase;
  }
  return missing;
}

uintptr_t KernelBase() { return reinterpret_cast<uintptr_t>(load_address); }

bool IsOfKernel(uintptr_t address) {
  Dl_info info;
  if (dladdr(reinterpret_cast<void*>(address), &info) == 0) return false;
  return info.dli_fbase == load_address;
}

}  // namespace knotcheck::source

using knotcheck::source::Engine;
using knotcheck::source::engine;
using knotcheck::source::world;

#define KNOT_FROM reinterpret_cast<uintptr_t>(__builtin_return_address(0))

extern "C" {

void knot_yield() { engine->Yield(); }
void knot_wait(int (*ready)(void*), void* what) { engine->Wait(ready, what); }
unsigned int knot_choose(unsigned int count) { return engine->Choose(count); }
int knot_current() { return engine->current(); }
void* knot_alloc(unsigned long bytes, int byte) {
  return engine->Alloc(bytes, static_cast<char>(byte), KNOT_FROM);
}
void knot_free(const void* memory) { engine->Free(memory, KNOT_FROM); }
void knot_fail(enum knot_defect kind, const char* what) { engine->Fail(kind, what, KNOT_FROM); }
void knot_locked(const void* lock, int spins) { engine->Locked(lock, spins != 0); }
void knot_unlocked(const void* lock, int spins) { engine->Unlocked(lock, spins != 0); }
int knot_holds(const void* lock) { return engine->Holds(lock) ? 1 : 0; }
int knot_holds_any() { return engine->HoldsAny() ? 1 : 0; }
int knot_spins() { return engine->Spins() ? 1 : 0; }
void knot_touch(const void* at, unsigned long bytes) { engine->Touch(at, bytes, KNOT_FROM); }
unsigned long knot_read_user(int space, unsigned long from, void* to, unsigned long bytes) {
  return world->Read(space, from, static_cast<char*>(to), bytes);
}
unsigned long knot_write_user(int space, unsigned long to, const void* from, unsigned long bytes) {
  return world->Write(space, to, static_cast<const char*>(from), bytes, KNOT_FROM);
}
void knot_copy_space(int from, int to) { world->CopySpace(from, to); }
int knot_image(const char* path) {
  int image = 0;
  Engine::Aside([&] { image = world->Image(path); });
  return image;
}
int knot_exists(const char* path) {
  bool exists = false;
  Engine::Aside([&] { exists = world->Exists(path); });
  return exists ? 1 : 0;
}
void knot_acted(const char* key, const void* bytes, unsigned long count) {
  world->Acted(key, static_cast<const char*>(bytes), count, KNOT_FROM);
}
void knot_acted_path(const char* name) {
  if (name[0] == '/') return world->Acted("used", name, std::strlen(name), KNOT_FROM);
  char path[128] = "/";
  std::strncat(path, name, sizeof(path) - 2);
  world->Acted("used", path, std::strlen(path), KNOT_FROM);
}
void knot_acted_buffer(unsigned long address, unsigned long count) {
  world->ActedBuffer(address, count);
}
void knot_run_handler() { world->RunHandler(); }
void knot_started(int task) { engine->Start(task); }
void knot_gone() { engine->Gone(); }
void* knot_memcpy(void* to, const void* from, unsigned long bytes) {
  engine->Access(from, bytes, false, false, KNOT_FROM);
  engine->Access(to, bytes, true, false, KNOT_FROM);
  return std::memmove(to, from, bytes);
}
void* knot_memset(void* to, int byte, unsigned long bytes) {
  engine->Access(to, bytes, true, false, KNOT_FROM);
  return std::memset(to, byte, bytes);
}

void __tsan_init() {}
#define KNOT_ACCESS(name, bytes, writes, is_volatile) \
  void name(void* at) { engine->Access(at, bytes, writes, is_volatile, KNOT_FROM); }
#define KNOT_ACCESSES(n)                                         \
  KNOT_ACCESS(__tsan_read##n, n, false, false)                   \
  KNOT_ACCESS(__tsan_write##n, n, true, false)                   \
  KNOT_ACCESS(__tsan_unaligned_read##n, n, false, false)         \
  KNOT_ACCESS(__tsan_unaligned_write##n, n, true, false)         \
  KNOT_ACCESS(__tsan_volatile_read##n, n, false, true)           \
  KNOT_ACCESS(__tsan_volatile_write##n, n, true, true)           \
  KNOT_ACCESS(__tsan_unaligned_volatile_read##n, n, false, true) \
  KNOT_ACCESS(__tsan_unaligned_volatile_write##n, n, true, true)
KNOT_ACCESSES(1)
KNOT_ACCESSES(2)
KNOT_ACCESSES(4)
KNOT_ACCESSES(8)
KNOT_ACCESSES(16)
void __tsan_read_range(void* at, unsigned long bytes) {
  engine->Access(at, bytes, false, false, KNOT_FROM);
}
void __tsan_write_range(void* at, unsigned long bytes) {
  engine->Access(at, bytes, true, false, KNOT_FROM);
}

}  // extern "C"
