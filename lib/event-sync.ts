import { type CloudEvent, eventIn } from './cloud-events.ts';
import type { Cluster } from './cluster.ts';
import { mapConcurrent } from './concurrent.ts';
import type { Unseen } from './conditions.ts';
import { mayPass } from './passing.ts';
import { plainText } from './plain-text.ts';
import type { Report } from './report.ts';
import { type Ignored, routerOf } from './route.ts';
import type { Source } from './source.ts';
import { sync } from './sync.ts';
import type { ConfiguredTask } from './targets.ts';
import { maxReceives } from './work.ts';

/** One message of the queue of events. */
export interface EventMessage {
  readonly messageId: string;
  readonly body: string;
  /** This delivery included. */
  readonly receiveCount: number;
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
  /** Messages of the last delivery that only met what passes: the next poll sees what they told of. */
  readonly givenUp: readonly string[];
  readonly ignored: ReadonlyMap<Ignored, Nothing>;
  /** When the oldest of the events happened that led to a target; milliseconds since 1970. */
  readonly oldest: number | undefined;
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

/**
 * Acts on a batch of events: looks once at each target that they name, at all ids of it together, so that a storm of
 * events costs few calls. Never throws for what is in a message or for what a pass comes to.
 */
export async function syncEvents(
  messages: readonly EventMessage[],
  tasks: readonly ConfiguredTask[],
  options: EventOptions,
): Promise<EventResult> {
  const { works, ignored, oldest } = coalesced(messages, tasks);
  const passes = await mapConcurrent(works, targetsAtOnce, (work) => pass(work, options));
  const spent = new Set(messages.filter(({ receiveCount }) => receiveCount >= maxReceives).map((one) => one.messageId));
  const broken = messagesOf(passes.filter(({ error }) => error !== undefined));
  const again = [...messagesOf(passes.filter((one) => one.again))];
  // The dead letters are for what a person has to look at.
  const isGivenUp = (id: string) => spent.has(id) && !broken.has(id);
  return {
    failed: again.filter((id) => !isGivenUp(id)),
    givenUp: again.filter(isGivenUp),
    ignored,
    oldest,
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
  return { works: [...works.values()], ignored, oldest: times.length === 0 ? undefined : Math.min(...times) };
}

/** Short and plain, because strangers may have written it. */
function wordsFor({ source, 'detail-type': detailType, account = '', region = '' }: CloudEvent): string {
  const words = [source, detailType, account, region].filter((text) => text !== '');
  return words.map((text) => plainText(text, 60)).join(' ');
}

/** How the pass of one target ended. `again`: its messages are to be delivered again. */
interface Pass {
  readonly messages: ReadonlySet<string>;
  readonly again: boolean;
  readonly report?: Report;
  readonly error?: Error;
}

const messagesOf = (passes: readonly Pass[]): ReadonlySet<string> =>
  new Set(passes.flatMap(({ messages }) => [...messages]));

async function pass({ task, ids, messages }: Work, { signal, clusters }: EventOptions): Promise<Pass> {
  if (signal.aborted) return { messages, again: true };
  const { source, reasons } = remembering(task.source);
  try {
    // By each target itself, so that one that is long in opening holds up only its own.
    const opened = await clusters(task.clusters);
    const into = task.clusters.flatMap((name) => opened.get(name) ?? []);
    const report = await sync({ ...task, source }, into, { ids: [...ids], signal });
    return { messages, again: mayPass(report, reasons), report };
  } catch (cause) {
    const place = `${task.mirror.name} ${task.source.kind} ${Object.values(task.scope).join('/')}`;
    const error = new Error(`${place}: ${cause instanceof Error ? cause.message : cause}`, { cause });
    return { messages, again: true, error };
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
