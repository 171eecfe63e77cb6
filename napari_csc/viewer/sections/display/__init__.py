"""Display: what is shown of scan and result."""
