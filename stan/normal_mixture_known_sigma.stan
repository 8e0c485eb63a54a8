/*
 * Finite normal mixture with known scales.
 *
 * The assignments are summed out, the locations are ordered, and no mixing
 * proportion is below min_weight. The likelihood is found on the include
 * path: functions/ holds the one in Stan.
 */
functions {
  #include densities.stanfunctions
  #include ordering.stanfunctions
  #include normal_mixture.stanfunctions
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
  target += normal_mixture_log_lik(y, count, log_theta, mu, sigma);
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
      log_lik[n] = normal_mixture_log_density(y[n], log_theta, mu, sigma);
    }
  }
}
