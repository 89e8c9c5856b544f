#include "cli/options.hpp"

#include "core/text.hpp"

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <optional>
#include <string>
#include <thread>
#include <utility>

namespace svsep::cli {
namespace {

/// "" or what is wrong with the name of a device.
std::string check_device(const std::string& name) {
  if (name == "auto" || name == "cpu" || name == "cuda") return {};
  const std::string number = name.rfind("cuda:", 0) == 0 ? name.substr(5) : "";
  const bool is_number =
      !number.empty() && number.size() < 4 &&
      std::all_of(number.begin(), number.end(), [](unsigned char c) { return std::isdigit(c) != 0; });
  return is_number ? "" : "no such device: " + name + "; expected auto, cpu, cuda or cuda:N";
}

}  // namespace

CLI::Option* add_time(CLI::App& verb, const std::string& option, std::function<void(double)> take,
                      const std::string& description) {
  return verb
      .add_option_function<std::string>(
          option,
          [option, take = std::move(take)](const std::string& text) {
            const std::optional<double> seconds = parse_time(text);
            if (!seconds) {
              throw CLI::ValidationError(
                  option, "expected seconds, m:ss or h:mm:ss, such as 90.5 or 1:30, got " + text);
            }
            take(*seconds);
          },
          description)
      ->type_name("TIME");
}

void add_device_options(CLI::App& verb, std::string& device, int& threads) {
  verb.add_option("--device", device, "auto (CUDA where there is one), cpu, cuda or cuda:N")
      ->check(CLI::Validator(check_device, ""))
      ->capture_default_str()
      ->group("Resources");
  verb.add_option("--threads", threads, "CPU threads of the network, 0 for all processors")
      ->check(within(0, 1024))
      ->capture_default_str()
      ->group("Resources");
}

void announce_threads(int threads) {
  const unsigned count = threads > 0 ? static_cast<unsigned>(threads) : std::thread::hardware_concurrency();
  ::setenv("OMP_NUM_THREADS", std::to_string(std::max(1U, count)).c_str(), 1);
}

}  // namespace svsep::cli
