#pragma once

#include "model/thesis_cnn.hpp"
#include "svsep/training/training.hpp"

namespace svsep {

/// svsep::train() with a network of other sizes; tests train tiny ones.
void train(const TrainingOptions& options, const ThesisCnnSizes& sizes);

}  // namespace svsep
