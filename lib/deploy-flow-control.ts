import type { Subject } from './rbac.ts';

const name = 'skymirror';
const apiVersion = 'flowcontrol.apiserver.k8s.io/v1';

/**
 * A share of the API server for the writers: as an IAM role or another plain user they would stand in `global-default`
 * with everybody else (20 of 245 shares), as a service account in `workload-low` among all controllers.
 *
 * Ten shares are 24 of a server's default 600 requests at a time; a mirror has 16 in flight. Half of that is lent while
 * the mirror rests, and as much again is borrowed while others rest, so that a first fill is fast and starves nobody.
 * (Kubernetes documentation: "API Priority and Fairness".)
 */
export function flowControl(writers: readonly Subject[]) {
  const metadata = { name, labels: { 'app.kubernetes.io/part-of': 'skymirror' } };
  const everything = { verbs: ['*'], apiGroups: ['*'], resources: ['*'], namespaces: ['*'], clusterScope: true };
  return [
    {
      apiVersion,
      kind: 'PriorityLevelConfiguration',
      metadata,
      spec: {
        type: 'Limited',
        limited: {
          nominalConcurrencyShares: 10,
          lendablePercent: 50,
          borrowingLimitPercent: 100,
          limitResponse: { type: 'Queue', queuing: { queues: 16, handSize: 4, queueLengthLimit: 50 } },
        },
      },
    },
    {
      apiVersion,
      kind: 'FlowSchema',
      metadata,
      spec: {
        priorityLevelConfiguration: { name },
        // Behind the system's own (at most 900), before `service-accounts` (9000).
        matchingPrecedence: 1000,
        distinguisherMethod: { type: 'ByUser' },
        rules: [{ subjects: writers.map(flowSubject), resourceRules: [everything] }],
      },
    },
  ];
}

function flowSubject(subject: Subject) {
  const { kind, name } = subject;
  if (kind === 'ServiceAccount') return { kind, serviceAccount: { name, namespace: subject.namespace } };
  return kind === 'Group' ? { kind, group: { name } } : { kind, user: { name } };
}
