#include "cli/run.hpp"

int main(int argc, char** argv) { return svsep::cli::run(argc, argv); }
