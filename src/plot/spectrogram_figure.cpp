#include "svsep/plot/spectrogram_figure.hpp"

namespace svsep {

struct SpectrogramFigure::Impl {};

SpectrogramFigure::SpectrogramFigure(int /*sample_rate_hz*/, const std::string& /*title*/)
    : impl_(std::make_unique<Impl>()) {}
SpectrogramFigure::~SpectrogramFigure() = default;
SpectrogramFigure::SpectrogramFigure(SpectrogramFigure&&) noexcept = default;
SpectrogramFigure& SpectrogramFigure::operator=(SpectrogramFigure&&) noexcept = default;

void SpectrogramFigure::push_mixture(const AudioBuffer& /*block*/) {}
void SpectrogramFigure::push_stems(const AudioBuffer& /*vocals*/, const AudioBuffer& /*accompaniment*/) {}
Image SpectrogramFigure::draw() { return {1, 1, {255, 255, 255}}; }

}  // namespace svsep
