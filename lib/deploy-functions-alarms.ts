import { filledIn, logicalId, named, type Resource, type Resources, region, stackName, where } from './deploy-stack.ts';

/** The functions, in the order of the flow; serverless.yml has the same. */
export const functionNames = ['scheduled', 'worker', 'event', 'backfill', 'watch'] as const;

/** The queues by their logical ids, with how old (in seconds) the oldest message may get. */
const queues = {
  // A pass takes up to 300 s, and of one target only one runs at a time.
  ScheduleQueue: { name: 'schedule.fifo', age: 900 },
  EventsQueue: { name: 'events', age: 900 },
  // Low priority: a run of 500 targets may take hours.
  BackfillQueue: { name: 'backfill.fifo', age: 43_200 },
} as const;

/** Where things end that nobody could work on. */
const deadLetters = {
  ScheduleDeadLetters: 'schedule-dead-letters.fifo',
  BackfillDeadLetters: 'backfill-dead-letters.fifo',
  EventsDeadLetters: 'events-dead-letters',
  UndeliveredQueue: 'undelivered',
} as const;

const metricsNamespace = 'Skymirror';
const watchDimensions = { service: 'watch', stage: filledIn('sls:stage') };

/** The alarms and the dashboard: what a person on call is told, and where to look. */
export function alarmsOf(): Resources {
  const ofFunctions = functionNames.flatMap((name) =>
    (['Errors', 'Throttles'] as const).map((metric): [string, Resource] => [
      logicalId(name, metric, 'Alarm'),
      alarm(`${name}-${metric.toLowerCase()}`, {
        AlarmDescription: `The function ${name}: ${metric.toLowerCase()}. Its log says more.`,
        ...measured('AWS/Lambda', metric, { FunctionName: named(name) }, 'Sum', 0),
      }),
    ]),
  );
  const ofDeadLetters = Object.entries(deadLetters).map(([id, name]): [string, Resource] => [
    `${id}Alarm`,
    alarm(name.replace('.fifo', ''), {
      AlarmDescription: 'Messages that nobody could work on. Their attribute Reason, or their body, says why.',
      ...measured('AWS/SQS', 'ApproximateNumberOfMessagesVisible', { QueueName: named(name) }, 'Maximum', 0),
    }),
  ]);
  const ofAges = Object.entries(queues).map(([id, { name, age }]): [string, Resource] => [
    `${id}AgeAlarm`,
    alarm(`${name.replace('.fifo', '')}-age`, {
      AlarmDescription: `The oldest message has waited for more than ${age} s: the function that reads the queue does not keep up.`,
      ...measured('AWS/SQS', 'ApproximateAgeOfOldestMessage', { QueueName: named(name) }, 'Maximum', age),
    }),
  ]);
  return {
    ScansAlarm: scansAlarm(),
    ...Object.fromEntries([...ofFunctions, ...ofDeadLetters, ...ofAges]),
    Dashboard: {
      Type: 'AWS::CloudWatch::Dashboard',
      Properties: {
        DashboardName: stackName,
        DashboardBody: { 'Fn::Sub': JSON.stringify(dashboard()) },
      },
    },
  };
}

/** The dead man's switch: a mirror that no longer runs says nothing, so that silence counts as trouble. */
function scansAlarm(): Resource {
  return alarm('scans', {
    AlarmDescription:
      'The outside was not fully seen for longer than staleAfter of a mirror, or nobody watches any more. "kubectl get mirrorscans -A" shows which.',
    ...measured(metricsNamespace, 'OldestCompleteScanPercent', watchDimensions, 'Maximum', 100),
    // The function watch runs each 5 minutes; one run may be late.
    EvaluationPeriods: 3,
    DatapointsToAlarm: 3,
    TreatMissingData: 'breaching',
  });
}

function measured(
  Namespace: string,
  MetricName: string,
  dimensions: Readonly<Record<string, string>>,
  Statistic: string,
  Threshold: number,
) {
  const Dimensions = Object.entries(dimensions).map(([Name, Value]) => ({ Name, Value }));
  return { Namespace, MetricName, Dimensions, Statistic, Threshold };
}

function alarm(name: string, properties: Readonly<Record<string, unknown>>): Resource {
  const actions = where('HasAlarmTopic', [{ Ref: 'AlarmTopic' }]);
  return {
    Type: 'AWS::CloudWatch::Alarm',
    Properties: {
      AlarmName: named(name),
      ComparisonOperator: 'GreaterThanThreshold',
      Period: 300,
      EvaluationPeriods: 1,
      // SQS and Lambda send nothing where nothing happens.
      TreatMissingData: 'notBreaching',
      AlarmActions: actions,
      OKActions: actions,
      ...properties,
    },
  };
}

/** Widgets of half the width (CloudWatch API reference, "Dashboard Body Structure and Syntax": 24 columns). */
function dashboard() {
  const own = (metric: string, service: string) => [
    metricsNamespace,
    metric,
    ...Object.entries({ ...watchDimensions, service }).flat(),
  ];
  const ofFunctions = (metric: string) =>
    functionNames.map((name) => ['AWS/Lambda', metric, 'FunctionName', named(name)]);
  const ofQueues = (names: readonly string[], metric: string) =>
    names.map((name) => ['AWS/SQS', metric, 'QueueName', named(name)]);
  const working = Object.values(queues).map(({ name }) => name);
  const graphs = [
    graph('Oldest complete scan, percent of staleAfter', 'Maximum', [own('OldestCompleteScanPercent', 'watch')]),
    graph('Passes', 'Sum', [own('Passes', 'worker'), own('PassesFailed', 'worker')]),
    graph('Messages that wait', 'Maximum', ofQueues(working, 'ApproximateNumberOfMessagesVisible')),
    graph('Age of the oldest message, seconds', 'Maximum', ofQueues(working, 'ApproximateAgeOfOldestMessage')),
    graph('Dead letters', 'Maximum', ofQueues(Object.values(deadLetters), 'ApproximateNumberOfMessagesVisible')),
    graph('Errors', 'Sum', ofFunctions('Errors')),
    graph('Duration, milliseconds', 'Maximum', ofFunctions('Duration')),
    graph('Invocations at once', 'Maximum', ofFunctions('ConcurrentExecutions')),
  ];
  const widgets = graphs.map((properties, index) => ({
    type: 'metric',
    x: 12 * (index % 2),
    y: 6 * Math.floor(index / 2),
    width: 12,
    height: 6,
    properties,
  }));
  return { widgets };
}

function graph(title: string, stat: string, metrics: readonly (readonly string[])[]) {
  return { title, stat, metrics, view: 'timeSeries', period: 300, region };
}
