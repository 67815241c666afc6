"""Tests of what only a live account shows; each also runs against the local cloud, as far as that plays the part."""
