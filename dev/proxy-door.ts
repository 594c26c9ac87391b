import { once } from 'node:events';
import { createServer as createHttpServer, type RequestListener } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { createServer, type Server, type Socket } from 'node:net';
import { type Certificate, makeCertificate } from './proxy-certificate.ts';

/** What a client meets that connects: nobody, an end in the middle of the handshake, or a certificate that is no good. */
export type DoorTrouble = 'refused' | 'handshake cut' | 'wrong host' | 'expired' | 'self-signed';

/** Where clients connect to a proxy. */
export type Door = {
  readonly url: string;
  /** PEM of the authority that vouches for the good certificate; '' where the door speaks plain HTTP. */
  readonly authority: string;
  /**
   * Ends all connections; as many new ones as this meet the trouble (default: all until `open`). Who is refused cannot be
   * counted: that lasts until `open`.
   */
  shut(trouble: DoorTrouble, connections?: number): void;
  open(): void;
  stop(): Promise<void>;
};

/** A port of 127.0.0.1 behind which requests are handled, by TLS where `secure` says so. */
export async function openDoor(handle: RequestListener, { secure }: { readonly secure: boolean }): Promise<Door> {
  const { authority, servers, plain } = secure ? secured(handle) : unsecured(handle);
  const sockets = new Set<Socket>();
  let trouble: DoorTrouble | undefined;
  let left = 0;
  const gate = createServer((socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    socket.on('error', () => {});
    const met = left > 0 ? trouble : undefined;
    if (met !== undefined) left -= 1;
    // After its first bytes, so that it is the handshake that ends and not the connecting.
    if (met === 'handshake cut') socket.once('data', () => socket.destroy());
    else (servers.get(met) ?? plain).emit('connection', socket);
  });
  gate.listen(0, '127.0.0.1');
  await once(gate, 'listening');
  const address = gate.address();
  if (address === null || typeof address === 'string')
    throw new Error('a proxy did not get a TCP port: this is a bug in dev/proxy-door.ts');
  const { port } = address;
  const hangUp = () => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    url: `${secure ? 'https' : 'http'}://127.0.0.1:${port}`,
    authority,
    shut(next, connections = Number.POSITIVE_INFINITY) {
      trouble = next;
      left = connections;
      if (next === 'refused') gate.close();
      hangUp();
    },
    open() {
      left = 0;
      if (!gate.listening) gate.listen(port, '127.0.0.1');
    },
    async stop() {
      const closed = gate.listening ? once(gate, 'close') : undefined;
      gate.close();
      hangUp();
      await closed;
    },
  };
}

type Servers = {
  readonly authority: string;
  readonly servers: ReadonlyMap<DoorTrouble | undefined, Server>;
  readonly plain: Server;
};

/** Longer than any client keeps a connection, so that it is never this end that closes one. */
const keepAliveTimeout = 60_000;

function unsecured(handle: RequestListener): Servers {
  return { authority: '', servers: new Map(), plain: createHttpServer({ keepAliveTimeout }, handle) };
}

function secured(handle: RequestListener): Servers {
  const host = '127.0.0.1';
  const name = 'dev/proxy-door.ts';
  const later = new Date(Date.now() + 86_400_000);
  const authority = makeCertificate({ name: `${name} authority`, until: later });
  const issuer = { name: `${name} authority`, key: authority.key };
  const serve = (certificate: Certificate) => createHttpsServer({ ...certificate, keepAliveTimeout }, handle);
  const servers = new Map<DoorTrouble | undefined, Server>([
    ['wrong host', serve(makeCertificate({ name, host: 'elsewhere.example', until: later, issuer }))],
    ['expired', serve(makeCertificate({ name, host, until: new Date(Date.now() - 3_600_000), issuer }))],
    ['self-signed', serve(makeCertificate({ name, host, until: later }))],
  ]);
  return {
    authority: authority.cert,
    servers,
    plain: serve(makeCertificate({ name, host, until: later, issuer })),
  };
}
