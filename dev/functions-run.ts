import { SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import type { Aws } from './aws.ts';
import { startEventSourceMapping } from './event-source-mapping.ts';
import type { Guard } from './guardian.ts';
import type { LambdaFunction } from './lambda-environment.ts';
import { createFunction, type RunningFunction } from './lambda-function.ts';
import type { Invoked } from './lambda-process.ts';
import type { Deployed } from './serverless.ts';
import type { StackRoles } from './serverless-roles.ts';
import type { DeployedSchedule } from './serverless-template.ts';

/** The functions of a deployment, with the credentials of their roles. */
export interface DeployedFunctions {
  /** By the name that serverless.yml gives it: `worker`. */
  named(name: string): RunningFunction;
  /** As `named`, with another time-out or memory, say: a function beside the deployed one that nothing calls but you. */
  variant(name: string, change: Partial<LambdaFunction>): RunningFunction;
  roleOf(name: string): string;
  kill(): Promise<void>;
}

/** Makes the functions callable; no process is started yet. */
export function createFunctions(
  deployed: Deployed,
  settings: {
    readonly aws: Aws;
    readonly roles: StackRoles;
    readonly owner: Guard;
    readonly work: string;
    readonly onInvoked?: ((name: string, invoked: Invoked) => void) | undefined;
  },
): DeployedFunctions {
  const { aws, roles, owner, work, onInvoked } = settings;
  const running: RunningFunction[] = [];

  function create(definition: Deployed['functions'][number]): RunningFunction {
    const { name, role, region } = definition;
    const stream = `arn:aws:logs:${region}:${aws.home}:log-group:/aws/lambda/${name}:log-stream:1`;
    const created = createFunction(definition, {
      owner,
      work,
      endpoint: aws.endpoint,
      credentials: () => roles.session(role),
      // Lambda writes the logs in the function's role; without the permission there are none.
      keepsLogs: () => ['CreateLogStream', 'PutLogEvents'].every((one) => roles.allows(role, `logs:${one}`, stream)),
      onInvoked: (invoked) => onInvoked?.(name, invoked),
    });
    running.push(created);
    return created;
  }

  function definitionOf(name: string): Deployed['functions'][number] {
    const found = deployed.functions.find((one) => one.name === name || one.name.endsWith(`-${name}`));
    if (found !== undefined) return found;
    throw new Error(
      `no function ${name} was deployed; there are ${deployed.functions.map((one) => one.name).join(', ')}`,
    );
  }

  const functions = new Map(deployed.functions.map((definition) => [definition.name, create(definition)]));
  return {
    named: (name) => functions.get(definitionOf(name).name) ?? create(definitionOf(name)),
    variant: (name, change) => create({ ...definitionOf(name), ...change }),
    roleOf: (name) => definitionOf(name).role,
    async kill() {
      await Promise.all(running.map((one) => one.kill()));
    },
  };
}

/** Polls the queues of a deployment as the roles of their functions; the function that it gives ends it. */
export async function pollAll(
  deployed: Deployed,
  functions: DeployedFunctions,
  settings: {
    readonly aws: Aws;
    readonly roles: StackRoles;
    readonly onProblem: (problem: string) => void;
    readonly retryAfter?: number | undefined;
  },
): Promise<() => Promise<void>> {
  const { aws, roles, onProblem, retryAfter } = settings;
  const running = await Promise.all(
    deployed.mappings.map(async (mapping) => {
      const credentials = await roles.session(functions.roleOf(mapping.functionName));
      const sqs = new SQSClient({ endpoint: aws.endpoint, region: 'us-east-1', credentials });
      const polling = startEventSourceMapping(mapping, {
        sqs,
        invoke: functions.named(mapping.functionName).invoke,
        mend: withAccount(aws.home),
        onProblem: (problem) => onProblem(`polling ${mapping.queueArn}: ${problem}`),
        ...(retryAfter === undefined ? {} : { retry: { after: retryAfter, sqs: aws.sqs(aws.home, 'us-east-1') } }),
      });
      return { polling, sqs };
    }),
  );
  return async () => {
    await Promise.all(running.map(({ polling }) => polling.stop()));
    for (const { sqs } of running) sqs.destroy();
  };
}

/** Calls a function in the role of its schedule; where that is not allowed, puts the event aside in the same role. */
export async function callScheduled(
  target: RunningFunction,
  event: unknown,
  { role, deadLetters }: DeployedSchedule,
  { aws, roles }: { readonly aws: Aws; readonly roles: StackRoles },
): Promise<void> {
  const { arn } = target.definition;
  if (roles.allows(role, 'lambda:InvokeFunction', arn)) {
    await target.invoke(event);
    return;
  }
  const sqs = new SQSClient({ endpoint: aws.endpoint, region: 'us-east-1', credentials: await roles.session(role) });
  const QueueUrl = `${aws.endpoint}/${aws.home}/${deadLetters}`;
  try {
    await sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: JSON.stringify(event) }));
  } finally {
    sqs.destroy();
  }
  throw new Error(`${role} is not allowed lambda:InvokeFunction on ${arn}; the event is in ${deadLetters}`);
}

/** moto's events lack the account, which is always there (EventBridge User Guide, "AWS service event metadata"). */
function withAccount(account: string): (body: string) => string {
  return (body) => {
    if (!body.startsWith('{"id"')) return body;
    const event: unknown = JSON.parse(body);
    const lacksIt = typeof event === 'object' && event !== null && 'detail-type' in event && !('account' in event);
    return lacksIt ? JSON.stringify({ account, ...event }) : body;
  };
}
