"""crmvalue."""
