"""Training: encoder, teacher, distillation and the export of a bundle."""
