"""Repairs of moto: where AWS behaves otherwise and the pipeline depends on it. Each goes when moto does it right."""
