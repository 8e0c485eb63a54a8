/*
 * Log densities of free values under their priors.
 */
#ifndef PYSTAN_MIX_PRIORS_HPP
#define PYSTAN_MIX_PRIORS_HPP

#include "elementary.hpp"
#include "model.hpp"

namespace {

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

}  // namespace

#endif
