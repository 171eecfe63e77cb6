"""What the tests of the evaluation evaluate on."""

GROUPS = {"ball": ("train_a.npy",), "other": ("test_c.npy",)}
