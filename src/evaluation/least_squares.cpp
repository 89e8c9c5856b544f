#include "evaluation/least_squares.hpp"

#include "svsep/error.hpp"

#include <lapacke.h>
#include <limits>
#include <string>
#include <utility>

namespace svsep {
namespace {

constexpr double kEpsilon = std::numeric_limits<double>::epsilon();

/// Returns whether no pivot failed.
bool check(lapack_int info, const char* routine) {
  if (info < 0) {
    throw Error(ErrorKind::runtime,
                std::string("cannot solve for the distortion filters: ") + routine +
                    (info == LAPACK_WORK_MEMORY_ERROR ? ": out of memory" : ": refused its arguments"));
  }
  return info == 0;
}

}  // namespace

LeastSquares::LeastSquares(std::vector<double> gram, std::size_t unknowns) : unknowns_(unknowns) {
  const auto n = static_cast<lapack_int>(unknowns);
  const auto damped = [&] {
    std::vector<double> matrix = gram;
    for (std::size_t i = 0; i < unknowns; ++i) matrix[i * unknowns + i] += kEpsilon;
    return matrix;
  };
  matrix_ = damped();
  if (check(LAPACKE_dpotrf_work(LAPACK_COL_MAJOR, 'L', n, matrix_.data(), n), "dpotrf")) return;
  method_ = Method::lu;
  matrix_ = damped();
  pivots_.resize(unknowns);
  if (check(LAPACKE_dgetrf_work(LAPACK_COL_MAJOR, n, n, matrix_.data(), n, pivots_.data()), "dgetrf")) return;
  method_ = Method::minimum_norm;
  matrix_ = std::move(gram);
}

void LeastSquares::solve(std::vector<double>& columns, std::size_t count) const {
  const auto n = static_cast<lapack_int>(unknowns_);
  const auto right_sides = static_cast<lapack_int>(count);
  if (method_ == Method::cholesky) {
    check(LAPACKE_dpotrs_work(LAPACK_COL_MAJOR, 'L', n, right_sides, matrix_.data(), n, columns.data(), n),
          "dpotrs");
  } else if (method_ == Method::lu) {
    check(LAPACKE_dgetrs_work(LAPACK_COL_MAJOR, 'N', n, right_sides, matrix_.data(), n, pivots_.data(),
                              columns.data(), n),
          "dgetrs");
  } else {
    std::vector<double> matrix = matrix_;
    std::vector<double> singular_values(unknowns_);
    lapack_int rank = 0;
    if (!check(LAPACKE_dgelsd(LAPACK_COL_MAJOR, n, n, right_sides, matrix.data(), n, columns.data(), n,
                              singular_values.data(), kEpsilon * static_cast<double>(unknowns_), &rank),
               "dgelsd")) {
      throw Error(ErrorKind::runtime, "cannot solve for the distortion filters: dgelsd: no convergence");
    }
  }
}

}  // namespace svsep
