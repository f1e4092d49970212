"""Files from somebody else: unpacked, looked at and kept inside one folder before any reader opens them."""
