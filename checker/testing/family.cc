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

void Family::Renumber(State& s) const {
  for (int n = 0; n < p_.N; ++n) {
    Tracee& t = s.tracee[n];
    // A pin of an earlier notification is that, whichever it was: no id is given out twice.
    if (t.pin_id != 0 && !(StateOf(t) != kFree && t.n_id == t.pin_id)) t.pin_id = 0;
  }
  for (int i = 0; i < p_.S; ++i) {
    Supervisor& u = s.supervisor[i];
    if (u.pc < kLockA) continue;
    const Tracee& t = s.tracee[TaskOf(u)];
    if (u.id != 0 && StateOf(t) == kSent && t.n_id == u.id) continue;
    // Its notification is gone or answered, so nothing that it does with it has an effect but to
    // give back pin_busy.
    u.id = 0;
    u.snap = 0;
    if (!HoldsBusy(u)) u.tt_k_err = static_cast<uint8_t>(u.tt_k_err & ~3);
  }
  // Only the order among those that wait to be received is ever looked at; otherwise an id is
  // compared with that of one tracee.
  uint8_t rank[kTracees] = {};
  uint8_t waiting = 0;
  for (int n = 0; n < p_.N; ++n) {
    const Tracee& t = s.tracee[n];
    if (StateOf(t) == kFree) continue;
    rank[n] = 1;
    if (StateOf(t) != kInit) continue;
    ++waiting;
    for (int m = 0; m < p_.N; ++m) {
      const Tracee& other = s.tracee[m];
      if (StateOf(other) == kInit && other.n_id < t.n_id) ++rank[n];
    }
  }
  for (int i = 0; i < p_.S; ++i) {
    Supervisor& u = s.supervisor[i];
    if (u.id != 0) u.id = rank[TaskOf(u)];
  }
  for (int n = 0; n < p_.N; ++n) {
    Tracee& t = s.tracee[n];
    if (t.pin_id != 0) t.pin_id = rank[n];
    t.n_id = rank[n];
  }
  s.next_id = static_cast<uint8_t>(waiting + 1);
}

void Family::SortThreads(State& s) const {
  if (p_.M == 2 && s.writes[0] < s.writes[1]) std::swap(s.writes[0], s.writes[1]);
  // Tracees refer to nobody; a supervisor refers to one tracee at most. So the exact order is: by
  // a tracee's own words, among equal ones by those of its supervisors, and then the supervisors.
  // The second key is a sum of hashes: a collision costs a smaller reduction, nothing else.
  struct Key {
    uint64_t own, supervisors;
    int from;
  };
  Key keys[kTracees];
  for (int n = 0; n < p_.N; ++n) keys[n] = Key{std::bit_cast<uint64_t>(s.tracee[n]), 0, n};
  for (int i = 0; i < p_.S; ++i) {
    const Supervisor& u = s.supervisor[i];
    if (!HasTracee(u)) continue;
    const uint64_t own = std::bit_cast<uint32_t>(u) & ~(uint32_t{3} << 24);
    keys[TaskOf(u)].supervisors += (own + 0x9e3779b97f4a7c15u) * (own * 2 + 1);
  }
  const auto before = [](const Key& a, const Key& b) {
    return a.own != b.own ? a.own > b.own : a.supervisors > b.supervisors;
  };
  bool moved = false;
  for (int n = 1; n < p_.N; ++n) {
    for (int m = n; m > 0 && before(keys[m], keys[m - 1]); --m) {
      std::swap(keys[m], keys[m - 1]);
      moved = true;
    }
  }
  if (moved) {
    int to[kTracees] = {};
    for (int n = 0; n < p_.N; ++n) {
      s.tracee[n] = std::bit_cast<Tracee>(keys[n].own);
      to[keys[n].from] = n;
    }
    for (int i = 0; i < p_.S; ++i) {
      Supervisor& u = s.supervisor[i];
      if (HasTracee(u)) {
        u.tt_k_err = static_cast<uint8_t>((u.tt_k_err & ~3) | to[TaskOf(u)]);
      }
    }
  }
  for (int i = 1; i < p_.S; ++i) {
    for (int j = i; j > 0 && std::bit_cast<uint32_t>(s.supervisor[j]) >
                                 std::bit_cast<uint32_t>(s.supervisor[j - 1]);
         --j) {
      std::swap(s.supervisor[j], s.supervisor[j - 1]);
    }
  }
}

void Family::Canonicalize(State& s, uint32_t reductions) const {
  if (reductions & kRenumber) Renumber(s);
  if (reductions & kSymmetry) SortThreads(s);
}

uint64_t Family::OrbitSize(const State& s) const {
  // All permutations, counted by their different results.
  std::vector<State> orbit;
  int tracees[kTracees] = {0, 1, 2};
  do {
    int supervisors[kSupervisors] = {0, 1, 2};
    do {
      for (int swap = 0; swap < (p_.M == 2 ? 2 : 1); ++swap) {
        State other = s;
        for (int n = 0; n < p_.N; ++n) other.tracee[tracees[n]] = s.tracee[n];
        for (int i = 0; i < p_.S; ++i) {
          Supervisor u = s.supervisor[i];
          if (HasTracee(u)) {
            u.tt_k_err = static_cast<uint8_t>((u.tt_k_err & ~3) | tracees[TaskOf(u)]);
          }
          other.supervisor[supervisors[i]] = u;
        }
        if (swap != 0) std::swap(other.writes[0], other.writes[1]);
        const auto same = [&other](const State& known) {
          return std::memcmp(&known, &other, sizeof(State)) == 0;
        };
        if (std::none_of(orbit.begin(), orbit.end(), same)) orbit.push_back(other);
      }
    } while (std::next_permutation(supervisors, supervisors + p_.S));
  } while (std::next_permutation(tracees, tracees + p_.N));
  return orbit.size();
}

}  // namespace knotcheck::checker::testing
