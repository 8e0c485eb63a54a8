/*
 * Finite mixture of multivariate normal components.
 *
 * The assignments are summed out, no mixing proportion is below min_weight,
 * and no standard deviation below its floor. Each component has a covariance
 * of its own, or all share one: of standard deviations and correlations, of
 * standard deviations alone, or of one standard deviation for all coordinates.
 * Nothing orders the components: what the draws call them is to be told
 * afterwards, but of those that labels of observations name. Of observations
 * that lack some coordinates these are integrated out: the others have the
 * means and the covariance of their own. The likelihood is found on the
 * include path: plain/ holds the one in Stan.
 */
functions {
  #include multivariate_normal_density.stanfunctions
  #include observed_coordinates.stanfunctions
  #include scale_prior.stanfunctions
  #include multivariate_normal.stanfunctions
  #include multivariate_normal_labelled.stanfunctions
}
data {
  int<lower=1> K; // number of components
  int<lower=1> D; // number of coordinates
  #include annotations_data.stan
  array[D] vector[N] y; // distinct observations, coordinate by coordinate
  array[D] vector[N_labelled] y_labelled; // those of known components
  int<lower=0> N_incomplete; // number of these that lack some coordinates
  int<lower=0> P; // number of patterns of what is observed in these
  array[P, D] int<lower=0, upper=1> observed; // 1: the coordinate is observed
  array[P] int<lower=1> N_pattern; // how many have each pattern, in turn
  array[D] vector[N_incomplete] y_incomplete; // what is not observed is 0
  array[N_incomplete] int<lower=0, upper=K> label_incomplete; // 0: not known
  vector<lower=0>[N_incomplete] times_incomplete; // counts or weights
  #include weights_data.stan
  vector[D] mu_loc; // prior locations of the means
  vector<lower=0>[D] mu_scale; // prior scales of the means
  int<lower=0, upper=1> shared; // 1: all components have one covariance
  int<lower=1, upper=D> S; // number of scales of each: D, or 1 for all
  int<lower=1, upper=3> sigma_prior; // half-t, inverse gamma or lognormal
  real<lower=0> sigma_df; // 1: half-Cauchy scales; infinity: half-normal
  vector<lower=0>[sigma_prior == 2 ? S : 0] sigma_shape; // inverse gamma
  vector[sigma_prior == 3 ? S : 0] sigma_loc; // locations of lognormals
  vector<lower=0>[S] sigma_scale; // prior scales of the scales
  vector<lower=0>[S] min_sigma; // floors under the scales
  int<lower=0, upper=1> correlated; // 1: coordinates are correlated
  real<lower=0> corr_eta; // shape of the LKJ prior of the correlations
  #include outputs_data.stan
}
transformed data {
  real free_weight = 1 - K * min_weight;
  // one of the two is empty
  vector[N] times = append_row(to_vector(count), weight);
  // moments of the observations that are of each component
  vector[K] times_of = rep_vector(0, K);
  array[K] vector[D] mean_labelled;
  array[K] matrix[D, D] scatter_labelled;
  int C = shared ? 1 : K; // number of covariances
  array[C] vector[S] floors = rep_array(min_sigma, C);
  array[P] int first; // of the observations of each pattern
  array[P] int last;
  for (p in 1 : P) {
    last[p] = sum(N_pattern[1 : p]);
    first[p] = last[p] - N_pattern[p] + 1;
    if (sum(observed[p]) == 0) {
      reject("observed[", p, "] must have a 1, and all of it are 0");
    }
  }
  for (k in 1 : K) {
    array[size(places_of(label, k))] int own = places_of(label, k);
    times_of[k] = sum(times_labelled[own]);
    if (times_of[k] > 0) {
      mean_labelled[k] = mean_of(y_labelled[ : , own], times_labelled[own]);
      scatter_labelled[k] = scatter_of(y_labelled[ : , own],
                                       times_labelled[own], mean_labelled[k]);
    }
  }
  if (sum(N_pattern) != N_incomplete) {
    reject("N_pattern must have the sum N_incomplete = ", N_incomplete,
           "; it is ", sum(N_pattern));
  }
  if (S != 1 && S != D) {
    reject("S must be 1 or D = ", D, "; it is ", S);
  }
}
parameters {
  simplex[K] theta_raw; // shares of the weight that the floor leaves free
  array[K] vector[D] mu; // means
  array[C] vector<lower=floors>[S] sigma; // scales
  array[correlated ? C : 0] cholesky_factor_corr[D] corr_root; // correlations
}
transformed parameters {
  // an affine map, so the Dirichlet prior needs no further Jacobian
  simplex[K] theta = min_weight + free_weight * theta_raw; // proportions
}
model {
  vector[K] log_theta = log(theta);
  array[C] matrix[D, D] root = covariance_roots(sigma, corr_root, D);
  theta ~ dirichlet(alpha);
  for (k in 1 : K) {
    mu[k] ~ normal(mu_loc, mu_scale);
  }
  for (c in 1 : C) {
    sigma[c] ~ scale_prior(sigma_prior, sigma_df, sigma_shape, sigma_loc,
                           sigma_scale);
  }
  for (c in 1 : size(corr_root)) {
    corr_root[c] ~ lkj_corr_cholesky(corr_eta);
  }
  target += multivariate_normal_mixture_log_lik(y, times, log_theta, mu,
                                                root);
  for (k in 1 : K) {
    if (times_of[k] > 0) {
      target += multivariate_normal_moments_log_lik(times_of[k],
                                                    mean_labelled[k],
                                                    scatter_labelled[k],
                                                    log_theta[k], mu[k],
                                                    root[shared ? 1 : k]);
    }
  }
  for (p in 1 : P) {
    array[sum(observed[p])] int at = observed_coordinates(observed[p]);
    array[K] vector[size(at)] mu_at = means_at(mu, at);
    array[C] matrix[size(at), size(at)] root_at = roots_at(root, at);
    target += multivariate_normal_labelled_log_lik(
                y_incomplete[at, first[p] : last[p]],
                times_incomplete[first[p] : last[p]],
                label_incomplete[first[p] : last[p]], log_theta, mu_at,
                root_at);
  }
}
generated quantities {
  array[correlated ? C : 0] matrix[D, D] corr; // correlations
  array[N_rep] vector[D] y_rep; // replicated observations
  // log density of each distinct y, then of those that lack coordinates
  vector[save_log_lik ? N + N_incomplete : 0] log_lik;
  for (c in 1 : size(corr)) {
    corr[c] = multiply_lower_tri_self_transpose(corr_root[c]);
  }
  {
    vector[K] log_theta = log(theta);
    array[C] matrix[D, D] root = covariance_roots(sigma, corr_root, D);
    for (n in 1 : N_rep) {
      int k = categorical_rng(theta);
      y_rep[n] = multi_normal_cholesky_rng(mu[k], root[shared ? 1 : k]);
    }
    if (save_log_lik) {
      for (n in 1 : N) {
        vector[D] point = to_vector(y[ : , n]);
        log_lik[n] = multivariate_normal_mixture_log_density(point, log_theta,
                                                             mu, root);
      }
      for (p in 1 : P) {
        array[sum(observed[p])] int at = observed_coordinates(observed[p]);
        array[K] vector[size(at)] mu_at = means_at(mu, at);
        array[C] matrix[size(at), size(at)] root_at = roots_at(root, at);
        for (n in first[p] : last[p]) {
          vector[size(at)] point = to_vector(y_incomplete[at, n]);
          log_lik[N + n] = multivariate_normal_labelled_log_density(
                             point, label_incomplete[n], log_theta, mu_at,
                             root_at);
        }
      }
    }
  }
}
