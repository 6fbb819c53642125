"""Which release of a package numbers were measured with."""

from importlib.metadata import packages_distributions, version


def release_of(module: str) -> str:
    """Of what is imported by a name, without importing it; ``onnxruntime-gpu`` has another name."""
    distributions = packages_distributions().get(module)
    return version(distributions[0]) if distributions else "not installed"
