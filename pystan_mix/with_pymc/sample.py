"""The same posterior drawn by PyMC, to be compared with."""

import contextlib
import signal
import sys
import threading
from collections.abc import Iterator
from types import FrameType
from typing import NoReturn

from pystan_mix.arviz_compat import Fit
from pystan_mix.checks import check_open_interval, check_seed, check_whole, parallel_processes
from pystan_mix.errors import SamplingError
from pystan_mix.mixtures.mixture import Mixture


def sample_pymc(
    model: Mixture,
    y: object,
    *,
    chains: int = 4,
    iter_warmup: int = 1000,
    iter_sampling: int = 1000,
    adapt_delta: float = 0.95,
    seed: int | None = None,
    show_progress: bool = True,
) -> Fit:
    """Draw from the posterior of a mixture by PyMC's NUTS.

    Parameters
    ----------
    model : Mixture
        The model.
    y : array_like, shape (N,), or Interval
        Observations, in the units of the priors.
    chains : int, default 4
        Number of chains.
    iter_warmup, iter_sampling : int, default 1000
        Iterations of each chain for adaptation and for draws.
    adapt_delta : float, default 0.95
        Target acceptance rate.
    seed : int, optional
        As in `sample`.
    show_progress : bool, default True
        Whether PyMC shows its progress, on standard error.

    Returns
    -------
    arviz.InferenceData or xarray.DataTree
        What PyMC made: `theta`, `mu` and `sigma` in the group ``posterior``,
        whose attribute ``sampling_time`` has the seconds, compiling left out.

    Raises
    ------
    MissingPackageError
        If PyMC is not installed.
    DataError, ModelError, SettingsError
        If an argument cannot be used.
    SamplingError
        If PyMC fails.
    """
    chains = check_whole("chains", chains, least=1)
    iter_warmup = check_whole("iter_warmup", iter_warmup, least=1)
    iter_sampling = check_whole("iter_sampling", iter_sampling, least=1)
    adapt_delta = check_open_interval("adapt_delta", adapt_delta, low=0.0, high=1.0)
    seed = check_seed(seed)
    # PyMC is an extra, and takes seconds to import
    from pystan_mix.with_pymc.build import import_pymc, to_pymc

    pm = import_pymc()
    built = to_pymc(model, y)
    # on Ctrl-C, chains that run one after the other leave out the one that runs, and go on
    cores = max(parallel_processes(None, processes=chains), 2)
    try:
        # PyMC's progress goes to standard output, which is for results
        with interrupts_raised(), contextlib.redirect_stdout(sys.stderr):
            return pm.sample(
                draws=iter_sampling,
                tune=iter_warmup,
                chains=chains,
                cores=cores,
                target_accept=adapt_delta,
                random_seed=seed,
                progressbar=show_progress,
                quiet=not show_progress,
                compute_convergence_checks=False,
                model=built,
            )
    except (RuntimeError, ValueError) as error:
        raise SamplingError(f"PyMC failed: {error}") from error


@contextlib.contextmanager
def interrupts_raised() -> Iterator[None]:
    """Raise KeyboardInterrupt on Ctrl-C, where PyMC would hand back what it has so far.

    A request to terminate does the same. Python tells only its main thread of
    either; in another nothing is changed.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    seen = False

    def interrupt(signum: int, frame: FrameType | None) -> NoReturn:  # noqa: ARG001
        nonlocal seen
        seen = True
        raise KeyboardInterrupt

    before = {
        number: signal.signal(number, interrupt) for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield
    except Exception:
        # of what PyMC tried to make of too few draws
        if not seen:
            raise
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if seen:
        raise KeyboardInterrupt
