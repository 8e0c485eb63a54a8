int<lower=0, upper=K> n_mu; // number of estimated locations: K or 0
vector[n_mu ? 0 : K] mu_known; // locations, where known
vector[n_mu] mu_loc; // prior locations of the component locations
vector<lower=0>[n_mu] mu_scale; // prior scales of the component locations
