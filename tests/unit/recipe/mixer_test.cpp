#include "recipe/mixer.hpp"

#include "recipe/effects.hpp"
#include "recipe/level.hpp"
#include "support/audio_store.hpp"
#include "support/dataset.hpp"
#include "svsep/error.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <map>
#include <set>
#include <thread>

namespace svsep {
namespace {

using test::Channel;
using test::error_of;
using test::noise_s16;
using test::StoreBuilder;
using testing::HasSubstr;

constexpr std::size_t kPiece = 22050;

MixerOptions options(Recipe recipe, std::size_t channels = 1, std::uint64_t seed = 0) {
  return {.recipe = recipe, .validation = false, .piece_samples = kPiece, .channels = channels, .seed = seed};
}

MixerOptions for_validation(Recipe recipe, std::uint64_t seed = 0) {
  MixerOptions result = options(recipe, 1, seed);
  result.validation = true;
  return result;
}

bool equal(const Piece& a, const Piece& b) {
  return a.name == b.name && a.vocals.channels == b.vocals.channels &&
         a.accompaniment.channels == b.accompaniment.channels;
}

double mixture_rms(const Piece& piece) {
  AudioBuffer mixture = piece.vocals;
  add(mixture, piece.accompaniment, 1.0);
  return rms(mixture);
}

void expect_sound(const Piece& piece, std::size_t channels) {
  for (const AudioBuffer* audio : {&piece.vocals, &piece.accompaniment}) {
    ASSERT_EQ(audio->channels.size(), channels) << piece.name;
    for (const std::vector<float>& channel : audio->channels) {
      ASSERT_EQ(channel.size(), kPiece) << piece.name;
      ASSERT_TRUE(std::all_of(channel.begin(), channel.end(), [](float x) { return std::isfinite(x); }))
          << piece.name;
    }
  }
}

AudioStore everything() {
  return StoreBuilder()
      .add_song("song 1", 66150, 1)
      .add_song("song 2", 44100, 2)
      .add_voice("voice 1", 60000, 3)
      .add_voice("voice 2", 30000, 4)
      .add_accompaniment("band 1", 70000, 5)
      .add_accompaniment("band 2", 23000, 6)
      .add_song("held song", 66150, 7, true)
      .add_voice("held voice", 60000, 8, true)
      .add_accompaniment("held band", 70000, 9, true)
      .build();
}

TEST(Mixer, DrawsTheSameForTheSameKeyFromAnyThreadAndSomethingElseForAnother) {
  const AudioStore store = everything();
  for (const Recipe recipe : {Recipe::thesis, Recipe::remix}) {
    const Mixer mixer(store, options(recipe, 2, 7));
    std::vector<Piece> alone;
    for (std::uint64_t index = 0; index < 8; ++index) alone.push_back(mixer.draw(2, index));
    std::vector<Piece> together(8);
    {
      std::vector<std::jthread> threads;
      for (std::size_t thread = 0; thread < 4; ++thread) {
        threads.emplace_back([&, thread] {
          for (std::size_t index = 8; index-- > 0;) {  // another order
            if (index % 4 == thread) together[index] = mixer.draw(2, index);
          }
        });
      }
    }
    for (std::size_t index = 0; index < 8; ++index)
      EXPECT_TRUE(equal(alone[index], together[index])) << index;
    EXPECT_FALSE(equal(mixer.draw(2, 3), mixer.draw(2, 4)));
    EXPECT_FALSE(equal(mixer.draw(2, 3), mixer.draw(3, 3)));
    EXPECT_FALSE(equal(mixer.draw(2, 3), Mixer(store, options(recipe, 2, 8)).draw(2, 3)));
    EXPECT_TRUE(equal(mixer.draw(2, 3), Mixer(store, options(recipe, 2, 7)).draw(2, 3)));
  }
}

TEST(Mixer, KeepsValidationApartFromTraining) {
  const AudioStore store = everything();
  for (const Recipe recipe : {Recipe::thesis, Recipe::remix}) {
    const Mixer training(store, options(recipe));
    const Mixer validation(store, for_validation(recipe));
    for (std::uint64_t index = 0; index < 30; ++index) {
      EXPECT_THAT(training.draw(1, index).name, testing::Not(HasSubstr("held")));
      EXPECT_THAT(validation.draw(1, index).name, HasSubstr("held"));
    }
  }
}

TEST(ThesisRecipe, CutsAChannelOfTheSongAsItIs) {
  const Channel vocals = noise_s16(50000, 9000, 1);
  const Channel drums = noise_s16(50000, 5000, 2);
  const std::vector<Channel> other = {noise_s16(50000, 5000, 3), noise_s16(50000, 5000, 4)};
  const AudioStore store =
      StoreBuilder()
          .add("song", Role::song, {{vocals, noise_s16(50000, 100, 5)}, {drums}, {}, other})
          .build();
  const Mixer mixer(store, options(Recipe::thesis));
  std::array<int, 2> drawn{};
  std::set<std::size_t> starts;
  for (std::uint64_t index = 0; index < 40; ++index) {
    const Piece piece = mixer.draw(1, index);
    expect_sound(piece, 1);
    std::size_t start = 0;  // found by the parts that both channels share
    std::size_t channel = 0;
    const auto at = [&](std::size_t first, std::size_t c, std::size_t n) {
      return (drums[first + n] + other[c][first + n]) / 32768.0F;
    };
    while (start + kPiece <= 50000) {
      channel = std::abs(piece.accompaniment.channels[0][0] - at(start, 0, 0)) < 1e-6F ? 0 : 1;
      bool same = true;
      for (std::size_t n = 0; n < 50 && same; ++n) {
        same = std::abs(piece.accompaniment.channels[0][n] - at(start, channel, n)) < 1e-6F;
      }
      if (same) break;
      ++start;
    }
    ASSERT_LE(start + kPiece, 50000U);
    for (std::size_t n = 0; n < kPiece; ++n) {
      ASSERT_NEAR(piece.accompaniment.channels[0][n], at(start, channel, n), 1e-6);
      if (channel == 0) {
        ASSERT_NEAR(piece.vocals.channels[0][n], vocals[start + n] / 32768.0F, 1e-6);
      }
    }
    ++drawn[channel];
    starts.insert(start);
  }
  EXPECT_GT(std::min(drawn[0], drawn[1]), 8);
  EXPECT_GT(starts.size(), 35U);
}

TEST(ThesisRecipe, GivesBothChannelsWhereTwoAreAskedFor) {
  const AudioStore store =
      StoreBuilder()
          .add("song", Role::song,
               {{noise_s16(40000, 9000, 1)}, {noise_s16(40000, 9000, 2), noise_s16(40000, 900, 3)}})
          .build();
  const Piece piece = Mixer(store, options(Recipe::thesis, 2)).draw(1, 0);
  expect_sound(piece, 2);
  EXPECT_EQ(piece.vocals.channels[0], piece.vocals.channels[1]);  // a mono part is in the middle
  AudioBuffer left;
  AudioBuffer right;
  left.channels = {piece.accompaniment.channels[0]};
  right.channels = {piece.accompaniment.channels[1]};
  EXPECT_NEAR(rms(left) / rms(right), 10.0, 0.5);
}

TEST(ThesisRecipe, DrawsSongsAsOftenAsTheirWeightsSay) {
  const AudioStore store = StoreBuilder()
                               .add("a", Role::song, {{noise_s16(30000, 9000, 1)}}, false, 1.0)
                               .add("b", Role::song, {{noise_s16(90000, 9000, 2)}}, false, 3.0)
                               .build();
  const Mixer mixer(store, options(Recipe::thesis));
  int of_a = 0;
  for (std::uint64_t index = 0; index < 400; ++index) of_a += mixer.draw(1, index).name == "a" ? 1 : 0;
  EXPECT_NEAR(of_a, 100, 40);
}

TEST(ThesisRecipe, KeepsPiecesWithoutVocalsAndDrawsSilentOnesAgain) {
  const AudioStore store =
      StoreBuilder()
          .add("instrumental", Role::song, {{Channel(40000)}, {noise_s16(40000, 3000, 1)}})
          .add("silent", Role::song, {{Channel(40000)}, {noise_s16(40000, 20, 2)}})
          .build();
  const Mixer mixer(store, options(Recipe::thesis));
  for (std::uint64_t index = 0; index < 20; ++index) {
    const Piece piece = mixer.draw(1, index);
    EXPECT_EQ(piece.name, "instrumental");
    EXPECT_EQ(rms(piece.vocals), 0.0);
    EXPECT_GT(mixture_rms(piece), 1e-3);
  }
}

TEST(ThesisRecipe, RepeatsARecordingThatIsShorterThanAPiece) {
  const Channel vocals = noise_s16(1000, 9000, 1);
  const AudioStore store = StoreBuilder().add("short", Role::song, {{vocals}}).build();
  const Piece piece = Mixer(store, options(Recipe::thesis)).draw(1, 0);
  expect_sound(piece, 1);
  const std::vector<float>& samples = piece.vocals.channels[0];
  for (std::size_t n = 1000; n < kPiece; ++n) ASSERT_EQ(samples[n], samples[n - 1000]);
}

TEST(RemixRecipe, MakesSoundOfSongsOnlyOfPartsOnlyAndOfBoth) {
  const AudioStore songs = StoreBuilder().add_song("song 1", 50000, 1).add_song("song 2", 9000, 2).build();
  const AudioStore parts =
      StoreBuilder().add_voice("voice", 50000, 1).add_accompaniment("band", 50000, 2).build();
  const AudioStore both = everything();
  for (const AudioStore* store : {&songs, &parts, &both}) {
    for (const std::size_t channels : {1U, 2U}) {
      const Mixer mixer(*store, options(Recipe::remix, channels));
      for (std::uint64_t index = 0; index < 60; ++index) {
        const Piece piece = mixer.draw(1, index);
        expect_sound(piece, channels);
        const double level_db = 20 * std::log10(mixture_rms(piece) + 1e-12);
        if (rms(piece.accompaniment) > 0) {
          EXPECT_GT(level_db, -20 - 12.1) << piece.name;
          EXPECT_LT(level_db, -20 + 6.1) << piece.name;
        }
      }
    }
  }
}

TEST(RemixRecipe, HasTheSharesThatAreDocumented) {
  const AudioStore store = everything();
  MixerOptions short_pieces = options(Recipe::remix);
  short_pieces.piece_samples = 2205;
  const Mixer mixer(store, short_pieces);
  std::map<std::string, int> count;
  constexpr int kPieces = 3000;
  for (std::uint64_t index = 0; index < kPieces; ++index) {
    const Piece piece = mixer.draw(1, index);
    const bool mix = piece.name.find(" + ") != std::string::npos;
    if (mix) {
      ++count["mix"];
      const std::string voice = piece.name.substr(0, piece.name.find(" + "));
      EXPECT_NE(voice, piece.name.substr(piece.name.find(" + ") + 3)) << "one recording for both";
      count["voice of a song"] += voice.starts_with("song") ? 1 : 0;
    } else if (rms(piece.accompaniment) == 0.0) {
      ++count["voice only"];
    } else if (rms(piece.vocals) == 0.0) {
      ++count["voice-free"];
    } else {
      ++count["song"];
    }
  }
  constexpr double kOfFewSongs = 2.0 / (2 + 5);
  constexpr double kMixes = 1 - 0.3 * kOfFewSongs;
  EXPECT_NEAR(count["song"], (1 - kMixes) * kPieces, 90);
  EXPECT_NEAR(count["voice-free"], kMixes * 0.08 * kPieces, 60);
  EXPECT_NEAR(count["voice only"], kMixes * 0.02 * kPieces, 30);
  EXPECT_NEAR(count["voice of a song"], 0.5 * kOfFewSongs * count["mix"], 0.04 * count["mix"]);
}

TEST(RemixRecipe, PutsVoicesBetweenTheirLevelsOverTheAccompaniment) {
  const AudioStore store =
      StoreBuilder().add_voice("voice", 90000, 1).add_accompaniment("band", 90000, 2).build();
  const Mixer mixer(store, options(Recipe::remix));
  double lowest_db = 0.0;
  double highest_db = 0.0;
  for (std::uint64_t index = 0; index < 300; ++index) {
    const Piece piece = mixer.draw(1, index);
    if (rms(piece.vocals) == 0.0 || rms(piece.accompaniment) == 0.0) continue;
    const double db = 20 * std::log10(sounding_rms(piece.vocals, 22050) / rms(piece.accompaniment));
    lowest_db = std::min(lowest_db, db);
    highest_db = std::max(highest_db, db);
  }
  EXPECT_GT(lowest_db, -14.0);  // -10..7 dB before bands are cut off and ends are silenced
  EXPECT_LT(lowest_db, -7.0);
  EXPECT_LT(highest_db, 12.0);
  EXPECT_GT(highest_db, 4.0);
}

TEST(RemixRecipe, GivesMonoMaterialAPlaceBetweenTwoChannels) {
  const AudioStore store =
      StoreBuilder().add_voice("voice", 90000, 1).add_accompaniment("band", 90000, 2).build();
  const Mixer mixer(store, options(Recipe::remix, 2));
  int wide_voices = 0;
  int wide_bands = 0;
  for (std::uint64_t index = 0; index < 100; ++index) {
    const Piece piece = mixer.draw(1, index);
    if (piece.accompaniment.channels[0] != piece.accompaniment.channels[1]) ++wide_bands;
    if (piece.vocals.channels[0] != piece.vocals.channels[1]) ++wide_voices;
  }
  // A quarter of the pieces have equal channels. Of the others, voices in a room, doubled or panned have not,
  // nor have four accompaniments in five.
  for (const int wide : {wide_voices, wide_bands}) {
    EXPECT_GT(wide, 40);
    EXPECT_LT(wide, 80);
  }
}

TEST(Validation, TakesSongsAsTheyAreWhateverTheRecipeEpochAndSeed) {
  const AudioStore store = everything();
  const Mixer thesis(store, for_validation(Recipe::thesis));
  const Mixer remix(store, for_validation(Recipe::remix, 5));
  for (std::uint64_t index = 0; index < 5; ++index) {
    const Piece piece = thesis.draw(1, index);
    EXPECT_EQ(piece.name, "held song");
    EXPECT_TRUE(equal(piece, remix.draw(9, index)));
  }
  EXPECT_FALSE(equal(thesis.draw(1, 0), thesis.draw(1, 1)));
}

TEST(Validation, PutsVoicesOverEquallyLoudAccompanimentsWhereThereIsNoSong) {
  const AudioStore store =
      StoreBuilder().add_voice("voice", 90000, 1, true).add_accompaniment("band", 90000, 2, true).build();
  const Mixer mixer(store, for_validation(Recipe::remix));
  for (std::uint64_t index = 0; index < 10; ++index) {
    const Piece piece = mixer.draw(1, index);
    EXPECT_EQ(piece.name, "voice + band");
    EXPECT_NEAR(mixture_rms(piece), 0.1, 1e-3);
    EXPECT_NEAR(sounding_rms(piece.vocals, 22050) / rms(piece.accompaniment), 1.0, 0.02);
  }
}

TEST(Mixer, NamesWhatAStoreLacks) {
  const auto error_for = [](const StoreBuilder& builder, const MixerOptions& wanted) {
    const AudioStore store = builder.build();
    const Error error = error_of([&] { const Mixer mixer(store, wanted); });
    EXPECT_EQ(error.kind(), ErrorKind::input);
    return std::string(error.what());
  };
  EXPECT_THAT(error_for(StoreBuilder(), options(Recipe::thesis)), HasSubstr("songs with stems"));
  EXPECT_THAT(error_for(StoreBuilder().add_voice("v", 9000, 1).add_accompaniment("a", 9000, 2),
                        options(Recipe::thesis)),
              HasSubstr("got 0 songs, 1 voices, 1 accompaniments"));
  EXPECT_THAT(error_for(StoreBuilder().add_voice("v", 9000, 1), options(Recipe::remix)),
              HasSubstr("expected songs with stems, or voices and accompaniments"));
  EXPECT_THAT(error_for(StoreBuilder().add_song("s", 9000, 1), for_validation(Recipe::remix)),
              HasSubstr("cannot validate"));
  EXPECT_THAT(
      error_for(StoreBuilder().add("s", Role::song, {{noise_s16(9000, 9000, 1)}}), options(Recipe::remix)),
      HasSubstr("1 recordings with voices and 0 with accompaniment"));
}

TEST(Mixer, NamesARecordingThatIsSilentWhereAllAre) {
  const AudioStore silent =
      StoreBuilder().add("hush", Role::song, {{Channel(40000)}, {Channel(40000)}}).build();
  for (const Recipe recipe : {Recipe::thesis, Recipe::remix}) {
    const Mixer mixer(silent, options(recipe));
    const Error error = error_of([&] { static_cast<void>(mixer.draw(1, 0)); });
    EXPECT_EQ(error.kind(), ErrorKind::input);
    EXPECT_THAT(error.what(), HasSubstr("hush is silent"));
  }
}

TEST(Mixer, SurvivesRecordingsOfOneSample) {
  const AudioStore store =
      StoreBuilder()
          .add("song", Role::song, {{Channel{9000}}, {Channel{-3000}}, {Channel{100}, Channel{200}}})
          .add("voice", Role::vocals, {{Channel{9000}}})
          .add("empty", Role::vocals, {{Channel{}}})
          .add("band", Role::accompaniment, {{}, {}, {}, {Channel{5000}, Channel{-5000}}})
          .build();
  for (const Recipe recipe : {Recipe::thesis, Recipe::remix}) {
    const Mixer mixer(store, options(recipe, 2));
    for (std::uint64_t index = 0; index < 30; ++index) expect_sound(mixer.draw(1, index), 2);
  }
}

}  // namespace
}  // namespace svsep
