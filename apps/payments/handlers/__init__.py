"""One file per command or consumed event, each a function of a batch; the other files are steps that several share."""
