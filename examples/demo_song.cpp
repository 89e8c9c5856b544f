// demo_song FILE.wav: writes a song that svsep can separate at once.
#include "demo_song.hpp"

#include "svsep/encoder.hpp"
#include "svsep/error.hpp"

#include <cstdio>

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fputs("usage: demo_song FILE.wav\n", stderr);
    return 2;
  }
  try {
    svsep::Encoder encoder(argv[1], {svsep::AudioFormat::wav_s16, demo_song::kSampleRateHz, 2});
    encoder.write(demo_song::sum(demo_song::synthesise()));
    encoder.finish();
  } catch (const svsep::Error& error) {
    std::fprintf(stderr, "demo_song: error: %s\n", error.what());
    return static_cast<int>(error.kind());
  }
  return 0;
}
