import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { eventIn } from '../lib/cloud-events.ts';
import { routerOf } from '../lib/route.ts';
import { inScope } from '../lib/source.ts';
import { sources } from '../lib/sources.ts';
import { samples, taskOf } from './event-samples.ts';

const scopes = ['us-east-1', 'us-east-2'].map((region) => ({ account: '123456789012', region }));
const route = routerOf(sources.flatMap((source) => scopes.map((scope) => taskOf(source, scope))));

const hostile = fc.oneof(
  fc.jsonValue({ maxDepth: 4 }),
  fc.constantFrom('__proto__', 'constructor', 'toString', null, -1, [], {}, 'arn:aws:rds:us-east-1:123456789012:db:'),
  fc.constantFrom(
    ...['db:a\n', 'db:a', 'cluster:b', 'db:Ä', 'db:a/b'].map((name) => `arn:aws:rds:us-east-1:123456789012:${name}`),
  ),
  fc.constantFrom(
    ...['aws', 'aws-cn', 'aws-us-gov'].map((partition) => `arn:${partition}:sqs:us-east-2:123456789012:q`),
  ),
);

/** The value with one of its parts, picked by the path of numbers, replaced. */
function replaced(value: unknown, path: readonly number[], by: unknown): unknown {
  const [first, ...rest] = path;
  if (first === undefined || typeof value !== 'object' || value === null) return by;
  const entries = Object.entries(value);
  if (entries.length === 0) return by;
  const changed = entries.map(([key, item], index) =>
    index === first % entries.length ? ([key, replaced(item, rest, by)] as const) : ([key, item] as const),
  );
  return Array.isArray(value) ? changed.map(([, item]) => item) : Object.fromEntries(changed);
}

test('whatever an event holds, at most a hundred ids come of it, and each lies where its target looks', () => {
  let routed = 0;
  const body = fc
    .record({
      sample: fc.constantFrom(...samples),
      path: fc.array(fc.nat(20), { minLength: 1, maxLength: 4 }),
      by: hostile,
    })
    .map(({ sample, path, by }) => ({ text: JSON.stringify(replaced(sample.body, path, by)), attributes: by }));
  fc.assert(
    fc.property(body, ({ text, attributes }) => {
      const event = eventIn(text, attributes);
      if (event === undefined) return;
      const found = route(event);
      if ('ignored' in found) return;
      expect(found.targets.length).toBeGreaterThan(0);
      for (const { task, ids } of found.targets) {
        expect(ids.length).toBeLessThanOrEqual(100);
        expect(new Set(ids).size).toBe(ids.length);
        for (const id of ids) expect(inScope(task.source.identify(id) ?? {}, task.scope)).toBe(true);
        routed += ids.length;
      }
    }),
    { numRuns: 2000 },
  );
  expect(routed).toBeGreaterThan(100);
  expect(Object.keys(Object.prototype)).toEqual([]);
});
