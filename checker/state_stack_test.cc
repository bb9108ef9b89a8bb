// SPDX-License-Identifier: Apache-2.0

#include "checker/state_stack.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <vector>

namespace knotcheck::checker::state_stack_test {
namespace {

// Takes `count` buffers, fills each, and sees that nobody else has written to it.
void Nest(StateStack& stack, uint64_t count, std::vector<const uint64_t*>& seen) {
  if (count == 0) return;
  const StateBuffer buffer(stack);
  seen.push_back(buffer.words());
  std::fill_n(buffer.words(), stack.words(), count);
  Nest(stack, count - 1, seen);
  EXPECT_EQ(std::count(buffer.words(), buffer.words() + stack.words(), count),
            static_cast<int64_t>(stack.words()));
}

TEST(StateStackTest, BuffersAreApartAndStayWhereTheyAre) {
  for (const size_t words : {1, 3, 100, 4096, 5000, 1 << 17}) {
    SCOPED_TRACE(words);
    const uint64_t count = words < 1000 ? 10'000 / words : 5;
    StateStack stack(words);
    EXPECT_EQ(stack.words(), words);
    EXPECT_EQ(stack.capacity(), 0U);
    std::vector<const uint64_t*> first;
    Nest(stack, count, first);
    EXPECT_EQ(stack.depth(), 0U);
    const size_t capacity = stack.capacity();
    EXPECT_GE(capacity, count);
    // Again: the same memory.
    std::vector<const uint64_t*> second;
    Nest(stack, count, second);
    EXPECT_EQ(first, second);
    EXPECT_EQ(stack.capacity(), capacity);
  }
}

TEST(StateStackTest, CopiesStates) {
  StateStack stack(3);
  const uint64_t one[] = {1, 2, 3};
  const uint64_t other[] = {4, 5, 6};
  StateBuffer buffer(stack, one);
  EXPECT_TRUE(std::equal(one, one + 3, buffer.words()));
  EXPECT_EQ(stack.depth(), 1U);
  {
    const StateBuffer inner(stack, other);
    EXPECT_EQ(stack.depth(), 2U);
    buffer.Copy(inner.words());
  }
  EXPECT_EQ(stack.depth(), 1U);
  EXPECT_TRUE(std::equal(other, other + 3, buffer.words()));
}

}  // namespace
}  // namespace knotcheck::checker::state_stack_test
