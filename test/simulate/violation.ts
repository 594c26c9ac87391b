import type { KubernetesObject } from '../../lib/object.ts';

/** A law of the README that did not hold, and for which object. */
export class Violation extends Error {
  override readonly name = 'Violation';
  readonly law: number;

  constructor(law: number, message: string) {
    super(`law ${law}: ${message}`);
    this.law = law;
  }
}

/** Throws where it does not hold. */
export function hold(law: number, holds: boolean, message: () => string): void {
  if (!holds) throw new Violation(law, message());
}

/** An object in few words, for messages. */
export function brief(object: KubernetesObject | undefined): string {
  if (object === undefined) return 'no object';
  const conditions = (object.status?.conditions ?? []).map(({ type, status, reason }) =>
    status === 'True' ? type : `${type}=${status}/${reason}`,
  );
  const { state, version, resourceId, size } = object.status?.observed ?? {};
  const observed =
    version === undefined ? '' : ` v${version} ${resourceId} ${state}${size === undefined ? '' : ` size ${size}`}`;
  const going = object.metadata.deletionTimestamp === undefined ? '' : ' (being deleted)';
  return `${object.metadata.name}${observed} [${conditions.join(' ')}]${going}`;
}
