"""The screen of `homerun top`: what it shows (plain functions) and the Textual app around it."""
