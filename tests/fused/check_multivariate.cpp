/*
 * Checks stan/fused/multivariate_normal.hpp against the function in Stan, and
 * prints what it finds, a check in each line: its name, what it was made at,
 * and the largest error, between tabs. Errors are relative to the largest
 * element of the answer that is of the same kind.
 *
 * plain.hpp is what stanc makes of multivariate_normal.stan with parts/,
 * plain/ and --name=plain_model.
 */
#include <stan/model/model_header.hpp>
#define USING_R  // of plain.hpp only the functions are wanted: half the time
#include "plain.hpp"
#include "multivariate_normal.hpp"
#include <cstdio>
#include <random>
#include <string>
#include <vector>

using stan::math::var;
using VarVector = Eigen::Matrix<var, -1, 1>;
using VarMatrix = Eigen::Matrix<var, -1, -1>;

/** The arguments of the likelihood. */
struct Point {
  std::vector<Eigen::VectorXd> y;
  Eigen::VectorXd times;
  Eigen::VectorXd log_theta;
  std::vector<Eigen::VectorXd> mu;
  std::vector<Eigen::MatrixXd> root;
};

/** A value, and its gradient by log_theta, mu and the roots' triangles. */
struct Answer {
  double value;
  Eigen::VectorXd by_log_theta, by_mu, by_root;
};

std::mt19937_64 rng{20240607};

/** Return a standard normal number. */
double normal() { return std::normal_distribution<>()(rng); }

/** Return a point; its kind says what is special about it. */
Point next(const std::string& kind, int K, int D, int N) {
  Point p;
  const bool narrow = kind == "sigma 1e-4 to 1e4";
  const double at = kind == "data at 1e6" ? 1e6 : 0;
  const double far = kind == "densities underflow" ? 1e3 : 1;
  for (int d = 0; d < D; ++d) {
    p.y.push_back(Eigen::VectorXd(N));
    for (int n = 0; n < N; ++n) {
      p.y[d][n] = at + 3 * normal();
    }
  }
  p.times = Eigen::VectorXd::Ones(N);
  for (int n = 0; n < N; ++n) {
    if (kind == "repeated") {
      p.times[n] = 1 + rng() % 40;
    } else if (kind == "weighted" && rng() % 4 > 0) {
      p.times[n] = std::exp(normal());  // others are 1
    }
  }
  p.log_theta = Eigen::VectorXd(K);
  double total = 0;
  for (int k = 0; k < K; ++k) {
    p.log_theta[k] = normal();
    total += std::exp(p.log_theta[k]);
    p.mu.push_back(Eigen::VectorXd(D));
    p.root.push_back(Eigen::MatrixXd::Zero(D, D));
    const double scale = narrow ? std::pow(10.0, 4 * normal() / 3) : 1;
    for (int d = 0; d < D; ++d) {
      p.mu[k][d] = at + far * 2 * normal();
      for (int e = 0; e < d; ++e) {
        p.root[k](d, e) = scale * normal();
      }
      p.root[k](d, d) = scale * std::exp(0.5 * normal());
    }
  }
  p.log_theta.array() -= std::log(total);
  if (kind == "weight 0") {
    p.log_theta[0] = stan::math::NEGATIVE_INFTY;
  }
  if (kind == "shared") {
    p.root.resize(1);
  }
  return p;
}

/** Return what autodiff makes of a likelihood at a point. */
template <typename Likelihood>
Answer differentiated(const Point& p, const Likelihood& likelihood) {
  stan::math::nested_rev_autodiff nested;
  const int K = p.mu.size(), D = p.y.size();
  VarVector log_theta = p.log_theta;
  std::vector<VarVector> mu(p.mu.begin(), p.mu.end());
  std::vector<VarMatrix> root(p.root.begin(), p.root.end());
  var value = likelihood(p.y, p.times, log_theta, mu, root, nullptr);
  value.grad();
  Answer answer{value.val(), log_theta.adj(), Eigen::VectorXd(K * D),
                Eigen::VectorXd::Zero(p.root.size() * D * D)};
  for (int k = 0; k < K; ++k) {
    answer.by_mu.segment(k * D, D) = mu[k].adj();
  }
  int i = 0;
  for (const auto& each : root) {
    for (int d = 0; d < D; ++d) {
      for (int e = 0; e <= d; ++e) {
        answer.by_root[i++] = each(d, e).adj();
      }
    }
  }
  return answer;
}

/** Return value and gradient of the likelihood in C++. */
Answer fused(const Point& p) {
  return differentiated(p, [](const auto&... arguments) {
    return multivariate_normal_mixture_log_lik(arguments...);
  });
}

/** Return value and gradient of the likelihood in Stan. */
Answer plain(const Point& p) {
  return differentiated(p, [](const auto&... arguments) {
    return plain_model_namespace::multivariate_normal_mixture_log_lik(
        arguments...);
  });
}

/** Return the largest error, relative to the largest element. */
double error(const Eigen::VectorXd& x, const Eigen::VectorXd& right) {
  const double largest = right.cwiseAbs().maxCoeff();
  const double off = (x - right).cwiseAbs().maxCoeff();
  return off == 0 ? 0 : off / largest;
}

/** Return the largest error of an answer. */
double error(const Answer& x, const Answer& right) {
  return std::max({std::abs(x.value - right.value) / std::abs(right.value),
                   error(x.by_log_theta, right.by_log_theta),
                   error(x.by_mu, right.by_mu),
                   error(x.by_root, right.by_root)});
}

/** Check rows of one width against the widest, at all sizes. */
template <typename V>
void check_rows(const std::string& name,
                double (*by_rows)(const multivariate_normal_rows::Problem&,
                                  multivariate_normal_rows::Moments&)) {
  using namespace multivariate_normal_rows;
  double largest = 0;
  for (int D : {1, 2, 3, 4, 6}) {
    for (int N : {1, 3, 64, 257}) {
      Point p = next("weighted", 3, D, N);
      const double* times = p.times.data();
      Problem problem{D, std::size_t(N), {}, times, 3, {}, {}, {}};
      for (const auto& each : p.y) {
        problem.y.push_back(each.data());
      }
      for (int k = 0; k < 3; ++k) {
        double log_peak = p.log_theta[k];
        for (int d = 0; d < D; ++d) {
          problem.mu.push_back(p.mu[k][d]);
          for (int e = 0; e <= d; ++e) {
            const double x = p.root[k](d, e);
            problem.root.push_back(d == e ? 1 / x : x);
          }
          log_peak -= std::log(p.root[k](d, d))
                      - stan::math::NEG_LOG_SQRT_TWO_PI;
        }
        problem.log_peak.push_back(log_peak);
      }
      Moments moments{std::vector<double>(3), std::vector<double>(3 * D),
                      std::vector<double>(3 * packed(D, 0))};
      const double value = by_rows(problem, moments);
      const double right = multivariate_normal_mixture_log_lik(
          p.y, p.times, p.log_theta, p.mu, p.root, nullptr);
      largest = std::max(largest, std::abs(value - right) / std::abs(right));
    }
  }
  std::printf("rows\t%s\t%.17g\n", name.c_str(), largest);
}

int main() {
  for (const char* kind :
       {"random", "shared", "repeated", "weighted", "sigma 1e-4 to 1e4",
        "weight 0", "data at 1e6", "densities underflow"}) {
    double largest = 0;
    for (int D : {1, 2, 3, 4, 5, 9}) {
      for (int K : {1, 2, 3, 7, 20}) {
        if (K == 1 && std::string(kind) == "weight 0") {
          continue;
        }
        // around multiples of rows and of blocks
        for (int N : {1, 2, 7, 8, 9, 63, 64, 65, 127, 128, 255, 256, 257}) {
          const Point p = next(kind, K, D, N);
          largest = std::max(largest, error(fused(p), plain(p)));
        }
      }
    }
    std::printf("from Stan\t%s\t%.17g\n", kind, largest);
  }
  using namespace multivariate_normal_rows;
  check_rows<Row2>("Row2", [](const Problem& problem, Moments& moments) {
    return by_rows<Row2>(problem, moments);
  });
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
    check_rows<Row4>("Row4", by_rows_avx2);
  }
  if (__builtin_cpu_supports("avx512f")) {
    check_rows<Row8>("Row8", by_rows_avx512);
  }
#endif
}
