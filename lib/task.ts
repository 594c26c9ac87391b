import type { Mirror } from './mirror.ts';
import type { Target } from './resource.ts';

/** A target and what it takes to look at it (for AWS: the role to assume). */
export interface Task extends Target {
  readonly access: unknown;
  /**
   * The mirror once for each namespace, where the resources themselves decide into which they go: their selections
   * are disjoint, and one look at the outside serves all. Left out: the mirror as it is.
   */
  readonly parts?: readonly Mirror[];
}

/** How much a pass may ask and write about what it does not see. */
export interface AbsenceLimits {
  /** Confirming gets, in ids. */
  readonly confirmations: number;
  /** Objects that become stale in one pass and cluster. */
  readonly staleWrites: number;
}

/** Bounds of a pass; milliseconds where they are times. */
export interface Limits extends AbsenceLimits {
  readonly maxObservationAge: number;
  /** A cluster that cannot be read by then sits this pass out. */
  readonly readDeadline: number;
  /** How much longer than the fastest cluster one may take for a page before it is served by a pass of its own. */
  readonly patience: number;
}
