import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';

/** A TCP relay that counts connections: what a client really opens, whatever it says about itself. */
export interface TcpProxy {
  readonly port: number;
  /** The connections since the last call, and the most that were open at once. */
  take(): { opened: number; peak: number };
  stop(): Promise<void>;
}

/** Relays to a port of 127.0.0.1. */
export async function startTcpProxy(target: number): Promise<TcpProxy> {
  const open = new Set<Socket>();
  let opened = 0;
  let peak = 0;
  const server = createServer({ noDelay: true }, (near) => {
    const far = connect({ port: target, host: '127.0.0.1', noDelay: true });
    open.add(near);
    opened += 1;
    peak = Math.max(peak, open.size);
    near.pipe(far).pipe(near);
    const end = () => {
      open.delete(near);
      near.destroy();
      far.destroy();
    };
    for (const socket of [near, far]) socket.on('error', end).on('close', end);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('bench/tcp-proxy.ts: no TCP port');
  return {
    port: address.port,
    take() {
      const counted = { opened, peak };
      opened = 0;
      peak = open.size;
      return counted;
    },
    async stop() {
      const closed = once(server, 'close');
      server.close();
      for (const socket of open) socket.destroy();
      await closed;
    },
  };
}
