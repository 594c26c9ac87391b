import type { Source } from './source.ts';
import { rdsCluster } from './sources/aws/rds-cluster.ts';
import { rdsInstance } from './sources/aws/rds-instance.ts';
import { sqsQueue } from './sources/aws/sqs-queue.ts';

/** Every kind that can be mirrored. A new one is a line here and a file of its own. */
export const sources: readonly Source[] = [rdsInstance, rdsCluster, sqsQueue];
