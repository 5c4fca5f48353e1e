"""Work beside the messages: what is due in the database is carried out there, and outside of it."""
