import * as cluster from '../../lib/cluster.ts';
import * as define from '../../lib/define-source.ts';
import * as iam from '../../lib/iam.ts';
import * as kubernetesCluster from '../../lib/kubernetes-cluster.ts';
import * as plan from '../../lib/plan.ts';
import * as removal from '../../lib/removal.ts';
import * as source from '../../lib/source.ts';
import * as sync from '../../lib/sync.ts';

/** One copy of lib/ as the doubles and the law tests use it: the real one, or one in which a rule is switched off. */
export interface Engine {
  readonly sync: typeof sync.sync;
  readonly decide: typeof plan.decide;
  readonly brake: typeof removal.brake;
  readonly readerPolicy: typeof iam.readerPolicy;
  readonly defineSource: typeof define.defineSource;
  readonly clusterOver: typeof kubernetesCluster.clusterOver;
  /** `instanceof` decides in the engine, so the doubles throw the classes of the copy under test. */
  readonly ApiError: typeof cluster.ApiError;
  readonly UnseenError: typeof source.UnseenError;
}

/** The engine as it is in lib/. */
export const engine: Engine = {
  ...cluster,
  ...define,
  ...iam,
  ...kubernetesCluster,
  ...plan,
  ...removal,
  ...source,
  ...sync,
};
