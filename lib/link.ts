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

/** Milliseconds for which a connection that nobody uses is kept. */
const idleLifetime = 30_000;

/**
 * Bytes of one answer. A page of 500 objects of ours has a few million; without a bound an answer that does not end takes
 * the memory that the passes into all other clusters need.
 */
const longestAnswer = 64_000_000;

/** Holds the link of a transport. */
export function holdLink(first: Connection, settings: PoolSettings): LinkHolder {
  let link = linkOf(first, poolTo(first, settings));
  let lastUsed = Date.now();
  let renewal: Promise<boolean> | undefined;

  async function renewLink(trouble: Trouble): Promise<boolean> {
    const { connection } = link;
    const other = await connection.renewed?.(trouble);
    const { pool } = link;
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
    current() {
      const now = Date.now();
      // undici's own clock stands still while a function is frozen, and what is at the other end of a connection does not.
      if (Math.abs(now - lastUsed) > idleLifetime) {
        void link.pool.close();
        link = { ...link, pool: poolTo(link.connection, settings) };
      }
      lastUsed = now;
      return link;
    },
    async renew(used, trouble) {
      // Another pool alone is nothing new.
      if (link.headers !== used.headers) return true;
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
    keepAliveTimeout: idleLifetime,
    maxResponseSize: longestAnswer,
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
