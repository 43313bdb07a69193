/**
 * TLS under everything that the port speaks: raw socket -> handshake -> the socket that port.ts decides about.
 *
 * A `tls.Server` that does not listen does the handshakes. TLS 1.2 is the least; `h2` and `http/1.1` are offered, and what a client says first still decides.
 * With a client CA every client must show a certificate that comes from it, or the handshake fails. `renew` is for handshakes to come: connections keep the
 * keys that they have, so no stream is dropped.
 */
import type { Socket } from "node:net";
import { createServer, type SecureContextOptions, type Server, type TLSSocket } from "node:tls";

/** PEM texts. */
export interface TlsMaterial {
  /** The server's certificate, then those of the authorities between. */
  readonly certificate: Buffer;
  readonly key: Buffer;
  /** Clients must show a certificate that comes from these; absent: they are not asked. */
  readonly clientCa?: Buffer | undefined;
}

const contextOf = ({ certificate, key, clientCa }: TlsMaterial): SecureContextOptions => ({
  cert: certificate,
  key,
  minVersion: "TLSv1.2",
  ...(clientCa === undefined ? {} : { ca: clientCa }),
});

export class TlsLayer {
  private readonly server: Server;

  /** `handshakeMs`: how long a handshake may take. */
  constructor(material: TlsMaterial, handshakeMs: number, onError: (error: Error) => void) {
    const clients = material.clientCa !== undefined;
    this.server = createServer({
      ...contextOf(material),
      ALPNProtocols: ["h2", "http/1.1"],
      requestCert: clients,
      rejectUnauthorized: clients,
      handshakeTimeout: handshakeMs,
      allowHalfOpen: true,
    });
    this.server.on("tlsClientError", (error, socket) => {
      onError(error);
      socket.destroy();
    });
  }

  onSecure(listener: (socket: TLSSocket) => void): void {
    this.server.on("secureConnection", listener);
  }

  accept(socket: Socket): void {
    this.server.emit("connection", socket);
  }

  renew(material: TlsMaterial): void {
    this.server.setSecureContext(contextOf(material));
  }
}
