#include "separation/stems.hpp"

#include "svsep/error.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <fmt/ranges.h>

namespace svsep {
namespace {

bool holds(std::span<const std::string> names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

/// What one of the pair vocals and accompaniment is when the model gives only the other.
std::string_view counterpart(std::string_view name) {
  if (name == kVocals) return kAccompaniment;
  if (name == kAccompaniment) return kVocals;
  return {};
}

std::vector<std::string> available(std::span<const std::string> own, bool gives_rest) {
  std::vector<std::string> names(own.begin(), own.end());
  for (const std::string_view name : {kVocals, kAccompaniment}) {
    if (!holds(own, name) && holds(own, counterpart(name))) names.emplace_back(name);
  }
  if (gives_rest) names.emplace_back(kRest);
  return names;
}

}  // namespace

std::vector<std::string> mask_stems() { return {std::string(kVocals), std::string(kAccompaniment)}; }

std::vector<std::string> choose_stems(std::span<const std::string> own, std::span<const std::string> wanted,
                                      bool gives_rest) {
  const std::vector<std::string> names = available(own, gives_rest);
  std::vector<std::string> chosen;
  const auto choose = [&](const std::string& name) {
    if (!holds(names, name)) {
      throw Error(ErrorKind::usage, fmt::format("no such stem in this model; expected {} or {}, got {}",
                                                fmt::join(names, ", "), kAllStems, name));
    }
    if (!holds(chosen, name)) chosen.push_back(name);
  };
  const std::vector<std::string> both = mask_stems();
  for (const std::string& name : wanted.empty() ? std::span<const std::string>(both) : wanted) {
    if (name != kAllStems) {
      choose(name);
      continue;
    }
    for (const std::string& stem : own) choose(stem);
  }
  return chosen;
}

StemSum stem_sum(std::span<const std::string> own, std::string_view name) {
  StemSum sum{0, std::vector<float>(own.size(), 0.0F)};
  if (const auto found = std::find(own.begin(), own.end(), name); found != own.end()) {
    sum.gains[static_cast<std::size_t>(found - own.begin())] = 1;
    return sum;
  }
  sum.mixture_gain = 1;
  for (std::size_t i = 0; i < own.size(); ++i) {
    if (name == kRest || own[i] == counterpart(name)) sum.gains[i] = -1;
  }
  return sum;
}

std::vector<bool> used_stems(std::span<const StemSum> wanted, std::size_t stems) {
  std::vector<bool> used(stems, false);
  for (const StemSum& sum : wanted) {
    for (std::size_t stem = 0; stem < stems; ++stem) used[stem] = used[stem] || sum.gains[stem] != 0;
  }
  return used;
}

}  // namespace svsep
