"""How low resolution is made from high resolution: pure functions on arrays."""
