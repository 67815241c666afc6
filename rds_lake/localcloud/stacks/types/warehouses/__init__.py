"""Types of Redshift, whose resources take minutes to be made and to go, and the security group around them."""
