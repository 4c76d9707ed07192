"""BG/NBD and MBG/NBD: customers may leave for good after a purchase."""
