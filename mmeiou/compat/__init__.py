"""Work-arounds for the stack below mmeiou, all in one place."""


def install() -> None:
    """Placeholder until the hooks are written."""
