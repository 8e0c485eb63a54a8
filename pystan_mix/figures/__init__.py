"""Figures of fits, of priors and of comparisons; importing this folder imports Matplotlib."""

from pystan_mix.figures.approximation import plot_approximation, plot_elbo
from pystan_mix.figures.calibration import plot_calibration
from pystan_mix.figures.choice import plot_choice
from pystan_mix.figures.comparison import plot_comparison
from pystan_mix.figures.data import plot_density, plot_predictive
from pystan_mix.figures.posterior import plot_autocorr, plot_posterior
from pystan_mix.figures.prior import plot_dirichlet_prior
from pystan_mix.figures.style import save_figure
from pystan_mix.figures.trace import plot_trace
from pystan_mix.figures.vectors import plot_pairs

__all__ = [
    "plot_approximation",
    "plot_autocorr",
    "plot_calibration",
    "plot_choice",
    "plot_comparison",
    "plot_density",
    "plot_dirichlet_prior",
    "plot_elbo",
    "plot_pairs",
    "plot_posterior",
    "plot_predictive",
    "plot_trace",
    "save_figure",
]
