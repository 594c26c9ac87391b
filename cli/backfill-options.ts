import * as z from 'zod';
import { type BackfillRequest, backfillRequest } from '../lib/backfill-request.ts';
import type { Filters } from './session.ts';
import type { Format } from './table.ts';

/** The options of `skymirror backfill`. */
export interface BackfillOptions extends Filters {
  readonly name?: string;
  /** `key=value`; of each key one value must fit. */
  readonly tag?: readonly string[];
  readonly plan?: true;
  readonly run?: string;
  readonly cancel?: string;
  /** Name or ARN of the deployed function; left out: in this process. */
  readonly function?: string;
  readonly follow?: true;
  readonly output: Format;
}

/** What is asked for, as the function takes it. Throws an Error that names the option that is wrong. */
export function requestOf(options: BackfillOptions): BackfillRequest {
  const { mirror, source, scope, name, tag, plan, run, cancel } = options;
  const wish = {
    ...(mirror === undefined ? {} : { mirror }),
    ...(source === undefined ? {} : { source }),
    ...(scope === undefined ? {} : { scope: byKey('--scope', scope) }),
    ...(name === undefined ? {} : { name }),
    ...(tag === undefined ? {} : { tag: byKey('--tag', tag) }),
    // A run that is carried on keeps its mode.
    ...(plan === true ? { mode: 'plan' } : run === undefined ? { mode: 'apply' } : {}),
    ...(run === undefined ? {} : { run }),
  };
  const parsed = backfillRequest.safeParse(cancel === undefined ? wish : { cancel });
  if (parsed.success) return parsed.data;
  throw new Error(`the options are not right:\n${z.prettifyError(parsed.error)}`);
}

function byKey(option: string, pairs: readonly string[]): Record<string, string[]> {
  const split = pairs.map((pair) => {
    const at = pair.indexOf('=');
    if (at < 1 || at === pair.length - 1) throw new Error(`${option} ${pair}: give it as key=value`);
    return { key: pair.slice(0, at), value: pair.slice(at + 1) };
  });
  const groups = Map.groupBy(split, ({ key }) => key);
  return Object.fromEntries([...groups].map(([key, values]) => [key, values.map(({ value }) => value)]));
}
