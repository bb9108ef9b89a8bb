// SPDX-License-Identifier: Apache-2.0
//
// Threads that do one job at a time together. They start with the first job that is
// shared: most searches are too small for one.

#pragma once

#include <atomic>
#include <cstdint>
#include <exception>
#include <functional>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

namespace knotcheck::base {

class Pool {
 public:
  explicit Pool(int threads) : size_(threads) {}
  ~Pool() {
    if (threads_.empty()) return;
    job_ = nullptr;
    Start();
    for (std::thread& thread : threads_) thread.join();
  }
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  int size() const { return size_; }

  // Calls job(worker) once for each worker 0 .. size()-1, in as many threads, and returns when all
  // have returned. Worker 0 is the caller. What one of them throws is thrown here, when all have
  // ended. Where the system has no more threads to give, they are fewer from then on.
  void Run(const std::function<void(int)>& job) {
    for (int i = static_cast<int>(threads_.size()) + 1; i < size_; ++i) {
      try {
        threads_.emplace_back([this, i] { Serve(i); });
      } catch (const std::system_error&) {
        size_ = i;
      }
    }
    if (size_ == 1) {
      job(0);
      return;
    }
    job_ = &job;
    waiting_.store(static_cast<int>(threads_.size()), std::memory_order_relaxed);
    Start();
    Do(0);
    Await(waiting_, [](int left) { return left == 0; });
    const std::lock_guard<std::mutex> lock(mutex_);
    if (thrown_) std::rethrow_exception(std::exchange(thrown_, nullptr));
  }

  // Calls part(worker, i) once for each i below `count`; whoever is free takes the next one.
  void Share(size_t count, const std::function<void(int, size_t)>& part) {
    std::atomic<size_t> next = 0;
    const auto work = [&](int worker) {
      for (size_t i; (i = next.fetch_add(1, std::memory_order_relaxed)) < count;) part(worker, i);
    };
    if (count <= 1) {
      work(0);
    } else {
      Run(work);
    }
  }

 private:
  template <class T, class Done>
  static T Await(std::atomic<T>& value, Done&& done) {
    // The others are mostly about to finish; sleeping costs more than a short wait.
    for (int spins = 0;; ++spins) {
      const T now = value.load(std::memory_order_acquire);
      if (done(now)) return now;
      if (spins > kSpins) value.wait(now, std::memory_order_acquire);
    }
  }
  void Start() {
    job_number_.fetch_add(1, std::memory_order_release);
    job_number_.notify_all();
  }
  void Do(int worker) {
    try {
      (*job_)(worker);
    } catch (...) {
      const std::lock_guard<std::mutex> lock(mutex_);
      if (!thrown_) thrown_ = std::current_exception();
    }
  }
  void Serve(int worker) {
    for (uint32_t seen = 0;;) {
      seen = Await(job_number_, [seen](uint32_t number) { return number != seen; });
      if (job_ == nullptr) return;
      Do(worker);
      if (waiting_.fetch_sub(1, std::memory_order_acq_rel) == 1) waiting_.notify_one();
    }
  }

  static constexpr int kSpins = 4096;
  int size_;
  const std::function<void(int)>* job_ = nullptr;
  std::atomic<uint32_t> job_number_ = 0;
  std::atomic<int> waiting_ = 0;
  std::mutex mutex_;
  std::exception_ptr thrown_;
  std::vector<std::thread> threads_;
};

}  // namespace knotcheck::base
