// SPDX-License-Identifier: Apache-2.0

#include "checker/testing/family.h"

#include <algorithm>
#include <bit>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace knotcheck::checker::testing {
namespace {

uint8_t BitsFor(int largest) {
  return static_cast<uint8_t>((1u << std::bit_width(static_cast<unsigned>(largest))) - 1);
}

}  // namespace

absl::StatusOr<FamilyParameters> ParseFamily(const std::vector<std::string>& words) {
  FamilyParameters p;
  struct Row {
    absl::string_view name;
    int* value;
    int least, most;
  };
  const Row rows[] = {
      {"N", &p.N, 1, Family::kTracees},
      {"M", &p.M, 0, Family::kPeers},
      {"K", &p.K, 1, Family::kWords},
      {"S", &p.S, 1, Family::kSupervisors},
      {"R", &p.R, 1, 7},
      {"W", &p.W, 0, 7},
      {"V", &p.V, 1, 3},
      {"SIG", &p.SIG, 0, 7},
      {"MODE", &p.MODE, 0, 1},
      {"FIX", &p.FIX, 0, 1},
      {"OUTLIVE", &p.OUTLIVE, 0, 1},
  };
  for (const std::string& word : words) {
    const std::vector<std::string> parts = absl::StrSplit(word, '=');
    const auto row = std::find_if(std::begin(rows), std::end(rows), [&parts](const Row& r) {
      return r.name == absl::string_view(parts[0]);
    });
    int value = 0;
    if (parts.size() != 2 || row == std::end(rows) || !absl::SimpleAtoi(parts[1], &value)) {
      return absl::InvalidArgumentError(absl::StrCat(
          "'", word, "': expected NAME=NUMBER with a name of N M K S R W V SIG MODE FIX OUTLIVE"));
    }
    if (value < row->least || value > row->most) {
      return absl::InvalidArgumentError(
          absl::StrCat("'", word, "': expected ", row->least, " to ", row->most));
    }
    *row->value = value;
  }
  return p;
}

Family::Family(const FamilyParameters& parameters) : p_(parameters) {
  State state{};
  state.next_id = 1;
  state.sig = static_cast<uint8_t>(p_.SIG);
  initial_.push_back(state);
  properties_ = {
      Property{"toctou", PropertyKind::kNever, "the body reads what the supervisor approved", ""},
      Property{"pin-outlives", PropertyKind::kNever, "no pin outlives its notification", ""},
      Property{"approved-read", PropertyKind::kSometimes, "an approved call reads a word", ""},
  };
  State mask{};
  const uint8_t id = BitsFor(p_.N * p_.R + p_.SIG + 1);
  const uint8_t all_words = static_cast<uint8_t>((p_.V > 2   ? 0x3f
                                                  : p_.V > 1 ? 0x15
                                                             : 0) &
                                                 ((1 << (2 * p_.K)) - 1));
  for (int n = 0; n < p_.N; ++n) {
    mask.tracee[n] = Tracee{15,
                            BitsFor(p_.R),
                            BitsFor(p_.K),
                            id,
                            static_cast<uint8_t>(p_.MODE ? 0xff : 0x0f),
                            static_cast<uint8_t>(p_.MODE ? id : 0),
                            static_cast<uint8_t>(p_.MODE ? all_words : 0),
                            0};
  }
  for (int i = 0; i < p_.S; ++i) {
    mask.supervisor[i] = Supervisor{
        15, id, all_words,
        static_cast<uint8_t>((p_.N > 1 ? BitsFor(p_.N - 1) : 0) |
                             (p_.K > 1 ? BitsFor(p_.K - 1) << 2 : 0) | (p_.MODE ? 0x30 : 0))};
  }
  mask.lock = 1;
  mask.sem = id;
  mask.next_id = id;
  mask.sig = p_.SIG ? BitsFor(p_.SIG) : 0;
  mask.mem = p_.M ? all_words : 0;
  for (int m = 0; m < p_.M; ++m) mask.writes[m] = BitsFor(p_.W);
  masks_.words.resize(sizeof(State) / 8);
  std::memcpy(masks_.words.data(), &mask, sizeof(State));
}

}  // namespace knotcheck::checker::testing
