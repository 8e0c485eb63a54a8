/*
 * Points to check the likelihood of a finite normal mixture at, and what it
 * is there in extended precision.
 */
#ifndef POINTS_HPP
#define POINTS_HPP

#include <stan/model/model_header.hpp>
#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <string>
#include <vector>

/** The arguments of the likelihood. */
struct Point {
  Eigen::VectorXd y;
  std::vector<int> count;
  Eigen::VectorXd weight;  // in place of counts, or empty
  Eigen::VectorXd log_theta;
  Eigen::VectorXd mu;
  Eigen::VectorXd sigma;

  /** Return how often an observation occurs, or its weight. */
  double times(int n) const {
    return weight.size() > 0 ? weight[n] : count[n];
  }
};

/** A value, and its gradient by log_theta, mu and sigma, K of each. */
struct Answer {
  double value;
  Eigen::VectorXd gradient;
};

/** The right answer, and the same sums over the terms' absolute values. */
struct Reference {
  Answer answer;
  Answer terms;
};

/** Points drawn at random. */
class Points {
  std::mt19937_64 rng{20240607};

 public:
  /** Return a number between two others. */
  double between(double low, double high) {
    return std::uniform_real_distribution<>(low, high)(rng);
  }

  /** Return a standard normal number. */
  double normal() { return std::normal_distribution<>()(rng); }

  /**
   * Return a point.
   *
   * @param kind what is special about it, or "random"
   * @param K number of components
   * @param N number of observations
   * @param repeated whether observations occur more than once
   */
  Point next(const std::string& kind, int K, int N, bool repeated) {
    Point p{Eigen::VectorXd(N), std::vector<int>(N, 1), Eigen::VectorXd(),
            Eigen::VectorXd(K), Eigen::VectorXd(K), Eigen::VectorXd(K)};
    Eigen::VectorXd theta(K);
    for (int k = 0; k < K; ++k) {
      theta[k] = between(0.1, 1);
      p.mu[k] = 3 * normal();
      p.sigma[k] = std::exp(0.5 * normal());
      if (kind == "sigma 1e-6 to 1e6") {
        p.sigma[k] = std::pow(10, between(-6, 6));
      } else if (kind == "mu 1e4 sigmas off" && k % 2 == 1) {
        p.mu[k] += 1e4 * p.sigma[k];
      } else if (kind == "data at 1e6") {
        p.mu[k] = 1e6 + normal();
      }
    }
    if (kind == "components alike") {
      theta.setConstant(theta[0]);
      p.mu.setConstant(p.mu[0]);
      p.sigma.setConstant(p.sigma[0]);
    }
    if (kind == "weight 1e-12") {
      theta[0] = 1e-12;
    } else if (kind == "weight 0" && K > 1) {
      theta[K / 2] = 0;
    }
    p.log_theta = (theta / theta.sum()).array().log();
    for (int n = 0; n < N; ++n) {
      const int k = rng() % K;
      p.y[n] = p.mu[k] + p.sigma[k] * normal();
      if (kind == "data at 1e6") {
        p.y[n] = 1e6 + between(-1, 1);
      } else if (kind == "densities underflow" && n % 3 != 0) {
        p.y[n] = p.mu.maxCoeff() + p.sigma.maxCoeff() * between(50, 1e4);
      }
      if (repeated && n % 2 == 0) {
        p.count[n] = 1 + rng() % (n % 7 == 0 ? 100000 : 5);
      }
    }
    if (kind == "real weights") {
      p.weight.resize(N);
      for (int n = 0; n < N; ++n) {
        p.weight[n] = std::pow(10, between(-4, 4));
      }
      p.count.clear();
    }
    return p;
  }
};

/** Return the likelihood in extended precision, where the machine has it. */
inline Reference reference(const Point& p) {
  typedef long double Real;
  const int K = p.mu.size();
  const Real log_sqrt_two_pi = std::log(8 * std::atan(Real(1))) / 2;
  Real value = 0;
  Real value_terms = 0;
  std::vector<Real> gradient(3 * K);
  std::vector<Real> gradient_terms(3 * K);
  std::vector<Real> z(K);
  std::vector<Real> share(K);
  for (int n = 0; n < p.y.size(); ++n) {
    for (int k = 0; k < K; ++k) {
      z[k] = (Real(p.y[n]) - p.mu[k]) / p.sigma[k];
      share[k] = p.log_theta[k] - std::log(Real(p.sigma[k]))
                 - log_sqrt_two_pi - z[k] * z[k] / 2;
    }
    const Real largest = *std::max_element(share.begin(), share.end());
    Real density = 0;
    for (int k = 0; k < K; ++k) {
      share[k] = std::exp(share[k] - largest);
      density += share[k];
    }
    const Real term = p.times(n) * (largest + std::log(density));
    value += term;
    value_terms += std::fabs(term);
    for (int k = 0; k < K; ++k) {
      const Real weight = p.times(n) * share[k] / density;
      const Real scaled = weight / p.sigma[k];
      gradient[k] += weight;
      gradient[K + k] += scaled * z[k];
      gradient[2 * K + k] += scaled * (z[k] * z[k] - 1);
      gradient_terms[k] += weight;
      gradient_terms[K + k] += scaled * std::fabs(z[k]);
      gradient_terms[2 * K + k] += scaled * (z[k] * z[k] + 1);
    }
  }
  Reference r{{double(value), Eigen::VectorXd(3 * K)},
              {double(value_terms), Eigen::VectorXd(3 * K)}};
  for (int i = 0; i < 3 * K; ++i) {
    r.answer.gradient[i] = gradient[i];
    r.terms.gradient[i] = gradient_terms[i];
  }
  return r;
}

/**
 * Return the largest difference of two answers in their values and gradients.
 *
 * It is relative to the sums over absolute values: near the mode a gradient
 * is a small difference of large terms, whose rounding nothing brings back.
 * What is below 1e-280 counts as zero.
 */
inline double error(const Answer& a, const Answer& b, const Answer& terms) {
  auto relative = [](double x, double y, double size) {
    const double e = std::fabs(x - y) / std::max(size, 1e-280);
    return e == e ? e : std::numeric_limits<double>::infinity();
  };
  double worst = relative(a.value, b.value, terms.value);
  for (int i = 0; i < terms.gradient.size(); ++i) {
    worst = std::max(worst, relative(a.gradient[i], b.gradient[i],
                                     terms.gradient[i]));
  }
  return worst;
}

#endif
