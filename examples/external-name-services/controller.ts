import {
  CoreV1Api,
  CustomObjectsApi,
  KubeConfig,
  type KubernetesListObject,
  type KubernetesObject,
  makeInformer,
  PatchStrategy,
  setHeaderOptions,
} from '@kubernetes/client-node';

// For each mirrored database a Service of the same name, so that pods reach it as `<name>.external.svc`.
type Database = KubernetesObject & { status?: { observed?: { endpoint?: { address?: string } } } };

const namespace = process.argv[2] ?? 'external';
const kind = { group: 'aws.skymirror.dev', version: 'v1alpha1', namespace, plural: 'rdsinstances' };
const path = `/apis/${kind.group}/${kind.version}/namespaces/${namespace}/${kind.plural}`;
const config = new KubeConfig();
config.loadFromDefault();
const services = config.makeApiClient(CoreV1Api);
const objects = config.makeApiClient(CustomObjectsApi);
const asApply = setHeaderOptions('Content-Type', PatchStrategy.ServerSideApply);
const listed = async (): Promise<KubernetesListObject<Database>> => await objects.listNamespacedCustomObject(kind);
const databases = makeInformer<Database>(config, path, listed);

/** Not forced: a Service that somebody else made is a conflict, and stays as it is. */
async function apply(name: string): Promise<void> {
  const { metadata, status } = databases.get(name, namespace) ?? {};
  const externalName = status?.observed?.endpoint?.address;
  if (metadata?.uid === undefined || externalName === undefined) return;
  // The owner: when the database is gone and its object goes, the Service goes with it.
  const owner = { apiVersion: `${kind.group}/${kind.version}`, kind: 'RDSInstance', name, uid: metadata.uid };
  const spec = { type: 'ExternalName', externalName };
  const body = { apiVersion: 'v1', kind: 'Service', metadata: { name, ownerReferences: [owner] }, spec };
  await services.patchNamespacedService({ name, namespace, body, fieldManager: 'database-services' }, asApply);
  console.log(`Service ${name} -> ${externalName}`);
}

const complain = (error: unknown) => console.error(String(error));

// One after the other, so that an older answer never comes last.
let work = Promise.resolve();
function follow({ metadata }: Database): void {
  work = work.then(() => apply(metadata?.name ?? '')).catch(complain);
}

function start(): void {
  databases.start().catch(restart);
}

function restart(error: unknown): void {
  complain(error);
  setTimeout(start, 1_000);
}

for (const verb of ['add', 'update'] as const) databases.on(verb, follow);
databases.on('error', restart);
start();
// What failed, and what others changed.
setInterval(() => databases.list(namespace).forEach(follow), 60_000);
