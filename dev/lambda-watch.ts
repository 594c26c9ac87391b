import { readFileSync } from 'node:fs';
import type { Launched } from './guardian.ts';

/** How the waiting for a process ended. */
export type Watched<Value> =
  | { readonly end: 'done'; readonly value: Value }
  | { readonly end: 'timeout' | 'out of memory' | 'exited' };

/** What a process may use. */
export interface Bounds {
  readonly milliseconds: number;
  /** Megabytes. */
  readonly memory: number;
}

/** How often a process is looked at, in milliseconds. */
const interval = 10;

/**
 * Waits for something that a process is to do, until it ends, runs out of time or has used too much memory. It is
 * looked at and not listened to: a listener would keep this process alive.
 */
export async function watched<Value>(
  child: Launched,
  value: Promise<Value>,
  { milliseconds, memory }: Bounds,
): Promise<Watched<Value>> {
  const trouble = Promise.withResolvers<Watched<Value>>();
  const timer = setTimeout(() => trouble.resolve({ end: 'timeout' }), milliseconds);
  const look = setInterval(() => {
    if (!child.running()) trouble.resolve({ end: 'exited' });
    else if ((peakMemory(child.pid) ?? 0) > memory) trouble.resolve({ end: 'out of memory' });
  }, interval);
  try {
    return await Promise.race([value.then((got) => ({ end: 'done' as const, value: got })), trouble.promise]);
  } finally {
    clearTimeout(timer);
    clearInterval(look);
  }
}

/** The most memory that a process ever had, in megabytes; undefined when it is dead, and where there is no /proc. */
export function peakMemory(pid: number): number | undefined {
  try {
    const [, kilobytes] = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
    return kilobytes === undefined ? undefined : Number(kilobytes) / 1024;
  } catch {
    return undefined;
  }
}
