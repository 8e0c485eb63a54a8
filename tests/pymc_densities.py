"""The log density of a PyMC model at parameters of one's own choice."""

import dataclasses

import numpy as np

from pystan_mix.numerics import FloatArray


@dataclasses.dataclass(frozen=True)
class Densities:
    """PyMC's log density row by row, and with the Jacobian at the first point of a chain."""

    without_jacobian: FloatArray
    with_jacobian: FloatArray
    at_start: float


def densities_at(built, parameters) -> Densities:
    """Evaluate a PyMC model where its variables have these values, row by row."""
    import pytensor
    import pytensor.tensor as pt

    columns = {}
    for variable in built.free_RVs:
        x = pt.vector() if variable.ndim else pt.scalar()
        transform = built.rvs_to_transforms[variable]
        value = x if transform is None else transform.forward(x, *variable.owner.inputs)
        forward = pytensor.function([x], value, mode=in_numpy())
        name = built.rvs_to_values[variable].name
        rows = parameters[variable.name]
        columns[name] = [forward(row if variable.ndim else row[0]) for row in rows]
    log_densities = built.compile_fn(
        [built.logp(jacobian=False), built.logp(jacobian=True)],
        inputs=built.value_vars,
        mode=in_numpy(),
    )
    rows = zip(*columns.values(), strict=True)
    pairs = [log_densities(dict(zip(columns, row, strict=True))) for row in rows]
    without, with_jacobian = np.array(pairs, dtype=np.float64).T
    return Densities(without, with_jacobian, float(log_densities(built.initial_point())[1]))


def in_numpy():
    """Return PyTensor's default rewriting, of which logsumexp needs some, without compiled code."""
    from pytensor.compile.mode import Mode

    return Mode(linker="py", optimizer="fast_run").excluding("fusion")
