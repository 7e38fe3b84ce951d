"""Motion data: importing motion capture, packed data sets and their splits."""
