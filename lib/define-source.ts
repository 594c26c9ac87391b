import type * as z from 'zod';
import type { EventRule } from './cloud-events.ts';
import type { Judgement } from './conditions.ts';
import type { ErrorRow } from './error-table.ts';
import { normaliseObject } from './json.ts';
import { issuesText, plainText } from './plain-text.ts';
import { knownFields } from './schema.ts';
import {
  type Change,
  type Explanation,
  type Identity,
  type Observation,
  type Scope,
  type Source,
  UnseenError,
} from './source.ts';

/** Where resources come from: one for each cloud or broker. Generic in what it takes to get in and what that gives. */
export interface Provider<Access, Session> {
  readonly group: string;
  /** The keys of a scope, in order; each is also a key of every identity of this provider. */
  readonly scope: readonly string[];
  readonly access: z.ZodType<Access>;
  /** What proof of place needs, in the words of the provider's access policies. */
  readonly permissions: readonly string[];
  connect(scope: Scope, access: Access): Session;
  prove(session: Session, scope: Scope, signal: AbortSignal): Promise<void>;
  calls(session: Session): number;
  close(session: Session): void;
  /** The outside's error codes by what they mean, each with its source; `explain` goes by it. */
  readonly errors?: readonly ErrorRow[];
  /** What an error of the outside means; what it does not know is unseen, never "gone". */
  explain(error: unknown): Explanation;
}

type Loose<Schema extends z.ZodObject> = Record<keyof z.input<Schema>, unknown>;

/** What `observe` makes of a row: every field of the schema, unchecked, or why this row is not of this kind. */
export type Observed<Schema extends z.ZodObject> =
  | { readonly id: string | undefined; readonly fields: Loose<Schema> }
  | { readonly id: string | undefined; readonly excluded: string };

/** The declaration of one kind. docs/adding-a-source.md explains it field by field. */
export interface Definition<
  Access,
  Session,
  Row extends object,
  IdentitySchema extends z.ZodObject<Record<string, z.ZodString>>,
  ObservedSchema extends z.ZodObject,
> {
  readonly kind: string;
  readonly plural: string;
  readonly shortNames: readonly string[];
  readonly categories: readonly string[];
  readonly description: string;
  /** Raised with every change of the schema; a CRD with a lower one is refused (`SchemaTooOld`). */
  readonly revision: number;
  readonly provider: Provider<Access, Session>;
  readonly identity: IdentitySchema;
  readonly observed: ObservedSchema;
  /** The actions that `list` and `get` need, and nothing more. */
  readonly permissions: readonly string[];
  /** Seconds within which what is behind bare ids is read again, a slice at a time; left out: in every pass. */
  readonly refreshSeconds?: number;
  /** The events that tell of this kind; left out: it is polled alone. */
  readonly events?: readonly EventRule[];
  /** Pages of rows or, where the outside lists nothing else, of bare ids; what is behind those is then asked of `get`. */
  list(session: Session, signal: AbortSignal): AsyncIterable<readonly (Row | string)[]>;
  get(
    session: Session,
    ids: readonly string[],
    signal: AbortSignal,
  ): Promise<ReadonlyMap<string, Row | Error | undefined>>;
  /** The identity that follows from an id; `undefined` where the text is no id of this kind. */
  identify(id: string): z.infer<IdentitySchema> | undefined;
  /** The id that an identity stands for; the inverse of `identify`. */
  idOf(identity: z.infer<IdentitySchema>): string;
  /** The part of the identity that people know the resource by. */
  readable(identity: z.infer<IdentitySchema>): string;
  observe(row: Row): Observed<ObservedSchema>;
  health(fields: z.output<ObservedSchema>): Judgement;
  /** What happened between two looks, as far as people care. */
  changes?(before: z.output<ObservedSchema>, after: z.output<ObservedSchema>): readonly Change[];
}

/** The version of every kind of skymirror's; later fields are added, never changed (ADR 0003). */
export const apiVersion = 'v1alpha1';

/** Makes a kind of a declaration: checks and normalises every row, and forgets the types of the SDK behind it. */
export function defineSource<
  Access,
  Session,
  Row extends object,
  IdentitySchema extends z.ZodObject<Record<string, z.ZodString>>,
  ObservedSchema extends z.ZodObject,
>(definition: Definition<Access, Session, Row, IdentitySchema, ObservedSchema>): Source {
  const { provider } = definition;

  function observation(row: Row): Observation {
    let place: { readonly id: string; readonly identity: Identity } | undefined;
    try {
      const seen = definition.observe(row);
      if (seen.id === undefined) return { outcome: 'broken', issues: 'a row without an id' };
      const identity = definition.identify(seen.id);
      if (identity === undefined)
        return { outcome: 'broken', issues: plainText(`not an id of ${definition.kind}: ${seen.id}`) };
      place = { id: seen.id, identity };
      if ('excluded' in seen) return { outcome: 'excluded', ...place, reason: plainText(seen.excluded) };
      const parsed = definition.observed.safeParse(normaliseObject(seen.fields) ?? {});
      if (!parsed.success) return { outcome: 'invalid', ...place, issues: issuesText(parsed.error) };
      const fields = normaliseObject(parsed.data) ?? {};
      return { outcome: 'observed', ...place, fields, health: definition.health(parsed.data) };
    } catch (error) {
      const issues = plainText(error instanceof Error ? error.message : String(error));
      return place === undefined ? { outcome: 'broken', issues } : { outcome: 'invalid', ...place, issues };
    }
  }

  function listed(id: string): Observation {
    const identity = definition.identify(id);
    if (identity === undefined)
      return { outcome: 'broken', issues: plainText(`not an id of ${definition.kind}: ${id}`) };
    return { outcome: 'listed', id, identity };
  }

  async function* pages(session: Session, signal: AbortSignal): AsyncIterable<Observation[]> {
    const listing = definition.list(session, signal)[Symbol.asyncIterator]();
    const next = () => orAborted(signal, () => listing.next());
    try {
      for (let page = await next(); page.done !== true; page = await next()) {
        yield page.value.map((row) => (typeof row === 'string' ? listed(row) : observation(row)));
      }
    } finally {
      // A generator closes only after the call it hangs in, which may be never.
      const closed = Promise.resolve(listing.return?.()).catch(() => undefined);
      await orAborted(signal, () => closed).catch(() => undefined);
    }
  }

  async function answers(session: Session, ids: readonly string[], signal: AbortSignal) {
    const rows = await orAborted(signal, () => definition.get(session, ids, signal));
    const found = new Map<string, Observation | Error | undefined>();
    for (const id of ids) {
      const row = rows.get(id);
      if (row === undefined) found.set(id, rows.has(id) ? undefined : new Error(`no answer for ${id}`));
      else found.set(id, row instanceof Error ? unseen(row) : answerTo(id, observation(row)));
    }
    return found;
  }

  function explain(error: unknown): Explanation {
    const { reason, message } = error instanceof UnseenError ? error : provider.explain(error);
    return { reason, message: plainText(message) };
  }

  /** In words for people, and without the error itself: what an SDK throws may quote the request, and so its credentials. */
  function unseen(error: Error): UnseenError {
    const { reason, message } = explain(error);
    return new UnseenError(reason, message);
  }

  /** Law 1: a row of another resource, or of another place, says nothing about this one. */
  function answerTo(id: string, seen: Observation): Observation | Error {
    if (seen.outcome === 'broken' || seen.id === id) return seen;
    return new UnseenError('WrongPlace', `asked for ${id}, the answer is of ${seen.id}`);
  }

  return {
    kind: definition.kind,
    plural: definition.plural,
    group: provider.group,
    version: apiVersion,
    shortNames: definition.shortNames,
    categories: definition.categories,
    description: definition.description,
    revision: definition.revision,
    scopeKeys: provider.scope,
    identity: definition.identity,
    observed: definition.observed,
    known: knownFields(definition.observed),
    permissions: [...provider.permissions, ...definition.permissions],
    refreshSeconds: definition.refreshSeconds ?? 0,
    events: definition.events ?? [],
    identify: (id) => definition.identify(id),
    identityOf(spec) {
      const parsed = definition.identity.safeParse(spec);
      if (!parsed.success) return undefined;
      const id = definition.idOf(parsed.data);
      const identity = definition.identify(id);
      return identity === undefined ? undefined : { id, identity };
    },
    readable: (identity) => definition.readable(definition.identity.parse(identity)),
    changes(before, after) {
      const [was, is] = [definition.observed.safeParse(before), definition.observed.safeParse(after)];
      return was.success && is.success ? (definition.changes?.(was.data, is.data) ?? []) : [];
    },
    errors: provider.errors ?? [],
    explain,
    open(scope, access) {
      const session = provider.connect(scope, provider.access.parse(access));
      return {
        prove: (signal) => orAborted(signal, () => provider.prove(session, scope, signal)),
        list: (signal) => pages(session, signal),
        get: (ids, signal) => answers(session, ids, signal),
        calls: () => provider.calls(session),
        close: () => provider.close(session),
      };
    },
  };
}

/** What the work comes to, or the signal's reason as soon as it aborts: a provider may hang and heed no signal. */
async function orAborted<Result>(signal: AbortSignal, work: () => Promise<Result>): Promise<Result> {
  signal.throwIfAborted();
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const abort = () => reject(signal.reason);
  signal.addEventListener('abort', abort);
  try {
    return await Promise.race([work(), aborted]);
  } finally {
    signal.removeEventListener('abort', abort);
  }
}
