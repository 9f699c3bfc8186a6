"""What has run is judged: which run is best, how sure that is, what more runs would gain."""
