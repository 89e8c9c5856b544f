#pragma once

namespace svsep::cli {

/// The whole program: parses, validates, runs a verb, and is the one place that turns failures into a line on
/// stderr and an exit code (see ErrorKind; 128 + n after signal n).
int run(int argc, char** argv);

}  // namespace svsep::cli
