#pragma once

#include <cstddef>
#include <vector>

namespace svsep {

/// Solves the normal equations G c = d for many d; G is symmetric, positive semidefinite and often nearly
/// singular. As museval does it, G gets the machine epsilon on its diagonal, and the minimum-norm least
/// squares solution is taken where a factorisation meets a pivot of 0.
class LeastSquares {
 public:
  /// `gram` is [unknowns][unknowns]. Throws Error(runtime) where LAPACK fails.
  LeastSquares(std::vector<double> gram, std::size_t unknowns);

  /// Replaces d in `columns`, [count][unknowns], by c. Thread safe.
  void solve(std::vector<double>& columns, std::size_t count) const;

 private:
  enum class Method { cholesky, lu, minimum_norm };

  std::size_t unknowns_;
  Method method_ = Method::cholesky;
  std::vector<double> matrix_;  // the factors; for minimum_norm G itself
  std::vector<int> pivots_;
};

}  // namespace svsep
