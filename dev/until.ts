import { setTimeout as sleep } from 'node:timers/promises';

/** How long to ask, and what to call the thing that did not happen when the time is over. */
export interface UntilOptions {
  /** Completes the sentence "... did not happen within 60 s": "the guardian removed the folder". */
  what: string;
  /** Milliseconds, a minute when left out: a machine may have much else to do. */
  timeout?: number;
  /** Milliseconds between two questions. */
  interval?: number;
}

/**
 * Asks until the answer is truthy, and returns that answer. An error thrown by the condition ends the waiting at once:
 * a condition that may fail for a while catches that itself.
 */
export async function until<Answer>(
  condition: () => Answer | Promise<Answer>,
  { what, timeout = 60_000, interval = 25 }: UntilOptions,
): Promise<NonNullable<Answer>> {
  const deadline = performance.now() + timeout;
  for (;;) {
    const answer = await condition();
    if (answer) return answer;
    if (performance.now() >= deadline) throw new Error(`until: ${what} did not happen within ${timeout / 1000} s`);
    await sleep(interval);
  }
}
