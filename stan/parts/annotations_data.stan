int<lower=0> N; // number of distinct observations; 0 leaves the prior
int<lower=0, upper=1> weighted; // 1: observations have weights; 0: counts
array[weighted ? 0 : N] int<lower=1> count; // how often each of them occurs
vector<lower=0>[weighted ? N : 0] weight; // powers of their densities
int<lower=0> N_labelled; // number of distinct pairs of observation and label
array[N_labelled] int<lower=1, upper=K> label; // the component of each
vector<lower=0>[N_labelled] times_labelled; // counts or weights of these
