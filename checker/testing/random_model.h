// SPDX-License-Identifier: Apache-2.0
//
// A random model: two to four threads, each a small automaton, over a few shared bytes. A seed
// gives the same model on every machine. Deadlocks, cycles, faults, steps without effect and equal
// initial states occur, and so does every status of a property.

#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "absl/strings/str_cat.h"
#include "checker/model.h"

namespace knotcheck::checker::testing {

// splitmix64. The standard's distributions differ between libraries.
class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed) {}
  uint64_t Next() {
    state_ += 0x9e3779b97f4a7c15u;
    uint64_t z = state_;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
  }
  int Below(int n) { return static_cast<int>(Next() % static_cast<uint64_t>(n)); }
  int From(int least, int most) { return least + Below(most - least + 1); }
  bool OneIn(int n) { return Below(n) == 0; }

 private:
  uint64_t state_;
};

class RandomModel {
 public:
  static constexpr int kWords = 4;
  // No thread has more than this many actions in a state.
  static constexpr int kMaxChoices = 3;

  struct State {
    uint64_t words[kWords];
  };

  explicit RandomModel(uint64_t seed);

  const std::vector<State>& InitialStates() const { return initial_; }
  int ThreadCount() const { return static_cast<int>(threads_.size()); }
  const std::vector<Property>& Properties() const { return properties_; }
  const PackMasks& Masks() const { return masks_; }
  uint64_t AtRest(const State& s) const;
  Outcome Apply(State& s, Action action, Effects& effects) const;

  template <class Fn>
  void ForEachSuccessor(const State& s, int thread, Fn&& fn) const {
    for (const Choice& choice : LocationOf(s, thread).choices) {
      State next = s;
      Effects effects;
      const Action action{static_cast<uint16_t>(thread), choice.number};
      const Outcome outcome = Take(next, thread, choice, effects);
      if (outcome != Outcome::kBlocked) fn(action, next, outcome, effects);
    }
  }

 private:
  // Where a program counter or a shared byte stands in the state: anywhere, not only at a byte.
  struct Field {
    int word = 0;
    int shift = 0;
    uint64_t mask = 0;  // before the shift
    int values = 1;
  };
  struct Test {
    int field = 0;
    uint64_t value = 0;
    bool equal = true;
  };
  enum class Operation : uint8_t { kNothing, kSet, kAdd, kFault };
  struct Show {
    Test when;
    Effects effects;
  };
  struct Choice {
    uint16_t number = 0;
    std::vector<Test> guards;  // all must hold, else the thread waits
    Operation operation = Operation::kNothing;
    int field = 0;
    uint64_t value = 0;
    uint64_t target = 0;
    std::vector<Show> shows;
  };
  struct Location {
    std::vector<Choice> choices;
  };
  struct Rest {
    uint64_t violated = 0;
    Test when;
  };

  uint64_t Get(const State& s, int field) const {
    const Field& f = fields_[static_cast<size_t>(field)];
    return s.words[f.word] >> f.shift & f.mask;
  }
  void Set(State& s, int field, uint64_t value) const {
    const Field& f = fields_[static_cast<size_t>(field)];
    s.words[f.word] = (s.words[f.word] & ~(f.mask << f.shift)) | value << f.shift;
  }
  bool Holds(const State& s, const Test& test) const {
    return (Get(s, test.field) == test.value) == test.equal;
  }
  const Location& LocationOf(const State& s, int thread) const {
    return threads_[static_cast<size_t>(thread)][Get(s, thread)];
  }
  Outcome Take(State& s, int thread, const Choice& choice, Effects& effects) const;
  // Writes to the echo bits, which repeat what the fields say: states of more than 64 bits
  // without more states.
  void Echo(State& s) const;

  int Shared(Random& random) const {
    return ThreadCount() + random.Below(static_cast<int>(fields_.size()) - ThreadCount());
  }
  uint64_t ValueOf(int field, Random& random) const {
    return static_cast<uint64_t>(random.Below(fields_[static_cast<size_t>(field)].values));
  }
  Test AnyTest(Random& random) const;
  void PlaceFields(Random& random);
  void MakeLocation(Random& random, int thread, int here, Location& location) const;
  void MakeProperties(Random& random);

  std::vector<Field> fields_;  // the program counters, then the shared bytes
  std::vector<std::vector<Location>> threads_;
  std::vector<State> initial_;
  std::vector<Property> properties_;
  std::vector<Rest> rests_;
  PackMasks masks_;
  State echo_{};
};

inline Outcome RandomModel::Take(State& s, int thread, const Choice& choice,
                                 Effects& effects) const {
  for (const Test& guard : choice.guards) {
    if (!Holds(s, guard)) return Outcome::kBlocked;
  }
  for (const Show& show : choice.shows) {
    if (!Holds(s, show.when)) continue;
    effects.violated |= show.effects.violated;
    effects.witnessed |= show.effects.witnessed;
  }
  switch (choice.operation) {
    case Operation::kNothing:
      break;
    case Operation::kSet:
      Set(s, choice.field, choice.value);
      break;
    case Operation::kAdd: {
      const int values = fields_[static_cast<size_t>(choice.field)].values;
      Set(s, choice.field, (Get(s, choice.field) + choice.value) % static_cast<uint64_t>(values));
      break;
    }
    case Operation::kFault:
      // Nobody may look at the state after a fault: it does not even fit the masks.
      for (uint64_t& word : s.words) word = ~uint64_t{0};
      return Outcome::kFault;
  }
  Set(s, thread, choice.target);
  Echo(s);
  return Outcome::kStepped;
}

inline Outcome RandomModel::Apply(State& s, Action action, Effects& effects) const {
  if (action.thread >= ThreadCount()) return Outcome::kDisabled;
  for (const Choice& choice : LocationOf(s, action.thread).choices) {
    if (choice.number == action.choice) return Take(s, action.thread, choice, effects);
  }
  return Outcome::kDisabled;
}

inline uint64_t RandomModel::AtRest(const State& s) const {
  uint64_t violated = 0;
  for (const Rest& rest : rests_) {
    if (Holds(s, rest.when)) violated |= rest.violated;
  }
  return violated;
}

inline void RandomModel::Echo(State& s) const {
  uint64_t sum = 0;
  for (int i = 0; i < static_cast<int>(fields_.size()); ++i) sum = sum * 8 + Get(s, i);
  for (int w = 0; w < kWords; ++w) {
    sum = (sum + 1) * 0xd6e8feb86659fd93u;
    s.words[w] = (s.words[w] & ~echo_.words[w]) | (sum & echo_.words[w]);
  }
}

inline RandomModel::Test RandomModel::AnyTest(Random& random) const {
  const int field = random.OneIn(3) ? random.Below(ThreadCount()) : Shared(random);
  return Test{field, ValueOf(field, random), !random.OneIn(3)};
}

inline void RandomModel::PlaceFields(Random& random) {
  State used{};
  for (Field& field : fields_) {
    while ((field.mask + 1) < static_cast<uint64_t>(field.values)) field.mask = field.mask * 2 + 1;
    do {
      field.word = random.Below(kWords);
      field.shift = random.Below(62);
    } while (used.words[field.word] & field.mask << field.shift);
    used.words[field.word] |= field.mask << field.shift;
  }
  masks_.words.resize(kWords);
  for (size_t w = 0; w < kWords; ++w) {
    // Words of nothing, of some and of all bits.
    const uint64_t wish = random.OneIn(3)   ? ~uint64_t{0}
                          : random.OneIn(2) ? random.Next() & random.Next()
                                            : 0;
    echo_.words[w] = wish & ~used.words[w];
    masks_.words[w] = wish | used.words[w];
  }
}

inline void RandomModel::MakeLocation(Random& random, int thread, int here,
                                      Location& location) const {
  const int count = static_cast<int>(threads_[static_cast<size_t>(thread)].size());
  // Mostly on to the next location, so that most of them are reached.
  const auto any_target = [&] {
    return static_cast<uint64_t>(random.OneIn(3) ? random.Below(count) : (here + 1) % count);
  };
  const int shared = Shared(random);
  const uint64_t value = ValueOf(shared, random);
  Choice choice;
  choice.target = any_target();
  const auto add = [&] { location.choices.push_back(choice); };
  switch (random.Below(9)) {
    case 0:  // Lock.
      choice.guards = {Test{shared, 0, true}};
      choice.operation = Operation::kSet;
      choice.field = shared;
      choice.value = 1;
      add();
      break;
    case 1:  // Unlock. Whoever unlocks what is free has sometimes made a fault.
      choice.operation = Operation::kSet;
      choice.field = shared;
      choice.guards = {Test{shared, 0, false}};
      add();
      if (random.OneIn(2)) choice.operation = Operation::kFault;
      choice.guards = {Test{shared, 0, true}};
      choice.target = any_target();
      add();
      break;
    case 2:
    case 3:  // Count.
      choice.operation = Operation::kAdd;
      choice.field = shared;
      choice.value = 1;
      add();
      break;
    case 4:  // Wait.
      choice.guards = {Test{shared, value, !random.OneIn(3)}};
      if (random.OneIn(3)) choice.guards.push_back(AnyTest(random));
      add();
      break;
    case 5:  // Branch.
      choice.guards = {Test{shared, value, true}};
      add();
      choice.guards[0].equal = false;
      choice.target = any_target();
      add();
      break;
    case 6:  // The end, or just a step.
      if (!random.OneIn(4)) break;
      add();
      break;
    default:  // Choose.
      for (int n = random.From(2, kMaxChoices); n > 0; --n) {
        choice.guards.clear();
        if (random.OneIn(3)) choice.guards.push_back(AnyTest(random));
        choice.operation = random.OneIn(12) ? Operation::kFault : Operation::kSet;
        choice.field = Shared(random);
        choice.value = ValueOf(choice.field, random);
        choice.target = any_target();
        add();
      }
  }
  // Choices need not be numbered from zero, nor without gaps.
  const int first = random.OneIn(4) ? random.Below(10) : 0;
  const int step = random.OneIn(4) ? random.From(1, 30'000) : 1;
  for (size_t i = 0; i < location.choices.size(); ++i) {
    location.choices[i].number = static_cast<uint16_t>(first + static_cast<int>(i) * step);
  }
}

inline void RandomModel::MakeProperties(Random& random) {
  properties_.resize(static_cast<size_t>(random.OneIn(8) ? 64 : random.From(1, 8)));
  std::vector<Choice*> choices;
  for (auto& thread : threads_) {
    for (Location& location : thread) {
      for (Choice& choice : location.choices) choices.push_back(&choice);
    }
  }
  for (size_t p = 0; p < properties_.size(); ++p) {
    const uint64_t bit = uint64_t{1} << p;
    Property& property = properties_[p];
    property.name = absl::StrCat("p", p);
    property.kind = static_cast<PropertyKind>(random.Below(3));
    if (property.kind == PropertyKind::kEventually) {
      for (int n = random.Below(3); n > 0; --n) rests_.push_back(Rest{bit, AnyTest(random)});
    }
    // Witnesses are counted for every kind; only a kNever property is violated by a step.
    for (int n = random.Below(4); n > 0 && !choices.empty(); --n) {
      Show show{AnyTest(random), {}};
      if (property.kind == PropertyKind::kNever) show.effects.violated = bit;
      if (property.kind != PropertyKind::kNever || random.OneIn(4)) show.effects.witnessed = bit;
      choices[static_cast<size_t>(random.Below(static_cast<int>(choices.size())))]->shows.push_back(
          show);
    }
  }
}

inline RandomModel::RandomModel(uint64_t seed) {
  Random random(seed);
  threads_.resize(static_cast<size_t>(random.From(2, 4)));
  // The reference is slow: when this many states are conceivable, all further fields are bits.
  int states = 20'000;
  const auto values = [&](int most) {
    const int count = random.From(2, std::clamp(states, 2, most));
    states /= count;
    return count;
  };
  for (auto& thread : threads_) {
    thread.resize(static_cast<size_t>(values(7)));
    fields_.push_back(Field{0, 0, 0, static_cast<int>(thread.size())});
  }
  for (int n = random.From(2, 4); n > 0; --n) fields_.push_back(Field{0, 0, 0, values(5)});
  PlaceFields(random);
  for (int t = 0; t < ThreadCount(); ++t) {
    auto& thread = threads_[static_cast<size_t>(t)];
    for (size_t i = 0; i < thread.size(); ++i) {
      MakeLocation(random, t, static_cast<int>(i), thread[i]);
    }
  }
  MakeProperties(random);
  initial_.push_back(State{});
  Echo(initial_[0]);
  while (random.OneIn(3)) {
    State state = initial_[0];
    if (!random.OneIn(3)) {
      for (int field = 0; field < static_cast<int>(fields_.size()); ++field) {
        Set(state, field, ValueOf(field, random));
      }
    }
    Echo(state);
    initial_.push_back(state);
  }
}

}  // namespace knotcheck::checker::testing
