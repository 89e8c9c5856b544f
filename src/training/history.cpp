#include "training/history.hpp"

#include "core/atomic_file.hpp"
#include "core/log.hpp"
#include "plot/curve_figure.hpp"

#include <array>
#include <cmath>
#include <spdlog/fmt/fmt.h>
#include <spdlog/fmt/ranges.h>
#include <sstream>

namespace svsep {
namespace {

struct Column {
  const char* name;
  double EpochRecord::*value;
  int decimals;  // -1: as many as it takes
};

constexpr std::array kColumns = {
    Column{"epoch", &EpochRecord::epoch, 0},
    Column{"steps", &EpochRecord::steps, 0},
    Column{"train_loss", &EpochRecord::train_loss, 6},
    Column{"train_accuracy", &EpochRecord::train_accuracy, 6},
    Column{"validation_loss", &EpochRecord::validation_loss, 6},
    Column{"validation_accuracy", &EpochRecord::validation_accuracy, 6},
    Column{"validation_sdr_vocals_db", &EpochRecord::validation_sdr_vocals_db, 3},
    Column{"validation_sdr_accompaniment_db", &EpochRecord::validation_sdr_accompaniment_db, 3},
    Column{"validation_median_sdr_vocals_db", &EpochRecord::validation_median_sdr_vocals_db, 3},
    Column{"validation_median_sdr_accompaniment_db", &EpochRecord::validation_median_sdr_accompaniment_db, 3},
    Column{"learning_rate", &EpochRecord::learning_rate, -1},
    Column{"seconds", &EpochRecord::seconds, 1},
};

std::string header() {
  std::vector<std::string> names;
  for (const Column& column : kColumns) names.emplace_back(column.name);
  return fmt::format("{}\n", fmt::join(names, ","));
}

std::string row(const EpochRecord& record) {
  std::vector<std::string> cells;
  for (const Column& column : kColumns) {
    const double value = record.*column.value;
    cells.push_back(std::isnan(value)     ? std::string()  // an empty cell
                    : column.decimals < 0 ? fmt::format("{}", value)
                                          : fmt::format("{:.{}f}", value, column.decimals));
  }
  return fmt::format("{}\n", fmt::join(cells, ","));
}

std::vector<EpochRecord> records(const std::string& text) {
  std::vector<EpochRecord> result;
  std::istringstream lines(text);
  std::string line;
  std::getline(lines, line);  // the header
  while (std::getline(lines, line)) {
    EpochRecord& record = result.emplace_back();
    std::istringstream cells(line);
    for (const Column& column : kColumns) {
      std::string cell;
      std::getline(cells, cell, ',');
      record.*column.value = cell.empty() ? std::nan("") : std::stod(cell);
    }
  }
  return result;
}

}  // namespace

void History::append(const EpochRecord& record) {
  if (text_.empty()) text_ = header();
  text_ += row(record);
  write_file(path_, text_);
  draw_curves();
}

void History::draw_curves() const {
  const std::vector<EpochRecord> rows = records(text_);
  const auto values = [&](double EpochRecord::*value) {
    std::vector<double> result;
    for (const EpochRecord& record : rows) result.push_back(record.*value);
    return result;
  };
  const CurveFigure figure{path_.stem().string(),
                           "epoch",
                           values(&EpochRecord::epoch),
                           {{"loss",
                             {{"training", values(&EpochRecord::train_loss)},
                              {"validation", values(&EpochRecord::validation_loss)}}},
                            {"validation SDR (dB)",
                             {{"vocals", values(&EpochRecord::validation_sdr_vocals_db)},
                              {"accompaniment", values(&EpochRecord::validation_sdr_accompaniment_db)}}}}};
  write_png(std::filesystem::path(path_).replace_extension(".png"), draw(figure));
}

}  // namespace svsep
