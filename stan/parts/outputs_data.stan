int<lower=0> N_rep; // number of replicated observations for each draw
int<lower=0, upper=1> save_log_lik; // 1: write log_lik for each draw
