/*
 * What the likelihoods in C++ share: numbers of several observations at once,
 * their exponentials and logarithms, and a gradient that is known.
 *
 * Read a row, V, as one number: it holds those of as many observations as the
 * processor takes at once, and all operations are by element.
 */
#ifndef ROWS_HPP
#define ROWS_HPP

#include <stan/model/model_header.hpp>
#include <initializer_list>
#include <limits>
#include <type_traits>
#include <vector>

// so that each function is compiled for the processor of its caller
#define NORMAL_MIXTURE_INLINE inline __attribute__((always_inline))

namespace normal_mixture_rows {

typedef double Row2 __attribute__((vector_size(16)));
typedef double Row4 __attribute__((vector_size(32)));
typedef double Row8 __attribute__((vector_size(64)));

/** Of so many components the parts are on the stack, of more on the heap. */
constexpr int stack_components = 8;

/** Added to a smaller number, rounds it to an integer in the lowest bits. */
constexpr double to_integer = 6755399441055744.0;  // 1.5 * 2^52

/** Return how many numbers are in a row. */
template <typename V>
constexpr int width() {
  return sizeof(V) / sizeof(double);
}

/**
 * Replace x <= 0 by exp(x) to within 2 ulp; below -708, where that is under
 * 4e-308, by 0. NaN remains NaN.
 *
 * With n the integer nearest to x / log(2) and r = x - n * log(2), it is
 * 2^n * exp(r), and exp(r) = 1 + r + r^2 * (even + r * odd). These two, which
 * do not wait for each other, are the polynomial that meets the power series
 * at the Chebyshev points of |r| <= log(2) / 2; it is off by 2e-17 at most.
 */
template <typename V>
NORMAL_MIXTURE_INLINE void exp_nonpositive(V& x) {
  using Bits = decltype(x < x);
  constexpr double log2_high = 6.93147180369123816490e-01;  // first 33 bits
  constexpr double log2_low = 1.90821492927058770002e-10;
  const Bits nonzero = ~(x < -708.0);
  const V shifted = x * 1.44269504088896340736 + to_integer;
  const V n = shifted - to_integer;
  const V r = (x - n * log2_high) - n * log2_low;
  const V s = r * r;
  V even = 2.4801521322368428e-05 + s * 2.7620075880109014e-07;
  V odd = 2.7557268480309821e-06 + s * 2.5100375832657859e-08;
  even = 0.0013888888917196719 + s * even;
  odd = 0.00019841269863040545 + s * odd;
  even = 0.041666666666624164 + s * even;
  odd = 0.008333333333330065 + s * odd;
  even = 0.50000000000000011 + s * even;
  odd = 0.16666666666666669 + s * odd;
  const V exp_r = 1.0 + (r + s * (even + r * odd));
  const V power = (V)(((Bits)shifted << 52) + (Bits)(V{} + 1.0));
  x = (V)((Bits)(exp_r * power) & nonzero);
}

/**
 * Replace x >= 0 by log(x) to within 2 ulp; numbers so small that a double
 * has not all digits of them, and 0, by negative infinity. NaN remains NaN.
 *
 * With x = 2^n * (1 + f), of which n is such that 1 + f is near 1, and with
 * s = f / (2 + f), it is n * log(2) + 2 * atanh(s); the coefficients are those
 * of fdlibm's log.
 */
template <typename V>
NORMAL_MIXTURE_INLINE void log_nonnegative(V& x) {
  using Bits = decltype(x < x);
  constexpr double log2_high = 6.93147180369123816490e-01;  // first 33 bits
  constexpr double log2_low = 1.90821492927058770002e-10;
  const Bits root_half = (Bits)(V{} + 0.70710678118654752440);
  const Bits whole = ((Bits)x - root_half) >> 52;
  const V n = (V)(whole + (Bits)(V{} + to_integer)) - to_integer;
  const V f = (V)((Bits)x - (whole << 52)) - 1.0;
  const V s = f / (2.0 + f);
  const V s2 = s * s;
  const V s4 = s2 * s2;
  V odd = 1.818357216161805012e-01 + s4 * 1.479819860510658591e-01;
  V even = 2.222219843214978396e-01 + s4 * 1.531383769920937332e-01;
  odd = 2.857142874366239149e-01 + s4 * odd;
  even = 3.999999999940941908e-01 + s4 * even;
  odd = s2 * (6.666666666666735130e-01 + s4 * odd);
  even = s4 * even;
  const V half = 0.5 * f * f;
  const V log_x = n * log2_high
                  - ((half - (s * (half + odd + even) + n * log2_low)) - f);
  const V nothing = x - std::numeric_limits<double>::infinity();
  x = x >= std::numeric_limits<double>::min() ? log_x : nothing;
}

/** Return the sum of the numbers in a row. */
template <typename V>
NORMAL_MIXTURE_INLINE double sum(const V& row) {
  double total = 0;
  for (int j = 0; j < width<V>(); ++j) {
    total += row[j];
  }
  return total;
}

/** For functions of vectors, in whatever form stanc passes these. */
template <typename... Vectors>
using require_vectors
    = stan::require_all_t<stan::is_eigen_col_vector<Vectors>...>;

/** For functions of vectors of numbers. */
template <typename... Vectors>
using require_numbers = stan::require_all_t<
    stan::is_eigen_col_vector<Vectors>...,
    std::is_same<double, stan::return_type_t<Vectors...>>>;

/** For functions of vectors some of which are of autodiff variables. */
template <typename... Vectors>
using require_variables
    = stan::require_all_t<stan::is_eigen_col_vector<Vectors>...,
                          stan::is_var<stan::return_type_t<Vectors...>>>;

/** Append autodiff variables to the operands. */
template <typename Vector, require_variables<Vector>* = nullptr>
inline void append(std::vector<stan::math::var>& operands,
                   std::vector<double>&, const Vector& x) {
  for (int k = 0; k < x.size(); ++k) {
    operands.push_back(x.coeff(k));
  }
}

/** Append nothing: data are not differentiated by. */
template <typename Data, require_numbers<Data>* = nullptr>
inline void append(std::vector<stan::math::var>& operands,
                   std::vector<double>& gradient, const Data& x) {
  const auto first = gradient.begin() + operands.size();
  gradient.erase(first, first + x.size());
}

/** Return the value as a number where the arguments are numbers. */
template <typename... Vectors, require_numbers<Vectors...>* = nullptr>
inline double with_gradient(double value, std::vector<double>&,
                            const Vectors&...) {
  return value;
}

/** Return the value as one autodiff variable with its gradient. */
template <typename... Vectors, require_variables<Vectors...>* = nullptr>
inline stan::math::var with_gradient(double value,
                                     std::vector<double>& gradient,
                                     const Vectors&... arguments) {
  std::vector<stan::math::var> operands;
  operands.reserve(gradient.size());
  (void)std::initializer_list<int>{
      (append(operands, gradient, arguments), 0)...};
  return stan::math::precomputed_gradients(value, operands, gradient);
}

}  // namespace normal_mixture_rows

#endif
