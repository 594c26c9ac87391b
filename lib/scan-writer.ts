import { ApiError, type RequestOptions } from './cluster.ts';
import { timestamp } from './conditions.ts';
import { heldIn, type Inside, type Served } from './inside.ts';
import type { KubernetesObject } from './object.ts';
import type { Turns } from './refresh.ts';
import type { BrakeResult } from './removal.ts';
import type { OutsideCounts } from './report.ts';
import type { Target } from './resource.ts';
import { type PassResult, remember, scanAfter, scanName, withDeletes } from './scan.ts';
import { mirrorScan } from './scan-schema.ts';
import type { Explanation } from './source.ts';

const attempts = 5;

/**
 * Enters deletes into the scan's history *before* they happen, under its resourceVersion, so that neither a crash nor
 * a second run can get past the brake; the brake is asked again each time somebody else wrote the scan. False where
 * they could not be entered: then nothing may be deleted.
 */
export async function reserve({ inside, writer }: Served, deletes: number, judge: () => BrakeResult): Promise<boolean> {
  try {
    for (let attempt = 0; attempt < attempts; attempt += 1) {
      inside.brake = judge();
      if (inside.brake.released.size === 0) return true;
      const next = withDeletes(
        writer.target,
        inside.scan,
        heldIn(writer.target, inside),
        deletes,
        inside.cluster.now(),
      );
      if (await write(inside, writer.target, next, { signal: writer.signal })) return true;
    }
    throw new Error('others write it again and again');
  } catch (error) {
    const message = `nothing is deleted, the scan ${scanName(writer.target)} could not be written: ${messageOf(error)}`;
    inside.broken = message;
    inside.failures.push({ name: 'MirrorScan', message });
    return false;
  }
}

/** Reads the scan again. False where it cannot be read: then nothing more is written to this cluster. */
export async function reread({ inside, writer }: Served): Promise<boolean> {
  const { target, signal } = writer;
  if (signal.aborted) return false;
  try {
    inside.scan = await inside.cluster.get(mirrorScan, target.mirror.namespace, scanName(target), { signal });
    return true;
  } catch (error) {
    inside.broken = messageOf(error);
    inside.failures.push({ name: 'MirrorScan', message: inside.broken });
    return false;
  }
}

/** What the pass came to goes into the cluster's MirrorScan; a scan that cannot be written is one more failure. */
export async function reportPass(
  inside: Inside,
  pass: {
    readonly seen: OutsideCounts;
    readonly incomplete: Explanation | undefined;
    readonly listed: boolean;
    readonly calls: number;
    readonly turns: Turns | undefined;
  },
): Promise<void> {
  const { counts, failures, broken, target } = inside;
  const { unchanged, ...changes } = counts;
  // By name, so that an unchanged trouble keeps its sentence.
  const [first] = failures.toSorted((left, right) => (left.name < right.name ? -1 : 1));
  const more = failures.length > 1 ? ` (and ${failures.length - 1} more)` : '';
  const unapplied = broken ?? (first === undefined ? undefined : `${first.message}${more}`);
  try {
    await writeScan(
      inside,
      target,
      {
        began: inside.began,
        counts: { ...pass.seen, ...changes },
        calls: pass.calls,
        held: heldIn(target, inside),
        listed: pass.listed,
        unbooked: inside.unbooked,
        ...(pass.turns === undefined ? {} : { turns: pass.turns }),
        ...(pass.incomplete === undefined ? {} : { incomplete: pass.incomplete }),
        ...(unapplied === undefined ? {} : { unapplied }),
        ...(inside.brake === undefined ? {} : { brake: inside.brake }),
      },
      { signal: AbortSignal.timeout(10_000) },
    );
  } catch (error) {
    failures.push({ name: 'MirrorScan', message: messageOf(error) });
  }
}

/** Writes what a pass came to, unless nothing changed or a pass that began later has reported already. */
async function writeScan(inside: Inside, target: Target, pass: PassResult, options: RequestOptions) {
  for (let attempt = 0; attempt < attempts; attempt += 1) {
    // A write whose answer was lost is answered with a conflict when it is repeated; nothing is taken back twice.
    const isOurs = attempt > 0 && remember(inside.scan).status.lastStarted === timestamp(pass.began);
    const rest = isOurs ? { ...pass, unbooked: 0 } : pass;
    const next = scanAfter(target, inside.scan, rest, inside.cluster.now());
    if (next === undefined || (await write(inside, target, next, options))) return;
  }
  throw new Error(`the scan ${scanName(target)} is written by others again and again`);
}

/** False where somebody else wrote the scan meanwhile; it is read again then. */
async function write(
  inside: Inside,
  target: Target,
  next: KubernetesObject,
  options: RequestOptions,
): Promise<boolean> {
  const { cluster } = inside;
  try {
    const base = inside.scan ?? (await cluster.create(mirrorScan, next, options));
    const status = { ...base, ...(next.status === undefined ? {} : { status: next.status }) };
    inside.scan = await cluster.replaceStatus(mirrorScan, status, options);
    return true;
  } catch (error) {
    if (!(error instanceof ApiError && (error.status === 409 || error.status === 404))) throw error;
    inside.scan = await cluster.get(mirrorScan, target.mirror.namespace, scanName(target), options);
    if (error.status === 404 && inside.scan === undefined && error.message.includes('namespaces "')) throw error;
    return false;
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
