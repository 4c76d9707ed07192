"""Mathematics that knows of no model: special functions, quadrature, roots, whole lifetimes."""
