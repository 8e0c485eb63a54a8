/*
 * The log likelihood of observations between bounds under a finite normal
 * mixture and its gradient in one pass over the intervals: C++ in the place of
 * the loop in plain/normal.stanfunctions. What rows are is said in rows.hpp.
 *
 * An interval is taken on the side below the location, mirrored if need be,
 * and in standard deviations. There the probability below a point is that of
 * the density times scaled_tail, which neither underflows nor loses digits, so
 * the difference of two is right far out; of a narrow interval it is the
 * density in the middle times a series. Derivatives are scaled likewise, so
 * that there is one logarithm and one division for each interval.
 */
#ifndef NORMAL_INTERVALS_HPP
#define NORMAL_INTERVALS_HPP

#include <stan/model/model_header.hpp>
#include "rows.hpp"
#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <memory>
#include <ostream>
#include <utility>
#include <vector>

namespace normal_mixture_rows {

/** The most rows in a block of intervals. */
constexpr int interval_rows = 16;

/** Below this a width, and it times the distance from 0, are narrow. */
constexpr double narrow = 0.01;

/** 1 / sqrt(2 * pi). */
constexpr double standard_peak = 0.39894228040143267794;

/** One component of the mixture. */
struct IntervalComponent {
  double log_theta;
  double mu;
  double inv_sigma;
};

/** The intervals and the components. */
struct Intervals {
  const double* lower;
  const double* upper;
  const int* label;     // components that are known, from 1 on, or 0
  const double* times;  // counts or weights
  std::size_t N;
  std::vector<IntervalComponent> components;
};

/** A block of intervals, its last row filled up by such as occur 0 times. */
template <typename V>
struct IntervalBlock {
  V lower[interval_rows];
  V upper[interval_rows];
  V label[interval_rows];
  V times[interval_rows];
  V largest[interval_rows];      // of the logarithms of scales
  V probability[interval_rows];  // divided by that scale; then times over it
  int rows;
  bool labelled;  // whether any component is known
  bool bounded;   // whether any interval has two finite bounds
  double narrowest;
  double least;  // of the lower bounds
  double most;   // of the upper bounds

  /** Take the intervals from number start on. */
  NORMAL_MIXTURE_INLINE IntervalBlock(const Intervals& all,
                                      std::size_t start) {
    const double infinity = std::numeric_limits<double>::infinity();
    const int size
        = std::min<std::size_t>(interval_rows * width<V>(), all.N - start);
    rows = (size + width<V>() - 1) / width<V>();
    const int whole = size / width<V>();
    V least_of = V{} + infinity, most_of = V{} - infinity;
    V narrowest_of = least_of;
    for (int i = 0; i < rows; ++i) {
      const std::size_t n = start + i * width<V>();
      if (i < whole) {
        take(i, all.lower + n, all.upper + n, all.times + n);
      } else {
        double rest[3][width<V>()];
        for (int j = 0; j < width<V>(); ++j) {
          const std::size_t from = std::min(n + j, start + size - 1);
          rest[0][j] = all.lower[from];
          rest[1][j] = all.upper[from];
          rest[2][j] = n + j < start + size ? all.times[from] : 0;
        }
        take(i, rest[0], rest[1], rest[2]);
      }
      const V wide = upper[i] - lower[i];
      least_of = least_of < lower[i] ? least_of : lower[i];
      most_of = most_of > upper[i] ? most_of : upper[i];
      narrowest_of = narrowest_of < wide ? narrowest_of : wide;
      largest[i] = V{} - infinity;
      probability[i] = V{};
    }
    least = infinity;
    most = -infinity;
    narrowest = infinity;
    for (int j = 0; j < width<V>(); ++j) {
      least = std::min(least, least_of[j]);
      most = std::max(most, most_of[j]);
      narrowest = std::min(narrowest, narrowest_of[j]);
    }
    bounded = narrowest < infinity;
    int any = 0;
    for (int n = 0; n < size; ++n) {
      any |= all.label[start + n];
    }
    labelled = any != 0;
    for (int n = 0; labelled && n < rows * width<V>(); ++n) {
      label[n / width<V>()][n % width<V>()]
          = all.label[start + std::min(n, size - 1)];
    }
  }

  /** Take one row; its length is known, so that no copying loop is called. */
  NORMAL_MIXTURE_INLINE void take(int i, const double* row_lower,
                                  const double* row_upper,
                                  const double* row_times) {
    std::memcpy(&lower[i], row_lower, sizeof(V));
    std::memcpy(&upper[i], row_upper, sizeof(V));
    std::memcpy(&times[i], row_times, sizeof(V));
  }
};

/**
 * What a block's intervals have of one component: numbers whose logarithm has
 * log_scale to be added to it.
 */
template <typename V>
struct IntervalTerms {
  V log_scale[interval_rows];  // in the end the scale over the largest one
  V mass[interval_rows];       // the probability
  V by_mu[interval_rows];      // its derivatives, times sigma
  V by_sigma[interval_rows];
};

/**
 * Return Phi(-x) * exp(x^2 / 2) for x >= 0 to within 5 units in the last
 * place; for infinity, 0.
 *
 * It is 1 / (x + 5) times a polynomial in t = (x - 5) / (x + 5), of which the
 * Chebyshev series of (x + 5) * Phi(-x) * exp(x^2 / 2) is cut off after t^22.
 * Even and odd powers do not wait for each other.
 */
template <typename V>
NORMAL_MIXTURE_INLINE V scaled_tail(const V& x) {
  const V inverse = 1.0 / (x + 5.0);
  const V t = 1.0 - 10.0 * inverse;
  const V s = t * t;
  V even = 9.275082241537343e-09 + s * -7.854458583247658e-10;
  V odd = -5.027231930966982e-09 + s * 5.059297487966696e-10;
  even = -6.741689051823604e-08 + s * even;
  odd = 3.5844546560871596e-08 + s * odd;
  even = 4.3347664285137567e-07 + s * even;
  odd = -3.311028544331811e-07 + s * odd;
  even = -2.7688787836720915e-06 + s * even;
  odd = 3.977938262343427e-06 + s * odd;
  even = 1.6680852719925394e-05 + s * even;
  odd = -4.976178374018789e-05 + s * odd;
  even = -5.937558833377767e-05 + s * even;
  odd = 0.0005448988347568596 + s * odd;
  even = -0.0007978694277475297 + s * even;
  odd = -0.0029933767389359726 + s * odd;
  even = 0.02079506680323404 + s * even;
  odd = -0.06911863870874183 + s * odd;
  even = 0.16502036617019517 + s * even;
  odd = -0.3135331566712172 + s * odd;
  even = 0.4953056159699805 + s * even;
  odd = -0.6653825028900576 + s * odd;
  even = 0.769193049750063 + s * even;
  return (even + t * odd) * inverse;
}

/**
 * Find the terms of one component, as they are where no interval is narrow.
 *
 * In standard deviations, and mirrored, an interval reaches from low to high,
 * of which low is the further from 0; near is how far what is below 0 in it is
 * from 0, and numbers are scaled by exp(near^2 / 2).
 */
template <typename V>
NORMAL_MIXTURE_INLINE void find_terms(const IntervalBlock<V>& block,
                                      const IntervalComponent& component,
                                      IntervalTerms<V>& terms) {
  const IntervalComponent c = component;
  const V none = V{};
  // whether the location may be in an interval: in few blocks of sorted ones
  const bool any_across = block.least < c.mu && c.mu < block.most;
  for (int i = 0; i < block.rows; ++i) {
    const V lower = block.lower[i];
    const V upper = block.upper[i];
    const auto above = lower + upper > 2.0 * c.mu;
    const V high = (above ? c.mu - lower : upper - c.mu) * c.inv_sigma;
    const V near = high < 0.0 ? -high : none;
    V at_high = none + 1.0;
    V mass, by_high;
    if (any_across) {
      const V across = high > 0.0 ? high : none;
      at_high = -0.5 * (across * across);
      exp_nonpositive(at_high);
      const V tail = scaled_tail<V>(near + across);
      mass = high > 0.0 ? 1.0 - tail * at_high : tail;
      by_high = at_high > 0.0 ? high * at_high : none;  // not infinity times 0
    } else {
      mass = scaled_tail<V>(near);
      by_high = -near;
    }
    V at_low = none;
    V by_low = none;
    if (block.bounded) {
      const V low = (above ? c.mu - upper : lower - c.mu) * c.inv_sigma;
      const V wide = (upper - lower) * c.inv_sigma;
      at_low = -0.5 * ((high > 0.0 ? -low : wide) * (near - low));
      exp_nonpositive(at_low);
      mass -= scaled_tail<V>(-low) * at_low;
      by_low = at_low > 0.0 ? low * at_low : none;
    }
    const V rise = standard_peak * (at_low - at_high);
    terms.log_scale[i] = c.log_theta - 0.5 * (near * near);
    terms.mass[i] = mass;
    terms.by_mu[i] = above ? -rise : rise;
    terms.by_sigma[i] = standard_peak * (by_low - by_high);
  }
}

/**
 * Find the terms of one component again where intervals are narrow.
 *
 * With middle m and width w, and with Hermite's polynomials, the probability
 * is w times the density at m times
 *
 *   1 + He2(m) * w^2 / 24 + He4(m) * w^4 / 1920 + ...,
 *
 * of which the next term is at most 3e-18. Numbers are scaled by
 * exp(m^2 / 2).
 */
template <typename V>
NORMAL_MIXTURE_INLINE void find_narrow_terms(
    const IntervalBlock<V>& block, const IntervalComponent& component,
    IntervalTerms<V>& terms) {
  const IntervalComponent c = component;
  for (int i = 0; i < block.rows; ++i) {
    const V lower = block.lower[i];
    const V wide = (block.upper[i] - lower) * c.inv_sigma;
    const V middle = (lower - c.mu) * c.inv_sigma + 0.5 * wide;
    const V m2 = middle * middle;
    const V w2 = wide * wide;
    const V hermite2 = m2 - 1.0;
    const V hermite4 = (m2 - 6.0) * m2 + 3.0;
    const V series
        = 1.0 + w2 * (hermite2 * (1.0 / 24) + w2 * (hermite4 * (1.0 / 1920)));
    // the derivatives of the series by m and by log(w)
    const V by_middle
        = w2 * middle * (1.0 / 12 + w2 * ((m2 - 3.0) * (1.0 / 480)));
    const V by_width
        = w2 * (hermite2 * (1.0 / 12) + w2 * (hermite4 * (1.0 / 480)));
    const V at_middle = standard_peak * wide;
    V extent = wide * middle;
    extent = extent > 0.0 ? extent : -extent;
    extent = extent > wide ? extent : wide;
    const V scale = c.log_theta - 0.5 * m2;
    const V mass = at_middle * series;
    const V by_mu = at_middle * (middle * series - by_middle);
    const V by_sigma
        = at_middle * (hermite2 * series - middle * by_middle - by_width);
    terms.log_scale[i] = extent < narrow ? scale : terms.log_scale[i];
    terms.mass[i] = extent < narrow ? mass : terms.mass[i];
    terms.by_mu[i] = extent < narrow ? by_mu : terms.by_mu[i];
    terms.by_sigma[i] = extent < narrow ? by_sigma : terms.by_sigma[i];
  }
}

/** Leave one component out where another one is known. */
template <typename V>
NORMAL_MIXTURE_INLINE void leave_out(const IntervalBlock<V>& block, int label,
                                     IntervalTerms<V>& terms) {
  const V nothing = V{} - std::numeric_limits<double>::infinity();
  for (int i = 0; i < block.rows; ++i) {
    const V own = block.label[i];
    const V scale = terms.log_scale[i];
    // for equality GCC compares the numbers of rows one by one
    const V at_least = own > label - 0.5 ? scale : nothing;
    const V equal = own < label + 0.5 ? at_least : nothing;
    terms.log_scale[i] = own < 0.5 ? scale : equal;
  }
}

/** Find the largest scales so far. */
template <typename V>
NORMAL_MIXTURE_INLINE void find_largest(IntervalBlock<V>& block,
                                        const IntervalTerms<V>& terms) {
  for (int i = 0; i < block.rows; ++i) {
    const V scale = terms.log_scale[i];
    block.largest[i] = block.largest[i] > scale ? block.largest[i] : scale;
  }
}

/** Divide the scales of a component by the largest, and add what it has. */
template <typename V>
NORMAL_MIXTURE_INLINE void add_mass(IntervalBlock<V>& block,
                                    IntervalTerms<V>& terms) {
  for (int i = 0; i < block.rows; ++i) {
    V scale = terms.log_scale[i] - block.largest[i];
    exp_nonpositive(scale);
    terms.log_scale[i] = scale;
    block.probability[i] += scale * terms.mass[i];
  }
}

/** Return the log likelihood of a block and find the weights. */
template <typename V>
NORMAL_MIXTURE_INLINE double weigh(IntervalBlock<V>& block) {
  V log_lik = V{};
  for (int i = 0; i < block.rows; ++i) {
    V log_probability = block.probability[i];
    log_nonnegative(log_probability);
    log_lik += block.times[i] * (block.largest[i] + log_probability);
    block.probability[i] = block.times[i] / block.probability[i];
  }
  return sum(log_lik);
}

/** Add one component's part of the gradient. */
template <typename V>
NORMAL_MIXTURE_INLINE void add_slopes(const IntervalBlock<V>& block,
                                      const IntervalTerms<V>& terms, int k,
                                      int K, std::vector<double>& gradient) {
  V by_log_theta = V{}, by_mu = V{}, by_sigma = V{};
  for (int i = 0; i < block.rows; ++i) {
    const V weight = terms.log_scale[i] * block.probability[i];
    by_log_theta += weight * terms.mass[i];
    by_mu += weight * terms.by_mu[i];
    by_sigma += weight * terms.by_sigma[i];
  }
  gradient[k] += sum(by_log_theta);
  gradient[K + k] += sum(by_mu);
  gradient[2 * K + k] += sum(by_sigma);
}

/**
 * Return the log likelihood of intervals and add up its gradient.
 *
 * @tparam V rows to work in
 * @param all intervals and components
 * @param gradient zeros; on return by log_theta, mu and sigma, K of each
 */
template <typename V>
NORMAL_MIXTURE_INLINE double intervals_by_rows(const Intervals& all,
                                               std::vector<double>& gradient) {
  const int K = all.components.size();
  IntervalTerms<V> few[stack_components];
  Eigen::VectorXd many;
  IntervalTerms<V>* terms = few;
  if (K > stack_components) {
    const std::size_t bytes = K * sizeof(IntervalTerms<V>);
    many.resize(bytes / sizeof(double) + width<V>());
    void* aligned = many.data();
    std::size_t space = many.size() * sizeof(double);
    terms = static_cast<IntervalTerms<V>*>(
        std::align(sizeof(V), bytes, aligned, space));
  }
  double log_lik = 0;
  for (std::size_t n = 0; n < all.N; n += interval_rows * width<V>()) {
    IntervalBlock<V> block(all, n);
    for (int k = 0; k < K; ++k) {
      const IntervalComponent& component = all.components[k];
      find_terms(block, component, terms[k]);
      if (block.narrowest * component.inv_sigma < narrow) {
        find_narrow_terms(block, component, terms[k]);
      }
      if (block.labelled) {
        leave_out(block, k + 1, terms[k]);
      }
      find_largest(block, terms[k]);
    }
    for (int k = 0; k < K; ++k) {
      add_mass(block, terms[k]);
    }
    log_lik += weigh(block);
    for (int k = 0; k < K; ++k) {
      add_slopes(block, terms[k], k, K, gradient);
    }
  }
  for (int k = 0; k < K; ++k) {
    gradient[K + k] *= all.components[k].inv_sigma;
    gradient[2 * K + k] *= all.components[k].inv_sigma;
  }
  return log_lik;
}

// not on Windows, where GCC does not align the wider rows on the stack
#if defined(__x86_64__) && !defined(_WIN32)
/** intervals_by_rows for processors with AVX-512. */
__attribute__((target("avx512f"))) inline double intervals_by_rows_avx512(
    const Intervals& all, std::vector<double>& gradient) {
  return intervals_by_rows<Row8>(all, gradient);
}

/** intervals_by_rows for processors with AVX2. */
__attribute__((target("avx2,fma"))) inline double intervals_by_rows_avx2(
    const Intervals& all, std::vector<double>& gradient) {
  return intervals_by_rows<Row4>(all, gradient);
}

/** intervals_by_rows in the widest rows of the processor that runs it. */
inline double intervals_by_best_rows(const Intervals& all,
                                     std::vector<double>& gradient) {
  if (__builtin_cpu_supports("avx512f")) {
    return intervals_by_rows_avx512(all, gradient);
  }
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
    return intervals_by_rows_avx2(all, gradient);
  }
  return intervals_by_rows<Row2>(all, gradient);
}
#else
/** intervals_by_rows in the widest rows of the processor that runs it. */
inline double intervals_by_best_rows(const Intervals& all,
                                     std::vector<double>& gradient) {
  return intervals_by_rows<Row2>(all, gradient);
}
#endif

/**
 * Return the log likelihood of intervals under a finite normal mixture; see
 * normal_interval_log_lik.
 */
template <typename LogTheta, typename Mu, typename Sigma>
inline stan::return_type_t<LogTheta, Mu, Sigma> interval_log_lik(
    const Eigen::Ref<const Eigen::VectorXd>& y_lower,
    const Eigen::Ref<const Eigen::VectorXd>& y_upper,
    const std::vector<int>& label,
    const Eigen::Ref<const Eigen::VectorXd>& times, const LogTheta& log_theta,
    const Mu& mu, const Sigma& sigma) {
  using stan::math::value_of;
  constexpr const char* function = "normal_interval_log_lik";
  const std::size_t N = y_lower.size();
  if (N == 0) {
    return 0;
  }
  std::vector<IntervalComponent> components;
  components.reserve(mu.size());
  for (int k = 0; k < mu.size(); ++k) {
    const double mu_k = value_of(mu.coeff(k));
    const double sigma_k = value_of(sigma.coeff(k));
    stan::math::check_finite(function, "Location parameter", mu_k);
    stan::math::check_positive(function, "Scale parameter", sigma_k);
    // not 0, which is not to be multiplied by an infinite bound
    components.push_back({value_of(log_theta.coeff(k)), mu_k,
                          std::max(1 / sigma_k, 1e-308)});
  }
  std::vector<double> gradient(3 * mu.size());
  double value = intervals_by_best_rows(
      Intervals{y_lower.data(), y_upper.data(), label.data(), times.data(), N,
                std::move(components)},
      gradient);
  if (std::isnan(value)) {
    stan::math::check_not_nan(function, "Lower bound", y_lower);
    stan::math::check_not_nan(function, "Upper bound", y_upper);
    value = stan::math::NEGATIVE_INFTY;  // all terms are, somewhere
  }
  return with_gradient(value, gradient, log_theta, mu, sigma);
}

}  // namespace normal_mixture_rows

/**
 * Return the log likelihood of observations that are known to lie between
 * bounds, under a finite normal mixture, with the assignments to components
 * summed out where the component is not known.
 *
 * @tparam Y vector of numbers
 * @tparam Times likewise
 * @tparam LogTheta vector of numbers or autodiff variables
 * @tparam Mu likewise
 * @tparam Sigma likewise
 * @param y_lower lower bounds, perhaps negative infinity
 * @param y_upper upper bounds above these, perhaps infinity
 * @param label components that are known, or 0
 * @param times counts or weights of the intervals
 * @param log_theta logarithms of the mixing proportions
 * @param mu locations of the components
 * @param sigma scales of the components
 * @return sum over n of times[n] times the log probability of interval n
 */
template <typename Y, typename Times, typename LogTheta, typename Mu,
          typename Sigma,
          normal_mixture_rows::require_numbers<Y, Times>* = nullptr,
          normal_mixture_rows::require_vectors<LogTheta, Mu, Sigma>* = nullptr>
inline stan::return_type_t<LogTheta, Mu, Sigma> normal_interval_log_lik(
    const Y& y_lower, const Y& y_upper, const std::vector<int>& label,
    const Times& times, const LogTheta& log_theta, const Mu& mu,
    const Sigma& sigma, std::ostream*) {
  using stan::math::to_ref;
  return normal_mixture_rows::interval_log_lik(y_lower, y_upper, label, times,
                                               to_ref(log_theta), to_ref(mu),
                                               to_ref(sigma));
}

/** normal_interval_log_lik of the data of a program, as a special case. */
template <typename Times, typename LogTheta, typename Mu, typename Sigma,
          normal_mixture_rows::require_numbers<Times>* = nullptr,
          normal_mixture_rows::require_vectors<LogTheta, Mu, Sigma>* = nullptr>
inline stan::return_type_t<LogTheta, Mu, Sigma> normal_interval_log_lik(
    const Eigen::Map<Eigen::VectorXd>& y_lower,
    const Eigen::Map<Eigen::VectorXd>& y_upper, const std::vector<int>& label,
    const Times& times, const LogTheta& log_theta, const Mu& mu,
    const Sigma& sigma, std::ostream*) {
  using stan::math::to_ref;
  return normal_mixture_rows::interval_log_lik(y_lower, y_upper, label, times,
                                               to_ref(log_theta), to_ref(mu),
                                               to_ref(sigma));
}

#endif
