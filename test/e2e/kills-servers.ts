import type { Kubernetes } from '../../dev/kubernetes.ts';
import type { Death } from './kills-plan.ts';

/** The servers of a cluster, which come back some time after each death. */
export interface MortalServers {
  strike(death: Death): Promise<void>;
  /** A request found nobody. */
  sentAway(): void;
  /** Starts what is still away; resolves when all is up. */
  up(): Promise<void>;
}

/** They all run at first. */
export function mortalServers(kubernetes: Kubernetes): MortalServers {
  let restart: Promise<void> | undefined;
  /** How many requests may still find nobody; undefined where nothing waits to be started. */
  let absence: number | undefined;

  function start(): void {
    absence = undefined;
    restart = kubernetes.restart();
  }

  return {
    async strike({ victim, absence: most }) {
      const killing = [];
      if (victim !== 'etcd') killing.push(kubernetes.kill());
      if (victim !== 'kube-apiserver') killing.push(kubernetes.killEtcd());
      await Promise.all(killing);
      absence = most;
      if (absence === 0) start();
    },
    sentAway() {
      if (absence === undefined) return;
      absence -= 1;
      if (absence <= 0) start();
    },
    async up() {
      if (absence !== undefined) start();
      await restart;
    },
  };
}
