#pragma once

#include "media/image_file.hpp"

#include <string>
#include <vector>

namespace svsep {

/// One curve: a value for each x. Values that are no finite numbers are gaps.
struct Curve {
  std::string name;
  std::vector<double> values;
};

/// Curves that share a vertical axis.
struct CurvePanel {
  std::string label;  ///< of the vertical axis, with its unit: "SDR (dB)"
  std::vector<Curve> curves;
};

/// Panels one below the other over the same horizontal axis, such as the losses and the SDRs of the epochs.
struct CurveFigure {
  std::string title;
  std::string x_label;
  std::vector<double> x;  ///< ascending, finite
  std::vector<CurvePanel> panels;
};

/// The figure, with a legend in each panel; 1200 pixels wide. Every curve has a value for each x; any number
/// of them, none and one too, is drawn.
[[nodiscard]] Image draw(const CurveFigure& figure);

}  // namespace svsep
