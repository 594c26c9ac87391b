import type { KubernetesObject } from '../../lib/object.ts';
import type { Report } from '../../lib/report.ts';
import type { Trouble } from './outside.ts';
import type { Who } from './points.ts';

/** What may go wrong at one request, inside or outside. */
export const faults = [
  'throttled',
  'denied',
  'timeout',
  'error',
  'unprocessable',
  'expired',
  'lost',
  'reset',
  'blip',
  'half',
  'die',
  'dies after',
] as const;
export type Fault = (typeof faults)[number];

/** One opened scope: what was asked there, and what was answered. */
export interface Session {
  readonly place: string;
  listing: 'none' | 'cut' | 'whole';
  readonly listed: Set<string>;
  readonly asks: { readonly order: number; readonly id: string; readonly answer: 'gone' | 'there' | 'error' }[];
  /** How often each id was asked for, answered or not. */
  readonly asked: Map<string, number>;
  calls: number;
  pages: number;
}

/** What an object was when an activity read it. */
export interface Reading {
  readonly order: number;
  readonly uid: string | undefined;
  readonly version: string | undefined;
}

/** Something that calls lib/: a poll, a batch of messages, a backfill, a command. */
export interface Activity extends Who {
  /** The release that it runs. */
  readonly release: 1 | 2;
  readonly mode: 'whole' | 'narrowed' | 'plan';
  readonly abort: AbortController;
  readonly faults: ReadonlyMap<number, Fault>;
  /** What is wrong with the outside for as long as it looks. */
  readonly trouble: Trouble | undefined;
  /** Requests sent so far, by which faults are numbered. */
  requests: number;
  /** The faults that it met. */
  readonly met: Fault[];
  readonly reads: Reading[];
  readonly sessions: Session[];
  /** Write requests so far, by cluster and object. */
  readonly sent: Map<string, number>;
  /** What they changed of mirrored objects: the verbs, by cluster and object. */
  readonly wrote: Map<string, string[]>;
  readonly reports: Report[];
  ended: boolean;
}

/** Numbers what happens in one schedule, so that before and after can be told without a clock. */
export interface Order {
  next(): number;
}

/** The fault that the next request of this activity meets. */
export function nextFault(who: Activity): Fault | undefined {
  const fault = who.faults.get(who.requests);
  who.requests += 1;
  if (fault !== undefined) who.met.push(fault);
  return fault;
}

/** The reading of an object. */
export function readingOf(object: KubernetesObject, order: number): Reading {
  return { order, uid: object.metadata.uid, version: object.metadata.resourceVersion };
}
