"""What to run next: the next sweep file, and what each way to run one can tell."""
