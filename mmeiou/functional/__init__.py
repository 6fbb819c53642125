"""The mathematics on plain tensors and arrays: imports torch and numpy, nothing of the MM stack."""
