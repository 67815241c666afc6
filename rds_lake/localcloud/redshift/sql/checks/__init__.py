"""What a statement may not have: other databases' clauses, windows without their frame, looks into SUPER."""
