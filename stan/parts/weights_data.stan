vector<lower=0>[K] alpha; // Dirichlet concentrations of the proportions
real<lower=0, upper=1.0 / K> min_weight; // floor under each proportion
