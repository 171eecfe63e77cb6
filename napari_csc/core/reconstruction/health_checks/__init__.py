"""What the table of health checks is made of: figures of a result, and rows that judge them."""
