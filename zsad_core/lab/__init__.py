"""The prompt lab: trials and their history, search, null test, leaderboard."""
