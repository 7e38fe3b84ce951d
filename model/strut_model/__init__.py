"""Motion science of Strut: data, representation, networks, training, streaming core and exports.

Everything outside ``nn``, ``training`` and ``evaluation`` imports without torch.
"""
