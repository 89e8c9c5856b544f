#include "backend/backend.hpp"
#include "cli/options.hpp"
#include "cli/verbs.hpp"
#include "dataset/collection.hpp"
#include "svsep/error.hpp"

#include <memory>
#include <string>
#include <vector>

namespace svsep::cli {
namespace {

struct TrainArguments {
  TrainingOptions options;
  std::vector<std::string> musdb, vocals, accompaniment;
  std::string schedule = "constant";
};

void add_data_options(CLI::App& verb, TrainArguments& arguments) {
  verb.add_option("--musdb", arguments.musdb,
                  "Folder of songs with their stems in train/ (and valid/); DIR=WEIGHT draws from it WEIGHT "
                  "times as often; may be given several times")
      ->group("Data");
  verb.add_option("--vocals", arguments.vocals, "Folder of voices alone, likewise")->group("Data");
  verb.add_option("--accompaniment", arguments.accompaniment, "Folder of music without voices, likewise")
      ->group("Data");
  verb.add_option("--cache-dir", arguments.options.data.cache_dir,
                  "Folder for decoded audio [the user's cache folder]")
      ->group("Data");
  verb.add_option("--workers", arguments.options.data.workers,
                  "Threads that prepare the data, 0 for all processors")
      ->check(within(0, 1024))
      ->capture_default_str()
      ->group("Data");
  add_choice<Recipe>(verb, "--recipe", arguments.options.recipe, "thesis",
                     {{"thesis", Recipe::thesis}, {"remix", Recipe::remix}},
                     "Pieces are songs as they are, or mixed at random and augmented")
      ->group("Data");
  verb.add_option("--tracks-in-batch", arguments.options.tracks_in_batch,
                  "Pieces whose windows are shuffled together (thesis-cnn)")
      ->check(within(1, 1024))
      ->capture_default_str()
      ->group("Data");
}

void add_objective_options(CLI::App& verb, TrainingOptions& options) {
  verb.add_option("--arch", options.architecture, "Network: the thesis' or our own")
      ->check(CLI::IsMember({"thesis-cnn", "harmonic-unet"}))
      ->capture_default_str()
      ->group("Learning");
  add_choice<Loss>(verb, "--loss", options.loss, "thesis-cnn: bce; harmonic-unet: waveform",
                   {{"bce", Loss::bce}, {"l1", Loss::l1}, {"waveform", Loss::waveform}},
                   "Error of the mask (cross-entropy), of both stems' magnitudes, or of the vocals' samples")
      ->group("Learning");
  add_choice<Label>(
      verb, "--label", options.label, "accompaniment",
      {{"accompaniment", Label::accompaniment}, {"mixture", Label::mixture}, {"ratio", Label::ratio}},
      "With --loss bce, the mask should be 1 where the vocals exceed this, or their share of the power")
      ->group("Learning");
  add_choice<Pretraining>(verb, "--pretrain", options.pretraining, "none",
                          {{"none", Pretraining::none}, {"autoencoder", Pretraining::autoencoder}},
                          "Learn to repeat the vocals for one epoch first")
      ->group("Learning");
  add_choice<InputTransform>(
      verb, "--input", options.input_transform, "log-level",
      {{"log-level", InputTransform::log_level}, {"magnitude", InputTransform::magnitude}},
      "The network sees logarithms over the level around them, or bare magnitudes")
      ->group("Learning");
  verb.add_option("--init", options.init, "Begin with the weights of this model file")->group("Learning");
}

void add_optimiser_options(CLI::App& verb, TrainArguments& arguments) {
  TrainingOptions& options = arguments.options;
  const auto number = [&](const char* name, auto& value, auto low, auto high, const std::string& help) {
    return verb.add_option(name, value, help)->check(within(low, high))->group("Learning");
  };
  number("--batch-size", options.batch_size, 1, 65536,
         "thesis-cnn: windows per step [128]; harmonic-unet: stretches of 5 s [8]");
  number("--lr", options.learning_rate, 1e-9, 1.0,
         "Learning rate of AdamW [thesis-cnn: 1e-4; harmonic-unet: 1e-3]");
  number("--warmup-steps", options.warmup_steps, 0, 100000000,
         "Steps in which the learning rate rises from 0 [thesis-cnn: 0; harmonic-unet: 300]");
  verb.add_option("--schedule", arguments.schedule,
                  "The learning rate holds, or falls to 0 by the last epoch")
      ->check(CLI::IsMember({"constant", "cosine"}))
      ->capture_default_str()
      ->group("Learning");
  number("--weight-decay", options.weight_decay, 0.0, 1.0,
         "Weight decay of AdamW [thesis-cnn: 0; harmonic-unet: 1e-2]");
  number("--ema", options.ema_decay, 0.0, 0.999999,
         "Keep a running mean of the weights that keeps this share of itself per step; 0: none "
         "[thesis-cnn: 0; harmonic-unet: 0.9985]");
  number("--clip-norm", options.clip_norm, 0.0, 1e9,
         "Largest norm of the gradient; 0: no limit [thesis-cnn: 0; harmonic-unet: 5]");
  verb.add_flag("--amp", options.amp, "Compute in bfloat16 where the processor or GPU has it")
      ->group("Learning");
}

void add_run_options(CLI::App& verb, TrainArguments& arguments) {
  TrainingOptions& options = arguments.options;
  verb.add_option("--epochs", options.epochs, "Epochs at most")
      ->check(within(1, 1000000))
      ->capture_default_str();
  verb.add_option("--steps-per-epoch", options.steps_per_epoch,
                  "Batches per epoch; validation takes a twentieth as many")
      ->check(within(1, 100000000))
      ->capture_default_str();
  verb.add_option("--patience", options.patience, "Stop after so many epochs without a lower validation loss")
      ->check(within(1, 1000000))
      ->capture_default_str();
  verb.add_option("--max-minutes", options.max_minutes, "Save the state for --resume after so long, and end")
      ->check(within(0.0, 1e9));
  verb.add_option("--seed", options.seed, "The same seed on the same machine gives the same weights")
      ->capture_default_str();
  verb.add_option("-o,--output", options.output, "Model file to write [ARCH.safetensors]");
  verb.add_option("--history", options.history,
                  "CSV file, a row per epoch, and a figure beside it [the model file's name with .csv]");
  verb.add_option("--checkpoint", options.checkpoint,
                  "State of the run, for --resume [the model file's name with .checkpoint]");
  verb.add_flag("--resume", options.resume, "Go on from the checkpoint");
  add_device_options(verb, options.device, options.threads);
}

std::vector<DataFolder> data_folders(const std::vector<std::string>& texts) {
  std::vector<DataFolder> folders;
  for (const std::string& text : texts) folders.push_back(parse_data_folder(text));
  return folders;
}

/// What the architecture wants where the command line says nothing, and what cannot go together.
void complete(const CLI::App& verb, TrainArguments& arguments) {
  TrainingOptions& options = arguments.options;
  const auto given = [&](const char* name) { return verb.count(name) > 0; };
  const TrainingOptions suited = training_defaults(options.architecture);
  const auto otherwise = [&](const char* name, auto& value, const auto& wanted) {
    if (!given(name)) value = wanted;
  };
  otherwise("--output", options.output, suited.output);
  otherwise("--batch-size", options.batch_size, suited.batch_size);
  otherwise("--lr", options.learning_rate, suited.learning_rate);
  otherwise("--warmup-steps", options.warmup_steps, suited.warmup_steps);
  otherwise("--weight-decay", options.weight_decay, suited.weight_decay);
  otherwise("--ema", options.ema_decay, suited.ema_decay);
  otherwise("--clip-norm", options.clip_norm, suited.clip_norm);
  otherwise("--loss", options.loss, given("--label") ? Loss::bce : suited.loss);
  options.cosine = arguments.schedule == "cosine";
  options.data.musdb = data_folders(arguments.musdb);
  options.data.vocals = data_folders(arguments.vocals);
  options.data.accompaniment = data_folders(arguments.accompaniment);
  const auto fail = [](const std::string& reason) {
    throw Error(ErrorKind::usage, "cannot train: " + reason + "; see svsep train --help");
  };
  if (options.data.musdb.empty() && (options.data.vocals.empty() || options.data.accompaniment.empty())) {
    fail("no data; expected --musdb, or --vocals and --accompaniment");
  }
  if (options.data.musdb.empty() && options.recipe == Recipe::thesis) {
    fail("--recipe thesis needs songs; expected --musdb, or --recipe remix");
  }
  if (given("--label") && options.loss != Loss::bce) {
    fail("--label has no meaning with --loss l1 or waveform; expected --loss bce, or no --label");
  }
}

}  // namespace

void add_train(CLI::App& app, Action& action) {
  const auto arguments = std::make_shared<TrainArguments>();
  CLI::App& verb =
      *app.add_subcommand("train", "Train a separator on songs with stems, or on voices and music");
  add_data_options(verb, *arguments);
  add_objective_options(verb, arguments->options);
  add_optimiser_options(verb, *arguments);
  add_run_options(verb, *arguments);
  verb.callback([arguments, &verb, &action] {
    complete(verb, *arguments);
    action = [arguments] {
      announce_threads(arguments->options.threads);
      load_backend().train(arguments->options);
      return 0;
    };
  });
}

}  // namespace svsep::cli
