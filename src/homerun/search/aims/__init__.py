"""What a search goes for: one goal or several, within a budget, with the memory there is."""
