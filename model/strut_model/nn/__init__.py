"""Networks in PyTorch: the denoiser (teacher and student) and the motion encoder."""
