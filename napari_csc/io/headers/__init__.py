"""What headers say of a scan and of where it lies."""
