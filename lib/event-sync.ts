import { type CloudEvent, eventIn } from './cloud-events.ts';
import type { Cluster } from './cluster.ts';
import { mapConcurrent } from './concurrent.ts';
import type { Unseen } from './conditions.ts';
import type { Report } from './report.ts';
import { type Ignored, routerOf } from './route.ts';
import type { Source } from './source.ts';
import { sync } from './sync.ts';
import type { ConfiguredTask } from './targets.ts';

/** One message of the queue of events. */
export interface EventMessage {
  readonly messageId: string;
  readonly body: string;
  /** Message attributes, as Lambda hands them over. */
  readonly messageAttributes?: unknown;
}

/** What it takes to act on events. */
export interface EventOptions {
  /** Targets that are not begun when it fires are left to the next delivery. */
  readonly signal: AbortSignal;
  clusters(names: readonly string[]): Promise<ReadonlyMap<string, Cluster>>;
}

/** What a batch of messages came to. */
export interface EventResult {
  /** Messages that are to be delivered again. */
  readonly failed: readonly string[];
  readonly ignored: ReadonlyMap<Ignored, Nothing>;
  /** When the newest of the events happened that led to a target; milliseconds since 1970. */
  readonly newest: number | undefined;
  readonly reports: readonly Report[];
  /** Targets for which there was no time left. */
  readonly notBegun: number;
  /** Passes that broke off by an error of ours. */
  readonly errors: readonly Error[];
}

/** Messages that nothing is done about for one reason. */
export interface Nothing {
  readonly count: number;
  /** What the last of them said it was. */
  readonly example: string;
}

/** A target, what is to be looked at there, and the messages that asked for it. */
interface Work {
  readonly task: ConfiguredTask;
  readonly ids: Set<string>;
  readonly messages: Set<string>;
}

const targetsAtOnce = 4;

/** Troubles that pass. All others (access denied, the wrong place) a second delivery would meet again. */
const passing: readonly Unseen[] = ['Throttled', 'Unreachable', 'Interrupted'];

/**
 * Acts on a batch of events: looks once at each target that they name, at all ids of it together, so that a storm of
 * events costs few calls. Never throws for what is in a message or for what a pass comes to.
 */
export async function syncEvents(
  messages: readonly EventMessage[],
  tasks: readonly ConfiguredTask[],
  { signal, clusters }: EventOptions,
): Promise<EventResult> {
  const { works, ignored, newest } = coalesced(messages, tasks);
  const opened = await clusters([...new Set(works.flatMap(({ task }) => task.clusters))]);
  const passes = await mapConcurrent(works, targetsAtOnce, (work) => pass(work, opened, signal));
  const failed = works.filter((_, index) => passes[index]?.again === true).flatMap((work) => [...work.messages]);
  return {
    failed: [...new Set(failed)],
    ignored,
    newest,
    reports: passes.flatMap(({ report }) => report ?? []),
    notBegun: passes.filter(({ report, error }) => report === undefined && error === undefined).length,
    errors: passes.flatMap(({ error }) => error ?? []),
  };
}

function coalesced(messages: readonly EventMessage[], tasks: readonly ConfiguredTask[]) {
  const route = routerOf(tasks);
  const works = new Map<ConfiguredTask, Work>();
  const ignored = new Map<Ignored, Nothing>();
  const times: number[] = [];
  for (const { messageId, body, messageAttributes } of messages) {
    const event = eventIn(body, messageAttributes);
    const found = event === undefined ? { ignored: 'NotAnEvent' as const } : route(event);
    if ('ignored' in found) {
      const count = (ignored.get(found.ignored)?.count ?? 0) + 1;
      ignored.set(found.ignored, { count, example: event === undefined ? '' : wordsFor(event) });
      continue;
    }
    const time = Date.parse(event?.time ?? '');
    if (!Number.isNaN(time)) times.push(time);
    for (const { task, ids } of found.targets) {
      const work = works.get(task) ?? { task, ids: new Set(), messages: new Set() };
      works.set(task, work);
      work.messages.add(messageId);
      for (const id of ids) work.ids.add(id);
    }
  }
  return { works: [...works.values()], ignored, newest: times.length === 0 ? undefined : Math.max(...times) };
}

/** Cut short, because strangers may have written it. */
function wordsFor({ source, 'detail-type': detailType, account = '', region = '' }: CloudEvent): string {
  const words = [source, detailType, account, region].filter((text) => text !== '');
  return words.map((text) => text.slice(0, 60)).join(' ');
}

/** How the pass of one target ended. `again`: its messages are to be delivered again. */
interface Pass {
  readonly again: boolean;
  readonly report?: Report;
  readonly error?: Error;
}

async function pass({ task, ids }: Work, opened: ReadonlyMap<string, Cluster>, signal: AbortSignal): Promise<Pass> {
  if (signal.aborted) return { again: true };
  const clusters = task.clusters.flatMap((name) => opened.get(name) ?? []);
  const { source, reasons } = remembering(task.source);
  try {
    const report = await sync({ ...task, source }, clusters, { ids: [...ids], signal });
    if (report.incomplete !== undefined) reasons.add(report.incomplete.reason);
    const isDown = report.clusters.some(
      ({ skipped, refused, broken }) => broken !== undefined || (skipped !== undefined && refused !== true),
    );
    return { again: isDown || passing.some((reason) => reasons.has(reason)), report };
  } catch (cause) {
    const place = `${task.mirror.name} ${task.source.kind} ${Object.values(task.scope).join('/')}`;
    return { again: true, error: new Error(`${place}: ${cause instanceof Error ? cause.message : cause}`, { cause }) };
  }
}

/** The source, and the reasons that it gives for what it could not see: of single ids the report has only the sentence. */
function remembering(source: Source): { readonly source: Source; readonly reasons: Set<Unseen> } {
  const reasons = new Set<Unseen>();
  const explain: Source['explain'] = (error) => {
    const explanation = source.explain(error);
    reasons.add(explanation.reason);
    return explanation;
  };
  return { source: { ...source, explain }, reasons };
}
