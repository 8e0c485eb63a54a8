/*
 * Finite mixture of Poisson components.
 *
 * The assignments are summed out, the means are ordered, no mixing proportion
 * is below min_weight, and the means are estimated or known. The order comes
 * of pushing the logarithms of free means apart. The first component may be
 * one that is always 0: zero inflation. The likelihood is found on the include
 * path: plain/ holds the one in Stan.
 */
functions {
  #include after_zero.stanfunctions
  #include log_ordering.stanfunctions
  #include push_apart.stanfunctions
  #include poisson.stanfunctions
}
data {
  int<lower=1> K; // number of components
  #include observations_data.stan
  array[N] int<lower=0> y; // distinct observations
  array[N_labelled] int<lower=0> y_labelled; // those of known components
  #include weights_data.stan
  #include means_data.stan
  #include outputs_data.stan
}
transformed data {
  real free_weight = 1 - K * min_weight;
  // one of the two is empty
  vector[N] times = append_row(to_vector(count), weight);
  real width = n_mu
               ? log_ordering_width(to_vector(append_array(y, y_labelled)),
                                    append_row(times, times_labelled),
                                    mu_shape)
               : 1;
  vector[N] y_real = to_vector(y);
  vector[N] log_factorial = lgamma(y_real + 1);
  vector[N_labelled] y_labelled_real = to_vector(y_labelled);
  vector[N_labelled] log_factorial_labelled = lgamma(y_labelled_real + 1);
  if (n_mu != 0 && n_mu != K - zero_inflated) {
    reject("n_mu must be 0 or ", K - zero_inflated, "; it is ", n_mu);
  }
  if (zero_inflated && n_mu && n_unnamed && min(unnamed) == 1) {
    reject("The component that is always 0 must not be among unnamed");
  }
}
parameters {
  simplex[K] theta_raw; // shares of the weight that the floor leaves free
  vector<lower=0>[n_mu] mu_raw; // means before they are ordered
}
transformed parameters {
  // an affine map, so the Dirichlet prior needs no further Jacobian
  simplex[K] theta = min_weight + free_weight * theta_raw; // proportions
  // means; those of unnamed components in order
  vector<lower=0>[n_mu ? K : 0] mu = after_zero(mu_raw, zero_inflated, 0);
  if (n_mu && n_unnamed > 1) {
    vector[n_unnamed] log_free = log(mu[unnamed]);
    mu[unnamed] = exp(push_apart(log_free, width));
  }
}
model {
  vector[K] log_theta = log(theta);
  vector[K] location = append_row(mu, mu_known);
  theta ~ dirichlet(alpha);
  if (n_mu) {
    vector[K] free_mu = after_zero(mu_raw, zero_inflated, 0);
    tail(mu, n_mu) ~ gamma(mu_shape, mu_rate);
    if (n_unnamed > 1) {
      vector[n_unnamed] log_free = log(free_mu[unnamed]);
      vector[n_unnamed] log_mu = log(mu[unnamed]);
      target += push_apart_log_det(log_free, log_mu, width);
      target += sum(log_mu) - sum(log_free);
    }
  }
  target += dot_product(times,
                        poisson_mixture_lpmfs(y_real, log_factorial,
                                              log_theta, location));
  if (N_labelled) {
    target += poisson_labelled_log_lik(y_labelled_real,
                                       log_factorial_labelled,
                                       times_labelled, label, log_theta,
                                       location);
  }
}
generated quantities {
  array[N_rep] int y_rep; // replicated observations
  vector[save_log_lik ? N : 0] log_lik; // log probability of each distinct y
  {
    vector[K] location = append_row(mu, mu_known);
    for (n in 1 : N_rep) {
      int k = categorical_rng(theta);
      y_rep[n] = location[k] > 0 ? poisson_rng(location[k]) : 0;
    }
    if (save_log_lik) {
      log_lik = poisson_mixture_lpmfs(y_real, log_factorial, log(theta),
                                      location);
    }
  }
}
