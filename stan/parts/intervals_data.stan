int<lower=0> N_interval; // number of distinct intervals; 0 for none
vector[N_interval] y_lower; // their lower bounds, perhaps negative infinity
vector[N_interval] y_upper; // their upper bounds, perhaps infinity
array[N_interval] int<lower=0, upper=K> label_interval; // components, or 0
vector<lower=0>[N_interval] times_interval; // counts or weights of these
