"""What every room stands on: store, jobs, paths, settings, colours."""
