/*
 * A model and its observations, as Python passes them: library.py has the same.
 */
#ifndef PYSTAN_MIX_MODEL_HPP
#define PYSTAN_MIX_MODEL_HPP

#include <stdint.h>

namespace {

// parameters of a component, at most: location, scale, and degrees of freedom
// or correlations
constexpr int most_parameters = 3;
// coordinates of a vector, and elements of the lower triangle of a matrix
constexpr int most_dims = 8;
constexpr int most_triangle = most_dims * (most_dims + 1) / 2;
// numbers that the parameters of one component have
constexpr int most_values = 2 * most_dims + most_dims * most_dims;
// of one component that move together: those, and the logarithm of a gamma
constexpr int most_features = most_values + 1;
// added to a density: of no account, but its logarithm is finite
constexpr double no_density = 1e-300;
// a density below it has lost digits
constexpr double least_density = 1e-280;
// observations that are worked on at a time
constexpr int block = 256;
// in the place of a component's number, where none moves by itself
constexpr int nobody = -1;

}  // namespace

extern "C" {

// what the components are
enum Family { normal, student_t, multivariate_normal };

// where a parameter's values come from: one for each component, one for all,
// or known
enum Role { own, shared, known };

// of values above a floor, or of all; on the free scale that is the logarithm.
// Correlations are free values in Stan's order, or, where they are real, the
// matrix itself
enum Space { real, above, correlation };

enum PriorKind { no_prior, normal_prior, half_student_t, root_inv_gamma,
                 lognormal, gamma_prior, lkj };

// the density of a prior is known up to what is the same of all components:
// only ratios are asked for
struct Prior {
  double first;         // location, degrees of freedom, or shape; eta
  double second;        // scale, or rate
  double log_constant;  // what the two make of the density's constant
};

struct Parameter {
  int32_t role;
  int32_t space;
  int32_t prior;
  int32_t priors;    // 1, or K where each component in order has its own; of
                     // vectors 1, or one for each element
  int32_t elements;  // E, of the value that a component has: 1 of a number
  const double* least;   // floor of each element
  const double* spread;  // how long steps of what is shared are, of each
  const Prior* each_prior;
  double* values;    // free ones of shape (R, K, E) or (R, 1, E), known ones of
                     // numbers (K); known correlations are none: E is 0
};

struct Model {
  int32_t family;
  int32_t K;
  int64_t N;
  int64_t D;             // coordinates, 1 of numbers
  const double* y;       // of shape (D, N)
  const double* lower;   // bounds of what is not known exactly, of shape (N),
  const double* upper;   // equal where it is; null where all are
  const double* count;
  const double* alpha;   // concentrations of the weights' prior, of shape (K)
  double concentration;  // their mean, that of all components at the start
  double min_weight;
  double log_ratio;      // constant part of the log of the model's prior over
                         // that at the start
  double shortest, longest;  // powers of 10 that steps are as long as
  int32_t parameters;
  Parameter each[most_parameters];
};

}  // extern "C"

#endif
