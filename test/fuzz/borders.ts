import type { Border } from './border.ts';
import { apiServerAnswers } from './borders/api-server-answers.ts';
import { awsAnswers } from './borders/aws-answers.ts';
import { backfillRequests } from './borders/backfill-requests.ts';
import { cloudEvents } from './borders/cloud-events.ts';
import { clusterEntrances } from './borders/cluster-entrances.ts';
import { configurations } from './borders/configuration.ts';
import { execPlugins } from './borders/exec-plugins.ts';
import { functionPayloads } from './borders/function-payloads.ts';
import { kubeconfigs } from './borders/kubeconfigs.ts';
import { namesAndTags } from './borders/names-and-tags.ts';
import { printed } from './borders/printed.ts';
import { queueMessages } from './borders/queue-messages.ts';
import { rememberedScans } from './borders/remembered.ts';

/** All borders, the slow ones first, so that in the long form they do not end alone. */
export const borders: readonly Border[] = [
  awsAnswers,
  configurations,
  clusterEntrances,
  apiServerAnswers,
  kubeconfigs,
  queueMessages,
  execPlugins,
  functionPayloads,
  backfillRequests,
  rememberedScans,
  cloudEvents,
  namesAndTags,
  printed,
];

/** The border of that name. Throws where there is none. */
export function borderNamed(name: string): Border {
  const found = borders.find((border) => border.name === name);
  if (found === undefined)
    throw new Error(`there is no border "${name}": ${borders.map((one) => one.name).join(', ')}`);
  return found;
}
