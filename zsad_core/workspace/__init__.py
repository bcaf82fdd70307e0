"""What a user made and keeps: pins, drafts, trials, phrases."""
