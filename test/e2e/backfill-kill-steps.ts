import type { Death } from './backfill-kill.ts';

/** A target, and at what the worker dies in its first deliveries; each of them takes up the next death. */
export interface Plan {
  readonly region: string;
  readonly size: number;
  /** Its objects are there, and each has changed outside since. */
  readonly changed: boolean;
  readonly deaths: readonly Death[];
}

type Step = Omit<Death, 'when'>;

const secret: Step = { step: 'the kubeconfig is read', at: 'secretsmanager GetSecretValue' };
const run: Step = { step: 'the SyncRun is read', at: 'GET syncruns' };
const held: Step = { step: 'the versions of the objects are read', at: 'LIST rdsinstances' };
const entry: Step = { step: 'the pass is entered into the SyncRun', at: 'PUT syncruns/status Running' };
const scan: Step = { step: 'the MirrorScan is read', at: 'GET mirrorscans' };
const proof: Step = { step: 'the account is proven', at: 'sts GetCallerIdentity' };
const page: Step = { step: 'a page is listed', at: 'rds DescribeDBInstances' };
const create: Step = { step: 'an object is created', at: 'POST rdsinstances' };
const status: Step = { step: 'the status of an object is written', at: 'PUT rdsinstances/status' };
const progress: Step = { ...entry, step: 'what was seen is written', nth: 2, holds: 2 };
const scanMade: Step = { step: 'the MirrorScan is made', at: 'POST mirrorscans' };
const scanWritten: Step = { step: 'the status of the MirrorScan is written', at: 'PUT mirrorscans/status' };
const event: Step = { step: 'an Event is told', at: 'POST events' };
const done: Step = { step: 'the target is reported as done', at: 'PUT syncruns/status Done' };
/** Its time is over before there is anything to write: of a write that is under way then, nobody counts what became. */
const sent: Step = { step: 'the rest is sent on', at: 'sqs SendMessageBatch', holds: 1, time: 3 };

/** The death of the worker, or of Lambda itself, when it has answered: the message is not deleted. */
export const answer: Death = { step: 'the answer is given', at: 'the answer', when: 'after' };

const before = (step: Step, nth = step.nth): Death => ({ ...step, when: 'before', ...(nth ? { nth } : {}) });
const after = (step: Step, nth = step.nth): Death => ({ ...step, when: 'after', ...(nth ? { nth } : {}) });

/**
 * In which region which deaths come one after the other. SQS delivers five times, so that a target survives four. Pages
 * have 100; the nth write is the last or one in the middle.
 */
const allPlans: readonly Plan[] = [
  plan('us-east-1', 950, after(create, 500), before(status, 200), before(page, 10), after(page, 10)),
  plan('us-east-2', 100, after(status, 100), before(scanMade), after(scanMade), before(done)),
  plan('us-west-1', 100, before(status, 100), before(scanWritten), after(scanWritten), answer),
  plan('us-west-2', 120, before(create), after(create), before(status), after(status)),
  plan('eu-west-1', 60, before(run), after(run), before(held), after(held)),
  plan('eu-west-2', 60, before(entry), after(entry), before(proof), after(proof)),
  plan('eu-west-3', 150, before(page), after(page), before(page, 2), after(page, 2)),
  plan('eu-central-1', 100, before(create, 100), before(scan), after(scan), before(secret)),
  plan('eu-north-1', 120, after(create, 120), before(progress), after(progress), after(secret)),
  plan('sa-east-1', 110, before(sent), after(sent)),
  changed('ap-south-1', 40, after(status, 10), after(event)),
  changed('ap-southeast-1', 50, before(event)),
  changed('ap-northeast-1', 40, after(done)),
];

/**
 * Each step once: whoever dies after a read leaves behind what one leaves who dies before it. Of writes both are here, but
 * for the two that are waited for: how far the run is, and the rest that is sent on.
 */
const shortPlans: readonly Plan[] = [
  plan('us-east-1', 110, after(create, 60), before(status, 40), before(page, 2)),
  plan('us-east-2', 20, after(status, 20), before(scanMade), after(scanMade), before(done)),
  plan('us-west-1', 20, before(scanWritten), after(scanWritten), answer),
  plan('us-west-2', 20, before(create), after(create), before(status), after(status)),
  plan('eu-west-1', 20, after(run), before(entry), after(held), after(entry)),
  plan('eu-west-2', 20, after(secret), after(proof), before(scan)),
  plan('eu-north-1', 110, after(progress)),
  plan('sa-east-1', 110, after(sent)),
  changed('ap-south-1', 40, after(status, 10), after(event)),
  changed('ap-southeast-1', 20, before(event)),
  changed('ap-northeast-1', 20, after(done)),
];

/** All of them in the long form (kills-long.ts), in which the test runs with SKYMIRROR_LONG=1. */
export const plans = process.env.SKYMIRROR_LONG === '1' ? allPlans : shortPlans;

function plan(region: string, size: number, ...deaths: readonly Death[]): Plan {
  return { region, size, deaths, changed: false };
}

function changed(region: string, size: number, ...deaths: readonly Death[]): Plan {
  return { region, size, deaths, changed: true };
}

/** How many passes a target comes to: what died before it had entered itself was none, and after the end there is none. */
export function passesOf({ deaths }: Plan): number {
  const isEntered = ({ at, when, nth }: Death) =>
    ![secret, run, held].some((step) => step.at === at) && !(at === entry.at && nth === undefined && when === 'before');
  const isOver = ({ at, when }: Death) => at === answer.at || (at === done.at && when === 'after');
  return deaths.filter(isEntered).length + (deaths.some(isOver) ? 0 : 1);
}

/** One more than deaths; and where the rest was sent on before a death, that message, which finds the target done. */
export function deliveriesOf({ deaths }: Plan): number {
  return deaths.length + (deaths.some(({ at, when }) => at === sent.at && when === 'after') ? 2 : 1);
}
