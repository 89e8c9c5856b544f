#include "cli/model_edit.hpp"

#include "model/edit.hpp"
#include "model/find.hpp"

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace svsep::cli {
namespace {

struct EditArguments {
  std::vector<std::string> models;
  std::filesystem::path output;
  Calibration calibration;
};

CLI::App& add_edit(CLI::App& verb, const char* name, const char* description, EditArguments& arguments) {
  CLI::App& edit = *verb.add_subcommand(name, description);
  edit.add_option("-o,--output", arguments.output, "Model file to write")->required();
  return edit;
}

}  // namespace

void add_average(CLI::App& verb, Action& action) {
  const auto arguments = std::make_shared<EditArguments>();
  CLI::App& average =
      add_edit(verb, "average", "Write the mean of the weights of models that one run led to", *arguments);
  average.add_option("MODEL", arguments->models, "Names of models, or .safetensors files; two or more")
      ->required()
      ->expected(2, 64);
  average.callback([arguments, &action] {
    action = [arguments] {
      std::vector<std::filesystem::path> files;
      for (const std::string& model : arguments->models) files.push_back(find_model_file(model));
      average_models(files, arguments->output);
      return 0;
    };
  });
}

void add_calibrate(CLI::App& verb, Action& action) {
  const auto arguments = std::make_shared<EditArguments>();
  CLI::App& calibrate =
      add_edit(verb, "calibrate", "Write a copy of a model with surer or softer masks", *arguments);
  calibrate.add_option("MODEL", arguments->models, "Name of a model, or a .safetensors file")
      ->required()
      ->expected(1);
  Calibration& values = arguments->calibration;
  calibrate.add_option("--certainty", values.certainty, "Gain of the logits; below 1 for softer masks")
      ->capture_default_str();
  calibrate
      .add_option("--bias-per-octave", values.bias_per_octave,
                  "Rise of the logits per octave above 200 Hz: more treble in the vocals")
      ->capture_default_str();
  calibrate.add_option("--vocal-thresh", values.vocals_threshold,
                       "Threshold that suits the model's vocals [as it is]");
  calibrate.add_option("--acc-thresh", values.accompaniment_threshold,
                       "Threshold that suits its accompaniment [as it is]");
  calibrate.add_option("--licence", values.licence, "Licence of the weights [as it is]");
  calibrate.callback([arguments, &action] {
    action = [arguments] {
      calibrate_model(find_model_file(arguments->models.front()), arguments->calibration, arguments->output);
      return 0;
    };
  });
}

}  // namespace svsep::cli
