"""NumPyro on vectors: on the CPU, in 64 bits, as many chains at once as there are JAX devices.

All components' densities are written out over coordinates, which JAX fuses into one loop: at
100 000 vectors that is faster than `MixtureSameFamily` of `MultivariateNormal` by a factor of ten.
Chains run in threads, and in blocks so that it can say how far it is. Seconds: of NUTS's
iterations, compiled before; its search for a first step, and what JAX compiles for that, are left
out.
"""

import math
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import jax
import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
from numpyro.infer import NUTS
from numpyro.infer.hmc import HMCState
from numpyro.infer.util import unconstrain_fn
from vector_measurement import NAMES, Progress, VectorTask, read_vector_task, write_vectors

# of warm-up and of draws, if they are equally many
BLOCKS = 10


def model(task: VectorTask, y: jax.Array) -> None:
    """Sample `theta`, `mu`, `sigma` and the correlations' Cholesky factors."""
    block, (K, D) = task.block, (task.block["K"], task.block["D"])
    theta = numpyro.sample("theta", dist.Dirichlet(jnp.array(block["alpha"])))
    means = dist.Normal(jnp.array(block["mu_loc"]), jnp.array(block["mu_scale"]))
    mu = numpyro.sample("mu", means.expand([K, D]).to_event(2))
    scale, least = jnp.array(block["sigma_scale"]), jnp.array(block["min_sigma"])
    scales = dist.TruncatedNormal(jnp.zeros(D), scale, low=least)
    sigma = numpyro.sample("sigma", scales.expand([K, D]).to_event(2))
    roots = dist.LKJCholesky(D, block["corr_eta"])
    root = numpyro.sample("root", roots.expand([K]).to_event(1))
    numpyro.deterministic("corr", root @ root.mT)
    terms = []
    for k in range(K):
        z: list[jax.Array] = []
        total = jnp.log(theta[k]) - 0.5 * D * jnp.log(2 * jnp.pi)
        for i in range(D):
            left = (y[i] - mu[k, i]) / sigma[k, i] - sum(root[k, i, j] * z[j] for j in range(i))
            z.append(left / root[k, i, i])
            total = total - 0.5 * z[i] ** 2 - jnp.log(sigma[k, i]) - jnp.log(root[k, i, i])
        terms.append(total)
    numpyro.factor("y", jax.scipy.special.logsumexp(jnp.stack(terms), axis=0).sum())


def starts(task: VectorTask, y: jax.Array) -> dict[str, jax.Array]:
    """Return unconstrained initial values of each chain, jittered as PyMC does."""
    rng, each = np.random.default_rng(task.seed), []
    for chain in range(task.chains):
        start = task.starts[chain % len(task.starts)]
        place = {name: jnp.array(start[name]) for name in ("theta", "mu", "sigma")}
        place["root"] = jnp.linalg.cholesky(jnp.array(start["corr"]))
        free = unconstrain_fn(model, (task, y), {}, place)
        each.append({n: x + task.jitter * rng.uniform(-1, 1, x.shape) for n, x in free.items()})
    return {name: jnp.stack([one[name] for one in each]) for name in each[0]}


compiling: list[str] = []


def note_compiling(event: str, seconds: float, **_: object) -> None:
    """Note that JAX traced or compiled something that took time."""
    if event.startswith("/jax/core/compile/") and seconds > 0.01:
        compiling.append(f"{event} {seconds:.2f} s")


task = read_vector_task()
task.refuse_other_priors()
numpyro.set_platform("cpu")
numpyro.set_host_device_count(task.cores)
numpyro.enable_x64()
jax.monitoring.register_event_duration_secs_listener(note_compiling)
# a coordinate after the other
y = jnp.array(task.y.T.copy())
kernel = NUTS(model, target_accept_prob=task.target, **task.options)
both = math.gcd(task.iter_warmup, task.iter_sampling)
size = both // BLOCKS if both % BLOCKS == 0 else both
progress = Progress(task)


@jax.jit
def block(state: HMCState, y: jax.Array) -> tuple[HMCState, tuple[dict[str, jax.Array], jax.Array]]:
    """Run NUTS for some iterations."""

    def one(state: HMCState, _: None) -> tuple[HMCState, tuple[dict[str, jax.Array], jax.Array]]:
        state = kernel.sample(state, (task, y), {})
        return state, (state.z, state.num_steps)

    return jax.lax.scan(one, state, None, length=size)


def run_chain(state: HMCState, y: jax.Array) -> tuple[dict[str, np.ndarray], int]:
    """Return a chain's draws in the unconstrained space, and their gradients."""
    found = []
    for _ in range((task.iter_warmup + task.iter_sampling) // size):
        state, drawn = jax.block_until_ready(block(state, y))
        found.append(drawn)
        progress.add(size)
    found = found[task.iter_warmup // size :]
    places = {n: np.concatenate([np.asarray(z[n]) for z, _ in found]) for n in found[0][0]}
    return places, int(sum(np.asarray(steps).sum() for _, steps in found))


keys = jax.random.split(jax.random.PRNGKey(task.seed), task.chains)
places = starts(task, y)
chains = []
for chain, key in enumerate(keys):
    first = {name: x[chain] for name, x in places.items()}
    state = kernel.init(key, task.iter_warmup, first, (task, y), {})
    chains.append(jax.device_put((state, y), jax.devices()[chain % task.cores]))
for state, data in chains[: task.cores]:
    # compiled by two blocks that are thrown away: later states have other types than the first
    jax.block_until_ready(block(block(state, data)[0], data))
compiling.clear()
begun = time.perf_counter()
with ThreadPoolExecutor(task.cores) as pool:
    drawn = list(pool.map(run_chain, *zip(*chains, strict=True)))
seconds = time.perf_counter() - begun
if compiling:
    sys.exit(f"JAX compiled again in what was timed: {compiling}")
constrained = jax.jit(jax.vmap(jax.vmap(kernel.postprocess_fn((task, y), {}))))
samples = constrained({name: np.stack([z[name] for z, _ in drawn]) for name in drawn[0][0]})
write_vectors(
    task,
    {name: samples[name] for name in NAMES},
    seconds=seconds,
    gradients=float(sum(steps for _, steps in drawn)),
    packages=("numpyro", "jax", "jaxlib", "numpy"),
)
