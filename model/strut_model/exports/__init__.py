"""Motion on its way out: files for other tools (glTF, BVH, NPZ), pictures, videos, a page to look at, and the
``strut generate`` command."""
