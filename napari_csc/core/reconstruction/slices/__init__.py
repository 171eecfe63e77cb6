"""The slices of a scan: one after the other, or several at once where that is quicker."""
