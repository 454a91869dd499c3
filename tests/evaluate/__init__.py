"""What triage reaches on data that other people labelled: `make evaluate`. Nothing of the data is in the tree."""
