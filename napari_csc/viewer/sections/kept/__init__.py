"""What is kept of the work: steps to go back to, and the whole workbench as one file."""
