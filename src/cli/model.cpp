#include "cli/model_edit.hpp"
#include "cli/model_text.hpp"
#include "cli/verbs.hpp"
#include "import/load_importer.hpp"
#include "model/find.hpp"
#include "svsep/error.hpp"

#include <filesystem>
#include <fmt/format.h>
#include <memory>
#include <string>
#include <vector>

// The verb `model`: a function per subcommand.

namespace svsep::cli {
namespace {

namespace fs = std::filesystem;

void add_list(CLI::App& verb, Action& action) {
  CLI::App& list = *verb.add_subcommand("list", "List the shipped models and those imported");
  list.callback([&action] {
    action = [] {
      print_models();
      return 0;
    };
  });
}

void add_show(CLI::App& verb, Action& action) {
  const auto model = std::make_shared<std::string>();
  CLI::App& show = *verb.add_subcommand("show", "Tell what a model file states");
  show.add_option("MODEL", *model, "Name of a model, or a .safetensors file")->required();
  show.callback([model, &action] {
    action = [model] {
      print_model(find_model_file(*model));
      return 0;
    };
  });
}

struct ImportArguments {
  std::vector<std::string> files;
  std::string config;
  std::string name;
  std::string licence;
  bool float32 = false;
  bool overwrite = false;
};

int import_weights(const ImportArguments& arguments) {
  const fs::path first = arguments.files.front();
  const std::string name = arguments.name.empty() ? first.stem().string() : arguments.name;
  const fs::path output = user_model_path(name);
  for (const fs::path& shipped : shipped_models()) {
    if (shipped.stem() == name) {
      throw Error(ErrorKind::usage, "a shipped model is named " + name + " already; choose another --name");
    }
  }
  if (fs::exists(output) && !arguments.overwrite) {
    throw Error(ErrorKind::output, "cannot write: " + output.string() + ": exists already; see --overwrite");
  }
  import_model_by_module({.files = {arguments.files.begin(), arguments.files.end()},
                          .config = arguments.config,
                          .output = output,
                          .float32 = arguments.float32,
                          .licence = arguments.licence});
  fmt::print("{}\n", name);
  return 0;
}

void add_import(CLI::App& parent, Action& action) {
  const auto arguments = std::make_shared<ImportArguments>();
  CLI::App& verb = *parent.add_subcommand("import", "Make a model of weights that others have published");
  verb.add_option(
          "FILE", arguments->files,
          "PyTorch checkpoint (.ckpt, .th, .pth), .safetensors, or Keras .h5; several for a bag of networks")
      ->required();
  verb.add_option("--config", arguments->config, "YAML file that belongs to the weights");
  verb.add_option("--name", arguments->name, "What -m calls the model [the first file's name]");
  verb.add_option("--licence", arguments->licence, "Licence of the weights, to be kept with them");
  verb.add_flag("--float32", arguments->float32, "Keep float32; otherwise weights become float16");
  verb.add_flag("--overwrite", arguments->overwrite, "Replace an imported model of that name");
  verb.callback([arguments, &action] { action = [arguments] { return import_weights(*arguments); }; });
}

}  // namespace

void add_model(CLI::App& app, Action& action) {
  CLI::App& verb = *app.add_subcommand("model", "List, show, import, average and calibrate models");
  verb.require_subcommand(1);
  add_list(verb, action);
  add_show(verb, action);
  add_import(verb, action);
  add_average(verb, action);
  add_calibrate(verb, action);
}

}  // namespace svsep::cli
