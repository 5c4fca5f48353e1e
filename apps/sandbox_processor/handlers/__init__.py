"""One transaction each: read what it is about, let the domain decide, save what that changes."""
