import { setTimeout as sleep } from 'node:timers/promises';
import { nameOf, type Passed, type Passing } from './kills-gate.ts';
import { type Changes, type Death, type Round, runners } from './kills-plan.ts';

/** A death that has been, and what the pass was doing. */
export interface Struck {
  readonly death: Death;
  readonly phase: string;
}

/** A write in the order of the answers of the API server. */
export interface Written {
  readonly method: string;
  readonly name: string;
  /** 0: it died and did not answer; from 500 on its etcd did not. Nobody knows then whether it was done. */
  readonly status: number;
  /** What it answered; what was sent where nobody knows. */
  readonly object: unknown;
  /** The resourceVersion that a delete was bound to. */
  readonly bound: unknown;
}

/** What a run is expected to take, by which shares become steps and times. */
export interface Expected {
  readonly steps: number;
  readonly milliseconds: number;
}

/** What strikes at the steps of a pass: its requests to the cluster and to AWS, counted together. */
export interface Strikes {
  /** A run begins, of which these are the deaths. */
  begin(deaths: readonly Death[], midway: Round['midway'], expected: Expected): void;
  /** The run is over, and deaths that it did not come to are off; resolves once all that strikes has struck. */
  end(): Promise<void>;
  /** Resolves once nothing is on its way to the API server any more, so that each write is counted where it was sent. */
  answered(): Promise<void>;
  /** What the gate does with each request. */
  keep(passing: Passing, forward: () => Promise<Passed>): Promise<Passed | undefined>;
  /** What is done at each call to AWS; rejects where it is to go no further. */
  call(name: string): Promise<void>;
  readonly struck: readonly Struck[];
  /** Writes of objects since the last `forget`. */
  readonly written: readonly Written[];
  /** Names of the objects that the dead wrote, and whose writes are still to arrive. */
  late(): readonly string[];
  /** Lets them arrive, and gives how many were answered. */
  releaseLate(): Promise<number>;
  forget(): void;
}

interface Planned {
  readonly death: Death;
  readonly step: number;
}

/** Deaths and changes at the steps that they were drawn for. */
export function createStrikes(options: {
  /** False when the victim has gone already. */
  readonly strike: (death: Death) => Promise<boolean>;
  readonly change: (changes: Changes) => void;
  /** A request found no API server. */
  readonly sentAway: () => void;
}): Strikes {
  const struck: Struck[] = [];
  const written: Written[] = [];
  const late: { readonly name: string; readonly send: () => Promise<unknown> }[] = [];
  let planned: Planned[] = [];
  let changes: { readonly step: number; readonly changes: Changes } | undefined;
  let timers: NodeJS.Timeout[] = [];
  let steps = 0;
  let phase = 'starting';
  const striking = new Set<Promise<unknown>>();
  const asking = new Set<Promise<unknown>>();

  /** The deaths of this step; one that is to come late waits for a write. */
  function arrive(name: string, canBeLate: boolean): Death | undefined {
    steps += 1;
    phase = phaseOf(name);
    if (changes !== undefined && steps >= changes.step) {
      options.change(changes.changes);
      changes = undefined;
    }
    const due = planned.find(({ step, death }) => steps >= step && (death.moment !== 'late' || canBeLate));
    planned = planned.filter((one) => one !== due);
    return due?.death;
  }

  function strike(death: Death): Promise<void> {
    const doing = phase;
    return tracked(
      striking,
      options.strike(death).then((hasHit) => {
        if (hasHit) struck.push({ death, phase: doing });
      }),
    );
  }

  async function keep(passing: Passing, forward: () => Promise<Passed>): Promise<Passed | undefined> {
    const name = nameOf(passing);
    const isWrite = passing.method !== 'GET' && name.includes(' rdsinstances');
    const ask = async () => {
      const passed = await forward().catch((cause: unknown) => {
        options.sentAway();
        if (isWrite) written.push(writtenOf(passing, undefined));
        throw new Error(`${name} found nobody`, { cause });
      });
      if (isWrite) written.push(writtenOf(passing, passed));
      return passed;
    };
    const send = () => tracked(asking, ask());
    const death = arrive(name, isWrite);
    if (death === undefined) return send();
    if (death.moment === 'late') late.push({ name: objectNameIn(passing), send });
    if (death.moment === 'before' || death.moment === 'late') {
      await strike(death);
      return isOfRunner(death) ? undefined : send();
    }
    const { moment, pause } = death;
    const inAMoment = () => sleep(pause).then(() => strike(death));
    if (moment === 'during') void tracked(striking, inAMoment());
    const passed = await send();
    if (moment === 'after') await strike(death);
    return passed;
  }

  async function call(name: string): Promise<void> {
    const death = arrive(name, false);
    if (death === undefined) return;
    await strike(death);
    if (death.moment === 'before' && isOfRunner(death)) throw new Error('who asks is dead');
  }

  return {
    begin(deaths, midway, expected) {
      steps = 0;
      phase = 'starting';
      const at = (share: number) => 1 + Math.floor(share * expected.steps);
      planned = deaths.filter(({ by }) => by === 'step').map((death) => ({ death, step: at(death.share) }));
      changes = { step: at(midway.share), changes: midway.changes };
      timers = deaths
        .filter(({ by }) => by === 'time')
        .map((death) => setTimeout(() => void strike(death), death.share * expected.milliseconds));
    },
    async end() {
      for (const timer of timers) clearTimeout(timer);
      if (changes !== undefined) options.change(changes.changes);
      changes = undefined;
      planned = [];
      timers = [];
      await Promise.all(striking);
    },
    async answered() {
      await Promise.allSettled(asking);
    },
    keep,
    call,
    struck,
    written,
    late: () => late.map(({ name }) => name),
    async releaseLate() {
      const sent = await Promise.allSettled(late.splice(0).map(({ send }) => send()));
      return sent.filter(({ status }) => status === 'fulfilled').length;
    },
    forget() {
      written.splice(0);
    },
  };
}

/** Keeps a promise among others until it has ended. */
function tracked<Result>(those: Set<Promise<unknown>>, promise: Promise<Result>): Promise<Result> {
  const ended = promise.finally(() => those.delete(ended));
  those.add(ended);
  return ended;
}

function isOfRunner({ victim }: Death): boolean {
  return (runners as readonly string[]).includes(victim);
}

/** Whether nobody knows if a write that was answered so was done. */
export const isUnknown = (status: number): boolean => status === 0 || status >= 500;

function writtenOf(passing: Passing, passed: Passed | undefined): Written {
  const { method, body } = passing;
  const sent = JSON.parse(body);
  const name = objectNameIn(passing);
  const bound: unknown = sent.preconditions?.resourceVersion;
  const { status, body: answer } = passed ?? { status: 0, body: '' };
  if (isUnknown(status)) return { method, name, status, object: method === 'DELETE' ? undefined : sent, bound };
  // What is no success may be a text of etcd's client.
  const object: unknown = status < 300 ? JSON.parse(answer.toString()) : undefined;
  return { method, name, status, object, bound };
}

function objectNameIn({ url, body }: Passing): string {
  const name = new URL(url, 'https://cluster').pathname.split('/rdsinstances/')[1]?.split('/')[0];
  return name ?? JSON.parse(body).metadata.name;
}

function phaseOf(name: string): string {
  if (/^[a-z]/.test(name)) return 'looking outside';
  if (name.startsWith('DELETE rdsinstances')) return 'deleting objects';
  if (/^(POST|PUT|PATCH) rdsinstances/.test(name)) return 'writing objects';
  if (/^(POST|PUT|PATCH) events/.test(name)) return 'telling Events';
  if (/^(POST|PUT|PATCH) mirrorscans/.test(name)) return 'writing the scan';
  return 'reading the cluster';
}
