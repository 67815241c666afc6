"""What only a Redshift of AWS shows: its times, the words of its errors, and its manifests."""
