"""What sweeps taught, kept as evidence: pooled over projects, or contradicted."""
