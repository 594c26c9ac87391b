import { deduplicationOf, groupOf, type TargetMessage } from '../../lib/messages.ts';
import { maxReceives, type QueueRecord } from '../../lib/work.ts';
import type { Time } from '../memory/memory-cluster.ts';

/** Milliseconds for which what was received is hidden (serverless.yml gives the queue of the worker six times 900 s). */
const hidden = 5_400_000;
/** SQS Developer Guide, "Exactly-once processing". */
const deduplicated = 300_000;

interface Waiting extends QueueRecord {
  readonly visibleAt: number;
}

/** A FIFO queue as far as the worker can tell: in order in each group, at least once, deduplicated for five minutes. */
export interface Queue {
  send(message: TargetMessage): void;
  /** The next messages of the first group that is free. */
  receive(): QueueRecord[];
  delete(records: readonly QueueRecord[]): void;
  /** They come again at once. */
  giveBack(records: readonly QueueRecord[]): void;
  /** They come again as if their receiver had died long ago. */
  expire(): void;
  bury(record: QueueRecord): void;
  readonly dead: QueueRecord[];
  size(): number;
}

const batch = 3;

/** An empty queue. */
export function queue(time: Time): Queue {
  let waiting: Waiting[] = [];
  let sent = 0;
  const known = new Map<string, number>();
  const dead: QueueRecord[] = [];
  const without = (records: readonly QueueRecord[]) => {
    const ids = new Set(records.map(({ id }) => id));
    return waiting.filter(({ id }) => !ids.has(id));
  };
  const visible = (records: readonly QueueRecord[], at: number) => {
    const ids = new Set(records.map(({ id }) => id));
    waiting = waiting.map((one) => (ids.has(one.id) ? { ...one, visibleAt: at } : one));
  };

  return {
    dead,
    size: () => waiting.length,
    send(message) {
      const key = deduplicationOf(message);
      if (time.now - (known.get(key) ?? -Infinity) < deduplicated) return;
      known.set(key, time.now);
      sent += 1;
      const own = { id: `message-${sent}`, receiptHandle: `handle-${sent}`, body: JSON.stringify(message) };
      waiting.push({ ...own, group: groupOf(message), receiveCount: 0, visibleAt: time.now });
    },
    receive() {
      const busy = new Set(waiting.filter(({ visibleAt }) => visibleAt > time.now).map(({ group }) => group));
      const first = waiting.find(({ group }) => !busy.has(group));
      const taken = waiting.filter(({ group }) => group === first?.group).slice(0, batch);
      const received = taken.map((one) => ({
        ...one,
        receiveCount: one.receiveCount + 1,
        visibleAt: time.now + hidden,
      }));
      const spent = received.filter(({ receiveCount }) => receiveCount > maxReceives);
      dead.push(...spent);
      waiting = without(spent).map((one) => received.find(({ id }) => id === one.id) ?? one);
      return received.filter((one) => !spent.includes(one));
    },
    delete(records) {
      waiting = without(records);
    },
    giveBack: (records) => visible(records, time.now),
    expire: () => visible(waiting, time.now),
    bury: (record) => dead.push(record),
  };
}
