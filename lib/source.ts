import type * as z from 'zod';
import type { EventRule } from './cloud-events.ts';
import type { Judgement, Unseen } from './conditions.ts';
import type { ErrorRow } from './error-table.ts';
import type { JsonObject } from './json.ts';
import type { ResourceType } from './object.ts';
import type { KnownFields } from './schema.ts';

/** A part of the outside that is listed as one: an ordered map whose keys the provider declares. */
export type Scope = Readonly<Record<string, string>>;

/** What names an external resource for ever; the `spec` of its custom resource. */
export type Identity = Readonly<Record<string, string>>;

/** What one row of the outside came to. `broken`: not even its id can be read, so the scan cannot be complete. */
export type Observation =
  | {
      readonly outcome: 'observed';
      readonly id: string;
      readonly identity: Identity;
      readonly fields: JsonObject;
      readonly health: Judgement;
    }
  | { readonly outcome: 'invalid'; readonly id: string; readonly identity: Identity; readonly issues: string }
  | { readonly outcome: 'excluded'; readonly id: string; readonly identity: Identity; readonly reason: string }
  /** A listing of bare ids holds it: it exists, and nothing else is known of it until it is asked for. */
  | { readonly outcome: 'listed'; readonly id: string; readonly identity: Identity }
  | { readonly outcome: 'broken'; readonly issues: string };

/** One scope of the outside, opened for one pass. Every method may throw; `Source.explain` says what an error means. */
export interface Outside {
  /** Proof of place (law 1): throws unless the credentials' own identity is that of the scope. */
  prove(signal: AbortSignal): Promise<void>;
  /** All rows, page by page. Ending without an error means that the listing was complete. */
  list(signal: AbortSignal): AsyncIterable<readonly Observation[]>;
  /** For each id what a direct question answers: an observation, `undefined` for proven gone, or why it is unknown. */
  get(ids: readonly string[], signal: AbortSignal): Promise<ReadonlyMap<string, Observation | Error | undefined>>;
  /** API calls made so far, retries not counted. */
  calls(): number;
  close(): void;
}

/** Why the outside could not be seen: a reason for conditions and one sentence for people. */
export interface Explanation {
  readonly reason: Unseen;
  readonly message: string;
}

/** The engine's own way to say that the outside was not seen; its reason stands as it is. */
export class UnseenError extends Error implements Explanation {
  override readonly name = 'UnseenError';
  readonly reason: Unseen;

  constructor(reason: Unseen, message: string, options?: ErrorOptions) {
    super(message, options);
    this.reason = reason;
  }
}

/** Something that happened outside, told by what differs between two looks: the reason and note of a Kubernetes Event. */
export interface Change {
  readonly reason: 'StateChanged' | 'Failover' | 'Replaced';
  readonly message: string;
}

/** A kind as the engine sees it: no SDK, no type parameters. */
export interface Source extends ResourceType {
  readonly shortNames: readonly string[];
  readonly categories: readonly string[];
  readonly description: string;
  readonly revision: number;
  readonly scopeKeys: readonly string[];
  readonly identity: z.ZodObject;
  readonly observed: z.ZodObject;
  readonly known: KnownFields;
  readonly permissions: readonly string[];
  readonly refreshSeconds: number;
  /** The events that tell of this kind; none: it is polled alone. */
  readonly events: readonly EventRule[];
  identify(id: string): Identity | undefined;
  /** The id and identity that an object's spec stands for; `undefined` where it is not one of this kind. */
  identityOf(spec: unknown): { readonly id: string; readonly identity: Identity } | undefined;
  readable(identity: Identity): string;
  /** What happened outside, by the observed fields before and after; none where either does not fit the schema. */
  changes(before: unknown, after: unknown): readonly Change[];
  /** The provider's table of error codes. */
  readonly errors: readonly ErrorRow[];
  explain(error: unknown): Explanation;
  /** Opens a scope; throws a ZodError where `access` is not what the provider takes. */
  open(scope: Scope, access: unknown): Outside;
}

/** True where every part of the identity lies in the scope. */
export function inScope(identity: Identity, scope: Scope): boolean {
  return Object.entries(scope).every(([key, value]) => identity[key] === value);
}
