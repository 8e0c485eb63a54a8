"""The exceptions of pystan_mix; each message names the fault and the remedy."""


class PystanMixError(Exception):
    """Base of every error that pystan_mix raises on purpose."""


class DataError(PystanMixError, ValueError):
    """The observations, or the file that should hold them, cannot be used."""


class ModelError(PystanMixError, ValueError):
    """The mixture or one of its priors is not a valid model."""


class SettingsError(PystanMixError, ValueError):
    """A setting of a sampler, of a figure or of a command is out of its range."""


class CmdStanNotFoundError(PystanMixError):
    """No usable CmdStan is on this machine."""


class CmdStanInstallError(PystanMixError):
    """CmdStan could not be fetched, unpacked or built."""


class CompilationError(PystanMixError):
    """A Stan program could not be compiled."""


class SamplingError(PystanMixError):
    """CmdStan failed or was killed while it ran."""


class OutputError(SamplingError):
    """What CmdStan wrote is not whole or not finite."""


class MissingPackageError(PystanMixError, ImportError):
    """A package that only an extra of pystan_mix brings is not installed."""
