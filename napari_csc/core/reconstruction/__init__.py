"""From a scan, filters and maps to a result."""
