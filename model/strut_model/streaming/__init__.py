"""The streaming core: controls and history in, the next window of motion out, for many characters at once."""
