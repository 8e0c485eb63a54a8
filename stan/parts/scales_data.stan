int<lower=0, upper=1> shared_sigma; // 1: all components have one scale
int<lower=0, upper=K> n_sigma; // number of estimated scales
// known scales, 0 where one is estimated; none where all are
vector<lower=0>[n_sigma == (shared_sigma ? 1 : K) ? 0 : K] sigma_known;
int<lower=1, upper=3> sigma_prior; // half-t, inverse gamma or lognormal
real<lower=0> sigma_df; // 1: half-Cauchy scales; infinity: half-normal
vector<lower=0>[sigma_prior == 2 ? n_sigma : 0] sigma_shape; // inverse gamma
vector[sigma_prior == 3 ? n_sigma : 0] sigma_loc; // locations of lognormals
vector<lower=0>[n_sigma] sigma_scale; // prior scales of the scales
real<lower=0> min_sigma; // floor under each estimated scale
