// SPDX-License-Identifier: Apache-2.0
//
// The smallest sets of fixes under which all questions hold. A fix may break what another mends,
// so nothing here takes for granted that more fixes are better: every set is either asked about or
// agrees with one that was, on all that the answer depended on. Knows nothing of kernels.

#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"

namespace knotcheck::verify {

// A bit a fix.
using FixSet = uint64_t;

// All sets that agree with `set` on the bits of `asked`.
struct Cube {
  FixSet asked = 0;
  FixSet set = 0;  // within `asked`
  bool Covers(FixSet fixes) const { return (fixes & asked) == set; }
  friend bool operator==(const Cube&, const Cube&) = default;
};

// A property that fails in a question, and for which sets it fails for the same reason.
struct Failure {
  std::string property;
  Cube cube;
};

// What becomes of a question under one set of fixes, and under all sets that `whole` covers.
struct FixAnswer {
  Cube whole;
  std::vector<Failure> failures;  // by property
};

// A property of a question.
using Obligation = std::pair<size_t, std::string>;

// A set of at most `most` of `candidates` that none of the cubes covers.
std::optional<FixSet> Outside(const std::vector<Cube>& cubes, FixSet candidates, int most);

class FixSearch {
 public:
  // Answers a question under a set. The cubes must cover that set.
  using Ask = std::function<absl::StatusOr<FixAnswer>(size_t question, FixSet fixes)>;

  FixSearch(size_t questions, FixSet candidates, Ask ask);

  // Finds everything below; the error is that of the first answer that is one.
  absl::Status Run();

  // Sets under which all holds that can, none of which has a part that does: smaller ones first.
  // Empty: no set does.
  const std::vector<FixSet>& smallest() const { return smallest_; }
  // What fails under every set.
  std::vector<Obligation> Unmended() const;
  // When no set does: some of what could be made to hold that cannot hold all at once.
  std::vector<Obligation> Exclusive() const;
  // What fails under this set although another would mend it.
  absl::StatusOr<std::vector<std::pair<Obligation, Cube>>> Failing(FixSet fixes);
  // How often a question had to be asked.
  size_t asked() const { return asked_; }

 private:
  absl::StatusOr<const FixAnswer*> Answer(size_t question, FixSet fixes);
  absl::StatusOr<bool> IsMendable(const Obligation& obligation);

  size_t questions_;
  FixSet candidates_;
  Ask ask_;
  size_t asked_ = 0;
  std::vector<std::deque<FixAnswer>> answers_;  // by question; each stays where it is
  std::map<Obligation, bool> mendable_;
  std::map<Obligation, std::vector<Cube>> failing_;  // of what is mendable
  std::vector<FixSet> smallest_;
};

}  // namespace knotcheck::verify
