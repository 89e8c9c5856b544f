#include "training/checkpoint.hpp"

#include "core/atomic_file.hpp"
#include "core/log.hpp"
#include "dataset/content_hash.hpp"
#include "svsep/error.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <spdlog/fmt/fmt.h>
#include <sstream>

namespace svsep {
namespace {

namespace fs = std::filesystem;

constexpr const char* kFormat = "svsep checkpoint 1";

/// What a file ends with: hash_bytes() of all before. LibTorch reads a damaged archive without notice, or
/// asks for gigabytes.
using Checksum = std::uint64_t;

std::string first_line(const std::string& text) { return text.substr(0, text.find('\n')); }

std::string folders(const std::vector<DataFolder>& list) {
  std::string text;
  for (const DataFolder& data : list) {
    text += (text.empty() ? "" : ", ") + fs::weakly_canonical(data.folder).string() +
            (data.weight == 1.0 ? "" : fmt::format(":{}", data.weight));
  }
  return text.empty() ? "none" : text;
}

/// One line a setting.
std::string text_of(const Settings& settings) {
  std::string text;
  for (const auto& [name, value] : settings) text += fmt::format("{}={}\n", name, value);
  return text;
}

void expect_same(const fs::path& path, const std::string& stored, const Settings& settings) {
  std::istringstream lines(stored);
  for (const auto& [name, value] : settings) {
    std::string line;
    std::getline(lines, line);
    if (line == fmt::format("{}={}", name, value)) continue;
    const std::string theirs = line.rfind(name + "=", 0) == 0 ? line.substr(name.size() + 1) : "nothing";
    throw Error(ErrorKind::usage,
                fmt::format("cannot resume: {}: {}; expected {} (of the run that it is from), got {}",
                            path.string(), name, theirs, value));
  }
}

}  // namespace

Settings settings_of(const TrainingOptions& options, const std::string& data) {
  const auto text = [](auto value) { return fmt::format("{}", value); };
  const auto number = [](auto value) { return fmt::format("{}", static_cast<int>(value)); };
  constexpr const char* kRecipes[] = {"thesis", "remix"};
  constexpr const char* kLabels[] = {"accompaniment", "mixture", "ratio"};
  constexpr const char* kLosses[] = {"bce", "l1", "waveform"};
  constexpr const char* kPretrainings[] = {"none", "autoencoder"};
  constexpr const char* kInputs[] = {"magnitude", "log-level"};
  return {{"--musdb", folders(options.data.musdb)},
          {"--vocals", folders(options.data.vocals)},
          {"--accompaniment", folders(options.data.accompaniment)},
          {"training audio", data},
          {"--arch", options.architecture},
          {"--init", options.init.empty() ? "none" : fs::weakly_canonical(options.init).string()},
          {"--recipe", kRecipes[static_cast<int>(options.recipe)]},
          {"--loss", kLosses[static_cast<int>(options.loss)]},
          {"--label", kLabels[static_cast<int>(options.label)]},
          {"--pretrain", kPretrainings[static_cast<int>(options.pretraining)]},
          {"--input", kInputs[static_cast<int>(options.input_transform)]},
          {"--steps-per-epoch", text(options.steps_per_epoch)},
          {"--batch-size", text(options.batch_size)},
          {"--tracks-in-batch", text(options.tracks_in_batch)},
          {"--lr", text(options.learning_rate)},
          {"--warmup-steps", text(options.warmup_steps)},
          {"--schedule", options.cosine ? "cosine" : "constant"},
          {"--weight-decay", text(options.weight_decay)},
          {"--ema", text(options.ema_decay)},
          {"--clip-norm", text(options.clip_norm)},
          {"--amp", number(options.amp)},
          {"--patience", text(options.patience)},
          {"--seed", text(options.seed)}};
}

void write_checkpoint(const fs::path& path, const Settings& settings,
                      const std::function<void(torch::serialize::OutputArchive&)>& save) {
  std::string bytes;
  try {
    torch::serialize::OutputArchive archive;
    archive.write("format", c10::IValue(kFormat));
    archive.write("settings", c10::IValue(text_of(settings)));
    save(archive);
    archive.save_to([&](const void* data, std::size_t size) {
      bytes.append(static_cast<const char*>(data), size);
      return size;
    });
  } catch (const c10::Error& error) {
    throw Error(ErrorKind::output, "cannot write: " + path.string() +
                                       ": LibTorch: " + first_line(error.what_without_backtrace()));
  }
  const Checksum checksum = hash_bytes(bytes);
  bytes.append(reinterpret_cast<const char*>(&checksum), sizeof checksum);
  write_file(path, bytes);
}

void read_checkpoint(const fs::path& path, const Settings& settings, const torch::Device& device,
                     const std::function<void(torch::serialize::InputArchive&)>& load) {
  const auto fail = [&](const std::string& reason) {
    throw Error(ErrorKind::model, "cannot resume: " + path.string() + ": " + reason);
  };
  std::error_code code;
  if (!fs::is_regular_file(path, code)) fail(code ? code.message() : "no such file");
  std::ifstream file(path, std::ios::binary | std::ios::ate);
  std::string bytes(static_cast<std::size_t>(std::max<std::streamoff>(0, file.tellg())), '\0');
  file.seekg(0).read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  if (!file) fail(std::strerror(errno));
  if (bytes.size() < sizeof(Checksum)) fail("not a whole checkpoint: too short");
  const std::size_t archive_bytes = bytes.size() - sizeof(Checksum);
  Checksum checksum = 0;
  std::memcpy(&checksum, bytes.data() + archive_bytes, sizeof checksum);
  const Checksum expected = hash_bytes({bytes.data(), archive_bytes});
  if (checksum != expected) {
    fail(fmt::format("not a whole checkpoint: checksum; expected {:016x}, got {:016x}", expected, checksum));
  }
  try {
    torch::serialize::InputArchive archive;
    archive.load_from(bytes.data(), archive_bytes, device);
    c10::IValue format;
    if (!archive.try_read("format", format) || !format.isString() || format.toStringRef() != kFormat) {
      fail(std::string("format; expected ") + kFormat);
    }
    c10::IValue stored;
    archive.read("settings", stored);
    expect_same(path, stored.toStringRef(), settings);
    load(archive);
  } catch (const Error&) {
    throw;
  } catch (const c10::Error& error) {
    fail("not a whole checkpoint: LibTorch: " + first_line(error.what_without_backtrace()));
  } catch (const std::exception& error) {
    fail("not a whole checkpoint: " + first_line(error.what()));
  }
}

}  // namespace svsep
