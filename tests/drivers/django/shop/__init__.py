"""The application of tests/drivers/django."""
