#include annotations_data.stan
int<lower=0, upper=K> n_unnamed; // number of components that no label names
array[n_unnamed] int<lower=1, upper=K> unnamed; // these; K of K without labels
