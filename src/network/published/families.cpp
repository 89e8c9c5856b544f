#include "network/published/families.hpp"

#include "network/published/bag.hpp"
#include "network/published/htdemucs.hpp"
#include "network/published/mdx23c.hpp"
#include "network/published/open_unmix.hpp"
#include "network/published/roformer.hpp"
#include "svsep/error.hpp"

#include <array>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <string_view>
#include <utility>

namespace svsep {
namespace {

struct Family {
  std::string_view architecture;
  std::shared_ptr<ChunkNetwork> (*make)(const ModelInfo&);
};

// One line per family: its name in model files, and what makes it.
constexpr std::array kFamilies = {
    Family{"bs-roformer", make_roformer}, Family{"mel-band-roformer", make_roformer},
    Family{"mdx23c", make_mdx23c},        Family{"open-unmix", make_open_unmix},
    Family{"htdemucs", make_htdemucs},
};

}  // namespace

std::vector<std::string> published_families() {
  std::vector<std::string> names;
  for (const Family& family : kFamilies) names.emplace_back(family.architecture);
  return names;
}

std::shared_ptr<ChunkNetwork> make_published_network(const ModelInfo& info) {
  for (const Family& family : kFamilies) {
    if (family.architecture != info.architecture) continue;
    if (!info.chunks || info.chunks->weights.empty()) return family.make(info);
    std::vector<std::shared_ptr<ChunkNetwork>> networks;
    for (std::size_t k = 0; k < info.chunks->weights.size(); ++k) networks.push_back(family.make(info));
    return std::make_shared<Bag>(std::move(networks), info.chunks->weights);
  }
  throw Error(ErrorKind::model, fmt::format("architecture; expected one of {}, got {}",
                                            fmt::join(published_families(), ", "), info.architecture));
}

std::int64_t published_size(const ModelInfo& info, const std::string& name) {
  const std::vector<std::int64_t>& values = published_sizes(info, name);
  if (values.size() != 1) refuse_size(name, "1 value", std::to_string(values.size()));
  return values.front();
}

std::int64_t published_size(const ModelInfo& info, const std::string& name, std::int64_t lowest,
                            std::int64_t highest) {
  const std::int64_t value = published_size(info, name);
  if (value < lowest || value > highest) {
    refuse_size(name, fmt::format("{} to {}", lowest, highest), std::to_string(value));
  }
  return value;
}

std::int64_t published_size(const ModelInfo& info, const std::string& name, std::int64_t otherwise) {
  return info.sizes.contains(name) ? published_size(info, name) : otherwise;
}

std::int64_t bounded_size(const ModelInfo& info, const std::string& name, std::int64_t least,
                          std::int64_t most) {
  const std::int64_t value = published_size(info, name);
  if (value < least || value > most)
    refuse_size(name, fmt::format("{} to {}", least, most), std::to_string(value));
  return value;
}

const std::vector<std::int64_t>& published_sizes(const ModelInfo& info, const std::string& name) {
  const auto found = info.sizes.find(name);
  if (found == info.sizes.end() || found->second.empty()) refuse_size(name, "a value", "none");
  return found->second;
}

const ChunkParameters& published_chunks(const ModelInfo& info) {
  if (!info.chunks) throw Error(ErrorKind::model, "chunks; expected a published network's, got none");
  return *info.chunks;
}

void refuse_size(const std::string& name, const std::string& expected, const std::string& got) {
  throw Error(ErrorKind::model, fmt::format("size {}; expected {}, got {}", name, expected, got));
}

}  // namespace svsep
