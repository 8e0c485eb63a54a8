/*
 * Finite normal mixture with known scales, written out by hand.
 *
 * The same posterior as normal_mixture_known_sigma.stan, but with nothing
 * included and nothing built in for the mixture: the normal density and
 * log-sum-exp are spelled out, for reading.
 */
functions {
  /**
   * Return how near two locations may come before the one pushes the other: a
   * part of the spread of the data, or of the priors where there are no data.
   *
   * The posterior is the same for any width; this one is easy to sample.
   *
   * @param y distinct observations
   * @param count how often each distinct observation occurs
   * @param mu_scale prior scales of the component locations
   * @return half a standard deviation, divided by the number of components
   */
  real ordering_width(vector y, array[] int count, vector mu_scale) {
    int K = num_elements(mu_scale);
    if (num_elements(y) < 2) {
      return mean(mu_scale) / (2 * K);
    }
    vector[num_elements(y)] share = to_vector(count) / sum(count);
    real variance = dot_product(share, square(y - dot_product(share, y)));
    return sqrt(variance) / (2 * K);
  }

  /**
   * Return increasing locations made of free ones.
   *
   * The first is as it is. Each further one is the mean of the larger of two:
   * the one before, and a normal variable around the free location with the
   * width as scale. So it is the free location itself where that lies some
   * widths above the one before, and is pushed to stay above it where not.
   *
   * @param mu_raw free locations
   * @param width how near two locations may come before one pushes the other
   * @return increasing locations
   */
  vector push_apart(vector mu_raw, real width) {
    vector[num_elements(mu_raw)] mu = mu_raw;
    for (k in 2 : num_elements(mu)) {
      real above = mu_raw[k] - mu[k - 1];
      mu[k] = mu[k - 1] + above * Phi(above / width)
              + square(width) * exp(normal_lpdf(above | 0, width));
    }
    return mu;
  }

  /**
   * Return the log absolute Jacobian determinant of push_apart.
   *
   * @param mu_raw free locations
   * @param mu the same pushed apart
   * @param width how near two locations may come before one pushes the other
   * @return sum over k > 1 of log(Phi((mu_raw[k] - mu[k - 1]) / width))
   */
  real push_apart_log_det(vector mu_raw, vector mu, real width) {
    int K = num_elements(mu);
    return normal_lcdf(tail(mu_raw, K - 1) | head(mu, K - 1), width);
  }

  /**
   * Return the log density of a normal distribution.
   *
   * @param y point
   * @param mu location
   * @param sigma scale
   * @return log of normal(y | mu, sigma)
   */
  real normal_log_density(real y, real mu, real sigma) {
    return -0.5 * (log(2 * pi()) + 2 * log(sigma) + square((y - mu) / sigma));
  }

  /**
   * Return the logarithm of a sum of exponentials, without overflow.
   *
   * @param x terms on the log scale
   * @return log of the sum over k of exp(x[k])
   */
  real log_sum_of_exponentials(vector x) {
    real c = max(x);
    if (c == negative_infinity()) {
      return c;
    }
    return c + log(sum(exp(x - c)));
  }

  /**
   * Return the log density of a finite normal mixture at one point.
   *
   * @param y point
   * @param log_theta logarithms of the mixing proportions
   * @param mu locations of the components
   * @param sigma scales of the components
   * @return log of the sum over k of theta[k] * normal(y | mu[k], sigma[k])
   */
  real mixture_log_density(real y, vector log_theta, vector mu, vector sigma) {
    int K = num_elements(log_theta);
    vector[K] lps;
    for (k in 1 : K) {
      lps[k] = log_theta[k] + normal_log_density(y, mu[k], sigma[k]);
    }
    return log_sum_of_exponentials(lps);
  }
}
data {
  int<lower=1> K; // number of components
  int<lower=0> N; // number of distinct observations; 0 leaves the prior
  vector[N] y; // distinct observations
  array[N] int<lower=1> count; // how often each of them occurs
  vector<lower=0>[K] alpha; // Dirichlet concentrations of the proportions
  real<lower=0, upper=1.0 / K> min_weight; // floor under each proportion
  vector[K] mu_loc; // prior locations of the component locations
  vector<lower=0>[K] mu_scale; // prior scales of the component locations
  vector<lower=0>[K] sigma; // scales of the components
  int<lower=0> N_rep; // number of replicated observations for each draw
  int<lower=0, upper=1> save_log_lik; // 1: write log_lik for each draw
}
transformed data {
  real free_weight = 1 - K * min_weight;
  real width = ordering_width(y, count, mu_scale);
}
parameters {
  simplex[K] theta_raw; // shares of the weight that the floor leaves free
  vector[K] mu_raw; // locations before each is pushed above the one before
}
transformed parameters {
  // an affine map, so the Dirichlet prior needs no further Jacobian
  simplex[K] theta = min_weight + free_weight * theta_raw; // proportions
  vector[K] mu = push_apart(mu_raw, width); // increasing locations
}
model {
  vector[K] log_theta = log(theta);
  theta ~ dirichlet(alpha);
  mu ~ normal(mu_loc, mu_scale);
  target += push_apart_log_det(mu_raw, mu, width);
  for (n in 1 : N) {
    target += count[n] * mixture_log_density(y[n], log_theta, mu, sigma);
  }
}
generated quantities {
  vector[N_rep] y_rep; // replicated observations
  vector[save_log_lik ? N : 0] log_lik; // log density of each distinct y
  for (n in 1 : N_rep) {
    int k = categorical_rng(theta);
    y_rep[n] = normal_rng(mu[k], sigma[k]);
  }
  if (save_log_lik) {
    vector[K] log_theta = log(theta);
    for (n in 1 : N) {
      log_lik[n] = mixture_log_density(y[n], log_theta, mu, sigma);
    }
  }
}
