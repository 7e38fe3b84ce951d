"""Edit operators on whole clips: named, exact, composable, applied in order; and the same out of a sentence."""
