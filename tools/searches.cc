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
    : searches_(searches),
      options_(options),
      progress_(progress),
      answers_(searches.size()),
      pool_(static_cast<int>(std::max<size_t>(1, std::min(jobs, searches.size())))) {
  options_.explore.max_bytes /= static_cast<uint64_t>(pool_.size());
  options_.explore.interrupted = &Interrupted();
  try {
    // Apart from whoever waits for the answers in their order.
    first_ =
        std::thread([this] { pool_.Share(searches_.size(), [this](int, size_t i) { Work(i); }); });
  } catch (const std::system_error&) {
    throw std::bad_alloc();
  }
}

Searches::~Searches() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    abandoned_ = begun_ < searches_.size();
  }
  if (abandoned_) Interrupt();
  first_.join();
}

absl::StatusOr<verify::Answer> Searches::Wait(size_t i) {
  std::unique_lock<std::mutex> lock(mutex_);
  answered_.wait(lock, [&] { return answers_[i].has_value(); });
  absl::StatusOr<verify::Answer> answer = *std::move(answers_[i]);
  return answer;
}

void Searches::Work(size_t i) {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (abandoned_) return;
    ++begun_;
  }
  absl::StatusOr<verify::Answer> answer = Answer(i);
  const std::lock_guard<std::mutex> lock(mutex_);
  answers_[i] = std::move(answer);
  answered_.notify_all();
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
    answer = verify::Check(*searches_[i].scenario, searches_[i].operand, options);
  } catch (const std::bad_alloc&) {
    // The visited set is gone, and with it what was found.
  }
  progress_->Finish(i);
  return answer;
}

}  // namespace knotcheck::tools
