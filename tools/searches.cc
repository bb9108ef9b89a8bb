// SPDX-License-Identifier: Apache-2.0

#include "tools/searches.h"

#include <algorithm>
#include <new>
#include <system_error>
#include <utility>

#include "absl/status/status.h"
#include "tools/common.h"

namespace knotcheck::tools {

Searches::Searches(const std::vector<Search>& searches, size_t jobs,
                   const verify::CheckOptions& options, Progress* progress)
    : searches_(searches), options_(options), progress_(progress), answers_(searches.size()) {
  const size_t count = std::max<size_t>(1, std::min(jobs, searches.size()));
  options_.explore.max_bytes /= count;
  options_.explore.interrupted = &Interrupted();
  for (size_t i = 0; i < count; ++i) {
    try {
      threads_.emplace_back([this] { Work(); });
    } catch (const std::system_error&) {
      // As many as there can be.
      if (i == 0) throw std::bad_alloc();
      break;
    }
  }
}

Searches::~Searches() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (next_ < searches_.size()) abandoned_ = true;
  }
  if (abandoned_) Interrupt();
  for (std::thread& thread : threads_) thread.join();
}

absl::StatusOr<verify::Answer> Searches::Wait(size_t i) {
  std::unique_lock<std::mutex> lock(mutex_);
  answered_.wait(lock, [&] { return answers_[i].has_value(); });
  absl::StatusOr<verify::Answer> answer = *std::move(answers_[i]);
  return answer;
}

void Searches::Work() {
  while (true) {
    size_t mine;
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      if (next_ == searches_.size() || abandoned_) return;
      mine = next_++;
    }
    absl::StatusOr<verify::Answer> answer = Answer(mine);
    const std::lock_guard<std::mutex> lock(mutex_);
    answers_[mine] = std::move(answer);
    answered_.notify_all();
  }
}

absl::StatusOr<verify::Answer> Searches::Answer(size_t i) {
  if (Interrupted().load(std::memory_order_relaxed)) {
    return absl::CancelledError("interrupted before its turn");
  }
  verify::CheckOptions options = options_;
  options.explore.progress = [this, i](const checker::Progress& p) { progress_->Update(i, p); };
  options.coverage = searches_[i].coverage;
  progress_->Start(i, searches_[i].name);
  absl::StatusOr<verify::Answer> answer = absl::ResourceExhaustedError("no memory is left");
  try {
    answer = verify::Check(*searches_[i].scenario, *searches_[i].proposal, options);
  } catch (const std::bad_alloc&) {
    // The visited set is gone, and with it what was found.
  }
  progress_->Finish(i);
  return answer;
}

}  // namespace knotcheck::tools
