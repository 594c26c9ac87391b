import { setTimeout as sleep } from 'node:timers/promises';
import * as z from 'zod';
import { issueOf } from './answer.ts';
import { ApiError } from './cluster.ts';
import type { Connection, Trouble } from './connection.ts';
import { checkHeaders, withoutCredentialsOf } from './headers.ts';
import { holdLink, type Link } from './link.ts';
import { plainText } from './plain-text.ts';
import { troubleOf } from './trouble.ts';
import { unlessAborted } from './unless-aborted.ts';

/** How a pool behaves towards its API server. */
export interface TransportOptions {
  /** Connections, and so requests in flight; what more of them would gain is in ADR 0002. */
  readonly connections: number;
  /** Milliseconds within which a request must succeed, its retries included. */
  readonly deadline: number;
}

/** One request. `path` holds the query. */
export interface ApiRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly path: string;
  readonly body?: unknown;
  /** Of the body; left out: JSON. */
  readonly contentType?: string;
  readonly accept?: string;
  readonly signal: AbortSignal;
  readonly beforeSend?: () => void;
}

/** A connection pool to one API server: sends, retries, and tells the server's time. */
export interface Transport {
  request(request: ApiRequest): Promise<unknown>;
  /** The server's clock in milliseconds, by the `Date` of its last success: an error may come from a proxy before it. */
  now(): number;
  close(): Promise<void>;
}

const firstPause = 100;
const longestPause = 5_000;
/** Shorter than the 5 s that a pass gives a cluster to be read, so that a host behind a firewall is told by name. */
const longestConnect = 4_000;
/** Of the 5 s of such a read, and more than EKS or a store of secrets takes to say where a cluster is. */
const longestRenewal = 1_000;
/** As RFC 9110 has it, 5.6.7; what else a Date can be read from has years that no timestamp has. */
const httpDate = /^[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/;
const retried = [429, 500, 502, 503, 504];
const statusObject = z.looseObject({ message: z.string().optional(), reason: z.string().optional() });

/**
 * Opens the one pool that a process has for a cluster. Requests are retried with full jitter on 429 (after
 * `Retry-After`), 5xx, resets and unreadable answers, until the deadline; a write that is retried is conditional, so
 * that repeating it is harmless. Once in each request a connection that is refused or has gone astray is renewed. Throws
 * ApiError, what `beforeSend` throws, or, where a request is aborted before anything went wrong, the reason of its signal.
 */
export function openTransport(connection: Connection, options: TransportOptions): Transport {
  const { connections, deadline } = options;
  const link = holdLink(connection, { connections, connectTimeout: Math.min(deadline / 2, longestConnect) });
  let clock = Date.now() - performance.now();

  async function send(request: ApiRequest, { connection, pool, headers }: Link, signal: AbortSignal): Promise<Answer> {
    signal.throwIfAborted();
    const given = await unlessAborted(headers(), signal, () => withoutCredentials(connection));
    checkHeaders(given);
    request.beforeSend?.();
    const asked = pool.request({
      method: request.method,
      path: `${connection.server.pathname.replace(/\/$/, '')}${request.path}`,
      headers: {
        ...given,
        accept: request.accept ?? 'application/json',
        'user-agent': 'skymirror',
        ...(request.body === undefined ? {} : { 'content-type': request.contentType ?? 'application/json' }),
      },
      body: request.body === undefined ? null : JSON.stringify(request.body),
      signal,
      headersTimeout: deadline,
      bodyTimeout: deadline,
    });
    // undici heeds the signal once a request has a connection, which is too late where it never gets one.
    const answer = await unlessAborted(asked, signal);
    const text = await answer.body.text();
    const { date, 'retry-after': retryAfter } = answer.headers;
    const told = httpDate.test(String(date)) ? Date.parse(String(date)) : Number.NaN;
    const serverTime = Number.isNaN(told) ? undefined : told;
    const clean = (said: string) => withoutCredentialsOf(given, said);
    return { status: answer.statusCode, text, clean, retryAfter: Number(retryAfter) * 1000 || 0, serverTime };
  }

  async function request(wanted: ApiRequest): Promise<unknown> {
    const until = performance.now() + deadline;
    const signal = AbortSignal.any([wanted.signal, AbortSignal.timeout(deadline)]);
    const guarded = guard(wanted);
    const renewed = new Set<Trouble['kind']>();
    let known: ApiError | undefined;
    let lost: { readonly kind: Trouble['kind']; readonly error: unknown } | undefined;
    for (let attempt = 0; ; attempt += 1) {
      const used = link.current();
      const outcome = await attemptOnce(() => send(guarded.request, used, signal), wanted);
      guarded.rethrow();
      if ('body' in outcome) {
        if (outcome.serverTime !== undefined) clock = outcome.serverTime - performance.now();
        return outcome.body;
      }
      // An attempt that was cut says less than the last one that failed by itself.
      const cut = signal.aborted && outcome.error.reason === 'Unreachable';
      if (!cut) known = outcome.error;
      if (known === undefined) wanted.signal.throwIfAborted();
      const last = known ?? outcome.error;
      const trouble = troubleOf(outcome.error, outcome.serverTime);
      if (trouble !== undefined && !renewed.has(trouble.kind)) {
        renewed.add(trouble.kind);
        const renewal = link.renew(used, trouble).catch((error: unknown) => {
          lost = { kind: trouble.kind, error };
          return false;
        });
        // The address may be right after all: whoever knows of others must not cost the request its retries.
        const patience = outcome.retry ? [signal, AbortSignal.timeout(longestRenewal)] : [signal];
        if (await unlessAborted(renewal, AbortSignal.any(patience)).catch(() => false)) continue;
      }
      const failure = () =>
        named(used.connection, wanted, lost && lost.kind === troubleOf(last)?.kind ? astray(last, lost.error) : last);
      const pause = Math.max(outcome.retryAfter, Math.random() * Math.min(longestPause, firstPause * 2 ** attempt));
      if (!outcome.retry || signal.aborted || performance.now() + pause > until) throw failure();
      await sleep(pause, undefined, { signal: wanted.signal }).catch(() => {
        throw failure();
      });
    }
  }

  return { request, now: () => clock + performance.now(), close: link.close };
}

interface Answer {
  readonly status: number;
  readonly text: string;
  /** Takes out what was sent as credentials: for what is shown of the answer. */
  readonly clean: (said: string) => string;
  readonly retryAfter: number;
  readonly serverTime: number | undefined;
}

interface Failed {
  readonly error: ApiError;
  readonly retry: boolean;
  readonly retryAfter: number;
  readonly serverTime?: number | undefined;
}

type Outcome = { readonly body: unknown; readonly serverTime: number | undefined } | Failed;

async function attemptOnce(send: () => Promise<Answer>, wanted: ApiRequest): Promise<Outcome> {
  try {
    const { status, text, clean, retryAfter, serverTime } = await send();
    const body = parsed(text);
    if (status < 300) {
      const issue = issueOf(body, wanted.path, wanted.body);
      if (issue === undefined) return { body, serverTime };
      return { error: new ApiError(0, 'Unreadable', clean(issue)), retry: true, retryAfter };
    }
    if (status < 400)
      return { error: new ApiError(status, 'Redirected', 'the answer leads elsewhere'), retry: false, retryAfter };
    const known = statusObject.safeParse(body).data;
    const said = known?.message || clean(text).slice(0, 200).replace(/\s+/g, ' ').trim() || `HTTP ${status}`;
    const error = new ApiError(status, clean(known?.reason ?? ''), clean(said));
    return { error, retry: retried.includes(status), retryAfter, serverTime };
  } catch (error) {
    const told = error instanceof ApiError ? error : new ApiError(0, 'Unreachable', reasonOf(error), { cause: error });
    return { error: told, retry: told.reason !== 'Unsendable', retryAfter: 0 };
  }
}

/** client-node waits for a plugin without end; what has words of its own for its credentials has no plugin. */
function withoutCredentials({ mend }: Connection): ApiError {
  if (mend === undefined) return new ApiError(0, 'NoCredentials', 'the credential plugin has not answered');
  return new ApiError(0, 'NoEntry', 'there were no credentials in time. Is AWS within reach from here?');
}

/** Where also whoever knows of other addresses has none. */
function astray({ message }: ApiError, cause: unknown): ApiError {
  return new ApiError(0, 'NoEntry', `${message}; ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
}

/** Keeps what `beforeSend` throws apart from what the network throws: the first is final, the second is retried. */
function guard(wanted: ApiRequest) {
  let stopped: { readonly error: unknown } | undefined;
  const beforeSend = () => {
    try {
      wanted.beforeSend?.();
    } catch (error) {
      stopped = { error };
      throw error;
    }
  };
  return {
    request: { ...wanted, beforeSend },
    rethrow: () => {
      if (stopped !== undefined) throw stopped.error;
    },
  };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const code = 'code' in error && typeof error.code === 'string' ? error.code : error.name;
  return error.message === '' ? code : `${error.message} (${code})`;
}

/** The error in the words of whoever has to mend it: which cluster, what was asked, what helps. */
function named(connection: Connection, request: ApiRequest, error: ApiError): ApiError {
  const where = `cluster ${connection.name} (${connection.server.host})`;
  const hint = error.status === 401 && connection.mend !== undefined ? connection.mend : remedy(error);
  const said = hint === '' ? error.message : `${error.message.replace(/[.\s]*$/, '.')} ${hint}`;
  const text = `${where}: ${request.method} ${request.path.split('?')[0]}: ${said}`;
  return new ApiError(error.status, plainText(error.reason, 100), plainText(text), { cause: error });
}

function remedy({ status, reason, message }: ApiError): string {
  if (reason === 'NoEntry') return '';
  if (reason === 'Unsendable') return 'Write the token anew: is there a line end or a quotation mark in it?';
  if (reason === 'NoCredentials') return 'Run the plugin of the kubeconfig by hand: does it wait for a login?';
  if (reason === 'Unreadable') return 'Something answers in its place: check the address, and the proxies on the way.';
  if (reason === 'Redirected') return 'A proxy before the API server may want a login.';
  if (status === 404 && message.includes('namespaces "')) return 'Create it: kubectl create namespace …';
  if (status === 404 && reason !== 'NotFound') return 'The kind is not installed: skymirror crds --install';
  if (message.includes('being terminated')) return 'The namespace is going away: nothing is written into it.';
  if (status >= 500) return 'The API server, or a proxy before it, is not well: ask it for /readyz?verbose.';
  const mend: Record<number, string> = {
    0: 'Is the API server up, and may this machine reach it?',
    401: 'The credentials are not accepted: renew the token or certificate in the kubeconfig.',
    403: 'RBAC does not allow it: "skymirror rbac" and deploy/rbac have the roles to bind to this user.',
    429: 'The API server is overloaded: lower the concurrency, or give this user a FlowSchema.',
  };
  return mend[status] ?? '';
}
