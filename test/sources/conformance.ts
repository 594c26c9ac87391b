import { afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import type { Aws } from '../../dev/aws.ts';
import type { Kubernetes } from '../../dev/kubernetes.ts';
import { deny } from '../../dev/proxy-faults.ts';
import { until } from '../../dev/until.ts';
import { eventIn } from '../../lib/cloud-events.ts';
import { crdOf } from '../../lib/crd.ts';
import { readerPolicy } from '../../lib/iam.ts';
import type { JsonObject } from '../../lib/json.ts';
import { nameOf } from '../../lib/resource.ts';
import { fits, routerOf } from '../../lib/route.ts';
import { inScope, type Outside, type Source } from '../../lib/source.ts';
import { type Sample, samples, taskOf } from '../event-samples.ts';
import { emptyFields, everything, failureIn, idIn, observationIn, thrown } from './answers.ts';
import { delivered } from './conformance-events.ts';

/** A row before it is put into the words of the API: what the suite turns round, and `show` writes. */
export type RawRow = { readonly [name: string]: Raw };
type Raw = string | number | boolean | Raw[] | RawRow;

/** What the suite has to know of a kind. */
export interface Fixture {
  readonly source: Source;
  readonly scope: { readonly account: string; readonly region: string };
  /** Every state that the documentation of the outside names; none where the kind has no state. */
  readonly states: readonly string[];
  /** The id of the resource of that name in the scope. */
  idOf(name: string): string;
  /** Makes it on the emulator. */
  create(aws: Aws, name: string): Promise<unknown>;
  /** Deletes it there. */
  remove(aws: Aws, name: string): Promise<unknown>;
  /** A row with every field of the API reference, in one of the states. */
  fullRow(name: string, state?: string): RawRow;
  /** Has the emulator answer the row beside its own, until `aws.faults.clear()`. */
  show(aws: Aws, row: RawRow): void;
}

/** Both sides of a mirror, which all kinds share. */
export interface Sides {
  readonly aws: Aws;
  readonly kubernetes: Kubernetes;
}

const { signal } = new AbortController();

/** Registers what holds for every source. `sides` is called when tests run. */
export function describeConformance(fixture: Fixture, sides: () => Sides): void {
  const { source, scope, idOf } = fixture;
  const ids = [idOf('conformance-1'), idOf('conformance-2')];
  const unknown = idOf('conformance-never-made');
  const opened: Outside[] = [];

  function open(access?: object): Outside {
    const { aws } = sides();
    const role = { roleArn: aws.roleArn(scope.account), externalId: aws.externalId };
    const outside = source.open({ ...scope }, access ?? role);
    opened.push(outside);
    return outside;
  }

  function scopeOf(id: string): Record<string, string> {
    const identity = source.identify(id) ?? {};
    return Object.fromEntries(source.scopeKeys.map((key) => [key, identity[key] ?? '']));
  }

  /** The fields of a row that the emulator shows, asked by id. */
  async function observed(name: string, row: RawRow): Promise<JsonObject> {
    const { aws } = sides();
    fixture.show(aws, row);
    return observationIn((await open().get([idOf(name)], signal)).get(idOf(name))).fields;
  }

  describe(source.kind, () => {
    beforeAll(async () => {
      for (const name of ['conformance-1', 'conformance-2']) await fixture.create(sides().aws, name);
    });
    beforeEach(() => {
      for (const [name, value] of Object.entries(sides().aws.environment())) vi.stubEnv(name, value);
    });
    afterEach(() => {
      for (const outside of opened.splice(0)) outside.close();
      sides().aws.faults.clear();
      sides().aws.requests.clear();
    });

    test('lists what get finds, and get finds what is listed', async () => {
      const outside = open();
      const listed = (await Array.fromAsync(outside.list(signal))).flat();
      expect(listed.map(idIn).toSorted()).toEqual(ids.toSorted());
      const answers = await outside.get(ids, signal);
      for (const one of listed) {
        const answer = answers.get(idIn(one));
        expect(answer).toMatchObject({ outcome: 'observed' });
        if (one.outcome !== 'listed') expect(answer).toEqual(one);
      }
    });

    test('gives each resource one id, the same in every listing, and the same fields', async () => {
      const [first, second] = [await everything(open(), signal), await everything(open(), signal)];
      expect(first.size).toBe(ids.length);
      expect(second).toEqual(first);
    });

    test('answers "gone" for an id that it does not know, and for one that is deleted', async () => {
      const { aws } = sides();
      const deleted = idOf('conformance-3');
      await fixture.create(aws, 'conformance-3');
      expect((await everything(open(), signal)).has(deleted)).toBe(true);
      await fixture.remove(aws, 'conformance-3');
      expect((await everything(open(), signal)).has(deleted)).toBe(false);
      expect([...(await open().get([unknown], signal))]).toEqual([[unknown, undefined]]);
      const answers = await open().get([...ids, deleted, unknown], signal);
      expect([...answers].filter(([, answer]) => answer === undefined).map(([id]) => id)).toEqual([deleted, unknown]);
    });

    test('never answers "gone" where access is denied', async () => {
      const { aws } = sides();
      for (const permission of source.permissions) {
        const [service = '', action = ''] = permission.split(':');
        aws.faults.add({ when: { service, action }, do: deny() });
      }
      const failures = [
        await thrown(open().prove(signal)),
        await thrown(everything(open(), signal)),
        ...(await Promise.all(ids.map(async (id) => failureIn(open().get([id], signal), id)))),
        ...(await Promise.all(ids.map(async (id) => failureIn(open().get(ids, signal), id)))),
      ];
      for (const failure of failures) {
        expect(failure).toBeInstanceOf(Error);
        expect(source.explain(failure).reason).toBe('AccessDenied');
      }
    });

    test('has a provider that knows its error codes: each with its source, and one of them "gone" for an action that it calls', () => {
      expect(source.errors).not.toEqual([]);
      for (const { codes, source: page } of source.errors) {
        expect(codes).not.toEqual([]);
        expect(page.title, `${codes}`).toMatch(/\w+.*, /);
        expect(page.url, `${codes}`).toMatch(/^https:\/\/[^/\s]+\/\S+$/);
      }
      const gone = source.errors.flatMap((row) => (row.meaning === 'gone' ? row.actions : []));
      expect(gone.some((action) => source.permissions.includes(action))).toBe(true);
    });

    test('can be turned from id to identity and back, and lies in its scope', () => {
      expect(Object.keys(scope)).toEqual(source.scopeKeys);
      for (const id of [...ids, unknown]) {
        const identity = source.identify(id) ?? {};
        expect(source.identityOf(identity)).toEqual({ id, identity });
        expect(Object.keys(source.identity.shape)).toEqual(Object.keys(identity));
        expect(inScope(identity, scope)).toBe(true);
        // RFC 1123, and no longer than a label value.
        expect(nameOf(source, id, identity)).toMatch(/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/);
      }
      expect(source.identify('')).toBeUndefined();
      expect(source.identify(idOf('a').replace(scope.account, 'nobody'))).toBeUndefined();
    });

    test('takes a row with every field of the API, and uses it for every field of its own', async () => {
      const fields = await observed('full', fixture.fullRow('full'));
      expect(emptyFields(source.known, fields)).toEqual([]);
    });

    test('gives the same fields for lists in another order', async () => {
      const fields = await observed('full', fixture.fullRow('full'));
      sides().aws.faults.clear();
      expect(await observed('full', reversed(fixture.fullRow('full')))).toEqual(fields);
    });

    test('has a CRD that the API server takes, and that prunes nothing of a full row', async () => {
      const { kubernetes } = sides();
      const fields = await observed('full', fixture.fullRow('full'));
      const crd = crdOf(source);
      await kubernetes.apply([crd]);
      const collection = `/apis/${source.group}/${source.version}/namespaces/default/${source.plural}`;
      // A kind that was just made answers 429 for a moment.
      await until(async () => (await kubernetes.request(collection)).status === 200, {
        what: `the kind ${source.kind}`,
      });
      const spec = source.identify(idOf('full')) ?? {};
      const object = {
        apiVersion: `${source.group}/${source.version}`,
        kind: source.kind,
        metadata: { name: nameOf(source, idOf('full'), spec) },
        spec,
      };
      const strict = 'fieldValidation=Strict';
      const made = await kubernetes.request(`${collection}?${strict}`, { method: 'POST', body: object });
      expect(made).toMatchObject({ status: 201, body: { spec } });
      const body = { ...Object(made.body), status: { observed: fields } };
      const path = `${collection}/${object.metadata.name}/status?${strict}`;
      const stored = await kubernetes.request(path, { method: 'PUT', body });
      expect(stored).toMatchObject({ status: 200, body: { status: { observed: fields } } });
      expect(Object(stored.body).status.observed).toEqual(fields);
      expect((crd.spec.versions[0]?.selectableFields ?? []).length).toBeLessThanOrEqual(8);
    });

    if (fixture.states.length > 0) {
      test('knows the health of every documented state, and says so of any other', async () => {
        const states = [...fixture.states, 'brand-new'];
        states.forEach((state, index) => {
          fixture.show(sides().aws, fixture.fullRow(`state-${index}`, state));
        });
        const answers = await everything(open(), signal);
        const reasons = states.map(
          (state, index) => [state, observationIn(answers.get(idOf(`state-${index}`))).health] as const,
        );
        expect(reasons.filter(([, health]) => health.reason === 'UnknownState')).toMatchObject([
          ['brand-new', { status: 'Unknown' }],
        ]);
      });
    }

    test('is told of by events: EventBridge delivers what fits them, and it leads to the ids that it names', async () => {
      const bridged = samples.filter(({ body }) => 'detail-type' in body);
      const named = bridged.flatMap(({ ids = {} }) => ids[source.kind] ?? []);
      const scopes = new Map(named.map((id) => [JSON.stringify(scopeOf(id)), scopeOf(id)]));
      const route = routerOf([...scopes.values()].map((one) => taskOf(source, one)));
      const came = await delivered(sides().aws, source, bridged);
      for (const { name, pattern } of source.events) {
        const bodies = came.get(name) ?? [];
        const expected = bridged.filter(({ body }) => fits(pattern, body));
        expect(bodies.map(detailIn).toSorted(), name).toEqual(expected.map(({ body }) => detailIn(body)).toSorted());
        expect(expected.length, `samples of ${name}`).toBeGreaterThan(0);
        for (const body of bodies) {
          const sample = bridged.find((one) => detailIn(one.body) === detailIn(body));
          expect(idsIn(route, body), sample?.name).toEqual(expectedOf(sample, source));
        }
      }
    });

    test('makes the calls that its permissions name, all of them, and no other', async () => {
      const { aws } = sides();
      const outside = open();
      await outside.prove(signal);
      await everything(outside, signal);
      await outside.get([...ids, unknown], signal);
      const made = aws.requests.all.map(({ service, action }) => `${service}:${action}`);
      // AssumeRole is a permission of the function that assumes the role, not of the role that reads.
      expect(new Set(made.filter((action) => action !== 'sts:AssumeRole'))).toEqual(new Set(source.permissions));
      expect(outside.calls()).toBe(made.length);
    });

    test('can read with the generated policy, and not with less', async () => {
      const { aws } = sides();
      const allowed = readerPolicy([source]).Statement.flatMap((statement) => statement.Action);
      // "No permissions are required to perform this operation" (STS API reference, GetCallerIdentity).
      const needed = allowed.filter((action) => action !== 'sts:GetCallerIdentity');
      const lookWith = async (actions: readonly string[]) => {
        const Statement = [{ Effect: 'Allow' as const, Action: actions, Resource: '*' }];
        const keys = await aws.reader({ Version: '2012-10-17', Statement }, scope.account);
        vi.stubEnv('AWS_ACCESS_KEY_ID', keys.accessKeyId);
        vi.stubEnv('AWS_SECRET_ACCESS_KEY', keys.secretAccessKey);
        vi.stubEnv('AWS_SESSION_TOKEN', keys.sessionToken);
        const outside = open({});
        await outside.prove(signal);
        const answers = [...(await everything(outside, signal)).values(), ...(await outside.get(ids, signal)).values()];
        return answers.map((answer) => (answer instanceof Error ? answer : answer?.outcome));
      };
      try {
        expect(new Set(await lookWith(allowed))).toEqual(new Set(['observed']));
        for (const taken of needed) {
          const rest = allowed.filter((action) => action !== taken);
          const failure = await lookWith(rest).then(
            (answers) => answers.find((answer) => answer instanceof Error),
            (error: unknown) => error,
          );
          expect(source.explain(failure), `without ${taken}`).toMatchObject({ reason: 'AccessDenied' });
        }
      } finally {
        await aws.moto.enforceIam(false);
      }
    });
  });
}

/** By this an event is known again: moto gives it an id and an account of its own. */
function detailIn(body: object | string): string {
  return JSON.stringify(typeof body === 'string' ? JSON.parse(body).detail : Object(body).detail);
}

function idsIn(route: ReturnType<typeof routerOf>, body: string): readonly string[] {
  const event = eventIn(body);
  const found = event === undefined ? { ignored: 'NotAnEvent' } : route(event);
  return 'targets' in found ? found.targets.flatMap(({ ids }) => ids) : [found.ignored];
}

function expectedOf(sample: Sample | undefined, { kind }: Source): readonly string[] {
  const { ids, ignored = 'NoId' } = sample ?? {};
  return ids?.[kind] ?? [ignored];
}

function reversed(row: RawRow): RawRow {
  return Object.fromEntries(Object.entries(row).map(([name, value]) => [name, turned(value)]));
}

function turned(value: Raw): Raw {
  if (Array.isArray(value)) return value.map(turned).toReversed();
  return typeof value === 'object' ? reversed(value) : value;
}
