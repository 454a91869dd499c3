"""A simulated desk with injected incidents and decoys: what the radar finds of them, how soon, and what it invents."""
