int<lower=0, upper=1> zero_inflated; // 1: the first component is always 0
int<lower=0, upper=K> n_mu; // number of estimated means: 0 where known
vector<lower=0>[n_mu ? 0 : K] mu_known; // means, where known
vector<lower=0>[n_mu] mu_shape; // prior shapes of the means
vector<lower=0>[n_mu] mu_rate; // prior rates of the means
