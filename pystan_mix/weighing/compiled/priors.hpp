/*
 * Log densities of free values under their priors.
 */
#ifndef PYSTAN_MIX_PRIORS_HPP
#define PYSTAN_MIX_PRIORS_HPP

#include "elementary.hpp"
#include "model.hpp"

namespace {

/** Return the value that a free one stands for; those of correlations stay. */
double value_of(const Parameter& parameter, int element, double free) {
  return parameter.space == above ? parameter.least[element] + exp(free) : free;
}

/** Return the log density of a free value under one of a parameter's priors. */
double log_prior_of(const Parameter& parameter, int which, int element,
                    double free) {
  const double x = value_of(parameter, element, free);
  const Prior& prior = parameter.each_prior[which];
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
 * Return the log density of the free values of correlations under an LKJ prior,
 * up to a constant.
 *
 * Each diagonal element of the Cholesky factor is a product of square roots of
 * 1 - tanh(free)^2, and the volume of the map to the factor is one of powers of
 * these (Stan Reference Manual, "Cholesky factors of correlation matrices").
 */
double log_lkj(const Parameter& parameter, int D, const double* free) {
  const double eta = parameter.each_prior[0].first;
  double total = 0;
  for (int i = 1, place = 0; i < D; ++i) {
    double log_left = 0;
    for (int j = 0; j < i; ++j, ++place) {
      const double z = fabs(free[place]);
      const double log_slope = 2.0 * (M_LN2 - z - log1p(exp(-2.0 * z)));
      total += log_slope + 0.5 * log_left;
      log_left += log_slope;
    }
    total += 0.5 * (D - 1 - i + 2.0 * (eta - 1.0)) * log_left;
  }
  return total;
}

/**
 * Return the log density of the free values that one component has of a
 * parameter at the start, where each number has the prior of a component picked
 * at random, up to a constant.
 */
double log_start(const Model& model, const Parameter& parameter,
                 const double* values) {
  if (parameter.prior == lkj) {
    return log_lkj(parameter, (int)model.D, values);
  }
  if (model.family == multivariate_normal) {
    double total = 0;
    for (int e = 0; e < parameter.elements; ++e) {
      total += log_prior_of(parameter, e % parameter.priors, e, values[e]);
    }
    return total;
  }
  const double free = values[0];
  double first = log_prior_of(parameter, 0, 0, free);
  if (parameter.priors == 1) {
    return first;
  }
  double sum = 1.0;
  for (int k = 1; k < parameter.priors; ++k) {
    const double next = log_prior_of(parameter, k, 0, free);
    if (next > first) {
      sum = sum * exp(first - next) + 1.0;
      first = next;
    } else {
      sum += exp(next - first);
    }
  }
  return first + log(sum);
}

}  // namespace

#endif
