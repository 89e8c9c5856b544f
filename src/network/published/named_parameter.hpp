#pragma once

#include <string_view>
#include <torch/torch.h>

namespace svsep {

/// Registers an unset float32 parameter below `root` by its published name, "layers.0.norm.gamma"; makes the
/// modules between where they are missing. The tensor returned is the parameter: it sees what is loaded.
torch::Tensor add_parameter(torch::nn::Module& root, std::string_view name, torch::IntArrayRef shape);

/// Gives back the memory of a parameter whose values have been packed elsewhere.
void release_parameter(torch::Tensor& parameter);

}  // namespace svsep
