/*
 * Finite mixture of Student-t components.
 *
 * The assignments are summed out, the locations are ordered, no mixing
 * proportion is below min_weight, and scales and degrees of freedom are
 * estimated or known, for each component or for all together. The order
 * comes of sorting components that are free, all that each has with it, or
 * of pushing free locations apart.
 */
functions {
  #include filled.stanfunctions
  #include in_order.stanfunctions
  #include interval_points.stanfunctions
  #include of_each.stanfunctions
  #include ordering.stanfunctions
  #include push_apart.stanfunctions
  #include scale_prior.stanfunctions
  #include student_t_interval.stanfunctions
  /**
   * Return the log density of a finite Student-t mixture at each of some
   * points, with the assignments to components summed out.
   *
   * @param y points
   * @param log_theta logarithms of the mixing proportions
   * @param mu locations of the components
   * @param sigma scales of the components
   * @param df degrees of freedom of the components
   * @return log of the sum over k of
   *   theta[k] * student_t(y | df[k], mu[k], sigma[k])
   */
  vector student_t_mixture_lpdfs(vector y, vector log_theta, vector mu,
                                 vector sigma, vector df) {
    int N = num_elements(y);
    int K = num_elements(log_theta);
    matrix[N, K] lps;
    vector[N] log_density;
    for (k in 1 : K) {
      real spread = df[k] * square(sigma[k]);
      real log_peak = log_theta[k] + lgamma(0.5 * (df[k] + 1))
                      - lgamma(0.5 * df[k]) - 0.5 * log(pi() * spread);
      lps[ : , k] = log_peak
                    - 0.5 * (df[k] + 1) * log1p(square(y - mu[k]) / spread);
    }
    for (n in 1 : N) {
      log_density[n] = log_sum_exp(lps[n]);
    }
    return log_density;
  }

  /**
   * Return the log density of points whose components are known, and of
   * these.
   *
   * @param y points
   * @param times how often each occurs, or its weight
   * @param label components of the points
   * @param log_theta logarithms of the mixing proportions
   * @param mu locations of the components
   * @param sigma scales of the components
   * @param df degrees of freedom of the components
   * @return sum over n, with k = label[n], of times[n] times
   *   log_theta[k] + student_t_lpdf(y[n] | df[k], mu[k], sigma[k])
   */
  real student_t_labelled_log_lik(vector y, vector times,
                                  array[] int label, vector log_theta,
                                  vector mu, vector sigma, vector df) {
    vector[num_elements(df)] spread = df .* square(sigma);
    vector[num_elements(df)] log_peak = log_theta + lgamma(0.5 * (df + 1))
                                        - lgamma(0.5 * df)
                                        - 0.5 * log(pi() * spread);
    vector[num_elements(y)] squares = square(y - mu[label]) ./ spread[label];
    return dot_product(times,
                       log_peak[label]
                       - 0.5 * (df[label] + 1) .* log1p(squares));
  }
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
  int<lower=0, upper=K> n_df; // number of estimated df: K, 1 for all, or 0
  vector<lower=0>[n_df ? 0 : K] df_known; // degrees of freedom, where known
  vector<lower=0>[n_df] df_shape; // prior shapes of the degrees of freedom
  vector<lower=0>[n_df] df_rate; // prior rates of the degrees of freedom
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
  if (n_df != 0 && n_df != 1 && n_df != K) {
    reject("n_df must be 0, 1 or K = ", K, "; it is ", n_df);
  }
}
parameters {
  simplex[K] theta_raw; // shares of the weight that the floor leaves free
  vector[n_mu] mu_raw; // locations before they are ordered
  vector<lower=min_sigma>[n_sigma] sigma_raw; // scales in that order, or one
  vector<lower=0>[n_df] df_raw; // degrees of freedom in that order, or of all
}
transformed parameters {
  // an affine map, so the Dirichlet prior needs no further Jacobian
  simplex[K] theta = min_weight + free_weight * theta_raw; // proportions
  vector[n_mu] mu = mu_raw; // locations; those of unnamed components in order
  vector<lower=0>[n_sigma && !shared_sigma ? K : n_sigma] sigma
    = filled(sigma_raw, sigma_known); // scales
  vector<lower=0>[n_df] df = df_raw; // degrees of freedom
  if (sort_components) {
    theta = in_order(theta, mu_raw, unnamed);
    mu = in_order(mu_raw, mu_raw, unnamed);
    sigma = in_order(sigma_raw, mu_raw, unnamed);
    df = in_order(df_raw, mu_raw, unnamed);
  } else if (n_mu && n_unnamed > 1) {
    vector[n_unnamed] free = mu_raw[unnamed];
    mu[unnamed] = push_apart(free, width);
  }
}
model {
  vector[K] log_theta = log(theta);
  vector[K] location = of_each(mu, mu_known, K);
  vector[K] scale = of_each(sigma, sigma_known, K);
  vector[K] nu = of_each(df, df_known, K);
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
  df ~ gamma(df_shape, df_rate);
  target += dot_product(times,
                        student_t_mixture_lpdfs(y, log_theta, location,
                                                scale, nu));
  if (N_labelled) {
    target += student_t_labelled_log_lik(y_labelled, times_labelled, label,
                                         log_theta, location, scale, nu);
  }
  if (N_interval) {
    vector[N_interval] log_prob;
    log_prob = interval_log_probs(y_lower, y_upper, label_interval,
                                  log_theta, location, scale, nu);
    target += dot_product(times_interval, log_prob);
  }
}
generated quantities {
  vector[N_rep] y_rep; // replicated observations
  // log density of each distinct y, then log probability of each interval
  vector[save_log_lik ? N + N_interval : 0] log_lik;
  {
    vector[K] location = of_each(mu, mu_known, K);
    vector[K] scale = of_each(sigma, sigma_known, K);
    vector[K] nu = of_each(df, df_known, K);
    for (n in 1 : N_rep) {
      int k = categorical_rng(theta);
      y_rep[n] = student_t_rng(nu[k], location[k], scale[k]);
    }
    if (save_log_lik) {
      vector[K] log_theta = log(theta);
      vector[N_interval] log_prob;
      log_prob = interval_log_probs(y_lower, y_upper, label_interval,
                                    log_theta, location, scale, nu);
      log_lik = append_row(student_t_mixture_lpdfs(y, log_theta, location,
                                                   scale, nu), log_prob);
    }
  }
}
