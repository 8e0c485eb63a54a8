/*
 * Points to check the likelihood of intervals under a finite normal mixture
 * at, and what it is there in extended precision.
 */
#ifndef INTERVAL_POINTS_HPP
#define INTERVAL_POINTS_HPP

#include <stan/model/model_header.hpp>
#include "points.hpp"
#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

/** The arguments of the likelihood of intervals. */
struct IntervalPoint {
  Eigen::VectorXd lower;
  Eigen::VectorXd upper;
  std::vector<int> label;
  Eigen::VectorXd times;
  Eigen::VectorXd log_theta;
  Eigen::VectorXd mu;
  Eigen::VectorXd sigma;
};

/**
 * Return a point.
 *
 * @param points source of random numbers
 * @param kind what is special about it, or "random"
 * @param K number of components
 * @param N number of intervals
 */
inline IntervalPoint next_intervals(Points& points, const std::string& kind,
                                    int K, int N) {
  const double infinity = std::numeric_limits<double>::infinity();
  const Point p = points.next(
      kind == "weight 0" || kind == "sigma 1e-6 to 1e6" ? kind : "random", K,
      N, false);
  IntervalPoint q{p.y,         p.y,  std::vector<int>(N), Eigen::VectorXd(N),
                  p.log_theta, p.mu, p.sigma};
  for (int n = 0; n < N; ++n) {
    const int k = n % K;
    double width = q.sigma[k] * std::exp(points.between(-4, 3));
    if (kind == "narrow") {
      width = q.sigma[k] * std::pow(10, points.between(-9, 0));
    } else if (kind == "far out") {
      q.lower[n] = q.mu[k] + q.sigma[k] * points.between(-60, 60);
    } else if (kind == "narrow, far out") {
      q.lower[n] = q.mu[k] + q.sigma[k] * points.between(-60, 60);
      width = q.sigma[k] * std::pow(10, points.between(-7, -1));
    } else if (kind == "1e4 sigmas off") {
      q.lower[n] = q.mu[k] + q.sigma[k] * points.between(-1e4, 1e4);
    }
    q.upper[n] = q.lower[n] + width;
    const int side = n % (kind == "half open" ? 2 : 5);
    if (kind == "half open" || kind == "mixed") {
      q.lower[n] = side == 0 ? -infinity : q.lower[n];
      q.upper[n] = side == 1 ? infinity : q.upper[n];
    }
    q.times[n] = kind == "random" ? 1 + n % 3 : points.between(0, 5);
    q.label[n] = kind == "labelled" || kind == "mixed" ? n % (K + 1) : 0;
  }
  if (kind == "sorted") {  // so that few blocks are crossed by a location
    std::sort(q.lower.data(), q.lower.data() + N);
    std::sort(q.upper.data(), q.upper.data() + N);
  }
  return q;
}

/** An interval's probability, its logarithm, and slopes of that by location
 * and scale, these times the scale. */
struct Between {
  long double log_probability;
  long double by_mu;
  long double by_sigma;
};

/**
 * Return the probability between two points of a standard normal variable,
 * which are so far from each other: of near ones their difference is not it.
 *
 * Where the density does not change by much it is integrated by 8 points, and
 * elsewhere two probabilities below zero are subtracted.
 */
inline Between between(long double a, long double b, long double wide) {
  typedef long double Real;
  const Real log_peak = -std::log(8 * std::atan(Real(1))) / 2;
  const bool above = a + b > 0;
  const Real high = above ? -a : b;
  const Real low = above ? -b : a;
  Between found;
  if (wide < 0.5 && wide * std::fabs(high) < 0.5) {
    const Real middle = high - wide / 2;
    const Real node[4] = {0.18343464249564980494L, 0.52553240991632898582L,
                          0.79666647741362673959L, 0.96028985649753623168L};
    const Real weight[4] = {0.36268378337836198297L, 0.31370664587788728734L,
                            0.22238103445337447054L, 0.10122853629037625915L};
    Real mass = 0, first = 0, second = 0;
    for (int i = 0; i < 8; ++i) {
      const Real step = (i < 4 ? 1 : -1) * node[i % 4] * wide / 2;
      const Real part
          = weight[i % 4] / 2 * std::exp(-step * (middle + step / 2));
      const Real z = middle + step;
      mass += part;
      first += part * z;
      second += part * (z * z - 1);
    }
    found = {log_peak - middle * middle / 2 + std::log(mass * wide),
             first / mass, second / mass};
  } else {
    const Real root = std::sqrt(Real(2));
    // 150 standard deviations out erfc underflows: continued fractions
    auto log_below = [&](Real x) {
      if (x > -100) {
        return std::log(std::erfc(-x / root) / 2);
      }
      Real inverse = -x;
      for (int n = 40; n > 0; --n) {
        inverse = n / inverse - x;
      }
      return log_peak - x * x / 2 - std::log(inverse);
    };
    const Real log_high = log_below(high);
    const Real log_low = std::isinf(low) ? low : log_below(low);
    const Real log_mass = log_high + std::log1p(-std::exp(log_low - log_high));
    const Real at_high = std::exp(log_peak - high * high / 2 - log_mass);
    const Real at_low = std::exp(log_peak - low * low / 2 - log_mass);
    found = {log_mass, at_low - at_high,
             (at_low > 0 ? low * at_low : 0) - high * at_high};
  }
  found.by_mu = above ? -found.by_mu : found.by_mu;
  return found;
}

/** Return the likelihood of intervals in extended precision. */
inline Reference interval_reference(const IntervalPoint& q) {
  typedef long double Real;
  const int K = q.mu.size();
  std::vector<Real> sums(2 + 6 * K);  // an answer, then absolute terms
  std::vector<Real> share(K);
  std::vector<Between> of(K);
  for (int n = 0; n < q.lower.size(); ++n) {
    for (int k = 0; k < K; ++k) {
      of[k] = between((Real(q.lower[n]) - q.mu[k]) / q.sigma[k],
                      (Real(q.upper[n]) - q.mu[k]) / q.sigma[k],
                      (Real(q.upper[n]) - q.lower[n]) / q.sigma[k]);
      share[k] = q.label[n] == 0 || q.label[n] == k + 1
                     ? q.log_theta[k] + of[k].log_probability
                     : -std::numeric_limits<Real>::infinity();
    }
    const Real largest = *std::max_element(share.begin(), share.end());
    Real total = 0;
    for (int k = 0; k < K; ++k) {
      share[k] = std::exp(share[k] - largest);
      total += share[k];
    }
    const Real term = q.times[n] * (largest + std::log(total));
    sums[0] += term;
    // of a probability near 1 the logarithm has the digits of that
    sums[1 + 3 * K] += std::fabs(term) + q.times[n];
    for (int k = 0; k < K; ++k) {
      const Real weight = q.times[n] * share[k] / total;
      const Real own[3] = {weight, weight * of[k].by_mu / q.sigma[k],
                           weight * of[k].by_sigma / q.sigma[k]};
      for (int i = 0; i < 3 && weight > 0; ++i) {
        sums[1 + i * K + k] += own[i];
        sums[2 + (3 + i) * K + k] += std::fabs(own[i]);
      }
    }
  }
  Reference r{{double(sums[0]), Eigen::VectorXd(3 * K)},
              {double(sums[1 + 3 * K]), Eigen::VectorXd(3 * K)}};
  for (int i = 0; i < 3 * K; ++i) {
    r.answer.gradient[i] = sums[1 + i];
    r.terms.gradient[i] = sums[2 + 3 * K + i];
  }
  return r;
}

#endif
