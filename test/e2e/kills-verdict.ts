import { isUnknown, type Written } from './kills-strikes.ts';
import { type Chronicle, complaintsAboutPast, complaintsAgainst, parseMirrored, statusOf } from './truth.ts';

/** What the API server had, answered and has; raw, as its lists and answers give it. */
export interface Seen {
  /** Before the round, before its last pass, and after it. */
  readonly atFirst: readonly unknown[];
  readonly before: readonly unknown[];
  readonly after: readonly unknown[];
  /** By all passes but the last, and by the last. */
  readonly written: readonly Written[];
  readonly last: readonly Written[];
}

/**
 * What is broken: `lost`, `wrong`, `stale` and `extra` as truth.ts has them, at the end or at any time since that point of the chronicle;
 * `superfluous`: what the last pass wrote though it was true already.
 */
export function verdictOn({ atFirst, before, after, written, last }: Seen, chronicle: Chronicle, since: number) {
  const atEnd = complaintsAgainst(after, chronicle);
  const past = complaintsAboutPast(toldBy(atFirst, [...written, ...last]), chronicle, since);
  return {
    lost: [...atEnd.lost, ...past.lost],
    wrong: [...atEnd.wrong, ...past.marked],
    stale: [...atEnd.stale, ...past.stale],
    extra: [...atEnd.extra, ...notDeleted(before, after, chronicle)],
    superfluous: superfluous(before, last, chronicle),
  };
}

/**
 * As a watch would tell it: what was there, then what was written, in the server's order. What nobody knows of was done if
 * a delete is bound to another version than the last that had one.
 */
function toldBy(atFirst: readonly unknown[], written: readonly Written[]) {
  const known = new Map<string, unknown>();
  const unanswered = new Map<string, unknown>();
  const told = atFirst.map((object) => ({ type: 'ADDED', object }));
  for (const { object } of told) known.set(parseMirrored(object).metadata.name, object);
  for (const { method, name, status, object, bound } of written) {
    if (object === undefined) continue;
    if (isUnknown(status)) {
      unanswered.set(name, object);
      continue;
    }
    const last = known.get(name);
    const isLast = last !== undefined && parseMirrored(last).metadata.resourceVersion === bound;
    const shown = method !== 'DELETE' ? object : isLast ? last : (unanswered.get(name) ?? last);
    if (shown === undefined) continue;
    known.set(name, shown);
    told.push({ type: method === 'DELETE' ? 'DELETED' : 'MODIFIED', object: shown });
  }
  return told;
}

/** What had been marked as gone before the last pass began, and is still there. */
function notDeleted(before: readonly unknown[], after: readonly unknown[], chronicle: Chronicle): string[] {
  const present = chronicle.present();
  const marked = before
    .map(parseMirrored)
    .filter((one) => statusOf(one, 'Exists') === 'False' && !present.has(one.spec.arn));
  const left = new Set(after.map((object) => parseMirrored(object).metadata.uid));
  return marked.filter(({ metadata }) => left.has(metadata.uid)).map(({ spec }) => spec.arn);
}

/** Writes of the last pass to what was true before it. */
function superfluous(before: readonly unknown[], last: readonly Written[], chronicle: Chronicle): string[] {
  const { lost, wrong, stale, extra } = complaintsAgainst(before, chronicle);
  const untrue = new Set([...lost, ...wrong, ...stale, ...extra]);
  const present = chronicle.present();
  const isTrue = (arn: string) => present.has(arn) && !untrue.has(arn);
  const names = new Set(
    before.map(parseMirrored).flatMap(({ spec, metadata }) => (isTrue(spec.arn) ? [metadata.name] : [])),
  );
  return last.filter(({ name }) => names.has(name)).map(({ method, name }) => `${method} ${name}`);
}
