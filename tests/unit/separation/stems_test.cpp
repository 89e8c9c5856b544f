#include "separation/stems.hpp"

#include "svsep/error.hpp"

#include <gtest/gtest.h>
#include <string>
#include <vector>

namespace svsep {
namespace {

using Names = std::vector<std::string>;

TEST(Stems, AreVocalsAndAccompanimentUnlessOthersAreWanted) {
  EXPECT_EQ(choose_stems(Names{"drums", "vocals"}, {}, true), (Names{"vocals", "accompaniment"}));
}

TEST(Stems, ThatAreWantedStandOnceAndInTheirOrder) {
  const Names own = {"drums", "bass", "other", "vocals"};
  EXPECT_EQ(choose_stems(own, Names{"all"}, true), own);
  EXPECT_EQ(choose_stems(own, Names{"vocals", "all", "rest", "vocals"}, true),
            (Names{"vocals", "drums", "bass", "other", "rest"}));
}

TEST(Stems, ThatTheModelCannotGiveAreRefusedByNamingThoseThatItCan) {
  try {
    (void)choose_stems(Names{"vocals"}, Names{"piano"}, true);
    FAIL() << "expected an error";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::usage);
    EXPECT_STREQ(error.what(),
                 "no such stem in this model; expected vocals, accompaniment, rest or all, got piano");
  }
  EXPECT_THROW((void)choose_stems(Names{"drums"}, Names{"vocals"}, true), Error);
  EXPECT_THROW((void)choose_stems(Names{"vocals"}, Names{"rest"}, false), Error);
}

TEST(Stems, AreTheModelsOwnWhereItGivesThem) {
  const StemSum sum = stem_sum(Names{"accompaniment", "vocals"}, "accompaniment");
  EXPECT_EQ(sum.mixture_gain, 0);
  EXPECT_EQ(sum.gains, (std::vector<float>{1, 0}));
}

TEST(Stems, ThatTheModelLacksAreTheMixtureLessTheOthers) {
  const Names own = {"drums", "vocals"};
  EXPECT_EQ(stem_sum(own, "accompaniment").mixture_gain, 1);
  EXPECT_EQ(stem_sum(own, "accompaniment").gains, (std::vector<float>{0, -1}));
  EXPECT_EQ(stem_sum(own, "rest").gains, (std::vector<float>{-1, -1}));
  EXPECT_EQ(stem_sum(Names{"accompaniment"}, "vocals").gains, (std::vector<float>{-1}));
}

}  // namespace
}  // namespace svsep
