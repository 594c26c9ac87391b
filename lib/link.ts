import { Pool } from 'undici';
import type { Connection, Trouble } from './connection.ts';

/** A connection in use, with the pool that goes with it. Replaced as a whole, so that whoever used it can tell. */
export interface Link {
  readonly connection: Connection;
  readonly pool: Pool;
  /** Those of the connection, asked for again when they are a minute old. */
  headers(): Promise<Record<string, string>>;
}

/** The link to one cluster, which changes when the cluster does. */
export interface LinkHolder {
  current(): Link;
  /** Whether there is something new to try in the place of `used`. Of many that ask at once, the first renews for all. */
  renew(used: Link, trouble: Trouble): Promise<boolean>;
  close(): Promise<void>;
}

/** How a pool behaves; see `TransportOptions`. */
export interface PoolSettings {
  readonly connections: number;
  readonly connectTimeout: number;
}

const headersLifetime = 60_000;

/** Holds the link of a transport. */
export function holdLink(first: Connection, settings: PoolSettings): LinkHolder {
  let link = linkOf(first, poolTo(first, settings));
  let renewal: Promise<boolean> | undefined;

  async function renewLink(trouble: Trouble): Promise<boolean> {
    const { connection, pool } = link;
    const other = await connection.renewed?.(trouble);
    if (other === undefined) {
      if (trouble.kind === 'astray') return false;
      link = linkOf(connection, pool);
      return true;
    }
    const named = { ...other, name: connection.name };
    link = linkOf(named, poolTo(named, settings));
    // Waits for what is under way; what comes too late for the old pool is sent again by the new one.
    void pool.close();
    return true;
  }

  return {
    current: () => link,
    async renew(used, trouble) {
      if (link !== used) return true;
      renewal ??= renewLink(trouble).finally(() => {
        renewal = undefined;
      });
      return renewal;
    },
    close: () => link.pool.close(),
  };
}

function poolTo({ server, tls }: Connection, { connections, connectTimeout }: PoolSettings): Pool {
  return new Pool(server.origin, {
    connections,
    // Over HTTP/2 undici would send any number of requests at once on one connection, and use more CPU (ADR 0002).
    allowH2: false,
    keepAliveTimeout: 30_000,
    connect: { ...tls, timeout: connectTimeout },
  });
}

function linkOf(connection: Connection, pool: Pool): Link {
  let known: { readonly headers: Promise<Record<string, string>>; readonly at: number } | undefined;
  return {
    connection,
    pool,
    headers() {
      // By the wall clock: a function is frozen between two calls, and its monotonic clock may be too.
      const now = Date.now();
      if (known === undefined || Math.abs(now - known.at) > headersLifetime) {
        const asked = { headers: connection.headers(), at: now };
        known = asked;
        // A plugin that failed is asked again by the next attempt.
        asked.headers.catch(() => {
          if (known === asked) known = undefined;
        });
      }
      return known.headers;
    },
  };
}
