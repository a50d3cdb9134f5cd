"""What our tests and yours share: toy trainables, an executor on virtual time, and the contract of every executor."""
