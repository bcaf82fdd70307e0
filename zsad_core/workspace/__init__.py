"""What a user made and keeps: pins, drafts, trials, phrases; `home` is by default all users'."""
