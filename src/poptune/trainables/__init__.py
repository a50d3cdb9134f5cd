"""What a user's training code is written against, and how it is called."""
