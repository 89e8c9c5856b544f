#include "fuzz.hpp"
#include "import/checkpoint.hpp"
#include "import/family.hpp"

/// A configuration as published weights have it.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes = svsep::fuzz::text_of(data, size);
  const svsep::fuzz::MemoryFile file(bytes);
  svsep::fuzz::expect_only_errors([&] {
    const svsep::ValueTree tree = svsep::read_yaml(file.path());
    svsep::fuzz::expect_only_errors([&] { static_cast<void>(svsep::published_stems(tree)); });
    svsep::fuzz::expect_only_errors(
        [&] { static_cast<void>(tree.integers("model.freqs_per_bands", 1, 1025)); });
    svsep::fuzz::expect_only_errors([&] { static_cast<void>(tree.number("audio.chunk_size", 0, 1e9)); });
    svsep::fuzz::expect_only_errors([&] { static_cast<void>(tree.flag("model.stereo")); });
  });
  return 0;
}
