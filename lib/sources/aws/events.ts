import { type CloudEvent, type EventRule, fieldOf } from '../../cloud-events.ts';
import { partitionOf } from '../../partitions.ts';

/** How the ARNs of a kind are made: `arn:<partition>:<service>:<region>:<account>:<before><name>`. */
export interface ArnForm {
  readonly service: 'rds' | 'sqs';
  readonly before: '' | 'db:' | 'cluster:';
  readonly name: RegExp;
}

/**
 * "Must contain from 1 to 63 letters, numbers, or hyphens. First character must be a letter. [...] This parameter is
 * stored as a lowercase string" (RDS API reference, CreateDBInstance; the same of CreateDBCluster).
 */
const identifier = /^[a-z][a-z0-9-]{0,62}$/;

/** DB instances. */
export const instanceArns: ArnForm = { service: 'rds', before: 'db:', name: identifier };

/** DB clusters. */
export const clusterArns: ArnForm = { service: 'rds', before: 'cluster:', name: identifier };

/** "A queue name can have up to 80 characters", the suffix .fifo among them (SQS API reference, CreateQueue). */
export const queueArns: ArnForm = { service: 'sqs', before: '', name: /^(?=.{1,80}$)[\w-]+(\.fifo)?$/ };

/**
 * What RDS itself tells EventBridge, best effort: no tags, and few of the changes of settings (RDS User Guide, "Amazon
 * RDS event categories and event messages"). `SourceIdentifier` is at times written with the prefix `rds:`.
 */
export function serviceEvents(form: ArnForm, detailType: string): EventRule {
  return {
    name: 'service',
    pattern: { source: [`aws.${form.service}`], 'detail-type': [detailType] },
    ids: ({ detail, resources }) => legal(form, [fieldOf(detail, 'SourceArn'), ...resources]),
  };
}

/** An API call that succeeded, as CloudTrail tells of it. */
interface Call {
  readonly region: string;
  readonly account: string;
  /** What the request and the response say under that name. */
  readonly texts: (name: string) => readonly string[];
}

/** API calls by their names (with spaces between), where a trail is on; `candidates` says what may be an ARN. */
export function apiCalls(form: ArnForm, names: string, candidates: (call: Call) => readonly string[]): EventRule {
  const { service } = form;
  return {
    name: 'api-calls',
    pattern: {
      source: [`aws.${service}`],
      'detail-type': ['AWS API Call via CloudTrail'],
      detail: { eventSource: [`${service}.amazonaws.com`], eventName: words(names) },
    },
    ids: (event) => legal(form, candidates(callIn(event))),
  };
}

/** "recipientAccountId: Represents the account ID that received this event" (CloudTrail User Guide, "record contents"). */
function callIn({ account, region, detail }: CloudEvent): Call {
  const said = [fieldOf(detail, 'requestParameters'), fieldOf(detail, 'responseElements')];
  return {
    region: textsOf(detail, 'awsRegion')[0] ?? region ?? '',
    account: textsOf(detail, 'recipientAccountId')[0] ?? account ?? '',
    texts: (name) => said.flatMap((one) => textsOf(one, name)),
  };
}

function textsOf(value: unknown, name: string): readonly string[] {
  const found = fieldOf(value, name);
  return typeof found === 'string' ? [found] : [];
}

/**
 * What a call of RDS names by those parameters: identifiers, or ARNs in their place. CloudTrail writes the names of the
 * API reference with a small first letter (RDS User Guide, "Amazon RDS log file entries").
 */
export function resourcesNamed(form: ArnForm, parameters: string): (call: Call) => readonly string[] {
  return ({ region, account, texts }) =>
    words(parameters)
      .flatMap(texts)
      .map((text) => (text.startsWith('arn:') ? text : arnOf(form, region, account, text.toLowerCase())));
}

/** The URL of a queue ends in account and name; its host may be an old one. CreateQueue has the name alone. */
export function queuesNamed({ region, account, texts }: Call): readonly string[] {
  const byUrl = texts('queueUrl').map((url) => {
    const [name = '', owner = ''] = url.split('/').toReversed();
    return arnOf(queueArns, region, owner, name);
  });
  return [...byUrl, ...texts('queueName').map((name) => arnOf(queueArns, region, account, name))];
}

/**
 * What AWS Config has recorded of a type, where its recorder is on; what is too large comes as a summary under another
 * name (AWS Config Developer Guide, "Example Oversized Configuration Item Change Notification").
 */
export function configItems(form: ArnForm, resourceType: string): readonly EventRule[] {
  return (['configurationItem', 'configurationItemSummary'] as const).map((item) => ({
    name: item === 'configurationItem' ? 'config-items' : 'config-summaries',
    pattern: {
      source: ['aws.config'],
      'detail-type': ['Config Configuration Item Change'],
      detail: { [item]: { resourceType: [resourceType] } },
    },
    ids: ({ detail, resources }) => legal(form, [fieldOf(fieldOf(detail, item), 'ARN'), ...resources]),
  }));
}

const words = (text: string) => text.trim().split(/\s+/);

function arnOf({ service, before }: ArnForm, region: string, account: string, name: string): string {
  return `arn:${partitionOf(region)}:${service}:${region}:${account}:${before}${name}`;
}

/**
 * Those whose partition is that of their region and whose name is one that AWS may have given: what AWS would
 * refuse to be asked for would spoil the question for others. The router sees to the rest of an ARN.
 */
function legal({ before, name }: ArnForm, candidates: readonly unknown[]): string[] {
  return candidates
    .filter((candidate) => typeof candidate === 'string')
    .filter((arn) => {
      const [, partition, , region = '', , ...rest] = arn.split(':');
      const last = rest.join(':');
      return partition === partitionOf(region) && last.startsWith(before) && name.test(last.slice(before.length));
    });
}
