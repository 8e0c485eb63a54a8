/*
 * Exponentials and logarithms that the compiler can make wide, sums, and random
 * numbers.
 */
#ifndef PYSTAN_MIX_ELEMENTARY_HPP
#define PYSTAN_MIX_ELEMENTARY_HPP

#include <math.h>
#include <stdint.h>
#include <string.h>

#define INLINE inline __attribute__((always_inline))

namespace {

/** Return the bits of a number. */
INLINE uint64_t bits_of(double x) {
  uint64_t bits;
  memcpy(&bits, &x, sizeof(bits));
  return bits;
}

/** Return the number of some bits. */
INLINE double number_of(uint64_t bits) {
  double x;
  memcpy(&x, &bits, sizeof(x));
  return x;
}

/**
 * Return exp(x) to within some ulp, for x up to 700; below -700, and of NaN,
 * what is of no account.
 *
 * 2^n * exp(r), n being the integer nearest to x / log(2); the polynomial is
 * the power series of exp(r).
 */
INLINE double exp_of(double x) {
  constexpr double to_integer = 6755399441055744.0;  // 1.5 * 2^52
  x = x > -700.0 ? x : -700.0;
  x = x < 700.0 ? x : 700.0;
  const double shifted = x * 1.44269504088896340736 + to_integer;
  const double n = shifted - to_integer;
  const double r = (x - n * 6.93147180369123816490e-01)
                   - n * 1.90821492927058770002e-10;
  double p = 1.0 / 479001600;
  p = p * r + 1.0 / 39916800;
  p = p * r + 1.0 / 3628800;
  p = p * r + 1.0 / 362880;
  p = p * r + 1.0 / 40320;
  p = p * r + 1.0 / 5040;
  p = p * r + 1.0 / 720;
  p = p * r + 1.0 / 120;
  p = p * r + 1.0 / 24;
  p = p * r + 1.0 / 6;
  p = p * r + 0.5;
  p = p * r + 1.0;
  p = p * r + 1.0;
  return p * number_of((bits_of(shifted) << 52) + bits_of(1.0));
}

/**
 * Return log(x) to within some ulp, for positive x that is neither subnormal
 * nor infinite.
 *
 * n * log(2) + log(m), m from sqrt(1/2) to sqrt(2); log(m) is the power series
 * of the inverse hyperbolic tangent.
 */
INLINE double log_of(double x) {
  constexpr uint64_t root_half = 0x3fe6a09e667f3bcd;
  const uint64_t bits = bits_of(x) - root_half;
  // an integer in the lowest bits, which a subtraction makes a number
  const double n
      = number_of(((bits + bits_of(1.0)) >> 52) | bits_of(0x1p52))
        - (0x1p52 + 1023.0);
  const double m = number_of((bits & 0xfffffffffffff) + root_half);
  const double s = (m - 1.0) / (m + 1.0);
  const double q = s * s;
  double p = 1.0 / 21;
  p = p * q + 1.0 / 19;
  p = p * q + 1.0 / 17;
  p = p * q + 1.0 / 15;
  p = p * q + 1.0 / 13;
  p = p * q + 1.0 / 11;
  p = p * q + 1.0 / 9;
  p = p * q + 1.0 / 7;
  p = p * q + 1.0 / 5;
  p = p * q + 1.0 / 3;
  p = p * q * s + s;
  return n * 1.90821492927058770002e-10 + 2.0 * p
         + n * 6.93147180369123816490e-01;
}

/** Random numbers: xoshiro256++ of Blackman and Vigna (2021). */
class Random {
 public:
  explicit Random(uint64_t seed) {
    for (uint64_t& word : state_) {  // splitmix64
      seed += 0x9e3779b97f4a7c15;
      uint64_t z = seed;
      z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
      z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
      word = z ^ (z >> 31);
    }
  }

  /** Return a number above 0 and below 1. */
  double uniform() { return ((next() >> 12) + 0.5) * 0x1p-52; }

  /** Return one of 0 to n - 1. */
  int below(int n) { return (int)(n * uniform()); }

  /** Return a standard normal number: Marsaglia and Bray (1964). */
  double normal() {
    for (;;) {
      const double u = 2.0 * uniform() - 1.0;
      const double v = 2.0 * uniform() - 1.0;
      const double s = u * u + v * v;
      if (s < 1.0 && s > 0.0) {
        return u * sqrt(-2.0 * log(s) / s);
      }
    }
  }

 private:
  uint64_t next() {
    const uint64_t result = rotated(state_[0] + state_[3], 23) + state_[0];
    const uint64_t t = state_[1] << 17;
    state_[2] ^= state_[0];
    state_[3] ^= state_[1];
    state_[1] ^= state_[2];
    state_[0] ^= state_[3];
    state_[2] ^= t;
    state_[3] = rotated(state_[3], 45);
    return result;
  }

  static uint64_t rotated(uint64_t x, int by) {
    return (x << by) | (x >> (64 - by));
  }

  uint64_t state_[4];
};

/** Return a sum, added up in parts that do not wait for each other. */
INLINE double total_of(const double* x, int size) {
  constexpr int parts = 16;
  double part[parts] = {0};
  int i = 0;
  for (; i + parts <= size; i += parts) {
    for (int j = 0; j < parts; ++j) {
      part[j] += x[i + j];
    }
  }
  double total = 0;
  for (; i < size; ++i) {
    total += x[i];
  }
  for (int j = 0; j < parts; ++j) {
    total += part[j];
  }
  return total;
}

/** Exchange two values. */
template <typename T>
INLINE void exchange(T& a, T& b) {
  const T was = a;
  a = b;
  b = was;
}

}  // namespace

#endif
