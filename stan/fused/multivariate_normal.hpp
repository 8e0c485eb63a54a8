/*
 * The log likelihood of a finite mixture of multivariate normals and its
 * gradient in one pass over the data: C++ in the place of
 * plain/multivariate_normal.stanfunctions.
 *
 * Of each component the pass adds up its shares in the densities times 1, z
 * and z * z', z being the residuals that the Cholesky factor standardises; the
 * gradients follow from these sums. As in normal.hpp, a row, V, holds numbers
 * of as many observations as the processor takes at once.
 */
#ifndef MULTIVARIATE_NORMAL_HPP
#define MULTIVARIATE_NORMAL_HPP

#include <stan/model/model_header.hpp>
#include "normal.hpp"
#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <memory>
#include <ostream>
#include <type_traits>
#include <vector>

// so that each function is compiled for the processor of its caller
#define MULTIVARIATE_INLINE inline __attribute__((always_inline))

namespace multivariate_normal_rows {

using normal_mixture_rows::find_parts;
using normal_mixture_rows::log_nonnegative;
using normal_mixture_rows::Row2;
using normal_mixture_rows::Row4;
using normal_mixture_rows::Row8;
using normal_mixture_rows::sum;
using normal_mixture_rows::width;

/** The most rows in a block, and the bytes that a block should stay below. */
constexpr int most_rows = 32;
constexpr int bytes_of_block = 24 * 1024;

/** In the place of a number of coordinates that the compiler knows. */
constexpr int any_dims = -1;

/** Return where element i, j of a lower triangle is, row by row. */
constexpr int packed(int i, int j) { return i * (i + 1) / 2 + j; }

/** The data and the components. */
struct Problem {
  int dims;
  std::size_t N;
  std::vector<const double*> y;  // coordinate by coordinate
  const double* count;  // or real weights
  int K;
  // log(theta / sqrt(det(2 * pi * covariance))) of each component
  std::vector<double> log_peak;
  std::vector<double> mu;  // component by component
  // triangles of Cholesky factors, with the inverse of each diagonal element
  std::vector<double> root;

  /** Return the number of coordinates, which the compiler may know. */
  template <int D>
  MULTIVARIATE_INLINE int size() const {
    return D == any_dims ? dims : D;
  }
};

/** Sums over observations: K times 1, then D, then the triangle of D by D. */
struct Moments {
  std::vector<double> zeroth;
  std::vector<double> first;
  std::vector<double> second;
};

/** A block of observations, its last row filled up by counts of 0. */
template <typename V>
struct Block {
  int most;  // rows that there is room for
  int rows;
  V* y;        // coordinate by coordinate
  V* count;
  V* largest;  // of the terms of a density, on the log scale
  V* density;  // divided by that term, so from 1 to K
  V* weight;   // count / density
  V* terms;    // component by component
  V* z;        // coordinate by coordinate of each component
  Eigen::VectorXd memory;

  explicit Block(const Problem& problem) {
    const int D = problem.dims;
    const int of_row = D + 4 + problem.K * (D + 1);
    most = std::max<int>(
        2, std::min<int>(most_rows, bytes_of_block / (of_row * sizeof(V))));
    memory.resize((of_row * most + 1) * width<V>());
    void* aligned = memory.data();
    std::size_t space = memory.size() * sizeof(double);
    y = static_cast<V*>(
        std::align(sizeof(V), of_row * most * sizeof(V), aligned, space));
    count = y + D * most;
    largest = count + most;
    density = largest + most;
    weight = density + most;
    terms = weight + most;
    z = terms + problem.K * most;
  }

  /** Take the observations from number start on. */
  template <int D>
  MULTIVARIATE_INLINE void take(const Problem& problem, std::size_t start) {
    const int size
        = std::min<std::size_t>(most * width<V>(), problem.N - start);
    rows = (size + width<V>() - 1) / width<V>();
    for (int i = 0; i < rows; ++i) {
      double counts[width<V>()];
      for (int j = 0; j < width<V>(); ++j) {
        const int n = i * width<V>() + j;
        counts[j] = n < size ? problem.count[start + n] : 0;
      }
      std::memcpy(&count[i], counts, sizeof(V));
      largest[i] = V{} - std::numeric_limits<double>::infinity();
      density[i] = V{};
    }
    for (int d = 0; d < problem.size<D>(); ++d) {
      const double* from = problem.y[d] + start;
      V* to = y + d * most;
      std::memcpy(to, from, size * sizeof(double));
      for (int n = size; n < rows * width<V>(); ++n) {
        to[n / width<V>()][n % width<V>()] = from[size - 1];
      }
    }
  }
};

/** Find the residuals and terms of component k, and the largest so far. */
template <int D, typename V>
MULTIVARIATE_INLINE void find_terms(Block<V>& block, const Problem& problem,
                                    int k) {
  const int dims = problem.size<D>();
  const int most = block.most;
  const double* mu = problem.mu.data() + k * dims;
  const double* root = problem.root.data() + k * packed(dims, 0);
  V* z = block.z + k * dims * most;
  V* terms = block.terms + k * most;
  for (int i = 0; i < block.rows; ++i) {
    V squares = V{};
    for (int d = 0; d < dims; ++d) {
      V residual = block.y[d * most + i] - mu[d];
      for (int e = 0; e < d; ++e) {
        residual -= root[packed(d, e)] * z[e * most + i];
      }
      residual *= root[packed(d, d)];
      z[d * most + i] = residual;
      squares += residual * residual;
    }
    const V term = problem.log_peak[k] - 0.5 * squares;
    block.largest[i] = block.largest[i] > term ? block.largest[i] : term;
    terms[i] = term;
  }
}

/**
 * Return the log likelihood of a block and find the weights.
 *
 * One logarithm serves the densities of observations that occur once: their
 * product is finite, as each is at most K.
 */
template <typename V>
MULTIVARIATE_INLINE double weigh(Block<V>& block) {
  const V one = V{} + 1.0;
  V log_scale = V{};
  V product = one;
  V others = V{};
  for (int i = 0; i < block.rows; ++i) {
    const V count = block.count[i];
    log_scale += count * block.largest[i];
    block.weight[i] = count / block.density[i];
    product *= count == 1.0 ? block.density[i] : one;
    others += count == 1.0 ? V{} : count;
  }
  double log_lik = sum(log_scale);
  for (int j = 0; j < width<V>(); ++j) {
    log_lik += std::log(product[j]);
  }
  if (sum(others) > 0) {
    V total = V{};
    for (int i = 0; i < block.rows; ++i) {
      const V count = block.count[i];
      V log_density = block.density[i];
      log_nonnegative(log_density);
      total += count == 1.0 ? V{} : count * log_density;
    }
    log_lik += sum(total);
  }
  return log_lik;
}

/** Add the shares of component k in the densities, times 1, z and z * z'. */
template <int D, typename V>
MULTIVARIATE_INLINE void add_moments(const Block<V>& block, const Problem&,
                                     int k, Moments& moments,
                                     std::integral_constant<int, D>) {
  const V* z = block.z + k * D * block.most;
  const V* parts = block.terms + k * block.most;
  V zeroth = V{};
  V first[D] = {};
  V second[packed(D, 0)] = {};
  for (int i = 0; i < block.rows; ++i) {
    const V share = parts[i] * block.weight[i];
    zeroth += share;
    for (int d = 0; d < D; ++d) {
      const V part = share * z[d * block.most + i];
      first[d] += part;
      for (int e = 0; e <= d; ++e) {
        second[packed(d, e)] += part * z[e * block.most + i];
      }
    }
  }
  moments.zeroth[k] += sum(zeroth);
  for (int d = 0; d < D; ++d) {
    moments.first[k * D + d] += sum(first[d]);
  }
  for (int p = 0; p < packed(D, 0); ++p) {
    moments.second[k * packed(D, 0) + p] += sum(second[p]);
  }
}

/** The same for a number of coordinates that the compiler does not know. */
template <typename V>
MULTIVARIATE_INLINE void add_moments(
    Block<V>& block, const Problem& problem, int k, Moments& moments,
    std::integral_constant<int, any_dims>) {
  const int D = problem.dims;
  const V* z = block.z + k * D * block.most;
  V* shares = block.terms + k * block.most;
  V zeroth = V{};
  for (int i = 0; i < block.rows; ++i) {
    shares[i] *= block.weight[i];
    zeroth += shares[i];
  }
  moments.zeroth[k] += sum(zeroth);
  for (int d = 0; d < D; ++d) {
    V first = V{};
    for (int i = 0; i < block.rows; ++i) {
      first += shares[i] * z[d * block.most + i];
    }
    moments.first[k * D + d] += sum(first);
    for (int e = 0; e <= d; ++e) {
      V second = V{};
      for (int i = 0; i < block.rows; ++i) {
        second += shares[i] * z[d * block.most + i] * z[e * block.most + i];
      }
      moments.second[k * packed(D, 0) + packed(d, e)] += sum(second);
    }
  }
}

/** Return the log likelihood of D coordinates and add up the moments. */
template <int D, typename V>
MULTIVARIATE_INLINE double of_dims(const Problem& problem, Moments& moments) {
  Block<V> block(problem);
  double log_lik = 0;
  for (std::size_t n = 0; n < problem.N; n += block.most * width<V>()) {
    block.template take<D>(problem, n);
    for (int k = 0; k < problem.K; ++k) {
      find_terms<D>(block, problem, k);
    }
    for (int k = 0; k < problem.K; ++k) {
      find_parts(block, block.terms + k * block.most);
    }
    log_lik += weigh(block);
    for (int k = 0; k < problem.K; ++k) {
      add_moments(block, problem, k, moments,
                  std::integral_constant<int, D>());
    }
  }
  return log_lik;
}

/** Return the log likelihood and add up the moments, in rows of some width. */
template <typename V>
MULTIVARIATE_INLINE double by_rows(const Problem& problem, Moments& moments) {
  switch (problem.dims) {
    case 1:
      return of_dims<1, V>(problem, moments);
    case 2:
      return of_dims<2, V>(problem, moments);
    case 3:
      return of_dims<3, V>(problem, moments);
    case 4:
      return of_dims<4, V>(problem, moments);
    default:
      return of_dims<any_dims, V>(problem, moments);
  }
}

// not on Windows, where GCC does not align the wider rows on the stack
#if defined(__x86_64__) && !defined(_WIN32)
/** by_rows for processors with AVX-512. */
__attribute__((target("avx512f"))) inline double by_rows_avx512(
    const Problem& problem, Moments& moments) {
  return by_rows<Row8>(problem, moments);
}

/** by_rows for processors with AVX2. */
__attribute__((target("avx2,fma"))) inline double by_rows_avx2(
    const Problem& problem, Moments& moments) {
  return by_rows<Row4>(problem, moments);
}

/** by_rows in the widest rows of the processor that runs it. */
inline double best_rows(const Problem& problem, Moments& moments) {
  if (__builtin_cpu_supports("avx512f")) {
    return by_rows_avx512(problem, moments);
  }
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
    return by_rows_avx2(problem, moments);
  }
  // of before 2013: not worth the time of compiling each number of coordinates
  return of_dims<any_dims, Row2>(problem, moments);
}
#else
/** by_rows in the widest rows of the processor that runs it. */
inline double best_rows(const Problem& problem, Moments& moments) {
  return by_rows<Row2>(problem, moments);
}
#endif

/** Replace D numbers by those of which the transposed root makes them. */
inline void solve_transposed(const double* root, int D, double* x) {
  for (int d = D - 1; d >= 0; --d) {
    for (int e = d + 1; e < D; ++e) {
      x[d] -= root[packed(e, d)] * x[e];
    }
    x[d] *= root[packed(d, d)];
  }
}

/**
 * Return the gradient: by log_theta, by each mean, and by the lower triangle
 * of each root, row by row.
 *
 * With z = root^-1 (y - mu), the gradient by mu is root^-T z, and that by the
 * root the lower triangle of root^-T z z', less the inverse diagonal.
 *
 * @param roots how many there are: one for each component, or one for all
 */
inline std::vector<double> gradient_of(const Problem& problem,
                                       const Moments& moments, int roots) {
  const int D = problem.dims;
  const int K = problem.K;
  const int triangle = packed(D, 0);
  std::vector<double> gradient(moments.zeroth);
  gradient.insert(gradient.end(), moments.first.begin(), moments.first.end());
  gradient.resize(K + K * D + roots * triangle);
  std::vector<double> column(D);
  for (int k = 0; k < K; ++k) {
    const double* root = problem.root.data() + k * triangle;
    const double* second = moments.second.data() + k * triangle;
    solve_transposed(root, D, gradient.data() + K + k * D);
    double* of_root
        = gradient.data() + K + K * D + (roots == 1 ? 0 : k * triangle);
    for (int e = 0; e < D; ++e) {
      for (int d = 0; d < D; ++d) {
        column[d] = second[d < e ? packed(e, d) : packed(d, e)];
      }
      solve_transposed(root, D, column.data());
      for (int d = e; d < D; ++d) {
        of_root[packed(d, e)] += column[d];
      }
      of_root[packed(e, e)] -= moments.zeroth[k] * root[packed(e, e)];
    }
  }
  return gradient;
}

/** Return the value as a number: there is nothing to differentiate by. */
template <typename LogTheta>
inline double with_gradient(double value, const std::vector<double>&,
                            const LogTheta&,
                            const std::vector<Eigen::VectorXd>&,
                            const std::vector<Eigen::MatrixXd>&) {
  return value;
}

/** Return the value as one autodiff variable with its gradient. */
template <typename LogTheta>
inline stan::math::var with_gradient(
    double value, const std::vector<double>& gradient,
    const LogTheta& log_theta,
    const std::vector<Eigen::Matrix<stan::math::var, -1, 1>>& mu,
    const std::vector<Eigen::Matrix<stan::math::var, -1, -1>>& root) {
  std::vector<stan::math::var> operands;
  operands.reserve(gradient.size());
  for (int k = 0; k < log_theta.size(); ++k) {
    operands.push_back(log_theta.coeff(k));
  }
  for (const auto& each : mu) {
    operands.insert(operands.end(), each.data(), each.data() + each.size());
  }
  for (const auto& each : root) {
    for (int d = 0; d < each.rows(); ++d) {
      for (int e = 0; e <= d; ++e) {
        operands.push_back(each.coeff(d, e));
      }
    }
  }
  return stan::math::precomputed_gradients(value, operands, gradient);
}

}  // namespace multivariate_normal_rows

/**
 * Return the log likelihood of a finite mixture of multivariate normals with
 * the assignments of observations to components summed out.
 *
 * @tparam Times vector of numbers
 * @tparam LogTheta vector of scalars
 * @tparam T kind of scalar: numbers or autodiff variables
 * @param y distinct observations, coordinate by coordinate
 * @param times how often each distinct observation occurs, or its weight
 * @param log_theta logarithms of the mixing proportions
 * @param mu means of the components
 * @param root Cholesky factors of their covariances, or of the one of all
 * @return sum over n of times[n] times the log density of observation n
 * @throw std::domain_error if a mean is not finite, a diagonal element of a
 *   root is not positive, or an observation is not a number
 */
template <typename Times, typename LogTheta, typename T>
inline T multivariate_normal_mixture_log_lik(
    const std::vector<Eigen::VectorXd>& y, const Times& times,
    const LogTheta& log_theta, const std::vector<Eigen::Matrix<T, -1, 1>>& mu,
    const std::vector<Eigen::Matrix<T, -1, -1>>& root, std::ostream*) {
  using multivariate_normal_rows::packed;
  using stan::math::value_of;
  constexpr const char* function = "multi_normal_cholesky_lpdf";
  const std::size_t N = times.size();
  if (N == 0) {
    return 0;
  }
  const int K = mu.size();
  const int D = y.size();
  const Eigen::Ref<const Eigen::VectorXd> count(times);
  multivariate_normal_rows::Problem problem{
      D, N, {}, count.data(), K, {}, {}, {}};
  for (const auto& each : y) {
    problem.y.push_back(each.data());
  }
  for (int k = 0; k < K; ++k) {
    const auto& root_k = root[root.size() == 1 ? 0 : k];
    double log_peak = value_of(log_theta.coeff(k));
    for (int d = 0; d < D; ++d) {
      const double mu_d = value_of(mu[k].coeff(d));
      const double diagonal = value_of(root_k.coeff(d, d));
      stan::math::check_finite(function, "Location parameter", mu_d);
      stan::math::check_positive(function, "Cholesky factor", diagonal);
      problem.mu.push_back(mu_d);
      for (int e = 0; e < d; ++e) {
        problem.root.push_back(value_of(root_k.coeff(d, e)));
      }
      problem.root.push_back(1 / diagonal);
      log_peak += stan::math::NEG_LOG_SQRT_TWO_PI - std::log(diagonal);
    }
    problem.log_peak.push_back(log_peak);
  }
  multivariate_normal_rows::Moments moments{
      std::vector<double>(K), std::vector<double>(K * D),
      std::vector<double>(K * packed(D, 0))};
  double value = multivariate_normal_rows::best_rows(problem, moments);
  if (std::isnan(value)) {
    for (const auto& each : y) {
      stan::math::check_not_nan(function, "Random variable", each);
    }
    value = stan::math::NEGATIVE_INFTY;  // all terms are, somewhere
  }
  return multivariate_normal_rows::with_gradient(
      value,
      multivariate_normal_rows::gradient_of(problem, moments, root.size()),
      log_theta, mu, root);
}

// stanc up to 2.31 declares the function again in the namespace of a program,
// for arguments of any type, and this one goes before it
namespace multivariate_normal_model_namespace {
using ::multivariate_normal_mixture_log_lik;
}

#undef MULTIVARIATE_INLINE
#endif
