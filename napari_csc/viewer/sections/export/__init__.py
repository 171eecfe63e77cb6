"""Export: results to files, a run as code."""
