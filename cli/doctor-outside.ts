import { randomUUID } from 'node:crypto';
import * as z from 'zod';
import { mapConcurrent } from '../lib/concurrent.ts';
import { type Identity, inScope, type Outside, type Scope, type Source } from '../lib/source.ts';
import type { ConfiguredTask } from '../lib/targets.ts';
import type { Check, Finding } from './doctor-check.ts';
import { assuming, type Entrance, policyRemedy, refusedAction, trustRemedy } from './doctor-grants.ts';

/** What one account, region and kind is tried with. */
interface Target {
  readonly source: Source;
  readonly scope: Scope;
  readonly access: unknown;
  readonly where: string;
}

/** A finding, and what AWS refused where it did. */
interface Tried extends Finding {
  readonly refused?: string;
}

const atOnce = 8;
/** Milliseconds for one kind in one account and region: a proof, a page and two questions. */
const patience = 60_000;

/** How the outside is looked at. `caller`: whose the credentials at hand are, asked only where something is refused. */
export interface OutsideOptions {
  readonly signal: AbortSignal;
  readonly caller: () => Promise<string | undefined>;
  readonly done: (target: string) => void;
}

/** Tries everything that the tasks need of the outside; the checks are in the order of accounts and regions. */
export async function checkOutside(
  tasks: readonly ConfiguredTask[],
  { signal, caller, done }: OutsideOptions,
): Promise<Check[]> {
  const targets = targetsOf(tasks);
  const tried = await mapConcurrent(targets, atOnce, async (target) => {
    const bounded = AbortSignal.any([signal, AbortSignal.timeout(patience)]);
    const findings = await tryTarget(target, bounded);
    done(`${target.source.kind} ${target.where}`);
    return { target, findings };
  });
  const refused = tried.some(({ findings }) => findings.some((one) => one.refused !== undefined));
  const arn = refused ? await caller() : undefined;
  const checks = tried.flatMap(({ target, findings }) =>
    findings.map(({ refused: action, ...finding }): Check => {
      const mend = action === undefined ? {} : { mend: remedy(target, action, tried, arn) };
      return { area: 'aws', where: target.where, ...finding, ...mend };
    }),
  );
  // The proof is made for each kind, and told once for the account and region.
  return [...new Map(checks.map((check) => [JSON.stringify(check), check])).values()];
}

/** Two mirrors of the same account, region and kind are one target. */
export function targetsOf(tasks: readonly ConfiguredTask[]): Target[] {
  const targets = tasks.map(({ source, scope, access, accountName }): Target => {
    const { account, ...rest } = scope;
    return { source, scope, access, where: [accountName, ...Object.values(rest)].join('/') };
  });
  const keyOf = ({ source, where }: Target) => `${where} ${source.kind}`;
  return [...new Map(targets.map((target) => [keyOf(target), target])).values()].toSorted((one, other) =>
    one.where < other.where ? -1 : Number(one.where > other.where),
  );
}

async function tryTarget(target: Target, signal: AbortSignal): Promise<Tried[]> {
  const { source, scope, access } = target;
  const outside = source.open(scope, access);
  try {
    const proof = await tryOne(source, 'the credentials are of this account', () => outside.prove(signal));
    return proof.state === 'ok' ? [proof, ...(await tryReads(target, outside, signal))] : [proof];
  } finally {
    outside.close();
  }
}

async function tryReads({ source, scope }: Target, outside: Outside, signal: AbortSignal): Promise<Tried[]> {
  const { kind } = source;
  let known: Known | undefined;
  const listed = await tryOne(source, `list ${kind}`, async () => {
    known = await firstOf(outside, signal);
  });
  if (listed.state !== 'ok') return [listed];
  if (known === undefined) {
    return [listed, { check: `get ${kind}`, state: 'skipped', message: `not tried: no ${kind} exists there` }];
  }
  const asked = [known.id, ...madeUp(source, scope, known)];
  const names = [`get ${kind}`, `get a ${kind} that does not exist`];
  const answers = await mapConcurrent(asked.entries(), asked.length, ([index, id]) =>
    tryOne(source, names[index] ?? id, async () => {
      const answer = (await outside.get([id], signal)).get(id);
      if (answer instanceof Error) throw answer;
    }),
  );
  return [listed, ...answers];
}

/** Does the work for its errors alone. */
async function tryOne(source: Source, check: string, work: () => Promise<void>): Promise<Tried> {
  try {
    await work();
    return { check, state: 'ok' };
  } catch (error) {
    const { message } = source.explain(error);
    const refused = refusedAction(error, source.permissions);
    return refused === undefined ? { check, state: 'failed', message } : { check, state: 'missing', message, refused };
  }
}

interface Known {
  readonly id: string;
  readonly identity: Identity;
}

/** The first row that has an id; of the listing no more is read than it takes. */
async function firstOf(outside: Outside, signal: AbortSignal): Promise<Known | undefined> {
  for await (const page of outside.list(signal)) {
    for (const row of page) if (row.outcome !== 'broken') return { id: row.id, identity: row.identity };
  }
  return undefined;
}

/** The id of something that exists nowhere, made of one that does: another name in the same place. */
export function madeUp(source: Source, scope: Scope, { id, identity }: Known): string[] {
  const name = source.readable(identity);
  const at = id.lastIndexOf(name);
  if (at < 0) return [];
  const other = `skymirror-doctor-${randomUUID().slice(0, 8)}`;
  const made = `${id.slice(0, at)}${other}${id.slice(at + name.length)}`;
  const known = source.identify(made);
  return known !== undefined && inScope(known, scope) ? [made] : [];
}

interface TriedTarget {
  readonly target: Target;
  readonly findings: readonly Tried[];
}

const access = z.looseObject({ roleArn: z.string().optional(), externalId: z.string().optional() });

function entranceOf(target: Target): Entrance {
  return { account: target.scope.account ?? '', ...access.parse(target.access) };
}

/** One remedy for an account: all that is refused in it, in all regions, so that one policy mends it. */
function remedy(target: Target, action: string, tried: readonly TriedTarget[], arn: string | undefined): string {
  const entrance = entranceOf(target);
  if (action === assuming) return trustRemedy(entrance, arn);
  const refused = tried.filter(
    (one) =>
      one.target.scope.account === target.scope.account &&
      one.findings.some((finding) => finding.refused !== undefined && finding.refused !== assuming),
  );
  return policyRemedy(entrance, [...new Set(refused.map((one) => one.target.source))], arn);
}
