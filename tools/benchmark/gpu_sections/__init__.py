"""What gpu.py measures, a section a file, and what sections share."""
