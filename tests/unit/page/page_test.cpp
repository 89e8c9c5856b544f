#include "page/page.hpp"

#include "support/temporary_folder.hpp"

#include <cmath>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <gmock/gmock.h>
#include <iterator>
#include <nlohmann/json.hpp>
#include <string>

namespace svsep {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

constexpr int kRateHz = 22050;

std::string contents(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

AudioBuffer tone(std::size_t samples) {
  AudioBuffer audio(2, samples);
  for (auto& channel : audio.channels) {
    for (std::size_t n = 0; n < samples; ++n) channel[n] = std::sin(0.1F * static_cast<float>(n));
  }
  return audio;
}

class Page : public testing::Test {
 protected:
  [[nodiscard]] static std::string page_of(const std::string& title, const std::vector<PageTrack>& tracks,
                                           std::size_t block_samples = kRateHz) {
    SongPage page(kRateHz, title, tracks);
    const AudioBuffer song = tone(2 * kRateHz);
    for (std::size_t start = 0; start < song.samples(); start += block_samples) {
      AudioBuffer block;
      for (const auto& channel : song.channels) {
        block.channels.emplace_back(
            channel.begin() + static_cast<std::ptrdiff_t>(start),
            channel.begin() + static_cast<std::ptrdiff_t>(std::min(start + block_samples, song.samples())));
      }
      for (std::size_t track = 0; track < tracks.size(); ++track) page.push(track, block);
    }
    return page.html();
  }

  /// What the page's script reads.
  [[nodiscard]] static nlohmann::json song_of(const std::string& html) {
    const std::string begin = R"(<script id="song" type="application/json">)";
    const std::size_t start = html.find(begin) + begin.size();
    return nlohmann::json::parse(html.substr(start, html.find("</script>", start) - start));
  }

  test::TemporaryFolder folder_;
};

TEST_F(Page, NamesEveryTrackWithItsFileAndPicture) {
  const auto song = song_of(page_of("Song", {{"mixture", "mixture.wav", true}, {"vocals", "vocals.wav"}}));
  EXPECT_DOUBLE_EQ(song["duration"], 2.0);
  ASSERT_EQ(song["tracks"].size(), 2U);
  EXPECT_EQ(song["tracks"][0]["name"], "mixture");
  EXPECT_EQ(song["tracks"][0]["muted"], true);
  EXPECT_EQ(song["tracks"][1]["file"], "vocals.wav");
  EXPECT_EQ(song["tracks"][1]["muted"], false);
  EXPECT_THAT(song["tracks"][1]["picture"].get<std::string>(),
              StartsWith("data:image/png;base64,iVBORw0KGgo"));
}

TEST_F(Page, LetsNoTitleOrNameBreakOutOfItsPlace) {
  const std::string html =
      page_of("<b>&\"</title>@SONG@", {{"</script><script>alert(1)", "a b#%?\xC3\xA9\xFF.wav"}});
  EXPECT_THAT(html, HasSubstr("<title>&lt;b&gt;&amp;&quot;&lt;/title&gt;@SONG@</title>"));
  EXPECT_THAT(html, Not(HasSubstr("</script><script>alert")));
  const auto song = song_of(html);
  EXPECT_EQ(song["tracks"][0]["name"], "</script><script>alert(1)");
  EXPECT_EQ(song["tracks"][0]["file"], "a%20b%23%25%3F%C3%A9%FF.wav");
}

TEST_F(Page, DoesNotDependOnTheBlocks) {
  const std::string whole = page_of("Song", {{"vocals", "vocals.wav"}}, 2 * kRateHz);
  EXPECT_EQ(page_of("Song", {{"vocals", "vocals.wav"}}, 777), whole);
}

TEST_F(Page, AsksForNothingFromTheNetwork) {
  const std::string html = page_of("Song", {{"vocals", "vocals.wav"}});
  EXPECT_THAT(html, Not(HasSubstr("http:")));
  EXPECT_THAT(html, Not(HasSubstr("https:")));
  EXPECT_THAT(html, Not(HasSubstr("@CSS@")));
}

TEST_F(Page, OverviewLinksTheSongsPages) {
  write_overview_page(folder_ / "index.html", "Songs", {{"A & B", "A & B/index.html", 65.0}});
  EXPECT_THAT(contents(folder_ / "index.html"),
              HasSubstr(R"(<a href="A%20%26%20B/index.html">A &amp; B</a><span>1:05</span>)"));
}

}  // namespace
}  // namespace svsep
