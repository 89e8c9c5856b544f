#include "cli/options.hpp"
#include "cli/verbs.hpp"
#include "svsep/backend/backend.hpp"

#include <memory>

namespace svsep::cli {

void add_train(CLI::App& app, Action& action) {
  const auto options = std::make_shared<TrainingOptions>();
  CLI::App& verb = *app.add_subcommand("train", "Train a separator on MUSDB18");
  verb.add_option("--musdb", options->musdb, "Folder with train/*.stem.mp4 (and test/*.stem.mp4)")
      ->required();
  verb.add_option("-o,--output", options->output, "Model file to write")->capture_default_str();
  verb.add_option("--history", options->history,
                  "CSV file, one row an epoch [the model file's name with .csv]");
  verb.add_option("--epochs", options->epochs)->check(CLI::Range(1, 1000000))->capture_default_str();
  verb.add_option("--steps-per-epoch", options->steps_per_epoch,
                  "Batches an epoch; validation takes a fifth of it")
      ->check(CLI::Range(1, 100000000))
      ->capture_default_str();
  verb.add_option("--batch-size", options->batch_size, "Windows a step")
      ->check(CLI::Range(1, 65536))
      ->capture_default_str();
  verb.add_option("--tracks-in-batch", options->tracks_in_batch, "Pieces of songs that are shuffled together")
      ->check(CLI::Range(1, 1024))
      ->capture_default_str();
  verb.add_option("--lr", options->learning_rate, "Learning rate of Adam")
      ->check(CLI::Range(1e-9, 1.0))
      ->capture_default_str();
  verb.add_option("--patience", options->patience,
                  "Stop after so many epochs without a better validation loss")
      ->check(CLI::Range(1, 1000000))
      ->capture_default_str();
  verb.add_option("--seed", options->seed, "The same seed on the same machine gives the same weights")
      ->capture_default_str();
  add_choice<Label>(verb, "--label", options->label, "accompaniment",
                    {{"accompaniment", Label::accompaniment}, {"mixture", Label::mixture}},
                    "What the vocals must exceed in a bin to be its label");
  add_choice<InputTransform>(
      verb, "--input", options->input_transform, "log-level",
      {{"log-level", InputTransform::log_level}, {"magnitude", InputTransform::magnitude}},
      "What the network sees");
  add_device_options(verb, options->device, options->threads);
  verb.callback([options, &action] {
    action = [options] {
      load_backend().train(*options);
      return 0;
    };
  });
}

}  // namespace svsep::cli
