/*
 * Random-walk Metropolis steps of populations of parameters, and the likelihood
 * of many parameters: C++ in the place of ../annealing/moves.py and of
 * mixtures/density.py, which say what is computed.
 *
 * One draw moves at a time, whose densities of all observations stay near the
 * processor. Loops over observations are plain, so that the compiler makes them
 * as wide as the processor that a function is for. Neither libraries nor
 * exceptions are used, and nothing is kept between calls.
 */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define INLINE inline __attribute__((always_inline))

namespace {

// parameters of a component, at most: location, scale, degrees of freedom
constexpr int most_parameters = 3;
// of one component that move together: those, and the logarithm of a gamma
constexpr int most_features = most_parameters + 1;
// added to a density: of no account, but its logarithm is finite
constexpr double no_density = 1e-300;
// a density below it has lost digits
constexpr double least_density = 1e-280;
// observations that are worked on at a time
constexpr int block = 256;
// in the place of a component's number, where none moves by itself
constexpr int nobody = -1;

}  // namespace

extern "C" {

// what the components are
enum Family { normal, student_t };

// where a parameter's values come from: one for each component, one for all,
// or known
enum Role { own, shared, known };

// of values above a floor, or of all; on the free scale that is the logarithm
enum Space { real, above };

enum PriorKind { no_prior, normal_prior, half_student_t, root_inv_gamma,
                 lognormal, gamma_prior };

// the density of a prior is known up to what is the same of all components:
// only ratios are asked for
struct Prior {
  double first;         // location, degrees of freedom, or shape
  double second;        // scale, or rate
  double log_constant;  // what the two make of the density's constant
};

struct Parameter {
  int32_t role;
  int32_t space;
  int32_t prior;
  int32_t priors;    // 1, or K where each component in order has its own
  double least;      // floor
  double spread;     // how long steps of what is shared are
  const Prior* each_prior;
  double* values;    // free ones of shape (R, K) or (R, 1), known ones (K)
};

struct Model {
  int32_t family;
  int32_t K;
  int64_t N;
  const double* y;
  const double* lower;   // bounds of what is not known exactly, of shape (N),
  const double* upper;   // equal where it is; null where all are
  const double* count;
  const double* alpha;   // concentrations of the weights' prior, of shape (K)
  double concentration;  // their mean, that of all components at the start
  double min_weight;
  double log_ratio;      // constant part of the log of the model's prior over
                         // that at the start
  double shortest, longest;  // powers of 10 that steps are as long as
  int32_t parameters;
  Parameter each[most_parameters];
};

}  // extern "C"

namespace {

/** Return the bits of a number. */
INLINE uint64_t bits_of(double x) {
  uint64_t bits;
  memcpy(&bits, &x, sizeof(bits));
  return bits;
}

/** Return the number of some bits. */
INLINE double number_of(uint64_t bits) {
  double x;
  memcpy(&x, &bits, sizeof(x));
  return x;
}

/**
 * Return exp(x) to within some ulp, for x up to 700; below -700, and of NaN,
 * what is of no account.
 *
 * 2^n * exp(r), n being the integer nearest to x / log(2); the polynomial is
 * the power series of exp(r).
 */
INLINE double exp_of(double x) {
  constexpr double to_integer = 6755399441055744.0;  // 1.5 * 2^52
  x = x > -700.0 ? x : -700.0;
  x = x < 700.0 ? x : 700.0;
  const double shifted = x * 1.44269504088896340736 + to_integer;
  const double n = shifted - to_integer;
  const double r = (x - n * 6.93147180369123816490e-01)
                   - n * 1.90821492927058770002e-10;
  double p = 1.0 / 479001600;
  p = p * r + 1.0 / 39916800;
  p = p * r + 1.0 / 3628800;
  p = p * r + 1.0 / 362880;
  p = p * r + 1.0 / 40320;
  p = p * r + 1.0 / 5040;
  p = p * r + 1.0 / 720;
  p = p * r + 1.0 / 120;
  p = p * r + 1.0 / 24;
  p = p * r + 1.0 / 6;
  p = p * r + 0.5;
  p = p * r + 1.0;
  p = p * r + 1.0;
  return p * number_of((bits_of(shifted) << 52) + bits_of(1.0));
}

/**
 * Return log(x) to within some ulp, for positive x that is neither subnormal
 * nor infinite.
 *
 * n * log(2) + log(m), m from sqrt(1/2) to sqrt(2); log(m) is the power series
 * of the inverse hyperbolic tangent.
 */
INLINE double log_of(double x) {
  constexpr uint64_t root_half = 0x3fe6a09e667f3bcd;
  const uint64_t bits = bits_of(x) - root_half;
  // an integer in the lowest bits, which a subtraction makes a number
  const double n
      = number_of(((bits + bits_of(1.0)) >> 52) | bits_of(0x1p52))
        - (0x1p52 + 1023.0);
  const double m = number_of((bits & 0xfffffffffffff) + root_half);
  const double s = (m - 1.0) / (m + 1.0);
  const double q = s * s;
  double p = 1.0 / 21;
  p = p * q + 1.0 / 19;
  p = p * q + 1.0 / 17;
  p = p * q + 1.0 / 15;
  p = p * q + 1.0 / 13;
  p = p * q + 1.0 / 11;
  p = p * q + 1.0 / 9;
  p = p * q + 1.0 / 7;
  p = p * q + 1.0 / 5;
  p = p * q + 1.0 / 3;
  p = p * q * s + s;
  return n * 1.90821492927058770002e-10 + 2.0 * p
         + n * 6.93147180369123816490e-01;
}

/** Random numbers: xoshiro256++ of Blackman and Vigna (2021). */
class Random {
 public:
  explicit Random(uint64_t seed) {
    for (uint64_t& word : state_) {  // splitmix64
      seed += 0x9e3779b97f4a7c15;
      uint64_t z = seed;
      z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
      z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
      word = z ^ (z >> 31);
    }
  }

  /** Return a number above 0 and below 1. */
  double uniform() { return ((next() >> 12) + 0.5) * 0x1p-52; }

  /** Return one of 0 to n - 1. */
  int below(int n) { return (int)(n * uniform()); }

  /** Return a standard normal number: Marsaglia and Bray (1964). */
  double normal() {
    for (;;) {
      const double u = 2.0 * uniform() - 1.0;
      const double v = 2.0 * uniform() - 1.0;
      const double s = u * u + v * v;
      if (s < 1.0 && s > 0.0) {
        return u * sqrt(-2.0 * log(s) / s);
      }
    }
  }

 private:
  uint64_t next() {
    const uint64_t result = rotated(state_[0] + state_[3], 23) + state_[0];
    const uint64_t t = state_[1] << 17;
    state_[2] ^= state_[0];
    state_[3] ^= state_[1];
    state_[1] ^= state_[2];
    state_[0] ^= state_[3];
    state_[2] ^= t;
    state_[3] = rotated(state_[3], 45);
    return result;
  }

  static uint64_t rotated(uint64_t x, int by) {
    return (x << by) | (x >> (64 - by));
  }

  uint64_t state_[4];
};

/** Return the value that a free one stands for. */
double value_of(const Parameter& parameter, double free) {
  return parameter.space == real ? free : parameter.least + exp(free);
}

/** Return the log density of a free value under one of a parameter's priors. */
double log_prior_of(const Parameter& parameter, int k, double free) {
  const double x = value_of(parameter, free);
  const Prior& prior = parameter.each_prior[k];
  const double log_det
      = prior.log_constant + (parameter.space == real ? 0.0 : free);
  const double a = prior.first, b = prior.second;
  switch (parameter.prior) {
    case normal_prior: {
      const double z = (x - a) / b;
      return log_det - 0.5 * z * z;
    }
    case half_student_t: {
      const double z = x / b;
      return log_det
             - (isinf(a) ? 0.5 * z * z : 0.5 * (a + 1.0) * log1p(z * z / a));
    }
    case root_inv_gamma:
      return log_det - (2.0 * a + 1.0) * log(x) - b / (x * x);
    case lognormal: {
      const double log_x = log(x), z = (log_x - a) / b;
      return log_det - log_x - 0.5 * z * z;
    }
    case gamma_prior:
      return log_det + (a - 1.0) * log(x) - b * x;
    default:
      return 0.0;
  }
}

/**
 * Return the log density of a free value at the start, where each component
 * has the prior of one picked at random, up to a constant.
 */
double log_start(const Parameter& parameter, double free) {
  double first = log_prior_of(parameter, 0, free);
  if (parameter.priors == 1) {
    return first;
  }
  double sum = 1.0;
  for (int k = 1; k < parameter.priors; ++k) {
    const double next = log_prior_of(parameter, k, free);
    if (next > first) {
      sum = sum * exp(first - next) + 1.0;
      first = next;
    } else {
      sum += exp(next - first);
    }
  }
  return first + log(sum);
}

/** A component at some values, ready for many observations. */
struct Component {
  double log_peak, mu, inv_sigma, df;
};

Component component_of(int family, const double* values) {
  const double mu = values[0], sigma = values[1];
  const double df = family == student_t ? values[2] : 0.0;
  double log_peak = -log(sigma);
  if (family == student_t) {
    log_peak += lgamma(0.5 * (df + 1.0)) - lgamma(0.5 * df)
                - 0.5 * log(M_PI * df);
  } else {
    log_peak -= 0.5 * log(2.0 * M_PI);
  }
  return {log_peak, mu, 1.0 / sigma, df};
}

/** Return the log density of an observation. */
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

/** Return a sum, added up in parts that do not wait for each other. */
INLINE double total_of(const double* x, int size) {
  constexpr int parts = 16;
  double part[parts] = {0};
  int i = 0;
  for (; i + parts <= size; i += parts) {
    for (int j = 0; j < parts; ++j) {
      part[j] += x[i + j];
    }
  }
  double total = 0;
  for (; i < size; ++i) {
    total += x[i];
  }
  for (int j = 0; j < parts; ++j) {
    total += part[j];
  }
  return total;
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

/** Return how many observations a block has. */
INLINE int size_of_block(const Model& model, int64_t first) {
  return model.N - first < block ? (int)(model.N - first) : block;
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
    if (model.family == student_t) {                                        \
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

/** Find weights, and the logarithms of their shares of what is free. */
void find_weights(const Model& model, const double* log_gamma, double* theta,
                  double* log_share) {
  double largest = log_gamma[0], total = 0;
  for (int k = 1; k < model.K; ++k) {
    largest = log_gamma[k] > largest ? log_gamma[k] : largest;
  }
  for (int k = 0; k < model.K; ++k) {
    total += exp(log_gamma[k] - largest);
  }
  const double log_total = largest + log(total);
  for (int k = 0; k < model.K; ++k) {
    log_share[k] = log_gamma[k] - log_total;
    theta[k] = model.min_weight
               + (1.0 - model.K * model.min_weight) * exp(log_share[k]);
  }
}

/** Return how many values of a component move together. */
int features(const Model& model) {
  int F = 1;
  for (int p = 0; p < model.parameters; ++p) {
    F += model.each[p].role == own;
  }
  return F;
}

/** Return whether the model's prior over that at the start differs by place. */
bool is_ratio_to_be_found(const Model& model) {
  bool differ = model.min_weight > 0;
  for (int k = 0; k < model.K; ++k) {
    differ = differ || model.alpha[k] != model.concentration;
  }
  for (int p = 0; p < model.parameters; ++p) {
    differ = differ || model.each[p].priors > 1;
  }
  return differ;
}

/** What is worked with while one draw moves. */
struct Room {
  double* theta;
  double* log_share;
  double* new_theta;
  double* new_log_share;
  double* new_log_gamma;
  double** densities;
  double** new_densities;
  Component* components;
  Component* new_components;
  int* order;
  int* place;
};

/** Exchange two values. */
template <typename T>
INLINE void exchange(T& a, T& b) {
  const T was = a;
  a = b;
  b = was;
}

/** One draw on its way. */
struct Draw {
  const Model& model;
  const Kernels& kernels;
  const double power;
  const int64_t row;
  double* const log_weights;  // of gammas; in mixture, of weights
  double& log_ratio;
  const bool differ;  // whether the prior over that at the start does
  Room room;
  Random random;

  /** Return the free value of a parameter of component k. */
  double& free_value(const Parameter& parameter, int k) const {
    return parameter.role == own ? parameter.values[row * model.K + k]
                                 : parameter.values[row];
  }

  /** Return component k, after steps of its free values. */
  Component at(int k, const double* steps) const {
    double values[most_parameters];
    for (int p = 0; p < model.parameters; ++p) {
      const Parameter& parameter = model.each[p];
      values[p] = parameter.role == known
                      ? parameter.values[k]
                      : value_of(parameter,
                                 free_value(parameter, k) + steps[p]);
    }
    return component_of(model.family, values);
  }

  /** Return the length of a step, relative to the spread of what moves. */
  double length() {
    return pow(10.0, model.shortest
                         + (model.longest - model.shortest)
                               * random.uniform());
  }

  /** Return whether to take a step, by Metropolis. */
  bool is_taken(double gain, double new_log_ratio) {
    return log(random.uniform()) < gain + power * (new_log_ratio - log_ratio);
  }

  /** Find the places of components in the order of their locations. */
  void find_places(const Component* components) {
    for (int k = 0; k < model.K; ++k) {
      room.place[k] = 0;
      for (int j = 0; j < model.K; ++j) {
        room.place[k] += components[j].mu < components[k].mu
                         || (j < k && components[j].mu == components[k].mu);
      }
    }
  }

  /**
   * Return the log likelihood and the log of the prior over that at the start,
   * after steps of the free values of component k.
   */
  double log_ratio_at(const Component* components, const double* theta,
                      const double* log_share, const double* const* densities,
                      int moved, const double* steps) {
    double total
        = model.log_ratio
          + kernels.log_likelihood({model, components, theta}, densities);
    if (!differ) {
      return total;
    }
    find_places(components);
    for (int k = 0; k < model.K; ++k) {
      total += (model.alpha[room.place[k]] - 1.0) * log(theta[k])
               - (model.concentration - 1.0) * log_share[k];
    }
    for (int p = 0; p < model.parameters; ++p) {
      const Parameter& parameter = model.each[p];
      for (int k = 0; parameter.priors > 1 && k < model.K; ++k) {
        const double free
            = free_value(parameter, k) + (k == moved ? steps[p] : 0.0);
        total += log_prior_of(parameter, room.place[k], free)
                 - log_start(parameter, free);
      }
    }
    return total;
  }

  /** Find the densities of all observations under all components. */
  void find_densities() {
    const double steps[most_parameters] = {0};
    for (int k = 0; k < model.K; ++k) {
      room.components[k] = at(k, steps);
      kernels.find_densities(model, room.components[k], room.densities[k]);
    }
  }

  /** Return the mixture of logarithms of weights, all densities found. */
  Mixture mixture() {
    for (int k = 0; k < model.K; ++k) {
      room.theta[k] = exp(log_weights[k]);
    }
    find_densities();
    return {model, room.components, room.theta};
  }

  /** Make ready for moves, of logarithms of gammas. */
  void begin() {
    find_weights(model, log_weights, room.theta, room.log_share);
    find_densities();
  }

  /** Take a step of one component, as long as some component's spread. */
  void move_component(int k, const double* roots) {
    const int K = model.K;
    double step[most_features] = {0}, noise[most_features];
    const int F = features(model);
    const double* root = roots + random.below(K) * F * F;
    const double far = length();
    for (int f = 0; f < F; ++f) {
      noise[f] = random.normal();
      for (int g = 0; g <= f; ++g) {
        step[f] += far * root[f * F + g] * noise[g];
      }
    }
    double steps[most_parameters] = {0};
    double gain = 0;
    for (int p = 0, f = 0; p < model.parameters; ++p) {
      if (model.each[p].role == own) {
        steps[p] = step[f++];
        const double now = free_value(model.each[p], k);
        gain += log_start(model.each[p], now + steps[p])
                - log_start(model.each[p], now);
      }
    }
    const double grown = log_weights[k] + step[F - 1];
    gain += model.concentration * step[F - 1] - exp(grown)
            + exp(log_weights[k]);
    memcpy(room.new_log_gamma, log_weights, K * sizeof(double));
    room.new_log_gamma[k] = grown;
    find_weights(model, room.new_log_gamma, room.new_theta,
                 room.new_log_share);
    const Component was = room.components[k];
    room.components[k] = at(k, steps);
    kernels.find_densities(model, room.components[k], room.new_densities[k]);
    exchange(room.densities[k], room.new_densities[k]);
    const double new_log_ratio
        = log_ratio_at(room.components, room.new_theta, room.new_log_share,
                       room.densities, k, steps);
    if (!is_taken(gain, new_log_ratio)) {
      exchange(room.densities[k], room.new_densities[k]);
      room.components[k] = was;
      return;
    }
    for (int p = 0; p < model.parameters; ++p) {
      if (model.each[p].role == own) {
        free_value(model.each[p], k) += steps[p];
      }
    }
    log_weights[k] = grown;
    log_ratio = new_log_ratio;
    exchange(room.theta, room.new_theta);
    exchange(room.log_share, room.new_log_share);
  }

  /** Take a step of what all components share. */
  void move_shared(int p) {
    const Parameter& parameter = model.each[p];
    double steps[most_parameters] = {0};
    steps[p] = parameter.spread * length() * random.normal();
    const double now = free_value(parameter, 0);
    const double gain
        = log_start(parameter, now + steps[p]) - log_start(parameter, now);
    for (int k = 0; k < model.K; ++k) {
      room.new_components[k] = at(k, steps);
      kernels.find_densities(model, room.new_components[k],
                             room.new_densities[k]);
    }
    // what all share has one prior
    const double new_log_ratio
        = log_ratio_at(room.new_components, room.theta, room.log_share,
                       room.new_densities, nobody, steps);
    if (is_taken(gain, new_log_ratio)) {
      free_value(parameter, 0) += steps[p];
      log_ratio = new_log_ratio;
      exchange(room.components, room.new_components);
      exchange(room.densities, room.new_densities);
    }
  }

  /** Move each component, in random order, and what all share, once. */
  void sweep(const double* roots) {
    for (int k = 0; k < model.K; ++k) {
      room.order[k] = k;
    }
    for (int k = model.K - 1; k > 0; --k) {
      exchange(room.order[k], room.order[random.below(k + 1)]);
    }
    for (int k = 0; k < model.K; ++k) {
      move_component(room.order[k], roots);
    }
    for (int p = 0; p < model.parameters; ++p) {
      if (model.each[p].role == shared) {
        move_shared(p);
      }
    }
  }
};

/** What a call is given. */
struct Call {
  const Model& model;
  int64_t rows;
  double power;
  int sweeps;
  uint64_t seed;
  const double* roots;
  double* log_weights;  // logarithms of gammas, or of weights
  double* results;      // log ratios, log likelihoods, or log densities
  bool each;            // whether the results are those of each observation
};

/** Move all draws; without sweeps, find log likelihoods or densities. */
void all_rows(const Call& call, const Room& room) {
  const Kernels kernels = best_kernels();
  const int K = call.model.K;
  const bool differ = is_ratio_to_be_found(call.model);
  for (int64_t row = 0; row < call.rows; ++row) {
    double* const log_weights = call.log_weights + row * K;
    Draw draw{call.model,        kernels, call.power, row, log_weights,
              call.results[row], differ,  room,
              Random(call.seed + row)};
    if (call.sweeps > 0) {
      draw.begin();
    } else if (call.each) {
      kernels.find_each(draw.mixture(), room.densities,
                        call.results + row * call.model.N);
    } else {
      call.results[row]
          = kernels.log_likelihood(draw.mixture(), room.densities);
    }
    for (int sweep = 0; sweep < call.sweeps; ++sweep) {
      draw.sweep(call.roots);
    }
  }
}

/** Find room, and do what is asked. Returns 0, or 1 where memory is short. */
int with_room(const Call& call) {
  const int64_t K = call.model.K, N = call.model.N;
  double* numbers = (double*)malloc((5 * K + 2 * K * N) * sizeof(double));
  double** pointers = (double**)malloc(2 * K * sizeof(double*));
  Component* components = (Component*)malloc(2 * K * sizeof(Component));
  int* order = (int*)malloc(2 * K * sizeof(int));
  const bool enough = numbers && pointers && components && order;
  if (enough) {
    for (int64_t k = 0; k < 2 * K; ++k) {
      pointers[k] = numbers + 5 * K + k * N;
    }
    all_rows(call, {numbers, numbers + K, numbers + 2 * K, numbers + 3 * K,
                     numbers + 4 * K, pointers, pointers + K, components,
                     components + K, order, order + K});
  }
  free(numbers);
  free(pointers);
  free(components);
  free(order);
  return enough ? 0 : 1;
}

}  // namespace

extern "C" {

/**
 * Move draws by so many sweeps, at a power of the ratio of the posterior to
 * the density at the start.
 *
 * @param model what the draws are of; its free values are written over
 * @param rows number of draws R
 * @param power the power
 * @param sweeps 1 or more
 * @param seed of the random numbers
 * @param roots lower triangular roots of the covariances of components, K
 * @param log_gamma of shape (R, K), written over
 * @param log_ratio of each draw, written over
 * @return 0, or 1 where memory is short
 */
int move(const Model* model, int64_t rows, double power, int32_t sweeps,
         uint64_t seed, const double* roots, double* log_gamma,
         double* log_ratio) {
  return with_room(
      {*model, rows, power, sweeps, seed, roots, log_gamma, log_ratio, false});
}

/**
 * Find log likelihoods.
 *
 * @param model its parameters on the real line have the values themselves
 * @param rows number of draws S
 * @param log_theta of shape (S, K)
 * @param log_lik of each draw, written over
 * @return 0, or 1 where memory is short
 */
int log_likelihoods(const Model* model, int64_t rows, double* log_theta,
                    double* log_lik) {
  return with_room(
      {*model, rows, 0.0, 0, 0, nullptr, log_theta, log_lik, false});
}

/**
 * Find the log density of each observation under each draw.
 *
 * @param model, rows, log_theta as in `log_likelihoods`
 * @param log_density of shape (S, N), written over
 * @return 0, or 1 where memory is short
 */
int log_densities(const Model* model, int64_t rows, double* log_theta,
                  double* log_density) {
  return with_room(
      {*model, rows, 0.0, 0, 0, nullptr, log_theta, log_density, true});
}

/** Return the size of what is passed, to check that both sides agree. */
int64_t model_size() { return sizeof(Model); }

}  // extern "C"
