/**
 * What a check came to. `missing`: a right or an object that somebody can give; `failed`: it could not be looked at;
 * `warning`: a mirror works without it; `skipped`: there was no way to try it.
 */
export type CheckState = 'ok' | 'missing' | 'failed' | 'warning' | 'skipped';

/** One thing that was tried, as `skymirror doctor -o json` shows it. */
export interface Check {
  readonly area: 'aws' | 'cluster';
  /** The account and region, or the cluster. */
  readonly where: string;
  readonly check: string;
  readonly state: CheckState;
  /** Why the state is what it is. */
  readonly message?: string;
  /** What to do: a command, or a policy or manifest that is ready to be applied. */
  readonly mend?: string;
}

/** A check without its place. */
export type Finding = Omit<Check, 'area' | 'where'>;
