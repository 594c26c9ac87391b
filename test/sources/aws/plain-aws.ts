import { once } from 'node:events';
import { createServer } from 'node:http';
import { devNull } from 'node:os';
import { text } from 'node:stream/consumers';
import { vi } from 'vitest';
import { type AwsProxy, startProxy } from '../../../dev/proxy.ts';

/** Whose account it is. */
export const scope = { account: '111122223333', region: 'us-east-1' };

/** The ARN of its database of that name. */
export const arnOf = (name: string) => `arn:aws:rds:${scope.region}:${scope.account}:db:${name}`;

const rows = ['a', 'b'].map(
  (name) =>
    `<DBInstance><DBInstanceArn>${arnOf(name)}</DBInstanceArn><Engine>postgres</Engine><DBInstanceStatus>available</DBInstanceStatus></DBInstance>`,
);
const answers: Readonly<Record<string, string>> = {
  GetCallerIdentity: `<Account>${scope.account}</Account>`,
  DescribeDBInstances: `<DBInstances>${rows.join('')}</DBInstances>`,
};

/** An AWS with two databases behind the fault proxy: it starts at once, and answers the same for ever. */
export async function startPlainAws(): Promise<Pick<AwsProxy, 'endpoint' | 'faults' | 'stop'> & { stub(): void }> {
  const server = createServer(async (request, response) => {
    const action = new URLSearchParams(await text(request)).get('Action') ?? '';
    const body = `<${action}Response><${action}Result>${answers[action]}</${action}Result></${action}Response>`;
    response.writeHead(200, { 'content-type': 'text/xml' }).end(body);
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const address = server.address();
  const proxy = await startProxy(`http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`);
  return {
    endpoint: proxy.endpoint,
    faults: proxy.faults,
    /** Points the SDK at it, and at nothing of this machine. */
    stub() {
      vi.stubEnv('AWS_ENDPOINT_URL', proxy.endpoint);
      vi.stubEnv('AWS_ACCESS_KEY_ID', 'PLAIN');
      vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'plain');
      vi.stubEnv('AWS_SESSION_TOKEN', '');
      vi.stubEnv('AWS_PROFILE', '');
      vi.stubEnv('AWS_CONFIG_FILE', devNull);
      vi.stubEnv('AWS_SHARED_CREDENTIALS_FILE', devNull);
    },
    async stop() {
      await proxy.stop();
      server.close();
      server.closeAllConnections();
    },
  };
}
