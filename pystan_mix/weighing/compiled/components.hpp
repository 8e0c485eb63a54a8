/*
 * Densities of all observations under one component, and of mixtures of them.
 */
#ifndef PYSTAN_MIX_COMPONENTS_HPP
#define PYSTAN_MIX_COMPONENTS_HPP

#include "elementary.hpp"
#include "model.hpp"

namespace {

/** A component at some values, ready for many observations. */
struct Component {
  double log_peak, mu, inv_sigma, df;
  // of vectors, as is the inverse of the root of the covariance, row by row
  double centre[most_dims];
  double inverse[most_triangle];
};

/** Return a component of numbers: location, scale, degrees of freedom. */
Component component_of_numbers(int family, const double* values) {
  const double mu = values[0], sigma = values[1];
  const double df = family == student_t ? values[2] : 0.0;
  double log_peak = -log(sigma);
  if (family == student_t) {
    log_peak += lgamma(0.5 * (df + 1.0)) - lgamma(0.5 * df)
                - 0.5 * log(M_PI * df);
  } else {
    log_peak -= 0.5 * log(2.0 * M_PI);
  }
  Component c;
  c.log_peak = log_peak;
  c.mu = mu;
  c.inv_sigma = 1.0 / sigma;
  c.df = df;
  return c;
}

/** Return where a row of a lower triangle begins. */
INLINE int row_of(int i) { return i * (i + 1) / 2; }

/** Find the Cholesky factor of correlations, of their free values. */
void find_root_of_free(int D, const double* free, double* root) {
  root[0] = 1.0;
  for (int i = 1, place = 0; i < D; ++i) {
    double left = 1.0;  // the square of what the row has left
    for (int j = 0; j < i; ++j, ++place) {
      const double inv_cosh = 1.0 / cosh(free[place]);
      root[row_of(i) + j] = tanh(free[place]) * sqrt(left);
      left *= inv_cosh * inv_cosh;
    }
    root[row_of(i) + i] = sqrt(left);
  }
}

/** Find the Cholesky factor of a matrix. */
void find_root_of_matrix(int D, const double* matrix, double* root) {
  for (int i = 0; i < D; ++i) {
    for (int j = 0; j <= i; ++j) {
      double left = matrix[i * D + j];
      for (int m = 0; m < j; ++m) {
        left -= root[row_of(i) + m] * root[row_of(j) + m];
      }
      root[row_of(i) + j] = i == j ? sqrt(left) : left / root[row_of(j) + j];
    }
  }
}

/** Return a component of vectors: means, scales and correlations in a row. */
Component component_of_vectors(const Model& model, const double* values) {
  const int D = (int)model.D;
  const int S = model.each[1].elements;  // scales: of each coordinate, or one
  const double* sigma = values + D;
  double root[most_triangle] = {0};
  if (model.each[2].elements == 0) {
    for (int i = 0; i < D; ++i) {
      root[row_of(i) + i] = 1.0;
    }
  } else if (model.each[2].space == real) {
    find_root_of_matrix(D, sigma + S, root);
  } else {
    find_root_of_free(D, sigma + S, root);
  }
  Component c;
  c.log_peak = -0.5 * D * log(2.0 * M_PI);
  c.mu = values[0];
  c.inv_sigma = c.df = 0.0;
  memcpy(c.centre, values, D * sizeof(double));
  for (int i = 0; i < D; ++i) {
    const double scale = sigma[S == 1 ? 0 : i];
    for (int j = 0; j <= i; ++j) {
      root[row_of(i) + j] *= scale;
    }
    const double inv = 1.0 / root[row_of(i) + i];
    c.log_peak -= log(root[row_of(i) + i]);
    for (int j = 0; j < i; ++j) {
      double total = 0;
      for (int m = j; m < i; ++m) {
        total += root[row_of(i) + m] * c.inverse[row_of(m) + j];
      }
      c.inverse[row_of(i) + j] = -total * inv;
    }
    c.inverse[row_of(i) + i] = inv;
  }
  return c;
}

/** Return the log density of an observation that is a number. */
template <int family>
INLINE double log_density(const Component& c, double y) {
  const double z = (y - c.mu) * c.inv_sigma;
  if (family == student_t) {
    double above_one = 1.0 + z * z / c.df;
    above_one = above_one < 1e300 ? above_one : 1e300;
    return c.log_peak - 0.5 * (c.df + 1.0) * log_of(above_one);
  }
  return c.log_peak - 0.5 * z * z;
}

/** Return the log probability that a standard normal number is below z. */
double log_below(double z) {
  if (z > -30.0) {
    return log(0.5 * erfc(-z * M_SQRT1_2));
  }
  const double q = 1.0 / (z * z);
  return -0.5 * z * z - log(-z) - 0.5 * log(2.0 * M_PI)
         + log1p(-q * (1.0 - 3.0 * q * (1.0 - 5.0 * q * (1.0 - 7.0 * q
                                                         * (1.0 - 9.0 * q)))));
}

/**
 * Bounds of a standard normal number on the side below zero, where differences
 * of probabilities keep their digits, and the middle and half the width.
 */
struct Between {
  double a, b, m, h;

  Between(const Component& c, double lower, double upper)
      : a((lower - c.mu) * c.inv_sigma),
        b((upper - c.mu) * c.inv_sigma),
        h(0.5 * (upper - lower) * c.inv_sigma) {
    if (a + b > 0.0) {
      const double was = a;
      a = -b;
      b = -was;
    }
    m = 0.5 * (a + b);
  }

  /** Return whether the density differs by less than a factor in it. */
  bool is_narrow() const { return h * (fabs(m) + h) < 1.0; }

  /**
   * Return the integral over a narrow interval, relative to the density in the
   * middle: Gauss-Legendre quadrature, as in stats/intervals/between.py.
   */
  double relative() const {
    constexpr double nodes[] = {0.18343464249564980, 0.52553240991632899,
                                0.79666647741362674, 0.96028985649753623};
    constexpr double weights[] = {0.36268378337836198, 0.31370664587788729,
                                  0.22238103445337447, 0.10122853629037626};
    double total = 0;
    for (int i = 0; i < 4; ++i) {
      const double x = h * nodes[i];
      const double e = exp_of(m * x);
      total += weights[i] * exp_of(-0.5 * x * x) * (e + 1.0 / e);
    }
    return h * total;
  }

  /** Return the probability, which may be too small for a number. */
  double probability() const {
    if (is_narrow()) {
      constexpr double peak = M_SQRT1_2 * 0.5 * M_2_SQRTPI;
      return relative() * exp_of(-0.5 * m * m) * peak;
    }
    return 0.5 * (erfc(-b * M_SQRT1_2) - erfc(-a * M_SQRT1_2));
  }

  /** Return its logarithm, however small it is. */
  double log_probability() const {
    if (is_narrow()) {
      return log(relative()) - 0.5 * m * m - 0.5 * log(2.0 * M_PI);
    }
    const double log_high = log_below(b);
    return log_high + log(-expm1(log_below(a) - log_high));
  }
};

/** Return whether an observation is known to lie between two bounds only. */
INLINE bool is_between(const Model& model, int64_t n) {
  return model.lower && model.lower[n] < model.upper[n];
}

/** Return the log density of an observation that is a vector. */
double log_density_of_vector(const Model& model, const Component& c,
                             int64_t n) {
  double squares = 0;
  for (int i = 0; i < model.D; ++i) {
    double z = 0;
    for (int j = 0; j <= i; ++j) {
      z += c.inverse[row_of(i) + j] * (model.y[j * model.N + n] - c.centre[j]);
    }
    squares += z * z;
  }
  return c.log_peak - 0.5 * squares;
}

/** The mixture at the values of one draw. */
struct Mixture {
  const Model& model;
  const Component* components;
  const double* theta;

  /** Return the log density of an observation, however small. */
  double log_density_of(int64_t n) const {
    double largest = -INFINITY;
    for (int k = 0; k < model.K; ++k) {
      const double term = log(theta[k]) + log_density_under(k, n);
      largest = term > largest ? term : largest;
    }
    double total = 0;
    for (int k = 0; k < model.K; ++k) {
      total += exp(log(theta[k]) + log_density_under(k, n) - largest);
    }
    return largest + log(total);
  }

 private:
  double log_density_under(int k, int64_t n) const {
    if (is_between(model, n)) {
      return Between(components[k], model.lower[n], model.upper[n])
          .log_probability();
    }
    if (model.family == multivariate_normal) {
      return log_density_of_vector(model, components[k], n);
    }
    return model.family == student_t
               ? log_density<student_t>(components[k], model.y[n])
               : log_density<normal>(components[k], model.y[n]);
  }
};

/** Find the density of each observation under one component. */
template <int family>
INLINE void find_densities_of(const Model& model, const Component& component,
                           double* densities) {
  const Component c = component;
  for (int64_t n = 0; n < model.N; ++n) {
    densities[n] = exp_of(log_density<family>(c, model.y[n]));
  }
  for (int64_t n = 0; model.lower && n < model.N; ++n) {
    if (is_between(model, n)) {
      densities[n] = Between(c, model.lower[n], model.upper[n]).probability();
    }
  }
}

/** Return how many observations a block has. */
INLINE int size_of_block(const Model& model, int64_t first) {
  return model.N - first < block ? (int)(model.N - first) : block;
}

/** Find the density of each vector under one component. */
INLINE void find_densities_of_vectors(const Model& model,
                                      const Component& component,
                                      double* densities) {
  const Component& c = component;
  for (int64_t first = 0; first < model.N; first += block) {
    const int size = size_of_block(model, first);
    double squares[block] = {0};
    for (int i = 0; i < model.D; ++i) {
      double z[block] = {0};
      for (int j = 0; j <= i; ++j) {
        const double factor = c.inverse[row_of(i) + j], centre = c.centre[j];
        const double* y = model.y + j * model.N + first;
        for (int n = 0; n < size; ++n) {
          z[n] += factor * (y[n] - centre);
        }
      }
      for (int n = 0; n < size; ++n) {
        squares[n] += z[n] * z[n];
      }
    }
    for (int n = 0; n < size; ++n) {
      densities[first + n] = exp_of(c.log_peak - 0.5 * squares[n]);
    }
  }
}

/** Find the log density of a block of observations from those of components. */
INLINE void find_log_density_of(const Mixture& mixture,
                                const double* const* densities, int64_t first,
                                int size, double* log_density) {
  const Model& model = mixture.model;
  double sum[block];
  for (int i = 0; i < size; ++i) {
    sum[i] = no_density;
  }
  for (int k = 0; k < model.K; ++k) {
    const double theta = mixture.theta[k];
    const double* density = densities[k] + first;
    for (int i = 0; i < size; ++i) {
      sum[i] += theta * density[i];
    }
  }
  int64_t lost = 0;
  for (int i = 0; i < size; ++i) {
    lost += sum[i] < least_density;
  }
  for (int i = 0; i < size; ++i) {
    log_density[i] = log_of(sum[i]);
  }
  for (int i = 0; lost > 0 && i < size; ++i) {
    if (sum[i] < least_density) {
      log_density[i] = mixture.log_density_of(first + i);
    }
  }
}

/** Return the log likelihood of a mixture from its components' densities. */
INLINE double log_likelihood_of(const Mixture& mixture,
                                const double* const* densities) {
  const Model& model = mixture.model;
  double total = 0;
  for (int64_t first = 0; first < model.N; first += block) {
    const int size = size_of_block(model, first);
    double log_lik[block];
    find_log_density_of(mixture, densities, first, size, log_lik);
    for (int i = 0; i < size; ++i) {
      log_lik[i] *= model.count[first + i];
    }
    total += total_of(log_lik, size);
  }
  return total;
}

/** Find the log density of each observation. */
INLINE void find_each_of(const Mixture& mixture,
                         const double* const* densities, double* log_density) {
  const Model& model = mixture.model;
  for (int64_t first = 0; first < model.N; first += block) {
    find_log_density_of(mixture, densities, first, size_of_block(model, first),
                        log_density + first);
  }
}

/** What is computed for all observations, as wide as a processor takes it. */
struct Kernels {
  void (*find_densities)(const Model&, const Component&, double*);
  double (*log_likelihood)(const Mixture&, const double* const*);
  void (*find_each)(const Mixture&, const double* const*, double*);
};

#define KERNELS(NAME, TARGET)                                               \
  TARGET void find_densities_##NAME(const Model& model,                     \
                                    const Component& component,             \
                                    double* densities) {                    \
    if (model.family == multivariate_normal) {                              \
      find_densities_of_vectors(model, component, densities);               \
    } else if (model.family == student_t) {                                 \
      find_densities_of<student_t>(model, component, densities);            \
    } else {                                                                \
      find_densities_of<normal>(model, component, densities);               \
    }                                                                       \
  }                                                                         \
  TARGET double log_likelihood_##NAME(const Mixture& mixture,               \
                                      const double* const* densities) {     \
    return log_likelihood_of(mixture, densities);                           \
  }                                                                         \
  TARGET void find_each_##NAME(const Mixture& mixture,                      \
                               const double* const* densities,              \
                               double* log_density) {                       \
    find_each_of(mixture, densities, log_density);                          \
  }

KERNELS(any, )
#if defined(__x86_64__)
KERNELS(avx2, __attribute__((target("avx2,fma"))))
KERNELS(avx512, __attribute__((target("avx512f,avx512dq,fma"))))
#endif

/** Return the kernels for the processor that runs this. */
Kernels best_kernels() {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq")) {
    return {find_densities_avx512, log_likelihood_avx512, find_each_avx512};
  }
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
    return {find_densities_avx2, log_likelihood_avx2, find_each_avx2};
  }
#endif
  return {find_densities_any, log_likelihood_any, find_each_any};
}

}  // namespace

#endif
