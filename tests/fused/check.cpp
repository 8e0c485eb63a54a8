/*
 * Checks stan/fused/normal.hpp and what it includes against the functions in
 * Stan and against extended precision, and prints what it finds, a check in
 * each line: its name, what it was made at, and the result, between tabs.
 *
 * plain.hpp is what stanc makes of normal.stan with parts/, plain/ and
 * --name=plain_model.
 */
#include <stan/model/model_header.hpp>
#define USING_R  // of plain.hpp only the functions are wanted: half the time
#include "plain.hpp"
#include "normal.hpp"
#include "points.hpp"
#include "interval_points.hpp"
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <functional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

using stan::math::var;
using DataVector = Eigen::Map<Eigen::VectorXd>;
using VarVector = Eigen::Matrix<var, -1, 1>;
using normal_mixture_rows::IntervalComponent;
using normal_mixture_rows::Intervals;
using normal_mixture_rows::Problem;
using normal_mixture_rows::Row2;
using normal_mixture_rows::Row4;
using normal_mixture_rows::Row8;

/** Print the result of a check that is a number. */
void print(const std::string& check, const std::string& at, double result) {
  std::printf("%s\t%s\t%.17g\n", check.c_str(), at.c_str(), result);
}

/** Return what autodiff makes of a likelihood at a point. */
template <typename Likelihood>
Answer differentiated(Point& p, const Likelihood& likelihood) {
  const int K = p.mu.size();
  stan::math::nested_rev_autodiff nested;
  DataVector y(p.y.data(), p.y.size());
  VarVector log_theta = p.log_theta;
  VarVector mu = p.mu;
  VarVector sigma = p.sigma;
  DataVector weight(p.weight.data(), p.weight.size());
  var value = likelihood(y, p.count, weight, log_theta, mu, sigma);
  value.grad();
  Answer answer{value.val(), Eigen::VectorXd(3 * K)};
  answer.gradient << log_theta.adj(), mu.adj(), sigma.adj();
  return answer;
}

/** Return value and gradient of the likelihood in C++. */
Answer fused(Point& p) {
  return differentiated(p, [](auto&... arguments) {
    return normal_mixture_log_lik(arguments..., nullptr);
  });
}

/** Return value and gradient of the likelihood in Stan. */
Answer plain(Point& p) {
  return differentiated(p, [](auto&... arguments) {
    return plain_model_namespace::normal_mixture_log_lik(arguments...,
                                                         nullptr);
  });
}

/** Return whether overloads for data give a point's answer to the last bit. */
bool overloads_agree(Point& p, const Answer& answer) {
  const int K = p.mu.size();
  DataVector y(p.y.data(), p.y.size());
  DataVector known_sigma(p.sigma.data(), K);
  stan::math::nested_rev_autodiff nested;
  VarVector log_theta = p.log_theta;
  VarVector mu = p.mu;
  var value = normal_mixture_log_lik(y, p.count, p.weight, log_theta, mu,
                                     known_sigma, nullptr);
  value.grad();
  return value.val() == answer.value
         && log_theta.adj() == answer.gradient.segment(0, K)
         && mu.adj() == answer.gradient.segment(K, K)
         && answer.value
                == normal_mixture_log_lik(y, p.count, p.weight, p.log_theta,
                                          p.mu, p.sigma, nullptr)
         && answer.value
                == normal_mixture_log_lik(y, p.count, p.weight, p.log_theta,
                                          p.mu, known_sigma, nullptr);
}

/** Return whether vectors in other forms give the answer to the last bit. */
bool forms_agree(Point& p, const Answer& answer) {
  const int K = p.mu.size();
  const Eigen::Map<const Eigen::VectorXd> y(p.y.data(), p.y.size());
  stan::math::nested_rev_autodiff nested;
  const VarVector log_theta = p.log_theta;
  const Eigen::Map<const VarVector> log_theta_map(log_theta.data(), K);
  const stan::arena_t<VarVector> mu = VarVector(p.mu);
  VarVector sigma(K + 1);
  sigma << p.sigma, 1;
  const Eigen::Map<const Eigen::VectorXd> weight(p.weight.data(),
                                                 p.weight.size());
  var value = normal_mixture_log_lik(y.head(p.y.size()), p.count, weight,
                                     log_theta_map, mu, sigma.head(K),
                                     nullptr);
  value.grad();
  bool agree = value.val() == answer.value
               && log_theta.adj() == answer.gradient.segment(0, K)
               && mu.adj() == answer.gradient.segment(K, K)
               && sigma.head(K).adj() == answer.gradient.segment(2 * K, K);
  stan::math::set_zero_all_adjoints_nested();
  value = normal_mixture_log_lik(y, p.count, weight, p.log_theta,
                                 p.mu.head(K), -(-sigma.head(K)), nullptr);
  value.grad();
  return agree && value.val() == answer.value
         && sigma.head(K).adj() == answer.gradient.segment(2 * K, K);
}

/** Check values and gradients for many K, and N around multiples of blocks. */
void check_points(Points& points) {
  for (const char* kind :
       {"random", "sigma 1e-6 to 1e6", "mu 1e4 sigmas off", "weight 1e-12",
        "weight 0", "data at 1e6", "densities underflow",
        "components alike", "real weights"}) {
    double from_stan = 0;
    double from_exact = 0;
    double differing = 0;
    double by_form = 0;
    // beyond 8 the memory is another, beyond 15 the logarithms
    for (int K : {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 15, 16, 40}) {
      for (int N : {0, 1, 2, 63, 64, 65, 127, 128, 129, 255, 256, 257, 511,
                    512, 513, 3000}) {
        for (bool repeated : {false, true}) {
          Point p = points.next(kind, K, N, repeated);
          const Answer answer = fused(p);
          const Reference exact = reference(p);
          from_stan = std::max(from_stan,
                               error(answer, plain(p), exact.terms));
          from_exact = std::max(from_exact,
                                error(answer, exact.answer, exact.terms));
          differing += !overloads_agree(p, answer);
          by_form += !forms_agree(p, answer);
        }
      }
    }
    print("from Stan", kind, from_stan);
    print("from exact", kind, from_exact);
    print("overloads", kind, differing);
    print("forms", kind, by_form);
  }
}

/** Return what autodiff makes of a likelihood of intervals at a point. */
template <typename Likelihood>
Answer differentiated(IntervalPoint& q, const Likelihood& likelihood) {
  const int K = q.mu.size();
  stan::math::nested_rev_autodiff nested;
  DataVector lower(q.lower.data(), q.lower.size());
  DataVector upper(q.upper.data(), q.upper.size());
  DataVector times(q.times.data(), q.times.size());
  VarVector log_theta = q.log_theta;
  VarVector mu = q.mu;
  VarVector sigma = q.sigma;
  var value
      = likelihood(lower, upper, q.label, times, log_theta, mu, sigma);
  value.grad();
  Answer answer{value.val(), Eigen::VectorXd(3 * K)};
  answer.gradient << log_theta.adj(), mu.adj(), sigma.adj();
  return answer;
}

/** Return value and gradient of the likelihood of intervals in C++. */
Answer fused(IntervalPoint& q) {
  return differentiated(q, [](auto&... arguments) {
    return normal_interval_log_lik(arguments..., nullptr);
  });
}

/** Return value and gradient of the likelihood of intervals in Stan. */
Answer plain(IntervalPoint& q) {
  return differentiated(q, [](auto&... arguments) {
    return plain_model_namespace::normal_interval_log_lik(arguments...,
                                                          nullptr);
  });
}

/** Return whether other forms of arguments give the answer to the last bit. */
bool forms_agree(IntervalPoint& q, const Answer& answer) {
  const int K = q.mu.size();
  const int N = q.lower.size();
  const Eigen::Map<const Eigen::VectorXd> lower(q.lower.data(), N);
  const Eigen::Map<const Eigen::VectorXd> upper(q.upper.data(), N);
  stan::math::nested_rev_autodiff nested;
  const VarVector log_theta = q.log_theta;
  const Eigen::Map<const VarVector> log_theta_map(log_theta.data(), K);
  VarVector mu(K + 1);
  mu << q.mu, 1;
  var value = normal_interval_log_lik(lower, upper, q.label, q.times,
                                      log_theta_map, mu.head(K), q.sigma,
                                      nullptr);
  value.grad();
  return value.val() == answer.value
         && log_theta.adj() == answer.gradient.segment(0, K)
         && mu.head(K).adj() == answer.gradient.segment(K, K)
         && answer.value
                == normal_interval_log_lik(lower.head(N), upper.head(N),
                                           q.label, q.times.head(N),
                                           q.log_theta, q.mu, q.sigma,
                                           nullptr);
}

/** Check intervals for many K, and N around multiples of blocks. */
void check_intervals(Points& points) {
  for (const char* kind :
       {"random", "narrow", "far out", "narrow, far out", "half open",
        "mixed", "sorted", "labelled", "weight 0", "sigma 1e-6 to 1e6",
        "1e4 sigmas off"}) {
    double from_stan = 0;
    double from_exact = 0;
    double by_form = 0;
    for (int K : {1, 2, 3, 8, 9, 40}) {
      for (int N : {0, 1, 7, 31, 32, 33, 127, 128, 129, 1000}) {
        IntervalPoint q = next_intervals(points, kind, K, N);
        const Answer answer = fused(q);
        const Reference exact = interval_reference(q);
        from_stan = std::max(from_stan, error(answer, plain(q), exact.terms));
        from_exact
            = std::max(from_exact, error(answer, exact.answer, exact.terms));
        by_form += !forms_agree(q, answer);
      }
    }
    print("intervals from Stan", kind, from_stan);
    print("intervals from exact", kind, from_exact);
    print("forms of intervals", kind, by_form);
  }
}

/** Check sums over a million observations. */
void check_long_sum(Points& points) {
  Point p = points.next("random", 3, 1000000, true);
  const Reference exact = reference(p);
  print("from exact", "N = 1e6", error(fused(p), exact.answer, exact.terms));
}

/** Return exp(x) as rows find it. */
template <typename V>
__attribute__((always_inline)) inline double exp_by(double x) {
  V row = V{} + x;
  normal_mixture_rows::exp_nonpositive(row);
  return row[0];
}

/** Return log(x) as rows find it. */
template <typename V>
__attribute__((always_inline)) inline double log_by(double x) {
  V row = V{} + x;
  normal_mixture_rows::log_nonnegative(row);
  return row[0];
}

double exp_by_row2(double x) { return exp_by<Row2>(x); }
double log_by_row2(double x) { return log_by<Row2>(x); }
#if defined(__x86_64__) && !defined(_WIN32)
__attribute__((target("avx2,fma"))) double exp_by_row4(double x) {
  return exp_by<Row4>(x);
}
__attribute__((target("avx2,fma"))) double log_by_row4(double x) {
  return log_by<Row4>(x);
}
__attribute__((target("avx512f"))) double exp_by_row8(double x) {
  return exp_by<Row8>(x);
}
__attribute__((target("avx512f"))) double log_by_row8(double x) {
  return log_by<Row8>(x);
}
#endif

/** Functions for one width of rows. */
struct Rows {
  const char* name;
  double (*log_lik)(const Problem<int>&, std::vector<double>&);
  double (*exp)(double);
  double (*log)(double);
  double (*intervals)(const Intervals&, std::vector<double>&);
};

/** Return the rows that this processor has, the narrowest first. */
std::vector<Rows> rows_here() {
  namespace rows = normal_mixture_rows;
  std::vector<Rows> here = {{"Row2", rows::by_rows<Row2, int>, exp_by_row2,
                             log_by_row2, rows::intervals_by_rows<Row2>}};
#if defined(__x86_64__) && !defined(_WIN32)
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
    here.push_back({"Row4", rows::by_rows_avx2<int>, exp_by_row4,
                    log_by_row4, rows::intervals_by_rows_avx2});
  }
  if (__builtin_cpu_supports("avx512f")) {
    here.push_back({"Row8", rows::by_rows_avx512<int>, exp_by_row8,
                    log_by_row8, rows::intervals_by_rows_avx512});
  }
#endif
  return here;
}

/** Check each width of rows against the narrowest. */
void check_rows(Points& points) {
  const std::vector<Rows> here = rows_here();
  std::vector<double> worst(here.size());
  for (int K : {1, 2, 3, 12, 40}) {
    for (int N : {1, 63, 64, 65, 128, 257, 3000}) {
      const Point p = points.next("random", K, N, N % 2 == 0);
      const Answer terms = reference(p).terms;
      Problem<int> problem{p.y.data(), p.count.data(), std::size_t(N), {}};
      for (int k = 0; k < K; ++k) {
        const double log_peak = p.log_theta[k] - std::log(p.sigma[k])
                                + stan::math::NEG_LOG_SQRT_TWO_PI;
        problem.components.push_back({log_peak, p.mu[k], 1 / p.sigma[k]});
      }
      std::vector<Answer> answers;
      for (const Rows& rows : here) {
        std::vector<double> gradient(3 * K);
        const double value = rows.log_lik(problem, gradient);
        answers.push_back({value, DataVector(gradient.data(), 3 * K)});
      }
      for (std::size_t i = 0; i < here.size(); ++i) {
        worst[i] = std::max(worst[i], error(answers[i], answers[0], terms));
      }
    }
  }
  for (std::size_t i = 0; i < here.size(); ++i) {
    print("rows", here[i].name, worst[i]);
  }
}

/** Check each width of rows for intervals against extended precision. */
void check_rows_of_intervals(Points& points) {
  for (const Rows& rows : rows_here()) {
    double worst = 0;
    for (const char* kind : {"narrow", "mixed"}) {
      for (int N : {1, 33, 500}) {
        const int K = 3;
        const IntervalPoint q = next_intervals(points, kind, K, N);
        const Reference exact = interval_reference(q);
        Intervals all{q.lower.data(), q.upper.data(), q.label.data(),
                      q.times.data(), std::size_t(N), {}};
        for (int k = 0; k < K; ++k) {
          all.components.push_back(
              {q.log_theta[k], q.mu[k], 1 / q.sigma[k]});
        }
        std::vector<double> gradient(3 * K);
        const double value = rows.intervals(all, gradient);
        const Answer answer{value, DataVector(gradient.data(), 3 * K)};
        worst = std::max(worst, error(answer, exact.answer, exact.terms));
      }
    }
    print("rows of intervals", rows.name, worst);
  }
}

/** Check the exponential: its error in units in the last place. */
void check_exp(Points& points) {
  for (const Rows& rows : rows_here()) {
    double worst = 0;
    for (int i = 0; i < 300000; ++i) {
      const double x = i % 3 == 0   ? -points.between(0, 2)
                       : i % 3 == 1 ? -points.between(0, 708)
                                    : -std::exp(points.between(-40, 6));
      const long double exact = std::exp((long double)x);
      const long double ulp = std::ldexp(1.0L, std::ilogb(exact) - 52);
      const double e = std::fabs((rows.exp(x) - exact) / ulp);
      worst = std::max(worst, e == e ? e : HUGE_VAL);
    }
    print("ulps of exp", rows.name, worst);
    for (const char* x : {"0", "-0", "-5e-324", "-707.999", "-708.001",
                          "-745", "-1e300", "-inf", "nan"}) {
      print(std::string("exp by ") + rows.name, x,
            rows.exp(std::strtod(x, nullptr)));
    }
  }
}

/** Check the logarithm: its error in units in the last place. */
void check_log(Points& points) {
  for (const Rows& rows : rows_here()) {
    double worst = 0;
    for (int i = 0; i < 300000; ++i) {
      const double x = i % 3 == 0   ? points.between(0.5, 2)
                       : i % 3 == 1 ? points.between(0, 1)
                                    : std::exp(points.between(-700, 700));
      const long double exact = std::log((long double)x);
      const long double ulp = std::ldexp(1.0L, std::ilogb(exact) - 52);
      const double e = std::fabs((rows.log(x) - exact) / ulp);
      worst = std::max(worst, e == e ? e : HUGE_VAL);
    }
    print("ulps of log", rows.name, worst);
    for (const char* x : {"0", "-0", "1e-310", "-1", "1", "1e300", "nan"}) {
      print(std::string("log by ") + rows.name, x,
            rows.log(std::strtod(x, nullptr)));
    }
  }
}

/** Return the value of a function of free locations, and its gradient. */
template <typename Function>
Answer differentiated_by_raw(const Eigen::VectorXd& mu_raw,
                             const Function& function) {
  stan::math::nested_rev_autodiff nested;
  VarVector raw = mu_raw;
  var value = function(raw);
  value.grad();
  return {value.val(), raw.adj()};
}

/** Check how free locations become increasing ones. */
void check_ordering(Points& points) {
  double values = 0;
  double gradients = 0;
  double slopes = 0;
  double overloads = 0;
  double forms = 0;
  for (int i = 0; i < 2000; ++i) {
    const int K = 1 + i % 12;
    const double width = std::exp(points.between(-5, 5));
    Eigen::VectorXd raw(K);
    Eigen::VectorXd weight(K);
    for (int k = 0; k < K; ++k) {
      raw[k] = points.between(-9, 9 + 20 * (k % 2)) * width;
      weight[k] = points.normal();
    }
    const Answer fused = differentiated_by_raw(raw, [&](VarVector& x) {
      return stan::math::dot_product(weight, push_apart(x, width, nullptr));
    });
    const Answer plain = differentiated_by_raw(raw, [&](VarVector& x) {
      return stan::math::dot_product(
          weight, plain_model_namespace::push_apart(x, width, nullptr));
    });
    const Eigen::VectorXd mu = push_apart(raw, width, nullptr);
    const double scale = weight.cwiseAbs().dot(mu.cwiseAbs());
    values = std::max(values, std::fabs(fused.value - plain.value) / scale);
    gradients = std::max(gradients, (fused.gradient - plain.gradient).norm()
                                        / weight.cwiseAbs().sum());
    stan::math::nested_rev_autodiff nested;
    VarVector raw_var = raw;
    VarVector mu_var = mu;
    var value = push_apart_log_det(raw_var, mu_var, width, nullptr);
    value.grad();
    overloads += value.val()
                 != push_apart_log_det(raw, mu, width, nullptr);
    // Stan's own derivative of normal_lcdf has 7 digits
    for (int k = 1; k < K; ++k) {
      const long double x = ((long double)raw[k] - mu[k - 1]) / width;
      const long double ratio = 2 * std::exp(-0.5L * x * x)
                                / std::sqrt(2 * std::acos(-1.0L))
                                / std::erfc(-x / std::sqrt(2.0L)) / width;
      const double error = raw_var[k].adj() / ratio - 1;
      slopes = std::max(slopes, std::fabs(error));
      overloads += raw_var[k].adj() != -mu_var[k - 1].adj();
    }
    const Eigen::Map<const VarVector> raw_map(raw_var.data(), K);
    const stan::arena_t<VarVector> mu_arena = mu_var;
    forms += value.val()
             != push_apart_log_det(raw_map, mu_arena.head(K), width, nullptr);
    forms += value.val()
             != push_apart_log_det(raw_map, mu, width, nullptr);
    forms += fused.value
             != stan::math::dot_product(
                 weight, push_apart(raw_map, width, nullptr));
    forms += mu != push_apart(DataVector(raw.data(), K), width, nullptr);
    const Answer by_expression = differentiated_by_raw(raw, [&](VarVector& x) {
      return stan::math::dot_product(
          weight, push_apart(x.head(K), width, nullptr));
    });
    forms += by_expression.gradient != fused.gradient;
  }
  double ties = 0;
  for (double first : {0.0, 1.0, -1.0, 1e6, -1e6, 1e300, -1e-300}) {
    for (double above : {-5, -8, -9, -30, -100}) {
      const Eigen::Vector3d raw(first, first + above, first + above);
      const VarVector raw_var = raw;
      const Eigen::VectorXd plain = stan::math::value_of(
          plain_model_namespace::push_apart(raw_var, 1.0, nullptr));
      for (const Eigen::VectorXd& mu :
           {push_apart(raw, 1.0, nullptr), plain}) {
        ties += !(mu[0] < mu[1]) || !(mu[1] < mu[2]);
      }
    }
  }
  print("ordering", "ties", ties);
  print("ordering", "values", values);
  print("ordering", "gradients", gradients);
  print("ordering", "slopes of the Jacobian", slopes);
  print("ordering", "overloads", overloads);
  print("ordering", "forms", forms);
}

/** Return the value of a likelihood or the first line of what it throws. */
template <typename P>
std::string outcome(Answer (*likelihood)(P&), P& p) {
  std::string message;
  try {
    char number[32];
    std::snprintf(number, sizeof(number), "%.17g", likelihood(p).value);
    return number;
  } catch (const std::domain_error& e) {
    message = std::string("domain_error: ") + e.what();
  } catch (const std::exception& e) {
    message = std::string("another exception: ") + e.what();
  }
  return message.substr(0, message.find('\n'));
}

/** Check what becomes of arguments that are not finite. */
void check_outcomes(Points& points) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const double inf = std::numeric_limits<double>::infinity();
  const std::vector<std::pair<const char*, std::function<void(Point&)>>>
      changes = {
          {"mu nan", [&](Point& p) { p.mu[1] = nan; }},
          {"mu inf", [&](Point& p) { p.mu[1] = inf; }},
          {"sigma 0", [&](Point& p) { p.sigma[1] = 0; }},
          {"sigma -1", [&](Point& p) { p.sigma[0] = -1; }},
          {"sigma nan", [&](Point& p) { p.sigma[2] = nan; }},
          {"y nan", [&](Point& p) { p.y[2] = nan; }},
          {"y inf", [&](Point& p) { p.y[2] = inf; }},
          {"last y -inf", [&](Point& p) { p.y[p.y.size() - 1] = -inf; }},
          {"y 1e300", [&](Point& p) { p.y[0] = 1e300; }},
          {"every sigma inf", [&](Point& p) { p.sigma.fill(inf); }},
          {"every log_theta -inf", [&](Point& p) { p.log_theta.fill(-inf); }},
          {"log_theta nan", [&](Point& p) { p.log_theta[0] = nan; }},
          {"one sigma inf", [&](Point& p) { p.sigma[1] = inf; }},
          {"sigma 1e-310", [&](Point& p) { p.sigma[1] = 1e-310; }},
          {"no y, mu nan",
           [&](Point& p) {
             p.y.resize(0);
             p.count.clear();
             p.mu[0] = nan;
           }},
      };
  for (const auto& change : changes) {
    Point p = points.next("random", 3, 10, false);
    change.second(p);
    std::printf("fused\t%s\t%s\n", change.first,
                outcome<Point>(fused, p).c_str());
    std::printf("plain\t%s\t%s\n", change.first,
                outcome<Point>(plain, p).c_str());
  }
}

/** Check what becomes of arguments of intervals that are not finite. */
void check_interval_outcomes(Points& points) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const double inf = std::numeric_limits<double>::infinity();
  const std::vector<
      std::pair<const char*, std::function<void(IntervalPoint&)>>>
      changes = {
          {"mu nan", [&](IntervalPoint& q) { q.mu[1] = nan; }},
          {"sigma 0", [&](IntervalPoint& q) { q.sigma[1] = 0; }},
          {"bound nan", [&](IntervalPoint& q) { q.lower[2] = nan; }},
          {"log_theta -inf",
           [&](IntervalPoint& q) { q.log_theta.fill(-inf); }},
          {"every mu 1e200", [&](IntervalPoint& q) { q.mu.fill(1e200); }},
          {"one mu 1e200", [&](IntervalPoint& q) { q.mu[0] = 1e200; }},
          {"one sigma inf", [&](IntervalPoint& q) { q.sigma[0] = inf; }},
      };
  for (const auto& change : changes) {
    IntervalPoint q = next_intervals(points, "half open", 3, 10);
    q.lower[4] = q.upper[4] - 1;
    q.upper[5] = q.lower[5] + 1;
    change.second(q);
    std::printf("fused intervals\t%s\t%s\n", change.first,
                outcome<IntervalPoint>(fused, q).c_str());
    std::printf("plain intervals\t%s\t%s\n", change.first,
                outcome<IntervalPoint>(plain, q).c_str());
    const bool rejected = !(q.sigma[1] > 0) || q.mu.hasNaN()
                          || q.lower.hasNaN();
    if (!rejected) {
      print("finite gradient", change.first, fused(q).gradient.allFinite());
    }
  }
}

int main() {
  Points points;
  check_points(points);
  check_long_sum(points);
  check_rows(points);
  check_intervals(points);
  check_rows_of_intervals(points);
  check_interval_outcomes(points);
  check_exp(points);
  check_log(points);
  check_outcomes(points);
  check_ordering(points);
}
