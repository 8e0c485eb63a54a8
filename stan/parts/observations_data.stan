int<lower=0> N; // number of distinct observations; 0 leaves the prior
vector[N] y; // distinct observations
int<lower=0, upper=1> weighted; // 1: observations have weights; 0: counts
array[weighted ? 0 : N] int<lower=1> count; // how often each of them occurs
vector<lower=0>[weighted ? N : 0] weight; // powers of their densities
