/*
 * Finite mixture of negative binomial components.
 *
 * The assignments are summed out, the means are ordered, no mixing proportion
 * is below min_weight, and means and precisions are estimated or known, the
 * latter for each component or for all together. The order comes of sorting
 * components that are free, all that each has with it, or of pushing the
 * logarithms of free means apart. The first component may be one that is
 * always 0: zero inflation. The likelihood is found on the include path:
 * plain/ holds the one in Stan.
 */
functions {
  #include after_zero.stanfunctions
  #include in_order.stanfunctions
  #include log_ordering.stanfunctions
  #include of_each.stanfunctions
  #include push_apart.stanfunctions
  #include negative_binomial.stanfunctions
}
data {
  int<lower=1> K; // number of components
  #include observations_data.stan
  array[N] int<lower=0> y; // distinct observations
  array[N_labelled] int<lower=0> y_labelled; // those of known components
  #include weights_data.stan
  int<lower=0, upper=1> sort_components; // 1: sort components; 0: push apart
  #include means_data.stan
  int<lower=0, upper=1> shared_phi; // 1: all components have one precision
  int<lower=0, upper=K> n_phi; // number of estimated precisions; 0: known
  vector<lower=0>[n_phi ? 0 : K] phi_known; // precisions, where known
  vector<lower=0>[n_phi] phi_shape; // prior shapes of the precisions
  vector<lower=0>[n_phi] phi_rate; // prior rates of the precisions
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
  if (n_mu != K - zero_inflated && (sort_components || n_mu != 0)) {
    reject("n_mu must be ", K - zero_inflated,
           ", or 0 if unsorted; it is ", n_mu);
  }
  if (sort_components && zero_inflated) {
    reject("Components cannot be sorted where one of them is always 0");
  }
  if (zero_inflated && n_mu && n_unnamed && min(unnamed) == 1) {
    reject("The component that is always 0 must not be among unnamed");
  }
  if (n_phi != 0 && n_phi != (shared_phi ? 1 : K - zero_inflated)) {
    reject("n_phi must be 0, ", K - zero_inflated,
           ", or 1 if shared; it is ", n_phi);
  }
}
parameters {
  simplex[K] theta_raw; // shares of the weight that the floor leaves free
  vector<lower=0>[n_mu] mu_raw; // means before they are ordered
  vector<lower=0>[n_phi] phi_raw; // precisions in that order, or of all
}
transformed parameters {
  // an affine map, so the Dirichlet prior needs no further Jacobian
  simplex[K] theta = min_weight + free_weight * theta_raw; // proportions
  // means; those of unnamed components in order
  vector<lower=0>[n_mu ? K : 0] mu = after_zero(mu_raw, zero_inflated, 0);
  // that of a component that is always 0 is of no account
  vector<lower=0>[shared_phi || !n_phi ? n_phi : K] phi
    = shared_phi ? phi_raw : after_zero(phi_raw, zero_inflated, 1);
  if (sort_components) {
    theta = in_order(theta, mu_raw, unnamed);
    mu = in_order(mu_raw, mu_raw, unnamed);
    phi = in_order(phi_raw, mu_raw, unnamed);
  } else if (n_mu && n_unnamed > 1) {
    vector[n_unnamed] log_free = log(mu[unnamed]);
    mu[unnamed] = exp(push_apart(log_free, width));
  }
}
model {
  vector[K] log_theta = log(theta);
  vector[K] location = append_row(mu, mu_known);
  vector[K] precision = of_each(phi, phi_known, K);
  theta ~ dirichlet(alpha);
  if (n_mu) {
    tail(mu, n_mu) ~ gamma(mu_shape, mu_rate);
    if (n_unnamed > 1 && !sort_components) {
      vector[K] free_mu = after_zero(mu_raw, zero_inflated, 0);
      vector[n_unnamed] log_free = log(free_mu[unnamed]);
      vector[n_unnamed] log_mu = log(mu[unnamed]);
      target += push_apart_log_det(log_free, log_mu, width);
      target += sum(log_mu) - sum(log_free);
    }
  }
  tail(phi, n_phi) ~ gamma(phi_shape, phi_rate);
  target += dot_product(times,
                        neg_binomial_2_mixture_lpmfs(y, log_theta, location,
                                                     precision));
  if (N_labelled) {
    target += neg_binomial_2_labelled_log_lik(y_labelled, times_labelled,
                                              label, log_theta, location,
                                              precision);
  }
}
generated quantities {
  array[N_rep] int y_rep; // replicated observations
  vector[save_log_lik ? N : 0] log_lik; // log probability of each distinct y
  {
    vector[K] location = append_row(mu, mu_known);
    vector[K] precision = of_each(phi, phi_known, K);
    for (n in 1 : N_rep) {
      int k = categorical_rng(theta);
      y_rep[n] = location[k] > 0
                 ? neg_binomial_2_rng(location[k], precision[k]) : 0;
    }
    if (save_log_lik) {
      log_lik = neg_binomial_2_mixture_lpmfs(y, log(theta), location,
                                             precision);
    }
  }
}
