/*
 * The log likelihood of a finite normal mixture and its gradient in one pass
 * over the data, and increasing locations with theirs: C++ in the place of
 * plain/normal.stanfunctions and parts/push_apart.stanfunctions. What rows
 * are is said in rows.hpp; intervals are in normal_intervals.hpp.
 */
#ifndef NORMAL_HPP
#define NORMAL_HPP

#include <stan/model/model_header.hpp>
#include "rows.hpp"
#include "normal_intervals.hpp"
#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <memory>
#include <ostream>
#include <utility>
#include <vector>

namespace normal_mixture_rows {

/** The most rows in a block: its sums are complete before they are added. */
constexpr int block_rows = 32;
/** Counts of more bits have a logarithm of each density. */
constexpr int most_bits = 6;

/** One component of the mixture. */
struct Component {
  double log_peak;  // log(theta / (sigma * sqrt(2 * pi)))
  double mu;
  double inv_sigma;
};

/**
 * The data and the components.
 *
 * @tparam Count int, or double where observations have real weights
 */
template <typename Count>
struct Problem {
  const double* y;
  const Count* count;
  std::size_t N;
  std::vector<Component> components;
};

/** Return how many bits the largest of some counts takes. */
inline int bits_of(const int* count, int size) {
  int any = 0;
  for (int n = 0; n < size; ++n) {
    any |= count[n];
  }
  int bits = 0;
  while (any >> bits != 0) {
    ++bits;
  }
  return bits;
}

/** Return 0: real weights are not taken by their bits. */
inline int bits_of(const double*, int) { return 0; }

/** A block of observations, its last row filled up by counts of 0. */
template <typename V>
struct Block {
  V y[block_rows];
  V count[block_rows];
  V largest[block_rows];  // of the terms of a density, on the log scale
  V density[block_rows];  // divided by that term, so from 1 to K
  V weight[block_rows];   // count / density
  int rows;
  int bits;  // that the largest count takes

  /** Take the observations from number start on. */
  template <typename Count>
  NORMAL_MIXTURE_INLINE Block(const Problem<Count>& problem,
                              std::size_t start) {
    const double* first_y = problem.y + start;
    const Count* first_count = problem.count + start;
    const int size = std::min<std::size_t>(block_rows * width<V>(),
                                           problem.N - start);
    rows = (size + width<V>() - 1) / width<V>();
    const int whole = size / width<V>();
    for (int i = 0; i < whole; ++i) {
      take(i, first_y + i * width<V>(), first_count + i * width<V>());
    }
    if (whole < rows) {
      double rest_y[width<V>()];
      Count rest_count[width<V>()];
      for (int j = 0; j < width<V>(); ++j) {
        const int n = whole * width<V>() + j;
        rest_y[j] = first_y[std::min(n, size - 1)];
        rest_count[j] = n < size ? first_count[n] : 0;
      }
      take(whole, rest_y, rest_count);
    }
    bits = bits_of(first_count, size);
  }

  /** Take one row; its length is known, so that no copying loop is called. */
  template <typename Count>
  NORMAL_MIXTURE_INLINE void take(int i, const double* row_y,
                                  const Count* row_count) {
    double counts[width<V>()];
    for (int j = 0; j < width<V>(); ++j) {
      counts[j] = row_count[j];
    }
    std::memcpy(&y[i], row_y, sizeof(V));
    std::memcpy(&count[i], counts, sizeof(V));
    largest[i] = V{} - std::numeric_limits<double>::infinity();
    density[i] = V{};
  }
};

/** Find the terms of one component, and the largest so far. */
template <typename V>
NORMAL_MIXTURE_INLINE void find_terms(Block<V>& block,
                                      const Component& component, V* terms) {
  const Component c = component;
  for (int i = 0; i < block.rows; ++i) {
    const V z = (block.y[i] - c.mu) * c.inv_sigma;
    const V term = c.log_peak - 0.5 * (z * z);
    block.largest[i] = block.largest[i] > term ? block.largest[i] : term;
    terms[i] = term;
  }
}

/** Replace the terms of one component by its parts in a block's densities. */
template <typename B, typename V>
NORMAL_MIXTURE_INLINE void find_parts(B& block, V* terms) {
  for (int i = 0; i < block.rows; ++i) {
    V part = terms[i] - block.largest[i];
    exp_nonpositive(part);
    block.density[i] += part;
    terms[i] = part;
  }
}

/** Return the logarithm of a product of densities: of its numbers, in all. */
template <typename V>
NORMAL_MIXTURE_INLINE double log_of(const V& product, int K) {
  double log_total = 0;
  double total = 1;
  for (int j = 0; j < width<V>(); ++j) {
    total *= product[j];
    // 15^(block_rows * 8) is the largest power that a double holds
    if (K > 15 || j == width<V>() - 1) {
      log_total += std::log(total);
      total = 1;
    }
  }
  return log_total;
}

/** Add counts or weights times the logarithms of densities, each its own. */
template <typename V>
NORMAL_MIXTURE_INLINE void add_each_log_density(const Block<V>& block,
                                                double& log_lik) {
  V total = V{};
  for (int i = 0; i < block.rows; ++i) {
    V log_density = block.density[i];
    log_nonnegative(log_density);
    total += block.count[i] * log_density;
  }
  log_lik += sum(total);
}

/**
 * Add counts times the logarithms of densities.
 *
 * One logarithm serves all densities in a product, which is finite as each is
 * at most K. Counts are taken one bit at a time, those of many bits as they
 * are.
 */
template <typename V>
NORMAL_MIXTURE_INLINE void add_log_densities(const Block<V>& block,
                                             const Problem<int>& problem,
                                             double& log_lik) {
  using Bits = decltype(block.y[0] < block.y[0]);
  const int K = problem.components.size();
  const V one = V{} + 1.0;
  if (block.bits > most_bits) {
    add_each_log_density(block, log_lik);
    return;
  }
  for (int bit = 0; bit < block.bits; ++bit) {
    V product = one;
    for (int i = 0; i < block.rows; ++i) {
      const Bits count = (Bits)(block.count[i] + to_integer);
      const V above_one = (V)((Bits)one | (count & (1 << bit)));  // if set
      product *= above_one > 1.0 ? block.density[i] : one;
    }
    log_lik += (1 << bit) * log_of(product, K);
  }
}

/** Add real weights times the logarithms of densities. */
template <typename V>
NORMAL_MIXTURE_INLINE void add_log_densities(const Block<V>& block,
                                             const Problem<double>&,
                                             double& log_lik) {
  add_each_log_density(block, log_lik);
}

/** Return the log likelihood of a block and find the weights. */
template <typename V, typename Count>
NORMAL_MIXTURE_INLINE double weigh(Block<V>& block,
                                   const Problem<Count>& problem) {
  V log_scale = V{};
  for (int i = 0; i < block.rows; ++i) {
    log_scale += block.count[i] * block.largest[i];
    block.weight[i] = block.count[i] / block.density[i];
  }
  double log_lik = sum(log_scale);
  add_log_densities(block, problem, log_lik);
  return log_lik;
}

/** Add the shares of component k in the densities, times 1, z and z^2. */
template <typename V, typename Count>
NORMAL_MIXTURE_INLINE void add_moments(const Block<V>& block,
                                       const Problem<Count>& problem, int k,
                                       const V* parts,
                                       std::vector<double>& moments) {
  const int K = problem.components.size();
  const Component c = problem.components[k];
  V zeroth = V{}, first = V{}, second = V{};
  for (int i = 0; i < block.rows; ++i) {
    const V z = (block.y[i] - c.mu) * c.inv_sigma;
    const V share = parts[i] * block.weight[i];
    zeroth += share;
    first += share * z;
    second += share * z * z;
  }
  moments[k] += sum(zeroth);
  moments[K + k] += sum(first);
  moments[2 * K + k] += sum(second);
}

/**
 * Return the log likelihood and add up its gradient.
 *
 * @tparam V rows to work in
 * @tparam Count as in Problem
 * @param problem data and components
 * @param gradient zeros; on return by log_theta, mu and sigma, K of each
 */
template <typename V, typename Count>
NORMAL_MIXTURE_INLINE double by_rows(const Problem<Count>& problem,
                                     std::vector<double>& gradient) {
  const int K = problem.components.size();
  V few[stack_components * block_rows];
  Eigen::VectorXd many;
  V* parts = few;
  if (K > stack_components) {
    many.resize((K * block_rows + 1) * width<V>());
    void* aligned = many.data();
    std::size_t space = many.size() * sizeof(double);
    parts = static_cast<V*>(
        std::align(sizeof(V), K * block_rows * sizeof(V), aligned, space));
  }
  double log_lik = 0;
  for (std::size_t n = 0; n < problem.N; n += block_rows * width<V>()) {
    Block<V> block(problem, n);
    for (int k = 0; k < K; ++k) {
      find_terms(block, problem.components[k], parts + k * block_rows);
    }
    for (int k = 0; k < K; ++k) {
      find_parts(block, parts + k * block_rows);
    }
    log_lik += weigh(block, problem);
    for (int k = 0; k < K; ++k) {
      add_moments(block, problem, k, parts + k * block_rows, gradient);
    }
  }
  for (int k = 0; k < K; ++k) {
    const double inv_sigma = problem.components[k].inv_sigma;
    gradient[K + k] *= inv_sigma;
    gradient[2 * K + k] = (gradient[2 * K + k] - gradient[k]) * inv_sigma;
  }
  return log_lik;
}

// not on Windows, where GCC does not align the wider rows on the stack
#if defined(__x86_64__) && !defined(_WIN32)
/** by_rows for processors with AVX-512. */
template <typename Count>
__attribute__((target("avx512f"))) inline double by_rows_avx512(
    const Problem<Count>& problem, std::vector<double>& gradient) {
  return by_rows<Row8>(problem, gradient);
}

/** by_rows for processors with AVX2. */
template <typename Count>
__attribute__((target("avx2,fma"))) inline double by_rows_avx2(
    const Problem<Count>& problem, std::vector<double>& gradient) {
  return by_rows<Row4>(problem, gradient);
}

/** by_rows in the widest rows of the processor that runs it. */
template <typename Count>
inline double best_rows(const Problem<Count>& problem,
                        std::vector<double>& gradient) {
  if (__builtin_cpu_supports("avx512f")) {
    return by_rows_avx512(problem, gradient);
  }
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
    return by_rows_avx2(problem, gradient);
  }
  return by_rows<Row2>(problem, gradient);
}
#else
/** by_rows in the widest rows of the processor that runs it. */
template <typename Count>
inline double best_rows(const Problem<Count>& problem,
                        std::vector<double>& gradient) {
  return by_rows<Row2>(problem, gradient);
}
#endif

/** Return Phi(x), the standard normal distribution function. */
inline double normal_cdf(double x) {
  return 0.5 * std::erfc(-x * stan::math::INV_SQRT_TWO);
}

/** Return the derivative of log(Phi(x)). */
inline double log_normal_cdf_slope(double x, double log_cdf) {
  // beyond, the exponents have lost the digits of their difference
  return x < -1e4 ? -x
                  : stan::math::INV_SQRT_TWO_PI
                        * std::exp(-0.5 * x * x - log_cdf);
}

/**
 * Return the log likelihood of a finite normal mixture with the assignments
 * of observations to components summed out; see normal_mixture_log_lik.
 */
template <typename LogTheta, typename Mu, typename Sigma>
inline stan::return_type_t<LogTheta, Mu, Sigma> log_lik(
    const Eigen::Ref<const Eigen::VectorXd>& y, const std::vector<int>& count,
    const Eigen::Ref<const Eigen::VectorXd>& weight,
    const LogTheta& log_theta, const Mu& mu, const Sigma& sigma) {
  using stan::math::value_of;
  constexpr const char* function = "normal_lpdf";
  const std::size_t N = y.size();
  if (N == 0) {
    return 0;
  }
  std::vector<Component> components;
  components.reserve(mu.size());
  for (int k = 0; k < mu.size(); ++k) {
    const double mu_k = value_of(mu.coeff(k));
    const double sigma_k = value_of(sigma.coeff(k));
    stan::math::check_finite(function, "Location parameter", mu_k);
    stan::math::check_positive(function, "Scale parameter", sigma_k);
    const double log_peak = value_of(log_theta.coeff(k)) - std::log(sigma_k)
                            + stan::math::NEG_LOG_SQRT_TWO_PI;
    components.push_back({log_peak, mu_k, 1 / sigma_k});
  }
  std::vector<double> gradient(3 * mu.size());
  double value
      = weight.size() > 0
            ? best_rows(Problem<double>{y.data(), weight.data(), N,
                                        std::move(components)},
                        gradient)
            : best_rows(Problem<int>{y.data(), count.data(), N,
                                     std::move(components)},
                        gradient);
  if (std::isnan(value)) {
    stan::math::check_not_nan(function, "Random variable", y);
    value = stan::math::NEGATIVE_INFTY;  // all terms are, somewhere
  }
  return with_gradient(value, gradient, log_theta, mu, sigma);
}

}  // namespace normal_mixture_rows

/**
 * Return increasing locations made of free ones.
 *
 * @tparam Vector vector of numbers
 * @param mu_raw free locations
 * @param width how near two locations may come before one pushes the other
 * @return increasing locations
 */
template <typename Vector,
          normal_mixture_rows::require_numbers<Vector>* = nullptr>
inline Eigen::VectorXd push_apart(const Vector& mu_raw, const double& width,
                                  std::ostream*) {
  Eigen::VectorXd mu = mu_raw;
  for (int k = 1; k < mu.size(); ++k) {
    const double x = (mu[k] - mu[k - 1]) / width;
    const double density
        = stan::math::INV_SQRT_TWO_PI * std::exp(-0.5 * x * x);
    const double pushed
        = mu[k - 1]
          + width * (x * normal_mixture_rows::normal_cdf(x) + density);
    // of a push from far below rounding may leave nothing
    const double least
        = 1e-300
          + std::numeric_limits<double>::epsilon() * std::fabs(mu[k - 1]);
    mu[k] = std::max(pushed, mu[k - 1] + least);
  }
  return mu;
}

/**
 * Return increasing locations made of free ones, with their gradient: that of
 * a location has the part Phi(x) in its own free location, and the rest in
 * the location before.
 *
 * @tparam Vector vector of autodiff variables
 * @param mu_raw free locations
 * @param width how near two locations may come before one pushes the other
 * @return increasing locations
 */
template <typename Vector,
          normal_mixture_rows::require_variables<Vector>* = nullptr>
inline Eigen::Matrix<stan::math::var, -1, 1> push_apart(
    const Vector& mu_raw, const double& width, std::ostream* out) {
  using Vars = Eigen::Matrix<stan::math::var, -1, 1>;
  stan::arena_t<Vars> free = mu_raw;
  const Eigen::VectorXd raw = stan::math::value_of(free);
  const Eigen::VectorXd values = push_apart(raw, width, out);
  stan::arena_t<Vars> mu = values.cast<stan::math::var>();
  stan::arena_t<Eigen::VectorXd> own(values.size());
  for (int k = 1; k < values.size(); ++k) {
    own.coeffRef(k)
        = normal_mixture_rows::normal_cdf((raw[k] - values[k - 1]) / width);
  }
  stan::math::reverse_pass_callback([free, mu, own]() mutable {
    double passed_on = 0;
    for (int k = mu.size() - 1; k > 0; --k) {
      const double adjoint = mu.coeffRef(k).adj() + passed_on;
      free.coeffRef(k).adj() += own.coeffRef(k) * adjoint;
      passed_on = (1 - own.coeffRef(k)) * adjoint;
    }
    free.coeffRef(0).adj() += mu.coeffRef(0).adj() + passed_on;
  });
  return Vars(mu);
}

/**
 * Return the log absolute Jacobian determinant of push_apart.
 *
 * @tparam Raw vector of numbers or autodiff variables
 * @tparam Mu likewise
 * @param mu_raw free locations
 * @param mu the same pushed apart
 * @param width how near two locations may come before one pushes the other
 * @return sum over k > 1 of log(Phi((mu_raw[k] - mu[k - 1]) / width))
 */
template <typename Raw, typename Mu,
          normal_mixture_rows::require_vectors<Raw, Mu>* = nullptr>
inline stan::return_type_t<Raw, Mu> push_apart_log_det(const Raw& mu_raw,
                                                       const Mu& mu,
                                                       const double& width,
                                                       std::ostream*) {
  using stan::math::value_of;
  const int K = mu.size();
  const auto& raw_ref = stan::math::to_ref(mu_raw);
  const auto& mu_ref = stan::math::to_ref(mu);
  double value = 0;
  std::vector<double> slopes(2 * K);
  for (int k = 1; k < K; ++k) {
    const double above
        = value_of(raw_ref.coeff(k)) - value_of(mu_ref.coeff(k - 1));
    const double x = above / width;
    const double log_cdf = stan::math::std_normal_lcdf(x);
    value += log_cdf;
    slopes[k]
        = normal_mixture_rows::log_normal_cdf_slope(x, log_cdf) / width;
    slopes[K + k - 1] = -slopes[k];
  }
  return normal_mixture_rows::with_gradient(value, slopes, raw_ref, mu_ref);
}

/**
 * Return the log likelihood of a finite normal mixture with the assignments
 * of observations to components summed out.
 *
 * It throws what normal_lpdf throws.
 *
 * @tparam Y vector of numbers
 * @tparam Weight likewise
 * @tparam LogTheta vector of numbers or autodiff variables
 * @tparam Mu likewise
 * @tparam Sigma likewise
 * @param y distinct observations
 * @param count how often each occurs, or nothing
 * @param weight what weight each has in place of that, or nothing
 * @param log_theta logarithms of the mixing proportions
 * @param mu locations of the components
 * @param sigma scales of the components
 * @return sum over n of count[n] or weight[n] times the log density of y[n]
 */
template <typename Y, typename Weight, typename LogTheta, typename Mu,
          typename Sigma,
          normal_mixture_rows::require_numbers<Y, Weight>* = nullptr,
          normal_mixture_rows::require_vectors<LogTheta, Mu, Sigma>* = nullptr>
inline stan::return_type_t<LogTheta, Mu, Sigma> normal_mixture_log_lik(
    const Y& y, const std::vector<int>& count, const Weight& weight,
    const LogTheta& log_theta, const Mu& mu, const Sigma& sigma,
    std::ostream*) {
  using stan::math::to_ref;
  return normal_mixture_rows::log_lik(y, count, weight, to_ref(log_theta),
                                      to_ref(mu), to_ref(sigma));
}

/** normal_mixture_log_lik of the data of a program, as a special case. */
template <typename Weight, typename LogTheta, typename Mu, typename Sigma,
          normal_mixture_rows::require_numbers<Weight>* = nullptr,
          normal_mixture_rows::require_vectors<LogTheta, Mu, Sigma>* = nullptr>
inline stan::return_type_t<LogTheta, Mu, Sigma> normal_mixture_log_lik(
    const Eigen::Map<Eigen::VectorXd>& y, const std::vector<int>& count,
    const Weight& weight, const LogTheta& log_theta, const Mu& mu,
    const Sigma& sigma, std::ostream*) {
  using stan::math::to_ref;
  return normal_mixture_rows::log_lik(y, count, weight, to_ref(log_theta),
                                      to_ref(mu), to_ref(sigma));
}

// stanc up to 2.31 declares the functions again in the namespace of a program,
// for arguments of any type. Those of the header go before where one of their
// parameters is of one type only, as width is, and y in the special case.
namespace normal_model_namespace {
using ::normal_interval_log_lik;
using ::normal_mixture_log_lik;
using ::push_apart;
using ::push_apart_log_det;
}

#undef NORMAL_MIXTURE_INLINE
#endif
