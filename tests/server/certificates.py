"""Certificates of an authority that lives as long as a test."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import grpc
import trustme


@dataclass(frozen=True)
class Authority:
    """An authority, the PEM files of a server that it vouches for, and its clients' credentials."""

    authority: trustme.CA
    directory: Path

    @staticmethod
    def make(directory: Path) -> Authority:
        """A new authority with a server's certificate for loopback names."""
        made = Authority(trustme.CA(), directory)
        made.renew()
        made.authority.cert_pem.write_to_path(str(made.root))
        return made

    @property
    def root(self) -> Path:
        """PEM file of the authority."""
        return self.directory / "ca.pem"

    @property
    def certificate(self) -> Path:
        """PEM file of the server's certificate chain."""
        return self.directory / "server.pem"

    @property
    def key(self) -> Path:
        """PEM file of the server's key."""
        return self.directory / "server.key"

    def renew(self) -> None:
        """Write a new certificate of the server, and its key."""
        issued = self.authority.issue_cert("localhost", "127.0.0.1", "::1")
        issued.private_key_pem.write_to_path(str(self.key))
        self.certificate.write_bytes(b"".join(blob.bytes() for blob in issued.cert_chain_pems))

    def client(self, name: str | None = None) -> grpc.ChannelCredentials:
        """Credentials of a client that trusts the authority; with a certificate of that name where one is given."""
        roots = self.root.read_bytes()
        if name is None:
            return grpc.ssl_channel_credentials(roots)
        issued = self.authority.issue_cert(name)
        chain = b"".join(blob.bytes() for blob in issued.cert_chain_pems)
        return grpc.ssl_channel_credentials(roots, issued.private_key_pem.bytes(), chain)
