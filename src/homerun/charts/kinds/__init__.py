"""What each kind of picture shows: a DataFrame in, a Figure or a table out."""
