/*
 * Finite normal mixture with known scales as the Stan User's Guide has it:
 * the assignments are summed out by log_sum_exp.
 */
data {
  int<lower=1> K; // number of components
  int<lower=0> N; // number of observations
  vector[N] y; // observations
  vector<lower=0>[K] alpha; // Dirichlet concentrations of the proportions
  vector[K] mu_loc; // prior locations of the component locations
  vector<lower=0>[K] mu_scale; // prior scales of the component locations
  vector<lower=0>[K] sigma; // scales of the components
}
parameters {
  simplex[K] theta; // mixing proportions
  ordered[K] mu; // locations of the components
}
model {
  vector[K] log_theta = log(theta);
  theta ~ dirichlet(alpha);
  mu ~ normal(mu_loc, mu_scale);
  for (n in 1 : N) {
    vector[K] lps = log_theta;
    for (k in 1 : K) {
      lps[k] += normal_lpdf(y[n] | mu[k], sigma[k]);
    }
    target += log_sum_exp(lps);
  }
}
generated quantities {
  vector[N] y_rep; // replicated observations
  vector[N] log_lik; // log density of each observation
  {
    vector[K] log_theta = log(theta);
    for (n in 1 : N) {
      int z = categorical_rng(theta);
      vector[K] lps = log_theta;
      y_rep[n] = normal_rng(mu[z], sigma[z]);
      for (k in 1 : K) {
        lps[k] += normal_lpdf(y[n] | mu[k], sigma[k]);
      }
      log_lik[n] = log_sum_exp(lps);
    }
  }
}
