// separate_file SONG FOLDER: writes FOLDER/vocals.wav and FOLDER/accompaniment.wav. All of svsep from C++.
#include <cstdio>
#include <svsep/error.hpp>
#include <svsep/svsep.hpp>

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fprintf(stderr, "usage: separate_file SONG FOLDER\n");
    return 2;
  }
  try {
    const svsep::SongReport report = svsep::separate_file(argv[1], argv[2]);
    std::printf("%.1f s of music in %.1f s\n", report.song_s, report.wall_s);
    for (const auto& path : report.outputs) std::printf("%s\n", path.c_str());
  } catch (const svsep::Error& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return static_cast<int>(error.kind());
  }
}
