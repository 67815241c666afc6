"""Resource types of Redshift, which take minutes to be created and deleted, and their security group."""
