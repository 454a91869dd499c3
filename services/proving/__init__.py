"""What proves that nothing is lost: the log against itself, its views, its doors and its signed heads."""
