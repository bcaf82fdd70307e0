"""Files of what a user looks at: pictures, animations, volumes, numbers and decks."""
