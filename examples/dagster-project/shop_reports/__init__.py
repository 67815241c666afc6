"""Reports of the shop, made of its lake."""
