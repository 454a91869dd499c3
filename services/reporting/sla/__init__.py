"""What became of clocks and promises: the view, its figures, and the lists behind them."""
