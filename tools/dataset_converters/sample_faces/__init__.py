"""Parts of ``make_sample_faces.py``: sources, heads pasted from them, whole pictures."""
