#include "svsep/tags.hpp"

#include "media/several_values.hpp"
#include "support/audio_files.hpp"
#include "support/run.hpp"
#include "support/temporary_folder.hpp"
#include "svsep/decoder.hpp"
#include "svsep/encoder.hpp"
#include "svsep/error.hpp"

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

std::string text_of(const fs::path& path) {
  const std::vector<std::uint8_t> bytes = bytes_of(path);
  return {bytes.begin(), bytes.end()};
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

/// All but WAV, whose ID3 chunk FFmpeg does not read in every version.
class TagsOf : public testing::TestWithParam<FormatName> {};

TEST_P(TagsOf, TheSongAreThoseThatWereWritten) {
  const TemporaryFolder folder;
  const fs::path path = folder / ("a." + std::string(GetParam().extension));
  for (const char* codec : {"png", "mjpeg"}) {
    Tags tags = song_tags();
    tags.values["album_artist"] = "Various";
    tags.values["composer"] = "Anon";
    tags.values["disc"] = "2";
    tags.cover = picture(folder, codec);
    write_song(path, GetParam().format, tags);

    const Tags read = Decoder(path).tags();
    EXPECT_EQ(read.values, tags.values);
    ASSERT_TRUE(read.cover);
    {
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
    ASSERT_EQ(probed["streams"].size(), 2U);
    EXPECT_EQ(probed["streams"][0]["codec_type"], "audio");
    EXPECT_EQ(probed["streams"][1]["codec_name"], codec);
    EXPECT_EQ(probed["streams"][1]["disposition"]["attached_pic"], 1);
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

INSTANTIATE_TEST_SUITE_P(All, TagsOf, testing::ValuesIn(kFormatNames.begin() + 3, kFormatNames.end()),
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
    std::map<std::string, std::string> values = {{"title", "Lied"}, {"unknown", "y"}};
    if (std::string(name) == "a.m4a") values.erase("unknown");  // ffmpeg does not write it
    EXPECT_EQ(tags.values, values) << name;
    ASSERT_TRUE(tags.cover) << name;
    EXPECT_EQ(tags.cover->bytes, cover.bytes) << name;
  }
  EXPECT_TRUE(Decoder(folder / "a.wav").tags().values.empty());
  EXPECT_FALSE(Decoder(folder / "a.wav").tags().cover);
}

TEST(SeveralValues, StaySeveralInFlac) {
  const TemporaryFolder folder;
  Tags tags = song_tags();
  tags.several = {{"artist", {"Anna", "Bert; and others", "Cleo"}}, {"album_artist", {"x", "y"}}};
  tags.values["artist"] = "Anna;Bert; and others;Cleo";
  tags.values["album_artist"] = "x;y";
  tags.values["title"] = "semicolons; in one value";
  write_song(folder / "a.flac", AudioFormat::flac, tags);
  const std::string bytes = text_of(folder / "a.flac");
  for (const char* comment : {"artist=Anna", "artist=Bert; and others", "artist=Cleo", "ALBUMARTIST=x",
                              "ALBUMARTIST=y", "title=semicolons; in one value"}) {
    EXPECT_NE(bytes.find(comment), std::string::npos) << comment;
  }
  EXPECT_EQ(bytes.substr(0, 1000).find('\x1f'), std::string::npos) << "a placeholder is left";
  Decoder decoder(folder / "a.flac");
  EXPECT_EQ(decoder.tags().values, tags.values);
  EXPECT_EQ(decoder.tags().several, tags.several);
  EXPECT_EQ(read_all(decoder).samples(), 30011U);
  const auto probed = test::run({"ffprobe", "-v", "error", "-show_entries", "format_tags=artist", "-of",
                                 "csv=p=0", (folder / "a.flac").string()});
  EXPECT_EQ(probed.out, "Anna;Bert; and others;Cleo\n");
}

/// A frame of ID3v2.4; sizes below 128.
std::string id3_frame(const std::string& id, const std::string& body) {
  return id + std::string{0, 0, 0, static_cast<char>(body.size()), 0, 0} + body;
}

TEST(SeveralValues, OfId3AreAllRead) {
  using std::string_literals::operator""s;
  const TemporaryFolder folder;
  run_ffmpeg(
      {"-f", "lavfi", "-i", "sine=d=1", "-map_metadata", "-1", "-id3v2_version", "0", folder / "a.mp3"});
  const std::string frames = id3_frame("TIT2", "\x03Lied"s) +
                             id3_frame("TPE1",
                                       "\x03"
                                       "Anna\0Bert\0"s) +
                             id3_frame("TCOM",
                                       "\x01\xFF\xFE"
                                       "a\0\0\0\xFF\xFE\xE9\0"s);
  const std::string audio = text_of(folder / "a.mp3");
  std::ofstream(folder / "b.mp3", std::ios::binary)
      << "ID3\x04\0\0\0\0\0"s << static_cast<char>(frames.size()) << frames << audio;
  const Tags tags = Decoder(folder / "b.mp3").tags();
  EXPECT_EQ(tags.values.at("title"), "Lied");
  EXPECT_EQ(tags.values.at("artist"), "Anna;Bert");
  EXPECT_EQ(tags.several.at("artist"), (std::vector<std::string>{"Anna", "Bert"}));
  EXPECT_EQ(tags.several.at("composer"), (std::vector<std::string>{"a", "\xC3\xA9"}));
  for (std::size_t size = 0; size < 10 + frames.size(); size += 3) {  // damaged: no harm
    std::ofstream(folder / "c.mp3", std::ios::binary)
        << ("ID3\x04\0\0\0\0\0"s + static_cast<char>(frames.size()) + frames).substr(0, size) << audio;
    EXPECT_NO_THROW((void)Decoder(folder / "c.mp3").tags());
  }
}

/// An Ogg page of one packet of less than 255 bytes.
std::string ogg_page(const std::string& packet) {
  return "OggS" + std::string(22, '\0') + '\x01' + static_cast<char>(packet.size()) + packet;
}

std::string comment(const std::string& text) {
  return std::string{static_cast<char>(text.size()), 0, 0, 0} + text;
}

TEST(SeveralValues, OfOggAreAllRead) {
  const TemporaryFolder folder;
  for (const std::string mark : {"OpusTags", "\x03vorbis"}) {
    std::ofstream(folder / "a.ogg", std::ios::binary)
        << ogg_page("head")
        << ogg_page(mark + comment("writer") + std::string{4, 0, 0, 0} + comment("ARTIST=A") +
                    comment("artist=B") + comment("title=T") + comment("nothing"));
    EXPECT_EQ(ffmpeg::several_values(folder / "a.ogg"), (ffmpeg::SeveralValues{{"artist", {"A", "B"}}}));
  }
}

/// The tags that ffmpeg writes, through a stem's file of each format, and back.
Tags carried(const TemporaryFolder& folder, AudioFormat format) {
  const Tags tags = Decoder(folder / "a.flac").tags();
  const fs::path path =
      folder / ("b." + std::string(kFormatNames.at(static_cast<std::size_t>(format)).extension));
  write_song(path, format, tags);
  return Decoder(path).tags();
}

TEST(ReadTags, CarriesWhatDescribesTheSongAndNotWhatDescribesTheFile) {
  const TemporaryFolder folder;
  test::write_wav_s16(folder / "a.wav", test::sine(48000, 30011, 2), 48000);
  run_ffmpeg({"-i",
              folder / "a.wav",
              "-metadata",
              "title=T",
              "-metadata",
              "BPM=128",
              "-metadata",
              "INITIALKEY=8A",
              "-metadata",
              "LYRICS=la la",
              "-metadata",
              "ISRC=DEXX",
              "-metadata",
              "LABEL=L",
              "-metadata",
              "MUSICBRAINZ_TRACKID=abc",
              "-metadata",
              "REPLAYGAIN_TRACK_GAIN=-3 dB",
              "-metadata",
              "ENCODER_OPTIONS=x",
              "-metadata",
              "iTunSMPB=0",
              folder / "a.flac"});
  for (const AudioFormat format : {AudioFormat::flac, AudioFormat::ogg, AudioFormat::mp3}) {
    const auto values = carried(folder, format).values;
    for (const char* key : {"title", "BPM", "INITIALKEY", "ISRC", "LYRICS", "MUSICBRAINZ_TRACKID"}) {
      EXPECT_TRUE(values.contains(key)) << key << " in format " << static_cast<int>(format);
    }
    for (const char* key : {"REPLAYGAIN_TRACK_GAIN", "ENCODER_OPTIONS", "iTunSMPB", "encoder"}) {
      EXPECT_FALSE(values.contains(key)) << key << " in format " << static_cast<int>(format);
    }
  }
}

TEST(WavTags, LieInTheInfoListAndTheRestInAnId3Chunk) {
  const TemporaryFolder folder;
  Tags tags = song_tags();
  write_song(folder / "a.wav", AudioFormat::wav_s24, tags);
  EXPECT_EQ(Decoder(folder / "a.wav").tags().values, tags.values);
  const auto whole = [&](const char* name) {
    const auto bytes = bytes_of(folder / name);
    return std::string(bytes.begin(), bytes.end());
  };
  EXPECT_EQ(whole("a.wav").find("id3 ID3"), std::string::npos);
  tags.values["album_artist"] = "Various";
  tags.values["BPM"] = "128";
  tags.cover = picture(folder, "png");
  write_song(folder / "b.wav", AudioFormat::wav_s24, tags);
  const std::string bytes = whole("b.wav");
  const std::size_t chunk = bytes.find("id3 ");
  ASSERT_NE(chunk, std::string::npos);
  EXPECT_EQ(bytes.compare(chunk + 8, 3, "ID3"), 0);
  EXPECT_NE(bytes.find("TPE2", chunk), std::string::npos);
  EXPECT_NE(bytes.find("TBPM", chunk), std::string::npos);
  EXPECT_NE(bytes.find("APIC", chunk), std::string::npos);
  const auto little = [&](std::size_t at) {
    std::size_t value = 0;
    for (std::size_t i = 4; i-- > 0;) value = value * 256 + static_cast<unsigned char>(bytes[at + i]);
    return value;
  };
  EXPECT_EQ(little(4) + 8, bytes.size());
  EXPECT_EQ(chunk + 8 + little(chunk + 4) + little(chunk + 4) % 2, bytes.size());
  Decoder decoder(folder / "b.wav");
  EXPECT_EQ(read_all(decoder).samples(), 30011U);
}

TEST(ReadTags, PrefersTheFrontCover) {
  const TemporaryFolder folder;
  const CoverImage front = picture(folder, "png");
  run_ffmpeg({"-f", "lavfi", "-i", "color=blue:size=16x16", "-frames:v", "1", folder / "back.png"});
  test::write_wav_s16(folder / "a.wav", test::sine(44100, 4410), 44100);
  for (const char* name : {"a.mp3", "a.flac"}) {
    run_ffmpeg({"-i",
                folder / "a.wav",
                "-i",
                folder / "back.png",
                "-i",
                folder / "cover.png",
                "-map",
                "0",
                "-map",
                "1",
                "-map",
                "2",
                "-c:v",
                "copy",
                "-disposition:v",
                "attached_pic",
                "-metadata:s:v:0",
                "comment=Cover (back)",
                "-metadata:s:v:1",
                "comment=Cover (front)",
                folder / name});
    const Tags tags = Decoder(folder / name).tags();
    ASSERT_TRUE(tags.cover) << name;
    EXPECT_EQ(tags.cover->bytes, front.bytes) << name;
  }
}

TEST(ReadTags, CountsABroadcastWavFromWhereTheSelectionBegins) {
  const TemporaryFolder folder;
  test::write_wav_s16(folder / "a.wav", test::sine(48000, 96000), 48000);
  run_ffmpeg(
      {"-i", folder / "a.wav", "-write_bext", "1", "-metadata", "time_reference=480000", folder / "b.wav"});
  const Tags tags = Decoder(folder / "b.wav", {.range = {0.5, std::nullopt}}).tags();
  EXPECT_EQ(tags.time_reference_s, 10.5);
  Encoder encoder(folder / "c.wav", {AudioFormat::wav_s24, 96000, 1, {}, tags});
  encoder.write(test::sine(96000, 9600));
  encoder.finish();
  EXPECT_EQ(Decoder(folder / "c.wav").tags().time_reference_s, 10.5);
}

/// The layout that ffprobe reads in a file.
std::string layout_of(const fs::path& path) {
  const auto result = test::run(
      {"ffprobe", "-v", "error", "-show_entries", "stream=channel_layout", "-of", "csv=p=0", path.string()});
  return result.out.substr(0, result.out.find('\n'));
}

TEST(Speakers, StayWhereTheyAre) {
  const TemporaryFolder folder;
  for (const auto& [layout, channels] : std::vector<std::pair<std::string, int>>{{"3.0", 3},
                                                                                 {"2.1", 3},
                                                                                 {"quad", 4},
                                                                                 {"4.0", 4},
                                                                                 {"3.1", 4},
                                                                                 {"5.0", 5},
                                                                                 {"5.0(side)", 5},
                                                                                 {"5.1", 6},
                                                                                 {"5.1(side)", 6},
                                                                                 {"hexagonal", 6},
                                                                                 {"6.1", 7},
                                                                                 {"7.1", 8},
                                                                                 {"7.1(wide)", 8}}) {
    test::write_wav_s16(folder / "a.wav", test::noise(20000, static_cast<std::size_t>(channels)), 48000);
    std::string map;
    for (int c = 0; c < channels; ++c) map += (c == 0 ? "" : "|") + std::to_string(c);
    run_ffmpeg({"-i", folder / "a.wav", "-af", "channelmap=" + map + ":" + layout, folder / "b.wav"});
    ASSERT_EQ(layout_of(folder / "b.wav"), layout);
    const Tags tags = Decoder(folder / "b.wav").tags();
    for (const AudioFormat format : {AudioFormat::wav_s24, AudioFormat::flac}) {
      const fs::path path =
          folder / ("c." + std::string(kFormatNames.at(static_cast<std::size_t>(format)).extension));
      Encoder encoder(path, {format, 48000, channels, {}, tags});
      encoder.write(test::noise(20000, static_cast<std::size_t>(channels)));
      encoder.finish();
      EXPECT_EQ(layout_of(path), layout) << path.extension();
    }
  }
}

TEST(Speakers, AreRefusedWhereAFormatHasNoPlaceForThem) {
  const TemporaryFolder folder;
  constexpr std::uint64_t kFrontAndBackCentre = 0x107;  // hexagonal without its backs
  constexpr std::uint64_t kHexagonal = 0x137;
  Tags tags;
  tags.speakers = kHexagonal;
  for (const AudioFormat format : {AudioFormat::ogg, AudioFormat::opus, AudioFormat::m4a}) {
    EXPECT_THROW(Encoder(folder / "a", {format, 48000, 6, {}, tags}), Error);
  }
  tags.speakers = kFrontAndBackCentre;
  EXPECT_NO_THROW(Encoder(folder / "a.m4a", {AudioFormat::m4a, 48000, 4, {}, tags}));
  EXPECT_TRUE(fs::is_empty(folder.path()));
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
