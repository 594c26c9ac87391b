import type { IncomingHttpHeaders } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { DoorTrouble } from './proxy-door.ts';

/** An answer as it goes to the client. */
export type Answer = { readonly status: number; readonly headers: IncomingHttpHeaders; readonly body: Buffer };

/** What a fault does to a request, whatever is spoken over HTTP. Made by the functions of this file. */
export type Effect =
  | { readonly kind: 'reset' | 'lose' | 'cut' }
  | { readonly kind: 'wait'; readonly wait: (gone: AbortSignal) => Promise<void> }
  | { readonly kind: 'drip' | 'stray'; readonly milliseconds: number }
  | { readonly kind: 'shut'; readonly trouble: DoorTrouble; readonly connections: number }
  | { readonly kind: 'instead'; readonly answer: Answer }
  | { readonly kind: 'change'; readonly change: (answer: Answer) => Answer };

/** One fault: let the first `after` matching requests through, then hit `times` of them (default: every one). */
export type RuleOf<When, Do> = {
  readonly when: When;
  readonly do: Do;
  readonly times?: number;
  readonly after?: number;
};

/** A fault at work. */
export type Fault = { readonly hits: number; remove(): void };

/** The faults of a proxy. */
export type FaultsOf<Request, When, Do> = {
  add(rule: RuleOf<When, Do>): Fault;
  clear(): void;
  /**
   * The effects that this request gets, counted on its arrival, in the order in which the rules were added. The first
   * effect that answers by itself ends the list: rules behind it do not count the request.
   */
  effects(request: Request): Do[];
};

const answering: readonly string[] = ['answer', 'instead', 'reset', 'stray', 'shut'];

/** An empty list of faults; `matches` says whether a request is one of those that `when` describes. */
export function createRules<Request, When, Do extends { readonly kind: string }>(
  matches: (when: When, request: Request) => boolean,
): FaultsOf<Request, When, Do> {
  const rules = new Set<{ rule: RuleOf<When, Do>; seen: number; hits: number }>();
  return {
    add(rule) {
      const entry = { rule, seen: 0, hits: 0 };
      rules.add(entry);
      return {
        get hits() {
          return entry.hits;
        },
        remove: () => rules.delete(entry),
      };
    },
    clear: () => rules.clear(),
    effects(request) {
      const effects: Do[] = [];
      for (const entry of rules) {
        if (!matches(entry.rule.when, request)) continue;
        entry.seen += 1;
        if (entry.seen <= (entry.rule.after ?? 0) || entry.hits >= (entry.rule.times ?? Number.POSITIVE_INFINITY))
          continue;
        entry.hits += 1;
        effects.push(entry.rule.do);
        if (answering.includes(entry.rule.do.kind)) break;
      }
      return effects;
    },
  };
}

/** The connection is destroyed before the request gets through. */
export function reset(): Effect {
  return { kind: 'reset' };
}

/** What is asked for is done, and the connection is destroyed before the answer. */
export function lose(): Effect {
  return { kind: 'lose' };
}

/** The connection is destroyed, and the request gets through so many milliseconds later, when nobody waits for it. */
export function stray(milliseconds: number): Effect {
  return { kind: 'stray', milliseconds };
}

/** Half of the real answer, then the connection is destroyed. */
export function cut(): Effect {
  return { kind: 'cut' };
}

/** The request goes through so many milliseconds later. */
export function delay(milliseconds: number): Effect {
  return { kind: 'wait', wait: (signal) => sleep(milliseconds, undefined, { signal }) };
}

/** The real answer comes in small pieces over so many milliseconds. */
export function drip(milliseconds: number): Effect {
  return { kind: 'drip', milliseconds };
}

/**
 * The request gets no answer, all connections end, and as many new ones as this meet the trouble; see proxy-door.ts.
 * It ends with its fault, by `remove` or `clear`.
 */
export function shut(trouble: DoorTrouble, connections = Number.POSITIVE_INFINITY): Effect {
  return { kind: 'shut', trouble, connections };
}

/** An answer of somebody in between: the request does not get through. */
export function answer(status: number, body: string, headers: IncomingHttpHeaders = {}): Effect {
  return { kind: 'instead', answer: { status, headers, body: Buffer.from(body) } };
}

/** A web page of somebody in between, by default with the status of a success. */
export function html(status = 200): Effect {
  return answer(status, '<!doctype html><title>Sign in</title><p>Please sign in.</p>', { 'content-type': 'text/html' });
}

/** A redirect of somebody in between to a page that asks for a login. */
export function redirect(status = 302): Effect {
  return answer(status, '', { location: 'https://login.example/' });
}

/** The real answer changed by a function. */
export function change(by: (answer: Answer) => Answer): Effect {
  return { kind: 'change', change: by };
}

/** Half of the real answer, given out as the whole. */
export function truncated(): Effect {
  return change((real) => ({ ...real, body: real.body.subarray(0, real.body.length / 2) }));
}

/** What is asked for is done, and the answer is a success without a word. */
export function empty(): Effect {
  return change((real) => ({ ...real, status: 200, body: Buffer.alloc(0) }));
}

/** What is asked for is done, and the answer is a success with a body that no parser takes. */
export function malformed(body = '{"a"<<'): Effect {
  return change((real) => ({ ...real, status: 200, body: Buffer.from(body) }));
}

/** The real answer, given out as something else than it is. */
export function mislabelled(contentType = 'text/html'): Effect {
  return change((real) => ({ ...real, headers: { ...real.headers, 'content-type': contentType } }));
}

/** Each request gets the answer to the one before it: somebody in between mixes connections up. */
export function mixedUp(): Effect {
  let last: Answer | undefined;
  return change((real) => {
    const other = last ?? real;
    last = real;
    return other;
  });
}

/** Requests that wait at a gate until a test opens it, before they reach the other side. */
export type Gate = { readonly effect: Effect; readonly reached: Promise<void>; release(): void };

/** A closed gate: `reached` resolves when the first request waits at it; after `release()` it lets all through. */
export function hold(): Gate {
  const reached = Promise.withResolvers<void>();
  const open = Promise.withResolvers<void>();
  const wait = (gone: AbortSignal) => {
    reached.resolve();
    const left = Promise.withResolvers<void>();
    gone.addEventListener('abort', () => left.reject(gone.reason), { once: true });
    return Promise.race([open.promise, left.promise]);
  };
  return { effect: { kind: 'wait', wait }, reached: reached.promise, release: () => open.resolve() };
}
