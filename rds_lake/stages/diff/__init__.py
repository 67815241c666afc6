"""What changed between two snapshot dates: of one table by row, of a whole source by table."""
