/*
 * Finite mixture of normal components.
 *
 * The assignments are summed out, the locations are ordered, no mixing
 * proportion is below min_weight, and the scales are estimated, none below
 * min_sigma, for each component or for all together, or known. The order comes
 * of sorting components that are free, all that each has with it, or of
 * pushing free locations apart. The likelihood is found on the include path:
 * plain/ holds the one in Stan.
 */
functions {
  #include normal_density.stanfunctions
  #include filled.stanfunctions
  #include in_order.stanfunctions
  #include interval_points.stanfunctions
  #include normal_interval.stanfunctions
  #include of_each.stanfunctions
  #include ordering.stanfunctions
  #include push_apart.stanfunctions
  #include scale_prior.stanfunctions
  #include normal.stanfunctions
}
data {
  int<lower=1> K; // number of components
  #include observations_data.stan
  vector[N] y; // distinct observations
  vector[N_labelled] y_labelled; // observations whose components are known
  #include intervals_data.stan
  #include weights_data.stan
  int<lower=0, upper=1> sort_components; // 1: sort components; 0: push apart
  #include locations_data.stan
  #include scales_data.stan
  #include outputs_data.stan
}
transformed data {
  real free_weight = 1 - K * min_weight;
  // one of the two is empty
  vector[N] times = append_row(to_vector(count), weight);
  real width = n_mu
               ? ordering_width(append_row(append_row(y, y_labelled),
                                           interval_points(y_lower, y_upper)),
                                append_row(append_row(times, times_labelled),
                                           times_interval), mu_scale)
               : 1;
  if (n_mu != (sort_components ? K : 0) && n_mu != K) {
    reject("n_mu must be K = ", K, ", or 0 if unsorted; it is ", n_mu);
  }
  int n_sigma_known = number_known(sigma_known);
  if (n_sigma + n_sigma_known != (shared_sigma ? 1 : K)) {
    reject("n_sigma must be how many scales are not known; it is ", n_sigma);
  }
  if (sort_components && n_sigma && n_sigma_known) {
    reject("Components cannot be sorted where some of their scales are known");
  }
}
parameters {
  simplex[K] theta_raw; // shares of the weight that the floor leaves free
  vector[n_mu] mu_raw; // locations before they are ordered
  vector<lower=min_sigma>[n_sigma] sigma_raw; // scales in that order, or one
}
transformed parameters {
  // an affine map, so the Dirichlet prior needs no further Jacobian
  simplex[K] theta = min_weight + free_weight * theta_raw; // proportions
  vector[n_mu] mu = mu_raw; // locations; those of unnamed components in order
  vector<lower=0>[n_sigma && !shared_sigma ? K : n_sigma] sigma
    = filled(sigma_raw, sigma_known); // scales
  if (sort_components) {
    theta = in_order(theta, mu_raw, unnamed);
    mu = in_order(mu_raw, mu_raw, unnamed);
    sigma = in_order(sigma_raw, mu_raw, unnamed);
  } else if (n_mu && n_unnamed > 1) {
    vector[n_unnamed] free = mu_raw[unnamed];
    mu[unnamed] = push_apart(free, width);
  }
}
model {
  vector[K] log_theta = log(theta);
  theta ~ dirichlet(alpha);
  mu ~ normal(mu_loc, mu_scale);
  if (n_mu && n_unnamed > 1 && !sort_components) {
    vector[n_unnamed] free = mu_raw[unnamed];
    vector[n_unnamed] pushed = mu[unnamed];
    target += push_apart_log_det(free, pushed, width);
  }
  if (n_sigma) {
    vector[n_sigma] own = sigma_raw;
    if (sort_components) {
      own = sigma;
    }
    own ~ scale_prior(sigma_prior, sigma_df, sigma_shape, sigma_loc,
                      sigma_scale);
  }
  // what is known comes as data, which have no gradient
  if (n_mu == 0) {
    vector[K] scale = of_each(sigma, sigma_known, K);
    target += normal_mixture_log_lik(y, count, weight, log_theta, mu_known,
                                     scale);
  } else if (n_sigma) {
    vector[K] scale = of_each(sigma, sigma_known, K);
    target += normal_mixture_log_lik(y, count, weight, log_theta, mu, scale);
  } else {
    target += normal_mixture_log_lik(y, count, weight, log_theta, mu,
                                     sigma_known);
  }
  if (N_labelled) {
    vector[K] location = of_each(mu, mu_known, K);
    vector[K] scale = of_each(sigma, sigma_known, K);
    target += normal_labelled_log_lik(y_labelled, times_labelled, label,
                                      log_theta, location, scale);
  }
  if (N_interval) {
    vector[K] location = of_each(mu, mu_known, K);
    vector[K] scale = of_each(sigma, sigma_known, K);
    target += normal_interval_log_lik(y_lower, y_upper, label_interval,
                                      times_interval, log_theta, location,
                                      scale);
  }
}
generated quantities {
  vector[N_rep] y_rep; // replicated observations
  // log density of each distinct y, then log probability of each interval
  vector[save_log_lik ? N + N_interval : 0] log_lik;
  {
    vector[K] log_theta = log(theta);
    vector[K] location = of_each(mu, mu_known, K);
    vector[K] scale = of_each(sigma, sigma_known, K);
    for (n in 1 : N_rep) {
      int k = categorical_rng(theta);
      y_rep[n] = normal_rng(location[k], scale[k]);
    }
    if (save_log_lik) {
      for (n in 1 : N) {
        log_lik[n] = normal_mixture_log_density(y[n], log_theta, location,
                                                scale);
      }
      if (N_interval) {
        log_lik[N + 1 : ] = interval_log_probs(y_lower, y_upper,
                                               label_interval, log_theta,
                                               location, scale);
      }
    }
  }
}
