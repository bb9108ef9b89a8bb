// SPDX-License-Identifier: Apache-2.0

#include "conform/emit/pieces.h"

#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "gtest/gtest.h"

namespace knotcheck::conform::pieces_test {
namespace {

TEST(Pieces, StandBehindTheirWords) {
  const std::vector<PreludePiece> pieces = PiecesOf(R"(// A header

// piece: A
#define A
// piece: b c
int b,

    c;

// piece: d

int d;
)");
  ASSERT_EQ(pieces.size(), 3u);
  EXPECT_EQ(pieces[0].words, std::vector<std::string>{"A"});
  EXPECT_EQ(pieces[0].text, "\n#define A\n");
  EXPECT_EQ(pieces[1].words, (std::vector<std::string>{"b", "c"}));
  EXPECT_EQ(pieces[1].text, "int b,\n\n    c;\n");
  EXPECT_EQ(pieces[2].words, std::vector<std::string>{"d"});
  EXPECT_EQ(pieces[2].text, "\n\nint d;\n");
}

TEST(Pieces, PartsAreDecidedAndOtherConditionsStay) {
  const std::string text = R"(#ifndef A
#if EMIT_X
x
#else
#if B
b
#else
c
#endif
#endif
#endif
end
)";
  EXPECT_EQ(WithParts(text, {"X"}), "#ifndef A\nx\n#endif\nend\n");
  EXPECT_EQ(WithParts(text, {}), "#ifndef A\n#if B\nb\n#else\nc\n#endif\n#endif\nend\n");
}

// Nothing is looked up by a word that its text does not have.
TEST(Pieces, HaveTheWordsByWhichTheyAreNeeded) {
  std::vector<PreludePiece> pieces = PreludeControl();
  for (const PreludePiece& piece : PreludeWorld()) pieces.push_back(piece);
  pieces.push_back(PreludeNeed());
  EXPECT_GT(pieces.size(), 60u);
  for (const PreludePiece& piece : pieces) {
    for (const std::string& word : piece.words) {
      EXPECT_TRUE(absl::StrContains(piece.text, word)) << word;
    }
  }
}

}  // namespace
}  // namespace knotcheck::conform::pieces_test
