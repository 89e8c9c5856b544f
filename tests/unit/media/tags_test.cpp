#include "svsep/tags.hpp"

#include "support/audio_files.hpp"
#include "support/run.hpp"
#include "support/temporary_folder.hpp"
#include "svsep/decoder.hpp"
#include "svsep/encoder.hpp"

#include <fstream>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace svsep {
namespace {

namespace fs = std::filesystem;
using test::run_ffmpeg;
using test::TemporaryFolder;

std::vector<std::uint8_t> bytes_of(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// A red picture of 48 x 32, as ffmpeg makes it.
CoverImage picture(const TemporaryFolder& folder, const std::string& codec) {
  const fs::path path = folder / (codec == "png" ? "cover.png" : "cover.jpg");
  run_ffmpeg({"-f", "lavfi", "-i", "color=red:size=48x32", "-frames:v", "1", path.string()});
  return {codec, 48, 32, bytes_of(path)};
}

Tags song_tags() {
  return {{{"title", "Ünter = \"Wasser\" 歌; #1\\"},
           {"artist", "A\nB\tC"},
           {"album", "An album"},
           {"date", "1999"},
           {"genre", "Folk"},
           {"track", "3/12"},
           {"comment", "first line\nsecond line"}},
          {}};
}

void write_song(const fs::path& path, AudioFormat format, const Tags& tags) {
  Encoder encoder(path, {format, 48000, 2, {}, tags});
  encoder.write(test::sine(48000, 30011, 2));
  encoder.finish();
}

class TagsOf : public testing::TestWithParam<FormatName> {};

TEST_P(TagsOf, TheSongAreThoseThatWereWritten) {
  const TemporaryFolder folder;
  const fs::path path = folder / ("a." + std::string(GetParam().extension));
  const bool is_wav = GetParam().extension == "wav";
  for (const char* codec : {"png", "mjpeg"}) {
    Tags tags = song_tags();
    if (!is_wav) {
      tags.values["album_artist"] = "Various";
      tags.values["composer"] = "Anon";
      tags.values["disc"] = "2";
    }
    tags.cover = picture(folder, codec);
    write_song(path, GetParam().format, tags);

    const Tags read = Decoder(path).tags();
    EXPECT_EQ(read.values, tags.values);
    ASSERT_EQ(read.cover.has_value(), !is_wav);
    if (read.cover) {
      EXPECT_EQ(read.cover->codec, codec);
      EXPECT_EQ(read.cover->width, 48);
      EXPECT_EQ(read.cover->height, 32);
      EXPECT_EQ(read.cover->bytes, tags.cover->bytes);
    }
    Decoder decoder(path);
    EXPECT_EQ(decoder.tags().values, tags.values);
    EXPECT_EQ(read_all(decoder).samples(), 30011U);

    const auto result =
        test::run({"ffprobe", "-v", "error", "-show_format", "-show_streams", "-of", "json", path.string()});
    EXPECT_EQ(result.err, "");
    const auto probed = nlohmann::json::parse(result.out);
    ASSERT_EQ(probed["streams"].size(), is_wav ? 1U : 2U);
    EXPECT_EQ(probed["streams"][0]["codec_type"], "audio");
    if (!is_wav) {
      EXPECT_EQ(probed["streams"][1]["codec_name"], codec);
      EXPECT_EQ(probed["streams"][1]["disposition"]["attached_pic"], 1);
    }
    const bool is_ogg = GetParam().format == AudioFormat::ogg || GetParam().format == AudioFormat::opus;
    const auto& shown = is_ogg ? probed["streams"][0]["tags"] : probed["format"]["tags"];
    for (const auto& [key, value] : shown.items()) {
      std::string name = key;
      for (char& letter : name) letter = static_cast<char>(std::tolower(static_cast<unsigned char>(letter)));
      if (tags.values.contains(name)) {
        EXPECT_EQ(value, tags.values[name]);
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(All, TagsOf, testing::ValuesIn(kFormatNames),
                         [](const auto& instance) { return std::string(instance.param.name); });

TEST(ReadTags, FindsWhatOtherProgramsWrote) {
  const TemporaryFolder folder;
  test::write_wav_s16(folder / "a.wav", test::sine(44100, 44100, 2), 44100);
  const CoverImage cover = picture(folder, "png");
  for (const char* name : {"a.mp3", "a.flac", "a.m4a"}) {
    run_ffmpeg({"-i", folder / "a.wav", "-i", folder / "cover.png", "-map", "0", "-map", "1", "-c:v", "copy",
                "-disposition:v", "attached_pic", "-metadata", "title=Lied", "-metadata", "encoder=x",
                "-metadata", "unknown=y", folder / name});
    const Tags tags = Decoder(folder / name).tags();
    EXPECT_EQ(tags.values, (std::map<std::string, std::string>{{"title", "Lied"}})) << name;
    ASSERT_TRUE(tags.cover) << name;
    EXPECT_EQ(tags.cover->bytes, cover.bytes) << name;
  }
  EXPECT_TRUE(Decoder(folder / "a.wav").tags().values.empty());
  EXPECT_FALSE(Decoder(folder / "a.wav").tags().cover);
}

TEST(ReadTags, TakesTextThatIsNoUtf8AsLatin1AndControlCharactersAsSpaces) {
  const TemporaryFolder folder;
  test::write_wav_s16(folder / "a.wav", test::sine(44100, 4410), 44100);
  run_ffmpeg({"-i", folder / "a.wav", "-metadata", "title=Caf\xe9\x1b[31m", "-metadata",
              "artist=Bj\xc3\xb6rk\x7f", "-metadata", "album=\xf0\x80\x80\x80", folder / "b.wav"});
  const Tags tags = Decoder(folder / "b.wav").tags();
  EXPECT_EQ(tags.values.at("title"), "Caf\xc3\xa9 [31m");
  EXPECT_EQ(tags.values.at("artist"), "Bj\xc3\xb6rk ");
  EXPECT_EQ(tags.values.at("album"), "\xc3\xb0\xc2\x80\xc2\x80\xc2\x80");
}

TEST(ReadTags, LeavesOutACoverThatIsTooLarge) {
  const TemporaryFolder folder;
  std::vector<std::uint8_t> bytes = picture(folder, "png").bytes;
  std::vector<std::uint8_t> chunk = {1, 0, 0, 0, 'f', 'i', 'L', 'l'};  // 16 MiB that no reader cares about
  chunk.resize(8 + (std::size_t{1} << 24U) + 4);
  bytes.insert(bytes.begin() + 33, chunk.begin(), chunk.end());  // behind the header
  std::ofstream(folder / "cover.png", std::ios::binary)
      .write(reinterpret_cast<const char*>(bytes.data()), std::ssize(bytes));
  test::write_wav_s16(folder / "a.wav", test::sine(44100, 4410), 44100);
  run_ffmpeg({"-i", folder / "a.wav", "-i", folder / "cover.png", "-map", "0", "-map", "1", "-c:v", "copy",
              "-disposition:v", "attached_pic", "-metadata", "title=Lied", folder / "a.m4a"});
  const Tags tags = Decoder(folder / "a.m4a").tags();
  EXPECT_EQ(tags.values.at("title"), "Lied");
  EXPECT_FALSE(tags.cover);
}

}  // namespace
}  // namespace svsep
