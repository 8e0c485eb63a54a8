"""Write what other libraries leave of the posterior of data/close.dat, for the tests of `compare`.

    python other_libraries.py pymc      # the notebook's mof3, its names, by PyMC
    python other_libraries.py numpyro   # without an order of the means, by NumPyro

Either needs ArviZ 0.23 and h5netcdf besides.
"""

import sys
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent
Y = np.loadtxt(HERE.parents[1] / "data" / "close.dat")
K, STEP = 3, 5


def pymc_trace():
    """Return the trace of the notebook's model."""
    import pymc as pm
    from pymc.distributions.transforms import ordered

    with pm.Model():
        p = pm.Dirichlet("p", a=np.array([10.0, 10.0, 10.0]))
        means = pm.Normal(
            "means", mu=0, sigma=10, shape=K, transform=ordered, initval=np.array([-2.0, 0.0, 2.0])
        )
        pm.NormalMixture("obs", p, means, sigma=1.0, observed=Y)
        return pm.sample(2500, tune=1000, chains=4, cores=2, target_accept=0.95, random_seed=11)


def numpyro_trace():
    """Return the trace of a model whose labels may switch."""
    import arviz as az
    import jax
    import numpyro
    import numpyro.distributions as dist
    from numpyro.infer import MCMC, NUTS, init_to_sample

    numpyro.enable_x64()

    def model(y):
        theta = numpyro.sample("theta", dist.Dirichlet(np.full(K, 10.0)))
        mu = numpyro.sample("mu", dist.Normal(0.0, 10.0).expand([K]).to_event(1))
        mixture = dist.MixtureSameFamily(dist.Categorical(probs=theta), dist.Normal(mu, 1.0))
        numpyro.sample("heights", mixture, obs=y)

    mcmc = MCMC(
        NUTS(model, target_accept_prob=0.9, init_strategy=init_to_sample),
        num_warmup=2000,
        num_samples=5000,
        num_chains=4,
        chain_method="sequential",
        progress_bar=False,
    )
    mcmc.run(jax.random.PRNGKey(12), Y)
    return az.from_numpyro(mcmc, log_likelihood=False)


def main():
    """Write one trace beside this file."""
    library = sys.argv[1]
    trace = {"pymc": pymc_trace, "numpyro": numpyro_trace}[library]()
    step = STEP if library == "pymc" else 2 * STEP
    kept = trace.isel(draw=slice(None, None, step), groups=["posterior", "sample_stats"])
    for name in set(kept.sample_stats) - {"diverging", "energy", "lp", "tree_depth", "n_steps"}:
        del kept.sample_stats[name]
    kept.to_netcdf(HERE / f"{library}-close.nc", engine="h5netcdf")


if __name__ == "__main__":
    main()
