"""Callbacks for libraries whose callbacks live in W&B's package: one module for each library.

Importing a module imports its library.
"""
