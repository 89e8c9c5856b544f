#pragma once

#include "network/published/chunk_network.hpp"
#include "svsep/model_file.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace svsep {

/// The architecture names of the published families, as model files have them.
[[nodiscard]] std::vector<std::string> published_families();

/// The network that the file's metadata states, a bag of them where it has weights, its parameters unset.
/// Throws Error(model): an architecture that is not in the table, a size that is missing or wrong ("size
/// NAME; expected …, got …"; the caller knows the file).
[[nodiscard]] std::shared_ptr<ChunkNetwork> make_published_network(const ModelInfo& info);

/// The one value of the size `name`. Throws Error(model) where the metadata has none or several.
[[nodiscard]] std::int64_t published_size(const ModelInfo& info, const std::string& name);

/// The same; also throws where the value is not in that range.
[[nodiscard]] std::int64_t published_size(const ModelInfo& info, const std::string& name, std::int64_t lowest,
                                          std::int64_t highest);

/// The same, `otherwise` where the metadata has no such size.
[[nodiscard]] std::int64_t published_size(const ModelInfo& info, const std::string& name,
                                          std::int64_t otherwise);

/// The one value of the size `name`, from `least` to `most`. Throws Error(model).
[[nodiscard]] std::int64_t bounded_size(const ModelInfo& info, const std::string& name, std::int64_t least,
                                        std::int64_t most);

/// All values of the size `name`. Throws Error(model) where the metadata has none.
[[nodiscard]] const std::vector<std::int64_t>& published_sizes(const ModelInfo& info,
                                                               const std::string& name);

/// How the network takes a song. Throws Error(model) where the metadata does not say.
[[nodiscard]] const ChunkParameters& published_chunks(const ModelInfo& info);

/// Throws Error(model) "size NAME; expected …, got …".
[[noreturn]] void refuse_size(const std::string& name, const std::string& expected, const std::string& got);

}  // namespace svsep
