// SPDX-License-Identifier: Apache-2.0

#include "conform/runner/hold.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>

#include <atomic>
#include <cstring>

#include "conform/runner/raw.h"

namespace knotcheck::runner {
namespace {

int ordinary = -1;
int busy = -1;
std::atomic<uint32_t> held = 0;
// Counts on as long as the thread keeps the processor busy.
std::atomic<uint64_t> turns = 0;

bool Pin(int tid, int processor) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(static_cast<size_t>(processor), &set);
  return sched_setaffinity(tid, sizeof(set), &set) == 0;
}

void* Spin(void*) {
  for (;;) {
    while (held.load() > 0) turns.fetch_add(1, std::memory_order_relaxed);
    FutexWait(&held, 0);
  }
  return nullptr;
}

}  // namespace

bool OpenHold(std::string* reason) {
  cpu_set_t allowed;
  if (sched_getaffinity(0, sizeof(allowed), &allowed) != 0) CPU_ZERO(&allowed);
  for (int i = 0; i < CPU_SETSIZE && busy < 0; ++i) {
    if (!CPU_ISSET(static_cast<size_t>(i), &allowed)) continue;
    (ordinary < 0 ? ordinary : busy) = i;
  }
  if (busy < 0) {
    *reason = "one processor only";
    return false;
  }
  pthread_t thread;
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(static_cast<size_t>(busy), &set);
  const sched_param parameters = {1};
  pthread_attr_setinheritsched(&attributes, PTHREAD_EXPLICIT_SCHED);
  pthread_attr_setschedpolicy(&attributes, SCHED_FIFO);
  pthread_attr_setschedparam(&attributes, &parameters);
  pthread_attr_setaffinity_np(&attributes, sizeof(set), &set);
  const int error = pthread_create(&thread, &attributes, Spin, nullptr);
  pthread_attr_destroy(&attributes);
  if (error != 0 || !Pin(0, ordinary)) {
    *reason = std::string("SCHED_FIFO: ") + std::strerror(error != 0 ? error : errno);
    return false;
  }
  return true;
}

void Hold(int tid) {
  const uint64_t before = turns.load();
  if (held.fetch_add(1) == 0) FutexWake(&held);
  while (turns.load() < before + 2) sched_yield();
  Pin(tid, busy);
}

void Release(int tid) {
  Pin(tid, ordinary);
  held.fetch_sub(1);
}

}  // namespace knotcheck::runner
