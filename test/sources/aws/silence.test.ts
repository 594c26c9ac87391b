import { once } from 'node:events';
import { createServer, type Server, type ServerResponse } from 'node:http';
import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';
import { afterEach, expect, test } from 'vitest';
import { queueSettings } from '../../../lib/queue.ts';
import { requestHandler } from '../../../lib/sources/aws/credentials.ts';
import { explain } from '../../../lib/sources/aws/explain.ts';

let server: Server;
afterEach(() => {
  server.closeAllConnections();
  server.close();
});

/** The same settings, a hundred times as impatient. */
const impatient = (settings: Readonly<Record<string, number | boolean>>) =>
  Object.fromEntries(
    Object.entries(settings).map(([key, value]) => [key, typeof value === 'number' ? value / 100 : value]),
  );

const parts: [string, (response: ServerResponse) => unknown][] = [
  ['nothing', () => {}],
  ['only the head', (response) => response.writeHead(200, { 'content-length': 100 }).flushHeaders()],
  ['only the beginning of the body', (response) => response.writeHead(200, { 'content-length': 100 }).write('<Get')],
  ['only the beginning of an error', (response) => response.writeHead(503, { 'content-length': 100 }).write('<Err')],
];
const cases = parts.flatMap(([what, answer]) => [
  [what, 'sources', answer, requestHandler] as const,
  [what, 'functions', answer, queueSettings.requestHandler] as const,
]);

test.each(cases)(
  'an endpoint that answers with %s and then is silent holds up no call of %s for ever',
  async (_, __, answer, settings) => {
    server = createServer((request, response) => {
      request.resume().on('end', () => answer(response));
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const address = server.address();
    const client = new STSClient({
      endpoint: `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`,
      region: 'us-east-1',
      credentials: { accessKeyId: 'A', secretAccessKey: 's' },
      requestHandler: impatient(settings),
      maxAttempts: 1,
    });
    const error = await client.send(new GetCallerIdentityCommand({})).catch((thrown: unknown) => thrown);
    client.destroy();
    expect(explain(error)).toMatchObject({ reason: 'Unreachable', message: expect.stringContaining('TimeoutError') });
  },
);
