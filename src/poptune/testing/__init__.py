"""What our tests and yours share: toy trainables, an executor on virtual time, contracts, tests for any PBT system."""
