"""Turns a template's text and parameters into a plan of resources, or refuses them."""
