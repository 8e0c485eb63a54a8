/*
 * Random-walk Metropolis steps of populations of parameters, and the likelihood
 * of many parameters: C++ in the place of ../annealing/moves.py and of
 * mixtures/density.py, which say what is computed.
 *
 * One draw moves at a time, whose densities of all observations stay near the
 * processor. Loops over observations are plain, so that the compiler makes them
 * as wide as the processor that a function is for. Neither libraries nor
 * exceptions are used, and nothing is kept between calls.
 */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "components.hpp"
#include "elementary.hpp"
#include "model.hpp"
#include "priors.hpp"

namespace {

/** Find weights, and the logarithms of their shares of what is free. */
void find_weights(const Model& model, const double* log_gamma, double* theta,
                  double* log_share) {
  double largest = log_gamma[0], total = 0;
  for (int k = 1; k < model.K; ++k) {
    largest = log_gamma[k] > largest ? log_gamma[k] : largest;
  }
  for (int k = 0; k < model.K; ++k) {
    total += exp(log_gamma[k] - largest);
  }
  const double log_total = largest + log(total);
  for (int k = 0; k < model.K; ++k) {
    log_share[k] = log_gamma[k] - log_total;
    theta[k] = model.min_weight
               + (1.0 - model.K * model.min_weight) * exp(log_share[k]);
  }
}

/** Return how many values of a component move together. */
int features(const Model& model) {
  int F = 1;
  for (int p = 0; p < model.parameters; ++p) {
    F += model.each[p].role == own ? model.each[p].elements : 0;
  }
  return F;
}

/** Return whether the model's prior over that at the start differs by place. */
bool is_ratio_to_be_found(const Model& model) {
  bool differ = model.min_weight > 0;
  for (int k = 0; k < model.K; ++k) {
    differ = differ || model.alpha[k] != model.concentration;
  }
  for (int p = 0; model.family != multivariate_normal && p < model.parameters;
       ++p) {
    differ = differ || model.each[p].priors > 1;
  }
  return differ;
}

/** What is worked with while one draw moves. */
struct Room {
  double* theta;
  double* log_share;
  double* new_theta;
  double* new_log_share;
  double* new_log_gamma;
  double** densities;
  double** new_densities;
  Component* components;
  Component* new_components;
  int* order;
  int* place;
};

/** One draw on its way. */
struct Draw {
  const Model& model;
  const Kernels& kernels;
  const double power;
  const int64_t row;
  double* const log_weights;  // of gammas; in mixture, of weights
  double& log_ratio;
  const bool differ;  // whether the prior over that at the start does
  Room room;
  Random random;

  /** Return the free values of a parameter of component k. */
  double* free_values(const Parameter& parameter, int k) const {
    return parameter.values
           + (parameter.role == own ? row * model.K + k : row)
                 * parameter.elements;
  }

  /** Return component k, after steps of its free values. */
  Component at(int k, const double* steps) const {
    double values[most_values];
    for (int p = 0, v = 0; p < model.parameters; ++p) {
      const Parameter& parameter = model.each[p];
      if (parameter.role == known) {
        for (int e = 0; e < parameter.elements; ++e) {
          values[v++] = parameter.values[k];
        }
        continue;
      }
      const double* free = free_values(parameter, k);
      for (int e = 0; e < parameter.elements; ++e, ++v) {
        values[v] = value_of(parameter, e, free[e] + steps[v]);
      }
    }
    return model.family == multivariate_normal
               ? component_of_vectors(model, values)
               : component_of_numbers(model.family, values);
  }

  /** Return the log density of a parameter at the start, after steps. */
  double log_start_at(const Parameter& parameter, int k,
                      const double* steps) const {
    double values[most_values];
    const double* free = free_values(parameter, k);
    for (int e = 0; e < parameter.elements; ++e) {
      values[e] = free[e] + steps[e];
    }
    return log_start(model, parameter, values);
  }

  /** Take steps of the free values of a parameter of component k. */
  void add_steps(const Parameter& parameter, int k, const double* steps) const {
    double* const free = free_values(parameter, k);
    for (int e = 0; e < parameter.elements; ++e) {
      free[e] += steps[e];
    }
  }

  /** Return where a parameter's values are among all of a component. */
  int first_value(int p) const {
    int v = 0;
    for (int q = 0; q < p; ++q) {
      v += model.each[q].elements;
    }
    return v;
  }

  /** Return the length of a step, relative to the spread of what moves. */
  double length() {
    return pow(10.0, model.shortest
                         + (model.longest - model.shortest)
                               * random.uniform());
  }

  /** Return whether to take a step, by Metropolis. */
  bool is_taken(double gain, double new_log_ratio) {
    return log(random.uniform()) < gain + power * (new_log_ratio - log_ratio);
  }

  /** Find the places of components in the order of their locations. */
  void find_places(const Component* components) {
    for (int k = 0; k < model.K; ++k) {
      room.place[k] = 0;
      for (int j = 0; j < model.K; ++j) {
        room.place[k] += components[j].mu < components[k].mu
                         || (j < k && components[j].mu == components[k].mu);
      }
    }
  }

  /**
   * Return the log likelihood and the log of the prior over that at the start,
   * after steps of the free values of component k.
   */
  double log_ratio_at(const Component* components, const double* theta,
                      const double* log_share, const double* const* densities,
                      int moved, const double* steps) {
    double total
        = model.log_ratio
          + kernels.log_likelihood({model, components, theta}, densities);
    if (!differ) {
      return total;
    }
    find_places(components);
    for (int k = 0; k < model.K; ++k) {
      total += (model.alpha[room.place[k]] - 1.0) * log(theta[k])
               - (model.concentration - 1.0) * log_share[k];
    }
    // of numbers a parameter has one step; vectors have the same priors
    for (int p = 0;
         model.family != multivariate_normal && p < model.parameters; ++p) {
      const Parameter& parameter = model.each[p];
      for (int k = 0; parameter.priors > 1 && k < model.K; ++k) {
        const double free
            = *free_values(parameter, k) + (k == moved ? steps[p] : 0.0);
        total += log_prior_of(parameter, room.place[k], 0, free)
                 - log_start(model, parameter, &free);
      }
    }
    return total;
  }

  /** Find the densities of all observations under all components. */
  void find_densities() {
    const double steps[most_values] = {0};
    for (int k = 0; k < model.K; ++k) {
      room.components[k] = at(k, steps);
      kernels.find_densities(model, room.components[k], room.densities[k]);
    }
  }

  /** Return the mixture of logarithms of weights, all densities found. */
  Mixture mixture() {
    for (int k = 0; k < model.K; ++k) {
      room.theta[k] = exp(log_weights[k]);
    }
    find_densities();
    return {model, room.components, room.theta};
  }

  /** Make ready for moves, of logarithms of gammas. */
  void begin() {
    find_weights(model, log_weights, room.theta, room.log_share);
    find_densities();
  }

  /** Take a step of one component, as long as some component's spread. */
  void move_component(int k, const double* roots) {
    const int K = model.K;
    const int F = features(model);
    double step[most_features], noise[most_features];
    const double* root = roots + random.below(K) * F * F;
    const double far = length();
    for (int f = 0; f < F; ++f) {
      noise[f] = random.normal();
      step[f] = 0;
      for (int g = 0; g <= f; ++g) {
        step[f] += far * root[f * F + g] * noise[g];
      }
    }
    double steps[most_values] = {0};
    double gain = 0;
    for (int p = 0, f = 0, v = 0; p < model.parameters; ++p) {
      const Parameter& parameter = model.each[p];
      if (parameter.role == own) {
        memcpy(steps + v, step + f, parameter.elements * sizeof(double));
        gain += log_start_at(parameter, k, steps + v)
                - log_start(model, parameter, free_values(parameter, k));
        f += parameter.elements;
      }
      v += parameter.elements;
    }
    const double grown = log_weights[k] + step[F - 1];
    gain += model.concentration * step[F - 1] - exp(grown)
            + exp(log_weights[k]);
    memcpy(room.new_log_gamma, log_weights, K * sizeof(double));
    room.new_log_gamma[k] = grown;
    find_weights(model, room.new_log_gamma, room.new_theta,
                 room.new_log_share);
    const Component was = room.components[k];
    room.components[k] = at(k, steps);
    kernels.find_densities(model, room.components[k], room.new_densities[k]);
    exchange(room.densities[k], room.new_densities[k]);
    const double new_log_ratio
        = log_ratio_at(room.components, room.new_theta, room.new_log_share,
                       room.densities, k, steps);
    if (!is_taken(gain, new_log_ratio)) {
      exchange(room.densities[k], room.new_densities[k]);
      room.components[k] = was;
      return;
    }
    for (int p = 0, v = 0; p < model.parameters; ++p) {
      if (model.each[p].role == own) {
        add_steps(model.each[p], k, steps + v);
      }
      v += model.each[p].elements;
    }
    log_weights[k] = grown;
    log_ratio = new_log_ratio;
    exchange(room.theta, room.new_theta);
    exchange(room.log_share, room.new_log_share);
  }

  /** Take a step of what all components share. */
  void move_shared(int p) {
    const Parameter& parameter = model.each[p];
    double steps[most_values] = {0};
    double* const its_own = steps + first_value(p);
    const double far = length();
    for (int e = 0; e < parameter.elements; ++e) {
      its_own[e] = parameter.spread[e] * far * random.normal();
    }
    const double gain
        = log_start_at(parameter, 0, its_own)
          - log_start(model, parameter, free_values(parameter, 0));
    for (int k = 0; k < model.K; ++k) {
      room.new_components[k] = at(k, steps);
      kernels.find_densities(model, room.new_components[k],
                             room.new_densities[k]);
    }
    // what all share has one prior
    const double new_log_ratio
        = log_ratio_at(room.new_components, room.theta, room.log_share,
                       room.new_densities, nobody, steps);
    if (is_taken(gain, new_log_ratio)) {
      add_steps(parameter, 0, its_own);
      log_ratio = new_log_ratio;
      exchange(room.components, room.new_components);
      exchange(room.densities, room.new_densities);
    }
  }

  /** Move each component, in random order, and what all share, once. */
  void sweep(const double* roots) {
    for (int k = 0; k < model.K; ++k) {
      room.order[k] = k;
    }
    for (int k = model.K - 1; k > 0; --k) {
      exchange(room.order[k], room.order[random.below(k + 1)]);
    }
    for (int k = 0; k < model.K; ++k) {
      move_component(room.order[k], roots);
    }
    for (int p = 0; p < model.parameters; ++p) {
      if (model.each[p].role == shared) {
        move_shared(p);
      }
    }
  }
};

/** What a call is given. */
struct Call {
  const Model& model;
  int64_t rows;
  double power;
  int sweeps;
  uint64_t seed;
  const double* roots;
  double* log_weights;  // logarithms of gammas, or of weights
  double* results;      // log ratios, log likelihoods, or log densities
  bool each;            // whether the results are those of each observation
};

/** Move all draws; without sweeps, find log likelihoods or densities. */
void all_rows(const Call& call, const Room& room) {
  const Kernels kernels = best_kernels();
  const int K = call.model.K;
  const bool differ = is_ratio_to_be_found(call.model);
  for (int64_t row = 0; row < call.rows; ++row) {
    double* const log_weights = call.log_weights + row * K;
    Draw draw{call.model,        kernels, call.power, row, log_weights,
              call.results[row], differ,  room,
              Random(call.seed + row)};
    if (call.sweeps > 0) {
      draw.begin();
    } else if (call.each) {
      kernels.find_each(draw.mixture(), room.densities,
                        call.results + row * call.model.N);
    } else {
      call.results[row]
          = kernels.log_likelihood(draw.mixture(), room.densities);
    }
    for (int sweep = 0; sweep < call.sweeps; ++sweep) {
      draw.sweep(call.roots);
    }
  }
}

/** Find room, and do what is asked. Returns 0, or 1 where memory is short. */
int with_room(const Call& call) {
  const int64_t K = call.model.K, N = call.model.N;
  double* numbers = (double*)malloc((5 * K + 2 * K * N) * sizeof(double));
  double** pointers = (double**)malloc(2 * K * sizeof(double*));
  Component* components = (Component*)malloc(2 * K * sizeof(Component));
  int* order = (int*)malloc(2 * K * sizeof(int));
  const bool enough = numbers && pointers && components && order;
  if (enough) {
    for (int64_t k = 0; k < 2 * K; ++k) {
      pointers[k] = numbers + 5 * K + k * N;
    }
    all_rows(call, {numbers, numbers + K, numbers + 2 * K, numbers + 3 * K,
                     numbers + 4 * K, pointers, pointers + K, components,
                     components + K, order, order + K});
  }
  free(numbers);
  free(pointers);
  free(components);
  free(order);
  return enough ? 0 : 1;
}

}  // namespace

extern "C" {

/**
 * Move draws by so many sweeps, at a power of the ratio of the posterior to
 * the density at the start.
 *
 * @param model what the draws are of; its free values are written over
 * @param rows number of draws R
 * @param power the power
 * @param sweeps 1 or more
 * @param seed of the random numbers
 * @param roots lower triangular roots of the covariances of components, K
 * @param log_gamma of shape (R, K), written over
 * @param log_ratio of each draw, written over
 * @return 0, or 1 where memory is short
 */
int move(const Model* model, int64_t rows, double power, int32_t sweeps,
         uint64_t seed, const double* roots, double* log_gamma,
         double* log_ratio) {
  return with_room(
      {*model, rows, power, sweeps, seed, roots, log_gamma, log_ratio, false});
}

/**
 * Find log likelihoods.
 *
 * @param model its parameters on the real line have the values themselves
 * @param rows number of draws S
 * @param log_theta of shape (S, K)
 * @param log_lik of each draw, written over
 * @return 0, or 1 where memory is short
 */
int log_likelihoods(const Model* model, int64_t rows, double* log_theta,
                    double* log_lik) {
  return with_room(
      {*model, rows, 0.0, 0, 0, nullptr, log_theta, log_lik, false});
}

/**
 * Find the log density of each observation under each draw.
 *
 * @param model, rows, log_theta as in `log_likelihoods`
 * @param log_density of shape (S, N), written over
 * @return 0, or 1 where memory is short
 */
int log_densities(const Model* model, int64_t rows, double* log_theta,
                  double* log_density) {
  return with_room(
      {*model, rows, 0.0, 0, 0, nullptr, log_theta, log_density, true});
}

/** Return the size of what is passed, to check that both sides agree. */
int64_t model_size() { return sizeof(Model); }

}  // extern "C"
