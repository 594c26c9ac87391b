import { ApiError } from './cluster.ts';
import { mapConcurrent } from './concurrent.ts';
import { eventOf, eventsPerPass } from './events.ts';
import type { Inside } from './inside.ts';

const inFlight = 4;
const patience = 5_000;

/**
 * Tells what happened outside as Events on the objects. Best effort: the objects are written already, so that an Event
 * that cannot be is no failure of the pass; why comes back in words.
 */
export async function recordEvents(inside: Inside): Promise<string | undefined> {
  const { cluster, happened } = inside;
  const signal = AbortSignal.timeout(patience);
  const told = happened.slice(0, eventsPerPass);
  const events = told.map(({ object, happening }) => eventOf(object, happening, cluster.now()));
  const rest = happened.length - told.length;
  if (rest > 0 && inside.scan !== undefined) {
    const message = `${rest} more changes in this pass have no Events of their own.`;
    events.push(eventOf(inside.scan, { reason: 'ManyChanges', type: 'Normal', message }, cluster.now()));
  }
  let failed: string | undefined;
  let isOver = false;
  await mapConcurrent(events, inFlight, async (event) => {
    if (isOver) return;
    await cluster.record(event, { signal }).catch((error: unknown) => {
      failed ??= error instanceof Error ? error.message : String(error);
      isOver ||= !isItsOwn(error);
    });
  });
  return failed;
}

/** The trouble of that one Event: it is refused for what it says, or another run writes it too. */
const isItsOwn = (error: unknown) => error instanceof ApiError && [404, 409, 422].includes(error.status);
