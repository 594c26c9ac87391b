import { kustomization } from './deploy-kustomization.ts';
import type { Subject } from './rbac.ts';

const name = 'skymirror';
const folder = '/etc/skymirror';
const file = 'skymirror.yaml';
const labels: Readonly<Record<string, string>> = {
  'app.kubernetes.io/name': 'skymirror',
  'app.kubernetes.io/part-of': 'skymirror',
};

/** Where the generated CronJob runs: a namespace of its own, because readers of the mirror have no business there. */
export const runnerNamespace = 'skymirror';

/** Who the generated CronJob is to the API server. */
export const runner: Subject = { kind: 'ServiceAccount', name, namespace: runnerNamespace };

/** The kustomization around the CronJob; `files` are the manifests beside it. */
export function runnerKustomization(files: readonly string[], version: string) {
  return {
    ...kustomization(files),
    // A new run mounts the map as it is then: a hash in its name would only leave old ones behind.
    configMapGenerator: [{ name, namespace: runnerNamespace, files: [file], options: { disableNameSuffixHash: true } }],
    images: [{ name, newTag: version }],
  };
}

/** The identity under which the CronJob runs. */
export function serviceAccount() {
  return { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name, namespace: runnerNamespace, labels } };
}

/** One pass over the whole configuration every five minutes, never two at a time, in a pod that may do next to nothing. */
export function cronJob() {
  return {
    apiVersion: 'batch/v1',
    kind: 'CronJob',
    metadata: { name, namespace: runnerNamespace, labels },
    spec: {
      schedule: '*/5 * * * *',
      concurrencyPolicy: 'Forbid',
      // A pass that could not start in time is left to the next one; unset, a hundred missed ones would stop the schedule.
      startingDeadlineSeconds: 240,
      successfulJobsHistoryLimit: 1,
      failedJobsHistoryLimit: 3,
      jobTemplate: {
        metadata: { labels },
        // The next pass is the retry, and mends what this one left. A pass that hangs is ended, or no other would start.
        spec: { backoffLimit: 0, activeDeadlineSeconds: 900, template: { metadata: { labels }, spec: podSpec() } },
      },
    },
  };
}

function podSpec() {
  return {
    serviceAccountName: name,
    restartPolicy: 'Never',
    securityContext: { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } },
    containers: [
      {
        name,
        image: name,
        args: ['sync', '--config', `${folder}/${file}`, '--log-format', 'json'],
        securityContext: {
          allowPrivilegeEscalation: false,
          readOnlyRootFilesystem: true,
          capabilities: { drop: ['ALL'] },
        },
        resources: { requests: { cpu: '100m', memory: '128Mi' }, limits: { memory: '512Mi' } },
        volumeMounts: [{ name: 'config', mountPath: folder, readOnly: true }],
      },
    ],
    volumes: [{ name: 'config', configMap: { name } }],
  };
}

/** What to know before the CronJob is applied, as the head of its file. */
export const cronJobNotes = `The image: build it with the Dockerfile of the repository, push it, and name it in a kustomization of yours:
  images: [{ name: skymirror, newName: <your registry>/skymirror, newTag: <version> }]
The configuration: skymirror.yaml beside this file, or one of yours by a configMapGenerator with "behavior: replace".
Changes outside are to be seen within a minute: run the same pod as a Deployment instead (replicas: 1, strategy: Recreate)
with "sync --every 1m", which also spares starting a pod each time. The CronJob costs nothing between passes.
`;

/** How the pods get at AWS, as the head of the file of their service account. */
export const serviceAccountNotes = `Credentials for AWS. On EKS let a role trust this service account, then either associate it (EKS Pod Identity), or
annotate the service account (IAM roles for service accounts):
  eks.amazonaws.com/role-arn: arn:aws:iam::111122223333:role/skymirror
`;

/** A configuration to start from; the account is the one of AWS's own examples. */
export function exampleConfiguration(kinds: readonly string[], namespace: string): string {
  return `# An example: put in your own account and regions. No secret belongs in here.
clusters:
  here: { inCluster: true } # the cluster that this pod runs in, as its own service account

accounts:
  production:
    id: "111122223333"
    # The role that may read the account (deploy/iam/reader-policy.json). Without it the pod's own credentials are used.
    # role: arn:aws:iam::111122223333:role/skymirror-reader
    # externalId: what the role's trust policy asks for

mirrors:
  - name: production
    sources: [${kinds.join(', ')}]
    accounts: [production]
    regions: [us-east-1]
    namespace: ${namespace} # has to exist, with the writer role bound in it
    clusters: [here]
    # labels: [team, env] # tags to show as labels, below tags.skymirror.dev/
`;
}
